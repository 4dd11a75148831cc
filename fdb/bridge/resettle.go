package bridge

import (
	"errors"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// setVLANs returns the operation that changes the VLANs of a port or of the bridge
// itself. What is new goes to the device first, then to software, then come the own
// addresses; what goes leaves the other way about.
func (b *Bridge) setVLANs(name string, id switchdev.PortID, edit func(*membership) (*membership, error)) *op {
	o := &resettling{op: b.newOp(name, id)}
	o.then(func() {
		o.old = b.view.Load().membership(id)
		if o.old == nil {
			o.refuse("", switchdev.ErrNoDevice)
			return
		}
		next, err := edit(o.old)
		switch {
		case err != nil:
			o.fail(err)
			return
		case *next == *o.old:
			return
		}
		o.to, o.both = next, o.old.union(next)
		o.then(o.enter)
	})
	return o.op
}

// resettling is a change of VLANs under way.
type resettling struct {
	*op
	old, to, both *membership // to is what is wanted
}

// tell makes the devices hold a membership.
func (o *resettling) tell(m *membership) error {
	b := o.b
	if o.port == switchdev.PortHost {
		return b.change(o.name, func(w *want) { w.host = *m }, nil)
	}
	p := b.view.Load().port(o.port)
	if p == nil {
		return nil
	}
	var err error
	if m != o.to { // which software is not in yet
		q := *p
		q.vlans = m
		b.arrive(o.port, &q)
		if err = b.spread(o.name, p.device); err != nil && m == o.both {
			return err
		}
	}
	if p.device != nil {
		_, failed := p.device.tellVLANs(o.name, o.port, m)
		if errors.Is(failed, switchdev.ErrOutcomeUnknown) {
			b.doubtPort(p.device, o.port, false)
		}
		err = errors.Join(err, failed)
	}
	if m == o.to {
		b.arrive(o.port, nil)
		err = errors.Join(err, b.spread(o.name, p.device))
	}
	return err
}

// back makes the devices hold what they held, because of err.
func (o *resettling) back(err error) error {
	if o.port == switchdev.PortHost {
		w := *o.b.want.Load()
		w.host = *o.old
		return o.b.unchange(o.name, o.b.told(0), &w, err)
	}
	if failed := o.tell(o.old); failed != nil {
		if p := o.b.view.Load().port(o.port); p != nil && p.device != nil {
			o.b.doubtPort(p.device, o.port, false)
		}
		err = errors.Join(err, switchdev.ErrOutcomeUnknown, failed)
	}
	return err
}

// enter puts the port into what is new.
func (o *resettling) enter() {
	b := o.b
	if err := o.tell(o.both); err != nil {
		o.fail(o.back(err))
		b.arrive(o.port, nil)
		return
	}
	<-b.slot
	tickets := b.resettle(o.port, o.to)
	b.unlock()
	o.await(tickets, func(err error) {
		if err == nil {
			o.then(o.quit)
			return
		}
		<-b.slot
		undo := b.resettle(o.port, o.old)
		undo = append(undo, b.reclaim()...)
		b.unlock()
		undo = append(undo, o.forget(o.to.gone(o.old))...)
		o.await(undo, func(failed error) {
			b.noteAstray()
			o.fail(o.back(b.failedToo(err, failed)))
			b.arrive(o.port, nil)
		})
	})
}

// quit lets what was learned where the port was go, and tells the device.
func (o *resettling) quit() {
	gone := o.old.gone(o.to)
	if gone.IsZero() {
		o.b.arrive(o.port, nil)
		return
	}
	o.await(o.forget(gone), o.leave)
}

// forget lets what was learned on the port in some VLANs go.
func (o *resettling) forget(gone switchdev.VLANSet) (flushes []waiter) {
	if o.port == switchdev.PortHost { // the bridge itself learns nothing
		return nil
	}
	for v := range gone.All() {
		f := fdb.OnPort(o.port)
		f.VLAN = v
		flushes = append(flushes, o.b.table.SubmitFlush(f))
	}
	return flushes
}

// leave ends the membership in the device, unless that keeps a row of the VLAN.
func (o *resettling) leave(err error) {
	if err == nil {
		err = o.tell(o.to)
	}
	if err != nil {
		o.rejoin(err)
	}
}

// rejoin puts the port back into the VLANs that the device does not let go of, and so out
// of those that it has come into instead.
func (o *resettling) rejoin(err error) {
	b := o.b
	b.noteAstray()
	err = o.back(err) // it may have let go of others
	<-b.slot
	tickets := b.resettle(o.port, o.old)
	b.unlock()
	tickets = append(tickets, o.forget(o.to.gone(o.old))...)
	b.arrive(o.port, nil)
	o.await(tickets, func(failed error) { o.fail(b.failedToo(err, failed)) })
}

// resettle gives a port, or the bridge itself, another membership in software, and
// moves the own addresses. The caller holds the slot.
func (b *Bridge) resettle(id switchdev.PortID, m *membership) []waiter {
	mac, old := b.setting.mac, b.setting.host
	if id == switchdev.PortHost {
		b.setting.host = m
	} else {
		p := b.ports[id]
		if p == nil {
			return nil
		}
		q := *p
		q.vlans = m
		b.ports[id] = &q
		mac, old = p.MAC, p.vlans
		defer b.admit(&q)
	}
	b.publish()
	if b.setting.local0 || mac.IsZero() {
		return nil
	}
	var tickets []waiter
	gone, came := old.gone(m), m.gone(old)
	for v := range came.All() {
		tickets = append(tickets, b.claim(fdb.Key{MAC: mac, VLAN: v}, id)...)
	}
	for v := range gone.All() {
		tickets = append(tickets, b.release(fdb.Key{MAC: mac, VLAN: v}, id, false)...)
	}
	return tickets
}
