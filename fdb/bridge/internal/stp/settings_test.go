package stp

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func TestBadInputIsRefused(t *testing.T) {
	r := newRig(t, bridgeConfig(1), 1)
	r.m.Start(r.now)
	r.log = nil
	before := everything(r.m)
	for _, c := range []struct {
		name  string
		err   error
		want  error
		errno syscall.Errno // what Linux says
	}{
		{"add port 0", r.m.AddPort(PortConfig{}), switchdev.ErrInvalid, syscall.EINVAL},
		{"add again", r.m.AddPort(PortConfig{ID: 1}), switchdev.ErrExist, syscall.EEXIST}, // EBUSY where it is in another bridge
		{"add with priority 64", r.m.AddPort(PortConfig{ID: 2, Priority: 64}), switchdev.ErrRange, syscall.ERANGE},
		{"add with cost 65536", r.m.AddPort(PortConfig{ID: 2, PathCost: 65536}), switchdev.ErrRange, syscall.ERANGE},
		{"priority 64", r.m.SetPortPriority(r.now, 1, 64), switchdev.ErrRange, syscall.ERANGE},
		{"cost 0", r.m.SetPathCost(r.now, 1, 0), switchdev.ErrRange, syscall.ERANGE},
		{"cost 65536", r.m.SetPathCost(r.now, 1, 65536), switchdev.ErrRange, syscall.ERANGE},
		{"priority of no port", r.m.SetPortPriority(r.now, 2, 1), switchdev.ErrNoDevice, syscall.ENODEV},
		{"cost of no port", r.m.SetPathCost(r.now, 2, 1), switchdev.ErrNoDevice, syscall.ENODEV},
		{"address of no port", r.m.SetPortMAC(2, switchdev.MAC{}), switchdev.ErrNoDevice, syscall.ENODEV},
		{"guard of no port", r.m.SetGuard(2, true), switchdev.ErrNoDevice, syscall.ENODEV},
		{"root block of no port", r.m.SetRootBlock(2, true), switchdev.ErrNoDevice, syscall.ENODEV},
		{"enable no port", r.m.EnablePort(r.now, 2), switchdev.ErrNoDevice, syscall.ENODEV},
		{"disable no port", r.m.DisablePort(r.now, 2), switchdev.ErrNoDevice, syscall.ENODEV},
		{"remove no port", r.m.RemovePort(r.now, 2), switchdev.ErrNoDevice, syscall.ENODEV},
		{"times", r.m.SetTimes(2*time.Second, 20*time.Second, time.Second), switchdev.ErrRange, syscall.ERANGE},
	} {
		var op *switchdev.OpError
		if !errors.Is(c.err, c.want) || !errors.Is(c.err, c.errno) || !errors.As(c.err, &op) || op.Op == "" || op.Object == "" {
			t.Errorf("%s: %v, want %v", c.name, c.err, c.want)
		}
	}
	if after := everything(r.m); after != before {
		t.Errorf("something has changed:\n%s\n%s", before, after)
	}
	if _, ok := r.m.Port(2); ok {
		t.Error("there is a port 2")
	}
	r.took()
}

func TestCheckTimesKnowsTheLimits(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		hello, maxAge, forwardDelay time.Duration
		ok                          bool
	}{
		{2 * s, 20 * s, 15 * s, true}, {1 * s, 6 * s, 2 * s, true}, {10 * s, 40 * s, 30 * s, true},
		{1*s - 1, 20 * s, 15 * s, false}, {10*s + 1, 20 * s, 15 * s, false}, {0, 20 * s, 15 * s, false},
		{2 * s, 6*s - 1, 15 * s, false}, {2 * s, 40*s + 1, 15 * s, false},
		{2 * s, 20 * s, 2*s - 1, false}, {2 * s, 20 * s, 30*s + 1, false}, {2 * s, 20 * s, -s, false},
	} {
		err := CheckTimes(c.hello, c.maxAge, c.forwardDelay)
		if c.ok != (err == nil) || err != nil && !errors.Is(err, syscall.ERANGE) {
			t.Errorf("%v, %v, %v: %v", c.hello, c.maxAge, c.forwardDelay, err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("New takes a hello time of an hour")
		}
	}()
	New(Config{HelloTime: time.Hour}, nil)
}

func TestPortsHaveNumbersOfTheirOwn(t *testing.T) {
	m := New(bridgeConfig(1), &rig{t: t})
	add := func(id switchdev.PortID, want uint16) {
		t.Helper()
		if err := m.AddPort(PortConfig{ID: id}); err != nil {
			t.Fatal(err)
		}
		if got, _ := m.Port(id); got.Port.Number() != want {
			t.Errorf("port %v has number %d, want %d", id, got.Port.Number(), want)
		}
	}
	add(5, 5)
	add(65535, 1023)
	add(1024, 1022)
	add(1023, 1021)
	for id := switchdev.PortID(1); id <= 1020; id++ {
		if id != 5 {
			add(id, uint16(id))
		}
	}
	if err := m.AddPort(PortConfig{ID: 2000}); !errors.Is(err, switchdev.ErrNoSpace) {
		t.Errorf("port 1024 of a bridge: %v", err)
	}
	if err := m.RemovePort(epoch, 65535); err != nil {
		t.Fatal(err)
	}
	add(2000, 1023)
}

func TestFramesHaveTheAddressOfTheirPort(t *testing.T) {
	var sources []switchdev.MAC
	m := New(bridgeConfig(1), sendOnly(func(f []byte) { sources = append(sources, switchdev.MAC(f[6:12])) }))
	port := switchdev.MAC{2, 7}
	for _, cfg := range []PortConfig{{ID: 1}, {ID: 2, MAC: port}} {
		if err := errors.Join(m.AddPort(cfg), m.EnablePort(epoch, cfg.ID)); err != nil {
			t.Fatal(err)
		}
	}
	m.Start(epoch)
	m.Poll(epoch.Add(2 * time.Second))
	m.SetMAC(epoch.Add(3*time.Second), switchdev.MAC{2, 8})
	if err := m.SetPortMAC(2, switchdev.MAC{2, 9}); err != nil {
		t.Fatal(err)
	}
	m.Poll(epoch.Add(4 * time.Second))
	want := []switchdev.MAC{{2, 5: 1}, port, {2, 8}, {2, 9}}
	if len(sources) != 4 || [4]switchdev.MAC(sources) != [4]switchdev.MAC(want) {
		t.Errorf("frames come from %v, want %v", sources, want)
	}
}

type sendOnly func([]byte)

func (f sendOnly) Send(_ switchdev.PortID, frame []byte)          { f(frame) }
func (f sendOnly) SetState(switchdev.PortID, switchdev.PortState) {}
func (f sendOnly) TopologyChange(bool)                            {}
