package notify_test

import (
	"fmt"
	"testing"

	"github.com/switchcore/switchcore/internal/notify"
)

func allocs(t *testing.T, what string, want float64, f func()) {
	t.Helper()
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	if got := testing.AllocsPerRun(500, f); got != want {
		t.Errorf("%s allocates %v times, want %v", what, got, want)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	r := newRing(t, 64)
	allocs(t, "Append with nobody subscribed", 0, func() { r.Append(event{}) })
	idle := subscribe(t, r, opts{})
	defer idle.Close()
	source := notify.Slice(make([]event, 100))
	view := 0
	allocs(t, "Append", 0, func() { r.Append(event{}) })
	allocs(t, "AppendBulk", 0, func() { r.AppendBulk(100, source) })
	allocs(t, "Update", 0, func() {
		r.Update(func(tx txn) {
			view++
			tx.Append(event{key: view})
		})
	})
	if _, _, err := idle.TryNext(); err == nil {
		t.Error("the idle subscription was not overrun")
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	r := newRing(t, 64)
	s := subscribe(t, r, opts{Filter: even})
	defer s.Close()
	ready := s.Ready()
	cycle := func() {
		r.Append(event{key: 1})
		r.Append(event{key: 2})
		<-ready
		for {
			if _, ok, err := s.TryNext(); err != nil {
				t.Fatal(err)
			} else if !ok {
				return
			}
		}
	}
	for range 100 {
		cycle()
	}
	allocs(t, "an append with a wake-up, and reading it", 0, cycle)
}

func TestCoalescingReadAllocatesNothing(t *testing.T) {
	r := newRing(t, 64)
	s, err := notify.SubscribeKeyed(r, opts{Replay: func() walk { return nil }}, byKey)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	cycle := func() {
		for i := range 10 {
			r.Append(event{key: i % 4})
		}
		for {
			if _, ok, err := s.TryNext(); err != nil {
				t.Fatal(err)
			} else if !ok {
				return
			}
		}
	}
	for range 100 {
		cycle()
	}
	allocs(t, "a round of coalescing", 0, cycle)
}

func BenchmarkAppend(b *testing.B) {
	for _, idle := range []int{0, 1, 8, 1000} {
		b.Run(fmt.Sprintf("idle=%d", idle), func(b *testing.B) {
			r := newRing(b, 4096)
			for range idle {
				defer subscribe(b, r, opts{}).Close()
			}
			b.ReportAllocs()
			for b.Loop() {
				r.Append(event{key: 1})
			}
		})
	}
}

// BenchmarkAppendWake has every subscriber read all after every append.
func BenchmarkAppendWake(b *testing.B) {
	for _, n := range []int{1, 8, 1000} {
		b.Run(fmt.Sprintf("readers=%d", n), func(b *testing.B) {
			r := newRing(b, 4096)
			var subs []*sub
			for range n {
				s := subscribe(b, r, opts{})
				defer s.Close()
				subs = append(subs, s)
			}
			b.ReportAllocs()
			for b.Loop() {
				r.Append(event{key: 1})
				for _, s := range subs {
					for ok := true; ok; {
						_, ok, _ = s.TryNext()
					}
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	source := notify.Slice(make([]event, 1<<20))
	b.Run("records", func(b *testing.B) {
		r := newRing(b, 4096)
		s := subscribe(b, r, opts{})
		defer s.Close()
		b.ReportAllocs()
		for b.Loop() {
			r.Append(event{})
			s.TryNext()
		}
	})
	b.Run("bulk", func(b *testing.B) {
		r := newRing(b, 4096)
		s := subscribe(b, r, opts{})
		defer s.Close()
		b.ReportAllocs()
		for b.Loop() {
			if _, ok, _ := s.TryNext(); !ok {
				r.AppendBulk(1<<20, source)
			}
		}
	})
}
