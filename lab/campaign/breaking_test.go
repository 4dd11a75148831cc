package main

import (
	"math/rand/v2"
	"time"

	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
)

// breaking builds a world in which one operation breaks an invariant.
func breaking(w *sim.World) { w.Add(&stumbler{w: w}) }

type stumbler struct{ w *sim.World }

func (s *stumbler) Ops() []sim.Op {
	none := func(*rand.Rand) ([]int64, bool) { return nil, true }
	return []sim.Op{
		{Name: "walk", Weight: 20, Draw: none, Do: func([]int64) {}},
		{Name: "stumble", Weight: 1, Draw: none, Do: func([]int64) {
			s.w.Fail(sim.Invariant{ID: "I0", Text: "nobody steps"}, "stumbled")
		}},
	}
}

func (s *stumbler) Poll(time.Time) bool     { return false }
func (s *stumbler) Next() time.Time         { return time.Time{} }
func (s *stumbler) Check()                  {}
func (s *stumbler) Release()                {}
func (s *stumbler) Settling() time.Duration { return time.Second }
func (s *stumbler) Rest()                   {}
func (s *stumbler) Close()                  {}
