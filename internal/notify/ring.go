package notify

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// DefaultCapacity is how many records a ring holds when its Config does not say.
const DefaultCapacity = 1024

// maxCapacity keeps the slots of any event type addressable on 32-bit machines.
const maxCapacity = 1 << 24

var (
	// ErrOverrun tells a subscriber that it fell behind and lost events.
	ErrOverrun = errors.New("notify: subscriber overrun")
	// ErrClosed is the end of a subscription: it or its ring was closed.
	ErrClosed = errors.New("notify: closed")
)

// OverrunError is what a subscriber gets when it fell behind. It wraps
// [Config.Overrun].
type OverrunError struct {
	// From and To are the first and the last number that the subscriber passed over,
	// including events that its filter would have dropped.
	From, To uint64
	// Err is Config.Overrun.
	Err error
}

// Error gives the text of Err and the range.
func (e *OverrunError) Error() string {
	return fmt.Sprintf("%v: events %d to %d", e.Err, e.From, e.To)
}

// Unwrap gives Err.
func (e *OverrunError) Unwrap() error { return e.Err }

// Config configures a ring. The zero value is valid.
type Config[E any] struct {
	// Capacity is how many records the ring holds: a power of two, at most 1<<24;
	// zero means DefaultCapacity.
	Capacity int
	// Number writes an event's number into it. Readers call it, concurrently and with
	// no lock held, just before they filter the event. Nil leaves events as they are.
	Number func(e *E, seq uint64)
	// Previous writes into an event the number of what the same subscription was given
	// before: of an event, 0 before the first, or OverrunError.To. Who knows the number of
	// what came last, at the far end of a connection too, sees that nothing is missing
	// between; several goroutines that read one subscription share one sequence. Readers
	// call it just before they give the event, with no lock held, hence after Number and
	// the filter. Nil leaves events as they are.
	Previous func(e *E, prev uint64)
	// Overrun is what an OverrunError wraps; nil means ErrOverrun.
	Overrun error
	// Closed ends a subscription; nil means ErrClosed.
	Closed error
}

// record is one append: an event, or a source that stands for count of them.
type record[E any] struct {
	first, count uint64
	source       Source[E]
	fill         Filler[E]
	event        E
}

// Ring is a bounded log of events that many read. Use New.
type Ring[E any] struct {
	cfg Config[E]

	// head counts the records ever appended, seq is the newest event's number. Both are
	// written under mu.
	head   atomic.Uint64
	seq    atomic.Uint64
	closed atomic.Bool
	heard  atomic.Bool // somebody is subscribed; written under mu

	mu    sync.Mutex
	slots []record[E] // nil while nobody is subscribed
	subs  int
	// topics has those that somebody is subscribed to, links a link for each slot; both
	// are nil while nobody is subscribed to any.
	topics map[uint64]*topic[E]
	links  []link[E]
	// waiting holds the armed subscriptions without a topic: each has no token, and has
	// read all there is. Those with one are in their topic, asleep of them. spare is the
	// array that the last wake-up emptied.
	waiting, spare []*Subscription[E]
	asleep         int
	wakes          uint64
}

// New makes a ring, or says what is wrong with cfg.
func New[E any](cfg Config[E]) (*Ring[E], error) {
	if cfg.Capacity == 0 {
		cfg.Capacity = DefaultCapacity
	}
	if c := cfg.Capacity; c < 0 || c > maxCapacity || c&(c-1) != 0 {
		return nil, fmt.Errorf("notify: capacity %d is not a power of two from 1 to %d", c, maxCapacity)
	}
	if cfg.Overrun == nil {
		cfg.Overrun = ErrOverrun
	}
	if cfg.Closed == nil {
		cfg.Closed = ErrClosed
	}
	return &Ring[E]{cfg: cfg}, nil
}

// Append appends one event and returns its number, or 0 when the ring is closed.
// It allocates nothing in the steady state and never waits for a reader.
func (r *Ring[E]) Append(e E) uint64 { return r.AppendTopic(0, e) }

// AppendTopic is Append under a topic, or under none if topic is 0.
func (r *Ring[E]) AppendTopic(topic uint64, e E) uint64 {
	r.mu.Lock()
	if r.closed.Load() {
		r.mu.Unlock()
		return 0
	}
	seq := r.put(topic, 1, nil, nil, e)
	wake := r.detach()
	r.mu.Unlock()
	r.wake(wake)
	return seq
}

// AppendBulk is Update with one [Tx.AppendBulk].
func (r *Ring[E]) AppendBulk(n uint64, source Source[E]) (first uint64) {
	r.Update(func(tx Tx[E]) { first = tx.AppendBulk(n, source) })
	return first
}

// AppendBulkTopic is Update with one [Tx.AppendBulkTopic].
func (r *Ring[E]) AppendBulkTopic(topic, n uint64, source Source[E]) (first uint64) {
	r.Update(func(tx Tx[E]) { first = tx.AppendBulkTopic(topic, n, source) })
	return first
}

// AppendFill is Update with one [Tx.AppendFill].
func (r *Ring[E]) AppendFill(n uint64, fill Filler[E]) (first uint64) {
	r.Update(func(tx Tx[E]) { first = tx.AppendFill(n, fill) })
	return first
}

// AppendFillTopic is Update with one [Tx.AppendFillTopic].
func (r *Ring[E]) AppendFillTopic(topic, n uint64, fill Filler[E]) (first uint64) {
	r.Update(func(tx Tx[E]) { first = tx.AppendFillTopic(topic, n, fill) })
	return first
}

