package stp

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// TestTopologyChangeReachesEveryBridge lets a port far from the root come up in a
// random tree. When it forwards the root must hear of it at once, all bridges must shorten
// their ageing within a hello time and a hold time for every hop, and stop when the
// root has said so for its max age and forward delay.
func TestTopologyChangeReachesEveryBridge(t *testing.T) {
	const delay = 10 * time.Millisecond
	for seed := range uint64(60) {
		w := newWorld(t, seed)
		for i := range 2 + w.rng.IntN(7) {
			n := w.addBridge(Config{Priority: uint16(i) << 12, MAC: switchdev.MAC{2, 5: byte(i)}})
			if i > 0 { // to one that is there already: a tree
				s := w.addWire(delay)
				w.connect(w.bridges[w.rng.IntN(i)], s, 4, 32)
				w.connect(n, s, 4, 32)
			}
		}
		root, far := w.bridges[0], w.bridges[1+w.rng.IntN(len(w.bridges)-1)]
		station := w.connect(far, w.addWire(delay), 4, 32)
		station.set(false)
		w.run(w.settled())
		w.compare()

		losses := w.rng.IntN(3) // of the first notices, somewhere
		w.lost = func(_ *plug, b BPDU) bool {
			if b.Kind != KindTCN || losses == 0 {
				return false
			}
			losses--
			return true
		}
		resent := time.Duration(losses) * DefaultHelloTime
		station.set(true)
		w.run(2 * DefaultForwardDelay)
		begin := w.now
		if station.state != switchdev.PortForwarding {
			w.fail("%v is %v", station, station.state)
		}
		hops := time.Duration(len(w.bridges))
		news := hops * (HoldTime + delay)
		w.run(resent + hops*delay)
		if !root.change || root.changed.Sub(begin) > resent+hops*delay {
			w.fail("the root does not know of the topology change\n%s", w.show())
		}
		noted := root.changed
		w.run(DefaultHelloTime + news)
		for _, n := range w.bridges {
			s := n.m.Status()
			if !n.change || !s.TopologyChange {
				w.fail("bridge %d does not know of the topology change\n%s", n.name, w.show())
			}
			if s.TopologyChangeDetected != (n == root) {
				w.fail("bridge %d has detected it: %v\n%s", n.name, s.TopologyChangeDetected, w.show())
			}
		}
		// The last notice may have been repeated while its acknowledgement was held back.
		over := noted.Add(DefaultMaxAge + DefaultForwardDelay)
		w.run(over.Sub(w.now) - 1)
		for _, n := range w.bridges {
			if !n.change {
				w.fail("for bridge %d the topology change was over at %v\n%s", n.name, n.changed.Sub(epoch), w.show())
			}
		}
		w.run(2*DefaultHelloTime + 1 + news)
		for _, n := range w.bridges {
			if n.change {
				w.fail("for bridge %d the topology change is not over\n%s", n.name, w.show())
			}
		}
	}
}

// TestSilenceIsNoticed cuts a link of which no bridge notices the end of the carrier:
// the blocked way round is forwarding a max age and two forward delays later.
func TestSilenceIsNoticed(t *testing.T) {
	w := newWorld(t, 1)
	for i := range 3 {
		w.addBridge(Config{MAC: switchdev.MAC{2, 5: byte(i)}})
	}
	for i := range 3 {
		s := w.addWire(time.Millisecond)
		w.connect(w.bridges[i], s, 10, 32)
		w.connect(w.bridges[(i+1)%3], s, 10, 32)
	}
	w.run(w.settled())
	w.compare()
	spare := w.bridges[2].plugs[0] // from bridge 1, which is as far from the root
	cut := w.bridges[2].plugs[1]
	if spare.state != switchdev.PortBlocking || cut.state != switchdev.PortForwarding {
		w.fail("the tree is not as it was meant\n%s", w.show())
	}
	cut.wire.dead = true
	w.run(DefaultMaxAge - DefaultHelloTime - 10*time.Millisecond)
	if got := w.bridges[2].m.Status().RootPort; got != cut.id {
		w.fail("root port %v, although the information is not old enough", got)
	}
	w.run(DefaultHelloTime + 20*time.Millisecond)
	if got := w.bridges[2].m.Status().RootPort; got != spare.id {
		w.fail("root port %v, although the information is too old", got)
	}
	w.run(2*DefaultForwardDelay - 20*time.Millisecond - DefaultHelloTime)
	if spare.state == switchdev.PortForwarding {
		w.fail("%v forwards too early", spare)
	}
	w.run(20*time.Millisecond + DefaultHelloTime)
	if spare.state != switchdev.PortForwarding {
		w.fail("%v is %v", spare, spare.state)
	}
}

