package hwsim

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// forwarded is what became of a frame of the host that is to be forwarded, as text.
func (b *bench) forwarded(port switchdev.PortID, vlan switchdev.VLAN, f []byte) string {
	b.clear()
	before := map[switchdev.PortID]PortCounters{}
	for _, p := range b.ports2() {
		before[p] = b.Port(p).Counters()
	}
	left := b.TransmitForward(port, vlan, f)
	var words []string
	for _, id := range slices.Sorted(maps.Keys(b.sent)) {
		for range b.sent[id] {
			words = append(words, id.String())
		}
	}
	for _, p := range b.ports2() {
		after := b.Port(p).Counters()
		for r := range NumDropReasons {
			for range after.Drops[r] - before[p].Drops[r] {
				words = append(words, fmt.Sprintf("drop%d:%s", p, r))
			}
		}
	}
	if left != (len(b.sent) > 0) || len(b.traps) != 0 || len(b.reports) != 0 {
		b.Errorf("said %t, traps %v, reports %v", left, b.traps, b.reports)
	}
	return fmt.Sprint(words)
}

// TestTransmitForwardGoesWhereTheChipSays: by its rows, states and flood flags, and
// never to the host.
func TestTransmitForwardGoesWhereTheChipSays(t *testing.T) {
	bc, mc := switchdev.Broadcast(), switchdev.MustParseMAC("01:00:5e:01:02:03")
	tests := []struct {
		name  string
		setup func(b *bench)
		port  switchdev.PortID
		frame []byte
		want  string
	}{
		{"unknown floods", nil, 1, frame(macB, macA), "[1 2 3]"},
		{"whichever port is named", nil, 3, frame(macB, macA), "[1 2 3]"},
		{"broadcast floods", nil, 2, frame(bc, macA), "[1 2 3]"},
		{"known goes one way", func(b *bench) { b.learn(2, macB) }, 1, frame(macB, macA), "[2]"},
		{"known at the named port", func(b *bench) { b.learn(1, macB) }, 1, frame(macB, macA), "[1]"},
		{"local is not for ports", func(b *bench) { b.must(b.fdb(setOp(macB, 0, 2, switchdev.FDBLocal))) }, 1, frame(macB, macA), "[drop1:same-port]"},
		{"known behind a blocked port", func(b *bench) { b.learn(2, macB); b.must(b.ports(stateOp(2, switchdev.PortBlocking))) }, 1, frame(macB, macA), "[drop1:state]"},
		{"known outside the domain", func(b *bench) { b.must(b.fdb(setOp(macB, 0, 4, 0))) }, 1, frame(macB, macA), "[drop1:no-port]"},
		{"blocked ports are left out", func(b *bench) { b.must(b.ports(stateOp(1, switchdev.PortLearning))) }, 1, frame(bc, macA), "[2 3]"},
		{"flood off", func(b *bench) { b.must(b.ports(flagsOp(2, 0, switchdev.PortFlood))) }, 1, frame(macB, macA), "[1 3]"},
		{"mcast_flood off", func(b *bench) { b.must(b.ports(flagsOp(2, 0, switchdev.PortMulticastFlood))) }, 1, frame(mc, macA), "[1 3]"},
		{"bcast_flood off", func(b *bench) { b.must(b.ports(flagsOp(2, 0, switchdev.PortBroadcastFlood))) }, 1, frame(bc, macA), "[1 3]"},
		{"isolated ports get it", func(b *bench) { b.must(b.ports(flagsOp(2, switchdev.PortIsolated, 0))) }, 2, frame(bc, macA), "[1 2 3]"},
		{"no flood at all", func(b *bench) {
			b.must(b.ports(flagsOp(1, 0, switchdev.PortFlood), flagsOp(2, 0, switchdev.PortFlood), flagsOp(3, 0, switchdev.PortFlood)))
		}, 1, frame(macB, macA), "[drop1:no-port]"},
		{"no carrier", func(b *bench) { b.Port(2).SetCarrier(false); b.clear() }, 1, frame(bc, macA), "[1 3 drop2:no-carrier]"},
		{"standalone port", nil, 4, frame(bc, macA), "[drop4:no-port]"},
		{"13 bytes", nil, 1, frame(bc, macA)[:13], "[drop1:short]"},
		{"1519 bytes", nil, 1, append(frame(bc, macA), make([]byte, 1519-64)...), "[drop1:long]"},
		{"no port", nil, 99, frame(bc, macA), "[]"},
	}
	for _, tt := range tests {
		b := newBench(t, Config{})
		b.join(0, 1, 2, 3)
		if tt.setup != nil {
			tt.setup(b)
		}
		rows := len(b.Rows())
		if got := b.forwarded(tt.port, 0, tt.frame); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if n := len(b.Rows()); n != rows || b.Stats().TxForwards != 1 {
			t.Errorf("%s: the chip learned, or counted %d", tt.name, b.Stats().TxForwards)
		}
		b.quiet()
	}
}

