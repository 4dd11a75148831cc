package switchdevtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func parallelChecks() []check {
	return []check{
		{Rule: Rule{"parallel/roles", "Driver", "Calls may come from several goroutines, one per role at a time; a driver serialises on its own what its hardware cannot do at once."},
			outside: true, run: checkParallelRoles},
		{Rule: Rule{"parallel/close", "Driver", "Close may be called from any goroutine: calls that run meanwhile are executed or answer ErrClosed."},
			outside: true, run: checkParallelClose},
	}
}

// worker calls one role again and again.
type worker struct {
	name  string
	round func() error // the first error that is not nil
}

// workers returns one per role; the one that writes rows keeps the model.
func (p *probe) workers(model table) (all []worker) {
	ctx := context.Background()
	for _, f := range families {
		if p.roles.found&f.need == 0 || f.name == "fdb" || f.name == "submit" {
			continue
		}
		// Each worker draws from a probe of its own: tokens are not shared.
		q := *p
		q.token = switchdev.Token(len(all)+1) << 32
		all = append(all, worker{f.name, func() error {
			w := f.make(&q, q.batch(3))
			w.apply(ctx)
			return firstError(w.results)
		}})
	}
	if p.roles.found&(roleFDB|roleSubmit) != 0 {
		q, rng, write := *p, rand.New(rand.NewPCG(p.cfg.seed, 2)), p.write()
		most := p.batch(8)
		all = append(all, worker{"fdb", func() error {
			ops := q.draw(rng, most)
			results := make([]switchdev.Result, len(ops))
			write(&q.roles, ctx, ops, results)
			return model.note(ops, results)
		}})
	}
	return append(all, p.readers()...)
}

// readers are the workers that only read.
func (p *probe) readers() []worker {
	roles, domain := p.roles, p.domain
	return []worker{{"readers", func() error {
		for _, c := range p.quick() {
			c.call()
		}
		if roles.dump == nil {
			return nil
		}
		_, err := roles.dump.DumpFDB(context.Background(), domain, func(switchdev.FDBRow) bool { return true })
		if errors.Is(err, switchdev.ErrBusy) {
			return nil
		}
		return err
	}}}
}

// note applies results to the model and returns the first error, not counting
// full tables.
func (t table) note(ops []switchdev.FDBOp, results []switchdev.Result) error {
	for i, r := range results {
		err := read(r)
		switch {
		case errors.Is(err, switchdev.ErrNoSpace):
		case err != nil:
			return err
		case ops[i].Verb == switchdev.FDBSet:
			t[ops[i].Entry.Key] = ops[i].Entry.Port
		default:
			delete(t, ops[i].Entry.Key)
		}
	}
	return nil
}

func firstError(results []switchdev.Result) error {
	for _, r := range results {
		if err := read(r); err != nil {
			return err
		}
	}
	return nil
}

func (p *probe) needStress() {
	if p.cfg.stress <= 0 {
		p.skip("WithStress says none")
	}
}

// storm lets the workers run at once for a number of rounds, or fewer on a device
// so slow that these take more than half of what there is patience for. The first
// error that is a bad one ends its worker and is left in failed.
func (p *probe) storm(workers []worker, rounds int, bad func(err error) bool, failed *atomic.Pointer[string]) *call {
	begun, most := time.Now(), p.patience()/2
	return p.start(func() {
		var wg sync.WaitGroup
		for _, w := range workers {
			wg.Go(func() {
				for n := range rounds {
					if n > 0 && time.Since(begun) > most {
						return
					}
					if err := w.round(); err != nil && bad(err) {
						text := w.name + ": " + err.Error()
						failed.CompareAndSwap(nil, &text)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

func checkParallelRoles(p *probe) {
	p.needStress()
	p.setUp()
	model := table{}
	var failed atomic.Pointer[string]
	storm := p.storm(p.workers(model), p.cfg.stress, func(err error) bool { return !errors.Is(err, errors.ErrUnsupported) }, &failed)
	if !storm.wait(p) {
		p.fatalf("calls of different roles have not returned after %v", p.patience())
	}
	if text := failed.Load(); text != nil {
		p.fatalf("while other roles were called, seed %d: %s", p.cfg.seed, *text)
	}
	if p.roles.dump != nil {
		p.want(model)
	}
}

func checkParallelClose(p *probe) {
	p.needStress()
	for range max(p.cfg.stress/10, 1) {
		p.setUp()
		var failed atomic.Pointer[string]
		storm := p.storm(p.workers(table{}), 50, func(err error) bool {
			return !errors.Is(err, switchdev.ErrClosed) && !errors.Is(err, errors.ErrUnsupported)
		}, &failed)
		p.do("Close", func() { _ = p.d.Close() })
		if !storm.wait(p) {
			p.fatalf("calls have not returned %v after Close", p.patience())
		}
		if text := failed.Load(); text != nil {
			p.fatalf("while the driver was closed: %s", *text)
		}
		p.reopen()
	}
}
