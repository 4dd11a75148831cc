package peer

import "github.com/puzpuzpuz/xsync/v3"

// Xsync3 is a forwarding database in an xsync v3 MapOf.
type Xsync3 struct {
	m *xsync.MapOf[uint64, *Station]
}

// NewXsync3 returns one with stations 0 to n-1.
func NewXsync3(n int) *Xsync3 {
	t := &Xsync3{xsync.NewMapOf[uint64, *Station]()}
	for i := range uint64(n) {
		t.Put(i, PortOf(i))
	}
	return t
}

// Put adds or replaces a station.
func (t *Xsync3) Put(i uint64, port uint16) {
	t.m.Store(Packed(i), &Station{Port: port, Updated: 1})
}

// Remove deletes a station.
func (t *Xsync3) Remove(i uint64) { t.m.Delete(Packed(i)) }

// Find looks up a walk and returns how many were found.
func (t *Xsync3) Find(w Walk) (found uint64) {
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
func (t *Xsync3) Follow(w Walk) (found uint64) {
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
func (t *Xsync3) Dump() (n int) {
	t.m.Range(func(_ uint64, s *Station) bool {
		if s.Updated >= 1 {
			n++
		}
		return true
	})
	return n
}
