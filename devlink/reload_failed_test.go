package devlink

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// Case 41.
func TestCase41DriverThatIsTornDownHasFailed(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		for n, down := range []func(context.Context, *Locked, Reload) error{
			func(_ context.Context, l *Locked, _ Reload) error {
				return TornDown(errors.Join(l.RemovePort(1), syscall.EIO))
			},
			func(_ context.Context, l *Locked, _ Reload) error {
				l.RemovePort(1)
				panic("PCI reads fail after reset")
			},
		} {
			c := newCard("a")
			i := c.start(t, r, "")
			s := subscribe(t, r, SubscribeOptions{CompatKernel: true})
			c.down = down
			res, err := reloaded(i, ReloadRequest{})
			if p := (*PanicError)(nil); n == 1 && !errors.As(err, &p) || n == 0 && !errors.Is(err, syscall.EIO) {
				t.Fatal(err)
			}
			list := rest(t, s)
			same(t, texts(list), []string{
				"deleted port a port 1", "deleted trap a trp", "deleted trap-group a grp", "deleted trap-policer a pol", "deleted port a port 0",
				"changed dev a",
			})
			for at, e := range list {
				if e.Marks.Has(Leaked) != (at >= 1 && at <= 4) {
					t.Errorf("marks of %v", e)
				}
			}
			if len(res.Leaked) != 4 || i.State() != Failed || !info(t, i).ReloadFailed {
				t.Fatal(res.Leaked, i.State())
			}
			c.down, c.log = nil, nil
			do(t, i, func(l *Locked) error { return drop(l, newThing(KindRegion, "reg", 0)) })
			if _, err = reloaded(i, ReloadRequest{}); err != nil {
				t.Fatal(err)
			}
			same(t, c.calls(), []string{`up driver_reinit in "" already=true`})
			finish(t, i.SubmitUnregister())
			finish(t, i.SubmitFree())
		}
	})
}

// Case 42.
func TestCase42LeakedPortGoesBeforeTheDriverComesUp(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		c := newCard("a")
		i := c.start(t, r, "")
		do(t, i, func(l *Locked) error {
			return errors.Join(l.AddPort(PortInfo{Index: 7}), put(l, onPort(KindReporter, 7, "tx")), put(l, newThing(KindReporter, "fw", 0)))
		})
		s := compat(t, r)
		res, err := reloaded(i, ReloadRequest{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, texts(rest(t, s)), slices.Concat(cardDown, []string{"deleted port a port 7"}, cardUp, []string{"changed dev a"}))
		if len(res.Leaked) != 2 || res.Leaked[0].Kind() != KindReporter || res.Leaked[1].Kind() != KindPort {
			t.Fatal(res.Leaked)
		}
		if got := objectsOf(i); !slices.Contains(got, "health-reporter fw") || slices.Contains(got, "port port 7") {
			t.Fatal(got)
		}
	})
}

// What a driver that does not come up has added by then goes, what had stayed stays.
func TestUpThatFailsHalfWayIsUndone(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		c := newCard("a")
		i := c.start(t, r, "")
		do(t, i, func(l *Locked) error { return put(l, newThing(KindReporter, "fw", 0)) })
		s := compat(t, r)
		c.up = func(_ context.Context, l *Locked, _ Reload) (ReloadActions, error) {
			if err := errors.Join(put(l, newThing(KindRegion, "reg", 0)), l.AddPort(PortInfo{Index: 0})); err != nil {
				t.Error(err)
			}
			panic("half way")
		}
		res, err := reloaded(i, ReloadRequest{})
		mustBe(t, err, switchdev.ErrOutcomeUnknown)
		same(t, texts(rest(t, s)), slices.Concat(cardDown, []string{
			"added region a reg", "added port a port 0", "deleted region a reg", "deleted port a port 0", "changed dev a"}))
		same(t, objectsOf(i), []string{"dev", "health-reporter fw", "param p"})
		if len(res.Leaked) != 2 || res.Performed != 0 {
			t.Fatal(res)
		}
		c.up = nil
		if _, err = reloaded(i, ReloadRequest{}); err != nil {
			t.Fatal(err)
		}
	})
}

