//go:build !explore

package cam

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// The stress tests run a churning writer against lock-free callers, each of
// which knows what it must see. They end after a fixed number of writes.

func stressOps() int {
	if raceEnabled {
		return 8_000
	}
	return 40_000
}

// The writer's own stations come, always new ones, and go churnLife later.
const (
	churnBase = 1 << 20
	churnLife = 700
)

// churn makes one write that splits, merges, rebuilds or clones sooner or later.
func churn(t *Table, rng *rand.Rand, i int) {
	h, c := MakeHot(uint16(i), 0, uint64(i)), Cold{Seq: uint64(i)}
	young := stationKey(churnBase + i/2 - rng.IntN(churnLife))
	switch rng.IntN(100) {
	case 0:
		t.PutExact(young, h, c)
	case 1:
		t.DeleteExact(young)
	case 2:
		if rng.IntN(4) == 0 {
			t.Snapshot()
		}
	case 3: // so that segments empty and merge
		if rng.IntN(10) == 0 {
			for j := range 2 * churnLife {
				t.Delete(stationKey(churnBase + i/2 - j))
			}
		}
	}
	if i%2 == 0 {
		t.Put(stationKey(churnBase+i/2), h, c)
	} else {
		t.Delete(stationKey(churnBase + i/2 - churnLife))
	}
}

