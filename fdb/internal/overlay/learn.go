package overlay

import "github.com/switchcore/switchcore/fdb/internal/cam"

// Outcome is what a learn came to.
type Outcome uint8

// The outcomes.
const (
	Known     Outcome = iota // the table says so already, in this tick
	Refreshed                // known; the stamp is new now, or will be
	Queued                   // a new station: every lookup from now on hits
	Moved                    // known on another port: every lookup from now on says so
	Kept                     // sticky on another port: refreshed there
	Own                      // the bridge's own address: nothing was done
	Full                     // new, and too many are pending: nothing was done
	Limited                  // new, and too many are learned: nothing was done
	Barred                   // the port is barred: nothing was done
	Shut                     // seen on a locked port, and not locked there: nothing was done
	Vetoed                   // hardware refused it there a moment ago: nothing was done
)

// String returns the outcome in one word.
func (o Outcome) String() string {
	names := [...]string{"known", "refreshed", "queued", "moved", "kept", "own", "full", "limited", "barred", "shut", "vetoed"}
	if int(o) < len(names) {
		return names[o]
	}
	return "outcome"
}

// Accepted reports whether the station is in the table because of the learn or
// before it.
func (o Outcome) Accepted() bool { return o <= Kept }

// Learn notes that a frame from station k came in on a port, at a tick of 10
// ms. It never waits for hardware. For a station that is known on the port it
// takes no lock and allocates nothing; otherwise it takes the pending lock for
// a moment.
func (t *Table) Learn(k cam.Key, port uint16, tick uint64) Outcome {
	v := t.View()
	h := t.main.Get(k.Word())
	if v.Knows(h, port, tick) {
		return Known
	}
	return t.LearnIn(v, k, h, port, tick)
}

// LearnIn is the last step of [Table.Learn] where the view does not know what it
// says; see [View].
func (t *Table) LearnIn(v View, k cam.Key, h cam.Hot, port uint16, tick uint64) Outcome {
	d := v.d
	if d.bars(k, port) {
		return t.barredOn(port)
	}
	h &^= cam.Frozen
	if len(d.active) > 0 {
		h = t.standing(d, k)
	}
	if h != 0 && h&marked == 0 {
		switch {
		case h&cam.Local != 0:
			return Own
		case h&cam.Inactive != 0:
		case h.Port() == port:
			if h.Stamp() >= tick {
				return Known
			}
			if t.raise(k, h, tick) {
				return Refreshed
			}
		case h&cam.Sticky != 0:
			if h.Stamp() >= tick || t.raise(k, h, tick) {
				return Kept
			}
		}
	} else if len(d.flushes) == 0 && d.open.index.knows(k, port, tick) {
		return Known
	}
	return t.queue(&record{key: k, port: port, stamp: tick})
}

// LearnLocked notes that a frame from station k came in on a locked port that
// notes such stations (MAC authentication bypass): a station of which nothing is
// known becomes an entry with the flag Locked, one that is locked on this port
// is refreshed, and every other is left alone with the outcome [Shut].
func (t *Table) LearnLocked(k cam.Key, port uint16, tick uint64) Outcome {
	d := t.desc.Load()
	if d.bars(k, port) {
		return t.barredOn(port)
	}
	if h := t.standing(d, k); h != 0 && h&marked == 0 {
		switch {
		case shut(h, port):
			return Shut
		case h&cam.Inactive != 0:
		case h.Stamp() >= tick:
			return Known
		case t.raise(k, h, tick):
			return Refreshed
		}
	}
	return t.queue(&record{key: k, port: port, stamp: tick, locked: true})
}

// standing returns what the main table holds, 0 if a pending flush covers it.
func (t *Table) standing(d *descriptor, k cam.Key) cam.Hot {
	h, seq := t.read(k)
	for _, f := range d.active {
		if f.kills(k, h, seq) {
			return 0
		}
	}
	return h
}

// raise brings the stamp of an unmarked entry to tick, if port and flags are
// those of h.
func (t *Table) raise(k cam.Key, h cam.Hot, tick uint64) bool {
	_, o := t.main.Refresh(k, h, cam.PortMask|cam.FlagMask, tick)
	return o == cam.Known
}

// knows reports whether the newest record of a key says what a learn says. It
// is right only when no flush is pending: then there is at most one that is
// live in the open generation, and none newer elsewhere.
func (x *index) knows(k cam.Key, port uint16, tick uint64) bool {
	for s := x.search(k); s.next(); {
		w := s.cell.word.Load()
		if w != consumed && w&lockedBit == 0 && uint16(w>>48) == port && s.cell.stamp.Load() >= tick {
			return true
		}
	}
	return false
}

// barredOn counts a learn on a port that is barred.
func (t *Table) barredOn(port uint16) Outcome {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.of(port).Barred++
	return Barred
}

