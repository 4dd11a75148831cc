package devlink

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

var (
	cardDown = []string{
		"deleted port a port 1", "deleted port a port 0", "deleted region a reg", "deleted trap a trp",
		"deleted trap-group a grp", "deleted trap-policer a pol",
	}
	cardUp = []string{
		"added trap-policer a pol", "added trap-group a grp", "added trap a trp", "added region a reg",
		"added port a port 0", "added port a port 1",
	}
	errKnob = &switchdev.OpError{Op: "driver", Reason: "User setup the reload to fail for testing purposes", Err: syscall.EINVAL}
)

func in(list []string, namespace string) (out []string) {
	for _, s := range list {
		out = append(out, s+"@"+namespace)
	}
	return out
}

func failUp(context.Context, *Locked, Reload) (ReloadActions, error) { return 0, errKnob }

// compat reads what Linux would tell.
func compat(t testing.TB, r *Registry) *Subscription {
	return subscribe(t, r, SubscribeOptions{AllNamespaces: true, CompatKernel: true})
}

// Case 31.
func TestCase31ReloadTellsWhatGoesAndComesAndCounts(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		c := newCard("a")
		i := c.start(t, r, "")
		s, all := compat(t, r), subscribe(t, r, SubscribeOptions{})
		res, err := reloaded(i, ReloadRequest{})
		if err != nil || res.Replied || res.Performed != ActionsOf(ActionDriverReinit) || len(res.Leaked) != 0 {
			t.Fatal(res, err)
		}
		same(t, texts(rest(t, s)), slices.Concat(cardDown, cardUp, []string{"changed dev a"}))
		same(t, c.calls(), []string{`down driver_reinit in ""`, `up driver_reinit in "" already=false`})
		if n := info(t, i); n.Local.Of(LimitUnspec, ActionDriverReinit) != 1 || n.ReloadFailed || n.Remote != (ReloadCounts{}) {
			t.Fatal(n)
		}
		list := rest(t, all)
		first, last := list[0].Object.(*ReloadProgress), list[len(list)-1].Object.(*ReloadProgress)
		if first.Ended || !last.Ended || last.Err != nil || last.Performed != res.Performed || list[0].Verb != Status {
			t.Fatal(first, last)
		}
		if i.State() != Registered {
			t.Fatal(i.State())
		}
	})
}

// Cases 32, 33 and 40.
func TestCase32And33FailedReloadIsMendedByAnother(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		c := newCard("a")
		i := c.start(t, r, "")
		s := compat(t, r)
		c.up = failUp
		_, err := reloaded(i, ReloadRequest{})
		if !errors.Is(err, syscall.EINVAL) || reason(err) != errKnob.Reason {
			t.Fatal(err)
		}
		same(t, texts(rest(t, s)), append(slices.Clone(cardDown), "changed dev a"))
		if n := info(t, i); !n.ReloadFailed || n.Local != (ReloadCounts{}) || i.State() != Failed {
			t.Fatal(n, i.State())
		}
		same(t, objectsOf(i), []string{"dev", "param p"})
		// again: nothing changes, and the driver is not taken down once more
		c.calls()
		if _, err = reloaded(i, ReloadRequest{}); !errors.Is(err, syscall.EINVAL) {
			t.Fatal(err)
		}
		same(t, texts(rest(t, s)), nil)
		same(t, c.calls(), []string{`up driver_reinit in "" already=true`})
		c.up = nil
		if _, err = reloaded(i, ReloadRequest{}); err != nil {
			t.Fatal(err)
		}
		same(t, texts(rest(t, s)), append(slices.Clone(cardUp), "changed dev a", "changed dev a"))
		if n := info(t, i); n.ReloadFailed || n.Local.Of(LimitUnspec, ActionDriverReinit) != 1 {
			t.Fatal(n)
		}
	})
}

// Cases 34 and 35.
func TestCase34RefusalChangesNothing(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		for _, where := range []string{"check", "down"} {
			c := newCard("a" + where)
			i := c.start(t, r, "")
			s, before := compat(t, r), objectsOf(i)
			refuse := func(context.Context, *Locked, Reload) error { return switchdev.ErrUnsupported }
			if where == "check" {
				c.check = refuse
			} else {
				c.down = refuse
			}
			_, err := reloaded(i, ReloadRequest{})
			mustBe(t, err, switchdev.ErrUnsupported) // EOPNOTSUPP
			same(t, texts(rest(t, s)), nil)
			same(t, objectsOf(i), before)
			if i.State() != Registered || info(t, i).ReloadFailed {
				t.Fatal(i.State())
			}
			c.check, c.down = nil, nil
			if _, err = reloaded(i, ReloadRequest{}); err != nil {
				t.Fatal(err)
			}
			finish(t, i.SubmitUnregister())
		}
	})
}

