package notify

// arm puts a subscription that has read everything among those that the next append, or
// the next of its newest topic, wakes. The lock is held: reading head and arming are one
// step for producers, else an append between the two would wake nobody.
func (r *Ring[E]) arm(s *Subscription[E]) {
	if s.place != 0 {
		return
	}
	waiting := &r.waiting
	if s.bed = s.goal(); s.bed != nil {
		waiting = &s.bed.waiting
		r.asleep++
	}
	*waiting = append(*waiting, s)
	s.place = len(*waiting)
}

// disarm undoes arm. The lock is held.
func (r *Ring[E]) disarm(s *Subscription[E]) {
	if s.place == 0 {
		return
	}
	waiting := &r.waiting
	if s.bed != nil {
		waiting = &s.bed.waiting
		r.asleep--
	}
	list := *waiting
	end := len(list) - 1
	moved := list[end]
	list[s.place-1], moved.place = moved, s.place
	list[end], *waiting = nil, list[:end]
	s.place, s.bed = 0, nil
}

// detach takes the armed subscriptions that are to be woken, which wake then signals without the lock.
// The lock is held. They are disarmed here and not after the signal: a reader that
// takes its token and arms anew in between must stay armed.
func (r *Ring[E]) detach() []*Subscription[E] {
	wake := r.waiting
	if len(wake) == 0 {
		return nil
	}
	r.waiting, r.spare = r.spare, nil
	for _, s := range wake {
		s.place = 0
		s.bed = nil
	}
	r.wakes += uint64(len(wake))
	return wake
}

// wake signals what detach took and hands the array back.
func (r *Ring[E]) wake(wake []*Subscription[E]) {
	if len(wake) == 0 {
		return
	}
	for _, s := range wake {
		s.signal()
	}
	clear(wake)
	r.mu.Lock()
	if cap(wake) > cap(r.spare) {
		r.spare = wake[:0]
	}
	r.mu.Unlock()
}
