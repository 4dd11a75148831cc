package notify

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
)

// batch is how many records a reader takes per visit to the lock, batchBehind how many
// one does that once did not get all there were.
const (
	batch       = 16
	batchBehind = 64
)

// Options says what a subscription reads. The zero value reads live events from now
// on, all of them.
type Options[E any] struct {
	// Topic is what the subscription reads: the records of that topic, or, if it is 0,
	// all records. Replay and Synced must know the topic by themselves.
	Topic uint64
	// Replay captures the present state as a walk over an immutable snapshot. It runs
	// under the leaf lock, in the same step that fixes where the live events begin:
	// when subscribing, and at the first read after an overrun. The walk itself is
	// made by the reader, with no lock. A nil walk is an empty one.
	Replay func() Walk[E]
	// Synced makes the event that ends every replay. It is neither filtered nor
	// coalesced. Nil means no such event.
	Synced func() E
	// Filter says which events the subscriber gets. The reader calls it, one call at a
	// time, with no lock held and the number already in the event; it may close the
	// subscription but not read from it, and must not keep the pointer.
	Filter func(e *E) bool
}

// Subscription is one reader's place in a ring. All methods may be called
// concurrently; several goroutines may read, each event goes to one of them. A
// program that stops reading closes it.
type Subscription[E any] struct {
	ring *Ring[E]
	opt  Options[E] // as the reader has come to them
	keys merger[E]  // nil unless coalescing

	// ready holds a token when something may be read. Whoever leaves a read with
	// something left puts one in; else the subscription is armed and a producer will.
	ready chan struct{}
	// turn is the readers' slot. It is a channel as filters and walks run inside it.
	turn chan struct{}

	closed atomic.Bool // written under ring.mu
	primed atomic.Bool // written under ring.mu; Ready has nothing left to arrange
	place  int         // under ring.mu: position among who waits plus one, 0 if not armed
	bed    *topic[E]   // under ring.mu: where it is armed, nil for ring.waiting

	// changes are those that the reader has not come to, under ring.mu; pending is whether
	// there are any. missed is that a record was lost which no cursor tells of any more.
	changes []change[E]
	pending atomic.Bool // written under ring.mu
	missed  bool        // under ring.mu

	// The cursor and opt are written under turn and ring.mu, and read under either.
	cursor[E]

	// The rest belongs to the holder of turn.
	last   uint64 // number of the newest event taken off the ring or replayed
	given  uint64 // what Config.Previous tells of the next event
	fresh  bool   // the replay captured when subscribing is not yet begun
	resync bool   // the next read captures a replay
	mark   bool   // the synced event is due
	replay bool   // walk is a replay, not a bulk record
	walk   Walk[E]
	// filling is what walk walks over, if it is a filler's.
	filling *filling[E]
	number  uint64 // of the next event of a bulk walk
	end     uint64 // of a bulk walk
	buf     []record[E]
	size    int // of buf, when it is made next
	next    int
	cur     E
}

// Subscribe opens a subscription. It fails with Config.Closed on a closed ring.
func (r *Ring[E]) Subscribe(opt Options[E]) (*Subscription[E], error) {
	return r.subscribe(opt, nil)
}

func (r *Ring[E]) subscribe(opt Options[E], keys merger[E]) (*Subscription[E], error) {
	s := &Subscription[E]{
		ring: r, opt: opt, keys: keys, size: batch,
		ready: make(chan struct{}, 1),
		turn:  make(chan struct{}, 1),
	}
	if err := r.enter(s); err != nil {
		return nil, err
	}
	if opt.Replay != nil {
		s.signal()
	}
	return s, nil
}

func (r *Ring[E]) enter(s *Subscription[E]) error {
	var (
		slots []record[E]
		links []link[E]
	)
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.closed.Load() { // what is missing is made without the lock, in which it may change
		lacks, unlinked := r.slots == nil && slots == nil, s.opt.Topic != 0 && r.links == nil && links == nil
		if !lacks && !unlinked {
			break
		}
		r.mu.Unlock()
		if lacks {
			slots = make([]record[E], r.cfg.Capacity)
		}
		if unlinked {
			links = make([]link[E], r.cfg.Capacity)
		}
		r.mu.Lock()
	}
	if r.closed.Load() {
		return r.cfg.Closed
	}
	if r.slots == nil {
		r.slots = slots
	}
	var walk Walk[E]
	if s.opt.Replay != nil {
		walk = s.opt.Replay()
	}
	if s.opt.Topic != 0 && r.links == nil {
		r.links = links
	}
	s.topic = r.hold(s.opt.Topic)
	s.begin(walk)
	s.fresh = s.replay
	r.subs++
	r.heard.Store(true)
	return nil
}

// Next returns the next event and waits for it if need be. Its errors are an
// *OverrunError, after which reading goes on; Config.Closed; and ctx.Err(), which
// it returns only when there is nothing to read.
func (s *Subscription[E]) Next(ctx context.Context) (E, error) {
	for {
		e, ok, err := s.TryNext()
		if ok || err != nil {
			return e, err
		}
		select {
		case <-s.ready:
		case <-ctx.Done():
			if e, ok, err = s.TryNext(); ok || err != nil {
				return e, err
			}
			return e, ctx.Err()
		}
	}
}

