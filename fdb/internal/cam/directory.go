package cam

import (
	"math/bits"
	"unsafe"

	"github.com/switchcore/switchcore/internal/atomic"
)

// directory maps the top bits of a hash to segments. Its length is a power of
// two; a segment of less depth fills an aligned run of entries. Entries of the
// published directory are replaced by the writer; those of a replaced directory,
// and of a snapshot's, never change again.
type directory struct {
	// The search in assembly relies on these four being first.
	first *atomic.Pointer[segment] // of segs
	shift uint                     // 64 - bits
	seed  [2]uint64
	// vector says that the processor can search a bucket in one step.
	vector bool
	segs   []atomic.Pointer[segment]
	// gen changes with the seed: positions in hash space mean nothing across it.
	gen uint64
}

func newDirectory(bits uint, seed [2]uint64, gen uint64, vector bool) *directory {
	segs := make([]atomic.Pointer[segment], 1<<bits)
	return &directory{first: &segs[0], segs: segs, shift: 64 - bits, seed: seed, gen: gen, vector: vector}
}

// hash is a keyed multiply and fold: MAC addresses are chosen by attackers. The
// directory takes its top bits, and [homeOf] the middle ones. The fold alone maps
// addresses that count up to progressions, which one seed in a hundred piles up
// in a few buckets; the last multiplication makes them look random.
func (d *directory) hash(key uint64) uint64 {
	hi, lo := bits.Mul64(key^d.seed[0], d.seed[1])
	return (hi ^ lo) * golden
}

// golden is 2^64 divided by the golden ratio, as in Knuth's multiplicative hash.
const golden = 0x9e3779b97f4a7c15

// homeOf returns a number whose low bits are the home bucket of a hash.
func homeOf(hash uint64) uint64 { return hash >> homeShift }

const homeShift = 32

// at returns the segment of a hash. It is segs[hash>>shift], in bounds because
// segs has as many entries as 64-shift bits have values.
func (d *directory) at(hash uint64) *segment {
	return (*atomic.Pointer[segment])(unsafe.Add(unsafe.Pointer(d.first), uintptr(hash>>(d.shift&63))*unsafe.Sizeof(*d.first))).Load()
}

func (d *directory) bits() uint { return 64 - d.shift }

// copyOf returns a directory of the given bits with the same segments.
func (d *directory) copyOf(bits uint) *directory {
	n := newDirectory(bits, d.seed, d.gen, d.vector)
	if bits == d.bits() {
		atomic.CopyPointers(n.segs, d.segs)
		return n
	}
	for i := range n.segs {
		j := i
		if bits > d.bits() {
			j >>= bits - d.bits()
		} else {
			j <<= d.bits() - bits
		}
		n.segs[i].Store(d.segs[j].Load())
	}
	return n
}

// run returns the segment at index i and the index after the last of the
// entries from i on that hold the same one.
func (d *directory) run(i int) (*segment, int) {
	s := d.segs[i].Load()
	for i++; i < len(d.segs) && d.segs[i].Load() == s; i++ {
	}
	return s, i
}
