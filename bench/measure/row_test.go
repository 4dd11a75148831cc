package measure

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func record(series map[string][]float64) *Record {
	return &Record{series: series, wanted: map[string]bool{}}
}

// TestEachRuleJudges gives every rule a value on each side of gate and goal.
func TestEachRuleJudges(t *testing.T) {
	for _, tt := range []struct {
		rule       Rule
		gate, goal float64
		ours, peer float64
		want       Verdict
		value      float64
	}{
		{Faster, 2, 3, 10, 30, GoalMet, 3},
		{Faster, 2, 3, 10, 20, GateMet, 2},
		{Faster, 2, 3, 10, 19, Missed, 1.9},
		{Faster, 2, 0, 10, 20, Passed, 2},
		{Within, 1.25, 1.05, 105, 100, GoalMet, 1.05},
		{Within, 1.25, 1.05, 125, 100, GateMet, 1.25},
		{Within, 1.25, 1.05, 126, 100, Missed, 1.26},
		{AtMost, 36, 0, 36, 0, Passed, 36},
		{AtMost, 36, 0, 37, 0, Missed, 37},
		{Above, 1, 0, 11, 10, Passed, 1},
		{Above, 1, 0, 11.5, 10, Missed, 1.5},
		{Above, 1, 0, 9, 10, Passed, -1},
		{Zero, 0, 0, 0, 0, Passed, 0},
		{Zero, 0, 0, 1, 0, Missed, 1},
		{Info, 0, 0, 10, 20, NoGate, 2},
		{Within, 0, 0, 10, 20, NoGate, 0.5},
	} {
		row := Row{Ours: "a", Rule: tt.rule, Gate: tt.gate, Goal: tt.goal}
		if tt.peer != 0 {
			row.Peer = "b"
		}
		rec := record(map[string][]float64{"a": {tt.ours}, "b": {tt.peer}})
		if got := row.Judge(rec, true); got.Verdict != tt.want {
			t.Errorf("rule %d, %v beside %v: %q, want %q", tt.rule, tt.ours, tt.peer, got.Verdict, tt.want)
		} else if got.Value != nil && *got.Value != tt.value {
			t.Errorf("rule %d, %v beside %v: value %v, want %v", tt.rule, tt.ours, tt.peer, *got.Value, tt.value)
		}
		if got := row.Judge(rec, false); (tt.gate != 0 || tt.rule == Zero) && got.Verdict != Unjudged {
			t.Errorf("rule %d judged what was not to be: %q", tt.rule, got.Verdict)
		}
	}
}

// TestZeroLooksAtEveryRound: a median would let one round in three allocate.
func TestZeroLooksAtEveryRound(t *testing.T) {
	got := Row{Ours: "a", Rule: Zero, Unit: Count}.Judge(record(map[string][]float64{"a": {0, 0, 3}}), true)
	if got.Verdict != Missed || *got.Ours != 3 {
		t.Errorf("%v, %q", *got.Ours, got.Verdict)
	}
}

// TestRatioIsTheMedianOfRounds: a machine that was twice as slow in one round
// does not change the ratio.
func TestRatioIsTheMedianOfRounds(t *testing.T) {
	rec := record(map[string][]float64{"a": {10, 20, 10}, "b": {30, 60, 30}})
	got := Row{Ours: "a", Peer: "b", Rule: Faster, Gate: 3}.Judge(rec, true)
	if *got.Value != 3 || *got.Spread != 0 || got.Verdict != Passed {
		t.Errorf("value %v, spread %v, %q", *got.Value, *got.Spread, got.Verdict)
	}
}

func TestRowWithoutSamplesFails(t *testing.T) {
	for _, series := range []map[string][]float64{{}, {"a": {1}}, {"b": {1}}} {
		got := Row{Ours: "a", Peer: "b", Rule: Faster, Gate: 2}.Judge(record(series), true)
		if got.Verdict != Failed {
			t.Errorf("with %v: %q", series, got.Verdict)
		}
	}
	// Dividing by nothing is no number, and no number meets no gate.
	got := Row{Ours: "a", Peer: "b", Rule: Faster, Gate: 2}.Judge(record(map[string][]float64{"a": {0}, "b": {0}}), true)
	if got.Verdict != Missed {
		t.Errorf("0 beside 0: %q", got.Verdict)
	}
}

