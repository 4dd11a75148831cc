package bridge

import (
	"errors"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// doubt says that nobody knows what a device holds of a port: a call had no
// answer, or the device was reset. Until it is resolved the device is offered
// what the bridge wants, with growing pauses.
type doubt struct {
	device *device
	pause  time.Duration
	due    time.Time   // of a Manual bridge; zero while an attempt is under way
	timer  *time.Timer // of any other
}

func (d *doubt) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

// doubtPort notes that what the device holds of the port is not known. With
// atOnce the first attempt is made without a pause.
func (b *Bridge) doubtPort(d *device, id switchdev.PortID, atOnce bool) {
	<-b.slot
	defer b.unlock()
	q := b.unsure[id]
	if q == nil {
		q = &doubt{device: d}
		b.unsure[id] = q
	}
	b.schedule(q, id, atOnce)
}

// schedule sets when the next attempt is made. The caller holds the slot.
func (b *Bridge) schedule(q *doubt, id switchdev.PortID, atOnce bool) {
	if b.closed {
		return
	}
	switch first := b.cfg.Table.Hardware.Retry; {
	case atOnce:
		q.pause = 0
	case q.pause == 0:
		q.pause = first
	default:
		q.pause = min(2*q.pause, 64*first)
	}
	if b.cfg.Manual {
		q.due = b.pollNow.Add(q.pause)
		b.nudge()
		return
	}
	q.stop()
	q.timer = time.AfterFunc(q.pause, func() { b.submit(b.mending(id)) })
}

// mendDue begins the attempts of a Manual bridge that are due. The caller holds
// the slot.
func (b *Bridge) mendDue(now time.Time) {
	for _, p := range newView(b.ports, b.mac, false).ports { // in an order that can be repeated
		b.mendAt(p.ID, now)
	}
	for id := range b.unsure {
		b.mendAt(id, now)
	}
}

func (b *Bridge) mendAt(id switchdev.PortID, now time.Time) {
	if q := b.unsure[id]; q != nil && !q.due.IsZero() && !q.due.After(now) {
		q.due = time.Time{}
		b.enqueue(b.mending(id))
	}
}

// certain notes that the device has answered for the port.
func (b *Bridge) certain(id switchdev.PortID) {
	<-b.slot
	defer b.unlock()
	if q := b.unsure[id]; q != nil {
		q.stop()
		delete(b.unsure, id)
	}
}

// mending returns the operation that brings a device to what the bridge wants of
// a port now: a member with these attributes, or none.
func (b *Bridge) mending(id switchdev.PortID) *op {
	o := b.newOp(opMend, id)
	o.then(func() {
		<-b.slot
		q := b.unsure[id]
		p := b.ports[id]
		b.unlock()
		if q == nil {
			return
		}
		change := switchdev.PortOp{Verb: switchdev.PortLeave, Port: id}
		if p != nil && p.device == q.device {
			change = b.attributes(&p.Port)
			change.Verb = switchdev.PortJoin
		}
		var err error
		if change.Verb == switchdev.PortJoin {
			err = q.device.hold(opMend)
		}
		if q.device.ports != nil {
			failed := q.device.tell(opMend, change)
			if !errors.Is(failed, switchdev.ErrNotExist) && !errors.Is(failed, switchdev.ErrNoDevice) {
				err = errors.Join(err, failed)
			}
		}
		if err != nil {
			b.doubtPort(q.device, id, false)
			o.err = err
			return
		}
		b.certain(id)
	})
	return o
}
