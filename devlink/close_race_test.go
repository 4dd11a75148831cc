package devlink

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// What was let in before the registry was closed, and is queued behind everything that
// Close does, is not carried out any more: nobody would unregister the instance again.
func TestCloseRefusesWhatWasLetInAndIsQueuedLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, Config{})
		i := newInstance(t, r, "a")
		o := i.newOp("devlink.register", i.register)
		if _, ok := r.admit(false); !ok {
			t.Fatal("not let in")
		}
		closed := make(chan error)
		go func() { closed <- r.Close() }()
		synctest.Wait() // it waits for what was let in
		if i.slot.push(o) {
			r.carry(i)
		}
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
		mustBe(t, o.ticket.Err(), switchdev.ErrClosed)
		if i.State() != Allocated || r.Snapshot().Len() != 0 {
			t.Fatal(i.State(), r.Snapshot().Len())
		}
	})
}

// What takes away is let in while a registry is being closed, but nothing is carried out
// any more when Close has returned.
func TestNothingIsCarriedOutAfterClose(t *testing.T) {
	for range 10_000 {
		r, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		i := newInstance(t, r, "a")
		over := make(chan struct{})
		go func() {
			defer close(over)
			for !errors.Is(i.SubmitUnregister().Wait(context.Background()), switchdev.ErrClosed) {
			}
		}()
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		r.mu.Lock()
		busy := r.busy
		r.mu.Unlock()
		<-over
		if busy != 0 {
			t.Fatalf("%d are carried out", busy)
		}
	}
}

// Somebody's call of Poll is about to end when a Manual registry is closed, and the
// notifiers have something to hear.
func TestManualCloseWhileACallOfPollEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := New(Config{Manual: true})
		if err != nil {
			t.Fatal(err)
		}
		n := notifier(t, r, NotifyOptions{}, func(context.Context, Event) {})
		r.Poll(time.Time{})
		if !r.beginPoll(time.Time{}) {
			t.Fatal("somebody polls")
		}
		for r.hub.tellNext() {
		}
		closed := make(chan error)
		go func() { closed <- r.Close() }()
		synctest.Wait()
		for !r.endPoll() {
			r.hub.tellNext()
		}
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
		<-n.Done()
	})
}

// Of two instances it is the newer one whose driver does not return.
func TestCloseNamesOnlyWhoDoesNotReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		registered(t, r, "fine", "")
		i := registered(t, r, "stuck", "")
		out := make(chan struct{})
		i.SubmitDo(func(context.Context, *Locked) error { <-out; return nil })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err = r.CloseContext(ctx)
		mustBe(t, err, context.DeadlineExceeded)
		if text := fmt.Sprint(err); !strings.Contains(text, "test/stuck: its driver") || strings.Contains(text, "test/fine") {
			t.Error(err)
		}
		close(out)
	})
}

// The error of a driver is not mistaken for that of an instance that was not registered.
func TestCloseTellsWhatDriversAnswer(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		q, err := New(Config{Manual: r.cfg.Manual})
		if err != nil {
			t.Fatal(err)
		}
		c := newCard("a")
		c.start(t, q, "")
		freed := newInstance(t, q, "freed")
		c.removed = func(ctx context.Context, _ *Locked, _ Reload) error {
			return errors.Join(switchdev.ErrNoDevice, freed.SubmitFree().Wait(ctx))
		}
		mustBe(t, q.Close(), switchdev.ErrNoDevice)
	})
}

// The same, at the very moment.
func TestShutAndTheLastOperationAreOneStep(t *testing.T) {
	r := newRegistry(t, Config{})
	r.admit(false)
	idle := r.shut(false)
	if _, ok := r.admit(true); !ok || idle == nil {
		t.Fatal("closed while something is carried out")
	}
	r.retire()
	r.retire()
	<-idle
	if _, ok := r.admit(true); !ok || r.shut(false) == nil {
		t.Fatal("closed although something was let in")
	}
	r.retire()
	if r.shut(false) != nil {
		t.Fatal("not closed")
	}
	if _, ok := r.admit(true); ok {
		t.Fatal("something is let in")
	}
	r.closed = false // for the end of this test
}

// What a driver removes because of Close it removes with a ctx that has not ended, so that
// it can wait for others with it.
func TestCallbacksOfCloseHaveALiveContext(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		q, err := New(Config{Manual: r.cfg.Manual})
		if err != nil {
			t.Fatal(err)
		}
		c := newCard("a")
		c.start(t, q, "")
		calls := 0
		c.removed = func(ctx context.Context, _ *Locked, _ Reload) error {
			calls++
			return ctx.Err()
		}
		if err := q.Close(); err != nil || calls != 1 {
			t.Fatal(err, calls)
		}
	})
}
