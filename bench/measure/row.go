package measure

import (
	"fmt"
	"math"
	"slices"
)

// Rule says how a row compares.
type Rule uint8

const (
	// Info rows are shown and not judged: the value is peer / ours.
	Info Rule = iota
	// Faster wants peer / ours at least the gate.
	Faster
	// Within wants ours / peer at most the gate.
	Within
	// AtMost wants ours at most the gate, in the unit of the row.
	AtMost
	// Above wants ours - peer at most the gate, in the unit of the row.
	Above
	// Zero wants ours to be zero in every round, and shows the most; it needs no
	// gate.
	Zero
)

// Unit is what the samples of a row count.
type Unit uint8

const (
	// Time is nanoseconds.
	Time Unit = iota
	// Bytes is bytes.
	Bytes
	// Count is things.
	Count
)

// Row is one line of the table.
type Row struct {
	// Name is that of the measurement, words separated by slashes.
	Name string
	// Ours and Peer are the series compared, Core that of the main table alone.
	// Peer is empty in a row that is AtMost, Core where there is none.
	Ours, Peer, Core string
	// Needs is a series in whose samples those of this row are taken; empty
	// where they are taken by themselves.
	Needs string
	Unit  Unit
	Rule  Rule
	// Gate must be met and Goal is hoped for; 0 is none. A row without a gate is
	// shown as its rule says and not judged.
	Gate, Goal float64
	// Text explains the row in the list of measurements.
	Text string
}

// Verdict is the judgement on a row.
type Verdict string

// The verdicts.
const (
	GoalMet  Verdict = "goal"
	GateMet  Verdict = "ok, goal missed"
	Passed   Verdict = "ok"
	Missed   Verdict = "MISSED"
	NoGate   Verdict = "-"
	Skipped  Verdict = "skipped"
	Failed   Verdict = "FAILED"
	Unjudged Verdict = "not judged"
)

// Result is a row with its numbers. A number that there is not is nil.
type Result struct {
	Area    string   `json:"area"`
	Name    string   `json:"name"`
	Text    string   `json:"text,omitempty"`
	Ours    *float64 `json:"ours"`
	Peer    *float64 `json:"peer,omitempty"`
	Core    *float64 `json:"core,omitempty"`
	Value   *float64 `json:"value,omitempty"`
	Spread  *float64 `json:"spread,omitempty"`
	Gate    string   `json:"gate,omitempty"`
	Goal    string   `json:"goal,omitempty"`
	Verdict Verdict  `json:"verdict"`
	Why     string   `json:"why,omitempty"`
	PeerOf  string   `json:"peer_series,omitempty"`

	row Row
}

// Judge returns the result of a row. Samples of a run that is too small to mean
// anything are shown but not judged.
func (r Row) Judge(rec *Record, judge bool) Result {
	res := r.blank(Unjudged)
	ours, peer := rec.Samples(r.Ours), rec.Samples(r.Peer)
	if len(ours) == 0 || r.Peer != "" && len(peer) == 0 {
		res.Verdict, res.Why = Failed, "no samples"
		return res
	}
	res.Ours, res.Peer, res.Core = number(Median(ours)), median(peer), median(rec.Samples(r.Core))
	values := r.values(ours, peer)
	value := Median(values)
	res.Value, res.Spread = number(value), number(Spread(values))
	if r.Rule == AtMost || r.Rule == Zero {
		res.Value = nil
	}
	if r.Rule == Zero { // in every round
		res.Ours = number(slices.Max(ours))
	}
	switch {
	case r.Rule == Zero && judge && *res.Ours == 0:
		res.Verdict, res.Spread = Passed, nil
	case r.Rule == Zero && judge:
		res.Verdict, res.Spread = Missed, nil
	case r.Rule == Zero:
	case r.Rule == Info || r.Gate == 0:
		res.Verdict = NoGate
	case !judge:
	case !r.meets(value, r.Gate): // what is no number meets nothing
		res.Verdict = Missed
	case r.Goal == 0:
		res.Verdict = Passed
	case r.meets(value, r.Goal):
		res.Verdict = GoalMet
	default:
		res.Verdict = GateMet
	}
	return res
}

// blank is the result without numbers.
func (r Row) blank(v Verdict) Result {
	return Result{Name: r.Name, Text: r.Text, Gate: r.limit(r.Gate), Goal: r.goal(), Verdict: v, PeerOf: r.Peer, row: r}
}

// goal writes the goal; the one of zero is its gate.
func (r Row) goal() string {
	if r.Rule == Zero {
		return ""
	}
	return r.limit(r.Goal)
}

// values returns what the rule looks at, for each round.
func (r Row) values(ours, peer []float64) []float64 {
	switch {
	case r.Peer == "" || r.Rule == AtMost || r.Rule == Zero:
		return ours
	case r.Rule == Within:
		return pairwise(ours, peer, func(a, b float64) float64 { return a / b })
	case r.Rule == Above:
		return pairwise(ours, peer, func(a, b float64) float64 { return a - b })
	}
	return pairwise(ours, peer, func(a, b float64) float64 { return b / a })
}

// meets reports whether a value meets a limit; no limit is met by all.
func (r Row) meets(value, limit float64) bool {
	if limit == 0 {
		return true
	}
	if r.Rule == Faster {
		return value >= limit
	}
	return value <= limit
}

// limit writes a gate or a goal.
func (r Row) limit(v float64) string {
	switch {
	case r.Rule == Zero:
		return "= 0"
	case v == 0 || r.Rule == Info:
		return ""
	case r.Rule == Faster:
		return fmt.Sprintf(">= %.3gx", v)
	case r.Rule == Within:
		return fmt.Sprintf("<= %.3gx", v)
	case r.Rule == Above:
		return "<= +" + r.Unit.Format(v)
	}
	return "<= " + r.Unit.Format(v)
}

// Format writes an amount with a unit that suits its size.
func (u Unit) Format(v float64) string {
	switch u {
	case Bytes:
		return fmt.Sprintf("%.3g B", v)
	case Count:
		return fmt.Sprintf("%.6g", v)
	}
	switch abs := math.Abs(v); {
	case abs >= 1e9:
		return fmt.Sprintf("%.3g s", v/1e9)
	case abs >= 1e6:
		return fmt.Sprintf("%.3g ms", v/1e6)
	case abs >= 1e4:
		return fmt.Sprintf("%.3g us", v/1e3)
	case abs >= 100:
		return fmt.Sprintf("%.0f ns", v)
	}
	return fmt.Sprintf("%.3g ns", v)
}

func median(samples []float64) *float64 {
	if len(samples) == 0 {
		return nil
	}
	return number(Median(samples))
}

// number leaves out what JSON cannot say.
func number(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
