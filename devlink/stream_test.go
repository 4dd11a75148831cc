package devlink

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// stream is a slow and obvious subscriber: it checks the rules of the order (Q1 to Q6)
// on everything that it reads, and keeps what there is as the events say.
type stream struct {
	replaying bool
	lives     map[uint64]*stay // by index
	ended     map[uint64]uint64
	seq       uint64
	overruns  int
}

// stay is an instance as the events say.
type stay struct {
	life Life
	objs []Object // in the order of their beginning, itself first
}

func newStream(replay bool) *stream {
	return &stream{replaying: replay, lives: map[uint64]*stay{}, ended: map[uint64]uint64{}}
}

func (s *stream) hear(e Event) error {
	if !s.replaying && e.Seq <= s.seq {
		return fmt.Errorf("%v after %d", e, s.seq)
	}
	if e.Seq < s.seq {
		return fmt.Errorf("%v in a replay after %d", e, s.seq)
	}
	s.seq = e.Seq
	if e.Verb == Synced {
		if !s.replaying {
			return errors.New("synced twice")
		}
		s.replaying = false
		return nil
	}
	if (e.Verb == Existing) != s.replaying {
		return fmt.Errorf("%v, replay %v", e, s.replaying)
	}
	return s.object(e)
}

func (s *stream) object(e Event) error {
	in, self := s.lives[e.Life.Index], e.Object.Kind() == KindInstance
	if begins := self && (e.Verb == Added || e.Verb == Existing); begins {
		if in != nil {
			return fmt.Errorf("%v within a life", e)
		}
		if g := s.ended[e.Life.Index]; e.Life.Generation <= g {
			return fmt.Errorf("%v: generation %d after %d", e, e.Life.Generation, g)
		}
		s.lives[e.Life.Index] = &stay{*e.Life, []Object{e.Object}}
		return nil
	}
	if in == nil || in.life != *e.Life {
		return fmt.Errorf("%v outside a life", e)
	}
	at := slices.IndexFunc(in.objs, func(o Object) bool { return o.Kind() == e.Object.Kind() && o.Key() == e.Object.Key() })
	switch {
	case e.Verb == Added || e.Verb == Existing:
		if at >= 0 {
			return fmt.Errorf("%v of what there is", e)
		}
		in.objs = append(in.objs, e.Object)
	case at < 0:
		return fmt.Errorf("%v of what there is not", e)
	case e.Verb == Deleted && self:
		if len(in.objs) != 1 {
			return fmt.Errorf("%v with %d objects left", e, len(in.objs)-1)
		}
		delete(s.lives, e.Life.Index)
		s.ended[e.Life.Index] = e.Life.Generation
	case e.Verb == Deleted:
		in.objs = slices.Delete(in.objs, at, at+1)
	default:
		in.objs[at] = e.Object
	}
	return nil
}

// read reads what there is; an overrun begins anew.
func (s *stream) read(sub *Subscription) error {
	for {
		e, ok, err := sub.TryNext()
		switch {
		case errors.Is(err, switchdev.ErrOverrun):
			fresh := newStream(true)
			fresh.seq, fresh.overruns = s.seq, s.overruns+1
			*s = *fresh
			continue
		case errors.Is(err, switchdev.ErrClosed):
			return nil
		case err != nil:
			return err
		case !ok:
			return nil
		}
		if err := s.hear(e); err != nil {
			return err
		}
	}
}

// compare holds what was heard against a snapshot of the same moment.
func (s *stream) compare(snap *Snapshot, namespaces ...string) error {
	seen := map[uint64]bool{}
	for _, ns := range namespaces {
		for life := range snap.Instances(ns) {
			seen[life.Index] = true
			in := s.lives[life.Index]
			if in == nil || in.life != *life {
				return fmt.Errorf("%v was not told", life)
			}
			n := 0
			for o := range snap.Objects(ns, life.Handle) {
				n++
				if !slices.Contains(in.objs, o) {
					return fmt.Errorf("%v: %v %v was not told as it is", life.Handle, o.Kind(), o.Key())
				}
			}
			if n != len(in.objs) {
				return fmt.Errorf("%v: %d objects, %d told", life.Handle, n, len(in.objs))
			}
		}
	}
	for _, index := range slices.Sorted(maps.Keys(s.lives)) {
		if !seen[index] {
			return fmt.Errorf("%v has ended untold", s.lives[index].life.Handle)
		}
	}
	return nil
}

func TestStreamCheckerFindsViolations(t *testing.T) {
	life := &Life{Handle: Handle{"t", "a"}, Index: 1, Generation: 1}
	ev := func(seq uint64, v Verb, o Object) Event { return Event{Seq: seq, Verb: v, Life: life, Object: o} }
	dev, trap := &InstanceInfo{}, newThing(KindTrap, "t", 0)
	again := Event{Seq: 4, Verb: Added, Life: &Life{Handle: life.Handle, Index: 1, Generation: 1}, Object: dev}
	for name, list := range map[string][]Event{
		"object before the instance": {ev(1, Added, trap)},
		"object after the instance":  {ev(1, Added, dev), ev(2, Deleted, dev), ev(3, Added, trap)},
		"number twice":               {ev(1, Added, dev), ev(1, Added, trap)},
		"added twice":                {ev(1, Added, dev), ev(2, Added, trap), ev(3, Added, trap)},
		"changed before added":       {ev(1, Added, dev), ev(2, Changed, trap)},
		"deleted before added":       {ev(1, Added, dev), ev(2, Deleted, trap)},
		"object left":                {ev(1, Added, dev), ev(2, Added, trap), ev(3, Deleted, dev)},
		"generation again":           {ev(1, Added, dev), ev(2, Deleted, dev), again},
	} {
		s, found := newStream(false), false
		for _, e := range list {
			found = found || s.hear(e) != nil
		}
		if !found {
			t.Errorf("%s: not found", name)
		}
	}
	r := newRegistry(t, Config{})
	registered(t, r, "a", "", trap)
	if newStream(false).compare(r.Snapshot(), "") == nil {
		t.Error("an instance that was not told: not found")
	}
}
