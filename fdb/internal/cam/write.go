package cam

// anchor is where the writer finds a key.
type anchor struct {
	d    *directory
	key  uint64
	hash uint64
	base int // first directory entry of the run
	seg  *segment
	ext  *extent
	slot int // -1 when the segment has never held the key
	free int // where it would go then, set by makeRoom
}

func (t *Table) anchor(k Key) (a anchor) {
	t.drop(&a, k)
	a.seg.fetch(a.hash)
	a.slot = a.seg.locate(a.key, a.hash)
	return a
}

// drop finds the segment of a key.
func (t *Table) drop(a *anchor, k Key) {
	a.d, a.key = t.dir.Load(), k.word()
	a.hash = a.d.hash(a.key)
	i := int(a.hash >> (a.d.shift & 63))
	a.base = t.baseOf(a.d, i)
	a.ext = &t.meta[a.base]
	a.seg = a.d.segs[i].Load()
}

// Place is where the writer found a key, until its next write.
type Place struct{ a anchor }

// At finds the place of a key that was prefetched, and in e what is there but for Used,
// which lies apart and is mostly of no interest: see [Place.Used]. It is for the
// writer, who then calls PutAt or DeleteAt, or does nothing.
func (t *Table) At(p *Place, k Key, e *Entry) {
	t.drop(&p.a, k)
	p.a.slot = p.a.seg.locate(p.a.key, p.a.hash)
	if e.Hot = p.a.load(); e.Hot != 0 {
		e.Cold = unpackCold(p.a.seg.coldOf(p.a.slot).Load(), 0)
	} else {
		e.Cold = Cold{}
	}
}

// Used returns Cold.Used of what At found, which was something.
func (p *Place) Used() uint64 { return uint64(p.a.seg.usedOf(p.a.slot).Load()) << usedShift }

// PutAt is [Table.Put] at a place.
func (t *Table) PutAt(p *Place, h Hot, c Cold) { t.putAt(&p.a, h&^Frozen, c, false) }

// DeleteAt is [Table.Delete] at a place.
func (t *Table) DeleteAt(p *Place) {
	m := Match{}.normal()
	t.removeAt(&p.a, &m, false)
}

func (t *Table) baseOf(d *directory, i int) int {
	return i &^ (1<<(d.bits()-uint(t.meta[i].depth)) - 1)
}

// load returns the live hot word, 0 if there is none.
func (a *anchor) load() Hot {
	if a.slot < 0 {
		return 0
	}
	return Hot(a.seg.hot(a.slot).Load())
}

// shared reports whether a snapshot holds the segment too.
func (t *Table) shared(a *anchor) bool { return a.ext.epoch != t.epoch }

// Put inserts an entry or replaces it whole, in place where it can, and returns
// the one it replaced. An entry that is replaced keeps the marks it has and the
// newer of the two stamps and times of use, whatever refreshes and marks race
// with the call. The cold part becomes visible before the hot word.
func (t *Table) Put(k Key, h Hot, c Cold) (old Hot, replaced bool) {
	return t.put(k, h, c, false)
}

// PutExact is [Table.Put] by replacing the segment object: no reader that took
// a [Ref] sees a port, flags and Seq that do not belong together. It costs some
// microseconds and 14 KiB of garbage.
func (t *Table) PutExact(k Key, h Hot, c Cold) (old Hot, replaced bool) {
	return t.put(k, h, c, true)
}

func (t *Table) put(k Key, h Hot, c Cold, exact bool) (Hot, bool) {
	a := t.anchor(k)
	return t.putAt(&a, h&^Frozen, c, exact)
}

func (t *Table) putAt(a *anchor, h Hot, c Cold, exact bool) (Hot, bool) {
	for {
		if a.slot < 0 && t.makeRoom(a) {
			*a = t.anchor(keyOf(a.key))
			continue
		}
		if exact || t.shared(a) {
			old := t.replace(a, edit{verb: write, hot: h, cold: c})
			return old, old != 0
		}
		if a.slot >= 0 {
			old := t.overwrite(a, h, c)
			return old, old != 0
		}
		a.seg.insert(a.free, a.hash, a.key, supersede(0, h), c.word(), packUsed(c.Used))
		a.ext.used++
		a.ext.live++
		bump(&t.live, 1)
		return 0, false
	}
}