// Rows 20, 21 and 39.
func TestDriverThatBreaksItsContractIsTold(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		c := newCard("a")
		c.caps.Actions = ActionsOf(ActionDriverReinit, ActionFWActivate)
		i := c.start(t, r, "")
		mustBe(t, i.RemoteReloaded(LimitUnspec, 0), switchdev.ErrInvalid)
		mustBe(t, i.RemoteReloaded(7, ActionsOf(ActionFWActivate)), switchdev.ErrInvalid)
		s := compat(t, r)
		if err := i.RemoteReloaded(LimitNoReset, ActionsOf(ActionFWActivate)); err != nil {
			t.Fatal(err)
		}
		same(t, texts(rest(t, s)), []string{"changed dev a"})
		for n, done := range []ReloadActions{ActionsOf(ActionDriverReinit, ActionFWActivate), ActionsOf(ActionDriverReinit), 1<<5 | 1<<2} {
			c.up = func(_ context.Context, l *Locked, r Reload) (ReloadActions, error) {
				if n == 1 {
					mustBe(t, i.RemoteReloaded(LimitUnspec, ActionsOf(ActionFWActivate)), ErrContract)
				}
				return done, c.fill(l)
			}
			q := ReloadRequest{}
			if n == 1 {
				q.Action = ActionDriverReinit
			}
			_, err := reloaded(i, q)
			if errors.Is(err, ErrContract) != (n > 0) {
				t.Fatal(n, err)
			}
			if i.State() != Registered {
				t.Fatal(i.State())
			}
		}
		n := info(t, i)
		if n.Remote.Of(LimitNoReset, ActionFWActivate) != 1 || n.Remote.Of(LimitUnspec, ActionFWActivate) != 0 ||
			n.Local.Of(LimitUnspec, ActionDriverReinit) != 2 || n.Local.Of(LimitUnspec, ActionFWActivate) != 2 {
			t.Fatal(n)
		}
		finish(t, i.SubmitUnregister())
		mustBe(t, i.RemoteReloaded(LimitUnspec, ActionsOf(ActionFWActivate)), switchdev.ErrNoDevice)
	})
}

// Case 16: a reload that goes wrong does not use up what waits for one.
func TestCase16FailedReloadKeepsPendingValues(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		c := newCard("a")
		i := c.start(t, r, "")
		key := Key{Name: "max_macs"}
		do(t, i, func(l *Locked) error {
			return errors.Join(
				l.AddParam(ParamConfig{Name: "max_macs", Generic: true, Type: ParamUint32, Modes: ParamDriverInit}),
				l.SetDriverInit(key, Uint32Value(32)))
		})
		finish(t, i.SubmitSetParam(key, ParamDriverInit, Uint32Value(16)))
		var seen []uint64
		see := func(l *Locked) {
			v, err := l.DriverInit(key)
			if err != nil {
				t.Error(err)
			}
			seen = append(seen, v.Uint())
		}
		c.up = func(_ context.Context, l *Locked, _ Reload) (ReloadActions, error) { see(l); return 0, errKnob }
		if _, err := reloaded(i, ReloadRequest{}); err == nil {
			t.Fatal("no error")
		}
		do(t, i, func(l *Locked) error { see(l); return nil })
		c.up = func(_ context.Context, l *Locked, _ Reload) (ReloadActions, error) { see(l); return 0, nil }
		if _, err := reloaded(i, ReloadRequest{}); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(seen) != "[16 32 16]" {
			t.Fatal(seen)
		}
	})
}

// Row 29 and the opt-in.
func TestCommandsThatNeedAFailedDriverAreRefused(t *testing.T) {
	r := newRegistry(t, Config{Manual: true})
	c := newCard("a")
	i := c.start(t, r, "")
	c.up = failUp
	reloaded(i, ReloadRequest{})
	mustBe(t, outcome(i.SubmitSplitPort(0, 2)), ErrReloadFailed)
	do(t, i, func(l *Locked) error { mustBe(t, l.AddPort(PortInfo{Index: 3}), ErrReloadFailed); return nil })
	mustBe(t, outcome(i.SubmitRegister()), switchdev.ErrBusy)
	mustBe(t, outcome(i.SubmitFree()), switchdev.ErrBusy)
	c.calls()
	finish(t, i.SubmitUnregister())
	same(t, c.calls(), []string{"remove already=true"})
	finish(t, i.SubmitFree())

	w := &worker{card: newCard("w")}
	i, err := r.NewInstance(InstanceConfig{Handle: Handle{"test", "w"}, Driver: w})
	if err != nil {
		t.Fatal(err)
	}
	w.ports, w.up = 0, failUp
	do(t, i, func(l *Locked) error { return errors.Join(put(l, newThing(KindParam, "p", 0)), w.fill(l)) })
	finish(t, i.SubmitRegister())
	reloaded(i, ReloadRequest{})
	err = outcome(i.SubmitSplitPort(0, 2))
	if errors.Is(err, ErrReloadFailed) || err == nil {
		t.Fatal(err)
	}
}

type worker struct{ *card }

func (*worker) WorksFailed(command string) bool { return command == "devlink.port.split" }

