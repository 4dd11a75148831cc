package notify_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/switchcore/switchcore/internal/notify"
)

type pair struct {
	real   *sub
	model  *modelSub
	read   bool // somebody has looked at it
	mirror *mirror
	topic  uint64 // of a mirror
	filter func(*event) bool
}

// TestRingFollowsModel drives a table and many subscriptions of all kinds with random
// operations and compares every answer with the model.
func TestRingFollowsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := 1 << rapid.IntRange(0, 6).Draw(t, "log2 capacity")
		r, err := notify.New(notify.Config[event]{Capacity: capacity, Number: number, Previous: previous})
		if err != nil {
			t.Fatal(err)
		}
		tb := &table{ring: r, topics: rapid.Bool().Draw(t, "topics")}
		tb.view.Store(&map[int]int{})
		m := &modelRing{capacity: capacity, topics: tb.topics, view: map[int]int{}}
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
				topic := uint64(0)
				if tb.topics {
					topic = rapid.Uint64Range(0, 3).Draw(t, "topic")
				}
				tb.flushTopic(topic, slack, rapid.Bool().Draw(t, "chunked"))
				m.flush(topic, slack)
			},
			"subscribe": func(t *rapid.T) {
				alive(t)
				o := opts{}
				p := &pair{model: &modelSub{pos: len(m.log), last: m.newest}}
				p.model.opts = []modelOptions{drawOptions(t, tb, &o)}
				if o.Replay != nil {
					p.model.fresh, p.read = true, true
					p.model.snapshot(m)
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
				if tb.topics {
					p.topic = rapid.Uint64Range(0, 3).Draw(t, "topic")
					o.Topic, o.Replay = p.topic, tb.replayOf(p.topic)
				}
				if p.real, err = notify.SubscribeKeyed(r, o, byKey); err != nil {
					t.Fatal(err)
				}
				subs = append(subs, p)
			},
			"change": func(t *rapid.T) {
				if m.closed || len(subs) == 0 {
					return
				}
				p := pick(t)
				if p.mirror != nil {
					return
				}
				var o modelOptions
				after, err := p.real.Change(func(opt *opts) { o = drawOptions(t, tb, opt) })
				if err != nil || after != m.newest {
					t.Fatalf("changed after %d, want %d: %v", after, m.newest, err)
				}
				o.from = len(m.log)
				p.model.opts = append(p.model.opts, o)
				if n := p.real.Changes(); n > capacity+2 {
					t.Fatalf("%d changes in a ring of %d", n, capacity)
				}
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
					got := full(p.real.TryNext())
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
				} else if got, want := full(p.real.TryNext()), p.model.next(m); got != want {
					t.Fatalf("read %s, want %s", got, want)
				}
			},
			"select until there is no token": func(t *rapid.T) {
				for p := pick(t); p.mirror == nil && len(p.real.Ready()) == 1; {
					<-p.real.Ready()
					p.read = true
					got, want := full(p.real.TryNext()), p.model.next(m)
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
				if got := full(p.real.TryNext()); got != "closed" || !p.real.Empty() || len(p.real.Ready()) != 1 {
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
				if tb.topics || st.Topics == 0 {
					r.Sound(t.Fatalf)
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

// drawOptions draws options for both.
func drawOptions(t *rapid.T, tb *table, opt *opts) (o modelOptions) {
	*opt = opts{}
	if tb.topics {
		o.topic = rapid.Uint64Range(0, 3).Draw(t, "topic")
	}
	opt.Topic = o.topic
	if rapid.Bool().Draw(t, "filter") {
		o.filter = even
		opt.Filter = even
	}
	if o.replay = rapid.Bool().Draw(t, "replay"); o.replay {
		opt.Replay = tb.replayOf(o.topic)
		if o.mark = rapid.Bool().Draw(t, "marker"); o.mark {
			opt.Synced = isSynced
		}
	}
	return o
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
	maps.DeleteFunc(want, func(k, _ int) bool {
		return p.filter != nil && !p.filter(&event{key: k}) || p.topic != 0 && m.topic(k) != p.topic
	})
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
		if e.prev != p.mirror.last {
			t.Fatalf("%s, the number before was %d", detail(e), p.mirror.last)
		}
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
		got, want := full(p.real.TryNext()), p.model.next(m)
		if got != want {
			t.Fatalf("drained %s, want %s", got, want)
		}
		if got == "none" || got == "closed" {
			return
		}
	}
}