// queue is Learn for whatever needs a record.
func (t *Table) queue(r *record) Outcome {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.desc.Load()
	if d.bars(r.key, r.port) {
		t.counts.of(r.port).Barred++
		return Barred
	}
	now, base, recs := t.peek(d, r.key)
	outcome := t.judge(d, now, base, recs, r)
	switch outcome {
	case Full:
		t.counts.of(r.port).Full++
	case Limited:
		t.counts.of(r.port).Limited++
	case Vetoed:
		t.counts.of(r.port).Vetoed++
	case Queued, Moved, Refreshed, Kept:
		if len(t.vetoes.of) > 0 && (outcome == Queued || outcome == Moved) {
			t.vetoes.lift(r.key)
		}
		t.record(d, *r, base, recs)
	}
	return outcome
}

// judge says what a learn comes to; Queued, Moved, Refreshed and Kept need a
// record, and r says then whether room is to be kept for the entry.
func (t *Table) judge(d *descriptor, now, base Entry, recs []*record, r *record) Outcome {
	if now.Hot != 0 && r.locked && shut(now.Hot, r.port) {
		return Shut
	}
	if n := len(recs); n > 0 {
		if last := recs[n-1]; r.extends(last) && last.port == r.port && last.stamp >= r.stamp && !d.flushedSince(last.seq) {
			return Known
		}
	}
	b, busy := t.busy[r.key]
	outcome := outcomeOf(now.Hot, r.port, busy)
	switch {
	case outcome == Own:
		return Own
	case outcome == Queued && t.limits.pending >= 0 && d.live() >= t.limits.pending:
		return Full
	case (outcome == Queued || outcome == Moved) && t.vetoes.forbids(r):
		return Vetoed
	}
	// Only a record can make an entry that counts, unless what the main table
	// holds counts already and makes room for it: for what is not there, and for
	// what an operation in flight may remove.
	r.reserves = (outcome == Queued || busy) && !counts(base.Hot) && !b.reserves && !reserving(recs)
	if r.reserves && t.limited() || outcome == Queued && t.exceeded() {
		return Limited
	}
	return outcome
}

// exceeded reports whether more is learned than may be, because the limit was
// lowered: then a station that a pending flush covers does not come back into
// the place that it still has.
func (t *Table) exceeded() bool {
	return t.limits.learned > 0 && t.learned+t.reserved > t.limits.learned
}

// outcomeOf is what a learn makes of what lookups see.
func outcomeOf(now cam.Hot, port uint16, busy bool) Outcome {
	switch {
	case now == 0:
		return Queued
	case now.Has(cam.Local) && !busy:
		return Own
	case now.Port() == port:
		return Refreshed
	case now&(cam.Sticky|cam.Local) != 0:
		return Kept
	}
	return Moved
}

// limited reports whether there is no room for one more learned entry.
func (t *Table) limited() bool {
	return t.limits.learned > 0 && t.learned+t.reserved >= t.limits.learned
}

// reserving reports whether room is kept for the entry that records make.
func reserving(recs []*record) bool {
	for _, r := range recs {
		if r.reserves {
			return true
		}
	}
	return false
}

// record makes a learn pending, by changing the newest record of the key where
// nothing lies between.
func (t *Table) record(d *descriptor, r record, base Entry, recs []*record) {
	g := d.open
	r.seq = t.draw()
	if g.first == 0 {
		g.first = r.seq
	}
	if r.reserves {
		t.reserved++
	}
	t.counts.of(r.port).Accepted++
	var last *record
	if len(recs) > 0 {
		last = g.last(r.key)
	}
	if last != nil && r.extends(last) && !d.flushedSince(last.seq) {
		t.absorb(last, &r)
		last.seq, last.port = r.seq, r.port
		last.change()
		return
	}
	g.insertAfter(last, r)
	if base.Hot != 0 && base.Hot&marked == 0 {
		t.main.Mark(r.key, marked)
	}
}

// extends reports whether r, which is newer than o, and o are one record: a frame
// of a locked port after one that was not does nothing but refresh, on the same
// port, and one that was not may do more than a locked one said.
func (r *record) extends(o *record) bool {
	return r.locked && r.port == o.port || !r.locked && !o.locked
}

// absorb counts the older of two records without a flush between as coalesced
// into the newer, and gives old what both know.
func (t *Table) absorb(old, newer *record) {
	t.counts.of(old.port).Coalesced++
	old.roamed = old.roamed || newer.roamed || old.port != newer.port
	old.locked = old.locked && newer.locked
	old.reserves = old.reserves || newer.reserves
	old.stamp = max(old.stamp, newer.stamp)
}

func (d *descriptor) live() int {
	n := d.open.live
	if d.sealed != nil {
		n += d.sealed.live
	}
	return n
}

// flushedSince reports whether a pending flush is newer than a number.
func (d *descriptor) flushedSince(seq uint64) bool {
	n := len(d.flushes)
	return n > 0 && d.flushes[n-1].seq > seq
}
