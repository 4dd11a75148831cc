package script

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/switchcore/switchcore/lab"
)

// quirksMark is the comment that says in which mode a transcript was made.
const quirksMark = "# quirks: "

// Transcript is the run as a transcript, as examples/lab runs and prints it with the
// quirks that it names. A line that is outside the language is a comment. After the last
// line it looks at what was told and at the table.
func (r *Result) Transcript() string {
	var b strings.Builder
	title := "a run without a violation"
	if r.Violation != nil {
		title = fmt.Sprintf("%s: %s", r.Violation.Invariant.ID, r.Violation.Invariant.Text)
	}
	fmt.Fprintf(&b, "# %s\n%s%v\n\n$ %s\n", title, quirksMark, r.Program.Quirks, recording)
	for i, line := range r.Program.Lines {
		mark := "$ "
		if i >= len(r.outside) || r.outside[i] {
			mark = outsideMark
		}
		if i == len(r.outside)-1 && r.Violation != nil {
			fmt.Fprintf(&b, "$ %s\n", recording)
		}
		fmt.Fprintf(&b, "%s%s\n", mark, line)
	}
	if r.Violation != nil {
		fmt.Fprintf(&b, "$ %s\n$ bridge -j fdb show\n", recording)
		for line := range strings.Lines(r.Violation.Detail) {
			fmt.Fprintf(&b, "# %s\n", strings.TrimRight(line, "\n"))
		}
	}
	return printed(b.String(), r.Program.Quirks)
}

// printed is a transcript with what a lab prints, as far as that does not panic.
func printed(text string, q lab.Quirks) (out string) {
	out = text
	defer func() { _ = recover() }()
	l, err := lab.New(lab.Config{Quirks: q})
	if err != nil {
		return text
	}
	defer l.Close()
	if t, err := l.Run(context.Background(), strings.NewReader(text)); err == nil {
		out = t.String()
	}
	return out
}

// outsideMark begins a line that is outside the language.
const outsideMark = "# not in the language: "

// Is reports whether a text is a transcript, and no program.
func Is(text []byte) bool { return bytes.Contains(text, []byte("\n$ ")) }

// Parse reads a transcript as a program: its commands, and the quirks that it names; those
// of Linux 6.1 if it names none, as examples/lab does.
func Parse(text []byte) (*Program, error) {
	p := &Program{Quirks: lab.Linux61}
	t, err := lab.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	for _, step := range t.Steps {
		if err := p.comments(step.Before); err != nil {
			return nil, err
		}
		p.Lines = append(p.Lines, step.Command)
	}
	return p, p.comments(t.Tail)
}

func (p *Program) comments(lines []string) error {
	for _, line := range lines {
		if q, ok := strings.CutPrefix(line, quirksMark); ok {
			if err := p.Quirks.UnmarshalText([]byte(q)); err != nil {
				return err
			}
		}
		if l, ok := strings.CutPrefix(line, outsideMark); ok {
			p.Lines = append(p.Lines, l)
		}
	}
	return nil
}
