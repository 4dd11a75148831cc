package stp

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// twin is a machine that is to be like the kernel's bridge, and the last frame that it
// sent by each port.
type twin struct {
	*Machine
	now  time.Time
	sent map[switchdev.PortID][][]byte
}

func newTwin(t *testing.T, cfg Config, ports int) *twin {
	w := &twin{now: epoch, sent: map[switchdev.PortID][][]byte{}}
	cfg.MAC = kernelMAC()
	w.Machine = New(cfg, w)
	for n := 1; n <= ports; n++ {
		id := switchdev.PortID(n)
		cfg := PortConfig{ID: id, MAC: portMAC(n), Priority: DefaultPortPriority, PathCost: 100}
		if err := errors.Join(w.AddPort(cfg), w.EnablePort(w.now, id)); err != nil {
			t.Fatal(err)
		}
	}
	w.Start(w.now)
	return w
}

func (w *twin) SetState(switchdev.PortID, switchdev.PortState) {}
func (w *twin) TopologyChange(bool)                            {}
func (w *twin) Send(p switchdev.PortID, frame []byte)          { w.sent[p] = append(w.sent[p], frame) }

func (w *twin) pass(d time.Duration) {
	for end := w.now.Add(d); ; {
		next := w.Next()
		if next.IsZero() || next.After(end) {
			w.now = end
			return
		}
		w.now = next
		w.Poll(next)
	}
}

// last returns what the twin sent last by port n, as it is on the wire.
func (w *twin) last(t *testing.T, n int) (BPDU, []byte) {
	t.Helper()
	all := w.sent[switchdev.PortID(n)]
	if len(all) == 0 {
		t.Fatalf("port %d: the twin has sent nothing", n)
	}
	b, _ := Parse(all[len(all)-1])
	return b, all[len(all)-1]
}

// TestKernelSendsTheSameFrames takes a bridge of Linux through the life of a root that
// finds its master, and a machine with it, and compares the octets.
func TestKernelSendsTheSameFrames(t *testing.T) {
	k := newKernelBridge(t, 2, "stp_state", "1", "forward_delay", "200", "hello_time", "100", "max_age", "600", "priority", "28672")
	w := newTwin(t, Config{Priority: 28672, ForwardDelay: 2 * time.Second, HelloTime: time.Second, MaxAge: 6 * time.Second}, 2)
	k.up()

	same := func(what string, n int, want func(BPDU) bool) {
		t.Helper()
		got, frame := k.next(n, want)
		b, ours := w.last(t, n)
		age := got.MessageAge - b.MessageAge
		got.MessageAge = b.MessageAge // either may have held it back
		if age.Abs() > 2*HoldTime || !bytes.Equal(got.AppendFrame(nil, portMAC(n)), ours) {
			t.Errorf("%s: by port %d the kernel sends\n%x, the machine\n%x", what, n, frame, ours)
		}
	}
	changing := func(on bool) func(BPDU) bool {
		return func(b BPDU) bool { return b.Kind == KindConfig && b.TopologyChange == on }
	}
	w.pass(time.Second)
	same("alone", 1, changing(false))
	same("alone", 2, changing(false))
	w.pass(4 * time.Second)
	same("forwarding", 1, changing(true))
	same("forwarding", 2, changing(true))

	acknowledged := func(b BPDU) bool { return b.TopologyChangeAck }
	w.pass(HoldTime / 2)
	w.Receive(w.now, 2, k.send(2, BPDU{Kind: KindTCN}))
	w.pass(HoldTime * 3 / 4)
	same("acknowledging", 2, acknowledged)

	root := better(5500 * time.Millisecond)
	root.MaxAge, root.HelloTime, root.ForwardDelay = 8*time.Second, 3*time.Second, 25*time.Second
	w.sent = map[switchdev.PortID][][]byte{}
	frame := k.send(1, root)
	w.Receive(w.now, 1, frame)
	same("notifying", 1, func(b BPDU) bool { return b.Kind == KindTCN })
	if len(w.sent[2]) == 0 { // it is held back, a hello was just before
		w.pass(HoldTime)
	}
	same("relaying", 2, func(b BPDU) bool { return b.Root == root.Root })

	// It is not repeated, so it is forgotten two and a half seconds later.
	w.pass(root.MaxAge - root.MessageAge)
	same("root again", 1, func(b BPDU) bool { return b.Kind == KindConfig && b.Root != root.Root })
}

