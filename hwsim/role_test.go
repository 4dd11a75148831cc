package hwsim

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func TestNewRefusesBadConfig(t *testing.T) {
	bad := map[string]Config{
		"group address":     {MAC: switchdev.Broadcast()},
		"profile":           {Hardware: Hardware{Profile: 9}},
		"small MTU":         {Hardware: Hardware{MTU: 45}},
		"big MTU":           {Hardware: Hardware{MTU: 70000}},
		"negative MTU":      {Hardware: Hardware{MTU: -1}},
		"negative latency":  {Hardware: Hardware{Latency: Latency{Op: -1}}},
		"negative buckets":  {Hardware: Hardware{Buckets: -1}},
		"negative limit":    {Limits: switchdev.Limits{FDB: -1}},
		"ageing range":      {Limits: switchdev.Limits{AgeingMin: 2, AgeingMax: 1}},
		"too many ports":    {Count: 70000},
		"over Limits.Ports": {Count: 3, Limits: switchdev.Limits{Ports: 2}},
		"port twice":        {Ports: []PortConfig{{ID: 1}, {ID: 1}}},
		"group port":        {Ports: []PortConfig{{MAC: switchdev.Broadcast()}}},
	}
	for name, cfg := range bad {
		chip, err := New(cfg)
		var op *switchdev.OpError
		if chip != nil || !errors.As(err, &op) || name != "port twice" && !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: %v, %v", name, chip, err)
		}
	}
	b := newBench(t, Config{Count: -1})
	if infos, err := b.Ports(t.Context()); len(infos) != 0 || err != nil {
		t.Errorf("Count -1: %v, %v", infos, err)
	}
}

func TestPortsHaveDefaults(t *testing.T) {
	b := newBench(t, Config{Ports: []PortConfig{{ID: 7}, {Name: "wan", Down: true}, {}}})
	infos, err := b.Ports(t.Context())
	want := []switchdev.PortInfo{
		{ID: 2, Name: "wan", MAC: switchdev.MustParseMAC("02:00:5e:00:00:02")},
		{ID: 3, Name: "p3", MAC: switchdev.MustParseMAC("02:00:5e:00:00:03"), Carrier: true},
		{ID: 7, Name: "p7", MAC: switchdev.MustParseMAC("02:00:5e:00:00:07"), Carrier: true},
	}
	if err != nil || !slices.Equal(infos, want) {
		t.Errorf("%+v, %v", infos, err)
	}
	if b.Chip.Name() != "sw0" || b.Port(4) != nil || b.Port(7).ID() != 7 {
		t.Error("name, limits or lookup")
	}
}

