//go:build !explore

package cam

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"unsafe"
)

func TestHotHoldsItsFields(t *testing.T) {
	for range 1000 {
		port, flags, stamp := uint16(rand.Uint32()), Hot(rand.Uint64())&FlagMask&^Frozen|Present, rand.Uint64N(MaxStamp+1)
		h := MakeHot(port, flags, stamp)
		if h.Port() != port || h.Flags() != flags || h.Stamp() != stamp {
			t.Fatalf("MakeHot(%x, %x, %x) = %x", port, flags, stamp, h)
		}
		p2, s2 := uint16(rand.Uint32()), rand.Uint64N(MaxStamp+1)
		if g := h.WithPort(p2).WithStamp(s2).WithFlags(Static | Local); g != MakeHot(p2, Static|Local, s2) || !g.Has(Static|Local) || g.Has(Static|Sticky) {
			t.Fatalf("%x changed to %x", h, g)
		}
	}
	if h := MakeHot(1, 0, MaxStamp+5); h.Stamp() != MaxStamp || h.Port() != 1 || h.Flags() != Present {
		t.Errorf("a stamp that does not fit gives %x", h)
	}
	all := Present | Frozen | Static | Local | Sticky | Ext | Locked | User | Inactive | Marked | Moved | Spare
	if all != FlagMask || PortMask|FlagMask|StampMask != ^Hot(0) {
		t.Errorf("flags %x, masks %x", all, PortMask|FlagMask|StampMask)
	}
}

func TestColdHoldsItsFields(t *testing.T) {
	c := Cold{Seq: MaxSeq, Owner: 15, Offload: 127, Notify: true}
	if got := unpackCold(c.word(), packUsed(c.Used)); got != c {
		t.Errorf("%+v came back as %+v", c, got)
	}
	for tick, want := range map[uint64]uint64{0: 0, 7: 0, 8: 8, 4711: 4704, 1 << 40: (1<<32 - 1) * UsedUnit} {
		if got := unpackCold(0, packUsed(tick)).Used; got != want {
			t.Errorf("used %d is kept as %d, want %d", tick, got, want)
		}
	}
}

func TestMatchSelects(t *testing.T) {
	h := MakeHot(7, Static, 100)
	for _, c := range []struct {
		m    Match
		want bool
	}{
		{Match{}, true},
		{OnPort(7), true},
		{OnPort(8), false},
		{Match{Mask: Static}, false},
		{Match{Mask: Static, Want: Static}, true},
		{Match{Before: 100}, false},
		{Match{Before: 101}, true},
		{Match{Mask: ^Frozen, Want: h}, true},
		{Match{Mask: ^Hot(0), Want: h | Frozen}, true},
	} {
		if got := c.m.Selects(h); got != c.want {
			t.Errorf("%+v selects %x: %v, want %v", c.m, h, got, c.want)
		}
		if c.m.Selects(0) {
			t.Errorf("%+v selects a dead slot", c.m)
		}
	}
}

func TestZeroKeyAndZeroEntryAreValid(t *testing.T) {
	x := New(Config{})
	if _, ok := x.Find(0); ok {
		t.Error("an empty table has the zero key")
	}
	x.Put(0, 0, Cold{})
	if h, ok := x.Find(0); !ok || h != Present || x.Len() != 1 {
		t.Errorf("Find(0) = %x, %v, Len %d", h, ok, x.Len())
	}
}

// A lookup must touch one cache line, and the collector must find no pointers.
func TestBucketIsOneCacheLine(t *testing.T) {
	var s segment
	if unsafe.Sizeof(s) != 14336 || unsafe.Sizeof(s.buckets) != 8192 || unsafe.Sizeof(bucket{}) != 64 {
		t.Fatalf("segment %d, lookup array %d, bucket %d bytes", unsafe.Sizeof(s), unsafe.Sizeof(s.buckets), unsafe.Sizeof(bucket{}))
	}
	x := grown(50_000)
	d := x.dir.Load()
	for i := range d.segs {
		if p := uintptr(unsafe.Pointer(d.segs[i].Load())); p%64 != 0 {
			t.Fatalf("segment %d stands at %#x", i, p)
		}
	}
}

func grown(n int) *Table {
	x := New(Config{Seed: testSeed})
	for i := range n {
		x.Put(stationKey(i), MakeHot(uint16(i), 0, uint64(i)), Cold{Seq: uint64(i)})
	}
	return x
}

func footprint(s Stats) uintptr {
	return uintptr(s.Segments)*unsafe.Sizeof(segment{}) +
		uintptr(s.Directory)*(unsafe.Sizeof(uintptr(0))+unsafe.Sizeof(extent{}))
}

