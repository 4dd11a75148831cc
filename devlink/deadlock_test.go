package devlink

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func TestCirclesOfWaitsAreRefused(t *testing.T) {
	for size := 1; size <= 3; size++ {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			both(t, func(t *testing.T, r *Registry) {
				var list []*Instance
				for n := range size {
					list = append(list, registered(t, r, fmt.Sprint(n), ""))
				}
				var refused int
				var visit func(ctx context.Context, n int) error
				visit = func(ctx context.Context, n int) error {
					if n == size {
						err := list[0].Do(ctx, func(context.Context, *Locked) error { t.Error("carried out"); return nil })
						mustBe(t, err, switchdev.ErrDeadlock) // EDEADLK
						refused++
						return nil
					}
					return list[n].Do(ctx, func(ctx context.Context, _ *Locked) error { return visit(ctx, n+1) })
				}
				k := list[0].SubmitDo(func(ctx context.Context, _ *Locked) error { return visit(ctx, 1) })
				finish(t, k)
				if refused != 1 {
					t.Fatal("nobody was refused")
				}
			})
		})
	}
}

// Two callbacks that are out at the same time each wait for the other's instance.
func TestCrossedWaitsAreRefusedOnce(t *testing.T) {
	r := newRegistry(t, Config{})
	a, b := registered(t, r, "a", ""), registered(t, r, "b", "")
	for range 200 {
		results := make(chan error, 2)
		in := make(chan struct{}, 2)
		begin := make(chan struct{})
		cross := func(other *Instance) func(context.Context, *Locked) error {
			return func(ctx context.Context, _ *Locked) error {
				in <- struct{}{}
				<-begin
				results <- other.Do(ctx, func(context.Context, *Locked) error { return nil })
				return nil
			}
		}
		ka, kb := a.SubmitDo(cross(b)), b.SubmitDo(cross(a))
		<-in
		<-in
		close(begin)
		finish(t, ka)
		finish(t, kb)
		refused := 0
		for range 2 {
			if err := <-results; err != nil {
				mustBe(t, err, switchdev.ErrDeadlock)
				refused++
			}
		}
		if refused != 1 {
			t.Fatalf("%d were refused", refused)
		}
	}
}

// What a callback waited for has ended; whoever waits for its instance afterwards waits
// for nobody who waits for him.
func TestWaitThatIsOverClosesNoCircle(t *testing.T) {
	r := newRegistry(t, Config{})
	a, b := registered(t, r, "a", ""), registered(t, r, "b", "")
	for range 300 {
		var second *Ticket
		first := a.SubmitDo(func(ctx context.Context, _ *Locked) error {
			k := b.SubmitDo(func(context.Context, *Locked) error { return nil })
			second = b.SubmitDo(func(ctx context.Context, _ *Locked) error {
				return a.Do(ctx, func(context.Context, *Locked) error { return nil })
			})
			return k.Wait(ctx)
		})
		finish(t, first)
		finish(t, second)
	}
}

func TestContextOfAReturnedCallbackIsNoCallbacks(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		a := registered(t, r, "a", "")
		var kept context.Context
		do(t, a, func(l *Locked) error { kept = l.Context(); return nil })
		k := a.SubmitDo(func(context.Context, *Locked) error { return nil })
		r.Poll(time.Time{})
		if err := k.Wait(kept); err != nil {
			t.Fatal(err)
		}
		a.submit("test", func(o *op) error { // a driver is called more than once
			var first context.Context
			o.call(func(ctx context.Context, _ *Locked) error { first = ctx; return nil })
			return o.call(func(ctx context.Context, _ *Locked) error {
				if c := r.caller(first); c != nil && r.ranks == nil || r.caller(ctx) == nil {
					t.Error("who is inside is not known")
				}
				return nil
			})
		})
		r.Poll(time.Time{})
		if err := r.CloseContext(context.WithoutCancel(kept)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCallbackWaitsForOtherInstancesOnAManualRegistry(t *testing.T) {
	r := newRegistry(t, Config{Manual: true})
	a, b, c := registered(t, r, "a", ""), registered(t, r, "b", ""), registered(t, r, "c", "")
	var order []string
	note := func(s string) func(context.Context, *Locked) error {
		return func(context.Context, *Locked) error { order = append(order, s); return nil }
	}
	k := a.SubmitDo(func(ctx context.Context, _ *Locked) error {
		b.SubmitDo(note("b1"))
		k := b.SubmitDo(func(ctx context.Context, _ *Locked) error {
			order = append(order, "b2")
			return c.Do(ctx, note("c1"))
		})
		b.SubmitDo(func(ctx context.Context, _ *Locked) error { // must not run before a is through
			order = append(order, "b3")
			return a.Do(ctx, note("a2"))
		})
		err := k.Wait(ctx)
		order = append(order, "a1")
		return err
	})
	finish(t, k)
	same(t, order, []string{"b1", "b2", "c1", "a1", "b3", "a2"})
}

// On a Manual registry two goroutines of a callback wait for the same instance; the one
// that carries it out stops when its own operation has ended, and the other goes on.
func TestHelpersOnAManualRegistryTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, Config{Manual: true})
		a, b := registered(t, r, "a", ""), registered(t, r, "b", "")
		k := a.SubmitDo(func(ctx context.Context, _ *Locked) error {
			second := make(chan error, 1)
			err := b.Do(ctx, func(context.Context, *Locked) error {
				go func() { second <- b.Do(ctx, func(context.Context, *Locked) error { return nil }) }()
				synctest.Wait() // it waits, and b is being carried out here
				return nil
			})
			return errors.Join(err, <-second)
		})
		finish(t, k)
	})
}

