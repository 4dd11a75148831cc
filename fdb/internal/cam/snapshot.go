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
	return Entry{h &^ (Frozen | Marks), unpackCold(s.coldOf(slot).Load(), s.usedOf(slot).Load())}, true
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

// Segment is a part of a snapshot, and the one that follows it.
type Segment struct{ s, next *segment }

// Segment returns the segment at from and where the next begins, 0 after the last. It
// begins at 0. It is the fast way through a snapshot: who goes through the groups of
// each segment, asking for the parts of the next meanwhile, waits for no line.
func (s *Snapshot) Segment(from int) (g Segment, next int) {
	g.s, next = s.dir.run(from)
	if next == len(s.dir.segs) {
		return Segment{g.s, g.s}, 0
	}
	g.next = s.dir.segs[next].Load()
	return g, next
}

// Live returns which slots of a group have an entry, the first as the lowest bit.
func (g Segment) Live(group int) uint64 { return g.s.live(group) }

// Ask asks for the lines of AskSlots slots of the segment that follows.
func (g Segment) Ask(slot int) { ask(g.next, slot/AskSlots) }

// At returns what is in a slot: the word of the key, the hot word, the cold part and
// the tick of the last use.
func (g Segment) At(slot int) (w Word, h Hot, c ColdWord, used uint64) {
	w = Word(g.s.key(slot).Load() &^ spilled)
	h = Hot(g.s.hot(slot).Load()) &^ (Frozen | Marks)
	return w, h, ColdWord(g.s.coldOf(slot).Load()), uint64(g.s.usedOf(slot).Load()) << usedShift
}

// ColdWord is a [Cold] without Used, packed: from the lowest bit on, Offload in 7 bits,
// Notify in one, Owner in 4, and Seq. Whoever reads many moves the bits himself and
// saves the copies.
type ColdWord uint64

// Where the fields of a [ColdWord] begin.
const (
	OffloadShift = 0
	NotifyShift  = 7
	OwnerShift   = 8
	SeqShift     = 12
)

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
