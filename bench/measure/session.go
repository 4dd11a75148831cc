package measure

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"time"
)

// ErrSkip is wrapped by what a group returns when it cannot be measured here.
var ErrSkip = errors.New("cannot be measured here")

// Area is a part of the library with its measurements.
type Area struct {
	Name   string
	Groups []Group
}

// Group is rows that are measured together, because they share tables.
type Group struct {
	Name string
	Rows []Row
	// Run measures the series that rec wants. When it returns ErrSkip, rows
	// without samples are skipped; any other error fails every row.
	Run func(s *Session, rec *Record) error
}

// Session is how to measure.
type Session struct {
	// Rounds is how many samples of each series are taken.
	Rounds int
	// Quick measures small tables once, to see that everything works.
	Quick bool
	// Log is told what is going on.
	Log io.Writer
}

// Size returns full, or in a quick session quick.
func (s *Session) Size(full, quick int) int {
	if s.Quick {
		return quick
	}
	return full
}

// Pause returns full, or in a quick session a hundredth of it.
func (s *Session) Pause(full time.Duration) time.Duration {
	if s.Quick {
		return full / 100
	}
	return full
}

// Progress writes a line to Log.
func (s *Session) Progress(format string, args ...any) {
	fmt.Fprintf(s.Log, "  "+format+"\n", args...)
}

// Measure runs a group for those of its rows that are wanted and judges them.
func (s *Session) Measure(area string, g Group, want func(Row) bool) []Result {
	rec := &Record{series: map[string][]float64{}, wanted: map[string]bool{}}
	var rows []Row
	for _, r := range g.Rows {
		if want(r) {
			rows = append(rows, r)
			for _, series := range [...]string{r.Ours, r.Peer, r.Core, r.Needs} {
				rec.wanted[series] = series != ""
			}
		}
	}
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintf(s.Log, "%s %s\n", area, g.Name)
	err := g.Run(s, rec)
	runtime.GC()
	debug.FreeOSMemory() // the next group's tables do not lie between this one's
	var results []Result
	for _, r := range rows {
		res := r.Judge(rec, !s.Quick)
		switch {
		case err == nil:
		case !errors.Is(err, ErrSkip):
			res.Verdict, res.Why = Failed, err.Error()
		case res.Verdict == Failed:
			res.Verdict, res.Why = Skipped, err.Error()
		}
		res.Area = area
		results = append(results, res)
	}
	if err != nil {
		s.Progress("%v", err)
	}
	return results
}

// Case is one thing to measure: Run returns a sample of a series.
type Case struct {
	Series string
	Run    func() float64
}

// Interleave takes a sample of every case that is wanted, in each round. The
// order turns, so that nobody always runs after the same other one.
func (s *Session) Interleave(rec *Record, cases ...Case) {
	wanted := cases[:0:0]
	for _, c := range cases {
		if rec.Wants(c.Series) {
			wanted = append(wanted, c)
		}
	}
	for round := range s.Rounds {
		s.Progress("round %d of %d: %d measurements", round+1, s.Rounds, len(wanted))
		for i := range wanted {
			c := wanted[(i+round)%len(wanted)]
			rec.Add(c.Series, c.Run())
		}
	}
}

// Record holds the samples of a group. It is for one goroutine.
type Record struct {
	series map[string][]float64
	wanted map[string]bool
}

// Wants reports whether a row that is wanted shows the series.
func (r *Record) Wants(series string) bool { return r.wanted[series] }

// Want makes a series wanted, because another one comes with it.
func (r *Record) Want(series string) { r.wanted[series] = true }

// Add records a sample.
func (r *Record) Add(series string, v float64) { r.series[series] = append(r.series[series], v) }

// Samples returns the samples of a series, in the order of the rounds.
func (r *Record) Samples(series string) []float64 { return r.series[series] }
