package cam

import "iter"

// Snapshot is what a table held at one instant: keys, ports, flags and cold
// parts are exact and never change. Stamps and times of use may be fresher, by
// refreshes that found the entry where the snapshot shares it; marks are not
// shown. Anybody may read it, at any time; it pins the memory it shares.
type Snapshot struct {
	dir *directory
	n   int
}

// Snapshot copies the directory, 8 bytes per segment. The first write to each
// segment afterwards copies that segment. It is for the writer to call.
func (t *Table) Snapshot() *Snapshot {
	d := t.dir.Load()
	t.epoch++
	return &Snapshot{dir: d.copyOf(d.bits()), n: t.Len()}
}

// Len returns the number of entries.
func (s *Snapshot) Len() int { return s.n }

// Find returns the entry of a key.
func (s *Snapshot) Find(k Key) (Entry, bool) {
	key := k.word()
	hash := s.dir.hash(key)
	seg := s.dir.at(hash)
	slot := seg.locate(key, hash)
	if slot < 0 {
		return Entry{}, false
	}
	return seg.entry(slot)
}

// entry is the slot as a snapshot shows it.
func (s *segment) entry(slot int) (Entry, bool) {
	h := Hot(s.hot(slot).Load())
	if h == 0 {
		return Entry{}, false
	}
	return Entry{h &^ (Frozen | Marks), unpackCold(s.cold[slot].Load(), s.used[slot].Load())}, true
}

// All returns the entries in no particular order, without allocation.
func (s *Snapshot) All() iter.Seq2[Key, Entry] {
	return func(yield func(Key, Entry) bool) {
		for i := 0; i < len(s.dir.segs); {
			var seg *segment
			if seg, i = s.dir.run(i); !seg.all(yield) {
				return
			}
		}
	}
}

func (s *segment) all(yield func(Key, Entry) bool) bool {
	for b := range s.buckets {
		bk := &s.buckets[b]
		for i := range bk.key {
			key := bk.key[i].Load()
			if key == 0 {
				break
			}
			if e, ok := s.entry(b*bucketSlots + i); ok && !yield(keyOf(key), e) {
				return false
			}
		}
	}
	return true
}

// Segment is a part of a snapshot.
type Segment struct{ s *segment }

// MaxSlots is how many entries a segment can have.
const MaxSlots = segSlots

// Segment returns the segment at from, stores the places of its entries in slots, and
// returns how many they are and where the next segment begins, 0 after the last. It
// begins at 0. It is the fast way through a snapshot: full and empty slots take
// the same steps, so that nothing is mispredicted.
func (s *Snapshot) Segment(from int, slots *[MaxSlots]uint16) (g Segment, n, next int) {
	seg, next := s.dir.run(from)
	if next == len(s.dir.segs) {
		next = 0
	} else {
		ask(s.dir.segs[next].Load())
	}
	at := uint(0)
	for b := range seg.buckets {
		hot := &seg.buckets[b].hot
		for i := range hot {
			slots[at%MaxSlots] = uint16(b*bucketSlots + i)
			at += 1 - equal(hot[i].Load(), 0)
		}
	}
	return Segment{seg}, int(at), next
}

// At returns what is in a slot: the word of the key, the hot word, the cold part and
// the tick of the last use.
func (g Segment) At(slot uint16) (w Word, h Hot, c ColdWord, used uint64) {
	i := slot % segSlots
	bk := &g.s.buckets[i/bucketSlots]
	w = Word(bk.key[i%bucketSlots].Load() &^ spilled)
	h = Hot(bk.hot[i%bucketSlots].Load()) &^ (Frozen | Marks)
	return w, h, ColdWord(g.s.cold[i].Load()), uint64(g.s.used[i].Load()) << usedShift
}

// ColdWord is a [Cold] without Used, packed. Whoever reads many takes it apart bit by
// bit and saves the copies.
type ColdWord uint64

// Seq is Cold.Seq.
func (c ColdWord) Seq() uint64 { return uint64(c >> seqShift) }

// Owner is Cold.Owner.
func (c ColdWord) Owner() uint8 { return uint8(c >> ownerShift & 0xf) }

// Offload is Cold.Offload.
func (c ColdWord) Offload() uint8 { return uint8(c & offloadMask) }

// Notify is Cold.Notify, as 1 or 0.
func (c ColdWord) Notify() uint8 { return uint8(c >> notifyShift & 1) }

// Unpack returns the whole.
func (c ColdWord) Unpack(used uint64) Cold { return unpackCold(uint64(c), packUsed(used)) }

// Walk calls fn for the entries of one segment, the one at from, and returns
// where the next begins; more is false after the last. It begins at 0. It lets a
// reader stop after any segment and go on later.
func (s *Snapshot) Walk(from int, fn func(Key, Entry) bool) (next int, more bool) {
	if from >= len(s.dir.segs) {
		return from, false
	}
	seg, next := s.dir.run(from)
	seg.all(fn)
	return next, next < len(s.dir.segs)
}
