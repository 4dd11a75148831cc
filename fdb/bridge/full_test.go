package bridge_test

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// full is a fake that has VLANs, link aggregation and limits besides, reports its
// resets, and writes down what a device may count on and did not get.
type full struct {
	*fake
	batch int // Limits.Batch
	room  int // VLAN memberships, 0 for any number

	// Guarded by mu.
	vlans    map[switchdev.PortID]map[switchdev.VLAN]switchdev.VLANFlags
	lags     map[switchdev.PortID][]switchdev.LAGLink
	wrong    []string // promises that the caller broke
	keepPVID bool     // a port that has a PVID is never to be without one
	lenient  bool     // it lets itself not be told in order, and does not complain
	sinks    []switchdev.Sink
}

func newFull(name string) *full {
	return &full{
		fake: newFake(name), vlans: make(map[switchdev.PortID]map[switchdev.VLAN]switchdev.VLANFlags),
		lags: make(map[switchdev.PortID][]switchdev.LAGLink),
	}
}

func (f *full) Limits() switchdev.Limits { return switchdev.Limits{Batch: f.batch} }

func (f *full) Usage() switchdev.Usage { return switchdev.Usage{} }

// blame writes a broken promise down. The caller holds mu.
func (f *full) blame(format string, args ...any) {
	if !f.lenient {
		f.wrong = append(f.wrong, fmt.Sprintf(format, args...))
	}
}

func (f *full) ApplyPorts(ctx context.Context, ops []switchdev.PortOp, results []switchdev.Result) {
	f.fake.ApplyPorts(ctx, ops, results)
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, op := range ops {
		if undone(results[i].Err) {
			continue
		}
		switch op.Verb {
		case switchdev.PortLeave:
			delete(f.vlans, op.Port)
		case switchdev.PortJoin:
			for id, links := range f.lags {
				if slices.ContainsFunc(links, func(l switchdev.LAGLink) bool { return l.Port == op.Port }) {
					f.blame("port %d joins and is a link of %d", op.Port, id)
				}
			}
		}
	}
}

func (f *full) ApplyFDB(ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result) {
	f.fake.ApplyFDB(ctx, ops, results)
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, op := range ops {
		id, vlan := op.Entry.Port, op.Entry.Key.VLAN
		_, joined := f.ports[id]
		if _, member := f.vlans[id][vlan]; op.Verb == switchdev.FDBSet && !undone(results[i].Err) && vlan != 0 && joined && !member {
			f.blame("row of %v before port %d is in the VLAN", op.Entry.Key, id)
		}
	}
}

func (f *full) ApplyVLANs(_ context.Context, ops []switchdev.VLANOp, results []switchdev.Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.batch > 0 && len(ops) > f.batch {
		f.blame("a batch of %d", len(ops))
	}
	names := map[switchdev.VLANVerb]string{switchdev.VLANSetMember: "vlan-set", switchdev.VLANDeleteMember: "vlan-delete"}
	for i, op := range ops {
		err := f.judge(names[op.Verb], op.Port)
		if n := f.memberships(); err == nil && op.Verb == switchdev.VLANSetMember && f.room > 0 && n >= f.room && f.vlans[op.Port][op.VLAN] == 0 {
			err = switchdev.ErrNoSpace
		}
		results[i] = switchdev.Result{Token: op.Token, Epoch: f.epoch, Err: err}
		if !undone(err) {
			f.setVLAN(&op)
		}
	}
}

func (f *full) memberships() (n int) {
	for _, m := range f.vlans {
		n += len(m)
	}
	return n
}

// setVLAN does what an operation says. The caller holds mu.
func (f *full) setVLAN(op *switchdev.VLANOp) {
	if _, joined := f.ports[op.Port]; op.Port != 0 && !joined {
		f.blame("VLAN %d of port %d, which has not joined", op.VLAN, op.Port)
	}
	m := f.vlans[op.Port]
	had := hasPVID(m)
	if m == nil {
		m = make(map[switchdev.VLAN]switchdev.VLANFlags)
		f.vlans[op.Port] = m
	}
	switch op.Verb {
	case switchdev.VLANSetMember:
		if op.Flags&switchdev.VLANPVID != 0 { // a port has one
			for v := range m {
				m[v] &^= switchdev.VLANPVID
			}
		}
		m[op.VLAN] = op.Flags
	default:
		delete(m, op.VLAN)
		for k, e := range f.rows {
			if k.VLAN == op.VLAN && e.Port == op.Port && e.Flags&switchdev.FDBStatic == 0 {
				f.blame("VLAN %d of port %d ends before its row of %v", op.VLAN, op.Port, k)
			}
		}
	}
	if f.keepPVID && had && !hasPVID(m) {
		f.blame("port %d is without a PVID after %v %d %d: %v", op.Port, op.Verb, op.VLAN, op.Flags, m)
	}
	if len(m) == 0 {
		delete(f.vlans, op.Port)
	}
}

