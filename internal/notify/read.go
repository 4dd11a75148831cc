package notify

// origin is where an event came from.
type origin uint8

const (
	nowhere origin = iota
	live
	replayed
	marker
)

// readPlain puts the next event into cur. Without one and without an error the
// subscription is armed.
func (s *Subscription[E]) readPlain() (bool, error) {
	if s.overtaken() {
		return false, s.overrun()
	}
	for {
		if s.resync {
			s.recapture()
		}
		if s.step() != nowhere {
			s.give(&s.cur, s.last)
			return true, nil
		}
		if ok, err := s.fill(); !ok {
			return false, err
		}
	}
}

// overtaken reports whether a replay that was captured when subscribing is not worth
// beginning: its subscriber fell behind before the first read. This is that read, so
// it also arms what subscribing left unarmed.
func (s *Subscription[E]) overtaken() bool {
	if !s.fresh {
		return false
	}
	s.fresh = false
	s.ring.mu.Lock()
	defer s.ring.mu.Unlock()
	s.armIfLevel()
	return s.behind()
}

// armIfLevel keeps what release relies on: a subscription that has been read from and
// that has nothing to take off the ring is armed. The lock is held.
func (s *Subscription[E]) armIfLevel() {
	r := s.ring
	if !s.unread() && !r.closed.Load() && !s.closed.Load() {
		r.arm(s)
	}
}

// step puts the next event that the reader already holds into cur.
func (s *Subscription[E]) step() origin {
	for {
		from := nowhere
		switch {
		case s.walk != nil && s.replay:
			from = s.stepReplay()
		case s.mark:
			s.mark = false
			s.cur = s.opt.Synced()
			s.stamp(s.last)
			return marker
		case s.walk != nil:
			from = s.stepBulk()
		case s.next < len(s.buf):
			from = s.stepRecord()
		default:
			return nowhere
		}
		if from != nowhere && s.wanted() {
			return from
		}
		if s.keys != nil && s.keys.held() > 0 {
			return nowhere // the end of a replay found keys that have vanished
		}
	}
}

func (s *Subscription[E]) stepReplay() origin {
	e, ok := s.walk()
	if !ok {
		s.walk, s.replay = nil, false
		s.mark = s.opt.Synced != nil
		if s.keys != nil {
			s.keys.sweep(s.ring.cfg.Number, s.last)
		}
		return nowhere
	}
	s.cur = e
	s.stamp(s.last)
	return replayed
}

func (s *Subscription[E]) stepBulk() origin {
	e, ok := s.walk()
	if !ok {
		s.endBulk()
		return nowhere
	}
	if s.number > s.end {
		s.bulkTooLong()
	}
	s.cur, s.last = e, s.number
	s.number++
	s.stamp(s.last)
	return live
}

// readBatch is readPlain for as many events as there are and dst has room for.
func (s *Subscription[E]) readBatch(dst []E) (int, error) {
	if s.overtaken() {
		return 0, s.overrun()
	}
	for {
		if s.resync {
			s.recapture()
		}
		if n := s.drain(dst); n > 0 {
			return n, nil
		}
		if ok, err := s.fill(); !ok {
			return 0, err
		}
	}
}

// drain puts the next events that the reader already holds into dst.
func (s *Subscription[E]) drain(dst []E) (n int) {
	for n < len(dst) {
		if k := s.direct(dst[n:]); k > 0 {
			n += k
			continue
		}
		if s.step() == nowhere {
			break
		}
		s.give(&s.cur, s.last)
		dst[n] = s.cur
		n++
	}
	return n
}

// direct writes into dst what the reader holds of the ring, as far as that can be done
// without going through cur, and returns how many events these are: 0 says nothing about
// whether there are others.
func (s *Subscription[E]) direct(dst []E) (n int) {
	for n < len(dst) && !s.replay && !s.mark {
		read := s.directRecords
		if s.walk != nil {
			read = s.directBulk
		}
		k, on := read(dst[n:])
		n += k
		if !on {
			break
		}
	}
	return n
}

// directBulk lets the bulk record that is being read write into dst, and keeps what is
// wanted. It is over when on is false, but for what somebody else has to do.
func (s *Subscription[E]) directBulk(dst []E) (kept int, on bool) {
	if s.filling == nil {
		return 0, false
	}
	k := s.filling.direct(dst)
	if k == 0 {
		if on = s.filling.ended(); on {
			s.endBulk()
		}
		return 0, on
	}
	first := s.number
	s.number += uint64(k)
	if s.number > s.end+1 {
		s.bulkTooLong()
	}
	for i := range k {
		if !s.keep(&dst[i], first+uint64(i)) {
			continue
		}
		if kept != i {
			dst[kept] = dst[i]
		}
		kept++
	}
	clear(dst[kept:k])
	return kept, true
}

