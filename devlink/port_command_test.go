package devlink

import (
	"context"
	"errors"
	"syscall"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// splitter is a switch whose ports can be split: port n is number n+1, its parts are
// at 100*(n+1) and after.
type splitter struct {
	role
	lanes map[uint32]uint32 // of ports that were split, by number
}

func (s *splitter) SplitPort(_ context.Context, l *Locked, port, count uint32) error {
	number := port + 1
	s.lanes[number] = 4
	if err := l.RemovePort(port); err != nil {
		return err
	}
	for k := range count {
		err := l.AddPort(PortInfo{Index: 100*number + k, Number: number, Flavour: FlavourPhysical, Lanes: 4 / count, Split: true, Subport: k})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *splitter) UnsplitPort(_ context.Context, l *Locked, port uint32) error {
	number := port / 100
	lanes, ok := s.lanes[number]
	if !ok {
		return &switchdev.OpError{Op: "chip", Reason: "Port was not split", Err: switchdev.ErrInvalid}
	}
	delete(s.lanes, number)
	for k := range lanes {
		if err := l.RemovePort(100*number + k); err != nil && !errors.Is(err, switchdev.ErrNoDevice) {
			return err
		}
	}
	return l.AddPort(PortInfo{Index: number - 1, Number: number, Flavour: FlavourPhysical, Lanes: lanes, Splittable: true})
}

func TestCasesOfSplitting(t *testing.T) {
	ctx := context.Background()
	t.Run("case 86 split and unsplit", func(t *testing.T) {
		r := newRegistry(t, Config{})
		whole := PortInfo{Index: 0, Number: 1, Flavour: FlavourPhysical, Lanes: 4, Splittable: true}
		i := driven(t, r, &splitter{lanes: map[uint32]uint32{}}, func(l *Locked) error {
			return errors.Join(l.AddPort(whole), l.AddPort(PortInfo{Index: 1, Number: 2, Flavour: FlavourPhysical, Lanes: 4}))
		})
		for _, count := range []uint32{2, 4} {
			s := subscribe(t, r, SubscribeOptions{})
			if err := i.SplitPort(ctx, 0, count); err != nil {
				t.Fatal(err)
			}
			list := rest(t, s)
			if len(list) != 1+int(count) || list[0].Verb != Deleted || list[0].Object.Key().Port != 0 {
				t.Fatal(list)
			}
			for k := range count {
				p := portOf(t, i, 100+k)
				group, ok := p.SplitGroup()
				if p.Lanes != 4/count || p.Subport != k || !ok || group != 1 || list[1+k].Object != Object(p) {
					t.Fatalf("%+v", p)
				}
			}
			refused(t, i.SplitPort(ctx, 100, 2), syscall.EINVAL, "Port cannot be split further")
			if err := i.UnsplitPort(ctx, 101); err != nil {
				t.Fatal(err)
			}
			if p := portOf(t, i, 0); !p.Splittable || p.Lanes != 4 {
				t.Fatalf("%+v", p)
			}
		}
		s := subscribe(t, r, SubscribeOptions{})
		refused(t, i.SplitPort(ctx, 1, 2), syscall.EINVAL, "Port cannot be split")
		for _, count := range []uint32{0, 1, 3, 8, 1 << 31} {
			refused(t, i.SplitPort(ctx, 0, count), syscall.EINVAL, "Invalid split count")
		}
		refused(t, i.SplitPort(ctx, 7, 2), syscall.ENODEV, "")
		mustBe(t, i.UnsplitPort(ctx, 1), syscall.EINVAL) // the driver's
		if list := rest(t, s); len(list) != 0 {
			t.Fatal(list)
		}
	})
	t.Run("without the role", func(t *testing.T) {
		i := driven(t, newRegistry(t, Config{}), role{}, func(l *Locked) error {
			return errors.Join(l.AddPort(PortInfo{Index: 1}),
				l.AddPortOps(PortInfo{Index: 2, Lanes: 4, Splittable: true}, &splitter{lanes: map[uint32]uint32{}}))
		})
		refused(t, i.SplitPort(ctx, 1, 2), syscall.EOPNOTSUPP, "")
		refused(t, i.UnsplitPort(ctx, 1), syscall.EOPNOTSUPP, "")
		refused(t, i.SplitPort(ctx, 2, 3), syscall.EINVAL, "Invalid split count") // it has the role by itself
	})
}

// An instance that nobody can see has no commands, and one whose reload failed none that
// reach its driver.
func TestPortCommandsNeedARegisteredInstance(t *testing.T) {
	ctx := context.Background()
	r := newRegistry(t, Config{})
	i := driven(t, r, &splitter{}, func(l *Locked) error { return l.AddPort(PortInfo{Index: 1, Splittable: true, Lanes: 2}) })
	commands := map[string]func() error{
		"split":    func() error { return i.SplitPort(ctx, 1, 2) },
		"unsplit":  func() error { return i.UnsplitPort(ctx, 1) },
		"type":     func() error { return i.ChangePortType(ctx, 1, PortEth) },
		"function": func() error { return i.SetPortFunction(ctx, 1, FunctionChange{State: FunctionActive}) },
		"new":      func() error { _, err := i.NewPort(ctx, PortRequest{}); return err },
		"del":      func() error { return i.DeletePort(ctx, 1) },
	}
	fail := func(to State) {
		i.mu.Lock()
		i.state = to
		i.mu.Unlock()
	}
	fail(Failed)
	for name, f := range commands {
		if err := f(); !errors.Is(err, ErrReloadFailed) || !errors.Is(err, syscall.EBUSY) {
			t.Errorf("%s: %v", name, err)
		}
	}
	do(t, i, func(l *Locked) error {
		mustBe(t, l.AddPort(PortInfo{Index: 2}), ErrReloadFailed)
		return l.RemovePort(1)
	})
	fail(Registered)
	finish(t, i.SubmitUnregister())
	for name, f := range commands {
		if err := f(); !errors.Is(err, syscall.ENODEV) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// stubborn is a driver that adds ports whatever became of a reload.
type stubborn struct{ role }

func (stubborn) WorksFailed(command string) bool { return command == "devlink.port.add" }

func TestAddPortAfterAFailedReloadIsTheDriversToAllow(t *testing.T) {
	i := driven(t, newRegistry(t, Config{}), stubborn{}, nil)
	i.mu.Lock()
	i.state = Failed
	i.mu.Unlock()
	do(t, i, func(l *Locked) error { return l.AddPort(PortInfo{Index: 1}) })
	mustBe(t, i.SplitPort(context.Background(), 1, 2), ErrReloadFailed)
}

// typer is a device whose ports can be eth and ib.
type typer struct {
	role
	calls []PortType
	err   error
	now   bool
}

func (d *typer) ChangePortType(_ context.Context, l *Locked, port uint32, t PortType) error {
	d.calls = append(d.calls, t)
	if d.err == nil && d.now {
		return l.SetPortType(port, t)
	}
	return d.err
}

func TestChangePortTypeIsAWishAndADriversDeed(t *testing.T) {
	ctx := context.Background()
	r := newRegistry(t, Config{})
	d := &typer{}
	i := driven(t, r, d, func(l *Locked) error {
		return errors.Join(l.AddPort(PortInfo{Index: 1, Type: PortEth}), l.AddPortOps(PortInfo{Index: 2}, role{}))
	})
	s := subscribe(t, r, SubscribeOptions{})
	if err := i.ChangePortType(ctx, 1, PortIB); err != nil {
		t.Fatal(err)
	}
	if p := portOf(t, i, 1); p.Type != PortEth || p.DesiredType != PortIB || len(rest(t, s)) != 1 {
		t.Fatalf("%+v", p)
	}
	if err := i.ChangePortType(ctx, 1, PortEth); err != nil || len(d.calls) != 1 || len(rest(t, s)) != 0 {
		t.Fatal("to what it is it is set by doing nothing", err, d.calls)
	}
	d.now = true
	if err := i.ChangePortType(ctx, 1, PortIB); err != nil || portOf(t, i, 1).Type != PortIB {
		t.Fatal(err)
	}
	equalTexts(t, portTexts(rest(t, s)), "port-new 1 ib none")
	for _, none := range []PortType{PortNotSet, PortIB + 1} {
		refused(t, i.ChangePortType(ctx, 1, none), syscall.EINVAL, "")
	}
	d.err = syscall.EIO
	refused(t, i.ChangePortType(ctx, 1, PortAuto), syscall.EIO, "")
	refused(t, i.ChangePortType(ctx, 2, PortAuto), syscall.EOPNOTSUPP, "")
	if list := rest(t, s); len(list) != 0 || portOf(t, i, 1).DesiredType != PortIB {
		t.Fatal(list)
	}
}

// functions is a device with all roles of functions.
type functions struct {
	role
	can  FunctionCaps
	log  []string
	fail string // what is refused
	boom string // what panics
}

func (d *functions) did(what string) error {
	if what == d.fail {
		return &switchdev.OpError{Op: "chip", Reason: "firmware says no", Err: switchdev.ErrNoSpace}
	}
	if what == d.boom {
		panic(what)
	}
	d.log = append(d.log, what)
	return nil
}

func (d *functions) FunctionCaps(uint32) FunctionCaps { return d.can }

func (d *functions) SetFunctionAddr(_ context.Context, _ *Locked, _ uint32, a HWAddr) error {
	return d.did("addr " + a.String())
}

func (d *functions) SetFunctionCap(_ context.Context, _ *Locked, _ uint32, c FunctionCaps, on bool) error {
	if !on {
		return d.did("no " + c.String())
	}
	return d.did(c.String())
}

func (d *functions) SetFunctionMaxIOEQs(_ context.Context, _ *Locked, _, _ uint32) error {
	return d.did("eqs")
}

func (d *functions) SetFunctionState(_ context.Context, l *Locked, port uint32, s FunctionState) error {
	if err := d.did(s.String()); err != nil {
		return err
	}
	return l.UpdatePort(port, func(p *PortInfo) { p.Function = &PortFunction{OpState: FunctionAttached} })
}

func TestSetPortFunctionSetsStateLastAndShowsIt(t *testing.T) {
	ctx := context.Background()
	r := newRegistry(t, Config{})
	d := &functions{can: functionCaps}
	i := driven(t, r, d, func(l *Locked) error {
		return l.AddPort(PortInfo{Index: 1, Type: PortEth, Flavour: FlavourPCIVF, PCI: &PCIFunction{VF: 2}})
	})
	mac := HWAddrOf(switchdev.MAC{2, 0, 0, 0, 0, 9})
	err := i.SetPortFunction(ctx, 1, FunctionChange{
		State: FunctionActive, HWAddr: mac, MaxIOEQs: new(uint32(5)),
		Change: FunctionRoCE | FunctionMigratable | FunctionIPsecPacket, Caps: FunctionMigratable | FunctionIPsecCrypto,
	})
	if err != nil {
		t.Fatal(err)
	}
	equalTexts(t, d.log, "addr 02:00:00:00:00:09", "no roce", "migratable", "no ipsec_packet", "eqs", "active")
	want := PortFunction{HWAddr: mac, State: FunctionActive, OpState: FunctionAttached, Caps: FunctionMigratable,
		Known: FunctionRoCE | FunctionMigratable | FunctionIPsecPacket, HasMaxIOEQs: true, MaxIOEQs: 5}
	if f := portOf(t, i, 1).Function; *f != want {
		t.Fatalf("%+v", f)
	}
	if err := i.SetPortFunction(ctx, 1, FunctionChange{Change: FunctionMigratable}); err != nil {
		t.Fatal(err)
	}
	if f := portOf(t, i, 1).Function; f.Caps != 0 || f.Known != want.Known {
		t.Fatalf("%+v", f)
	}
	d.fail = "active"
	s := subscribe(t, r, SubscribeOptions{})
	mac = HWAddrOf(switchdev.MAC{2, 0, 0, 0, 0, 10})
	err = i.SetPortFunction(ctx, 1, FunctionChange{HWAddr: mac, State: FunctionActive})
	mustBe(t, err, switchdev.ErrNoSpace)
	if list := rest(t, s); portOf(t, i, 1).Function.HWAddr != mac || len(list) == 0 {
		t.Fatal("what the driver has set is not shown", list)
	}
	d.fail, d.boom = "", "eqs"
	mac = HWAddrOf(switchdev.MAC{2, 0, 0, 0, 0, 11})
	var p *PanicError
	if err = i.SetPortFunction(ctx, 1, FunctionChange{HWAddr: mac, MaxIOEQs: new(uint32(6))}); !errors.As(err, &p) {
		t.Fatal(err)
	}
	if f := portOf(t, i, 1).Function; f.HWAddr != mac || f.MaxIOEQs != 5 {
		t.Fatalf("%+v", f)
	}
}

func TestSetPortFunctionChecksAllBeforeItSetsAnything(t *testing.T) {
	ctx := context.Background()
	none, some := role{}, &functions{can: FunctionIPsecPacket | FunctionRoCE}
	i := driven(t, newRegistry(t, Config{}), none, func(l *Locked) error {
		sf := PortInfo{Type: PortEth, Flavour: FlavourPCISF, PCI: &PCIFunction{SF: 1}, Index: 2}
		ib := PortInfo{Type: PortIB, Flavour: FlavourPCIVF, PCI: &PCIFunction{}, Index: 3}
		return errors.Join(l.AddPort(PortInfo{Index: 1}), l.AddPortOps(sf, some), l.AddPortOps(ib, some))
	})
	mac := HWAddrOf(switchdev.MAC{2})
	for _, c := range []struct {
		port   uint32
		change FunctionChange
		errno  syscall.Errno
		text   string
	}{
		{9, FunctionChange{}, syscall.ENODEV, ""},
		{1, FunctionChange{HWAddr: mac, State: 1}, syscall.EOPNOTSUPP, "Port doesn't support function attributes"},
		{1, FunctionChange{State: FunctionActive, Change: FunctionRoCE}, syscall.EOPNOTSUPP, "Function does not support state setting"},
		{1, FunctionChange{Change: FunctionRoCE}, syscall.EOPNOTSUPP, "Port doesn't support RoCE function attribute"},
		{1, FunctionChange{MaxIOEQs: new(uint32(1))}, syscall.EOPNOTSUPP, "Function does not support max_io_eqs setting"},
		{3, FunctionChange{Change: FunctionMigratable}, syscall.EOPNOTSUPP, "Port doesn't support migratable function attribute"},
		{3, FunctionChange{Change: FunctionIPsecCrypto}, syscall.EOPNOTSUPP, "Port doesn't support ipsec_crypto function attribute"},
		{2, FunctionChange{Change: FunctionIPsecPacket}, syscall.EOPNOTSUPP, "ipsec_packet function attribute supported for VFs only"},
		{2, FunctionChange{State: FunctionActive, HWAddr: "12345"}, syscall.EINVAL, "Address must be 6 bytes for Ethernet device"},
		{2, FunctionChange{HWAddr: HWAddrOf(switchdev.Broadcast())}, syscall.EINVAL, "Non-unicast hardware address unsupported"},
		{3, FunctionChange{HWAddr: HWAddr(make([]byte, 33))}, syscall.EINVAL, "Port function hardware address too long"},
		{3, FunctionChange{State: FunctionActive + 1}, syscall.EINVAL, ""},
		{3, FunctionChange{Change: 1 << 7}, syscall.EINVAL, ""},
	} {
		refused(t, i.SetPortFunction(ctx, c.port, c.change), c.errno, c.text)
	}
	if len(some.log) != 0 {
		t.Fatal("the driver was asked:", some.log)
	}
	if err := i.SetPortFunction(ctx, 3, FunctionChange{HWAddr: HWAddr(make([]byte, 20))}); err != nil {
		t.Fatal("a port of type ib takes any address:", err)
	}
	// is_unicast_ether_addr of Linux is true of it: so an address is taken back
	if err := i.SetPortFunction(ctx, 2, FunctionChange{HWAddr: HWAddr(make([]byte, 6))}); err != nil {
		t.Fatal("the address of zeros:", err)
	}
}

// maker makes subfunctions.
type maker struct {
	role
	err  error
	next uint32
	lie  bool
}

func (d *maker) NewPort(_ context.Context, l *Locked, r PortRequest) (uint32, error) {
	if d.err != nil || d.lie {
		return 99, d.err
	}
	p := PortInfo{Index: d.next, Flavour: r.Flavour, PCI: &PCIFunction{PF: *r.PF, SF: 1000 + d.next},
		Function: &PortFunction{State: FunctionInactive, OpState: FunctionDetached}}
	if r.Index != nil {
		p.Index = *r.Index
	}
	if r.SF != nil {
		p.PCI.SF = *r.SF
	}
	d.next++
	return p.Index, l.AddPort(p)
}

func (d *maker) DeletePort(_ context.Context, l *Locked, port uint32) error {
	return l.RemovePort(port)
}

func TestNewPortAndDeletePort(t *testing.T) {
	ctx := context.Background()
	r := newRegistry(t, Config{})
	d := &maker{next: 7}
	i := driven(t, r, d, nil)
	s := subscribe(t, r, SubscribeOptions{})
	for _, bad := range []PortRequest{{}, {Flavour: FlavourPCISF}, {PF: new(uint32(0))}} {
		p, err := i.NewPort(ctx, bad)
		refused(t, err, syscall.EINVAL, "Port flavour or PCI PF are not specified")
		if p != nil {
			t.Fatal(p)
		}
	}
	p, err := i.NewPort(ctx, PortRequest{Flavour: FlavourPCISF, PF: new(uint32(0)), SF: new(uint32(88))})
	if err != nil || p.Index != 7 || p.PCI.SF != 88 || p != portOf(t, i, 7) {
		t.Fatal(p, err)
	}
	_, err = i.NewPort(ctx, PortRequest{Flavour: FlavourPCISF, PF: new(uint32(0)), Index: new(uint32(7))})
	refused(t, err, syscall.EBUSY, "port index in use")
	if err := i.DeletePort(ctx, 7); err != nil {
		t.Fatal(err)
	}
	refused(t, i.DeletePort(ctx, 7), syscall.ENODEV, "")
	equalTexts(t, texts(rest(t, s)), "added port netdevsim10 port 7", "deleted port netdevsim10 port 7")
	d.lie = true
	_, err = i.NewPort(ctx, PortRequest{Flavour: FlavourPCISF, PF: new(uint32(0))})
	mustBe(t, err, switchdev.ErrNoDevice)
	d.err = syscall.ENOSPC
	_, err = i.NewPort(ctx, PortRequest{Flavour: FlavourPCISF, PF: new(uint32(0))})
	refused(t, err, syscall.ENOSPC, "")

	other := driven(t, newRegistry(t, Config{}), role{}, func(l *Locked) error { return l.AddPort(PortInfo{Index: 1}) })
	_, err = other.NewPort(ctx, PortRequest{})
	refused(t, err, syscall.EOPNOTSUPP, "")
	refused(t, other.DeletePort(ctx, 1), syscall.EOPNOTSUPP, "")
}
