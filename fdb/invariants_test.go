package fdb

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// invariant is something that always holds, and a way to see it.
type invariant struct {
	number int
	what   string
	run    func(t *testing.T)
}

// TestInvariants checks each of them by itself. What the tests of cases and
// histories show of them stands there.
func TestInvariants(t *testing.T) {
	seen := make(map[int]bool)
	for _, i := range append(pendingInvariants(), deviceInvariants()...) {
		seen[i.number] = true
		t.Run(fmt.Sprintf("I%02d %s", i.number, i.what), i.run)
	}
	for n := 1; n <= 26; n++ {
		if !seen[n] {
			t.Errorf("I%d is not checked", n)
		}
	}
}

func pendingInvariants() []invariant {
	return []invariant{
		{1, "a station is found from the learn on, at every step of its way to main", foundAtEveryStep},
		{2, "an observer never sees a station at a place older than one it saw", neverOlder},
		{3, "of every port, what was accepted is what became of it", conservedPerPort},
		{4, "an entry that nobody removes is found while it moves and is written anew", foundWhileMoving},
		{5, "readers wait for nobody, allocate nothing, and see port and flags that belong together", readersAreFree},
		{6, "learns and flushes count when accepted, commands in the order in which they were", oneOrder},
		{7, "a command counts what is pending, and no older learn undoes it", commandsFence},
		{8, "a flush hides what was before it at once, and nothing that came after", flushIsAMoment},
		{9, "of a station a generation has one record: the last port, the latest time, all of it counted", coalesced},
		{10, "events are in order, come and go in turn, and a gap is told and made good", eventsAreInOrder},
		{11, "what a learn may do is judged when it is applied, and never shown before it may", judgedWhenApplied},
		{12, "no more stations wait than may, however many learn", pendingIsBounded},
		{13, "no more entries are learned or promised than may be, however many learn", limitHolds},
		{14, "a command waits for one chunk of other work, and other work goes on", oneChunk},
		{25, "who was heard of does not age, however late that is applied, and all clocks are one", ageIsHearing},
		{26, "stepped with a virtual clock the table is its model, and concurrent histories have an order", theModel},
	}
}

func foundAtEveryStep(t *testing.T) {
	b := newBench(t, Config{})
	const stations = 3*chunkRecords + 10
	found := func(upto int) {
		t.Helper()
		for n := range upto {
			if hit, ok := b.Lookup(stationKey(n)); !ok || hit.Port != switchdev.PortID(1+n%3) {
				t.Fatalf("station %d of %d: %v, %v", n, upto, hit, ok)
			}
		}
	}
	for n := range stations {
		b.Learn(stationKey(n), switchdev.PortID(1+n%3))
		if n%97 == 0 {
			b.one()
		}
		if n%31 == 0 {
			found(n + 1)
		}
	}
	for b.one() {
		found(stations)
	}
	found(stations)
	if b.Len() != stations {
		t.Errorf("%d in main", b.Len())
	}
}

// neverOlder: one moves a station to ports 1, 2, 3, ...; who looks sees them grow,
// and at least as far as it was known to have come.
func neverOlder(t *testing.T) {
	table := newTable(t, Config{})
	k := stationKey(1)
	var at atomic.Uint32
	var wg sync.WaitGroup
	const last = 40_000
	table.Learn(k, 1)
	at.Store(1)
	wg.Go(func() {
		for p := uint32(2); p <= last; p++ {
			table.Learn(k, switchdev.PortID(p))
			at.Store(p)
			if p%64 == 0 {
				table.Learn(stationKey(int(p)), 1) // work for the worker
			}
		}
	})
	for range 2 {
		wg.Go(func() {
			for seen := uint32(1); seen < last; {
				known := at.Load()
				hit, ok := table.Lookup(k)
				if p := uint32(hit.Port); !ok || p < seen || p < known {
					t.Errorf("port %d %v after %d, when %d was accepted", hit.Port, ok, seen, known)
					return
				}
				seen = uint32(hit.Port)
			}
		})
	}
	wg.Wait()
}

