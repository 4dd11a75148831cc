package script

import (
	"slices"

	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
)

// Shrink makes a failing program smaller by leaving out lines, and keeps what still
// breaks the same invariant. It replays at most budget programs, and returns the smallest
// with its result.
func Shrink(p *Program, broken sim.Invariant, o sim.Options, budget int) (*Program, *Result) {
	return shrink(p, func(r *Result) bool { return r.Violation != nil && r.Violation.Invariant.ID == broken.ID }, o, budget)
}

func shrink(p *Program, fails func(*Result) bool, o sim.Options, budget int) (*Program, *Result) {
	o.Verbose = nil
	best, result := p, Replay(p, o)
	if !fails(result) {
		return p, result
	}
	try := func(lines []string) bool {
		if budget--; budget < 0 {
			return false
		}
		q := *best
		q.Lines = lines
		r := Replay(&q, o)
		if !fails(r) {
			return false
		}
		best, result = &q, r
		return true
	}
	if v := result.Violation; v != nil {
		try(slices.Clone(best.Lines[:min(v.Step+1, len(best.Lines))]))
	}
	for size := max(len(best.Lines)/2, 1); ; size = max(size/2, 1) {
		shorter := false
		for at := 0; at < len(best.Lines) && budget > 0; {
			if try(slices.Delete(slices.Clone(best.Lines), at, min(at+size, len(best.Lines)))) {
				shorter = true
			} else {
				at += size
			}
		}
		if budget <= 0 || size == 1 && !shorter {
			return best, result
		}
	}
}
