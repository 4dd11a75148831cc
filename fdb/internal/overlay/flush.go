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
	cull    cam.Cull // Gone is that of the bulk
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
		if f := d.active[n-1]; f.Filter == filter && f.seq == t.seq && !f.Late() {
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
	defer t.report()
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

// scan removes what f covers in one segment of the main table: what nothing is
// pending for together, under one hold of the lock, the rest key by key.
func (t *Table) scan(f *flush) (cost int) {
	s := &t.sweep
	if s.flush != f {
		t.report() // a bulk is one flush's
		s.flush, s.cursor = f, cam.Cursor{}
	}
	if f.nothing() {
		t.complete(f)
		return segmentCost
	}
	n := 0
	if some, next := t.main.Any(s.cursor, f.match()); some {
		n = t.cull(f)
		for _, k := range s.cull.Marked {
			t.kill(f, k)
		}
		n += len(s.cull.Marked)
	} else {
		s.cursor = next
	}
	if s.cursor.Done() {
		t.complete(f)
	}
	return segmentCost + n/bulkShare
}

// bulkShare is how many entries that are removed together cost as much as one
// alone.
const bulkShare = 4

// cull removes what f covers in one segment and nothing is pending for.
func (t *Table) cull(f *flush) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := &t.sweep.cull
	c.Match, c.Below, c.Final, c.Spare = f.match(), f.seq, true, nil
	if f.ByVLAN || f.Late() {
		c.Spare = func(k cam.Key, e Entry) bool { return !f.Covers(k, e) }
	}
	n := t.takeOut(Flushed, f.seq, &t.sweep.cursor)
	f.killed += n
	return n
}

// takeOut culls one segment and keeps the accounts.
func (t *Table) takeOut(cause Cause, seq uint64, at *cam.Cursor) int {
	c := &t.sweep.cull
	c.Gone, c.Marked = t.bulk.Gone, c.Marked[:0]
	c.Tally, c.Count = cam.User|cam.Local, 0
	*at = t.main.Cull(*at, c)
	t.learned -= c.Count
	n := c.Gone.Len() - t.bulk.Gone.Len()
	t.bulk = Bulk{Cause: cause, Seq: seq, Gone: c.Gone}
	c.Gone = cam.Batch{}
	return n
}

// kill settles a key that f covers, unless it is in flight: Finish does it then.
func (t *Table) kill(f *flush, k cam.Key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	base := t.entry(k)
	if _, busy := t.busy[k]; !busy && f.covers(k, base) {
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
		t.tellHeld(&d, f)
	} else {
		t.sweep.retired = append(t.sweep.retired, FlushDone{f.seq, f.killed})
	}
	t.publish(d)
}

// overtook counts the operations in flight that f waits for, and reports whether
// there are any. New ones get higher numbers, so from now on release counts down.
func (t *Table) overtook(f *flush) bool {
	f.older = 0
	for _, b := range t.busy {
		if b.seq < f.seq {
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
			t.tellHeld(&d, f)
		} else if !f.told {
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

// Expire is [Table.Sweep] for whoever does not ask for the oldest entry.
func (t *Table) Expire(before uint64, c cam.Cursor, budget int) (cam.Cursor, int) {
	s := t.Sweep(before, c, budget)
	return s.Next, s.Removed
}

// Swept is what a step of the sweep came to.
type Swept struct {
	Next    cam.Cursor // where to go on
	Removed int
	// Oldest is the smallest stamp of the entries in these segments that age and
	// that were left, cam.MaxStamp+1 if there is none.
	Oldest uint64
}

// ageless are the flags of the entries that do not age.
const ageless = cam.Static | cam.Local | cam.Ext

// Sweep removes entries whose stamp is below before, in the next segments of the
// main table after cursor, about budget entries' worth (at least one segment).
// Static, local and externally learned entries do not age, and keys that are in
// flight or have anything pending are left for the next round; so is everything
// while a flush is pending, when Sweep gets nowhere. Each is removed only if it is
// still that old then: a refresh that came between wins (rule 27). Serialised.
func (t *Table) Sweep(before uint64, c cam.Cursor, budget int) Swept {
	defer t.report()
	s := Swept{Next: c, Oldest: cam.MaxStamp + 1}
	seq := uint64(0)
	for !s.Next.Done() && len(t.desc.Load().active) == 0 {
		at := s.Next
		oldest, next := t.main.Oldest(at, cam.Match{Mask: ageless})
		if oldest < before {
			n, ok := t.expire(before, &s.Next, &seq)
			if !ok {
				break
			}
			s.Removed += n
			budget -= n / bulkShare
			oldest, _ = t.main.Oldest(at, cam.Match{Mask: ageless})
		} else {
			s.Next = next
		}
		s.Oldest = min(s.Oldest, oldest)
		if budget -= segmentCost; budget <= 0 {
			break
		}
	}
	return s
}

// expire removes what is too old in one segment, under a number that is drawn for
// the first; false if a flush is pending.
func (t *Table) expire(before uint64, at *cam.Cursor, seq *uint64) (int, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.desc.Load().active) > 0 {
		return 0, false
	}
	c := &t.sweep.cull
	c.Match, c.Below, c.Final, c.Spare = cam.Match{Mask: ageless, Before: before}, 0, false, nil
	if *seq == 0 {
		*seq = t.draw()
	}
	return t.takeOut(Expired, *seq, at), true
}
