package switchdevtest

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func reportChecks() []check {
	const role = "Reporter"
	return []check{
		{Rule: Rule{"report/every-sink", role, "Several sinks may be bound; each gets every report."}, need: roleReports, run: checkEverySink},
		{Rule: Rule{"report/unbind", role, "When unbind returns, no call of the sink is running and none follows."}, need: roleReports, run: checkUnbind},
		{Rule: Rule{"report/unbind-twice", role, "Unbind is idempotent."}, need: roleReports, run: checkUnbindTwice},
		{Rule: Rule{"report/epoch", role, "The epoch of a report is the device's epoch when it happened; never 0."}, need: roleReports, run: checkReportEpoch},
		{Rule: Rule{"report/learned", role, "ReportLearned says that the device learned Key behind Port, with token 0 because nobody asked for it."},
			need: roleReports, hooks: hookLearn, run: checkLearned},
		{Rule: Rule{"report/life", role, "The Gen of a report about a row is that of the last PortJoin of its port, or 0 if the device does not keep it."},
			need: roleReports | rolePorts, hooks: hookLearn, run: checkReportLife},
		{Rule: Rule{"report/in-order", role, "Each sink gets the reports in the order in which things happened in one domain."}, need: roleReports, hooks: hookLearn, run: checkReportOrder},
		{Rule: Rule{"report/space", role, "ReportSpace tells that room was freed in a table that had been full."}, need: roleReports, run: checkSpace},
		{Rule: Rule{"report/no-lock", role, "A driver never serialises with a lock that a Sink call, or Name, Epoch, Limits or Usage would need: these return while a report is being made."},
			need: roleReports, outside: true, run: checkNoLock},
	}
}

// sink notes what a device reports.
type sink struct {
	mu      sync.Mutex
	reports []switchdev.Report

	running atomic.Int32
	ended   atomic.Bool // unbind has returned
	late    atomic.Bool // a call came after that
	during  func()      // what else a call does; may be nil
	unbind  func()
}

func (s *sink) Report(r switchdev.Report) {
	s.running.Add(1)
	defer s.running.Add(-1)
	if s.ended.Load() {
		s.late.Store(true)
	}
	for range 50 {
		runtime.Gosched() // a call that takes a while, so that unbind can meet it
	}
	if s.during != nil {
		s.during()
	}
	s.mu.Lock()
	s.reports = append(s.reports, r)
	s.mu.Unlock()
}

// take returns the reports of a kind, and forgets all.
func (s *sink) take(kind switchdev.ReportKind) []switchdev.Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.reports
	s.reports = nil
	return slices.DeleteFunc(all, func(r switchdev.Report) bool { return r.Kind != kind })
}

// has tells how many reports of a kind there are.
func (s *sink) has(kind switchdev.ReportKind) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.reports {
		if r.Kind == kind {
			n++
		}
	}
	return n
}

// stations returns the stations reported as learned, in the order of their first
// reports: that one is still there may be said again at any time.
func (s *sink) stations() (keys []switchdev.FDBKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.reports {
		if r.Kind == switchdev.ReportLearned && !slices.Contains(keys, r.Key) {
			keys = append(keys, r.Key)
		}
	}
	return keys
}

func (p *probe) bind() *sink {
	p.tb.Helper()
	s := &sink{}
	p.bindTo(s)
	return s
}

func (p *probe) bindTo(s *sink) {
	p.tb.Helper()
	p.do("Bind", func() { s.unbind = p.roles.reports.Bind(s) })
	if s.unbind == nil {
		p.fatalf("Bind returned nil")
	}
}

// cause makes the device report something and returns what.
func (p *probe) cause() switchdev.ReportKind {
	p.tb.Helper()
	if p.cfg.learn != nil {
		p.token++
		p.cfg.learn(p.d, p.domain, p.port(0), p.key(1000+int(p.token)))
		return switchdev.ReportLearned
	}
	if p.roles.reset == nil || p.cfg.noReset != "" {
		p.skip("neither a reset nor WithLearn is there to cause a report")
	}
	p.reset()
	return switchdev.ReportReset
}

// mustGet waits for a report of the kind.
func (p *probe) mustGet(name string, s *sink, kind switchdev.ReportKind) {
	p.tb.Helper()
	if !p.eventually(func() bool { return s.has(kind) > 0 }) {
		p.fatalf("%s got no %v report for %v", name, kind, p.patience())
	}
}

func checkEverySink(p *probe) {
	p.setUp()
	sinks := []*sink{p.bind(), p.bind(), p.bind()}
	kind := p.cause()
	for i, s := range sinks {
		p.mustGet([]string{"the first sink", "the second sink", "the third sink"}[i], s, kind)
	}
}

