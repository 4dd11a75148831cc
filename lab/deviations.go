package lab

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed testdata/deviations
var deviations embed.FS

// deviationMark begins the lines of a deviation that say why it is one.
const deviationMark = "# deviation: "

// Deviation is a recording that this library does not follow even with all quirks of its
// kernel, what it prints instead, and why.
type Deviation struct {
	Area       string      // the folder of the recording: "fdb", "offload"
	Name       string      // its file, without ".txt"
	Reasons    []string    // from the lines "# deviation: reason"
	Transcript *Transcript // the same commands with our outputs
}

// Deviations are the recordings that are not followed, by area and name. There are as
// many as there are reasons not to do what the kernel did, which is to say hardly any.
//
// A deviation is held to be exact: who verifies a recording that has one compares with
// the deviation, and a deviation that says what the recording says is an error.
func Deviations() ([]Deviation, error) {
	dir, err := fs.Sub(deviations, "testdata/deviations")
	if err != nil {
		return nil, err
	}
	return readDeviations(dir)
}

// readDeviations reads AREA/NAME.txt below dir.
func readDeviations(dir fs.FS) ([]Deviation, error) {
	files, err := fs.Glob(dir, "*/*.txt")
	if err != nil {
		return nil, err
	}
	var out []Deviation
	for _, file := range files {
		d, err := readDeviation(dir, file)
		if err != nil {
			return nil, fmt.Errorf("deviation %s: %w", file, err)
		}
		out = append(out, d)
	}
	return out, nil
}

func readDeviation(dir fs.FS, file string) (Deviation, error) {
	text, err := fs.ReadFile(dir, file)
	if err != nil {
		return Deviation{}, err
	}
	d := Deviation{Area: path.Dir(file), Name: strings.TrimSuffix(path.Base(file), ".txt")}
	var rest strings.Builder
	for line := range strings.Lines(string(text)) {
		if reason, ok := strings.CutPrefix(line, deviationMark); ok {
			d.Reasons = append(d.Reasons, strings.TrimSpace(reason))
		} else {
			rest.WriteString(line)
		}
	}
	if len(d.Reasons) == 0 {
		return Deviation{}, fmt.Errorf("no line %q says why", deviationMark+"...")
	}
	d.Transcript, err = Parse(strings.NewReader(rest.String()))
	return d, err
}
