package switchdevtest

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// fdbForm is a way to write forwarding rows.
type fdbForm struct {
	name  string
	need  roleSet
	apply func(r *roles, ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result)
}

var forms = []fdbForm{
	{"blocking", roleFDB, func(r *roles, ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result) {
		r.fdb.ApplyFDB(ctx, ops, results)
	}},
	{"submit", roleSubmit, func(r *roles, ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result) {
		var calls atomic.Int32
		done := make(chan struct{})
		r.submit.SubmitFDB(ctx, ops, results, func() {
			if calls.Add(1) == 1 {
				close(done)
			}
		})
		<-done
	}},
}

func formNamed(name string) fdbForm {
	for _, f := range forms {
		if f.name == name {
			return f
		}
	}
	return fdbForm{}
}

// write returns the function that writes rows: that of the check's form, or
// else of any form that the device has.
func (p *probe) write() func(r *roles, ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result) {
	if p.form.apply != nil {
		return p.form.apply
	}
	for _, f := range forms {
		if p.roles.found&f.need != 0 {
			return f.apply
		}
	}
	p.skip("the driver has no role FDBOffloader")
	return nil
}

// set and del build operations on the main domain.
func (p *probe) set(key switchdev.FDBKey, port switchdev.PortID) switchdev.FDBOp {
	return p.setIn(p.domain, key, port)
}

func (p *probe) setIn(domain switchdev.Domain, key switchdev.FDBKey, port switchdev.PortID) switchdev.FDBOp {
	entry := switchdev.FDBEntry{Key: key, Port: port, Flags: switchdev.FDBStatic | switchdev.FDBUser}
	return switchdev.FDBOp{Op: p.op(domain), Verb: switchdev.FDBSet, Entry: entry}
}

func (p *probe) del(key switchdev.FDBKey, port switchdev.PortID) switchdev.FDBOp {
	entry := switchdev.FDBEntry{Key: key, Port: port}
	return switchdev.FDBOp{Op: p.op(p.domain), Verb: switchdev.FDBDelete, Entry: entry}
}

// fdb applies a batch and returns what became of each operation.
func (p *probe) fdb(ops ...switchdev.FDBOp) []error {
	p.tb.Helper()
	return errorsOf(p.fdbResults(context.Background(), ops...))
}

// fdbResults applies a batch in pieces that the device takes.
func (p *probe) fdbResults(ctx context.Context, ops ...switchdev.FDBOp) []switchdev.Result {
	p.tb.Helper()
	write, results := p.write(), make([]switchdev.Result, len(ops))
	most := p.batch(len(ops))
	for from := 0; from < len(ops); from += most {
		to := min(from+most, len(ops))
		p.do("the batch", func() { write(&p.roles, ctx, ops[from:to], results[from:to]) })
	}
	for _, r := range results {
		p.skipUnsupported("an FDB operation", r.Err)
	}
	return results
}

// mustFDB applies operations that have to succeed.
func (p *probe) mustFDB(ops ...switchdev.FDBOp) []switchdev.Result {
	p.tb.Helper()
	results := p.fdbResults(context.Background(), ops...)
	for i, r := range results {
		if err := read(r); err != nil {
			p.fatalf("%v of %v on port %v: %v", ops[i].Verb, ops[i].Entry.Key, ops[i].Entry.Port, err)
		}
	}
	return results
}

// place sets rows that a check wants to look at. A device that has no room for
// more than some of them is not what is checked then.
func (p *probe) place(ops ...switchdev.FDBOp) {
	p.tb.Helper()
	for i, err := range p.fdb(ops...) {
		switch {
		case err == nil:
			p.placed++
		case errors.Is(err, switchdev.ErrNoSpace) && p.placed > 0:
			p.skip("the device has no room for more than %d rows", p.placed)
		default:
			p.fatalf("%v of %v on port %v: %v", ops[i].Verb, ops[i].Entry.Key, ops[i].Entry.Port, err)
		}
	}
}

// room returns how many of n rows fit into the device's table, at least one.
func (p *probe) room(n int) int {
	if most := p.sizes().FDB; most > 0 {
		n = min(n, most)
	}
	return max(n, 1)
}

func errorsOf(results []switchdev.Result) []error {
	errs := make([]error, len(results))
	for i, r := range results {
		errs[i] = read(r)
	}
	return errs
}

// batch returns how many of n operations the device takes at once.
func (p *probe) batch(n int) int {
	if most := p.sizes().Batch; most > 0 {
		n = min(n, most)
	}
	return max(n, 1)
}

func (p *probe) sizes() (l switchdev.Limits) {
	p.tb.Helper()
	if p.roles.limits != nil {
		p.do("Limits", func() { l = p.roles.limits.Limits() })
	}
	return l
}

func (p *probe) usage() (u switchdev.Usage) {
	p.tb.Helper()
	p.do("Usage", func() { u = p.roles.limits.Usage() })
	return u
}