// conservedPerPort counts outcomes by hand and compares.
func conservedPerPort(t *testing.T) {
	const ports = 4
	for seed := range uint64(6) {
		b := newBench(t, Config{Ageing: 3 * time.Second, Learning: Learning{Pending: 6, Max: 11, Delay: 50 * time.Millisecond}})
		rng := rand.New(rand.NewPCG(seed, 3))
		var out [ports][Shut + 1]uint64
		for range 4000 {
			k, p := stationKey(rng.IntN(30)), rng.IntN(ports)
			switch n := rng.IntN(100); {
			case n < 75:
				out[p][b.Learn(k, switchdev.PortID(p+1))]++
			case n < 80:
				_ = b.SubmitReplace(Entry{Key: k, Port: switchdev.PortID(p + 1), Flags: []Flags{0, Static | Sticky, Permanent}[rng.IntN(3)]})
			case n < 84:
				_ = b.SubmitDelete(k, switchdev.PortID(p+1))
			case n < 87:
				b.SubmitFlush([]Filter{OnPort(switchdev.PortID(p + 1)), Everything()}[rng.IntN(2)])
			default:
				b.pass(time.Duration(rng.IntN(60)) * time.Millisecond)
			}
		}
		b.through(time.Minute)
		var sum LearningStats
		for p := range ports {
			s := b.PortStats(switchdev.PortID(p + 1))
			if s.Accepted != s.Applied+s.Coalesced+s.Superseded+s.Rejected {
				t.Errorf("seed %d port %d: not conserved: %+v", seed, p+1, s)
			}
			if s.Dropped != out[p][Dropped] || s.Limited != out[p][Limited] || s.Accepted < out[p][Queued]+out[p][Moved] {
				t.Errorf("seed %d port %d: %+v, counted %v", seed, p+1, s, out[p])
			}
			if s.Applied*s.Coalesced*s.Superseded*s.Dropped*s.Limited == 0 {
				t.Errorf("seed %d: something did not happen, which proves little: %+v", seed, s)
			}
			sum.Accepted += s.Accepted
			sum.Applied += s.Applied
			sum.Coalesced += s.Coalesced
			sum.Superseded += s.Superseded
			sum.Rejected += s.Rejected
		}
		if got := b.Stats().Learning; got != sum {
			t.Errorf("seed %d: the table counts %+v, its ports %+v", seed, got, sum)
		}
	}
}

// foundWhileMoving: learns and replaces move a few stations about while the table
// grows around them; the stations are always found.
func foundWhileMoving(t *testing.T) {
	table := newTable(t, Config{Learning: Learning{Pending: -1}})
	const moving = 8
	for n := range moving {
		table.Learn(stationKey(n), 1)
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		defer stop.Store(true)
		for n := range 20_000 {
			k, p := stationKey(n%moving), switchdev.PortID(1+n%5)
			table.Learn(k, p)
			table.Learn(stationKey(1000+n), 9) // the table grows
			if n%50 == 0 {
				_ = table.Replace(t.Context(), Entry{Key: k, Port: p, Flags: []Flags{0, Static}[n/50%2]})
				table.SubmitFlush(OnPort(9))
			}
		}
	})
	for n := 0; !stop.Load(); n++ {
		if _, ok := table.Lookup(stationKey(n % moving)); !ok {
			t.Errorf("station %d is not found", n%moving)
			break
		}
	}
	wg.Wait()
}