// Cases 36, 47 and 48: the checks in their order, each with its errno and text; and of
// two that apply the one that comes first.
func TestCase36ChecksOfRequests(t *testing.T) {
	r := newRegistry(t, Config{Manual: true})
	namespaces(t, r, "n1")
	c := newCard("a")
	c.caps = ReloadCapabilities{ActionsOf(ActionDriverReinit, ActionFWActivate), LimitsOf(LimitNoReset)}
	full := c.start(t, r, "")
	plain := newCard("b").start(t, r, "")
	none := registered(t, r, "c", "")
	deny := func(string) bool { return false }
	const (
		action = "Requested reload action is not supported by the driver"
		limit  = "Requested limit is not supported by the driver"
	)
	for n, tc := range []struct {
		i     *Instance
		q     ReloadRequest
		errno error
		text  string
	}{
		{plain, ReloadRequest{Action: ActionFWActivate, LimitsGiven: true}, syscall.EOPNOTSUPP, action},
		{plain, ReloadRequest{Action: 77}, syscall.EOPNOTSUPP, action},
		{none, ReloadRequest{}, syscall.EOPNOTSUPP, action},
		{full, ReloadRequest{LimitsGiven: true, To: []string{"x"}}, syscall.EINVAL, "Invalid limit selected"},
		{full, ReloadRequest{Limits: LimitsOf(LimitUnspec, LimitNoReset)}, syscall.EOPNOTSUPP, "Multiselection of limit is not supported"},
		{full, ReloadRequest{Limits: LimitsOf(LimitUnspec)}, syscall.EOPNOTSUPP, limit},
		{plain, ReloadRequest{Limits: LimitsOf(LimitNoReset), To: []string{"x"}}, syscall.EOPNOTSUPP, limit},
		{full, ReloadRequest{Limits: 1 << 7}, syscall.EOPNOTSUPP, limit},
		{full, ReloadRequest{Limits: LimitsOf(LimitNoReset), To: []string{"x"}}, syscall.EINVAL, "Requested limit is invalid for this action"},
		{full, ReloadRequest{To: []string{"n1", ""}}, syscall.EINVAL, "multiple netns identifying attributes specified"},
		{full, ReloadRequest{To: []string{"x"}, Allowed: deny}, syscall.EINVAL, "Unknown network namespace"},
		{full, ReloadRequest{Action: ActionFWActivate, To: []string{"n1"}, Allowed: deny}, syscall.EPERM, ""},
		{full, ReloadRequest{Action: ActionFWActivate, To: []string{"n1"}}, syscall.EOPNOTSUPP, "Changing namespace is only supported for reinit action"},
	} {
		s := subscribe(t, r, SubscribeOptions{AllNamespaces: true})
		_, err := reloaded(tc.i, tc.q)
		if !errors.Is(err, tc.errno) || reason(err) != tc.text {
			t.Errorf("%d: %v", n, err)
		}
		same(t, texts(rest(t, s)), nil)
		s.Close()
	}
	same(t, c.calls(), nil)
	if len(r.namespaces["n1"].members) != 0 {
		t.Error("still let in to n1")
	}
	// the same namespace is allowed
	res, err := reloaded(full, ReloadRequest{Action: ActionFWActivate, To: []string{""}, Limits: LimitsOf(LimitNoReset)})
	if err != nil || !res.Replied || info(t, full).Local.Of(LimitNoReset, ActionFWActivate) != 1 {
		t.Error(res, err, info(t, full))
	}
}

