package fdb

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// busyChip is a simulated chip with a goroutine of its own, for tests of
// concurrency. It is audited at the end.
func busyChip(t *testing.T) *hwsim.Chip {
	t.Helper()
	c, err := hwsim.New(hwsim.Config{Log: hwsim.LogConfig{Capacity: 1 << 17}})
	if err != nil {
		t.Fatal(err)
	}
	enlist(t, c)
	t.Cleanup(func() {
		for _, v := range c.Audit() {
			t.Error(v)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// flushInAStorm (I8): what was learned before a flush is gone when SubmitFlush
// returns, and what is learned from then on is found.
func flushInAStorm(t *testing.T) {
	table := newTable(t, Config{Learning: Learning{Pending: -1}})
	const learners, rounds = 2, 12
	var began, done [learners]atomic.Int64
	var allowed atomic.Int64 // so that nobody runs away
	var wg sync.WaitGroup
	station := func(g int, n int64) Key { return stationKey(g<<24 | int(n)) }
	for g := range learners {
		wg.Go(func() {
			for n := int64(0); n < rounds*2000; n++ {
				for n >= allowed.Load() {
					runtime.Gosched()
				}
				began[g].Store(n + 1)
				if !table.Learn(station(g, n), switchdev.PortID(1+g)).Accepted() {
					t.Error("not accepted")
				}
				done[g].Store(n + 1)
			}
		})
	}
	var last, before, after [learners]int64
	for round := range rounds {
		allowed.Add(2000)
		for g := range learners {
			for done[g].Load() < allowed.Load()-1500 { // something to flush
				runtime.Gosched()
			}
			before[g] = done[g].Load()
		}
		k := table.SubmitFlush(Everything())
		for g := range learners {
			after[g] = began[g].Load()
		}
		if round%2 == 1 { // and as it is applied
			if err := k.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for g := range learners {
			for n := last[g]; n < before[g]; n++ {
				if _, ok := table.Lookup(station(g, n)); ok {
					t.Fatalf("round %d: station %d of %d is from before the flush", round, n, before[g])
				}
			}
			for n := after[g]; n < done[g].Load(); n++ {
				if _, ok := table.Lookup(station(g, n)); !ok {
					t.Fatalf("round %d: station %d was learned after the flush, from %d on", round, n, after[g])
				}
			}
			last[g] = before[g]
		}
	}
	wg.Wait()
}

// stress is test_bridge_fdb_stress.sh: two goroutines add and delete their own
// stations while others learn and read everything.
func stress(t *testing.T) {
	chip := busyChip(t)
	table := newTable(t, Config{Hardware: Hardware{Devices: []Device{{Driver: chip}}}})
	ctx := t.Context()
	var users, others sync.WaitGroup
	var stop atomic.Bool
	rounds := 250
	if raceEnabled {
		rounds = 100
	}
	for g := range 2 {
		users.Go(func() {
			for n := range rounds {
				e := Entry{Key: stationKey(1<<20 + g<<8 + n%16), Port: switchdev.PortID(1 + n%4), Flags: Static}
				if err := table.Add(ctx, e); err != nil {
					t.Errorf("Add: %v", err)
				}
				if err := table.Delete(ctx, e.Key, e.Port); err != nil { // a storm of ENOENT
					t.Errorf("Delete: %v", err)
				}
			}
		})
	}
	others.Go(func() {
		for n := 0; !stop.Load(); n++ {
			table.Learn(stationKey(n%300), switchdev.PortID(1+n/300%4))
			if n%100 == 0 {
				table.Stats() // not to keep a core to itself
			}
		}
	})
	others.Go(func() {
		for !stop.Load() {
			seen := make(map[Key]bool)
			for e := range table.All() {
				if seen[e.Key] || e.Port == 0 {
					t.Errorf("%+v is shown twice, or without a port", e)
				}
				seen[e.Key] = true
			}
		}
	})
	users.Wait()
	stop.Store(true)
	others.Wait()
	if _, err := table.Flush(ctx, Everything()); err != nil {
		t.Fatal(err)
	}
	if s := table.Stats(); s.Entries != 0 || s.Pending != 0 || s.Learned != 0 || len(chip.Rows()) != 0 {
		t.Errorf("%d entries, %d rows are left", s.Entries, len(chip.Rows()))
	}
}

// learnAtTheSeal: while the worker seals and applies, a Lookup finds what was just
// learned and what was learned a while ago, at its last port: a million of each.
// [TestReplyNeverFloods] does it with slow hardware and another goroutine.
func learnAtTheSeal(t *testing.T) {
	table := newTable(t, Config{Learning: Learning{Pending: -1}})
	rounds := 1_000_000
	if raceEnabled {
		rounds = 100_000
	}
	const stations = 4096
	port := func(n int) switchdev.PortID { return switchdev.PortID(1 + n/stations%5) }
	var from [4]int
	for n := range rounds {
		if k := stationKey(n % stations); !table.Learn(k, port(n)).Accepted() {
			t.Fatalf("station %d was not accepted", n)
		}
		for _, past := range [...]int{n, max(n-50, 0), max(n-n%700, n-stations+1, 0)} {
			k := stationKey(past % stations)
			if hit, ok := table.Lookup(k); !ok || hit.Port != port(past) {
				t.Fatalf("learn %d of %v: port %d %v, want %d", past, k, hit.Port, ok, port(past))
			}
		}
		_, source, _ := table.stations.LookupFrom(camKey(stationKey((n - n%50) % stations)))
		from[source]++
		if n%5000 == 0 {
			runtime.Gosched()
		}
	}
	if from[overlay.FromOpen] < 100 || from[overlay.FromSealed] < 100 || from[overlay.FromMain] < 100 {
		t.Errorf("found %v: this proves nothing", from)
	}
}

// deleteAgainstOlderLearn: wherever the learn is, open, sealed, or held back by an
// operation on its key, it does not bring the station back.
func deleteAgainstOlderLearn(t *testing.T) {
	k := key(1)
	for name, cfg := range map[string]Config{"open": {Learning: Learning{Delay: time.Hour}}, "soon": {}} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t, cfg, Device{}, hwsim.Config{})
			s.Learn(k, 1)
			s.must(s.SubmitDelete(k, 1))
			s.wantAt("deleted", k, 0)
			s.pass(2 * time.Hour / 10)
			s.wantAt("later", k, 0)
			s.rest()
		})
	}
	t.Run("sealed", func(t *testing.T) {
		b := newBench(t, Config{})
		for n := range 4 * chunkRecords {
			b.Learn(stationKey(n), 1)
		}
		b.one() // seals, and applies a chunk
		if p := b.stations.Pending(); p.Sealed == 0 {
			t.Fatalf("%+v", p)
		}
		for n := range 4 * chunkRecords {
			d := b.SubmitDelete(stationKey(n), 1)
			if n%100 == 0 {
				b.Learn(stationKey(n+1), 2) // moves the next one to where it is not deleted
			}
			b.one()
			if err := d.Err(); err != nil && n%100 != 1 {
				t.Fatal(err)
			}
		}
		b.pass(time.Hour / 20)
		if b.Len() != 11 {
			t.Errorf("%d entries are left, want those that moved", b.Len())
		}
	})
	t.Run("in flight", func(t *testing.T) {
		b, _, land := flight(t, func(b *bench) { b.Learn(k, 1) }, func(b *bench) *Ticket {
			b.pass(time.Second)
			b.Learn(k, 1) // renews what is to be deleted
			return b.SubmitDelete(k, 1)
		})
		land()
		b.pass(time.Second)
		b.wantAt("landed", k, 0)
	})
}

// one is one step of the worker: a chunk of everything.
func (b *bench) one() bool {
	<-b.slot
	defer b.unlock()
	return b.step(b.now)
}

// slowSubscriber: told once that it missed something, shown what there is, and
// told what follows; so the copy is the table, and nothing comes or goes twice.
func slowSubscriber(t *testing.T) {
	s := newSim(t, Config{Events: 64}, Device{}, hwsim.Config{})
	slow, err := s.Subscribe(SubscribeOptions{Replay: true})
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	f, gaps := newFollower(), 0
	read := func() {
		for {
			e, ok, err := slow.TryNext()
			switch {
			case errors.Is(err, switchdev.ErrOverrun):
				f = newFollower()
				gaps++
				continue
			case err != nil:
				t.Fatal(err)
			case !ok:
				return
			}
			if err := f.apply(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	read()
	for round := range 20 {
		for n := range 30 * (round % 4) { // none, few, and more than it can miss
			s.seen(stationKey((n*7+round)%50), switchdev.PortID(1+round%4))
			if n%5 == 0 {
				_ = s.do(s.SubmitDelete(stationKey(n%50), switchdev.PortID(1+round%4)))
			}
			s.events() // the quick one misses nothing
		}
		had := gaps
		read()
		if wants := round%4 > 1; gaps != had && !wants || gaps > had+1 || wants && gaps == had {
			t.Errorf("round %d: %d gaps", round, gaps-had)
		}
		if err := f.differs(s.Snapshot()); err != nil {
			t.Fatal(err)
		}
	}
}

// pendingBound: beyond it stations that are new are dropped and counted, those
// that are known move, and commands are obeyed.
func pendingBound(t *testing.T) {
	s := newSim(t, Config{Learning: Learning{Pending: 4, Delay: time.Minute}}, Device{}, hwsim.Config{})
	for n := range byte(3) {
		s.Learn(key(n+1), 1)
	}
	s.pass(time.Minute)
	s.events()
	for n := range byte(10) {
		want := Queued
		if n >= 4 {
			want = Dropped
		}
		if got := s.Learn(key(n+11), 2); got != want || got.Accepted() != (n < 4) {
			t.Errorf("station %d: %v, want %v", n, got, want)
		}
	}
	for n := range byte(3) {
		if got := s.Learn(key(n+1), 3); got != Moved {
			t.Errorf("known station %d: %v", n, got)
		}
		s.wantAt("moved", key(n+1), 3)
	}
	s.Learn(key(11), 4) // and one that waits
	s.wantAt("moved", key(11), 4)
	s.must(s.SubmitAdd(Entry{Key: key(20), Port: 1, Flags: Static}))
	s.SubmitFlush(Filter{OnPort: true, Port: 2})
	s.wantAt("flushed", key(12), 0)
	if st, ps := s.Stats(), s.PortStats(2); st.Dropped != 6 || ps.Dropped != 6 || st.Pending > 3+4 {
		t.Errorf("%d dropped, %d at port 2, %d pending", st.Dropped, ps.Dropped, st.Pending)
	}
	s.pass(time.Minute)
	if got := s.Learn(key(17), 2); got != Queued {
		t.Errorf("room again: %v", got)
	}
	s.pass(time.Minute)
	s.rest()
	if got := fmt.Sprint(s.Len(), s.at(key(17)), s.at(key(15))); got != "6 2 0" {
		t.Errorf("entries, and ports of two: %s", got)
	}
	if !errors.Is(s.do(s.SubmitDelete(key(15), 2)), syscall.ENOENT) {
		t.Error("a dropped station is in the table")
	}
}
