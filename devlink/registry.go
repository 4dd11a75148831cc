package devlink

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// DefaultEvents is how many events are kept for slow subscribers when a [Config]
// does not say. What an instance tells at once, such as its registration, counts as
// one.
const DefaultEvents = 4096

// Config describes a registry. The zero Config is one with the defaults named at
// the fields. It is copied by [New].
type Config struct {
	// Name stands in logs; "devlink" if empty.
	Name string

	// Events is how many events are kept for slow subscribers, a power of two up to
	// 1<<24; 0 means DefaultEvents.
	Events int

	// Manual makes a registry that starts no goroutine: operations are carried out
	// in [Registry.Poll], drivers' and notifiers' callbacks included, and time is
	// what it says there.
	Manual bool

	// Start is the time at which a Manual registry begins; zero means time.Now.
	Start time.Time

	// Logger gets what drivers did wrong, at level Warn and Error; nil discards it.
	// It is called with no lock held.
	Logger *slog.Logger
}

func (c *Config) settle() error {
	if c.Name == "" {
		c.Name = "devlink"
	}
	if c.Events == 0 {
		c.Events = DefaultEvents
	}
	if c.Events < 0 || c.Events > 1<<24 || c.Events&(c.Events-1) != 0 {
		return &switchdev.OpError{Op: "devlink.new", Object: "Events", Reason: "no power of two up to 1<<24", Err: switchdev.ErrInvalid}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Logger = c.Logger.With("registry", c.Name)
	if c.Start.IsZero() {
		c.Start = time.Now()
	}
	return nil
}

// Registry holds the instances of a host, or of a part of one: a program may have
// any number. All methods may be called concurrently. Make one with [New] and end it
// with [Registry.Close].
type Registry struct {
	cfg   Config
	hub   *hub
	ranks *ranks

	ctx    context.Context // of callbacks; ends when Close begins
	cancel context.CancelFunc
	last   context.Context // of callbacks while the registry is being closed, and of notifiers'
	end    context.CancelFunc

	// mu guards the lists. Nothing is waited for with it, and no instance is
	// locked (L1).
	mu         mutex
	closing    bool // only what takes away is carried out
	closed     bool // nothing is
	index      uint64
	instances  map[Handle]*Instance
	namespaces map[string]*namespace
	busy       int           // operations let in that nobody is done with, by instance
	idle       chan struct{} // closed when busy becomes 0; nil if nobody asks
	ready      []*Instance   // Manual: instances with something to do
	changed    chan struct{} // Manual: closed when ready grows
	polling    bool          // Manual
	time       time.Time     // Manual
	gone       chan struct{} // closed when Close is through

	graph mutex // who waits for whom

	stirred atomic.Bool // Manual: notifiers may have something to hear

	wake chan struct{}
}

// New returns a registry with the initial namespace and without instances, or says
// what is wrong with cfg, matching [switchdev.ErrInvalid].
func New(cfg Config) (*Registry, error) {
	if err := cfg.settle(); err != nil {
		return nil, err
	}
	r := &Registry{
		cfg: cfg, time: cfg.Start, ranks: newRanks(),
		wake: make(chan struct{}, 1), changed: make(chan struct{}), gone: make(chan struct{}),
		instances: make(map[Handle]*Instance), namespaces: map[string]*namespace{"": newNamespace()},
	}
	var err error
	if r.hub, err = newHub(r); err != nil {
		return nil, fmt.Errorf("%w: %w", switchdev.ErrInvalid, err)
	}
	r.mu.place(r.ranks, rankRegistry)
	r.graph.place(r.ranks, rankGraph)
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.last, r.end = context.WithCancel(context.Background())
	return r, nil
}

// now is the registry's time.
func (r *Registry) now() time.Time {
	if !r.cfg.Manual {
		return time.Now()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.time
}

// admit lets one more operation in, unless the registry is closed: while it is being
// closed only those that take something away. Each is to be retired.
func (r *Registry) admit(last bool) (closing, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.closing && !last {
		return r.closing, false
	}
	r.busy++
	return r.closing, true
}

// retire is the end of one that was admitted.
func (r *Registry) retire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy--
	if r.busy == 0 && r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
}

// over reports whether an operation that was let in is too late to be carried out.
func (r *Registry) over(last bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closing && !last
}

// shut closes the registry if no operation is being carried out or waits to be, or
// anyway if it is to be now. It is one step, as what is let in between would be carried
// out when Close has returned. Else it returns a channel that is closed when there is
// none, after which it is to be asked again.
func (r *Registry) shut(now bool) (idle <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed = now || r.busy == 0; r.closed {
		return nil
	}
	if r.idle == nil {
		r.idle = make(chan struct{})
	}
	return r.idle
}

// carry sees to it that the operations of an instance are carried out.
func (r *Registry) carry(i *Instance) {
	if !r.cfg.Manual {
		go r.run(i, nil)
		return
	}
	r.mu.Lock()
	r.ready = append(r.ready, i)
	close(r.changed)
	r.changed = make(chan struct{})
	r.mu.Unlock()
	r.signal()
}

// run carries them out, until a ticket has ended if one is given. What is left then,
// or when a driver ended the goroutine, is somebody else's.
func (r *Registry) run(i *Instance, until *Ticket) {
	more := true
	defer func() {
		if more {
			r.carry(i)
		} else {
			r.retire()
		}
	}()
	more = i.drain(until)
}

// take takes an instance out of those that have something to do, for who carries it
// out himself.
func (r *Registry) take(i *Instance) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := slices.Index(r.ready, i)
	if at < 0 {
		return false
	}
	r.ready = slices.Delete(r.ready, at, at+1)
	return true
}

// news returns a channel that is closed when an instance has something to do anew.
func (r *Registry) news() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// stir sees to it that the notifiers of a Manual registry are looked at, by a call of Poll
// that is about to end too.
func (r *Registry) stir() {
	r.stirred.Store(true)
	r.signal()
}

func (r *Registry) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Wake returns a channel that has a token when a Manual registry has something to
// do, so that [Registry.Poll] is due.
func (r *Registry) Wake() <-chan struct{} { return r.wake }

// Poll carries out everything that was submitted, on a Manual registry, and tells
// its notifiers, and returns when there will be more; the zero time if nothing is to
// be expected. It never waits, except in a callback that does. Time never goes back:
// an earlier now counts as the latest. On other registries, and while another call
// runs, such as the one whose callback makes this one, it does nothing.
func (r *Registry) Poll(now time.Time) (next time.Time) {
	if !r.cfg.Manual || !r.beginPoll(now) {
		return time.Time{}
	}
	over := false
	defer func() {
		if !over { // a callback ended the goroutine
			r.mu.Lock()
			r.polling = false
			r.mu.Unlock()
			r.signal()
		}
	}()
	for {
		if i := r.takeFirst(); i != nil {
			r.run(i, nil)
			continue
		}
		if r.hub.tellNext() {
			continue
		}
		if over = r.endPoll(); over {
			return time.Time{}
		}
	}
}

func (r *Registry) beginPoll(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.After(r.time) {
		r.time = now
	}
	if r.polling {
		return false
	}
	r.polling = true
	return true
}

// endPoll ends a call of Poll if there is nothing to do, in one step, so that nobody
// whose own call did nothing is forgotten.
func (r *Registry) endPoll() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.polling = len(r.ready) > 0 || r.stirred.Load()
	return !r.polling
}

func (r *Registry) takeFirst() *Instance {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ready) == 0 {
		return nil
	}
	i := r.ready[0]
	r.ready = slices.Delete(r.ready, 0, 1)
	return i
}
