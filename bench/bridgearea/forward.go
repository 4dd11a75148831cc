package bridgearea

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/switchcore/switchcore/bench/measure"
	"github.com/switchcore/switchcore/fdb/bridge"
)

// The gate and the goal of a call of Forward, beside Learn and Destination alone:
// what it does with the table, without its ports, counters and egress set.
const (
	forwardGate = 1.6
	forwardGoal = 1.3
)

const beside = ", beside Learn of its source and Destination of its destination in the bridge's own table, with the same loop over the same frames"

// forwards measures calls of Forward for one kind of frame after the other.
func forwards() measure.Group {
	row := func(kind, text string, rule measure.Rule, gate, goal float64) measure.Row {
		return measure.Row{Name: "64k/" + kind, Ours: kind, Peer: kind + "/peer", Rule: rule, Gate: gate, Goal: goal, Text: text}
	}
	rows := []measure.Row{
		row("forward/8-ports", "a frame between two known stations"+beside, measure.Within, forwardGate, forwardGoal),
		row("forward/64-ports", "a frame between two known stations"+beside, measure.Within, forwardGate, forwardGoal),
		{Name: "64k/forward-lookup/8-ports", Ours: "forward/8-ports", Peer: "forward/8-ports/lookup", Rule: measure.Within,
			Text: "the same beside Learn and Lookup, which does not note that the entry was used"},
		{Name: "64k/forward-fields/8-ports", Ours: "forward/8-ports", Peer: "forward/8-ports/fields", Rule: measure.Within,
			Text: "the same beside Learn and Lookup with keys put together field by field, fdb.Key{MAC: switchdev.MAC(data[6:12])}, as a program would write it first"},
		row("forward-flood/8-ports", "a frame to a station that is not known, to 8 ports"+beside, measure.Within, 0, 0),
		row("forward-host/8-ports", "a frame to the bridge's own address"+beside, measure.Within, forwardGate, forwardGoal),
	}
	return measure.Group{Name: "forward", Rows: rows, Run: func(s *measure.Session, rec *measure.Record) error {
		var m meter
		defer m.close()
		n := s.Size(1<<16, 1<<11)
		count := s.Size(1<<20, 1<<12)
		for _, ports := range []int{8, 64} {
			name := fmt.Sprintf("forward/%d-ports", ports)
			if !rec.Wants(name) {
				continue
			}
			s.Progress("building a bridge of %d ports and %d stations", ports, n)
			if w := m.world(newWorld(config(), n, ports)); w != nil {
				frames := newRing(layout{stations: n, ports: ports, to: known(n, ports)})
				m.pair(name, w, frames, outcome{reason: bridge.ReasonForwarded, copies: 1}, count)
				m.add(name+"/fields", count, func(first int) int { return w.learnLookupFields(frames, true, first, count) })
				m.add(name+"/lookup", count, func(first int) int { return w.learnLookup(frames, true, first, count) })
			}
		}
		if rec.Wants("forward-host/8-ports") {
			if w := m.world(newWorld(config(), n, 8)); w != nil {
				frames := newRing(layout{stations: n, ports: 8, to: fixed(own)})
				m.pair("forward-host/8-ports", w, frames, outcome{reason: bridge.ReasonHost, host: true}, count)
			}
		}
		if rec.Wants("forward-flood/8-ports") {
			if w := m.world(newWorld(config(), n, 9)); w != nil { // the ninth is where it came from
				frames := newRing(layout{stations: n, ports: 9, to: strangers(n)})
				m.pair("forward-flood/8-ports", w, frames, outcome{reason: bridge.ReasonFlooded, copies: 8}, count)
			}
		}
		return m.run(s, rec)
	}}
}

// meter collects what is to be measured and what went wrong.
type meter struct {
	worlds []*world
	cases  []measure.Case
	failed error
}

func (m *meter) world(w *world, err error) *world {
	if err != nil {
		m.fail(err)
		return nil
	}
	m.worlds = append(m.worlds, w)
	return w
}

func (m *meter) fail(err error) {
	if m.failed == nil {
		m.failed = err
	}
}

func (m *meter) close() {
	for _, w := range m.worlds {
		_ = w.Close()
	}
}

// pair measures a ring beside what no bridge can leave out.
func (m *meter) pair(name string, w *world, frames *ring, want outcome, count int) {
	var out bridge.Egress
	m.add(name, count, func(first int) int { return w.forward(frames, &out, want, first, count) })
	m.add(name+"/peer", count, func(first int) int {
		return w.learnDestination(frames, want.reason != bridge.ReasonFlooded, first, count)
	})
}

// add measures a loop over count frames on one thread. It runs once before, over
// a part, so that what the others have evicted is back.
func (m *meter) add(name string, count int, loop func(first int) (wrong int)) {
	m.cases = append(m.cases, measure.Case{Series: name, Run: func() float64 {
		wrong := loop(0)
		ns := measure.PerOp(count, func() { wrong += loop(count) })
		m.check(name, wrong, 2*count)
		return ns
	}})
}

