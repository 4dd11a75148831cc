package hwsim

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func setBatch(b *bench, macs ...switchdev.MAC) ([]switchdev.FDBOp, []switchdev.Result) {
	ops := make([]switchdev.FDBOp, len(macs))
	for i, mac := range macs {
		ops[i] = setOp(mac, 0, 1, 0)
		ops[i].Op = b.op(0)
	}
	return ops, make([]switchdev.Result, len(macs))
}

func TestLatencyIsPerBatchAndOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBench(t, Config{Hardware: Hardware{Latency: Latency{Batch: 10 * time.Millisecond, Op: time.Millisecond}}})
		ops, results := setBatch(b, macA, macB, macC)
		start := time.Now()
		b.ApplyFDB(t.Context(), ops, results)
		if d := time.Since(start); d != 13*time.Millisecond || first(results) != nil {
			t.Errorf("took %v: %+v", d, results)
		}
		// Another role does not wait.
		b.must(b.injectHang(Selector{Role: RoleFDB}))
		b.SubmitFDB(t.Context(), ops, results, func() {})
		start = time.Now()
		b.must(b.ports(joinOp(1)))
		if d := time.Since(start); d != 11*time.Millisecond {
			t.Errorf("a hung FDB delayed ports by %v", d)
		}
		b.must(b.Close())
	})
}

func (b *bench) injectHang(s Selector) error {
	_, err := b.Inject(Fault{Kind: FaultHang, Match: s})
	return err
}

// TestContextEndsTheWait: "the driver answers what it executed, and answers the
// rest with ctx's error, which promises that it was not and will not be
// executed".
func TestContextEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBench(t, Config{Hardware: Hardware{Latency: Latency{Op: 10 * time.Millisecond}}})
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Millisecond)
		defer cancel()
		ops, results := setBatch(b, macA, macB, macC)
		start := time.Now()
		b.ApplyFDB(ctx, ops, results)
		if d := time.Since(start); d != 25*time.Millisecond {
			t.Errorf("took %v", d)
		}
		if results[0].Err != nil || results[1].Err != nil || !errors.Is(results[2].Err, context.DeadlineExceeded) || results[2].Token != ops[2].Token {
			t.Errorf("%+v", results)
		}
		time.Sleep(time.Second)
		if len(b.Rows()) != 2 {
			t.Errorf("rows %v", b.Rows())
		}
		// The asynchronous form, and one that waits behind another.
		ctx2, cancel2 := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel2()
		ops2, results2 := setBatch(b, macC)
		ops3, results3 := setBatch(b, macB)
		answered := make(chan time.Duration, 2)
		start = time.Now()
		b.SubmitFDB(t.Context(), ops3, results3, func() { answered <- time.Since(start) })
		b.SubmitFDB(ctx2, ops2, results2, func() { answered <- time.Since(start) })
		if d1, d2 := <-answered, <-answered; d1 != 5*time.Millisecond || d2 != 10*time.Millisecond {
			t.Errorf("answered after %v, %v", d1, d2)
		}
		if !errors.Is(results2[0].Err, context.DeadlineExceeded) || results3[0].Err != nil {
			t.Errorf("%+v, %+v", results2, results3)
		}
		// An ended ctx executes nothing.
		b.ApplyFDB(ctx2, ops2, results2)
		if !errors.Is(first(results2), context.DeadlineExceeded) || b.find(macC) != nil {
			t.Errorf("%+v", results2)
		}
		b.must(b.Close())
	})
}