func TestGroupErrorsAndSkips(t *testing.T) {
	group := func(err error) Group {
		return Group{Name: "g", Rows: []Row{{Name: "one", Ours: "a"}, {Name: "two", Ours: "b"}}, Run: func(_ *Session, rec *Record) error {
			rec.Add("a", 1)
			return err
		}}
	}
	all := func(Row) bool { return true }
	s := &Session{Rounds: 1, Log: io.Discard}
	for _, tt := range []struct {
		err  error
		want []Verdict
	}{
		{nil, []Verdict{NoGate, Failed}},
		{errors.New("wrong answer"), []Verdict{Failed, Failed}},
		{fmt.Errorf("%w: not root", ErrSkip), []Verdict{NoGate, Skipped}},
	} {
		var got []Verdict
		for _, r := range s.Measure("area", group(tt.err), all) {
			got = append(got, r.Verdict)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("after %v: %q, want %q", tt.err, got, tt.want)
		}
	}
	if got := s.Measure("area", group(nil), func(Row) bool { return false }); got != nil {
		t.Errorf("a group of which nothing is wanted has results: %v", got)
	}
}

func TestInterleaveTurnsAndLeavesOut(t *testing.T) {
	var order []string
	c := func(name string) Case {
		return Case{name, func() float64 { order = append(order, name); return 1 }}
	}
	rec := record(map[string][]float64{})
	rec.wanted = map[string]bool{"a": true, "b": true}
	s := &Session{Rounds: 3, Log: io.Discard}
	s.Interleave(rec, c("a"), c("x"), c("b"))
	if got := strings.Join(order, ""); got != "abbaab" {
		t.Errorf("order %s", got)
	}
	if len(rec.Samples("a")) != 3 || len(rec.Samples("x")) != 0 {
		t.Errorf("samples %v", rec.series)
	}
}

func TestReportsCountWhatIsBroken(t *testing.T) {
	s := &Session{Rounds: 1, Log: io.Discard}
	g := Group{Name: "g", Rows: []Row{
		{Name: "good", Ours: "a", Peer: "b", Rule: Faster, Gate: 2, Goal: 2},
		{Name: "bad", Ours: "a", Peer: "b", Rule: Faster, Gate: 20},
		{Name: "size", Ours: "a", Unit: Bytes, Rule: AtMost, Gate: 12},
	}, Run: func(_ *Session, rec *Record) error {
		rec.Add("a", 10)
		rec.Add("b", 30)
		return nil
	}}
	r := Report{Machine: Describe(), Rounds: 1, Results: s.Measure("area", g, func(Row) bool { return true })}
	if r.Broken() != 1 {
		t.Errorf("%d broken", r.Broken())
	}
	for name, write := range map[string]func(io.Writer) error{"text": r.Text, "markdown": r.Markdown} {
		var out bytes.Buffer
		if err := write(&out); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"area/good", "3.00x", "goal", "MISSED", "10 B", "2 of 3 gates met, 1 goals reached, 1 rows missed or failed"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s has no %q:\n%s", name, want, &out)
			}
		}
	}
	var out bytes.Buffer
	var back Report
	if err := errors.Join(r.JSON(&out), json.Unmarshal(out.Bytes(), &back)); err != nil {
		t.Fatal(err)
	}
	if len(back.Results) != 3 || *back.Results[0].Value != 3 || back.Results[1].Verdict != Missed {
		t.Errorf("JSON reads back as %+v", back.Results)
	}
}

func TestFormatChoosesTheUnit(t *testing.T) {
	for v, want := range map[float64]string{0: "0 ns", 1.234: "1.23 ns", 150: "150 ns", 2500: "2500 ns", 15000: "15 us", 2.5e6: "2.5 ms", 41e9: "41 s"} {
		if got := Time.Format(v); got != want {
			t.Errorf("Format(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestWarningsSayWhatIsWrong(t *testing.T) {
	quiet := Machine{Load: 0.2, CPUTime: true, GOMAXPROCS: 2}
	if w := quiet.Warnings(); len(w) != 0 {
		t.Errorf("warnings about nothing: %q", w)
	}
	if w := (Machine{Load: 2, GOMAXPROCS: 1}).Warnings(); len(w) != 3 {
		t.Errorf("warnings: %q", w)
	}
}

func TestTimesKeepsDigits(t *testing.T) {
	for v, want := range map[float64]string{0.00167: "0.0017x", 0.5: "0.50x", 2.345: "2.35x", 2530.84: "2531x"} {
		if got := times(v); got != want {
			t.Errorf("times(%v) = %q, want %q", v, got, want)
		}
	}
}
