package bridge

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// doubt says that nobody knows what a device holds of a port: a call had no
// answer, or the device was reset. Until it is resolved the device is offered
// what the bridge wants, with growing pauses.
type doubt struct {
	pause time.Duration
	due   time.Time   // of a Manual bridge; zero while an attempt is under way
	timer *time.Timer // of any other
}

func (d *doubt) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

// membership is what there may be doubt about: a port in a device. A number that
// a port of one device had may be that of another's before the first has answered.
type membership struct {
	device *device
	port   switchdev.PortID
}

// doubtPort notes that what the device holds of the port is not known. With
// atOnce the first attempt is made without a pause.
func (b *Bridge) doubtPort(d *device, id switchdev.PortID, atOnce bool) {
	<-b.slot
	defer b.unlock()
	m := membership{d, id}
	q := b.unsure[m]
	if q == nil {
		q = &doubt{}
		b.unsure[m] = q
	}
	b.schedule(q, m, atOnce)
}

// schedule sets when the next attempt is made. The caller holds the slot.
func (b *Bridge) schedule(q *doubt, m membership, atOnce bool) {
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
	q.timer = time.AfterFunc(q.pause, func() { b.submit(b.mending(m)) })
}

// mendDue begins the attempts of a Manual bridge that are due, in an order that
// can be repeated. The caller holds the slot.
func (b *Bridge) mendDue(now time.Time) {
	var due []membership
	for m, q := range b.unsure {
		if !q.due.IsZero() && !q.due.After(now) {
			due = append(due, m)
		}
	}
	slices.SortFunc(due, func(x, y membership) int {
		return cmp.Or(cmp.Compare(x.port, y.port), cmp.Compare(x.device.name, y.device.name))
	})
	for _, m := range due {
		b.unsure[m].due = time.Time{}
		b.enqueue(b.mending(m))
	}
}

// certain notes that the device has answered for the port.
func (b *Bridge) certain(d *device, id switchdev.PortID) {
	<-b.slot
	defer b.unlock()
	m := membership{d, id}
	if q := b.unsure[m]; q != nil {
		q.stop()
		delete(b.unsure, m)
	}
}

// mending returns the operation that brings a device to what the bridge wants of
// a port now: a member with these attributes, or none.
func (b *Bridge) mending(m membership) *op {
	d := m.device
	o := b.newOp(opMend, m.port)
	o.then(func() {
		<-b.slot
		_, open := b.unsure[m]
		p := b.ports[m.port]
		b.unlock()
		if !open {
			return
		}
		change := switchdev.PortOp{Verb: switchdev.PortLeave, Port: m.port}
		if p != nil && p.device == d {
			change = b.attributes(&p.Port)
			change.Verb = switchdev.PortJoin
		}
		var err error
		if change.Verb == switchdev.PortJoin {
			err = d.hold(opMend)
		}
		if d.ports != nil {
			failed := d.tell(opMend, change)
			if !errors.Is(failed, switchdev.ErrNotExist) && !errors.Is(failed, switchdev.ErrNoDevice) {
				err = errors.Join(err, failed)
			}
		}
		if err != nil {
			b.doubtPort(d, m.port, false)
			o.err = err
			return
		}
		b.certain(d, m.port)
	})
	return o
}
