package bridge_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

func withDevice(d switchdev.Driver) bridge.Config {
	return bridge.Config{Name: "br0", Hardware: bridge.Hardware{Devices: []bridge.Device{{Driver: d}}}}
}

func on(d switchdev.Driver, id int) bridge.PortConfig {
	return bridge.PortConfig{ID: switchdev.PortID(id), Name: "p" + switchdev.PortID(id).String(), MAC: portMAC(id), Driver: d}
}

func TestDeviceIsToldOfPortsAndRows(t *testing.T) {
	dev := newFake("sw0")
	w := newWorld(t, withDevice(dev))
	w.entry(stationA, 1, fdb.Static) // waits for its port
	w.must(w.b.SubmitAddPort(on(dev, 1)))
	w.must(w.b.SubmitAddPort(on(dev, 2)))
	rows, ports := dev.holds()
	want := map[switchdev.MAC]switchdev.PortID{stationA: 1, portMAC(1): 1, portMAC(2): 2}
	if !maps.Equal(rows, want) {
		t.Errorf("rows %v, want %v", rows, want)
	}
	if p := ports[1]; p.State != switchdev.PortForwarding || !p.Up || p.Flags != 0 {
		t.Errorf("port 1 is %+v: forwarding, up, and neither learns nor floods", p)
	}
	w.flags(1, switchdev.PortIsolated, switchdev.PortIsolated)
	w.flags(1, 0, switchdev.PortFlood) // software's own: the device is not bothered
	w.state(1, switchdev.PortBlocking)
	if _, ports = dev.holds(); ports[1].Flags != switchdev.PortIsolated || ports[1].State != switchdev.PortBlocking {
		t.Errorf("port 1 is %+v", ports[1])
	}
	w.must(w.b.SubmitSetPortUp(1, false))
	if rows, ports = dev.holds(); ports[1].Up || rows[stationA] != 1 {
		t.Errorf("port 1 is %+v, rows %v", ports[1], rows)
	}
	w.must(w.b.SubmitRemovePort(1))
	if rows, ports = dev.holds(); len(rows) != 1 || len(ports) != 1 {
		t.Errorf("left over: rows %v, ports %v", rows, ports)
	}
	w.at(stationA, -1)
}

func TestHardwareLearnsHandsFlagsOver(t *testing.T) {
	dev := newFake("sw0")
	cfg := withDevice(dev)
	cfg.Hardware.PortFlags = bridge.HardwareLearns
	w := newWorld(t, cfg)
	w.must(w.b.SubmitAddPort(on(dev, 1)))
	w.flags(1, 0, switchdev.PortFlood)
	if _, ports := dev.holds(); ports[1].Flags != switchdev.DefaultPortFlags&^switchdev.PortFlood {
		t.Errorf("port 1 is %+v", ports[1])
	}
}

