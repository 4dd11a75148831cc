package bridge

import (
	"cmp"
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

// place is what there may be doubt about: a port in a device. A number that
// a port of one device had may be that of another's before the first has answered.
// Without a device it is the own addresses, which may be astray.
type place struct {
	device *device
	port   switchdev.PortID
}

func (m place) name() string {
	if m.device == nil {
		return ""
	}
	return m.device.name
}

// doubtPort notes that what the device holds of the port is not known. With
// atOnce the first attempt is made without a pause.
func (b *Bridge) doubtPort(d *device, id switchdev.PortID, atOnce bool) {
	<-b.slot
	defer b.unlock()
	m := place{d, id}
	q := b.unsure[m]
	if q == nil {
		q = &doubt{}
		b.unsure[m] = q
	}
	b.schedule(q, m, atOnce)
}

// schedule sets when the next attempt is made. The caller holds the slot.
func (b *Bridge) schedule(q *doubt, m place, atOnce bool) {
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
	for _, m := range b.places(func(_ place, q *doubt) bool { return !q.due.IsZero() && !q.due.After(now) }) {
		b.unsure[m].due = time.Time{}
		b.enqueue(b.mending(m))
	}
}

// astrayPorts returns where devices may have kept ports that have left. The caller holds
// the slot.
func (b *Bridge) astrayPorts() []place {
	return b.places(func(m place, _ *doubt) bool { return m.device != nil && b.ports[m.port] == nil })
}

// places returns what there is doubt about, in an order that can be repeated. The caller
// holds the slot.
func (b *Bridge) places(which func(place, *doubt) bool) (found []place) {
	for m, q := range b.unsure {
		if which(m, q) {
			found = append(found, m)
		}
	}
	slices.SortFunc(found, func(x, y place) int {
		return cmp.Or(cmp.Compare(x.port, y.port), cmp.Compare(x.name(), y.name()))
	})
	return found
}

// certain notes that the device has answered for the port.
func (b *Bridge) certain(d *device, id switchdev.PortID) {
	<-b.slot
	defer b.unlock()
	m := place{d, id}
	if q := b.unsure[m]; q != nil {
		q.stop()
		delete(b.unsure, m)
	}
}

// mending returns the operation that brings a device to what the bridge wants of
// a port now: a member with these attributes, or none.
func (b *Bridge) mending(m place) *op {
	d := m.device
	if d == nil {
		return b.homing()
	}
	o := b.newOp(opMend, m.port)
	o.then(func() {
		<-b.slot
		_, open := b.unsure[m]
		p := b.ports[m.port]
		b.unlock()
		if !open {
			return
		}
		resets := d.resets.Load()
		var err error
		if p != nil && p.device == d {
			_, err = b.enter(opMend, d, p)
		} else if failed := b.exit(opMend, d, m.port); !hasLeft(failed) {
			err = failed
		}
		if err != nil {
			b.doubtPort(d, m.port, false)
			o.err = err
			return
		}
		if d.resets.Load() != resets { // what was mended is lost again, and the doubt is new
			return
		}
		b.certain(d, m.port)
	})
	return o
}

// noteAstray notes that own addresses are perhaps not where they are to be, because a
// device has kept them from that.
func (b *Bridge) noteAstray() {
	<-b.slot
	b.astray = true
	b.unlock()
	b.doubtPort(nil, switchdev.PortHost, false)
}

// homing returns the operation that brings own addresses to where they are to be.
func (b *Bridge) homing() *op {
	o := b.newOp(opMend, switchdev.PortHost)
	o.then(func() {
		<-b.slot
		tickets := b.findAstray()
		b.unlock()
		o.await(tickets, func(err error) {
			<-b.slot
			again := err != nil || b.astray
			b.unlock()
			if again {
				b.noteAstray()
				o.err = err
				return
			}
			b.certain(nil, switchdev.PortHost)
		})
	})
	return o
}
