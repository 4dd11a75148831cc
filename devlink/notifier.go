package devlink

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"sync/atomic"

	"github.com/switchcore/switchcore/internal/notify"
	"github.com/switchcore/switchcore/switchdev"
)

// NotifyOptions says what a notifier is told.
type NotifyOptions struct {
	SubscribeOptions

	// DropAtClose ends the notifier when [Registry.Close] has unregistered everything;
	// else Close waits until it has been told all of that.
	DropAtClose bool
}

// Notifier is a subscription whose events a function is called with, one call at a
// time. Its methods may be called from anywhere, drivers' callbacks and its own
// function included. Linux: a notifier block, which its chain's lock makes impossible
// to remove from inside what it is called by.
type Notifier struct {
	reg   *Registry
	sub   *Subscription
	tell  func(context.Context, Event)
	drop  bool
	state atomic.Uint32 // idle, busy, again
	stop  atomic.Bool
	ended chan struct{} // closed when no call runs and none will
	act   atomic.Pointer[activity]
}

const (
	notifierIdle  uint32 = iota
	notifierBusy         // somebody tells it, or has ended it
	notifierAgain        // and there is more
)

// Notify calls fn with the events that a subscription with the options would read,
// from a goroutine that there is while there is something to tell; on a Manual
// registry Poll does. fn may do everything that a driver's callback may: wait with
// its ctx, subscribe, (un)register notifiers. Only Close is refused. It delays nobody
// but itself: when it falls behind too far it is told Overrun. When it panics that is
// logged and it is told the next event.
//
// The errors are those of [Registry.Subscribe], and ErrInvalid without a function.
func (r *Registry) Notify(o NotifyOptions, fn func(ctx context.Context, e Event)) (*Notifier, error) {
	if fn == nil {
		return nil, &switchdev.OpError{Op: "devlink.notify", Reason: "no function", Err: switchdev.ErrInvalid}
	}
	s, err := r.Subscribe(o.SubscribeOptions)
	if err != nil {
		return nil, err
	}
	n := &Notifier{reg: r, sub: s, tell: fn, drop: o.DropAtClose, ended: make(chan struct{})}
	if !r.hub.add(n) {
		s.Close()
		return nil, &switchdev.OpError{Op: "devlink.notify", Err: switchdev.ErrClosed}
	}
	n.kick() // there may be a replay
	return n, nil
}

func (h *hub) add(n *Notifier) bool {
	h.reg.mu.Lock()
	defer h.reg.mu.Unlock()
	if h.reg.closed {
		return false
	}
	list := append(slices.Clip(*h.notifiers.Load()), n)
	h.notifiers.Store(&list)
	return true
}

func (h *hub) remove(n *Notifier) {
	h.reg.mu.Lock()
	defer h.reg.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(*h.notifiers.Load()), func(o *Notifier) bool { return o == n })
	h.notifiers.Store(&list)
}

// Stop ends the notifier without a wait: a call that has begun goes on, none begins.
// Stopping again does nothing.
func (n *Notifier) Stop() {
	n.stop.Store(true)
	n.sub.Close()
	if n.state.CompareAndSwap(notifierIdle, notifierBusy) {
		n.finish()
	}
}

