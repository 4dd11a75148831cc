package switchdevtest

import (
	"context"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func resetChecks() []check {
	const role = "Resetter"
	return []check{
		{Rule: Rule{"reset/epoch", role, "The epoch starts at 1; Reset begins a new one, one higher, and returns it."}, need: roleReset, run: checkResetEpoch},
		{Rule: Rule{"reset/clears", role, "Reset clears every table of the device."}, need: roleReset | roleDump, run: checkResetClears},
		{Rule: Rule{"reset/reported-once", role, "A bound sink gets one ReportReset, with the new epoch."}, need: roleReset | roleReports, run: checkResetReported},
		{Rule: Rule{"reset/results", role, "Results after a reset carry the new epoch."}, need: roleReset, families: true, run: checkResetResults},
		{Rule: Rule{"reset/no-late-effect", role, "When Reset returns, no operation begun before it has or will have any effect, and those that were running have been answered with an older epoch or an error."},
			need: roleReset | roleDump, forms: true, hooks: hookSlow, run: checkNoLateEffect},
		{Rule: Rule{"reset/replay", role, "After a reset the device takes and holds what it held before."}, need: roleReset | roleDump, forms: true, run: checkReplay},
	}
}

func (p *probe) epoch() (e switchdev.Epoch) {
	p.tb.Helper()
	p.do("Epoch", func() { e = p.roles.reset.Epoch() })
	return e
}

// reset resets the device and returns the epoch that Reset returned.
func (p *probe) reset() (e switchdev.Epoch) {
	p.tb.Helper()
	var err error
	p.do("Reset", func() { e, err = p.roles.reset.Reset(context.Background()) })
	p.must("Reset", []error{err})
	return e
}

func checkResetEpoch(p *probe) {
	before := p.epoch()
	after := p.reset()
	if before == 0 || after != before+1 {
		p.fatalf("the epoch was %v, Reset returned %v", before, after)
	}
	if now := p.epoch(); now != after {
		p.fatalf("Reset returned epoch %v, Epoch returns %v", after, now)
	}
}

func checkResetClears(p *probe) {
	p.setUp()
	p.populate(5)
	after := p.reset()
	p.want(table{})
	if _, epoch := p.rows(p.domain); epoch != after {
		p.fatalf("the dump after a reset is of epoch %v, want %v", epoch, after)
	}
}

func checkResetReported(p *probe) {
	p.setUp()
	a, b := p.bind(), p.bind()
	for range 2 {
		want := p.reset()
		p.settle()
		for i, s := range []*sink{a, b} {
			got := s.take(switchdev.ReportReset)
			if len(got) != 1 {
				p.fatalf("sink %d got %d reports of one reset", i+1, len(got))
			}
			if got[0].Epoch != want {
				p.fatalf("sink %d got a reset with epoch %v, Reset returned %v", i+1, got[0].Epoch, want)
			}
		}
	}
}

func checkResetResults(p *probe) {
	p.setUp()
	p.work(context.Background(), 1)
	want := p.reset()
	p.setUp()
	for i, r := range p.work(context.Background(), 3).results {
		if r.Err == nil && r.Epoch != want {
			p.fatalf("result %d is of epoch %v, the reset began epoch %v", i, r.Epoch, want)
		}
	}
}

func checkNoLateEffect(p *probe) {
	p.setUp()
	n := p.room(p.batch(6))
	ops, results := make([]switchdev.FDBOp, n), make([]switchdev.Result, n)
	for i := range ops {
		ops[i] = p.set(p.key(i), p.port(i))
	}
	tick := p.tick()
	if !p.bubble {
		tick = time.Second // far more than a busy machine takes to wake somebody
	}
	p.cfg.slow(p.d, tick)
	p.atEnd(func() { p.cfg.slow(p.d, 0) })
	write := p.write()
	running := p.start(func() { write(&p.roles, context.Background(), ops, results) })
	time.Sleep(tick * 3 / 2)
	if n > 2 {
		p.stillRunning("WithSlow", running)
	}
	epoch := p.reset()
	if !running.waitFor(p, tick/4) {
		p.errorf("Reset has returned and a call begun before it has not been answered")
		running.wait(p)
	}
	p.cfg.slow(p.d, 0)
	p.want(table{})
	p.settle()
	p.want(table{})
	for i, r := range results {
		if r.Token != 0 && r.Err == nil && r.Epoch >= epoch {
			p.errorf("operation %d was begun before the reset and is answered with epoch %v, the new one is %v", i, r.Epoch, epoch)
		}
		p.skipUnsupported("an FDB operation", r.Err)
	}
}

func checkReplay(p *probe) {
	p.setUp()
	want := p.populate(8)
	p.reset()
	p.setUp()
	for key, port := range want {
		if err := p.fdb(p.set(key, port))[0]; err != nil {
			p.fatalf("setting %v again after a reset: %v", key, err)
		}
	}
	p.want(want)
}
