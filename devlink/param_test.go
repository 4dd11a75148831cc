package devlink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

var (
	maxMACs = Key{Name: "max_macs"}
	test1   = Key{Name: "test1"}
)

// dev10 adds the parameters of the kernel's netdevsim.
func dev10(l *Locked) error {
	return errors.Join(
		l.AddParam(ParamConfig{Name: "max_macs", Generic: true, Type: ParamUint32, Modes: ParamDriverInit}),
		l.AddParam(ParamConfig{Name: "test1", Type: ParamBool, Modes: ParamDriverInit}),
		l.SetDriverInit(maxMACs, Uint32Value(32)),
		l.SetDriverInit(test1, BoolValue(true)),
	)
}

func paramOf(t testing.TB, i *Instance, k Key) *ParamInfo {
	t.Helper()
	p, _ := i.reg.Snapshot().Object(i.Namespace(), i.handle, KindParam, k).(*ParamInfo)
	if p == nil {
		t.Fatalf("no param %v", k)
	}
	return p
}

// shown is a parameter as devlink(8) shows it.
func shown(t testing.TB, i *Instance, k Key) (s string) {
	for _, v := range paramOf(t, i, k).Values {
		s += fmt.Sprintf(" %v=%v", v.Mode, v.Value)
		if v.Default.Type() != 0 && v.Default != v.Value {
			s += fmt.Sprintf("(%v)", v.Default)
		}
	}
	return strings.TrimSpace(s)
}

// works says with what the driver works.
func works(t testing.TB, i *Instance, k Key) (v ParamValue) {
	t.Helper()
	do(t, i, func(l *Locked) (err error) {
		v, err = l.DriverInit(k)
		return err
	})
	return v
}

