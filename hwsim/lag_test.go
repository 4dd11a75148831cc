package hwsim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func endLAGOp(id switchdev.PortID) switchdev.LAGOp {
	return switchdev.LAGOp{Verb: switchdev.LAGDelete, Port: id}
}

func leaveOp(id switchdev.PortID) switchdev.PortOp {
	return switchdev.PortOp{Verb: switchdev.PortLeave, Port: id}
}

// lagBench is a bridge of port 1 and LAG 9 with links 2, 3 and 4.
func lagBench(t testing.TB, cfg Config) *bench {
	b := newBench(t, cfg)
	b.must(b.lags(lagOp(9, 2, 3, 4)))
	b.join(0, 1, 9)
	b.clear()
	return b
}

// flow is a frame of IPv4 from a station to another.
func flow(dst, src switchdev.MAC, from, to uint32) []byte {
	f := frame(dst, src)
	f[14] = 0x45
	binary.BigEndian.PutUint32(f[26:], from)
	binary.BigEndian.PutUint32(f[30:], to)
	return f
}

// sender returns which of the ports has sent the last frame, alone.
func (b *bench) sender(ids ...switchdev.PortID) switchdev.PortID {
	b.Helper()
	var by []switchdev.PortID
	for _, id := range ids {
		if len(b.sent[id]) > 0 {
			by = append(by, id)
		}
	}
	b.clear()
	if len(by) != 1 {
		b.Fatalf("sent by %v", by)
	}
	return by[0]
}

// TestLAGSpreadsFlowsAndKeepsThem: every link gets its share of the flows, a flow
// stays where it is while links are as they are, and goes on when its link is down.
func TestLAGSpreadsFlowsAndKeepsThem(t *testing.T) {
	b := lagBench(t, Config{Seed: 3})
	b.must(b.fdb(setOp(mac(1), 0, 9, 0)))
	const flows = 300
	at := make([]switchdev.PortID, flows)
	send := func(i int) switchdev.PortID {
		b.Port(1).Ingress(flow(mac(1), mac(2), uint32(i), 7))
		return b.sender(2, 3, 4)
	}
	share := map[switchdev.PortID]int{}
	for i := range flows {
		at[i] = send(i)
		share[at[i]]++
	}
	for _, id := range []switchdev.PortID{2, 3, 4} {
		if share[id] < flows/6 {
			t.Errorf("shares %v of %d flows", share, flows)
		}
	}
	same := func(when string) {
		t.Helper()
		for i := range flows {
			if got := send(i); got != at[i] {
				t.Fatalf("%s, flow %d went from %d to %d", when, i, at[i], got)
			}
		}
	}
	same("again")
	b.must(b.lags(lagOp(9, 4, 2, 3))) // the order does not count
	same("in another order")
	b.Port(3).SetCarrier(false)
	for i := range flows {
		if got := send(i); got == 3 {
			t.Fatal("sent by a link without carrier")
		}
	}
	b.Port(3).SetCarrier(true)
	same("with the link back")
	down := lagOp(9, 2, 3, 4)
	down.Links[0].Up = false
	b.must(b.lags(down))
	for i := range flows {
		if got := send(i); got == 2 {
			t.Fatal("sent by a link that is not up")
		}
	}
	if n := b.Port(9).Counters(); n.TxFrames != 6*flows || n.TxBytes != 6*flows*64 {
		t.Errorf("the LAG counts %+v", n)
	}
	b.quiet()
}

