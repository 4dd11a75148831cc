package fdb

import (
	"errors"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// plain is a table without time, hardware or learning that waits: what the other
// one is to look like.
type plain map[Key]Entry

func (m plain) learn(k Key, p switchdev.PortID) {
	e, ok := m[k]
	if !ok {
		e = Entry{Key: k}
	}
	if !ok || e.Flags&Sticky == 0 {
		e.Port = p
	}
	m[k] = e
}

func (m plain) flush(f Filter) { maps.DeleteFunc(m, func(_ Key, e Entry) bool { return f.Selects(e) }) }

// command does what a verb does, and returns its errno.
func (m plain) command(v Verb, e Entry) error {
	old, ok := m[e.Key]
	e.Flags |= User
	switch v {
	case VerbAdd:
		if ok {
			return syscall.EEXIST
		}
	case VerbUpdate:
		if !ok {
			return syscall.ENOENT
		}
	case VerbUse:
		if ok {
			e.Flags |= old.Flags
		}
		if old.Flags&Sticky != 0 {
			e.Port = old.Port
		}
	case VerbDelete, VerbRemove:
		if !ok || old.Port != e.Port {
			return syscall.ENOENT
		}
		delete(m, e.Key)
		return nil
	}
	m[e.Key] = e
	return nil
}

func (m plain) differs(t *testing.T, when string, b *bench) {
	t.Helper()
	for n := range 12 {
		k := stationKey(n)
		hit, ok := b.Lookup(k)
		if e, want := m[k]; ok != want || hit.Port != e.Port || hit.Flags != e.Flags {
			t.Fatalf("%s: %v is %+v %v, want %+v %v", when, k, hit, ok, e, want)
		}
	}
}

// oneOrder draws programs of learns, flushes and commands, and applies them in
// steps. A command counts when the worker comes to it, after what was learned
// meanwhile.
func oneOrder(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 6))
		b, m := newBench(t, Config{Ageing: -1}), plain{}
		submit := []func(Entry) *Ticket{b.SubmitAdd, b.SubmitReplace, b.SubmitAppend, b.SubmitUpdate,
			func(e Entry) *Ticket { return b.SubmitUse(e.Key, e.Port) },
			func(e Entry) *Ticket { return b.SubmitDelete(e.Key, e.Port) },
			func(e Entry) *Ticket { return b.SubmitRemove(e.Key, e.Port) }}
		for range 40 {
			var tickets []*Ticket
			var wants []func() error
			for range rng.IntN(12) {
				e := Entry{Key: stationKey(rng.IntN(12)), Port: switchdev.PortID(1 + rng.IntN(3)), Flags: []Flags{0, Static, Static | Sticky}[rng.IntN(3)]}
				switch n := rng.IntN(10); {
				case n < 5:
					b.Learn(e.Key, e.Port)
					m.learn(e.Key, e.Port)
				case n == 5 && rng.IntN(3) == 0:
					f := []Filter{Everything(), OnPort(e.Port), Dynamic()}[rng.IntN(3)]
					b.SubmitFlush(f)
					m.flush(f)
				default:
					v := Verb(rng.IntN(int(verbsEnd)))
					if v == VerbUse || v >= VerbDelete {
						e.Flags = 0
					}
					tickets = append(tickets, submit[v](e))
					wants = append(wants, func() error { return m.command(v, e) })
				}
				m.differs(t, "at once", b)
			}
			if rng.IntN(2) == 0 {
				b.one()
			} else {
				b.Poll(b.now)
			}
			for i, k := range tickets {
				if want := wants[i](); !ended(k) || !errors.Is(k.Err(), want) || want == nil && k.Err() != nil {
					t.Fatalf("seed %d: %v, want %v", seed, k.Err(), want)
				}
			}
			m.differs(t, "applied", b)
		}
	}
}

