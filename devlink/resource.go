package devlink

import (
	"iter"
	"math"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/switchcore/switchcore/switchdev"
)

// Unlimited is the size of a resource without a limit. Linux: (u64)-1, which devlink(8)
// prints as "unlimited".
const Unlimited uint64 = math.MaxUint64

// ResourceUnit is the unit in which a size is.
type ResourceUnit uint8

// The units. Linux: enum devlink_resource_unit.
const (
	UnitEntry ResourceUnit = iota
)

// String returns the unit's name, "entry".
func (u ResourceUnit) String() string {
	if u == UnitEntry {
		return "entry"
	}
	return "unit?"
}

// ResourceInfo is what can be seen of a resource: how much of something a device has,
// as a part of how much of something more.
type ResourceInfo struct {
	// Port is the port whose resource it is, if OnPort is set; else it is the device's.
	Port   uint32
	OnPort bool
	// ID is its number among the resources of the device, or of the port; Parent that of
	// the one whose part it is, 0 if of none.
	ID, Parent uint64
	// Name names it among the parts of its parent.
	Name string
	// Size is the size that the driver works with; SizeNew the one that it is given when
	// it asks next, which it does in a reload.
	Size, SizeNew uint64
	// Min, Max and Granularity are what sizes can be set.
	Min, Max, Granularity uint64
	// Unit is what the sizes count.
	Unit ResourceUnit
	// SizeValid tells that the SizeNew of its parts are no more than its own. While it is
	// not so of some resource the instance cannot be reloaded.
	SizeValid bool

	record *resourceRecord
}

// resourceRecord is what a resource has as long as it lives.
type resourceRecord struct {
	inst      *Instance
	occupancy atomic.Pointer[func() uint64]
}

// Kind implements [Object].
func (*ResourceInfo) Kind() Kind { return KindResource }

// Key implements [Object]: a resource has no Name there, as many may have the same.
func (r *ResourceInfo) Key() Key { return Key{Port: r.Port, OnPort: r.OnPort, ID: r.ID} }

// Pending reports whether the driver has not asked yet for the size that was set.
func (r *ResourceInfo) Pending() bool { return r.Size != r.SizeNew }

// Occupancy asks the driver how much of the resource is taken, now, ok being false if it
// has not said how to ask, or panics, which is logged, or the resource has gone. Nobody
// waits for anybody.
func (r *ResourceInfo) Occupancy() (n uint64, ok bool) {
	if r.record == nil {
		return 0, false
	}
	f := r.record.occupancy.Load()
	if f == nil {
		return 0, false
	}
	defer r.record.inst.survive("devlink.resource.occupancy", func() { ok = false })
	return (*f)(), true
}

// parent returns the key of the resource whose part it is, if of any.
func (r *ResourceInfo) parent() (k Key, ok bool) {
	k = r.Key()
	k.ID = r.Parent
	return k, r.Parent != 0
}

// FindResource returns the resource of a path such as "/IPv4/fib" among the objects of an
// instance, as [Snapshot.Objects] yields them; nil if there is none. Only those of the
// device as a whole have paths.
func FindResource(objects iter.Seq[Object], path string) *ResourceInfo {
	names := strings.Split(path, "/")
	if len(names) < 2 || names[0] != "" {
		return nil
	}
	var found *ResourceInfo
	depth, parent := 1, uint64(0)
	for o := range objects { // a parent comes before its parts
		r, ok := o.(*ResourceInfo)
		if !ok || r.OnPort || depth == len(names) || r.Parent != parent || r.Name != names[depth] {
			continue
		}
		found, parent = r, r.ID
		depth++
	}
	if depth < len(names) {
		return nil
	}
	return found
}

