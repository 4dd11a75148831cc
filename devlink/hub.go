package devlink

import (
	"sync/atomic"

	"github.com/switchcore/switchcore/internal/notify"
	"github.com/switchcore/switchcore/switchdev"
)

// hub is where changes become visible: the ring of events, and the view of all
// instances, which change in one step under the ring's leaf lock.
type hub struct {
	reg  *Registry
	ring *notify.Ring[Event]
	tree *visible // guarded by the ring's lock

	// captures counts the copies of the tree, from 1 on; guarded by the ring's lock. A
	// view that was made after the last of them is nobody else's.
	captures uint64

	// copying is for who copies the tree when the ring's lock guards it no more, as
	// making a copy changes it. It is taken inside all others.
	copying mutex

	// notifiers is replaced, with Registry.mu, and never written to.
	notifiers atomic.Pointer[[]*Notifier]
}

func newHub(r *Registry) (*hub, error) {
	ring, err := notify.New(notify.Config[Event]{
		Capacity: r.cfg.Events, Overrun: switchdev.ErrOverrun, Closed: switchdev.ErrClosed,
		Number:   func(e *Event, seq uint64) { e.Seq = seq },
		Previous: func(e *Event, prev uint64) { e.Previous, e.stale = prev, nil },
	})
	if err != nil {
		return nil, err
	}
	h := &hub{reg: r, ring: ring, tree: newVisible(), captures: 1}
	h.copying.place(r.ranks, rankCopy)
	h.notifiers.Store(new([]*Notifier))
	return h, nil
}

// update changes the tree and appends events in one step, and reports whether it
// did: it does not when the registry is closed.
func (h *hub) update(f func(tx notify.Tx[Event])) bool {
	before := h.ring.Last()
	ok := h.locked(f)
	if h.ring.Last() != before {
		h.kick()
	}
	return ok
}

// kick tells the notifiers that there is something to tell.
func (h *hub) kick() {
	for _, n := range *h.notifiers.Load() {
		n.kick()
	}
}

func (h *hub) locked(f func(tx notify.Tx[Event])) (ok bool) {
	h.guard(func() { ok = h.ring.Update(f) })
	return ok
}

// guard is for who takes the ring's lock.
func (h *hub) guard(f func()) {
	h.reg.ranks.enter(rankHub)
	defer h.reg.ranks.leave(rankHub)
	f()
}

// enter makes an instance visible, and tells of it and of all that it has, in one
// step (Q5).
func (h *hub) enter(v *view) {
	h.update(func(tx notify.Tx[Event]) {
		h.tree.put(v)
		h.bracket(tx, v, Added)
	})
}

// leave is the reverse (Q6).
func (h *hub) leave(v *view) {
	h.update(func(tx notify.Tx[Event]) {
		h.tree.remove(v)
		h.bracket(tx, v, Deleted)
	})
}

// move is leave and enter in one step, so that no reader finds the instance nowhere.
func (h *hub) move(old, v *view) {
	h.update(func(tx notify.Tx[Event]) {
		h.tree.remove(old)
		h.bracket(tx, old, Deleted)
		h.tree.put(v)
		h.bracket(tx, v, Added)
	})
}

// bracket appends one record for everything that an instance has. The view is the
// record's from then on.
func (h *hub) bracket(tx notify.Tx[Event], v *view, verb Verb) {
	v.inst.newest = nil
	tx.AppendFillTopic(v.inst.topic, v.count(), func(dst []Event, pos uint64) (int, uint64, bool) {
		n := v.fill(dst, pos, verb)
		return n, pos + uint64(n), pos+uint64(n) < v.count()
	})
}

// change makes what became of a visible instance visible, with its events. With no
// events the change is one that nobody is told of. The caller holds the instance's lock.
func (h *hub) change(i *Instance, list []Event) {
	h.reg.ranks.enter(rankHub)
	tx, ok := h.ring.Begin()
	if ok {
		h.show(i)
		for n := range list {
			e := &list[n]
			e.Life = i.life
			i.supersede(e)
			tx.AppendTopic(i.topic, *e)
		}
		tx.End()
	}
	h.reg.ranks.leave(rankHub)
	if ok && len(list) > 0 {
		h.kick()
	}
}

// show puts the instance as it is now into the tree. As long as nobody has captured its
// view there that is overwritten, so that who changes an instance again and again pays
// for a place in the tree no more than once between two captures.
func (h *hub) show(i *Instance) {
	if v := i.shown; v != nil && v.life == i.life && v.made == h.captures {
		v.info, v.objs = i.info, i.objs
		return
	}
	i.shown = i.view()
	i.shown.made = h.captures
	h.tree.put(i.shown)
}

// stale marks an event that one for the same object has followed, with no other of
// the same instance between; whoever wants only the latest passes over it (Q9).
type stale struct {
	kind  Kind
	key   Key
	marks Marks
	is    atomic.Bool
}

// supersede notes that the newest event of the instance is e, which is being
// appended.
func (i *Instance) supersede(e *Event) {
	if e.Verb != Changed {
		i.newest = nil
		return
	}
	was, k := i.newest, e.Object.Key()
	if was != nil && was.kind == e.Object.Kind() && was.key == k && was.marks == e.Marks {
		was.is.Store(true)
	}
	i.newest = &stale{kind: e.Object.Kind(), key: k, marks: e.Marks}
	e.stale = i.newest
}

// snapshot returns everything that can be seen, after Close what could be seen last.
func (h *hub) snapshot() (s *Snapshot) {
	if !h.locked(func(tx notify.Tx[Event]) { s = h.capture() }) {
		s = h.capture() // nobody changes the tree any more
	}
	return s
}

// capture takes a copy of the tree, which nobody changes meanwhile.
func (h *hub) capture() *Snapshot {
	h.copying.Lock()
	defer h.copying.Unlock()
	h.captures++
	return &Snapshot{h.ring.Last(), h.tree.clone()}
}
