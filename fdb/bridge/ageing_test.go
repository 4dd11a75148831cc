package bridge_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// toldAgeing returns what the device was told since the last call.
func (f *fake) toldAgeing() []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	told := f.ageing
	f.ageing = nil
	return told
}

func (w *world) hears(dev *fake, want ...time.Duration) {
	w.t.Helper()
	if got := dev.toldAgeing(); !slices.Equal(got, want) {
		w.t.Errorf("%s was told ageing times %v, want %v", dev.name, got, want)
	}
}

// answering makes the device answer err to what.
func (f *fake) answering(what string, err error) {
	f.refusing(func(w string, _ switchdev.PortID) error {
		if w == what {
			return err
		}
		return nil
	})
}

func withDevices(devices ...switchdev.Driver) (cfg bridge.Config) {
	for _, d := range devices {
		cfg.Hardware.Devices = append(cfg.Hardware.Devices, bridge.Device{Driver: d, Domain: 7})
	}
	return cfg
}

func TestDeviceHearsTheAgeingTimeWithItsFirstPort(t *testing.T) {
	dev, other := newFake("sw0"), newFake("sw1")
	cfg := withDevices(dev, other)
	cfg.Table.Ageing = ageing
	w := newWorld(t, cfg)
	w.hears(dev)
	w.must(w.b.SubmitAddPort(on(dev, 1)))
	w.hears(dev, ageing)
	if slices.Index(dev.log, "ageing 0") > slices.Index(dev.log, "join 1") {
		t.Errorf("log %q: rows would live too long", dev.log)
	}
	w.must(w.b.SubmitAddPort(on(dev, 2)))
	w.hears(dev)
	w.must(w.b.SubmitSetAgeing(2 * ageing))
	w.must(w.b.SubmitSetAgeing(2 * ageing))
	w.hears(dev, 2*ageing)
	w.hears(other, 2*ageing)
	w.must(w.b.SubmitRemovePort(1))
	w.must(w.b.SubmitAddPort(on(dev, 1)))
	w.hears(dev)
	w.must(w.b.SubmitRemovePort(1))
	w.must(w.b.SubmitRemovePort(2)) // who has no port of a bridge may forget it
	w.must(w.b.SubmitAddPort(on(dev, 1)))
	w.hears(dev, 2*ageing)
}

// TestMeaningsOfTheAgeingTime also checks what software makes of each.
func TestMeaningsOfTheAgeingTime(t *testing.T) {
	dev := newFake("sw0")
	w := newWorld(t, withDevices(dev), 2)
	w.must(w.b.SubmitAddPort(on(dev, 1)))
	w.hears(dev, fdb.DefaultAgeing)
	learns := func(yes bool) {
		t.Helper()
		w.goes(1, stationB, stationA, flooded, 2)
		w.at(stationA, map[bool]int{false: -1, true: 1}[yes])
	}
	w.must(w.b.SubmitSetAgeing(fdb.NoLearning))
	w.hears(dev, 0)
	learns(false)
	w.must(w.b.SubmitSetAgeing(-1))
	w.hears(dev, math.MaxInt64)
	learns(true)
	w.after(1000 * time.Hour)
	w.at(stationA, 1)
	w.must(w.b.SubmitSetAgeing(ageing)) // overdue at once
	w.hears(dev, ageing)
	w.at(stationA, -1)
	w.must(w.b.SubmitSetAgeing(0))
	w.hears(dev, fdb.DefaultAgeing)
	if got := w.b.Table().Ageing(); got != fdb.DefaultAgeing {
		t.Errorf("table has %v", got)
	}
	w.fails(w.b.SubmitSetAgeing(time.Millisecond), syscall.EINVAL)
	w.fails(w.b.SubmitSetAgeing(11*365*24*time.Hour), syscall.EINVAL)
	w.must(w.b.SubmitSetAgeing(10 * time.Millisecond))
	w.hears(dev, 10*time.Millisecond)
	w.must(w.b.SubmitSetAgeing(fdb.DefaultAgeing))
	w.goes(1, stationB, stationA, flooded, 2)
	w.now = w.now.Add(fdb.DefaultAgeing) // and nobody polls
	if e := w.show(); len(e) == 0 {
		t.Error("empty listing")
	}
}