// ResourceConfig describes a resource.
type ResourceConfig struct {
	// Port, OnPort, Name and Unit are those of [ResourceInfo]. ID is not 0; Parent is 0 if
	// it is no part of another.
	Port       uint32
	OnPort     bool
	Name       string
	ID, Parent uint64
	Unit       ResourceUnit
	// Size is the size that the driver begins with.
	Size uint64
	// Min and Max are the limits of what can be set; Max 0 means Unlimited. What is set is
	// a multiple of Granularity; 0 means 1.
	Min, Max, Granularity uint64
	// Occupancy says how much is taken. It is called by whoever reads the resource, at any
	// time from any goroutine, with no lock held; it must not block. Nil: nobody knows.
	Occupancy func() uint64
}

func (c *ResourceConfig) settle() (reason string) {
	if c.Max == 0 {
		c.Max = Unlimited
	}
	c.Granularity = max(c.Granularity, 1)
	switch {
	case c.Name == "" || strings.ContainsAny(c.Name, "/\x00"):
		return "bad name"
	case c.Port != 0 && !c.OnPort:
		return "port without OnPort"
	case c.ID == 0:
		return "0 is no number of a resource"
	case c.Min > c.Max:
		return "Min above Max"
	case c.Unit > UnitEntry:
		return "no such unit"
	}
	return ""
}

// resourceObject is what a resource is called in errors, behind the handle.
func resourceObject(k Key) string {
	id := strconv.FormatUint(k.ID, 10)
	if k.OnPort {
		return portName(k.Port) + "/" + id
	}
	return id
}

// AddResource adds a resource. It stays over reloads. Its parent has to be there. The
// errors match ErrInvalid if c contradicts itself or the parent is not there, ErrExist
// for a number in use, ErrNotExist for a port that is not there. As all of resources it
// is told with the mark [Silent]. Linux: devl_resource_register (net/devlink/resource.c).
func (l *Locked) AddResource(c ResourceConfig) error {
	const what = "devlink.resource.add"
	reason := c.settle()
	r := &ResourceInfo{
		Port: c.Port, OnPort: c.OnPort, ID: c.ID, Parent: c.Parent, Name: c.Name, Unit: c.Unit, SizeValid: true,
		Size: c.Size, SizeNew: c.Size, Min: c.Min, Max: c.Max, Granularity: c.Granularity, record: &resourceRecord{inst: l.inst},
	}
	name := resourceObject(r.Key())
	if reason != "" {
		return l.refuse(what, name, reason, switchdev.ErrInvalid)
	}
	if c.Occupancy != nil {
		r.record.occupancy.Store(&c.Occupancy)
	}
	return l.tell(what, func() ([]Event, error) {
		objs := &l.inst.objs
		parent, child := r.parent()
		switch {
		case objs.get(KindResource, r.Key()) != nil:
			return nil, l.refuse(what, name, "", switchdev.ErrExist)
		case child && objs.get(KindResource, parent) == nil:
			return nil, l.refuse(what, name, "no such parent", switchdev.ErrInvalid)
		case c.OnPort && objs.get(KindPort, Key{Port: c.Port, OnPort: true}) == nil:
			return nil, l.refuse(what, name, "no such port", switchdev.ErrNotExist)
		}
		objs.put(r)
		return []Event{{Verb: Added, Object: r, Marks: Silent}}, nil
	})
}

// SetOccupancy says how much of a resource is taken, as in [ResourceConfig]; with nil,
// that nobody knows any more. ErrInvalid if there is no such resource. Linux:
// devl_resource_occ_get_register and _unregister.
func (l *Locked) SetOccupancy(k Key, f func() uint64) error {
	const what = "devlink.resource.occupancy"
	return l.tell(what, func() ([]Event, error) {
		r, err := l.inst.resource(what, k)
		if err != nil {
			return nil, err
		}
		if f == nil {
			r.record.occupancy.Store(nil)
		} else {
			r.record.occupancy.Store(&f)
		}
		return nil, nil
	})
}

// resource returns a resource. What the kernel answers if there is none is EINVAL. The
// caller holds mu.
func (i *Instance) resource(what string, k Key) (*ResourceInfo, error) {
	if r, _ := i.objs.get(KindResource, k).(*ResourceInfo); r != nil {
		return r, nil
	}
	return nil, i.refuse(what, resourceObject(k), "", switchdev.ErrInvalid)
}
