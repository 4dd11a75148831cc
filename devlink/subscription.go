package devlink

import (
	"context"
	"iter"
	"slices"

	"github.com/switchcore/switchcore/internal/notify"
	"github.com/switchcore/switchcore/switchdev"
)

// SubscribeOptions says what a subscription reads. The zero value reads every event
// of the initial namespace from now on.
type SubscribeOptions struct {
	// Namespace is where the instances are; "" is the initial one. AllNamespaces
	// reads all of them, those that are added later too.
	Namespace     string
	AllNamespaces bool

	// Filter says which events are read; Synced is never filtered. It can be changed
	// with [Subscription.SetFilter].
	Filter Filter

	// Replay begins with an Existing event for every object, in an order in which none
	// comes before one that it depends on, then Synced, and does so again after an
	// overrun. No change is missing and none is told twice between the replay and the
	// news.
	Replay bool

	// CompatKernel passes over what Linux tells nobody of, marked Silent.
	CompatKernel bool

	// Coalesce passes over a Changed event that another one for the same object has
	// followed by the time it is read, with no other event of the instance between. So
	// a slow reader of something that changes often sees it as it is.
	Coalesce bool
}

// Subscription reads the events of a registry, in the order of their numbers. Its
// methods may be called concurrently; each event goes to one reader. A slow
// subscription delays nobody: when it has fallen behind by more than Config.Events it
// gets [switchdev.ErrOverrun] once and goes on from the present, with a fresh replay
// if it has one. One whose filter names an instance falls behind only when an event of
// that instance is lost, and costs other instances nothing. No driver and no operation
// is ever waited for.
type Subscription struct {
	reg *Registry
	opt SubscribeOptions
	sub *notify.Subscription[Event]
}

// Subscribe begins to read events. The errors match [switchdev.ErrNotExist] for a
// namespace that is not there or is being deleted and [switchdev.ErrClosed] on a
// closed registry. A subscription that is read no more is to be closed.
func (r *Registry) Subscribe(o SubscribeOptions) (*Subscription, error) {
	r.mu.Lock()
	live := o.AllNamespaces || r.live(o.Namespace)
	r.mu.Unlock()
	if !live {
		return nil, &switchdev.OpError{Op: "devlink.subscribe", Object: o.Namespace, Reason: "no such namespace", Err: switchdev.ErrNotExist}
	}
	s := &Subscription{reg: r, opt: o}
	var opt notify.Options[Event]
	s.apply(&opt, o.Filter)
	if o.Replay {
		opt.Synced = func() Event { return Event{Verb: Synced} }
	}
	var err error
	r.hub.guard(func() { s.sub, err = r.hub.ring.Subscribe(opt) })
	if err != nil {
		return nil, &switchdev.OpError{Op: "devlink.subscribe", Err: err}
	}
	return s, nil
}

// apply makes a filter part of the options of the ring.
func (s *Subscription) apply(opt *notify.Options[Event], f Filter) {
	opt.Topic = f.topic()
	switch {
	case f != (Filter{}):
		opt.Filter = func(e *Event) bool { return s.wanted(e) && f.Match(e) }
	case s.opt.AllNamespaces && !s.opt.CompatKernel && !s.opt.Coalesce:
		opt.Filter = nil
	default:
		opt.Filter = s.wanted
	}
	if s.opt.Replay {
		opt.Replay = func() notify.Walk[Event] { return s.replay(f) }
	}
}

// replay is called with the ring's lock; the walk that it returns is not. It makes
// the events of one instance at a time.
func (s *Subscription) replay(f Filter) notify.Walk[Event] {
	snap := s.reg.hub.capture()
	next := func(v *view) *view { return snap.tree.after(v.life.Namespace, v.life.Index) }
	first := next(&view{life: &Life{Namespace: s.opt.Namespace}})
	switch {
	case s.opt.AllNamespaces:
		first = next(&view{life: &Life{}})
	case f.Bus != "" && f.Device != "":
		first, _ = snap.find(s.opt.Namespace, Handle{f.Bus, f.Device})
		next = func(*view) *view { return nil }
	}
	return notify.Chunks(func(dst []Event, _ uint64) ([]Event, uint64, bool) {
		v := first
		if v == nil || !s.opt.AllNamespaces && v.life.Namespace != s.opt.Namespace {
			return dst, 0, false
		}
		first = next(v)
		n := int(v.count())
		dst = slices.Grow(dst, n)[:n]
		return dst[:v.fill(dst, 0, Existing)], 0, true
	})()
}

// wanted is called by who reads, one call at a time and with no lock held.
func (s *Subscription) wanted(e *Event) bool {
	switch {
	case !s.opt.AllNamespaces && e.Life.Namespace != s.opt.Namespace,
		s.opt.CompatKernel && e.Marks.Has(Silent),
		s.opt.Coalesce && e.stale != nil && e.stale.is.Load():
		return false
	}
	return true
}

// SetFilter changes the filter, at one point in the order of events: those numbered
// up to the result are read as before, those after it, and a replay that begins later,
// with the new filter. It does not tell again of what the old filter passed over;
// [Registry.Snapshot] does. It waits for nobody and may be called at any time. The
// error matches ErrClosed when the subscription or the registry is closed.
func (s *Subscription) SetFilter(f Filter) (after uint64, err error) {
	s.reg.hub.guard(func() {
		after, err = s.sub.Change(func(opt *notify.Options[Event]) { s.apply(opt, f) })
	})
	if err != nil {
		return 0, &switchdev.OpError{Op: "devlink.filter", Err: err}
	}
	return after, nil
}

// Next returns the next event and waits for it. It returns ctx's error only when
// there is nothing to read, [switchdev.ErrOverrun] once when it fell behind, and
// [switchdev.ErrClosed] after Close, or when the registry was closed and everything
// has been read.
func (s *Subscription) Next(ctx context.Context) (Event, error) { return s.sub.Next(ctx) }

// TryNext is Next that does not wait: ok is false, with a nil error, when there is
// nothing to read.
func (s *Subscription) TryNext() (e Event, ok bool, err error) { return s.sub.TryNext() }

// Read fills dst with the next events, at least one, and waits for that. Its errors
// are Next's, and come only without events.
func (s *Subscription) Read(ctx context.Context, dst []Event) (int, error) {
	for {
		n, err := s.sub.TryRead(dst)
		if n > 0 || err != nil || len(dst) == 0 {
			return n, err
		}
		select {
		case <-s.sub.Ready():
		case <-ctx.Done():
			if n, err = s.sub.TryRead(dst); n > 0 || err != nil {
				return n, err
			}
			return 0, ctx.Err()
		}
	}
}

// All reads until the subscription ends. It yields every error that Next returns,
// with a zero event; it goes on after an overrun and stops after any other error.
// Leaving the loop does not close the subscription.
func (s *Subscription) All(ctx context.Context) iter.Seq2[Event, error] { return s.sub.All(ctx) }

// Ready returns a channel that has a token when something may be read. One read per
// token is enough: a read that leaves something puts a new token in.
func (s *Subscription) Ready() <-chan struct{} { return s.sub.Ready() }

// Close ends the subscription. What it has not read is dropped, and whoever waits in
// it gets [switchdev.ErrClosed]. It waits for nobody and always returns nil.
func (s *Subscription) Close() error { return s.sub.Close() }
