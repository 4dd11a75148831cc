package cam

import "math/bits"

// Cull says which entries of a segment are to be removed together, and takes
// what came of it.
type Cull struct {
	// Match selects them, whatever marks they have.
	Match Match
	// Below, if not 0, spares entries with that Seq or a greater one.
	Below uint64
	// Spare, if not nil, is asked about each that the former select.
	Spare func(Key, Entry) bool
	// Final removes what a refresh touches meanwhile as well. Without it that is
	// spared, unless Match selects it still.
	Final bool

	// Gone gets what was removed, Count how many of that have none of the flags of
	// Tally, and Marked the keys that were selected but have a mark: they stay.
	Gone   Batch
	Tally  Hot
	Count  int
	Marked []Key

	slots [segSlots]uint16
	n     int
}

// Any reports whether m selects an entry of the segment at c, and where the next
// begins. It is what a scan asks before it makes the writer look. Anybody may call
// it.
func (t *Table) Any(c Cursor, m Match) (bool, Cursor) {
	d := t.dir.Load()
	if c.gen != d.gen {
		c = Cursor{gen: d.gen}
	}
	s, end := d.run(int(c.pos >> (d.shift & 63)))
	c.pos, c.done = uint64(end)<<(d.shift&63), end == len(d.segs)
	m = m.normal()
	return s.any(uint64(m.Want), uint64(m.Mask), m.Before), c
}

// any has no branch that depends on what the slots hold.
func (s *segment) any(want, mask, before uint64) bool {
	least := ^uint64(0)
	for b := range s.buckets {
		hot := &s.buckets[b].hot
		for i := range hot {
			h := hot[i].Load()
			_, older := bits.Sub64(h&uint64(StampMask), before, 0)
			least = min(least, (h^want)&mask|(older^1))
		}
	}
	return least == 0
}

// Cull removes entries of the segment at c and returns where the next begins. It
// is a verb of the writer, and nobody may mark meanwhile. A refresh that found
// its entry before may still succeed on it afterwards, as if it had come first,
// if x.Final is set.
func (t *Table) Cull(c Cursor, x *Cull) Cursor {
	d := t.dir.Load()
	if c.gen != d.gen {
		c = Cursor{gen: d.gen}
	}
	i := int(c.pos >> (d.shift & 63))
	a := anchor{d: d, base: t.baseOf(d, i), seg: d.segs[i].Load(), slot: -1}
	a.ext = &t.meta[a.base]
	a.hash = uint64(a.base) << (d.shift & 63)
	end := a.base + t.span(d, a.base)
	c.pos, c.done = uint64(end)<<(d.shift&63), end == len(d.segs)
	a.seg.choose(x)
	before := x.Gone.n
	switch {
	case x.n == 0:
		return c
	case x.Final && x.n == int(a.ext.live):
		x.takeAll(a.seg)
		t.blank(&a)
	case t.shared(&a):
		t.thin(&a, x)
	default:
		x.takeInPlace(a.seg)
		n := x.Gone.n - before
		a.ext.live -= uint16(n)
		bump(&t.live, -n)
	}
	if a.ext.live < mergeLow {
		t.shrink(a.hash)
	}
	return c
}

// choose notes the slots that x selects and that no mark protects.
func (s *segment) choose(x *Cull) {
	x.n = 0
	m := x.Match
	m.Mask &^= Marks
	m = m.normal()
	for b := range s.buckets {
		for i := range s.buckets[b].hot {
			h := s.buckets[b].hot[i].Load()
			if m.differs(h) != 0 {
				continue
			}
			slot := b*bucketSlots + i
			cold := s.coldOf(slot).Load()
			if x.Below != 0 && cold>>SeqShift >= x.Below {
				continue
			}
			if x.Spare != nil || Hot(h)&Marks != 0 {
				k := keyOf(s.key(slot).Load())
				if x.Spare != nil && x.Spare(k, Entry{Hot(h) &^ (Frozen | Marks), unpackCold(cold, s.usedOf(slot).Load())}) {
					continue
				}
				if Hot(h)&Marks != 0 {
					x.Marked = append(x.Marked, k)
					continue
				}
			}
			x.slots[x.n] = uint16(slot)
			x.n++
		}
	}
}

