package peer

import "github.com/puzpuzpuz/xsync/v4"

// Xsync4 is a forwarding database in an xsync v4 Map.
type Xsync4 struct{ m *xsync.Map[uint64, *Station] }

// NewXsync4 returns one with stations 0 to n-1.
func NewXsync4(n int) *Xsync4 {
	t := &Xsync4{xsync.NewMap[uint64, *Station]()}
	for i := range uint64(n) {
		t.Put(i, PortOf(i))
	}
	return t
}

// Put adds or replaces a station.
func (t *Xsync4) Put(i uint64, port uint16) {
	t.m.Store(Packed(i), &Station{Port: port, Updated: 1})
}

// Remove deletes a station.
func (t *Xsync4) Remove(i uint64) { t.m.Delete(Packed(i)) }

// Find looks up a walk and returns how many were found.
func (t *Xsync4) Find(w Walk) (found uint64) {
	ports := uint64(0)
	for i := w.First; i < w.First+w.Count; i++ {
		if s, ok := t.m.Load(Packed(w.At(i))); ok {
			found++
			ports += uint64(s.Port)
		}
	}
	return checked(found, ports)
}

// Follow looks up a walk in which each lookup needs the one before.
func (t *Xsync4) Follow(w Walk) (found uint64) {
	last := uint64(0)
	for i := w.First; i < w.First+w.Count; i++ {
		if s, ok := t.m.Load(Packed(w.After(i, last))); ok {
			found++
			last = uint64(s.Port)
		}
	}
	return found
}

// Dump visits every entry and returns how many there are that are not older
// than Updated 1, as a sweep has to look.
func (t *Xsync4) Dump() (n int) {
	t.m.Range(func(_ uint64, s *Station) bool {
		if s.Updated >= 1 {
			n++
		}
		return true
	})
	return n
}