// TestTransmitForwardHandlesTags: each port sends the frame as it is a member of its
// VLAN, and what else has the look of a tag is payload.
func TestTransmitForwardHandlesTags(t *testing.T) {
	inner := tagged(macB, macA, cvlan, 20)
	tests := []struct {
		name  string
		vlan  switchdev.VLAN
		frame []byte
		want  string
		out   map[switchdev.PortID][]byte
	}{
		{"as of a VLAN", 10, frame(macB, macA), "[1 2]", map[switchdev.PortID][]byte{1: frame(macB, macA), 2: tagged(macB, macA, cvlan, 10)}},
		{"as of another", 20, frame(macB, macA), "[2 3]", map[switchdev.PortID][]byte{2: tagged(macB, macA, cvlan, 20), 3: frame(macB, macA)}},
		{"a tag inside", 10, inner, "[1 2]", map[switchdev.PortID][]byte{
			1: inner, 2: slices.Concat(inner[:12], []byte{0x81, 0, 0, 10}, inner[12:])}},
		{"its own tag", 0, tagged(macB, macA, cvlan, 20), "[2 3]", map[switchdev.PortID][]byte{2: tagged(macB, macA, cvlan, 20), 3: frame(macB, macA)}},
		{"no tag and no VLAN", 0, frame(macB, macA), "[drop1:vlan]", nil},
		{"a VLAN of nobody", 30, frame(macB, macA), "[drop1:no-port]", nil},
		{"no VLAN at all", 4095, frame(macB, macA), "[drop1:vlan]", nil},
		{"a cut tag", 0, tagged(macB, macA, cvlan, 10)[:16], "[drop1:short]", nil},
		{"a station of the VLAN", 10, frame(macC, macA), "[2]", nil},
	}
	for _, tt := range tests {
		b := vlanBench(t)
		b.must(b.fdb(setOp(macC, 10, 2, 0)))
		if got := b.forwarded(1, tt.vlan, tt.frame); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		for id, want := range tt.out {
			if len(b.sent[id]) != 1 || !bytes.Equal(b.sent[id][0], want) {
				t.Errorf("%s: port %d sent %x, want %x", tt.name, id, b.sent[id], want)
			}
		}
	}
	b := newBench(t, Config{})
	b.join(0, 1, 2)
	if got := b.forwarded(1, 10, inner); got != "[1 2]" || !bytes.Equal(b.sent[2][0], inner) {
		t.Errorf("without filtering: %s, %x", got, b.sent[2])
	}
}

// TestTransmitForwardByALAG: one copy for the group, by the link of the flow, which is
// that of a frame that came in by another port.
func TestTransmitForwardByALAG(t *testing.T) {
	b := lagBench(t, Config{Seed: 1})
	b.must(b.fdb(setOp(mac(1), 0, 9, 0)))
	for i := range uint32(50) {
		f := flow(mac(1), mac(2), i, 1)
		b.Port(1).Ingress(f)
		want := b.sender(2, 3, 4)
		b.TransmitForward(9, 0, f)
		if got := b.sender(1, 2, 3, 4); got != want {
			t.Fatalf("flow %d goes by %d, and from the host by %d", i, want, got)
		}
		b.Transmit(9, f)
		if got := b.sender(1, 2, 3, 4); got != want {
			t.Fatalf("flow %d goes by %d, and alone from the host by %d", i, want, got)
		}
	}
	if !b.TransmitForward(2, 0, frame(mac(1), mac(2))) || b.sender(2, 3, 4) == 0 {
		t.Error("a link stands for its group")
	}
	_ = b.Close()
	if b.TransmitForward(9, 0, frame(mac(1), mac(2))) {
		t.Error("sent by a chip that is closed")
	}
}
