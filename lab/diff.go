package lab

import (
	"fmt"
	"slices"
	"strings"
)

// Difference is one command that two transcripts disagree about.
type Difference struct {
	Line    int    // of the command in the wanted transcript
	Command string // the wanted one; that of the other where the wanted transcript has none
	Want    []string
	Got     []string
}

// Diff compares two transcripts command by command, the first with the first. Titles,
// notes, comments and blank lines do not count. It returns nil if they agree.
//
// Where one transcript has another command than the other, or none any more, the
// commands stand in Want and Got too, as in a file: with "$ " before them.
func Diff(want, got *Transcript) []Difference {
	var diffs []Difference
	for i := range max(len(want.Steps), len(got.Steps)) {
		var d Difference
		switch {
		case i >= len(got.Steps):
			w := want.Steps[i]
			d = Difference{w.Line, w.Command, w.lines(), nil}
		case i >= len(want.Steps):
			g := got.Steps[i]
			d = Difference{g.Line, g.Command, nil, g.lines()}
		default:
			w, g := want.Steps[i], got.Steps[i]
			d = Difference{w.Line, w.Command, w.Output, g.Output}
			if w.Command != g.Command {
				d.Want, d.Got = w.lines(), g.lines()
			}
		}
		if !slices.Equal(d.Want, d.Got) {
			diffs = append(diffs, d)
		}
	}
	return diffs
}

// lines are the step as it stands in a file.
func (s Step) lines() []string { return append([]string{commandMark + s.Command}, s.Output...) }

// String is the difference for readers: the line, the command, and below it the
// lines that only the wanted output has with "-", those that only the other has with
// "+", and those that both have.
//
//	line 12: $ lab send h1 02:dd:00:00:00:01 02:dd:00:00:00:02
//	    - rx: h2
//	    + rx: h2 h3
func (d Difference) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "line %d: %s%s", d.Line, commandMark, d.Command)
	for _, l := range lineDiff(d.Want, d.Got) {
		fmt.Fprintf(&b, "\n    %c %s", l.mark, l.text)
	}
	return b.String()
}

// marked is a line of a line diff: ' ' in both, '-' wanted only, '+' got only.
type marked struct {
	mark byte
	text string
}

// maxTable bounds the work of lineDiff: the product of the lengths.
const maxTable = 1 << 22

// lineDiff lines up two outputs by their longest common subsequence. Very long ones
// are set one below the other.
func lineDiff(want, got []string) []marked {
	var out []marked
	add := func(mark byte, lines []string) {
		for _, l := range lines {
			out = append(out, marked{mark, l})
		}
	}
	if (len(want)+1)*(len(got)+1) > maxTable {
		add('-', want)
		add('+', got)
		return out
	}
	common := subsequences(want, got)
	i, j := 0, 0
	for i < len(want) && j < len(got) {
		switch {
		case want[i] == got[j]:
			add(' ', want[i:i+1])
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			add('-', want[i:i+1])
			i++
		default:
			add('+', got[j:j+1])
			j++
		}
	}
	add('-', want[i:])
	add('+', got[j:])
	return out
}

// subsequences returns for all i and j how many lines want[i:] and got[j:] have in
// common, in order.
func subsequences(want, got []string) [][]int {
	table := make([][]int, len(want)+1)
	for i := range table {
		table[i] = make([]int, len(got)+1)
	}
	for i := len(want) - 1; i >= 0; i-- {
		for j := len(got) - 1; j >= 0; j-- {
			if want[i] == got[j] {
				table[i][j] = table[i+1][j+1] + 1
			} else {
				table[i][j] = max(table[i+1][j], table[i][j+1])
			}
		}
	}
	return table
}
