package notify_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/internal/notify"
)

// Waiting is durable: with every reader idle, virtual time goes on by itself.
func TestWaitsAreDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, 8)
		a, b := subscribe(t, r, opts{}), subscribe(t, r, opts{})
		got := make(chan time.Duration, 4)
		start := time.Now()
		go func() {
			for _, err := range a.All(t.Context()) {
				if err != nil {
					break
				}
				got <- time.Since(start)
			}
			close(got)
		}()
		go func() {
			for range b.Ready() {
				if _, ok, err := b.TryNext(); err != nil {
					return
				} else if ok {
					b.Close()
				}
			}
		}()
		for range 3 {
			time.Sleep(time.Hour)
			r.Append(event{})
			synctest.Wait()
		}
		r.Close()
		for want := range 3 {
			if d := <-got; d != time.Duration(want+1)*time.Hour {
				t.Fatalf("event %d read after %v", want, d)
			}
		}
		if _, ok := <-got; ok {
			t.Fatal("one too many")
		}
	})
}

func TestNextReturnsWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := subscribe(t, newRing(t, 8), opts{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if _, err := s.Next(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Minute {
			t.Fatal(err, time.Since(start))
		}
	})
}

// x/net/quic's rule: an ended ctx hides nothing that is there.
func TestEndedContextStillReturnsWhatIsQueued(t *testing.T) {
	r := newRing(t, 2)
	s := subscribe(t, r, opts{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.Append(event{})
	if e, err := s.Next(ctx); err != nil || e.seq != 1 {
		t.Fatal(e, err)
	}
	if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	for range 3 {
		r.Append(event{})
	}
	if _, err := s.Next(ctx); !errors.Is(err, notify.ErrOverrun) {
		t.Fatal(err)
	}
	s.Close()
	if _, err := s.Next(ctx); !errors.Is(err, notify.ErrClosed) {
		t.Fatal(err)
	}
}

func TestCloseWakesEveryReader(t *testing.T) {
	for name, end := range map[string]func(*ring, *sub){
		"subscription": func(_ *ring, s *sub) { s.Close() },
		"ring":         func(r *ring, _ *sub) { r.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRing(t, 8)
				s := subscribe(t, r, opts{})
				ended := make(chan error, 5)
				for range 5 {
					go func() {
						_, err := s.Next(t.Context())
						ended <- err
					}()
				}
				synctest.Wait()
				end(r, s)
				for range 5 {
					if err := <-ended; !errors.Is(err, notify.ErrClosed) {
						t.Fatal(err)
					}
				}
				if len(s.Ready()) != 1 {
					t.Fatal("the end is not ready to be read")
				}
			})
		})
	}
}

// Each event goes to one of several readers, and a burst wakes all that it feeds.
func TestSeveralReadersShareASubscription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, 64)
		s := subscribe(t, r, opts{})
		got := make(chan uint64, 16)
		for range 4 {
			go func() {
				e, _ := s.Next(t.Context())
				got <- e.seq
			}()
		}
		synctest.Wait()
		r.Update(func(tx txn) {
			for range 4 {
				tx.Append(event{})
			}
		})
		synctest.Wait()
		if len(got) != 4 {
			t.Fatalf("%d of 4 readers woke", len(got))
		}
		sum := uint64(0)
		for range 4 {
			sum += <-got
		}
		if sum != 1+2+3+4 {
			t.Fatal("an event was read twice")
		}
	})
}

// A reader inside its own filter delays nobody but readers of the same subscription.
func TestSlowFilterDelaysNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(t, 8)
		slow := subscribe(t, r, opts{Filter: func(*event) bool { time.Sleep(time.Hour); return true }})
		other := subscribe(t, r, opts{})
		start := time.Now()
		r.Append(event{})
		go slow.TryNext()
		synctest.Wait()
		r.Append(event{})
		want(t, other, "{1 0 0 0}", "{2 0 0 0}", "none")
		r.Stats()
		slow.Close()
		if time.Since(start) != 0 {
			t.Fatal("waited")
		}
		want(t, slow, "closed")
		if time.Since(start) != time.Hour || !slow.Empty() {
			t.Fatal(time.Since(start), slow.Empty())
		}
	})
}

