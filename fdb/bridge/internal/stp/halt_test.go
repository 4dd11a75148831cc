package stp

import (
	"errors"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// mute takes what a machine wants, and complains of frames.
type mute struct{ t *testing.T }

func (mute) SetState(switchdev.PortID, switchdev.PortState) {}
func (m mute) Send(switchdev.PortID, []byte)                { m.t.Error("a machine that is halted sends") }
func (m mute) TopologyChange(bool)                          { m.t.Error("nor does a topology change begin") }

// TestHaltedFromTheBeginning: a port of Linux without a tree (br_make_forwarding,
// br_forward_delay_timer_expired, br_set_port_state), and one whose tree somebody else runs.
func TestHaltedFromTheBeginning(t *testing.T) {
	now := time.Unix(1000, 0)
	m := New(Config{Priority: DefaultPriority}, mute{t})
	is := func(after time.Duration, want switchdev.PortState, timer time.Duration) {
		t.Helper()
		now = now.Add(after)
		m.Poll(now)
		p, _ := m.Port(1)
		left := time.Duration(0)
		if !p.ForwardDelay.IsZero() {
			left = p.ForwardDelay.Sub(now)
		}
		if p.State != want || left != timer {
			t.Errorf("%v with %v to go, want %v with %v", p.State, left, want, timer)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const s = time.Second
	m.Halt()
	m.Start(now)
	if next := m.Next(); !next.IsZero() {
		t.Errorf("something is due at %v", next)
	}
	if err := m.SetPortState(now, 1, switchdev.PortLearning); !errors.Is(err, switchdev.ErrNoDevice) {
		t.Errorf("no port: %v", err)
	}
	must(m.AddPort(PortConfig{ID: 1}))
	is(s, switchdev.PortDisabled, 0)
	must(m.EnablePort(now, 1))
	is(0, switchdev.PortForwarding, 15*s)
	must(m.SetPortState(now, 1, switchdev.PortListening))
	must(m.SetTimes(DefaultHelloTime, DefaultMaxAge, 4*s))
	is(14*s, switchdev.PortListening, s)
	is(s, switchdev.PortLearning, 4*s)
	must(m.SetPortState(now, 1, switchdev.PortDisabled))
	is(s, switchdev.PortDisabled, 3*s)
	is(3*s, switchdev.PortDisabled, 0)
	must(m.SetPortState(now, 1, switchdev.PortLearning))
	is(time.Hour, switchdev.PortLearning, 0)
	must(m.SetPortState(now, 1, switchdev.PortBlocking))
	is(0, switchdev.PortForwarding, 4*s)
	must(m.DisablePort(now, 1))
	is(0, switchdev.PortDisabled, 0)
	must(m.EnablePort(now, 1))
	must(m.SetPortState(now, 1, switchdev.PortListening))
	m.Yield()
	is(4*s, switchdev.PortLearning, 4*s)
	must(m.SetPortState(now, 1, switchdev.PortBlocking))
	is(3*s, switchdev.PortBlocking, s)
	must(m.DisablePort(now, 1))
	must(m.EnablePort(now, 1))
	is(time.Hour, switchdev.PortBlocking, 0)
	m.Halt()
	is(time.Hour, switchdev.PortBlocking, 0)
	m.Stop(now)
	is(0, switchdev.PortDisabled, 0)
	must(m.SetPortState(now, 1, switchdev.PortBlocking)) // as br_set_port_state does under a bridge that is down
	is(3*s, switchdev.PortForwarding, s)
	must(m.DisablePort(now, 1)) // which nobody looks at
	is(0, switchdev.PortForwarding, s)
	must(m.EnablePort(now, 1))
	m.Start(now)
	is(0, switchdev.PortForwarding, 4*s)
}
