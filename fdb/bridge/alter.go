package bridge

import (
	"context"
	"errors"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// alter returns the operation that changes a port: edit makes the new port out
// of the old, or says why not; the device is told and asked first, for what set
// names; then software follows, and then goes on with done, which may be nil. A
// port that edit leaves as it is is a success without any work.
//
// What the spanning tree wants is done in software first, and whatever devices
// say: a loop does not wait for slow hardware, which is brought to it.
func (b *Bridge) alter(name string, id switchdev.PortID, set switchdev.PortAttr, edit func(*Port) error, done func(o *op, p *port)) *op {
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
		if name == opTree {
			b.replace(&p)
		}
		if err := b.tellChange(o, old, &p, set); err != nil {
			if name == opTree {
				b.doubtPort(p.device, id, false)
			}
			o.fail(err)
			return
		}
		b.replace(&p)
		if p.running() != old.running() {
			b.tree.enable(id, p.running() && b.view.Load().up)
		}
		if done != nil {
			done(o, &p)
		}
	})
	return o
}

// replace gives the data path another port in place of the one with the number.
func (b *Bridge) replace(p *port) {
	<-b.slot
	defer b.unlock()
	if p.Backup != 0 && b.ports[p.Backup] == nil { // it has left meanwhile
		q := *p
		q.Backup = 0
		p = &q
	}
	b.ports[p.ID] = p
	b.publish()
	b.admit(p)
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
	err := d.tell(o.name, change, p.gen)
	switch {
	case errors.Is(err, switchdev.ErrOutcomeUnknown):
		b.doubtPort(d, o.port, false)
	case errors.Is(err, errors.ErrUnsupported):
		return &switchdev.OpError{Op: o.name, Device: d.name, Object: "port " + o.port.String(),
			Reason: "bridge flag offload is not supported", Err: switchdev.ErrUnsupported}
	}
	return err
}

// SetPortFlags gives the flags named in mask the values that they have in set.
// With PortMAB the port has to be locked and to learn; without it again the locked
// entries of the port leave. ErrInvalid if set names others, or for PortMAB without
// the other two, ErrUnsupported for flags that the bridge does
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
	if mask&^keptFlags != 0 {
		return b.refused(refusal(opFlags, object, "port flag is not supported", switchdev.ErrUnsupported))
	}
	authenticated := false
	return b.submit(b.alter(opFlags, id, switchdev.PortAttrFlags, func(p *Port) error {
		authenticated = p.Flags&switchdev.PortMAB != 0
		p.Flags = p.Flags&^mask | set
		return checkFlags(opFlags, object, p.Flags)
	}, func(o *op, p *port) {
		if !authenticated || p.Flags&switchdev.PortMAB != 0 {
			return
		}
		locked := fdb.Filter{Port: id, OnPort: true, Mask: fdb.Locked, Flags: fdb.Locked}
		o.await([]waiter{b.table.SubmitFlush(locked)}, o.fail)
	}))
}

// SetPortMAC changes a port's own address: the entry of the old one is deleted,
// or goes to another port or the bridge that has the same address, and the new
// one becomes an own address as at [Bridge.AddPort]. Setting the address that the
// port has brings an entry back that was deleted; see also [QuirkSameMACReadds].
// ErrInvalid for what is no unicast address; see [Bridge.SetPortUp] for the other
// errors. Linux: br_fdb_changeaddr (net/bridge/br_fdb.c).
func (b *Bridge) SetPortMAC(ctx context.Context, id switchdev.PortID, mac switchdev.MAC) error {
	return b.SubmitSetPortMAC(id, mac).Wait(ctx)
}

// SubmitSetPortMAC is SetPortMAC without the wait. It never blocks.
func (b *Bridge) SubmitSetPortMAC(id switchdev.PortID, mac switchdev.MAC) *Ticket {
	if !mac.IsUnicast() {
		return b.refused(refusal(opMAC, "port "+id.String(), "not a unicast address", errAddress))
	}
	o := b.newOp(opMAC, id)
	set := func() {
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
	}
	o.then(set)
	if b.has(QuirkSameMACReadds) {
		o.then(func() { o.await(b.readds(id, mac), func(error) { o.then(set) }) })
	}
	return b.submit(o)
}

// readds ends a port's claims to the address that it is about to be given, if it has
// it. What is not deleted then it claims again all the same.
func (b *Bridge) readds(id switchdev.PortID, mac switchdev.MAC) []waiter {
	<-b.slot
	defer b.unlock()
	if p := b.ports[id]; p != nil && p.MAC == mac {
		return b.releaseAll(mac, id, p.vlans, false)
	}
	return nil
}

// readdress gives a port another address. The caller holds the slot.
func (b *Bridge) readdress(p *port, mac switchdev.MAC) []waiter {
	q := *p
	q.MAC = mac
	b.ports[p.ID] = &q
	tickets := b.rename(b.lowest(), func() (tickets []waiter) {
		if mac != p.MAC {
			tickets = b.releaseAll(p.MAC, p.ID, p.vlans, false)
		}
		return append(tickets, b.claimAll(mac, p.ID, p.vlans)...)
	})
	b.publish()
	b.tree.weigh(&q)
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
		old, explicit := b.setting.mac, b.explicit
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
