package tool

import (
	"errors"
	"strings"

	"github.com/switchcore/switchcore/lab/internal/machine"
)

// Shell executes lines on a machine. Make one with [New].
type Shell struct {
	machine *machine.Machine
}

// New returns a shell over a machine, which it does not close.
func New(m *machine.Machine) *Shell { return &Shell{machine: m} }

// Exec executes one line and returns what it prints, line by line and without their
// ends, those of standard error with "! " before them. A line without words does
// nothing.
//
// A refusal by the tool or the kernel is output. The error is a [*NotSupported] for
// a line that is not in the language, which has then changed nothing, or what else the
// machine answered.
func (s *Shell) Exec(line string) ([]string, error) {
	c, err := parse(line)
	if err != nil || c.verb == nil && c.mistake == "" {
		return nil, err
	}
	r := &run{options: c.options, machine: s.machine}
	err = c.execute(r)
	var not *NotSupported
	if errors.As(err, &not) && not.Line == "" {
		not.Line = line
	}
	return r.out, err
}

// verb is what a command does.
type verb interface {
	run(*run) error
}

// command is a line that was understood. It is done in order: what is needed is looked
// for, then either the mistake is told or the verb runs.
type command struct {
	options
	needs   []need
	mistake string
	verb    verb
}

func (c *command) execute(r *run) error {
	if _, waits := c.verb.(wait); !waits {
		if err := r.machine.Moment(); err != nil {
			return err
		}
	}
	for _, n := range c.needs {
		if !n.met(r.machine) {
			r.complain(n.text)
			return nil
		}
	}
	if c.mistake != "" {
		r.complain(c.mistake)
		return nil
	}
	err := c.verb.run(r)
	if text, ok := refusal(err); ok {
		r.complain(text)
		return nil
	}
	return err
}

// run is a command being done, and what it has printed.
type run struct {
	options
	machine *machine.Machine
	out     []string
}

// print adds a line of standard output; blank ones and spaces at ends are left out.
func (r *run) print(line string) {
	if line = strings.TrimRight(line, " \t"); line != "" {
		r.out = append(r.out, line)
	}
}

// complain adds a line of standard error.
func (r *run) complain(line string) { r.out = append(r.out, "! "+line) }

// parse understands a line as a whole. Its error is a *NotSupported.
func parse(line string) (*command, error) {
	words, err := Words(line)
	if err != nil || len(words) == 0 {
		return &command{}, err
	}
	c, err := parseWords(words)
	var not *NotSupported
	if errors.As(err, &not) {
		not.Line = line
	}
	return c, err
}

func parseWords(words []string) (*command, error) {
	a := &args{words: words[1:]}
	a.options.parse(a, words[0])
	entry := a.lookUp(words[0])
	var v verb
	if entry != nil {
		v = entry.parse(a)
	}
	var said mistake
	switch {
	case errors.As(a.err, &said):
		return &command{options: a.options, needs: a.needs, mistake: string(said)}, nil
	case a.err != nil:
		return nil, a.err
	}
	return &command{options: a.options, needs: a.needs, verb: v}, nil
}

// parse takes the options, which only the tools of iproute2 have. A dash more is one
// too many for none of them.
func (o *options) parse(a *args, tool string) {
	if tool != "bridge" && tool != "ip" {
		return
	}
	for a.more() && strings.HasPrefix(a.words[0], "-") {
		given := a.next()
		word := given[1:]
		if strings.HasPrefix(word, "-") {
			word = word[1:]
		}
		switch {
		case word == "":
			a.usage(given)
		case matches(word, "statistics"), matches(word, "stats"):
			o.stats = true
		case matches(word, "details"):
			o.detail = true
		case matches(word, "json"), matches(word, "js"), matches(word, "pretty"):
			o.json = o.json || word[0] == 'j'
		case matches(word, "oneline"):
		case matches(word, "netns"):
			o.namespace(a)
		default:
			a.outside(given, "not an option of this language")
		}
	}
}

// namespace takes the name after -n. The tool goes there at once.
func (o *options) namespace(a *args) {
	if len(a.words) == 0 {
		a.usage("-n")
		return
	}
	o.ns, o.inNS = a.next(), true
	a.namespace(o.ns, `Cannot open network namespace "%s": No such file or directory`)
}
