package hwsim

import (
	"math"
	"time"
)

// advance executes and finishes everything that is due, in the order in which
// it is due, and returns when to come back; 0 for never.
func (c *Chip) advance(now int64) int64 {
	c.cancelEnded()
	for {
		j, due := c.earliest()
		limit := min(now, due)
		at, some := c.timer()
		if some && at <= limit {
			c.fire(limit)
			continue
		}
		if j == nil || due > now {
			return soonest(due, at, j != nil, some)
		}
		if j.next < j.n {
			c.execute(j)
		}
		if !j.gone && j.next == j.n && !j.stuck() {
			c.finish(j)
		}
	}
}

// soonest returns when the next batch or the next event is due, whichever there
// is and comes first; 0 if there is neither.
func soonest(due, at int64, job, event bool) int64 {
	switch {
	case job && event:
		return max(min(due, at), 1)
	case job:
		return max(due, 1)
	case event:
		return max(at, 1)
	}
	return 0
}

// earliest returns the batch whose next step is due first, among those at the
// head of their queues that a fault does not keep.
func (c *Chip) earliest() (*job, int64) {
	var first *job
	due := int64(math.MaxInt64)
	for _, lane := range c.lanes {
		if len(lane) == 0 {
			continue
		}
		j := lane[0]
		if j.stuck() || j.next < j.n && !c.prepare(j) {
			continue
		}
		if first == nil || j.due < due || j.due == due && j.id < first.id {
			first, due = j, j.due
		}
	}
	return first, due
}

func (c *Chip) cancelEnded() {
	for _, j := range c.inFlight() {
		if j.ctx.Err() != nil && !j.deaf() {
			c.cancel(j)
		}
	}
}

// poke wakes whoever drives the chip.
func (c *Chip) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Wake returns the channel that becomes ready when a Manual chip has something
// to do before the instant that [Chip.Poll] returned last.
func (c *Chip) Wake() <-chan struct{} { return c.wake }

// Poll executes everything that is due at now, delivers answers and reports,
// ages rows and takes in the frames that wait on wires. It never waits. It
// returns when it is to be called again; the zero time says that only a
// message on [Chip.Wake] or a frame on a wire makes work. Time never goes
// back: an earlier now counts as the latest one. The first call sets the
// instant that the chip's time counts from.
//
// Poll is for Manual chips; on others it does nothing and returns the zero
// time.
func (c *Chip) Poll(now time.Time) (next time.Time) {
	if !c.cfg.Manual {
		return time.Time{}
	}
	c.mu.Lock()
	if !c.based {
		c.base, c.based = now, true
	}
	c.elapsed = max(c.elapsed, int64(now.Sub(c.base)))
	c.mu.Unlock()
	c.drainWires()
	select {
	case <-c.wake:
	default:
	}
	at := c.step()
	if at == 0 {
		return time.Time{}
	}
	return c.instant(at)
}

// step is one pass of whoever drives the chip.
func (c *Chip) step() int64 {
	c.mu.Lock()
	at := int64(0)
	if !c.closed {
		c.stepping = true
		at = c.advance(c.now())
		c.stepping, c.promised = false, at
	}
	c.mu.Unlock()
	c.flush()
	return at
}

// run is the worker of a chip that is not Manual.
func (c *Chip) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		var tick <-chan time.Time
		if at := c.step(); at != 0 {
			timer.Reset(time.Duration(max(at-c.now(), 0)))
			tick = timer.C
		}
		select {
		case <-c.quit:
			return
		case <-c.wake:
		case <-tick:
		}
	}
}
