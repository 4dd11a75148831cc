package overlay

import (
	"slices"

	"github.com/switchcore/switchcore/fdb/internal/cam"
)

// FlushDone tells that a flush is through.
type FlushDone struct {
	Seq uint64
	// Killed counts the entries that it removed, those included that never came
	// to the main table.
	Killed int
}

// sweep is where the flushing stands. For the serialised verbs.
type sweep struct {
	flush   *flush
	cursor  cam.Cursor
	keys    []cam.Key
	retired []FlushDone
}

// AcceptFlush accepts a flush and returns its number. From now on lookups miss
// what it covers and is older. The same flush again, with nothing accepted
// between, is the same flush and has the same number.
func (t *Table) AcceptFlush(filter Filter) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := *t.desc.Load()
	if n := len(d.active); n > 0 {
		// A number may not be raised: what was learned between would be killed,
		// or would have met an entry that was no more.
		if f := d.active[n-1]; f.Filter == filter && f.seq == t.seq {
			return f.seq
		}
	}
	f := &flush{Filter: filter, seq: t.draw()}
	d.active = append(slices.Clip(d.active), f)
	t.publish(d)
	return f.seq
}

// segmentCost is what a scan of one segment counts as in FlushStep's budget.
const segmentCost = 16

// FlushStep works on the oldest pending flush, for about budget entries (at
// least one step): records that are older are applied, then the main table is
// scanned. It reports whether no flush is left to apply; what is through is
// told by [Table.Retired]. Serialised.
func (t *Table) FlushStep(budget int) (done bool) {
	for {
		d := t.desc.Load()
		if len(d.active) == 0 {
			return true
		}
		f := d.active[0]
		switch {
		case d.sealed != nil && t.older(f):
			// Seal needs an empty place, so the sealed one goes first whatever
			// its own numbers are.
			t.Apply(max(budget, 1))
			budget = 0
		case t.older(f):
			t.Seal()
		default:
			budget -= t.scan(f)
		}
		if budget <= 0 {
			return len(t.desc.Load().active) == 0
		}
	}
}

// older reports whether a record that is not carried may be older than f.
func (t *Table) older(f *flush) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.desc.Load()
	return d.open.before(f.seq) || d.sealed.before(f.seq)
}

func (g *generation) before(seq uint64) bool { return g != nil && g.first != 0 && g.first < seq }

// scan removes what f covers in one segment of the main table.
func (t *Table) scan(f *flush) (cost int) {
	s := &t.sweep
	if s.flush != f {
		s.flush, s.cursor = f, cam.Cursor{}
	}
	s.keys = s.keys[:0]
	s.cursor = t.main.ScanMatch(s.cursor, 1, f.match(), func(k cam.Key, r cam.Ref) bool {
		if f.Matches(k, r.Hot()) {
			s.keys = append(s.keys, k)
		}
		return true
	})
	for _, k := range s.keys {
		t.kill(f, k)
	}
	if s.cursor.Done() {
		t.complete(f)
	}
	t.report()
	return segmentCost + len(s.keys)
}

// kill settles a key that f covers, unless it is in flight: Finish does it then.
func (t *Table) kill(f *flush, k cam.Key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	base := t.entry(k)
	if t.busy[k] == 0 && f.kills(k, base.Hot, base.Seq) {
		t.settle(t.desc.Load(), k, base, base, false)
	}
}

// complete takes a flush off the active ones. It is held while an operation with
// a lower number is in flight: that one's entry is covered too (rule 9).
func (t *Table) complete(f *flush) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep.flush = nil
	d := *t.desc.Load()
	d.active = slices.Clone(d.active[1:])
	if t.overtook(f) {
		d.held = append(slices.Clip(d.held), f)
	} else {
		t.sweep.retired = append(t.sweep.retired, FlushDone{f.seq, f.killed})
	}
	t.publish(d)
}

// overtook counts the operations in flight that f waits for, and reports whether
// there are any. New ones get higher numbers, so from now on release counts down.
func (t *Table) overtook(f *flush) bool {
	f.older = 0
	for _, seq := range t.busy {
		if seq < f.seq {
			f.older++
		}
	}
	return f.older > 0
}

// release drops the held flushes that waited for nobody but the operation with
// this number, under the pending lock.
func (t *Table) release(seq uint64) {
	d := *t.desc.Load()
	if len(d.held) == 0 {
		return
	}
	var still []*flush
	for _, f := range d.held {
		if seq < f.seq {
			f.older--
		}
		if f.older > 0 {
			still = append(still, f)
		} else {
			t.sweep.retired = append(t.sweep.retired, FlushDone{f.seq, f.killed})
		}
	}
	if len(still) < len(d.held) {
		d.held = still
		t.publish(d)
	}
}

// Retired appends the flushes that are through since the last call, by
// FlushStep or by the Finish of the last operation that they overtook.
// Serialised.
func (t *Table) Retired(to []FlushDone) []FlushDone {
	to = append(to, t.sweep.retired...)
	t.sweep.retired = t.sweep.retired[:0]
	return to
}

// Expire removes entries whose stamp is below before, in the next segments of
// the main table after cursor, about budget entries' worth (at least one
// segment). Static, local and externally learned entries do not age, and keys
// that are in flight or have anything pending are left for the next round; so
// is everything while a flush is pending. It returns where to go on and how many
// it removed. Each is removed only if it is still that old then: a refresh that
// came between wins (rule 27). Serialised.
func (t *Table) Expire(before uint64, c cam.Cursor, budget int) (cam.Cursor, int) {
	defer t.report()
	m := cam.Match{Mask: cam.Static | cam.Local | cam.Ext | cam.Marks, Before: before}
	removed := 0
	for before > 0 && !c.Done() && len(t.desc.Load().active) == 0 {
		t.sweep.keys = t.sweep.keys[:0]
		c = t.main.ScanMatch(c, 1, m, func(k cam.Key, _ cam.Ref) bool {
			t.sweep.keys = append(t.sweep.keys, k)
			return true
		})
		for _, k := range t.sweep.keys {
			removed += t.expire(k, m)
		}
		if budget -= segmentCost + len(t.sweep.keys); budget <= 0 {
			break
		}
	}
	return c, removed
}

func (t *Table) expire(k cam.Key, m cam.Match) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if d := t.desc.Load(); len(d.active) > 0 {
		return 0
	}
	old := t.entry(k)
	h, ok := t.main.DeleteMatch(k, m)
	if !ok {
		return 0
	}
	old.Hot = h
	t.learned -= count(h)
	t.note(Change{Key: k, Old: old, Cause: Expired, Seq: t.draw()})
	return 1
}