// Row 23 and 40: ctx withdraws a reload until it begins, and not afterwards.
func TestContextWithdrawsUntilTheDriverIsCalled(t *testing.T) {
	r := newRegistry(t, Config{})
	c := newCard("a")
	i := c.start(t, r, "")
	in, out := make(chan struct{}), make(chan struct{})
	c.down = func(context.Context, *Locked, Reload) error { close(in); <-out; c.down = nil; return nil }
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { _, err := i.Reload(ctx, ReloadRequest{}); first <- err }()
	<-in
	cancel()
	_, err := i.Reload(ctx, ReloadRequest{})
	mustBe(t, err, context.Canceled)
	close(out)
	if err := <-first; err != nil { // it had begun
		t.Fatal(err)
	}
	if n := info(t, i).Local.Of(LimitUnspec, ActionDriverReinit); n != 1 {
		t.Fatal(n)
	}
}

// Driver code that ends its goroutine leaves an instance that can be reloaded.
func TestReloadSurvivesADriverThatEndsItsGoroutine(t *testing.T) {
	for _, where := range []string{"check", "down", "up"} {
		r := newRegistry(t, Config{})
		c := newCard("a")
		i := c.start(t, r, "")
		exit := func(context.Context, *Locked, Reload) error { runtime.Goexit(); return nil }
		switch where {
		case "check":
			c.check = exit
		case "down":
			c.down = exit
		case "up":
			c.up = func(context.Context, *Locked, Reload) (ReloadActions, error) { runtime.Goexit(); return 0, nil }
		}
		_, err := reloaded(i, ReloadRequest{})
		mustBe(t, err, switchdev.ErrOutcomeUnknown)
		if i.State() != Failed {
			t.Fatal(i.State())
		}
		c.check, c.down, c.up = nil, nil, nil
		do(t, i, func(l *Locked) error { drop(l, newThing(KindRegion, "reg", 0)); return nil })
		if _, err = reloaded(i, ReloadRequest{}); err != nil {
			t.Fatal(err)
		}
	}
}

// Row 10 with a driver that has to be restarted.
func TestMoveReloadsWhoNeedsIt(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		namespaces(t, r, "n")
		c := newCard("a")
		c.restarts = true
		i := c.start(t, r, "")
		finish(t, i.SubmitMove("n"))
		same(t, c.calls(), []string{`down driver_reinit in "n"`, `up driver_reinit in "n" already=false`})
		if i.Namespace() != "n" {
			t.Fatal(i.Namespace())
		}
		c.down = func(context.Context, *Locked, Reload) error { return switchdev.ErrBusy }
		mustBe(t, outcome(i.SubmitMove("")), switchdev.ErrBusy)
		if i.Namespace() != "n" || i.State() != Registered || len(r.namespaces[""].members) != 0 {
			t.Fatal(i.Namespace(), i.State())
		}
	})
}

// A driver that hands on how a nested instance went down refuses, and has not gone down
// itself.
func TestPanicOfAnotherDriverTearsNobodyDown(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		c, n := newCard("a"), newCard("nested")
		i, j := c.start(t, r, ""), n.start(t, r, "")
		n.removed = func(context.Context, *Locked, Reload) error { panic("boo") }
		for _, wrap := range []func(error) error{func(err error) error { return err }, func(err error) error { return errors.Join(err, nil) }} {
			c.down = func(ctx context.Context, _ *Locked, _ Reload) error { return wrap(j.Unregister(ctx)) }
			_, err := reloaded(i, ReloadRequest{})
			mustBe(t, err, switchdev.ErrOutcomeUnknown)
			if i.State() != Registered {
				t.Fatal(i.State(), err)
			}
			do(t, j, func(l *Locked) error { return nil })
			finish(t, j.SubmitRegister())
		}
		n.removed = nil
	})
}

// A reload with the limit no_reset leaves the parts where they are; one that goes wrong
// takes them along, as the driver that they are below is down.
func TestPartsGoWithADriverThatIsTornDown(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		c := newCard("a")
		c.caps = ReloadCapabilities{Actions: ActionsOf(ActionDriverReinit, ActionFWActivate), Limits: LimitsOf(LimitNoReset)}
		i := c.start(t, r, "")
		do(t, i, func(l *Locked) error { return l.AddAuxiliary(&part{name: "x", log: c.note}) })
		c.calls()
		for _, break_ := range []func(){
			func() {
				c.down = func(context.Context, *Locked, Reload) error { return TornDown(switchdev.ErrBusy) }
			},
			func() { c.up = failUp },
		} {
			break_()
			if _, err := reloaded(i, ReloadRequest{Action: ActionFWActivate, Limits: LimitsOf(LimitNoReset)}); err == nil {
				t.Fatal("no error")
			}
			calls := c.calls()
			if got := calls[len(calls)-1]; got != "remove x in going-down" && got != "remove x in coming-up" {
				t.Fatal(calls)
			}
			c.down, c.up = nil, nil
			do(t, i, func(l *Locked) error { drop(l, newThing(KindRegion, "reg", 0)); return nil })
			if _, err := reloaded(i, ReloadRequest{}); err != nil {
				t.Fatal(err)
			}
			same(t, c.calls(), []string{`up driver_reinit in "" already=true`, "probe x in coming-up"})
		}
	})
}
