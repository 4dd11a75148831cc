package devlink

import (
	"slices"
	"strconv"
	"strings"
)

// Kind is the kind of an object of an instance. Kinds are in the order in which a
// registration tells of objects: no object comes before one that it depends on. An
// unregistration tells of them in exact reverse. Linux: devlink_notify_register
// (net/devlink/core.c).
type Kind uint8

// The kinds.
const (
	KindInstance Kind = iota // the instance itself
	KindPort
	KindPolicer
	KindGroup
	KindTrap
	KindRegion
	KindSnapshot
	KindResource
	KindReporter
	KindParam
	numKinds
)

var kindNames = [numKinds]string{
	"dev", "port", "trap-policer", "trap-group", "trap", "region", "snapshot", "resource", "health-reporter", "param",
}

// String returns the kind's name, for instance "trap-group".
func (k Kind) String() string {
	if k < numKinds {
		return kindNames[k]
	}
	return "kind?"
}

// Object is the state of one object at one time: an *[InstanceInfo], *[PortInfo]
// and so on. It does not change any more, and is shared by all who hold it: nobody
// may write to it.
type Object interface {
	// Kind says what it is.
	Kind() Kind
	// Key names it among the objects of its kind in its instance.
	Key() Key
}

// Key names an object within an instance: by number, by name, or by both. The zero
// Key is the instance's own.
type Key struct {
	// Port is the index of the port that the object belongs to, or is.
	Port uint32
	// OnPort tells that it belongs to a port and not to the device as a whole.
	OnPort bool
	// ID is its number, for kinds that have one.
	ID uint64
	// Name is its name, for kinds that have one.
	Name string
}

// suffix is the key in texts, each part after a space.
func (k Key) suffix() (s string) {
	if k.OnPort {
		s += " port " + strconv.FormatUint(uint64(k.Port), 10)
	}
	if k.Name != "" {
		s += " " + k.Name
	}
	if k.ID != 0 {
		s += " " + strconv.FormatUint(k.ID, 10)
	}
	return s
}

// label names an object within its instance. The key of a port says "port" by itself.
func label(o Object) string {
	if o.Kind() == KindPort {
		return strings.TrimPrefix(o.Key().suffix(), " ")
	}
	return o.Kind().String() + o.Key().suffix()
}

// objects are the objects of an instance but itself, in the order in which they
// were added; ports by index. Its slices are never written to once they are
// shared: who changes one makes another. The one exception is the room behind the
// end, where nobody looks: put uses it, so whoever goes back to an older value has to
// clip it first.
type objects [numKinds][]Object

// clip returns the same objects with no room behind any slice.
func (s objects) clip() objects {
	for k, list := range s {
		s[k] = slices.Clip(list)
	}
	return s
}

// find returns the place of an object in its kind.
func (s *objects) find(k Kind, key Key) (int, bool) {
	list := s[k]
	if k == KindPort {
		return findPort(list, key.Port)
	}
	for i := range list {
		if list[i].Key() == key {
			return i, true
		}
	}
	return len(list), false
}

// findPort returns the place of a port. Drivers add them in order and take the last first,
// so that is where it looks first.
func findPort(list []Object, index uint32) (int, bool) {
	low, high := 0, len(list)
	for at := high - 1; low < high; at = int(uint(low+high) >> 1) {
		switch found := portIndex(list[at]); {
		case found == index:
			return at, true
		case found < index:
			low = at + 1
		default:
			high = at
		}
	}
	return low, false
}

// portIndex is the index of a port.
func portIndex(o Object) uint32 {
	if p, ok := o.(*PortInfo); ok {
		return p.Index
	}
	return o.Key().Port
}

// get returns an object, nil if there is none.
func (s *objects) get(k Kind, key Key) Object {
	if i, ok := s.find(k, key); ok {
		return s[k][i]
	}
	return nil
}

// put adds an object or takes the place of the one of the same key, and reports
// whether it is new.
func (s *objects) put(o Object) (added bool) {
	k := o.Kind()
	i, ok := s.find(k, o.Key())
	list := s[k]
	switch {
	case ok:
		list = slices.Clone(list)
		list[i] = o
	case i == len(list):
		list = append(list, o)
	default:
		list = slices.Insert(slices.Clip(list), i, o)
	}
	s[k] = list
	return !ok
}

// remove takes an object out and returns it, nil if there is none.
func (s *objects) remove(k Kind, key Key) Object {
	i, ok := s.find(k, key)
	if !ok {
		return nil
	}
	o := s[k][i]
	switch n := len(s[k]) - 1; {
	case n == 0:
		s[k] = nil
	case i == n:
		s[k] = s[k][:n:n]
	default:
		s[k] = slices.Concat(s[k][:i], s[k][i+1:])
	}
	return o
}

// count is the number of objects.
func (s *objects) count() (n int) {
	for _, list := range s {
		n += len(list)
	}
	return n
}

// marksOf says what is special about telling of an object where an instance is
// registered, unregistered or moved: Linux does not tell of some kinds then (replay
// in devlink_notify_register, net/devlink/core.c).
func marksOf(o Object) Marks {
	if p, ok := o.(*ParamInfo); ok {
		return p.marks()
	}
	switch k := o.Kind(); {
	case k == KindSnapshot, k == KindResource, k == KindReporter:
		return Silent
	case k == KindRegion && o.Key().OnPort:
		return Silent
	default:
		return 0
	}
}

// marksIn is marksOf for an object of a kind.
func marksIn(k Kind, o Object) Marks {
	if k < KindRegion { // none of these has any
		return 0
	}
	return marksOf(o)
}
