package overlay

import (
	"math/bits"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/internal/atomic"
)

// index is what readers search: blocks of open addressing, of which only the last
// is filled. Each has a filter of its keys in front, a word for eight places, so
// that a search for what is not there costs one load a block. Keys are write-once,
// and so are the bits of the filters.
type index struct {
	head atomic.Pointer[block] // nil until the first insertion
	last *block                // under the pending lock
	size int                   // of the first block
	seed [2]uint64
}

type cell struct {
	key   atomic.Uint64 // 0 = empty
	word  atomic.Uint64
	stamp atomic.Uint64
	rec   *record // while it is live; under the pending lock
}

type block struct {
	cells  []cell
	filter []atomic.Uint64
	next   atomic.Pointer[block]
	used   int // under the pending lock
}

const (
	maxBlock = 1 << 16
	occupied = 1 << 63
)

func (x *index) init(hint int, seed [2]uint64) {
	x.seed = [2]uint64{seed[0], seed[1] | 1}
	x.size = minBlock
	for x.size < 2*hint && x.size < maxBlock {
		x.size *= 2
	}
}

// empty reports whether the index never held a record.
func (x *index) empty() bool { return x.head.Load() == nil }

func newBlock(cells int) *block {
	return &block{cells: make([]cell, cells), filter: make([]atomic.Uint64, max(cells/8, 1))}
}

// hash is keyed, as the main table's is: whoever could choose addresses that all
// begin at one place would make every learn and every miss walk over all that is
// pending.
func (x *index) hash(k cam.Key) uint64 {
	hi, lo := bits.Mul64(uint64(k)^x.seed[0], x.seed[1])
	return (hi ^ lo) * 0x9e3779b97f4a7c15
}

// home is where the search for a hash begins, below 1<<16, and with it its word of
// the filter; sieve are its bits there.
func home(hash uint64) uint64  { return hash >> 32 & (maxBlock - 1) }
func sieve(hash uint64) uint64 { return 1<<(hash>>58) | 1<<(hash>>52&63) }

func (b *block) sieve(hash uint64) *atomic.Uint64 {
	return &b.filter[home(hash)/8&uint64(len(b.filter)-1)]
}

// insert adds a cell for a record. A reader that does not see the key yet sees
// nothing of it, so the rest needs no order, but for the filter: who finds the key
// in one search must find it in the next.
func (x *index) insert(r *record) *cell {
	b := x.last
	switch {
	case b == nil:
		b = newBlock(x.size)
		x.last = b
		x.head.Store(b)
	case 2*b.used >= len(b.cells):
		b = newBlock(min(4*len(b.cells), maxBlock))
		x.last.next.Store(b)
		x.last = b
	}
	b.used++
	hash := x.hash(r.key)
	if w := b.sieve(hash); w.Load()&sieve(hash) != sieve(hash) {
		w.Store(w.Load() | sieve(hash))
	}
	mask := uint64(len(b.cells) - 1)
	for i := home(hash) & mask; ; i = (i + 1) & mask {
		c := &b.cells[i]
		if c.key.Load() != 0 {
			continue
		}
		atomic.Init64(&c.stamp, r.stamp)
		atomic.Init64(&c.word, r.word())
		c.rec = r
		c.key.Store(uint64(r.key) | occupied)
		return c
	}
}

// lacks reports whether the index has no cell of a key. It may say that it has one
// where it has none.
func (x *index) lacks(k cam.Key) bool {
	b := x.head.Load()
	if b == nil {
		return true
	}
	for hash := x.hash(k); b != nil; b = b.next.Load() {
		if b.sieve(hash).Load()&sieve(hash) == sieve(hash) {
			return false
		}
	}
	return true
}

// fetch asks for the cell where the search for a key begins, in every block.
func (x *index) fetch(k cam.Key) {
	hash := x.hash(k)
	for b := x.head.Load(); b != nil; b = b.next.Load() {
		atomic.Fetch64(&b.cells[home(hash)&uint64(len(b.cells)-1)].key)
	}
}

// search is a walk over the cells of a key, in order of insertion.
type search struct {
	cell  *cell
	block *block
	hash  uint64
	key   uint64
	place uint64
	begun bool // within the block
}

func (x *index) search(k cam.Key) search {
	s := search{block: x.head.Load(), key: uint64(k) | occupied}
	if s.block != nil {
		s.hash = x.hash(k)
	}
	return s
}

// next moves to the next cell and reports whether there is one.
func (s *search) next() bool {
	for s.block != nil {
		if s.begun || s.block.sieve(s.hash).Load()&sieve(s.hash) == sieve(s.hash) {
			if s.step() {
				return true
			}
		}
		s.block, s.begun = s.block.next.Load(), false
	}
	return false
}

// step is next within a block.
func (s *search) step() bool {
	if !s.begun {
		s.place, s.begun = home(s.hash), true
	}
	for mask := uint64(len(s.block.cells) - 1); ; {
		s.cell = &s.block.cells[s.place&mask]
		s.place++
		switch s.cell.key.Load() {
		case s.key:
			return true
		case 0:
			return false
		}
	}
}
