package hwsim

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// TestManualStepsEveryInterleaving: executing and answering are two steps.
func TestManualStepsEveryInterleaving(t *testing.T) {
	b := newBench(t, Config{Hardware: Hardware{Latency: Latency{Op: time.Hour}}})
	ops, results := setBatch(b, macA, macB)
	answered := 0
	b.SubmitFDB(t.Context(), ops, results, func() { answered++ })
	select {
	case <-b.Wake():
	default:
		t.Error("Wake says nothing")
	}
	id := b.Operations()[0].ID
	if err := b.Complete(id); !errors.Is(err, switchdev.ErrBusy) {
		t.Errorf("Complete before execution: %v", err)
	}
	if left, err := b.Execute(id); left != 1 || err != nil || len(b.Rows()) != 1 {
		t.Errorf("Execute: %d, %v, %v", left, err, b.Rows())
	}
	if p := b.Operations()[0]; p.Next.Key.MAC != macB || p.Executed != 1 || p.Count != 2 {
		t.Errorf("%+v", p)
	}
	if left, err := b.Execute(id); left != 0 || err != nil || answered != 0 {
		t.Errorf("Execute: %d, %v; %d answers", left, err, answered)
	}
	if _, err := b.Execute(id); !errors.Is(err, switchdev.ErrBusy) {
		t.Errorf("Execute of nothing: %v", err)
	}
	if epoch, _ := b.Reset(t.Context()); epoch != 2 || answered != 1 || results[0].Epoch != 1 || results[0].Err != nil {
		t.Errorf("a reset answers what was executed with the old epoch: %d answers, %+v", answered, results)
	}
	if err := b.Complete(id); !errors.Is(err, switchdev.ErrNotExist) {
		t.Errorf("Complete twice: %v", err)
	}
	// By Poll, in time.
	ops, results = setBatch(b, macA)
	b.SubmitFDB(t.Context(), ops, results, func() { answered++ })
	if next := b.after(0); next != b.now.Add(time.Hour) {
		t.Errorf("next %v", next)
	}
	b.after(time.Hour - 1)
	if answered != 1 {
		t.Error("answered too early")
	}
	if next := b.after(1); answered != 2 || !next.IsZero() || results[0].Epoch != 2 {
		t.Errorf("%d answers, next %v, %+v", answered, next, results)
	}
	// A ctx that ends is noticed by Poll.
	ctx, cancel := context.WithCancel(t.Context())
	b.SubmitFDB(ctx, ops, results, func() { answered++ })
	cancel()
	b.after(0)
	if answered != 3 || !errors.Is(results[0].Err, context.Canceled) {
		t.Errorf("%d answers, %+v", answered, results)
	}
	b.quiet()
}

func TestResetFaultStrikesBeforeOrAfter(t *testing.T) {
	for _, spec := range []string{"reset:fdb:before=2", "reset:fdb:after=2"} {
		b := newBench(t, Config{})
		f, err := ParseFault(spec)
		b.must(err)
		_, err = b.Inject(f)
		b.must(err)
		ops, results := setBatch(b, macA, macB, macC)
		answered := 0
		b.SubmitFDB(t.Context(), ops, results, func() { answered++ })
		b.after(0)
		wantSecond := error(nil)
		if !f.After {
			wantSecond = switchdev.ErrDeviceUnavailable
		}
		if answered != 1 || b.Epoch() != 2 || results[0].Epoch != 1 || !errors.Is(results[1].Err, wantSecond) && wantSecond != results[1].Err ||
			!errors.Is(results[2].Err, switchdev.ErrDeviceUnavailable) || len(b.Rows()) != 0 {
			t.Errorf("%s: %d answers, epoch %d, %+v", spec, answered, b.Epoch(), results)
		}
		b.quiet()
		ops, results = setBatch(b, macA)
		b.ApplyFDB(t.Context(), ops, results)
		if results[0].Epoch != 2 || results[0].Err != nil {
			t.Errorf("the fault strikes twice: %+v", results)
		}
	}
}

// TestPollKeepsTheOrderOfTime: an operation that was due before a row expired
// comes first, however late Poll is.
func TestPollKeepsTheOrderOfTime(t *testing.T) {
	b := newBench(t, Config{Hardware: Hardware{Latency: Latency{Op: 100 * time.Second}}})
	b.join(0, 1)
	b.learn(1, macA)
	ops, results := setBatch(b, macA)
	b.SubmitFDB(t.Context(), ops, results, func() {})
	b.clear()
	b.after(0)
	b.after(time.Hour)
	if len(b.reports) != 0 || results[0].Err != nil || b.find(macA) == nil {
		t.Errorf("reports %+v, %+v, rows %v", b.reports, results, b.Rows())
	}
}

// TestResetReturnsAfterAnswers: "those that were running have been answered".
func TestResetReturnsAfterAnswers(t *testing.T) {
	b := startBench(t, Config{})
	b.must(b.injectHang(Selector{Role: RoleFDB}))
	for range 200 {
		ops, results := setBatch(b, macA)
		var answered atomic.Bool
		b.SubmitFDB(t.Context(), ops, results, func() { answered.Store(true) })
		var wg sync.WaitGroup
		wg.Go(func() { b.Port(2).SetCarrier(!b.Port(2).Carrier()) })
		_, err := b.Reset(t.Context())
		if err != nil || !answered.Load() {
			t.Errorf("Reset returned %v, answered %v", err, answered.Load())
		}
		wg.Wait()
	}
	b.quiet()
}

// TestResetWaitsForAnAnswerUnderWay: the same where it is certain that another
// goroutine is just giving the answer.
func TestResetWaitsForAnAnswerUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{})
		ops, results := setBatch(b, macA)
		answered := false
		b.SubmitFDB(t.Context(), ops, results, func() {
			time.Sleep(time.Minute) // none may; that it shows is the point
			answered = true
		})
		id := b.Operations()[0].ID
		if _, err := b.Execute(id); err != nil {
			t.Error(err)
		}
		go func() { _ = b.Complete(id) }()
		synctest.Wait()
		if epoch, err := b.Reset(t.Context()); epoch != 2 || err != nil || !answered {
			t.Errorf("Reset returned %v, %v; answered %v", epoch, err, answered)
		}
	})
}

// TestSlowSinkDelaysNoCall: a sink may not block, but if it does it hurts itself.
func TestSlowSinkDelaysNoCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBench(t, Config{Hardware: Hardware{Latency: Latency{Op: time.Second}}})
		b.Bind(&slowSink{})
		go b.Port(1).SetCarrier(false)
		synctest.Wait()
		ops, results := setBatch(b, macA)
		start := time.Now()
		b.ApplyFDB(t.Context(), ops, results)
		if d := time.Since(start); d != time.Second || first(results) != nil {
			t.Errorf("took %v: %+v", d, results)
		}
		time.Sleep(time.Hour)
		b.must(b.Close())
	})
}