func TestClosersInsideCallbacksAreRefused(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		a := registered(t, r, "a", "")
		k := a.SubmitDo(func(ctx context.Context, _ *Locked) error { return r.CloseContext(ctx) })
		mustBe(t, outcome(k), switchdev.ErrDeadlock)
	})
}

func TestDeletionOfTheOwnNamespaceIsNotWaitedFor(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		if err := r.AddNamespace("n"); err != nil {
			t.Fatal(err)
		}
		a := registered(t, r, "a", "n")
		b := registered(t, r, "b", "")
		k := a.SubmitDo(func(ctx context.Context, _ *Locked) error {
			// through another instance, too
			return b.Do(ctx, func(ctx context.Context, _ *Locked) error { return r.DeleteNamespace(ctx, "n") })
		})
		mustBe(t, outcome(k), switchdev.ErrDeadlock)
		r.Poll(time.Time{})
		do(t, a, func(*Locked) error { return nil }) // it went on
		if ns := a.Namespace(); ns != "" {
			t.Fatalf("in %q", ns)
		}
		if err := r.AddNamespace("n"); err != nil {
			t.Fatal(err)
		}
	})
}

func TestDeletionOfAnotherNamespaceIsWaitedForInACallback(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		if err := r.AddNamespace("n"); err != nil {
			t.Fatal(err)
		}
		a, b, c := registered(t, r, "a", ""), registered(t, r, "b", "n"), registered(t, r, "c", "n")
		k := a.SubmitDo(func(ctx context.Context, _ *Locked) error { return r.DeleteNamespace(ctx, "n") })
		finish(t, k)
		if b.Namespace() != "" || c.Namespace() != "" {
			t.Fatal(b.Namespace(), c.Namespace())
		}
	})
}

func TestWaitsThroughANotifierAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, Config{})
		a := registered(t, r, "a", "")
		inside := make(chan struct{})
		result := make(chan error, 1)
		var n *Notifier
		n, err := r.Notify(NotifyOptions{}, func(ctx context.Context, e Event) {
			if e.Verb == Added && e.Object.Kind() == KindTrap {
				close(inside)
				time.Sleep(time.Second)
				result <- a.Do(ctx, func(context.Context, *Locked) error { return nil })
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		do(t, a, func(l *Locked) error {
			if err := put(l, newThing(KindTrap, "t", 0)); err != nil {
				return err
			}
			<-inside
			return n.Close(l.Context()) // waits for fn, which will wait for a
		})
		mustBe(t, <-result, switchdev.ErrDeadlock)
		<-n.Done()
	})
}

// What a callback submitted waits for it before the callback waits itself: refused is
// what has not begun, and not the wait for what has.
func TestOperationThatHasBegunIsNotRefused(t *testing.T) {
	for name, other := range map[string]func(r *Registry, t *testing.T) *Registry{
		"one registry":   func(r *Registry, _ *testing.T) *Registry { return r },
		"two registries": func(_ *Registry, t *testing.T) *Registry { return newRegistry(t, Config{}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRegistry(t, Config{})
				a, b := registered(t, r, "a", ""), registered(t, other(r, t), "b", "")
				var inner error
				finish(t, a.SubmitDo(func(ctx context.Context, _ *Locked) error {
					k := b.SubmitDo(func(ctx context.Context, _ *Locked) error {
						inner = a.Do(ctx, func(context.Context, *Locked) error { t.Error("carried out"); return nil })
						return nil
					})
					synctest.Wait() // it waits
					return k.Wait(ctx)
				}))
				mustBe(t, inner, switchdev.ErrDeadlock)
			})
		})
	}
}

