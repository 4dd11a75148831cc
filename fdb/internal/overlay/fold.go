package overlay

import "github.com/switchcore/switchcore/fdb/internal/cam"

// verdict is what the learn rules make of a frame.
type verdict uint8

const (
	created verdict = iota
	moved
	refreshed
	rejected
)

// seen applies a learn to a word, 0 for none (net/bridge/br_fdb.c,
// br_fdb_update). A local entry is left alone; a sticky one on another port is
// only refreshed; a move keeps Static and User and clears Ext and Locked. The
// record that stands for several learns has roamed. One of a locked port makes a
// locked entry, refreshes its own, and leaves every other alone
// (net/bridge/br_input.c, br_handle_frame_finish).
func seen(h cam.Hot, port uint16, kind, stamp uint64) (cam.Hot, verdict) {
	if kind&lockedBit != 0 {
		return seenLocked(h, port, stamp)
	}
	if h == 0 {
		return cam.MakeHot(port, 0, stamp), created
	}
	if h.Has(cam.Local) {
		return h, rejected
	}
	n := h.WithStamp(max(stamp, h.Stamp())) &^ cam.Inactive
	switch {
	case h.Port() == port && kind&roamedBit == 0:
		return n, refreshed
	case h.Has(cam.Sticky):
		return n, rejected
	}
	return n.WithPort(port) &^ (cam.Ext | cam.Locked), moved
}

func seenLocked(h cam.Hot, port uint16, stamp uint64) (cam.Hot, verdict) {
	switch {
	case h == 0:
		return cam.MakeHot(port, cam.Locked, stamp), created
	case shut(h, port):
		return h, rejected
	}
	return h.WithStamp(max(stamp, h.Stamp())) &^ cam.Inactive, refreshed
}

// shut reports whether an entry keeps a frame of a locked port from learning.
func shut(h cam.Hot, port uint16) bool { return h.Port() != port || !h.Has(cam.Locked) }

// entry returns what the main table holds of a key, under the pending lock.
func (t *Table) entry(k cam.Key) Entry {
	r, ok := t.main.Probe(k)
	if !ok {
		return Entry{}
	}
	return Entry{Hot: r.Hot(), Cold: r.Cold()}
}

// folding is a fold over one key, under the pending lock.
type folding struct {
	t       *Table
	key     cam.Key
	entry   Entry
	maker   *record // the record of this fold that made entry what it is
	recs    []*record
	flushes []*flush
	// commit says that the records are being used up: count, and note changes.
	commit bool
}

// run folds records and flushes in number order.
func (f *folding) run() Entry {
	recs, flushes := f.recs, f.flushes
	for len(recs) > 0 || len(flushes) > 0 {
		if len(recs) == 0 || len(flushes) > 0 && flushes[0].seq < recs[0].seq {
			f.flush(flushes[0])
			flushes = flushes[1:]
		} else {
			f.learn(recs[0])
			recs = recs[1:]
		}
	}
	if f.commit {
		f.late()
	}
	f.made(nil)
	return f.entry
}

// late applies what the flushes select by the state in hardware: that is judged
// when it is applied, so it spares what was learned since they were accepted. One
// that is held has been applied to all keys but those whose operation it overtook.
func (f *folding) late() {
	for _, fl := range f.flushes {
		overtook := f.t.ending != 0 && f.t.ending < fl.seq
		if fl.Late() && (fl.older == 0 || overtook) && fl.covers(f.key, f.entry) {
			f.kill(fl)
		}
	}
}

func (f *folding) flush(fl *flush) {
	if fl.kills(f.key, f.entry.Hot, f.entry.Seq) {
		f.kill(fl)
	}
}

func (f *folding) kill(fl *flush) {
	old := f.entry
	f.entry = Entry{}
	if !f.commit {
		return
	}
	fl.killed++
	if f.maker != nil {
		f.t.counts.of(f.maker.port).Superseded++
		f.maker = nil
	}
	f.t.note(Change{Key: f.key, Old: old, Cause: Flushed, Seq: fl.seq})
}

func (f *folding) learn(r *record) {
	old := f.entry
	h, v := seen(old.Hot, r.port, r.kind(), r.stamp)
	f.entry.Hot = h
	if v != rejected {
		f.entry.Seq = r.seq
	}
	cause := Activated
	switch v {
	case created:
		cause = Learned
		f.entry.Cold = cam.Cold{Seq: r.seq, Owner: f.t.owner}
	case moved:
		cause = Roamed
		if old.Hot&(cam.Ext|cam.User) == cam.Ext {
			f.entry.Owner = f.t.owner
		}
		if visible(old, f.entry) && !f.t.keep { // and not there and back
			f.entry.Offload = 0
		}
	}
	if !f.commit {
		return
	}
	if v == rejected {
		f.t.counts.of(r.port).Rejected++
	} else {
		f.made(r)
	}
	f.t.note(Change{Key: f.key, Old: old, New: f.entry, Cause: cause, Seq: r.seq})
}

