package devlink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// role is a driver that is made of roles.
type role struct{ switchdev.Driver }

func (role) Name() string { return "chip" }
func (role) Close() error { return nil }

// driven is a registered instance of a driver, with what objects build adds.
func driven(t testing.TB, r *Registry, d switchdev.Driver, build func(l *Locked) error) *Instance {
	t.Helper()
	i, err := r.NewInstance(InstanceConfig{Handle: Handle{"netdevsim", "netdevsim10"}, Driver: d})
	if err != nil {
		t.Fatal(err)
	}
	if build != nil {
		do(t, i, build)
	}
	finish(t, i.SubmitRegister())
	return i
}

// refused checks that an error has an errno and, exactly, a text.
func refused(t testing.TB, err error, errno syscall.Errno, text string) {
	t.Helper()
	var oe *switchdev.OpError
	if !errors.As(err, &oe) || !errors.Is(err, errno) || oe.Reason != text {
		t.Fatalf("error %v, want %v with the text %q", err, errno, text)
	}
	if !strings.HasPrefix(oe.Op, "devlink.") || !strings.HasPrefix(oe.Object, "netdevsim/netdevsim10") {
		t.Fatalf("error is about %q, %q", oe.Op, oe.Object)
	}
}

func portOf(t testing.TB, i *Instance, index uint32) *PortInfo {
	t.Helper()
	p, _ := i.reg.Snapshot().Object("", i.handle, KindPort, Key{Port: index, OnPort: true}).(*PortInfo)
	if p == nil {
		t.Fatalf("no port %d", index)
	}
	return p
}

// portTexts are events of ports in the words of a recording.
func portTexts(list []Event) (s []string) {
	for _, e := range list {
		p, ok := e.Object.(*PortInfo)
		if !ok {
			continue
		}
		word := "port-new"
		if e.Verb == Deleted {
			word = "port-del"
		}
		s = append(s, strings.TrimSpace(fmt.Sprintf("%s %d %v %v %s%s", word, p.Index, p.Type, p.Flavour, p.Netdev, p.IBDev())))
	}
	return s
}

func equalTexts(t testing.TB, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The words are those of the recording of ports that come and go one by one.
func TestPortsComeAndGoAsInLinux(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		physical := func(index uint32) PortInfo {
			return PortInfo{Index: index, Flavour: FlavourPhysical, Number: index + 1}
		}
		i := driven(t, r, nil, func(l *Locked) error {
			if err := l.AddPort(physical(0)); err != nil {
				return err
			}
			return l.SetPortNetdev(0, "eth0", 7)
		})
		s := subscribe(t, r, SubscribeOptions{CompatKernel: true})
		do(t, i, func(l *Locked) error {
			return errors.Join(l.AddPort(physical(5)), l.SetPortNetdev(5, "eth1", 8))
		})
		equalTexts(t, portTexts(rest(t, s)), "port-new 5 notset physical", "port-new 5 eth physical eth1")
		do(t, i, func(l *Locked) error {
			return errors.Join(l.SetPortType(0, PortNotSet), l.RemovePort(0))
		})
		equalTexts(t, portTexts(rest(t, s)), "port-new 0 notset physical", "port-del 0 notset physical")
		p := portOf(t, i, 5)
		if p.Number != 6 || p.NetdevIndex != 8 || p.Splittable || p.Lanes != 0 {
			t.Fatalf("%+v", p)
		}
	})
}

func TestPortsAreInTheOrderOfTheirIndexes(t *testing.T) {
	r := newRegistry(t, Config{})
	i := driven(t, r, nil, func(l *Locked) error {
		for _, index := range []uint32{5, 1, 9, 3} {
			if err := l.AddPort(PortInfo{Index: index}); err != nil {
				return err
			}
		}
		return nil
	})
	var list []uint32
	for o := range r.Snapshot().Objects("", i.handle) {
		if p, ok := o.(*PortInfo); ok {
			list = append(list, p.Index)
		}
	}
	if !slices.Equal(list, []uint32{1, 3, 5, 9}) {
		t.Fatal(list)
	}
}

func TestAddPortRefusesWhatContradictsItself(t *testing.T) {
	r := newRegistry(t, Config{})
	i := driven(t, r, nil, nil)
	s := subscribe(t, r, SubscribeOptions{})
	for _, p := range []PortInfo{
		{Type: PortIB + 1},
		{DesiredType: PortIB + 1},
		{Flavour: FlavourUnused + 1},
		{Flavour: FlavourPCISF},
		{Flavour: FlavourPhysical, PCI: &PCIFunction{}},
		{Split: true, Splittable: true},
		{Netdev: "eth0"},
		{Type: PortEth, Extra: &PortExtra{IBDev: "mlx5_0"}},
		{Extra: &PortExtra{SwitchID: strings.Repeat("x", 33)}},
		{Function: &PortFunction{HWAddr: HWAddr(strings.Repeat("x", 33))}},
		{Function: &PortFunction{State: FunctionActive + 1}},
		{Function: &PortFunction{Caps: FunctionRoCE}},
		{Function: &PortFunction{MaxIOEQs: 1}},
	} {
		do(t, i, func(l *Locked) error {
			mustBe(t, l.AddPort(p), syscall.EINVAL)
			return nil
		})
	}
	if list := rest(t, s); len(list) != 0 {
		t.Fatal(list)
	}
}