// TestFlowHashSeesTheFlow: each part of a flow counts, the rest of a frame does not,
// and no frame is too short.
func TestFlowHashSeesTheFlow(t *testing.T) {
	v6 := append(frame(mac(1), mac(2)), make([]byte, 20)...)
	binary.BigEndian.PutUint16(v6[12:], uint16(switchdev.EtherTypeIPv6))
	base := tagged(mac(1), mac(2), cvlan, 10)
	tests := []struct {
		frame []byte
		at    int
		part  bool
	}{
		{base, 5, true}, {base, 11, true}, {base, 15, true}, {base, 14, false}, // the priority is no part
		{base, 17, true}, {base, 30, true}, {base, 37, true}, {base, 38, false}, {base, 27, false},
		{v6, 22, true}, {v6, 53, true}, {v6, 54, false}, {v6, 21, false}, {frame(mac(1), mac(2)), 33, true},
	}
	for _, tt := range tests {
		other := slices.Clone(tt.frame)
		other[tt.at] ^= 0x20
		if got := flowHash(1, other) != flowHash(1, tt.frame); got != tt.part {
			t.Errorf("byte %d of %x: hash changes %t, want %t", tt.at, tt.frame[:20], got, tt.part)
		}
	}
	for n := headerLen; n < len(base); n++ {
		_ = flowHash(1, base[:n])
	}
	double := tagged(mac(1), mac(2), svlan, 10)
	double = slices.Concat(double[:16], []byte{0x81, 0, 0, 5}, double[16:])
	other := slices.Clone(double)
	other[len(other)-31] ^= 1
	if flowHash(1, other) == flowHash(1, double) {
		t.Error("behind two tags the addresses do not count")
	}
}

// TestFrameOfALinkIsTheLAGs: learned, reported and trapped there, and never sent
// back by another link.
func TestFrameOfALinkIsTheLAGs(t *testing.T) {
	b := lagBench(t, Config{})
	b.Port(3).Ingress(frame(switchdev.Broadcast(), mac(1)))
	if len(b.sent) != 1 || len(b.sent[1]) != 1 {
		t.Errorf("sent by %v, want port 1 alone", b.sent)
	}
	if len(b.traps) != 1 || b.traps[0].Port != 9 || b.traps[0].Link != 3 || !b.traps[0].Forwarded {
		t.Errorf("traps %+v", b.traps)
	}
	if len(b.reports) != 1 || b.reports[0].Port != 9 || b.reports[0].Kind != switchdev.ReportLearned {
		t.Errorf("reports %+v", b.reports)
	}
	b.clear()
	b.Port(4).Ingress(frame(mac(2), mac(1))) // another link: the station has not moved
	if len(b.reports) != 0 || b.Stats().Moved != 0 {
		t.Errorf("reports %+v", b.reports)
	}
	lldp := frame(switchdev.MustParseMAC("01:80:c2:00:00:02"), mac(3))
	b.clear()
	b.Port(2).Ingress(lldp)
	if len(b.traps) != 1 || b.traps[0].Link != 2 || b.traps[0].Reason != ReasonLinkLocal {
		t.Errorf("an LACPDU: %+v", b.traps)
	}
	if !b.Transmit(4, lldp) || len(b.sent[4]) != 1 {
		t.Error("the host cannot send by a link")
	}
	b.must(b.ports(flagsOp(9, switchdev.PortHairpin, 0)))
	b.clear()
	b.Port(4).Ingress(frame(mac(1), mac(2)))
	b.sender(2, 3, 4)
	b.must(b.ports(flagsOp(9, switchdev.PortLocked, switchdev.PortHairpin)))
	b.Port(4).Ingress(frame(mac(1), mac(7)))
	if n := b.Port(9).Counters(); n.Drops[DropLocked] != 1 || n.RxFrames != 5 {
		t.Errorf("the LAG counts %+v", n)
	}
	if n := b.Port(4).Counters(); n.RxFrames != 3 || n.Dropped() != 0 {
		t.Errorf("the link counts %+v", n)
	}
	b.quiet()
}