func TestMemoryPerEntry(t *testing.T) {
	const n = 1 << 17 // the same filling as 1 << 20
	s := grown(n).Stats()
	all := float64(footprint(s)) / n
	array := float64(s.Segments) * float64(unsafe.Sizeof([segBuckets]bucket{})) / n
	if all > 64 || array > 36 {
		t.Errorf("%.1f bytes an entry, %.1f in the lookup array, want at most 64 and 36", all, array)
	}
	t.Logf("%.1f bytes an entry, %.1f of them in the lookup array", all, array)
}

func TestTableGrowsTo300000AndShrinksAgain(t *testing.T) {
	n := 300_000
	if raceEnabled {
		n = 40_000
	}
	x := grown(n)
	for i := range n {
		if h, ok := x.Find(stationKey(i)); !ok || h.Port() != uint16(i) || h.Stamp() != uint64(i) {
			t.Fatalf("Find(%d) = %x, %v", i, h, ok)
		}
	}
	if _, ok := x.Find(stationKey(n)); ok || x.Len() != n {
		t.Fatalf("finds what was never there, or Len %d", x.Len())
	}
	checkBooks(t, x)
	peak := x.Stats()
	for i := range n {
		x.Delete(stationKey(i))
	}
	s := x.Stats()
	if s.Live != 0 || s.Segments != 1 || s.Directory > 4 {
		t.Errorf("emptied: %+v, at its peak %+v", s, peak)
	}
	checkBooks(t, x)
}

// Stations that come and go, never the same twice, must not make a table grow.
func TestChurnOfFreshStationsKeepsMemoryBounded(t *testing.T) {
	const n, turns = 20_000, 10
	x := grown(n)
	before := footprint(x.Stats())
	for i := n; i < turns*n; i++ {
		x.Put(stationKey(i), MakeHot(1, 0, 1), Cold{})
		x.Delete(stationKey(i - n))
	}
	s := x.Stats()
	if after := footprint(s); after > 3*before || s.Live != n {
		t.Errorf("%d bytes became %d: %+v", before, after, s)
	}
	checkBooks(t, x)
}

// longestProbe is the largest number of buckets that a lookup reads.
func longestProbe(x *Table) int {
	longest := 0
	x.Scan(Cursor{}, 0, func(k Key, r Ref) bool {
		home := homeOf(x.dir.Load().hash(k.word())) % segBuckets
		longest = max(longest, (r.slot/bucketSlots-int(home)+segBuckets)%segBuckets+1)
		return true
	})
	return longest
}

func TestKeysOfAPatternSpreadLikeRandomOnes(t *testing.T) {
	n, seeds := 1<<16, uint64(8)
	if raceEnabled {
		n, seeds = 1<<13, 2
	}
	random := grown(n).Stats().Segments
	for name, shift := range map[string]uint{"vlans": 0, "one vlan": 12, "every 16th address": 16, "one low byte": 20, "top bits": 44} {
		for seed := range seeds {
			x := New(Config{Seed: [2]uint64{mix(seed), mix(seed + 100)}})
			for i := range n {
				x.Put(Key(i)<<shift&(1<<60-1), MakeHot(1, 0, 1), Cold{})
			}
			if x.Len() != n {
				t.Fatalf("%s: %d keys", name, x.Len())
			}
			s := x.Stats()
			if s.Segments > 2*random || s.Directory > 8*random || longestProbe(x) > 20 || s.Reseeds != 0 {
				t.Errorf("%s, seed %d: %+v, longest probe %d; random keys need %d segments", name, seed, s, longestProbe(x), random)
			}
		}
	}
}

// floodKeys returns n keys whose hashes agree in the bits of mask, for a table
// with the seed {5, 1}: its hash is one multiplication, which an attacker who
// knows the seed undoes.
func floodKeys(n int, mask uint64) []Key {
	inverse := uint64(golden)
	for range 5 {
		inverse *= 2 - golden*inverse
	}
	rng := rand.New(rand.NewPCG(7, 8))
	keys, seen := make([]Key, 0, n), map[uint64]bool{}
	for len(keys) < n {
		if word := (rng.Uint64() &^ mask * inverse) ^ 5; word == keyOf(word).word() && !seen[word] {
			seen[word] = true
			keys = append(keys, keyOf(word))
		}
	}
	return keys
}

func TestFloodWithAKnownSeedIsEscaped(t *testing.T) {
	const n = 20_000
	for name, mask := range map[string]uint64{
		"one bucket":             (segBuckets - 1) << 32,
		"one segment":            0xfffffff << 36,
		"one bucket and segment": 0xffffffff << 32,
	} {
		x := New(Config{Seed: [2]uint64{5, 1}})
		keys := floodKeys(n, mask)
		x.Put(keys[0], MakeHot(0, 0, 1), Cold{})
		snap := x.Snapshot()
		for i, k := range keys {
			x.Put(k, MakeHot(uint16(i), 0, 1), Cold{Seq: uint64(i)})
		}
		for i, k := range keys {
			if r, ok := x.Probe(k); !ok || r.Hot().Port() != uint16(i) || r.Seq() != uint64(i) {
				t.Fatalf("%s: key %d is lost", name, i)
			}
		}
		s := x.Stats()
		if s.Reseeds == 0 || s.Reseeds > 4 || longestProbe(x) > 20 || s.Directory > 1024 || s.Live != n || snap.Len() != 1 {
			t.Errorf("%s: %+v, longest probe %d", name, s, longestProbe(x))
		}
		if _, ok := snap.Find(keys[0]); !ok {
			t.Errorf("%s: the snapshot lost its entry", name)
		}
		checkBooks(t, x)
	}
}

