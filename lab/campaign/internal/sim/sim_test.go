package sim

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// counter is a part whose invariant is that it is not increased twice after a
// start.
type counter struct {
	w       *World
	started bool
	n       int
	due     time.Time
	closed  bool
}

func (c *counter) Ops() []Op {
	draw := func(r *rand.Rand) ([]int64, bool) { return []int64{r.Int64N(9)}, true }
	return []Op{
		{Name: "start", Weight: 1, Draw: draw, Do: func([]int64) { c.started = true }},
		{Name: "more", Weight: 1, Draw: draw, Do: func([]int64) { c.n++ }, Fault: "more"},
		{Name: "idle", Weight: 9, Draw: draw, Do: func([]int64) { c.due = c.w.Now.Add(time.Second) }},
		{Name: "never", Weight: 9, Draw: func(*rand.Rand) ([]int64, bool) { return nil, false }},
	}
}

func (c *counter) Poll(now time.Time) bool {
	if !c.due.IsZero() && !c.due.After(now) {
		c.due = time.Time{}
	}
	return false
}
func (c *counter) Next() time.Time         { return c.due }
func (c *counter) Release()                {}
func (c *counter) Settling() time.Duration { return time.Minute }
func (c *counter) Rest()                   {}
func (c *counter) Close()                  { c.closed = true }
func (c *counter) Check() {
	if c.started && c.n >= 2 {
		c.w.Fail(Invariant{"I0", "no two"}, "%d", c.n)
	}
}

func build(w *World) { w.Add(&counter{w: w}) }

func TestShrinkLeavesWhatIsNeeded(t *testing.T) {
	o := Options{Hours: 1}
	r := Run(1, build, o)
	if r.Violation == nil {
		t.Fatal("nothing broke")
	}
	small, result := Shrink(r.Program, r.Violation.Invariant, build, o, 1000)
	var names []string
	for _, s := range small.Steps {
		names = append(names, s.Op)
	}
	if len(names) != 3 || strings.Count(strings.Join(names, " "), "more") != 2 || result.Violation.Invariant.ID != "I0" {
		t.Errorf("shrunk to %v, %v", names, result.Violation)
	}
	if _, again := Shrink(small, Invariant{ID: "I1"}, build, o, 10); again.Violation.Invariant.ID != "I0" {
		t.Errorf("%v", again.Violation)
	}
}

func TestRunEndsAtItsHours(t *testing.T) {
	calm := func(w *World) {
		w.Add(&counter{w: w, n: -1 << 30})
	}
	for seed := range uint64(20) {
		r := Run(seed, calm, Options{Hours: 2})
		if r.Violation != nil {
			t.Fatalf("seed %d: %v", seed, r.Violation)
		}
		if d := r.Program.Virtual(); d < 90*time.Minute || d > 121*time.Minute {
			t.Errorf("seed %d takes %v", seed, d)
		}
		if r.Virtual < r.Program.Virtual() {
			t.Errorf("seed %d: %v of %v", seed, r.Virtual, r.Program.Virtual())
		}
	}
}

func TestPanicIsAViolation(t *testing.T) {
	r := Run(1, func(w *World) {
		w.addOp(Op{Name: "fall", Weight: 1000, Draw: func(*rand.Rand) ([]int64, bool) { return nil, true }, Do: func([]int64) { panic("down") }})
	}, Options{Hours: 1})
	if r.Violation == nil || r.Violation.Invariant.ID != panicked || !strings.Contains(r.Violation.Detail, "down") {
		t.Errorf("%v", r.Violation)
	}
}

// restless is due again at once, for ever.
type restless struct {
	counter
	again bool
}

func (r *restless) Poll(time.Time) bool { return r.again }
func (r *restless) Next() time.Time     { return r.w.Now }

func TestBusyLoopIsAViolation(t *testing.T) {
	for _, again := range []bool{false, true} {
		r := Run(1, func(w *World) { w.Add(&restless{counter{w: w, n: -1 << 30}, again}) }, Options{Hours: 1})
		if r.Violation == nil || r.Violation.Invariant.ID != busyLoop {
			t.Errorf("again %v: %v", again, r.Violation)
		}
	}
}

func TestParseProgramRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, text := range []string{"seed", "seed x", "hours", "step", "step a b", "set a", "set a b", "hello"} {
		if p, err := ParseProgram(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%q: %+v, %v", text, p, err)
		}
	}
	p, err := ParseProgram(strings.NewReader("# nothing\n\nseed 7\nhours 0.5\nset a -1 # why\nstep pass 60000000000\nstep x 1 -2\n"))
	if err != nil || p.Seed != 7 || p.Hours != 0.5 || len(p.Settings) != 1 || len(p.Steps) != 2 || p.Steps[1].Args[1] != -2 || p.Virtual() != time.Minute {
		t.Errorf("%+v, %v", p, err)
	}
}

// FuzzParseProgram: what was read is written so that it is read again.
func FuzzParseProgram(f *testing.F) {
	f.Add("seed 7\nhours 0.5\nset a -1\nstep pass 60\n")
	f.Add("# x\nstep a 1 2 3\nstep b\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseProgram(strings.NewReader(text))
		if err != nil {
			return
		}
		var one, two bytes.Buffer
		if _, err := p.WriteTo(&one); err != nil {
			t.Fatal(err)
		}
		q, err := ParseProgram(bytes.NewReader(one.Bytes()))
		if err != nil {
			t.Fatalf("%v in %q", err, one.String())
		}
		if _, err := q.WriteTo(&two); err != nil || one.String() != two.String() {
			t.Fatalf("%q\n%q, %v", one.String(), two.String(), err)
		}
	})
}

func TestSettingsAreRecorded(t *testing.T) {
	var got int64
	world := func(w *World) {
		got = w.Setting("a", func(r *rand.Rand) int64 { return r.Int64N(1000) })
		w.Add(&counter{w: w, n: -1 << 30})
	}
	r := Run(3, world, Options{Hours: 0.1})
	first := got
	if Replay(r.Program, world, Options{Hours: 0.1}); got != first {
		t.Errorf("replayed with %d, recorded was %d", got, first)
	}
	r.Program.Settings[0].Value = 5000
	if Replay(r.Program, world, Options{Hours: 0.1}); got != 5000 {
		t.Errorf("replayed with %d", got)
	}
}