// stress runs the writer for n steps and the others until it is done.
func stress(t *testing.T, n int, write func(i int, rng *rand.Rand), others ...func(stop *atomic.Bool)) {
	t.Helper()
	var wg sync.WaitGroup
	var stop atomic.Bool
	for _, f := range others {
		wg.Go(func() { f(&stop) })
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := 1; i <= n && !t.Failed(); i++ {
		write(i, rng)
	}
	stop.Store(true)
	wg.Wait()
}

// fail reports once and ends a goroutine's loop by stop.
func fail(t *testing.T, stop *atomic.Bool, format string, args ...any) {
	if !stop.Swap(true) {
		t.Errorf(format, args...)
	}
}

func TestPersistentStationIsNeverMissed(t *testing.T) {
	const n = 300
	x := New(Config{Seed: testSeed})
	var keys [n]Key
	for i := range keys {
		keys[i] = stationKey(i)
		x.Put(keys[i], MakeHot(uint16(i), Static, 1), Cold{Seq: uint64(i)})
	}
	reader := func(stop *atomic.Bool) {
		var out [n]Hot
		for !stop.Load() {
			findBatch(x, keys[:], out[:])
			for i, k := range keys {
				h, ok := x.Find(k)
				r, rok := x.Probe(k)
				if !ok || !rok || h.Port() != uint16(i) || r.Hot().Port() != uint16(i) || out[i].Port() != uint16(i) ||
					!h.Has(Static|Present) || h.Has(Frozen) || out[i].Has(Frozen) || r.Hot().Has(Frozen) || r.Load().Has(Frozen) {
					fail(t, stop, "key %d: Find %x, Probe %x, FindBatch %x", i, h, r.Hot(), out[i])
					return
				}
			}
		}
	}
	stress(t, stressOps(), func(i int, rng *rand.Rand) { churn(x, rng, i) }, reader, reader)
	s := x.Stats()
	if s.Splits == 0 || s.Merges == 0 || s.Clones == 0 || s.Rebuilds == 0 {
		t.Errorf("the writer did not do everything: %+v", s)
	}
	checkBooks(t, x)
}

func TestScanVisitsEveryPersistentStation(t *testing.T) {
	const n = 300
	x := New(Config{Seed: testSeed})
	index := map[Key]int{}
	for i := range n {
		index[stationKey(i)] = i
		x.Put(stationKey(i), MakeHot(7, Static, 1), Cold{})
	}
	scans := 0
	scanner := func(stop *atomic.Bool) {
		for !stop.Load() {
			var seen [n]bool
			for c := (Cursor{}); !c.Done(); {
				c = x.ScanMatch(c, 1, Match{Mask: PortMask | Static, Want: MakeHot(7, Static, 0)}, func(k Key, r Ref) bool {
					if i, ok := index[k]; ok {
						seen[i] = true
					}
					return true
				})
			}
			for i, ok := range seen {
				if !ok {
					fail(t, stop, "scan %d missed key %d", scans, i)
					return
				}
			}
			scans++
		}
	}
	stress(t, stressOps(), func(i int, rng *rand.Rand) {
		churn(x, rng, i)
		if i%4096 == 0 {
			x.reseed()
		}
	}, scanner)
	if scans == 0 {
		t.Error("not one scan ended")
	}
}

func TestRefreshIsNeverLost(t *testing.T) {
	const n = 64
	x := New(Config{Seed: testSeed})
	for i := range 2 * n {
		x.Put(stationKey(i), MakeHot(uint16(i), 0, 1), Cold{})
	}
	learner := func(from int) func(*atomic.Bool) {
		return func(stop *atomic.Bool) {
			for tick := uint64(2); !stop.Load(); tick++ {
				for i := from; i < from+n; i++ {
					k := stationKey(i)
					_, o := x.Refresh(k, MakeHot(uint16(i), 0, 0), PortMask|Static, tick)
					h, ok := x.Find(k)
					if o != Known && o != Busy || !ok || o == Known && h.Stamp() < tick {
						fail(t, stop, "key %d tick %d: %v, then %x", i, tick, o, h)
						return
					}
				}
			}
		}
	}
	stress(t, stressOps(), func(i int, rng *rand.Rand) {
		churn(x, rng, i)
		k := rng.IntN(2 * n)
		h := MakeHot(uint16(k), Hot(rng.IntN(2))*Inactive, 0)
		switch rng.IntN(4) {
		case 0:
			x.Put(stationKey(k), h, Cold{Seq: uint64(i)})
		case 1:
			x.PutExact(stationKey(k), h, Cold{Seq: uint64(i)})
		case 2:
			x.Update(stationKey(k), func(h Hot, c Cold) (Hot, Cold) { return h ^ User, c })
		case 3:
			x.UpdateExact(stationKey(k), func(h Hot, c Cold) (Hot, Cold) { return h ^ User, c })
		}
	}, learner(0), learner(n))
}

func TestMarkIsNeverLostNorResurrected(t *testing.T) {
	const n = 64
	x := New(Config{Seed: testSeed})
	for i := range n {
		x.Put(stationKey(i), MakeHot(uint16(i), 0, 1), Cold{})
	}
	// Each marker owns one bit of all keys.
	marker := func(bit Hot) func(*atomic.Bool) {
		return func(stop *atomic.Bool) {
			for round := 0; !stop.Load(); round++ {
				for i := range n {
					k := stationKey(i)
					want, f := bit, x.Mark
					if round%2 == 1 {
						want, f = 0, x.Unmark
					}
					old, ok := f(k, bit)
					h, _ := x.Find(k)
					if !ok || round > 0 && old&bit == want || h&bit != want {
						fail(t, stop, "round %d key %d: found %x, %v, then %x", round, i, old, ok, h)
						return
					}
				}
			}
		}
	}
	stress(t, stressOps(), func(i int, rng *rand.Rand) {
		churn(x, rng, i)
		k := stationKey(rng.IntN(n))
		h := MakeHot(uint16(i), 0, uint64(i))
		switch rng.IntN(4) {
		case 0:
			x.Put(k, h, Cold{Seq: uint64(i)})
		case 1:
			x.PutExact(k, h, Cold{Seq: uint64(i)})
		case 2:
			x.Update(k, func(h Hot, c Cold) (Hot, Cold) { return h.WithPort(uint16(i)), c })
		case 3:
			if rng.IntN(200) == 0 {
				x.reseed()
			}
		}
	}, marker(Marked), marker(Moved))
}

// In exact mode a reader that takes a Ref sees port, flags and number of one
// write, for as long as it likes.
func TestExactWritesKeepHotAndColdTogether(t *testing.T) {
	const n = 32
	x := New(Config{Seed: testSeed})
	entry := func(i int) (Hot, Cold) {
		return MakeHot(uint16(i), Hot(i>>16&1)*Static, uint64(i)), Cold{Seq: uint64(i), Owner: uint8(i % 16)}
	}
	for i := range n {
		h, c := entry(i)
		x.Put(stationKey(i), h, c)
	}
	reader := func(stop *atomic.Bool) {
		for i := 0; !stop.Load(); i++ {
			r, ok := x.Probe(stationKey(i % n))
			if !ok {
				continue
			}
			c := r.Cold()
			h, _ := entry(int(c.Seq))
			if r.Hot().Port() != h.Port() || r.Hot().Has(Static) != h.Has(Static) || c.Owner != uint8(c.Seq%16) || r.Seq() != c.Seq {
				fail(t, stop, "hot %x with %+v", r.Hot(), c)
				return
			}
		}
	}
	stress(t, stressOps(), func(i int, rng *rand.Rand) {
		k := stationKey(rng.IntN(n))
		h, c := entry(i)
		switch rng.IntN(4) {
		case 0:
			x.DeleteExact(k)
		case 1:
			x.UpdateExact(k, func(Hot, Cold) (Hot, Cold) { return h, c })
		default:
			x.PutExact(k, h, c)
		}
	}, reader, reader)
}

// A write in place shows its number before its port and stamp: a reader
// never takes an old number for a new write.
func TestColdIsNeverOlderThanHot(t *testing.T) {
	x := New(Config{Seed: testSeed})
	for i := range 8 {
		x.Put(stationKey(i), MakeHot(0, 0, 0), Cold{})
	}
	reader := func(stop *atomic.Bool) {
		for i := 0; !stop.Load(); i++ {
			r, ok := x.Probe(stationKey(i % 8))
			if !ok {
				continue
			}
			if seq := r.Seq(); seq < r.Hot().Stamp() {
				fail(t, stop, "write %d with number %d", r.Hot().Stamp(), seq)
				return
			}
		}
	}
	stress(t, 4*stressOps(), func(i int, rng *rand.Rand) {
		k := stationKey(rng.IntN(8))
		if rng.IntN(8) == 0 {
			x.Delete(k)
		}
		x.Put(k, MakeHot(uint16(i), 0, uint64(i)), Cold{Seq: uint64(i)})
	}, reader)
}

// A new key shows its number with its first port.
func TestNewStationComesWithItsCold(t *testing.T) {
	x := New(Config{Seed: testSeed})
	var next atomic.Uint64
	next.Store(1)
	reader := func(stop *atomic.Bool) {
		for !stop.Load() {
			i := next.Load()
			if r, ok := x.Probe(stationKey(int(i))); ok && r.Seq() != i {
				fail(t, stop, "station %d came with number %d", i, r.Seq())
				return
			}
		}
	}
	stress(t, 4*stressOps(), func(i int, rng *rand.Rand) {
		next.Store(uint64(i))
		runtime.Gosched() // the reader begins to look for it
		x.Put(stationKey(i), MakeHot(1, 0, 1), Cold{Seq: uint64(i)})
	}, reader)
}

// A sweep and a refresh race for every key, side by side; exactly one of them
// wins.
func TestSweepNeverRemovesWhatWasRefreshed(t *testing.T) {
	const n = 512
	x := New(Config{Seed: testSeed})
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range stressOps() / 40 {
		limit := uint64(round + 10)
		for i := range n {
			x.Put(stationKey(i), MakeHot(1, 0, 0), Cold{})
			x.Update(stationKey(i), func(h Hot, c Cold) (Hot, Cold) { return h.WithStamp(limit - 1), c })
		}
		var order []Key // in which the sweep will come by
		x.Scan(Cursor{}, 0, func(k Key, _ Ref) bool { order = append(order, k); return true })
		if round%4 == 0 {
			x.Snapshot()
		}
		lead, got := rng.IntN(30), make([]Outcome, n)
		var wg sync.WaitGroup
		var start atomic.Bool
		wg.Go(func() {
			for start.Store(true); lead < n; lead++ {
				_, got[lead] = x.Refresh(order[lead], MakeHot(1, 0, 0), PortMask, limit)
			}
		})
		for !start.Load() {
			runtime.Gosched()
		}
		remove := x.DeleteMatch
		if round%64 == 0 {
			remove = x.DeleteMatchExact
		}
		x.ScanMatch(Cursor{}, 0, Match{Before: limit}, func(k Key, r Ref) bool {
			if round%2 == 0 || !x.DeleteIf(k, r.Hot()) {
				remove(k, Match{Before: limit})
			}
			return true
		})
		wg.Wait()
		for i, o := range got {
			h, ok := x.Find(order[i])
			if o == Known && (!ok || h.Stamp() != limit) || o == Missing && ok {
				t.Fatalf("round %d key %d: refresh says %v, table %x", round, i, o, h)
			}
		}
	}
}

// Membership, ports and numbers of a snapshot stay what they were, while writer,
// learners and markers go on.
func TestSnapshotNeverChanges(t *testing.T) {
	const n = 2000
	x := New(Config{Seed: testSeed})
	type want struct {
		port uint16
		seq  uint64
	}
	m := map[Key]want{}
	check := func(s *Snapshot, m map[Key]want) error {
		seen := 0
		for k, e := range s.All() {
			if w, ok := m[k]; !ok || w.port != e.Port() || w.seq != e.Seq || e.Has(Marked) || e.Has(Frozen) {
				return fmt.Errorf("key %x: %x number %d, want %+v, %v", k, e.Hot, e.Seq, w, ok)
			}
			seen++
		}
		if seen != len(m) || s.Len() != len(m) {
			return fmt.Errorf("%d entries, Len %d, want %d", seen, s.Len(), len(m))
		}
		return nil
	}
	noise := func(stop *atomic.Bool) {
		for i := uint64(0); !stop.Load(); i++ {
			k := stationKey(int(i % n))
			h, _ := x.Find(k)
			x.Refresh(k, h, PortMask, i)
			x.Mark(k, Marked)
			if r, ok := x.Probe(k); ok {
				x.Touch(r, i)
			}
		}
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	stress(t, stressOps(), func(i int, rng *rand.Rand) {
		k := stationKey(rng.IntN(n))
		if i%977 == 0 {
			frozen := make(map[Key]want, len(m))
			for k, w := range m {
				frozen[k] = w
			}
			s := x.Snapshot()
			if rng.IntN(10) == 0 {
				s = x.Clear()
				clear(m)
			}
			wg.Go(func() {
				for range 3 {
					if err := check(s, frozen); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		switch w := (want{uint16(i), uint64(i)}); rng.IntN(6) {
		case 0, 1:
			x.Delete(k)
			delete(m, k)
		case 2:
			x.Update(k, func(h Hot, c Cold) (Hot, Cold) { c.Seq = w.seq; return h.WithPort(w.port), c })
			if _, ok := m[k]; ok {
				m[k] = w
			}
		case 3:
			x.PutExact(k, MakeHot(w.port, 0, 0), Cold{Seq: w.seq})
			m[k] = w
		default:
			x.Put(k, MakeHot(w.port, 0, 0), Cold{Seq: w.seq})
			m[k] = w
		}
	}, noise)
}
