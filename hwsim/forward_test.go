package hwsim

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

const (
	svlan = switchdev.EtherTypeSVLAN
	cvlan = switchdev.EtherTypeVLAN
)

// outcome is what became of one frame, as text: "2 3 host:unknown+" was sent out
// of ports 2 and 3, and the host got a copy marked as forwarded.
func (b *bench) outcome(port switchdev.PortID, f []byte) string {
	b.clear()
	before := map[switchdev.PortID]PortCounters{}
	for _, p := range b.ports2() {
		before[p] = b.Port(p).Counters()
	}
	b.Port(port).Ingress(f)
	var words []string
	for _, id := range slices.Sorted(maps.Keys(b.sent)) {
		for range b.sent[id] {
			words = append(words, id.String())
		}
	}
	for _, h := range b.traps {
		mark := ""
		if h.Forwarded {
			mark = "+"
		}
		words = append(words, "host:"+h.Reason.String()+mark)
	}
	for _, p := range b.ports2() {
		after := b.Port(p).Counters()
		for r := range NumDropReasons {
			for range after.Drops[r] - before[p].Drops[r] {
				words = append(words, fmt.Sprintf("drop%d:%s", p, r))
			}
		}
	}
	return fmt.Sprint(words)
}

func (b *bench) ports2() []switchdev.PortID {
	infos, _ := b.Ports(b.Context())
	ids := make([]switchdev.PortID, len(infos))
	for i := range infos {
		ids[i] = infos[i].ID
	}
	return ids
}

