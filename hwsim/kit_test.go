package hwsim

import (
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

var (
	macA = switchdev.MustParseMAC("02:00:00:00:00:0a")
	macB = switchdev.MustParseMAC("02:00:00:00:00:0b")
	macC = switchdev.MustParseMAC("02:00:00:00:00:0c")
)

// bench is a chip and what it says.
type bench struct {
	testing.TB
	*Chip
	mu      sync.Mutex
	reports []switchdev.Report
	traps   []HostFrame
	sent    map[switchdev.PortID][][]byte
	token   switchdev.Token
	now     time.Time
}

func (b *bench) Report(r switchdev.Report) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reports = append(b.reports, r)
}

// newBench makes a Manual chip unless cfg says otherwise by worker.
func newBench(t testing.TB, cfg Config) *bench {
	t.Helper()
	cfg.Manual = true
	return startBench(t, cfg)
}

func startBench(t testing.TB, cfg Config) *bench {
	t.Helper()
	b := &bench{TB: t, sent: map[switchdev.PortID][][]byte{}, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	cfg.Host.OnTrap = func(f HostFrame) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.traps = append(b.traps, f)
	}
	chip, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.Chip = chip
	t.Cleanup(func() { _ = chip.Close() })
	b.Bind(b)
	infos, err := b.Ports(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range infos {
		b.Port(info.ID).OnEgress(func(frame []byte) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.sent[info.ID] = append(b.sent[info.ID], frame)
		})
	}
	if cfg.Manual {
		b.Poll(b.now)
	}
	return b
}

// after polls a Manual chip d later.
func (b *bench) after(d time.Duration) time.Time {
	b.now = b.now.Add(d)
	return b.Poll(b.now)
}

func (b *bench) op(d switchdev.Domain) switchdev.Op {
	b.token++
	return switchdev.Op{Domain: d, Token: b.token, Gen: switchdev.Generation(b.token)}
}

// ports applies operations and returns the first error.
func (b *bench) ports(ops ...switchdev.PortOp) error {
	results := make([]switchdev.Result, len(ops))
	for i := range ops {
		ops[i].Op = b.op(ops[i].Domain)
	}
	b.ApplyPorts(b.Context(), ops, results)
	return first(results)
}

func (b *bench) lags(ops ...switchdev.LAGOp) error {
	results := make([]switchdev.Result, len(ops))
	for i := range ops {
		ops[i].Op = b.op(ops[i].Domain)
	}
	b.ApplyLAGs(b.Context(), ops, results)
	return first(results)
}

// lagOp makes a LAG of links that are up.
func lagOp(id switchdev.PortID, links ...switchdev.PortID) switchdev.LAGOp {
	op := switchdev.LAGOp{Verb: switchdev.LAGSet, Port: id}
	for _, l := range links {
		op.Links = append(op.Links, switchdev.LAGLink{Port: l, Up: true})
	}
	return op
}

func (b *bench) bridge(ops ...switchdev.BridgeOp) error {
	results := make([]switchdev.Result, len(ops))
	for i := range ops {
		ops[i].Op = b.op(ops[i].Domain)
	}
	b.ApplyBridge(b.Context(), ops, results)
	return first(results)
}

func (b *bench) vlans(ops ...switchdev.VLANOp) error {
	results := make([]switchdev.Result, len(ops))
	for i := range ops {
		ops[i].Op = b.op(ops[i].Domain)
	}
	b.ApplyVLANs(b.Context(), ops, results)
	return first(results)
}

func (b *bench) fdb(ops ...switchdev.FDBOp) error {
	results := make([]switchdev.Result, len(ops))
	for i := range ops {
		ops[i].Op = b.op(ops[i].Domain)
	}
	b.ApplyFDB(b.Context(), ops, results)
	return first(results)
}

func (b *bench) flushLearnedRows(ops ...switchdev.FDBFlushOp) error {
	results := make([]switchdev.Result, len(ops))
	for i := range ops {
		ops[i].Op = b.op(ops[i].Domain)
	}
	b.FlushFDB(b.Context(), ops, results)
	return first(results)
}

func first(results []switchdev.Result) error {
	for _, r := range results {
		if r.Token == 0 {
			panic("not answered")
		}
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// join puts ports into domain d, forwarding.
func (b *bench) join(d switchdev.Domain, ids ...switchdev.PortID) {
	b.Helper()
	for _, id := range ids {
		op := joinOp(id)
		op.Domain = d
		b.must(b.ports(op))
	}
}

func joinOp(id switchdev.PortID) switchdev.PortOp {
	return switchdev.PortOp{Verb: switchdev.PortJoin, Port: id, State: switchdev.PortForwarding, Up: true}
}

func flagsOp(id switchdev.PortID, on, off switchdev.PortFlags) switchdev.PortOp {
	return switchdev.PortOp{Verb: switchdev.PortSet, Port: id, Set: switchdev.PortAttrFlags, Flags: on, FlagMask: on | off}
}

func stateOp(id switchdev.PortID, s switchdev.PortState) switchdev.PortOp {
	return switchdev.PortOp{Verb: switchdev.PortSet, Port: id, Set: switchdev.PortAttrState, State: s}
}

func setOp(mac switchdev.MAC, vlan switchdev.VLAN, port switchdev.PortID, flags switchdev.FDBFlags) switchdev.FDBOp {
	return switchdev.FDBOp{Verb: switchdev.FDBSet, Entry: switchdev.FDBEntry{Key: switchdev.FDBKey{MAC: mac, VLAN: vlan}, Port: port, Flags: flags}}
}

func deleteOp(mac switchdev.MAC, vlan switchdev.VLAN) switchdev.FDBOp {
	return switchdev.FDBOp{Verb: switchdev.FDBDelete, Entry: switchdev.FDBEntry{Key: switchdev.FDBKey{MAC: mac, VLAN: vlan}}}
}

func memberOp(port switchdev.PortID, vlan switchdev.VLAN, flags switchdev.VLANFlags) switchdev.VLANOp {
	return switchdev.VLANOp{Verb: switchdev.VLANSetMember, Port: port, VLAN: vlan, Flags: flags}
}

// frame builds an untagged IPv4 frame of 64 bytes.
func frame(dst, src switchdev.MAC) []byte {
	f := make([]byte, 64)
	copy(f, dst[:])
	copy(f[6:], src[:])
	binary.BigEndian.PutUint16(f[12:], 0x0800)
	f[63] = 0xee
	return f
}

// tagged builds a frame with a tag: tci holds priority and VLAN.
func tagged(dst, src switchdev.MAC, protocol switchdev.EtherType, tci uint16) []byte {
	f := frame(dst, src)
	out := append([]byte(nil), f[:12]...)
	out = binary.BigEndian.AppendUint16(out, uint16(protocol))
	out = binary.BigEndian.AppendUint16(out, tci)
	return append(out, f[12:]...)
}

// clear forgets what was sent, trapped and reported.
func (b *bench) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reports, b.traps = nil, nil
	clear(b.sent)
}

// learn makes the chip learn a station by a frame to nobody.
func (b *bench) learn(port switchdev.PortID, mac switchdev.MAC) {
	b.Port(port).Ingress(frame(switchdev.MustParseMAC("02:00:00:00:00:ff"), mac))
}

// quiet fails the test if the log breaks a rule.
func (b *bench) quiet() {
	b.Helper()
	for _, v := range b.Audit() {
		b.Error(v)
	}
}
