package devlink

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func TestCloseUnregistersTheNewestFirst(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		s := subscribe(t, r, SubscribeOptions{})
		registered(t, r, "b", "", newThing(KindTrap, "t", 0))
		registered(t, r, "a", "")
		newInstance(t, r, "c")
		rest(t, s)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		var got []string
		for e, err := range s.All(context.Background()) {
			if err != nil {
				mustBe(t, err, switchdev.ErrClosed)
				break
			}
			got = append(got, texts([]Event{e})...)
		}
		same(t, got, []string{"deleted dev a", "deleted trap b t", "deleted dev b"})
		if r.Snapshot().Len() != 0 {
			t.Fatal("something is left to be seen")
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestClosedRegistryRefusesEverything(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i := registered(t, r, "a", "")
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		for _, k := range []*Ticket{i.SubmitRegister(), i.SubmitUnregister(), i.SubmitFree(), i.SubmitMove(""), r.SubmitDeleteNamespace("n"),
			i.SubmitDo(func(context.Context, *Locked) error { t.Error("called"); return nil })} {
			mustBe(t, k.Wait(context.Background()), switchdev.ErrClosed)
		}
		_, err := i.TryDo(context.Background(), nil)
		mustBe(t, err, switchdev.ErrClosed)
		_, err = r.NewInstance(InstanceConfig{Handle: Handle{"test", "x"}})
		mustBe(t, err, switchdev.ErrClosed)
		mustBe(t, r.AddNamespace("x"), switchdev.ErrClosed)
		_, err = r.Notify(NotifyOptions{}, func(context.Context, Event) {})
		mustBe(t, err, switchdev.ErrClosed)
	})
}

func TestCloseRefusesWhatHasNotBegunAndHurriesWhatHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, Config{})
		addNamespace(t, r, "n")
		i, nested := registered(t, r, "a", "n"), registered(t, r, "nested", "")
		var inside error
		busy := i.SubmitDo(func(ctx context.Context, _ *Locked) error {
			<-ctx.Done()
			inside = nested.SubmitUnregister().Wait(context.WithoutCancel(ctx)) // what takes away is carried out
			return nil
		})
		synctest.Wait()
		queued := i.SubmitDo(func(context.Context, *Locked) error { t.Error("carried out"); return nil })
		dying := r.SubmitDeleteNamespace("n")
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		mustBe(t, queued.Err(), switchdev.ErrClosed)
		mustBe(t, dying.Err(), switchdev.ErrClosed)
		if !busy.ended() || busy.Err() != nil {
			t.Fatal(busy.Err())
		}
		if inside != nil {
			mustBe(t, inside, switchdev.ErrNoDevice) // Close was first
		}
	})
}

func TestCloseNamesWhoDoesNotReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, Config{})
		i := registered(t, r, "stuck", "")
		registered(t, r, "fine", "")
		n := notifier(t, r, NotifyOptions{}, func(context.Context, Event) { time.Sleep(time.Hour) })
		out := make(chan struct{})
		i.SubmitDo(func(context.Context, *Locked) error { <-out; return nil })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start := time.Now()
		err := r.CloseContext(ctx)
		mustBe(t, err, context.DeadlineExceeded)
		if op := "devlink.close test/stuck: its driver has not returned"; fmt.Sprint(err)[:len(op)] != op {
			t.Fatal(err)
		}
		if d := time.Since(start); d != time.Second {
			t.Fatal(d)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		close(out)
		<-n.Done()
	})
}

func TestCloseTellsNotifiersTheRest(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		registered(t, r, "a", "", newThing(KindTrap, "t", 0))
		var got []Event
		notifier(t, r, NotifyOptions{}, func(_ context.Context, e Event) { got = append(got, e) })
		drops := notifier(t, r, NotifyOptions{DropAtClose: true}, func(context.Context, Event) {})
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		same(t, texts(got), []string{"deleted trap a t", "deleted dev a"})
		<-drops.Done()
	})
}

func TestManualCloseWhileSomebodyElsePolls(t *testing.T) {
	for range 200 {
		r, err := New(Config{Manual: true})
		if err != nil {
			t.Fatal(err)
		}
		for k := range 4 {
			i, err := r.NewInstance(InstanceConfig{Handle: Handle{"test", fmt.Sprint(k)}})
			if err != nil {
				t.Fatal(err)
			}
			i.SubmitRegister()
		}
		over := make(chan struct{})
		go func() {
			defer close(over)
			for range 20 {
				r.Poll(time.Time{})
			}
		}()
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		<-over
	}
}

// A call of Poll that did nothing, as another one ran, may rely on that one.
func TestPollsThatOverlapForgetNothing(t *testing.T) {
	r := newRegistry(t, Config{Manual: true})
	var wg sync.WaitGroup
	for w := range 3 {
		i := newInstance(t, r, fmt.Sprint(w))
		wg.Go(func() {
			for range 1000 {
				k := i.SubmitDo(func(context.Context, *Locked) error { return nil })
				r.Poll(time.Time{})
				<-k.Done()
			}
		})
	}
	wg.Wait()
}

// The same, at the very moment.
func TestPollDoesNotEndWhileThereIsSomethingToDo(t *testing.T) {
	r := newRegistry(t, Config{Manual: true})
	i := newInstance(t, r, "a")
	if !r.beginPoll(time.Time{}) {
		t.Fatal("somebody polls")
	}
	k := i.SubmitDo(func(context.Context, *Locked) error { return nil })
	r.Poll(time.Time{})
	if k.ended() || r.endPoll() {
		t.Fatal("what was submitted is forgotten")
	}
	r.run(r.takeFirst(), nil)
	if !k.ended() || !r.endPoll() {
		t.Fatal("it does not end")
	}
}