// TestLAGRefuses, and nothing changes. The kernel answers EEXIST, EINVAL, ENODEV and
// EBUSY to a bond that is made so, and drivers ENOSPC.
func TestLAGRefuses(t *testing.T) {
	bad := lagOp(9, 2)
	bad.Verb = 7
	tests := []struct {
		name string
		do   func(b *bench) error
		want error
	}{
		{"number of a port", func(b *bench) error { return b.lags(lagOp(5)) }, syscall.EEXIST},
		{"ending a port", func(b *bench) error { return b.lags(endLAGOp(5)) }, syscall.EEXIST},
		{"number of the host", func(b *bench) error { return b.lags(lagOp(0)) }, syscall.EINVAL},
		{"verb", func(b *bench) error { return b.lags(bad) }, syscall.EINVAL},
		{"link twice", func(b *bench) error { return b.lags(lagOp(9, 2, 2)) }, syscall.EINVAL},
		{"LAG in itself", func(b *bench) error { return b.lags(lagOp(9, 9)) }, syscall.EINVAL},
		{"LAG in a LAG", func(b *bench) error { return b.lags(lagOp(9, 2, 10)) }, syscall.EINVAL},
		{"no port", func(b *bench) error { return b.lags(lagOp(9, 2, 77)) }, syscall.ENODEV},
		{"member", func(b *bench) error { return b.lags(lagOp(9, 2, 1)) }, syscall.EBUSY},
		{"link of another", func(b *bench) error { return b.lags(lagOp(9, 2, 6)) }, syscall.EBUSY},
		{"join of a link", func(b *bench) error { return b.ports(joinOp(2)) }, syscall.EBUSY},
		{"too many links", func(b *bench) error { return b.lags(lagOp(9, 2, 3, 4, 5)) }, syscall.ENOSPC},
		{"too many LAGs", func(b *bench) error { return b.lags(lagOp(11)) }, syscall.ENOSPC},
		{"port with its number", func(b *bench) error { _, err := b.AddPort(PortConfig{ID: 9}); return err }, syscall.EEXIST},
		{"wire", func(b *bench) error { return b.Port(9).Attach(Wire{}) }, errors.ErrUnsupported},
	}
	for _, tt := range tests {
		b := newBench(t, Config{Count: 6, Limits: switchdev.Limits{LAGs: 2, LAGLinks: 3}})
		b.must(b.lags(lagOp(9, 2, 3), lagOp(10, 6)))
		b.join(0, 1, 9)
		b.clear()
		if err := tt.do(b); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if links := b.Chip.group(9).lag.links; len(links) != 2 || len(b.reports) != 0 || b.Usage().LAGs != 2 {
			t.Errorf("%s: links %v, reports %v", tt.name, links, b.reports)
		}
		b.quiet()
	}
}

// TestLAGRoomIsReported: who was refused for want of a LAG hears of room.
func TestLAGRoomIsReported(t *testing.T) {
	b := newBench(t, Config{Limits: switchdev.Limits{LAGs: 1}})
	b.must(b.lags(lagOp(9)))
	if err := b.lags(lagOp(10)); !errors.Is(err, switchdev.ErrNoSpace) {
		t.Fatal(err)
	}
	b.must(b.lags(endLAGOp(9)))
	if b.heard() != "space@0" && !slices.ContainsFunc(b.reports, func(r switchdev.Report) bool { return r.Kind == switchdev.ReportSpace }) {
		t.Errorf("heard %q", b.heard())
	}
}

// TestLAGCarrierFollowsItsLinks: the first link that can send brings it up, the last
// takes it down, whatever took the link.
func TestLAGCarrierFollowsItsLinks(t *testing.T) {
	b := newBench(t, Config{})
	carrier := func(what string, do func(), want string) {
		t.Helper()
		b.clear()
		do()
		text := ""
		for _, r := range b.reports {
			text += fmt.Sprint(r.Kind, "@", r.Port, " ")
		}
		if text != want {
			t.Errorf("%s: %q, want %q", what, text, want)
		}
	}
	carrier("made without links", func() { b.must(b.lags(lagOp(9))) }, "")
	carrier("links", func() { b.must(b.lags(lagOp(9, 2, 3))) }, "port-up@9 ")
	carrier("one down", func() { b.Port(2).SetCarrier(false) }, "port-down@2 ")
	carrier("both down", func() { b.Port(3).SetCarrier(false) }, "port-down@3 port-down@9 ")
	b.join(0, 1, 9)
	b.Port(1).Ingress(frame(switchdev.Broadcast(), mac(1)))
	if len(b.sent) != 0 || b.Port(9).Counters().Drops[DropNoCarrier] != 1 || b.Port(9).Carrier() {
		t.Errorf("without a link: sent %v", b.sent)
	}
	b.Port(9).SetCarrier(true)
	carrier("one up", func() { b.Port(2).SetCarrier(true) }, "port-up@2 port-up@9 ")
	if r := b.reports[1]; r.Gen == 0 || r.Gen != b.Chip.group(9).gen {
		t.Errorf("%+v", r)
	}
	carrier("administratively down", func() {
		b.must(b.ports(switchdev.PortOp{Verb: switchdev.PortSet, Port: 2, Set: switchdev.PortAttrUp}))
	}, "port-down@9 ")
	b.must(b.ports(switchdev.PortOp{Verb: switchdev.PortSet, Port: 2, Set: switchdev.PortAttrUp, Up: true}))
	carrier("removed", func() { b.Port(2).Remove() }, "port-gone@2 port-down@9 ")
	if links := b.Chip.group(9).lag.links; len(links) != 1 || links[0].port.id != 3 {
		t.Errorf("links %v", links)
	}
	b.quiet()
}