// directRecords does the same with the records that were taken off the ring, as far as
// they are no bulks, or begins the bulk that comes next.
func (s *Subscription[E]) directRecords(dst []E) (kept int, on bool) {
	for kept < len(dst) && s.next < len(s.buf) {
		rec := &s.buf[s.next]
		if rec.source != nil {
			return kept, false
		}
		s.next++
		if rec.fill != nil {
			s.beginBulk(rec)
			return kept, true
		}
		dst[kept] = rec.event
		seq := rec.first
		*rec = record[E]{}
		if s.keep(&dst[kept], seq) {
			kept++
		}
	}
	if kept < len(dst) {
		var none E
		dst[kept] = none // perhaps one that was not wanted
	}
	return kept, false
}

// keep finishes an event of the ring if it is wanted, and reports whether it is.
func (s *Subscription[E]) keep(e *E, seq uint64) bool {
	if number := s.ring.cfg.Number; number != nil {
		number(e, seq)
	}
	s.last = seq
	if s.opt.Filter != nil && !s.opt.Filter(e) {
		return false
	}
	s.give(e, seq)
	return true
}

func (s *Subscription[E]) stepRecord() origin {
	rec := &s.buf[s.next]
	s.next++
	if rec.source != nil || rec.fill != nil {
		s.beginBulk(rec)
		return nowhere
	}
	s.cur, s.last = rec.event, rec.first
	*rec = record[E]{}
	s.stamp(s.last)
	return live
}

// beginBulk begins to read a bulk record.
func (s *Subscription[E]) beginBulk(rec *record[E]) {
	if s.filling = nil; rec.fill != nil {
		s.filling = &filling[E]{fill: rec.fill, more: true}
		s.walk = s.filling.next
	} else {
		s.walk = rec.source()
	}
	s.replay = false
	s.number, s.end = rec.first, rec.first+rec.count-1
	*rec = record[E]{}
}

func (s *Subscription[E]) endBulk() { s.walk, s.filling, s.last = nil, nil, s.end }

// fill takes the next records off the ring. Without any, and also when it took the
// last, it arms the subscription in the same step.
func (s *Subscription[E]) fill() (bool, error) {
	r := s.ring
	if size := min(s.size, r.cfg.Capacity); cap(s.buf) < size {
		s.buf = make([]record[E], 0, size)
	}
	r.mu.Lock()
	s.primed.Store(true)
	for len(s.changes) > 0 && s.at == s.until() && !s.behind() {
		s.apply()
	}
	lag := s.until() - s.at
	switch {
	case s.closed.Load():
		r.mu.Unlock()
		return false, r.cfg.Closed
	case s.behind():
		r.mu.Unlock()
		return s.fallBehind()
	case lag == 0 && r.closed.Load():
		r.mu.Unlock()
		return false, r.cfg.Closed
	}
	n := min(lag, uint64(cap(s.buf)))
	if lag > n {
		s.size = batchBehind
	}
	s.buf, s.next = s.buf[:n], 0
	s.take(r, s.buf)
	if n == 0 {
		s.last = r.seq.Load()
	}
	s.armIfLevel()
	r.mu.Unlock()
	return n > 0, nil
}

func (s *Subscription[E]) fallBehind() (bool, error) {
	if s.keys != nil {
		s.resync = true
		return true, nil
	}
	return false, s.overrun()
}

// overrun gives up the queue and makes the error that says so. A subscription with a
// replay captures it at the next read, as late as possible; one without continues
// here and now, because what its reader dumps after the error must not miss anything.
func (s *Subscription[E]) overrun() error {
	r := s.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	lost := &OverrunError{From: s.last + 1, To: r.seq.Load(), Err: r.cfg.Overrun}
	s.last, s.given = lost.To, lost.To
	s.walk, s.mark = nil, false
	s.settle()
	if s.opt.Replay != nil {
		s.resync = true
		return lost
	}
	s.armIfLevel()
	return lost
}

// recapture takes a snapshot under the newest options, and makes live events go on
// behind it.
func (s *Subscription[E]) recapture() {
	if s.keys != nil {
		s.keys.begin()
	}
	s.ring.mu.Lock()
	defer s.ring.mu.Unlock()
	if replay := s.newestOptions().Replay; replay != nil {
		walk := replay()
		s.settle()
		s.begin(walk)
	} // else Change took it since the overrun, behind which the cursor is
	s.armIfLevel()
	s.resync = false
}

// begin fixes where live events begin and, with a Replay, begins with its walk. It does
// not arm: a subscriber that never reads its first replay shall cost nothing. The lock
// is held.
func (s *Subscription[E]) begin(walk Walk[E]) {
	s.cursor, s.last = s.ring.newest(s.topic), s.ring.seq.Load()
	if s.opt.Replay == nil {
		return
	}
	s.primed.Store(true)
	if s.walk, s.replay = walk, true; walk == nil {
		s.walk = func() (e E, ok bool) { return e, false }
	}
}
