package cam

// Cursor is a place in a scan. The zero Cursor is the beginning.
type Cursor struct {
	pos  uint64 // in hash space
	gen  uint64
	done bool
}

// Done reports whether the scan has come to its end.
func (c Cursor) Done() bool { return c.done }

// Scan calls fn for the entries of the next n segments (all that are left when
// n is zero or less) and returns where to go on. A key present from the first
// call to the last is visited at least once, whatever splits, merges, clones and
// rehashes happen meanwhile; a key may be visited twice, and the [Ref] may show
// an entry that was changed or removed since its segment was entered, also by fn
// itself, which may write if the caller is the writer. When fn returns false the
// scan stops, and the returned Cursor begins with the same segment again.
func (t *Table) Scan(c Cursor, n int, fn func(Key, Ref) bool) Cursor {
	return t.ScanMatch(c, n, Match{}, fn)
}

// ScanMatch is [Table.Scan] of the entries that m selects. It reads only hot
// words until one does.
func (t *Table) ScanMatch(c Cursor, n int, m Match, fn func(Key, Ref) bool) Cursor {
	m = m.normal()
	for left := n; !c.done && (n <= 0 || left > 0); left-- {
		d := t.dir.Load()
		if c.gen != d.gen {
			c = Cursor{gen: d.gen}
		}
		s, next := d.run(int(c.pos >> (d.shift & 63)))
		if !s.scan(&m, fn) {
			return c
		}
		c.pos = uint64(next) << (d.shift & 63)
		c.done = next == len(d.segs)
	}
	return c
}

// scan visits the slots of a segment that a normal m selects.
func (s *segment) scan(m *Match, fn func(Key, Ref) bool) bool {
	match := *m
	for b := range s.buckets {
		hot := &s.buckets[b].hot
		for i := range hot {
			h := hot[i].Load()
			if match.differs(h) != 0 {
				continue
			}
			key := s.buckets[b].key[i].Load()
			if key == 0 {
				continue // a new key whose word is still on its way
			}
			r := Ref{seg: s, hot: Hot(h) &^ Frozen, slot: b*bucketSlots + i}
			if !fn(keyOf(key), r) {
				return false
			}
		}
	}
	return true
}
