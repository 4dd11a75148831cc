package measure

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Report is a whole run.
type Report struct {
	Machine  Machine  `json:"machine"`
	Warnings []string `json:"warnings,omitempty"`
	Rounds   int      `json:"rounds"`
	Quick    bool     `json:"quick,omitempty"`
	Results  []Result `json:"results"`
}

// Broken returns how many rows missed their gate or could not be measured
// although they should have been.
func (r Report) Broken() int {
	n := 0
	for _, res := range r.Results {
		if res.Verdict == Missed || res.Verdict == Failed {
			n++
		}
	}
	return n
}

// JSON writes the report for programs.
func (r Report) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "\t")
	return enc.Encode(r)
}

var heading = [...]string{"measurement", "core", "ours", "peer", "ratio", "spread", "gate", "goal", "verdict"}

// Text writes the report for people.
func (r Report) Text(w io.Writer) error {
	fmt.Fprintln(w, r.title())
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, strings.Join(heading[:], "\t"))
	for _, res := range r.Results {
		fmt.Fprintln(tw, strings.Join(res.cells(), "\t"))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	return r.footer(w, "")
}

// Markdown writes the report for a page.
func (r Report) Markdown(w io.Writer) error {
	fmt.Fprintf(w, "%s\n\n| %s |\n|%s\n", r.title(), strings.Join(heading[:], " | "), strings.Repeat("---|", len(heading)))
	for _, res := range r.Results {
		cells := res.cells()
		for i, c := range cells {
			cells[i] = strings.NewReplacer(">=", "≥", "<=", "≤", "|", "/").Replace(c)
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
	}
	return r.footer(w, "\n")
}

func (r Report) title() string {
	kind := fmt.Sprintf("median of %d rounds", r.Rounds)
	if r.Quick {
		kind = "quick run: small tables, nothing judged"
	}
	return fmt.Sprintf("%s; %s", r.Machine, kind)
}

func (r Report) footer(w io.Writer, before string) error {
	met, goals, judged := 0, 0, 0
	for _, res := range r.Results {
		switch res.Verdict {
		case GoalMet:
			goals++
			fallthrough
		case Passed, GateMet:
			met++
			fallthrough
		case Missed:
			judged++
		}
	}
	for _, text := range r.Warnings {
		fmt.Fprintf(w, "%swarning: %s\n", before, text)
	}
	_, err := fmt.Fprintf(w, "%s%d of %d gates met, %d goals reached, %d rows missed or failed\n", before, met, judged, goals, r.Broken())
	return err
}

// times writes a ratio with three digits that say something.
func times(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0fx", v)
	case v < 0.1:
		return fmt.Sprintf("%.2gx", v)
	}
	return fmt.Sprintf("%.2fx", v)
}

func (res Result) cells() []string {
	amount := func(v *float64) string {
		if v == nil {
			return ""
		}
		return res.row.Unit.Format(*v)
	}
	ratio, spread, peer := "", "", amount(res.Peer)
	if res.Value != nil {
		ratio = times(*res.Value)
		if res.row.Rule == Above {
			ratio = fmt.Sprintf("%+.2f ns", *res.Value)
		}
		if res.row.Peer == "" {
			ratio = ""
		}
	}
	if res.Spread != nil {
		spread = fmt.Sprintf("%.0f%%", 100**res.Spread)
	}
	verdict := string(res.Verdict)
	if res.Why != "" {
		verdict += ": " + res.Why
	}
	return []string{res.Area + "/" + res.Name, amount(res.Core), amount(res.Ours), peer, ratio, spread, res.Gate, res.Goal, verdict}
}