// A subscription that nobody reads is visited by no append; one that waits by one.
func TestOnlyWaitingSubscriptionsAreVisited(t *testing.T) {
	r := newRing(t, 8)
	var subs []*sub
	for range 1000 {
		subs = append(subs, subscribe(t, r, opts{}))
	}
	subscribe(t, r, opts{Replay: func() walk { return nil }, Synced: isSynced})
	if _, err := notify.SubscribeKeyed(r, opts{Replay: func() walk { return nil }}, byKey); err != nil {
		t.Fatal(err)
	}
	appends := func(n int) uint64 {
		before := r.Stats().Wakes
		for range n {
			r.Append(event{})
		}
		return r.Stats().Wakes - before
	}
	if n := appends(5); n != 0 {
		t.Fatalf("%d visits to 1000 subscriptions that nobody reads", n)
	}
	if len(subs[0].Ready()) != 1 {
		t.Fatal("a first look at Ready finds no token")
	}
	for _, s := range subs[:10] {
		for {
			if _, ok, _ := s.TryNext(); !ok {
				break
			}
		}
	}
	if n := appends(100); n != 10 {
		t.Fatalf("%d visits to 10 readers that have read all", n)
	}
	if r.Stats().Waiting != 0 {
		t.Fatal(r.Stats())
	}
	subs[1000-1].Close()
	late := subscribe(t, r, opts{})
	late.Ready()
	late.Ready()
	if r.Stats().Waiting != 1 {
		t.Fatal("Ready does not arm")
	}
	late.Close()
	if n := appends(1); n != 0 || r.Stats().Waiting != 0 {
		t.Fatal("a closed subscription is visited")
	}
}

// lateContext ends while Next is on its way to wait, and an event arrives then too.
type lateContext struct {
	context.Context
	append func()
}

func (c lateContext) Done() <-chan struct{} { c.append(); return c.Context.Done() }

func TestEventAtTheEndOfTheContextIsReturned(t *testing.T) {
	r := newRing(t, 2)
	s := subscribe(t, r, opts{})
	defer s.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range uint64(50) { // select chooses at random
		ctx := lateContext{ended, func() { r.Append(event{}) }}
		if e, err := s.Next(ctx); err != nil || e.seq != i+1 {
			t.Fatal(e, err)
		}
		for ok := true; ok; {
			_, ok, _ = s.TryNext()
		}
	}
}

// selects reads once per token, as a select loop does, and checks that there is one.
func selects(t *testing.T, s *sub, answers ...string) {
	t.Helper()
	for _, a := range answers {
		select {
		case <-s.Ready():
		default:
			t.Fatalf("no token for %s", a)
		}
		want(t, s, a)
	}
}

// A token is there for what came after a batch was taken off the ring, although the
// token that its append sent has gone to an event of the batch.
func TestOneReadPerTokenIsEnough(t *testing.T) {
	r := newRing(t, 8)
	s := subscribe(t, r, opts{})
	defer s.Close()
	s.Ready()
	r.Append(event{})
	r.Append(event{})
	selects(t, s, "{1 0 0 0}")
	r.Append(event{})
	selects(t, s, "{2 0 0 0}", "{3 0 0 0}")
	if len(s.Ready()) != 0 {
		t.Fatal("a token for nothing")
	}
	r.Append(event{})
	selects(t, s, "{4 0 0 0}")
	r.Close()
	selects(t, s, "closed", "closed")
}

// The synced event is the last of a replay and need not be followed by a read that
// finds nothing: the next append sends a token all the same.
func TestOneReadPerTokenIsEnoughAfterAReplay(t *testing.T) {
	tb := newTable(t, 2)
	s := subscribe(t, tb.ring, opts{Replay: tb.replay, Synced: isSynced})
	defer s.Close()
	selects(t, s, "{0 3 0 0}")
	tb.set(1, 1)
	selects(t, s, "{1 0 1 1}")
	for i := range 3 {
		tb.set(1, i)
	}
	selects(t, s, "overrun 2-4", "{4 2 1 2}", "{4 3 0 0}")
	tb.set(1, 5)
	selects(t, s, "{5 0 1 5}")
}