func TestCasesOfParams(t *testing.T) {
	ctx := context.Background()
	both(t, func(t *testing.T, r *Registry) {
		i := driven(t, r, role{}, dev10)
		kernel := subscribe(t, r, SubscribeOptions{CompatKernel: true})
		all := subscribe(t, r, SubscribeOptions{})
		show := func(t *testing.T, macs, test string) {
			t.Helper()
			equalTexts(t, []string{shown(t, i, maxMACs), shown(t, i, test1)}, "driverinit="+macs, "driverinit="+test)
		}
		t.Run("case 11 read", func(t *testing.T) {
			show(t, "32", "true")
			if works(t, i, maxMACs) != Uint32Value(32) || works(t, i, test1) != BoolValue(true) {
				t.Fatal("the driver works with something else")
			}
			p := paramOf(t, i, maxMACs)
			if !p.Generic || p.Type != ParamUint32 || paramOf(t, i, test1).Generic {
				t.Fatalf("%+v", p)
			}
		})
		t.Run("case 12 set", func(t *testing.T) {
			finish(t, i.SubmitSetParam(maxMACs, ParamDriverInit, Uint32Value(16)))
			finish(t, i.SubmitSetParam(test1, ParamDriverInit, BoolValue(false)))
			show(t, "16(32)", "false(true)")
			if works(t, i, maxMACs) != Uint32Value(32) || works(t, i, test1) != BoolValue(true) {
				t.Fatal("the driver works with what waits for a reload")
			}
			want := []string{"changed param netdevsim10 max_macs", "changed param netdevsim10 test1"}
			equalTexts(t, texts(rest(t, kernel)), want...)
			equalTexts(t, texts(rest(t, all)), want...)
			finish(t, i.SubmitSetParam(maxMACs, ParamDriverInit, Uint32Value(16)))
			if list := rest(t, all); len(list) != 0 {
				t.Fatal("the same value is told of:", list)
			}
		})
		t.Run("case 16 undone", func(t *testing.T) {
			undo := i.promoteParams()
			if works(t, i, maxMACs) != Uint32Value(16) {
				t.Fatal("not promoted")
			}
			undo()
			if works(t, i, maxMACs) != Uint32Value(32) || !paramOf(t, i, maxMACs).Values[0].Pending() {
				t.Fatal("the value does not wait again")
			}
			show(t, "16(32)", "false(true)")
			if len(rest(t, kernel)) != 0 || len(rest(t, all)) != 4 {
				t.Fatal("Linux tells nobody, and we mark it so")
			}
		})
		t.Run("case 13 promoted", func(t *testing.T) {
			i.promoteParams()
			show(t, "16(32)", "false(true)")
			if works(t, i, maxMACs) != Uint32Value(16) || works(t, i, test1) != BoolValue(false) {
				t.Fatal("not promoted")
			}
			if list := rest(t, kernel); len(list) != 0 || paramOf(t, i, maxMACs).Values[0].Pending() {
				t.Fatal("told", list)
			}
		})
		t.Run("case 14 wrong type", func(t *testing.T) {
			refused(t, outcome(i.SubmitSetParam(maxMACs, ParamDriverInit, Uint16Value(4))), syscall.EINVAL, "")
			refused(t, outcome(i.SubmitSetParam(test1, ParamDriverInit, ParamValue{})), syscall.EINVAL, "")
			refused(t, outcome(i.SubmitSetParam(Key{Name: "nosuch"}, ParamDriverInit, BoolValue(true))), syscall.EINVAL, "")
			show(t, "16(32)", "false(true)")
		})
		t.Run("case 15 other mode", func(t *testing.T) {
			refused(t, outcome(i.SubmitSetParam(maxMACs, ParamRuntime, Uint32Value(4))), syscall.EOPNOTSUPP, "")
			refused(t, outcome(i.SubmitSetParam(maxMACs, 0, Uint32Value(4))), syscall.EINVAL, "")
			refused(t, outcome(i.SubmitSetParam(maxMACs, ParamDriverInit|ParamRuntime, Uint32Value(4))), syscall.EINVAL, "")
			show(t, "16(32)", "false(true)")
		})
		t.Run("case 17 another namespace", func(t *testing.T) {
			if err := r.AddNamespace("ns2"); err != nil {
				t.Fatal(err)
			}
			finish(t, i.SubmitSetParam(maxMACs, ParamDriverInit, Uint32Value(8)))
			rest(t, kernel)
			there := subscribe(t, r, SubscribeOptions{Namespace: "ns2", CompatKernel: true})
			finish(t, i.SubmitMove("ns2"))
			equalTexts(t, texts(rest(t, kernel)), "deleted param netdevsim10 test1", "deleted param netdevsim10 max_macs", "deleted dev netdevsim10")
			equalTexts(t, texts(rest(t, there)), "added dev netdevsim10@ns2", "added param netdevsim10 max_macs@ns2", "added param netdevsim10 test1@ns2")
			show(t, "8(32)", "false(true)")
			if works(t, i, maxMACs) != Uint32Value(16) {
				t.Fatal("the driver works with something else")
			}
		})
	})
	t.Run("case 14 long string", func(t *testing.T) {
		name := Key{Name: "name"}
		i := driven(t, newRegistry(t, Config{}), role{}, func(l *Locked) error {
			return errors.Join(l.AddParam(ParamConfig{Name: "name", Type: ParamString, Modes: ParamDriverInit}), l.SetDriverInit(name, StringValue("a")))
		})
		refused(t, i.SetParam(ctx, name, ParamDriverInit, StringValue(strings.Repeat("x", 32))), syscall.EINVAL, "too long")
		refused(t, i.SetParam(ctx, name, ParamDriverInit, StringValue("x\x00")), syscall.EINVAL, "zero byte")
		if shown(t, i, name) != "driverinit=a" {
			t.Fatal("changed")
		}
		if err := i.SetParam(ctx, name, ParamDriverInit, StringValue(strings.Repeat("x", 31))); err != nil {
			t.Fatal(err)
		}
	})
}

