package devlink

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/switchcore/switchcore/internal/notify"
	"github.com/switchcore/switchcore/switchdev"
)

func TestReplayIsInOrderOfDependenceAndEndsWithSynced(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		if err := r.AddNamespace("n"); err != nil {
			t.Fatal(err)
		}
		registered(t, r, "c", "n")
		registered(t, r, "a", "", example()...)
		registered(t, r, "b", "")
		newInstance(t, r, "hidden")
		s := subscribe(t, r, SubscribeOptions{Replay: true})
		want := append(verb("existing", exampleOrder, ""), "existing dev b", "synced")
		same(t, texts(rest(t, s)), want)
		s = subscribe(t, r, SubscribeOptions{Replay: true, Namespace: "n"})
		same(t, texts(rest(t, s)), []string{"existing dev c@n", "synced"})
		s = subscribe(t, r, SubscribeOptions{Replay: true, AllNamespaces: true, Namespace: "n"})
		same(t, texts(rest(t, s)), append(want[:len(want)-1:len(want)-1], "existing dev c@n", "synced"))
		s = subscribe(t, r, SubscribeOptions{Replay: true, Filter: Filter{Bus: "test", Device: "b"}})
		same(t, texts(rest(t, s)), []string{"existing dev b", "synced"})
		s = subscribe(t, r, SubscribeOptions{Replay: true, Filter: Filter{Bus: "test", Device: "c"}})
		same(t, texts(rest(t, s)), []string{"synced"})
		_, err := r.Subscribe(SubscribeOptions{Namespace: "none"})
		mustBe(t, err, switchdev.ErrNotExist)
	})
}

// A filter is compared with the rule of the kernel: what the event lacks passes.
func TestFilterPassesWhatLacksTheField(t *testing.T) {
	at := func(bus, dev string, o Object) *Event {
		return &Event{Verb: Added, Life: &Life{Handle: Handle{bus, dev}}, Object: o}
	}
	events := map[string]*Event{
		"synced": {Verb: Synced},
		"dev":    at("pci", "1", &InstanceInfo{}),
		"param":  at("pci", "1", newThing(KindParam, "p", 0)),
		"port0":  at("pci", "1", onPort(KindPort, 0, "")),
		"port1":  at("pci", "1", onPort(KindPort, 1, "")),
		"tx1":    at("pci", "1", onPort(KindReporter, 1, "tx")),
		"other":  at("pci", "2", onPort(KindPort, 1, "")),
		"usb":    at("usb", "1", onPort(KindPort, 1, "")),
	}
	for _, c := range []struct {
		name   string
		filter Filter
		pass   string
	}{
		{"none", Filter{}, "synced dev param port0 port1 tx1 other usb"},
		{"bus", Filter{Bus: "pci"}, "synced dev param port0 port1 tx1 other"},
		{"device", Filter{Device: "1"}, "synced dev param port0 port1 tx1 usb"},
		{"both", Filter{Bus: "pci", Device: "2"}, "synced other"},
		{"port", Filter{Port: 1, OnPort: true}, "synced dev param port1 tx1 other usb"},
		{"port 0", Filter{Bus: "pci", Device: "1", OnPort: true}, "synced dev param port0"},
		{"kinds", Filter{Kinds: KindsOf(KindPort, KindParam)}, "synced param port0 port1 other usb"},
		{"port and kind", Filter{Kinds: KindsOf(KindReporter), Port: 1, OnPort: true}, "synced tx1"},
	} {
		var pass string
		for _, name := range []string{"synced", "dev", "param", "port0", "port1", "tx1", "other", "usb"} {
			if c.filter.Match(events[name]) {
				if pass != "" {
					pass += " "
				}
				pass += name
			}
		}
		if pass != c.pass {
			t.Errorf("%s: %q passes, not %q", c.name, pass, c.pass)
		}
	}
	if got := fmt.Sprint(KindsOf(KindParam, KindPort)); got == "0" || KindsOf().Has(KindInstance) || KindsOf(KindTrap).Has(200) {
		t.Error("sets")
	}
	var all []Kind
	for k := range KindsOf(KindParam, KindInstance).All() {
		all = append(all, k)
	}
	if len(all) != 2 || all[0] != KindInstance || all[1] != KindParam {
		t.Error(all)
	}
}

