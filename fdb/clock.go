package fdb

import (
	"sync/atomic"
	"time"
)

// tickLength is the unit of every stamp.
const tickLength = 10 * time.Millisecond

// clock is the table's coarse time: one atomic load where time.Now would cost
// as much as several lookups. Tick 0 is reserved for "never", so that a stamp of
// zero can mean it.
type clock struct {
	start   time.Time
	base    uint64 // start, as in an Instant
	ticks   atomic.Uint64
	exact   atomic.Int64  // nanoseconds since start
	changed chan struct{} // the hold time is another
}

func (c *clock) begin(start time.Time) {
	c.start = start
	c.base = InstantOf(start).since
	c.ticks.Store(1)
	c.changed = make(chan struct{}, 1)
}

// tick returns the current tick.
func (c *clock) tick() uint64 { return c.ticks.Load() }

// advance moves the clock to now; it never goes back.
func (c *clock) advance(now time.Time) uint64 {
	exact := int64(now.Sub(c.start))
	for old := c.exact.Load(); exact > old && !c.exact.CompareAndSwap(old, exact); {
		old = c.exact.Load()
	}
	t := c.at(now)
	for {
		old := c.ticks.Load()
		if t <= old {
			return old
		}
		if c.ticks.CompareAndSwap(old, t) {
			return t
		}
	}
}

// at returns the tick in which now lies.
func (c *clock) at(now time.Time) uint64 {
	if d := now.Sub(c.start); d > 0 {
		return uint64(d/tickLength) + 1
	}
	return 1
}

// time returns when a tick began; the zero time for tick 0.
func (c *clock) time(tick uint64) time.Time {
	if tick == 0 {
		return time.Time{}
	}
	return c.start.Add(time.Duration(tick-1) * tickLength)
}

// now returns the latest time that a Manual table was told, to the nanosecond.
func (c *clock) now() time.Time { return c.start.Add(time.Duration(c.exact.Load())) }
