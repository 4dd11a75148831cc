package offload

import (
	"cmp"
	"slices"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// sorted returns the cells in key order, so that map order decides nothing.
func (d *device[K, R]) sorted() []*cell[K, R] {
	cells := make([]*cell[K, R], 0, len(d.cells))
	for _, c := range d.cells {
		cells = append(cells, c)
	}
	slices.SortFunc(cells, func(a, b *cell[K, R]) int { return cmp.Compare(a.key, b.key) })
	return cells
}

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
	d.epoch = epoch
	e.stats.Resets++
	cells := d.sorted()
	for _, c := range cells {
		// What is unknown may have been set by a call of the new epoch that was
		// not answered, before the reset was heard.
		if c.belief == believedRow {
			c.belief = believedNone
		}
		c.unsupported = wanted[R]{}
		e.pardon(d, c)
	}
	for _, c := range cells { // users' rows first (rule 23)
		if e.main(dev, c); c.user {
			e.review(dev, c, e.replayClass(c))
		}
	}
	for _, c := range cells {
		if !c.user {
			e.review(dev, c, classOffload)
		}
		if op := e.ops[c.key]; op != nil && !op.parts[dev].ended {
			if c.out == nil && !c.holds(e.desired(dev, c)) {
				d.enqueue(c, classUser)
			}
			e.advance(op, now)
		}
		e.table.Settled(c.key)
	}
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
// not trusted any more (rules 25 and 26).
func (e *Engine[K, R]) Aged(dev int, k K, epoch switchdev.Epoch, match func(R) bool, now time.Time) {
	d := e.devs[dev]
	if epoch > d.epoch {
		e.reset(dev, epoch, now)
	}
	c := d.cells[k]
	switch {
	case c == nil || epoch < d.epoch:
		e.stats.Stale++
	case c.out != nil:
		c.void = true
	case c.belief == believedRow && match(c.row):
		c.belief = believedUnknown
		e.review(dev, c, classOffload)
		e.table.Settled(k)
		if op := e.ops[k]; op != nil {
			d.enqueue(c, classUser)
		}
	default:
		e.stats.Stale++
	}
	e.deliver()
}

// Await makes w wait until every device holds for k what it should, or has
// refused it. Arm it when all keys have been added.
func (e *Engine[K, R]) Await(w *Waiter, k K) {
	for dev, d := range e.devs {
		c := d.cells[k]
		if c != nil && !c.holds(e.desired(dev, c)) {
			c.await(w)
		}
	}
}

// Arm lets w call done once, when nothing is left to wait for; at once if
// nothing is.
func (w *Waiter) Arm(done func([]error)) {
	w.done, w.armed = done, true
	w.check()
}

// Mark returns the point from which a dump of device dev that begins now is to
// be judged, and the epoch that it must have.
func (e *Engine[K, R]) Mark(dev int) (uint64, switchdev.Epoch) {
	return e.returns, e.devs[dev].epoch
}

// Reconcile compares a dump that was begun at mark with what device dev is
// believed to hold. It acts on nothing: rows that differ are merely not trusted
// any more, and the level rule does the rest (rule 28). It returns how many
// differed.
func (e *Engine[K, R]) Reconcile(dev int, mark uint64, rows map[K]R) (differ int) {
	d := e.devs[dev]
	skip := func(c *cell[K, R]) bool {
		return e.ops[c.key] != nil || c.out != nil || c.returned > mark
	}
	for _, c := range d.sorted() {
		row, ok := rows[c.key]
		if skip(c) || c.belief == believedUnknown || c.holds(wanted[R]{row, ok}) {
			continue
		}
		c.belief = believedUnknown
		differ++
		e.review(dev, c, classOffload)
	}
	var keys []K
	for k := range rows {
		if d.cells[k] == nil {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		c := d.cell(k)
		c.belief = believedUnknown
		differ++
		e.review(dev, c, classOffload)
	}
	e.deliver()
	return differ
}

// Review looks at everything that device dev is believed to hold, after what it
// claims has changed, and makes w wait until it holds what it should.
func (e *Engine[K, R]) Review(dev int, w *Waiter) {
	d := e.devs[dev]
	for _, c := range d.sorted() {
		e.review(dev, c, classOffload)
		if d.cells[c.key] == c && !c.holds(e.desired(dev, c)) {
			c.await(w)
		}
	}
	e.deliver()
}
