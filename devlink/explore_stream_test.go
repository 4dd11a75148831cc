package devlink

import (
	"fmt"
	"slices"
	"testing"
)

// streamCheck holds a stream against Q1, Q2, Q3 and Q6.
type streamCheck struct {
	lives map[Handle]*lifeCheck
}

// lifeCheck is the life of one instance as far as it was told, the objects in the order
// in which they were added.
type lifeCheck struct {
	life *Life
	objs []Object
}

func newStreamCheck() *streamCheck { return &streamCheck{map[Handle]*lifeCheck{}} }

func (c *streamCheck) event(e *Event) error {
	h, isDev := e.Life.Handle, e.Object.Kind() == KindInstance
	l := c.lives[h]
	if isDev && e.Verb == Added {
		if l != nil {
			return fmt.Errorf("%v: Q1: begins twice", e)
		}
		c.lives[h] = &lifeCheck{life: e.Life, objs: []Object{e.Object}}
		return nil
	}
	if l == nil || l.life != e.Life {
		return fmt.Errorf("%v: Q1: outside of its life", e)
	}
	at := slices.IndexFunc(l.objs, func(o Object) bool { return o.Kind() == e.Object.Kind() && o.Key() == e.Object.Key() })
	switch e.Verb {
	case Added:
		if at >= 0 {
			return fmt.Errorf("%v: Q2: added twice", e)
		}
		if k := e.Object.Key(); k.OnPort && e.Object.Kind() != KindPort && !l.has(KindPort, Key{Port: k.Port, OnPort: true}) {
			return fmt.Errorf("%v: Q3: before its port", e)
		}
		l.objs = append(l.objs, e.Object)
	case Changed, Status:
		if at < 0 {
			return fmt.Errorf("%v: Q2: was not added", e)
		}
		if _, progress := e.Object.(*ReloadProgress); !progress {
			l.objs[at] = e.Object
		}
	case Deleted:
		if at < 0 {
			return fmt.Errorf("%v: Q2: was not added", e)
		}
		if isDev && len(l.objs) > 1 {
			return fmt.Errorf("%v: Q1, Q6: before %v", e, l.objs[1:])
		}
		if e.Object.Kind() == KindPort {
			for _, o := range l.objs {
				if k := o.Key(); k.OnPort && k.Port == e.Object.Key().Port && o.Kind() != KindPort {
					return fmt.Errorf("%v: Q3: before what belongs to it", e)
				}
			}
		}
		l.objs = slices.Delete(l.objs, at, at+1)
		if isDev {
			delete(c.lives, h)
		}
	}
	return nil
}

func (l *lifeCheck) has(k Kind, key Key) bool {
	return slices.ContainsFunc(l.objs, func(o Object) bool { return o.Kind() == k && o.Key() == key })
}

// equal reports whether what was told is what can be seen.
func (c *streamCheck) equal(s *Snapshot) error {
	n := 0
	for name := range s.Namespaces() {
		for life := range s.Instances(name) {
			n++
			l := c.lives[life.Handle]
			if l == nil || l.life != life {
				return fmt.Errorf("%v is there and was not told of", life.Handle)
			}
			objs := 0
			for o := range s.Objects(name, life.Handle) {
				objs++
				if !slices.Contains(l.objs, o) {
					return fmt.Errorf("%v: %v%s is not as it was told", life.Handle, o.Kind(), o.Key().suffix())
				}
			}
			if objs != len(l.objs) {
				return fmt.Errorf("%v: %d objects were told, there are %d", life.Handle, len(l.objs), objs)
			}
		}
	}
	if n != len(c.lives) {
		return fmt.Errorf("%d instances were told, there are %d", len(c.lives), n)
	}
	return nil
}

// A checker that finds nothing is worth nothing.
func TestStreamCheckFindsWhatIsWrong(t *testing.T) {
	l := &Life{Handle: Handle{"test", "a"}}
	dev, port, rep := &InstanceInfo{}, onPort(KindPort, 1, ""), onPort(KindReporter, 1, "tx")
	ev := func(v Verb, o Object) Event { return Event{Verb: v, Life: l, Object: o} }
	for n, list := range [][]Event{
		{ev(Added, port)},
		{ev(Added, dev), ev(Added, dev)},
		{ev(Added, dev), ev(Added, rep)},
		{ev(Added, dev), ev(Added, port), ev(Added, port)},
		{ev(Added, dev), ev(Changed, port)},
		{ev(Added, dev), ev(Deleted, port)},
		{ev(Added, dev), ev(Added, port), ev(Deleted, dev)},
		{ev(Added, dev), ev(Added, port), ev(Added, rep), ev(Deleted, port)},
		{ev(Added, dev), ev(Deleted, dev), ev(Changed, dev)},
		{ev(Added, dev), {Verb: Changed, Life: &Life{Handle: l.Handle}, Object: dev}},
	} {
		c := newStreamCheck()
		var err error
		for at := range list {
			if err != nil {
				t.Errorf("%d: too early: %v", n, err)
			}
			err = c.event(&list[at])
		}
		if err == nil {
			t.Errorf("%d: nothing found", n)
		}
	}
}
