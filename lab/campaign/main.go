// Command campaign runs the whole switch in virtual time, from seeds: a table or a
// bridge, simulated chips, stations that send, a user who does everything he may, and
// everything that can go wrong, with every invariant checked after every step.
//
// There are four worlds, which share the seeds: in the first a table alone drives the
// chips; in the second a bridge does, which has VLANs, groups of links and a spanning
// tree; in the third, lines of the language of package lab are typed, those that have the
// switch misbehave among them, with and without the quirks of Linux 6.1; in the fourth there are no frames but a registry of package
// devlink, whose drivers do everything wrong. With -world one of them takes all seeds.
//
//	go run ./lab/campaign -seeds 1000 -hours 1     # many seeds, in parallel
//	go run ./lab/campaign -seed 42 -v              # one, with all its steps
//	go run ./lab/campaign -world bridge            # every seed is one of a bridge
//	go run ./lab/campaign -replay program.txt -v   # a program that was printed
//	go run ./lab/campaign -variants                # must end with caught N/N
//
// A seed that breaks an invariant is printed with the last things that happened
// and with a smaller program that still breaks it, or as a transcript, which
// examples/lab runs. The exit status is 1 if any did, or if a variant was not caught.
//
// # Concurrency
//
// Seeds run in parallel and share nothing; each runs in one goroutine.
//
// # Errors
//
// Bad flags and files that cannot be read end the command with status 2.
//
// # Differences from Linux
//
// Those of the packages that it runs.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/switchcore/switchcore/lab/campaign/internal/script"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// command is what the flags say.
type command struct {
	seeds    int
	start    uint64
	seed     int64
	hours    float64
	jobs     int
	twice    bool
	verbose  bool
	replay   string
	variants bool
	variant  string
	shrink   int
	most     int
	hang     time.Duration
	out      io.Writer
	world    world
}

func run(args []string, out, errs io.Writer) int {
	c := command{out: out}
	fs := flag.NewFlagSet("campaign", flag.ContinueOnError)
	fs.SetOutput(errs)
	fs.IntVar(&c.seeds, "seeds", 1000, "run this many `seeds`")
	fs.Uint64Var(&c.start, "start", 1, "the first `seed`")
	fs.Int64Var(&c.seed, "seed", -1, "run this one `seed`")
	fs.Float64Var(&c.hours, "hours", 1, "virtual `hours` of each seed")
	fs.IntVar(&c.jobs, "jobs", runtime.GOMAXPROCS(0), "run this many seeds at once")
	fs.BoolVar(&c.twice, "twice", false, "run each seed twice and compare")
	fs.BoolVar(&c.verbose, "v", false, "print everything that happens")
	fs.StringVar(&c.replay, "replay", "", "run the program in this `file`")
	fs.BoolVar(&c.variants, "variants", false, "run the broken variants")
	fs.StringVar(&c.variant, "variant", "", "run the broken variant with this `name`")
	fs.IntVar(&c.shrink, "shrink", 1500, "replay at most this many `programs` to make one smaller")
	fs.IntVar(&c.most, "most", 0, "stop after this many `violations`; 0: never")
	fs.TextVar(&c.world, "world", allWorlds, "run seeds of this `world`: table, bridge, script, devlink or all")
	fs.DurationVar(&c.hang, "hang", 2*time.Minute, "a seed that takes longer hangs")
	if err := fs.Parse(args); err != nil {
		return 2
	}
	if fs.NArg() > 0 || c.seeds < 1 || c.jobs < 1 || !(c.hours > 0 && c.hours <= 10000) {
		fmt.Fprintln(errs, "campaign: bad flags")
		return 2
	}
	switch {
	case c.variants || c.variant != "":
		return c.runVariants(errs)
	case c.replay != "":
		return c.runReplay(errs)
	}
	if c.seed >= 0 {
		c.start, c.seeds = uint64(c.seed), 1
	}
	return c.campaign()
}

func (c *command) options() sim.Options {
	o := sim.Options{Hours: c.hours}
	if c.verbose {
		o.Verbose = func(line string) { fmt.Fprintln(c.out, line) }
	}
	return o
}

// runReplay runs a recorded program, or a transcript.
func (c *command) runReplay(errs io.Writer) int {
	text, err := os.ReadFile(c.replay)
	if err != nil {
		fmt.Fprintln(errs, "campaign:", err)
		return 2
	}
	v, steps, virtual, err := c.replayed(text)
	switch {
	case err != nil:
		fmt.Fprintf(errs, "campaign: %s: %v\n", c.replay, err)
		return 2
	case v != nil:
		fmt.Fprintf(c.out, "step %d: %v\n", v.Step, v)
		return 1
	}
	fmt.Fprintf(c.out, "%d steps, %v: no violation\n", steps, virtual.Round(time.Second))
	return 0
}

func (c *command) replayed(text []byte) (v *sim.Violation, steps int, virtual time.Duration, err error) {
	if script.Is(text) {
		p, err := script.Parse(text)
		if err != nil {
			return nil, 0, 0, err
		}
		r := script.Replay(p, c.options())
		return r.Violation, len(p.Lines), r.Virtual, nil
	}
	p, err := sim.ParseProgram(bytes.NewReader(text))
	if err != nil {
		return nil, 0, 0, err
	}
	r := sim.Replay(p, worldOf(p).build(), c.options())
	return r.Violation, len(p.Steps), r.Virtual, nil
}
