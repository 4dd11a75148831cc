package devlink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func TestOperationsAreCarriedOutInOrder(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i := registered(t, r, "a", "")
		var order []int
		var last *Ticket
		for n := range 100 {
			last = i.SubmitDo(func(context.Context, *Locked) error { order = append(order, n); return nil })
		}
		finish(t, last)
		if !slices.IsSorted(order) || len(order) != 100 {
			t.Fatal(order)
		}
	})
}

// held makes an instance busy until the function returned is called.
func held(i *Instance) (begun <-chan struct{}, release func()) {
	in, out := make(chan struct{}), make(chan struct{})
	i.SubmitDo(func(context.Context, *Locked) error { close(in); <-out; return nil })
	return in, func() { close(out) }
}

func TestContextWithdrawsUntilItBegins(t *testing.T) {
	r := newRegistry(t, Config{})
	i := registered(t, r, "a", "")
	begun, release := held(i)
	<-begun
	ctx, cancel := context.WithCancel(context.Background())
	k := i.SubmitUnregister()
	cancel()
	mustBe(t, k.Wait(ctx), context.Canceled)
	mustBe(t, k.Err(), context.Canceled)
	other := i.SubmitUnregister()
	if !other.Withdraw() || other.Withdraw() {
		t.Fatal("withdrawn not once")
	}
	if n := len(i.slot.waiting()); n != 0 {
		t.Fatalf("%d are queued", n)
	}
	release()
	do(t, i, func(*Locked) error { return nil })
	if i.State() != Registered {
		t.Fatal(i.State())
	}
}

func TestContextIsIgnoredOnceItHasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, Config{})
		i := registered(t, r, "a", "")
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		want := errors.New("the true outcome")
		start := time.Now()
		err := i.Do(ctx, func(context.Context, *Locked) error { time.Sleep(5 * time.Second); return want })
		if err != want || time.Since(start) != 5*time.Second {
			t.Fatal(err, time.Since(start))
		}
	})
}

func TestTicketKnowsItsPlaceAmongEvents(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		s := subscribe(t, r, SubscribeOptions{})
		i := newInstance(t, r, "a")
		k := i.SubmitRegister()
		if k.Seq() != 0 && r.cfg.Manual {
			t.Fatal("a number before the end")
		}
		finish(t, k)
		list := rest(t, s)
		if got := list[len(list)-1].Seq; k.Seq() != got {
			t.Fatalf("ticket %d, event %d", k.Seq(), got)
		}
	})
}

func TestReadsGoOnWhileADriverIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, Config{})
		slow := registered(t, r, "slow", "", example()...)
		other := registered(t, r, "other", "")
		k := slow.SubmitDo(func(_ context.Context, l *Locked) error {
			time.Sleep(5 * time.Second)
			return put(l, newThing(KindTrap, "late", 0))
		})
		synctest.Wait()
		start := time.Now()
		for n := range 10_000 {
			if _, err := r.Instance("", slow.Handle()); err != nil {
				t.Fatal(err)
			}
			count := 0
			for range r.Snapshot().Objects("", slow.Handle()) {
				count++
			}
			if count != len(exampleOrder) {
				t.Fatal(count)
			}
			if n%100 == 0 {
				s := subscribe(t, r, SubscribeOptions{Replay: true})
				if got := len(rest(t, s)); got != len(exampleOrder)+1+n/100+1 {
					t.Fatal(got)
				}
				s.Close()
				do(t, other, func(l *Locked) error { return put(l, newThing(KindTrap, fmt.Sprint(n), 0)) })
				finish(t, other.SubmitMove(""))
			}
			if slow.State() != Registered || slow.Namespace() != "" {
				t.Fatal(slow.State())
			}
		}
		if d := time.Since(start); d != 0 || k.ended() {
			t.Fatalf("reads took %v", d)
		}
		finish(t, k)
		if d := time.Since(start); d != 5*time.Second {
			t.Fatalf("the driver took %v", d)
		}
	})
}

func TestTryDoComesOnlyWhenNothingIsDone(t *testing.T) {
	r := newRegistry(t, Config{})
	i := registered(t, r, "a", "")
	begun, release := held(i)
	<-begun
	f := func(context.Context, *Locked) error { t.Error("called"); return nil }
	if ran, err := i.TryDo(context.Background(), f); ran || err != nil {
		t.Fatal(ran, err)
	}
	release()
	do(t, i, func(*Locked) error { return nil })
	want := errors.New("mine")
	var k *Ticket
	ctx := context.Background()
	for ran := false; !ran; { // the goroutine of the operation before may not have let go yet
		var err error
		ran, err = i.TryDo(ctx, func(ctx context.Context, l *Locked) error {
			k = i.SubmitDo(func(context.Context, *Locked) error { return nil })
			mustBe(t, i.Do(ctx, nil), switchdev.ErrDeadlock)
			if ran, err := i.TryDo(ctx, f); ran || err != nil {
				t.Error(ran, err)
			}
			return want
		})
		if ran && err != want {
			t.Fatal(err)
		}
	}
	finish(t, k)
}

// A report is recovered from, whatever becomes of who reported it.
func TestReportCannotBeWithdrawn(t *testing.T) {
	r := newRegistry(t, Config{})
	i := registered(t, r, "a", "")
	var rep *Reporter
	do(t, i, func(l *Locked) (err error) {
		rep, err = l.AddReporter(ReporterConfig{Name: "fw", Recover: func(context.Context, *Locked, any) error { return nil }})
		return err
	})
	begun, release := held(i)
	<-begun
	k := rep.SubmitReport("ill", nil)
	if k.Withdraw() {
		t.Error("withdrawn")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	mustBe(t, k.Wait(ctx), context.Canceled)
	release()
	do(t, i, func(*Locked) error { return nil })
	if n := rep.Info(); n.State != Healthy {
		t.Error(n.State)
	}
}