func TestHangEndsByReleaseContextResetOrClose(t *testing.T) {
	type end func(b *bench, in *Injected, cancel func())
	tests := []struct {
		name    string
		fault   Fault
		end     end
		want    error // of the hung operation, the second of three
		epoch   switchdev.Epoch
		present bool
	}{
		{"release", Fault{}, func(b *bench, in *Injected, _ func()) { in.Release(); in.Release() }, nil, 1, true},
		{"ctx", Fault{}, func(_ *bench, _ *Injected, cancel func()) { cancel() }, context.Canceled, 1, false},
		{"reset", Fault{}, func(b *bench, _ *Injected, _ func()) { _, _ = b.Reset(context.Background()) }, switchdev.ErrDeviceUnavailable, 2, false},
		{"close", Fault{}, func(b *bench, _ *Injected, _ func()) { _ = b.Close() }, switchdev.ErrClosed, 1, false},
		{"release after", Fault{After: true}, func(b *bench, in *Injected, _ func()) { in.Release() }, nil, 1, true},
		{"ctx after", Fault{After: true}, func(_ *bench, _ *Injected, cancel func()) { cancel() }, switchdev.ErrOutcomeUnknown, 1, true},
		{"reset after", Fault{After: true}, func(b *bench, _ *Injected, _ func()) { _, _ = b.Reset(context.Background()) }, nil, 1, false},
		{"deaf", Fault{Deaf: true}, func(b *bench, in *Injected, cancel func()) {
			cancel()
			time.Sleep(time.Hour)
			if len(b.Operations()) != 1 {
				b.Error("ctx ended a deaf hang")
			}
			in.Release()
		}, context.Canceled, 1, false},
	}
	for _, manual := range []bool{false, true} {
		for _, tt := range tests {
			t.Run(tt.name+map[bool]string{true: " manual"}[manual], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := startBench(t, Config{Manual: manual})
					tt.fault.Kind, tt.fault.Match.Role, tt.fault.Nth, tt.fault.Count = FaultHang, RoleFDB, 2, 1
					in, err := b.Inject(tt.fault)
					b.must(err)
					ops, results := setBatch(b, macA, macB, macC)
					ctx, cancel := context.WithCancel(context.Background())
					defer cancel()
					var wg sync.WaitGroup
					wg.Go(func() { b.ApplyFDB(ctx, ops, results) })
					synctest.Wait()
					if list := b.Operations(); len(list) != 1 || !list[0].Hung || in.Hits() != 1 {
						t.Fatalf("in flight: %+v", list)
					}
					tt.end(b, in, cancel)
					wg.Wait()
					ok := tt.want == nil && results[1].Err == nil || tt.want != nil && errors.Is(results[1].Err, tt.want)
					if manual && tt.name == "deaf" { // carried on by Release, which knows no ctx
						ok = results[1].Err == nil
						tt.present = true
					}
					if !ok || results[0].Err != nil || results[0].Epoch != 1 || results[1].Token != ops[1].Token {
						t.Errorf("%+v", results)
					}
					if results[1].Epoch != tt.epoch && tt.want == nil {
						t.Errorf("epoch %d, want %d", results[1].Epoch, tt.epoch)
					}
					if b.Epoch() == 1 && (b.find(macB) != nil) != tt.present {
						t.Errorf("rows %v", b.Rows())
					}
					b.quiet()
					b.must(b.Close())
				})
			})
		}
	}
}

func TestSlowOperationsAreSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBench(t, Config{})
		f, err := ParseFault("slow:fdb:50ms:nth=2:count=1")
		b.must(err)
		_, err = b.Inject(f)
		b.must(err)
		ops, results := setBatch(b, macA, macB, macC)
		start := time.Now()
		b.ApplyFDB(t.Context(), ops, results)
		if d := time.Since(start); d != 50*time.Millisecond || first(results) != nil {
			t.Errorf("took %v, %+v", d, results)
		}
		b.must(b.Close())
	})
}

func TestWorkerAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBench(t, Config{})
		b.join(0, 1, 2)
		b.learn(1, macA)
		time.Sleep(defaultAgeing - 1)
		if len(b.Rows()) != 1 {
			t.Error("aged too early")
		}
		time.Sleep(2)
		synctest.Wait()
		if len(b.Rows()) != 0 {
			t.Error("not aged")
		}
		b.must(b.Close())
	})
}

func TestUnbindWaitsForTheSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBench(t, Config{})
		s := &slowSink{}
		unbind := b.Bind(s)
		go b.Port(1).SetCarrier(false)
		time.Sleep(time.Second)
		unbind()
		unbind()
		if s.running || s.calls != 1 {
			t.Errorf("running %v after unbind, %d calls", s.running, s.calls)
		}
		b.Port(1).SetCarrier(true)
		time.Sleep(time.Hour)
		if s.calls != 1 {
			t.Error("called after unbind")
		}
		b.must(b.Close())
	})
}

type slowSink struct {
	running bool
	calls   int
}

func (s *slowSink) Report(switchdev.Report) {
	s.running = true
	s.calls++
	time.Sleep(time.Minute) // no sink may; that it shows is the point
	s.running = false
}

func TestPanickingSinkDoesNotStopReports(t *testing.T) {
	b := newBench(t, Config{})
	unbind := b.Bind(panicSink{})
	func() {
		defer func() { _ = recover() }()
		b.Port(1).SetCarrier(false)
	}()
	unbind()
	b.clear()
	b.Port(1).SetCarrier(true)
	if len(b.reports) != 1 {
		t.Errorf("reports %+v", b.reports)
	}
}

type panicSink struct{}

func (panicSink) Report(switchdev.Report) { panic("sink") }
