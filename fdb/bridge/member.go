package bridge

import (
	"context"
	"errors"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// AddPort makes a port a member of the bridge. When it returns nil the port's
// device has accepted it and holds the entries that are there for the port, the
// port's address is one of the bridge's own, and frames pass.
//
// An error means that nothing has changed: ErrInvalid for a bad configuration,
// ErrUnsupported for a flag that the bridge does not keep, ErrNoDevice for a
// driver that is none of Config.Hardware, ErrBusy for a number and ErrExist for
// a name that is in use, and what the device said if it refused the port, one of
// its rows or, with the device's first port, the ageing time. After ErrOutcomeUnknown the port is no member either, and its
// device will be brought to that. A device that answers ErrUnsupported keeps the
// port in software. Linux: br_add_if (net/bridge/br_if.c).
func (b *Bridge) AddPort(ctx context.Context, c PortConfig) error {
	return b.SubmitAddPort(c).Wait(ctx)
}

// SubmitAddPort is AddPort without the wait. It never blocks.
func (b *Bridge) SubmitAddPort(c PortConfig) *Ticket {
	if err := c.settle(); err != nil {
		return b.refused(err)
	}
	d, ok := b.device(c.Driver)
	if !ok {
		return b.refused(refusal(opAdd, "port "+c.ID.String(), "the driver is none of the bridge's", switchdev.ErrNoDevice))
	}
	o := &joining{op: b.newOp(opAdd, c.ID), driver: d, p: &port{
		Port:    Port{ID: c.ID, Name: c.Name, MAC: c.MAC, Flags: c.Flags, State: c.State, Up: !c.Down, GroupForward: c.GroupForward},
		forward: b.cfg.LinkLocal.Forward | c.GroupForward,
		meters:  b.newMeters(),
	}}
	o.p.meters.shut.Store(c.Down)
	o.then(o.reserve)
	return b.submit(o.op)
}

// joining is an AddPort under way.
type joining struct {
	*op
	p      *port
	driver *device // whose rows the port has part in; nil: none
	resets uint64  // of the device, before it heard of the port
}

// reserve takes the number and the name.
func (o *joining) reserve() {
	b := o.b
	<-b.slot
	_, exists := b.ports[o.port]
	_, named := b.names[o.p.Name]
	if !exists && !named {
		b.names[o.p.Name] = o.port
	}
	b.unlock()
	switch {
	case exists:
		o.refuse("the number is in use", switchdev.ErrBusy)
	case named:
		o.refuse("the name is in use", switchdev.ErrExist)
	default:
		o.then(o.joinDevice)
	}
}

// joinDevice makes the port a member in hardware.
func (o *joining) joinDevice() {
	d := o.driver
	if d == nil {
		o.then(o.claimAddress)
		return
	}
	o.p.device, o.p.Device = d, d.name
	o.resets = d.resets.Load()
	err := d.hold(o.name)
	if err == nil && d.ports != nil {
		change := o.b.attributes(&o.p.Port)
		change.Verb = switchdev.PortJoin
		err = d.tell(o.name, change)
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			o.driver, o.p.device, o.p.Device = nil, nil, ""
			o.then(o.claimAddress)
			return
		case errors.Is(err, switchdev.ErrOutcomeUnknown):
			o.b.doubtPort(d, o.port, false)
		case err == nil:
			o.b.certain(d, o.port)
		}
	}
	if err != nil {
		o.b.forget(o.p.Name)
		o.fail(err)
		return
	}
	o.await([]*fdb.Ticket{o.b.table.SubmitJoin(d.Driver, o.port)}, func(err error) {
		if err == nil {
			err = d.hold(o.name) // the device may have lost its last other port meanwhile
		}
		if err != nil {
			o.undo(err)
			return
		}
		o.then(o.claimAddress)
	})
}

// claimAddress makes the port's address one of the bridge's own.
func (o *joining) claimAddress() {
	b := o.b
	<-b.slot
	tickets := b.claim(o.p.MAC, o.port)
	b.unlock()
	o.await(tickets, func(err error) {
		if err != nil {
			o.undo(err)
			return
		}
		o.then(o.open)
	})
}

// open lets frames through. The address is claimed once more: who had it may
// have left meanwhile.
func (o *joining) open() {
	b := o.b
	<-b.slot
	b.ports[o.port] = o.p
	tickets := b.rename(b.lowest(), func() []*fdb.Ticket { return b.claim(o.p.MAC, o.port) })
	b.publish()
	b.unlock()
	if d := o.driver; d != nil && d.resets.Load() != o.resets { // its report did not find the port yet
		b.doubtPort(d, o.port, true)
	}
	o.await(tickets, func(err error) {
		if err != nil {
			b.cfg.Logger.Warn("bridge: own address not brought up to date", "bridge", b.cfg.Name, "err", err)
		}
	})
}

// forget makes the name of a port free again.
func (b *Bridge) forget(name string) {
	<-b.slot
	delete(b.names, name)
	b.unlock()
}