// judgedWhenApplied: what came between a learn and its end in the main table.
func judgedWhenApplied(t *testing.T) {
	k := key(1)
	for name, x := range map[string]struct {
		meanwhile func(b *bench) *Ticket
		want      string
	}{
		"sticky":       {func(b *bench) *Ticket { return b.SubmitReplace(Entry{Key: k, Port: 1, Flags: Static | Sticky}) }, "1 static,sticky,user user"},
		"static":       {func(b *bench) *Ticket { return b.SubmitReplace(Entry{Key: k, Port: 1, Flags: Static}) }, "1 static,user user"},
		"local":        {func(b *bench) *Ticket { return b.SubmitReplace(Entry{Key: k, Port: 1, Flags: Permanent}) }, "1 static,local,user user"},
		"port gone":    {func(b *bench) *Ticket { return b.SubmitRemovePort(2) }, "none"},
		"flush":        {func(b *bench) *Ticket { return b.SubmitFlush(OnPort(2)) }, "none"},
		"flush beside": {func(b *bench) *Ticket { return b.SubmitFlush(OnPort(1)) }, "2 dynamic learned"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Config{Learning: Learning{Delay: time.Minute}})
			b.Learn(k, 2)
			b.must(x.meanwhile(b))
			b.has(k, x.want)
			b.through(time.Hour / 20)
			b.has(k, x.want)
			if s := b.Stats().Learning; s.Accepted != s.Applied+s.Coalesced+s.Superseded+s.Rejected {
				t.Errorf("%+v", s)
			}
		})
	}
	// And what may not be is refused when it is seen, and not shown.
	for flags, want := range map[Flags]Learned{Static | Sticky: Kept, Sticky: Kept, Permanent: Own} {
		b := newBench(t, Config{})
		b.put(k, 1, flags)
		b.pass(time.Second)
		if got := b.Learn(k, 2); got != want || b.at(k) != 1 {
			t.Errorf("%v: %v, port %d", flags, got, b.at(k))
		}
		b.Poll(b.now)
		b.wantAt("applied", k, 1)
	}
}

func pendingIsBounded(t *testing.T) {
	const bound = 64
	table := newTable(t, Config{Learning: Learning{Pending: bound}})
	var dropped, accepted atomic.Uint64
	var left atomic.Int32
	var wg sync.WaitGroup
	left.Store(3)
	for g := range 3 {
		wg.Go(func() {
			defer left.Add(-1)
			for n := range 5000 {
				switch got := table.Learn(stationKey(g<<20|n), switchdev.PortID(1+g)); {
				case got == Dropped:
					dropped.Add(1)
				case got.Accepted():
					accepted.Add(1)
				}
			}
		})
	}
	for left.Load() > 0 {
		if p := table.stations.Pending(); p.Open+p.Sealed > bound {
			t.Errorf("%d open and %d sealed, of %d", p.Open, p.Sealed, bound)
			break
		}
	}
	wg.Wait()
	if s := table.Stats(); s.Dropped != dropped.Load() || s.Learning.Accepted != accepted.Load() || accepted.Load()+dropped.Load() != 15_000 {
		t.Errorf("%d dropped and %d accepted, the table says %d and %d", dropped.Load(), accepted.Load(), s.Dropped, s.Learning.Accepted)
	}
}

// limitHolds: under concurrency it is [concurrentLearns] that sees it.
func limitHolds(t *testing.T) {
	t.Run("in parallel", func(t *testing.T) { concurrentLearns(newBench(t, Config{})) })
	for seed := range uint64(10) {
		b := newBench(t, Config{Ageing: 20 * time.Second, Learning: Learning{Max: 10, Delay: 100 * time.Millisecond}})
		rng, most := rand.New(rand.NewPCG(seed, 13)), 10
		for range 2000 {
			k, p := stationKey(rng.IntN(40)), switchdev.PortID(1+rng.IntN(3))
			switch n := rng.IntN(20); {
			case n < 13:
				b.Learn(k, p)
			case n < 15:
				b.SubmitReplace(Entry{Key: k, Port: p, Flags: []Flags{0, Static, Extern}[rng.IntN(3)]})
			case n < 16:
				b.SubmitDelete(k, p)
			case n < 17 && rng.IntN(10) == 0:
				before := b.Len()
				if err := b.SetLearningMax(1 + rng.IntN(15)); err != nil {
					t.Fatal(err)
				}
				if b.Len() != before {
					t.Error("another limit removed something")
				}
				most = max(b.LearningMax(), b.Stats().Learned+b.stations.Pending().Reserved)
			default:
				b.pass(time.Duration(rng.IntN(200)) * time.Millisecond)
			}
			pending := b.stations.Pending()
			if n := pending.Learned + pending.Reserved; n > most {
				t.Fatalf("seed %d: %d of %d", seed, n, most)
			} else {
				most = max(b.LearningMax(), n) // above a lower limit it only falls
			}
			count := 0
			for e := range b.All() {
				if e.Flags&(User|Local) == 0 {
					count++
				}
			}
			if count != pending.Learned {
				t.Fatalf("seed %d: %d are learned, the table counts %d", seed, count, pending.Learned)
			}
		}
		b.SubmitFlush(Everything())
		b.through(time.Minute)
		if p := b.stations.Pending(); p.Learned+p.Reserved != 0 {
			t.Errorf("seed %d: %+v is kept for nobody", seed, p)
		}
	}
}

