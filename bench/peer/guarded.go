package peer

import "sync"

// Guarded is a forwarding database in a map under a sync.RWMutex.
type Guarded struct {
	mu sync.RWMutex
	m  map[uint64]*Station
}

// NewGuarded returns one with stations 0 to n-1.
func NewGuarded(n int) *Guarded {
	t := &Guarded{m: make(map[uint64]*Station)}
	for i := range uint64(n) {
		t.Put(i, PortOf(i))
	}
	return t
}

// Put adds or replaces a station.
func (t *Guarded) Put(i uint64, port uint16) {
	s := &Station{Port: port, Updated: 1}
	t.mu.Lock()
	t.m[Packed(i)] = s
	t.mu.Unlock()
}

// Remove deletes a station.
func (t *Guarded) Remove(i uint64) {
	t.mu.Lock()
	delete(t.m, Packed(i))
	t.mu.Unlock()
}

// Find looks up a walk and returns how many were found.
func (t *Guarded) Find(w Walk) (found uint64) {
	ports := uint64(0)
	for i := w.First; i < w.First+w.Count; i++ {
		t.mu.RLock()
		s, ok := t.m[Packed(w.At(i))]
		t.mu.RUnlock()
		if ok {
			found++
			ports += uint64(s.Port)
		}
	}
	return checked(found, ports)
}

// Follow looks up a walk in which each lookup needs the one before.
func (t *Guarded) Follow(w Walk) (found uint64) {
	last := uint64(0)
	for i := w.First; i < w.First+w.Count; i++ {
		t.mu.RLock()
		s, ok := t.m[Packed(w.After(i, last))]
		t.mu.RUnlock()
		if ok {
			found++
			last = uint64(s.Port)
		}
	}
	return found
}
