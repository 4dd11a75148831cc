package plant

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/switchdev"
)

// strayOps are what somebody else does to a chip: whoever owns the bridge has it
// forget what it learned, and rows come into it that the table knows nothing of.
func (p *Plant) strayOps() []sim.Op {
	draw := func(r *rand.Rand) ([]int64, bool) {
		return []int64{r.Int64N(64), r.Int64N(1 << 12), r.Int64N(64), r.Int64N(64)}, len(p.chips) > 0
	}
	return []sim.Op{
		{Name: "chipflush", Weight: 3, Draw: draw, Do: p.chipFlush},
		{Name: "stray", Weight: 2, Draw: draw, Do: p.stray},
	}
}

// chipFlush has a chip forget what it learned on a port, or on all of them. It
// reports that.
func (p *Plant) chipFlush(a []int64) {
	c := p.chipArg(a)
	if c == nil {
		return
	}
	op := switchdev.FDBFlushOp{Op: c.op()}
	if n := index(sim.Arg(a, 1), len(c.ports)+1); n > 0 {
		op.Port = c.ports[n-1]
	}
	if n := index(sim.Arg(a, 2), p.set.vlans+1); n > 0 {
		op.VLAN = switchdev.VLAN(10 * n)
	}
	var result [1]switchdev.Result
	c.FlushFDB(context.Background(), []switchdev.FDBFlushOp{op}, result[:])
	p.w.Log("%s forgets port %v, vlan %v: %v", c.Name(), op.Port, op.VLAN, result[0].Err)
}

// heardFlush tells the oracle what the table does about a chip that forgot: what
// leaves a port that goes down, in one VLAN or in all.
func (p *Plant) heardFlush(r heard) {
	c := r.c
	flush := func(f fdb.Filter) {
		f.VLAN = r.Key.VLAN
		p.model.Flush(f)
		p.late = append(p.late, lateFlush{f, nil})
		for k, q := range p.queues {
			if len(q) > 0 {
				p.doubt[k] = true
			}
		}
		p.grace = p.w.Now // the sweep gives way to it
	}
	switch {
	case r.Domain != switchdev.Domain(c.set.domain), r.Port != 0 && !c.set.everyport && !c.claims[r.Port]:
	case r.Port != 0:
		flush(fdb.OnPort(r.Port))
	case c.set.everyport:
		flush(fdb.Filter{Mask: fdb.Static | fdb.Local, KeepExtern: true})
	default:
		for i := range p.set.ports {
			if port := switchdev.PortID(i + 1); c.claims[port] {
				flush(fdb.OnPort(port))
			}
		}
	}
}

// endOwn forgets the flushes of the table's own that have been applied: all, when
// no operation is under way that they may have to wait for.
func (p *Plant) endOwn() {
	if p.waiting == 0 {
		p.late = slices.DeleteFunc(p.late, func(l lateFlush) bool { return l.job == nil })
	}
}

// stray puts a row into a chip that the table did not ask for. It finds it when it
// reads the chip, and takes it away, or over.
func (p *Plant) stray(a []int64) {
	c := p.chipArg(a)
	if c == nil {
		return
	}
	k := p.key(sim.Arg(a, 1))
	if p.first(k) != nil || c.set.latency > 0 || len(c.faults)+len(c.Operations()) > 0 {
		return // two write at once
	}
	op := switchdev.FDBOp{Op: c.op(), Verb: switchdev.FDBSet, Entry: switchdev.FDBEntry{
		Key: k, Port: c.ports[index(sim.Arg(a, 2), len(c.ports))],
		Flags: [...]switchdev.FDBFlags{0, switchdev.FDBStatic, switchdev.FDBStatic | switchdev.FDBSticky}[index(sim.Arg(a, 3), 3)],
	}}
	c.lies = true // what the table believes is not so, until it looks
	p.calm = false
	c.SubmitFDB(context.Background(), []switchdev.FDBOp{op}, make([]switchdev.Result, 1), func() {})
	c.Poll(p.w.Now)
	p.w.Log("%s: a stray row %v on %v, %v", c.Name(), k, op.Entry.Port, op.Entry.Flags)
	if index(sim.Arg(a, 3)/3, 2) == 0 {
		p.reconcile(a)
	}
}

// op is the head of an operation that is not the table's.
func (c *chip) op() switchdev.Op {
	c.token++
	return switchdev.Op{Domain: switchdev.Domain(c.set.domain), Token: c.token}
}

// hooks are what the table tells of operations and breakers.
func (p *Plant) hooks() *fdb.Trace {
	return &fdb.Trace{Ended: func(e fdb.OpTrace) {
		p.strike(e.Err)
		p.partEnded(e)
	}, Returned: func(e fdb.CallTrace) {
		if c := p.chipNamed(e.Device); c != nil {
			c.took = e.Took
		}
	}, Breaker: func(e fdb.BreakerTrace) {
		c := p.chipNamed(e.Device)
		if c != nil {
			c.opened = p.w.Now
		}
		if c != nil && e.State == fdb.BreakerClosed && c.took >= p.set.timeout {
			p.w.Fail(invDeadline, "the breaker of %s was %v and is closed, and the device took %v", e.Device, e.Before, c.took)
		}
	}}
}

func (p *Plant) chipNamed(name string) *chip {
	for _, c := range p.chips {
		if c.Name() == name {
			return c
		}
	}
	return nil
}

// strike: a device that is not to be waited for twice did not answer, so its breaker
// was open a moment ago.
func (p *Plant) strike(err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			p.strike(e)
		}
		return
	}
	var oe *switchdev.OpError
	if p.set.breaker != 1 || !errors.Is(err, switchdev.ErrDeviceUnavailable) || !errors.As(err, &oe) {
		return
	}
	soon := func(at time.Time) bool { return p.w.Now.Sub(at) <= 4*p.set.timeout }
	if !strings.HasPrefix(oe.Op, "fdb.") {
		return // it did answer
	}
	if c := p.chipNamed(oe.Device); c != nil && !soon(c.opened) && !soon(p.grace) && p.table.Devices()[c.index].Breaker == fdb.BreakerClosed {
		p.w.Fail(invDeadline, "%s did not answer, and its breaker was closed all the time", c.Name())
	}
}