// TestRolesRefuse: a refusal changes nothing.
func TestRolesRefuse(t *testing.T) {
	set := func(attr switchdev.BridgeAttr, op switchdev.BridgeOp) switchdev.BridgeOp { op.Set = attr; return op }
	other := joinOp(1)
	other.Domain = 5
	tests := []struct {
		name string
		do   func(b *bench) error
		want error
	}{
		{"join another domain", func(b *bench) error { return b.ports(other) }, syscall.EBUSY},
		{"join no port", func(b *bench) error { return b.ports(joinOp(99)) }, syscall.ENODEV},
		{"bad state", func(b *bench) error { return b.ports(stateOp(1, 9)) }, syscall.EINVAL},
		{"bad verb", func(b *bench) error { return b.ports(switchdev.PortOp{Port: 1}) }, syscall.EINVAL},
		{"set where not a member", func(b *bench) error { return b.ports(stateOp(4, switchdev.PortBlocking)) }, syscall.ENOENT},
		{"proxy ARP", func(b *bench) error { return b.ports(flagsOp(1, switchdev.PortProxyARP, 0)) }, errors.ErrUnsupported},
		{"unknown port flag", func(b *bench) error { return b.ports(flagsOp(1, 1<<30, 0)) }, errors.ErrUnsupported},
		{"ageing below", func(b *bench) error {
			return b.bridge(set(switchdev.BridgeAttrAgeing, switchdev.BridgeOp{Ageing: time.Second}))
		}, syscall.ERANGE},
		{"ageing above", func(b *bench) error {
			return b.bridge(set(switchdev.BridgeAttrAgeing, switchdev.BridgeOp{Ageing: time.Hour}))
		}, syscall.ERANGE},
		{"negative ageing", func(b *bench) error { return b.bridge(set(switchdev.BridgeAttrAgeing, switchdev.BridgeOp{Ageing: -1})) }, syscall.EINVAL},
		{"protocol", func(b *bench) error {
			return b.bridge(set(switchdev.BridgeAttrProtocol, switchdev.BridgeOp{Protocol: 0x9100}))
		}, syscall.EINVAL},
		{"unknown attribute", func(b *bench) error { return b.bridge(set(1<<7, switchdev.BridgeOp{})) }, errors.ErrUnsupported},
		{"VLAN 4095", func(b *bench) error { return b.vlans(memberOp(1, 4095, 0)) }, syscall.EINVAL},
		{"VLAN of no port", func(b *bench) error { return b.vlans(memberOp(99, 1, 0)) }, syscall.ENODEV},
		{"VLAN verb", func(b *bench) error { return b.vlans(switchdev.VLANOp{Port: 1, VLAN: 1}) }, syscall.EINVAL},
		{"VLAN table full", func(b *bench) error { return b.vlans(memberOp(1, 1, 0), memberOp(1, 2, 0), memberOp(1, 3, 0)) }, syscall.ENOSPC},
		{"zero address", func(b *bench) error { return b.fdb(setOp(switchdev.MAC{}, 0, 1, 0)) }, syscall.EINVAL},
		{"FDB VLAN 4095", func(b *bench) error { return b.fdb(setOp(macA, 4095, 1, 0)) }, syscall.EINVAL},
		{"FDB no port", func(b *bench) error { return b.fdb(setOp(macA, 0, 99, 0)) }, syscall.ENODEV},
		{"FDB verb", func(b *bench) error {
			return b.fdb(switchdev.FDBOp{Entry: switchdev.FDBEntry{Key: switchdev.FDBKey{MAC: macA}}})
		}, syscall.EINVAL},
		{"flush of no port", func(b *bench) error { return b.flushLearnedRows(switchdev.FDBFlushOp{Port: 99}) }, syscall.ENODEV},
		{"too long a batch", func(b *bench) error {
			return b.fdb(setOp(macA, 0, 1, 0), setOp(macA, 0, 1, 0), setOp(macA, 0, 1, 0), setOp(macB, 0, 1, 0))
		}, syscall.EINVAL},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, Config{Limits: switchdev.Limits{VLANs: 2, Batch: 3, AgeingMin: 10 * time.Second, AgeingMax: time.Minute}})
			b.join(0, 1)
			if err := tt.do(b); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			for r := range b.Chip.Log() {
				if r.Err != nil && r.Before != r.After {
					t.Errorf("refused and changed something: %s", r)
				}
			}
		})
	}
}

func TestCheckChangesNothing(t *testing.T) {
	b := newBench(t, Config{})
	ops := []switchdev.PortOp{joinOp(1), joinOp(99), flagsOp(1, switchdev.PortNeighSuppress, 0)}
	for i := range ops {
		ops[i].Op = b.op(0)
	}
	results := make([]switchdev.Result, 3)
	b.CheckPorts(t.Context(), ops, results)
	if results[0].Err != nil || results[1].Err == nil || results[2].Err == nil || results[2].Token != ops[2].Token {
		t.Errorf("%+v", results)
	}
	bridge := []switchdev.BridgeOp{{Op: b.op(3), Set: switchdev.BridgeAttrFiltering, Filtering: true}}
	b.CheckBridge(t.Context(), bridge, results[:1])
	if results[0].Err != nil || len(b.domains) != 0 || b.outcome(1, frame(macB, macA)) != "[host:standalone]" {
		t.Error("a check changed something")
	}
	_ = b.Close()
	b.CheckPorts(t.Context(), ops, results)
	if !errors.Is(first(results), switchdev.ErrClosed) {
		t.Errorf("after Close: %+v", results)
	}
}