// device is one with a parameter in two modes that it keeps itself.
type device struct {
	values map[ParamMode]ParamValue
	getErr error
	setErr error
	sets   int
}

func (d *device) config(modes ParamMode) ParamConfig {
	return ParamConfig{Name: "speed", Type: ParamUint8, Modes: modes, ParamOps: ParamOps{
		Get: func(_ context.Context, _ *Locked, m ParamMode) (ParamValue, error) { return d.values[m], d.getErr },
		Set: func(_ context.Context, _ *Locked, m ParamMode, v ParamValue) error {
			d.sets++
			if d.setErr == nil {
				d.values[m] = Uint8Value(min(uint8(v.Uint()), 100)) // as much as it can
			}
			return d.setErr
		},
		GetDefault:   func(context.Context, *Locked, ParamMode) (ParamValue, error) { return Uint8Value(7), nil },
		ResetDefault: func(_ context.Context, _ *Locked, m ParamMode) error { d.values[m] = Uint8Value(7); return nil },
	}, Validate: func(_ context.Context, _ *Locked, v ParamValue) error {
		if v.Uint() == 66 {
			return &switchdev.OpError{Op: "devlink.chip", Object: "netdevsim/netdevsim10", Reason: "66 is bad luck", Err: switchdev.ErrRange}
		}
		return nil
	}}
}

func TestParamsThatTheDeviceKeeps(t *testing.T) {
	ctx := context.Background()
	speed := Key{Name: "speed"}
	r := newRegistry(t, Config{})
	d := &device{values: map[ParamMode]ParamValue{ParamRuntime: Uint8Value(1), ParamPermanent: Uint8Value(2)}}
	i := driven(t, r, role{}, func(l *Locked) error {
		return errors.Join(l.AddParam(d.config(ParamRuntime|ParamPermanent|ParamDriverInit)), l.SetDriverInit(speed, Uint8Value(3)))
	})
	s := subscribe(t, r, SubscribeOptions{})
	step := func(want string, events int, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		equalTexts(t, []string{shown(t, i, speed)}, want)
		if list := rest(t, s); len(list) != events {
			t.Fatal(list)
		}
	}
	step("runtime=1(7) driverinit=3 permanent=2(7)", 0, nil)
	step("runtime=5(7) driverinit=3 permanent=2(7)", 1, i.SetParam(ctx, speed, ParamRuntime, Uint8Value(5)))
	step("runtime=5(7) driverinit=3 permanent=2(7)", 0, i.SetParam(ctx, speed, ParamRuntime, Uint8Value(5)))
	step("runtime=5(7) driverinit=3 permanent=100(7)", 1, i.SetParam(ctx, speed, ParamPermanent, Uint8Value(200)))
	if d.sets != 3 {
		t.Fatal(d.sets)
	}
	step("runtime=7 driverinit=3 permanent=100(7)", 1, i.ResetParam(ctx, speed, ParamRuntime))
	step("runtime=7 driverinit=4(3) permanent=100(7)", 1, i.SetParam(ctx, speed, ParamDriverInit, Uint8Value(4)))
	step("runtime=7 driverinit=3 permanent=100(7)", 1, i.ResetParam(ctx, speed, ParamDriverInit))
	d.values[ParamRuntime] = Uint8Value(9) // by itself
	step("runtime=7 driverinit=3 permanent=100(7)", 0, nil)
	step("runtime=9(7) driverinit=3 permanent=100(7)", 1, i.RefreshParam(ctx, speed))
	d.values[ParamRuntime] = Uint8Value(10)
	do(t, i, func(l *Locked) error { return l.ParamChanged(speed) })
	step("runtime=10(7) driverinit=3 permanent=100(7)", 1, nil)

	refused(t, i.SetParam(ctx, speed, ParamRuntime, Uint8Value(66)), syscall.ERANGE, "66 is bad luck")
	refused(t, i.SetParam(ctx, speed, ParamDriverInit, Uint8Value(66)), syscall.ERANGE, "66 is bad luck")
	d.setErr = syscall.EIO
	refused(t, i.SetParam(ctx, speed, ParamRuntime, Uint8Value(6)), syscall.EIO, "")
	step("runtime=10(7) driverinit=3 permanent=100(7)", 0, nil)

	d.setErr, d.getErr = nil, syscall.EIO // what was set cannot be read: told, and marked
	if err := i.SetParam(ctx, speed, ParamRuntime, Uint8Value(6)); err != nil {
		t.Fatal(err)
	}
	list := rest(t, s)
	if len(list) != 1 || !list[0].Marks.Has(Partial|Silent) || shown(t, i, speed) != "runtime=(7) driverinit=3 permanent=(7)" {
		t.Fatal(list, shown(t, i, speed))
	}
	all := subscribe(t, r, SubscribeOptions{})
	finish(t, i.SubmitUnregister())
	for _, e := range rest(t, all) {
		if _, ok := e.Object.(*ParamInfo); ok && !e.Marks.Has(Partial|Silent) {
			t.Fatal("the end of a parameter without values is told of as if Linux did")
		}
	}
}