func TestTouchIsCarriedAndNeverGoesBack(t *testing.T) {
	x := grown(100)
	k := stationKey(3)
	r, _ := x.Probe(k)
	x.Touch(r, 800)
	x.Touch(r, 640)
	x.Snapshot()
	x.Put(k, MakeHot(9, 0, 0), Cold{Used: 8}) // clones
	x.Touch(r, 1600)                          // through a Ref of the replaced segment
	now, _ := x.Probe(k)
	if now.seg == r.seg || r.Cold().Used != 1600 || now.Cold().Used != 1600 {
		t.Errorf("used %d in the old segment, %d in the table", r.Cold().Used, now.Cold().Used)
	}
}

func TestStoppedScanBeginsWithTheSameSegment(t *testing.T) {
	x := grown(5000)
	seen := map[Key]bool{}
	stops := 0
	for c := (Cursor{}); !c.Done(); {
		fresh := 0
		c = x.Scan(c, 2, func(k Key, _ Ref) bool {
			if !seen[k] {
				fresh++
			}
			seen[k] = true
			return fresh < 100
		})
		if fresh == 100 {
			stops++
		}
	}
	if len(seen) != 5000 || stops < 40 {
		t.Errorf("saw %d keys of 5000, stopped %d times", len(seen), stops)
	}
}

func TestScanPortSeesOnePort(t *testing.T) {
	x := New(Config{Seed: testSeed})
	want := map[Key]bool{}
	for i := range 5000 {
		x.Put(stationKey(i), MakeHot(uint16(i%7), 0, 1), Cold{})
		if i%7 == 0 {
			want[stationKey(i)] = true
		}
	}
	x.ScanPort(Cursor{}, 0, 0, func(k Key, r Ref) bool {
		if !want[k] {
			t.Errorf("key %x on port %d", k, r.Hot().Port())
		}
		delete(want, k)
		return true
	})
	if len(want) != 0 {
		t.Errorf("%d keys of port 0 not seen", len(want))
	}
}

func TestDataPathAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the detector allocates")
	}
	x := grown(10_000)
	keys, out := make([]Key, 200), make([]Hot, 200)
	for i := range keys {
		keys[i] = stationKey(i * 60)
	}
	tick, sum := uint64(1<<20), 0
	snap := x.Snapshot()
	for name, f := range map[string]func(){
		"Find":      func() { x.Find(keys[1]); x.Find(1) },
		"FindBatch": func() { x.Prefetch(keys); findBatch(x, keys, out) },
		"Refresh":   func() { tick++; x.Refresh(keys[2], MakeHot(120, 0, 0), PortMask, tick) },
		"Mark":      func() { x.Mark(keys[3], Marked); x.Unmark(keys[3], Marked) },
		"Touch": func() {
			r, _ := x.Probe(keys[4])
			tick += UsedUnit
			x.Touch(r, tick)
		},
		"Put":    func() { x.Put(keys[5], MakeHot(1, 0, tick), Cold{Seq: tick}) },
		"Update": func() { x.Update(keys[5], func(h Hot, c Cold) (Hot, Cold) { return h ^ Static, c }) },
		"Delete": func() { x.Delete(keys[6]); x.Put(keys[6], MakeHot(1, 0, 0), Cold{}) },
		"Scan": func() {
			x.ScanPort(Cursor{}, 0, 5, func(Key, Ref) bool { sum++; return true })
		},
		"Snapshot.All": func() {
			for range snap.All() {
				sum++
			}
		},
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

// Stations that leave and come back, and replacements, cost no memory.
func TestUpdatesMakeNoGarbage(t *testing.T) {
	if raceEnabled {
		t.Skip("the detector allocates")
	}
	const n, ops = 1 << 14, 1 << 19
	x := grown(n)
	rng := rand.New(rand.NewPCG(5, 6))
	mixed := func() {
		for i := range ops {
			k := stationKey(rng.IntN(n * 5 / 4))
			switch i % 4 {
			case 3:
				x.Delete(k)
			default:
				x.Put(k, MakeHot(uint16(i), 0, uint64(i)), Cold{Seq: uint64(i)})
			}
		}
	}
	mixed()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	mixed()
	runtime.ReadMemStats(&after)
	if per := float64(after.TotalAlloc-before.TotalAlloc) / ops; per > 8 {
		t.Errorf("%.1f bytes of garbage an update, want at most 8", per)
	}
}
