package notify

// Round is how many events a coalescing subscription holds for its reader.
func (s *Subscription[E]) Round() int {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	return s.keys.held()
}

// Empty reports whether a closed subscription has let go of what it referred to.
func (s *Subscription[E]) Empty() bool {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	return s.walk == nil && s.buf == nil && s.keys == nil
}

// Batch is how many records a reader takes at once.
const Batch = batch

// Holds reports whether the ring has its slots allocated.
func (r *Ring[E]) Holds() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.slots != nil
}

// RoundCap is for how many events a coalescing subscription keeps room.
func (s *Subscription[E]) RoundCap() int { return s.keys.(interface{ room() int }).room() }

func (m *merge[E, K]) room() int { return cap(m.items) }
