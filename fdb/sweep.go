package fdb

import (
	"time"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
)

// sweep removes the entries that have not been heard of for the hold time, and
// makes those inactive that are watched. A pass begins when the oldest entry
// that the last one left is due; while nothing can become due there is none.
// Linux: br_fdb_cleanup (net/bridge/br_fdb.c).
type sweep struct {
	due     time.Time // when the next pass begins, or goes on; zero for never
	watched watchlist

	active bool
	before uint64     // entries with an older stamp are due in this pass
	cursor cam.Cursor // where the pass stands
	left   int        // how many of the watched it has not looked at
	stamp  uint64     // of the oldest entry found so far that can become due, 0 if none
	began  time.Time  // when the pass began, and how many had aged then; for hooks
	aged   uint64
}

// restart forgets the pass that is under way.
func (s *sweep) restart() { *s = sweep{due: s.due, watched: s.watched} }

// firstPass is when the first pass begins by a timer of its own. Linux:
// br_stp_enable_bridge (net/bridge/br_stp_if.c).
const firstPass = 100 * time.Millisecond

// begin arms the sweep of a new table.
func (s *sweep) begin(t *Table, now time.Time) {
	if t.timed() {
		s.due = now.Add(firstPass)
	}
}

// timed reports whether passes begin by a timer that entries do not arm: at the
// latest a hold time after the one before (br_fdb_cleanup).
func (t *Table) timed() bool {
	hold := t.ageing.ticks.Load()
	return t.cfg.Quirks.Has(QuirkTCKeepsGCTimer) && hold != 0 && hold != never
}

// rearm begins a pass at once, because the hold time is another.
func (s *sweep) rearm(t *Table) {
	s.restart()
	s.due = time.Time{}
	if t.ageing.ticks.Load() != never {
		s.due = t.now()
	}
}

// heard arms the sweep for an entry that is new or has changed. Whoever is
// overdue already leaves with the next pass, 10 ms from now.
func (s *sweep) heard(t *Table, c overlay.Change) {
	s.watched.note(c)
	if dynamic(c.New.Hot) || falls(c.New) {
		s.arm(t, c.New.Stamp())
	}
}

// arm sees to it that a pass comes to an entry of that stamp which can become due.
func (s *sweep) arm(t *Table, stamp uint64) {
	hold := t.ageing.ticks.Load()
	if hold == never {
		return
	}
	s.found(stamp)
	if s.active || t.timed() || hold == 0 && !s.due.IsZero() && t.cfg.Quirks.Has(QuirkTCKeepsGCTimer) {
		return // its end sets when the next one is due
	}
	if at := t.clock.time(stamp + hold); s.due.IsZero() || at.Before(s.due) {
		if soonest := t.now().Add(tickLength); at.Before(soonest) {
			at = soonest
		}
		if s.due.IsZero() || at.Before(s.due) {
			s.due = at
		}
	}
}

// found notes the stamp of an entry that can become due.
func (s *sweep) found(stamp uint64) {
	if s.stamp == 0 || stamp < s.stamp {
		s.stamp = stamp
	}
}

// step does a chunk of a pass that is due.
func (s *sweep) step(t *Table, now time.Time) bool {
	if s.due.IsZero() || s.due.After(now) {
		return false
	}
	tick, hold := t.clock.advance(now), t.ageing.ticks.Load()
	if !s.active {
		s.restart()
		s.active, s.left = true, len(s.watched.keys)
		s.began, s.aged = now, t.stats.aged.Load()
		if tick >= hold {
			s.before = tick - hold + 1
		}
	}
	switch {
	case !s.cursor.Done():
		if t.stations.Flushing() {
			return false // it goes on when the flush was applied, which is under way
		}
		swept := t.stations.Sweep(s.before, s.cursor, chunkEntries)
		s.cursor = swept.Next
		if swept.Oldest <= cam.MaxStamp {
			s.found(swept.Oldest)
		}
		t.stats.aged.Add(uint64(swept.Removed))
		t.flushChanges()
	case s.left > 0:
		t.silence(s)
	default:
		s.finish(t, now, tick, hold)
	}
	return true
}

// finish sets when the next pass is due: when the oldest entry is, but not at
// once, so that one that is overdue and in somebody's hands does not keep the
// sweep going round.
func (s *sweep) finish(t *Table, now time.Time, tick, hold uint64) {
	s.active, s.due = false, time.Time{}
	defer func() {
		hook(t, t.trace.Swept, SweepTrace{Aged: int(t.stats.aged.Load() - s.aged), Took: now.Sub(s.began), Next: s.due})
	}()
	if s.stamp == 0 {
		if t.timed() {
			s.due = t.clock.time(tick + hold)
		}
		return
	}
	next := s.stamp + hold
	if next <= tick {
		next = tick + max(hold/100, 1)
	}
	s.due = t.clock.time(next)
	if soonest := now.Add(tickLength); s.due.Before(soonest) {
		s.due = soonest
	}
}
