package fdbarea

import (
	"runtime"
	"time"

	"github.com/switchcore/switchcore/bench/measure"
	"github.com/switchcore/switchcore/bench/peer"
)

// growth measures the longest that one new station takes while a table grows
// from nothing.
func growth() measure.Group {
	return measure.Group{Name: "growth", Rows: []measure.Row{
		{Name: "1M/grow-worst/flat", Ours: "worst/ours", Core: "worst/core", Peer: "worst/flat", Rule: measure.Within, Gate: 0.1,
			Text: "the longest of 1M insertions into an empty table, beside one flat array that doubles; ours learns and applies each station by itself"},
		{Name: "1M/grow-mean/flat", Ours: "mean/ours", Core: "mean/core", Peer: "mean/flat",
			Text: "the mean of the same, with the two readings of the clock"},
	}, Run: func(s *measure.Session, rec *measure.Record) error {
		n := s.Size(1<<20, 1<<12)
		s.Rounds = min(s.Rounds, 3) // a round takes seconds, and the worst of a million is steady
		var failed error
		kinds := map[string]func() (func(uint64), func()){
			"flat": func() (func(uint64), func()) {
				t := peer.NewFlat()
				return func(i uint64) { t.Put(i, peer.PortOf(i)) }, func() {}
			},
			"core": func() (func(uint64), func()) {
				t := newMain(0)
				return func(i uint64) { t.put(i, peer.PortOf(i)) }, func() {}
			},
			"ours": func() (func(uint64), func()) {
				t, err := newOurs(manual(), 0)
				if err != nil {
					failed = err
					return func(uint64) {}, func() {}
				}
				return t.learnNow, func() { _ = t.Close() }
			},
		}
		var cases []measure.Case
		for _, name := range []string{"ours", "core", "flat"} {
			if rec.Wants("mean/" + name) {
				rec.Want("worst/" + name)
			}
			cases = append(cases, measure.Case{Series: "worst/" + name, Run: func() float64 {
				worst, mean := worstOf(n, kinds[name])
				rec.Add("mean/"+name, mean)
				return worst
			}})
		}
		s.Interleave(rec, cases...)
		return failed
	}}
}

// learnNow learns a station and has it applied to the main table, with its
// event.
func (t *ours) learnNow(i uint64) {
	t.Learn(key(i), port(i))
	t.Poll(t.now)
}

// worstOf returns the longest insertion of n and the mean, in nanoseconds of the
// thread's time. The collector runs between insertions and not in them, so the
// stalls are the table's.
func worstOf(n int, start func() (insert func(uint64), end func())) (worst, mean float64) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	insert, end := start()
	defer end()
	var sum, longest time.Duration
	for from := 0; from < n; from += growthPart {
		measure.Quiet(func() {
			last := measure.Thread()
			for i := from; i < min(from+growthPart, n); i++ {
				insert(uint64(i))
				now := measure.Thread()
				longest = max(longest, now-last)
				sum += now - last
				last = now
			}
		})
	}
	return float64(longest), float64(sum) / float64(n)
}

// growthPart is how many insertions there are between two collections.
const growthPart = 1 << 15