// TestLeaveLeavesNothing: "no row, VLAN or attribute of the port is left".
func TestLeaveLeavesNothing(t *testing.T) {
	b := newBench(t, Config{})
	b.join(3, 1, 2)
	vlan := memberOp(1, 10, switchdev.VLANPVID)
	vlan.Domain = 3
	row := setOp(macA, 10, 1, switchdev.FDBStatic)
	row.Domain = 3
	set := flagsOp(1, switchdev.PortIsolated, 0)
	set.Domain = 3
	b.must(b.vlans(vlan))
	b.must(b.fdb(row))
	b.must(b.ports(set))
	b.learn(1, macB)
	b.clear()
	leave := switchdev.PortOp{Verb: switchdev.PortLeave, Port: 1}
	leave.Domain = 3
	b.must(b.ports(leave, leave))
	if rows := b.Rows(); len(rows) != 0 || b.Usage() != (switchdev.Usage{}) {
		t.Errorf("left: %v, %+v", rows, b.Usage())
	}
	if len(b.reports) != 1 || b.reports[0].Kind != switchdev.ReportFlushed || b.reports[0].Token == 0 || b.reports[0].Domain != 3 {
		t.Errorf("reports %+v", b.reports)
	}
	if got := b.outcome(1, frame(macB, macA)); got != "[host:standalone]" {
		t.Error(got)
	}
	b.join(3, 1)
	if p := b.Port(1); p.flags != switchdev.DefaultPortFlags || p.vlans != nil {
		t.Errorf("attributes came back: %v", p.flags)
	}
	b.quiet()
}

func TestFlushDropsOnlyWhatWasLearned(t *testing.T) {
	b := newBench(t, Config{})
	b.join(0, 1, 2)
	b.must(b.fdb(setOp(macA, 0, 1, 0)))
	b.learn(1, macB)
	b.learn(2, macC)
	b.clear()
	b.must(b.flushLearnedRows(switchdev.FDBFlushOp{Port: 1}, switchdev.FDBFlushOp{VLAN: 5}))
	if len(b.reports) != 1 || b.reports[0].Port != 1 || b.reports[0].Kind != switchdev.ReportFlushed {
		t.Errorf("reports %+v", b.reports)
	}
	if b.find(macA) == nil || b.find(macB) != nil || b.find(macC) == nil {
		t.Errorf("rows %v", b.Rows())
	}
}

func (b *bench) find(mac switchdev.MAC) *Row {
	for _, r := range b.Rows() {
		if r.Key.MAC == mac {
			return &r
		}
	}
	return nil
}

func TestVLANDeleteDropsWhatWasLearnedInIt(t *testing.T) {
	b := vlanBench(t)
	b.Port(1).Ingress(frame(macB, macA))
	b.Port(2).Ingress(tagged(macB, macC, cvlan, 20))
	if len(b.Rows()) != 2 {
		t.Fatal(b.Rows())
	}
	b.clear()
	b.must(b.vlans(switchdev.VLANOp{Verb: switchdev.VLANDeleteMember, Port: 1, VLAN: 10}))
	if len(b.Rows()) != 1 || len(b.reports) != 1 || b.reports[0].Key.VLAN != 10 || b.reports[0].Port != 1 {
		t.Errorf("rows %v, reports %+v", b.Rows(), b.reports)
	}
	if b.Usage().VLANs != 4 {
		t.Errorf("%+v", b.Usage())
	}
	b.quiet()
}