func hasPVID(m map[switchdev.VLAN]switchdev.VLANFlags) bool {
	for _, flags := range m {
		if flags&switchdev.VLANPVID != 0 {
			return true
		}
	}
	return false
}

func (f *full) ApplyLAGs(_ context.Context, ops []switchdev.LAGOp, results []switchdev.Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	names := map[switchdev.LAGVerb]string{switchdev.LAGSet: "lag-set", switchdev.LAGDelete: "lag-delete"}
	for i, op := range ops {
		err := f.judge(names[op.Verb], op.Port)
		if _, group := f.lags[op.Port]; err == nil && op.Verb == switchdev.LAGDelete && !group {
			err = switchdev.ErrExist // it is a port of the device
		}
		results[i] = switchdev.Result{Token: op.Token, Epoch: f.epoch, Err: err}
		_, joined := f.ports[op.Port]
		switch {
		case undone(err):
		case op.Verb == switchdev.LAGSet:
			f.lags[op.Port] = slices.Clone(op.Links)
		case joined:
			f.blame("LAG %d ends and has not left", op.Port)
		default:
			delete(f.lags, op.Port)
		}
	}
}

// Bind implements switchdev.Reporter.
func (f *full) Bind(s switchdev.Sink) func() {
	f.sinks = append(f.sinks, s)
	return func() {}
}

// reset makes the device forget everything and say so.
func (f *full) reset() {
	f.mu.Lock()
	f.forget()
	now := f.epoch
	f.mu.Unlock()
	for _, s := range f.sinks {
		s.Report(switchdev.Report{Kind: switchdev.ReportReset, Epoch: now})
	}
}

// forget is reset without the report. The caller holds mu.
func (f *full) forget() {
	clear(f.ports)
	clear(f.rows)
	clear(f.vlans)
	clear(f.lags)
	f.attrs = switchdev.BridgeOp{}
	f.epoch++
}

// holdings is what a device holds of a bridge, in words, and what it is to hold.
type holdings struct {
	lines []string
}

func (d *holdings) add(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *holdings) String() string {
	slices.Sort(d.lines)
	return strings.Join(d.lines, "\n") + "\n"
}

func (d *holdings) attributes(filtering bool, protocol switchdev.EtherType) {
	if filtering || protocol != 0 && protocol != switchdev.EtherTypeVLAN {
		d.add("filtering %t protocol %04x", filtering, protocol)
	}
}

func (d *holdings) port(id switchdev.PortID, s switchdev.PortState, up bool, f switchdev.PortFlags) {
	d.add("port %d %v up %t flags %v", id, s, up, f)
}

func (d *holdings) vlan(id switchdev.PortID, v switchdev.VLAN, f switchdev.VLANFlags) {
	if id == 0 { // how the host is a member is software's
		f = 0
	}
	d.add("vlan %d on %d flags %d", v, id, f)
}

func (d *holdings) row(k fdb.Key, id switchdev.PortID, local bool) {
	d.add("row %v at %d local %t", k, id, local)
}

// has returns what the device holds.
func (f *full) has() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var d holdings
	protocol := f.attrs.Protocol
	if protocol == 0 {
		protocol = switchdev.EtherTypeVLAN
	}
	d.attributes(f.attrs.Filtering, protocol)
	for id, p := range f.ports {
		d.port(id, p.State, p.Up, p.Flags)
	}
	for id, m := range f.vlans {
		for v, flags := range m {
			d.vlan(id, v, flags)
		}
	}
	for id, links := range f.lags {
		d.add("lag %d links %v", id, links)
	}
	for k, e := range f.rows {
		d.row(fdb.Key(k), e.Port, e.Flags&switchdev.FDBLocal != 0)
	}
	return d.String()
}

// rig is a world and the tag that its bridge goes by.
type rig struct {
	*world
	protocol switchdev.EtherType
}

func newRig(t *testing.T, cfg bridge.Config) *rig {
	t.Helper()
	return &rig{newWorld(t, cfg), switchdev.EtherTypeVLAN}
}

