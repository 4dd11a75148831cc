package fdb

import (
	"time"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/switchdev"
)

// Ageing returns the ageing time.
func (t *Table) Ageing() time.Duration { return time.Duration(t.ageing.Load()) }

// SetAgeing changes the ageing time, with the meaning of Config.Ageing. Entries
// that are overdue by a shorter one leave at once, a longer one keeps them.
// Devices are told by whoever owns the bridge. It fails with
// [switchdev.ErrInvalid] for a time under 10 ms or over ten years. Linux: br_set_ageing_time.
func (t *Table) SetAgeing(d time.Duration) error {
	if badAgeing(d) {
		return &switchdev.OpError{Op: "fdb.ageing", Object: d.String(), Reason: "not from 10 ms to ten years", Err: switchdev.ErrInvalid}
	}
	if d == 0 {
		d = DefaultAgeing
	}
	t.ageing.Store(int64(d))
	<-t.slot
	t.sweep.arm(t, t.now())
	if !t.sweep.due.IsZero() {
		t.sweep.due = t.now() // what a shorter time makes overdue leaves now
	}
	t.unlock()
	signal(t.clock.changed)
	t.nudge()
	return nil
}

// sweep removes the entries that have not been heard of for the ageing time. A
// pass begins when the oldest entry that the last one left is due.
type sweep struct {
	due    time.Time // when the next pass begins, or goes on
	active bool
	before uint64     // entries with an older stamp are due in this pass
	cursor cam.Cursor // where the pass stands
	oldest cam.Cursor // where the search for the oldest entry stands
	stamp  uint64     // of the oldest entry found so far, 0 if none
}

// arm sets when the first pass is due.
func (s *sweep) arm(t *Table, now time.Time) {
	*s = sweep{}
	switch a := t.Ageing(); {
	case a == NoLearning:
		s.due = now
	case a > 0:
		s.due = now.Add(a)
	}
}

// hold is the ageing time in ticks. A stamp is older than the frame by up to one
// step of the clock, which is added, so that nothing leaves too early.
func (t *Table) hold() uint64 {
	age := t.Ageing()
	if age == NoLearning {
		return 0
	}
	step := tickLength
	if !t.cfg.Manual {
		step = t.period()
	}
	return uint64((age + step + tickLength - 1) / tickLength)
}

// step does a chunk of a pass that is due.
func (s *sweep) step(t *Table, now time.Time) bool {
	if s.due.IsZero() || s.due.After(now) {
		return false
	}
	tick, hold := t.clock.advance(now), t.hold()
	if !s.active {
		*s = sweep{due: s.due, active: true}
		if tick >= hold {
			s.before = tick - hold + 1
		}
	}
	if s.before > 0 && !s.cursor.Done() && !t.stations.Flushing() {
		var n int
		s.cursor, n = t.stations.Expire(s.before, s.cursor, chunkEntries)
		t.stats.aged.Add(uint64(n))
		t.flushChanges()
		return true
	}
	s.oldest = t.stations.Main().ScanMatch(s.oldest, chunkSegments, cam.Match{Mask: cam.Static | cam.Local | cam.Ext}, func(_ cam.Key, r cam.Ref) bool {
		if at := r.Hot().Stamp(); s.stamp == 0 || at < s.stamp {
			s.stamp = at
		}
		return true
	})
	if s.oldest.Done() {
		s.finish(t, tick, hold)
	}
	return true
}

// finish sets when the next pass is due: when the oldest entry is, but not at
// once, so that one that is overdue and in somebody's hands does not keep the
// sweep going round.
func (s *sweep) finish(t *Table, tick, hold uint64) {
	s.active = false
	if hold == 0 {
		s.due = time.Time{} // nothing is learned, so nothing more can be due
		if s.stamp != 0 {
			s.due = t.clock.time(tick + 1)
		}
		return
	}
	next := tick + hold
	if s.stamp != 0 {
		next = s.stamp + hold
	}
	if next <= tick {
		next = tick + max(hold/100, 1)
	}
	s.due = t.clock.time(next)
}
