package devlink

import (
	"iter"

	"github.com/switchcore/switchcore/switchdev"
)

// Snapshot returns everything that can be seen, at a cost that does not depend on
// how much that is. It waits for nobody who waits, whatever drivers are doing.
func (r *Registry) Snapshot() *Snapshot { return r.hub.snapshot() }

// Instance returns the instance of a handle, if it can be seen in the namespace:
// "" is the initial one. The errors match [switchdev.ErrInvalid] for a handle that
// is none and [switchdev.ErrNoDevice], as the kernel's, if there is none; in a
// namespace that is being deleted there is none. An instance that was found may be
// unregistered at any time; what is asked of it then answers ErrNoDevice. Linux:
// devlink_get_from_attrs_lock (net/devlink/netlink.c).
func (r *Registry) Instance(namespace string, h Handle) (*Instance, error) {
	if !h.Valid() {
		return nil, &switchdev.OpError{Op: "devlink.get", Object: h.String(), Reason: "bad handle", Err: switchdev.ErrInvalid}
	}
	r.mu.Lock()
	i, live := r.instances[h], r.live(namespace)
	r.mu.Unlock()
	if i == nil || !live || !i.visibleIn(namespace) {
		return nil, errNoInstance("devlink.get", h)
	}
	return i, nil
}

// Instances yields the instances that can be seen in a namespace, in the order in
// which they were made; "" is the initial one. Each is looked at again before it is
// yielded, and nothing is locked while it is.
func (r *Registry) Instances(namespace string) iter.Seq[*Instance] {
	return func(yield func(*Instance) bool) {
		for v := range r.Snapshot().views(namespace) {
			if v.inst.visibleIn(namespace) && !yield(v.inst) {
				return
			}
		}
	}
}

// errNoInstance is what the kernel says of a handle that nobody has.
func errNoInstance(op string, h Handle) error {
	return &switchdev.OpError{Op: op, Object: h.String(), Err: switchdev.ErrNoDevice}
}