// What cannot be withdrawn is waited for to its end where something else of the circle
// can be.
func TestReportIsNotRefusedForWhatHasNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, Config{})
		a, b := registered(t, r, "a", ""), registered(t, r, "b", "")
		var rep *Reporter
		recovered := false
		do(t, b, func(l *Locked) (err error) {
			rep, err = l.AddReporter(ReporterConfig{Name: "fw", Recover: func(context.Context, *Locked, any) error { recovered = true; return nil }})
			return err
		})
		var inner error
		finish(t, a.SubmitDo(func(ctx context.Context, _ *Locked) error {
			b.SubmitDo(func(ctx context.Context, _ *Locked) error {
				inner = a.Do(ctx, func(context.Context, *Locked) error { t.Error("carried out"); return nil })
				return nil
			})
			synctest.Wait() // it waits, and the recovery comes behind it
			return rep.Report(ctx, "ill", nil)
		}))
		mustBe(t, inner, switchdev.ErrDeadlock)
		if !recovered {
			t.Error("not recovered")
		}
	})
}

// A circle in which everything has begun is broken by whoever closes it.
func TestCircleOfWhatHasBegunIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, Config{})
		a, b := registered(t, r, "a", ""), registered(t, r, "b", "")
		var outer *Ticket
		var late error
		begin := make(chan struct{})
		outer = a.SubmitDo(func(ctx context.Context, _ *Locked) error {
			<-begin
			k := b.SubmitDo(func(ctx context.Context, _ *Locked) error {
				late = outer.Wait(ctx)
				return nil
			})
			return k.Wait(ctx)
		})
		synctest.Wait()
		close(begin)
		err := outer.Wait(context.Background())
		if (err == nil) == (late == nil) {
			t.Fatalf("%v and %v: one has to be refused", err, late)
		}
		mustBe(t, errors.Join(err, late), switchdev.ErrDeadlock)
	})
}

// Who was told that an operation has ended finds the slot free, and has it alone.
func TestSlotIsFreeAfterTheEnd(t *testing.T) {
	r := newRegistry(t, Config{})
	a := registered(t, r, "a", "")
	inside, ran := 0, 0
	f := func(context.Context, *Locked) error { inside++; inside--; ran++; return nil }
	for range 500 {
		finish(t, a.SubmitDo(f))
		if ok, err := a.TryDo(context.Background(), f); !ok || err != nil {
			t.Fatalf("carried out: %v, %v", ok, err)
		}
	}
	var wg sync.WaitGroup
	var tried, done atomic.Int64
	for range 4 {
		wg.Go(func() {
			for range 200 {
				if err := a.Do(context.Background(), f); err != nil {
					t.Error(err)
				}
				done.Add(1)
				switch ok, err := a.TryDo(context.Background(), f); {
				case err != nil:
					t.Error(err)
				case ok:
					tried.Add(1)
				}
			}
		})
	}
	wg.Wait()
	do(t, a, func(*Locked) error {
		if want := 1000 + int(tried.Load()+done.Load()); inside != 0 || ran != want {
			t.Errorf("%d inside, %d were carried out of %d", inside, ran, want)
		}
		return nil
	})
}

// The slot goes from one to the next, whoever comes late to give it up.
func TestSlotHasOneHolder(t *testing.T) {
	r := newRegistry(t, Config{Manual: true})
	a := newInstance(t, r, "a")
	var q queue
	op := func() *op { return a.newOp("test", nil) }
	carried, first, second := op(), op(), op()
	q.push(carried)
	if q.next(nil) != carried || q.seize(first) {
		t.Fatal("seized while an operation is carried out")
	}
	carried.ticket.resolve(nil)
	if !q.seize(first) || q.next(carried) != nil || q.leave(carried) {
		t.Fatal("not seized after its end, or not alone")
	}
	first.ticket.resolve(nil)
	if !q.seize(second) || q.yield(first) || q.now() != second {
		t.Fatal("not seized after that one's end, or not alone")
	}
	last := op()
	if q.push(last) || q.next(nil) != nil {
		t.Fatal("carried out while another is")
	}
	second.ticket.resolve(nil)
	if q.seize(op()) || !q.yield(second) || q.next(nil) != last || !q.leave(last) {
		t.Fatal("who waited is not next")
	}
}
