package explore_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"go.uber.org/goleak"

	"github.com/switchcore/switchcore/internal/explore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cell is a shared word.
type cell struct{ v int }

func (c *cell) load() int   { explore.Load(unsafe.Pointer(c)); return c.v }
func (c *cell) store(v int) { explore.Store(unsafe.Pointer(c)); c.v = v }

type mutex struct{ held bool }

func (m *mutex) lock() {
	explore.Lock(unsafe.Pointer(m))
	if m.held {
		panic("two holders")
	}
	m.held = true
}
func (m *mutex) unlock() { m.held = false; explore.Unlock(unsafe.Pointer(m)) }

// random returns a program of a few random instructions per thread, whose
// outcome is everything that the threads read, and the order of calls.
func random(seed uint64, outcome func(string)) func() explore.Program {
	return func() explore.Program {
		r := rand.New(rand.NewPCG(seed, 1))
		cells := make([]cell, 2)
		locks := make([]mutex, 2)
		var seen []string
		var order [3]string
		var calls []int
		p := explore.Program{}
		for th := range 2 + r.IntN(2) {
			var code []func()
			say := func(v int) { order[th] += fmt.Sprint(v, " ") }
			for range 1 + r.IntN(3) {
				c, l, v := &cells[r.IntN(2)], &locks[r.IntN(2)], th*10+len(code)
				switch r.IntN(5) {
				case 0:
					code = append(code, func() { say(c.load()) })
				case 1:
					code = append(code, func() { c.store(v) })
				case 2:
					code = append(code, func() { l.lock(); say(c.load()); c.store(v); l.unlock() })
				case 3:
					code = append(code, func() { say(c.load()); c.store(v) })
				case 4:
					code = append(code, func() {
						b := explore.Begin()
						say(c.load())
						calls = append(calls, th, b, explore.End())
					})
				}
			}
			p.Threads = append(p.Threads, func() {
				for _, f := range code {
					f()
				}
			})
		}
		p.Check = func() error {
			seen = append(seen, order[:]...)
			text := fmt.Sprint(seen, cells, precedence(calls))
			outcome(text)
			return nil
		}
		return p
	}
}

// precedence is which call ended before which began.
func precedence(calls []int) string {
	var pairs []string
	for i := 0; i < len(calls); i += 3 {
		for j := 0; j < len(calls); j += 3 {
			if calls[i+2] < calls[j+1] {
				pairs = append(pairs, fmt.Sprint(calls[i], nth(calls, i), "<", calls[j], nth(calls, j)))
			}
		}
	}
	slices.Sort(pairs)
	return fmt.Sprint(pairs)
}

// nth is the how manieth call of its thread a call is.
func nth(calls []int, i int) (n int) {
	for j := 0; j < len(calls); j += 3 {
		if calls[j] == calls[i] && calls[j+1] < calls[i+1] {
			n++
		}
	}
	return n
}

// The reduction must lose no outcome: it is compared with all interleavings.
func TestReductionLosesNoOutcome(t *testing.T) {
	full, reduced := 0, 0
	for seed := range uint64(seeds) {
		all, some := map[string]bool{}, map[string]bool{}
		a := explore.Explore(explore.Config{Full: true, MaxSchedules: 12000}, random(seed, func(s string) { all[s] = true }))
		b := explore.Explore(explore.Config{}, random(seed, func(s string) { some[s] = true }))
		if errors.Is(a.Err, b.Err) != errors.Is(b.Err, a.Err) {
			t.Fatalf("seed %d: %v against %v", seed, a.Err, b.Err)
		}
		if !a.Complete {
			continue
		}
		full, reduced = full+a.Schedules, reduced+b.Schedules
		if !maps.Equal(all, some) {
			t.Fatalf("seed %d: %d outcomes of %d", seed, len(some), len(all))
		}
	}
	t.Logf("%d schedules stand for %d", reduced, full)
	if reduced*2 > full {
		t.Errorf("no reduction")
	}
}

func TestExploreFindsTheLostUpdate(t *testing.T) {
	build := func() explore.Program {
		var c cell
		add := func() { c.store(c.load() + 1) }
		return explore.Program{Threads: []func(){add, add}, Check: func() error {
			if c.v != 2 {
				return fmt.Errorf("%d", c.v)
			}
			return nil
		}}
	}
	if r := explore.Explore(explore.Config{}, build); r.Err == nil || r.Trace == "" {
		t.Errorf("not found: %+v", r)
	}
}

func TestExploreFindsTheDeadlock(t *testing.T) {
	build := func() explore.Program {
		var a, b mutex
		return explore.Program{Threads: []func(){
			func() { a.lock(); b.lock(); b.unlock(); a.unlock() },
			func() { b.lock(); a.lock(); a.unlock(); b.unlock() },
		}}
	}
	if r := explore.Explore(explore.Config{}, build); r.Err == nil {
		t.Errorf("not found: %+v", r)
	}
}

func TestExploreReportsPanics(t *testing.T) {
	build := func() explore.Program {
		var c cell
		return explore.Program{Threads: []func(){
			func() { c.store(1) },
			func() {
				if c.load() == 0 {
					panic("seen")
				}
			},
		}}
	}
	if r := explore.Explore(explore.Config{}, build); r.Err == nil {
		t.Errorf("not found: %+v", r)
	}
}

func TestWaitEndsWithAWrite(t *testing.T) {
	build := func() explore.Program {
		var c cell
		return explore.Program{Threads: []func(){
			func() { c.store(1) },
			func() {
				for c.load() == 0 {
					explore.Wait()
				}
			},
		}}
	}
	if r := explore.Explore(explore.Config{}, build); r.Err != nil || !r.Complete {
		t.Errorf("%+v", r)
	}
}