// readersAreFree: while somebody has the commit slot and a device hangs.
func readersAreFree(t *testing.T) {
	s := newSim(t, Config{}, Device{}, hwsim.Config{})
	s.inject(s.chip0(), hwsim.Fault{Kind: hwsim.FaultHang})
	s.Learn(key(1), 1)
	s.Poll(s.now)
	s.Learn(key(2), 2) // pending
	<-s.slot
	if !raceEnabled {
		noAllocs(t, "with the slot taken", 100, 0, func() {
			s.Lookup(key(1))
			s.Lookup(key(2))
			s.Lookup(key(3))
			s.Learn(key(1), 1)
		})
	}
	s.wantAt("with the slot taken", key(1), 1)
	s.wantAt("with the slot taken", key(2), 2)
	s.unlock()

	table := newTable(t, Config{})
	of := map[switchdev.PortID]Flags{1: Static | User, 2: Static | Sticky | User, 3: User, 4: Permanent | User}
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		defer stop.Store(true)
		for n := range 8000 {
			p := switchdev.PortID(1 + n%4)
			if err := table.Replace(t.Context(), Entry{Key: key(1), Port: p, Flags: of[p] &^ User}); err != nil {
				t.Error(err)
			}
		}
	})
	for !stop.Load() {
		if hit, ok := table.Lookup(key(1)); ok && hit.Flags != of[hit.Port] {
			t.Errorf("port %d with %v", hit.Port, hit.Flags)
			break
		}
	}
	wg.Wait()
}

// commandsFence: add and delete over what is only pending, at each stage of it.
func commandsFence(t *testing.T) {
	k := key(1)
	for name, step := range map[string]func(*bench){"open": func(*bench) {}, "main": func(b *bench) { b.Poll(b.now) },
		"sealed": func(b *bench) {
			for n := range 2 * chunkRecords {
				b.Learn(stationKey(n), 3)
			}
			b.one()
		}} {
		t.Run(name, func(t *testing.T) {
			start := func() *bench {
				b := newBench(t, Config{})
				b.Learn(k, 2)
				step(b)
				return b
			}
			b := start()
			if err := b.do(b.SubmitAdd(Entry{Key: k, Port: 1})); !errors.Is(err, syscall.EEXIST) || b.at(k) != 2 {
				t.Errorf("Add = %v", err)
			}
			b = start()
			if e, err := b.Get(t.Context(), k); err != nil || e.Port != 2 {
				t.Errorf("Get = %+v, %v", e, err)
			}
			b.must(b.SubmitUpdate(Entry{Key: k, Port: 1, Flags: Static})) // it exists
			b.pass(time.Second)
			b.has(k, "1 static,user user") // and the older learn does not move it
			b = start()
			b.must(b.SubmitDelete(k, 2)) // never ENOENT for what Lookup returns
			b.pass(time.Second)
			b.has(k, "none")
			b = start()
			b.put(k, 1, Static)
			b.Learn(k, 3) // a younger one does
			b.Poll(b.now)
			b.has(k, "3 static,user user")
		})
	}
}

// flushIsAMoment: for filters of every sort, at once and after every step.
func flushIsAMoment(t *testing.T) {
	filters := []Filter{Everything(), OnPort(1), {OnPort: true, Port: 2}, {VLAN: 10}, Dynamic(), {Mask: Static, Flags: Static}, {VLAN: 20, OnPort: true, Port: 3}}
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 8))
		b := newBench(t, Config{})
		want := make(map[Key]switchdev.PortID)
		station := func(n int) Key { k := stationKey(n); k.VLAN = switchdev.VLAN(10 * (n % 3)); return k }
		learn := func(some int) {
			for range some {
				k, p := station(rng.IntN(600)), switchdev.PortID(1+rng.IntN(3))
				b.Learn(k, p)
				want[k] = p
			}
		}
		for n := range 20 {
			k := station(1000 + n)
			b.put(k, switchdev.PortID(1+n%3), Static)
			want[k] = switchdev.PortID(1 + n%3)
		}
		check := func(when string) {
			t.Helper()
			for n := range 1020 {
				if k := station(n); b.at(k) != want[k] {
					t.Fatalf("seed %d, %s: %v at %d, want %d", seed, when, k, b.at(k), want[k])
				}
				if n%20 != 0 {
					continue
				}
				if e, _ := b.Get(t.Context(), station(n)); e.Port != want[station(n)] {
					t.Fatalf("seed %d, %s: Get = %+v, want port %d", seed, when, e, want[station(n)])
				}
			}
		}
		learn(500)
		if seed%2 == 0 {
			b.Poll(b.now)
		}
		learn(300) // some pending, over what is in main
		for range 1 + seed%3 {
			f := filters[rng.IntN(len(filters))]
			for k, p := range want {
				e := Entry{Key: k, Port: p}
				if k.MAC.Uint64()&0xffff >= 1000 {
					e.Flags = Static | User
				}
				if f.Selects(e) {
					delete(want, k)
				}
			}
			b.SubmitFlush(f)
			check("at once")
			learn(100)
		}
		check("before it is applied")
		for b.one() {
			check("while it is applied")
		}
		check("applied")
		if b.Len() != len(want) {
			t.Errorf("seed %d: %d entries, want %d", seed, b.Len(), len(want))
		}
	}
}