// rows dumps a domain. A device that cannot be read now is asked again.
func (p *probe) rows(domain switchdev.Domain) (rows []switchdev.FDBRow, epoch switchdev.Epoch) {
	p.tb.Helper()
	for range 200 {
		var err error
		rows = rows[:0]
		p.do("DumpFDB", func() {
			epoch, err = p.roles.dump.DumpFDB(context.Background(), domain, func(row switchdev.FDBRow) bool {
				rows = append(rows, row)
				return true
			})
		})
		if err == nil {
			return rows, epoch
		}
		p.skipUnsupported("a dump", err)
		if !errors.Is(err, switchdev.ErrBusy) {
			p.fatalf("DumpFDB: %v", err)
		}
		time.Sleep(p.patience() / 200)
	}
	p.fatalf("DumpFDB answered ErrBusy for %v", p.patience())
	return nil, 0
}

// table is a forwarding table as a model holds it.
type table map[switchdev.FDBKey]switchdev.PortID

// told returns the rows of a domain that the device was told to hold.
func (p *probe) told(domain switchdev.Domain) table {
	p.tb.Helper()
	rows, _ := p.rows(domain)
	held, seen := table{}, table{}
	for _, row := range rows {
		if port, twice := seen[row.Key]; twice {
			p.fatalf("two rows for %v in domain %v: on port %v and on port %v", row.Key, domain, port, row.Port)
		}
		seen[row.Key] = row.Port
		if row.Flags&switchdev.FDBHWLearned == 0 {
			held[row.Key] = row.Port
		}
	}
	return held
}

// want fails unless the device holds exactly these rows in the main domain.
func (p *probe) want(want table) {
	p.tb.Helper()
	p.wantIn(p.domain, want, "")
}

func (p *probe) wantIn(domain switchdev.Domain, want table, note string) {
	p.tb.Helper()
	got := p.told(domain)
	if note != "" {
		note = " (" + note + ")"
	}
	wrong := 0
	for key, port := range want {
		switch g, ok := got[key]; {
		case !ok:
			p.errorf("the device lacks %v, which is on port %v, in domain %v%s", key, port, domain, note)
		case g != port:
			p.errorf("the device has %v on port %v and not on port %v, in domain %v%s", key, g, port, domain, note)
		default:
			continue
		}
		if wrong++; wrong == 5 {
			break
		}
	}
	for key, port := range got {
		if _, ok := want[key]; !ok {
			p.fatalf("the device has a row too many: %v on port %v, in domain %v%s", key, port, domain, note)
		}
	}
	if wrong > 0 {
		p.fatalf("the device holds %d rows of domain %v, want %d%s", len(got), domain, len(want), note)
	}
}

// setUp prepares the main domain: ports joined, VLANs applied, filtering on. A
// device that does not offload these is taken as it is.
func (p *probe) setUp() {
	p.tb.Helper()
	p.joinAll(p.domain, p.ports)
	p.filter(p.domain)
	p.chooseVLANs()
	p.memberships(p.domain, p.ports)
}

// setUpOther prepares the other domain with its port, or skips the check.
func (p *probe) setUpOther() {
	p.tb.Helper()
	p.needOther()
	p.secondDomain()
	p.joinAll(p.other, []switchdev.PortID{p.otherPort})
	p.filter(p.other)
	p.memberships(p.other, []switchdev.PortID{p.otherPort})
}

func (p *probe) needOther() {
	p.tb.Helper()
	if p.otherPort == 0 {
		p.skip("two domains need three ports")
	}
	if p.sizes().Domains == 1 {
		p.skip("the device has one domain")
	}
}

// secondDomain skips the check on a device that has no room for the other domain
// beside the main one, which is set up.
func (p *probe) secondDomain() {
	p.tb.Helper()
	if p.roles.ports == nil || errors.Is(p.portErrors(p.join(p.ports[0]))[0], errors.ErrUnsupported) {
		return
	}
	err := p.portErrors(p.joinOther(p.otherPort))[0]
	if errors.Is(err, switchdev.ErrNoSpace) || errors.Is(err, errors.ErrUnsupported) {
		p.skip("the device has no second domain: %v", err)
	}
	leave := p.leave(p.otherPort)
	leave.Domain = p.other
	p.must("joining the other domain, and leaving it", []error{err, p.portErrors(leave)[0]})
}

func (p *probe) chooseVLANs() {
	p.vlans = p.cfg.vlans
	if !p.cfg.vlansSet && p.roles.vlans != nil {
		p.vlans = []switchdev.VLAN{10, 20}
	}
	p.vlan = switchdev.NoVLAN
	if len(p.vlans) > 0 {
		p.vlan = p.vlans[0]
	}
}

func (p *probe) memberships(domain switchdev.Domain, ports []switchdev.PortID) {
	p.tb.Helper()
	if p.roles.vlans == nil {
		return
	}
	for _, port := range ports {
		for _, vlan := range p.vlans {
			op := p.member(port, vlan)
			op.Domain = domain
			err := p.vlanErrors(op)[0]
			p.tolerate("setting up VLAN "+vlan.String(), err)
			if err != nil && !p.cfg.vlansSet { // without a VLAN table, rows without VLAN
				p.vlans, p.vlan = nil, switchdev.NoVLAN
				return
			}
		}
	}
}

