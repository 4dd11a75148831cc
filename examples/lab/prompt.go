package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/switchcore/switchcore/lab"
)

// prompt executes what is typed until "quit" or the end of the input.
func prompt(ctx context.Context, cfg lab.Config, stdin io.Reader, stdout io.Writer) error {
	l, err := lab.New(cfg)
	if err != nil {
		return err
	}
	mark := ""
	if isTerminal(stdin) {
		mark = "$ "
		fmt.Fprintf(stdout, "A machine with the quirks of %v. Try: lab bridge br0 ports p1 p2; help; quit.\n", cfg.Quirks)
	}
	in := bufio.NewScanner(stdin)
	for {
		fmt.Fprint(stdout, mark)
		if !in.Scan() || ctx.Err() != nil || !answer(ctx, l, in.Text(), stdout) {
			break
		}
	}
	return errors.Join(in.Err(), l.Close())
}

// isTerminal reports whether somebody sits at the other end.
func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// answer executes one line, and reports whether to go on. A line may be copied from a transcript, with
// its "$ ".
func answer(ctx context.Context, l *lab.Lab, line string, stdout io.Writer) bool {
	line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "$ "))
	words := strings.Fields(line)
	switch {
	case len(words) == 0, strings.HasPrefix(line, "#"):
	case words[0] == "help":
		for _, text := range l.Help(words[1:]...) {
			fmt.Fprintln(stdout, text)
		}
	case line == "quit", line == "exit":
		return false
	default:
		out, err := l.Exec(ctx, line)
		fmt.Fprint(stdout, out)
		if err != nil {
			fmt.Fprintf(stdout, "? %v\n", err)
		}
	}
	return true
}

// execute runs transcripts, each on a machine of its own, and prints them as they went. The name "-" is
// the standard input.
func execute(ctx context.Context, opt options, files []string, stdin io.Reader, stdout io.Writer) error {
	for i, file := range files {
		if i > 0 {
			fmt.Fprintln(stdout)
		}
		if err := executeFile(ctx, opt, file, stdin, stdout); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

func executeFile(ctx context.Context, opt options, file string, stdin io.Reader, stdout io.Writer) error {
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return errors.Unwrap(err)
		}
		defer f.Close()
		in = f
	}
	t, err := lab.Parse(in)
	if err != nil {
		return err
	}
	cfg, err := opt.config(t)
	if err != nil {
		return err
	}
	l, err := lab.New(cfg)
	if err != nil {
		return err
	}
	got, err := l.Replay(ctx, t)
	if got != nil {
		if _, writing := got.WriteTo(stdout); err == nil {
			err = writing
		}
	}
	return errors.Join(err, l.Close())
}
