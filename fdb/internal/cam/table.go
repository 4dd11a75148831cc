package cam

import (
	"math/rand/v2"

	"github.com/switchcore/switchcore/internal/atomic"
)

// Config is what a table can be told. The zero Config is right.
type Config struct {
	// Seed keys the hash; zero means a random one. Set it only where runs must
	// repeat.
	Seed [2]uint64
}

// Table is the main table. Make one with [New].
type Table struct {
	dir atomic.Pointer[directory]
	_   [56]byte // the writer's words must not share the readers' line

	// turn is odd while segments are frozen that are still in the directory.
	turn   atomic.Uint64
	live   atomic.Int64
	meta   []extent // one per directory entry
	depths [maxBits + 1]int
	segs   int
	epoch  uint64
	stats  Stats
	seeded bool
	// reseedAt is the population from which a new seed is worth its price again.
	reseedAt int
}

// extent is what the writer knows of a segment. It stands at the first
// directory entry of the segment's run; depth is right at all of them.
type extent struct {
	epoch uint64 // of creation: an older one is shared with a snapshot
	live  uint16
	used  uint16 // live and dead
	depth uint8
}

// New returns an empty table.
func New(cfg Config) *Table {
	t := &Table{seeded: cfg.Seed != [2]uint64{}}
	seed := cfg.Seed
	if !t.seeded {
		seed = randomSeed()
	}
	t.reset(oddSeed(seed), 0)
	return t
}

func randomSeed() [2]uint64 { return [2]uint64{rand.Uint64(), rand.Uint64()} }

// oddSeed makes the multiplier invertible.
func oddSeed(seed [2]uint64) [2]uint64 { seed[1] |= 1; return seed }

// reset publishes an empty directory.
func (t *Table) reset(seed [2]uint64, gen uint64) {
	d := newDirectory(minBits, seed, gen)
	s := new(segment)
	for i := range d.segs {
		d.segs[i].Store(s)
	}
	t.meta = make([]extent, len(d.segs))
	t.meta[0].epoch = t.epoch
	t.depths = [maxBits + 1]int{0: 1}
	t.segs = 1
	t.dir.Store(d)
	t.live.Store(0)
}

// Len returns the number of entries.
func (t *Table) Len() int { return int(t.live.Load()) }

// Find returns the hot word of a key. It reads one cache line of the table and
// allocates nothing.
func (t *Table) Find(k Key) (Hot, bool) {
	d := t.dir.Load()
	key := k.word()
	hash := d.hash(key)
	v := Hot(d.at(hash).find(key, hash)) &^ Frozen
	return v, v != 0
}

// Probe returns the slot of a live key: its hot word and its cold part from the
// same segment object.
func (t *Table) Probe(k Key) (Ref, bool) {
	r := t.probe(k.word())
	r.hot &^= Frozen
	return r, r.hot != 0
}

// probe is Probe with Frozen left in.
func (t *Table) probe(key uint64) Ref {
	d := t.dir.Load()
	hash := d.hash(key)
	s := d.at(hash)
	slot := s.locate(key, hash)
	if slot < 0 {
		return Ref{}
	}
	return Ref{seg: s, slot: slot, hot: Hot(s.hot(slot).Load())}
}

const batch = 64

// FindBatch sets out[i] to the hot word of keys[i], 0 where there is none. out
// must be as long as keys. It costs a third of single calls in a large table:
// all lines are asked for before the first is needed.
func (t *Table) FindBatch(keys []Key, out []Hot) {
	out = out[:len(keys)]
	for len(keys) > 0 {
		n := min(len(keys), batch)
		t.findStaged(keys[:n], out[:n])
		keys, out = keys[n:], out[n:]
	}
}

func (t *Table) findStaged(keys []Key, out []Hot) {
	var hashes [batch]uint64
	var segs [batch]*segment
	d := t.dir.Load()
	for i, k := range keys {
		hash := d.hash(k.word())
		hashes[i%batch], segs[i%batch] = hash, d.at(hash)
	}
	for i := range keys {
		atomic.Fetch64(&segs[i%batch].buckets[homeOf(hashes[i%batch])%segBuckets].key[0])
	}
	for i, k := range keys {
		out[i] = Hot(segs[i%batch].find(k.word(), hashes[i%batch])) &^ Frozen
	}
}

// Prefetch asks for the lines that writes to these keys will need. A writer that
// has many keys to write calls it for some dozens, then writes those: their
// latencies overlap, where those of single writes add up. It changes nothing.
func (t *Table) Prefetch(keys []Key) {
	d := t.dir.Load()
	for _, k := range keys {
		hash := d.hash(k.word())
		d.at(hash).fetch(hash)
	}
}
