package offload

import (
	"slices"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// Reset tells that device dev lost its tables and is now in epoch. An epoch
// that is not newer than the known one has been heard before.
func (e *Engine[K, R]) Reset(dev int, epoch switchdev.Epoch, now time.Time) {
	e.reset(dev, epoch, now)
	e.deliver()
}

func (e *Engine[K, R]) reset(dev int, epoch switchdev.Epoch, now time.Time) {
	d := e.devs[dev]
	if epoch <= d.epoch {
		return
	}
	d.epoch, d.rows = epoch, 0
	e.stats.Resets++
	if d.renewal != nil {
		e.Drop(dev, d.renewal)
	}
	d.renewal = new(Walk[K, R])
	for _, op := range e.order.all() { // their answers are taken back at once (rule 22)
		if c := d.at(op.Key); c != nil {
			e.renewed(dev, c, now)
		}
	}
	e.renew(dev, now)
}

// renew looks at a chunk of the cells after a reset.
func (e *Engine[K, R]) renew(dev int, now time.Time) {
	d := e.devs[dev]
	if d.forEach(d.renewal, func(c *cell[K, R]) { e.renewed(dev, c, now) }) {
		d.renewal = nil
	}
}

// renewed queues what the device lost, users' rows first (rule 23).
func (e *Engine[K, R]) renewed(dev int, c *cell[K, R], now time.Time) {
	d := e.devs[dev]
	cl := classOffload
	if e.main(dev, c); c.user {
		cl = e.replayClass(c)
	}
	e.review(dev, c, cl)
	if op := e.ops[c.key]; op != nil && !op.parts[dev].ended {
		if c.out == nil && !c.holds(e.desired(dev, c)) {
			d.enqueue(c, classUser)
		}
		e.advance(op, now)
	}
	e.table.Settled(c.key)
}

// Renewing reports whether Renew has something to do.
func (e *Engine[K, R]) Renewing() bool {
	return slices.ContainsFunc(e.devs, func(d *device[K, R]) bool { return d.renewal != nil })
}

// Renew goes on with what a reset has begun, a chunk for each device.
func (e *Engine[K, R]) Renew(now time.Time) {
	for dev, d := range e.devs {
		if d.renewal != nil {
			e.renew(dev, now)
		}
	}
	e.deliver()
}

// replayClass returns where the row of a user entry queues after a reset. The
// new row of an operation in flight is no established row.
func (e *Engine[K, R]) replayClass(c *cell[K, R]) class {
	if c.op != nil {
		return classUser
	}
	return classReplay
}

// Aged tells that device dev aged out a row of k in epoch; match reports
// whether a believed row is the one meant. The entry stays: the row is merely
// not trusted any more (rules 25 and 26). It returns true if the row was the
// device's own and is doubted now: it is not sent again before the table has
// looked, and called [Engine.Verify].
func (e *Engine[K, R]) Aged(dev int, k K, epoch switchdev.Epoch, match func(R) bool, now time.Time) (doubted bool) {
	d := e.devs[dev]
	if epoch > d.epoch {
		e.reset(dev, epoch, now)
	}
	c := d.at(k)
	switch {
	case c == nil || epoch < d.epoch:
		e.stats.Stale++
	case c.out != nil:
		c.void = true
	case c.belief == believedRow && match(c.row):
		doubted = c.own
		d.set(c, believedUnknown)
		c.doubt = doubted
		e.review(dev, c, classOffload)
		e.table.Settled(k)
		if op := e.ops[k]; op != nil {
			d.enqueue(c, classUser)
		}
	default:
		e.stats.Stale++
	}
	e.deliver()
	return doubted
}

// Await makes w wait until every device holds for k what it should, or has
// refused it; with an operation in flight, until that is so after its end. What was refused before is offered once more. Arm it when all keys
// have been added.
func (e *Engine[K, R]) Await(w *Waiter, k K) {
	for dev, d := range e.devs {
		if c := d.at(k); c != nil && e.open(dev, c) {
			e.await(dev, c, w)
		}
	}
}

// open reports whether a device is still to be brought to what the table wants: it
// does not hold that, or holds it for an operation that is in flight, and may be
// asked for something else when that has ended.
func (e *Engine[K, R]) open(dev int, c *cell[K, R]) bool {
	return c.op != nil || !c.holds(e.desired(dev, c))
}

func (e *Engine[K, R]) await(dev int, c *cell[K, R], w *Waiter) {
	e.again(dev, c)
	if w.left == 0 && !slices.Contains(e.waits, w) {
		e.waits = append(slices.DeleteFunc(e.waits, (*Waiter).over), w)
	}
	c.await(w)
}

// Arm lets w call done once, when nothing is left to wait for; at once if
// nothing is.
func (w *Waiter) Arm(done func([]error)) {
	w.done, w.armed = done, true
	w.check()
}

// Review looks at a chunk of what device dev is believed to hold, after what it
// claims has changed, and makes w wait until it holds what it should. It returns
// true with the last chunk.
func (e *Engine[K, R]) Review(dev int, walk *Walk[K, R], w *Waiter) (last bool) {
	d := e.devs[dev]
	last = d.forEach(walk, func(c *cell[K, R]) {
		e.review(dev, c, classOffload)
		if d.cells[c.key] == c && e.open(dev, c) {
			e.await(dev, c, w)
		}
	})
	e.deliver()
	return last
}

// AwaitRows makes w wait for those of a chunk of cells of device dev that hold,
// or are just being handed, a row that match selects, and are to hold another or
// none. It returns true with the last chunk.
func (e *Engine[K, R]) AwaitRows(dev int, walk *Walk[K, R], match func(R) bool, w *Waiter) (last bool) {
	d := e.devs[dev]
	return d.forEach(walk, func(c *cell[K, R]) {
		about := c.belief == believedRow && match(c.row) || c.belief == believedUnknown || c.out != nil
		if want := e.desired(dev, c); about && !c.holds(want) && !(want.set && match(want.row)) {
			e.await(dev, c, w)
		}
	})
}

// Distrust makes the rows of a chunk of cells of device dev unknown that match
// selects, and with them the device's doubted ones. It returns true with the last
// chunk.
func (e *Engine[K, R]) Distrust(dev int, walk *Walk[K, R], match func(K, R) bool) (last bool) {
	d := e.devs[dev]
	last = d.forEach(walk, func(c *cell[K, R]) {
		if (c.belief == believedRow || c.doubt) && match(c.key, c.row) {
			e.doubtful(dev, c)
		}
	})
	e.deliver()
	return last
}

// Suspect makes the row of one key unknown: whatever the device holds, it is
// brought to what the table wants.
func (e *Engine[K, R]) Suspect(dev int, k K) {
	e.doubtful(dev, e.devs[dev].cell(k))
	e.deliver()
}

func (e *Engine[K, R]) doubtful(dev int, c *cell[K, R]) {
	d := e.devs[dev]
	if c.out != nil {
		c.void = true
		return
	}
	d.set(c, believedUnknown)
	e.review(dev, c, e.classOf(dev, c))
	e.table.Settled(c.key)
}
