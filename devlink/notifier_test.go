package devlink

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func notifier(t testing.TB, r *Registry, o NotifyOptions, f func(ctx context.Context, e Event)) *Notifier {
	t.Helper()
	n, err := r.Notify(o, f)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNotifierIsToldInOrder(t *testing.T) {
	inBubbles(t, func(t *testing.T, r *Registry) {
		registered(t, r, "old", "")
		var mu sync.Mutex
		var list []Event
		n := notifier(t, r, NotifyOptions{SubscribeOptions: SubscribeOptions{Replay: true}}, func(_ context.Context, e Event) {
			mu.Lock()
			defer mu.Unlock()
			list = append(list, e)
		})
		i := registered(t, r, "a", "")
		for k := range 100 {
			do(t, i, func(l *Locked) error { return put(l, newThing(KindTrap, fmt.Sprint(k), 0)) })
		}
		r.Poll(time.Time{})
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		same(t, texts(list[:4]), []string{"existing dev old", "synced", "added dev a", "added trap a 0"})
		if len(list) != 103 {
			t.Fatal(len(list))
		}
		for k, e := range list {
			if k > 0 && (e.Previous != list[k-1].Seq || k > 2 && e.Seq <= e.Previous) {
				t.Fatal(e, e.Previous)
			}
		}
		n.Stop()
		n.Stop()
		if err := n.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		<-n.Done()
		if got := *r.hub.notifiers.Load(); len(got) != 0 {
			t.Fatal(got)
		}
	})
}

func TestSlowNotifierDelaysNobodyAndIsToldOfItsOverrun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, Config{Events: 16})
		var list []Event
		n := notifier(t, r, NotifyOptions{}, func(_ context.Context, e Event) {
			list = append(list, e)
			time.Sleep(time.Second)
		})
		i := registered(t, r, "a", "")
		synctest.Wait()
		start := time.Now()
		for k := range 100 {
			do(t, i, func(l *Locked) error { return put(l, newThing(KindTrap, fmt.Sprint(k), 0)) })
		}
		if d := time.Since(start); d != 0 {
			t.Fatal(d)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		do(t, i, func(l *Locked) error { return put(l, newThing(KindParam, "p", 0)) })
		time.Sleep(time.Minute)
		if err := n.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		overruns := 0
		for k, e := range list {
			if e.Verb == Overrun {
				overruns++
				if next := list[k+1]; next.Previous != e.Seq || e.Previous != list[k-1].Seq {
					t.Error(e, next)
				}
			}
		}
		if overruns != 1 || list[len(list)-1].Object.Kind() != KindParam {
			t.Fatal(texts(list))
		}
	})
}

func TestNotifierMayDoEverything(t *testing.T) {
	inBubbles(t, func(t *testing.T, r *Registry) {
		addNamespace(t, r, "n")
		i := registered(t, r, "a", "")
		var inner *Notifier
		var self *Notifier
		told := 0
		ready := make(chan struct{})
		self = notifier(t, r, NotifyOptions{}, func(ctx context.Context, e Event) {
			<-ready
			told++
			s := subscribe(t, r, SubscribeOptions{Replay: true, AllNamespaces: true})
			s.Close()
			inner = notifier(t, r, NotifyOptions{}, func(context.Context, Event) {})
			if err := inner.Close(ctx); err != nil {
				t.Error(err)
			}
			mustBe(t, self.Close(ctx), switchdev.ErrDeadlock)
			mustBe(t, r.CloseContext(ctx), switchdev.ErrDeadlock)
			err := errors.Join(i.Move(ctx, "n"), i.Do(ctx, func(_ context.Context, l *Locked) error { return put(l, newThing(KindTrap, "t", 0)) }),
				r.DeleteNamespace(ctx, "n"), i.Unregister(ctx))
			if err != nil {
				t.Error(err)
			}
		})
		close(ready)
		do(t, i, func(l *Locked) error { return put(l, newThing(KindTrap, "u", 0)) })
		r.Poll(time.Time{})
		<-self.Done()
		if told != 1 || i.State() != Allocated {
			t.Fatal(told, i.State())
		}
	})
}

func TestNotifierNeedsAFunction(t *testing.T) {
	r := newRegistry(t, Config{})
	n, err := r.Notify(NotifyOptions{}, nil)
	mustBe(t, err, switchdev.ErrInvalid)
	if n != nil {
		t.Fatal("a notifier that would panic with every event")
	}
}

func TestNotifierThatPanicsOrEndsItsGoroutineGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, Config{})
		told := 0
		n := notifier(t, r, NotifyOptions{}, func(_ context.Context, e Event) {
			told++
			if told == 1 {
				panic("boo")
			}
			if told == 2 {
				runtime.Goexit()
			}
		})
		for k := range 4 {
			registered(t, r, fmt.Sprint(k), "")
		}
		synctest.Wait()
		if told != 4 {
			t.Fatal(told)
		}
		n.Close(context.Background())
	})
}