// busy returns a machine in the middle of things: with a root port, a blocked, a guarded, a
// disabled and a designated port.
func busy(t *testing.T) *rig {
	r := newRig(t, bridgeConfig(1), 1, 2, 3, 4, 5)
	r.m.Start(r.now)
	r.to(31 * time.Second)
	r.receive(1, better(0))
	r.receive(2, better(0))
	r.receive(3, BPDU{Kind: KindTCN})
	r.must(r.m.DisablePort(r.now, 4))
	r.must(r.m.SetGuard(5, true))
	r.log = nil
	return r
}

// mutate damages a frame, or leaves it as it is.
func mutate(rng *rand.Rand, frame []byte) []byte {
	for range rng.IntN(4) {
		switch i := rng.IntN(len(frame)); rng.IntN(4) {
		case 0:
			frame = frame[:i+1]
		case 1:
			frame[i] = byte(rng.Uint32())
		case 2:
			frame[i] ^= 1 << rng.IntN(8)
		case 3:
			frame = append(frame, byte(rng.Uint32()))
		}
	}
	return frame
}

// TestMalformedFramesChangeNothing damages frames: what is not taken must not leave
// a trace, and what is taken must leave a machine that works.
func TestMalformedFramesChangeNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	refused := 0
	for range 200 {
		r := busy(t)
		for range 50 {
			frame := mutate(rng, randomBPDU(rng).AppendFrame(nil, switchdev.MAC{2}))
			port := switchdev.PortID(rng.IntN(7))
			before := everything(r.m)
			r.log = nil
			if r.m.Receive(r.now, port, frame) {
				r.now = r.now.Add(time.Duration(rng.Int64N(int64(3 * time.Second))))
				r.m.Poll(r.now)
				continue
			}
			refused++
			if after := everything(r.m); after != before || r.log != nil {
				t.Fatalf("port %v does not take %x, but %q\n%s\n%s", port, frame, r.log, before, after)
			}
		}
		checkSound(t, r.m)
	}
	if refused < 1000 {
		t.Errorf("only %d frames were refused", refused)
	}
}

// checkSound fails if a machine contradicts itself.
func checkSound(t *testing.T, m *Machine) {
	t.Helper()
	s := m.Status()
	root := RoleDisabled
	if p, ok := m.Port(s.RootPort); ok {
		root = p.Role
	}
	if s.RootPort == 0 != (s.Root == s.Bridge) || s.RootPort == 0 && s.RootPathCost != 0 || s.RootPort != 0 && root != RoleRoot {
		t.Fatalf("%+v, root port %v", s, root)
	}
	if s.Root.Compare(s.Bridge) > 0 {
		t.Fatalf("%+v: the root is worse than the bridge", s)
	}
	isRoot := s.RootPort == 0
	if s.Started == m.Next().IsZero() || s.Started && isRoot == s.Hello.IsZero() || isRoot && !s.TCN.IsZero() ||
		!s.TopologyChangeEnd.IsZero() && !(isRoot && s.TopologyChange && s.TopologyChangeDetected) {
		t.Fatalf("%+v: timers", s)
	}
	for _, p := range m.ports {
		ps, _ := m.Port(p.id)
		if ps.State == switchdev.PortDisabled {
			if !ps.MessageAge.IsZero() || !ps.Hold.IsZero() || ps.DesignatedBridge != s.Bridge || ps.ConfigPending || ps.TopologyChangeAck {
				t.Fatalf("%+v", ps)
			}
		}
		blocked := ps.Role == RoleAlternate || ps.Role == RoleBackup
		if blocked != (ps.State == switchdev.PortBlocking) || (ps.Role == RoleDisabled) != (ps.State == switchdev.PortDisabled) {
			t.Fatalf("%+v", ps)
		}
		moving := ps.State == switchdev.PortListening || ps.State == switchdev.PortLearning
		if moving == ps.ForwardDelay.IsZero() {
			t.Fatalf("%+v: forward delay timer", ps)
		}
	}
}

