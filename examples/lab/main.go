// Lab is a Linux machine to type at: ports, cables, bridges, a switch, and the commands ip and bridge
// with what they print. It also verifies recordings of a real one.
//
//	go run ./examples/lab                          a prompt: help, quit
//	go run ./examples/lab run FILE...              executes transcripts and prints them
//	go run ./examples/lab verify PATH...           executes transcripts, files or folders, and compares
//
// The machine behaves as Linux 6.1 did when the recordings in lab/testdata were made. With -fixed it behaves
// as the library does when nobody asks it for a kernel's defects; with -quirks it has some of them.
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// options are the command line.
type options struct {
	quirks lab.Quirks
	words  []string
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
		fmt.Fprintln(stderr, "usage: lab [-fixed | -quirks LIST] [run FILE... | verify PATH...]")
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
	if fixed {
		opt.quirks = 0
	}
	return opt, nil
}

// run is the program but for os.Exit, so that tests can call it.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	opt, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2 // package flag has said what is wrong
	}
	cfg := lab.Config{Quirks: opt.quirks}
	switch {
	case len(opt.words) == 0:
		err = prompt(ctx, cfg, stdin, stdout)
	case opt.words[0] == "run" && len(opt.words) > 1:
		err = execute(ctx, cfg, opt.words[1:], stdin, stdout)
	case opt.words[0] == "verify" && len(opt.words) > 1:
		err = verify(ctx, cfg, opt.words[1:], stdout)
	default:
		fmt.Fprintln(stderr, "usage: lab [-fixed | -quirks LIST] [run FILE... | verify PATH...]")
		return 2
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
