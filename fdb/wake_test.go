package fdb

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// woken reports whether the table has asked for Poll.
func woken(t *Table) bool {
	select {
	case <-t.Wake():
		return true
	default:
		return false
	}
}

// TestFirstLearnOfGenerationWakes: a generation is announced by the first that
// learns in it, until Poll knows of it; from then on Poll comes by itself.
func TestFirstLearnOfGenerationWakes(t *testing.T) {
	now := time.Unix(1000, 0)
	b := newTable(t, Config{Manual: true, Start: now, Learning: Learning{Delay: time.Second}})
	b.Poll(now)
	n := 0
	learn := func(want bool) {
		t.Helper()
		n++
		if got := b.Learn(stationKey(n), 1); got != Queued {
			t.Fatalf("Learn = %v", got)
		}
		if got := woken(b); got != want {
			t.Fatalf("learn %d wakes: %v, want %v", n, got, want)
		}
	}
	for range 3 {
		woken(b)
		learn(true)
		next := b.Poll(now)
		if want := now.Add(time.Second); !next.Equal(want) {
			t.Fatalf("Poll = %v, want %v", next, want)
		}
		woken(b) // what was learned before the last Poll
		learn(false)
		learn(false)
		if next := b.Poll(now.Add(time.Second / 2)); !next.Equal(now.Add(time.Second)) {
			t.Fatalf("Poll = %v", next)
		}
		now = now.Add(time.Second)
		b.Poll(now)
		if got := b.Stats().Pending; got != 0 || b.Len() != n {
			t.Fatalf("%d pending, %d entries of %d", got, b.Len(), n)
		}
	}
	// A flush that seals a generation before its time leaves nothing behind.
	learn(true)
	b.Poll(now)
	b.SubmitFlush(OnPort(9))
	b.Poll(now)
	woken(b)
	n++
	b.Learn(stationKey(n), 1)
	now = now.Add(time.Second)
	for next := now; !next.IsZero() && !next.After(now); {
		next = b.Poll(now)
	}
	if !woken(b) && b.Stats().Pending != 0 {
		t.Errorf("%d pending and nobody comes", b.Stats().Pending)
	}
}

// TestNoWakeUpIsLost: whoever drives a table by Wake and the times of Poll alone
// gets everything applied, however learns fall between the steps of Poll.
func TestNoWakeUpIsLost(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Millisecond} {
		t.Run(fmt.Sprint(delay), func(t *testing.T) { drivenByWake(t, delay) })
	}
}

func drivenByWake(t *testing.T, delay time.Duration) {
	now := time.Unix(1000, 0)
	b := newTable(t, Config{Manual: true, Start: now, Ageing: -1, Learning: Learning{Delay: delay, Pending: -1}})
	const learners, each = 3, 12
	next := b.Poll(now)
	// drive polls once if it is time, or if the table asked for it.
	drive := func() bool {
		if !woken(b) {
			if next.IsZero() {
				return false
			}
			now = next
		}
		next = b.Poll(now)
		return true
	}
	for round := range 150 {
		var wg sync.WaitGroup
		var learning atomic.Int32
		for g := range learners {
			learning.Add(1)
			wg.Go(func() {
				defer learning.Add(-1)
				for i := range each {
					if got := b.Learn(stationKey((round*learners+g)*each+i), 1); got != Queued {
						t.Errorf("Learn = %v", got)
					}
				}
			})
		}
		if round%5 == 0 {
			b.SubmitFlush(OnPort(9)) // seals by itself
		}
		for learning.Load() > 0 {
			drive()
		}
		wg.Wait()
		for range 100 { // a sweep is due for ever
			if b.Stats().Pending == 0 || !drive() {
				break
			}
		}
		if got := b.Stats().Pending; got != 0 || b.Len() != (round+1)*learners*each {
			t.Fatalf("round %d: %d are pending, %d entries, and nobody comes", round, got, b.Len())
		}
	}
}
