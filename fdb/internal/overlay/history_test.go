//go:build explore

package overlay

import (
	"errors"
	"fmt"
	"strings"

	"github.com/switchcore/switchcore/fdb/internal/cam"
)

// history is what the threads called and heard, to be explained by some order of
// the calls that respects real time.
type history struct {
	threads [][]call
}

// init drops what has no effect to be explained.
func (h *history) init() {
	kept := make([][]call, len(h.threads))
	for i, th := range h.threads {
		for _, c := range th {
			if c.timed() {
				kept[i] = append(kept[i], c)
			}
		}
	}
	h.threads = kept
}

func (h *history) signature(tail []call) string {
	b := make([]byte, 0, 128)
	add := func(c call) {
		b = append(b, byte(c.got.port), byte(c.got.flags>>36), byte(c.got.flags>>44), byte(c.outcome), byte(c.n), byte(c.was.port))
		if c.got.here {
			b = append(b, 1)
		}
	}
	for i, th := range h.threads {
		for _, c := range th {
			add(c)
			for j, other := range h.threads {
				for _, d := range other {
					if i != j && c.end < d.start {
						b = append(b, '<')
					} else {
						b = append(b, '.')
					}
				}
			}
		}
	}
	for _, c := range tail {
		add(c)
	}
	return string(b)
}

func (h *history) explain(setup, tail []call) error {
	s := spec{}
	for _, c := range setup {
		if !s.step(c) {
			return fmt.Errorf("setup: %c%d cannot be explained in %+v", c.verb, c.port, s)
		}
	}
	if h.search(s, make([]int, len(h.threads)), tail) {
		return nil
	}
	return errors.New(h.text(tail))
}

// search tries every next call that no unfinished one precedes.
func (h *history) search(s spec, at []int, tail []call) bool {
	over := true
	for i, th := range h.threads {
		if at[i] == len(th) {
			continue
		}
		over = false
		c := th[at[i]]
		if !h.first(c, at) {
			continue
		}
		for _, next := range s.futures() {
			if next.step(c) {
				at[i]++
				ok := h.search(next, at, tail)
				at[i]--
				if ok {
					return true
				}
			}
		}
	}
	if !over {
		return false
	}
	return s.ends(tail)
}

// ends is the tail, in its order.
func (s spec) ends(tail []call) bool {
	if len(tail) == 0 {
		return !s.owed()
	}
	for _, next := range s.futures() {
		if next.step(tail[0]) && next.ends(tail[1:]) {
			return true
		}
	}
	return false
}

// owed reports whether the late flush must still take the entry.
func (s spec) owed() bool { return s.late && s.off && s.now.here && !s.maybe && !s.busy }

// futures are what the spec may become by itself: a late flush takes what is in
// hardware, unless it was learned since.
func (s spec) futures() []spec {
	if !s.late || !s.off || !s.now.here || s.busy {
		return []spec{s}
	}
	killed := s
	killed.now, killed.off = value{}, false
	return []spec{s, killed}
}

func (h *history) first(c call, at []int) bool {
	for j, th := range h.threads {
		if at[j] < len(th) && th[at[j]].end < c.start {
			return false
		}
	}
	return true
}

func (h *history) text(tail []call) string {
	var b strings.Builder
	b.WriteString("no order of the calls explains\n")
	for i, th := range append(h.threads[:len(h.threads):len(h.threads)], tail) {
		for _, c := range th {
			fmt.Fprintf(&b, "\tthread %d [%d..%d] %c%d: %v %v %d\n", i, c.start, c.end, c.verb, c.port, c.got, c.outcome, c.n)
		}
	}
	return b.String()
}

// step is one call on the spec, and whether it could have said what it said.
func (s *spec) step(c call) bool {
	switch c.verb {
	case 'L', 'l', 'B':
		a := action{port: c.port, tick: 3, locked: c.verb == 'B'}
		if c.verb == 'l' {
			a.tick = 7
		}
		was := s.now
		if c.outcome == Shut {
			return was.here && (was.port != c.port || was.flags&cam.Locked == 0)
		}
		s.act(theKey, a)
		s.maybe = s.late
		switch c.outcome {
		case Queued:
			s.off = false
			return !was.here
		case Moved:
			s.off = false
			return was.here && was.port != c.port && !s.now.same(was)
		case Own, Kept:
			return was.here && was.flags&(cam.Local|cam.Sticky) != 0
		case Known, Refreshed:
			return s.now.same(was)
		}
		return false
	case 'K':
		return s.now.same(c.got)
	case 'F', 'A', '*':
		s.act(theKey, action{filter: c.filter()})
	case 'H':
		s.late, s.maybe = true, false
	case 'o':
		s.off = s.off || c.n == 1
	case 'I', 'd':
		ok := c.n == 0 || s.now.same(c.got) && !s.busy
		if c.n > 0 {
			s.now, s.off = valueOf(c.result().Hot), false
		}
		return ok
	case 'R', 'C':
		return c.n == 0 || s.withdrawn(c)
	case 'E':
		if c.n > 0 {
			ok := s.now.here && s.now.flags&(cam.Static|cam.Ext|cam.Local) == 0 && s.now.stamp < 5 && !s.busy
			s.now = value{}
			return ok
		}
	case 'G':
		ok := s.now.same(c.got)
		s.stage()
		return ok
	case 'N':
		s.finish(theKey, true, value{})
	case 'D', 'U', 'Y', 'O', 'X':
		s.finish(theKey, false, valueOf(c.result().Hot))
	}
	return true
}

// withdrawn puts what was told in the place of what was remembered, under all
// that came after that.
func (s *spec) withdrawn(c call) bool {
	for j := range len(s.all) + 1 {
		was, now := value{}, value{}
		if c.verb == 'R' {
			now = value{here: true, port: c.port, flags: cam.Ext}
		}
		for i, a := range s.all {
			if i < j {
				was = a.on(theKey, was)
			} else {
				now = a.on(theKey, now)
			}
		}
		if was.same(c.was) && now.same(c.got) {
			s.now = now
			return true
		}
	}
	return false
}
