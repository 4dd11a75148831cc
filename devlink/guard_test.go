package devlink

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// nameless is an auxiliary driver whose name is not to be had.
type nameless struct {
	*part
	named func() string
}

func (n *nameless) Name() string { return n.named() }

// A driver is asked for the names of its parts with no lock held, and once.
func TestAuxiliaryIsAskedForItsNameWithNothingHeld(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		c := newCard("a")
		i := c.start(t, r, "")
		asked := 0
		x := &nameless{&part{log: c.note}, func() string {
			asked++
			return i.State().String()
		}}
		do(t, i, func(l *Locked) error {
			mustBe(t, l.AddAuxiliary(x), nil)
			mustBe(t, l.AddAuxiliary(&part{name: "registered", log: c.note}), switchdev.ErrExist)
			return l.RemoveAuxiliary("registered")
		})
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
		k := i.SubmitDo(func(_ context.Context, l *Locked) error {
			return l.AddAuxiliary(&nameless{&part{log: c.note}, func() string { panic("no name") }})
		})
		if p := (*PanicError)(nil); !errors.As(outcome(k), &p) {
			t.Error(k.Err())
		}
		do(t, i, func(l *Locked) error { return l.AddAuxiliary(&part{name: "y", log: c.note}) })
	})
}

// failing is a card that says which commands work when it has failed.
type failing struct {
	*card
	works func(string) bool
}

func (f *failing) WorksFailed(command string) bool { return f.works(command) }
func (f *failing) NewPort(context.Context, *Locked, PortRequest) (uint32, error) {
	return 0, switchdev.ErrNoSpace
}

// What a user gives with a request, and what a driver is asked outside its callbacks, may
// go wrong like a callback.
func TestWhoeverIsAskedOnTheWayMayGoWrong(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		namespaces(t, r, "n")
		f := &failing{newCard("a"), func(string) bool { panic("who knows") }}
		f.up = failUp
		i, err := r.NewInstance(InstanceConfig{Handle: Handle{"test", "a"}, Driver: f})
		if err != nil {
			t.Fatal(err)
		}
		do(t, i, func(l *Locked) error { return errors.Join(put(l, newThing(KindParam, "p", 0)), f.fill(l)) })
		finish(t, i.SubmitRegister())
		for _, end := range []func(){func() { panic("who knows") }, runtime.Goexit} {
			_, err = reloaded(i, ReloadRequest{To: []string{"n"}, Allowed: func(string) bool { end(); return true }})
			mustBe(t, err, switchdev.ErrOutcomeUnknown)
			r.mu.Lock()
			if n := len(r.namespaces["n"].members); n != 0 {
				t.Errorf("%d are let in to where none has gone", n)
			}
			r.mu.Unlock()
			if r.cfg.Manual {
				break // it would end the goroutine of this test
			}
		}
		if i.State() != Registered {
			t.Fatal(i.State())
		}
		reloaded(i, ReloadRequest{})
		mustBe(t, outcome(i.SubmitSplitPort(0, 2)), ErrReloadFailed)
	})
}
