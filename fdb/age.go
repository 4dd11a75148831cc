package fdb

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/switchdev"
)

// ageing is how long entries live. It is changed with the slot held.
type ageing struct {
	time   atomic.Int64  // Config.Ageing
	change atomic.Int64  // the hold time of a topology change; 0 without one
	ticks  atomic.Uint64 // the hold time as the sweep counts it; see holdTicks
}

// never is the hold time, in ticks, of entries that do not age.
const never = math.MaxUint64

// Ageing returns the ageing time.
func (t *Table) Ageing() time.Duration { return time.Duration(t.ageing.time.Load()) }

// Hold returns how long a dynamic entry lives now without being seen, with the
// meaning of Config.Ageing: the ageing time, or that of a topology change while
// there is one. Linux: hold_time (net/bridge/br_fdb.c).
func (t *Table) Hold() time.Duration {
	a := t.Ageing()
	if change := t.ageing.change.Load(); change > 0 && (a != NoLearning || t.cfg.Quirks.Has(QuirkTCKeepsGCTimer)) {
		return time.Duration(change)
	}
	return a
}

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
	t.rearm(t.cfg.Quirks.Has(QuirkTCKeepsGCTimer), func() { t.ageing.time.Store(int64(d)) })
	return nil
}

// TopologyChange tells the table that the spanning tree has changed: until it is
// called with 0, dynamic entries live for hold without being seen, whatever the
// ageing time is, and those that are overdue leave at once. A table that does
// not learn stays so. hold is the forward delay of the tree, from 10 ms to ten
// years; anything else is [switchdev.ErrInvalid]. It waits for the commit slot,
// which nobody holds for long.
//
// Linux: __br_set_topology_change (net/bridge/br_stp.c), whose sweep begins when
// it would have begun anyway, with the default ageing time minutes too late; so
// does that of a table with [QuirkTCKeepsGCTimer].
func (t *Table) TopologyChange(hold time.Duration) error {
	if hold < 0 || badAgeing(hold) || hold == NoLearning {
		return &switchdev.OpError{Op: "fdb.topology", Object: hold.String(), Reason: "not from 10 ms to ten years", Err: switchdev.ErrInvalid}
	}
	t.rearm(false, func() { t.ageing.change.Store(int64(hold)) })
	return nil
}

// rearm changes the hold time and begins a pass with it, if it is another or always
// is set.
func (t *Table) rearm(always bool, change func()) {
	<-t.slot
	before := t.Hold()
	change()
	t.ageing.ticks.Store(t.holdTicks())
	another := t.Hold() != before
	if t.cfg.Quirks.Has(QuirkTCKeepsGCTimer) {
		another = another && before == NoLearning // else that alone is no reason
	}
	if always || another {
		t.sweep.rearm(t)
	}
	t.unlock()
	signal(t.clock.changed)
	t.nudge()
}

// deaf reports whether nothing is learned.
func (t *Table) deaf() bool { return t.ageing.ticks.Load() == 0 }

// holdTicks is the hold time in ticks. A stamp is older than the frame by up to
// one step of the clock, which is added, so that nothing leaves too early.
func (t *Table) holdTicks() uint64 {
	hold := t.Hold()
	switch {
	case hold == NoLearning:
		return 0
	case hold < 0:
		return never
	}
	step := tickLength
	if !t.cfg.Manual {
		step = t.period()
	}
	return uint64((hold + step + tickLength - 1) / tickLength)
}

// stale reports whether a dynamic entry is overdue. The sweep, which removes
// what is, goes by the same clock and the same time.
func (t *Table) stale(h cam.Hot) bool { return h != 0 && overdue(h, t.staleBefore()) }

// staleBefore returns the stamp before which a dynamic entry is overdue now.
func (t *Table) staleBefore() uint64 { return staleBefore(t.clock.tick(), t.ageing.ticks.Load()) }

func staleBefore(now, hold uint64) uint64 {
	if hold > now {
		return 0
	}
	return min(now-hold, cam.MaxStamp) + 1
}

// overdue reports whether an entry is dynamic and has a stamp before limit. The flags
// of those that do not age stand above the stamp and make it larger than any.
func overdue(h cam.Hot, limit uint64) bool { return uint64(h&aged) < limit }

// ageless are the flags of entries that do not age, aged is what overdue looks at.
const (
	ageless = cam.Static | cam.Local | cam.Ext
	aged    = cam.StampMask | ageless
)

// dynamic reports whether an entry ages (br_fdb.c, has_expired).
func dynamic(h cam.Hot) bool { return h != 0 && h&ageless == 0 }
