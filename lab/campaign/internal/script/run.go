package script

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchcore/switchcore/lab"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
)

// Program is a run without what made it up.
type Program struct {
	Seed   uint64
	Quirks lab.Quirks
	Lines  []string
}

// Result is what became of a run.
type Result struct {
	Program   *Program
	Virtual   time.Duration
	Refused   int
	Faults    map[string]int // by kind
	Mended    int            // how often all of them were over
	Violation *sim.Violation // nil if there was none
	outside   []bool         // of the lines that were executed, those outside the language
}

// linesOfAnHour is how many lines an hour of a seed is.
const linesOfAnHour = 120

// Run makes the run of a seed: of every other with the quirks of Linux 6.1.
func Run(seed uint64, o sim.Options) *Result {
	p := &Program{Seed: seed}
	if seed%2 == 1 {
		p.Quirks = lab.Linux61
	}
	g := newWriter(seed, min(20+int(o.Hours*linesOfAnHour), 2000))
	return play(p, o, func(w *wiring, s *state) (string, bool) {
		line, ok := g.next(w, s)
		if ok {
			p.Lines = append(p.Lines, line)
		}
		return line, ok
	})
}

// Replay makes the run of a program.
func Replay(p *Program, o sim.Options) *Result {
	i := -1
	return play(p, o, func(*wiring, *state) (string, bool) {
		if i++; i >= len(p.Lines) {
			return "", false
		}
		return p.Lines[i], true
	})
}

// session is a run.
type session struct {
	lab, other *lab.Lab // the other one is not given what is refused
	quirks     lab.Quirks
	wiring     *wiring
	fold       fold
	now        *state
	told       []string // by the last line
	step       int
	virtual    time.Duration
	verbose    func(string)
	result     *Result
	trouble    trouble
}

func play(p *Program, o sim.Options, next func(*wiring, *state) (string, bool)) (r *Result) {
	r = &Result{Program: p, Faults: map[string]int{}}
	s := &session{quirks: p.Quirks, wiring: newWiring(), now: &state{}, result: r, verbose: o.Verbose}
	s.fold = fold{quirks: p.Quirks, rows: map[key]row{}}
	defer func() {
		r.Virtual = s.virtual
		switch p := recover().(type) {
		case nil:
		case *sim.Violation:
			r.Violation = p
		default:
			r.Violation = &sim.Violation{Invariant: survived(), Step: s.step, At: s.virtual, Detail: fmt.Sprintf("%v\n%s", p, debug.Stack())}
		}
		if r.Violation != nil && s.verbose != nil {
			s.verbose(r.Violation.Error())
		}
	}()
	for _, l := range [...]**lab.Lab{&s.lab, &s.other} {
		var err error
		if *l, err = lab.New(lab.Config{Quirks: p.Quirks}); err != nil {
			s.fail(answered(), "New: %v", err)
		}
	}
	s.begin()
	for {
		line, ok := next(s.wiring, s.now)
		if !ok {
			break
		}
		if o.Began != nil {
			o.Began(s.step)
		}
		s.line(line)
		s.step++
	}
	if err := errors.Join(s.lab.Close(), s.other.Close()); err != nil {
		s.fail(answered(), "Close: %v", err)
	}
	return r
}

func (s *session) fail(inv sim.Invariant, format string, args ...any) {
	panic(&sim.Violation{Invariant: inv, Detail: fmt.Sprintf(format, args...), Step: s.step, At: s.virtual})
}

// recording is the line that comes before all others.
const recording = "lab events fdb"

func (s *session) begin() {
	for _, l := range [...]*lab.Lab{s.lab, s.other} {
		s.must(l, recording)
	}
	s.now, _ = s.look(s.lab)
	s.look(s.other)
}

// must executes what cannot be refused.
func (s *session) must(l *lab.Lab, line string) []string {
	out, err := exec(l, line)
	if err != nil {
		s.fail(answered(), "%s: %v", line, err)
	}
	return out
}