// Tx appends from inside [Ring.Update], and is good until that function returns, or
// between [Ring.Begin] and End.
type Tx[E any] struct {
	r      *Ring[E]
	before uint64 // how many records there were when it began
}

// Update runs fn under the leaf lock. What fn appends, and what it changes in a
// view that Replay functions capture, is one step for every subscriber: nobody can
// see a part of it. fn may decide to append nothing. It must be short, must not
// block, and must not call the ring except through tx. Update reports whether fn
// ran; it does not once the ring is closed. When fn panics, what it appended stays.
func (r *Ring[E]) Update(fn func(tx Tx[E])) bool {
	var wake []*Subscription[E]
	defer func() { r.wake(wake) }()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed.Load() {
		return false
	}
	before := r.head.Load()
	defer func() {
		if r.head.Load() != before {
			wake = r.detach()
		}
	}()
	fn(Tx[E]{r, before})
	return true
}

// Begin is the first half of [Ring.Update] and [Tx.End] the second, for producers that
// change so often that a function to call would cost them; what stands between is under
// the same rules, and must not panic. There is nothing to end if ok is false: the ring
// is closed.
func (r *Ring[E]) Begin() (tx Tx[E], ok bool) {
	r.mu.Lock()
	if r.closed.Load() {
		r.mu.Unlock()
		return tx, false
	}
	return Tx[E]{r, r.head.Load()}, true
}

// End ends what [Ring.Begin] has begun.
func (tx Tx[E]) End() {
	r := tx.r
	var wake []*Subscription[E]
	if r.head.Load() != tx.before {
		wake = r.detach()
	}
	r.mu.Unlock()
	r.wake(wake)
}

// Append appends one event and returns its number.
func (tx Tx[E]) Append(e E) uint64 { return tx.r.put(0, 1, nil, nil, e) }

// AppendTopic is Append under a topic, or under none if topic is 0. Subscriptions
// without a topic read it as well as those of the topic.
func (tx Tx[E]) AppendTopic(topic uint64, e E) uint64 { return tx.r.put(topic, 1, nil, nil, e) }

// AppendBulk appends one record that stands for up to n events, and returns the
// number of the first. Its cost does not depend on n: each subscriber walks the
// source when it reaches the record. A source that yields fewer than n leaves
// numbers unused; one that yields more is a bug of the producer, and the reader
// panics. With n = 0 nothing is appended and the result is 0.
func (tx Tx[E]) AppendBulk(n uint64, source Source[E]) (first uint64) {
	return tx.AppendBulkTopic(0, n, source)
}

// AppendBulkTopic is AppendBulk under a topic, or under none if topic is 0. All events
// of a record are of one topic.
func (tx Tx[E]) AppendBulkTopic(topic, n uint64, source Source[E]) (first uint64) {
	if n == 0 {
		return 0
	}
	var none E
	return tx.r.put(topic, n, source, nil, none)
}

// AppendFill is AppendBulk with a filler, which a reader of batches lets write into
// its own memory.
func (tx Tx[E]) AppendFill(n uint64, fill Filler[E]) (first uint64) {
	return tx.AppendFillTopic(0, n, fill)
}

// AppendFillTopic is AppendFill under a topic, or under none if topic is 0.
func (tx Tx[E]) AppendFillTopic(topic, n uint64, fill Filler[E]) (first uint64) {
	if n == 0 {
		return 0
	}
	var none E
	return tx.r.put(topic, n, nil, fill, none)
}

// Last is the number of the newest event, 0 when there was none.
func (tx Tx[E]) Last() uint64 { return tx.r.seq.Load() }

// Last is the number of the newest event, 0 when there was none. It takes no lock.
func (r *Ring[E]) Last() uint64 { return r.seq.Load() }

// Quiet reports whether nobody is subscribed, so that whatever is appended now is
// numbered and dropped. It is for producers that would make events for nobody; one
// that keeps Subscribe out meanwhile may append a nil source then.
func (r *Ring[E]) Quiet() bool { return !r.heard.Load() }

// Close ends the ring: appends do nothing from now on, subscribers read what they
// have not read yet and then get Config.Closed. A subscriber that fell behind still
// gets its overrun and its replay, so Replay functions may run after Close.
// Closing again does nothing.
func (r *Ring[E]) Close() {
	r.mu.Lock()
	r.closed.Store(true)
	r.rouseAll()
	wake := r.detach()
	r.mu.Unlock()
	r.wake(wake)
}

// Stats is a snapshot of a ring's counters.
type Stats struct {
	Last          uint64 // number of the newest event
	Records       uint64 // appended since New; a bulk is one
	Subscriptions int    // open now
	Topics        int    // with a subscription, or with one that is still to finish it
	Waiting       int    // subscriptions that the next append will wake, if of their topic
	Wakes         uint64 // how often an append or Close visited a subscription
}

// Stats returns the counters.
func (r *Ring[E]) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Stats{
		Last: r.seq.Load(), Records: r.head.Load(), Subscriptions: r.subs,
		Topics: len(r.topics), Waiting: len(r.waiting) + r.asleep, Wakes: r.wakes,
	}
}

// put stores one record. The lock is held.
func (r *Ring[E]) put(topic, n uint64, source Source[E], fill Filler[E], e E) uint64 {
	head, first := r.head.Load(), r.seq.Load()+1
	if r.slots != nil {
		p := &r.slots[head&uint64(len(r.slots)-1)]
		p.first, p.count, p.source, p.fill, p.event = first, n, source, fill, e
	}
	if r.links != nil {
		r.chain(head, topic)
	}
	r.seq.Store(first + n - 1)
	r.head.Store(head + 1)
	return first
}