// TestRefusalChangesNothing lets a device refuse each step of each verb in turn,
// and compares what everybody holds before and after.
func TestRefusalChangesNothing(t *testing.T) {
	verbs := map[string]struct {
		steps []string
		do    func(*bridge.Bridge, switchdev.Driver) ticket
	}{
		"add": {[]string{"check", "join", "set"}, func(b *bridge.Bridge, d switchdev.Driver) ticket { return b.SubmitAddPort(on(d, 3)) }},
		"state": {[]string{"check", "set"}, func(b *bridge.Bridge, d switchdev.Driver) ticket {
			return b.SubmitSetPortState(1, switchdev.PortBlocking)
		}},
		"flags": {[]string{"check", "set"}, func(b *bridge.Bridge, d switchdev.Driver) ticket {
			return b.SubmitSetPortFlags(1, switchdev.PortIsolated, switchdev.PortIsolated)
		}},
		"down": {[]string{"check", "set"}, func(b *bridge.Bridge, d switchdev.Driver) ticket { return b.SubmitSetPortUp(1, false) }},
	}
	for name, verb := range verbs {
		for _, step := range verb.steps {
			t.Run(name+" "+step, func(t *testing.T) {
				dev := newFake("sw0")
				w := newWorld(t, withDevice(dev))
				w.must(w.b.SubmitAddPort(on(dev, 1)))
				w.must(w.b.SubmitAddPort(on(dev, 2)))
				w.goes(1, stationB, stationA, flooded, 2)
				table, rows, ports, list := state(w, dev)
				dev.refusing(func(what string, p switchdev.PortID) error {
					if what == step && p != 2 {
						return switchdev.ErrNoSpace
					}
					return nil
				})
				w.fails(verb.do(w.b, dev), syscall.ENOSPC)
				table2, rows2, ports2, list2 := state(w, dev)
				if table != table2 || !maps.Equal(rows, rows2) || list != list2 {
					t.Errorf("before %s%v %s; after %s%v %s", table, rows, list, table2, rows2, list2)
				}
				if len(ports) != len(ports2) || attributes(ports[1]) != attributes(ports2[1]) {
					t.Errorf("device had %v, has %v", ports, ports2)
				}
				dev.refusing(nil)
				w.must(verb.do(w.b, dev)) // and it can be done later
			})
		}
	}
}

func attributes(p switchdev.PortOp) switchdev.PortOp {
	return switchdev.PortOp{State: p.State, Flags: p.Flags, Up: p.Up}
}

func state(w *world, dev *fake) (table string, rows map[switchdev.MAC]switchdev.PortID, ports map[switchdev.PortID]switchdev.PortOp, list string) {
	rows, ports = dev.holds()
	var names []string
	for _, p := range w.b.Ports() {
		names = append(names, p.Name, p.State.String(), p.MAC.String())
	}
	return w.show(), rows, ports, strings.Join(append(names, w.b.MAC().String()), " ")
}

// TestAddressIsTakenBackWhenRefused lets the device refuse a port's new address.
func TestAddressIsTakenBackWhenRefused(t *testing.T) {
	dev := newFake("sw0")
	w := newWorld(t, withDevice(dev))
	w.must(w.b.SubmitAddPort(on(dev, 1)))
	w.must(w.b.SubmitAddPort(on(dev, 2)))
	table, rows, _, list := state(w, dev)
	first := true
	dev.refusing(func(what string, p switchdev.PortID) error {
		if what == "set" && first {
			first = false
			return switchdev.ErrNoSpace
		}
		return nil
	})
	w.fails(w.b.SubmitSetPortMAC(1, mac(77)), syscall.ENOSPC)
	table2, rows2, _, list2 := state(w, dev)
	if table != table2 || !maps.Equal(rows, rows2) || list != list2 {
		t.Errorf("before %s%v %s; after %s%v %s", table, rows, list, table2, rows2, list2)
	}
}

// TestUnsupportedStaysInSoftware: ErrUnsupported is no refusal of a port, but it
// is one of a flag that the device forwards by.
func TestUnsupportedStaysInSoftware(t *testing.T) {
	dev := newFake("sw0")
	w := newWorld(t, withDevice(dev))
	dev.refusing(func(what string, p switchdev.PortID) error {
		if what == "join" {
			return errors.ErrUnsupported
		}
		return nil
	})
	w.must(w.b.SubmitAddPort(on(dev, 1)))
	if p, _ := w.b.Port(1); p.Device != "" {
		t.Errorf("port is offloaded to %q", p.Device)
	}
	if rows, _ := dev.holds(); len(rows) > 0 {
		t.Errorf("rows %v of a port that the device has not", rows)
	}
	dev.refusing(nil)
	w.must(w.b.SubmitAddPort(on(dev, 2)))
	dev.refusing(func(what string, p switchdev.PortID) error {
		if what == "check" {
			return errors.ErrUnsupported
		}
		return nil
	})
	w.fails(w.b.SubmitSetPortFlags(2, switchdev.PortHairpin, switchdev.PortHairpin), syscall.EOPNOTSUPP)
	w.must(w.b.SubmitSetPortFlags(1, switchdev.PortHairpin, switchdev.PortHairpin))
}

