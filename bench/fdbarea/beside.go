package fdbarea

import (
	"fmt"
	"time"

	"github.com/switchcore/switchcore/bench/measure"
)

// besideWriter measures what readers lose to a writer.
func besideWriter() measure.Group {
	const text = "hit beside 200,000 updates a second on another processor, against the same without"
	row := func(name string, rule measure.Rule, gate, goal float64) measure.Row {
		return measure.Row{Name: "1M/beside-writer/" + name, Ours: "beside/" + name, Peer: "alone/" + name, Rule: rule, Gate: gate, Goal: goal, Text: text}
	}
	return measure.Group{Name: "readers beside a writer", Rows: []measure.Row{
		row("ours", measure.Within, 1.2, 1.05),
		row("xsync4", measure.Within, 0, 0),
		row("rwmutex", measure.Within, 0, 0),
		{Name: "1M/hit-beside-writer/xsync4", Ours: "beside/ours", Peer: "beside/xsync4", Text: "hits beside 200,000 updates a second on another processor"},
		paced("lookups", "beside/ours"),
	}, Run: func(s *measure.Session, rec *measure.Record) error {
		n := s.Size(1<<20, 1<<12)
		tables, err := finders(n, func(name string) bool { return rec.Wants("beside/" + name) })
		defer func() { closeAll(tables) }()
		if err != nil {
			return err
		}
		return measureBeside(s, rec, n, tables)
	}}
}

func measureBeside(s *measure.Session, rec *measure.Record, n int, tables []finder) error {
	b := &beside{s: s, n: n}
	var cases []measure.Case
	for _, t := range tables {
		u, err := t.updates()
		if err != nil {
			return err
		}
		cases = append(cases,
			measure.Case{Series: "alone/" + t.name, Run: func() float64 {
				ns, _ := b.run(t, func(done <-chan struct{}) (float64, error) { <-done; return 0, nil })
				return ns
			}},
			measure.Case{Series: "beside/" + t.name, Run: func() float64 {
				ns, apart := b.run(t, func(done <-chan struct{}) (float64, error) { return pace(u, done) })
				s.Progress("%s: %.0f updates a second were made", t.name, float64(time.Second)/apart)
				if t.name == "ours" {
					rec.Add("pace", apart)
				}
				return ns
			}})
	}
	s.Interleave(rec, cases...)
	return b.failed
}

// beside is how readers read while something else goes on.
type beside struct {
	s      *measure.Session
	n      int
	failed error
}

// run reads a table beside a writer and returns nanoseconds a lookup and what the
// writer returned.
func (b *beside) run(t finder, write func(done <-chan struct{}) (float64, error)) (ns, apart float64) {
	measure.Quiet(func() {
		var failed error
		measure.Beside(func() { ns = b.read(t) }, func(done <-chan struct{}) { apart, failed = write(done) })
		b.note(failed)
	})
	return ns, apart
}

func (b *beside) note(err error) {
	if b.failed == nil {
		b.failed = err
	}
}

// read walks the table again and again, long enough for a writer beside it to
// get into its stride, and returns nanoseconds a lookup. All that is looked up
// must be found: the writer replaces it, and deletes other stations.
func (b *beside) read(t finder) float64 {
	count := b.s.Size(1<<20, 1<<12)
	least := time.Duration(b.s.Size(int(time.Second), int(20*time.Millisecond)))
	var all []float64
	for began := time.Now(); len(all) == 0 || time.Since(began) < least; {
		ns, right := timeWalk(t.find, b.n, count, 0)
		if all = append(all, ns); !right {
			b.note(fmt.Errorf("%s: a lookup missed a station that was replaced meanwhile", t.name))
		}
	}
	return measure.Median(all)
}
