package devlink

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

func example() []Object {
	return []Object{
		newThing(KindParam, "p1", 0), newThing(KindTrap, "t1", 0), newThing(KindGroup, "g1", 0),
		onPort(KindReporter, 2, "tx"), newThing(KindSnapshot, "r1", 0), newThing(KindRegion, "r1", 0),
		onPort(KindPort, 2, ""), onPort(KindPort, 1, ""), newThing(KindPolicer, "x", 0), newThing(KindTrap, "t2", 0),
	}
}

var exampleOrder = []string{
	"dev a", "port a port 1", "port a port 2", "trap-policer a x", "trap-group a g1", "trap a t1", "trap a t2",
	"region a r1", "snapshot a r1", "health-reporter a port 2 tx", "param a p1",
}

func verb(v string, list []string, suffix string) (out []string) {
	for _, s := range list {
		out = append(out, v+" "+s+suffix)
	}
	return out
}

func reversed(list []string) []string {
	out := slices.Clone(list)
	slices.Reverse(out)
	return out
}

func same(t testing.TB, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got\n%q\nwant\n%q", got, want)
	}
}

func TestRegistrationTellsAllInOrderOfDependence(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		s := subscribe(t, r, SubscribeOptions{})
		i := registered(t, r, "a", "", example()...)
		same(t, texts(rest(t, s)), verb("added", exampleOrder, ""))
		finish(t, i.SubmitUnregister())
		same(t, texts(rest(t, s)), verb("deleted", reversed(exampleOrder), ""))
	})
}

func TestUnregisteredInstanceChangesInSilence(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		s := subscribe(t, r, SubscribeOptions{})
		i := newInstance(t, r, "a")
		o := newThing(KindTrap, "t", 1)
		do(t, i, func(l *Locked) error {
			return errors.Join(put(l, o), put(l, newThing(KindParam, "p", 1)), put(l, newThing(KindParam, "p", 2)), drop(l, o))
		})
		if got := rest(t, s); len(got) != 0 {
			t.Fatalf("told %v", got)
		}
		finish(t, i.SubmitRegister())
		list := rest(t, s)
		same(t, texts(list), []string{"added dev a", "added param a p"})
		if v := list[1].Object.(*thing).val; v != 2 {
			t.Fatalf("value %d", v)
		}
		finish(t, i.SubmitUnregister())
		rest(t, s)
		do(t, i, func(l *Locked) error { return drop(l, newThing(KindParam, "p", 0)) })
		finish(t, i.SubmitRegister())
		list = rest(t, s)
		same(t, texts(list), []string{"added dev a"})
		if g := list[0].Life.Generation; g != 2 {
			t.Fatalf("generation %d", g)
		}
	})
}

func TestStateOfLifeIsRespected(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i := newInstance(t, r, "a")
		mustBe(t, outcome(i.SubmitUnregister()), switchdev.ErrNoDevice)
		mustBe(t, outcome(i.SubmitMove("")), switchdev.ErrNoDevice)
		finish(t, i.SubmitRegister())
		mustBe(t, outcome(i.SubmitRegister()), switchdev.ErrBusy)
		mustBe(t, outcome(i.SubmitFree()), switchdev.ErrBusy)
		if _, err := r.NewInstance(InstanceConfig{Handle: i.Handle()}); !errors.Is(err, switchdev.ErrExist) {
			t.Fatalf("same handle: %v", err)
		}
		finish(t, i.SubmitUnregister())
		finish(t, i.SubmitFree())
		for _, k := range []*Ticket{i.SubmitRegister(), i.SubmitUnregister(), i.SubmitMove(""), i.SubmitFree(),
			i.SubmitDo(func(context.Context, *Locked) error { t.Error("called"); return nil })} {
			mustBe(t, outcome(k), switchdev.ErrNoDevice) // ENODEV
		}
		j := newInstance(t, r, "a")
		if j.Index() <= i.Index() {
			t.Fatalf("index %d after %d", j.Index(), i.Index())
		}
	})
}