// TestLAGNumberHasLives: the station that was learned in one life of a number is no
// news in the next, however late the report comes, and no row or VLAN is left.
func TestLAGNumberHasLives(t *testing.T) {
	for p := range numProfiles {
		b := newBench(t, Config{Hardware: Hardware{Profile: p, Refresh: time.Second}})
		b.must(b.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrFiltering, Filtering: true}))
		b.inject("late:report.learned:10s:count=1")
		var gens []switchdev.Generation
		for life := range 3 {
			b.must(b.lags(lagOp(9, 2, 3)))
			if life == 2 { // by the chip itself, without a leave
				b.Port(9).Remove()
				b.must(b.lags(lagOp(9, 2, 3)))
			}
			b.join(0, 9)
			gens = append(gens, switchdev.Generation(b.token))
			if n := b.Usage(); n.FDB != 0 || n.VLANs != 0 {
				t.Fatalf("%v, life %d begins with %+v", p, life, n)
			}
			b.must(b.vlans(memberOp(9, 10, switchdev.VLANPVID|switchdev.VLANUntagged)))
			b.learn(2, mac(life+1))
			b.must(b.fdb(setOp(mac(4), 10, 9, 0)))
			b.after(time.Second)
			if life == 1 {
				b.must(b.ports(leaveOp(9)))
			}
			b.must(b.lags(endLAGOp(9)))
			if err := b.fdb(setOp(mac(4), 10, 9, 0)); !errors.Is(err, switchdev.ErrPortGone) {
				t.Errorf("%v: a row on a LAG that has ended: %v", p, err)
			}
		}
		b.after(20 * time.Second)
		late := 0
		for _, r := range b.reports {
			switch {
			case r.Kind == switchdev.ReportLearned && r.Gen != gens[r.Key.MAC[5]-1],
				r.Kind == switchdev.ReportFlushed && !slices.Contains(gens, r.Gen),
				r.Kind == switchdev.ReportPortGone && r.Port == 9 && r.Gen != 0:
				t.Errorf("%v: %+v, the lives were %v", p, r, gens)
			case r.Kind == switchdev.ReportLearned:
				late++
			}
		}
		if late < 3 {
			t.Errorf("%v: %d reports of stations", p, late)
		}
		if last := b.reports[len(b.reports)-1]; last.Gen != gens[0] || last.Kind != switchdev.ReportLearned {
			t.Errorf("%v: the late report is %+v", p, last)
		}
		b.quiet()
	}
}