func exec(l *lab.Lab, line string) ([]string, error) {
	out, err := l.Exec(context.Background(), line)
	if out == "" {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(out, "\n"), "\n"), err
}

// look reads everything, at a time when nothing happens, and what was told until then.
func (s *session) look(l *lab.Lab) (out *state, told []string) {
	for range mostLooks {
		told = append(told, s.must(l, recording)...)
		out = &state{fdb: s.must(l, "bridge -j fdb show"), links: s.must(l, "bridge -j link show"), vlans: s.must(l, "bridge -j vlan show")}
		out.hw, _ = exec(l, "lab hw sw1") // there may be none
		more := s.must(l, recording)
		told = append(told, more...)
		if len(more) == 0 {
			break
		}
	}
	if err := out.read(); err != nil {
		s.fail(selected(), "%v", err)
	}
	return out, told
}

// mostLooks bounds how often a table is read that changes while it is.
const mostLooks = 100

// line executes one line and checks everything.
func (s *session) line(line string) {
	out, err := exec(s.lab, line)
	s.result.outside = append(s.result.outside, err != nil)
	if s.verbose != nil {
		s.verbose("$ " + line)
		for _, l := range out {
			s.verbose(l)
		}
		if err != nil {
			s.verbose("# " + err.Error())
		}
	}
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		s.fail(answered(), "%s: %v", line, err)
	}
	no := err != nil || len(out) > 0 && strings.HasPrefix(out[len(out)-1], "! ")
	if no {
		s.result.Refused++
	}
	s.twin(line, out, err, no)
	before := s.now
	words := strings.Fields(strings.ReplaceAll(line, `"`, ""))
	if kind, _, ok := faultOf(words); ok && !no && kind != "off" && kind != "show" {
		s.result.Faults[kind]++
	}
	s.trouble.take(words, no)
	if !no && len(words) > 1 {
		s.heard(words) // while it is known who was cabled to whom
		s.wiring.accepted(words)
	}
	s.now, s.told = s.look(s.lab)
	if no && s.begun(words) {
		s.wiring.accepted(words)
	}
	other, twin := s.look(s.other)
	if !slices.Equal(s.told, twin) {
		s.fail(harmless(), "%q told %q, and without the refused lines before it %q", line, s.told, twin)
	}
	if strings.HasPrefix(line, recording) && !strings.Contains(line, "netns") {
		s.told = append(slices.Clone(out), s.told...)
	}
	if d := s.now.different(other); d != "" {
		s.fail(harmless(), "after %q: %s", line, d)
	}
	s.check(line, words, out, no, before)
	s.wiring.see(s.now)
}

// begun reports whether a bridge is there although not all its ports are: the switch has
// refused one.
func (s *session) begun(words []string) bool {
	return len(words) > 2 && words[0] == "lab" && (words[1] == "bridge" || words[1] == "switch") && s.wiring.bridges[words[2]] == nil &&
		slices.Contains(words, "ports") && s.now.owns(words[2])
}

// twin gives the other lab the line, or the time that a refused one took.
func (s *session) twin(line string, out []string, err error, no bool) {
	if !no || !simple(line) || s.trouble.on { // a refusal uses faults up
		twin, twinErr := exec(s.other, line)
		if !slices.Equal(out, twin) || (err == nil) != (twinErr == nil) {
			s.fail(harmless(), "%q prints %q, and without the refused lines before it %q (%v)", line, out, twin, twinErr)
		}
	} else if err == nil || late(err) {
		s.must(s.other, "lab wait 10ms")
	}
	if w := strings.Fields(line); !no && len(w) == 3 && w[1] == "wait" {
		d, _ := time.ParseDuration(w[2])
		s.virtual += d
	}
	s.virtual += 10 * time.Millisecond
}

