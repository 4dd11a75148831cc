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
	on     target
	done   <-chan struct{}
	ticket *Ticket // of what is waited for; nil: only the wait itself can be refused
}

// target is what can be waited for.
type target interface {
	// active is what has to end, or to go on, before the wait can end; nil if nothing
	// runs. It is called with the graph of its registry held.
	active() *activity
	registry() *Registry
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

// caller returns the call from which ctx comes, of any registry, nil if from none or
// from one that has returned. With the tag devlinkdebug the calls of this registry are
// known by their goroutine, too.
func (r *Registry) caller(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	if c == nil {
		c = r.ranks.call()
	}
	if c == nil || c.over.Load() {
		return nil
	}
	return c
}

// await notes that a call begins to wait, or refuses with ErrDeadlock. The wait ends
// with the function returned.
//
// A circle is broken where somebody waits for what has not begun, so that whoever is
// refused knows that nothing was done. Mostly that is the wait that closes it; but what
// a callback submitted may itself wait sooner than the callback does.
func (c *call) await(w *wait) (func(), error) {
	for {
		circle := c.add(w)
		if circle == nil {
			return func() { c.endWait(w) }, nil
		}
		if w.ticket == nil || w.withdrawn() || !slices.ContainsFunc(circle, (*wait).withdrawn) {
			return nil, switchdev.ErrDeadlock
		}
	}
}

// withdrawn takes back what is waited for, if it has not begun.
func (w *wait) withdrawn() bool {
	return w.ticket != nil && !w.ticket.firm && w.ticket.withdraw(switchdev.ErrDeadlock)
}

// add adds an edge, unless it closes the circle that is returned.
func (c *call) add(w *wait) (circle []*wait) {
	circle, abroad := c.link(w)
	if abroad {
		if circle = w.closes(c.act); circle != nil {
			c.endWait(w)
		}
	}
	return circle
}

// link is add within the registry, and reports whether what the edge leads to waits for
// other registries.
func (c *call) link(w *wait) (circle []*wait, abroad bool) {
	c.reg.graph.Lock()
	defer c.reg.graph.Unlock()
	s := search{reg: c.reg, to: c.act}
	if s.reaches(w) {
		return s.way, false
	}
	c.act.waits = append(c.act.waits, w)
	return nil, s.abroad
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

// search looks for an activity in the graph of one registry, which is held.
type search struct {
	reg    *Registry
	to     *activity
	seen   map[*activity]bool
	way    []*wait // the edges that lead there, the last first
	abroad bool    // an edge leads to another registry
}

// reaches reports whether an edge leads to what is looked for.
func (s *search) reaches(w *wait) bool {
	switch a := s.follow(w); {
	case a == nil:
		return false
	case a != s.to:
		if s.seen == nil {
			s.seen = make(map[*activity]bool)
		}
		s.seen[a] = true
		if !slices.ContainsFunc(a.waits, s.reaches) {
			return false
		}
	}
	s.way = append(s.way, w)
	return true
}

// follow returns what an edge leads to, nil if that is nothing new, or abroad.
func (s *search) follow(w *wait) *activity {
	if !w.open() {
		return nil
	}
	if w.on.registry() != s.reg {
		s.abroad = true
		return nil
	}
	a := w.on.active()
	if s.seen[a] {
		return nil
	}
	return a
}

// closes returns the circle that an edge that was added closes through other registries,
// nil if there is none. There is no lock for the graphs of several, so it looks twice:
// each edge is added once, so what is the same circle both times was one in between, and
// whoever adds the last edge of a circle finds it.
func (w *wait) closes(to *activity) []*wait {
	for {
		once := w.circle(to, make(map[*activity]bool))
		if once == nil || slices.Equal(once, w.circle(to, make(map[*activity]bool))) {
			return once
		}
	}
}

// circle returns the edges of a way to an activity, the last first, nil if there is none.
func (w *wait) circle(to *activity, seen map[*activity]bool) []*wait {
	a, next := w.follow()
	switch {
	case a == to:
		return []*wait{w}
	case a == nil || seen[a]:
		return nil
	}
	seen[a] = true
	for _, n := range next {
		if way := n.circle(to, seen); way != nil {
			return append(way, w)
		}
	}
	return nil
}

// follow returns what an edge leads to and the edges from there, nothing if it is none
// any more.
func (w *wait) follow() (*activity, []*wait) {
	graph := &w.on.registry().graph
	graph.Lock()
	defer graph.Unlock()
	if a := w.on.active(); a != nil && w.open() {
		return a, slices.Clone(a.waits)
	}
	return nil, nil
}
