// Bench measures this library beside its peers, in one run on one machine, and
// prints a table of ratios with their gates and goals.
//
//	go run . -check              everything; exits with 1 when a gate is missed
//	go run . -only fdb           one part: fdb, bridge or devlink
//	go run . -run 1M/hit         measurements whose names match
//	go run . -list               their names and what they mean
//	go run . -quick              small tables, one round: does it work at all
//	go run . -json               for programs
//	go run . -markdown           for a page
//
// It is run in its own directory. README.md there says how to read the table.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/switchcore/switchcore/bench/measure"
)

func main() {
	err := run(os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errMissed):
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
}

// errMissed is wrapped by what run returns when a gate is missed.
var errMissed = errors.New("missed or failed")

// options are the arguments.
type options struct {
	check, list, quick, json, markdown bool
	only                               string
	names                              *regexp.Regexp
	rounds                             int
}

func parse(args []string, errs io.Writer) (o options, err error) {
	var names string
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(errs)
	fs.BoolVar(&o.check, "check", false, "exit with 1 when a gate is missed")
	fs.BoolVar(&o.list, "list", false, "list the measurements and measure nothing")
	fs.BoolVar(&o.quick, "quick", false, "small tables and one round; nothing is judged")
	fs.BoolVar(&o.json, "json", false, "write JSON")
	fs.BoolVar(&o.markdown, "markdown", false, "write a Markdown table")
	fs.StringVar(&o.only, "only", "", "measure only this `area`")
	fs.StringVar(&names, "run", "", "measure only what matches this `regexp`")
	fs.IntVar(&o.rounds, "rounds", 5, "how many `rounds` of each measurement, of which the median counts")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("what is %q?", fs.Arg(0))
	}
	if o.rounds < 1 {
		return o, fmt.Errorf("-rounds %d: at least 1", o.rounds)
	}
	if o.only != "" && !known(o.only) {
		return o, fmt.Errorf("-only %s: there is no such area", o.only)
	}
	o.names, err = regexp.Compile(names)
	return o, err
}

func known(area string) bool {
	for _, a := range areas() {
		if a.Name == area {
			return true
		}
	}
	return false
}

// run is the program.
func run(args []string, out, errs io.Writer) error {
	o, err := parse(args, errs)
	if err != nil {
		return err
	}
	if o.list {
		return list(o, out)
	}
	report := measureAll(o, errs)
	if len(report.Results) == 0 {
		return fmt.Errorf("nothing matches")
	}
	write := report.Text
	switch {
	case o.json:
		write = report.JSON
	case o.markdown:
		write = report.Markdown
	}
	if err := write(out); err != nil {
		return err
	}
	if n := report.Broken(); o.check && n > 0 {
		return fmt.Errorf("%d rows %w", n, errMissed)
	}
	return nil
}

// measureAll measures what the options select.
func measureAll(o options, errs io.Writer) measure.Report {
	report := measure.Report{Machine: measure.Describe(), Rounds: o.rounds, Quick: o.quick}
	report.Warnings = report.Machine.Warnings()
	if o.quick {
		report.Rounds = 1
	}
	fmt.Fprintln(errs, report.Machine)
	for _, w := range report.Warnings {
		fmt.Fprintln(errs, "warning:", w)
	}
	for _, area := range areas() {
		if o.only != "" && o.only != area.Name {
			continue
		}
		for _, g := range area.Groups {
			s := &measure.Session{Rounds: report.Rounds, Quick: o.quick, Log: errs}
			results := s.Measure(area.Name, g, func(r measure.Row) bool { return o.names.MatchString(area.Name + "/" + r.Name) })
			report.Results = append(report.Results, results...)
		}
	}
	return report
}

// list writes the names and what they mean.
func list(o options, out io.Writer) error {
	for _, area := range areas() {
		if o.only != "" && o.only != area.Name {
			continue
		}
		for _, g := range area.Groups {
			for _, r := range g.Rows {
				if name := area.Name + "/" + r.Name; o.names.MatchString(name) {
					if _, err := fmt.Fprintf(out, "%-36s %s\n", name, r.Text); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}
