package sim

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Step is one thing that was done, with everything that was drawn for it, so
// that it can be done again without drawing.
type Step struct {
	Op   string
	Args []int64
}

// String returns the step as a line of a program.
func (s Step) String() string {
	var b strings.Builder
	b.WriteString(s.Op)
	for _, a := range s.Args {
		b.WriteByte(' ')
		b.WriteString(strconv.FormatInt(a, 10))
	}
	return b.String()
}

// Program is a run without its generator: how the world was set up, and the
// steps.
type Program struct {
	Seed     uint64
	Hours    float64
	Settings []Setting
	Steps    []Step
}

// Setting is one drawn property of a world.
type Setting struct {
	Name  string
	Value int64
}

// Virtual returns how much time the steps let pass.
func (p *Program) Virtual() (d time.Duration) {
	for _, s := range p.Steps {
		if (s.Op == OpPass || s.Op == OpJump) && len(s.Args) > 0 {
			d += time.Duration(s.Args[0])
		}
	}
	return d
}

// WriteTo writes the program in the form that [ParseProgram] reads.
func (p *Program) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d\nhours %v\n", p.Seed, p.Hours)
	for _, s := range p.Settings {
		fmt.Fprintf(&b, "set %s %d\n", s.Name, s.Value)
	}
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "step %v\n", s)
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

// ParseProgram reads a program: lines "seed N", "hours H", "set NAME N" and "step
// OP N...". Empty lines and what follows a # are passed over.
func ParseProgram(r io.Reader) (*Program, error) {
	p := &Program{Hours: 1}
	in := bufio.NewScanner(r)
	for n := 1; in.Scan(); n++ {
		line, _, _ := strings.Cut(in.Text(), "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := p.parseLine(words); err != nil {
			return nil, fmt.Errorf("line %d: %q: %w", n, in.Text(), err)
		}
	}
	return p, in.Err()
}

func (p *Program) parseLine(words []string) (err error) {
	switch {
	case words[0] == "seed" && len(words) == 2:
		p.Seed, err = strconv.ParseUint(words[1], 10, 64)
	case words[0] == "hours" && len(words) == 2:
		p.Hours, err = strconv.ParseFloat(words[1], 64)
	case words[0] == "set" && len(words) == 3:
		var v int64
		v, err = strconv.ParseInt(words[2], 10, 64)
		p.Settings = append(p.Settings, Setting{words[1], v})
	case words[0] == "step" && len(words) >= 2:
		s := Step{Op: words[1]}
		for _, word := range words[2:] {
			v, e := strconv.ParseInt(word, 10, 64)
			if e != nil {
				return e
			}
			s.Args = append(s.Args, v)
		}
		p.Steps = append(p.Steps, s)
	default:
		err = fmt.Errorf("not a line of a program")
	}
	return err
}
