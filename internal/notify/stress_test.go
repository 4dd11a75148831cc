package notify_test

import (
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/switchcore/switchcore/internal/notify"
)

// TestStress runs producers and readers of every kind against each other, outside of a
// bubble. Readers end by Config.Closed only: a lost wake-up hangs the test.
func TestStress(t *testing.T) {
	for _, capacity := range []int{1, 8, 256} {
		tb := newTable(t, capacity)
		var readers, producers sync.WaitGroup
		mirrors := func(s *sub, err error, keyed bool) {
			if err != nil {
				t.Fatal(err)
			}
			readers.Go(func() { follow(t, tb, s, keyed) })
		}
		for range 3 {
			s, err := tb.ring.Subscribe(opts{Replay: tb.replay, Synced: isSynced})
			mirrors(s, err, false)
			s, err = notify.SubscribeKeyed(tb.ring, opts{Replay: tb.replay, Synced: isSynced}, byKey)
			mirrors(s, err, true)
			readers.Go(func() { selectLoop(t, tb.ring) })
		}
		for p := range 3 {
			producers.Go(func() {
				for i := range 30_000 {
					switch k := (i*7 + p) % 13; {
					case i%50 == 49:
						tb.flush(i%3, i%4 == 0)
					case i%5 == 4:
						tb.del(k)
					default:
						tb.set(k, i)
					}
				}
			})
		}
		readers.Go(func() { comeAndGo(t, tb) })
		producers.Wait()
		tb.ring.Close()
		readers.Wait()
	}
}

func follow(t *testing.T, tb *table, s *sub, keyed bool) {
	defer s.Close()
	m := mirror{state: map[int]int{}}
	replaying := true
	for e, err := range s.All(t.Context()) {
		switch {
		case errors.Is(err, notify.ErrOverrun) && !keyed:
			m.state, replaying = map[int]int{}, true
			continue
		case errors.Is(err, notify.ErrClosed):
			if !maps.Equal(m.state, *tb.view.Load()) {
				t.Errorf("mirror %v, want %v", m.state, *tb.view.Load())
			}
			return
		case err != nil:
			t.Error(err)
			return
		}
		if e.seq < m.last || !keyed && e.kind <= del && e.seq == m.last {
			t.Errorf("number %d after %d", e.seq, m.last)
		}
		if !keyed && replaying != (e.kind >= existing) {
			t.Errorf("%+v while replaying is %v", e, replaying)
		}
		replaying = replaying && e.kind != synced
		m.apply(e)
	}
}

// selectLoop reads once per token.
func selectLoop(t *testing.T, r *ring) {
	s, err := r.Subscribe(opts{})
	if errors.Is(err, notify.ErrClosed) {
		return
	}
	defer s.Close()
	last := uint64(0)
	for range s.Ready() {
		e, ok, err := s.TryNext()
		if errors.Is(err, notify.ErrClosed) {
			return
		}
		if ok && e.seq <= last {
			t.Errorf("number %d after %d", e.seq, last)
		}
		if ok {
			last = e.seq
		}
	}
}

// comeAndGo closes subscriptions while they are armed, waited on and walked.
func comeAndGo(t *testing.T, tb *table) {
	for {
		s, err := tb.ring.Subscribe(opts{Replay: tb.replay})
		if errors.Is(err, notify.ErrClosed) {
			return
		}
		var wg sync.WaitGroup
		var ended atomic.Int32
		for range 2 {
			wg.Go(func() {
				for _, err := range s.All(t.Context()) {
					if errors.Is(err, notify.ErrClosed) {
						ended.Add(1)
					}
				}
			})
		}
		for range 3 {
			<-s.Ready()
			s.TryNext()
		}
		s.Close()
		wg.Wait()
		if ended.Load() != 2 {
			t.Error("a reader ended otherwise")
		}
	}
}

// Readers of one subscription get each event once, between them.
func TestReadersShareEveryEventOnce(t *testing.T) {
	const events = 20_000
	r := newRing(t, 1<<15)
	s := subscribe(t, r, opts{})
	var seen [events + 1]atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for e, err := range s.All(t.Context()) {
				if err == nil {
					seen[e.seq].Add(1)
				}
			}
		})
	}
	for range events {
		r.Append(event{})
	}
	r.Close()
	wg.Wait()
	for i := 1; i <= events; i++ {
		if n := seen[i].Load(); n != 1 {
			t.Fatalf("event %d read %d times", i, n)
		}
	}
}