func (m *meter) check(name string, wrong, of int) {
	if wrong > 0 {
		m.fail(fmt.Errorf("%s: %d of %d frames came to something else", name, wrong, of))
	}
}

// run takes the samples.
func (m *meter) run(s *measure.Session, rec *measure.Record) error {
	if m.failed == nil {
		measure.Quiet(func() { s.Interleave(rec, m.cases...) })
	}
	return m.failed
}

// workers is how many goroutines forward at once where several do.
const workers = 4

// several measures goroutines that forward at the same time.
func several() measure.Group {
	const text = "frames of 4 goroutines at a time, CPU of all threads"
	row := func(kind, text string, gate, goal float64) measure.Row {
		return measure.Row{Name: "64k/forward-4/" + kind, Ours: kind, Peer: kind + "/peer", Rule: measure.Within, Gate: gate, Goal: goal, Text: text + beside}
	}
	return measure.Group{Name: "several", Rows: []measure.Row{
		row("own-ports", text+"; each has two ports of 8 and forwards between them", forwardGate, forwardGoal),
		row("all-ports", text+"; each has two ports of 8 by which its frames come in, and they leave by all", 0, 0),
	}, Run: func(s *measure.Session, rec *measure.Record) error {
		var m meter
		defer m.close()
		n, count := s.Size(1<<16, 1<<11), s.Size(1<<19, 1<<11)
		w := m.world(newWorld(config(), n, 2*workers))
		if w == nil {
			return m.failed
		}
		for _, kind := range []struct {
			name string
			to   int
		}{{"own-ports", 2}, {"all-ports", 2 * workers}} {
			var rings [workers]*ring
			for g := range rings {
				rings[g] = newRing(layout{stations: n, ports: w.ports, to: within(n, w.ports, kind.to),
					only: func(from uint64) bool { return int(from)%w.ports/2 == g }})
			}
			m.together(kind.name, count, func(g, first int) int {
				var out bridge.Egress
				return w.forward(rings[g], &out, outcome{reason: bridge.ReasonForwarded, copies: 1}, first, count)
			})
			m.together(kind.name+"/peer", count, func(g, first int) int {
				return w.learnDestination(rings[g], true, first, count)
			})
		}
		return m.run(s, rec)
	}}
}

// together measures a loop that several goroutines run at the same time, each
// over count frames.
func (m *meter) together(name string, count int, loop func(worker, first int) (wrong int)) {
	m.cases = append(m.cases, measure.Case{Series: name, Run: func() float64 {
		var wrong [workers]int
		all := func(first int) {
			var wg sync.WaitGroup
			for g := range workers {
				wg.Go(func() { wrong[g] += loop(g, first) })
			}
			wg.Wait()
		}
		all(0)
		ns := measure.PerOpAll(workers*count, func() { all(count) })
		for _, n := range wrong {
			m.check(name, n, 2*count)
		}
		return ns
	}})
}

// allocations counts what the calls allocate. The bridges are Manual, so that
// nobody else does.
func allocations() measure.Group {
	kinds := []struct {
		name   string
		ports  int
		to     func(stations int) layout
		want   outcome
		series string
	}{
		{"known", 8, func(n int) layout { return layout{to: known(n, 8)} }, outcome{reason: bridge.ReasonForwarded, copies: 1}, ""},
		{"flood", 9, func(n int) layout { return layout{to: strangers(n)} }, outcome{reason: bridge.ReasonFlooded, copies: 8}, ""},
		{"host", 8, func(n int) layout { return layout{to: fixed(own)} }, outcome{reason: bridge.ReasonHost, host: true}, ""},
	}
	var rows []measure.Row
	for _, k := range kinds {
		rows = append(rows, measure.Row{Name: "64k/allocations/" + k.name, Ours: k.name, Unit: measure.Count, Rule: measure.Zero,
			Text: "allocations in all of the calls of Forward of a round; an Egress that has held a flood is used"})
	}
	return measure.Group{Name: "allocations", Rows: rows, Run: func(s *measure.Session, rec *measure.Record) error {
		n, count := s.Size(1<<16, 1<<11), s.Size(1<<18, 1<<12)
		var m meter
		defer m.close()
		for _, k := range kinds {
			cfg := config()
			cfg.Manual, cfg.Start = true, time.Unix(1, 0)
			w := m.world(newWorld(cfg, n, k.ports))
			if w == nil {
				return m.failed
			}
			l := k.to(n)
			l.stations, l.ports = n, k.ports
			frames := newRing(l)
			var out bridge.Egress
			m.cases = append(m.cases, measure.Case{Series: k.name, Run: func() float64 {
				wrong := w.forward(frames, &out, k.want, 0, count)
				made := mallocs(func() { wrong += w.forward(frames, &out, k.want, 0, count) })
				m.check(k.name, wrong, 2*count)
				return float64(made)
			}})
		}
		return m.run(s, rec)
	}}
}

// mallocs returns how many allocations there were while f ran.
func mallocs(f func()) uint64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}
