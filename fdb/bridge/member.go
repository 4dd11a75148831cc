package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
		Port: Port{
			ID: c.ID, Name: c.Name, MAC: c.MAC, Flags: c.Flags, State: c.State, Up: !c.Down, Carrier: !c.NoCarrier,
			Backup: c.Backup, GroupForward: c.GroupForward, Tree: c.Tree,
		},
		links: slices.Clone(c.Links), active: usable(c.Links),
		meters: new(meters), gen: switchdev.Generation(b.gens.Add(1)),
	}}
	if len(c.Links) > 0 && len(o.p.active) == 0 {
		o.p.Carrier = false
	}
	o.then(o.reserve)
	return b.submit(o.op)
}

// joining is an AddPort under way.
type joining struct {
	*op
	p      *port
	driver *device // whose rows the port has part in; nil: none
	resets uint64  // of the device, before it heard of the port
	began  setting // of the bridge, when it was worked out what the port begins with
}

// reserve takes the numbers and the name.
func (o *joining) reserve() {
	b, p := o.b, o.p
	<-b.slot
	_, exists := b.ports[o.port]
	_, taken := b.numbers[o.port]
	_, named := b.names[p.Name]
	var err error
	switch {
	case exists, taken:
		err = refusal(o.name, "port "+o.port.String(), "the number is in use", switchdev.ErrBusy)
	case named:
		err = refusal(o.name, "port "+o.port.String(), "the name is in use", switchdev.ErrExist)
	case p.Backup != 0 && b.ports[p.Backup] == nil:
		err = refusal(o.name, "port "+o.port.String(), "the backup is no port of the bridge", switchdev.ErrNotExist)
	default:
		err = b.reserve(o.name, o.port, p.links)
	}
	if err == nil {
		b.names[p.Name] = o.port
		b.numbers[o.port] = o.port
		o.begin()
	}
	b.unlock()
	if err != nil {
		o.fail(err)
		return
	}
	for _, d := range b.devices {
		if d.lives.pulled(o.port) {
			b.table.AddPort(o.port) // the number is another port's now
		}
	}
	p.device = o.driver
	b.arrive(o.port, p)
	if err := b.spread(o.name, o.p.device); err != nil {
		o.quit(err)
		return
	}
	o.then(o.joinDevice)
}

// quit ends with err before the port was anything.
func (o *joining) quit(err error) {
	b := o.b
	b.arrive(o.port, nil)
	if failed := b.spread(o.name, o.p.device); failed != nil {
		err = errors.Join(err, switchdev.ErrOutcomeUnknown, failed)
	}
	b.forget(o.p)
	o.fail(err)
}

// begin works out what the port begins with. The caller holds the slot.
func (o *joining) begin() {
	p, s := o.p, &o.b.setting
	o.began = *s
	o.b.joins++
	p.joined = o.b.joins
	p.vlans = first(s.pvid)
	p.meters.slot = o.b.tallies.slot(p.meters)
	if !p.running() || !s.up {
		p.State = switchdev.PortDisabled
	} else if s.stp == STPKernel || p.State == switchdev.PortDisabled && s.stp != STPOff {
		p.State = switchdev.PortBlocking
	} else if p.State == switchdev.PortDisabled {
		p.State = switchdev.PortForwarding
	}
}

// joinDevice makes the port a member in hardware.
func (o *joining) joinDevice() {
	d := o.driver
	if d == nil {
		o.then(o.claimAddress)
		return
	}
	b := o.b
	o.p.Device = d.name
	o.resets = d.resets.Load()
	d.lives.begin(o.port, o.p.gen)
	entered, err := b.enter(o.name, d, o.p)
	switch {
	case err == nil:
		b.certain(d, o.port)
	case errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, errRefused):
		p := *o.p
		o.driver, p.device, p.Device = nil, nil, ""
		o.p = &p
		d.lives.begin(o.port, 0)
		b.arrive(o.port, o.p)
		if err := b.spread(o.name, o.p.device); err != nil {
			o.quit(err)
			return
		}
		o.then(o.claimAddress)
		return
	default:
		if !entered {
			d.lives.begin(o.port, 0)
			if failed := d.unhold(o.name); failed != nil {
				b.doubtPort(d, o.port, false)
				err = errors.Join(err, switchdev.ErrOutcomeUnknown, failed)
			}
		} else if failed := b.leaveDevice(o.op, d, o.p); failed != nil {
			err = errors.Join(err, switchdev.ErrOutcomeUnknown, failed)
		}
		o.quit(err)
		return
	}
	o.await([]waiter{b.table.SubmitJoin(d.table, o.port)}, func(err error) {
		if err == nil {
			err = d.hold(o.name) // what another port's leaving has undone
		}
		if err != nil {
			o.undo(err)
			return
		}
		o.then(o.claimAddress)
	})
}

// errRefused marks a device that says ErrUnsupported of what the bridge cannot leave
// to software.
var errRefused = errors.New("the port cannot join without it")

// enter makes a device hold a port: what it is to know of the bridge, the group of
// the port's links, the membership, and the VLANs, in this order. When that fails it
// reports whether there may be something to take back.
func (b *Bridge) enter(name string, d *device, p *port) (entered bool, err error) {
	d.joins.Add(1)
	defer d.joins.Add(-1)
	if err := d.hold(name); err != nil {
		return false, fmt.Errorf("%w: %w", errRefused, err)
	}
	if d.ports == nil {
		return false, nil
	}
	unknown := func(err error) bool { return errors.Is(err, switchdev.ErrOutcomeUnknown) }
	if len(p.links) > 0 {
		if err := d.tellLAG(name, p.ID, p.links); err != nil {
			return unknown(err), err
		}
		entered = true
	}
	change := b.attributes(&p.Port)
	change.Verb = switchdev.PortJoin
	if err := d.tell(name, change, p.gen); err != nil {
		return entered || unknown(err), err
	}
	if _, err := d.tellVLANs(name, p.ID, p.vlans); err != nil {
		return true, fmt.Errorf("%w: %w", errRefused, err)
	}
	if err := d.hold(name); err != nil { // what another port's leaving has undone
		return true, fmt.Errorf("%w: %w", errRefused, err)
	}
	return true, nil
}

