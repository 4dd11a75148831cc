package switchdevtest

import "github.com/switchcore/switchcore/switchdev"

func flushChecks() []check {
	const role = "FDBFlusher"
	return []check{
		{Rule: Rule{"flush/keeps-told", role, "Rows that were set by an FDBOp stay."}, need: roleFlush | roleDump, run: checkFlushKeeps},
		{Rule: Rule{"flush/keeps-taken-over", role, "Rows that were set by an FDBOp stay, also those of stations that the device had learned before."}, need: roleFlush | roleDump, hooks: hookLearn, run: checkFlushKeepsTakenOver},
		{Rule: Rule{"flush/drops-learned", role, "A flush drops the rows that the device learned by itself."}, need: roleFlush | roleDump, hooks: hookLearn, run: checkFlushDrops},
		{Rule: Rule{"flush/restricted", role, "Port restricts the flush to one port, VLAN to one VLAN."}, need: roleFlush | roleDump, hooks: hookLearn, run: checkFlushRestricted},
	}
}

func (p *probe) flushOp(port switchdev.PortID, vlan switchdev.VLAN) switchdev.FDBFlushOp {
	return switchdev.FDBFlushOp{Op: p.op(p.domain), Port: port, VLAN: vlan}
}

func (p *probe) mustFlush(op switchdev.FDBFlushOp) {
	p.tb.Helper()
	p.must("FlushFDB", p.flushErrors(op))
}

// learned returns the rows that the device learned.
func (p *probe) learned() table {
	p.tb.Helper()
	rows, _ := p.rows(p.domain)
	got := table{}
	for _, row := range rows {
		if row.Flags&switchdev.FDBHWLearned != 0 {
			got[row.Key] = row.Port
		}
	}
	return got
}

// teach makes the device learn a station and waits until it has.
func (p *probe) teach(key switchdev.FDBKey, port switchdev.PortID) {
	p.tb.Helper()
	p.cfg.learn(p.d, p.domain, port, key)
	if !p.eventually(func() bool { return p.learned()[key] == port }) {
		p.fatalf("WithLearn: the device has not learned %v on port %v", key, port)
	}
}

func (p *probe) wantLearned(what string, want ...switchdev.FDBKey) {
	p.tb.Helper()
	got := p.learned()
	for _, key := range want {
		if _, ok := got[key]; !ok {
			p.errorf("%s: %v is gone", what, key)
		}
		delete(got, key)
	}
	for key, port := range got {
		p.errorf("%s: %v is still there, on port %v", what, key, port)
	}
}

func checkFlushKeeps(p *probe) {
	p.setUp()
	want := p.populate(4)
	p.mustFlush(p.flushOp(0, 0))
	p.want(want)
	p.mustFlush(p.flushOp(p.port(0), p.vlan))
	p.want(want)
}

// checkFlushKeepsTakenOver sets the row of a station where the device has learned it.
func checkFlushKeepsTakenOver(p *probe) {
	p.setUp()
	p.teach(p.key(0), p.port(0))
	p.mustFDB(p.set(p.key(0), p.port(0)))
	p.want(table{p.key(0): p.port(0)})
	p.mustFlush(p.flushOp(0, 0))
	p.want(table{p.key(0): p.port(0)})
}

func checkFlushDrops(p *probe) {
	p.setUp()
	p.teach(p.key(0), p.port(0))
	p.teach(p.key(1), p.port(1))
	p.mustFlush(p.flushOp(0, 0))
	p.wantLearned("after a flush of everything")
}

func checkFlushRestricted(p *probe) {
	p.setUp()
	p.teach(p.key(0), p.port(0))
	p.teach(p.key(1), p.port(1))
	p.mustFlush(p.flushOp(p.port(0), 0))
	p.wantLearned("after a flush of one port", p.key(1))
	if len(p.vlans) < 2 {
		return
	}
	other := p.key(2)
	other.VLAN = p.vlans[1]
	p.teach(other, p.port(1))
	p.mustFlush(p.flushOp(0, p.vlans[1]))
	p.wantLearned("after a flush of one VLAN", p.key(1))
}
