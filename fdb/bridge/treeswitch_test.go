package bridge_test

import (
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// treeConfig is a bridge that can run a tree with a forward delay of 2 s.
func treeConfig(m bridge.STPMode) bridge.Config {
	return bridge.Config{Table: fdb.Config{Ageing: 5 * time.Minute}, STP: bridge.STPConfig{
		Mode: m, ForwardDelay: 2 * time.Second, MaxAge: 6 * time.Second, HelloTime: time.Second,
		Send: func(switchdev.PortID, []byte) {},
	}}
}

func (w *world) isIn(id switchdev.PortID, want switchdev.PortState) {
	w.t.Helper()
	if p, _ := w.b.Port(id); p.State != want {
		w.t.Errorf("port %d is %v, want %v", id, p.State, want)
	}
}

func (w *world) holds(want time.Duration) {
	w.t.Helper()
	if got := w.b.Table().Hold(); got != want {
		w.t.Errorf("stations live for %v, want %v", got, want)
	}
}

// pass lets time pass, with a poll every 100 ms.
func (w *world) pass(d time.Duration) {
	for ; d > 0; d -= 100 * time.Millisecond {
		w.after(100 * time.Millisecond)
	}
}

func choose[T any](on bool, with, without T) T {
	if on {
		return with
	}
	return without
}

// TestTreeSwitch: seen of Linux 6.1, whose ports go on as they are when a tree is turned
// on or off.
func TestTreeSwitch(t *testing.T) {
	both(t, treeConfig(bridge.STPOff), func(w *world, on bool) {
		w.must(w.b.SubmitSetSTP(bridge.STPKernel))
		w.isIn(1, choose(on, switchdev.PortForwarding, switchdev.PortListening))
		w.pass(5 * time.Second)
		w.must(w.b.SubmitSetPortUp(2, false))
		w.must(w.b.SubmitSetPortUp(2, true))
		w.isIn(2, switchdev.PortListening)
		w.must(w.b.SubmitSetSTP(bridge.STPOff))
		w.isIn(2, choose(on, switchdev.PortListening, switchdev.PortForwarding))
		w.pass(2500 * time.Millisecond)
		w.isIn(2, choose(on, switchdev.PortLearning, switchdev.PortForwarding))
		w.pass(2 * time.Second)
		w.isIn(2, switchdev.PortForwarding)
		w.must(w.b.SubmitSetPortUp(2, false))
		w.must(w.b.SubmitSetPortUp(2, true))
		w.isIn(2, switchdev.PortForwarding)
		w.must(w.b.SubmitSetSTP(bridge.STPKernel))
		w.isIn(2, choose(on, switchdev.PortForwarding, switchdev.PortListening))
	})
}

// TestTreeSwitchLeavesATopologyChange: seen of Linux 6.1, which gives the ageing time
// back only while a tree runs.
func TestTreeSwitchLeavesATopologyChange(t *testing.T) {
	both(t, treeConfig(bridge.STPKernel), func(w *world, on bool) {
		w.pass(5 * time.Second)
		w.holds(2 * time.Second)
		w.must(w.b.SubmitSetSTP(bridge.STPOff))
		w.holds(choose(on, 2*time.Second, 5*time.Minute))
		w.pass(10 * time.Second)
		w.holds(choose(on, 4*time.Second, 5*time.Minute))
		w.must(w.b.SubmitSetAgeing(time.Minute))
		w.holds(time.Minute)
	})
}

// TestTopologyChangeGoesByTheForwardDelay: it is asked for each time (br_fdb.c, hold_time).
func TestTopologyChangeGoesByTheForwardDelay(t *testing.T) {
	w := newWorld(t, treeConfig(bridge.STPKernel), 1, 2)
	w.pass(5 * time.Second)
	w.holds(2 * time.Second)
	if err := w.b.SetSTPTimes(4*time.Second, time.Second, 6*time.Second); err != nil {
		t.Fatal(err)
	}
	w.after(0)
	w.holds(4 * time.Second)
}

// TestTopologyChangeEndsWithTheBridge: br_stp_disable_bridge (br_stp_if.c).
func TestTopologyChangeEndsWithTheBridge(t *testing.T) {
	w := newWorld(t, treeConfig(bridge.STPKernel), 1, 2)
	w.pass(5 * time.Second)
	w.holds(2 * time.Second)
	w.must(w.b.SubmitSetUp(false))
	w.holds(5 * time.Minute)
	w.must(w.b.SubmitSetUp(true))
	w.holds(5 * time.Minute)
	w.isIn(1, switchdev.PortListening)
	w.pass(5 * time.Second)
	w.isIn(1, switchdev.PortForwarding)
	w.holds(2 * time.Second)
}

// TestTableLearnsWhileTheTopologyChanges: seen of Linux 6.1 with an ageing time of 0.
func TestTableLearnsWhileTheTopologyChanges(t *testing.T) {
	for _, q := range []fdb.Quirks{0, fdb.QuirkTCKeepsGCTimer} {
		cfg := bridge.Config{Table: fdb.Config{Ageing: fdb.NoLearning, Quirks: q}}
		w := newWorld(t, cfg, 1, 2)
		w.must(w.b.SubmitTopologyChange(2 * time.Second))
		w.events()
		w.goes(1, stationA, stationB, flooded, 2)
		w.pass(time.Second)
		w.told(choose(q != 0, []string{"added 00:0b@1"}, nil)...)
		w.must(w.b.SubmitTopologyChange(0))
		w.goes(2, stationB, stationA, choose(q != 0, forwarded, flooded), 1)
		w.pass(3 * time.Second)
		w.told(choose(q != 0, []string{"aged 00:0b@1"}, nil)...)
	}
}
