package fdbarea

import (
	"context"
	"fmt"
	"time"

	"github.com/switchcore/switchcore/bench/measure"
	"github.com/switchcore/switchcore/fdb"
)

// flushes measures forgetting everything: when nobody finds a station any more,
// and when a subscriber has heard of each.
func flushes() measure.Group {
	return measure.Group{Name: "flush", Rows: []measure.Row{
		{Name: "1M/flush-visible", Ours: "visible", Rule: measure.AtMost, Gate: 100e3,
			Text: "wall time from SubmitFlush of everything to the first lookups that miss"},
		{Name: "1M/flush-events", Ours: "events", Rule: measure.AtMost, Gate: 50e6,
			Text: "wall time from SubmitFlush of everything to the last of its 1M events, read by a subscriber"},
		{Name: "1M/flush-cpu", Ours: "cpu", Text: "CPU of all threads for the same, flush and events"},
	}, Run: func(s *measure.Session, rec *measure.Record) error {
		n := s.Size(1<<20, 1<<12)
		for round := range s.Rounds {
			s.Progress("round %d of %d: a table of %d stations", round+1, s.Rounds, n)
			if err := flushOnce(rec, n); err != nil {
				return err
			}
		}
		return nil
	}}
}

func flushOnce(rec *measure.Record, n int) (err error) {
	t, err := newOurs(config(), n)
	if err != nil {
		return err
	}
	defer t.Close()
	sub, err := t.Subscribe(fdb.SubscribeOptions{})
	if err != nil {
		return err
	}
	defer sub.Close()
	measure.Quiet(func() {
		cpu := measure.Process()
		start := time.Now()
		ticket := t.SubmitFlush(fdb.Filter{})
		for i := range uint64(64) {
			if _, found := t.Lookup(key(i * uint64(n) / 64)); found {
				err = fmt.Errorf("station %d was found after the flush was accepted", i)
				return
			}
		}
		rec.Add("visible", float64(time.Since(start)))
		events := make([]fdb.Event, 64)
		for seen := 0; seen < n && err == nil; {
			var some int
			some, err = sub.Read(context.Background(), events)
			for i := range events[:some] {
				if events[i].Kind == fdb.Flushed {
					seen++
				}
			}
		}
		rec.Add("events", float64(time.Since(start)))
		rec.Add("cpu", float64(measure.Process()-cpu))
		if err == nil {
			err = ticket.Wait(context.Background())
		}
	})
	return err
}

// passes measures what looks at the whole table and changes little.
func passes() measure.Group {
	const peers = ", beside Range of the peer that looks at each entry's time"
	return measure.Group{Name: "passes", Rows: []measure.Row{
		{Name: "1M/flush-port/xsync4", Ours: "flush", Peer: "range", Rule: measure.Within, Gate: 0.25,
			Text: "flushing one port of 1024, 1024 stations of 1M, with their events" + peers},
		{Name: "1M/sweep/xsync4", Ours: "sweep", Peer: "range", Rule: measure.Within, Gate: 0.25,
			Text: "a pass of the ageing that finds nothing too old" + peers},
	}, Run: func(s *measure.Session, rec *measure.Record) error {
		n := s.Size(1<<20, 1<<12)
		p, err := newPassing(n)
		if err != nil {
			return err
		}
		defer p.Close()
		measure.Quiet(func() {
			s.Interleave(rec,
				measure.Case{Series: "sweep", Run: p.sweep},
				measure.Case{Series: "flush", Run: p.flush})
		})
		if err := p.failed; err != nil {
			return err
		}
		x := peerRange(n)
		measure.Quiet(func() { s.Interleave(rec, measure.Case{Series: "range", Run: x}) })
		return nil
	}}
}
