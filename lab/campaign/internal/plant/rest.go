package plant

import (
	"errors"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/lab/campaign/internal/oracle"
	"github.com/switchcore/switchcore/switchdev"
)

// Rest implements [sim.Part]: faults are over and time has passed, so everything
// has an outcome, and table, oracle, devices and followers agree.
func (p *Plant) Rest() {
	p.read()
	if p.waiting > 0 || len(p.jobs) > 0 {
		p.w.Fail(invDeadline, "%d operations and %d jobs have not ended", p.waiting, len(p.jobs))
	}
	if n := p.table.Stats().Pending; n > 0 {
		p.w.Fail(invConserve, "%d stations are still pending", n)
	}
	for _, k := range p.keys {
		if p.doubt[k] {
			p.adopt(k)
		}
		if told, want := p.told(k), p.model.Value(k); !told.Same(want) {
			p.w.Fail(invOrder, "%v is %v by the events and %v by the list", k, told, want)
		}
	}
	for i := 0; i < 50 && !p.quiet(); i++ {
		p.w.Pass(100 * time.Millisecond) // something may just have aged out
	}
	for _, c := range p.chips {
		if n := len(c.Operations()); n > 0 && !c.limited() { // a full one is asked again and again
			p.w.Fail(invConverge, "%s still works at %d batches", c.Name(), n)
		}
	}
	for _, d := range p.table.Devices() {
		if d.Breaker == fdb.BreakerOpen || d.Queued+d.InFlight > 0 && p.unlimited() {
			p.w.Fail(invConverge, "at rest a device is %+v", d)
		}
	}
	p.checks++
	p.same()
	p.rows(true)
	p.offloaded()
	p.followers()
	p.calm = p.unlimited()
	for _, c := range p.chips {
		c.clings = false
	}
}

// read has the table look at the chips that may have lied to it: only so can it
// find out.
func (p *Plant) read() {
	lied := false
	for i, c := range p.chips {
		if !c.unsure() {
			c.deafens = false
		}
		if c.unsure() && !c.liar() {
			lied = true
			p.reconcile([]int64{int64(i)})
		}
	}
	if !lied {
		return
	}
	p.w.Pass(p.Settling())
	for _, c := range p.chips {
		c.lies, c.deafens = false, false
	}
	p.checks++
}

// offloaded: the flag is true exactly where there is a device and all hold it.
func (p *Plant) offloaded() {
	for _, k := range p.keys {
		e, ok := p.follower.state[k]
		if !ok {
			continue
		}
		want, refused, unsure := fdb.OffloadNone, false, false
		for _, c := range p.chips {
			unsure = unsure || c.unsure()
			if row, ok := c.wants(oracle.Of(e)); ok {
				want = fdb.Offloaded
				refused = refused || !c.has(k, oracle.Of(e), row)
			}
		}
		if refused {
			want = fdb.OffloadFailed
		}
		if e.Offload != want && !unsure {
			p.w.Fail(invOffload, "at rest %v is %v and %v, want %v", k, oracle.Of(e), e.Offload, want)
		}
	}
}

// followers: whoever reads to the end knows the table.
func (p *Plant) followers() {
	for _, wt := range p.watchers {
		wt.drain()
		if !wt.synced {
			p.w.Fail(invEvents, "a replay does not end")
		}
		if len(wt.state) != len(p.follower.state) {
			p.w.Fail(invEvents, "a follower knows %d entries of %d", len(wt.state), len(p.follower.state))
		}
		for _, k := range p.keys {
			got, e := wt.state[k], p.follower.state[k]
			if !oracle.Of(got).Same(oracle.Of(e)) || got.Offload != e.Offload || got.Owner != e.Owner {
				p.w.Fail(invEvents, "a follower has %s, another %s", show(got), show(e))
			}
		}
	}
	for _, pic := range p.pictures {
		p.lookAgain(pic)
	}
}

// Close implements [sim.Part]. Some operations are under way, and some have not
// been looked at, when the table is closed.
func (p *Plant) Close() {
	for i, k := range p.keys[:min(len(p.keys), 6)] {
		if i == 3 {
			p.table.Poll(p.w.Now)
		}
		p.submit(oracle.Replace, k, p.port(int64(i)), fdb.Static)
	}
	flush := p.table.SubmitFlush(fdb.Everything())
	err := p.table.Close()
	if err != nil && !errors.Is(err, switchdev.ErrDeviceUnavailable) {
		p.w.Fail(invClose, "Close: %v", err)
	}
	for _, k := range p.keys {
		for _, o := range p.queues[k] {
			p.endedByClose(o.ticket)
		}
	}
	p.endedByClose(flush)
	p.endedByClose(p.table.SubmitDelete(p.keys[0], 1))
	if again := p.table.Close(); !errors.Is(again, err) && again != err {
		p.w.Fail(invClose, "Close again: %v, not %v", again, err)
	}
	for _, wt := range append(p.watchers, p.follower) {
		for range 1 << 16 {
			if _, ok, err := wt.sub.TryNext(); !ok && errors.Is(err, switchdev.ErrClosed) {
				break
			} else if !ok && err == nil {
				p.w.Fail(invClose, "a follower is not told of the end")
			}
		}
	}
	p.audit()
}

func (p *Plant) endedByClose(k *fdb.Ticket) {
	err := k.Err()
	known := err == nil || errors.Is(err, switchdev.ErrClosed) || errors.Is(err, switchdev.ErrOutcomeUnknown) ||
		errors.Is(err, switchdev.ErrNoSpace) || errors.Is(err, switchdev.ErrPortGone)
	if !done(k) || !known {
		p.w.Fail(invClose, "after Close an operation has ended: %v with %v", done(k), err)
	}
}

// audit has the chips look at their logs, and closes them.
func (p *Plant) audit() {
	for _, c := range p.chips {
		if err := c.Chip.Close(); err != nil {
			p.w.Fail(invClose, "%s: Close: %v", c.Name(), err)
		}
		if c.liar() {
			continue
		}
		for _, v := range c.Audit() {
			// What faults did to rows is no fault of whoever drove the chip.
			if v.Rule != hwsim.RuleCorrupt {
				p.w.Fail(invAudit, "%s: %v", c.Name(), v)
			}
		}
	}
}
