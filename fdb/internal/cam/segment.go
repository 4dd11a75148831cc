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

func (s *segment) key(slot int) *atomic.Uint64 {
	return &s.buckets[slot/bucketSlots%segBuckets].key[slot%bucketSlots]
}

func (s *segment) hot(slot int) *atomic.Uint64 {
	return &s.buckets[slot/bucketSlots%segBuckets].hot[slot%bucketSlots]
}

// home returns the home bucket of a hash: buckets[homeOf(hash)%segBuckets], with
// one shift where that has two.
func (s *segment) home(hash uint64) *bucket {
	const size = unsafe.Sizeof(bucket{})
	return (*bucket)(unsafe.Add(unsafe.Pointer(s), hash/(1<<homeShift/uint64(size))&uint64((segBuckets-1)*size)))
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
		bk := &s.buckets[b%segBuckets]
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
		bk := &s.buckets[b%segBuckets]
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
// before it. The writer keeps one slot empty in every segment.
func (s *segment) free(hash uint64) (slot, full int) {
	for b := homeOf(hash); ; b++ {
		bk := &s.buckets[b%segBuckets]
		for i := range bk.key {
			if bk.key[i].Load() == 0 {
				return int(b%segBuckets)*bucketSlots + i, full
			}
		}
		full++
	}
}

// fetch asks for the two lines that a write to the home bucket needs, so that
// their latencies overlap; the locked stores that follow would serialise them.
func (s *segment) fetch(hash uint64) {
	b := homeOf(hash) % segBuckets
	atomic.Fetch64(&s.buckets[b].key[0])
	atomic.Fetch64(&s.cold[b*bucketSlots])
}

// insert publishes a new key: what is read last is written first. Nobody reads
// the cold part of a slot before its key, so plain stores do for that.
func (s *segment) insert(slot int, hash, key uint64, h Hot, cold uint64, used uint32) {
	for b := homeOf(hash) % segBuckets; int(b) != slot/bucketSlots; b = (b + 1) % segBuckets {
		if w := &s.buckets[b].key[0]; w.Load()&spilled == 0 {
			w.Store(w.Load() | spilled)
		}
	}
	if used != 0 { // as it is in a slot that is new
		atomic.Init32(&s.used[slot], used)
	}
	atomic.Init64(&s.cold[slot], cold)
	s.hot(slot).Store(uint64(h))
	s.key(slot).Store(key)
}

// fill is insert into a segment that nobody else can reach yet.
func (s *segment) fill(hash, key uint64, h Hot, cold uint64, used uint32) {
	slot, _ := s.free(hash)
	for b := homeOf(hash) % segBuckets; int(b) != slot/bucketSlots; b = (b + 1) % segBuckets {
		w := &s.buckets[b].key[0]
		atomic.Init64(w, w.Load()|spilled)
	}
	atomic.Init32(&s.used[slot], used)
	atomic.Init64(&s.cold[slot], cold)
	atomic.Init64(s.hot(slot), uint64(h))
	atomic.Init64(s.key(slot), key)
}

// freeze stops every change in place of a live word and returns its last value,
// 0 if it is dead. Only the writer revives, so the dead need no freezing.
func freeze(w *atomic.Uint64) Hot {
	for {
		h := w.Load()
		if h == 0 || w.CompareAndSwap(h, h|uint64(Frozen)) {
			return Hot(h) &^ Frozen
		}
	}
}

// drain freezes every live slot but that of the key skip and hands a copy to
// put. The cold part and the time of use are read after the freeze: a touch that
// sees no frozen word after it wrote is in the copy.
func (s *segment) drain(skip uint64, put func(key uint64, h Hot, cold uint64, used uint32)) {
	for b := range s.buckets {
		bk := &s.buckets[b]
		for i := range bk.key {
			key := bk.key[i].Load() &^ spilled
			if key == 0 {
				break
			}
			if key == skip {
				continue
			}
			if h := freeze(&bk.hot[i]); h != 0 {
				slot := b*bucketSlots + i
				put(key, h, s.cold[slot].Load(), s.used[slot].Load())
			}
		}
	}
}
