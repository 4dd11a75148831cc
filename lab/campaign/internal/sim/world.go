package sim

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"time"
)

// Part is a part of the world. The methods are called in one goroutine.
type Part interface {
	// Ops returns the operations that the part contributes.
	Ops() []Op
	// Poll does what is due at now and reports whether there is more to do at
	// the same time.
	Poll(now time.Time) (again bool)
	// Next returns when there is something to do next, zero for never.
	Next() time.Time
	// Check looks at the invariants, those that hold at every instant.
	Check()
	// Release ends every fault, so that the world can come to rest.
	Release()
	// Settling returns how long it can take until everything has converged.
	Settling() time.Duration
	// Rest checks what holds when everything has converged.
	Rest()
	// Close ends the part and checks that nothing is left.
	Close()
}

// Op is something that can be done.
type Op struct {
	Name   string
	Weight int
	// Draw returns concrete arguments; ok is false if it cannot be done now.
	Draw func(r *rand.Rand) (args []int64, ok bool)
	// Do does it. In a program that was made smaller the arguments may refer to
	// what is not there: then nothing is done.
	Do func(args []int64)
	// Fault names the kind of fault that it is, "" if it is none.
	Fault string
}

// The operations of every world.
const (
	OpPass = "pass" // time goes by, and what is due is done when it is due
	OpJump = "jump" // time goes by, and nobody looks before its end
	OpRest = "rest" // faults end, time goes by, and everything converges
)

// Invariant is something that has to hold.
type Invariant struct {
	ID   string // for instance "I16" of the table's contract, or "rule 24"
	Text string
}

// Violation is an invariant that did not hold.
type Violation struct {
	Invariant Invariant
	Detail    string
	Step      int // the index of the step, len of the program in the last rest
	At        time.Duration
}

// Error returns the violation in one line.
func (v *Violation) Error() string {
	return fmt.Sprintf("%s (%s) at %v: %s", v.Invariant.ID, v.Invariant.Text, v.At, v.Detail)
}

// Invariants of every world.
const (
	panicked = "panic"
	busyLoop = "busy"
)

// World is a set of parts and their time.
type World struct {
	// Now is the virtual time, Start when it began.
	Now, Start time.Time
	// Faults counts faults by kind; parts may add to it.
	Faults map[string]int

	parts    []Part
	ops      []Op
	byName   map[string]int
	weight   int
	settings []Setting
	rng      *rand.Rand
	given    map[string]int64
	step     int
	trace    *bytes.Buffer
	verbose  func(string)
}

// Add puts a part into the world.
func (w *World) Add(p Part) {
	w.parts = append(w.parts, p)
	for _, op := range p.Ops() {
		w.addOp(op)
	}
}

func (w *World) addOp(op Op) {
	w.byName[op.Name] = len(w.ops)
	w.ops = append(w.ops, op)
	w.weight += op.Weight
}

// Setting returns a property of the world: the one that was recorded, or one
// that is drawn.
func (w *World) Setting(name string, draw func(*rand.Rand) int64) int64 {
	v := draw(w.rng) // always, so that a setting that is added changes no other
	if x, ok := w.given[name]; ok {
		v = x
	}
	w.settings = append(w.settings, Setting{name, v})
	return v
}

// Fail ends the run: an invariant does not hold.
func (w *World) Fail(inv Invariant, format string, args ...any) {
	panic(&Violation{Invariant: inv, Detail: fmt.Sprintf(format, args...), Step: w.step, At: w.Now.Sub(w.Start)})
}

// Fault counts a fault.
func (w *World) Fault(kind string) { w.Faults[kind]++ }

// Log notes something for those who follow the run, and for the comparison of
// two runs.
func (w *World) Log(format string, args ...any) {
	if w.trace == nil && w.verbose == nil {
		return
	}
	line := fmt.Sprintf("%12v  %s", w.Now.Sub(w.Start), fmt.Sprintf(format, args...))
	if w.trace != nil {
		w.trace.WriteString(line)
		w.trace.WriteByte('\n')
	}
	if w.verbose != nil {
		w.verbose(line)
	}
}

// Logging reports whether Log does anything, for what is costly to describe.
func (w *World) Logging() bool { return w.trace != nil || w.verbose != nil }

// maxPolls bounds how often a world is polled at one instant.
const maxPolls = 10000

// settle polls the parts until none has more to do now.
func (w *World) settle() {
	for range maxPolls {
		again := false
		for _, p := range w.parts {
			again = p.Poll(w.Now) || again
		}
		if !again {
			return
		}
	}
	w.Fail(Invariant{busyLoop, "what is due at one instant comes to an end"}, "still working after %d polls", maxPolls)
}

// Pass lets time go by and has everything done when it is due.
func (w *World) Pass(d time.Duration) {
	end := w.Now.Add(d)
	for n := 0; ; n++ {
		w.settle()
		next := w.next()
		if next.IsZero() || next.After(end) {
			break
		}
		if !next.After(w.Now) || n > 100*maxPolls {
			w.Fail(Invariant{busyLoop, "what is due at one instant comes to an end"}, "due again at %v", next.Sub(w.Start))
		}
		w.Now = next
	}
	if end.After(w.Now) {
		w.Now = end
		w.settle()
	}
}

// Jump lets time go by without looking.
func (w *World) Jump(d time.Duration) {
	w.settle()
	w.Now = w.Now.Add(d)
	w.settle()
}

func (w *World) next() (next time.Time) {
	for _, p := range w.parts {
		if at := p.Next(); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// rest ends all faults, waits until everything must have converged, and checks
// that it has.
func (w *World) rest() {
	var d time.Duration
	for _, p := range w.parts {
		p.Release()
		d = max(d, p.Settling())
	}
	w.Pass(d)
	for _, p := range w.parts {
		p.Check()
		p.Rest()
	}
}

// do does one step and checks the invariants.
func (w *World) do(s Step) {
	i, ok := w.byName[s.Op]
	if !ok {
		return // of a part that this world does not have
	}
	if w.Logging() {
		w.Log("step %d: %v", w.step, s)
	}
	op := &w.ops[i]
	op.Do(s.Args)
	if op.Fault != "" {
		w.Faults[op.Fault]++
	}
	for _, p := range w.parts {
		p.Check()
	}
}

// Arg returns argument i, 0 if there are not so many.
func Arg(args []int64, i int) int64 {
	if i < len(args) {
		return args[i]
	}
	return 0
}