// TestAgeingTimeOfATopologyChange: devices let stations live as long as the table does,
// whatever comes first.
func TestAgeingTimeOfATopologyChange(t *testing.T) {
	dev := newFake("sw0")
	cfg := withDevices(dev)
	cfg.Table.Ageing = ageing
	w := newWorld(t, cfg)
	w.must(w.b.SubmitAddPort(on(dev, 1)))
	w.hears(dev, ageing)
	const short = 2 * time.Second
	for i, step := range []struct {
		submit func(time.Duration) *bridge.Ticket
		d      time.Duration
		told   []time.Duration
	}{
		{w.b.SubmitTopologyChange, short, []time.Duration{short}},
		{w.b.SubmitSetAgeing, 2 * ageing, nil},
		{w.b.SubmitSetAgeing, -1, nil},
		{w.b.SubmitSetAgeing, fdb.NoLearning, []time.Duration{0}},
		{w.b.SubmitTopologyChange, 2 * short, nil},
		{w.b.SubmitSetAgeing, ageing, []time.Duration{2 * short}},
		{w.b.SubmitTopologyChange, 0, []time.Duration{ageing}},
		{w.b.SubmitSetAgeing, fdb.NoLearning, []time.Duration{0}},
		{w.b.SubmitTopologyChange, short, nil},
		{w.b.SubmitTopologyChange, 0, nil},
		{w.b.SubmitSetAgeing, ageing, []time.Duration{ageing}},
	} {
		w.must(step.submit(step.d))
		if got := dev.toldAgeing(); !slices.Equal(got, step.told) {
			t.Errorf("step %d: told %v, want %v", i, got, step.told)
		}
		hold := w.b.Table().Hold()
		if hold == fdb.NoLearning {
			hold = 0
		}
		if len(step.told) > 0 && step.told[0] != hold {
			t.Errorf("step %d: the table has %v, the device %v", i, hold, step.told[0])
		}
	}
}

// TestRefusedAgeingTimeChangesNothing lets the second of three devices refuse,
// when it is asked and when it is told.
func TestRefusedAgeingTimeChangesNothing(t *testing.T) {
	for step, first := range map[string][]time.Duration{"check-ageing": nil, "ageing": {time.Hour, ageing}} {
		a, b, c := newFake("a"), newFake("b"), newFake("c")
		cfg := withDevices(a, b, c)
		cfg.Table.Ageing = ageing
		w := newWorld(t, cfg)
		for id, d := range []*fake{1: a, 2: b, 3: c} {
			if d != nil {
				w.must(w.b.SubmitAddPort(on(d, id)))
				w.hears(d, ageing)
			}
		}
		w.goes(1, stationB, stationA, flooded, 2, 3)
		b.answering(step, switchdev.ErrRange)
		w.fails(w.b.SubmitSetAgeing(time.Hour), syscall.ERANGE)
		w.hears(a, first...)
		w.hears(b)
		w.hears(c)
		if got := w.b.Table().Ageing(); got != ageing {
			t.Errorf("%s: table has %v", step, got)
		}
		b.refusing(nil)
		w.must(w.b.SubmitSetAgeing(time.Hour))
		w.hears(a, time.Hour)
		w.hears(b, time.Hour)
		w.hears(c, time.Hour)
	}
}

func TestDeviceThatRefusesTheAgeingTimeGetsNoPort(t *testing.T) {
	dev := newFake("sw0")
	w := newWorld(t, withDevices(dev))
	dev.answering("ageing", switchdev.ErrRange)
	w.fails(w.b.SubmitAddPort(on(dev, 1)), syscall.ERANGE)
	if rows, ports := dev.holds(); len(rows) > 0 || len(ports) > 0 || len(w.b.Ports()) > 0 {
		t.Errorf("rows %v, ports %v, bridge's %v", rows, ports, w.b.Ports())
	}
	dev.refusing(nil)
	w.must(w.b.SubmitAddPort(on(dev, 1)))
	w.hears(dev, fdb.DefaultAgeing)
}