// Linux: xa_insert answers EBUSY for an index in use, and lookups ENODEV for one that
// is not.
func TestPortIndexesAreUnique(t *testing.T) {
	r := newRegistry(t, Config{})
	i := driven(t, r, nil, func(l *Locked) error { return l.AddPort(PortInfo{Index: 1}) })
	s := subscribe(t, r, SubscribeOptions{})
	do(t, i, func(l *Locked) error {
		refused(t, l.AddPort(PortInfo{Index: 1, Number: 3}), syscall.EBUSY, "port index in use")
		refused(t, l.RemovePort(2), syscall.ENODEV, "")
		refused(t, l.UpdatePort(2, func(*PortInfo) {}), syscall.ENODEV, "")
		refused(t, l.SetPortType(2, PortEth), syscall.ENODEV, "")
		_, err := l.Port(2)
		refused(t, err, syscall.ENODEV, "")
		return nil
	})
	if list := rest(t, s); len(list) != 0 || portOf(t, i, 1).Number != 0 {
		t.Fatal(list)
	}
}

func TestUpdatePortOwnsWhatItGets(t *testing.T) {
	r := newRegistry(t, Config{})
	mine := PortInfo{Index: 1, Type: PortEth, Netdev: "eth0", Flavour: FlavourPCISF, PCI: &PCIFunction{SF: 4},
		Function: &PortFunction{State: FunctionInactive}}
	i := driven(t, r, nil, func(l *Locked) error { return l.AddPort(mine) })
	mine.PCI.SF, mine.Function.State = 5, FunctionActive
	was := portOf(t, i, 1)
	if was.PCI.SF != 4 || was.Function.State != FunctionInactive {
		t.Fatal("the port shares memory with its driver")
	}
	s := subscribe(t, r, SubscribeOptions{})
	var kept *PortInfo
	do(t, i, func(l *Locked) error {
		return errors.Join(
			l.UpdatePort(1, func(p *PortInfo) { kept = p; p.Function.OpState = FunctionAttached; p.Index = 77 }),
			l.UpdatePort(1, func(p *PortInfo) { p.Function.OpState = FunctionAttached }), // nothing new
		)
	})
	kept.Function.OpState = 0
	list := rest(t, s)
	if len(list) != 1 || list[0].Verb != Changed || list[0].Object != Object(portOf(t, i, 1)) {
		t.Fatal(list)
	}
	if p := portOf(t, i, 1); p.Function.OpState != FunctionAttached || was.Function.OpState != 0 {
		t.Fatal("the port shares memory with its driver")
	}
	do(t, i, func(l *Locked) error {
		refused(t, l.UpdatePort(1, func(p *PortInfo) { p.PCI = nil }), syscall.EINVAL, "PCI goes with the flavours of functions")
		return nil
	})
}

// Who hears of network devices does not have the instance, and may be late: what it
// sets is for the port that it knows, and not for one of the same index.
func TestPortIsSetFromAnywhereAndStaleOnesAreNot(t *testing.T) {
	r := newRegistry(t, Config{})
	var p Port
	i := driven(t, r, nil, func(l *Locked) (err error) {
		if err = l.AddPort(PortInfo{Index: 3}); err == nil {
			p, err = l.Port(3)
		}
		return err
	})
	s := subscribe(t, r, SubscribeOptions{})
	in, out := make(chan bool), make(chan bool)
	k := i.SubmitDo(func(context.Context, *Locked) error { close(in); <-out; return nil })
	<-in
	if err := errors.Join(p.SetNetdev("eth0", 4), p.SetNetdev("eth0", 4), p.SetIBDev("mlx5_0"), p.SetType(PortAuto), p.SetType(PortAuto)); err != nil {
		t.Fatal(err)
	}
	equalTexts(t, portTexts(rest(t, s)), "port-new 3 eth none eth0", "port-new 3 ib none mlx5_0", "port-new 3 auto none")
	if now := portOf(t, i, 3); now.NetdevIndex != 0 || now.Extra != nil {
		t.Fatalf("%+v", now)
	}
	refused(t, p.SetType(PortIB+1), syscall.EINVAL, "no such type")
	close(out)
	finish(t, k)
	do(t, i, func(l *Locked) error {
		return errors.Join(l.RemovePort(3), l.AddPort(PortInfo{Index: 3}))
	})
	rest(t, s)
	refused(t, p.SetNetdev("eth0", 4), syscall.ENODEV, "")
	mustBe(t, Port{}.SetType(PortEth), switchdev.ErrNoDevice)
	if list := rest(t, s); len(list) != 0 || portOf(t, i, 3).Type != PortNotSet {
		t.Fatal(list)
	}
	if p.String() != "netdevsim/netdevsim10/3" || p.Index() != 3 || (Port{}).String() != "" {
		t.Fatal(p)
	}
}

