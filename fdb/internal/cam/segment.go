package cam

import (
	"unsafe"

	"github.com/switchcore/switchcore/internal/atomic"
)

const bucketSlots = 4

// bucket is one cache line. Its slots fill in order. The first key word says with
// spilled that a key was pushed on to the next bucket; without it nobody need
// look there. The bit is set before that key is.
type bucket struct {
	key [bucketSlots]atomic.Uint64
	hot [bucketSlots]atomic.Uint64
}

// segment holds no pointers: the allocator then gives it no header, its size
// class is a multiple of 64, and every bucket is exactly one cache line.
type segment struct {
	buckets [segBuckets]bucket
	cold    [segSlots]atomic.Uint64
	used    [segSlots]atomic.Uint32
}

// The words of a segment are addressed by hand: for an index the compiler first looks
// whether there is a segment, by a load of its first line, and that is one that nobody
// needs and that is mostly not in the cache.

func (s *segment) bucket(b uint64) *bucket {
	return (*bucket)(unsafe.Add(unsafe.Pointer(s), b%segBuckets*uint64(unsafe.Sizeof(bucket{}))))
}

// home returns the home bucket of a hash, which is bucket(homeOf(hash)), with one
// shift where that has two.
func (s *segment) home(hash uint64) *bucket {
	const size = unsafe.Sizeof(bucket{})
	return (*bucket)(unsafe.Add(unsafe.Pointer(s), hash/(1<<homeShift/uint64(size))&uint64((segBuckets-1)*size)))
}

func (s *segment) key(slot int) *atomic.Uint64 {
	// A bucket is twice as long as its keys.
	i := uint(slot) % segSlots
	return (*atomic.Uint64)(unsafe.Add(unsafe.Pointer(s), i*8+i&^(bucketSlots-1)*8))
}

func (s *segment) hot(slot int) *atomic.Uint64 {
	const hot = unsafe.Offsetof(bucket{}.hot)
	return (*atomic.Uint64)(unsafe.Add(unsafe.Pointer(s.key(slot)), hot))
}

func (s *segment) coldOf(slot int) *atomic.Uint64 {
	const cold = unsafe.Offsetof(segment{}.cold)
	return (*atomic.Uint64)(unsafe.Add(unsafe.Pointer(s), cold+uintptr(slot)%segSlots*8))
}

func (s *segment) usedOf(slot int) *atomic.Uint32 {
	const used = unsafe.Offsetof(segment{}.used)
	return (*atomic.Uint32)(unsafe.Add(unsafe.Pointer(s), used+uintptr(slot)%segSlots*4))
}

// slotOf returns the only slot that may hold a key: the one whose word is the
// key, else the first, whose word the caller looks at in any case. The comparisons
// are arithmetic: as branches they would mispredict.
func (b *bucket) slotOf(key uint64) uint {
	return equal(b.key[1].Load(), key) + 2*equal(b.key[2].Load(), key) + 3*equal(b.key[3].Load(), key)
}

// equal returns 1 or 0.
func equal(a, b uint64) (one uint) {
	if a == b {
		one = 1
	}
	return one
}

// find returns the hot word of a key, Frozen included, 0 if it is not live.
func (s *segment) find(key, hash uint64) uint64 {
	for b := homeOf(hash); ; b++ {
		bk := s.bucket(b)
		slot := bk.slotOf(key)
		switch w := bk.key[slot%bucketSlots].Load(); {
		case w&^spilled == key:
			return bk.hot[slot%bucketSlots].Load()
		case w&spilled == 0:
			return 0
		}
	}
}

// locate returns the slot of a key, live or dead, or -1.
func (s *segment) locate(key, hash uint64) int {
	for b := homeOf(hash); ; b++ {
		bk := s.bucket(b)
		slot := bk.slotOf(key)
		switch w := bk.key[slot%bucketSlots].Load(); {
		case w&^spilled == key:
			return int(b%segBuckets*bucketSlots) + int(slot)
		case w&spilled == 0:
			return -1
		}
	}
}

// free returns the first empty slot for a hash and how many full buckets come
// before it. The writer keeps one slot empty in every segment. How many of a bucket's
// slots are in use is counted: branches that depend on it would mispredict.
func (s *segment) free(hash uint64) (slot, full int) {
	for b := homeOf(hash); ; b++ {
		bk := s.bucket(b)
		empty := equal(bk.key[0].Load(), 0) + equal(bk.key[1].Load(), 0) + equal(bk.key[2].Load(), 0) + equal(bk.key[3].Load(), 0)
		if empty > 0 {
			return int(b%segBuckets)*bucketSlots + bucketSlots - int(empty), full
		}
		full++
	}
}

// fetch asks for the two lines that a write to the home bucket needs, so that
// their latencies overlap; the locked stores that follow would serialise them.
func (s *segment) fetch(hash uint64) {
	b := homeOf(hash) % segBuckets
	atomic.Fetch64(&s.bucket(b).key[0])
	atomic.Fetch64(s.coldOf(int(b * bucketSlots)))
}

// insert publishes a new key: what is read last is written first, and all of it by the
// key. Nobody reads the cold part of a slot before that, so plain stores do for it.
func (s *segment) insert(slot int, hash, key uint64, h Hot, cold uint64, used uint32) {
	for b := homeOf(hash) % segBuckets; int(b) != slot/bucketSlots; b = (b + 1) % segBuckets {
		if w := &s.bucket(b).key[0]; w.Load()&spilled == 0 {
			ahead(w, w.Load()|spilled)
		}
	}
	if used != 0 { // as it is in a slot that is new
		atomic.Init32(s.usedOf(slot), used)
	}
	atomic.Init64(s.coldOf(slot), cold)
	ahead(s.hot(slot), uint64(h))
	s.key(slot).Store(key)
}