// TestForwardDecides holds the data plane against what Linux does
// (net/bridge/br_input.c, br_forward.c, br_vlan.c).
func TestForwardDecides(t *testing.T) {
	bc := switchdev.Broadcast()
	mc := switchdev.MustParseMAC("01:00:5e:01:02:03")
	tests := []struct {
		name  string
		setup func(b *bench)
		port  switchdev.PortID
		frame []byte
		want  string
	}{
		{"unknown unicast floods", nil, 1, frame(macB, macA), "[2 3 host:unknown+]"},
		{"broadcast floods", nil, 1, frame(bc, macA), "[2 3 host:broadcast+]"},
		{"multicast floods", nil, 1, frame(mc, macA), "[2 3 host:multicast+]"},
		{"link-local goes to the host", nil, 1, frame(switchdev.MustParseMAC("01:80:c2:00:00:0e"), macA), "[host:link-local]"},
		{"BPDU on a blocking port", func(b *bench) { b.must(b.ports(stateOp(1, switchdev.PortBlocking))) }, 1,
			frame(switchdev.MustParseMAC("01:80:c2:00:00:00"), macA), "[host:link-local]"},
		{"01:80:c2:00:00:10 is ordinary", nil, 1, frame(switchdev.MustParseMAC("01:80:c2:00:00:10"), macA), "[2 3 host:multicast+]"},
		{"pause is dropped", nil, 1, frame(pauseMAC, macA), "[drop1:pause]"},
		{"zero source", nil, 1, frame(macB, switchdev.MAC{}), "[drop1:source]"},
		{"group source", nil, 1, frame(macB, mc), "[drop1:source]"},
		{"13 bytes", nil, 1, frame(macB, macA)[:13], "[drop1:short]"},
		{"14 bytes", nil, 1, frame(macB, macA)[:14], "[2 3 host:unknown+]"},
		{"1518 bytes", nil, 1, append(frame(macB, macA), make([]byte, 1518-64)...), "[2 3 host:unknown+]"},
		{"1519 bytes", nil, 1, append(frame(macB, macA), make([]byte, 1519-64)...), "[drop1:long]"},
		{"standalone port", nil, 4, frame(macB, macA), "[host:standalone]"},

		{"known goes one way", func(b *bench) { b.learn(2, macB) }, 1, frame(macB, macA), "[2]"},
		{"known on the same port", func(b *bench) { b.learn(1, macB) }, 1, frame(macB, macA), "[drop1:same-port]"},
		{"hairpin", func(b *bench) { b.learn(1, macB); b.must(b.ports(flagsOp(1, switchdev.PortHairpin, 0))) }, 1, frame(macB, macA), "[1]"},
		{"hairpin floods back", func(b *bench) { b.must(b.ports(flagsOp(1, switchdev.PortHairpin, 0))) }, 1, frame(bc, macA), "[1 2 3 host:broadcast+]"},
		{"known behind a blocked port is dropped, not flooded", func(b *bench) { b.learn(2, macB); b.must(b.ports(stateOp(2, switchdev.PortBlocking))) }, 1,
			frame(macB, macA), "[drop1:state]"},
		{"isolated pair", func(b *bench) {
			b.learn(2, macB)
			b.must(b.ports(flagsOp(1, switchdev.PortIsolated, 0), flagsOp(2, switchdev.PortIsolated, 0)))
		}, 1, frame(macB, macA), "[drop1:isolated]"},
		{"isolated does not flood to isolated", func(b *bench) {
			b.must(b.ports(flagsOp(1, switchdev.PortIsolated, 0), flagsOp(2, switchdev.PortIsolated, 0)))
		}, 1, frame(bc, macA), "[3 host:broadcast+]"},
		{"local row", func(b *bench) { b.must(b.fdb(setOp(macB, 0, 2, switchdev.FDBLocal|switchdev.FDBStatic))) }, 1, frame(macB, macA), "[host:local]"},
		{"row of the bridge", func(b *bench) { b.must(b.fdb(setOp(macB, 0, 0, switchdev.FDBStatic))) }, 1, frame(macB, macA), "[host:local]"},
		{"row of a port outside the domain", func(b *bench) { b.must(b.fdb(setOp(macB, 0, 4, switchdev.FDBStatic))) }, 1, frame(macB, macA), "[drop1:no-port]"},
		{"a static row of a group address steers nothing", func(b *bench) { b.must(b.fdb(setOp(mc, 0, 2, switchdev.FDBStatic))) }, 1, frame(mc, macA), "[2 3 host:multicast+]"},
		{"rows of another domain are not seen", func(b *bench) {
			b.join(7, 4)
			op := setOp(macB, 0, 2, switchdev.FDBStatic)
			op.Domain = 7
			b.must(b.fdb(op))
		}, 1, frame(macB, macA), "[2 3 host:unknown+]"},

		{"no flood flag", func(b *bench) { b.must(b.ports(flagsOp(2, 0, switchdev.PortFlood))) }, 1, frame(macB, macA), "[3 host:unknown+]"},
		{"no flood flag does not matter to the known", func(b *bench) { b.learn(2, macB); b.must(b.ports(flagsOp(2, 0, switchdev.PortFlood))) }, 1, frame(macB, macA), "[2]"},
		{"no multicast flood flag", func(b *bench) { b.must(b.ports(flagsOp(2, 0, switchdev.PortMulticastFlood))) }, 1, frame(mc, macA), "[3 host:multicast+]"},
		{"no broadcast flood flag", func(b *bench) { b.must(b.ports(flagsOp(2, 0, switchdev.PortBroadcastFlood))) }, 1, frame(bc, macA), "[3 host:broadcast+]"},
		{"nobody to flood to is a trap", func(b *bench) {
			b.must(b.ports(flagsOp(2, 0, switchdev.PortFlood), flagsOp(3, 0, switchdev.PortFlood)))
		}, 1, frame(macB, macA), "[host:unknown]"},

		{"disabled", func(b *bench) { b.must(b.ports(stateOp(1, switchdev.PortDisabled))) }, 1, frame(macB, macA), "[drop1:state]"},
		{"listening", func(b *bench) { b.must(b.ports(stateOp(1, switchdev.PortListening))) }, 1, frame(macB, macA), "[drop1:state]"},
		{"learning", func(b *bench) { b.must(b.ports(stateOp(1, switchdev.PortLearning))) }, 1, frame(macB, macA), "[drop1:state]"},
		{"down", func(b *bench) {
			b.must(b.ports(switchdev.PortOp{Verb: switchdev.PortSet, Port: 1, Set: switchdev.PortAttrUp}))
		}, 1, frame(macB, macA), "[drop1:down]"},
		{"no carrier in", func(b *bench) { b.Port(1).SetCarrier(false) }, 1, frame(macB, macA), "[drop1:no-carrier]"},
		{"no carrier out", func(b *bench) { b.learn(2, macB); b.Port(2).SetCarrier(false) }, 1, frame(macB, macA), "[drop2:no-carrier]"},

		{"learning off: the host learns", func(b *bench) { b.must(b.ports(flagsOp(1, 0, switchdev.PortLearns))) }, 1, frame(macB, macA), "[2 3 host:unknown+]"},
		{"learning off, destination known", func(b *bench) { b.learn(2, macB); b.must(b.ports(flagsOp(1, 0, switchdev.PortLearns))) }, 1, frame(macB, macA), "[2 host:learn+]"},
		{"learning off, destination here", func(b *bench) { b.learn(1, macB); b.must(b.ports(flagsOp(1, 0, switchdev.PortLearns))) }, 1,
			frame(macB, macA), "[host:learn+ drop1:same-port]"},
		{"learning off, source elsewhere", func(b *bench) {
			b.learn(2, macB)
			b.learn(3, macA)
			b.must(b.ports(flagsOp(1, 0, switchdev.PortLearns)))
		}, 1, frame(macB, macA), "[2 host:learn+]"},
		{"learning off, source here", func(b *bench) {
			b.learn(2, macB)
			b.learn(1, macA)
			b.must(b.ports(flagsOp(1, 0, switchdev.PortLearns)))
		}, 1, frame(macB, macA), "[2]"},
		{"a told station moved: software alone decides", func(b *bench) { b.learn(2, macB); b.must(b.fdb(setOp(macA, 0, 3, 0))) }, 1, frame(macB, macA), "[host:moved]"},
		{"a static station elsewhere: software may move it", func(b *bench) { b.learn(2, macB); b.must(b.fdb(setOp(macA, 0, 3, switchdev.FDBStatic))) }, 1,
			frame(macB, macA), "[2 host:learn+]"},
		{"a sticky station elsewhere", func(b *bench) { b.learn(2, macB); b.must(b.fdb(setOp(macA, 0, 3, switchdev.FDBSticky))) }, 1, frame(macB, macA), "[2]"},
		{"own address as source", func(b *bench) { b.must(b.fdb(setOp(macA, 0, 3, switchdev.FDBLocal))) }, 1, frame(macB, macA), "[2 3 host:unknown+]"},

		{"locked, unknown station", func(b *bench) { b.must(b.ports(flagsOp(1, switchdev.PortLocked, 0))) }, 1, frame(macB, macA), "[drop1:locked]"},
		{"locked, its station", func(b *bench) {
			b.must(b.ports(flagsOp(1, switchdev.PortLocked, 0)))
			b.must(b.fdb(setOp(macA, 0, 1, switchdev.FDBStatic), setOp(macB, 0, 2, 0)))
		}, 1, frame(macB, macA), "[2]"},
		{"locked, station of another port", func(b *bench) {
			b.must(b.ports(flagsOp(1, switchdev.PortLocked, 0)))
			b.must(b.fdb(setOp(macA, 0, 2, 0)))
		}, 1, frame(macB, macA), "[drop1:locked]"},
		{"locked with MAB, again", func(b *bench) {
			b.must(b.ports(flagsOp(1, switchdev.PortLocked|switchdev.PortMAB, 0)))
			b.learn(1, macA)
		}, 1, frame(macB, macA), "[drop1:locked]"},
		{"locked, link-local passes", func(b *bench) { b.must(b.ports(flagsOp(1, switchdev.PortLocked, 0))) }, 1,
			frame(switchdev.MustParseMAC("01:80:c2:00:00:03"), macA), "[host:link-local]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, Config{})
			b.join(0, 1, 2, 3)
			if tt.setup != nil {
				tt.setup(b)
			}
			if got := b.outcome(tt.port, tt.frame); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// vlanBench is a filtering bridge: VLAN 10 on ports 1 (untagged, PVID), 2
// (tagged) and the host, VLAN 20 on ports 2 and 3.
func vlanBench(t *testing.T) *bench {
	b := newBench(t, Config{})
	b.join(0, 1, 2, 3)
	b.must(b.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrFiltering, Filtering: true}))
	access := switchdev.VLANPVID | switchdev.VLANUntagged
	b.must(b.vlans(memberOp(1, 10, access), memberOp(2, 10, 0), memberOp(0, 10, 0), memberOp(2, 20, 0), memberOp(3, 20, access)))
	return b
}

func TestForwardKeepsVLANsApart(t *testing.T) {
	tests := []struct {
		name  string
		setup func(b *bench)
		port  switchdev.PortID
		frame []byte
		want  string
		out   []byte // of port 2, if not nil
	}{
		{"untagged takes the PVID", nil, 1, frame(macB, macA), "[2 host:unknown+]", tagged(macB, macA, cvlan, 10)},
		{"priority tag takes the PVID and keeps its priority", nil, 1, tagged(macB, macA, cvlan, 5<<13), "[2 host:unknown+]", tagged(macB, macA, cvlan, 5<<13|10)},
		{"tag of the PVID", nil, 1, tagged(macB, macA, cvlan, 10), "[2 host:unknown+]", tagged(macB, macA, cvlan, 10)},
		{"tag of no member", nil, 1, tagged(macB, macA, cvlan, 20), "[drop1:vlan]", nil},
		{"no PVID", nil, 2, frame(macB, macA), "[drop2:vlan]", nil},
		{"VLAN without the host", nil, 3, frame(macB, macA), "[2]", tagged(macB, macA, cvlan, 20)},
		{"VLAN without the host or anybody", func(b *bench) { b.must(b.ports(stateOp(2, switchdev.PortBlocking))) }, 3, frame(macB, macA), "[drop3:no-port]", nil},
		{"untagged leaves stripped", nil, 2, tagged(macB, macA, cvlan, 20), "[3]", nil},
		{"VLAN 4095", nil, 1, tagged(macB, macA, cvlan, 4095), "[drop1:short]", nil},
		{"cut tag", nil, 1, tagged(macB, macA, cvlan, 10)[:16], "[drop1:short]", nil},
		{"tag of the other protocol is none", nil, 1, tagged(macB, macA, svlan, 20), "[2 host:unknown+]",
			append(append(append([]byte(nil), macB[:]...), macA[:]...), append([]byte{0x81, 0, 0, 10}, tagged(macB, macA, svlan, 20)[12:]...)...)},
		{"service tags", func(b *bench) {
			b.must(b.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrProtocol, Protocol: svlan}))
		}, 1, frame(macB, macA), "[2 host:unknown+]", tagged(macB, macA, svlan, 10)},
		{"a station is known in its VLAN only", func(b *bench) { b.must(b.fdb(setOp(macB, 20, 2, 0))) }, 1, frame(macB, macA), "[2 host:unknown+]", nil},
		{"known in its VLAN", func(b *bench) { b.must(b.fdb(setOp(macB, 10, 2, 0))) }, 1, frame(macB, macA), "[2]", tagged(macB, macA, cvlan, 10)},
		{"known at a port outside the VLAN", func(b *bench) { b.must(b.fdb(setOp(macB, 10, 3, 0))) }, 1, frame(macB, macA), "[drop1:vlan]", nil},
		{"local where the host is no member", func(b *bench) { b.must(b.fdb(setOp(macB, 20, 0, switchdev.FDBLocal))) }, 3, frame(macB, macA), "[drop3:vlan]", nil},
		{"link-local does not mind", nil, 2, frame(switchdev.MustParseMAC("01:80:c2:00:00:02"), macA), "[host:link-local]", nil},
		{"PVID taken back", func(b *bench) { b.must(b.vlans(memberOp(1, 10, 0))) }, 1, frame(macB, macA), "[drop1:vlan]", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := vlanBench(t)
			if tt.setup != nil {
				tt.setup(b)
			}
			if got := b.outcome(tt.port, tt.frame); got != tt.want {
				t.Fatalf("got %s, want %s", got, tt.want)
			}
			if tt.out != nil && !bytes.Equal(b.sent[2][0], tt.out) {
				t.Errorf("port 2 sent\n%x, want\n%x", b.sent[2][0], tt.out)
			}
			if tt.name == "untagged leaves stripped" && !bytes.Equal(b.sent[3][0], frame(macB, macA)) {
				t.Errorf("port 3 sent %x", b.sent[3][0])
			}
		})
	}
}