// oneChunk: a command is done in the first step after it was submitted, whatever
// else there is to do; and a flush of everything ends although each step does a
// command first.
func oneChunk(t *testing.T) {
	const stations = 30_000
	b := newBench(t, Config{Learning: Learning{Pending: -1}})
	command := func(n int) {
		k := b.SubmitReplace(Entry{Key: stationKey(stations + n), Port: 2, Flags: Static})
		b.one()
		if !ended(k) || k.Err() != nil {
			t.Fatalf("step %d: %v, %v", n, ended(k), k.Err())
		}
	}
	for n := range stations {
		b.Learn(stationKey(n), 1)
	}
	steps := 0
	for ; b.Stats().Pending > 0; steps++ {
		if before := b.Stats().Pending; steps > 0 && before > 0 {
			command(steps)
			if did := before - b.Stats().Pending; did > 2*chunkRecords {
				t.Fatalf("a step applied %d", did)
			}
			continue
		}
		command(steps)
	}
	if most := 2 + stations/chunkRecords*2; steps < 10 || steps > most {
		t.Errorf("applied in %d steps, want at most %d", steps, most)
	}
	flush, from := b.SubmitFlush(Filter{OnPort: true, Port: 1}), steps
	for ; !ended(flush); steps++ {
		command(steps)
		if steps-from > 2*stations/chunkEntries+10 {
			t.Fatalf("the flush has not ended in %d steps", steps-from)
		}
	}
	if steps-from < 3 || flush.Count() != stations {
		t.Errorf("%d flushed in %d steps", flush.Count(), steps-from)
	}
}

func ageIsHearing(t *testing.T) {
	b := newBench(t, Config{Ageing: time.Second, Learning: Learning{Delay: time.Minute}})
	b.put(key(1), 1, 0)
	for n := range 300 { // moves, of which none is applied for a minute
		b.through(300 * time.Millisecond)
		b.Learn(key(1), switchdev.PortID(1+n%3))
		b.wantAt("heard of", key(1), switchdev.PortID(1+n%3))
		if e, err := b.Get(t.Context(), key(1)); err != nil || e.Stale {
			t.Fatalf("%+v, %v", e, err)
		}
	}
	for _, e := range b.events() {
		if e.Kind.Removes() {
			t.Fatalf("%v of %+v", e.Kind, e.Old)
		}
	}

	s := newSim(t, Config{Ageing: 10 * time.Second}, Device{}, hwsim.Config{Hardware: hwsim.Hardware{Refresh: -1}})
	s.seen(key(1), 1)
	s.put(key(2), 1, Static|Notify)
	for p := range switchdev.PortID(3) { // dump, event and sweep agree to the tick
		k := key(10 + byte(p))
		s.seen(k, 1)
		s.pass(10*time.Second - tickLength)
		if e, err := s.Get(t.Context(), k); err != nil || e.Stale {
			t.Errorf("%+v, %v", e, err)
		}
		s.pass(2 * tickLength)
		if _, err := s.Get(t.Context(), k); !errors.Is(err, syscall.ENOENT) {
			t.Error("not aged")
		}
	}
	s.seen(key(3), 1)
	s.pass(3 * time.Second)
	if err := s.TopologyChange(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	s.pass(2*time.Second + tickLength)
	s.has(key(3), "none") // the sweep was armed anew
	if e, _ := s.Get(t.Context(), key(2)); e.Flags&Inactive == 0 {
		t.Errorf("%+v", e)
	}
	s.events()
	ops := s.chip0().Stats().Ops
	s.seen(key(2), 1)
	s.tells("changed") // active again
	s.pass(11 * time.Second)
	s.tells("changed") // and not
	if n := s.chip0().Stats().Ops - ops; n != 0 {
		t.Errorf("%d operations for what was heard or not", n)
	}
}

// theModel runs the list of facts of model_test.go and the history checker.
func theModel(t *testing.T) {
	t.Run("stepped", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			m := newModel(rt, Config{Ageing: 4 * time.Second, Learning: Learning{Pending: 5, Delay: time.Second, Max: 6}}, 1)
			rt.Repeat(m.actions())
			m.t = rt
			m.rest(rt)
			if err := m.table.Close(); err != nil {
				rt.Fatal(err)
			}
		})
	})
	t.Run("concurrent", func(t *testing.T) {
		for seed := range uint64(4) {
			table := newTable(t, withChips(Config{}, moody("sw0", seed)))
			if err := record(table, seed, 4, 60).check(); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		}
	})
}
