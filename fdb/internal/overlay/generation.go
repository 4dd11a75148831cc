package overlay

import (
	"slices"

	"github.com/switchcore/switchcore/fdb/internal/cam"
)

// record is a pending learn. Under the pending lock.
type record struct {
	older  *record // of the same key in the same generation
	cell   *cell   // what readers see of it
	key    cam.Key
	seq    uint64
	stamp  uint64
	port   uint16
	roamed bool // stands for several learns, on more than one port
	locked bool // the port was locked: it makes an entry, and moves none
	// reserves: it may make an entry that counts, and room is kept for it.
	reserves bool
}

// word is what readers see: port 16, roamed 1, locked 1, number 46. 46 bits last
// two years of a million new stations a second.
func (r *record) word() uint64 { return uint64(r.port)<<48 | r.kind() | r.seq }

func (r *record) kind() (bits uint64) {
	if r.roamed {
		bits |= roamedBit
	}
	if r.locked {
		bits |= lockedBit
	}
	return bits
}

const (
	roamedBit = 1 << 47
	lockedBit = 1 << 46
	kindBits  = roamedBit | lockedBit
	seqMask   = lockedBit - 1
	// consumed is the word of a record that is in the main table, or superseded.
	consumed = roamedBit
)

// station is a key and its live records, newest first.
type station struct {
	key  cam.Key
	last *record
}

// generation is a set of records, in the order in which they came, and an index
// of them for readers, and for whoever holds the pending lock. Both only grow; a
// record is live as long as its cell leads to it. Nobody needs an order of the
// keys before the worker applies them, so a learn does not pay for one.
type generation struct {
	index index

	// Under the pending lock; nobody writes to the records of a sealed generation.
	slab  []record
	full  [][]record // slabs
	live  int
	first uint64 // number of the first learn, 0 without: carried ones don't count
}

func newGeneration(hint int, seed [2]uint64) *generation {
	g := &generation{}
	g.index.init(hint, seed)
	return g
}

const slabSize = 128

func (g *generation) newRecord() *record {
	if len(g.slab) == cap(g.slab) {
		if g.slab != nil {
			g.full = append(g.full, g.slab)
		}
		g.slab = make([]record, 0, slabSize)
	}
	g.slab = g.slab[:len(g.slab)+1]
	return &g.slab[len(g.slab)-1]
}

// slabs calls visit for all records, in slices.
func (g *generation) slabs(visit func([]record)) {
	for _, slab := range g.full {
		visit(slab)
	}
	visit(g.slab)
}

// last returns the newest live record of a key, nil if there is none.
func (g *generation) last(k cam.Key) (last *record) {
	if g == nil || g.live == 0 || g.index.lacks(k) {
		return nil
	}
	for p := g.index.search(k); p.next(); {
		if r := p.cell.rec; r != nil && (last == nil || r.seq > last.seq) {
			last = r
		}
	}
	return last
}

// keys appends the keys of all records, each once and in their order. It needs no
// lock if the generation is sealed.
func (g *generation) keys(to []cam.Key) []cam.Key {
	g.slabs(func(slab []record) {
		for i := range slab {
			to = append(to, slab[i].key)
		}
	})
	slices.Sort(to)
	return slices.Compact(to)
}

// each calls visit for every live station.
func (g *generation) each(visit func(station)) {
	g.slabs(func(slab []record) {
		for i := range slab {
			if r := &slab[i]; g.last(r.key) == r {
				visit(station{r.key, r})
			}
		}
	})
}

// insert adds a record in its place by number. Readers see it when it returns.
func (g *generation) insert(rec record) { g.insertAfter(g.last(rec.key), rec) }

// insertAfter is insert of a record whose key has last as its newest.
func (g *generation) insertAfter(last *record, rec record) {
	r := g.newRecord()
	*r = rec
	switch {
	case last == nil:
	case last.seq < r.seq:
		r.older = last
	default:
		p := last
		for p.older != nil && p.older.seq > r.seq {
			p = p.older
		}
		r.older, p.older = p.older, r
	}
	g.live++
	r.cell = g.index.insert(r)
}

// change stores what readers see after a record was changed in place.
func (r *record) change() {
	r.cell.stamp.Store(r.stamp)
	r.cell.word.Store(r.word())
}

// records appends the live records of a key, oldest first.
func (d *descriptor) records(to []*record, k cam.Key) []*record {
	for _, g := range [2]*generation{d.sealed, d.open} {
		for r := g.last(k); r != nil; r = r.older {
			i := len(to)
			to = append(to, r)
			for ; i > 0 && to[i-1].seq > r.seq; i-- {
				to[i] = to[i-1]
			}
			to[i] = r
		}
	}
	return to
}

// forget takes all records of a key out.
func (g *generation) forget(k cam.Key) {
	if g == nil || g.live == 0 {
		return
	}
	for p := g.index.search(k); p.next(); {
		if p.cell.rec != nil {
			p.cell.rec = nil
			g.live--
		}
	}
}