func TestSharedBudgetIsShared(t *testing.T) {
	b := newBench(t, Config{Limits: switchdev.Limits{FDB: 3, VLANs: 3, Shared: 4}})
	b.join(0, 1)
	b.must(b.vlans(memberOp(1, 1, 0), memberOp(1, 2, 0)))
	b.must(b.fdb(setOp(macA, 0, 1, 0), setOp(macB, 0, 1, 0)))
	b.clear()
	if err := b.fdb(setOp(macC, 0, 1, 0)); !errors.Is(err, switchdev.ErrNoSpace) {
		t.Errorf("fifth object: %v", err)
	}
	b.must(b.fdb(setOp(macA, 0, 0, 0))) // there is a row: it is replaced
	b.learn(1, macC)
	if b.Stats().NotLearned != 1 || len(b.reports) != 0 {
		t.Errorf("stats %+v, reports %+v", b.Stats(), b.reports)
	}
	b.must(b.vlans(switchdev.VLANOp{Verb: switchdev.VLANDeleteMember, Port: 1, VLAN: 2}))
	if len(b.reports) != 1 || b.reports[0].Kind != switchdev.ReportSpace {
		t.Errorf("reports %+v", b.reports)
	}
	b.must(b.fdb(setOp(macC, 0, 1, 0)))
	b.quiet()
}

func TestBucketsRefuseBeforeTheTableIsFull(t *testing.T) {
	b := newBench(t, Config{Seed: 3, Limits: switchdev.Limits{FDB: 64}, Hardware: Hardware{Ways: 2}})
	refused := 0
	mac := macA
	for range 64 {
		if err := b.fdb(setOp(mac, 0, 1, 0)); errors.Is(err, switchdev.ErrNoSpace) {
			refused++
		}
		mac = mac.Next()
	}
	if n := b.Usage().FDB; refused == 0 || n+refused != 64 {
		t.Errorf("%d rows, %d refused", n, refused)
	}
	for _, r := range b.Rows() {
		b.must(b.fdb(deleteOp(r.Key.MAC, 0)))
	}
	for k, n := range b.rows.buckets {
		if n != 0 {
			t.Errorf("bucket %d still has %d", k, n)
		}
	}
}

func TestPortRemovalAndReturn(t *testing.T) {
	b := newBench(t, Config{})
	b.join(0, 1, 2)
	b.must(b.fdb(setOp(macA, 0, 1, 0)))
	old := b.Port(1)
	b.clear()
	old.Remove()
	old.Remove()
	if len(b.reports) != 1 || b.reports[0].Kind != switchdev.ReportPortGone || b.reports[0].Port != 1 {
		t.Errorf("reports %+v", b.reports)
	}
	if err := b.fdb(setOp(macA, 0, 1, 0)); !errors.Is(err, switchdev.ErrPortGone) || !errors.Is(err, switchdev.ErrNoDevice) {
		t.Errorf("set on a removed port: %v", err)
	}
	if err := b.fdb(deleteOp(macA, 0)); err != nil || len(b.Rows()) != 0 {
		t.Errorf("delete after removal: %v, %v", err, b.Rows())
	}
	if old.Attach(Wire{}) == nil {
		t.Error("attached to a removed port")
	}
	back, err := b.AddPort(PortConfig{})
	if err != nil || back.ID() != 1 || b.Port(1) != back {
		t.Fatalf("AddPort: %v, %v", back, err)
	}
	if _, err := b.AddPort(PortConfig{ID: 2}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("AddPort of a number in use: %v", err)
	}
	b.join(0, 1)
	b.must(b.fdb(setOp(macA, 0, 1, 0)))
	old.Ingress(frame(macB, macC))
	if n := old.Counters(); n.Drops[DropGone] != 1 || b.find(macC) != nil {
		t.Errorf("a removed port forwards: %+v", n)
	}
	b.quiet()
}

func TestResetClearsAndBeginsAnEpoch(t *testing.T) {
	b := vlanBench(t)
	b.must(b.fdb(setOp(macA, 10, 1, 0)))
	b.clear()
	epoch, err := b.Reset(t.Context())
	if err != nil || epoch != 2 || b.Epoch() != 2 {
		t.Fatalf("Reset: %v, %v", epoch, err)
	}
	if len(b.reports) != 1 || b.reports[0].Kind != switchdev.ReportReset || b.reports[0].Epoch != 2 {
		t.Errorf("reports %+v", b.reports)
	}
	if len(b.Rows()) != 0 || b.Usage() != (switchdev.Usage{}) || b.outcome(1, frame(macB, macA)) != "[host:standalone]" {
		t.Error("something survived the reset")
	}
	b.quiet()
}

