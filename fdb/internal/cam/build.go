package cam

import (
	"math/bits"

	"github.com/switchcore/switchcore/internal/atomic"
)

const (
	// GroupSlots is how many slots make a group.
	GroupSlots = min(64, segSlots)
	// Groups is how many groups a segment has.
	Groups = segSlots / GroupSlots
	// AskSlots is how many slots ask is about: those whose times of use are a line.
	AskSlots = 16

	groupBuckets = GroupSlots / bucketSlots
)

// slots is a set of slots, a word for each group.
type slots [Groups]uint64

// live returns which slots of a group have an entry, the first as the lowest bit. It
// has no branch that depends on what they hold.
func (s *segment) live(group int) (live uint64) {
	for b := groupBuckets - 1; b >= 0; b-- {
		hot := &s.bucket(uint64(group*groupBuckets + b)).hot
		live = push(live, hot[3].Load())
		live = push(live, hot[2].Load())
		live = push(live, hot[1].Load())
		live = push(live, hot[0].Load())
	}
	return live
}

// held is live with the slots of the dead.
func (s *segment) held(group int) (held uint64) {
	for b := groupBuckets - 1; b >= 0; b-- {
		key := &s.bucket(uint64(group*groupBuckets + b)).key
		held = push(held, key[3].Load())
		held = push(held, key[2].Load())
		held = push(held, key[1].Load())
		held = push(held, key[0].Load())
	}
	return held
}

// push shifts a bit into a set from the right: whether v is not 0.
func push(set, v uint64) uint64 {
	_, carry := bits.Add64(v, ^uint64(0), 0)
	set, _ = bits.Add64(set, set, carry)
	return set
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

// frozen are the live slots of a segment that is being replaced: which they are, and
// their hot words, which are the last ones there will be.
type frozen struct {
	live slots
	hot  [segSlots]Hot
}

// freeze freezes every live slot but spare, if that is not negative. It is a pass of
// its own: nothing overlaps with the locked instructions, whatever follows does with
// itself.
func (f *frozen) freeze(s *segment, spare int) {
	ask(s, 0)
	for group := range f.live {
		held := s.held(group)
		if spare >= 0 && spare/GroupSlots == group {
			held &^= 1 << (spare % GroupSlots)
		}
		base := group * GroupSlots
		for next := base + AskSlots; held != 0; next += AskSlots {
			if next < segSlots {
				ask(s, next/AskSlots)
			}
			for n := min(bits.OnesCount64(held), AskSlots/2); n > 0; n-- {
				i := bits.TrailingZeros64(held)
				held &= held - 1
				h := freeze(s.hot(base + i))
				f.hot[(base+i)%segSlots] = h
				f.live[group] |= push(0, uint64(h)) << i
			}
		}
	}
}

// all calls yield with every slot and its hot word.
func (f *frozen) all(yield func(slot int, h Hot) bool) {
	for group, some := range f.live {
		for ; some != 0; some &= some - 1 {
			slot := group*GroupSlots + bits.TrailingZeros64(some)
			if !yield(slot, f.hot[slot%segSlots]) {
				return
			}
		}
	}
}

// builder fills a segment that nobody else can reach yet.
type builder struct {
	s    *segment
	used [segBuckets]uint8 // slots of a bucket
	live uint16
}

func (b *builder) put(hash, key uint64, h Hot, cold uint64, used uint32) {
	i := homeOf(hash) % segBuckets
	for b.used[i] == bucketSlots {
		first := &b.s.bucket(i).key[0]
		atomic.Init64(first, first.Load()|spilled)
		i = (i + 1) % segBuckets
	}
	slot := int(i)*bucketSlots + int(b.used[i])
	b.used[i]++
	b.live++
	if used != 0 {
		atomic.Init32(b.s.usedOf(slot), used)
	}
	atomic.Init64(b.s.coldOf(slot), cold)
	atomic.Init64(b.s.hot(slot), uint64(h))
	atomic.Init64(b.s.key(slot), key)
}

// extent is what the writer is to know of the segment.
func (b *builder) extent(epoch uint64, depth uint8) extent {
	return extent{epoch: epoch, live: b.live, used: b.live, depth: depth}
}

// pour freezes every live slot but spare and puts copies into a segment. The cold part
// and the time of use are read after the freeze: a touch that sees no frozen word
// after it wrote is in the copy.
func (s *segment) pour(d *directory, spare int, to *builder) {
	var f frozen
	f.freeze(s, spare)
	for slot, h := range f.all {
		key := s.key(slot).Load() &^ spilled
		to.put(d.hash(key), key, h, s.coldOf(slot).Load(), s.usedOf(slot).Load())
	}
}

// part is pour into two segments, by a bit of the hash.
func (s *segment) part(d *directory, bit uint, to *[2]builder) {
	var f frozen
	f.freeze(s, -1)
	for slot, h := range f.all {
		key := s.key(slot).Load() &^ spilled
		hash := d.hash(key)
		to[hash>>bit&1].put(hash, key, h, s.coldOf(slot).Load(), s.usedOf(slot).Load())
	}
}

// copyTo freezes every live slot and copies them and the keys of the dead to n, which
// nobody can reach yet, each to its place.
func (s *segment) copyTo(n *segment) {
	var f frozen
	f.freeze(s, -1)
	for b := range s.buckets {
		from, to := &s.buckets[b], &n.buckets[b]
		for i := range from.key {
			atomic.Init64(&to.key[i], from.key[i].Load())
		}
	}
	for slot, h := range f.all {
		atomic.Init64(n.hot(slot), uint64(h))
		atomic.Init64(n.coldOf(slot), s.coldOf(slot).Load())
		atomic.Init32(n.usedOf(slot), s.usedOf(slot).Load())
	}
}