func TestUnsupportedAgeingStaysInSoftware(t *testing.T) {
	for _, step := range []string{"check-ageing", "ageing"} {
		dev, other := newFake("sw0"), newFake("sw1")
		w := newWorld(t, withDevices(dev, other))
		dev.answering(step, switchdev.ErrUnsupported)
		w.must(w.b.SubmitAddPort(on(dev, 1)))
		w.must(w.b.SubmitAddPort(on(other, 2)))
		if p, _ := w.b.Port(1); p.Device != "sw0" {
			t.Errorf("the port is on %q", p.Device)
		}
		w.must(w.b.SubmitSetAgeing(ageing))
		w.hears(other, fdb.DefaultAgeing, ageing)
		if got := w.b.Table().Ageing(); got != ageing {
			t.Errorf("table has %v", got)
		}
	}
}

// TestUnknownAgeingTimeIsMended: the device took the new time and nobody heard of
// it. It is brought back to the old one.
func TestUnknownAgeingTimeIsMended(t *testing.T) {
	dev, other := newFake("sw0"), newFake("sw1")
	cfg := withDevices(other, dev)
	cfg.Table.Ageing = ageing
	w := newWorld(t, cfg)
	w.must(w.b.SubmitAddPort(on(dev, 1)))
	w.must(w.b.SubmitAddPort(on(other, 2)))
	dev.answering("ageing", switchdev.ErrOutcomeUnknown)
	w.fails(w.b.SubmitSetAgeing(time.Hour), switchdev.ErrOutcomeUnknown)
	w.hears(other, ageing, time.Hour, ageing)
	w.hears(dev, ageing)
	dev.refusing(nil)
	w.after(2 * time.Second)
	w.hears(dev, ageing)
	w.after(time.Hour)
	w.hears(dev)
	w.hears(other)
}

