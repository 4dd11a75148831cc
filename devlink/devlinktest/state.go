package devlinktest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/switchcore/switchcore/devlink"
)

// ident names an object in an instance.
type ident struct {
	kind devlink.Kind
	key  devlink.Key
}

func identOf(o devlink.Object) ident { return ident{o.Kind(), o.Key()} }

// stay is a life of an instance as the events say.
type stay struct {
	life *devlink.Life
	objs map[ident]devlink.Object // nil ones have gone
}

// object checks an event against what came before.
func (s *Stream) object(e devlink.Event) error {
	if e.Verb == devlink.Status {
		if _, ok := e.Object.(*devlink.ReloadProgress); ok {
			return s.within(e)
		}
	}
	if e.Object.Kind() == devlink.KindInstance && (e.Verb == devlink.Added || e.Verb == devlink.Existing) {
		return s.begin(e)
	}
	if err := s.within(e); err != nil {
		return err
	}
	in, id := s.lives[e.Life.Index], identOf(e.Object)
	was, known := in.objs[id]
	switch e.Verb {
	case devlink.Added, devlink.Existing:
		if was != nil && s.complete() {
			return fmt.Errorf("%v of what there is", e)
		}
		in.objs[id] = e.Object
	case devlink.Changed, devlink.Status:
		if was == nil && (known && s.complete() || s.strict()) {
			return fmt.Errorf("%v of what there is not", e)
		}
		in.objs[id] = e.Object
	case devlink.Deleted:
		if was == nil && (known && s.complete() || s.strict()) {
			return fmt.Errorf("%v of what there is not", e)
		}
		in.objs[id] = nil
		if s.strict() {
			delete(in.objs, id)
		}
		if id.kind == devlink.KindInstance {
			return s.end(e, in)
		}
	default:
		return fmt.Errorf("%v: what a verb", e)
	}
	return s.dependencies(e, in)
}

// begin is the begin of a life.
func (s *Stream) begin(e devlink.Event) error {
	in, l := s.lives[e.Life.Index], e.Life
	switch {
	case in != nil && (s.strict() || in.life.Generation >= l.Generation):
		return fmt.Errorf("%v within a life", e)
	case l.Generation <= s.ended[l.Index] || l.Generation == 0:
		return fmt.Errorf("%v: generation %d after %d", e, l.Generation, s.ended[l.Index])
	}
	if e.Verb == devlink.Added {
		for _, other := range s.lives {
			if s.strict() && other.life.Handle == l.Handle {
				return fmt.Errorf("%v: there is another", e)
			}
		}
	}
	s.lives[l.Index] = &stay{l, map[ident]devlink.Object{identOf(e.Object): e.Object}}
	return nil
}

// within checks that an event is one of a life that has begun and not ended. Who has not
// heard its begin learns of it here.
func (s *Stream) within(e devlink.Event) error {
	in, l := s.lives[e.Life.Index], e.Life
	if in != nil && *in.life == *l {
		return nil
	}
	if s.strict() || l.Generation <= s.ended[l.Index] || in != nil && in.life.Generation >= l.Generation {
		return fmt.Errorf("%v outside a life", e)
	}
	s.lives[l.Index] = &stay{l, make(map[ident]devlink.Object)}
	return nil
}

// end is the end of a life.
func (s *Stream) end(e devlink.Event, in *stay) error {
	for id, o := range in.objs {
		if o != nil && id.kind != devlink.KindInstance && s.complete() {
			return fmt.Errorf("%v with %v%v left", e, id.kind, id.key)
		}
	}
	delete(s.lives, e.Life.Index)
	s.ended[e.Life.Index] = e.Life.Generation
	return nil
}

// dependencies checks that what an object depends on is there, and when it goes, that
// nothing is there that depends on it.
func (s *Stream) dependencies(e devlink.Event, in *stay) error {
	if !s.strict() {
		return nil
	}
	if e.Verb != devlink.Deleted {
		for _, id := range above(e.Object) {
			if in.objs[id] == nil {
				return fmt.Errorf("%v without %v%v", e, id.kind, id.key)
			}
		}
		return nil
	}
	id := identOf(e.Object)
	for _, o := range in.objs {
		if slices.Contains(above(o), id) {
			return fmt.Errorf("%v before %v%v", e, o.Kind(), o.Key())
		}
	}
	return nil
}

// above returns what an object depends on.
func above(o devlink.Object) (list []ident) {
	key := o.Key()
	if key.OnPort && o.Kind() != devlink.KindPort {
		list = append(list, ident{devlink.KindPort, devlink.Key{Port: key.Port, OnPort: true}})
	}
	switch o := o.(type) {
	case *devlink.GroupInfo:
		if o.Policer != 0 {
			list = append(list, ident{devlink.KindPolicer, devlink.Key{ID: uint64(o.Policer)}})
		}
	case *devlink.TrapInfo:
		list = append(list, ident{devlink.KindGroup, devlink.Key{Name: o.Group}})
	case *devlink.SnapshotInfo:
		list = append(list, ident{devlink.KindRegion, devlink.Key{Port: o.Port, OnPort: o.OnPort, Name: o.Region}})
	case *devlink.ResourceInfo:
		if key.ID = o.Parent; key.ID != 0 {
			list = append(list, ident{devlink.KindResource, key})
		}
	}
	return list
}

// Compare holds what was heard against a snapshot of the same moment: the stream of a
// subscription with a replay, without a filter and without CompatKernel, which has read
// everything up to the snapshot. Of others nothing is said.
func (s *Stream) Compare(snap *devlink.Snapshot) error {
	if !s.strict() || s.lost {
		return nil
	}
	if s.replaying || s.seq > snap.Seq() {
		return errors.New("the snapshot is of another moment")
	}
	left := len(s.lives)
	for _, ns := range s.scope(snap) {
		for life := range snap.Instances(ns) {
			if err := s.compareLife(snap, life); err != nil {
				return err
			}
			left--
		}
	}
	if left > 0 {
		return fmt.Errorf("%d instances have gone untold", left)
	}
	return nil
}

func (s *Stream) scope(snap *devlink.Snapshot) []string {
	if s.opt.AllNamespaces {
		return slices.Collect(snap.Namespaces())
	}
	return []string{s.opt.Namespace}
}

func (s *Stream) compareLife(snap *devlink.Snapshot, life *devlink.Life) error {
	in := s.lives[life.Index]
	if in == nil || *in.life != *life {
		return fmt.Errorf("%v in %q was not told", life.Handle, life.Namespace)
	}
	n := 0
	for o := range snap.Objects(life.Namespace, life.Handle) {
		n++
		if in.objs[identOf(o)] != o {
			return fmt.Errorf("%v: %v%v was not told as it is", life.Handle, o.Kind(), o.Key())
		}
	}
	if n != len(in.objs) {
		return fmt.Errorf("%v: %d objects, %d told", life.Handle, n, len(in.objs))
	}
	return nil
}
