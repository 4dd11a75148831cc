package sim

import "slices"

// Shrink makes a failing program smaller: it drops parts of its steps, halves
// first and single ones in the end, and keeps what still breaks the same
// invariant. It replays at most budget programs, and returns the smallest with
// its result.
func Shrink(p *Program, broken Invariant, build Builder, o Options, budget int) (*Program, *Result) {
	o.Trace, o.Verbose = false, nil
	s := &shrinker{build: build, o: o, broken: broken.ID, left: budget, best: p}
	s.best, s.result = p, Replay(p, build, o)
	if v := s.result.Violation; v == nil || v.Invariant.ID != broken.ID {
		return p, s.result // it does not happen again
	}
	if n := s.result.Violation.Step + 1; n < len(p.Steps) {
		s.try(p.Steps[:n])
	}
	for size := max(len(s.best.Steps)/2, 1); ; size = max(size/2, 1) {
		dropped := s.pass(size)
		if s.left <= 0 || size == 1 && !dropped {
			return s.best, s.result
		}
	}
}

type shrinker struct {
	build  Builder
	o      Options
	broken string
	left   int
	best   *Program
	result *Result
}

// pass tries to drop every stretch of size steps, from the end on.
func (s *shrinker) pass(size int) (dropped bool) {
	for at := len(s.best.Steps) - size; s.left > 0; at -= size {
		from := max(at, 0)
		if from+size > len(s.best.Steps) {
			if from == 0 {
				return dropped
			}
			continue
		}
		if s.try(slices.Concat(s.best.Steps[:from], s.best.Steps[from+size:])) {
			dropped = true
		}
		if from == 0 {
			return dropped
		}
	}
	return dropped
}

// try replays the steps and keeps them if they break the same invariant.
func (s *shrinker) try(steps []Step) bool {
	if s.left--; s.left < 0 {
		return false
	}
	p := *s.best
	p.Steps = slices.Clone(steps)
	r := Replay(&p, s.build, s.o)
	if r.Violation == nil || r.Violation.Invariant.ID != s.broken {
		return false
	}
	s.best, s.result = &p, r
	return true
}