// late reports whether a line that is outside the language was found to be so when it was
// executed, which takes time.
func late(err error) bool {
	var ce *lab.CommandError
	return errors.As(err, &ce) && (strings.HasPrefix(ce.Reason, "no such ") || strings.HasSuffix(ce.Reason, " is not in the lab"))
}

// simple reports whether a line asks for one thing, which is done or not. Others may be
// refused halfway, as in the kernel: an entry without VLAN is made in each that the port is
// in, with master and self it is two, a port leaves its bridge before the next is asked, and
// a new bridge has had its number when its options are refused.
func simple(line string) bool {
	w := strings.Fields(line)
	switch {
	case len(w) < 3:
		return true
	case w[0] == "bridge" && w[1] == "fdb" && w[2] != "show" && w[2] != "get":
		both := slices.Contains(w, "master") && slices.Contains(w, "self")
		return !both && (w[2] == "del" || w[2] == "flush" || slices.Contains(w, "vlan"))
	case w[0] == "bridge" && w[1] == "vlan":
		return !strings.Contains(line, "-")
	case w[0] == "bridge" && w[1] == "link":
		return len(w) <= 7 || !slices.ContainsFunc(w, func(s string) bool { return s == "state" || s == "backup_port" })
	case w[0] == "lab":
		return w[1] != "bridge" && w[1] != "switch"
	case w[0] == "ip" && slices.Contains(w, "add"):
		return false
	case w[0] == "ip" || w[0] == "bridge":
		return len(w) <= 9 && !slices.Contains(w, "master")
	}
	return true
}

// heard follows what the fold cannot hear: new names, and who leaves.
func (s *session) heard(words []string) {
	at := func(word string) string {
		if i := slices.Index(words, word); i >= 0 && i+1 < len(words) {
			return words[i+1]
		}
		return ""
	}
	switch {
	case words[0] == "ip" && words[1] == "netns" && words[2] == "del":
		for name := range s.wiring.away {
			s.fold.gone(s.wiring.hosts[name])
		}
	case words[0] != "ip" || len(words) < 5:
	case words[2] == "set" && at("name") != "":
		s.fold.renamed(words[slices.Index(words, "name")-1], at("name"))
	case words[2] == "set" && at("netns") != "", words[2] == "del":
		s.fold.gone(words[4])
		if words[2] == "del" {
			s.fold.gone(s.wiring.opposite(words[4]))
		}
	}
}

// check holds what is seen after a line against what has to be.
func (s *session) check(line string, words, out []string, no bool, before *state) {
	if d := s.fold.take(s.told, func(name string) bool { return s.wiring.bridges[name] != nil }); d != "" {
		s.fail(told(), "after %q: %s", line, d)
	}
	s.fold.join(words, s.now)
	if d := s.fold.check(s.now); d != "" {
		s.fail(told(), "after %q: %s", line, d)
	}
	switch {
	case s.quirks != 0:
	case s.trouble.on:
		s.checkTroubled(line)
	default:
		s.checkHardware(line)
		if s.trouble.ended {
			s.result.Mended++
			s.checkMended(line)
		}
	}
	if no {
		s.checkRefused(line, words, before)
	}
	switch {
	case no || len(words) < 3:
	case words[0] == "lab" && words[1] == "send":
		s.checkSend(words, out, before)
	case words[0] == "bridge" && strings.Contains(line, " -j fdb show") && !strings.Contains(line, "-n"):
		s.checkShow(line, words, out)
	case words[0] == "bridge" && strings.Contains(line, " -j fdb get"):
		s.checkGet(line, words, out)
	case words[0] == "bridge" && words[1] == "fdb" && slices.Contains([]string{"add", "append", "replace", "del"}, words[2]):
		s.checkEdit(line, words, before)
		if s.quirks == 0 {
			s.checkHeld(line, words, before)
		}
	case words[0] == "bridge" && words[1] == "fdb" && words[2] == "flush":
		s.checkFlush(words, before)
	}
}

func number(s string) int { n, _ := strconv.Atoi(s); return n }