// TryNext is Next that does not wait: ok is false with a nil error when there is
// nothing to read. While another goroutine reads from the same subscription it
// waits for that one's filter and walk to return.
func (s *Subscription[E]) TryNext() (e E, ok bool, err error) {
	s.turn <- struct{}{}
	defer s.release()
	switch {
	case s.closed.Load():
		return e, false, s.ring.cfg.Closed
	case s.keys != nil:
		ok, err = s.readKeyed()
	default:
		ok, err = s.readPlain()
	}
	if ok {
		e = s.cur
	}
	return e, ok, err
}

// TryRead is TryNext for several events: it fills dst with what there is and
// returns how many that are, 0 with a nil error when there is nothing to read. It
// may return fewer than there are, and returns an error only without events.
func (s *Subscription[E]) TryRead(dst []E) (n int, err error) {
	if len(dst) == 0 {
		return 0, nil
	}
	s.turn <- struct{}{}
	defer s.release()
	if s.closed.Load() {
		return 0, s.ring.cfg.Closed
	}
	if s.keys == nil {
		return s.readBatch(dst)
	}
	ok, err := s.readKeyed()
	if !ok {
		return 0, err
	}
	dst[0] = s.cur
	return 1, nil
}

// Ready returns the channel that holds a token whenever something may be read: an
// event, an overrun or the end. After a token, call TryNext (or Next with a ctx);
// the token is a hint, as the event may be filtered out or read by another goroutine.
// One read per token is enough, a read that leaves something puts a new token in.
func (s *Subscription[E]) Ready() <-chan struct{} {
	if !s.primed.Load() && s.prime() {
		s.signal()
	}
	return s.ready
}

// prime arms a subscription that nobody has read from yet, or reports that there is
// something to read. It is not armed when subscribing so that one which nobody ever
// looks at costs producers nothing.
func (s *Subscription[E]) prime() (readable bool) {
	r := s.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.primed.Load() {
		return false
	}
	s.primed.Store(true)
	if s.closed.Load() || r.closed.Load() || s.unread() {
		return true
	}
	r.arm(s)
	return false
}

// All reads until the subscription ends. It yields every error that Next returns,
// with a zero event; it goes on after an overrun and stops after any other error.
// Leaving the loop does not close the subscription.
func (s *Subscription[E]) All(ctx context.Context) iter.Seq2[E, error] {
	return func(yield func(E, error) bool) {
		for {
			e, err := s.Next(ctx)
			if !yield(e, err) {
				return
			}
			if lost := (*OverrunError)(nil); err != nil && !errors.As(err, &lost) {
				return
			}
		}
	}
}

// Close ends the subscription: what is queued is dropped, and every read, also one
// that waits, returns Config.Closed. It waits for nobody, always returns nil, and may
// be called again and from a filter.
func (s *Subscription[E]) Close() error {
	s.leave()
	s.signal()
	s.dispose()
	return nil
}

func (s *Subscription[E]) leave() {
	r := s.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.closed.Load() {
		return
	}
	s.closed.Store(true)
	s.primed.Store(true)
	r.disarm(s)
	r.drop(s.topic)
	for i := range s.changes {
		r.drop(s.changes[i].cursor.topic)
	}
	s.changes = nil
	if r.subs--; r.subs == 0 {
		r.slots = nil
		r.heard.Store(false)
	}
}

// dispose lets go of what a closed subscription refers to, unless somebody reads:
// then that reader does it when it is done.
func (s *Subscription[E]) dispose() {
	select {
	case s.turn <- struct{}{}:
		s.walk, s.filling, s.buf, s.next, s.keys = nil, nil, nil, 0, nil
		s.fresh, s.resync, s.mark = false, false, false
		<-s.turn
	default:
	}
}

// signal puts the token in if there is none.
func (s *Subscription[E]) signal() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// release ends a reader's turn and keeps the promise of Ready. That fill armed the
// subscription proves nothing by now: the token which an append sent since may have
// been taken by whoever started this very read. Only the counter of the records tells:
// while it equals the cursor nothing was appended since, and armIfLevel's work still
// holds, which Change keeps true; what an append after a change brings, pending tells.
func (s *Subscription[E]) release() {
	var none E
	s.cur = none
	if s.holds() || s.limit(s.ring) != s.at || s.pending.Load() || s.ring.closed.Load() || s.closed.Load() {
		s.signal()
	}
	<-s.turn
	if s.closed.Load() {
		s.dispose()
	}
}

// holds reports whether a read may find something without visiting the ring.
func (s *Subscription[E]) holds() bool {
	return s.next < len(s.buf) || s.walk != nil || s.mark || s.resync || s.fresh ||
		s.keys != nil && s.keys.held() > 0
}

func (s *Subscription[E]) stamp(seq uint64) {
	if number := s.ring.cfg.Number; number != nil {
		number(&s.cur, seq)
	}
}

// give finishes an event that is about to be given.
func (s *Subscription[E]) give(e *E, seq uint64) {
	if previous := s.ring.cfg.Previous; previous != nil {
		previous(e, s.given)
	}
	s.given = seq
}

func (s *Subscription[E]) wanted() bool {
	return s.opt.Filter == nil || s.opt.Filter(&s.cur)
}

func (s *Subscription[E]) bulkTooLong() {
	panic(fmt.Sprintf("notify: a bulk record yields more events than announced (up to number %d)", s.end))
}
