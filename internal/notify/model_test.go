package notify_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/switchcore/switchcore/internal/notify"
)

// modelRing is the slow and obvious ring: the whole history, every bulk written out.
type modelRing struct {
	capacity int
	log      [][]event
	firsts   []uint64 // number of each record's first event
	newest   uint64
	view     map[int]int
	closed   bool
}

func (m *modelRing) record(slack int, events ...event) {
	if len(events)+slack == 0 {
		return
	}
	m.firsts = append(m.firsts, m.newest+1)
	for i := range events {
		events[i].seq = m.newest + 1 + uint64(i)
	}
	m.newest += uint64(len(events) + slack)
	m.log = append(m.log, events)
}

func (m *modelRing) set(k, v int) {
	m.view[k] = v
	m.record(0, event{kind: set, key: k, val: v})
}

func (m *modelRing) del(k int) {
	if _, ok := m.view[k]; ok {
		delete(m.view, k)
		m.record(0, event{kind: del, key: k})
	}
}

func (m *modelRing) flush(slack int) {
	var events []event
	for _, k := range slices.Sorted(maps.Keys(m.view)) {
		events = append(events, event{kind: del, key: k})
	}
	m.view = map[int]int{}
	m.record(slack, events...)
}

// modelSub reads from modelRing. Records reach it in groups, as a reader that took a
// group off the ring cannot lose it any more.
type modelSub struct {
	pos      int
	queue    []event
	replay   bool
	mark     bool
	filter   func(*event) bool
	fresh    bool
	resync   bool
	overruns int
}

func (s *modelSub) snapshot(m *modelRing) {
	s.queue, s.pos, s.resync = nil, len(m.log), false
	for _, k := range slices.Sorted(maps.Keys(m.view)) {
		s.push(event{seq: m.newest, kind: existing, key: k, val: m.view[k]})
	}
	if s.mark {
		s.queue = append(s.queue, event{seq: m.newest, kind: synced})
	}
}

func (s *modelSub) push(e event) {
	if s.filter == nil || s.filter(&e) {
		s.queue = append(s.queue, e)
	}
}

// next gives the answer as text, which also is how it is compared.
func (s *modelSub) next(m *modelRing) string {
	if s.fresh {
		s.fresh = false
		if len(m.log)-s.pos > m.capacity {
			return s.overrun(m)
		}
	}
	for {
		if s.resync {
			s.snapshot(m)
		}
		if len(s.queue) > 0 {
			e := s.queue[0]
			s.queue = s.queue[1:]
			return fmt.Sprint(e)
		}
		lag := len(m.log) - s.pos
		switch {
		case lag == 0 && m.closed:
			return "closed"
		case lag == 0:
			return "none"
		case lag > m.capacity:
			return s.overrun(m)
		}
		for range min(lag, notify.Batch) {
			for _, e := range m.log[s.pos] {
				s.push(e)
			}
			s.pos++
		}
	}
}

func (s *modelSub) overrun(m *modelRing) string {
	from := m.firsts[s.pos]
	s.pos, s.queue, s.resync = len(m.log), nil, s.replay
	s.overruns++
	return fmt.Sprintf("overrun %d-%d", from, m.newest)
}

func (s *modelSub) peek(m *modelRing) string {
	c := *s
	c.queue = slices.Clone(s.queue)
	return c.next(m)
}

func answer(e event, ok bool, err error) string {
	if lost := (*notify.OverrunError)(nil); errors.As(err, &lost) {
		return fmt.Sprintf("overrun %d-%d", lost.From, lost.To)
	}
	switch {
	case errors.Is(err, notify.ErrClosed):
		return "closed"
	case err != nil:
		return err.Error()
	case !ok:
		return "none"
	}
	return fmt.Sprint(e)
}

type pair struct {
	real   *sub
	model  *modelSub
	read   bool // somebody has looked at it
	mirror *mirror
	filter func(*event) bool
}

