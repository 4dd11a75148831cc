package bridge

import (
	"context"
	"errors"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// change returns the operation that changes a port: edit makes the new port out
// of the old, or says why not; the device is told and asked first, for what set
// names; then software follows, and then goes on with done, which may be nil. A
// port that edit leaves as it is is a success without any work.
func (b *Bridge) change(name string, id switchdev.PortID, set switchdev.PortAttr, edit func(*Port) error, done func(o *op, p *port)) *op {
	o := b.newOp(name, id)
	o.then(func() {
		<-b.slot
		old := b.ports[id]
		b.unlock()
		if old == nil {
			o.refuse("", switchdev.ErrNoDevice)
			return
		}
		p := *old
		if err := edit(&p.Port); err != nil {
			o.fail(err)
			return
		}
		if p.Port == old.Port {
			return
		}
		if err := b.tellChange(o, old, &p, set); err != nil {
			o.fail(err)
			return
		}
		<-b.slot
		b.ports[id] = &p
		p.meters.shut.Store(!p.Up)
		b.publish()
		b.unlock()
		if done != nil {
			done(o, &p)
		}
	})
	return o
}

// tellChange tells the device what changes of it. Nothing in hardware has
// changed when it returns an error, unless that is ErrOutcomeUnknown.
func (b *Bridge) tellChange(o *op, old, p *port, set switchdev.PortAttr) error {
	d := p.device
	if d == nil || d.ports == nil {
		return nil
	}
	was, change := b.attributes(&old.Port), b.attributes(&p.Port)
	if was == change {
		return nil // software's own flags
	}
	change.Verb, change.Set = switchdev.PortSet, set
	err := d.tell(o.name, change)
	switch {
	case errors.Is(err, switchdev.ErrOutcomeUnknown):
		b.doubtPort(d, o.port, false)
	case errors.Is(err, errors.ErrUnsupported):
		return &switchdev.OpError{Op: o.name, Device: d.name, Object: "port " + o.port.String(),
			Reason: "bridge flag offload is not supported", Err: switchdev.ErrUnsupported}
	}
	return err
}

// SetPortUp takes a port up or down. A port that goes down is disabled, and
// loses its learned and its users' dynamic entries before SetPortUp returns; a
// port that comes up forwards. Errors, here and at the other verbs that change a
// port: ErrNoDevice if there is no such port; what the device says if it refuses;
// nothing has changed then. After ErrOutcomeUnknown the bridge is as before, and
// the device will be brought to that. A port whose device has taken it down is
// down; when a device then keeps a row of an entry that left, the error says so,
// and the row is withdrawn as soon as the device lets itself be told. Linux:
// br_stp_enable_port and br_stp_disable_port (net/bridge/br_stp_if.c).
func (b *Bridge) SetPortUp(ctx context.Context, id switchdev.PortID, up bool) error {
	return b.SubmitSetPortUp(id, up).Wait(ctx)
}

// SubmitSetPortUp is SetPortUp without the wait. It never blocks.
func (b *Bridge) SubmitSetPortUp(id switchdev.PortID, up bool) *Ticket {
	edit := func(p *Port) error {
		if p.Up != up {
			p.Up, p.State = up, switchdev.PortDisabled
			if up {
				p.State = switchdev.PortForwarding
			}
		}
		return nil
	}
	var flush func(*op, *port)
	if !up {
		flush = func(o *op, p *port) {
			o.drain(p.meters, func() {
				o.await([]*fdb.Ticket{b.table.SubmitFlush(fdb.OnPort(id))}, func(err error) { o.fail(err) })
			})
		}
	}
	return b.submit(b.change(opUp, id, switchdev.PortAttrState|switchdev.PortAttrUp, edit, flush))
}

// SetPortState sets the spanning tree state of a port. No entry leaves because
// of that. ErrInvalid for a state that does not exist, ErrNetDown for a port
// that is down. See [Bridge.SetPortUp] for the other errors. Linux:
// br_set_port_state (net/bridge/br_netlink.c).
func (b *Bridge) SetPortState(ctx context.Context, id switchdev.PortID, s switchdev.PortState) error {
	return b.SubmitSetPortState(id, s).Wait(ctx)
}

// SubmitSetPortState is SetPortState without the wait. It never blocks.
func (b *Bridge) SubmitSetPortState(id switchdev.PortID, s switchdev.PortState) *Ticket {
	object := "port " + id.String()
	if !s.Valid() {
		return b.refused(refusal(opState, object, "no such state", switchdev.ErrInvalid))
	}
	return b.submit(b.change(opState, id, switchdev.PortAttrState, func(p *Port) error {
		if !p.Up {
			return refusal(opState, object, "", switchdev.ErrNetDown)
		}
		p.State = s
		return nil
	}, nil))
}

// SetPortFlags gives the flags named in mask the values that they have in set.
// ErrInvalid if set names others, ErrUnsupported for flags that the bridge does
// not keep, and for those that the device forwards by and does not know. See
// [Bridge.SetPortUp] for the other errors. Linux: br_setport
// (net/bridge/br_netlink.c).
func (b *Bridge) SetPortFlags(ctx context.Context, id switchdev.PortID, set, mask switchdev.PortFlags) error {
	return b.SubmitSetPortFlags(id, set, mask).Wait(ctx)
}

// SubmitSetPortFlags is SetPortFlags without the wait. It never blocks.
func (b *Bridge) SubmitSetPortFlags(id switchdev.PortID, set, mask switchdev.PortFlags) *Ticket {
	object := "port " + id.String()
	if set&^mask != 0 {
		return b.refused(refusal(opFlags, object, "flags outside the mask", switchdev.ErrInvalid))
	}
	if err := checkFlags(opFlags, object, mask); err != nil {
		return b.refused(err)
	}
	return b.submit(b.change(opFlags, id, switchdev.PortAttrFlags, func(p *Port) error {
		p.Flags = p.Flags&^mask | set
		return nil
	}, nil))
}

// SetPortMAC changes a port's own address: the entry of the old one is deleted,
// or goes to another port or the bridge that has the same address, and the new
// one becomes an own address as at [Bridge.AddPort]. Setting the address that the
// port has brings an entry back that was deleted. ErrInvalid for what is no
// unicast address; see [Bridge.SetPortUp] for the other errors. Linux:
// br_fdb_changeaddr (net/bridge/br_fdb.c).
func (b *Bridge) SetPortMAC(ctx context.Context, id switchdev.PortID, mac switchdev.MAC) error {
	return b.SubmitSetPortMAC(id, mac).Wait(ctx)
}

// SubmitSetPortMAC is SetPortMAC without the wait. It never blocks.
func (b *Bridge) SubmitSetPortMAC(id switchdev.PortID, mac switchdev.MAC) *Ticket {
	if !mac.IsUnicast() {
		return b.refused(refusal(opMAC, "port "+id.String(), "not a unicast address", errAddress))
	}
	o := b.newOp(opMAC, id)
	o.then(func() {
		<-b.slot
		p := b.ports[id]
		if p == nil {
			b.unlock()
			o.refuse("", switchdev.ErrNoDevice)
			return
		}
		old := p.MAC
		tickets := b.readdress(p, mac)
		b.unlock()
		o.await(tickets, func(err error) {
			if err == nil {
				return
			}
			<-b.slot
			undo := b.readdress(b.ports[id], old)
			undo = append(undo, b.reclaim()...)
			b.unlock()
			o.takeBack(undo, err)
		})
	})
	return b.submit(o)
}

// readdress gives a port another address. The caller holds the slot.
func (b *Bridge) readdress(p *port, mac switchdev.MAC) []*fdb.Ticket {
	q := *p
	q.MAC = mac
	b.ports[p.ID] = &q
	tickets := b.rename(b.lowest(), func() (tickets []*fdb.Ticket) {
		if mac != p.MAC {
			tickets = b.release(p.MAC, p.ID, false)
		}
		return append(tickets, b.claim(mac, p.ID)...)
	})
	b.publish()
	return tickets
}

// SetMAC gives the bridge an address of its own, which it keeps whatever ports
// come and go. ErrInvalid, with the kernel's EADDRNOTAVAIL, for what is no
// unicast address; what a device says if it refuses one of the entries, and then
// nothing has changed. Linux: br_set_mac_address (net/bridge/br_device.c).
func (b *Bridge) SetMAC(ctx context.Context, mac switchdev.MAC) error {
	return b.SubmitSetMAC(mac).Wait(ctx)
}

// SubmitSetMAC is SetMAC without the wait. It never blocks.
func (b *Bridge) SubmitSetMAC(mac switchdev.MAC) *Ticket {
	if !mac.IsUnicast() {
		return b.refused(refusal(opMAC, b.cfg.Name, "not a unicast address", errAddress))
	}
	o := b.newOp(opMAC, switchdev.PortHost)
	o.then(func() {
		<-b.slot
		old, explicit := b.mac, b.explicit
		b.explicit = true
		tickets := b.rename(mac, nil)
		b.publish()
		b.unlock()
		o.await(tickets, func(err error) {
			if err == nil {
				return
			}
			<-b.slot
			if b.explicit = explicit; !explicit {
				old = b.lowest()
			}
			undo := append(b.rename(old, nil), b.reclaim()...)
			b.publish()
			b.unlock()
			o.takeBack(undo, err)
		})
	})
	return b.submit(o)
}