func TestNewInstanceRefusesWhatCannotBe(t *testing.T) {
	r := newRegistry(t, Config{})
	for _, h := range []Handle{{}, {"pci", ""}, {"", "x"}, {"p/i", "x"}, {"pci", "a b"}} {
		_, err := r.NewInstance(InstanceConfig{Handle: h})
		mustBe(t, err, switchdev.ErrInvalid)
		_, err = r.Instance("", h)
		mustBe(t, err, switchdev.ErrInvalid) // EINVAL
	}
	_, err := r.NewInstance(InstanceConfig{Handle: Handle{"pci", "x"}, Namespace: "none"})
	mustBe(t, err, switchdev.ErrNotExist)
	if len(r.instances) != 0 || len(r.namespaces[""].members) != 0 {
		t.Fatal("something was left")
	}
}

func TestFreeReportsLeftovers(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i := newInstance(t, r, "a")
		do(t, i, func(l *Locked) error {
			return errors.Join(put(l, onPort(KindPort, 3, "")), put(l, newThing(KindTrap, "t", 0)))
		})
		err := outcome(i.SubmitFree())
		mustBe(t, err, switchdev.ErrBusy)
		if err.Error() != "test/a: the driver left behind trap t, port 3" {
			t.Fatal(err)
		}
		newInstance(t, r, "a")
	})
}

func TestTokenDiesWithItsCallback(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		s := subscribe(t, r, SubscribeOptions{Filter: Filter{Kinds: KindsOf(KindTrap)}})
		i := registered(t, r, "a", "")
		var kept *Locked
		do(t, i, func(l *Locked) error { kept = l; return put(l, newThing(KindTrap, "t", 1)) })
		mustBe(t, put(kept, newThing(KindTrap, "t", 2)), switchdev.ErrClosed)
		same(t, texts(rest(t, s)), []string{"added trap a t"})
		if v := r.Snapshot().Object("", i.Handle(), KindTrap, Key{Name: "t"}).(*thing).val; v != 1 {
			t.Fatalf("value %d", v)
		}
	})
}

func TestPanicEndsOneOperation(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i := registered(t, r, "a", "")
		var kept *Locked
		bad := i.SubmitDo(func(_ context.Context, l *Locked) error { kept = l; panic("boo") })
		good := i.SubmitDo(func(context.Context, *Locked) error { return nil })
		err := outcome(bad)
		mustBe(t, err, switchdev.ErrOutcomeUnknown)
		if p := (*PanicError)(nil); !errors.As(err, &p) || p.Value != "boo" || !strings.Contains(p.Stack, "TestPanicEndsOneOperation") {
			t.Fatalf("error %v", err)
		}
		finish(t, good)
		mustBe(t, put(kept, newThing(KindTrap, "t", 0)), switchdev.ErrClosed)
	})
}

// The request's own function is called by the instance, too.
func TestPanicOfAllowedEndsTheReload(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		addNamespace(t, r, "n")
		i := newCard("a").start(t, r, "")
		_, err := reloaded(i, ReloadRequest{To: []string{"n"}, Allowed: func(string) bool { panic("boo") }})
		if p := (*PanicError)(nil); !errors.As(err, &p) || p.Value != "boo" {
			t.Fatalf("error %v", err)
		}
		if i.State() != Registered || i.Namespace() != "" {
			t.Fatalf("it is %v in %q", i.State(), i.Namespace())
		}
		finish(t, r.SubmitDeleteNamespace("n")) // nobody has a place there
	})
}

func TestDriverThatEndsItsGoroutineLeavesNobodyWaiting(t *testing.T) {
	r := newRegistry(t, Config{})
	i := registered(t, r, "a", "")
	bad := i.SubmitDo(func(context.Context, *Locked) error { runtime.Goexit(); return nil })
	good := i.SubmitDo(func(context.Context, *Locked) error { return nil })
	mustBe(t, outcome(bad), switchdev.ErrOutcomeUnknown)
	finish(t, good)

	m := newRegistry(t, Config{Manual: true})
	i = registered(t, m, "a", "")
	bad = i.SubmitDo(func(context.Context, *Locked) error { runtime.Goexit(); return nil })
	good = i.SubmitDo(func(context.Context, *Locked) error { return nil })
	over := make(chan struct{})
	go func() {
		defer close(over)
		m.Poll(m.now())
	}()
	<-over
	mustBe(t, bad.Wait(context.Background()), switchdev.ErrOutcomeUnknown)
	<-m.Wake()
	finish(t, good)
}

