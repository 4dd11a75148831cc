package overlay

import (
	"math/bits"

	"github.com/google/btree"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/internal/atomic"
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
}

// word is what readers see: port 16, roamed 1, number 47. 47 bits last four
// years of a million new stations a second.
func (r *record) word() uint64 {
	w := uint64(r.port)<<48 | r.seq
	if r.roamed {
		w |= roamedBit
	}
	return w
}

const (
	roamedBit = 1 << 47
	seqMask   = roamedBit - 1
	// consumed is the word of a record that is in the main table, or superseded.
	consumed = roamedBit
)

// station is a key of the tree and its records, newest first.
type station struct {
	key  cam.Key
	last *record
}

// generation is a set of records: a tree for the worker, an index for readers.
// The index only grows; the tree holds what is live.
type generation struct {
	index index

	// Under the pending lock.
	tree  *btree.BTreeG[station]
	slab  []record
	live  int
	first uint64 // number of the first learn, 0 without: carried ones don't count
}

func newGeneration(hint int, seed [2]uint64) *generation {
	g := &generation{tree: btree.NewG(64, func(a, b station) bool { return a.key < b.key })}
	g.index.init(hint, seed)
	return g
}

const slabSize = 128

func (g *generation) newRecord() *record {
	if len(g.slab) == cap(g.slab) {
		g.slab = make([]record, 0, slabSize)
	}
	g.slab = append(g.slab, record{})
	return &g.slab[len(g.slab)-1]
}

// last returns the newest live record of a key, nil if there is none.
func (g *generation) last(k cam.Key) *record {
	if g == nil || g.live == 0 {
		return nil
	}
	s, _ := g.tree.Get(station{key: k})
	return s.last
}

// insert adds a record in its place by number. Readers see it when it returns.
func (g *generation) insert(rec record) {
	r := g.newRecord()
	*r = rec
	s, _ := g.tree.Get(station{key: r.key})
	if s.last == nil || s.last.seq < r.seq {
		r.older = s.last
		g.tree.ReplaceOrInsert(station{key: r.key, last: r})
	} else {
		p := s.last
		for p.older != nil && p.older.seq > r.seq {
			p = p.older
		}
		r.older, p.older = p.older, r
	}
	g.live++
	r.cell = g.index.insert(r.key, r.word(), r.stamp)
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

// forget takes all records of a key out of the tree.
func (g *generation) forget(k cam.Key) {
	if g == nil || g.live == 0 {
		return
	}
	s, _ := g.tree.Delete(station{key: k})
	for r := s.last; r != nil; r = r.older {
		g.live--
	}
}

// index is what readers search: blocks of open addressing, of which only the
// last is filled. Keys are write-once.
type index struct {
	head *block
	last *block // under the pending lock
	// n counts insertions ever, so that readers can skip an empty index.
	n    atomic.Uint32
	seed [2]uint64
}

type cell struct {
	key   atomic.Uint64 // 0 = empty
	word  atomic.Uint64
	stamp atomic.Uint64
}

type block struct {
	cells []cell
	next  atomic.Pointer[block]
	used  int // under the pending lock
}

const (
	minBlock = 16
	maxBlock = 1 << 16
	occupied = 1 << 63
)

func (x *index) init(hint int, seed [2]uint64) {
	x.seed = [2]uint64{seed[0], seed[1] | 1}
	size := minBlock
	for size < 2*hint && size < maxBlock {
		size *= 2
	}
	x.head = &block{cells: make([]cell, size)}
	x.last = x.head
}

// home is where the search for a key begins. It is keyed, as the main table's hash
// is: whoever could choose addresses that all begin at one place would make every
// learn and every miss walk over all that is pending.
func (x *index) home(k cam.Key) uint64 {
	hi, lo := bits.Mul64(uint64(k)^x.seed[0], x.seed[1])
	return (hi ^ lo) * 0x9e3779b97f4a7c15 >> 32
}

// insert adds a cell, the word before the key.
func (x *index) insert(k cam.Key, word, stamp uint64) *cell {
	b := x.last
	if 2*b.used >= len(b.cells) {
		b = &block{cells: make([]cell, min(4*len(b.cells), maxBlock))}
		x.last.next.Store(b)
		x.last = b
	}
	b.used++
	mask := uint64(len(b.cells) - 1)
	for i := x.home(k) & mask; ; i = (i + 1) & mask {
		c := &b.cells[i]
		if c.key.Load() != 0 {
			continue
		}
		c.stamp.Store(stamp)
		c.word.Store(word)
		c.key.Store(uint64(k) | occupied)
		x.n.Add(1)
		return c
	}
}

// cells calls visit with every cell of a key, in order of insertion.
func (x *index) cells(k cam.Key, visit func(*cell)) {
	key, home := uint64(k)|occupied, x.home(k)
	for b := x.head; b != nil; b = b.next.Load() {
		mask := uint64(len(b.cells) - 1)
		for i := home & mask; ; i = (i + 1) & mask {
			c := &b.cells[i]
			at := c.key.Load()
			if at == 0 {
				break
			}
			if at == key {
				visit(c)
			}
		}
	}
}