func TestChipLearnsMovesAndReports(t *testing.T) {
	b := newBench(t, Config{})
	b.join(0, 1, 2, 3)
	b.clear()
	b.learn(1, macA)
	b.learn(1, macA)
	b.learn(2, macA)
	key := switchdev.FDBKey{MAC: macA}
	want := []switchdev.Report{
		{Kind: switchdev.ReportLearned, Port: 1, Epoch: 1, Key: key, Gen: 1}, // the gens of the joins
		{Kind: switchdev.ReportLearned, Port: 2, Epoch: 1, Key: key, Gen: 2},
	}
	if !slices.Equal(b.reports, want) {
		t.Errorf("reports %+v, want %+v", b.reports, want)
	}
	if got := fmt.Sprint(b.Rows()[0]); got != "domain 0 02:00:00:00:00:0a dev 2 hw_learned" {
		t.Errorf("row: %s", got)
	}
}

// TestTellsOfLiveStationsOncePerSecond: what Linux expects of drivers whose
// entries would age otherwise.
func TestTellsOfLiveStationsOncePerSecond(t *testing.T) {
	b := newBench(t, Config{})
	b.join(0, 1, 2)
	b.must(b.fdb(setOp(macA, 0, 1, 0), setOp(macB, 0, 1, switchdev.FDBStatic)))
	b.clear()
	for range 35 {
		b.after(100 * time.Millisecond)
		b.learn(1, macA)
		b.learn(1, macB)
	}
	if len(b.reports) != 3 {
		t.Errorf("%d reports in 3.5 s of traffic, want 3: %+v", len(b.reports), b.reports)
	}
	for _, r := range b.reports {
		if r.Key.MAC != macA || r.Port != 1 || r.Kind != switchdev.ReportLearned || r.Token != 0 {
			t.Errorf("%+v", r)
		}
	}
}