func TestPortTokenDiesWithItsCallback(t *testing.T) {
	r := newRegistry(t, Config{})
	var kept *Locked
	i := driven(t, r, nil, func(l *Locked) error {
		kept = l
		return l.AddPort(PortInfo{Index: 1})
	})
	for _, err := range []error{
		kept.AddPort(PortInfo{Index: 2}), kept.RemovePort(1), kept.UpdatePort(1, func(p *PortInfo) { p.Lanes = 2 }),
		kept.SetPortType(1, PortEth), kept.SetPortNetdev(1, "eth0", 1), kept.SetPortIBDev(1, "x"),
	} {
		mustBe(t, err, switchdev.ErrClosed)
	}
	if p := portOf(t, i, 1); p.Type != PortNotSet || p.Lanes != 0 {
		t.Fatal(p)
	}
}

// A change of a port and a set from elsewhere meet: neither is lost.
func TestUpdatePortMeetsSetNetdev(t *testing.T) {
	r := newRegistry(t, Config{})
	i := driven(t, r, nil, func(l *Locked) error { return l.AddPort(PortInfo{Index: 1}) })
	do(t, i, func(l *Locked) error {
		p, _ := l.Port(1)
		calls := 0
		err := l.UpdatePort(1, func(n *PortInfo) {
			if calls++; calls == 1 {
				if err := p.SetNetdev("eth9", 9); err != nil {
					t.Error(err)
				}
			}
			n.Lanes = 8
		})
		if calls != 2 {
			t.Error(calls)
		}
		return err
	})
	if p := portOf(t, i, 1); p.Lanes != 8 || p.Netdev != "eth9" {
		t.Fatalf("%+v", p)
	}
}

// What belongs to a port goes before it, whatever the driver forgot (Q2, Q3).
func TestRemovePortTakesWhatBelongsToIt(t *testing.T) {
	var log bytes.Buffer
	r := newRegistry(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	i := driven(t, r, nil, func(l *Locked) error {
		return errors.Join(l.AddPort(PortInfo{Index: 1}), l.AddPort(PortInfo{Index: 2}),
			put(l, onPort(KindRegion, 1, "cr")), put(l, onPort(KindReporter, 1, "tx")), put(l, onPort(KindReporter, 1, "rx")), put(l, onPort(KindReporter, 2, "tx")),
			put(l, newThing(KindReporter, "fw", 1)))
	})
	s := subscribe(t, r, SubscribeOptions{})
	do(t, i, func(l *Locked) error { return l.RemovePort(1) })
	list := rest(t, s)
	equalTexts(t, texts(list), "deleted health-reporter netdevsim10 port 1 rx",
		"deleted health-reporter netdevsim10 port 1 tx", "deleted region netdevsim10 port 1 cr",
		"deleted port netdevsim10 port 1")
	if !list[0].Marks.Has(Leaked|Silent) || !list[2].Marks.Has(Leaked|Silent) || list[3].Marks != 0 {
		t.Fatal(list)
	}
	if n := strings.Count(log.String(), "left something of it behind"); n != 3 {
		t.Fatal(log.String())
	}
}

// What is nested in a port is the instance's to say, whatever the driver makes of it.
func TestUpdatePortKeepsWhatIsNested(t *testing.T) {
	r := newRegistry(t, Config{})
	child := newInstance(t, r, "sf1")
	i := driven(t, r, nil, func(l *Locked) error {
		lie := &PortFunction{Nested: &NestedIn{Handle: Handle{"a", "b"}}}
		return errors.Join(l.AddPort(PortInfo{Index: 1, Function: lie}), l.NestInPort(1, child))
	})
	if portOf(t, i, 1).Function.Nested != nil {
		t.Fatal("a driver says what is nested")
	}
	finish(t, child.SubmitRegister())
	for _, f := range []*PortFunction{nil, {}, {Nested: &NestedIn{Handle: Handle{"a", "b"}}, State: FunctionActive}} {
		do(t, i, func(l *Locked) error { return l.UpdatePort(1, func(p *PortInfo) { p.Function = f }) })
		if n := portOf(t, i, 1).Function.Nested; n == nil || n.Device != "sf1" {
			t.Fatal(n)
		}
	}
	finish(t, child.SubmitUnregister())
	if f := portOf(t, i, 1).Function; f.Nested != nil || f.State != FunctionActive {
		t.Fatal(f)
	}
}
