package peer

import "sync"

// SyncMap is a forwarding database in a sync.Map.
type SyncMap struct{ m sync.Map }

// NewSyncMap returns one with stations 0 to n-1.
func NewSyncMap(n int) *SyncMap {
	t := &SyncMap{}
	for i := range uint64(n) {
		t.Put(i, PortOf(i))
	}
	return t
}

// Put adds or replaces a station.
func (t *SyncMap) Put(i uint64, port uint16) {
	t.m.Store(Packed(i), &Station{Port: port, Updated: 1})
}

// Remove deletes a station.
func (t *SyncMap) Remove(i uint64) { t.m.Delete(Packed(i)) }

// Find looks up a walk and returns how many were found.
func (t *SyncMap) Find(w Walk) (found uint64) {
	ports := uint64(0)
	for i := w.First; i < w.First+w.Count; i++ {
		if s, ok := t.m.Load(Packed(w.At(i))); ok {
			found++
			ports += uint64(s.(*Station).Port)
		}
	}
	return checked(found, ports)
}

// Follow looks up a walk in which each lookup needs the one before.
func (t *SyncMap) Follow(w Walk) (found uint64) {
	last := uint64(0)
	for i := w.First; i < w.First+w.Count; i++ {
		if s, ok := t.m.Load(Packed(w.After(i, last))); ok {
			found++
			last = uint64(s.(*Station).Port)
		}
	}
	return found
}
