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
	t.busy[k] = flight{seq: seq}
	return now, seq
}

// Finish ends the operation that Stage numbered. A nil result leaves the entry
// as it was, one whose Hot is 0 removes it, any other becomes the entry, with
// the operation's number. Learns and flushes that were accepted meanwhile are
// newer: they are folded over it, each change being reported in its order
// (rules 6, 11). It returns the outcome of all that, and false, having done
// nothing, if no operation of that number is in flight. Serialised.
func (t *Table) Finish(k cam.Key, seq uint64, result *Entry) (Entry, bool) {
	return t.FinishFor(k, seq, result, Operated)
}

// FinishFor is [Table.Finish] of an operation that is not a user's: its change is
// told with that cause.
func (t *Table) FinishFor(k cam.Key, seq uint64, result *Entry, cause Cause) (Entry, bool) {
	defer t.report()
	t.mu.Lock()
	defer t.mu.Unlock()
	b, ok := t.busy[k]
	if !ok || b.seq != seq {
		return Entry{}, false
	}
	delete(t.busy, k)
	if b.reserves {
		t.reserved--
	}
	base := t.entry(k)
	start := base
	if result != nil {
		start = Entry{}
		if result.Hot != 0 {
			start = *result
			start.Hot = start.Hot&^private | cam.Present
			start.Seq = seq
		}
		t.note(Change{Key: k, Old: base, New: start, Cause: cause, Seq: seq})
	}
	t.ending = seq
	now := t.settle(t.desc.Load(), k, base, start, false)
	t.ending = 0
	t.release(seq)
	return now, true
}

// Reserve keeps room for the operation that is in flight on a key, if it is to
// make an entry that counts against LearnedMax and the key has none yet; the end
// of the operation gives it back. It returns false, having done nothing, if there
// is no room or no operation. Serialised.
func (t *Table) Reserve(k cam.Key) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, ok := t.busy[k]
	if !ok {
		return false
	}
	_, base, recs := t.peek(t.desc.Load(), k)
	if b.reserves || counts(base.Hot) || reserving(recs) {
		return true
	}
	if t.limited() {
		return false
	}
	t.reserved++
	b.reserves = true
	t.busy[k] = b
	return true
}

// Withdraw takes back what a learn made: if the main table still holds the entry
// of number seq, told takes its place, or nothing if that is nil. What was
// accepted since stays, and is folded over it. told keeps its own number as far
// as the flushes that are pending are concerned, and gets a new one. It returns
// the outcome of all that, and false, having done nothing, if the entry is
// another one by now, or an operation on the key is in flight; or if an entry that
// does not count against LearnedMax would become one that does, and there is no
// room. Serialised.
func (t *Table) Withdraw(k cam.Key, seq uint64, told *Entry) (Entry, bool) {
	defer t.report()
	t.mu.Lock()
	defer t.mu.Unlock()
	base := t.entry(k)
	if base.Hot == 0 || base.Seq != seq || t.Busy(k) {
		return base, false
	}
	start := Entry{}
	if told != nil && told.Hot != 0 {
		start = *told
		start.Hot = start.Hot&^private | cam.Present
	}
	d := t.desc.Load()
	if now, recs := t.foldOf(d, k, start); counts(now.Hot) && !counts(base.Hot) && !reserving(recs) && t.limited() {
		return base, false
	}
	number := t.draw()
	t.note(Change{Key: k, Old: base, New: start, Cause: Withdrawn, Seq: number})
	return t.settleAs(d, k, base, start, number, false), true
}

// Busy reports whether an operation on the key is in flight. Serialised.
func (t *Table) Busy(k cam.Key) bool { _, ok := t.busy[k]; return ok }

// Seal closes the open generation, which the worker can then apply, and opens a
// fresh one. It returns false when there is nothing to seal, or a sealed
// generation still. Serialised.
func (t *Table) Seal() bool {
	d := t.desc.Load()
	if d.sealed != nil || d.open.index.empty() {
		return false
	}
	t.mu.Lock()
	hint := d.open.live
	t.mu.Unlock()
	fresh := newGeneration(hint, t.seed)
	t.mu.Lock()
	n := *t.desc.Load()
	n.open, n.sealed = fresh, n.open
	t.publish(n)
	t.mu.Unlock()
	if cap(t.order) > maxOrder {
		t.order = nil
	}
	t.order = n.sealed.keys(t.order[:0])
	t.left = t.order
	return true
}

// maxOrder is for how many keys room is kept from one generation to the next.
const maxOrder = 1 << 16

// Apply carries at most limit stations of the sealed generation over to the main
// table, in key order, and reports whether there is no sealed generation any
// more. The records of a key in flight move to the open generation, with their
// numbers (rule 8). Serialised.
func (t *Table) Apply(limit int) (done bool) {
	defer t.report()
	for limit > 0 {
		n := t.applySome(min(limit, hold))
		if n == 0 {
			return true
		}
		limit -= n
	}
	return t.desc.Load().sealed == nil
}

// applySome applies some stations under one hold of the lock, and returns how
// many, or un-publishes a generation that has none left.
func (t *Table) applySome(limit int) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.desc.Load()
	if d.sealed == nil {
		return 0
	}
	// What was used up since counts for nothing.
	for len(t.left) > 0 && d.sealed.live > 0 && d.sealed.last(t.left[0]) == nil {
		t.left = t.left[1:]
	}
	if len(t.left) == 0 || d.sealed.live == 0 {
		t.left = nil
		n := *d
		n.sealed = nil
		t.publish(n)
		return 0
	}
	limit = min(limit, len(t.left))
	keys := t.left[:limit]
	t.left = t.left[limit:]
	t.main.Prefetch(keys)
	for _, k := range keys {
		d.sealed.index.fetch(k)
	}
	for _, k := range keys {
		t.applyOne(d, k)
	}
	return limit
}

func (t *Table) applyOne(d *descriptor, k cam.Key) {
	switch last := d.sealed.last(k); {
	case last == nil: // an operation was quicker
	case t.Busy(k):
		t.carry(d, station{k, last})
	default:
		base := t.entry(k)
		t.settle(d, k, base, base, false)
	}
}

// carry moves the records of a station from the sealed generation to the open
// one: all are in the new place before any is consumed in the old.
func (t *Table) carry(d *descriptor, s station) {
	for r := s.last; r != nil; r = r.older {
		if n := after(d.open.last(s.key), r.seq); n != nil && n.extends(r) && !d.flushedBetween(r.seq, n.seq) {
			t.counts.of(r.port).Coalesced++
			n.roamed = n.roamed || r.roamed || n.port != r.port
			n.locked = n.locked && r.locked
			n.reserves = n.reserves || r.reserves
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