func TestSnapshotStaysAsItIs(t *testing.T) {
	r := newRegistry(t, Config{})
	i := registered(t, r, "a", "", newThing(KindTrap, "t1", 1), newThing(KindTrap, "t2", 1))
	before := r.Snapshot()
	var seen []Object
	for o := range before.Objects("", i.Handle()) {
		seen = append(seen, o)
	}
	for n := range 5 {
		do(t, i, func(l *Locked) error {
			return errors.Join(put(l, newThing(KindTrap, "t1", n)), drop(l, newThing(KindTrap, "t2", 0)), put(l, newThing(KindTrap, "t2", n)))
		})
	}
	finish(t, i.SubmitUnregister())
	var again []Object
	for o := range before.Objects("", i.Handle()) {
		again = append(again, o)
	}
	if !reflect.DeepEqual(seen, again) || len(seen) != 3 || before.Len() != 1 || r.Snapshot().Len() != 0 {
		t.Fatalf("before %v, now %v", seen, again)
	}
}

func TestObjectsGoneBackToAreClippedFirst(t *testing.T) {
	var s objects
	for _, name := range []string{"a", "b", "c"} {
		s.put(newThing(KindTrap, name, 0))
	}
	saved := s.clip()
	s.put(newThing(KindTrap, "d", 0))
	back := saved
	back.put(newThing(KindTrap, "e", 0))
	if s[KindTrap][3].Key().Name != "d" || back[KindTrap][3].Key().Name != "e" {
		t.Fatalf("%v %v", s[KindTrap][3], back[KindTrap][3])
	}
	s.remove(KindTrap, Key{Name: "d"})
	shared := s
	s.put(newThing(KindTrap, "f", 0))
	shared2 := s
	s.remove(KindTrap, Key{Name: "f"})
	s.put(newThing(KindTrap, "g", 0))
	if len(shared[KindTrap]) != 3 || shared2[KindTrap][3].Key().Name != "f" {
		t.Fatal("a shared slice was written to")
	}
}

func TestEventAndErrorTexts(t *testing.T) {
	e := Event{Seq: 7, Verb: Added, Life: &Life{Handle: Handle{"pci", "1"}, Namespace: "n"}, Object: onPort(KindReporter, 2, "tx")}
	if got := e.String(); got != "7 added health-reporter pci/1 in n port 2 tx" {
		t.Error(got)
	}
	for want, p := range map[string]*ReloadProgress{
		"2 status dev pci/1: reload begins":                       {},
		"2 status dev pci/1: reload has performed driver_reinit":  {Ended: true, Performed: ActionsOf(ActionDriverReinit)},
		"2 status dev pci/1: reload has failed: invalid argument": {Ended: true, Err: switchdev.ErrInvalid},
	} {
		if got := (Event{Seq: 2, Verb: Status, Life: &Life{Handle: Handle{"pci", "1"}}, Object: p}).String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := (Event{Seq: 1, Verb: Synced}).String(); got != "1 synced" {
		t.Error(got)
	}
	for s := range numStates + 1 {
		if s.String() == "" {
			t.Error(s)
		}
	}
	if State(99).String() != "state?" || Kind(99).String() != "kind?" || Verb(99).String() != "?" {
		t.Error("texts of nothing")
	}
	if h, err := ParseHandle("pci/0000:01:00.0"); err != nil || h != (Handle{"pci", "0000:01:00.0"}) {
		t.Error(h, err)
	}
	for _, s := range []string{"", "pci", "pci/", "/x", "a/b/c", "a b/c"} {
		if _, err := ParseHandle(s); !errors.Is(err, switchdev.ErrInvalid) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// Whoever holds an instance that has been freed gets ENODEV, whatever he asks.
func TestFreedInstanceIsNoDevice(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i := newInstance(t, r, "a")
		finish(t, i.SubmitFree())
		mustBe(t, i.RemoteReloaded(LimitUnspec, ActionsOf(ActionFWActivate)), switchdev.ErrNoDevice)
		mustBe(t, outcome(i.SubmitReadRegion(Key{Name: "r"}, RegionRead{Snapshot: new(uint32)}).Ticket), switchdev.ErrNoDevice)
		mustBe(t, outcome(i.SubmitMove("")), switchdev.ErrNoDevice)
		mustBe(t, outcome(i.SubmitFree()), switchdev.ErrNoDevice)
	})
}