// TestRingFollowsModel drives a table and many subscriptions of all kinds with random
// operations and compares every answer with the model.
func TestRingFollowsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := 1 << rapid.IntRange(0, 6).Draw(t, "log2 capacity")
		r, err := notify.New(notify.Config[event]{Capacity: capacity, Number: number})
		if err != nil {
			t.Fatal(err)
		}
		tb := &table{ring: r}
		tb.view.Store(&map[int]int{})
		m := &modelRing{capacity: capacity, view: map[int]int{}}
		var subs []*pair

		key := rapid.IntRange(0, 7)
		pick := func(t *rapid.T) *pair {
			if len(subs) == 0 {
				t.Skip()
			}
			return rapid.SampledFrom(subs).Draw(t, "sub")
		}
		alive := func(t *rapid.T) {
			if m.closed {
				t.Skip()
			}
		}
		actions := map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				alive(t)
				for range rapid.IntRange(1, 5).Draw(t, "times") {
					k, v := key.Draw(t, "key"), rapid.Int().Draw(t, "val")
					tb.set(k, v)
					m.set(k, v)
				}
			},
			"storm": func(t *rapid.T) {
				alive(t)
				for i := range rapid.SampledFrom([]int{1, 2, capacity, capacity + 1, 100}).Draw(t, "times") {
					tb.set(i%8, i)
					m.set(i%8, i)
				}
			},
			"set several at once": func(t *rapid.T) {
				alive(t)
				keys := rapid.SliceOfN(key, 0, 4).Draw(t, "keys")
				tb.ring.Update(func(tx txn) {
					for i, k := range keys {
						if got := tb.setIn(tx, k, i); got != tx.Last() {
							t.Fatalf("Append gave %d, Last %d", got, tx.Last())
						}
						m.set(k, i)
					}
				})
			},
			"del": func(t *rapid.T) {
				alive(t)
				k := key.Draw(t, "key")
				tb.del(k)
				m.del(k)
			},
			"flush": func(t *rapid.T) {
				alive(t)
				slack := rapid.IntRange(0, 3).Draw(t, "slack")
				tb.flush(slack, rapid.Bool().Draw(t, "chunked"))
				m.flush(slack)
			},
			"subscribe": func(t *rapid.T) {
				alive(t)
				o := opts{}
				p := &pair{model: &modelSub{pos: len(m.log)}}
				if rapid.Bool().Draw(t, "filter") {
					o.Filter, p.filter, p.model.filter = even, even, even
				}
				if rapid.Bool().Draw(t, "replay") {
					o.Replay, p.model.replay, p.model.fresh = tb.replay, true, true
					if rapid.Bool().Draw(t, "marker") {
						o.Synced, p.model.mark = isSynced, true
					}
					p.model.snapshot(m)
					p.read = true
				}
				p.real, err = r.Subscribe(o)
				if err != nil {
					t.Fatal(err)
				}
				subs = append(subs, p)
			},
			"subscribe coalescing": func(t *rapid.T) {
				alive(t)
				o := opts{Replay: tb.replay, Synced: isSynced}
				p := &pair{mirror: &mirror{state: map[int]int{}}}
				if rapid.Bool().Draw(t, "filter") {
					o.Filter, p.filter = even, even
				}
				if p.real, err = notify.SubscribeKeyed(r, o, byKey); err != nil {
					t.Fatal(err)
				}
				subs = append(subs, p)
			},
			"ready": func(t *rapid.T) {
				p := pick(t)
				p.read = true
				got := len(p.real.Ready()) == 1
				if p.mirror == nil && !got && p.model.peek(m) != "none" {
					t.Fatalf("no token, but there is %s", p.model.peek(m))
				}
			},
			"read": func(t *rapid.T) {
				p := pick(t)
				p.read = true
				for range rapid.IntRange(1, 40).Draw(t, "times") {
					if rapid.Bool().Draw(t, "take token") {
						select {
						case <-p.real.Ready():
						default:
						}
					}
					if p.mirror != nil {
						readMirror(t, p, m)
						continue
					}
					got := answer(p.real.TryNext())
					if want := p.model.next(m); got != want {
						t.Fatalf("read %s, want %s", got, want)
					}
				}
			},
			"select": func(t *rapid.T) {
				p := pick(t)
				p.read = true
				select {
				case <-p.real.Ready():
				default:
					return
				}
				if p.mirror != nil {
					readMirror(t, p, m)
				} else if got, want := answer(p.real.TryNext()), p.model.next(m); got != want {
					t.Fatalf("read %s, want %s", got, want)
				}
			},
			"select until there is no token": func(t *rapid.T) {
				for p := pick(t); p.mirror == nil && len(p.real.Ready()) == 1; {
					<-p.real.Ready()
					p.read = true
					got, want := answer(p.real.TryNext()), p.model.next(m)
					if got != want {
						t.Fatalf("read %s, want %s", got, want)
					}
					if got == "closed" {
						break
					}
				}
			},
			"close one": func(t *rapid.T) {
				p := pick(t)
				p.real.Close()
				if got := answer(p.real.TryNext()); got != "closed" || !p.real.Empty() || len(p.real.Ready()) != 1 {
					t.Fatalf("closed subscription: %s, empty %v", got, p.real.Empty())
				}
				subs = slices.DeleteFunc(subs, func(q *pair) bool { return q == p })
			},
			"close ring": func(t *rapid.T) {
				if !m.closed && rapid.IntRange(0, 9).Draw(t, "really") != 0 {
					return
				}
				r.Close()
				m.closed = true
				if r.Append(event{}) != 0 || r.AppendBulk(1, notify.Slice([]event{{}})) != 0 || tb.set(0, 0) {
					t.Fatal("a closed ring takes events")
				}
				if _, err := r.Subscribe(opts{}); !errors.Is(err, notify.ErrClosed) {
					t.Fatalf("a closed ring takes subscribers: %v", err)
				}
			},
			"": func(t *rapid.T) {
				st := r.Stats()
				if st.Last != m.newest || r.Last() != m.newest || st.Subscriptions != len(subs) {
					t.Fatalf("stats %+v, want last %d, subscriptions %d", st, m.newest, len(subs))
				}
				for _, p := range subs {
					checkToken(t, p, m)
				}
			},
		}
		t.Repeat(actions)
		for _, p := range subs {
			drain(t, p, m)
		}
	})
}