func TestDumpIsOfOneDomain(t *testing.T) {
	b := newBench(t, Config{})
	b.join(0, 1)
	b.join(1, 2)
	b.must(b.fdb(setOp(macA, 0, 1, switchdev.FDBStatic)))
	b.learn(1, macB)
	b.learn(2, macC)
	b.after(3 * time.Second)
	var rows []switchdev.FDBRow
	epoch, err := b.DumpFDB(t.Context(), 0, func(r switchdev.FDBRow) bool { rows = append(rows, r); return true })
	if epoch != 1 || err != nil || len(rows) != 2 || rows[0].Gen == 0 || rows[1].Flags != switchdev.FDBHWLearned || rows[1].Age != 3*time.Second {
		t.Errorf("%v, %v: %+v", epoch, err, rows)
	}
	n := 0
	_, err = b.DumpFDB(t.Context(), 0, func(switchdev.FDBRow) bool { n++; return false })
	if n != 1 || err != nil {
		t.Errorf("stopped dump: %d rows, %v", n, err)
	}
	// A reset meanwhile makes it worthless; other goroutines may reset.
	_, err = b.DumpFDB(t.Context(), 0, func(switchdev.FDBRow) bool { _, _ = b.Reset(context.Background()); return true })
	if !errors.Is(err, switchdev.ErrBusy) {
		t.Errorf("dump over a reset: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = b.DumpFDB(ended, 0, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("dump with an ended ctx: %v", err)
	}
}

func TestCloseAnswersAndRefuses(t *testing.T) {
	b := newBench(t, Config{})
	results := make([]switchdev.Result, 1)
	answered := 0
	b.SubmitFDB(t.Context(), []switchdev.FDBOp{{Op: b.op(0), Verb: switchdev.FDBSet, Entry: setOp(macA, 0, 1, 0).Entry}}, results, func() { answered++ })
	if b.Close() != nil || b.Close() != nil || answered != 1 || !errors.Is(results[0].Err, fs.ErrClosed) || results[0].Token == 0 {
		t.Errorf("%d answers, %+v", answered, results)
	}
	if _, err := b.Reset(t.Context()); !errors.Is(err, switchdev.ErrClosed) {
		t.Errorf("Reset: %v", err)
	}
	if _, err := b.Ports(t.Context()); !errors.Is(err, switchdev.ErrClosed) {
		t.Errorf("Ports: %v", err)
	}
	if _, err := b.DumpFDB(t.Context(), 0, nil); !errors.Is(err, switchdev.ErrClosed) {
		t.Errorf("DumpFDB: %v", err)
	}
	if err := b.fdb(setOp(macA, 0, 1, 0)); !errors.Is(err, switchdev.ErrClosed) {
		t.Errorf("ApplyFDB: %v", err)
	}
	if _, err := b.Inject(Fault{Kind: FaultHang}); !errors.Is(err, switchdev.ErrClosed) {
		t.Errorf("Inject: %v", err)
	}
	if b.Poll(b.now.Add(time.Hour)) != (time.Time{}) || b.Transmit(1, frame(macA, macB)) {
		t.Error("a closed chip does something")
	}
}

func TestEveryRoleIsFound(t *testing.T) {
	b := newBench(t, Config{})
	var d switchdev.Driver = b.Chip
	if _, ok := switchdev.As[switchdev.FlowOffloader](d); ok {
		t.Error("flows are not modelled yet, and their role is there")
	}
	if _, ok := switchdev.As[switchdev.FDBSubmitter](d); !ok {
		t.Error("no FDBSubmitter")
	}
	var text strings.Builder
	b.must(b.fdb(setOp(macA, 10, 1, switchdev.FDBStatic)))
	if err := b.WriteRows(&text); err != nil || text.String() != "domain 0 02:00:00:00:00:0a vlan 10 dev 1 static age 0s\n" {
		t.Errorf("%q, %v", text.String(), err)
	}
}

// TestRepeatedJoinBeginsFromTheDefaults: a join is an upsert.
func TestRepeatedJoinBeginsFromTheDefaults(t *testing.T) {
	b := newBench(t, Config{})
	b.join(0, 1, 2)
	b.must(b.ports(flagsOp(1, switchdev.PortIsolated, switchdev.PortLearns)))
	b.join(0, 1)
	if b.Port(1).flags != switchdev.DefaultPortFlags || len(b.domains[0].members) != 2 {
		t.Errorf("flags %b, %d members", b.Port(1).flags, len(b.domains[0].members))
	}
	op := joinOp(1)
	op.Flags, op.FlagMask = switchdev.PortHairpin, switchdev.PortHairpin|switchdev.PortFlood
	b.must(b.ports(op))
	if got, want := b.Port(1).flags, switchdev.DefaultPortFlags&^switchdev.PortFlood|switchdev.PortHairpin; got != want {
		t.Errorf("flags %b, want %b", got, want)
	}
}

func TestMembershipCanBecomeTagged(t *testing.T) {
	b := vlanBench(t)
	b.must(b.vlans(memberOp(2, 10, switchdev.VLANUntagged)))
	b.must(b.vlans(memberOp(2, 10, 0)))
	b.Port(1).Ingress(frame(macB, macA))
	if len(b.sent[2]) != 1 || len(b.sent[2][0]) != 68 {
		t.Errorf("sent %x", b.sent[2])
	}
}

func TestTokenZeroIsRefused(t *testing.T) {
	b := newBench(t, Config{})
	results := make([]switchdev.Result, 1)
	b.ApplyFDB(t.Context(), []switchdev.FDBOp{setOp(macA, 0, 1, 0)}, results)
	if !errors.Is(results[0].Err, switchdev.ErrInvalid) || len(b.Rows()) != 0 {
		t.Errorf("%+v", results)
	}
}

// TestEmptyBatches: nothing to do is done at once.
func TestEmptyBatches(t *testing.T) {
	b := newBench(t, Config{})
	answered := 0
	b.SubmitFDB(t.Context(), nil, nil, func() { answered++ })
	b.ApplyFDB(t.Context(), nil, nil)
	if answered != 1 || len(b.Operations()) != 0 {
		t.Errorf("%d answers", answered)
	}
}

// TestLimitsAreConstant: ports come and go without a reset, and Limits are constant
// within an epoch.
func TestLimitsAreConstant(t *testing.T) {
	b := newBench(t, Config{})
	before := b.Limits()
	if _, err := b.AddPort(PortConfig{}); err != nil {
		t.Fatal(err)
	}
	if after := b.Limits(); after != before {
		t.Errorf("with one port more %+v, want %+v", after, before)
	}
	b.Port(1).Remove()
	if after := b.Limits(); after != before {
		t.Errorf("with one port less %+v, want %+v", after, before)
	}
}

// TestLocalRowsBelongToNoPort: an address of the bridge is on whatever port has it,
// also another device's, and a port that leaves does not take it along.
func TestLocalRowsBelongToNoPort(t *testing.T) {
	b := newBench(t, Config{})
	b.join(0, 1, 2)
	const local = switchdev.FDBStatic | switchdev.FDBLocal
	b.must(b.fdb(setOp(macA, 0, 1, local), setOp(macB, 0, 99, local), setOp(macC, 0, 1, switchdev.FDBStatic)))
	if err := b.fdb(setOp(macC, 0, 99, switchdev.FDBStatic)); !errors.Is(err, switchdev.ErrNoDevice) {
		t.Errorf("a station behind port 99: %v", err)
	}
	b.Port(2).Ingress(frame(macB, switchdev.MAC{2, 1}))
	if len(b.traps) != 1 || b.traps[0].Reason != ReasonLocal {
		t.Errorf("traps %v", b.traps)
	}
	b.must(b.ports(switchdev.PortOp{Verb: switchdev.PortLeave, Port: 1}))
	b.Port(2).Remove()
	rows := b.Rows()
	rows = slices.DeleteFunc(rows, func(r Row) bool { return r.Flags&switchdev.FDBHWLearned != 0 })
	if len(rows) != 2 || rows[0].Key.MAC != macA || rows[1].Key.MAC != macB {
		t.Errorf("rows %v", rows)
	}
	b.quiet()
}
