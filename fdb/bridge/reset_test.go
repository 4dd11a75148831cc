package bridge_test

import (
	"slices"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// TestResetDeviceHearsTheAgeingTimeBeforeItsPorts lets a device report a reset.
func TestResetDeviceHearsTheAgeingTimeBeforeItsPorts(t *testing.T) {
	dev := &reporting{fake: newFake("sw0")}
	cfg := withDevices(dev)
	cfg.Table.Ageing = ageing
	w := newWorld(t, cfg)
	for id := range 3 {
		w.must(w.b.SubmitAddPort(on(dev, id+1)))
	}
	dev.log = nil
	dev.reset()
	w.poll()
	steps := slices.DeleteFunc(dev.log, func(s string) bool { return s[:3] == "set" })
	if want := []string{"ageing 0", "check 1", "join 1", "check 2", "join 2", "check 3", "join 3"}; !slices.Equal(steps, want) {
		t.Errorf("steps %q, want %q", steps, want)
	}
	w.hears(dev.fake, ageing, ageing)

	// A reset in the middle of a join is made good as well.
	dev.log = nil
	dev.refusing(func(what string, p switchdev.PortID) error {
		if what == "join" && p == 4 {
			dev.refuse = nil
			dev.mu.Unlock()
			dev.reset()
			dev.mu.Lock()
			delete(dev.ports, p)
			dev.refuse = func(what string, p switchdev.PortID) error { return nil }
		}
		return nil
	})
	w.must(w.b.SubmitAddPort(on(dev, 4)))
	w.poll()
	w.hears(dev.fake, ageing)
	joins := 0
	for _, s := range dev.log {
		if s == "join 4" {
			joins++
		}
	}
	if joins != 2 {
		t.Errorf("log %q", dev.log)
	}
}

// reporting is a fake that reports its resets.
type reporting struct {
	*fake
	sinks []switchdev.Sink
}

func (r *reporting) Bind(s switchdev.Sink) func() {
	r.sinks = append(r.sinks, s)
	return func() {}
}

func (r *reporting) reset() {
	r.mu.Lock()
	clear(r.ports)
	clear(r.rows)
	r.epoch++
	now := r.epoch
	r.mu.Unlock()
	for _, s := range r.sinks {
		s.Report(switchdev.Report{Kind: switchdev.ReportReset, Epoch: now})
	}
}