// Row 1 of the checks.
func TestCase57ResourcesThatDoNotFitStopAReload(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		c := newCard("a")
		i := c.start(t, r, "")
		do(t, i, func(l *Locked) error {
			return errors.Join(
				l.AddResource(ResourceConfig{ID: 1, Name: "all", Size: 100, Max: 100}),
				l.AddResource(ResourceConfig{ID: 2, Name: "x", Parent: 1, Size: 40, Max: 100}),
				l.AddResource(ResourceConfig{ID: 3, Name: "y", Parent: 1, Size: 60, Max: 100}))
		})
		finish(t, i.SubmitSetResource(Key{ID: 2}, 60))
		_, err := reloaded(i, ReloadRequest{Action: 77})
		mustBe(t, err, switchdev.ErrInvalid)
		if reason(err) != "resources size validation failed" {
			t.Fatal(err)
		}
		finish(t, i.SubmitSetResource(Key{ID: 3}, 40))
		if _, err = reloaded(i, ReloadRequest{}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCapabilitiesThatContradictEachOtherAreRefused(t *testing.T) {
	r := newRegistry(t, Config{})
	for n, caps := range []ReloadCapabilities{
		{}, {Actions: ActionsOf(ActionUnspec, ActionDriverReinit)}, {Actions: 1 << 3},
		{ActionsOf(ActionDriverReinit, ActionFWActivate), LimitsOf(LimitUnspec)}, {ActionsOf(ActionFWActivate), 1 << 2},
		{ActionsOf(ActionDriverReinit), LimitsOf(LimitNoReset)},
	} {
		c := newCard("a")
		c.caps = caps
		if _, err := r.NewInstance(InstanceConfig{Handle: Handle{"test", "a"}, Driver: c}); !errors.Is(err, switchdev.ErrInvalid) {
			t.Errorf("%d: %v", n, err)
		}
	}
	for _, d := range []switchdev.Driver{halfA{}, halfB{}, halfC{}} {
		_, err := r.NewInstance(InstanceConfig{Handle: Handle{"test", "a"}, Driver: d})
		mustBe(t, err, switchdev.ErrInvalid)
	}
	c := newCard("a")
	c.caps, c.restarts = ReloadCapabilities{Actions: ActionsOf(ActionFWActivate)}, true
	_, err := r.NewInstance(InstanceConfig{Handle: Handle{"test", "a"}, Driver: c})
	mustBe(t, err, switchdev.ErrInvalid)
}

type nobody struct{}

func (nobody) Name() string { return "half" }
func (nobody) Close() error { return nil }

type halfA struct{ nobody }

func (halfA) ReloadDown(context.Context, *Locked, Reload) error { return nil }

type halfB struct{ nobody }

func (halfB) Reloads() ReloadCapabilities { return ReloadCapabilities{Actions: 2} }

type halfC struct{ halfA }

func (halfC) ReloadUp(context.Context, *Locked, Reload) (ReloadActions, error) { return 0, nil }

// Case 37.
func TestCase37ReplyOnlyIfSomethingWasNamed(t *testing.T) {
	r := newRegistry(t, Config{Manual: true})
	i := newCard("a").start(t, r, "")
	for _, a := range []ReloadAction{ActionUnspec, ActionDriverReinit} {
		res, err := reloaded(i, ReloadRequest{Action: a})
		if err != nil || res.Replied != (a != ActionUnspec) || res.Performed.String() != "driver_reinit" {
			t.Fatal(res, err)
		}
	}
}

// Cases 44 and 17.
func TestCase44ReloadIntoNamespaces(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		namespaces(t, r, "ns1", "ns2")
		c := newCard("a")
		i := c.start(t, r, "")
		s := compat(t, r)
		if _, err := reloaded(i, ReloadRequest{To: []string{"ns1"}}); err != nil {
			t.Fatal(err)
		}
		same(t, texts(rest(t, s)), slices.Concat(cardDown, []string{"deleted param a p", "deleted dev a"},
			[]string{"added dev a@ns1", "added param a p@ns1"}, in(cardUp, "ns1"), []string{"changed dev a@ns1"}))
		_, err := r.Instance("", i.Handle())
		mustBe(t, err, switchdev.ErrNoDevice) // ENODEV
		if _, err = reloaded(i, ReloadRequest{To: []string{"ns2"}}); err != nil {
			t.Fatal(err)
		}
		rest(t, s)
		if j, err := r.Instance("ns2", i.Handle()); j != i {
			t.Fatal(err)
		}
		c.calls()
		if _, err = reloaded(i, ReloadRequest{To: []string{"ns2"}}); err != nil { // where it is: no move
			t.Fatal(err)
		}
		same(t, texts(rest(t, s)), slices.Concat(in(cardDown, "ns2"), in(cardUp, "ns2"), []string{"changed dev a@ns2"}))
		if g := r.Snapshot().Life("ns2", i.Handle()).Generation; g != 3 {
			t.Fatal(g)
		}
		if n := len(r.namespaces["ns1"].members) + len(r.namespaces[""].members); n != 0 {
			t.Fatal("members are left", n)
		}
	})
}

