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

// Changes is how many changes of options wait for the reader.
func (s *Subscription[E]) Changes() int {
	s.ring.mu.Lock()
	defer s.ring.mu.Unlock()
	return len(s.changes)
}

// Sound checks that the ring has topics and links only for subscriptions, and that the
// chains are those of the links.
func (r *Ring[E]) Sound(fail func(format string, args ...any)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if (r.links == nil) != (len(r.topics) == 0) {
		fail("%d topics, %d links", len(r.topics), len(r.links))
	}
	for id, t := range r.topics {
		n := t.count.Load() - t.lost
		for i, p := uint64(0), t.oldest; i < n; i++ {
			l := r.links[p&uint64(len(r.links)-1)]
			if l.topic != t || i+1 == n && p != t.newest {
				fail("topic %d: record %d of %d is elsewhere", id, i, n)
			}
			p = l.next
		}
		if t.subs <= 0 {
			fail("topic %d has %d subscriptions", id, t.subs)
		}
	}
}