// FuzzReceive gives a busy machine what it likes, at times that it likes.
func FuzzReceive(f *testing.F) {
	f.Add(unhex(f, vectors()[0].frame), byte(1), uint16(100))
	f.Add(unhex(f, vectors()[1].frame), byte(2), uint16(20000))
	f.Add(unhex(f, vectors()[2].frame), byte(3), uint16(0))
	f.Fuzz(func(t *testing.T, frame []byte, port byte, wait uint16) {
		r := busy(t)
		before := everything(r.m)
		taken := r.m.Receive(r.now, switchdev.PortID(port), frame)
		if !taken && everything(r.m) != before {
			t.Fatal("a frame that was not taken has changed the machine")
		}
		checkSound(t, r.m)
		r.to(31*time.Second + time.Duration(wait)*time.Millisecond)
		checkSound(t, r.m)
		r.m.Stop(r.now)
		if next := r.m.Next(); !next.IsZero() {
			t.Fatalf("stopped, and wants to be polled at %v", next)
		}
	})
}

// TestCostNearInfinityIsFar has a neighbour claim to be so far away that the sum would
// not fit.
func TestCostNearInfinityIsFar(t *testing.T) {
	r := newRig(t, bridgeConfig(1), 1, 2)
	r.m.Start(r.now)
	far, near := better(0), better(0)
	far.RootPathCost, near.RootPathCost = 1<<32-50, 1000
	near.Bridge.MAC[5] = 7
	r.receive(1, far)
	if s := r.m.Status(); s.RootPort != 1 || s.RootPathCost != 1<<32-1 {
		t.Errorf("%+v", s)
	}
	r.receive(2, near)
	if s := r.m.Status(); s.RootPort != 2 || s.RootPathCost != 1100 {
		t.Errorf("%+v", s)
	}
}

// TestBackupPortIsNoWayToTheRoot takes the root port away from a bridge that has two
// ports on one segment: it must not believe what the one has told the other.
func TestBackupPortIsNoWayToTheRoot(t *testing.T) {
	r := newRig(t, bridgeConfig(1), 1, 2, 3)
	r.m.Start(r.now)
	r.receive(1, better(0))
	echo := better(tick)
	echo.RootPathCost, echo.Bridge, echo.Port = 100, BridgeID{0x8000, switchdev.MAC{2, 5: 1}}, 0x8002
	r.receive(3, echo)
	if got := r.port(3); got.Role != RoleBackup || got.State != switchdev.PortBlocking {
		t.Errorf("%+v", got)
	}
	r.m.SetPriority(r.now, 0x9000)
	if got := r.port(3).Role; got != RoleBackup {
		t.Errorf("with another priority it is %v", got)
	}
	r.m.SetMAC(r.now, switchdev.MAC{2, 5: 9})
	if got := r.port(3).Role; got != RoleBackup {
		t.Errorf("with another address it is %v", got)
	}
	r.must(r.m.DisablePort(r.now, 1))
	if s := r.m.Status(); s.RootPort != 0 || s.Root != s.Bridge {
		t.Errorf("%+v", s)
	}
}