// TestHungDeviceIsBroughtBackToTheAgeingTime: a call that hangs takes effect long
// after SetAgeing gave up, so the time is told once more when it has returned.
func TestHungDeviceIsBroughtBackToTheAgeingTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dev := newFake("sw0")
		cfg := withDevices(dev)
		cfg.Table.Ageing = ageing
		b, err := bridge.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		if err := b.AddPort(ctx, on(dev, 1)); err != nil {
			t.Fatal(err)
		}
		release := make(chan struct{})
		dev.refusing(func(what string, _ switchdev.PortID) error {
			if what == "ageing" {
				dev.mu.Unlock()
				<-release
				dev.mu.Lock()
			}
			return nil
		})
		if err := b.SetAgeing(ctx, time.Hour); err == nil || b.Table().Ageing() != ageing {
			t.Errorf("error %v, table has %v", err, b.Table().Ageing())
		}
		time.Sleep(time.Hour)
		close(release)
		time.Sleep(time.Hour)
		if got := dev.toldAgeing(); !slices.Equal(got, []time.Duration{ageing, time.Hour, ageing}) {
			t.Errorf("told %v", got)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestPortThatJoinsWhileTheAgeingTimeChanges: the first device has the new time
// and the second is slow to take it, when the first gets a port. The table still
// has the old time, and the device has the one that it is to have in the end.
func TestPortThatJoinsWhileTheAgeingTimeChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dev, slow := newFake("sw0"), newFake("sw1")
		cfg := withDevices(dev, slow)
		cfg.Table.Ageing = ageing
		b, err := bridge.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		release := make(chan struct{})
		slow.refusing(func(what string, _ switchdev.PortID) error {
			if what == "ageing" {
				slow.mu.Unlock()
				<-release
				slow.mu.Lock()
			}
			return nil
		})
		k := b.SubmitSetAgeing(time.Hour)
		synctest.Wait()
		if err := b.AddPort(t.Context(), on(dev, 1)); err != nil {
			t.Error(err)
		}
		close(release)
		if err := k.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		if got := dev.toldAgeing(); !slices.Equal(got, []time.Duration{time.Hour}) {
			t.Errorf("told %v", got)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestPortThatJoinsWhileTheLastOneLeaves: the device has the time when it is
// asked for a port, and forgets it with its only other port before that joins.
func TestPortThatJoinsWhileTheLastOneLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dev := newFake("sw0")
		b, err := bridge.New(withDevices(dev))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.AddPort(t.Context(), on(dev, 1)); err != nil {
			t.Fatal(err)
		}
		asked := make(chan struct{})
		dev.refusing(func(what string, p switchdev.PortID) error {
			if what == "check" && p == 2 {
				dev.mu.Unlock()
				<-asked
				dev.mu.Lock()
			}
			return nil
		})
		join := b.SubmitAddPort(on(dev, 2))
		synctest.Wait()
		leave := b.SubmitRemovePort(1)
		synctest.Wait()
		close(asked)
		if err := errors.Join(join.Wait(t.Context()), leave.Wait(t.Context())); err != nil {
			t.Error(err)
		}
		if got := dev.toldAgeing(); len(got) < 2 || got[len(got)-1] != fdb.DefaultAgeing {
			t.Errorf("told %v, log %q", got, dev.log)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestAgeingTimeAndPortsAtOnce changes the time while ports of two devices come
// and go. In the end every device has the time of the table.
func TestAgeingTimeAndPortsAtOnce(t *testing.T) {
	devices := []*fake{newFake("sw0"), newFake("sw1")}
	b, err := bridge.New(withDevices(devices[0], devices[1]))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	done := make(chan error)
	for i := range 4 {
		go func() {
			var err error
			for range 30 {
				if err == nil {
					err = b.AddPort(ctx, on(devices[i%2], i+1))
				}
				if err == nil {
					err = b.RemovePort(ctx, switchdev.PortID(i+1))
				}
			}
			if err == nil {
				err = b.AddPort(ctx, on(devices[i%2], i+1))
			}
			done <- err
		}()
	}
	go func() {
		var err error
		for i := range 60 {
			if err == nil {
				err = b.SetAgeing(ctx, time.Duration(i+1)*time.Second)
			}
		}
		done <- err
	}()
	for range 5 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	for _, d := range devices {
		if told := d.toldAgeing(); len(told) == 0 || told[len(told)-1] != time.Minute || b.Table().Ageing() != time.Minute {
			t.Errorf("%s has %v, the table %v", d.name, told[max(0, len(told)-3):], b.Table().Ageing())
		}
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// TestChipAgesByTheBridgesTime: a chip that learns forgets a silent station when
// the table does, also after a reset, and answers for its limits.
func TestChipAgesByTheBridgesTime(t *testing.T) {
	chip, err := hwsim.New(hwsim.Config{Count: 2, Manual: true, Limits: switchdev.Limits{AgeingMin: time.Second, AgeingMax: 100 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = chip.Close() }()
	cfg := withDevices(chip)
	cfg.Hardware.PortFlags = bridge.HardwareLearns
	w := newWorld(t, cfg)
	w.also = func() { chip.Poll(w.now) }
	w.poll()
	w.fails(w.b.SubmitAddPort(on(chip, 1)), syscall.ERANGE) // 300 s
	w.fails(w.b.SubmitSetAgeing(101*time.Second), syscall.ERANGE)
	w.must(w.b.SubmitSetAgeing(ageing))
	w.must(w.b.SubmitAddPort(on(chip, 1)))
	w.must(w.b.SubmitAddPort(on(chip, 2)))
	w.fails(w.b.SubmitSetAgeing(time.Millisecond*500), syscall.ERANGE)
	learned := func() (n int) {
		for _, r := range chip.Rows() {
			if r.Key.MAC == stationA {
				n++
			}
		}
		return n
	}
	lives := func(hold time.Duration) {
		t.Helper()
		chip.Port(1).Ingress(frameOf(stationB, stationA))
		w.poll()
		w.after(hold - time.Second)
		w.at(stationA, 1)
		if learned() != 1 {
			t.Errorf("the chip forgot the station before %v", hold)
		}
		w.after(2 * time.Second)
		w.at(stationA, -1)
		if learned() != 0 {
			t.Errorf("the chip knows the station after %v", hold)
		}
	}
	lives(ageing)
	if _, err := chip.Reset(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.poll()
	lives(ageing)
	w.must(w.b.SubmitSetAgeing(40 * time.Second))
	lives(40 * time.Second)
	w.must(w.b.SubmitSetAgeing(fdb.NoLearning))
	chip.Port(1).Ingress(frameOf(stationB, stationA))
	w.poll()
	if w.at(stationA, -1); learned() != 0 {
		t.Error("the chip learns")
	}
	w.must(w.b.SubmitSetAgeing(-1)) // the chip's longest time is 100 s
	chip.Port(1).Ingress(frameOf(stationB, stationA))
	w.after(99 * time.Second)
	if w.at(stationA, 1); learned() != 1 {
		t.Error("the chip does not learn for ever")
	}
}
