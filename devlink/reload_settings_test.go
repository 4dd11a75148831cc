package devlink

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
)

// restarter is a simulator that is reloaded as the kernel's netdevsim is: a port and what
// it works with are made anew.
type restarter struct {
	simulator
	macs  uint64
	test1 bool
	fail  error // of ReloadUp
}

func (d *restarter) Reloads() ReloadCapabilities {
	return ReloadCapabilities{Actions: ActionsOf(ActionDriverReinit)}
}

func (d *restarter) ReloadDown(_ context.Context, l *Locked, _ Reload) error {
	return errors.Join(l.SetPortType(0, PortNotSet), l.RemovePort(0))
}

func (d *restarter) ReloadUp(_ context.Context, l *Locked, _ Reload) (ReloadActions, error) {
	if err := d.up(l); err != nil {
		return 0, err
	}
	return ActionsOf(ActionDriverReinit), d.fail
}

func (d *restarter) up(l *Locked) error {
	macs, err1 := l.DriverInit(maxMACs)
	test, err2 := l.DriverInit(test1)
	d.macs, d.test1 = macs.Uint(), test.Bool()
	if err := errors.Join(err1, err2, d.ask(l)); err != nil {
		return err
	}
	err := l.AddPort(PortInfo{Index: 0, Number: 1, Flavour: FlavourPhysical})
	return errors.Join(err, l.SetPortNetdev(0, "eth0", 1))
}

// The same cases as of parameters and resources, with a driver that is reloaded.
func TestCasesOfSettingsOverReloads(t *testing.T) {
	ctx := context.Background()
	begin := func(t *testing.T) (*Registry, *Instance, *restarter) {
		r, d := newRegistry(t, Config{}), &restarter{}
		return r, driven(t, r, d, func(l *Locked) error { return errors.Join(dev10(l), d.build(l), d.up(l)) }), d
	}
	works := func(t *testing.T, d *restarter, want string) {
		t.Helper()
		if got := fmt.Sprint(d.macs, d.test1, int64(d.limit[fib4])); got != want {
			t.Fatalf("the driver works with %s, want %s", got, want)
		}
	}
	set := func(t *testing.T, i *Instance) {
		t.Helper()
		err := errors.Join(i.SetParam(ctx, maxMACs, ParamDriverInit, Uint32Value(16)),
			i.SetParam(ctx, test1, ParamDriverInit, BoolValue(false)), i.SetResource(ctx, resource(fib4), 4))
		if err != nil {
			t.Fatal(err)
		}
	}
	reload := func(i *Instance, to ...string) error {
		_, err := i.Reload(ctx, ReloadRequest{To: to})
		return err
	}
	t.Run("case 11 12 13 52", func(t *testing.T) {
		r, i, d := begin(t)
		works(t, d, "32 true -1")
		set(t, i)
		works(t, d, "32 true -1")
		s := subscribe(t, r, SubscribeOptions{CompatKernel: true, Filter: Filter{Kinds: KindsOf(KindParam, KindResource, KindPort)}})
		if err := reload(i); err != nil {
			t.Fatal(err)
		}
		works(t, d, "16 false 4")
		equalTexts(t, []string{shown(t, i, maxMACs), shown(t, i, test1), resources(i)[1]}, "driverinit=16(32)", "driverinit=false(true)", "fib 4 occ 0")
		list := rest(t, s)
		equalTexts(t, portTexts(list), "port-new 0 notset physical", "port-del 0 notset physical", "port-new 0 notset physical", "port-new 0 eth physical eth0")
		if len(list) != 4 {
			t.Fatal("Linux tells of ports only", list)
		}
	})
	t.Run("case 16 54 a reload that fails leaves it waiting", func(t *testing.T) {
		_, i, d := begin(t)
		set(t, i)
		d.occ[fib4].Store(20)
		mustBe(t, reload(i), syscall.EPERM)
		if i.State() != Failed || resourceOf(t, i, resource(fib4)).SizeNew != 4 {
			t.Fatal(i.State())
		}
		if p := paramOf(t, i, maxMACs).Values[0]; p.Value != Uint32Value(16) || p.Current != Uint32Value(32) {
			t.Fatalf("%+v", p)
		}
		if r := resourceOf(t, i, resource(fib4)); r.Size != Unlimited {
			t.Fatalf("%+v", r)
		}
		mustBe(t, i.SplitPort(ctx, 0, 2), ErrReloadFailed)
		do(t, i, func(l *Locked) error { mustBe(t, l.AddPort(PortInfo{Index: 3}), ErrReloadFailed); return nil })
		if err := i.SetResource(ctx, resource(fib4), 100); err != nil {
			t.Fatal(err)
		}
		if err := i.SetParam(ctx, maxMACs, ParamDriverInit, Uint32Value(17)); err != nil {
			t.Fatal(err)
		}
		if err := reload(i); err != nil {
			t.Fatal(err)
		}
		works(t, d, "17 false 100")
	})
	t.Run("case 17 another namespace", func(t *testing.T) {
		r, i, d := begin(t)
		if err := r.AddNamespace("ns2"); err != nil {
			t.Fatal(err)
		}
		set(t, i)
		s := subscribe(t, r, SubscribeOptions{AllNamespaces: true, CompatKernel: true, Filter: Filter{Kinds: KindsOf(KindParam)}})
		if err := reload(i, "ns2"); err != nil {
			t.Fatal(err)
		}
		works(t, d, "16 false 4")
		equalTexts(t, []string{shown(t, i, maxMACs), shown(t, i, test1)}, "driverinit=16(32)", "driverinit=false(true)")
		equalTexts(t, texts(rest(t, s)), "deleted param netdevsim10 test1", "deleted param netdevsim10 max_macs",
			"added param netdevsim10 max_macs@ns2", "added param netdevsim10 test1@ns2")
	})
	t.Run("case 57 parts that do not fit", func(t *testing.T) {
		r, i, d := begin(t)
		for _, c := range []struct{ id, size uint64 }{{ipv4, 100}, {fib4, 60}, {rules4, 60}} {
			if err := i.SetResource(ctx, resource(c.id), c.size); err != nil {
				t.Fatal(err)
			}
		}
		s := subscribe(t, r, SubscribeOptions{})
		refused(t, reload(i), syscall.EINVAL, "resources size validation failed")
		if list := rest(t, s); len(list) != 0 {
			t.Fatal(list)
		}
		if err := errors.Join(i.SetResource(ctx, resource(fib4), 40), reload(i)); err != nil {
			t.Fatal(err)
		}
		works(t, d, "32 true 40")
	})
}
