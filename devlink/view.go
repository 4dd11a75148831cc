package devlink

import (
	"cmp"
	"iter"

	"github.com/google/btree"
)

// view is an instance as everybody sees it: immutable once anybody has it.
type view struct {
	life *Life
	info *InstanceInfo
	objs objects
	inst *Instance
	made uint64 // the number of captures then, 0 if others have it; see hub.show
}

// byIndex orders instances by namespace, then in the order in which they were made.
func byIndex(a, b *view) bool {
	return cmp.Or(cmp.Compare(a.life.Namespace, b.life.Namespace), cmp.Compare(a.life.Index, b.life.Index)) < 0
}

// byHandle orders them by namespace, then by handle.
func byHandle(a, b *view) bool {
	return cmp.Or(cmp.Compare(a.life.Namespace, b.life.Namespace), a.life.Handle.Compare(b.life.Handle)) < 0
}

// visible are all instances that can be seen. Its copies are cheap: what is changed
// afterwards is copied then.
type visible struct{ indexed, named *btree.BTreeG[*view] }

func newVisible() *visible {
	return &visible{btree.NewG(32, byIndex), btree.NewG(32, byHandle)}
}

func (t *visible) put(v *view) {
	t.indexed.ReplaceOrInsert(v)
	t.named.ReplaceOrInsert(v)
}

func (t *visible) remove(v *view) {
	t.indexed.Delete(v)
	t.named.Delete(v)
}

func (t *visible) clone() *visible { return &visible{t.indexed.Clone(), t.named.Clone()} }

// after returns the first instance behind a place in the order of byIndex, nil if
// there is none.
func (t *visible) after(namespace string, index uint64) (found *view) {
	t.indexed.AscendGreaterOrEqual(&view{life: &Life{Namespace: namespace, Index: index + 1}}, func(v *view) bool {
		found = v
		return false
	})
	return found
}

// all yields the objects of an instance in the order of a registration: no object
// before one that it depends on.
func (v *view) all() iter.Seq[Object] {
	return func(yield func(Object) bool) {
		if !yield(v.info) {
			return
		}
		for _, list := range v.objs {
			for _, o := range list {
				if !yield(o) {
					return
				}
			}
		}
	}
}

// backwards yields them in the order of an unregistration.
func (v *view) backwards() iter.Seq[Object] {
	return func(yield func(Object) bool) {
		for k := int(numKinds) - 1; k >= 0; k-- {
			for i := len(v.objs[k]) - 1; i >= 0; i-- {
				if !yield(v.objs[k][i]) {
					return
				}
			}
		}
		yield(v.info)
	}
}

// count is the number of the objects with the instance itself.
func (v *view) count() uint64 { return uint64(v.objs.count()) + 1 }

// fill writes into dst, as events, that which all, or with Deleted backwards, yields
// from a position on.
func (v *view) fill(dst []Event, pos uint64, verb Verb) (n int) {
	at, last := int(pos), int(v.count())-1
	if verb != Deleted {
		if at == 0 && len(dst) > 0 {
			dst[0].tell(verb, v.life, v.info, 0)
			n = 1
		}
		end := 1
		for k, list := range &v.objs {
			first := end
			for end += len(list); at+n < end && n < len(dst); n++ {
				dst[n].tell(verb, v.life, list[at+n-first], marksIn(Kind(k), list[at+n-first]))
			}
		}
		return n
	}
	end := 0
	for k := int(numKinds) - 1; k >= 0; k-- {
		list := v.objs[k]
		for end += len(list); at+n < end && n < len(dst); n++ {
			o := list[end-1-at-n]
			dst[n].tell(verb, v.life, o, marksIn(Kind(k), o))
		}
	}
	if at+n == last && n < len(dst) {
		dst[n].tell(verb, v.life, v.info, 0)
		n++
	}
	return n
}

// tell makes the event one without a number.
func (e *Event) tell(verb Verb, l *Life, o Object, m Marks) {
	e.Seq, e.Previous, e.stale = 0, 0, nil
	e.Verb, e.Marks, e.Life, e.Object = verb, m, l, o
}

// Snapshot is a registry at one point in its order of events. It stays as it is,
// and may be read by any number of goroutines.
type Snapshot struct {
	seq  uint64
	tree *visible
}

// Seq is the number of the last event that the snapshot contains.
func (s *Snapshot) Seq() uint64 { return s.seq }

func (s *Snapshot) views(namespace string) iter.Seq[*view] {
	return func(yield func(*view) bool) {
		from := &view{life: &Life{Namespace: namespace}}
		s.tree.indexed.AscendGreaterOrEqual(from, func(v *view) bool {
			return v.life.Namespace == namespace && yield(v)
		})
	}
}

// Instances yields the instances of a namespace, in the order in which they were
// made; "" is the initial one.
func (s *Snapshot) Instances(namespace string) iter.Seq2[*Life, *InstanceInfo] {
	return func(yield func(*Life, *InstanceInfo) bool) {
		for v := range s.views(namespace) {
			if !yield(v.life, v.info) {
				return
			}
		}
	}
}

// Namespaces yields the namespaces that have instances, in the order of their names.
func (s *Snapshot) Namespaces() iter.Seq[string] {
	return func(yield func(string) bool) {
		for v := s.tree.after("", 0); v != nil; v = s.tree.after(v.life.Namespace, ^uint64(0)-1) {
			if !yield(v.life.Namespace) {
				return
			}
		}
	}
}

// Len is the number of instances in all namespaces.
func (s *Snapshot) Len() int { return s.tree.indexed.Len() }

// Objects yields the objects of an instance, itself first and no object before one
// that it depends on; none if there is no such instance in the namespace.
func (s *Snapshot) Objects(namespace string, h Handle) iter.Seq[Object] {
	v, ok := s.find(namespace, h)
	if !ok {
		return func(func(Object) bool) {}
	}
	return v.all()
}

// Life returns the stay of an instance in a namespace, nil if it is not there.
func (s *Snapshot) Life(namespace string, h Handle) *Life {
	if v, ok := s.find(namespace, h); ok {
		return v.life
	}
	return nil
}

// Object returns one object of an instance, nil if it is not there.
func (s *Snapshot) Object(namespace string, h Handle, k Kind, key Key) Object {
	v, ok := s.find(namespace, h)
	switch {
	case !ok || k >= numKinds:
		return nil
	case k == KindInstance:
		return v.info
	default:
		return v.objs.get(k, key)
	}
}

func (s *Snapshot) find(namespace string, h Handle) (*view, bool) {
	return s.tree.named.Get(&view{life: &Life{Namespace: namespace, Handle: h}})
}