// A parameter to which nobody has given a value is there, Linux tells nobody of it.
// A driver's author has nothing but the log.
func TestValueOfAnotherTypeIsLogged(t *testing.T) {
	r := newRegistry(t, Config{})
	var log bytes.Buffer
	r.cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	i := newInstance(t, r, "a")
	do(t, i, func(l *Locked) error {
		return l.AddParam(ParamConfig{Name: "x", Type: ParamUint8, Modes: ParamRuntime, ParamOps: ParamOps{
			Get: func(context.Context, *Locked, ParamMode) (ParamValue, error) { return BoolValue(true), nil },
			Set: func(context.Context, *Locked, ParamMode, ParamValue) error { return nil },
		}})
	})
	if text := log.String(); !strings.Contains(text, "a value of type bool, want u8") {
		t.Fatalf("log %q", text)
	}
}

func TestParamWithoutAValue(t *testing.T) {
	ctx := context.Background()
	r := newRegistry(t, Config{})
	kernel, all := subscribe(t, r, SubscribeOptions{CompatKernel: true}), subscribe(t, r, SubscribeOptions{})
	i := driven(t, r, role{}, func(l *Locked) error {
		return l.AddParam(ParamConfig{Name: "test1", Type: ParamBool, Modes: ParamDriverInit})
	})
	equalTexts(t, texts(rest(t, kernel)), "added dev netdevsim10")
	if list := rest(t, all); len(list) != 2 || list[1].Marks != Partial|Silent {
		t.Fatal(list)
	}
	do(t, i, func(l *Locked) error {
		_, err := l.DriverInit(test1)
		refused(t, err, syscall.EOPNOTSUPP, "it has no value yet")
		return nil
	})
	refused(t, i.ResetParam(ctx, test1, ParamDriverInit), syscall.EOPNOTSUPP, "")
	if err := i.SetParam(ctx, test1, ParamDriverInit, BoolValue(false)); err != nil || shown(t, i, test1) != "driverinit=false" {
		t.Fatal(err)
	}
	i.promoteParams()
	if works(t, i, test1) != BoolValue(false) {
		t.Fatal("the driver does not get what the user has set")
	}
}

