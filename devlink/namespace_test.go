package devlink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func addNamespace(t testing.TB, r *Registry, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := r.AddNamespace(name); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNamespacesAreAddedAndDeletedOnce(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		for _, name := range []string{"", "a b", "a/b", "\x01"} {
			mustBe(t, r.AddNamespace(name), switchdev.ErrInvalid)
		}
		addNamespace(t, r, "n", "m")
		mustBe(t, r.AddNamespace("n"), switchdev.ErrExist)
		if got := r.Namespaces(); !slices.Equal(got, []string{"", "m", "n"}) {
			t.Fatal(got)
		}
		mustBe(t, outcome(r.SubmitDeleteNamespace("")), switchdev.ErrInvalid)
		mustBe(t, outcome(r.SubmitDeleteNamespace("x")), switchdev.ErrNotExist)
		finish(t, r.SubmitDeleteNamespace("n"))
		mustBe(t, outcome(r.SubmitDeleteNamespace("n")), switchdev.ErrNotExist)
		addNamespace(t, r, "n")
	})
}

func TestMoveIsOneStepWithBracketsInBoth(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		addNamespace(t, r, "n")
		i := registered(t, r, "a", "", example()...)
		here, there := subscribe(t, r, SubscribeOptions{}), subscribe(t, r, SubscribeOptions{Namespace: "n"})
		all := subscribe(t, r, SubscribeOptions{AllNamespaces: true})
		finish(t, i.SubmitMove("n"))
		gone, come := verb("deleted", reversed(exampleOrder), ""), verb("added", exampleOrder, "@n")
		same(t, texts(rest(t, here)), gone)
		list := rest(t, there)
		same(t, texts(list), come)
		if g := list[0].Life.Generation; g != 2 || list[0].Life.Index != i.Index() {
			t.Fatal(list[0].Life)
		}
		same(t, texts(rest(t, all)), append(gone, come...))
		if _, err := r.Instance("", i.Handle()); !errors.Is(err, switchdev.ErrNoDevice) {
			t.Fatal(err)
		}
		if j, err := r.Instance("n", i.Handle()); err != nil || j != i {
			t.Fatal(err)
		}
		finish(t, i.SubmitMove("n")) // where it is
		if got := rest(t, all); len(got) != 0 {
			t.Fatal(got)
		}
		err := outcome(i.SubmitMove("x"))
		mustBe(t, err, switchdev.ErrInvalid) // EINVAL
		if op := (*switchdev.OpError)(nil); !errors.As(err, &op) || op.Reason != "Unknown network namespace" {
			t.Fatal(err)
		}
		if len(r.namespaces[""].members) != 0 || len(r.namespaces["n"].members) != 1 {
			t.Fatal("members")
		}
		if got := slices.Collect(r.Instances("n")); len(got) != 1 || got[0] != i {
			t.Fatal(got)
		}
	})
}

func TestFailedInstanceMovesWithoutItsDriver(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		addNamespace(t, r, "n")
		i := registered(t, r, "a", "")
		i.tell(func() []Event { i.state, i.info = Failed, i.info.failed(true); return nil })
		finish(t, i.SubmitMove("n"))
		finish(t, r.SubmitDeleteNamespace("n"))
		if i.Namespace() != "" || i.State() != Failed {
			t.Fatal(i.Namespace(), i.State())
		}
		finish(t, i.SubmitUnregister())
	})
}

func TestDyingNamespaceIsLeftByAll(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		addNamespace(t, r, "n", "m")
		var list []*Instance
		for n := range 5 {
			list = append(list, registered(t, r, fmt.Sprint(n), "n", example()...))
		}
		silent := newInstance(t, r, "silent", "n")
		stays := registered(t, r, "stays", "m")
		here := subscribe(t, r, SubscribeOptions{Filter: Filter{Kinds: KindsOf(KindInstance)}})
		there := subscribe(t, r, SubscribeOptions{Namespace: "n", Filter: Filter{Kinds: KindsOf(KindInstance)}})
		finish(t, r.SubmitDeleteNamespace("n"))
		if n, m := len(rest(t, here)), len(rest(t, there)); n != 5 || m != 5 {
			t.Fatal(n, m)
		}
		for _, i := range append(list, silent) {
			if i.Namespace() != "" {
				t.Fatal(i.Handle())
			}
		}
		if stays.Namespace() != "m" || silent.State() != Allocated || len(r.namespaces[""].members) != 6 || r.namespaces["n"] != nil {
			t.Fatal("others")
		}
	})
}

