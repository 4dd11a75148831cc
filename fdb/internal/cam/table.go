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
	live   atomic.Uint64 // only the writer changes it
	meta   []extent      // one per directory entry
	depths [maxBits + 1]int
	segs   int
	epoch  uint64
	stats  Stats
	seeded bool
	// reseedAt is the population from which a new seed is worth its price again.
	reseedAt int
	// none is the segment that stands for all that were emptied at once.
	none *segment
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
	d := newDirectory(minBits, seed, gen, hasVector()) // asks the processor, which in a virtual machine takes long
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
	h := t.Get(k.Word()) &^ Frozen
	return h, h != 0
}

// Get returns the hot word of a key, 0 for none. It is small enough to become part
// of its callers, and therefore leaves Frozen in.
func (t *Table) Get(w Word) Hot { return Hot(find(t.dir.Load(), uint64(w))) }

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

// GetBatch sets out[i] to what Get returns for words[i]. out must be as long as
// words. It costs a third of single calls in a large table: all lines are asked for
// before the first is needed.
func (t *Table) GetBatch(words []Word, out []Hot) {
	out = out[:len(words)]
	d := t.dir.Load()
	for len(words) > 0 {
		n := min(len(words), batch)
		findEach(d, words[:n], out[:n])
		words, out = words[n:], out[n:]
	}
}

// Prefetch asks for the lines that writes to these keys will need. A writer that
// has many keys to write calls it for some dozens, then writes those: their
// latencies overlap, where those of single writes add up. It changes nothing. It is
// for the writer to call.
func (t *Table) Prefetch(keys []Key) {
	prefetch(t.dir.Load(), t.meta, keys)
}

// Follow goes on where [Table.Prefetch] ended, when it is some dozen keys ago: where
// it sees now that a bucket is full it asks for the next. Without it one write in
// ten waits for its line alone.
func (t *Table) Follow(keys []Key) { follow(t.dir.Load(), keys) }

// GetUsed is Get of an entry that is used at tick, as [Table.Touch] notes it.
func (t *Table) GetUsed(w Word, tick uint64) Hot {
	h, s, slot := findUsed(t.dir.Load(), uint64(w))
	if h != 0 && s.used[slot%segSlots].Load() < packUsed(tick) {
		t.Touch(Ref{seg: s, slot: slot, hot: Hot(h)}, tick)
	}
	return Hot(h)
}