// Case 46, with a knob in the place of the routes: what fails to come up does so where
// it was to go.
func TestCase46FailedReloadHasMoved(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		namespaces(t, r, "ns2")
		c := newCard("a")
		i := c.start(t, r, "")
		s := compat(t, r)
		c.up = failUp
		_, err := reloaded(i, ReloadRequest{To: []string{"ns2"}})
		mustBe(t, err, syscall.EINVAL)
		same(t, texts(rest(t, s)), slices.Concat(cardDown, []string{"deleted param a p", "deleted dev a"},
			[]string{"added dev a@ns2", "added param a p@ns2", "changed dev a@ns2"}))
		if i.Namespace() != "ns2" || i.State() != Failed {
			t.Fatal(i.Namespace(), i.State())
		}
		c.up = nil
		if _, err = reloaded(i, ReloadRequest{To: []string{""}}); err != nil || i.Namespace() != "" {
			t.Fatal(err)
		}
	})
}

// Cases 45, 49 and row 38.
func TestCase45And49InstanceOutlivesItsNamespace(t *testing.T) {
	ends := map[string]func(c *card){
		"well": func(c *card) {},
		"refusal": func(c *card) {
			c.down = func(context.Context, *Locked, Reload) error { return switchdev.ErrUnsupported }
		},
		"check": func(c *card) {
			c.check = func(context.Context, *Locked, Reload) error { return switchdev.ErrUnsupported }
		},
		"torn":  func(c *card) { c.down = func(context.Context, *Locked, Reload) error { return TornDown(syscall.EIO) } },
		"panic": func(c *card) { c.down = func(context.Context, *Locked, Reload) error { panic("x") } },
		"up":    func(c *card) { c.up = failUp },
		"exit":  func(c *card) { c.down = func(context.Context, *Locked, Reload) error { runtime.Goexit(); return nil } },
		"exit up": func(c *card) {
			c.up = func(context.Context, *Locked, Reload) (ReloadActions, error) { runtime.Goexit(); return 0, nil }
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			r := newRegistry(t, Config{})
			namespaces(t, r, "n")
			c := newCard("a")
			c.restarts = true
			i := c.start(t, r, "n")
			end(c)
			if err := r.DeleteNamespace(t.Context(), "n"); err != nil {
				t.Fatal(err)
			}
			do(t, i, func(*Locked) error { return nil })
			want := Failed
			if name == "well" {
				want = Registered
			}
			if i.Namespace() != "" || i.State() != want || info(t, i).ReloadFailed != (want == Failed) {
				t.Fatal(i.Namespace(), i.State())
			}
			// one that refused is still up, and another reload takes it down
			intact := name == "refusal" || name == "check"
			if got := slices.Contains(objectsOf(i), "port port 1"); got != (intact || want == Registered) {
				t.Fatal(objectsOf(i))
			}
			c.calls()
			c.check, c.down, c.up = nil, nil, nil
			if !intact && want == Failed {
				do(t, i, func(l *Locked) error { drop(l, newThing(KindRegion, "reg", 0)); return nil })
			}
			if _, err := reloaded(i, ReloadRequest{}); err != nil {
				t.Fatal(err)
			}
			if got := len(c.calls()); got != 1 && !intact && want == Failed || got != 2 && intact {
				t.Fatal(got, "calls")
			}
		})
	}
}

// Row 17: the target dies while the driver goes down.
func TestReloadIntoANamespaceThatDiesGoesToTheInitialOne(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		namespaces(t, r, "from", "to")
		c := newCard("a")
		i := c.start(t, r, "from")
		var k *Ticket
		c.down = func(context.Context, *Locked, Reload) error { k = r.SubmitDeleteNamespace("to"); return nil }
		if _, err := reloaded(i, ReloadRequest{To: []string{"to"}}); err != nil {
			t.Fatal(err)
		}
		finish(t, k)
		if i.Namespace() != "" || i.State() != Registered {
			t.Fatal(i.Namespace(), i.State())
		}
		same(t, c.calls(), []string{`down driver_reinit in "to"`, `up driver_reinit in "" already=false`})
	})
}

func TestReloadTextsAndSets(t *testing.T) {
	if s := ActionsOf(ActionDriverReinit, ActionFWActivate).String(); s != "driver_reinit,fw_activate" {
		t.Error(s)
	}
	if ReloadAction(9).String() != "action?" || ReloadLimit(9).String() != "limit?" || LimitNoReset.String() != "no_reset" {
		t.Error("texts of nothing")
	}
	if (ReloadCounts{}).Of(9, 9) != 0 || TornDown(nil) != nil {
		t.Error("counts or errors of nothing")
	}
}