func (x *Cull) take(s *segment, slot int, h Hot) {
	x.Gone.add(removed{keyOf(s.key(slot).Load()), h &^ Frozen, s.coldOf(slot).Load(), s.usedOf(slot).Load()})
	x.count(h)
}

func (x *Cull) count(h Hot) {
	if h&x.Tally == 0 {
		x.Count++
	}
}

// takeAll hands over the segment as it is: the table does not use it any more.
func (x *Cull) takeAll(s *segment) {
	for _, slot := range x.slots[:x.n] {
		x.count(Hot(s.hot(int(slot)).Load()))
	}
	x.Gone.whole = append(x.Gone.whole, s)
	x.Gone.n += x.n
}

func (x *Cull) takeInPlace(s *segment) {
	m := x.Match.normal()
	for _, slot := range x.slots[:x.n] {
		w := s.hot(int(slot))
		for {
			h := w.Load()
			if !x.Final && m.differs(h) != 0 {
				break
			}
			if w.CompareAndSwap(h, 0) {
				x.take(s, int(slot), Hot(h))
				break
			}
		}
	}
}

// blank puts the segment without keys in the place of a's. Nobody ever writes to
// that one: it counts as shared with a snapshot, so the first write copies it.
func (t *Table) blank(a *anchor) {
	if t.none == nil {
		t.none = new(segment)
	}
	bump(&t.live, -int(a.ext.live))
	t.publish(a.d, a.base, t.none, extent{epoch: foreign, depth: a.ext.depth})
}

// foreign is the epoch of no table.
const foreign = ^uint64(0)

// thin replaces a's segment by one without what x chose. It decides on frozen
// words, which are the last ones there will be.
func (t *Table) thin(a *anchor, x *Cull) {
	b := builder{s: new(segment)}
	m := x.Match.normal()
	t.turn.Add(1)
	defer t.turn.Add(1)
	next := 0
	for slot := range segSlots {
		key := a.seg.key(slot).Load() &^ spilled
		if key == 0 {
			continue
		}
		h := freeze(a.seg.hot(slot))
		if chosen := next < x.n && int(x.slots[next]) == slot; chosen {
			next++
			if x.Final || m.differs(uint64(h)) == 0 {
				x.take(a.seg, slot, h)
				continue
			}
		}
		if h != 0 {
			b.put(a.d.hash(key), key, h, a.seg.coldOf(slot).Load(), a.seg.usedOf(slot).Load())
		}
	}
	bump(&t.live, int(b.live)-int(a.ext.live))
	t.publish(a.d, a.base, b.s, b.extent(t.epoch, a.ext.depth))
	t.stats.Clones++
}

// Oldest returns the smallest stamp of the entries that m selects in the segment
// at c, MaxStamp+1 if there is none, and where the next segment begins. Anybody
// may call it.
func (t *Table) Oldest(c Cursor, m Match) (stamp uint64, next Cursor) {
	d := t.dir.Load()
	if c.gen != d.gen {
		c = Cursor{gen: d.gen}
	}
	m = m.normal()
	s, end := d.run(int(c.pos >> (d.shift & 63)))
	c.pos, c.done = uint64(end)<<(d.shift&63), end == len(d.segs)
	return s.oldest(uint64(m.Want), uint64(m.Mask)), c
}

// oldest has no branch that depends on what the slots hold.
func (s *segment) oldest(want, mask uint64) uint64 {
	least := MaxStamp + 1
	for b := range s.buckets {
		hot := &s.buckets[b].hot
		for i := range hot {
			h := hot[i].Load()
			at := h & uint64(StampMask)
			if (h^want)&mask != 0 {
				at = MaxStamp + 1
			}
			least = min(least, at)
		}
	}
	return least
}