func coalesced(t *testing.T) {
	b := newBench(t, Config{Learning: Learning{Delay: time.Minute}})
	k := key(1)
	for _, p := range []switchdev.PortID{1, 2, 1} {
		b.pass(time.Second)
		b.Learn(k, p)
	}
	at := b.now
	b.through(2 * time.Minute)
	b.has(k, "1 dynamic learned")
	b.tells("added")
	s := b.Stats().Learning
	if s.Accepted != 3 || s.Applied != 1 || s.Coalesced != 2 || !b.updated(k).Equal(at) {
		t.Errorf("%+v, updated %v, want %v", s, b.updated(k), at)
	}
	if one, two := b.PortStats(1), b.PortStats(2); one.Accepted != 2 || two.Accepted != 1 || two.Applied != 0 {
		t.Errorf("port 1 %+v, port 2 %+v", one, two)
	}
	b.Learn(k, 2) // there and back again, of one that is known
	b.Learn(k, 1)
	b.through(2 * time.Minute)
	b.has(k, "1 dynamic learned")
	if s := b.Stats().Learning; s.Accepted != 5 || s.Accepted != s.Applied+s.Coalesced {
		t.Errorf("%+v", s)
	}
	b.tells("") // what is where it was is not told
}

// eventsAreInOrder: that gaps are made good is [slowSubscriber]'s; here a copy is
// made by events alone, of a table that chips refuse, reset and slow down.
func eventsAreInOrder(t *testing.T) {
	t.Run("gap", slowSubscriber)
	for seed := range uint64(4) {
		s := newSim(t, Config{Ageing: 5 * time.Second, Hardware: Hardware{Retry: 100 * time.Millisecond}}, Device{},
			hwsim.Config{Seed: seed, Hardware: hwsim.Hardware{Latency: hwsim.Latency{Op: time.Millisecond}}}, hwsim.Config{Seed: seed})
		s.inject(s.chip0(), hwsim.Fault{Kind: hwsim.FaultRefuse, Probability: 0.1, Match: hwsim.Selector{Role: hwsim.RoleFDB}})
		s.inject(s.chips[1], hwsim.Fault{Kind: hwsim.FaultReset, Probability: 0.05, Count: 1000, Match: hwsim.Selector{Role: hwsim.RoleFDB}})
		rng, f := rand.New(rand.NewPCG(seed, 10)), newFollower()
		var last uint64
		for range 400 {
			s.load(rng)
			s.pass(time.Duration(rng.IntN(40)) * time.Millisecond)
			for _, e := range s.events() {
				if e.Seq <= last {
					t.Fatalf("seed %d: %d after %d", seed, e.Seq, last)
				}
				last = e.Seq
				if err := f.apply(e); err != nil { // comes when it is there, or goes when it is not
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
			snap := s.Snapshot()
			if err := f.differs(snap); err != nil || snap.Seq() != last {
				t.Fatalf("seed %d: snapshot %d, last event %d: %v", seed, snap.Seq(), last, err)
			}
		}
	}
}