// The seed: drivers register and unregister notifiers for the whole registry from
// inside their callbacks while the namespace that they are in is deleted.
func TestNotifiersChangeInsideCallbacksWhileANamespaceDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, Config{})
		addNamespace(t, r, "n")
		other := registered(t, r, "other", "")
		var tickets []*Ticket
		var list []*Instance
		for k := range 8 {
			i := registered(t, r, fmt.Sprint(k), "n")
			list = append(list, i)
			n := notifier(t, r, NotifyOptions{SubscribeOptions: SubscribeOptions{AllNamespaces: true}}, func(context.Context, Event) { time.Sleep(time.Millisecond) })
			tickets = append(tickets, i.SubmitDo(func(ctx context.Context, l *Locked) error {
				time.Sleep(time.Second)
				if err := n.Close(ctx); err != nil {
					return err
				}
				n, err := r.Notify(NotifyOptions{SubscribeOptions: SubscribeOptions{AllNamespaces: true, Replay: true}}, func(ctx context.Context, e Event) {
					if e.Verb == Synced {
						other.Do(ctx, func(context.Context, *Locked) error { return nil })
					}
				})
				if err != nil {
					return err
				}
				time.Sleep(time.Second)
				return n.Close(ctx)
			}))
		}
		k := r.SubmitDeleteNamespace("n")
		start := time.Now()
		for range 100 {
			do(t, other, func(*Locked) error { return nil })
		}
		if d := time.Since(start); d != 0 {
			t.Fatalf("others were delayed %v", d)
		}
		finish(t, k)
		for _, k := range tickets {
			finish(t, k)
		}
		if d := time.Since(start); d > 3*time.Second {
			t.Fatal(d)
		}
		for _, i := range list {
			if i.Namespace() != "" {
				t.Fatal(i.Handle())
			}
		}
	})
}

// Each event comes at the moment in which the notifier finds nothing to tell.
func TestNotifierLosesNoWakeUp(t *testing.T) {
	r := newRegistry(t, Config{})
	i := registered(t, r, "a", "")
	calls := make(chan struct{})
	n := notifier(t, r, NotifyOptions{}, func(context.Context, Event) { calls <- struct{}{} })
	for k := range 20_000 {
		o := newThing(KindTrap, "t", k)
		i.tell(func() []Event { i.objs.put(o); return []Event{{Verb: Changed, Object: o}} })
		<-calls
	}
	n.Close(context.Background())
}

// The same, at the very moment: something to tell came after it had looked.
func TestNotifierLooksAgain(t *testing.T) {
	r := newRegistry(t, Config{})
	n := notifier(t, r, NotifyOptions{}, func(context.Context, Event) {})
	n.kick() // the one of Notify may still be at it
	for !n.state.CompareAndSwap(notifierIdle, notifierAgain) {
		runtime.Gosched()
	}
	if !n.next() || n.state.Load() != notifierBusy || n.next() || n.state.Load() != notifierIdle {
		t.Fatal(n.state.Load())
	}
}

func TestStopLosesNoWakeUp(t *testing.T) {
	r := newRegistry(t, Config{})
	i := registered(t, r, "a", "")
	calls := make(chan struct{}, 1)
	for k := range 10_000 {
		n := notifier(t, r, NotifyOptions{}, func(context.Context, Event) { calls <- struct{}{} })
		o := newThing(KindTrap, "t", k)
		i.tell(func() []Event { i.objs.put(o); return []Event{{Verb: Changed, Object: o}} })
		<-calls
		n.Stop()
		<-n.Done()
	}
}

// Stop comes between the moment in which Poll finds nothing to tell and that in which
// it lets go of the notifier.
func TestStopWhileSomebodyPollsIsNotForgotten(t *testing.T) {
	r := newRegistry(t, Config{Manual: true})
	n := notifier(t, r, NotifyOptions{}, func(context.Context, Event) {})
	if !n.state.CompareAndSwap(notifierIdle, notifierBusy) {
		t.Fatal("not idle")
	}
	n.Stop()
	select {
	case <-n.Done():
		t.Fatal("it has ended while it was told")
	default:
	}
	n.letGo()
	<-n.Done()
}

// And so does an event.
func TestEventWhileSomebodyPollsWakes(t *testing.T) {
	r := newRegistry(t, Config{Manual: true})
	n := notifier(t, r, NotifyOptions{}, func(context.Context, Event) {})
	<-r.Wake()
	n.state.Store(notifierBusy)
	n.kick()
	n.letGo()
	<-r.Wake()
}

func TestStopEndsANotifierThatIsTold(t *testing.T) {
	inBubbles(t, func(t *testing.T, r *Registry) {
		told := 0
		var n *Notifier
		n = notifier(t, r, NotifyOptions{}, func(context.Context, Event) { told++; n.Stop() })
		registered(t, r, "a", "")
		registered(t, r, "b", "")
		r.Poll(time.Time{})
		<-n.Done()
		if told != 1 {
			t.Fatal(told)
		}
	})
}