// TestReportsTellTheLivesOfAPort: of ageing and flushes too, and a repeated join is a
// new life.
func TestReportsTellTheLivesOfAPort(t *testing.T) {
	b := newBench(t, Config{})
	b.join(0, 1)
	b.learn(1, mac(1))
	b.join(0, 1)
	gen := switchdev.Generation(b.token)
	b.learn(1, mac(2))
	b.after(time.Second)
	b.learn(1, mac(1)) // alive, in the new life
	b.after(time.Hour)
	b.learn(1, mac(3))
	b.Port(1).Remove()
	want := []string{"learned:1", fmt.Sprint("learned:", gen), fmt.Sprint("learned:", gen), fmt.Sprint("aged:", gen), fmt.Sprint("aged:", gen),
		fmt.Sprint("learned:", gen), fmt.Sprint("flushed:", gen), fmt.Sprint("port-gone:", gen)}
	var got []string
	for _, r := range b.reports {
		got = append(got, fmt.Sprint(r.Kind, ":", r.Gen))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestResetLosesLAGs, and their links stand alone.
func TestResetLosesLAGs(t *testing.T) {
	b := lagBench(t, Config{})
	old := b.Port(9)
	if _, err := b.Reset(t.Context()); err != nil || b.Port(9) != nil || b.Usage().LAGs != 0 || old.Carrier() {
		t.Errorf("after a reset: %v, %v", b.Port(9), err)
	}
	old.Ingress(frame(mac(1), mac(2)))
	b.join(0, 2)
	b.must(b.lags(lagOp(9, 3)))
	b.join(0, 9)
	if got := b.outcome(2, frame(mac(1), mac(2))); got != "[3 host:unknown+]" {
		t.Error(got)
	}
	b.quiet()
}

// TestLAGFaults: every kind that strikes a LAG, as text and at work.
func TestLAGFaults(t *testing.T) {
	b := lagBench(t, Config{})
	b.inject("refuse:lag.set:port=10:err=no-space:count=1")
	if err := b.lags(lagOp(10)); !errors.Is(err, switchdev.ErrNoSpace) {
		t.Errorf("refused: %v", err)
	}
	b.must(b.lags(lagOp(10)))
	b.inject("ignore:lag.delete:count=1")
	b.must(b.lags(endLAGOp(10)))
	if b.Port(10) == nil {
		t.Error("an ignored delete was done")
	}
	b.must(b.lags(endLAGOp(10)))
	b.quiet()
	b.must(b.fdb(setOp(mac(1), 0, 9, 0)))
	b.inject("ignore:lag.delete:count=1")
	b.must(b.lags(endLAGOp(9)))
	if found := b.Audit(); len(found) != 1 || found[0].Rule != RuleCorrupt {
		t.Errorf("a row of a LAG that was said to have ended: %v", found)
	}
	b = lagBench(t, Config{})
	b.inject("gone:fdb:5s")
	_ = b.fdb(setOp(mac(1), 0, 9, 0)) // the chip loses the LAG
	b.after(10 * time.Second)
	if b.Port(9) != nil || b.heard() != "port-gone@9" && !slices.ContainsFunc(b.reports, func(r switchdev.Report) bool {
		return r.Kind == switchdev.ReportPortGone && r.Port == 9 && r.Gen != 0
	}) {
		t.Errorf("heard %q", b.heard())
	}
	b.join(0, 2) // its links are free
	b.quiet()
	for r := range b.Chip.Log() {
		if r.Role == RoleLAG && (r.Port != 9 || !slices.Equal(r.Links, []switchdev.PortID{2, 3, 4})) {
			t.Errorf("the log says %s", r)
		}
	}
}

// TestAuditOfLAGs: what those who drive the chip do wrong with them is found, and so
// is a chip that lets them.
func TestAuditOfLAGs(t *testing.T) {
	sound := lagBench(t, Config{Limits: switchdev.Limits{LAGs: 2, LAGLinks: 3}})
	sound.must(sound.fdb(setOp(mac(1), 0, 9, 0)))
	sound.must(sound.ports(leaveOp(9)))
	sound.must(sound.lags(endLAGOp(9)))
	sound.must(sound.lags(lagOp(9, 2)))
	sound.join(0, 9)
	sound.must(sound.fdb(setOp(mac(2), 0, 9, 0)))
	sound.quiet()
	tests := []struct {
		name   string
		rule   Rule
		doctor func(h *History)
	}{
		{"a link in two LAGs", RuleLAG, func(h *History) {
			r := *pick(h, RoleLAG, "set", 1)
			r.Port, r.Batch = 10, 99
			r.Submitted.Seq, r.Executed.Seq, r.Returned.Seq = 1001, 1002, 1003
			h.Records = append(h.Records, r)
		}},
		{"a member as a link", RuleLAG, func(h *History) { pick(h, RoleLAG, "set", 1).Links = []switchdev.PortID{1} }},
		{"a link as a member", RuleLAG, func(h *History) { pick(h, RolePort, "join", 1).Port = 2 }},
		{"a row on a link", RuleLAG, func(h *History) { pick(h, RoleFDB, "set", 0).Port = 3 }},
		{"a row on a LAG that has ended", RuleLAG, func(h *History) { pick(h, RoleLAG, "set", 1).Port = 10 }},
		{"too many LAGs", RuleBudget, func(h *History) { pick(h, RoleLAG, "set", 0).After.LAGs = 3 }},
		{"too many links", RuleBudget, func(h *History) { h.Limits.LAGLinks = 2 }},
		{"a set that takes room twice", RuleRepeat, func(h *History) { pick(h, RoleLAG, "delete", 0).Verb = "set" }},
		{"a delete that takes room", RuleRepeat, func(h *History) { pick(h, RoleLAG, "delete", 0).After.LAGs = 2 }},
		{"a refusal that takes room", RuleRepeat, func(h *History) { pick(h, RoleLAG, "set", 0).Outcome = switchdev.ErrBusy }},
		{"a row that outlives its LAG", RuleFold, func(h *History) {
			old := h.Rows[0]
			old.Key.MAC = mac(1)
			h.Rows = append(h.Rows, old)
		}},
		{"a row that the answers promise", RuleAcknowledged, func(h *History) { h.Rows = nil }},
	}
	for _, tt := range tests {
		h := sound.History()
		tt.doctor(&h)
		if found := Audit(h); !slices.ContainsFunc(found, func(v Violation) bool { return v.Rule == tt.rule }) {
			t.Errorf("%s: %s was not found: %v", tt.name, tt.rule, found)
		}
	}
}

// TestLAGForwardingDoesNotAllocate, nor is it slower to find a link than to flood.
func TestLAGForwardingDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	b := newBench(t, Config{Count: 6, Hardware: Hardware{Refresh: -1}, Host: Host{Queue: -1}})
	for id := range switchdev.PortID(6) {
		b.Port(id + 1).OnEgress(func([]byte) {})
	}
	b.Chip.cfg.Host.OnTrap = nil
	b.must(b.lags(lagOp(9, 2, 3, 4)))
	b.join(0, 1, 5, 9)
	b.must(b.fdb(setOp(mac(1), 0, 9, 0), setOp(mac(2), 0, 1, 0)))
	to, back, all := flow(mac(1), mac(2), 1, 2), flow(mac(2), mac(1), 2, 1), frame(switchdev.Broadcast(), mac(2))
	for name, f := range map[string]func(){
		"to a LAG":             func() { b.Port(1).Ingress(to) },
		"from a link":          func() { b.Port(3).Ingress(back) },
		"flood":                func() { b.Port(1).Ingress(all) },
		"transmit":             func() { b.Transmit(9, to) },
		"transmit and forward": func() { b.TransmitForward(1, 0, to) },
		"transmit and flood":   func() { b.TransmitForward(1, 0, all) },
	} {
		if n := testing.AllocsPerRun(200, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestLAGsUnderLoad changes LAGs, carrier and membership while frames go, for the
// race detector.
func TestLAGsUnderLoad(t *testing.T) {
	b := startBench(t, Config{Count: 6, Log: LogConfig{Capacity: 1 << 14}})
	var wg sync.WaitGroup
	for id := range switchdev.PortID(6) {
		wg.Go(func() {
			for i := range 400 {
				if p := b.Port(id + 1); p != nil {
					p.Ingress(flow(mac(i%7+1), mac(i%5+1), uint32(i), 1))
				}
				if p := b.Port(9); p != nil {
					_ = p.Counters()
				}
				b.TransmitForward(1, 0, flow(mac(i%7+1), mac(200), 1, uint32(i)))
			}
		})
	}
	drive := func(token int, op switchdev.LAGOp) {
		op.Token = switchdev.Token(token)
		b.ApplyLAGs(t.Context(), []switchdev.LAGOp{op}, make([]switchdev.Result, 1))
	}
	wg.Go(func() {
		for i := range 200 {
			switch i % 4 {
			case 0:
				drive(i+1, lagOp(9, 2, 3))
			case 1:
				drive(i+1, lagOp(9, 3, 4))
			case 2:
				drive(i+1, lagOp(9))
			default:
				drive(i+1, endLAGOp(9))
			}
		}
	})
	wg.Go(func() {
		for i := range 400 {
			ops := []switchdev.PortOp{joinOp(switchdev.PortID(1 + i%9))}
			if i%3 == 0 {
				ops[0].Verb = switchdev.PortLeave
			}
			ops[0].Token = switchdev.Token(1<<20 + i)
			b.ApplyPorts(t.Context(), ops, make([]switchdev.Result, 1))
			b.Port(switchdev.PortID(2 + i%3)).SetCarrier(i%2 == 0)
		}
	})
	wg.Wait()
	b.quiet()
}
