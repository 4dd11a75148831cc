package sim

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"time"
)

// Options say how a run is made.
type Options struct {
	// Hours is how much virtual time a seed covers; it must be positive.
	Hours float64
	// Trace keeps what happened in [Result.Trace].
	Trace bool
	// Verbose gets every line of it as it happens.
	Verbose func(string)
	// Began is told when a step begins, for a watchdog. It may be nil.
	Began func(step int)
}

// Result is what became of a run.
type Result struct {
	Program   *Program
	Virtual   time.Duration
	Faults    map[string]int
	Violation *Violation // nil if there was none
	Trace     []byte
}

// Builder puts the parts into an empty world.
type Builder func(w *World)

// Run makes the run of a seed.
func Run(seed uint64, build Builder, o Options) *Result {
	w := newWorld(seed, o)
	return w.run(build, o, &Program{Seed: seed, Hours: o.Hours}, true)
}

// Replay makes the run of a program.
func Replay(p *Program, build Builder, o Options) *Result {
	w := newWorld(p.Seed, o)
	w.given = make(map[string]int64, len(p.Settings))
	for _, s := range p.Settings {
		w.given[s.Name] = s.Value
	}
	return w.run(build, o, p, false)
}

func newWorld(seed uint64, o Options) *World {
	start := time.Unix(1_000_000_000, 0).UTC()
	w := &World{
		Now: start, Start: start, Faults: make(map[string]int), byName: make(map[string]int),
		rng: rand.New(rand.NewPCG(seed, 0x6361_6d70_6169_676e)), verbose: o.Verbose,
	}
	if o.Trace {
		w.trace = new(bytes.Buffer)
	}
	w.addOp(Op{Name: OpPass, Do: func(a []int64) { w.Pass(time.Duration(Arg(a, 0))) }})
	w.addOp(Op{Name: OpJump, Do: func(a []int64) { w.Jump(time.Duration(Arg(a, 0))) }, Fault: "clock jump"})
	w.addOp(Op{Name: OpRest, Do: func([]int64) { w.rest() }})
	return w
}

func (w *World) run(build Builder, o Options, p *Program, draw bool) *Result {
	r := &Result{Program: p, Faults: w.Faults}
	defer func() { r.Virtual = w.Now.Sub(w.Start) }()
	r.Violation = w.guard(func() { build(w) })
	if draw {
		p.Settings = w.settings
	}
	if r.Violation == nil {
		r.Violation = w.guard(func() { w.steps(o, p, draw) })
	}
	if w.trace != nil {
		if r.Violation != nil {
			fmt.Fprintln(w.trace, r.Violation)
		}
		r.Trace = w.trace.Bytes()
	}
	return r
}

// guard runs f and returns how it was ended.
func (w *World) guard(f func()) (v *Violation) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *Violation:
			v = p
		default:
			v = &Violation{
				Invariant: Invariant{panicked, "nothing panics"}, Step: w.step, At: w.Now.Sub(w.Start),
				Detail: fmt.Sprintf("%v\n%s", p, debug.Stack()),
			}
		}
	}()
	f()
	return nil
}

// steps does the steps of a program, or draws them, and brings the world to an
// end.
func (w *World) steps(o Options, p *Program, draw bool) {
	var g *generator
	if draw {
		g = newGenerator(w, o.Hours)
	}
	for w.step = 0; ; w.step++ {
		if o.Began != nil {
			o.Began(w.step)
		}
		if draw {
			s, ok := g.next()
			if !ok {
				break
			}
			p.Steps = append(p.Steps, s)
		} else if w.step >= len(p.Steps) {
			break
		}
		w.do(p.Steps[w.step])
	}
	w.rest()
	for _, part := range w.parts {
		part.Close()
	}
}

// generator draws the steps of a seed: bursts, and idle time between them, from
// a fraction of a second to a quarter of the whole.
type generator struct {
	w      *World
	left   time.Duration
	whole  time.Duration
	bursts int
	burst  int // steps left in the burst
	calm   bool
}

func newGenerator(w *World, hours float64) *generator {
	whole := time.Duration(hours * float64(time.Hour))
	return &generator{w: w, left: whole, whole: whole, bursts: 3 + w.rng.IntN(12)}
}

func (g *generator) next() (Step, bool) {
	r := g.w.rng
	if g.burst > 0 {
		g.burst--
		return g.draw(), true
	}
	if g.calm {
		g.calm = false
		g.burst = 2 + r.IntN(40)
		return Step{Op: OpPass, Args: []int64{int64(g.idle())}}, true
	}
	if g.bursts == 0 {
		return Step{}, false
	}
	g.bursts--
	g.calm = true
	switch r.IntN(8) {
	case 0:
		return Step{Op: OpRest}, true
	case 1:
		d := min(g.log(time.Millisecond, g.whole/8), g.left)
		g.left -= d
		return Step{Op: OpJump, Args: []int64{int64(d)}}, true
	}
	return g.draw(), true
}

// idle draws the idle time between two bursts; the last one takes what is left.
func (g *generator) idle() time.Duration {
	d := min(g.log(100*time.Millisecond, g.whole/4), g.left)
	if g.bursts == 0 {
		d = g.left
	}
	g.left -= d
	return d
}

// log draws a time from min to max, each order of magnitude as likely.
func (g *generator) log(from, to time.Duration) time.Duration {
	if to <= from {
		return from
	}
	lo, hi := math.Log(float64(from)), math.Log(float64(to))
	return time.Duration(math.Exp(lo + g.w.rng.Float64()*(hi-lo)))
}

// draw draws an operation by its weight, or a moment of time.
func (g *generator) draw() Step {
	r := g.w.rng
	for range 20 {
		if r.IntN(4) == 0 {
			d := min(g.log(time.Microsecond, 3*time.Second), g.left)
			g.left -= d
			return Step{Op: OpPass, Args: []int64{int64(d)}}
		}
		n := r.IntN(g.w.weight)
		for i := range g.w.ops {
			op := &g.w.ops[i]
			if n -= op.Weight; n >= 0 {
				continue
			}
			if args, ok := op.Draw(r); ok {
				return Step{Op: op.Name, Args: args}
			}
			break
		}
	}
	return Step{Op: OpPass, Args: []int64{0}}
}