// Close stops the notifier and waits until no call runs. Where such a call would wait
// for the callback that ctx comes from, its own call above all, the error matches
// [switchdev.ErrDeadlock]; it is stopped all the same, as when ctx ends the wait.
func (n *Notifier) Close(ctx context.Context) error {
	n.reg.ranks.free()
	n.Stop()
	if c := n.reg.caller(ctx); c != nil {
		end, err := c.await(&wait{on: n, done: n.ended})
		if err != nil {
			return &switchdev.OpError{Op: "devlink.notifier.close", Err: err}
		}
		defer end()
	}
	select {
	case <-n.ended:
		return nil
	default:
	}
	select {
	case <-n.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Done returns a channel that is closed when the notifier has ended: no call runs any
// more and none will.
func (n *Notifier) Done() <-chan struct{} { return n.ended }

// active and registry implement target.
func (n *Notifier) active() *activity   { return n.act.Load() }
func (n *Notifier) registry() *Registry { return n.reg }

// kick sees to it that the notifier is told what there is. It never blocks.
func (n *Notifier) kick() {
	for {
		switch n.state.Load() {
		case notifierAgain:
			return
		case notifierBusy:
			if n.state.CompareAndSwap(notifierBusy, notifierAgain) {
				return
			}
		case notifierIdle:
			if n.reg.cfg.Manual {
				n.reg.stir()
				return
			}
			if n.state.CompareAndSwap(notifierIdle, notifierBusy) {
				go n.run()
				return
			}
		}
	}
}

// run tells what there is.
func (n *Notifier) run() {
	more := true
	defer func() {
		if more { // the function ended the goroutine
			go n.run()
		}
	}()
	for n.next() {
	}
	more = false
}

// next tells one event and reports whether there may be more. If not, the notifier
// has been let go of.
func (n *Notifier) next() bool {
	e, ok, err := n.sub.TryNext()
	switch {
	case n.stop.Load(), errors.Is(err, switchdev.ErrClosed):
		n.finish()
		return false
	case err != nil:
		e, ok = n.overrun(err), true
	}
	if ok {
		n.call(e)
		return true
	}
	if n.state.CompareAndSwap(notifierBusy, notifierIdle) {
		return n.stop.Load() && n.state.CompareAndSwap(notifierIdle, notifierBusy)
	}
	n.state.Store(notifierBusy)
	return true
}

func (n *Notifier) overrun(err error) Event {
	e := Event{Verb: Overrun}
	if lost := (*notify.OverrunError)(nil); errors.As(err, &lost) {
		e.Seq, e.Previous = lost.To, lost.From-1
	}
	return e
}

// call calls the function.
func (n *Notifier) call(e Event) {
	n.reg.ranks.free()
	c := &call{reg: n.reg, act: &activity{}}
	n.act.Store(c.act)
	outer := n.reg.ranks.begin(c)
	defer func() {
		n.reg.ranks.end(outer)
		c.over.Store(true)
		n.act.Store(nil)
		if p := recover(); p != nil {
			n.reg.cfg.Logger.Error("devlink: notifier panicked", "event", e.String(), "panic", p, "stack", string(debug.Stack()))
		}
	}()
	n.tell(c.with(n.reg.last), e)
}

// finish is the end; whoever calls it has the state busy, in which it stays.
func (n *Notifier) finish() {
	n.reg.hub.remove(n)
	n.sub.Close()
	close(n.ended)
}

// tellNext tells one notifier of a Manual registry its next event, and reports
// whether it did.
func (h *hub) tellNext() bool {
	h.reg.stirred.Store(false) // not after the look
	for _, n := range *h.notifiers.Load() {
		if n.state.CompareAndSwap(notifierIdle, notifierBusy) && n.once() {
			return true
		}
	}
	return false
}

// once tells one event, if there is one, and lets go of the notifier.
func (n *Notifier) once() (told bool) {
	over := false
	defer func() {
		if !over {
			n.letGo()
		}
	}()
	e, ok, err := n.sub.TryNext()
	switch {
	case n.stop.Load(), errors.Is(err, switchdev.ErrClosed):
		n.finish()
		over = true
	case err != nil:
		n.call(n.overrun(err))
		return true
	case ok:
		n.call(e)
		return true
	}
	return false
}

// letGo makes the notifier idle again. Who stopped it meanwhile, or had something to
// tell, relies on it.
func (n *Notifier) letGo() {
	again := n.state.Swap(notifierIdle) == notifierAgain
	if n.stop.Load() && n.state.CompareAndSwap(notifierIdle, notifierBusy) {
		n.finish()
	} else if again {
		n.reg.stir()
	}
}
