package bridge

import (
	"context"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// SetPortUp takes a port up or down. A port that goes down is disabled, and
// loses its learned and its users' dynamic entries before SetPortUp returns, unless
// it has a backup port; a port that comes up and has carrier forwards, or begins as
// the spanning tree wants. Errors, here and at the other verbs that change a
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
	return b.submit(b.runs(opUp, id, switchdev.PortAttrState|switchdev.PortAttrUp, b.isUp, func(p *Port) { p.Up = up }))
}

// SetCarrier tells that the link of a port has come, or is lost: whoever hears of it
// from the device or the operating system calls it. It is to a port that is up what
// [Bridge.SetPortUp] is. A port with links has carrier while one of them is up, and
// a carrier of its own besides. Linux: br_port_carrier_check (net/bridge/br_if.c).
func (b *Bridge) SetCarrier(ctx context.Context, id switchdev.PortID, on bool) error {
	return b.SubmitSetCarrier(id, on).Wait(ctx)
}

// SubmitSetCarrier is SetCarrier without the wait. It never blocks.
func (b *Bridge) SubmitSetCarrier(id switchdev.PortID, on bool) *Ticket {
	return b.submit(b.runs(opCarrier, id, switchdev.PortAttrState, b.isUp, func(p *Port) { p.Carrier = on }))
}

// SetUp takes the bridge itself up or down, as "ip link set br0 down" does: every
// port is disabled then as if it had lost its carrier, the host sends nothing, and all
// that it gets are link-local frames. See [Bridge.SetPortUp] for the errors; those of several ports are joined,
// and a port whose device refused stays as it was. Linux: br_dev_open, br_dev_stop
// (net/bridge/br_device.c).
func (b *Bridge) SetUp(ctx context.Context, up bool) error { return b.SubmitSetUp(up).Wait(ctx) }

// SubmitSetUp is SetUp without the wait. It never blocks.
func (b *Bridge) SubmitSetUp(up bool) *Ticket {
	o := b.newOp(opUp, switchdev.PortHost)
	o.then(func() {
		was := b.view.Load().up
		if was && up {
			return
		} // a port that did not go down with the bridge is asked again
		b.set(func(s *setting) { s.up = up })
		if up && b.cfg.Table.Quirks.Has(fdb.QuirkTCKeepsGCTimer) {
			b.resweep()
		}
		v := b.view.Load()
		for _, p := range v.ports {
			b.tree.enable(p.ID, up && p.running())
		}
		b.tree.power(up)
		o.eachPort(v, func(id switchdev.PortID) *op {
			return b.runs(opUp, id, switchdev.PortAttrState, func() bool { return was }, func(*Port) {})
		}, func() *op { return nil })
	})
	return b.submit(o)
}

// resweep begins the sweep's timer anew, which Linux starts with the bridge:
// br_stp_enable_bridge (net/bridge/br_stp_if.c).
func (b *Bridge) resweep() { _ = b.table.SetAgeing(b.table.Ageing()) }

// runs returns the operation after which a port runs or does not. Its state follows,
// and what it had learned leaves when it runs no more: when it is taken down, and else
// unless it was disabled before (br_port_carrier_check in net/bridge/br_if.c,
// br_stp_disable_bridge). before tells whether the bridge was up.
func (b *Bridge) runs(name string, id switchdev.PortID, set switchdev.PortAttr, before func() bool, edit func(*Port)) *op {
	spared := false
	edited := func(p *Port) error {
		ran, disabled, up := p.Up && p.Carrier && before(), p.State == switchdev.PortDisabled, p.Up
		edit(p)
		spared = disabled && (p.Up == up || !b.isUp())
		asked := before() && (p.Up || up) || p.Up && p.Carrier && b.isUp()
		if b.has(QuirkStateWhileDown) && !asked { // nobody looks at the port
			spared = true
			return nil
		}
		switch runs := p.Up && p.Carrier && b.isUp(); {
		case !runs:
			p.State = switchdev.PortDisabled
		case !ran && !(before() && !disabled && b.keepsState()):
			p.State = b.initial(id)
		}
		return nil
	}
	return b.alter(name, id, set, edited, func(o *op, p *port) {
		if p.State == switchdev.PortDisabled && !p.running() {
			b.tree.enable(id, false)
		}
		if p.State != switchdev.PortDisabled || p.Backup != 0 || spared {
			return
		}
		o.await([]waiter{b.table.SubmitFlush(fdb.OnPort(id))}, o.fail)
	})
}

