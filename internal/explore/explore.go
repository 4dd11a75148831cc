package explore

import (
	"fmt"
	"strings"
)

// Program is a freshly built instance: it is built anew for every schedule.
type Program struct {
	Threads []func()
	// Check is called when all threads have ended; nil means no check.
	Check func() error
}

// Config bounds an exploration. The zero Config has no bounds.
type Config struct {
	// MaxSchedules ends an exploration that is not complete.
	MaxSchedules int
	// Full turns the reduction off: every interleaving of steps is run.
	Full bool
}

// Result is what an exploration came to.
type Result struct {
	Schedules int  // complete ones, all checked
	Pruned    int  // given up because they were the same as another
	Steps     int  // over all schedules
	Complete  bool // nothing is left to explore
	// Err is the first violation: what Check returned, a panic of the program,
	// or a deadlock. Trace is the schedule, one digit per step.
	Err   error
	Trace string
}

// node is a place in the tree of schedules.
type node struct {
	enabled, backtrack, done, sleep uint
	chosen                          int
}

// Explore runs the program that build returns under every schedule that can make
// a difference, until Check objects.
func Explore(cfg Config, build func() Program) (res Result) {
	e := explorer{full: cfg.Full}
	for cfg.MaxSchedules == 0 || res.Schedules+res.Pruned < cfg.MaxSchedules {
		ended, err := e.run(build())
		res.Steps += e.steps
		if ended {
			res.Schedules++
		} else {
			res.Pruned++
		}
		if err != nil {
			res.Err, res.Trace = err, e.trace()
			return res
		}
		if !e.retreat() {
			res.Complete = true
			return res
		}
	}
	return res
}

type explorer struct {
	full  bool
	path  []node
	steps int
}

func (e *explorer) trace() string {
	var b strings.Builder
	for _, n := range e.path {
		fmt.Fprint(&b, n.chosen)
	}
	return b.String()
}

// run follows the path to its end and goes on from there. It reports whether the
// program came to its end.
func (e *explorer) run(p Program) (ended bool, err error) {
	m := newMachine(p.Threads)
	defer m.close()
	if err := m.start(); err != nil {
		return true, err
	}
	last := 0
	for depth := 0; ; depth++ {
		enabled := m.enabled()
		if !e.full {
			e.mark(m)
		}
		if enabled == 0 {
			for _, th := range m.threads {
				if !th.done {
					return true, errDeadlock
				}
			}
			break
		}
		if depth == len(e.path) && !e.extend(m, enabled, last) {
			return false, nil
		}
		last = e.path[depth].chosen
		e.steps++
		if err := m.step(last); err != nil {
			return true, err
		}
	}
	if p.Check != nil {
		err = p.Check()
	}
	return true, err
}

// mark adds the places where the next step of a thread must be tried earlier. A
// thread that is asleep there does not stand for the others: without this, and
// with only the latest of the places, outcomes were lost.
func (e *explorer) mark(m *machine) {
	for p := range m.threads {
		m.races(p, func(i int) {
			n := &e.path[i]
			if n.enabled&^n.sleep&(1<<p) != 0 {
				n.backtrack |= 1 << p
			} else {
				n.backtrack |= n.enabled
			}
		})
	}
}

// extend chooses a step at a new place. It returns false if all that could be
// chosen was explored elsewhere.
func (e *explorer) extend(m *machine, enabled uint, last int) bool {
	n := node{enabled: enabled}
	if i := len(e.path) - 1; i >= 0 && !e.full {
		prev := &e.path[i]
		n.sleep = e.asleep(m, prev)
	}
	can := enabled &^ n.sleep
	if can == 0 {
		return false
	}
	n.chosen = first(can)
	if can&(1<<last) != 0 {
		n.chosen = last
	}
	n.backtrack = 1 << n.chosen
	if e.full {
		n.backtrack = enabled
	}
	e.path = append(e.path, n)
	return true
}

// asleep returns the threads whose next step was explored before prev's and does
// not depend on it.
func (e *explorer) asleep(m *machine, prev *node) (set uint) {
	for q, th := range m.threads {
		if (prev.sleep|prev.done)&(1<<q) != 0 && q != prev.chosen && !th.done && !dependent(th.next, m.last) {
			set |= 1 << q
		}
	}
	return set
}

// retreat goes back to the last place with something left to try.
func (e *explorer) retreat() bool {
	e.steps = 0
	for len(e.path) > 0 {
		n := &e.path[len(e.path)-1]
		n.done |= 1 << n.chosen
		if left := n.backtrack & n.enabled &^ (n.done | n.sleep); left != 0 {
			n.chosen = first(left)
			return true
		}
		e.path = e.path[:len(e.path)-1]
	}
	return false
}