// tolerate fails unless a step of the preparation was done or is unsupported.
func (p *probe) tolerate(what string, err error) {
	p.tb.Helper()
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		p.fatalf("%s: %v", what, err)
	}
}

func (p *probe) joinAll(domain switchdev.Domain, ports []switchdev.PortID) {
	p.tb.Helper()
	if p.roles.ports == nil {
		return
	}
	for _, port := range ports {
		op := p.join(port)
		op.Domain = domain
		p.tolerate("setting up: joining port "+port.String(), p.portErrors(op)[0])
	}
}

func (p *probe) filter(domain switchdev.Domain) {
	p.tb.Helper()
	if p.roles.bridge == nil {
		return
	}
	op := p.filtering()
	op.Domain = domain
	p.tolerate("setting up: filtering", p.bridgeErrors(op)[0])
}

func (p *probe) join(port switchdev.PortID) switchdev.PortOp {
	return switchdev.PortOp{
		Op: p.op(p.domain), Verb: switchdev.PortJoin, Port: port, State: switchdev.PortForwarding,
		Flags: switchdev.DefaultPortFlags, FlagMask: switchdev.DefaultPortFlags, Up: true,
	}
}

func (p *probe) leave(port switchdev.PortID) switchdev.PortOp {
	return switchdev.PortOp{Op: p.op(p.domain), Verb: switchdev.PortLeave, Port: port}
}

func (p *probe) state(port switchdev.PortID, state switchdev.PortState) switchdev.PortOp {
	return switchdev.PortOp{Op: p.op(p.domain), Verb: switchdev.PortSet, Port: port, Set: switchdev.PortAttrState, State: state}
}

func (p *probe) filtering() switchdev.BridgeOp {
	return switchdev.BridgeOp{Op: p.op(p.domain), Set: switchdev.BridgeAttrFiltering, Filtering: true}
}

func (p *probe) member(port switchdev.PortID, vlan switchdev.VLAN) switchdev.VLANOp {
	return switchdev.VLANOp{Op: p.op(p.domain), Verb: switchdev.VLANSetMember, Port: port, VLAN: vlan}
}

func (p *probe) unmember(port switchdev.PortID, vlan switchdev.VLAN) switchdev.VLANOp {
	return switchdev.VLANOp{Op: p.op(p.domain), Verb: switchdev.VLANDeleteMember, Port: port, VLAN: vlan}
}

func (p *probe) portErrors(ops ...switchdev.PortOp) []error {
	p.tb.Helper()
	results := make([]switchdev.Result, len(ops))
	p.do("ApplyPorts", func() { p.roles.ports.ApplyPorts(context.Background(), ops, results) })
	return errorsOf(results)
}

func (p *probe) checkPortErrors(ops ...switchdev.PortOp) []error {
	p.tb.Helper()
	results := make([]switchdev.Result, len(ops))
	p.do("CheckPorts", func() { p.roles.ports.CheckPorts(context.Background(), ops, results) })
	return errorsOf(results)
}

func (p *probe) bridgeErrors(ops ...switchdev.BridgeOp) []error {
	p.tb.Helper()
	results := make([]switchdev.Result, len(ops))
	p.do("ApplyBridge", func() { p.roles.bridge.ApplyBridge(context.Background(), ops, results) })
	return errorsOf(results)
}

func (p *probe) checkBridgeErrors(ops ...switchdev.BridgeOp) []error {
	p.tb.Helper()
	results := make([]switchdev.Result, len(ops))
	p.do("CheckBridge", func() { p.roles.bridge.CheckBridge(context.Background(), ops, results) })
	return errorsOf(results)
}

func (p *probe) vlanErrors(ops ...switchdev.VLANOp) []error {
	p.tb.Helper()
	results := make([]switchdev.Result, len(ops))
	p.do("ApplyVLANs", func() { p.roles.vlans.ApplyVLANs(context.Background(), ops, results) })
	return errorsOf(results)
}

func (p *probe) flushErrors(ops ...switchdev.FDBFlushOp) []error {
	p.tb.Helper()
	results := make([]switchdev.Result, len(ops))
	p.do("FlushFDB", func() { p.roles.flush.FlushFDB(context.Background(), ops, results) })
	return errorsOf(results)
}

// must skips on ErrUnsupported and fails on any other error.
func (p *probe) must(what string, errs []error) {
	p.tb.Helper()
	for _, err := range errs {
		p.skipUnsupported(what, err)
		if err != nil {
			p.fatalf("%s: %v", what, err)
		}
	}
}

// mustBe fails unless err is the wanted one.
func (p *probe) mustBe(what string, err, want error) {
	p.tb.Helper()
	p.skipUnsupported(what, err)
	if !errors.Is(err, want) {
		p.fatalf("%s: %v, want %v", what, err, want)
	}
}
