// Switch is a whole Ethernet switch in one process: a forwarding database, the bridge that learns
// and forwards with it, and a simulated switch chip that they drive. It replays recorded traffic
// through the chip's ports in virtual time and says what became of every frame.
//
//	go run ./examples/switch
//	go run ./examples/switch -fault hang:fdb
//	go run ./examples/switch -capture any.pcapng -write /tmp/out
//	go run ./examples/switch -live tap0,tap1
//
// It needs neither privileges nor a network, except with -live, where it switches between TAP
// devices of Linux in real time until it is interrupted. The exit status is 1 when a frame for a station that
// the switch had learned was flooded, which must not happen whatever the hardware does, and when
// a capture cannot be read or a file not be written; it is 2 when the arguments make no sense.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/switchcore/switchcore/hwsim"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// options are the command line.
type options struct {
	capture string
	write   string
	faults  []fault
	ageing  time.Duration
	seed    uint64
	ports   int
	json    bool
	quiet   bool
	live    []string      // TAP devices; none: replay
	period  time.Duration // how long; 0: until a signal
}

// fault is what is to go wrong, and how it was asked for.
type fault struct {
	spec string
	hwsim.Fault
}

// run is the program but for os.Exit, so that tests can call it.
func run(args []string, stdout, stderr io.Writer) int {
	opt, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2 // package flag has said what is wrong
	}
	if opt.live != nil {
		return status(0, live(opt, stdout, stderr), stderr)
	}
	floods, err := replay(opt, stdout, stderr)
	return status(floods, err, stderr)
}

// status is the exit status after a replay.
func status(floods int, err error, stderr io.Writer) int {
	if err != nil {
		fmt.Fprintln(stderr, "switch:", err)
	}
	if err != nil || floods > 0 {
		return 1
	}
	return 0
}

// replay does what the command line asks for and returns the number of unintended floods: it turns
// a capture into frames at ports (recording.go), builds a switch with as many ports (switch.go), lets
// one frame after the other come in while somebody watches (observer.go), and reports (report.go).
func replay(opt options, stdout, stderr io.Writer) (floods int, err error) {
	rec, err := load(opt.capture, opt.ports)
	if err != nil {
		return 0, err
	}
	s, err := newSwitch(rec, opt)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if opt.write != "" {
		if err := s.tap(rec.ports); err != nil {
			return 0, err
		}
	}
	if opt.quiet {
		stderr = io.Discard
	}
	progress := newProgress(stderr)
	for i, f := range rec.frames {
		s.receive(f)
		progress(i+1, len(rec.frames))
	}
	if err := s.save(opt.write); err != nil {
		return 0, err
	}
	return s.observer.floods, s.report(stdout, rec, opt)
}

const faultHelp = `make the hardware fail from now on, by the rule 'kind:operation:how'; may be repeated:
  hang:fdb              the forwarding database never answers
  hang:fdb.set:nth=20   it answers 19 times
  slow:fdb:200ms        each operation takes 200 ms longer
  full:fdb:10           there is room for 10 rows
  refuse:fdb:p=0.3      three operations in ten are refused, by chance (see -seed)
  refuse:fdb.delete:err=timeout   a delete is answered with an error
  reset:fdb:after=25    the chip loses all its tables after 25 operations
See hwsim.ParseFault for everything there is.`

func parse(args []string, stderr io.Writer) (options, error) {
	var opt options
	f := flag.NewFlagSet("switch", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&opt.capture, "capture", "", "replay this pcap or pcapng `file` instead of the built-in recording.\n"+
		"Each interface becomes a port; for a file with one interface see -ports")
	f.StringVar(&opt.write, "write", "", "write what each port sent to a pcapng file of its own in this `directory`")
	f.Func("fault", faultHelp, func(spec string) error {
		parsed, err := hwsim.ParseFault(spec)
		opt.faults = append(opt.faults, fault{spec, parsed})
		return err
	})
	f.DurationVar(&opt.ageing, "ageing", 10*time.Second, "forget a station that was silent for this long; negative: never.\n"+
		"With -live it is 5m0s unless it is given")
	f.Uint64Var(&opt.seed, "seed", 1, "what chance there is in the hardware follows from this `number`")
	f.IntVar(&opt.ports, "ports", 4, "`number` of ports for a capture with one interface, from 2 to 1024: stations are\n"+
		"dealt out to them as they appear")
	f.BoolVar(&opt.json, "j", false, "print the learned table as \"bridge -j fdb show\" does")
	f.BoolVar(&opt.quiet, "q", false, "no progress")
	f.Func("live", "switch between these TAP `devices` of Linux, such as tap0,tap1: those that are not there are\n"+
		"made, and all are brought up. Until SIGINT, SIGTERM or the end of -for", func(text string) (err error) {
		opt.live, err = liveNames(text)
		return err
	})
	f.DurationVar(&opt.period, "for", 0, "with -live: end after this `time`; 0: never")
	if err := f.Parse(args); err != nil {
		return opt, err
	}
	given := map[string]bool{}
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if opt.live != nil && !given["ageing"] {
		opt.ageing = liveAgeing
	}
	reason := ""
	switch {
	case opt.live != nil && (given["capture"] || given["write"] || given["ports"]):
		reason = "-live goes without -capture, -write and -ports"
	case opt.live == nil && given["for"]:
		reason = "-for goes with -live"
	case opt.period < 0:
		reason = fmt.Sprintf("-for %v: want a time to come", opt.period)
	case f.NArg() > 0:
		reason = fmt.Sprintf("unexpected argument %q", f.Arg(0))
	case opt.ports < 2 || opt.ports > maxPorts:
		reason = fmt.Sprintf("-ports %d: want 2 to %d", opt.ports, maxPorts)
	case opt.ageing >= 0 && opt.ageing < 100*time.Millisecond || opt.ageing > maxSpan:
		reason = fmt.Sprintf("-ageing %v: want 100ms to %v, or less than 0 for never", opt.ageing, maxSpan)
	default:
		return opt, nil
	}
	fmt.Fprintln(stderr, "switch:", reason)
	return opt, errors.New(reason)
}
