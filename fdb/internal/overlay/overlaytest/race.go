// Package overlaytest holds the race that two-stage lookup is there for, so that
// every table above the overlay can be put through it.
//
// The race: station A on port 1 sends to B, B on port 2 replies at once, and A
// answers. A switch that learns late finds A not yet in its table when B's reply
// comes, and floods it to third parties, although A's frame was accepted before.
//
// # Concurrency
//
// [SeedRace] runs in the caller's goroutine; what works on the table meanwhile
// is the caller's.
package overlaytest

import (
	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
)

// Path is the data path of the table under test.
type Path struct {
	// Learn notes a station and reports whether it was accepted.
	Learn func(k cam.Key, port uint16, tick uint64) bool
	// Lookup returns the port of a station, and where the answer came from if
	// the table knows.
	Lookup func(k cam.Key) (port uint16, from overlay.Source, ok bool)
	// Work, if not nil, is called between the frames, for tables that are driven
	// by their caller. It is told how many frames there were.
	Work func(frames int)
	// Stations is how many pairs of stations take turns; 0 means 4096. Each time
	// its turn comes a pair has swapped its ports.
	Stations int
}

// Tally is what a race came to.
type Tally struct {
	Lookups int
	Floods  int // lookups of an accepted station that missed
	Stale   int // lookups that found it where it was before
	Refused int // learns that were not accepted
	From    [3]int
}

// SeedRace lets n pairs of stations have their exchange.
func SeedRace(n int, p Path) Tally {
	r := race{Path: p}
	if r.Stations == 0 {
		r.Stations = 4096
	}
	for i := range n {
		k := cam.Key(i%r.Stations)<<13 + 1<<48
		turn := uint16(i / r.Stations % 2)
		r.exchange(k, k|1<<12, 1+turn, 2-turn, uint64(i/r.Stations))
	}
	return r.tally
}

type race struct {
	Path
	tally  Tally
	frames int
}

// exchange is A to B, B to A, A to B. Only lookups of the accepted count.
func (r *race) exchange(a, b cam.Key, pa, pb uint16, tick uint64) {
	r.frame(a, pa, tick, b, 0, false)
	known := r.frame(b, pb, tick, a, pa, true)
	r.frame(a, pa, tick, b, pb, known)
}

// frame learns the source and looks the destination up, as a bridge does.
func (r *race) frame(src cam.Key, port uint16, tick uint64, dst cam.Key, want uint16, due bool) bool {
	accepted := r.Learn(src, port, tick)
	if !accepted {
		r.tally.Refused++
	}
	r.frames++
	if r.Work != nil {
		r.Work(r.frames)
	}
	got, from, ok := r.Lookup(dst)
	if !due || !accepted {
		return accepted
	}
	r.tally.Lookups++
	switch {
	case !ok:
		r.tally.Floods++
	case got != want:
		r.tally.Stale++
	default:
		r.tally.From[from]++
	}
	return accepted
}
