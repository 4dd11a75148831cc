// Lab is a Linux machine to type at: ports, cables, bridges, a switch, and the commands ip and bridge
// with what they print. It also verifies recordings of a real one.
//
//	go run ./examples/lab                          a prompt: help, quit
//	go run ./examples/lab run FILE...              executes transcripts and prints them
//	go run ./examples/lab verify PATH...           executes transcripts, files or folders, and compares
//
// The machine behaves as Linux 6.1 did when the recordings in lab/testdata were made. With -fixed it behaves
// as the library does when nobody asks it for a kernel's defects; with -quirks it has some of them. With
// neither a transcript has those that a comment "# quirks: LIST" above its first command names.
//
// The exit status is 1 when a transcript is not as it should be or cannot be executed, and 2 when the
// arguments make no sense.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/switchcore/switchcore/lab"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// options are the command line.
type options struct {
	quirks lab.Quirks
	asked  bool // by a flag
	words  []string
}

// config is what a machine for a transcript is like, whose own quirks count where no flag says
// otherwise.
func (o options) config(t *lab.Transcript) (lab.Config, error) {
	q, named, err := t.Quirks()
	if o.asked || !named {
		q = o.quirks
	}
	return lab.Config{Quirks: q}, err
}

// parse reads the command line. Flags may stand anywhere.
func parse(args []string, stderr io.Writer) (options, error) {
	opt := options{quirks: lab.Linux61}
	fixed := false
	flags := flag.NewFlagSet("lab", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&fixed, "fixed", false, "without the defects of any kernel")
	flags.TextVar(&opt.quirks, "quirks", lab.Linux61, "the defects to have: names with commas between them, linux-6.1, linux or none")
	flags.Usage = func() {
		fmt.Fprintln(stderr, usage)
		flags.PrintDefaults()
	}
	for rest := args; ; {
		if err := flags.Parse(rest); err != nil {
			return opt, err
		}
		rest = flags.Args()
		if len(rest) == 0 {
			break
		}
		opt.words = append(opt.words, rest[0])
		rest = rest[1:]
	}
	chosen := false
	flags.Visit(func(f *flag.Flag) { opt.asked, chosen = true, chosen || f.Name == "quirks" })
	if fixed && chosen {
		misused(stderr, "-fixed and -quirks contradict each other")
		return opt, errMisused
	}
	if fixed {
		opt.quirks = 0
	}
	return opt, nil
}

const usage = "usage: lab [-fixed | -quirks LIST] [run FILE... | verify PATH...]"

// misused says what is wrong with the arguments, and is the exit status.
func misused(stderr io.Writer, what string) int {
	fmt.Fprintf(stderr, "lab: %s\n%s\n", what, usage)
	return 2
}

// errMisused is arguments that make no sense, after that has been said.
var errMisused = errors.New("misused")

// run is the program but for os.Exit, so that tests can call it.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	opt, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2 // what is wrong has been said
	}
	if len(opt.words) > 0 { // an interrupt ends the prompt as any program, since nothing else ends the wait for a line
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt)
		defer stop()
	}
	switch {
	case len(opt.words) == 0:
		err = prompt(ctx, lab.Config{Quirks: opt.quirks}, stdin, stdout)
	case opt.words[0] == "run" && len(opt.words) > 1:
		err = execute(ctx, opt, opt.words[1:], stdin, stdout)
	case opt.words[0] == "verify" && len(opt.words) > 1:
		err = verify(ctx, opt, opt.words[1:], stdout)
	case opt.words[0] == "run":
		return misused(stderr, "run needs a file, or - for the standard input")
	case opt.words[0] == "verify":
		return misused(stderr, "verify needs a path")
	default:
		return misused(stderr, fmt.Sprintf("%q is no command; without one there is a prompt", opt.words[0]))
	}
	switch {
	case errors.Is(err, errFailed):
		return 1 // what failed has been printed
	case err != nil:
		fmt.Fprintln(stderr, "lab:", err)
		return 1
	}
	return 0
}

// errFailed is a transcript that is not as it should be, after the output has said so.
var errFailed = errors.New("failed")