func TestMarkedFramesStayOutOfTheirDevice(t *testing.T) {
	a, c := newFake("a"), newFake("c")
	cfg := bridge.Config{Hardware: bridge.Hardware{Devices: []bridge.Device{{Driver: a}, {Driver: c}}}}
	w := newWorld(t, cfg, 5, 6)
	for id, d := range map[int]*fake{1: a, 2: a, 3: c} {
		w.must(w.b.SubmitAddPort(on(d, id)))
	}
	marked := func(in int, dst, src switchdev.MAC, why bridge.Reason, want ...int) {
		t.Helper()
		v := w.b.ForwardMarked(switchdev.PortID(in), frameOf(dst, src), &w.out)
		if got := targets(v, &w.out); !equal(got, want) || v.Reason != why {
			t.Errorf("from p%d to %v: goes to %v, %v; want %v, %v", in, dst, got, v.Reason, want, why)
		}
		w.poll()
	}
	marked(1, stationB, stationA, flooded, 3, 5, 6)
	w.at(stationA, 1)
	marked(1, broadcast, stationA, flooded, 0, 3, 5, 6)
	marked(2, stationA, stationB, bridge.ReasonHardware)
	marked(3, stationA, stationC, forwarded, 1)
	marked(5, broadcast, mac(50), flooded, 0, 1, 2, 3, 6) // software ports have no device
}

// TestUnknownOutcomeIsMended: a device that does not answer a join is brought
// back to having no such port, and one that does not answer a change to the
// attributes that the port has.
func TestUnknownOutcomeIsMended(t *testing.T) {
	dev := newFake("sw0")
	w := newWorld(t, withDevice(dev))
	w.must(w.b.SubmitAddPort(on(dev, 1)))
	dumb := func(step string) {
		dev.refusing(func(what string, p switchdev.PortID) error {
			if what == step {
				if step == "join" { // it was done, but nobody hears of it
					dev.ports[p] = switchdev.PortOp{Port: p}
				} else {
					dev.ports[p] = switchdev.PortOp{Port: p, State: switchdev.PortBlocking}
				}
				return switchdev.ErrOutcomeUnknown
			}
			return nil
		})
	}
	dumb("join")
	w.fails(w.b.SubmitAddPort(on(dev, 2)), switchdev.ErrOutcomeUnknown)
	dev.refusing(nil)
	w.after(2 * time.Second)
	if _, ports := dev.holds(); len(ports) != 1 {
		t.Errorf("device has %v", ports)
	}
	dumb("set")
	w.fails(w.b.SubmitSetPortState(1, switchdev.PortLearning), switchdev.ErrOutcomeUnknown)
	dev.refusing(nil)
	w.after(64 * time.Second)
	if _, ports := dev.holds(); ports[1].State != switchdev.PortForwarding || !ports[1].Up {
		t.Errorf("device has %+v", ports[1])
	}
}