// TestKernelBelievesItsBackupPort shows that the difference of TestBackupPortIsNoWayToTheRoot
// is one. If it fails Linux has come to the same rule, and the package's documentation is wrong.
func TestKernelBelievesItsBackupPort(t *testing.T) {
	k := newKernelBridge(t, 3, "stp_state", "1")
	k.up()
	root := func(want string) {
		t.Helper()
		got := k.await(func(v []string) bool { return v[0] == want }, "bridge/root_port")
		if got[0] != want {
			t.Errorf("root port %s, want %s", got[0], want)
		}
	}
	k.send(1, better(0))
	root("1")
	echo := better(tick)
	echo.RootPathCost, echo.Bridge, echo.Port = 100, BridgeID{DefaultPriority, kernelMAC()}, 0x8002
	k.send(3, echo)
	k.await(func(v []string) bool { return v[0] == "32770" }, "brif/p3/designated_port")
	k.ip("-n", k.ns, "link", "set", "p1", "down")
	root("3")
}

// attributes are the files that say what the tree is, and what the machine would write there.
func attributes(ports int) []string {
	files := []string{"bridge/root_id", "bridge/root_port", "bridge/root_path_cost", "bridge/topology_change",
		"bridge/topology_change_detected"}
	for n := 1; n <= ports; n++ {
		for _, f := range []string{"state", "designated_root", "designated_cost", "designated_bridge", "designated_port", "port_id"} {
			files = append(files, fmt.Sprintf("brif/p%d/%s", n, f))
		}
	}
	return files
}

func (w *twin) attributes(ports int) (values []string) {
	bit := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	s := w.Status()
	values = append(values, s.Root.String(), s.RootPort.String(), fmt.Sprint(s.RootPathCost),
		fmt.Sprint(bit(s.TopologyChange)), fmt.Sprint(bit(s.TopologyChangeDetected)))
	for n := 1; n <= ports; n++ {
		p, _ := w.Port(switchdev.PortID(n))
		values = append(values, fmt.Sprint(uint8(p.State)), p.DesignatedRoot.String(), fmt.Sprint(p.DesignatedCost),
			p.DesignatedBridge.String(), fmt.Sprint(uint16(p.DesignatedPort)), p.Port.String())
	}
	return values
}

// TestKernelThinksTheSame sends the same random BPDUs to a bridge of Linux and to a
// machine, changes both in between, and compares what they make of it. The times are so long
// that no timer comes into it.
func TestKernelThinksTheSame(t *testing.T) {
	const ports, rounds = 4, 500
	k := newKernelBridge(t, ports, "stp_state", "1", "forward_delay", "3000", "hello_time", "1000", "max_age", "4000", "priority", "32768")
	w := newTwin(t, Config{Priority: 32768, ForwardDelay: 30 * time.Second, HelloTime: 10 * time.Second, MaxAge: 40 * time.Second}, ports)
	k.up()
	rng := rand.New(rand.NewPCG(5, 6))
	files := attributes(ports)
	trail := ""
	for round := range rounds {
		what := change(rng, k, w, ports)
		if round%20 == 0 {
			trail = ""
		}
		trail += what + "\n"
		want := w.attributes(ports)
		got := k.await(func(values []string) bool { return slices.Equal(values, want) }, files...)
		for i, f := range files {
			if got[i] != want[i] {
				t.Errorf("round %d: %s is %s in the kernel, %s in the machine", round, f, got[i], want[i])
			}
		}
		if t.Failed() {
			t.Fatalf("after\n%s", trail)
		}
	}
}

