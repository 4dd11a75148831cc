package offload

import (
	"cmp"

	"github.com/switchcore/switchcore/switchdev"
)

// Audit is a dump of a device that is compared, a chunk at a time, with what the
// device is believed to hold. The table keeps the device from being handed
// anything from before the dump until the audit is over.
type Audit[K cmp.Ordered, R comparable] struct {
	// Dev is the device, Mark what [Engine.Mark] returned before the dump.
	Dev  int
	Mark uint64
	// Rows is what the device holds, Keys its keys in ascending order.
	Rows map[K]R
	Keys []K
	// Adopt, if not nil, is asked what to do with a row of a key for which the
	// table wants none; true makes it the device's own, and held is the row as
	// the table has it then. It may change the table, and tells the engine of it
	// afterwards.
	Adopt func(k K, row R) (held R, ok bool)
	// Same, if not nil, reports whether a row of the device's own that is read
	// is the one that is believed.
	Same func(believed, read R) bool
	// Differ counts what differed, Adopted what Adopt took.
	Differ, Adopted int

	walk Walk[K, R]
	next int
}

// Mark returns the point from which a dump of device dev that begins now is to
// be judged, and the epoch that it must have.
func (e *Engine[K, R]) Mark(dev int) (uint64, switchdev.Epoch) {
	return e.returns, e.devs[dev].epoch
}

// Judge goes on with an audit and reports whether it is over. It acts on nothing:
// rows that differ are merely not trusted any more, and the level rule does the
// rest (rule 28).
func (e *Engine[K, R]) Judge(a *Audit[K, R]) (over bool) {
	d := e.devs[a.Dev]
	if !a.walk.ended() {
		if d.forEach(&a.walk, func(c *cell[K, R]) { e.compare(a, c) }) && len(a.Keys) == 0 {
			over = true
		}
		e.deliver()
		return over
	}
	for n := 0; n < chunk && a.next < len(a.Keys); n++ {
		k := a.Keys[a.next]
		a.next++
		if c := d.at(k); c != nil {
			e.compare(a, c) // unless it was already it was made meanwhile
		} else {
			e.stray(a, k)
		}
	}
	e.deliver()
	return a.next >= len(a.Keys)
}

// compare judges a cell, unless the dump may be older than what is known.
func (e *Engine[K, R]) compare(a *Audit[K, R], c *cell[K, R]) {
	row, ok := a.Rows[c.key]
	if e.ops[c.key] != nil || c.out != nil || c.returned > a.Mark {
		return
	}
	if c.belief == believedUnknown || c.holds(wanted[R]{row, ok}) {
		return
	}
	if c.own && ok && a.Same != nil && a.Same(c.row, row) {
		return
	}
	a.Differ++
	e.devs[a.Dev].set(c, believedUnknown)
	e.review(a.Dev, c, classOffload)
	e.table.Settled(c.key)
}

// stray judges a row of a key that the engine does not know.
func (e *Engine[K, R]) stray(a *Audit[K, R], k K) {
	d := e.devs[a.Dev]
	if a.Adopt != nil && e.ops[k] == nil {
		if held, ok := a.Adopt(k, a.Rows[k]); ok {
			a.Adopted++
			e.Own(a.Dev, k, held)
			return
		}
	}
	a.Differ++
	c := d.cell(k)
	d.set(c, believedUnknown)
	e.review(a.Dev, c, classOffload)
}

// GiveUp ends an audit that is not over.
func (e *Engine[K, R]) GiveUp(a *Audit[K, R]) { e.Drop(a.Dev, &a.walk) }