// undo takes back what was done, and ends with err.
func (o *joining) undo(err error) {
	b := o.b
	<-b.slot
	tickets := b.release(o.p.MAC, o.port, false)
	tickets = append(tickets, b.reclaim()...)
	b.unlock()
	if d := o.driver; d != nil {
		tickets = append(tickets, b.table.SubmitLeave(d.Driver, o.port))
	}
	o.await(tickets, func(failed error) {
		errs := []error{err}
		if failed != nil && !errors.Is(failed, switchdev.ErrNotExist) {
			errs = append(errs, switchdev.ErrOutcomeUnknown, failed)
		}
		if failed := b.leaveDevice(o.op, o.driver); failed != nil {
			errs = append(errs, switchdev.ErrOutcomeUnknown, failed)
		}
		o.b.forget(o.p.Name)
		o.fail(errors.Join(errs...))
	})
}

// leaveDevice ends the port's membership in hardware. What the device does not
// do now it is asked for again.
func (b *Bridge) leaveDevice(o *op, d *device) error {
	if d == nil || d.ports == nil {
		return nil
	}
	err := d.tell(o.name, switchdev.PortOp{Verb: switchdev.PortLeave, Port: o.port})
	if hasLeft(err) {
		b.certain(d, o.port)
		return nil
	}
	b.doubtPort(d, o.port, false)
	return err
}

// RemovePort ends a port's membership. When it returns no frame passes by the
// port, no entry is on it and none can come any more, its address is no own one
// but where another port or the bridge has it too, and no row, attribute or
// membership of it is left in its device. The number may be used again.
//
// ErrNoDevice if there is no such port. A removal cannot be refused: after any
// other error the bridge is without the port nevertheless, and the device named
// in the error, which has not given up something, will be asked again. Linux:
// br_del_if, del_nbp (net/bridge/br_if.c).
func (b *Bridge) RemovePort(ctx context.Context, id switchdev.PortID) error {
	return b.SubmitRemovePort(id).Wait(ctx)
}

// SubmitRemovePort is RemovePort without the wait. It never blocks.
func (b *Bridge) SubmitRemovePort(id switchdev.PortID) *Ticket { return b.submit(b.removal(id)) }

// leaving is a RemovePort under way.
type leaving struct {
	*op
	p    *port
	errs []error
	rows *fdb.Ticket // of the withdrawal of the rows; nil without a device
}

func (b *Bridge) removal(id switchdev.PortID) *op {
	o := &leaving{op: b.newOp(opRemove, id)}
	o.then(o.shut)
	return o.op
}

// shut takes the port out of the data path and waits for the frames that are
// still in it, so that none of them is learned after the flush.
func (o *leaving) shut() {
	b := o.b
	<-b.slot
	o.p = b.ports[o.port]
	if o.p != nil {
		delete(b.ports, o.port)
		o.p.meters.shut.Store(true)
		b.publish()
	}
	b.unlock()
	if o.p == nil {
		o.refuse("", switchdev.ErrNoDevice)
		return
	}
	o.drain(o.p.meters, o.bequeath)
}

// bequeath gives the port's address to who else has it, before anybody could
// find it missing.
func (o *leaving) bequeath() {
	b := o.b
	<-b.slot
	tickets := b.rename(b.lowest(), func() []*fdb.Ticket { return b.release(o.p.MAC, o.port, true) })
	b.publish()
	b.unlock()
	o.await(tickets, o.clear)
}

// clear removes the entries of the port, whatever they are, and withdraws its
// rows.
func (o *leaving) clear(err error) {
	o.errs = append(o.errs, err)
	b := o.b
	flush := b.table.SubmitFlush(fdb.Filter{Port: o.port, OnPort: true})
	tickets := []*fdb.Ticket{flush}
	if o.p.device != nil {
		o.rows = b.table.SubmitLeave(o.p.device.Driver, o.port)
		tickets = append(tickets, o.rows)
	}
	o.await(tickets, func(error) { o.clearAgain(flush.Err()) })
}

// clearAgain flushes what the device reported between flush and leave, and gives
// addresses that left with a user's entry back to who has them.
func (o *leaving) clearAgain(err error) {
	o.errs = append(o.errs, err)
	b := o.b
	<-b.slot
	tickets := b.reclaim()
	b.unlock()
	if o.p.device != nil {
		tickets = append(tickets, b.table.SubmitFlush(fdb.Filter{Port: o.port, OnPort: true}))
	}
	o.await(tickets, func(err error) {
		left := b.leaveDevice(o.op, o.p.device)
		o.errs = append(o.errs, err, left)
		if d := o.p.device; d != nil && (left != nil || d.ports == nil) {
			o.errs = append(o.errs, o.rows.Err())
		} // a port that has left its device has left no row there
		o.b.forget(o.p.Name)
		o.fail(errors.Join(o.errs...))
	})
}
