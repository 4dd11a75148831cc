package switchdevtest

import (
	"context"
	"errors"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func batchChecks() []check {
	const role = "Driver"
	return []check{
		{Rule: Rule{"batch/echo-token", role, "results[i] answers ops[i], and its Token is that of the operation answered."}, families: true, run: checkEcho},
		{Rule: Rule{"batch/epoch", role, "The epoch of a result is set whenever Err is nil."}, families: true, run: checkResultEpoch},
		{Rule: Rule{"batch/epoch-constant", role, "Without a reset the device stays in its epoch."}, families: true, run: checkEpochConstant},
		{Rule: Rule{"batch/in-order", role, "Operations of one batch take effect in order."}, need: rolePorts, run: checkInOrder},
		{Rule: Rule{"batch/failure-is-alone", role, "The failure of one operation does not undo or skip another."}, forms: true, need: roleDump, run: checkFailureAlone},
		{Rule: Rule{"batch/hands-back", role, "ops and results belong to the driver until the call returns, and not afterwards."}, families: true, run: checkHandsBack},
		{Rule: Rule{"batch/cancelled-before", role, "A batch whose ctx has ended before the call is not executed, and every result is ctx's error."}, families: true, run: checkCancelledBefore},
		{Rule: Rule{"batch/beyond-limit", role, "A device answers ErrInvalid for every operation beyond Limits.Batch, and executes the others."},
			forms: true, need: roleLimits | roleDump, run: checkBeyondLimit},
	}
}

func checkEcho(p *probe) {
	p.setUp()
	for _, n := range []int{1, 2, 5} {
		w := p.work(context.Background(), n)
		for i, r := range w.results {
			if r.Token != w.heads[i].Token {
				p.errorf("result %d of %d carries token %d, operation %d has token %d", i, len(w.results), r.Token, i, w.heads[i].Token)
			}
			if r.Err != nil {
				p.errorf("result %d of %d: %v", i, len(w.results), r.Err)
			}
		}
	}
}

func checkResultEpoch(p *probe) {
	p.setUp()
	for i, r := range p.work(context.Background(), 3).results {
		if r.Err == nil && r.Epoch == 0 {
			p.fatalf("result %d has no error and epoch 0", i)
		}
	}
}

func checkEpochConstant(p *probe) {
	p.setUp()
	first := p.work(context.Background(), 1).results[0].Epoch
	for range 3 {
		for i, r := range p.work(context.Background(), 3).results {
			if r.Err == nil && r.Epoch != first {
				p.fatalf("result %d is of epoch %v, the device was in epoch %v", i, r.Epoch, first)
			}
		}
	}
	if p.roles.reset == nil {
		return
	}
	now := switchdev.Epoch(0)
	p.do("Epoch", func() { now = p.roles.reset.Epoch() })
	if now != first && now != 0 {
		p.fatalf("Epoch returns %v, results are of epoch %v", now, first)
	}
}

// checkInOrder uses that a port is in one domain at most: a join of the other
// domain can only succeed after the leave before it in the batch.
func checkInOrder(p *probe) {
	p.needOther()
	p.setUp()
	p.secondDomain()
	if p.batch(2) < 2 {
		p.skip("the device takes one operation at once")
	}
	enter := p.join(p.ports[0])
	enter.Domain = p.other
	for i, err := range p.portErrors(p.leave(p.ports[0]), enter) {
		p.skipUnsupported("a port operation", err)
		if err != nil {
			p.errorf("leave, then join another domain: operation %d: %v", i, err)
		}
	}
}

func checkFailureAlone(p *probe) {
	p.setUp()
	if p.batch(3) < 3 {
		p.skip("the device takes fewer than three operations at once")
	}
	if p.room(2) < 2 {
		p.skip("the device has room for one row")
	}
	errs := p.fdb(p.set(p.key(0), p.port(0)), p.set(switchdev.FDBKey{}, p.port(0)), p.set(p.key(1), p.port(0)))
	if errs[1] == nil {
		p.fatalf("a row without an address was accepted")
	}
	if errs[0] != nil || errs[2] != nil {
		p.fatalf("the operation before the failing one: %v; the one after it: %v", errs[0], errs[2])
	}
	p.want(table{p.key(0): p.port(0), p.key(1): p.port(0)})
}

func checkHandsBack(p *probe) {
	p.setUp()
	w := p.work(context.Background(), 4)
	w.scribble()
	mark := switchdev.Result{Token: 0xfeed, Epoch: 0xfeed}
	for i := range w.results {
		w.results[i] = mark
	}
	p.settle()
	for i, r := range w.results {
		if r != mark {
			p.fatalf("result %d was written after the call had returned", i)
		}
	}
}

func checkCancelledBefore(p *probe) {
	p.setUp()
	for i, r := range p.work(cancelled(), 3).results {
		if !errors.Is(read(r), context.Canceled) {
			p.errorf("result %d: %v, want ctx's error", i, read(r))
		}
	}
	p.settle()
	if p.roles.dump != nil {
		p.want(table{})
	}
}

func checkBeyondLimit(p *probe) {
	p.setUp()
	limits := p.sizes()
	if limits.Batch == 0 || limits.Batch > p.cfg.capacity {
		p.skip("the device takes batches of any size that the kit makes")
	}
	const beyond = 3
	ops, results := make([]switchdev.FDBOp, limits.Batch+beyond), make([]switchdev.Result, limits.Batch+beyond)
	for i := range ops {
		ops[i] = p.set(p.key(i), p.port(i))
	}
	write, want := p.write(), table{}
	p.do("the batch", func() { write(&p.roles, context.Background(), ops, results) })
	for i, r := range results {
		err := read(r)
		p.skipUnsupported("an FDB operation", err)
		switch {
		case i >= limits.Batch && !errors.Is(err, switchdev.ErrInvalid):
			p.errorf("operation %d, beyond a limit of %d: %v", i, limits.Batch, err)
		case i < limits.Batch && err != nil && !errors.Is(err, switchdev.ErrNoSpace):
			p.errorf("operation %d, within a limit of %d: %v", i, limits.Batch, err)
		case err == nil:
			want[ops[i].Entry.Key] = ops[i].Entry.Port
		}
	}
	p.want(want)
}

// tick is the time that a slow device is made to take for one operation.
func (p *probe) tick() time.Duration {
	if p.bubble {
		return time.Second
	}
	return 20 * time.Millisecond
}