// overwrite changes a slot in place, reviving it if it is dead.
func (t *Table) overwrite(a *anchor, h Hot, c Cold) Hot {
	w := a.seg.hot(a.slot)
	cur := w.Load()
	// The time of use lies on a line of its own, which is left alone if it can be.
	switch used := a.seg.usedOf(a.slot); {
	case cur != 0 && c.Used != 0:
		raise(used, packUsed(c.Used))
	case cur == 0 && used.Load() != packUsed(c.Used):
		used.Store(packUsed(c.Used))
	}
	ahead(a.seg.coldOf(a.slot), c.word())
	for !w.CompareAndSwap(cur, uint64(supersede(Hot(cur), h))) {
		cur = w.Load()
	}
	if cur == 0 {
		a.ext.live++
		bump(&t.live, 1)
	}
	return Hot(cur)
}

// Update changes a live entry by f and returns the new word, or false if there
// is none. f is called again with the newest word when a refresh or a mark came
// between, so nothing is lost that f keeps; it must not touch the table. What f
// returns unchanged is not written. Present stays set.
func (t *Table) Update(k Key, f func(Hot, Cold) (Hot, Cold)) (Hot, bool) {
	a := t.anchor(k)
	cur := a.load()
	if cur == 0 {
		return 0, false
	}
	before := t.coldAt(&a)
	for {
		h, c := f(cur, before)
		h = h&^Frozen | Present
		if t.shared(&a) && ((h^cur)&^(Marks|StampMask) != 0 || c.word() != before.word()) {
			t.replace(&a, edit{})
			a = t.anchor(k)
			cur = a.load()
			continue
		}
		if c.word() != before.word() {
			a.seg.coldOf(a.slot).Store(c.word())
		}
		raise(a.seg.usedOf(a.slot), packUsed(c.Used))
		if h == cur || a.seg.hot(a.slot).CompareAndSwap(uint64(cur), uint64(h)) {
			return h, true
		}
		cur = a.load()
	}
}

func (t *Table) coldAt(a *anchor) Cold {
	return unpackCold(a.seg.coldOf(a.slot).Load(), a.seg.usedOf(a.slot).Load())
}

// Delete removes an entry and returns its last word.
func (t *Table) Delete(k Key) (Hot, bool) { return t.remove(k, Match{}, false) }

// DeleteMatch removes an entry if m selects it at the instant of removal, which
// is how a sweep deletes: Match{Mask: Static | Marks, Before: limit}. It returns
// the word removed, or the one that was spared (0 if there was none).
func (t *Table) DeleteMatch(k Key, m Match) (Hot, bool) { return t.remove(k, m, false) }

func (t *Table) remove(k Key, m Match, exact bool) (Hot, bool) {
	m = m.normal()
	a := t.anchor(k)
	return t.removeAt(&a, &m, exact)
}

func (t *Table) removeAt(a *anchor, m *Match, exact bool) (Hot, bool) {
	cur := a.load()
	if cur == 0 || m.differs(uint64(cur)) != 0 {
		return cur, false
	}
	if exact || t.shared(a) {
		cur = t.replace(a, edit{verb: erase, match: *m})
		if m.differs(uint64(cur)) != 0 {
			return cur, false
		}
		t.shrink(a.hash)
		return cur, true
	}
	for w := a.seg.hot(a.slot); !w.CompareAndSwap(uint64(cur), 0); {
		cur = Hot(w.Load())
		if m.differs(uint64(cur)) != 0 {
			return cur, false
		}
	}
	a.ext.live--
	bump(&t.live, -1)
	if a.ext.live < mergeLow {
		t.shrink(a.hash)
	}
	return cur, true
}