func checkUnbind(p *probe) {
	p.setUp()
	gone, stays := p.bind(), p.bind()
	p.do("unbind", gone.unbind)
	gone.ended.Store(true)
	kind := p.cause()
	p.mustGet("the sink that is bound", stays, kind)
	p.settle()
	if gone.late.Load() {
		p.fatalf("a sink was called after unbind had returned")
	}
	for range 20 { // unbind and report at the same time
		s := p.bind()
		causing := p.start(func() { p.causeQuietly() })
		p.do("unbind", s.unbind)
		s.ended.Store(true)
		if s.running.Load() != 0 {
			p.errorf("a call of the sink was running when unbind returned")
		}
		if !causing.wait(p) {
			p.fatalf("the device has not reported for %v", p.patience())
		}
		p.settle()
		if s.late.Load() {
			p.fatalf("a sink was called after unbind had returned")
		}
	}
}

// causeQuietly is cause for a goroutine that must not end the test.
func (p *probe) causeQuietly() {
	if p.cfg.learn != nil {
		p.cfg.learn(p.d, p.domain, p.port(0), p.key(999))
		return
	}
	_, _ = p.roles.reset.Reset(p.tb.Context())
}

func checkUnbindTwice(p *probe) {
	p.setUp()
	gone, stays := p.bind(), p.bind()
	p.do("unbind", gone.unbind)
	p.do("the second unbind", gone.unbind)
	p.mustGet("the sink that is bound", stays, p.cause())
}

func checkReportEpoch(p *probe) {
	p.setUp()
	s := p.bind()
	kind := p.cause()
	p.mustGet("the sink", s, kind)
	for _, r := range s.take(kind) {
		if r.Epoch == 0 || p.roles.reset != nil && r.Epoch != p.epoch() {
			p.fatalf("a %v report is of epoch %v", r.Kind, r.Epoch)
		}
	}
}

func checkLearned(p *probe) {
	p.setUp()
	s := p.bind()
	p.cfg.learn(p.d, p.domain, p.port(1), p.key(5))
	p.mustGet("the sink", s, switchdev.ReportLearned)
	r := s.take(switchdev.ReportLearned)[0]
	if r.Domain != p.domain || r.Port != p.port(1) || r.Key != p.key(5) || r.Token != 0 {
		p.fatalf("%v was learned on port %v of domain %v, the report says %v on port %v of domain %v, token %d",
			p.key(5), p.port(1), p.domain, r.Key, r.Port, r.Domain, r.Token)
	}
}

// checkReportLife lets a port leave and join again, and a station be learned in each
// life.
func checkReportLife(p *probe) {
	p.setUp()
	s := p.bind()
	for i := range 3 {
		join := p.join(p.port(0))
		p.must("leaving, and joining again", p.portErrors(p.leave(p.port(0)), join))
		p.memberships(p.domain, []switchdev.PortID{p.port(0)})
		p.cfg.learn(p.d, p.domain, p.port(0), p.key(i))
		p.mustGet("the sink", s, switchdev.ReportLearned)
		for _, r := range s.take(switchdev.ReportLearned) {
			if r.Key == p.key(i) && r.Gen != 0 && r.Gen != join.Gen {
				p.fatalf("a station was learned after a join of generation %d, the report says %d", join.Gen, r.Gen)
			}
		}
	}
}

func checkReportOrder(p *probe) {
	p.setUp()
	n := p.room(8)
	s := p.bind()
	for i := range n {
		p.cfg.learn(p.d, p.domain, p.port(0), p.key(i))
	}
	if !p.eventually(func() bool { return len(s.stations()) >= n }) {
		if k := len(s.stations()); k == 0 || p.roles.dump == nil || k != len(p.learned()) {
			p.fatalf("%d stations were learned and %d reported", n, k)
		} // there is no room for more
	}
	for i, key := range s.stations() {
		if key != p.key(i) {
			p.fatalf("station %d in the reports is %v, the one learned then was %v", i, key, p.key(i))
		}
	}
}

func checkSpace(p *probe) {
	p.setUp()
	s := p.bind()
	held, _ := p.fill()
	var ops []switchdev.FDBOp
	for key := range held {
		ops = append(ops, p.del(key, 0))
	}
	s.take(switchdev.ReportSpace)
	p.mustFDB(ops...)
	p.mustGet("the sink", s, switchdev.ReportSpace)
}

func checkNoLock(p *probe) {
	p.setUp()
	var stuck atomic.Pointer[string]
	s := &sink{during: func() {
		for _, c := range p.quick() {
			call := p.start(c.call)
			select {
			case <-call.done:
			case <-time.After(2 * time.Second):
				stuck.Store(&c.name)
				return
			}
		}
	}}
	p.bindTo(s)
	p.mustGet("the sink", s, p.cause())
	if name := stuck.Load(); name != nil {
		p.fatalf("%s does not return while a report is being made", *name)
	}
}

type quickCall struct {
	name string
	call func()
}

// quick are the calls that wait for nothing.
func (p *probe) quick() []quickCall {
	d, roles := p.d, p.roles
	calls := []quickCall{{"Name", func() { _ = d.Name() }}}
	if roles.reset != nil {
		calls = append(calls, quickCall{"Epoch", func() { _ = roles.reset.Epoch() }})
	}
	if roles.limits != nil {
		calls = append(calls, quickCall{"Limits", func() { _ = roles.limits.Limits() }}, quickCall{"Usage", func() { _ = roles.limits.Usage() }})
	}
	return calls
}