func TestFilterChangesAtAKnownNumber(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i := registered(t, r, "a", "")
		j := registered(t, r, "b", "")
		s := subscribe(t, r, SubscribeOptions{Filter: Filter{Bus: "test", Device: "a"}})
		touch := func(name string) {
			for _, x := range []*Instance{i, j} {
				do(t, x, func(l *Locked) error { return put(l, newThing(KindTrap, name, 0)) })
			}
		}
		touch("1")
		after, err := s.SetFilter(Filter{})
		if err != nil || after != r.hub.ring.Last() {
			t.Fatal(after, err)
		}
		touch("2")
		second, err := s.SetFilter(Filter{Device: "b"})
		if err != nil {
			t.Fatal(err)
		}
		touch("3")
		list := rest(t, s)
		same(t, texts(list), []string{"added trap a 1", "added trap a 2", "added trap b 2", "added trap b 3"})
		for n, e := range list {
			if n == 0 != (e.Seq <= after) || n == 3 != (e.Seq > second) {
				t.Errorf("event %v, filters after %d and %d", e, after, second)
			}
			if n > 0 && e.Previous != list[n-1].Seq || n == 0 && e.Previous != 0 {
				t.Errorf("event %v: previous %d", e, e.Previous)
			}
		}
		s.Close()
		_, err = s.SetFilter(Filter{})
		mustBe(t, err, switchdev.ErrClosed)
	})
}

// Ring of 64, a consumer that does not read, 1000 events: one overrun, then a replay
// that is the state; nobody was delayed.
func TestOverrunIsToldOnceAndResynchronises(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, Config{Events: 64})
		i := registered(t, r, "a", "")
		quiet := registered(t, r, "b", "")
		s := subscribe(t, r, SubscribeOptions{Replay: true})
		one := subscribe(t, r, SubscribeOptions{Filter: Filter{Bus: "test", Device: "b"}})
		same(t, texts(rest(t, s)), []string{"existing dev a", "existing dev b", "synced"})
		do(t, quiet, func(l *Locked) error { return put(l, newThing(KindTrap, "q", 0)) })
		// what is not read by those who read a must not be lost by who reads b only
		same(t, texts(rest(t, one)), []string{"added trap b q"})
		for n := range 1000 {
			do(t, i, func(l *Locked) error { return put(l, newThing(KindTrap, fmt.Sprint(n%7), n)) })
		}
		_, err := s.Next(context.Background())
		mustBe(t, err, switchdev.ErrOverrun) // ENOBUFS
		lost := (*notify.OverrunError)(nil)
		if !errors.As(err, &lost) || lost.To != r.hub.ring.Last() {
			t.Fatal(err)
		}
		state := map[string]int{}
		list := rest(t, s)
		for n, e := range list {
			if e.Verb != Existing && (e.Verb != Synced || n != len(list)-1) {
				t.Fatal(e)
			}
			if o, ok := e.Object.(*thing); ok {
				state[o.key.Name] = o.val
			}
		}
		if list[0].Previous != lost.To {
			t.Errorf("previous %d, lost to %d", list[0].Previous, lost.To)
		}
		for n := 993; n < 1000; n++ {
			if state[fmt.Sprint(n%7)] != n {
				t.Fatal(state)
			}
		}
		if got := rest(t, one); len(got) != 0 {
			t.Fatal(got)
		}
	})
}

