package cam

import "github.com/switchcore/switchcore/internal/atomic"

// Stats describes a table. Splits and the rest count since New.
type Stats struct {
	Segments  int // of 14 KiB each
	Directory int // entries, of 24 bytes each with the writer's part
	Live      int
	Dead      int // deleted slots that wait for their segment to be built anew
	Splits    uint64
	Merges    uint64
	Clones    uint64 // segments replaced for an exact write or after a snapshot
	Rebuilds  uint64 // segments replaced because too many of their used slots were dead
	Doublings uint64 // of the directory
	Halvings  uint64
	Reseeds   uint64 // whole tables rehashed, because the hash stopped spreading
}

// Stats walks the writer's bookkeeping; it is for the writer to call.
func (t *Table) Stats() Stats {
	s := t.stats
	d := t.dir.Load()
	s.Segments, s.Directory, s.Live = t.segs, len(d.segs), t.Len()
	for i := 0; i < len(t.meta); i += t.span(d, i) {
		s.Dead += int(t.meta[i].used - t.meta[i].live)
	}
	return s
}

// span is the length of the run of directory entries that i belongs to.
func (t *Table) span(d *directory, i int) int {
	return 1 << (d.bits() - uint(t.meta[i].depth))
}

type verb uint8

const (
	keep verb = iota
	write
	erase
)

// edit is what replace changes on the way.
type edit struct {
	verb  verb
	hot   Hot
	cold  Cold
	match Match // normal; for erase
}

// replace publishes a copy of a's segment with one edit, and returns the last word of
// the edited key before it. The copy is without the dead slots, unless they are few and
// there is an edit.
func (t *Table) replace(a *anchor, e edit) (old Hot) {
	n := new(segment)
	if dead := a.ext.used - a.ext.live; dead <= a.ext.used/8 && !(e.verb == keep && dead > 0) {
		return t.copyWith(a, n, e)
	}
	b := builder{s: n}
	t.turn.Add(1)
	defer t.turn.Add(1)
	if e.verb == keep {
		a.seg.pour(a.d, -1, &b)
	} else {
		a.seg.pour(a.d, a.slot, &b)
		old = applyEdit(a, e, &b)
	}
	bump(&t.live, int(b.live)-int(a.ext.live))
	t.publish(a.d, a.base, n, b.extent(t.epoch, a.ext.depth))
	t.stats.Clones++
	return old
}

// copyWith is replace for a segment with few dead slots or none: every slot stays in
// its place, so nothing is hashed, and the dead wait for the next replacement.
func (t *Table) copyWith(a *anchor, n *segment, e edit) (old Hot) {
	ext := extent{epoch: t.epoch, depth: a.ext.depth, used: a.ext.used, live: a.ext.live}
	t.turn.Add(1)
	defer t.turn.Add(1)
	a.seg.copyTo(n)
	if a.slot >= 0 {
		old = Hot(n.hot(a.slot).Load())
	}
	switch {
	case e.verb == write && a.slot < 0:
		n.insert(a.free, a.hash, a.key, supersede(0, e.hot), e.cold.word(), packUsed(e.cold.Used))
		ext.used++
		ext.live++
	case e.verb == write:
		used := packUsed(e.cold.Used)
		if old == 0 {
			ext.live++
		} else {
			used = max(used, n.usedOf(a.slot).Load())
		}
		atomic.Init32(n.usedOf(a.slot), used)
		atomic.Init64(n.coldOf(a.slot), e.cold.word())
		atomic.Init64(n.hot(a.slot), uint64(supersede(old, e.hot)))
	case e.verb == erase && old != 0 && e.match.differs(uint64(old)) == 0:
		atomic.Init64(n.hot(a.slot), 0)
		ext.live--
	}
	bump(&t.live, int(ext.live)-int(a.ext.live))
	t.publish(a.d, a.base, n, ext)
	t.stats.Clones++
	return old
}

// applyEdit decides on the frozen word, which is the last one there will be.
func applyEdit(a *anchor, e edit, b *builder) (old Hot) {
	var cold uint64
	var used uint32
	if a.slot >= 0 {
		old = freeze(a.seg.hot(a.slot))
		cold, used = a.seg.coldOf(a.slot).Load(), a.seg.usedOf(a.slot).Load()
	}
	switch {
	case e.verb == write && old == 0:
		b.put(a.hash, a.key, supersede(0, e.hot), e.cold.word(), packUsed(e.cold.Used))
	case e.verb == write:
		b.put(a.hash, a.key, supersede(old, e.hot), e.cold.word(), max(used, packUsed(e.cold.Used)))
	case e.verb == erase && old != 0 && e.match.differs(uint64(old)) != 0:
		b.put(a.hash, a.key, old, cold, used)
	}
	return old
}

// publish makes a segment the one of the run of entries that ext.depth says.
func (t *Table) publish(d *directory, base int, s *segment, ext extent) {
	end := base + 1<<(d.bits()-uint(ext.depth))
	for i := base; i < end; i++ {
		t.meta[i].depth = ext.depth
	}
	t.meta[base] = ext
	for i := base; i < end; i++ {
		d.segs[i].Store(s)
	}
}

