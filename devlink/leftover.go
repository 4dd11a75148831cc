package devlink

import "slices"

// fleeting tells of a kind that all of it has to be gone when a driver is down. Regions,
// reporters, parameters and resources may stay. Linux: devlink_reload_netns_change and
// the checks in devlink_reload (net/devlink/dev.c).
func fleeting(k Kind) bool {
	return k == KindPort || k == KindPolicer || k == KindGroup || k == KindTrap
}

// sweep removes what a driver has left behind, in the reverse order of a registration,
// and returns the events: what has to be gone, what belongs to a port, and whatever is
// not among kept, if kept is not nil. The caller holds mu.
func (i *Instance) sweep(kept *objects) (events []Event, leaked []Object) {
	for k := numKinds - 1; k > KindInstance; k-- {
		for _, o := range slices.Backward(slices.Clone(i.objs[k])) {
			key := o.Key()
			if i.objs.get(k, key) == nil || !fleeting(k) && !key.OnPort && (kept == nil || kept.get(k, key) != nil) {
				continue
			}
			for _, e := range i.discard(o) {
				e.Marks |= Leaked
				events, leaked = append(events, e), append(leaked, e.Object)
			}
		}
	}
	return events, leaked
}

// discard removes an object, and what is part of it. The caller holds mu.
func (i *Instance) discard(o Object) []Event {
	if r, ok := o.(*ResourceInfo); ok {
		return i.dropResource(r)
	}
	i.objs.remove(o.Kind(), o.Key())
	return []Event{{Verb: Deleted, Object: o, Marks: marksOf(o)}}
}

// accuse logs what a driver has left behind.
func (i *Instance) accuse(leaked []Object) {
	for _, o := range leaked {
		i.reg.cfg.Logger.Warn("devlink: the driver left something behind", "instance", i.handle.String(),
			"object", label(o))
	}
}
