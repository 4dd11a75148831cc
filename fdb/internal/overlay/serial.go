package overlay

import "github.com/switchcore/switchcore/fdb/internal/cam"

// Stage begins a user operation on a key: what is pending for it is folded into
// the main table, the key is marked as in flight, and then the operation gets
// its number. It returns what the operation is to be decided against: what
// every Lookup sees until [Table.Finish] (rules 4, 5, 7). The number is 0, and
// nothing was done, if the key is in flight already. Serialised.
func (t *Table) Stage(k cam.Key) (Entry, uint64) {
	defer t.report()
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.busy[k]; ok {
		return Entry{}, 0
	}
	base := t.entry(k)
	now := t.settle(t.desc.Load(), k, base, base, true)
	seq := t.draw()
	t.busy[k] = seq
	return now, seq
}

// Finish ends the operation that Stage numbered. A nil result leaves the entry
// as it was, one whose Hot is 0 removes it, any other becomes the entry, with
// the operation's number. Learns and flushes that were accepted meanwhile are
// newer: they are folded over it, each change being reported in its order
// (rules 6, 11). It returns the outcome of all that, and false, having done
// nothing, if no operation of that number is in flight. Serialised.
func (t *Table) Finish(k cam.Key, seq uint64, result *Entry) (Entry, bool) {
	defer t.report()
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, ok := t.busy[k]; !ok || s != seq {
		return Entry{}, false
	}
	delete(t.busy, k)
	base := t.entry(k)
	start := base
	if result != nil {
		start = Entry{}
		if result.Hot != 0 {
			start = *result
			start.Hot = start.Hot&^private | cam.Present
			start.Seq = seq
		}
		t.note(Change{Key: k, Old: base, New: start, Cause: Operated, Seq: seq})
	}
	now := t.settle(t.desc.Load(), k, base, start, false)
	t.release(seq)
	return now, true
}

// Busy reports whether an operation on the key is in flight. Serialised.
func (t *Table) Busy(k cam.Key) bool { return t.busy[k] != 0 }

// Seal closes the open generation, which the worker can then apply, and opens a
// fresh one. It returns false when there is nothing to seal, or a sealed
// generation still. Serialised.
func (t *Table) Seal() bool {
	d := t.desc.Load()
	if d.sealed != nil || d.open.index.n.Load() == 0 {
		return false
	}
	t.mu.Lock()
	hint := d.open.live
	t.mu.Unlock()
	fresh := newGeneration(hint, t.seed)
	t.mu.Lock()
	defer t.mu.Unlock()
	n := *t.desc.Load()
	n.open, n.sealed = fresh, n.open
	t.publish(n)
	return true
}

// Apply carries at most limit stations of the sealed generation over to the main
// table, in key order, and reports whether there is no sealed generation any
// more. The records of a key in flight move to the open generation, with their
// numbers (rule 8). Serialised.
func (t *Table) Apply(limit int) (done bool) {
	defer t.report()
	for range limit {
		if t.applyOne() {
			return true
		}
	}
	return t.desc.Load().sealed == nil
}

// applyOne applies one station, or un-publishes a generation that has none.
func (t *Table) applyOne() (done bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.desc.Load()
	if d.sealed == nil {
		return true
	}
	s, ok := d.sealed.tree.Min()
	switch {
	case !ok:
		n := *d
		n.sealed = nil
		t.publish(n)
		return true
	case t.busy[s.key] != 0:
		t.carry(d, s)
	default:
		base := t.entry(s.key)
		t.settle(d, s.key, base, base, false)
	}
	return false
}

// carry moves the records of a station from the sealed generation to the open
// one: all are in the new place before any is consumed in the old.
func (t *Table) carry(d *descriptor, s station) {
	for r := s.last; r != nil; r = r.older {
		if n := after(d.open.last(s.key), r.seq); n != nil && !d.flushedBetween(r.seq, n.seq) {
			t.counts.of(r.port).Coalesced++
			n.roamed = n.roamed || r.roamed || n.port != r.port
			n.stamp = max(n.stamp, r.stamp)
			n.change()
			continue
		}
		moved := *r
		moved.older = nil
		d.open.insert(moved)
	}
	t.scratch = t.scratch[:0]
	for r := s.last; r != nil; r = r.older {
		t.scratch = append(t.scratch, r)
	}
	for i := len(t.scratch) - 1; i >= 0; i-- {
		t.scratch[i].cell.word.Store(consumed)
	}
	clear(t.scratch)
	d.sealed.forget(s.key)
}

// after returns the oldest of the records that is newer than a number.
func after(r *record, seq uint64) *record {
	if r == nil || r.seq <= seq {
		return nil
	}
	for r.older != nil && r.older.seq > seq {
		r = r.older
	}
	return r
}

func (d *descriptor) flushedBetween(a, b uint64) bool {
	for _, f := range d.flushes {
		if a < f.seq && f.seq < b {
			return true
		}
	}
	return false
}

// Update changes what lookups and learns do not depend on: the cold part but
// for Seq, the flag Inactive, and the stamp, which only rises. f may be called
// again when a refresh came between. It returns false if the main table holds
// no such key. No change is emitted. Serialised.
func (t *Table) Update(k cam.Key, f func(Entry) Entry) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	const may = cam.Inactive
	_, ok := t.main.Update(k, func(h cam.Hot, c cam.Cold) (cam.Hot, cam.Cold) {
		e := f(Entry{Hot: h &^ private, Cold: c})
		e.Seq = c.Seq
		return (h&^may | e.Hot&may).WithStamp(max(h.Stamp(), e.Hot.Stamp())), e.Cold
	})
	return ok
}
