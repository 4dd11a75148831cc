package oracle

import (
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// Table is what a forwarding database has to hold. Make one with [New].
type Table struct {
	keys map[fdb.Key]*history
	// Hold is how long entries live without being heard of, with the meaning of
	// the table's configuration. It is changed at any time.
	Hold time.Duration
}

// New returns an empty table.
func New() *Table { return &Table{keys: make(map[fdb.Key]*history)} }

// history is what has happened to a station: what it has, and what was accepted
// since an operation that is under way was staged.
type history struct {
	base  Value
	facts []fact
}

type factKind uint8

const (
	learn factKind = iota
	locked
	silence
	flush
	sweep
	operation
)

type fact struct {
	kind   factKind
	port   switchdev.PortID
	at     time.Time
	filter fdb.Filter
	op     *Op
}

func (f fact) apply(k fdb.Key, v Value) Value {
	switch f.kind {
	case learn:
		return v.learned(f.port, f.at)
	case locked:
		return v.locked(f.port, f.at)
	case silence:
		v.Flags |= fdb.Inactive
	case flush:
		if Selects(f.filter, k, v) {
			return Value{}
		}
	case sweep:
		return Value{}
	}
	return v
}

func (t *Table) history(k fdb.Key) *history {
	h := t.keys[k]
	if h == nil {
		h = &history{}
		t.keys[k] = h
	}
	return h
}

// Value returns what Lookup and Get have to say of k (rule 2).
func (t *Table) Value(k fdb.Key) Value {
	h := t.keys[k]
	if h == nil {
		return Value{}
	}
	v := h.base
	for _, f := range h.facts {
		v = f.apply(k, v)
	}
	return v
}

// Busy reports whether an operation on k is under way.
func (t *Table) Busy(k fdb.Key) bool {
	h := t.keys[k]
	return h != nil && len(h.facts) > 0
}

func (t *Table) note(k fdb.Key, f fact) {
	h := t.history(k)
	if len(h.facts) == 0 && f.kind != operation {
		h.base = f.apply(k, h.base)
		return
	}
	h.facts = append(h.facts, f)
}

// Learn notes that a frame from k was accepted on port p.
func (t *Table) Learn(k fdb.Key, p switchdev.PortID, at time.Time) {
	t.note(k, fact{kind: learn, port: p, at: at})
}

// LearnLocked notes that a frame from k was accepted on port p, which is locked.
func (t *Table) LearnLocked(k fdb.Key, p switchdev.PortID, at time.Time) {
	t.note(k, fact{kind: locked, port: p, at: at})
}

// Silence notes that nothing was heard of k for too long.
func (t *Table) Silence(k fdb.Key) { t.note(k, fact{kind: silence}) }

// Flush notes that a flush was accepted, and returns whom it removed.
func (t *Table) Flush(f fdb.Filter) map[fdb.Key]Value {
	killed := make(map[fdb.Key]Value)
	for k := range t.keys {
		if v := t.Value(k); Selects(f, k, v) {
			killed[k] = v
		}
		t.note(k, fact{kind: flush, filter: f})
	}
	return killed
}

// LearningOff reports whether nothing is learned.
func (t *Table) LearningOff() bool { return t.Hold == fdb.NoLearning }

// Overdue reports whether nothing was heard of an entry for longer than the hold
// time at a moment. Times are rounded down to a tick, so one is added.
func (t *Table) Overdue(v Value, now time.Time) bool {
	const tick = 10 * time.Millisecond
	switch {
	case t.Hold == fdb.NoLearning:
		return true
	case t.Hold < 0:
		return false
	}
	return now.Sub(v.Updated) >= (t.Hold+2*tick-1)/tick*tick
}

// Remove notes that the entry of k left by itself: a sweep, or a flush that
// chose when it was applied.
func (t *Table) Remove(k fdb.Key) { t.note(k, fact{kind: sweep}) }

// Adopt takes over what the table has, where it was free to choose.
func (t *Table) Adopt(k fdb.Key, v Value) {
	h := t.history(k)
	h.base, h.facts = v, nil
}

// Counted returns how many entries count as learned.
func (t *Table) Counted() (n int) {
	for k := range t.keys {
		if t.Value(k).Counted() {
			n++
		}
	}
	return n
}

// Len returns how many entries there are.
func (t *Table) Len() (n int) {
	for k := range t.keys {
		if t.Value(k).Present {
			n++
		}
	}
	return n
}

// Keys returns the stations that were ever heard of, in no order.
func (t *Table) Keys() []fdb.Key {
	keys := make([]fdb.Key, 0, len(t.keys))
	for k := range t.keys {
		keys = append(keys, k)
	}
	return keys
}
