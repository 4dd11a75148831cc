package devlink

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// namespace is where instances can be seen.
type namespace struct {
	dying bool
	// members are the instances that are there, or have been let in and will be when
	// their operation has got that far; so none is overlooked when the namespace dies.
	members map[*Instance]bool
}

func newNamespace() *namespace { return &namespace{members: make(map[*Instance]bool)} }

// live reports whether a namespace is there and not being deleted. The caller holds
// mu.
func (r *Registry) live(name string) bool {
	ns := r.namespaces[name]
	return ns != nil && !ns.dying
}

// AddNamespace adds a namespace. The errors match ErrInvalid for a name that is
// empty or has a slash, white space or control characters, ErrExist if there is one,
// be it that it is still being deleted, and ErrClosed.
func (r *Registry) AddNamespace(name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !validName(name):
		return errNamespace("add", name, "bad name", switchdev.ErrInvalid)
	case r.closing:
		return errNamespace("add", name, "", switchdev.ErrClosed)
	case r.namespaces[name] != nil:
		return errNamespace("add", name, "", switchdev.ErrExist)
	}
	r.namespaces[name] = newNamespace()
	return nil
}

func errNamespace(verb, name, reason string, err error) error {
	return &switchdev.OpError{Op: "devlink.namespace." + verb, Object: name, Reason: reason, Err: err}
}

// Namespaces returns the names of all namespaces, in order; the initial one is "".
// Those that are being deleted are not among them.
func (r *Registry) Namespaces() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := slices.Sorted(maps.Keys(r.namespaces))
	return slices.DeleteFunc(names, func(name string) bool { return !r.live(name) })
}

// DeleteNamespace deletes a namespace. From now on nobody finds instances there, nor
// can be moved there. Each instance that is there goes to the initial namespace, all
// at the same time and each when its operations get to that; one whose driver has to be
// restarted for it is, and where that fails the instance goes there all the same, with
// ReloadFailed. When none is left the namespace has gone. No lock is held meanwhile:
// everything else, and everybody else, goes on.
//
// A ctx that ends ends the wait, and not the deletion; so does ErrDeadlock, from inside
// a callback that the deletion waits for. The other errors match ErrInvalid for the
// initial namespace, ErrNotExist if there is none of that name or it is being deleted
// already, and ErrClosed. What drivers answered is logged. Linux: devlink_pernet_pre_exit
// (net/devlink/core.c), which leaves an instance in the dead namespace if its driver
// does not want to be restarted.
func (r *Registry) DeleteNamespace(ctx context.Context, name string) error {
	return r.SubmitDeleteNamespace(name).Wait(ctx)
}

// deletion is a namespace that dies.
type deletion struct {
	reg    *Registry
	name   string
	ticket *Ticket
	act    activity
	left   int   // guarded by Registry.mu
	err    error // as is this
}

// active and registry implement target. A deletion waits for each of its members from the
// beginning on.
func (d *deletion) active() *activity   { return &d.act }
func (d *deletion) registry() *Registry { return d.reg }

// SubmitDeleteNamespace is DeleteNamespace without the wait. It never blocks.
func (r *Registry) SubmitDeleteNamespace(name string) *Ticket {
	d := &deletion{reg: r, name: name}
	d.ticket = newTicket(r, d)
	d.ticket.firm = true
	d.ticket.begin()
	members, err := r.condemn(name)
	if err != nil {
		d.ticket.resolve(err)
		return d.ticket
	}
	d.left = len(members) + 1
	for _, i := range members {
		o := i.newOp("devlink.namespace.del", func(o *op) error { return i.evict(o, name) })
		o.ticket.then = d.gone
		d.ticket.parts = append(d.ticket.parts, o.ticket)
		d.act.waits = append(d.act.waits, &wait{on: i, done: o.ticket.done})
	}
	for _, k := range d.ticket.parts {
		k.op.inst.enqueue(k.op)
	}
	d.gone(nil)
	return d.ticket
}

// condemn marks a namespace as dying and returns its members, the newest first, as
// what is nested is newer than what it is nested in.
func (r *Registry) condemn(name string) ([]*Instance, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case name == "":
		return nil, errNamespace("del", name, "the initial namespace stays", switchdev.ErrInvalid)
	case r.closing:
		return nil, errNamespace("del", name, "", switchdev.ErrClosed)
	case !r.live(name):
		return nil, errNamespace("del", name, "", switchdev.ErrNotExist)
	}
	ns := r.namespaces[name]
	ns.dying = true
	return newestFirst(maps.Keys(ns.members)), nil
}

// gone counts the members that are out.
func (d *deletion) gone(err error) {
	d.reg.mu.Lock()
	if errors.Is(err, switchdev.ErrClosed) {
		d.err = errNamespace("del", d.name, "", switchdev.ErrClosed)
	}
	d.left--
	over := d.left == 0
	if over && d.err == nil {
		delete(d.reg.namespaces, d.name)
	}
	d.reg.mu.Unlock()
	if over {
		d.ticket.resolve(d.err)
	}
}

// newestFirst sorts instances.
func newestFirst(seq func(func(*Instance) bool)) []*Instance {
	return slices.SortedFunc(seq, func(a, b *Instance) int { return cmp.Compare(b.index, a.index) })
}

// reserve makes an instance a member of a namespace that it is about to go to.
func (r *Registry) reserve(i *Instance, name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.live(name) {
		return false
	}
	r.namespaces[name].members[i] = true
	return true
}

// release is the end of its membership.
func (r *Registry) release(i *Instance, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ns := r.namespaces[name]; ns != nil {
		delete(ns.members, i)
	}
}

// evict takes an instance out of a namespace that dies, whatever its driver does.
func (i *Instance) evict(o *op, from string) error {
	i.mu.Lock()
	state, there := i.state, i.namespace == from
	i.mu.Unlock()
	if !there {
		return nil
	}
	i.reg.reserve(i, "")
	if state != Registered || !i.restartsToMove() {
		i.rebind("", func() { i.must(onDeath) })
		return nil
	}
	err := o.refuse("the driver ended its goroutine", switchdev.ErrOutcomeUnknown)
	defer func() { i.force(from, err) }()
	err = i.restart(o, "", true)
	return nil
}

// force rebinds an instance whose driver has not followed out of a namespace that
// dies, so that it is never left there.
func (i *Instance) force(from string, err error) {
	if err != nil {
		i.reg.cfg.Logger.Warn("devlink: driver was not restarted for the deletion of its namespace",
			"instance", i.handle.String(), "namespace", from, "err", err)
	}
	if i.Namespace() == from {
		i.reg.reserve(i, "") // the reload has given that back
		i.rebind("", func() {
			i.must(onStray)
			i.info = i.info.failed(true)
		})
	}
}
