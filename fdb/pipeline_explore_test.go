package fdb

import (
	"fmt"
	"hash/maphash"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A plain run takes a sample of the programs of up to two actions, every
// multiset among them, in one layout and trouble or another. PIPELINE=full takes
// all of them, and those of three actions; PIPELINE=third takes all of up to two and
// a third of those of three, PIPELINE=tenth a tenth; PIPELINE=stop ends at the first
// violation, the shortest programs first.
var (
	pipelineFull  = strings.Contains(os.Getenv("PIPELINE"), "full")
	pipelineThird = strings.Contains(os.Getenv("PIPELINE"), "third")
	pipelineTenth = strings.Contains(os.Getenv("PIPELINE"), "tenth")
	pipelineStop  = strings.Contains(os.Getenv("PIPELINE"), "stop")
)

// explorer takes every path of one program at a time. Paths are taken again from
// the start, except that each state goes on with its first choice; states that
// were seen are not gone into again. States are told apart by 128 bits of hash.
type explorer struct {
	seeds  [2]maphash.Seed
	seen   map[[2]uint64]struct{}
	work   [][]choice
	states int
	steps  int
}

func newExplorer() *explorer {
	return &explorer{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, seen: make(map[[2]uint64]struct{})}
}

// violation is a path on which something did not hold.
type violation struct {
	program *pipelineProgram
	path    []choice
	closing bool
	what    string
}

func (v *violation) String() (s string) {
	var b strings.Builder
	defer func() {
		if p := recover(); p != nil {
			s = fmt.Sprintf("%s and then: %v", b.String(), p)
		}
	}()
	fmt.Fprintf(&b, "program %d: %v: %s\n\t", v.program.number, v.program, v.what)
	w := newWorld(v.program)
	for _, c := range v.path {
		b.WriteString(describeStep(w, c) + "; ")
		w.step(c)
	}
	if v.closing {
		b.WriteString("[all that is left]")
	}
	return b.String()
}

func describeStep(w *world, c choice) string {
	s := stepNames[c.kind]
	switch c.kind {
	case stepSubmit:
		s = w.left[c.a].String()
		if a := w.left[c.a].act; a == doG || a == doX {
			s += fmt.Sprintf("(%d)", c.b)
		}
	case stepForm, stepRush, stepExec, stepRefuse, stepLose, stepMumble, stepReturn:
		s += fmt.Sprintf("(%d)", c.a)
	}
	return s
}

// new reports whether a state has not been seen before.
func (x *explorer) new(w *world) bool {
	b := w.state()
	h := [2]uint64{maphash.Bytes(x.seeds[0], b), maphash.Bytes(x.seeds[1], b)}
	if _, ok := x.seen[h]; ok {
		return false
	}
	x.seen[h] = struct{}{}
	return true
}

// run explores one program and returns the first violation.
func (x *explorer) run(p *pipelineProgram) *violation {
	clear(x.seen)
	x.work = append(x.work[:0], nil)
	for len(x.work) > 0 {
		path := x.work[len(x.work)-1]
		x.work = x.work[:len(x.work)-1]
		if v := x.follow(p, path); v != nil {
			return v
		}
	}
	return nil
}

// follow takes a path, and goes on from its end until it meets a known state.
func (x *explorer) follow(p *pipelineProgram, path []choice) (v *violation) {
	w := newWorld(p)
	defer func() {
		if r := recover(); r != nil {
			v = &violation{program: p, path: path, what: fmt.Sprintf("panic: %v\n%s", r, debug.Stack())}
		}
	}()
	for _, c := range path {
		w.step(c)
		w.readEvents()
	}
	for {
		x.steps++
		w.check()
		if w.fault != "" {
			return &violation{program: p, path: path, what: w.fault}
		}
		if !x.new(w) {
			return nil
		}
		x.states++
		choices := w.list()
		if quiet(choices) {
			for _, c := range choices { // they are taken below too, in one order
				x.work = append(x.work, append(path[:len(path):len(path)], c))
			}
			if w.close(); w.fault != "" {
				return &violation{program: p, path: path, what: w.fault, closing: true}
			}
			return nil
		}
		for _, c := range choices[1:] {
			x.work = append(x.work, append(path[:len(path):len(path)], c))
		}
		path = append(path[:len(path):len(path)], choices[0])
		w.step(choices[0])
	}
}

// quiet reports whether nothing can happen but that time passes, or that jobs
// find that they still have to wait.
func quiet(choices []choice) bool {
	return !slices.ContainsFunc(choices, func(c choice) bool { return c.kind != stepTime && c.kind != stepJobs })
}

// close lets everything happen that is left, time included, and looks at what
// has to hold in the end.
func (w *world) close() {
	w.refusals, w.losses, w.times = 0, 0, 0
	for range 60 {
		if w.drain(); w.fault != "" {
			return
		}
		next := w.t.next()
		if w.closed || next.IsZero() || w.full() {
			break
		}
		if !next.After(w.now) {
			w.fail("next is %v, and now is %v", next, w.now)
			return
		}
		w.that(!w.t.stations.Sealed(), "a sealed generation is left over (rule 8)")
		<-w.t.slot
		w.pass()
		w.settle()
		w.t.unlock()
		w.check()
	}
	w.quiescent()
}

// full reports whether nothing is left but rows that do not fit.
func (w *world) full() bool {
	if w.p.capacity == 0 || len(w.oracle.ops)+len(w.oracle.flushes) > 0 {
		return false
	}
	for dev, d := range w.devs {
		for i := range w.p.keys {
			if d.count() < w.p.capacity && !d.rows[i].same(w.wanted(dev, i)) {
				return false
			}
		}
	}
	return true
}

// drain takes steps until there is none.
func (w *world) drain() {
	w.left = nil
	for range 200 {
		choices := w.list()
		if len(choices) == 0 {
			return
		}
		before := string(w.state())
		for _, c := range slices.Clone(choices) {
			if !slices.Contains(w.list(), c) {
				continue
			}
			w.step(c)
			w.check()
			if w.fault != "" {
				return
			}
		}
		if string(w.state()) == before {
			w.that(w.p.hung >= 0, "steps that lead nowhere: %v", choices)
			return
		}
	}
	w.fail("no end")
}

// quiescent checks what holds when nothing is left to be done.
func (w *world) quiescent() {
	o := &w.oracle
	for _, x := range o.ops {
		w.fail("%v has no outcome", x.task)
	}
	for _, f := range o.flushes {
		w.fail("%v has no outcome", deedNames[f.act])
	}
	if w.closed {
		return
	}
	w.that(w.t.stations.Quiet(), "pending: %+v", w.t.stations.Pending())
	if err := w.t.stations.Check(); err != nil {
		w.fail("%v", err)
	}
	w.that(len(w.t.queues)+len(w.t.inFlight)+len(w.t.ready)+len(w.t.jobs)+len(w.t.flushes) == 0, "left over in the table")
	if w.p.drop && w.p.hung < 0 {
		w.that(w.t.untold.of == nil || w.t.untold.of.Len() == 0 && w.t.untold.new == 0, "%d stations are still provisional", w.t.untold.new)
	}
	for dev, d := range w.devs {
		if dev == w.p.hung || w.p.capacity > 0 && d.count() == w.p.capacity {
			continue
		}
		for i := range w.p.keys {
			w.that(d.rows[i].same(w.wanted(dev, i)), "in the end device %d holds %+v of key %d, and main wants %+v", dev, d.rows[i], i, w.wanted(dev, i))
		}
	}
	for i := range w.p.keys {
		e, ok := w.t.main(worldCams[i])
		claims, held := 0, 0
		for dev, d := range w.devs {
			if want := w.wanted(dev, i); want.on {
				claims++
				if d.rows[i].same(want) && dev != w.p.hung {
					held++
				}
			}
		}
		if ok && claims > 0 && w.p.hung < 0 {
			w.that((OffloadState(e.Offload) == Offloaded) == (claims == held), "%d claim, %d hold, the table says %v", claims, held, OffloadState(e.Offload))
		}
	}
}

// explorePipeline runs programs on two threads and returns the violations, of the
// shortest programs first.
func explorePipeline(t *testing.T, ps []*pipelineProgram, stop bool) []*violation {
	defer debug.SetGCPercent(debug.SetGCPercent(2000))
	var (
		next, states, steps atomic.Int64
		mu                  sync.Mutex
		found               []*violation
		wg                  sync.WaitGroup
	)
	begin := time.Now()
	for range 2 {
		wg.Go(func() {
			x := newExplorer()
			for {
				i := int(next.Add(1)) - 1
				if i >= len(ps) {
					break
				}
				if v := x.run(ps[i]); v != nil {
					mu.Lock()
					found = append(found, v)
					mu.Unlock()
					if stop {
						next.Store(int64(len(ps)))
					}
				}
			}
			states.Add(int64(x.states))
			steps.Add(int64(x.steps))
		})
	}
	wg.Wait()
	t.Logf("%d programs, %d states, %d steps, %d violations in %.1f s", len(ps), states.Load(), steps.Load(), len(found), time.Since(begin).Seconds())
	return found
}

func reportViolations(t *testing.T, found []*violation) {
	slices.SortStableFunc(found, func(a, b *violation) int {
		if len(a.program.tasks) != len(b.program.tasks) {
			return len(a.program.tasks) - len(b.program.tasks)
		}
		return len(a.path) - len(b.path)
	})
	for i, v := range found {
		if i == 5 {
			t.Errorf("and %d more", len(found)-i)
			return
		}
		t.Errorf("%v", v)
	}
}

func everyNth(ps []*pipelineProgram, n int) (some []*pipelineProgram) {
	for i := 0; i < len(ps); i += n {
		some = append(some, ps[i])
	}
	return some
}

func TestPipelineKeepsTheRules(t *testing.T) {
	ps := allPrograms()
	short := len(ps) - len(pipelinePrograms(3))
	switch {
	case pipelineFull:
	case pipelineThird:
		ps = append(ps[:short:short], everyNth(ps[short:], 3)...)
	case pipelineTenth:
		ps = append(ps[:short:short], everyNth(ps[short:], 10)...)
	default:
		ps = everyNth(ps[:short], pipelineStride)
	}
	if pipelineStop {
		ps = mixed(ps)
	}
	reportViolations(t, explorePipeline(t, ps, pipelineStop))
}