// made says that the entry is now the work of r.
func (f *folding) made(r *record) {
	if f.maker != nil {
		f.t.counts.of(f.maker.port).Applied++
	}
	f.maker = r
	if !f.commit {
		f.maker = nil
	}
}

// peek returns the fold of a key without changing anything, under the pending
// lock, and what went into it.
func (t *Table) peek(d *descriptor, k cam.Key) (fold, base Entry, recs []*record) {
	base = t.entry(k)
	fold, recs = t.foldOf(d, k, base)
	return fold, base, recs
}

// foldOf is peek over another entry than that of the main table.
func (t *Table) foldOf(d *descriptor, k cam.Key, start Entry) (fold Entry, recs []*record) {
	t.scratch = d.records(t.scratch[:0], k)
	if len(t.scratch)+len(d.flushes) == 0 {
		start.Hot &^= private
		return start, nil
	}
	f := folding{t: t, key: k, entry: start, recs: t.scratch, flushes: d.flushes}
	f.entry.Hot &^= private
	return f.run(), t.scratch
}

// Get returns what Lookup returns, with all that belongs to it. It waits for
// the pending lock, so it sees every learn, flush and operation that was
// accepted before (I7).
func (t *Table) Get(k cam.Key) (Entry, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, _, _ := t.peek(t.desc.Load(), k)
	return e, e.Hot != 0
}

// counts reports whether an entry counts against LearnedMax.
func counts(h cam.Hot) bool { return h != 0 && h&(cam.User|cam.Local) == 0 }

func count(h cam.Hot) int {
	if counts(h) {
		return 1
	}
	return 0
}

// settle folds what is pending for a key over start into the main table, which
// holds base, and uses the records up. With stay the key ends up marked. Under
// the pending lock.
func (t *Table) settle(d *descriptor, k cam.Key, base, start Entry, stay bool) Entry {
	return t.settleAs(d, k, base, start, 0, stay)
}

// settleAs is settle of a start whose number is an old one, for the flushes: if
// nothing comes over it, it gets the number fresh. A reader that meets the same
// word twice must be able to tell that there was another between.
func (t *Table) settleAs(d *descriptor, k cam.Key, base, start Entry, fresh uint64, stay bool) Entry {
	t.scratch = d.records(t.scratch[:0], k)
	recs := t.scratch
	f := folding{t: t, key: k, entry: start, recs: recs, flushes: d.flushes, commit: true}
	f.entry.Hot &^= private
	final := f.run()
	if fresh != 0 && final.Hot != 0 && final.Seq == start.Seq {
		final.Seq = fresh
	}
	if reserving(recs) {
		t.reserved--
	}
	t.learned += count(final.Hot) - count(base.Hot)
	t.write(k, base, final, recs, stay)
	d.open.forget(k)
	d.sealed.forget(k)
	clear(recs)
	return final
}

// write brings the main table from base to final and consumes the records, in
// the order that readers rely on.
func (t *Table) write(k cam.Key, base, final Entry, recs []*record, stay bool) {
	var keep cam.Hot
	if stay {
		keep = marked
	}
	switch {
	case base.Hot == 0 && final.Hot == 0:
		consume(recs)
	case base.Hot == 0 && (!stay || len(recs) == 0):
		// A word without mark needs no window: no reader asks for records.
		t.main.Put(k, final.Hot|keep, final.Cold)
		consume(recs)
	case base.Hot == 0:
		t.main.Put(k, final.Hot|marked|settled, final.Cold)
		consume(recs)
		t.main.Unmark(k, settled)
	case final.Hot == 0:
		if len(recs) > 0 {
			t.window(k, base.Hot|gone)
			consume(recs)
		}
		t.main.Delete(k)
	case len(recs) == 0 && final.Cold == base.Cold && (final.Hot^base.Hot)&^private == 0:
		t.main.Mark(k, keep)
		t.main.Unmark(k, marked&^keep)
	default:
		t.window(k, final.Hot)
		t.main.Update(k, func(h cam.Hot, c cam.Cold) (cam.Hot, cam.Cold) {
			final.Used = max(final.Used, c.Used)
			return h, final.Cold
		})
		consume(recs)
		t.main.Unmark(k, settled|marked&^keep)
	}
}

// window makes a word the truth by itself, without its number.
func (t *Table) window(k cam.Key, want cam.Hot) {
	t.main.Update(k, func(h cam.Hot, c cam.Cold) (cam.Hot, cam.Cold) {
		return want.WithStamp(max(want.Stamp(), h.Stamp())) | marked | settled, c
	})
}

// consume tells readers that the records are in the main table, oldest first.
func consume(recs []*record) {
	for _, r := range recs {
		r.cell.word.Store(consumed)
	}
}
