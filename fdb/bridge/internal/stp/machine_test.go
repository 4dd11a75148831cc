package stp

import (
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

const (
	own1 = "config root 8000.020000000001 cost 0 by 8000.020000000001 0x8001 age 0s"
	own2 = "config root 8000.020000000001 cost 0 by 8000.020000000001 0x8002 age 0s"
)

// TestPortForwardsAfterTwoForwardDelays follows a bridge that is alone, as the transcript of
// Linux with a forward delay of two seconds does.
func TestPortForwardsAfterTwoForwardDelays(t *testing.T) {
	cfg := bridgeConfig(1)
	cfg.ForwardDelay, cfg.HelloTime, cfg.MaxAge = 2*time.Second, 10*time.Second, 6*time.Second
	r := newRig(t, cfg, 1, 2)
	r.to(5 * time.Second)
	r.took() // not started
	r.m.Start(r.now)
	r.m.Start(r.now)
	r.took("5s port 1 blocking", "5s port 1 listening", "5s port 2 blocking", "5s port 2 listening")
	r.to(8 * time.Second)
	r.took("7s port 1 learning", "7s port 2 learning")
	r.to(14 * time.Second)
	r.took("9s port 1 forwarding", "9s change true", "9s port 2 forwarding")
	r.to(16 * time.Second)
	r.took("15s port 1 sends "+own1+" tc", "15s port 2 sends "+own2+" tc")
	r.to(20 * time.Second)
	r.took("17s change false") // forward delay and max age after 9 s
	r.to(27 * time.Second)
	r.took("25s port 1 sends "+own1, "25s port 2 sends "+own2)

	r.must(r.m.DisablePort(r.now, 1))
	r.took("27s port 1 disabled")
	r.must(r.m.EnablePort(r.now, 1))
	r.must(r.m.EnablePort(r.now, 1))
	r.took("27s port 1 blocking", "27s port 1 listening")
	r.to(28 * time.Second)
	r.m.Stop(r.now)
	r.m.Stop(r.now)
	r.took("28s port 1 disabled", "28s port 2 disabled")
	if next := r.m.Poll(r.now); !next.IsZero() {
		t.Errorf("a machine that is stopped wants to be polled at %v", next)
	}
	r.m.Start(r.now)
	r.took("28s port 1 blocking", "28s port 1 listening", "28s port 2 blocking", "28s port 2 listening")
}

func TestHoldTimeSeparatesBPDUs(t *testing.T) {
	r := newRig(t, bridgeConfig(1), 1)
	r.m.Start(r.now)
	r.to(2500 * time.Millisecond)
	r.took("0s port 1 blocking", "0s port 1 listening", "2s port 1 sends "+own1)
	worse := better(0)
	worse.Root.Priority, worse.Bridge.Priority = 0xf000, 0xf000
	for range 3 {
		r.receive(1, worse) // each deserves an answer
	}
	if !r.port(1).ConfigPending {
		t.Error("nothing waits for the hold time")
	}
	r.to(2999 * time.Millisecond)
	r.took()
	r.to(3999 * time.Millisecond)
	r.took("3s port 1 sends " + own1)
	r.to(4999 * time.Millisecond)
	r.took("4s port 1 sends " + own1) // the hello: the hold time has just ended
	r.receive(1, BPDU{Kind: KindTCN})
	r.took("4.999s change true")
	r.to(6 * time.Second)
	r.took("5s port 1 sends "+own1+" tc ack", "6s port 1 sends "+own1+" tc")
}

func TestOldInformationIsForgotten(t *testing.T) {
	r := newRig(t, bridgeConfig(1), 1, 2)
	r.m.Start(r.now)
	r.to(time.Second)
	r.log = nil
	r.receive(1, better(5*time.Second))
	relayed := "config root 0000.02ff00000000 cost 100 by 8000.020000000001 0x8002 age "
	r.took("1s port 2 sends " + relayed + "5.00390625s")
	if s := r.m.Status(); s.RootPort != 1 || s.RootPathCost != 100 || s.Root != better(0).Root {
		t.Errorf("status %+v", s)
	}
	r.to(10 * time.Second)
	r.receive(1, better(4*time.Second)) // and again: 16 s more from here
	r.took("10s port 2 sends " + relayed + "4.00390625s")
	r.to(26*time.Second - 1)
	r.took("15s port 1 learning", "15s port 2 learning")
	r.to(27 * time.Second)
	r.took("26s change true", // because ports begin to pass frames to another root
		"26s port 1 sends "+own1+" tc", "26s port 2 sends "+own2+" tc")
	if s := r.m.Status(); s.RootPort != 0 || s.RootPathCost != 0 || s.Root != s.Bridge {
		t.Errorf("status %+v", s)
	}
}

func TestInformationThatIsTooOldIsNotRelayed(t *testing.T) {
	r := newRig(t, bridgeConfig(1), 1, 2)
	r.m.Start(r.now)
	r.log = nil
	r.receive(1, better(20*time.Second-tick))
	r.took()
	r.receive(1, better(20*time.Second)) // taken, and forgotten at once
	r.to(0)
	r.took("0s change true", "0s port 1 sends "+own1+" tc", "0s port 2 sends "+own2+" tc")
}

// TestTopologyChangeIsReportedUntilAcknowledged has the root port's bridge not answer.
func TestTopologyChangeIsReportedUntilAcknowledged(t *testing.T) {
	cfg := bridgeConfig(1)
	cfg.HelloTime = 3 * time.Second
	r := newRig(t, cfg, 1, 2)
	r.m.Start(r.now)
	r.log = nil
	r.receive(1, better(0))
	r.took("0s port 2 sends config root 0000.02ff00000000 cost 100 by 8000.020000000001 0x8002 age 3.90625ms")
	r.receive(2, BPDU{Kind: KindTCN})
	r.took("0s port 1 sends tcn")
	r.receive(2, BPDU{Kind: KindTCN}) // nothing new
	r.receive(1, BPDU{Kind: KindTCN}) // not ours to report: port 1 is no designated port
	r.took()
	r.to(7 * time.Second)
	r.took("1s port 2 sends config root 0000.02ff00000000 cost 100 by 8000.020000000001 0x8002 age 1.00390625s ack",
		"3s port 1 sends tcn", "6s port 1 sends tcn")
	ack := better(0)
	ack.TopologyChange, ack.TopologyChangeAck = true, true
	r.receive(1, ack)
	r.took("7s change true", "7s port 2 sends config root 0000.02ff00000000 cost 100 by 8000.020000000001 0x8002 age 3.90625ms tc")
	r.to(14 * time.Second)
	r.took()
	r.receive(1, better(0))
	r.took("14s change false", "14s port 2 sends config root 0000.02ff00000000 cost 100 by 8000.020000000001 0x8002 age 3.90625ms")
}

// TestRootIsSucceeded has a bridge that was the root, and had a topology change, hear of a better
// one, and lose it again.
func TestRootIsSucceeded(t *testing.T) {
	r := newRig(t, bridgeConfig(1), 1)
	r.m.Start(r.now)
	r.to(31 * time.Second)
	r.log = nil
	b := better(0)
	b.ForwardDelay, b.MaxAge, b.HelloTime = 0, 18*time.Second, 7*time.Second
	r.receive(1, b)
	r.took("31s port 1 sends tcn", "31s change false")
	s := r.m.Status()
	if s.ForwardDelay != MinForwardDelay || s.MaxAge != 18*time.Second || s.HelloTime != 7*time.Second {
		t.Errorf("the root's times: %+v", s)
	}
	if s.BridgeForwardDelay != DefaultForwardDelay || s.BridgeMaxAge != DefaultMaxAge || s.BridgeHelloTime != DefaultHelloTime {
		t.Errorf("the bridge's own times: %+v", s)
	}
	r.must(r.m.SetTimes(time.Second, 6*time.Second, 30*time.Second))
	if s := r.m.Status(); s.ForwardDelay != MinForwardDelay || s.BridgeForwardDelay != 30*time.Second {
		t.Errorf("a bridge that is not the root changes the root's times: %+v", s)
	}
	r.must(r.m.DisablePort(r.now, 1))
	r.took("31s port 1 disabled", "31s change true")
	if s := r.m.Status(); s.ForwardDelay != 30*time.Second || s.MaxAge != 6*time.Second || s.HelloTime != time.Second {
		t.Errorf("the root's times: %+v", s)
	}
}

func TestPortsOfOneSegment(t *testing.T) {
	r := newRig(t, bridgeConfig(1), 1, 2)
	r.m.Start(r.now)
	r.log = nil
	id := BridgeID{0x8000, switchdev.MAC{2, 5: 1}}
	r.receive(2, BPDU{Root: id, Bridge: id, Port: 0x8001, MaxAge: 20 * time.Second, ForwardDelay: 15 * time.Second})
	r.took("0s port 2 blocking")
	if a, b := r.port(1).Role, r.port(2).Role; a != RoleDesignated || b != RoleBackup {
		t.Errorf("roles %v, %v", a, b)
	}
	// A port that hears itself stays what it is.
	r.receive(1, BPDU{Root: id, Bridge: id, Port: 0x8001, MaxAge: 20 * time.Second, ForwardDelay: 15 * time.Second})
	if s := r.port(1); s.Role != RoleDesignated || !s.MessageAge.IsZero() {
		t.Errorf("port 1: %+v", s)
	}
	// It answers the other, which may not know.
	r.log = nil
	r.receive(1, BPDU{Root: id, Bridge: id, Port: 0x8002, MaxAge: 20 * time.Second, ForwardDelay: 15 * time.Second})
	r.took("0s port 1 sends " + own1)
	// All that is the bridge's own, whatever it is called; also as the root.
	r.m.SetPriority(r.now, 0x9000)
	r.m.SetMAC(r.now, switchdev.MAC{2, 5: 2})
	if a, b := r.port(1).Role, r.port(2).Role; a != RoleDesignated || b != RoleBackup {
		t.Errorf("roles %v, %v under another name", a, b)
	}
}

func TestOldRootFollowsTheNewOne(t *testing.T) {
	r := newRig(t, bridgeConfig(1), 1)
	r.m.Start(r.now)
	r.to(40 * time.Second) // the topology changes, on its own until 65 s
	b := better(0)
	b.TopologyChange = true
	for d := 40 * time.Second; d <= 80*time.Second; d += 10 * time.Second {
		r.to(d)
		r.log = nil
		r.receive(1, b)
		checkSound(t, r.m)
	}
	r.to(83 * time.Second)
	r.took("82s port 1 sends tcn") // nobody has acknowledged it
	b.TopologyChange = false
	r.receive(1, b)
	r.took("83s change false")
}

// TestOneInstantIsInOrder has the end of a topology change coincide with a hello.
func TestOneInstantIsInOrder(t *testing.T) {
	cfg := bridgeConfig(1)
	cfg.HelloTime = 5 * time.Second
	r := newRig(t, cfg, 1)
	r.m.Start(r.now)
	r.to(64 * time.Second)
	r.log = nil
	r.to(65 * time.Second)
	r.took("65s change false", "65s port 1 sends "+own1)
}

func TestPathCostAndPriorityTellAtOnce(t *testing.T) {
	r := newRig(t, bridgeConfig(1), 1, 2)
	r.m.Start(r.now)
	r.receive(1, better(0))
	second := better(0)
	second.Port = 0x8002
	r.receive(2, second)
	want := func(root switchdev.PortID, cost uint32) {
		t.Helper()
		s := r.m.Status()
		if s.RootPort != root || s.RootPathCost != cost || r.port(3-root).Role != RoleAlternate {
			t.Errorf("root port %v, cost %d, want %v, %d; the other is %v", s.RootPort, s.RootPathCost, root, cost, r.port(3-root).Role)
		}
	}
	want(1, 100)
	r.must(r.m.SetPathCost(r.now, 1, 101))
	want(2, 100)
	r.must(r.m.SetPathCost(r.now, 1, 100))
	want(1, 100)
	r.receive(1, second) // one segment now: the ports' own priority decides
	want(1, 100)
	r.must(r.m.SetPortPriority(r.now, 2, 31))
	want(2, 100)
}

func TestOnlyDesignatedPortsHaveSomethingToSend(t *testing.T) {
	for _, cost := range []uint32{0, 1000} { // port 1 is to be the root port, or blocked
		r := newRig(t, bridgeConfig(1), 1, 2)
		r.m.Start(r.now)
		r.receive(2, better(0))
		r.receive(1, BPDU{Kind: KindTCN})
		r.receive(1, BPDU{Kind: KindTCN})
		if p := r.port(1); !p.ConfigPending || !p.TopologyChangeAck {
			t.Fatalf("nothing is pending: %+v", p)
		}
		r.must(r.m.SetPathCost(r.now, 1, 1+cost))
		r.receive(1, better(0))
		if p := r.port(1); p.Role == RoleDesignated || p.ConfigPending || p.TopologyChangeAck {
			t.Errorf("%+v", p)
		}
	}
}

func TestGuardDisablesThePort(t *testing.T) {
	r := newRig(t, bridgeConfig(1), 1)
	r.must(r.m.AddPort(PortConfig{ID: 2, Guard: true}))
	r.must(r.m.EnablePort(r.now, 2))
	r.m.Start(r.now)
	r.log = nil
	r.receive(2, better(0))
	r.took("0s port 2 disabled")
	if r.m.Receive(r.now, 2, better(0).AppendFrame(nil, switchdev.MAC{2})) {
		t.Error("a disabled port takes a BPDU")
	}
	r.must(r.m.SetGuard(2, false))
	r.must(r.m.EnablePort(r.now, 2))
	r.took("0s port 2 blocking", "0s port 2 listening")
	r.receive(2, better(0))
	if got := r.m.Status().RootPort; got != 2 {
		t.Errorf("root port %v", got)
	}
}

func TestRootBlockKeepsThePortListening(t *testing.T) {
	r := newRig(t, bridgeConfig(1), 1)
	r.must(r.m.SetRootBlock(1, true))
	r.m.Start(r.now)
	r.to(31 * time.Second)
	r.log = nil
	r.receive(1, better(0))
	r.took("31s port 1 listening")
	if s := r.m.Status(); s.RootPort != 0 || s.Root != s.Bridge || r.port(1).Role != RoleDesignated {
		t.Errorf("%+v, port %+v", s, r.port(1))
	}
	r.to(45 * time.Second)
	r.receive(1, better(0)) // begins anew
	r.log = nil
	r.to(59 * time.Second)
	if s := r.port(1).State; s != switchdev.PortListening {
		t.Errorf("port is %v", s)
	}
	r.to(75 * time.Second)
	if s := r.port(1).State; s != switchdev.PortForwarding {
		t.Errorf("port is %v", s)
	}
}

func TestDisabledPortHasNoTimers(t *testing.T) {
	r := newRig(t, bridgeConfig(1), 1, 2)
	r.m.Start(r.now)
	r.receive(1, better(0)) // sends by port 2
	for id := range switchdev.PortID(2) {
		id++
		if p := r.port(id); p.ForwardDelay.IsZero() || p.MessageAge.IsZero() != (id == 2) || p.Hold.IsZero() != (id == 1) {
			t.Fatalf("%+v", p)
		}
		r.must(r.m.DisablePort(r.now, id))
		if p := r.port(id); !p.ForwardDelay.IsZero() || !p.MessageAge.IsZero() || !p.Hold.IsZero() || p.Enabled {
			t.Errorf("%+v", p)
		}
	}
}

// TestPortThatIsBlockedIsATopologyChange has a port that forwards hear of a bridge that is
// nearer to the root, and one that listens, of which nobody needs to know.
func TestPortThatIsBlockedIsATopologyChange(t *testing.T) {
	nearer := better(0)
	nearer.Bridge.MAC[5], nearer.RootPathCost = 1, 50
	for _, c := range []struct {
		begin time.Duration
		want  []string
	}{
		{10 * time.Second, []string{"10s port 2 blocking"}},
		{16 * time.Second, []string{"16s port 2 blocking", "16s port 1 sends tcn"}},
		{31 * time.Second, []string{"31s port 2 blocking", "31s port 1 sends tcn"}},
	} {
		r := newRig(t, bridgeConfig(1), 1, 2)
		r.m.Start(r.now)
		r.receive(1, better(0))
		r.to(c.begin / 2)
		r.receive(1, better(0))
		r.to(c.begin)
		ack := better(0)
		ack.TopologyChangeAck = true
		r.receive(1, ack)
		r.log = nil
		r.receive(2, nearer)
		r.took(c.want...)
	}
}