// exit takes a port out of a device.
func (b *Bridge) exit(name string, d *device, id switchdev.PortID) error {
	if d.ports == nil {
		return nil
	}
	err := d.tell(name, switchdev.PortOp{Verb: switchdev.PortLeave, Port: id}, 0)
	if !hasLeft(err) {
		return err
	}
	if err := d.endLAG(name, id); err != nil {
		return err
	}
	return d.abandon(name)
}

// claimAddress makes the port's address one of the bridge's own.
func (o *joining) claimAddress() {
	b := o.b
	<-b.slot
	tickets := b.claimAll(o.p.MAC, o.port, o.p.vlans)
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
	if o.p.Backup != 0 && b.ports[o.p.Backup] == nil { // it has left meanwhile
		o.p.Backup = 0
	}
	b.ports[o.port] = o.p
	b.admit(o.p)
	tickets := b.rename(b.lowest(), func() []waiter { return b.claimAll(o.p.MAC, o.port, o.p.vlans) })
	b.publish()
	released, late := o.catchUp()
	tickets = append(tickets, released...)
	up := b.setting.up
	b.unlock()
	b.arrive(o.port, nil)
	b.tree.join(o.p)
	b.tree.enable(o.port, up && o.p.running())
	if b.goesOn() && o.p.State != switchdev.PortDisabled {
		b.tree.from(o.port, o.p.State)
	}
	if d := o.driver; d != nil && d.resets.Load() != o.resets { // its report did not find the port yet
		b.doubtPort(d, o.port, true)
	}
	o.await(tickets, func(err error) {
		if err != nil {
			b.cfg.Logger.Warn("bridge: own address not brought up to date", "bridge", b.cfg.Name, "err", err)
			b.noteAstray()
		}
		o.goThrough(late)
	})
}

// goThrough carries out operations on the port before it has joined for whoever waits.
func (o *joining) goThrough(ops []*op) {
	if len(ops) == 0 {
		return
	}
	o.first(ops[0], func() {
		if err := ops[0].err; err != nil {
			o.b.cfg.Logger.Warn("bridge: port not brought up to date", "bridge", o.b.cfg.Name, "port", o.port, "err", err)
		}
		o.goThrough(ops[1:])
	})
}

// catchUp does to the port what verbs on the bridge have done to every other since it
// began to join: what it returns has to be waited for, and carried out. The caller holds the
// slot.
func (o *joining) catchUp() (tickets []waiter, late []*op) {
	b, id, was, now := o.b, o.port, &o.began, &o.b.setting
	if now.local0 && !was.local0 {
		for v := range o.p.vlans.member.All() {
			tickets = append(tickets, b.release(fdb.Key{MAC: o.p.MAC, VLAN: v}, id, false)...)
		}
	}
	if was.pvid != now.pvid {
		old, v := was.pvid, now.pvid
		late = append(late, b.setVLANs(opDefaultPVID, id, func(m *membership) (*membership, error) { return m.renumbered(old, v), nil }))
	}
	if was.up != now.up {
		up := was.up
		late = append(late, b.runs(opUp, id, switchdev.PortAttrState, func() bool { return up }, func(*Port) {}))
	}
	if was.stp != now.stp {
		late = append(late, b.follow(id))
	}
	return tickets, late
}

// forget makes the name and the numbers of a port free again.
func (b *Bridge) forget(p *port) {
	b.free(p.links, nil)
	<-b.slot
	delete(b.names, p.Name)
	delete(b.numbers, p.ID)
	b.unlock()
}

// undo takes back what was done, and ends with err.
func (o *joining) undo(err error) {
	b := o.b
	<-b.slot
	tickets := b.release(fdb.Key{MAC: o.p.MAC}, o.port, false)
	for v := range o.p.vlans.member.All() { // wherever own addresses are by now
		tickets = append(tickets, b.release(fdb.Key{MAC: o.p.MAC, VLAN: v}, o.port, false)...)
	}
	tickets = append(tickets, b.reclaim()...)
	b.unlock()
	if d := o.driver; d != nil {
		d.lives.begin(o.port, 0) // what it has learned meanwhile leaves, and nothing comes after
		tickets = append(tickets, b.table.SubmitLeave(d.table, o.port), b.table.SubmitFlush(fdb.Filter{Port: o.port, OnPort: true}))
	}
	o.await(tickets, func(failed error) {
		if errors.Is(failed, switchdev.ErrNotExist) {
			failed = nil
		}
		errs := []error{b.failedToo(err, failed)}
		if failed != nil && o.driver != nil {
			b.doubtPort(o.driver, o.port, false)
		}
		if failed := b.leaveDevice(o.op, o.driver, o.p); failed != nil {
			errs = append(errs, switchdev.ErrOutcomeUnknown, failed)
		}
		o.quit(errors.Join(errs...))
	})
}

// leaveDevice ends the port's membership in hardware, and its life there. What the
// device does not do now it is asked for again.
func (b *Bridge) leaveDevice(o *op, d *device, p *port) error {
	if d == nil {
		return nil
	}
	d.lives.begin(p.ID, 0)
	err := b.exit(o.name, d, p.ID)
	if err == nil {
		b.certain(d, p.ID)
		return nil
	}
	b.doubtPort(d, p.ID, false)
	return err
}
