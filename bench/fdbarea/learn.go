package fdbarea

import (
	"context"
	"fmt"

	"github.com/switchcore/switchcore/bench/measure"
	"github.com/switchcore/switchcore/bench/peer"
	"github.com/switchcore/switchcore/fdb"
)

// refreshes measures hearing of a station again.
func refreshes() measure.Group {
	return measure.Group{Name: "refresh", Rows: []measure.Row{
		{Name: "64k/learn-known/lookup", Ours: "learn", Peer: "lookup", Rule: measure.Above, Gate: 1,
			Text: "Learn of one station in the same tick by two processors at a time, above Lookup of it by two"},
		{Name: "64k/learn-known-walk/lookup", Ours: "learn/walk", Peer: "lookup/walk", Rule: measure.Within,
			Text: "Learn of every station in the same tick by one processor, beside Lookup of each"},
	}, Run: func(s *measure.Session, rec *measure.Record) error {
		n := s.Size(1<<16, 1<<11)
		t, err := newOurs(manual(), n)
		if err != nil {
			return err
		}
		defer t.Close()
		r := &refreshing{ours: t, n: uint64(n)}
		r.all() // from now on everything is known in this tick
		one, walk := s.Size(1<<25, 1<<12), s.Size(1<<21, 1<<11)
		measure.Quiet(func() {
			s.Interleave(rec,
				measure.Case{Series: "learn", Run: func() float64 { return measure.Both(one, func() { r.learn(one) }) }},
				measure.Case{Series: "lookup", Run: func() float64 { return measure.Both(one, func() { r.lookup(one) }) }},
				measure.Case{Series: "learn/walk", Run: func() float64 {
					return measure.PerOp(walk, func() { r.learnWalk(walk) })
				}},
				measure.Case{Series: "lookup/walk", Run: func() float64 {
					ns, _ := timeWalk(t.find, n, walk, 0)
					return ns
				}})
		})
		if r.wrong {
			return fmt.Errorf("a station was not known in its own tick")
		}
		return nil
	}}
}

type refreshing struct {
	*ours
	n     uint64
	wrong bool
}

func (r *refreshing) all() {
	for i := range r.n {
		r.Learn(key(i), port(i))
	}
}

func (r *refreshing) learn(count int) {
	k, p, known := key(7), port(7), 0
	for range count {
		if r.Learn(k, p) == fdb.Known {
			known++
		}
	}
	if known != count {
		r.wrong = true
	}
}

func (r *refreshing) lookup(count int) {
	k, p, found := key(7), port(7), 0
	for range count {
		if hit, ok := r.Lookup(k); ok && hit.Port == p {
			found++
		}
	}
	if found != count {
		r.wrong = true
	}
}

func (r *refreshing) learnWalk(count int) {
	w := peer.Walk{Mask: r.n - 1}
	for j := range uint64(count) {
		if i := w.At(j); r.Learn(key(i), port(i)) != fdb.Known {
			r.wrong = true
		}
	}
}

// pending is how many stations wait to be applied where some do.
const pending = 1000

// queueing measures hearing of a new station.
func queueing() measure.Group {
	return measure.Group{Name: "queue", Rows: []measure.Row{
		{Name: "64k/learn-new", Ours: "new", Rule: measure.AtMost, Gate: 250,
			Text: "Learn of a new station, of which up to 1000 are pending, in a table of 64k"},
	}, Run: func(s *measure.Session, rec *measure.Record) error {
		n := s.Size(1<<16, 1<<11)
		t, err := newOurs(manual(), n)
		if err != nil {
			return err
		}
		defer t.Close()
		times := s.Size(200, 2)
		next := uint64(peer.Beyond)
		queued := 0
		measure.Quiet(func() {
			s.Interleave(rec, measure.Case{Series: "new", Run: func() float64 {
				sum := 0.0
				for range times {
					sum += measure.PerOp(pending*times, func() {
						for range pending {
							if t.Learn(key(next), windowPort) == fdb.Queued {
								queued++
							}
							next++
						}
					})
					// Applied, and forgotten again: the table keeps its size.
					t.settle()
					t.SubmitFlush(fdb.Filter{OnPort: true, Port: windowPort})
					t.settle()
				}
				return sum
			}})
		})
		if queued != s.Rounds*times*pending || t.Len() != n {
			return fmt.Errorf("%d of %d new stations were queued, %d entries are left of %d", queued, s.Rounds*times*pending, t.Len(), n)
		}
		return nil
	}}
}

// secondStage measures what the second stage of the lookup costs a miss.
func secondStage() measure.Group {
	const text = "miss in a table of 64k, against a miss in one in which nothing was ever pending; "
	return measure.Group{Name: "second stage", Rows: []measure.Row{
		{Name: "64k/miss-nothing-pending/never", Ours: "empty", Core: "core", Peer: "never", Rule: measure.Within, Gate: 1.25, Text: text + "nothing is pending now"},
		{Name: "64k/miss-1000-pending/never", Ours: "pending", Core: "core", Peer: "never", Rule: measure.Within, Gate: 2.5, Text: text + "1000 stations are pending"},
		{Name: "64k/hit-1000-pending/never", Ours: "hit/pending", Peer: "hit/never", Rule: measure.Within, Text: "the same for hits"},
	}, Run: func(s *measure.Session, rec *measure.Record) error {
		n := s.Size(1<<16, 1<<11)
		count := s.Size(1<<21, 1<<12)
		never, err := newReplaced(n)
		if err != nil {
			return err
		}
		defer never.Close()
		empty, err := newOurs(manual(), n)
		if err != nil {
			return err
		}
		defer empty.Close()
		waits, err := newOurs(manual(), n)
		if err != nil {
			return err
		}
		defer waits.Close()
		for i := range uint64(pending) {
			waits.Learn(key(1<<41+i), 1) // nobody calls Poll from now on
		}
		main := newMain(n)
		wrong := map[string]bool{}
		walk := func(series string, find func(peer.Walk) uint64, base uint64) measure.Case {
			return measure.Case{Series: series, Run: func() float64 {
				ns, right := timeWalk(find, n, count, base)
				wrong[series] = wrong[series] || !right
				return ns
			}}
		}
		measure.Quiet(func() {
			s.Interleave(rec,
				walk("never", never.find, peer.Beyond),
				walk("empty", empty.find, peer.Beyond),
				walk("pending", waits.find, peer.Beyond),
				walk("core", main.find, peer.Beyond),
				walk("hit/never", never.find, 0),
				walk("hit/pending", waits.find, 0))
		})
		if got := waits.Stats().Pending; got != pending {
			return fmt.Errorf("%d stations were pending in the end, not %d", got, pending)
		}
		return wrongAnswers(wrong)
	}}
}

// newReplaced returns a Manual table into which n stations came by operations,
// so that nothing was ever pending.
func newReplaced(n int) (*ours, error) {
	t, err := newOurs(manual(), 0)
	if err != nil {
		return nil, err
	}
	ops := make([]fdb.Op, n)
	for i := range ops {
		ops[i] = fdb.Op{Verb: fdb.VerbReplace, Entry: fdb.Entry{Key: key(uint64(i)), Port: port(uint64(i))}}
	}
	ticket := t.SubmitApply(ops)
	t.settle()
	return t, ticket.Wait(context.Background())
}