// checkToken checks the level: what can be read has a token.
func checkToken(t *rapid.T, p *pair, m *modelRing) {
	if p.mirror != nil {
		if want := p.wanted(m); !maps.Equal(p.mirror.state, want) && len(p.real.Ready()) == 0 {
			t.Fatalf("no token, but %v is to become %v", p.mirror.state, want)
		}
		return
	}
	if !p.read {
		return
	}
	if want := p.model.peek(m); want != "none" && len(p.real.Ready()) == 0 {
		t.Fatalf("no token, but there is %s", want)
	}
}

// wanted is the view as the pair's filter lets it through.
func (p *pair) wanted(m *modelRing) map[int]int {
	want := maps.Clone(m.view)
	maps.DeleteFunc(want, func(k, _ int) bool { return p.filter != nil && !p.filter(&event{key: k}) })
	return want
}

func readMirror(t *rapid.T, p *pair, m *modelRing) bool {
	e, ok, err := p.real.TryNext()
	if n := p.real.Round(); n > 8 {
		t.Fatalf("a round of %d events for 8 keys", n)
	}
	if err != nil && (!m.closed || !errors.Is(err, notify.ErrClosed)) {
		t.Fatal(err)
	}
	if ok {
		if e.seq < p.mirror.last || e.kind == set && e.seq == p.mirror.last {
			t.Fatalf("number %d after %d", e.seq, p.mirror.last)
		}
		p.mirror.apply(e)
		return true
	}
	want := p.wanted(m)
	if !maps.Equal(p.mirror.state, want) {
		t.Fatalf("mirror %v, want %v", p.mirror.state, want)
	}
	if p.mirror.last > m.newest || p.mirror.synced == 0 {
		t.Fatalf("mirror %+v, newest %d", *p.mirror, m.newest)
	}
	return false
}

func drain(t *rapid.T, p *pair, m *modelRing) {
	for p.mirror != nil {
		if !readMirror(t, p, m) {
			return
		}
	}
	for {
		got, want := answer(p.real.TryNext()), p.model.next(m)
		if got != want {
			t.Fatalf("drained %s, want %s", got, want)
		}
		if got == "none" || got == "closed" {
			return
		}
	}
}
