package devlink

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/switchcore/switchcore/switchdev"
)

// Callbacks may wait for operations of other instances: a chip that goes down
// unregisters what is nested in it. Who waits for whom is a graph, from what runs (an
// operation of an instance, the callback of a notifier, the deletion of a namespace)
// to what its callbacks wait for. An edge that would close a circle is refused, so
// there is none, and everybody who waits is waited out.

// activity is something that runs and that can be waited for.
type activity struct {
	waits []*wait // guarded by Registry.graph
}

// wait is one edge; it is none any more when done is closed.
type wait struct {
	on   target
	done <-chan struct{}
}

// target is what can be waited for.
type target interface {
	// active is what has to end, or to go on, before the wait can end; nil if nothing
	// runs. It is called with Registry.graph held.
	active() *activity
}

// call is one run of a driver's or a subscriber's code. The ctx that it is given
// carries it, so that whoever waits with that ctx, or with one derived from it, is
// known to be inside.
type call struct {
	reg  *Registry
	act  *activity
	over atomic.Bool
}

type callKey struct{}

// with returns the ctx of a call.
func (c *call) with(ctx context.Context) context.Context { return context.WithValue(ctx, callKey{}, c) }

// inside returns the call of this registry from which ctx comes, nil if from none or
// from one that has returned. Of other registries' calls nothing is known.
func (r *Registry) inside(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	if c == nil || c.reg != r || c.over.Load() {
		return nil
	}
	return c
}

// await notes that a call begins to wait, or refuses with ErrDeadlock. The wait ends
// with the function returned.
func (c *call) await(on target, done <-chan struct{}) (func(), error) {
	w := &wait{on, done}
	c.reg.graph.Lock()
	defer c.reg.graph.Unlock()
	if w.open() && reaches(on, c.act) {
		return nil, switchdev.ErrDeadlock
	}
	c.act.waits = append(c.act.waits, w)
	return func() { c.endWait(w) }, nil
}

func (c *call) endWait(w *wait) {
	c.reg.graph.Lock()
	defer c.reg.graph.Unlock()
	i := slices.Index(c.act.waits, w)
	c.act.waits = slices.Delete(c.act.waits, i, i+1)
}

// open reports whether what is waited for has yet to end.
func (w *wait) open() bool {
	select {
	case <-w.done:
		return false
	default:
		return true
	}
}

// reaches reports whether whoever waits for from waits for what to does. There is no
// circle yet, so it ends.
func reaches(from target, to *activity) bool {
	a := from.active()
	if a == nil || a == to {
		return a != nil
	}
	return slices.ContainsFunc(a.waits, func(w *wait) bool { return w.open() && reaches(w.on, to) })
}