func (b *Bridge) isUp() bool { return b.view.Load().up }

// keepsState reports whether a state that was set while the bridge was down stays what it
// is to the machine, also when the port comes up after the bridge.
func (b *Bridge) keepsState() bool { return b.has(QuirkStateSelection | QuirkStateWhileDown) }

// initial returns the state of a port that comes up.
func (b *Bridge) initial(id switchdev.PortID) switchdev.PortState {
	switch b.view.Load().stp {
	case STPOff:
		return switchdev.PortForwarding
	case STPKernel:
		if s, ok := b.tree.state(id); ok && s != switchdev.PortDisabled {
			return s
		}
	}
	return switchdev.PortBlocking
}

// SetPortState sets the spanning tree state of a port. No entry leaves because
// of that. ErrInvalid for a state that does not exist, ErrBusy while the bridge runs
// the tree itself, ErrNetDown for a port that is down, or has no carrier, or whose
// bridge is down, and is to be other than disabled. See [Bridge.SetPortUp] for the other errors. Linux:
// br_set_port_state (net/bridge/br_netlink.c); see [QuirkStateSelection] and [QuirkStateWhileDown].
func (b *Bridge) SetPortState(ctx context.Context, id switchdev.PortID, s switchdev.PortState) error {
	return b.SubmitSetPortState(id, s).Wait(ctx)
}

// SubmitSetPortState is SetPortState without the wait. It never blocks.
func (b *Bridge) SubmitSetPortState(id switchdev.PortID, s switchdev.PortState) *Ticket {
	object := "port " + id.String()
	if !s.Valid() {
		return b.refused(refusal(opState, object, "no such state", switchdev.ErrInvalid))
	}
	same := false
	change := b.alter(opState, id, switchdev.PortAttrState, func(p *Port) error {
		switch {
		case b.view.Load().stp == STPKernel:
			return refusal(opState, object, "", switchdev.ErrBusy)
		case !p.Up, s != switchdev.PortDisabled && !(p.Carrier && (b.isUp() || b.has(QuirkStateWhileDown))):
			return refusal(opState, object, "", switchdev.ErrNetDown)
		}
		same = p.State == s
		p.State = s
		return nil
	}, nil)
	o := b.newOp(opState, id)
	o.first(change, func() {
		if change.err != nil || same && !b.goesOn() {
			o.fail(change.err)
			return
		}
		got, ok := b.tree.set(id, s)
		if b.goesOn() && (ok && got != s || !ok && s == switchdev.PortBlocking) {
			o.also(b.follow(id), nil) // devices hear of both states
		}
	})
	return b.submit(o)
}

// SetBackupPort names the port that gets what is for known stations of a port while
// that is down or without carrier; 0 for none. What the port has learned stays then.
// ErrInvalid for the port itself, ErrNotExist if there is no such port to be the
// backup; see [Bridge.SetPortUp] for the other errors. A backup that leaves the
// bridge is none any more. Linux: nbp_backup_change (net/bridge/br_if.c).
func (b *Bridge) SetBackupPort(ctx context.Context, id, backup switchdev.PortID) error {
	return b.SubmitSetBackupPort(id, backup).Wait(ctx)
}

// SubmitSetBackupPort is SetBackupPort without the wait. It never blocks.
func (b *Bridge) SubmitSetBackupPort(id, backup switchdev.PortID) *Ticket {
	object := "port " + id.String()
	return b.submit(b.alter(opBackup, id, 0, func(p *Port) error {
		v := b.view.Load()
		switch {
		case backup == id:
			return refusal(opBackup, object, "a port is no backup of itself", switchdev.ErrInvalid)
		case backup != 0 && v.membership(backup) == nil:
			return refusal(opBackup, object, "the backup is no port of the bridge", switchdev.ErrNotExist)
		}
		p.Backup = backup
		return nil
	}, nil))
}
