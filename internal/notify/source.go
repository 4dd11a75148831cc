package notify

// Walk yields the next event of an immutable sequence, or false at the end; after
// false it is not called again. One reader calls it at a time, at its own pace and
// with no lock held. It is a function and not an iter.Seq because a reader stops
// after every event, and iter.Pull would cost it a goroutine.
type Walk[E any] func() (E, bool)

// Source opens a walk. A bulk record holds one source; every subscriber that
// reaches the record opens a walk of its own, so a source must be safe for
// concurrent use and give the same events in the same order each time.
type Source[E any] func() Walk[E]

// Slice is a source of the given events, which must not change afterwards.
func Slice[E any](events []E) Source[E] {
	return func() Walk[E] {
		i := 0
		return func() (e E, ok bool) {
			if i == len(events) {
				return e, false
			}
			i++
			return events[i-1], true
		}
	}
}

// Chunks is a source that is filled a piece at a time, for sequences that are
// easier to loop over than to stop in the middle of. fill appends the events of the
// piece at pos to dst, which may be none, and returns it with the position of the
// next piece; more is false with the last piece. The first position is 0; what a
// position means is up to fill. A reader holds one piece at a time.
func Chunks[E any](fill func(dst []E, pos uint64) (out []E, next uint64, more bool)) Source[E] {
	return func() Walk[E] {
		var (
			piece []E
			i     int
			pos   uint64
			more  = true
		)
		return func() (e E, ok bool) {
			for i == len(piece) {
				if !more {
					piece, i = nil, 0
					return e, false
				}
				clear(piece)
				piece, pos, more = fill(piece[:0], pos)
				i = 0
			}
			i++
			return piece[i-1], true
		}
	}
}

// Filler is what makes the events of a bulk record that is to cost its readers little:
// it writes those at pos into dst, as many as fit, and returns how many these are and
// the position of the next; more is false when there are none behind. The first
// position is 0; what a position means is up to the filler, which must be safe for
// concurrent use and give the same events in the same order each time.
type Filler[E any] func(dst []E, pos uint64) (n int, next uint64, more bool)

// filling is a walk over what a filler makes.
type filling[E any] struct {
	fill Filler[E]
	pos  uint64
	more bool
	buf  []E // made and not yet read, for who reads one by one
	i    int
}

func (f *filling[E]) next() (e E, ok bool) {
	for f.i == len(f.buf) {
		if !f.more {
			return e, false
		}
		if f.buf == nil {
			f.buf = make([]E, 32)
		}
		n := 0
		f.buf = f.buf[:cap(f.buf)]
		n, f.pos, f.more = f.fill(f.buf, f.pos)
		f.buf, f.i = f.buf[:n], 0
	}
	f.i++
	return f.buf[f.i-1], true
}

// direct writes events into dst unless some are waiting in the buffer.
func (f *filling[E]) direct(dst []E) (n int) {
	if f.i < len(f.buf) || !f.more {
		return 0
	}
	n, f.pos, f.more = f.fill(dst, f.pos)
	return n
}

// ended reports whether everything has been read.
func (f *filling[E]) ended() bool { return f.i == len(f.buf) && !f.more }
