package cam

// Verbs that only the tests use: what the others are put together from, called alone.

// WithFlags returns h with exactly these flags, and Present.
func (h Hot) WithFlags(flags Hot) Hot { return h&^FlagMask | flags&FlagMask | Present }

// Selects reports whether m selects h.
func (m Match) Selects(h Hot) bool {
	m = m.normal()
	return m.differs(uint64(h)) == 0
}

// ScanPort is [Table.Scan] of the entries of one port.
func (t *Table) ScanPort(c Cursor, n int, port uint16, fn func(Key, Ref) bool) Cursor {
	return t.ScanMatch(c, n, OnPort(port), fn)
}

// UpdateExact is [Table.Update] by replacing the segment object; see
// [Table.PutExact]. f is called once; marks cannot be cleared by it nor stamps
// lowered, since what races with it is kept.
func (t *Table) UpdateExact(k Key, f func(Hot, Cold) (Hot, Cold)) (Hot, bool) {
	a := t.anchor(k)
	cur := a.load()
	if cur == 0 {
		return 0, false
	}
	h, c := f(cur, t.coldAt(&a))
	old := t.replace(&a, edit{verb: write, hot: h &^ Frozen, cold: c})
	return supersede(old, h), true
}

// DeleteExact is [Table.Delete] by replacing the segment object; see
// [Table.PutExact].
func (t *Table) DeleteExact(k Key) (Hot, bool) { return t.remove(k, Match{}, true) }

// DeleteIf removes an entry if its word is exactly expected: a refresh or a
// mark that came between wins.
func (t *Table) DeleteIf(k Key, expected Hot) bool {
	_, ok := t.remove(k, Match{Mask: ^Frozen, Want: expected}, false)
	return ok
}

// DeleteMatchExact is [Table.DeleteMatch] by replacing the segment object; see
// [Table.PutExact].
func (t *Table) DeleteMatchExact(k Key, m Match) (Hot, bool) { return t.remove(k, m, true) }

// Clear empties the table at once and returns what it held. A refresh or mark
// that found its entry before may still succeed on it afterwards, as if it had
// come first.
func (t *Table) Clear() *Snapshot {
	d := t.dir.Load()
	s := &Snapshot{dir: d, n: t.Len()}
	t.epoch++
	t.reset(d.seed, d.gen)
	return s
}