// wants returns what the bridge wants a device that neither learns nor floods to
// hold, out of what the bridge says of itself.
func (w *rig) wants(name string) string {
	var d holdings
	own := map[switchdev.PortID]bool{}
	for _, p := range w.b.Ports() {
		if p.Device != name {
			continue
		}
		own[p.ID] = true
		d.port(p.ID, p.State, p.Up, p.Flags&^(switchdev.PortLearns|switchdev.PortFlood|switchdev.PortMulticastFlood|switchdev.PortBroadcastFlood|switchdev.PortMAB))
		vlans, _ := w.b.VLANs(p.ID)
		for _, m := range vlans {
			d.vlan(p.ID, m.VLAN, m.Flags)
		}
		if links, _ := w.b.Links(p.ID); len(links) > 0 {
			var all []switchdev.LAGLink
			for _, l := range links {
				all = append(all, switchdev.LAGLink{Port: l.ID, Up: !l.Down})
			}
			d.add("lag %d links %v", p.ID, all)
		}
	}
	if len(own) == 0 {
		return d.String()
	}
	d.attributes(w.b.Filtering(), w.protocol)
	for _, v := range w.hostVLANs() {
		d.vlan(0, v, 0)
	}
	for e := range w.b.Table().All() {
		if local := e.Flags&fdb.Local != 0; local || own[e.Port] {
			d.row(e.Key, e.Port, local)
		}
	}
	return d.String()
}

// hostVLANs are those whose frames a device that does not learn has to give to software:
// the host's, and with filtering those of all ports.
func (w *rig) hostVLANs() []switchdev.VLAN {
	ids := []switchdev.PortID{switchdev.PortHost}
	if w.b.Filtering() {
		for _, p := range w.b.Ports() {
			ids = append(ids, p.ID)
		}
	}
	all := map[switchdev.VLAN]bool{}
	for _, id := range ids {
		vlans, _ := w.b.VLANs(id)
		for _, m := range vlans {
			all[m.VLAN] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// bridge returns what the bridge says of itself.
func (w *rig) bridge() string {
	var s strings.Builder
	s.WriteString(w.show())
	all := []switchdev.PortID{0}
	for _, p := range w.b.Ports() {
		fmt.Fprintf(&s, "%+v\n", p)
		all = append(all, p.ID)
	}
	for _, id := range all {
		vlans, _ := w.b.VLANs(id)
		links, _ := w.b.Links(id)
		fmt.Fprintf(&s, "%d: vlans %v links %v\n", id, vlans, links)
	}
	fmt.Fprintf(&s, "mac %v filtering %t stp %v\n", w.b.MAC(), w.b.Filtering(), w.b.STP().Mode)
	return s.String()
}

// rehomed hides which of those that have an own address has its entry.
func rehomed(s string) string {
	lines := strings.Split(atLocal.ReplaceAllString(devLocal.ReplaceAllString(s, "$1 $2 permanent"), "local"), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

var (
	devLocal = regexp.MustCompile("(?m)^([0-9a-f:]+) dev \\S+(.*) permanent$")
	atLocal  = regexp.MustCompile("at \\d+ local true")
)

// diff returns the lines that only one of two texts has.
func diff(before, after string) string {
	a, b := strings.Split(before, "\n"), strings.Split(after, "\n")
	var s strings.Builder
	for _, l := range a {
		if !slices.Contains(b, l) {
			s.WriteString("\n- " + l)
		}
	}
	for _, l := range b {
		if !slices.Contains(a, l) {
			s.WriteString("\n+ " + l)
		}
	}
	return s.String()
}

// fits checks that a device holds what the bridge wants, and that it got what it may
// count on.
func (w *rig) fits(f *full) {
	w.t.Helper()
	if has, want := f.has(), w.wants(f.name); has != want {
		w.t.Errorf("%s does not hold (-), or holds (+):%s", f.name, diff(want, has))
	}
	w.sound(f)
}

func (w *rig) sound(f *full) {
	w.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.wrong {
		w.t.Errorf("%s: %s", f.name, s)
	}
	f.wrong = nil
}

// recovers lets devices be well again, and time pass.
func (w *rig) recovers(devices ...*full) {
	w.t.Helper()
	for _, f := range devices {
		f.refusing(nil)
	}
	for range 40 {
		w.after(10 * time.Second)
	}
	for _, f := range devices {
		w.fits(f)
	}
}

// vlanSet makes a set of VLANs.
func vlanSet(vlans ...switchdev.VLAN) (s switchdev.VLANSet) {
	for _, v := range vlans {
		if err := s.Add(v); err != nil {
			panic(err)
		}
	}
	return s
}

func filteringOn(devices ...switchdev.Driver) bridge.Config {
	cfg := withDevices(devices...)
	cfg.VLAN.Filtering = true
	return cfg
}
