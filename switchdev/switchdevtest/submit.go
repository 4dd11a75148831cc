package switchdevtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"

	"github.com/switchcore/switchcore/switchdev"
)

func submitChecks() []check {
	const role = "FDBSubmitter"
	return []check{
		{Rule: Rule{"submit/done-once", role, "done is called exactly once, whatever becomes of the batch."}, need: roleSubmit, run: checkDoneOnce},
		{Rule: Rule{"submit/results-first", role, "done is called when every result is written."}, need: roleSubmit, run: checkResultsFirst},
		{Rule: Rule{"submit/returns-at-once", role, "SubmitFDB starts a batch and returns at once."}, need: roleSubmit, hooks: hookHang, run: checkReturnsAtOnce},
		{Rule: Rule{"submit/equals-blocking", role, "SubmitFDB does what ApplyFDB does."}, need: roleSubmit | roleFDB | roleDump, run: checkEqualsBlocking},
	}
}

// submit hands a batch to the device and returns a count of the calls of done,
// and a channel closed by the first.
func (p *probe) submit(ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result) (*atomic.Int32, chan struct{}) {
	p.tb.Helper()
	calls, done := new(atomic.Int32), make(chan struct{})
	p.do("SubmitFDB", func() {
		p.roles.submit.SubmitFDB(ctx, ops, results, func() {
			if calls.Add(1) == 1 {
				close(done)
			}
		})
	})
	return calls, done
}

func checkDoneOnce(p *probe) {
	p.setUp()
	try := func(what string, ctx context.Context) {
		p.tb.Helper()
		ops := []switchdev.FDBOp{p.set(p.key(0), p.port(0)), p.set(switchdev.FDBKey{}, p.port(0))}[:p.batch(2)]
		calls, done := p.submit(ctx, ops, make([]switchdev.Result, len(ops)))
		if !p.try(func() { <-done }) {
			close(done)
			p.fatalf("%s: done was not called for %v", what, p.patience())
		}
		p.settle()
		if n := calls.Load(); n != 1 {
			p.fatalf("%s: done was called %d times", what, n)
		}
	}
	try("a batch", context.Background())
	try("a cancelled batch", cancelled())
	p.do("Close", func() { _ = p.d.Close() })
	try("a batch after Close", context.Background())
}

func checkResultsFirst(p *probe) {
	p.setUp()
	n := p.batch(4)
	ops, results := make([]switchdev.FDBOp, n), make([]switchdev.Result, n)
	for i := range ops {
		ops[i] = p.set(p.key(i), p.port(0))
	}
	seen := make(chan []switchdev.Result, 2)
	p.do("SubmitFDB", func() {
		p.roles.submit.SubmitFDB(context.Background(), ops, results, func() { seen <- slices.Clone(results) })
	})
	var then []switchdev.Result
	p.do("the batch", func() { then = <-seen })
	for i, r := range then {
		if r.Token != ops[i].Token {
			p.fatalf("result %d had token %d and not %d when done was called", i, r.Token, ops[i].Token)
		}
	}
}

func checkReturnsAtOnce(p *probe) {
	p.setUp()
	release := p.hangUp()
	ops, results := []switchdev.FDBOp{p.set(p.key(0), p.port(0))}, make([]switchdev.Result, 1)
	ctx, cancel := context.WithCancel(context.Background())
	p.atEnd(cancel)
	_, done := p.submit(ctx, ops, results) // fails if it does not return
	p.stillRunning("WithHang", &call{done: done})
	release()
	p.do("the batch, after the device has come back,", func() { <-done })
}

func checkEqualsBlocking(p *probe) {
	var answers [2][]string
	var tables [2]table
	for i, form := range forms {
		if i > 0 {
			p.reopen()
		}
		p.token, p.gen = 0, 0
		p.setUp()
		rng := rand.New(rand.NewPCG(p.cfg.seed, 1))
		p.form = form
		for range 30 {
			ops := p.draw(rng, p.batch(8))
			if rng.IntN(5) == 0 {
				ops[0].Entry.Key = switchdev.FDBKey{}
			}
			for j, err := range p.fdb(ops...) {
				answers[i] = append(answers[i], fmt.Sprint(ops[j].Verb, " ", ops[j].Entry.Key, ": ", class(err)))
			}
		}
		tables[i] = p.told(p.domain)
	}
	for i, want := range answers[0] {
		if got := answers[1][i]; got != want {
			p.fatalf("seed %d, operation %d: ApplyFDB answers %q and SubmitFDB %q", p.cfg.seed, i, want, got)
		}
	}
	for key, port := range tables[0] {
		if got, ok := tables[1][key]; !ok || got != port {
			p.fatalf("seed %d: %v is on port %v after ApplyFDB and on port %v after SubmitFDB", p.cfg.seed, key, port, got)
		}
	}
	if len(tables[0]) != len(tables[1]) {
		p.fatalf("seed %d: %d rows after ApplyFDB, %d after SubmitFDB", p.cfg.seed, len(tables[0]), len(tables[1]))
	}
}

// class returns the condition that an error is a case of.
func class(err error) string {
	if err == nil {
		return "done"
	}
	for _, sentinel := range []error{
		switchdev.ErrNoSpace, switchdev.ErrInvalid, switchdev.ErrBusy, switchdev.ErrRange, errors.ErrUnsupported,
		switchdev.ErrOutcomeUnknown, switchdev.ErrClosed, switchdev.ErrExist, switchdev.ErrNotExist, switchdev.ErrPermission,
		switchdev.ErrNoDevice, switchdev.ErrDeviceUnavailable, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, sentinel) {
			return sentinel.Error()
		}
	}
	return "another error"
}
