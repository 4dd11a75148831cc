package notify

// change is a change of options that the reader has not come to yet.
type change[E any] struct {
	until  uint64    // where the cursor in force before leaves off
	cursor cursor[E] // where reading goes on
	opt    Options[E]
}

// Change changes the options from the present place in the order of the events on, and
// returns the number of the newest event at that place: events up to that number are
// read under the old options, also if they are read later, and those after it under the
// new. A replay is read under the options in force when it was captured, and one that an
// overrun makes necessary is captured under the newest options, or not made if they have
// none; reading then goes on behind the overrun. Changing does not make a
// replay, nor does it take back events.
//
// fn changes the options in place. It runs under the leaf lock, in the same step in
// which the number is fixed, so that a view which it captures contains exactly the
// events up to the number; it must be short, must not block, and must not call the ring
// or the subscription. Topic, Filter, Replay and Synced may be changed, but one cannot
// take Replay from a coalescing subscription.
//
// Change waits for no reader and may be called from a filter. It fails with
// Config.Closed, without running fn, when the subscription or the ring is closed. Then,
// on any other error and when fn panics, nothing has changed. A subscription that is
// changed again and again and never read holds at most two changes more than the ring has records.
func (s *Subscription[E]) Change(fn func(opt *Options[E])) (after uint64, err error) {
	r := s.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.closed.Load() || r.closed.Load() {
		return 0, r.cfg.Closed
	}
	opt, cur := s.opt, &s.cursor
	if n := len(s.changes); n > 0 {
		opt, cur = s.changes[n-1].opt, &s.changes[n-1].cursor
	}
	if fn(&opt); s.keys != nil && opt.Replay == nil {
		return 0, errKeyed
	}
	t := r.hold(opt.Topic) // before the old one is dropped: they may be the same
	s.curtail()
	c := change[E]{until: cur.limit(r), cursor: r.newest(t), opt: opt}
	switch n := len(s.changes); {
	case n == 0:
		if s.missed {
			c.until = s.at
		}
		s.changes = append(s.changes, c)
	case s.changes[n-1].cursor.at == c.until:
		r.drop(s.changes[n-1].cursor.topic)
		s.changes[n-1].cursor, s.changes[n-1].opt = c.cursor, opt
	default:
		s.changes = append(s.changes, c)
	}
	s.pending.Store(true)
	if s.place != 0 {
		r.disarm(s)
		r.arm(s)
	}
	return r.seq.Load(), nil
}

// curtail forgets the changes of a subscription that has lost something already: its
// next read is an overrun, from which it goes on with the newest options. So changes
// take no more memory than the ring has records. The lock is held.
func (s *Subscription[E]) curtail() {
	if len(s.changes) == 0 || !s.behind() {
		return
	}
	for i := range s.changes {
		s.ring.drop(s.changes[i].cursor.topic)
	}
	clear(s.changes)
	s.changes, s.missed = s.changes[:0], true
}

// apply makes the first change that was put off. The lock is held, and the turn.
func (s *Subscription[E]) apply() {
	s.ring.drop(s.topic)
	s.cursor, s.opt = s.changes[0].cursor, s.changes[0].opt
	s.changes[0] = change[E]{}
	if s.changes = s.changes[1:]; len(s.changes) == 0 {
		s.changes = nil
		s.pending.Store(false)
	}
}

// settle makes all of them, and puts the cursor behind the newest record. The lock is
// held, and the turn.
func (s *Subscription[E]) settle() {
	for len(s.changes) > 0 {
		s.apply()
	}
	s.cursor, s.missed = s.ring.newest(s.topic), false
}

// until is where the present cursor leaves off. The lock is held.
func (s *Subscription[E]) until() uint64 {
	if len(s.changes) > 0 {
		return s.changes[0].until
	}
	return s.limit(s.ring)
}

// unread reports whether the ring had a record for the subscription that it has not
// taken. The lock is held.
func (s *Subscription[E]) unread() bool {
	if s.missed || s.at != s.until() {
		return true
	}
	for i := range s.changes {
		c := &s.changes[i].cursor
		if end := s.leaves(i); c.at != end {
			return true
		}
	}
	return false
}

// leaves is where the cursor of change i leaves off. The lock is held.
func (s *Subscription[E]) leaves(i int) uint64 {
	if i+1 < len(s.changes) {
		return s.changes[i+1].until
	}
	return s.changes[i].cursor.limit(s.ring)
}

// behind reports whether the ring has overwritten a record for the subscription that it
// has not taken. What it has not taken is overwritten in its order, so the first of that
// tells. The lock is held.
func (s *Subscription[E]) behind() bool {
	if s.missed {
		return true
	}
	if s.at != s.until() {
		return s.at < s.lost(s.ring)
	}
	for i := range s.changes {
		if c := &s.changes[i].cursor; c.at != s.leaves(i) {
			return c.at < c.lost(s.ring)
		}
	}
	return false
}

// newestOptions are those after all changes. The lock is held.
func (s *Subscription[E]) newestOptions() *Options[E] {
	if n := len(s.changes); n > 0 {
		return &s.changes[n-1].opt
	}
	return &s.opt
}

// goal is the topic after all changes. The lock is held.
func (s *Subscription[E]) goal() *topic[E] {
	if n := len(s.changes); n > 0 {
		return s.changes[n-1].cursor.topic
	}
	return s.topic
}