// A driver that says something else while it is asked loses nothing; one that says what
// a value cannot be has said nothing.
func TestParamIsReadWhileItChanges(t *testing.T) {
	ctx := context.Background()
	speed, r := Key{Name: "speed"}, newRegistry(t, Config{})
	c, calls, v := (&device{}).config(ParamRuntime|ParamDriverInit), 0, Uint8Value(1)
	c.Get = func(_ context.Context, l *Locked, _ ParamMode) (ParamValue, error) {
		if calls++; calls == 2 {
			return v, l.SetDriverInit(speed, Uint8Value(9))
		}
		return v, nil
	}
	i := driven(t, r, role{}, func(l *Locked) error { return l.AddParam(c) })
	v = Uint8Value(2)
	if err := i.RefreshParam(ctx, speed); err != nil || calls != 3 || shown(t, i, speed) != "runtime=2(7) driverinit=9" {
		t.Fatal(err, calls, shown(t, i, speed))
	}
	v = Uint16Value(2)
	if err := i.RefreshParam(ctx, speed); err != nil || shown(t, i, speed) != "runtime=(7) driverinit=9" {
		t.Fatal(err, shown(t, i, speed))
	}
	s := subscribe(t, r, SubscribeOptions{})
	do(t, i, func(l *Locked) error { c.Name = "speed2"; return l.AddParam(c) })
	if list := rest(t, s); len(list) != 1 || list[0].Marks != Partial|Silent {
		t.Fatal(list)
	}
}

func TestSetDriverInitLeavesWhatWaits(t *testing.T) {
	ctx := context.Background()
	r := newRegistry(t, Config{})
	i := driven(t, r, role{}, dev10)
	s := subscribe(t, r, SubscribeOptions{CompatKernel: true})
	do(t, i, func(l *Locked) error { return l.SetDriverInit(maxMACs, Uint32Value(64)) })
	if shown(t, i, maxMACs) != "driverinit=64" {
		t.Fatal(shown(t, i, maxMACs))
	}
	if err := i.SetParam(ctx, maxMACs, ParamDriverInit, Uint32Value(5)); err != nil {
		t.Fatal(err)
	}
	do(t, i, func(l *Locked) error {
		refused(t, l.SetDriverInit(maxMACs, BoolValue(true)), syscall.EINVAL, "a value of another type")
		refused(t, l.SetDriverInit(Key{Name: "x"}, BoolValue(true)), syscall.EINVAL, "")
		return errors.Join(l.SetDriverInit(maxMACs, Uint32Value(65)), l.SetDriverInit(maxMACs, Uint32Value(65)))
	})
	if shown(t, i, maxMACs) != "driverinit=5(65)" || works(t, i, maxMACs) != Uint32Value(65) {
		t.Fatal(shown(t, i, maxMACs))
	}
	if list := rest(t, s); len(list) != 3 {
		t.Fatal(list)
	}
}

// What Linux only warns of is refused (devlink_param_verify, devlink_param_register).
func TestAddParamRefusesWhatLinuxWarnsOf(t *testing.T) {
	i := driven(t, newRegistry(t, Config{}), role{}, func(l *Locked) error { return errors.Join(dev10(l), l.AddPort(PortInfo{Index: 1})) })
	get := (&device{}).config(ParamRuntime)
	bad := func(change func(c *ParamConfig)) ParamConfig {
		c := get
		change(&c)
		return c
	}
	for _, c := range []struct {
		param ParamConfig
		errno syscall.Errno
		text  string
	}{
		{bad(func(c *ParamConfig) { c.Name = "a b" }), syscall.EINVAL, "bad name"},
		{bad(func(c *ParamConfig) { c.Port = 1 }), syscall.EINVAL, "port without OnPort"},
		{bad(func(c *ParamConfig) { c.Type = 0 }), syscall.EINVAL, "no such type"},
		{bad(func(c *ParamConfig) { c.Modes = 8 }), syscall.EINVAL, "no such mode"},
		{bad(func(c *ParamConfig) { c.Modes = ParamDriverInit }), syscall.EINVAL, "nobody calls Get and Set"},
		{bad(func(c *ParamConfig) { c.Set = nil }), syscall.EINVAL, "Get and Set are needed"},
		{bad(func(c *ParamConfig) { c.Generic = true }), syscall.ENOENT, "no generic parameter has this name"},
		{bad(func(c *ParamConfig) { c.Name = "enable_roce" }), syscall.EEXIST, "a generic parameter has this name"},
		{bad(func(c *ParamConfig) { c.Name, c.Generic = "enable_roce", true }), syscall.EINVAL, "the generic parameter has another type"},
		{bad(func(c *ParamConfig) { c.Port, c.OnPort = 3, true }), syscall.ENOENT, "no such port"},
		{ParamConfig{Name: "test1", Type: ParamBool, Modes: ParamDriverInit}, syscall.EEXIST, ""},
	} {
		do(t, i, func(l *Locked) error { refused(t, l.AddParam(c.param), c.errno, c.text); return nil })
	}
}

