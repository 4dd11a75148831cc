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
)

// String returns the outcome in one word.
func (o Outcome) String() string {
	names := [...]string{"known", "refreshed", "queued", "moved", "kept", "own", "full", "limited", "barred"}
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
	d := t.desc.Load()
	var h cam.Hot
	if len(d.active) == 0 {
		h, _ = t.main.Find(k)
	} else {
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
	return t.queue(k, port, tick)
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
	if x.n.Load() == 0 {
		return false
	}
	known := false
	x.cells(k, func(c *cell) {
		w := c.word.Load()
		known = known || w != consumed && uint16(w>>48) == port && c.stamp.Load() >= tick
	})
	return known
}

// queue is Learn for whatever needs a record.
func (t *Table) queue(k cam.Key, port uint16, tick uint64) Outcome {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.barred[port]; ok {
		t.counts.of(port).Barred++
		return Barred
	}
	d := t.desc.Load()
	now, base, recs := t.peek(d, k)
	outcome := t.judge(d, k, now, base, recs, port, tick)
	switch outcome {
	case Full:
		t.counts.of(port).Full++
	case Limited:
		t.counts.of(port).Limited++
	case Queued, Moved, Refreshed, Kept:
		t.record(d, record{key: k, port: port, stamp: tick}, base, recs)
	}
	return outcome
}

// judge says what a learn comes to; Own, Known, Full, Limited need no record.
func (t *Table) judge(d *descriptor, k cam.Key, now, base Entry, recs []*record, port uint16, tick uint64) Outcome {
	_, busy := t.busy[k]
	if n := len(recs); n > 0 {
		if r := recs[n-1]; r.port == port && r.stamp >= tick && !d.flushedSince(r.seq) {
			return Known
		}
	}
	switch {
	case now.Hot == 0 && t.limits.pending >= 0 && d.live() >= t.limits.pending:
		return Full
	case now.Hot == 0 && len(recs) == 0 && !counts(base.Hot) && t.limits.learned > 0 &&
		t.learned+t.reserved >= t.limits.learned:
		return Limited
	case now.Hot == 0:
		return Queued
	case now.Has(cam.Local) && !busy:
		return Own
	case now.Port() == port:
		return Refreshed
	case now.Hot&(cam.Sticky|cam.Local) != 0:
		return Kept
	}
	return Moved
}

// record makes a learn pending, by changing the newest record of the key where
// nothing lies between.
func (t *Table) record(d *descriptor, r record, base Entry, recs []*record) {
	g := d.open
	r.seq = t.draw()
	if g.first == 0 {
		g.first = r.seq
	}
	t.counts.of(r.port).Accepted++
	if last := g.last(r.key); last != nil && !d.flushedSince(last.seq) {
		t.absorb(last, &r)
		last.seq, last.port = r.seq, r.port
		last.change()
		return
	}
	if len(recs) == 0 && !counts(base.Hot) {
		t.reserved++
	}
	g.insert(r)
	if base.Hot != 0 && base.Hot&marked == 0 {
		t.main.Mark(r.key, marked)
	}
}

// absorb counts the older of two records without a flush between as coalesced
// into the newer, and gives old what both know.
func (t *Table) absorb(old, newer *record) {
	t.counts.of(old.port).Coalesced++
	old.roamed = old.roamed || newer.roamed || old.port != newer.port
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
