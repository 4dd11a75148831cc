package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/switchcore/switchcore/lab/internal/machine"
	"github.com/switchcore/switchcore/lab/internal/tool"
	"github.com/switchcore/switchcore/switchdev"
)

// Lab is a machine with nothing in it yet but a loopback device, and the tools that
// act on it. Make one with [New] and end it with [Lab.Close].
//
// All methods may be called concurrently; commands are executed one after the other.
type Lab struct {
	turn    chan struct{} // holds a token while nobody executes
	machine *machine.Machine
	shell   *tool.Shell
	closed  bool // under turn
}

// New makes a lab. A configuration that makes no sense is refused with an error that is
// switchdev.ErrInvalid.
func New(cfg Config) (*Lab, error) {
	if q := cfg.Quirks &^ Linux61; q != 0 {
		return nil, fmt.Errorf("lab: no such quirks: %#x: %w", uint32(q), switchdev.ErrInvalid)
	}
	m, err := machine.New(cfg.machine())
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	l := &Lab{turn: make(chan struct{}, 1), machine: m, shell: tool.New(m)}
	l.turn <- struct{}{}
	return l, nil
}

// Close ends the lab, its bridges and its switch. It waits for a command that is being
// executed. Later calls do nothing and return nil.
func (l *Lab) Close() error {
	<-l.turn
	defer func() { l.turn <- struct{}{} }()
	if l.closed {
		return nil
	}
	l.closed = true
	return l.machine.Close()
}

// Exec executes one command of the language and returns what the tool prints: lines
// that end in "\n", those of standard error with "! " before them, and "" for nothing.
// That the kernel refuses a command is no error but output.
//
// An error is a [*CommandError]. A command that is outside the language is
// errors.ErrUnsupported, and has changed nothing. A lab that was closed answers
// switchdev.ErrClosed. When ctx ends before the command's turn, the error is that of
// ctx; a command that has begun is always finished, and takes no real time to speak of.
func (l *Lab) Exec(ctx context.Context, line string) (string, error) {
	out, err := l.exec(ctx, line)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, text := range out {
		b.WriteString(text)
		b.WriteByte('\n')
	}
	return b.String(), nil
}

func (l *Lab) exec(ctx context.Context, line string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, &CommandError{Command: line, Err: err}
	}
	select {
	case <-l.turn:
	case <-ctx.Done():
		return nil, &CommandError{Command: line, Err: ctx.Err()}
	}
	defer func() { l.turn <- struct{}{} }()
	if l.closed {
		return nil, &CommandError{Command: line, Err: switchdev.ErrClosed}
	}
	out, err := l.shell.Exec(line)
	if err != nil {
		return nil, commandError(line, err)
	}
	return out, nil
}

// Run reads a transcript and executes its commands. It returns a transcript with the
// same commands, comments and lines but with what this lab printed. The outputs in r are
// not looked at; see [Diff].
//
// It stops at the first command that cannot be executed, and returns what it has until
// then with the [*CommandError], which knows the line. Errors of [Parse] come with nil.
func (l *Lab) Run(ctx context.Context, r io.Reader) (*Transcript, error) {
	t, err := Parse(r)
	if err != nil {
		return nil, err
	}
	return l.Replay(ctx, t)
}

// Replay is [Lab.Run] for a transcript that was parsed already. It leaves t alone.
func (l *Lab) Replay(ctx context.Context, t *Transcript) (*Transcript, error) {
	got := *t
	got.Steps = make([]Step, 0, len(t.Steps))
	for _, s := range t.Steps {
		out, err := l.exec(ctx, s.Command)
		if err != nil {
			var ce *CommandError
			if errors.As(err, &ce) {
				ce.Line = s.Line
			}
			return &got, err
		}
		s.Output = out
		got.Steps = append(got.Steps, s)
	}
	return &got, nil
}

// Help are lines that explain the language: all commands in one line each, or, with
// words such as "bridge", "fdb", those that begin so in full.
func (l *Lab) Help(words ...string) []string { return l.shell.Help(words...) }

// CommandError says why a command was not executed.
type CommandError struct {
	Line    int    // in the transcript, from 1; 0 for one that comes from none
	Command string // as it was given
	Word    string // the word that is wrong; "" where it is not one word
	Reason  string // what is wrong; "" where Err says it
	Err     error  // errors.ErrUnsupported, switchdev.ErrClosed or that of a context, of a switch, ...
}

// Error returns one line: where, what and why. A command that is very long is cut short.
func (e *CommandError) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", e.Line)
	}
	verb := "%s: "
	if strings.ContainsFunc(e.Command, unicode.IsControl) {
		verb = "%q: "
	}
	fmt.Fprintf(&b, verb, brief(e.Command))
	if e.Word != "" {
		fmt.Fprintf(&b, "%q: ", brief(e.Word))
	}
	switch {
	case e.Reason != "":
		b.WriteString(e.Reason)
	case e.Err != nil:
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// brief is a text or its beginning.
func brief(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

// Unwrap returns Err.
func (e *CommandError) Unwrap() error { return e.Err }

// commandError is an error of the shell in the words of this package.
func commandError(line string, err error) *CommandError {
	var not *tool.NotSupported
	if errors.As(err, &not) {
		return &CommandError{Command: line, Word: not.Word, Reason: not.Reason, Err: errors.ErrUnsupported}
	}
	var un *machine.Unsupported
	if errors.As(err, &un) {
		return &CommandError{Command: line, Reason: un.What + " is not in the lab", Err: errors.ErrUnsupported}
	}
	return &CommandError{Command: line, Err: err}
}
