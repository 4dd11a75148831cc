package cam

import "github.com/switchcore/switchcore/internal/atomic"

// Outcome is the result of a [Table.Refresh].
type Outcome uint8

const (
	// Missing: no live entry has the key.
	Missing Outcome = iota
	// Known: the entry is as wanted and its stamp is the tick or newer.
	Known
	// Differs: the entry is not as wanted; nothing was written.
	Differs
	// Busy: the entry is as wanted, its segment is just being replaced and the
	// stamp was not written. The caller takes its slow way.
	Busy
)

// tries bounds how often a refresh looks a key up again before it says Busy.
const tries = 8

// Refresh raises the stamp of an entry to tick, if the entry equals want in the
// bits of mask. It writes only when the stamp is older, by one compare-and-swap,
// and never waits. It returns the entry as seen (with the new stamp if Known).
// Put the marks in mask and leave them out of want, so that a marked key Differs.
func (t *Table) Refresh(k Key, want, mask Hot, tick uint64) (Hot, Outcome) {
	key := k.word()
	mask &^= Frozen
	tick = min(tick, MaxStamp)
	var h Hot
	for range tries {
		r := t.probe(key)
		h = r.hot &^ Frozen
		switch {
		case h == 0:
			return 0, Missing
		case (h^want)&mask != 0:
			return h, Differs
		case h.Stamp() >= tick:
			return h, Known
		}
		// The compare fails on a frozen word, and a failed one proves nothing:
		// the value that won may be in a segment that is no longer the table's.
		if n := h.WithStamp(tick); r.seg.hot(r.slot).CompareAndSwap(uint64(h), uint64(n)) {
			return n, Known
		}
	}
	return h, Busy
}

// Mark sets bits of [Marks] in a live entry and returns it as it was before,
// and whether there was one. While the entry's segment is being replaced it
// waits for the writer's few microseconds.
func (t *Table) Mark(k Key, bits Hot) (Hot, bool) { return t.mark(k, bits&Marks, 0) }

// Unmark clears bits of [Marks]; see [Table.Mark].
func (t *Table) Unmark(k Key, bits Hot) (Hot, bool) { return t.mark(k, 0, bits&Marks) }

func (t *Table) mark(k Key, set, clear Hot) (Hot, bool) {
	key := k.word()
	for {
		r := t.probe(key)
		h := r.hot &^ Frozen
		if h == 0 {
			return 0, false
		}
		n := h&^clear | set
		if n == h || r.seg.hot(r.slot).CompareAndSwap(uint64(h), uint64(n)) {
			return h, true
		}
		if r.hot&Frozen != 0 {
			t.await()
		}
	}
}

// await returns when the replacement that is under way, if one is, has ended.
func (t *Table) await() {
	if turn := t.turn.Load(); turn%2 == 1 {
		for t.turn.Load() == turn {
			atomic.Yield()
		}
	}
}

// Touch raises the time of use of a slot to tick. It writes only when the tick
// is newer by [UsedUnit] and never waits; while the segment is being replaced
// the touch may be lost.
func (t *Table) Touch(r Ref, tick uint64) {
	u := packUsed(tick)
	for range tries {
		w := r.seg.usedOf(r.slot)
		if w.Load() >= u {
			return
		}
		raise(w, u)
		if Hot(r.seg.hot(r.slot).Load())&Frozen == 0 {
			return
		}
		old := r.seg
		if r = t.probe(r.Key().word()); r.seg == nil || r.seg == old {
			return
		}
	}
}
