//go:build explore

package overlay

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/internal/explore"
)

var (
	long = flag.Bool("explore.long", false, "explore more and longer programs, those without an end in sight in part")
	only = flag.String("explore.only", "", "explore the one program of this name")
	part = flag.Int("explore.schedules", 0, "give a program up after that many schedules; 0 means never, or 10000 if long")
)

// The programs are words: a call is a letter and, where it needs one, a port.
//
//	L2  learn on port 2        K  lookup              F2  flush port 2 (dynamic)
//	A2  flush all of port 2    *  flush everything    W   work flushes off
//	S   seal                   M  apply               E   expire what is older than tick 5
//	G   stage                  D  finish: deleted     N   finish: as it was
//	U2  finish: static there   Y2 finish: sticky      O2  finish: local
//	X2  finish: extern there   P  another key appears in the main table
//	B2  learn on port 2, which is locked
//	o   the entry is in hardware         H   flush what is in hardware (late)
//	v   remember what main holds         R2  put an extern entry there in its place
//	C   take it out
//	I2  operate: static there  d   operate: deleted
//
// Learns have tick 3; l2 is a learn with tick 7.
type program struct {
	setup   string
	threads []string
}

func (p program) String() string { return p.setup + "/" + strings.Join(p.threads, "|") }

// call is one letter of a program, run.
type call struct {
	verb       byte
	port       uint16
	start, end int
	got        value
	outcome    Outcome
	n          int
	was        value // what was remembered, for R and C
}

const theKey = cam.Key(0x0000_5e00_5301_000)

// runner is one instance of a program.
type runner struct {
	t     *Table
	seq   uint64
	calls [][]call
	tail  []call
	keys  int
	was   Entry // remembered
}

func newRunner(p program) *runner {
	r := &runner{t: New(Config{Seed: [2]uint64{1, 3}}), calls: make([][]call, len(p.threads))}
	parse(p.setup, func(c call) { r.tail = append(r.tail, r.do(c)) })
	return r
}

func parse(word string, f func(call)) {
	for i := 0; i < len(word); i++ {
		c := call{verb: word[i]}
		if i+1 < len(word) && word[i+1] >= '0' && word[i+1] <= '9' {
			i++
			c.port = uint16(word[i] - '0')
		}
		f(c)
	}
}

// timed says which calls have a place in real time: the others show nothing.
func (c call) timed() bool { return !strings.ContainsRune("SMWPv", rune(c.verb)) }

func (r *runner) do(c call) call {
	if c.timed() {
		c.start = explore.Begin()
	}
	t := r.t
	switch c.verb {
	case 'L':
		c.outcome = t.Learn(theKey, c.port, 3)
	case 'l':
		c.outcome = t.Learn(theKey, c.port, 7)
	case 'B':
		c.outcome = t.LearnLocked(theKey, c.port, 3)
	case 'o':
		if t.Update(theKey, func(e Entry) Entry { e.Offload = 1; return e }) {
			c.n = 1
		}
	case 'I', 'd':
		t.Operate([]cam.Key{theKey}, nil, func(_ int, now *Entry, _ uint64, next *Entry) bool {
			c.n, c.got = 1, valueOf(now.Hot)
			*next = *c.result()
			return true
		}, nil)
	case 'v':
		r.was = t.entry(theKey)
	case 'R', 'C':
		c = r.withdraw(c)
	case 'K':
		h, _ := t.Lookup(theKey)
		c.got = valueOf(h)
	case 'F', 'A', '*', 'H':
		t.AcceptFlush(*c.filter())
	case 'S':
		t.Seal()
	case 'M':
		t.Apply(9)
	case 'W':
		for range 20 {
			if t.FlushStep(1) {
				break
			}
		}
	case 'E':
		_, c.n = t.Expire(5, cam.Cursor{}, 1000)
	case 'P':
		r.keys++
		k := theKey + cam.Key(r.keys)<<20
		_, seq := t.Stage(k)
		t.Finish(k, seq, &Entry{Hot: cam.MakeHot(9, cam.Static|cam.User, 0)})
	case 'G':
		var e Entry
		e, r.seq = t.Stage(theKey)
		c.got = valueOf(e.Hot)
	default:
		t.Finish(theKey, r.seq, c.result())
	}
	if c.timed() {
		c.end = explore.End()
	}
	return c
}

// withdraw is R and C.
func (r *runner) withdraw(c call) call {
	var told *Entry
	if c.verb == 'R' {
		told = &Entry{Hot: cam.MakeHot(c.port, cam.Ext, 0), Cold: cam.Cold{Seq: r.was.Seq}}
	}
	c.was = valueOf(r.was.Hot)
	if e, ok := r.t.Withdraw(theKey, r.was.Seq, told); ok {
		c.n, c.got = 1, valueOf(e.Hot)
	}
	return c
}

func (c call) filter() *Filter {
	f := Everything()
	switch c.verb {
	case 'H':
		f.Cold = Cold{Mask: 1, Want: 1}
	case 'F':
		f = ByPort(c.port)
	case 'A':
		f = AllOfPort(c.port)
	}
	return &f
}

// result is what a finishing letter finishes with.
func (c call) result() *Entry {
	flags := map[byte]cam.Hot{
		'U': cam.Static | cam.User, 'I': cam.Static | cam.User, 'Y': cam.Sticky | cam.User,
		'O': cam.Local | cam.Static, 'X': cam.Ext | cam.User,
	}
	switch c.verb {
	case 'N':
		return nil
	case 'D', 'd':
		return &Entry{}
	}
	return &Entry{Hot: cam.MakeHot(c.port, flags[c.verb], 0)}
}