// makeRoom sees to it that a new key fits in a's segment, and finds its slot. It
// returns true when it changed something, and the caller must look again.
func (t *Table) makeRoom(a *anchor) bool {
	limit := uint16(splitLoad)
	if t.segs < smallSegments {
		limit = smallSplitLoad
	}
	if a.ext.used >= limit {
		switch {
		case a.ext.live <= limit/8*dense:
			// It does not grow, its keys change. The longer the dead stay the less
			// of the building there is.
			if a.ext.used >= limit/10*crowded {
				t.rebuild(a)
				return true
			}
		case t.split(a):
			return true
		case a.ext.used >= hardLoad && a.ext.live < hardLoad:
			t.rebuild(a)
			return true
		case a.ext.used >= hardLoad:
			t.reseed()
			return true
		}
	}
	slot, full := a.seg.free(a.hash)
	switch {
	case full <= maxProbe:
	case a.ext.used-a.ext.live > limit/16: // it may be for the dead
		t.rebuild(a)
		return true
	case t.Len() >= t.reseedAt:
		t.reseed()
		return true
	}
	a.free = slot
	return false
}

func (t *Table) rebuild(a *anchor) {
	t.replace(a, edit{})
	t.stats.Clones--
	t.stats.Rebuilds++
}

// split replaces a's segment by two of one more bit. It returns false when the
// directory would have to grow beyond all proportion to what it holds.
func (t *Table) split(a *anchor) bool {
	depth := uint(a.ext.depth)
	d, base := a.d, a.base
	if depth == d.bits() {
		if depth >= maxBits || len(d.segs) >= sparse*t.segs {
			return false
		}
		d, base = t.resize(d, depth+1), base*2
		t.stats.Doublings++
	}
	half := [2]builder{{s: new(segment)}, {s: new(segment)}}
	t.turn.Add(1)
	defer t.turn.Add(1)
	a.seg.part(d, 63-depth, &half)
	span := 1 << (d.bits() - depth - 1)
	for i := range half {
		t.publish(d, base+i*span, half[i].s, half[i].extent(t.epoch, uint8(depth+1)))
	}
	t.deepen(depth, -1)
	t.deepen(depth+1, 2)
	t.stats.Splits++
	return true
}

func (t *Table) deepen(depth uint, n int) {
	t.depths[depth] += n
	t.segs += n
}

// resize publishes a directory of the given bits with the same segments.
func (t *Table) resize(d *directory, bits uint) *directory {
	n := d.copyOf(bits)
	meta := make([]extent, len(n.segs))
	for i := range meta {
		j := i
		if bits > d.bits() {
			j >>= bits - d.bits()
		} else {
			j <<= d.bits() - bits
		}
		meta[i] = t.meta[j]
	}
	t.meta = meta
	t.dir.Store(n)
	return n
}

// shrink merges the segment of a hash with its neighbour, as often as both
// together are nearly empty, and halves a directory that is far too fine.
func (t *Table) shrink(hash uint64) {
	for {
		d := t.dir.Load()
		base := t.baseOf(d, int(hash>>(d.shift&63)))
		ext := t.meta[base]
		if ext.live >= mergeLow || ext.depth == 0 {
			return
		}
		span := t.span(d, base)
		buddy := t.meta[base^span]
		if buddy.depth != ext.depth || buddy.live+ext.live > mergeSum {
			return
		}
		t.merge(d, base&^span, span)
	}
}

func (t *Table) merge(d *directory, base, span int) {
	depth := uint(t.meta[base].depth)
	t.turn.Add(1)
	defer t.turn.Add(1)
	if n, ext, ok := t.mergeEmpty(d, base, span); ok {
		t.publish(d, base, n, ext)
	} else {
		b := builder{s: new(segment)}
		d.segs[base].Load().pour(d, -1, &b)
		d.segs[base+span].Load().pour(d, -1, &b)
		t.publish(d, base, b.s, b.extent(t.epoch, uint8(depth-1)))
	}
	t.deepen(depth, -2)
	t.deepen(depth-1, 1)
	t.stats.Merges++
	if b := d.bits(); b > minBits && t.depths[b] == 0 && t.depths[b-1] == 0 {
		t.resize(d, b-1)
		t.stats.Halvings++
	}
}

// mergeEmpty returns one of two neighbours, if the other has no live entry, to
// stand for both: the place of a key in a segment does not depend on its depth.
func (t *Table) mergeEmpty(d *directory, base, span int) (*segment, extent, bool) {
	a, b := t.meta[base], t.meta[base+span]
	n, ext := d.segs[base].Load(), a
	switch {
	case b.live == 0 && (a.live > 0 || a.used <= b.used):
	case a.live == 0:
		n, ext = d.segs[base+span].Load(), b
	default:
		return nil, extent{}, false
	}
	ext.depth--
	return n, ext, true
}

// reseed rehashes the whole table with a new seed. It is for the day when the
// seed is known to an attacker: with a secret one it never happens. Until it
// returns refreshes are Busy and marks wait.
func (t *Table) reseed() {
	d := t.dir.Load()
	seed := randomSeed()
	if t.seeded {
		seed = [2]uint64{mix(d.seed[0]), mix(d.seed[1])}
	}
	n := &Table{epoch: t.epoch, seeded: t.seeded, reseedAt: 2*t.Len() + segSlots}
	n.reset(oddSeed(seed), d.gen+1)
	t.turn.Add(1)
	defer t.turn.Add(1)
	for i := 0; i < len(t.meta); i += t.span(d, i) {
		var f frozen
		s := d.segs[i].Load()
		f.freeze(s, -1)
		for slot, h := range f.all {
			n.Put(keyOf(s.key(slot).Load()), h, unpackCold(s.coldOf(slot).Load(), s.usedOf(slot).Load()))
		}
	}
	t.meta, t.depths, t.segs, t.reseedAt = n.meta, n.depths, n.segs, n.reseedAt
	t.stats.Reseeds++
	t.dir.Store(n.dir.Load())
}

// mix is the finaliser of SplitMix64, so that seeded tables repeat themselves.
func mix(x uint64) uint64 {
	x += golden
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
