package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchcore/switchcore/lab/campaign/internal/script"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
)

// tally is what all seeds together came to.
type tally struct {
	mu         sync.Mutex
	seeds      int
	of         map[world]int // seeds
	violations int
	virtual    time.Duration
	steps      int
	refused    int // lines
	faults     map[string]int
}

// maxShown is how many violations are shown at length; the others are counted.
const maxShown = 5

// campaign runs the seeds.
func (c *command) campaign() int {
	t := &tally{faults: make(map[string]int), of: make(map[world]int)}
	began := time.Now()
	var next atomic.Uint64
	var wg sync.WaitGroup
	stop := c.progress(t, began)
	for range min(c.jobs, c.seeds) {
		wg.Go(func() {
			for {
				n := next.Add(1) - 1
				if n >= uint64(c.seeds) || c.most > 0 && t.broken() >= c.most {
					return
				}
				c.one(t, c.start+n)
			}
		})
	}
	wg.Wait()
	stop()
	fmt.Fprintf(c.out, "%d seeds, %d of a table, %d of a bridge, %d of a script and %d of a registry, %.1f virtual hours, %d operations, %d of them refused lines, %d violations, %.1fs\n",
		t.seeds, t.of[tableWorld], t.of[bridgeWorld], t.of[scriptWorld], t.of[devlinkWorld], t.virtual.Hours(), t.steps, t.refused, t.violations, time.Since(began).Seconds())
	fmt.Fprintf(c.out, "faults: %s\n", describe(t.faults))
	if t.violations > 0 {
		return 1
	}
	return 0
}

// broken returns how many violations there were.
func (t *tally) broken() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.violations
}

func describe(faults map[string]int) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(faults)) {
		parts = append(parts, fmt.Sprintf("%d %s", faults[k], k))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// progress prints a line now and then, where there is time for one.
func (c *command) progress(t *tally, began time.Time) (stop func()) {
	ticker := time.NewTicker(5 * time.Second)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				t.mu.Lock()
				fmt.Fprintf(c.out, "%d/%d seeds, %.0f seeds/s, %d violations\n",
					t.seeds, c.seeds, float64(t.seeds)/time.Since(began).Seconds(), t.violations)
				t.mu.Unlock()
			}
		}
	})
	return func() {
		ticker.Stop()
		close(done)
		wg.Wait()
	}
}

// one runs one seed.
func (c *command) one(t *tally, seed uint64) {
	var step atomic.Int64
	o := c.options()
	o.Began = func(n int) { step.Store(int64(n)) }
	o.Trace = c.twice
	dog := time.AfterFunc(c.hang, func() { c.hung(seed, step.Load()) })
	defer dog.Stop()
	in := c.world.of(seed)
	r := in.run(seed, o)
	if c.twice && r.violation == nil {
		r.violation = different(r.trace, in.run(seed, o).trace)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seeds++
	t.of[in]++
	t.virtual += r.virtual
	t.steps += r.steps
	t.refused += r.refused
	for k, n := range r.faults {
		t.faults[k] += n
	}
	if r.violation == nil {
		return
	}
	t.violations++
	if t.violations > maxShown {
		fmt.Fprintf(c.out, "seed %d: %v\n", seed, firstLine(r.violation.Error()))
		return
	}
	dog.Stop()
	r.report(c)
}

// hung ends the command: a goroutine that does not come back cannot be ended.
func (c *command) hung(seed uint64, step int64) {
	fmt.Fprintf(c.out, "seed %d: hangs in step %d: violation of liveness (everything comes to an end)\n", seed, step)
	os.Exit(1)
}

// different compares two runs of one seed.
func different(a, b []byte) *sim.Violation {
	if bytes.Equal(a, b) {
		return nil
	}
	x, y := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	i := 0
	for i < min(len(x), len(y))-1 && bytes.Equal(x[i], y[i]) {
		i++
	}
	return &sim.Violation{
		Invariant: sim.Invariant{ID: "I26", Text: "the same seed is the same run"},
		Detail:    fmt.Sprintf("line %d: %q and %q", i+1, x[i], y[i]),
	}
}

// reportScript prints a violation, and a smaller transcript that breaks the same.
func (c *command) reportScript(seed uint64, r *script.Result) {
	v := r.Violation
	fmt.Fprintf(c.out, "\nseed %d, line %d of %d: %v\n", seed, v.Step+1, len(r.Program.Lines), v)
	if c.shrink > 0 {
		_, r = script.Shrink(r.Program, v.Invariant, sim.Options{Hours: c.hours}, c.shrink)
	}
	if r.Violation == nil {
		fmt.Fprintln(c.out, "it does not happen again when the lines are replayed")
		return
	}
	fmt.Fprintf(c.out, "the transcript, for -replay and examples/lab run:\n%s\n", r.Transcript())
}

// reportOf prints a violation, what happened before it, and a smaller program.
func (c *command) reportOf(seed uint64, r *sim.Result, build sim.Builder) {
	v := r.Violation
	fmt.Fprintf(c.out, "\nseed %d, step %d of %d: %v\n", seed, v.Step, len(r.Program.Steps), v)
	small, result := r.Program, r
	if c.shrink > 0 {
		small, result = sim.Shrink(r.Program, v.Invariant, build, sim.Options{Hours: c.hours}, c.shrink)
	}
	if result.Violation == nil {
		fmt.Fprintln(c.out, "it does not happen again when the program is replayed")
		return
	}
	last := sim.Replay(small, build, sim.Options{Hours: c.hours, Trace: true})
	fmt.Fprintf(c.out, "the last that happened in a program of %d steps:\n%s", len(small.Steps), tail(last.Trace, 40))
	fmt.Fprintf(c.out, "the program, for -replay:\n")
	small.WriteTo(c.out)
	fmt.Fprintln(c.out)
}

// tail returns the last n lines.
func tail(text []byte, n int) []byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	return bytes.Join(lines[max(len(lines)-n-1, 0):], nil)
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}