func TestParamsOfPorts(t *testing.T) {
	ctx := context.Background()
	r := newRegistry(t, Config{})
	k := Key{Port: 1, OnPort: true, Name: "speed"}
	d := &device{values: map[ParamMode]ParamValue{ParamRuntime: Uint8Value(1)}}
	i := driven(t, r, role{}, func(l *Locked) error {
		c := d.config(ParamRuntime)
		c.Port, c.OnPort = 1, true
		return errors.Join(l.AddPort(PortInfo{Index: 1}), l.AddParam(c), l.AddParam(d.config(ParamRuntime)))
	})
	s := subscribe(t, r, SubscribeOptions{})
	if err := i.SetParam(ctx, k, ParamRuntime, Uint8Value(2)); err != nil || shown(t, i, k) != "runtime=2(7)" {
		t.Fatal(err, shown(t, i, k))
	}
	if shown(t, i, Key{Name: "speed"}) != "runtime=1(7)" {
		t.Fatal("the device's was set with it")
	}
	do(t, i, func(l *Locked) error {
		refused(t, l.RemoveParam(Key{Port: 2, OnPort: true, Name: "speed"}), syscall.ENOENT, "")
		return errors.Join(l.RemoveParam(k), l.RemoveParam(Key{Name: "speed"}))
	})
	list := rest(t, s)
	equalTexts(t, texts(list), "changed param netdevsim10 port 1 speed", "deleted param netdevsim10 port 1 speed", "deleted param netdevsim10 speed")
	if !list[0].Marks.Has(Silent) || list[2].Marks != 0 {
		t.Fatal("Linux has no parameters of ports", list)
	}
}

func TestParamValues(t *testing.T) {
	for _, c := range []struct {
		t    ParamType
		text string
		want ParamValue
	}{
		{ParamUint8, "255", Uint8Value(255)}, {ParamUint16, "0x10", Uint16Value(16)}, {ParamUint32, "4294967295", Uint32Value(1<<32 - 1)},
		{ParamUint64, "18446744073709551615", Uint64Value(1<<64 - 1)}, {ParamBool, "true", BoolValue(true)}, {ParamString, "x y", StringValue("x y")},
	} {
		v, err := ParseParamValue(c.t, c.text)
		if err != nil || v != c.want || v.Type() != c.t {
			t.Error(c, v, err)
		}
		if again, err := ParseParamValue(c.t, v.String()); err != nil || again != v {
			t.Error(v, again, err)
		}
	}
	for _, c := range []struct {
		t    ParamType
		text string
	}{{ParamUint8, "256"}, {ParamUint16, "65536"}, {ParamUint32, "-1"}, {ParamBool, "1"}, {ParamString, strings.Repeat("x", 32)}, {0, "x"}, {ParamBool + 1, "x"}} {
		if _, err := ParseParamValue(c.t, c.text); !errors.Is(err, switchdev.ErrInvalid) {
			t.Error(c, err)
		}
	}
	if v := StringValue("x"); v.Uint() != 0 || v.Bool() || v.Text() != "x" || BoolValue(true).Uint() != 0 || Uint8Value(1).Bool() {
		t.Error("values are read as what they are not")
	}
}
