package devlink

import "iter"

// Filter says which events a subscription reads. Each field that is zero lets all
// pass, so the zero Filter passes everything; and an event that lacks what a field is
// about passes that field: a filter for a port passes what is about the device as a
// whole. Linux: devlink_nl_notify_filter (net/devlink/netlink.c); Kinds is ours.
type Filter struct {
	// Bus and Device are those of the instance.
	Bus, Device string
	// Port is the port that the object is, or belongs to, if OnPort is set.
	Port   uint32
	OnPort bool
	// Kinds are the kinds of objects; none means all.
	Kinds Kinds
}

// Kinds is a set of kinds. The zero Kinds is empty.
type Kinds uint32

// KindsOf returns the set of some kinds.
func KindsOf(list ...Kind) (s Kinds) {
	for _, k := range list {
		s |= 1 << k
	}
	return s
}

// Has reports whether a kind is in the set.
func (s Kinds) Has(k Kind) bool { return k < numKinds && s&(1<<k) != 0 }

// All yields the kinds of the set in their order.
func (s Kinds) All() iter.Seq[Kind] {
	return func(yield func(Kind) bool) {
		for k := range numKinds {
			if s.Has(k) && !yield(k) {
				return
			}
		}
	}
}

// Match reports whether an event passes.
func (f Filter) Match(e *Event) bool {
	if e.Life == nil || e.Object == nil {
		return true
	}
	if f.Bus != "" && f.Bus != e.Life.Bus || f.Device != "" && f.Device != e.Life.Device {
		return false
	}
	if f.Kinds != 0 && !f.Kinds.Has(e.Object.Kind()) {
		return false
	}
	if !f.OnPort {
		return true
	}
	k := e.Object.Key()
	return !k.OnPort || k.Port == f.Port
}

// topic is under what the ring has the events that can pass, 0 if they are not those
// of one instance.
func (f Filter) topic() uint64 {
	if f.Bus == "" || f.Device == "" {
		return 0
	}
	return Handle{f.Bus, f.Device}.topic()
}

// topic is a hash of the handle (FNV-1a), which may be that of another one and is
// never 0.
func (h Handle) topic() uint64 {
	sum := uint64(14695981039346656037)
	for _, part := range [...]string{h.Bus, "/", h.Device} {
		for i := range len(part) {
			sum = (sum ^ uint64(part[i])) * 1099511628211
		}
	}
	return max(sum, 1)
}
