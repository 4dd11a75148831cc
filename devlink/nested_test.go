package devlink

import (
	"context"
	"errors"
	"syscall"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// poked are the events that tell of what is nested, in the words "port 1: child@n".
func poked(t testing.TB, s *Subscription) (list []string) {
	for _, e := range rest(t, s) {
		if e.Life.Device == "child" && (e.Verb == Added || e.Verb == Deleted) {
			list = append(list, e.Verb.String()+" child")
		}
		if !e.Marks.Has(Poked) {
			continue
		}
		text := e.Object.Kind().String() + e.Object.Key().suffix() + ":"
		switch o := e.Object.(type) {
		case *InstanceInfo:
			for _, n := range o.Nested {
				text += " " + n.Device + "@" + n.Namespace
			}
		case *PortInfo:
			if o.Function != nil && o.Function.Nested != nil {
				text += " " + o.Function.Nested.Device + "@" + o.Function.Nested.Namespace
			}
		}
		list = append(list, text)
	}
	return list
}

// Case 95.
func TestCase95ParentIsToldAfterTheChildsOwnEvents(t *testing.T) {
	for _, onPort := range []bool{false, true} {
		both(t, func(t *testing.T, r *Registry) {
			namespaces(t, r, "n")
			parent := newCard("a").start(t, r, "")
			child := newInstance(t, r, "child")
			do(t, parent, func(l *Locked) error {
				if !onPort {
					return l.Nest(child)
				}
				mustBe(t, l.NestInPort(9, child), switchdev.ErrNoDevice)
				return l.NestInPort(1, child)
			})
			what := "dev:"
			if onPort {
				what = "port port 1:"
			}
			s := subscribe(t, r, SubscribeOptions{AllNamespaces: true})
			finish(t, child.SubmitRegister())
			same(t, poked(t, s), []string{"added child", what + " child@"})
			do(t, parent, func(l *Locked) error {
				mustBe(t, l.Nest(parent), switchdev.ErrInvalid)
				mustBe(t, l.Nest(child), switchdev.ErrBusy)
				return nil
			})
			finish(t, child.SubmitMove("n"))
			same(t, poked(t, s), []string{"deleted child", "added child", what + " child@n"})
			finish(t, child.SubmitUnregister())
			same(t, poked(t, s), []string{"deleted child", what})
			finish(t, child.SubmitRegister()) // nested no more
			same(t, poked(t, s), []string{"added child"})
		})
	}
}

func TestNothingIsNoPartOfAnInstance(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i := newCard("a").start(t, r, "")
		do(t, i, func(l *Locked) error {
			denied(t, l.Nest(nil), syscall.EINVAL, "bad nested instance")
			denied(t, l.NestInPort(1, nil), syscall.EINVAL, "bad nested instance")
			denied(t, l.AddAuxiliary(nil), syscall.EINVAL, "no driver")
			return nil
		})
	})
}

// What a child was nested in may have gone, and something else may be in its place.
func TestPokesOfWhatHasGoneAreDropped(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		c := newCard("a")
		parent := c.start(t, r, "")
		c.removed = func(context.Context, *Locked, Reload) error { return nil }
		child, other := newInstance(t, r, "child"), newInstance(t, r, "other")
		do(t, parent, func(l *Locked) error { return errors.Join(l.NestInPort(1, child), l.Nest(other)) })
		if _, err := reloaded(parent, ReloadRequest{}); err != nil { // another port 1
			t.Fatal(err)
		}
		s := subscribe(t, r, SubscribeOptions{})
		finish(t, child.SubmitRegister())
		same(t, poked(t, s), []string{"added child"})
		finish(t, other.SubmitRegister())
		same(t, poked(t, s), []string{"dev: other@"})
		finish(t, parent.SubmitUnregister())
		finish(t, parent.SubmitRegister())
		if n := info(t, parent); n.Nested != nil {
			t.Fatal(n.Nested)
		}
		rest(t, s)
		finish(t, other.SubmitUnregister())
		same(t, poked(t, s), nil)
	})
}

// A parent whose slot is taken is told all the same, and the child waits for nothing.
func TestPokesDoNotWaitForTheParent(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		parent := newCard("a").start(t, r, "")
		child := newInstance(t, r, "child")
		s := subscribe(t, r, SubscribeOptions{})
		k := parent.SubmitDo(func(ctx context.Context, l *Locked) error {
			if err := errors.Join(l.Nest(child), child.Register(ctx)); err != nil {
				return err
			}
			same(t, poked(t, s), []string{"added child", "dev: child@"})
			return child.Unregister(ctx)
		})
		finish(t, k)
		same(t, poked(t, s), []string{"deleted child", "dev:"})
	})
}
