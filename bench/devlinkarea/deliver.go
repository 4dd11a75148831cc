package devlinkarea

import (
	"fmt"
	"runtime"
	"time"

	"github.com/switchcore/switchcore/bench/measure"
)

// load is who there is and who listens.
type load struct {
	instances, ports int
	open, filtered   int // subscribers: to everything, and to one instance each
}

func size(s *measure.Session) load {
	return load{instances: s.Size(10_000, 64), ports: 64, open: 8, filtered: s.Size(992, 16)}
}

// eventsOf is how many events there are of one instance: all come and go with it, the
// ports go and come with its reload, which has a beginning, a change and an end.
func (l load) eventsOf() int { return 2*(1+l.ports) + 2*l.ports + 3 }

// delivered is how many events all subscribers are given together.
func (l load) delivered() int { return (l.open*l.instances + l.filtered) * l.eventsOf() }

// subject is the instance that a filtered subscriber hears of; they are spread over all.
func (l load) subject(filtered int) int { return filtered * l.instances / l.filtered }

// deliveries measures what it costs to tell.
func deliveries() measure.Group {
	const what = "10,000 instances of 64 ports are registered, reloaded and unregistered; 8 subscribers hear all, 992 hear of one instance each; per event that a subscriber was given, "
	row := func(kind, ours, peer string, rule measure.Rule, gate, goal float64, text string) measure.Row {
		return measure.Row{Name: "10k/deliver/" + kind, Ours: ours, Peer: peer, Rule: rule, Gate: gate, Goal: goal, Text: what + text}
	}
	const channels = "beside a channel for each subscriber, into which the producer puts what passes its filter"
	rows := []measure.Row{
		row("cpu", "ours", "channels", measure.Faster, 5, 10, "CPU of all threads with their garbage collection, "+channels),
		row("wall", "ours/wall", "channels/wall", measure.Faster, 5, 10, "time until the last has read the last, "+channels),
		row("index", "ours", "index", measure.Info, 0, 0, "CPU of all threads, beside such channels that are found by the handle in a map, which only filters for one handle allow"),
		row("next", "next", "channels", measure.Info, 0, 0, "CPU of all threads with Next, which gives one event, in place of Read, "+channels),
	}
	rows[1].Needs = "ours"
	return measure.Group{Name: "deliver", Rows: rows, Run: func(s *measure.Session, rec *measure.Record) error {
		l := size(s)
		if rec.Wants("ours/wall") {
			rec.Want("channels")
		}
		var failed error
		timed := func(name string, run func(load) (work func() error, end func(), err error)) measure.Case {
			return measure.Case{Series: name, Run: func() float64 {
				cpu, wall, err := l.time(run)
				if err != nil && failed == nil {
					failed = fmt.Errorf("%s: %w", name, err)
				}
				if name := name + "/wall"; rec.Wants(name) {
					rec.Add(name, wall)
				}
				return cpu
			}}
		}
		s.Interleave(rec,
			timed("ours", func(l load) (func() error, func(), error) { return l.ours(byRead) }),
			timed("channels", func(l load) (func() error, func(), error) { return l.channels(false) }),
			timed("index", func(l load) (func() error, func(), error) { return l.channels(true) }),
			timed("next", func(l load) (func() error, func(), error) { return l.ours(byNext) }),
		)
		return failed
	}}
}

// time runs what run returns, and returns nanoseconds an event.
func (l load) time(run func(load) (work func() error, end func(), err error)) (cpu, wall float64, err error) {
	work, end, err := run(l)
	if err != nil {
		return 0, 0, err
	}
	defer end()
	runtime.GC()
	began, start := time.Now(), measure.Process()
	err = work()
	n := float64(l.delivered())
	return float64(measure.Process()-start) / n, float64(time.Since(began)) / n, err
}