// change does one thing to both.
func change(rng *rand.Rand, k *kernelBridge, w *twin, ports int) string {
	n := 1 + rng.IntN(ports)
	id, near := switchdev.PortID(n), fmt.Sprintf("p%d", n)
	var err error
	what := ""
	switch rng.IntN(24) {
	default:
		b := neighbourBPDU(rng)
		w.Receive(w.now, id, k.send(n, b))
		return fmt.Sprintf("port %d: %s", n, show(b))
	case 0, 1, 2:
		w.Receive(w.now, id, k.send(n, BPDU{Kind: KindTCN}))
		return fmt.Sprintf("port %d: TCN", n)
	case 7, 8:
		frame := damage(rng, neighbourBPDU(rng).AppendFrame(nil, switchdev.MAC{2, 0xee}))
		w.Receive(w.now, id, k.inject(n, frame))
		return fmt.Sprintf("port %d: %x", n, frame)
	case 3:
		what = fmt.Sprintf("port %d down and up", n)
		k.ip("-n", k.ns, "link", "set", near, "down")
		err = w.DisablePort(w.now, id)
		k.ip("-n", k.ns, "link", "set", near, "up")
		k.awaitPort(n)
		err = errors.Join(err, w.EnablePort(w.now, id))
	case 4:
		cost := uint32(1 + rng.IntN(200))
		what = fmt.Sprintf("port %d cost %d", n, cost)
		k.ip("-n", k.ns, "link", "set", near, "type", "bridge_slave", "cost", fmt.Sprint(cost))
		err = w.SetPathCost(w.now, id, cost)
	case 5:
		prio := uint16(rng.IntN(16)) << 12
		what = fmt.Sprintf("bridge priority %#x", prio)
		k.ip("-n", k.ns, "link", "set", "br0", "type", "bridge", "priority", fmt.Sprint(prio))
		w.SetPriority(w.now, prio)
	case 6:
		mac := switchdev.MAC{2, 0xdd, byte(1 + rng.IntN(200))}
		what = fmt.Sprintf("bridge address %v", mac)
		k.ip("-n", k.ns, "link", "set", "br0", "address", mac.String())
		w.SetMAC(w.now, mac)
	}
	if err != nil {
		k.t.Fatal(err)
	}
	return what
}

// damage changes something that makes a frame a BPDU, or its length.
func damage(rng *rand.Rand, frame []byte) []byte {
	const start = headerLen + llcLen
	switch rng.IntN(3) {
	case 0:
		return frame[:start+rng.IntN(len(frame)-start)]
	case 1:
		return append(frame, make([]byte, rng.IntN(20))...)
	}
	at := []int{5, 12, 13, 14, 15, 16, 17, 18, 19, 20}[rng.IntN(10)]
	frame[at] = []byte{0, 1, 2, 3, 0x25, 0x27, 0x42, 0x80, 0xbf}[rng.IntN(9)]
	return frame
}

// neighbourBPDU is from few bridges and ports, so that all comparisons are decided at every
// place. None is the bridge itself: there the machine differs, and knows why.
func neighbourBPDU(rng *rand.Rand) BPDU {
	id := func() BridgeID {
		return BridgeID{uint16(1+rng.IntN(10)) << 12, switchdev.MAC{2, 0xaa, 5: byte(rng.IntN(2))}}
	}
	return BPDU{
		TopologyChange: rng.IntN(2) == 0, TopologyChangeAck: rng.IntN(4) == 0,
		Root: id(), RootPathCost: uint32(rng.IntN(3)) * 50, Bridge: id(), Port: PortIdentifier(0x8001 + rng.IntN(2)),
		MessageAge: time.Duration(rng.IntN(3)) * time.Second, MaxAge: 200 * time.Second, HelloTime: 10 * time.Second,
		ForwardDelay: 100 * time.Second,
	}
}