func (r *runner) program(p program, verdicts map[string]error) explore.Program {
	q := explore.Program{}
	setup := r.tail
	r.tail = nil
	for i, word := range p.threads {
		q.Threads = append(q.Threads, func() {
			parse(word, func(c call) { r.calls[i] = append(r.calls[i], r.do(c)) })
		})
	}
	q.Check = func() error {
		if err := r.quiesce(); err != nil {
			return err
		}
		h := history{threads: r.calls}
		h.init()
		sig := h.signature(r.tail)
		err, ok := verdicts[sig]
		if !ok {
			err = h.explain(setup, r.tail)
			verdicts[sig] = err
		}
		return err
	}
	return q
}

// quiesce brings everything home, looking before and after.
func (r *runner) quiesce() error {
	t := r.t
	do := func(word string) { parse(word, func(c call) { r.tail = append(r.tail, r.do(c)) }) }
	do("K")
	if err := t.Check(); err != nil {
		return err
	}
	if t.Busy(theKey) {
		do("N")
	}
	do("SMSMWK")
	if !t.Quiet() {
		return fmt.Errorf("not quiet: %+v", t.Pending())
	}
	h, _ := t.LookupMain(theKey)
	if last := r.tail[len(r.tail)-1].got; !valueOf(h).same(last) {
		return fmt.Errorf("main %v is not the fold %v", valueOf(h), last)
	}
	return t.Check()
}

// finishes are the letters that end an operation.
const finishes = "NDUYOX"

// legal reports whether stages and finishes alternate: they are serialised, so
// they stand in the setup and in the first thread only.
func (p program) legal() bool {
	busy := false
	for _, c := range p.setup + p.threads[0] {
		switch {
		case c == 'G' && busy, strings.ContainsRune(finishes, c) && !busy:
			return false
		case c == 'G':
			busy = true
		case strings.ContainsRune(finishes, c):
			busy = false
		}
	}
	return true
}

// programs are the products of what may have been before, what the worker does,
// and what the data path does meanwhile.
func programs(long bool) (all []program) {
	setups := []string{"", "L1", "L1S", "L1SM", "L1SML2", "L1SML2S", "L1SML2SL3", "PPL1SM", "PPL1",
		"G", "L1SMG", "L1SMGL2", "L1SMGL2S", "GU1L2", "GX1L2", "GY1L2",
		"L1F1", "L1SMF1", "L1SML2F2", "L1SMGF1L2", "GU1A1", "GU1L2A2",
		"GL1F1L1", "GL1F2L1S", "L1SMGL2F2L1S", "GL1F1L1F1L2S"}
	workers := []string{"SM", "SMSM", "GD", "GU2", "GN", "D", "U3", "N", "W", "SMW", "PP", "SMD", "E", "GDSM"}
	clients := [][]string{{"K"}, {"KK"}, {"L2K"}, {"L1K"}, {"L2", "KK"}, {"F1", "K"}, {"A2K"}, {"l1K"}, {"L2", "L1K"}}
	if long {
		workers = append(workers, "SMSMSM", "GDGU2", "GU2W", "WGD", "SMGD", "GUD", "PPP", "SMPP", "SGDM", "WU3", "WD")
		clients = append(clients, []string{"L2KK"}, []string{"L2K", "L3K"}, []string{"*L2K"}, []string{"L1L2K"},
			[]string{"F1L1K"}, []string{"L2A2", "K"}, []string{"l1l2", "KK"})
	}
	for _, s := range setups {
		for _, w := range workers {
			for _, c := range clients {
				if p := (program{s, append([]string{w}, c...)}); p.legal() {
					all = append(all, p)
				}
			}
		}
	}
	return all
}

// complete returns the programs of testdata/programs.txt: those of the products
// that can be explored to the end in a moment each.
func complete(t *testing.T) (all []program) {
	text, err := os.ReadFile("testdata/programs.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			all = append(all, parseProgram(line))
		}
	}
	return all
}

func parseProgram(s string) program {
	setup, threads, _ := strings.Cut(s, "/")
	return program{setup, strings.Split(threads, "|")}
}

// TestEveryInterleaving runs every program under every schedule. Only the long
// form, which takes in programs without an end in sight, may cut one off.
func TestEveryInterleaving(t *testing.T) {
	debug.SetGCPercent(800)
	bound := *part
	var list []program
	switch {
	case *only != "":
		list = []program{parseProgram(*only)}
	case *long:
		list = programs(true)
		if bound == 0 {
			bound = 10000
		}
	default:
		list = complete(t)
	}
	var total explore.Result
	histories, incomplete := 0, 0
	for _, p := range list {
		verdicts := map[string]error{}
		r := explore.Explore(explore.Config{MaxSchedules: bound}, func() explore.Program {
			return newRunner(p).program(p, verdicts)
		})
		if r.Err != nil {
			t.Fatalf("%v: schedule %s: %v", p, r.Trace, r.Err)
		}
		if !r.Complete {
			incomplete++
			if !*long && *part == 0 {
				t.Errorf("%v: not explored to the end", p)
			}
		}
		total.Schedules += r.Schedules
		total.Pruned += r.Pruned
		total.Steps += r.Steps
		histories += len(verdicts)
		if os.Getenv("EXPLORE_VERBOSE") != "" {
			t.Logf("%-30v %8d schedules %8d pruned %8d histories", p, r.Schedules, r.Pruned, len(verdicts))
		}
	}
	t.Logf("%d programs (%d cut off), %d schedules, %d pruned, %d steps, %d histories", len(list), incomplete,
		total.Schedules, total.Pruned, total.Steps, histories)
}
