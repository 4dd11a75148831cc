package devlink

import (
	"context"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// SetResource sets the size that a resource will have after the next reload. A key has
// an ID, and for those of ports a Port and OnPort. It works also while the instance is
// Failed. The errors match ErrInvalid if there is no such resource, or a size out of
// its limits. That the parts of a resource become more than itself is no error before the
// reload. Linux: devlink_nl_resource_set_doit (net/devlink/resource.c), where the sum
// of the parts can overflow.
func (i *Instance) SetResource(ctx context.Context, k Key, size uint64) error {
	return i.SubmitSetResource(k, size).Wait(ctx)
}

// SubmitSetResource is SetResource without the wait. It never blocks.
func (i *Instance) SubmitSetResource(k Key, size uint64) *Ticket {
	const what = "devlink.resource.set"
	return i.submit(what, func(o *op) (err error) {
		if err := i.usable(what, true); err != nil {
			return err
		}
		i.tell(func() []Event {
			var was *ResourceInfo
			if was, err = i.resource(what, k); err != nil {
				return nil
			}
			if reason := was.unfit(size); reason != "" {
				err = i.refuse(what, resourceObject(k), reason, switchdev.ErrInvalid)
				return nil
			}
			r := *was
			r.SizeNew = size
			return i.resize(was, &r)
		})
		return err
	})
}

// unfit says why a size cannot be set, the last reason that there is; "" if it can.
// Linux: devlink_resource_validate_size.
func (r *ResourceInfo) unfit(size uint64) (reason string) {
	if size > r.Max {
		reason = "Size larger than maximum"
	}
	if size < r.Min {
		reason = "Size smaller than minimum"
	}
	if size%r.Granularity != 0 {
		reason = "Wrong granularity"
	}
	return reason
}

// resize puts a resource in the place of what it was, and says anew of it and of its
// parent whether the parts fit. It returns what is to be told. The caller holds mu.
func (i *Instance) resize(was, r *ResourceInfo) []Event {
	r.SizeValid = i.partsFit(r)
	return append(i.replaceResource(was, r), i.fitParent(r)...)
}

// fitParent says anew of the parent of a resource, if it has one, whether its parts fit.
// The caller holds mu.
func (i *Instance) fitParent(r *ResourceInfo) []Event {
	k, _ := r.parent()
	above, _ := i.objs.get(KindResource, k).(*ResourceInfo)
	if above == nil {
		return nil
	}
	p := *above
	p.SizeValid = i.partsFit(above)
	return i.replaceResource(above, &p)
}

func (i *Instance) replaceResource(was, r *ResourceInfo) []Event {
	if *r == *was {
		return nil
	}
	i.objs.put(r)
	return []Event{{Verb: Changed, Object: r, Marks: Silent}}
}

// partsFit reports whether the parts of a resource, with their new sizes, are no more
// than itself. Linux: devlink_resource_validate_children. The caller holds mu.
func (i *Instance) partsFit(r *ResourceInfo) bool {
	left := r.SizeNew
	for p := range i.partsOf(r) {
		switch {
		case r.SizeNew == Unlimited:
			return true
		case p.SizeNew > left:
			return false
		}
		left -= p.SizeNew
	}
	return true
}

// partsOf yields the parts of a resource, in the order in which they were added. The
// caller holds mu.
func (i *Instance) partsOf(r *ResourceInfo) func(func(*ResourceInfo) bool) {
	return func(yield func(*ResourceInfo) bool) {
		for _, o := range i.objs[KindResource] {
			p, ok := o.(*ResourceInfo)
			if ok && p.Parent == r.ID && p.Port == r.Port && p.OnPort == r.OnPort && !yield(p) {
				return
			}
		}
	}
}

// ResourceSize returns the size that the driver is to work with from now on: the one
// that was set last. From now on it is shown as such. Drivers ask when they begin and in
// ReloadUp. ErrInvalid if there is no such resource. Linux: devl_resource_size_get.
func (l *Locked) ResourceSize(k Key) (size uint64, err error) {
	const what = "devlink.resource.size"
	err = l.tell(what, func() ([]Event, error) {
		was, err := l.inst.resource(what, k)
		if err != nil {
			return nil, err
		}
		r := *was
		r.Size, size = r.SizeNew, r.SizeNew
		return l.inst.replaceResource(was, &r), nil
	})
	return size, err
}

// RemoveResource removes a resource with all its parts; whether the other parts of its
// parent fit is said anew. ErrNotExist if there is none. Ours: Linux removes all or none.
func (l *Locked) RemoveResource(k Key) error {
	const what = "devlink.resource.remove"
	return l.tell(what, func() ([]Event, error) {
		r, _ := l.inst.objs.get(KindResource, k).(*ResourceInfo)
		if r == nil {
			return nil, l.refuse(what, resourceObject(k), "", switchdev.ErrNotExist)
		}
		return append(l.inst.dropResource(r), l.inst.fitParent(r)...), nil
	})
}

// RemoveResources removes all resources, of the device and of ports. Linux:
// devl_resources_unregister.
func (l *Locked) RemoveResources() error {
	return l.tell("devlink.resource.remove", func() (events []Event, err error) {
		for _, o := range slices.Backward(l.inst.objs[KindResource]) {
			if r, ok := o.(*ResourceInfo); ok {
				events = append(events, l.inst.dropResource(r)...)
			}
		}
		return events, nil
	})
}

// dropResource removes a resource, its parts before it and the newest of them first.
// The caller holds mu.
func (i *Instance) dropResource(r *ResourceInfo) (events []Event) {
	for _, p := range slices.Backward(slices.Collect(i.partsOf(r))) {
		events = append(events, i.dropResource(p)...)
	}
	i.objs.remove(KindResource, r.Key())
	r.record.occupancy.Store(nil)
	return append(events, Event{Verb: Deleted, Object: r, Marks: Silent})
}

// resourcesValid reports whether no resource has parts that are more than itself, so
// that the instance may be reloaded. Linux: devlink_resources_validate.
func (i *Instance) resourcesValid() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return !slices.ContainsFunc(i.objs[KindResource], func(o Object) bool {
		r, ok := o.(*ResourceInfo)
		return ok && !r.SizeValid
	})
}

// saveResources remembers the sizes of all resources; what it returns gives those that
// are still there the sizes that they had, except where a new one was set meanwhile.
func (i *Instance) saveResources() (restore func()) {
	i.mu.Lock()
	saved := i.objs[KindResource]
	i.mu.Unlock()
	return func() {
		i.tell(func() (events []Event) {
			for _, o := range saved {
				was, ok := o.(*ResourceInfo)
				if !ok {
					continue
				}
				now, _ := i.objs.get(KindResource, was.Key()).(*ResourceInfo)
				if now == nil || now.record != was.record || now.SizeNew != was.SizeNew {
					continue
				}
				r := *now
				r.Size = was.Size
				events = append(events, i.replaceResource(now, &r)...)
			}
			return events
		})
	}
}