// TestHungDeviceHoldsUpNobodyElse: a device hangs in the removal of one port;
// ports of another device come and go at the same virtual instant, and the hung
// operation ends with its time.
func TestHungDeviceHoldsUpNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung, fine := newFake("hung"), newFake("fine")
		b, err := bridge.New(bridge.Config{Hardware: bridge.Hardware{Devices: []bridge.Device{{Driver: hung}, {Driver: fine}}}})
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		for id, d := range map[int]*fake{1: hung, 2: fine} {
			if err := b.AddPort(ctx, on(d, id)); err != nil {
				t.Fatal(err)
			}
		}
		release := make(chan struct{})
		slow := &stuck{fake: hung, gate: release}
		hung.refusing(func(what string, p switchdev.PortID) error { return slow.wait(what) })
		start := time.Now()
		k := b.SubmitRemovePort(1)
		synctest.Wait()
		if err := b.AddPort(ctx, bridge.PortConfig{ID: 3, MAC: portMAC(3)}); err != nil {
			t.Error(err)
		}
		if err := b.RemovePort(ctx, 3); err != nil {
			t.Error(err)
		}
		if err := b.SetPortFlags(ctx, 2, switchdev.PortHairpin, switchdev.PortHairpin); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("a hung device cost the others %v", d)
		}
		var out bridge.Egress
		if v := b.Forward(1, frameOf(stationB, stationA), &out); v.Reason != bridge.ReasonNoPort {
			t.Errorf("port that leaves: %v", v.Reason)
		}
		if err := k.Wait(ctx); !errors.Is(err, switchdev.ErrOutcomeUnknown) {
			t.Errorf("error %v", err)
		}
		if _, ok := b.Port(1); ok {
			t.Error("the port is still there")
		}
		close(release)
		time.Sleep(time.Hour)
		if rows, ports := hung.holds(); len(ports) > 0 || rows[portMAC(1)] != 0 {
			t.Errorf("after its recovery the device holds %v, %v", rows, ports)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

// stuck makes a fake hang in leave, without its lock.
type stuck struct {
	*fake
	gate chan struct{}
}

func (s *stuck) wait(what string) error {
	if what == "leave" {
		s.mu.Unlock()
		<-s.gate
		s.mu.Lock()
	}
	return nil
}

func TestDeadlockIsDetected(t *testing.T) {
	dev := &calling{fake: newFake("sw0")}
	b, err := bridge.New(withDevice(dev))
	if err != nil {
		t.Fatal(err)
	}
	dev.b = b
	if err := b.AddPort(context.Background(), on(dev, 1)); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(dev.err, syscall.EDEADLK) {
		t.Errorf("from inside a driver: %v", dev.err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := b.RemovePort(context.Background(), 1); !errors.Is(err, switchdev.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// calling is a driver that calls the bridge that calls it.
type calling struct {
	*fake
	b   *bridge.Bridge
	err error
}

func (c *calling) CheckPorts(ctx context.Context, ops []switchdev.PortOp, results []switchdev.Result) {
	c.err = c.b.RemovePort(ctx, 1)
	c.fake.CheckPorts(ctx, ops, results)
}

// chipWorld is a bridge over a simulated chip, in one goroutine.
type chipWorld struct {
	*world
	chip *hwsim.Chip
	got  map[switchdev.PortID]int // frames that left the chip
	host int
}

func newChipWorld(t *testing.T, ports int, policy bridge.FlagPolicy) *chipWorld {
	t.Helper()
	c := &chipWorld{got: make(map[switchdev.PortID]int)}
	var err error
	c.chip, err = hwsim.New(hwsim.Config{Count: ports, Manual: true, Host: hwsim.Host{OnTrap: c.trapped}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.chip.Close() })
	cfg := withDevice(c.chip)
	cfg.Hardware.PortFlags = policy
	c.world = newWorld(t, cfg)
	c.also = func() { c.chip.Poll(c.now) }
	infos, err := c.chip.Ports(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range infos {
		c.chip.Port(p.ID).OnEgress(func([]byte) { c.got[p.ID]++ })
		c.must(c.b.SubmitAddPort(bridge.PortConfig{ID: p.ID, Name: p.Name, MAC: p.MAC, Driver: c.chip}))
	}
	return c
}

func (c *chipWorld) trapped(f hwsim.HostFrame) {
	forward := c.b.Forward
	if f.Forwarded {
		forward = c.b.ForwardMarked
	}
	var out bridge.Egress
	v := forward(f.Port, f.Frame, &out)
	for _, id := range out.Ports() {
		c.chip.Transmit(id, f.Frame)
	}
	if v.Host {
		c.host++
	}
}

// reaches sends a frame into the chip and checks which ports it leaves by.
func (c *chipWorld) reaches(in int, dst, src switchdev.MAC, want ...int) {
	c.t.Helper()
	clear(c.got)
	c.chip.Port(switchdev.PortID(in)).Ingress(frameOf(dst, src))
	c.poll()
	for _, id := range want {
		if c.got[switchdev.PortID(id)] != 1 {
			c.t.Errorf("from p%d to %v: p%d gets %d copies", in, dst, id, c.got[switchdev.PortID(id)])
		}
		delete(c.got, switchdev.PortID(id))
	}
	if len(c.got) > 0 {
		c.t.Errorf("from p%d to %v: unwanted copies %v", in, dst, c.got)
	}
}

func TestChipForwardsWhatItWasTold(t *testing.T) {
	for _, policy := range []bridge.FlagPolicy{bridge.SoftwareLearns, bridge.HardwareLearns} {
		c := newChipWorld(t, 4, policy)
		c.reaches(1, stationB, stationA, 2, 3, 4)
		c.reaches(2, stationA, stationB, 1)
		c.reaches(1, stationB, stationA, 2)
		c.reaches(3, broadcast, stationC, 1, 2, 4)
		c.at(stationA, 1)
		c.at(stationC, 3)
		c.must(c.b.SubmitRemovePort(2))
		for _, r := range c.chip.Rows() {
			if r.Port == 2 {
				t.Errorf("row left over: %+v", r)
			}
		}
		c.at(stationB, -1)
		c.reaches(1, stationB, stationA, 3, 4)
		c.must(c.b.SubmitAddPort(bridge.PortConfig{ID: 2, MAC: portMAC(2), Driver: c.chip}))
		c.reaches(1, stationB, stationA, 2, 3, 4)
	}
}

func TestChipIsRestoredAfterReset(t *testing.T) {
	c := newChipWorld(t, 3, bridge.SoftwareLearns)
	c.reaches(1, stationB, stationA, 2, 3)
	c.reaches(2, stationA, stationB, 1)
	c.state(3, switchdev.PortBlocking)
	if _, err := c.chip.Reset(context.Background()); err != nil {
		t.Fatal(err)
	}
	c.after(time.Minute)
	c.after(time.Minute)
	before := c.chip.Stats()
	c.reaches(1, stationB, stationA, 2)
	c.reaches(2, broadcast, stationB, 1)
	if after := c.chip.Stats(); after.Trapped[hwsim.ReasonStandalone] != before.Trapped[hwsim.ReasonStandalone] {
		t.Error("the chip's ports are members of nothing")
	}
}

// TestStationsThatOnlyHardwareSees: two stations talk for longer than the ageing
// time, and only the chip sees it. It tells that they are there, whether it learns
// or only has their rows from the table, and nobody else ever gets their frames.
func TestStationsThatOnlyHardwareSees(t *testing.T) {
	for _, policy := range []bridge.FlagPolicy{bridge.HardwareLearns, bridge.SoftwareLearns} {
		c := newChipWorld(t, 3, policy)
		c.reaches(1, stationB, stationA, 2, 3)
		c.reaches(2, stationA, stationB, 1)
		strange := 0
		for range 40 { // 800 s
			c.after(fdb.DefaultAgeing / 15)
			for in, to := range map[int]switchdev.MAC{1: stationB, 2: stationA} {
				clear(c.got)
				c.chip.Port(switchdev.PortID(in)).Ingress(frameOf(to, []switchdev.MAC{1: stationA, 2: stationB}[in]))
				c.poll()
				if c.got[switchdev.PortID(3-in)] != 1 {
					t.Errorf("policy %d: from p%d: %v", policy, in, c.got)
				}
				strange += c.got[3]
			}
		}
		if strange > 0 {
			t.Errorf("policy %d: a third port got %d frames", policy, strange)
		}
	}
}