// While one member is inside a driver, all others leave, nobody finds or enters the
// namespace, and everybody else goes on.
func TestDyingNamespaceDelaysNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, Config{})
		addNamespace(t, r, "n")
		slow, quick, other := registered(t, r, "slow", "n"), registered(t, r, "quick", "n"), registered(t, r, "other", "")
		slow.SubmitDo(func(context.Context, *Locked) error { time.Sleep(5 * time.Second); return nil })
		synctest.Wait()
		start := time.Now()
		k := r.SubmitDeleteNamespace("n")
		synctest.Wait()
		if quick.Namespace() != "" || slow.Namespace() != "n" || k.ended() {
			t.Fatal(quick.Namespace(), slow.Namespace())
		}
		if _, err := r.Instance("n", slow.Handle()); !errors.Is(err, switchdev.ErrNoDevice) {
			t.Fatal(err)
		}
		mustBe(t, outcome(other.SubmitMove("n")), switchdev.ErrInvalid)
		mustBe(t, r.AddNamespace("n"), switchdev.ErrExist)
		_, err := r.NewInstance(InstanceConfig{Handle: Handle{"test", "x"}, Namespace: "n"})
		mustBe(t, err, switchdev.ErrNotExist)
		_, err = r.Subscribe(SubscribeOptions{Namespace: "n"})
		mustBe(t, err, switchdev.ErrNotExist)
		finish(t, other.SubmitUnregister())
		finish(t, other.SubmitRegister())
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		mustBe(t, k.Wait(ctx), context.DeadlineExceeded) // and it goes on
		if d := time.Since(start); d != time.Second {
			t.Fatal(d)
		}
		finish(t, k)
		if d := time.Since(start); d != 5*time.Second || slow.Namespace() != "" {
			t.Fatal(d)
		}
		addNamespace(t, r, "n")
	})
}

// An operation that goes to a namespace while it dies is followed out of it.
func TestMoveIntoADyingNamespaceIsNotLost(t *testing.T) {
	r := newRegistry(t, Config{Manual: true})
	addNamespace(t, r, "n")
	i := registered(t, r, "a", "")
	if !r.reserve(i, "n") { // the operation has got this far
		t.Fatal("refused")
	}
	k := r.SubmitDeleteNamespace("n")
	i.rebind("n", nil)
	finish(t, k)
	if i.Namespace() != "" || r.namespaces["n"] != nil || len(r.namespaces[""].members) != 1 {
		t.Fatal(i.Namespace())
	}
}

func TestInstanceThatWasNotFollowedIsRebound(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		addNamespace(t, r, "n")
		i := registered(t, r, "a", "n", newThing(KindTrap, "t", 0))
		s := subscribe(t, r, SubscribeOptions{})
		i.force("n", switchdev.ErrUnsupported)
		list := rest(t, s)
		same(t, texts(list), []string{"added dev a", "added trap a t"})
		if !list[0].Object.(*InstanceInfo).ReloadFailed || i.State() != Failed {
			t.Fatal(list[0].Object, i.State())
		}
	})
}

// The error of a driver says nothing about the deletion of its namespace, whatever it
// matches.
func TestDriversErrorDoesNotKeepANamespace(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		namespaces(t, r, "n")
		c := newCard("a")
		c.restarts = true
		i := c.start(t, r, "n")
		c.down = func(context.Context, *Locked, Reload) error { return switchdev.ErrClosed }
		finish(t, r.SubmitDeleteNamespace("n"))
		namespaces(t, r, "n")
		if i.State() != Failed || i.Namespace() != "" {
			t.Fatal(i.State(), i.Namespace())
		}
	})
}

// An instance that is forced out of a namespace is a member of where it is.
func TestForcedInstanceIsAMember(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		namespaces(t, r, "n")
		c := newCard("a")
		c.restarts = true
		i := c.start(t, r, "n")
		c.down = func(context.Context, *Locked, Reload) error { return TornDown(switchdev.ErrBusy) }
		finish(t, r.SubmitDeleteNamespace("n"))
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.namespaces[""].members[i] {
			t.Fatal("it is not")
		}
	})
}

// Row 38: a driver that refuses to be restarted for the deletion of its namespace has
// failed in the same step in which it leaves, and the end of the reload is told where it is
// then. The instance is never seen to work in a namespace that dies.
func TestRefusalToLeaveADyingNamespaceIsOneStep(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		namespaces(t, r, "n")
		c := newCard("a")
		c.restarts = true
		i := c.start(t, r, "n")
		var states []State
		i.able.trace = func(_ *Instance, s State, _ trigger) { states = append(states, s) }
		c.down = func(context.Context, *Locked, Reload) error { return switchdev.ErrBusy }
		s := subscribe(t, r, SubscribeOptions{AllNamespaces: true, Filter: Filter{Kinds: KindsOf(KindInstance)}})
		finish(t, r.SubmitDeleteNamespace("n"))
		list := rest(t, s)
		same(t, texts(list), []string{"status dev a@n", "deleted dev a@n", "added dev a", "status dev a"})
		if !list[2].Object.(*InstanceInfo).ReloadFailed {
			t.Error("it begins as if it worked")
		}
		if p := list[3].Object.(*ReloadProgress); !p.Ended || !errors.Is(p.Err, switchdev.ErrBusy) {
			t.Error(p)
		}
		if want := []State{Registered, GoingDown}; !slices.Equal(states, want) {
			t.Errorf("%v, want %v", states, want)
		}
	})
}