func TestMABNotesLockedStations(t *testing.T) {
	b := newBench(t, Config{})
	b.join(0, 1, 2)
	b.must(b.ports(flagsOp(1, switchdev.PortLocked|switchdev.PortMAB, 0)))
	b.clear()
	b.learn(1, macA)
	if len(b.reports) != 1 || !b.reports[0].Locked || b.reports[0].Port != 1 {
		t.Fatalf("reports %+v", b.reports)
	}
	if rows := b.Rows(); len(rows) != 1 || rows[0].Flags != switchdev.FDBLocked|switchdev.FDBHWLearned {
		t.Fatalf("rows %v", rows)
	}
	b.must(b.fdb(setOp(macA, 0, 1, 0))) // authorised
	if got := b.outcome(1, frame(macB, macA)); got != "[2 host:unknown+]" {
		t.Error(got)
	}
}

func TestAgeingRemovesWhatTheChipLearned(t *testing.T) {
	b := newBench(t, Config{})
	b.join(0, 1, 2)
	b.must(b.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrAgeing, Ageing: 10 * time.Second}))
	b.learn(1, macA)
	b.must(b.fdb(setOp(macB, 0, 2, 0)))
	b.after(4 * time.Second)
	b.learn(2, macC)
	if next := b.after(0); next != b.now.Add(6*time.Second) {
		t.Errorf("next %v", next.Sub(b.now))
	}
	b.after(2 * time.Second)
	b.learn(1, macA) // refreshed at 6 s
	b.clear()
	b.after(4*time.Second - 1)
	b.after(1) // 10 s: nothing is due but the pass
	if len(b.reports) != 0 {
		t.Errorf("aged too early: %+v", b.reports)
	}
	b.after(4 * time.Second) // 14 s
	if len(b.reports) != 1 || b.reports[0].Kind != switchdev.ReportAged || b.reports[0].Key.MAC != macC || b.reports[0].Port != 2 {
		t.Errorf("reports %+v", b.reports)
	}
	b.after(time.Hour)
	if rows := b.Rows(); len(rows) != 1 || rows[0].Key.MAC != macB {
		t.Errorf("left: %v", rows)
	}
	// Shorter: what is overdue goes at once. Zero: nothing is learned.
	b.learn(1, macA)
	b.after(5 * time.Second)
	b.must(b.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrAgeing, Ageing: 3 * time.Second}))
	if len(b.Rows()) != 1 {
		t.Errorf("shortening kept %v", b.Rows())
	}
	b.must(b.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrAgeing}))
	b.learn(1, macA)
	if len(b.Rows()) != 1 {
		t.Errorf("learned without an ageing time: %v", b.Rows())
	}
	b.quiet()
}

func TestTransmitSendsAsItIs(t *testing.T) {
	b := newBench(t, Config{})
	f := frame(macB, macA)
	if !b.Transmit(2, f) || !bytes.Equal(b.sent[2][0], f) || len(b.Rows()) != 0 {
		t.Errorf("sent %v, rows %v", b.sent, b.Rows())
	}
	b.Port(2).SetCarrier(false)
	if b.Transmit(2, f) || b.Transmit(9, f) || b.Transmit(1, f[:13]) || b.Transmit(1, make([]byte, 1519)) {
		t.Error("sent what cannot be sent")
	}
	if n := b.Port(2).Counters(); n.Drops[DropNoCarrier] != 1 || n.TxFrames != 1 || n.TxBytes != 64 {
		t.Errorf("counters %+v", n)
	}
}