func TestCompatKernelMutesWhatLinuxDoesNotTell(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		s := subscribe(t, r, SubscribeOptions{CompatKernel: true})
		i := registered(t, r, "a", "", newThing(KindResource, "kvd", 0), newThing(KindReporter, "fw", 0), newThing(KindRegion, "cr", 0),
			onPort(KindRegion, 1, "pr"), newThing(KindSnapshot, "cr", 0), newThing(KindTrap, "t", 0))
		do(t, i, func(l *Locked) error {
			o := newThing(KindTrap, "t", 1)
			return l.tell("", func() ([]Event, error) {
				l.inst.objs.put(o)
				return []Event{{Verb: Changed, Object: o, Marks: Silent}}, nil
			})
		})
		finish(t, i.SubmitUnregister())
		same(t, texts(rest(t, s)), []string{"added dev a", "added trap a t", "added region a cr",
			"deleted region a cr", "deleted trap a t", "deleted dev a"})
	})
}

// Only a change that another one of the same object followed, with nothing of the
// instance between, is passed over.
func TestCoalescingKeepsEverythingButOvertakenChanges(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i, j := registered(t, r, "a", ""), registered(t, r, "b", "")
		s := subscribe(t, r, SubscribeOptions{Coalesce: true})
		all := subscribe(t, r, SubscribeOptions{})
		set := func(i *Instance, name string, val int) {
			do(t, i, func(l *Locked) error { return put(l, newThing(KindTrap, name, val)) })
		}
		set(i, "t", 0)
		set(i, "t", 1)
		set(j, "t", 1) // of another instance
		set(i, "t", 2)
		set(i, "t", 3)
		set(i, "u", 0)
		set(i, "t", 4)
		set(i, "t", 5)
		set(i, "u", 1)
		do(t, i, func(l *Locked) error { return drop(l, newThing(KindTrap, "t", 0)) })
		set(i, "t", 6)
		set(i, "t", 7)
		finish(t, i.SubmitUnregister())
		finish(t, i.SubmitRegister())
		set(i, "t", 8)
		var got []string
		for _, e := range rest(t, s) {
			text := e.Verb.String() + " " + e.Life.Device + e.Object.Key().suffix()
			if o, ok := e.Object.(*thing); ok && e.Verb != Deleted {
				text += fmt.Sprint("=", o.val)
			}
			got = append(got, text)
			if e.stale != nil {
				t.Error("something internal is given out")
			}
		}
		same(t, got, []string{"added a t=0", "added b t=1", "changed a t=3", "added a u=0", "changed a t=5", "changed a u=1", "deleted a t", "added a t=6",
			"changed a t=7", "deleted a t", "deleted a u", "deleted a", "added a", "added a u=1", "added a t=7", "changed a t=8"})
		if n := len(rest(t, all)); n != len(got)+3 {
			t.Errorf("%d events without coalescing", n)
		}
	})
}

func TestSubscriptionWaitsAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, Config{})
		s := subscribe(t, r, SubscribeOptions{})
		other := subscribe(t, r, SubscribeOptions{})
		seen := make(chan string)
		go func() {
			defer close(seen)
			for e, err := range s.All(context.Background()) {
				if err != nil {
					seen <- err.Error()
					return
				}
				seen <- texts([]Event{e})[0]
			}
		}()
		synctest.Wait()
		i := registered(t, r, "a", "")
		if got := <-seen; got != "added dev a" {
			t.Error(got)
		}
		<-other.Ready()
		buf := make([]Event, 4)
		if n, err := other.Read(context.Background(), buf); n != 1 || err != nil {
			t.Error(n, err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := other.Read(ctx, buf)
		mustBe(t, err, context.Canceled)
		other.Close()
		_, err = other.Next(context.Background())
		mustBe(t, err, switchdev.ErrClosed)
		finish(t, i.SubmitMove(""))
		go r.Close()
		if got := <-seen; got != "deleted dev a" {
			t.Error(got)
		}
		if got := <-seen; got != switchdev.ErrClosed.Error() {
			t.Error(got)
		}
		<-seen
		_, err = r.Subscribe(SubscribeOptions{})
		mustBe(t, err, switchdev.ErrClosed)
	})
}
