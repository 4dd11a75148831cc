package switchdevtest

import (
	"context"

	"github.com/switchcore/switchcore/switchdev"
)

// job is one batch on its way to the driver inside.
type job[O, R any] struct {
	role    Role
	ops     []O
	results []R
	head    func(*O) switchdev.Op
	result  func(*R) *switchdev.Result
	refused func(*R)                                        // what else a refusal sets; may be nil
	call    func(ctx context.Context, ops []O, results []R) // nil: the role is missing
}

// answer answers operations from one index to before another.
func (j *job[O, R]) answer(from, to int, err error) {
	for i := from; i < to; i++ {
		*j.result(&j.results[i]) = switchdev.Result{Token: j.head(&j.ops[i]).Token, Err: err}
		if j.refused != nil {
			j.refused(&j.results[i])
		}
	}
}

// apply does a batch and returns when it is done.
func apply[O, R any](f *faulty, ctx context.Context, j job[O, R]) {
	_, v, err := f.enter(ctx)
	if err != nil {
		j.answer(0, len(j.ops), err)
		return
	}
	defer v.leave()
	j.run(v, j.plan(f))
}

// plan asks the injector about every operation. A nil plan has no fault.
func (j *job[O, R]) plan(f *faulty) []Fault {
	if f.inj == nil || j.call == nil || f.roles.limits != nil && j.beyond(f.roles.limits.Limits().Batch) {
		return nil
	}
	calls := make([]Call, len(j.ops))
	for i := range calls {
		calls[i] = Call{Role: j.role, Index: i, Len: len(calls), Op: j.head(&j.ops[i])}
	}
	return f.ask(calls...)
}

func (j *job[O, R]) beyond(limit int) bool { return limit > 0 && len(j.ops) > limit }

// run executes a plan: what has no fault goes on in pieces as large as can be.
func (j *job[O, R]) run(v *visit, plan []Fault) {
	if j.call == nil {
		j.answer(0, len(j.ops), switchdev.ErrUnsupported)
		return
	}
	begun := 0
	for i, fault := range plan {
		if fault.Kind == FaultNone || i < begun { // after the end of the batch
			continue
		}
		j.pass(v, begun, i)
		begun = j.strike(v, i, fault)
	}
	j.pass(v, begun, len(j.ops))
}

// strike does what a fault says to operation i and returns the index of the
// first operation that is still to be done.
func (j *job[O, R]) strike(v *visit, i int, fault Fault) int {
	switch fault.Kind {
	case FaultRefuse:
		j.answer(i, i+1, fault.refusal())
	case FaultNoSpace:
		j.answer(i, i+1, switchdev.ErrNoSpace)
	case FaultUnknownLost:
		j.answer(i, i+1, switchdev.ErrOutcomeUnknown)
	case FaultUnknownDone:
		j.pass(v, i, i+1)
		if r := j.result(&j.results[i]); r.Err == nil {
			*r = switchdev.Result{Token: r.Token, Err: switchdev.ErrOutcomeUnknown}
		}
	case FaultLost:
		j.pass(v, i, i+1)
		clear(j.results[i : i+1])
	case FaultPartial:
		j.answer(i, len(j.ops), fault.refusal())
		return len(j.ops)
	case FaultCut:
		clear(j.results[i:])
		return len(j.ops)
	case FaultCutDone:
		j.pass(v, i, len(j.ops))
		clear(j.results[i:])
		return len(j.ops)
	case FaultIgnore:
		j.answer(i, i+1, nil)
		j.result(&j.results[i]).Epoch = max(v.f.Epoch(), 1)
	case FaultPanic:
		fault.panic()
	case FaultDelay, FaultHang:
		if err := v.pause(fault); err != nil {
			j.answer(i, len(j.ops), err)
			return len(j.ops)
		}
		return i
	case FaultReset:
		v.resetInner()
		return i
	default:
		return i
	}
	return i + 1
}

// pass hands operations on and puts right what the end of the visit's own ctx
// made of them.
func (j *job[O, R]) pass(v *visit, from, to int) {
	if from >= to {
		return
	}
	j.call(v.ctx, j.ops[from:to], j.results[from:to])
	for i := from; i < to; i++ {
		r := j.result(&j.results[i])
		r.Err = v.why(r.Err)
	}
}

func plain(r *switchdev.Result) *switchdev.Result { return r }

func (f *faulty) rows(ops []switchdev.FDBOp, results []switchdev.Result) job[switchdev.FDBOp, switchdev.Result] {
	j := job[switchdev.FDBOp, switchdev.Result]{role: RoleFDB, ops: ops, results: results, result: plain,
		head: func(o *switchdev.FDBOp) switchdev.Op { return o.Op }}
	switch {
	case f.roles.fdb != nil:
		j.call = f.roles.fdb.ApplyFDB
	case f.roles.submit != nil:
		j.call = f.submitAndWait
	}
	return j
}

func (f *faulty) submitAndWait(ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result) {
	done := make(chan struct{})
	f.roles.submit.SubmitFDB(ctx, ops, results, func() { close(done) })
	<-done
}

// ApplyFDB implements [switchdev.FDBOffloader].
func (f *faulty) ApplyFDB(ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result) {
	apply(f, ctx, f.rows(ops, results))
}

// faultySubmitter is the role of drivers whose inside has it.
type faultySubmitter struct{ submitter *faulty }

// SubmitFDB implements [switchdev.FDBSubmitter]. A batch in which something
// goes wrong is done by a goroutine that Close waits for; a panic happens here.
func (s faultySubmitter) SubmitFDB(ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result, done func()) {
	f := s.submitter
	j := f.rows(ops, results)
	ctx, v, err := f.enter(ctx)
	if err != nil {
		j.answer(0, len(ops), err)
		done()
		return
	}
	end := func() {
		done()
		v.leave()
	}
	plan := j.plan(f)
	faults := false
	for _, fault := range plan {
		if fault.Kind == FaultPanic {
			v.leave()
			fault.panic()
		}
		faults = faults || fault.Kind != FaultNone
	}
	if !faults {
		f.roles.submit.SubmitFDB(ctx, ops, results, func() {
			for i := range results {
				results[i].Err = v.why(results[i].Err)
			}
			end()
		})
		return
	}
	j.call = f.submitAndWait
	go func() {
		defer end()
		j.run(v, plan)
	}()
}

// FlushFDB implements [switchdev.FDBFlusher].
func (f *faulty) FlushFDB(ctx context.Context, ops []switchdev.FDBFlushOp, results []switchdev.Result) {
	j := job[switchdev.FDBFlushOp, switchdev.Result]{role: RoleFlush, ops: ops, results: results, result: plain,
		head: func(o *switchdev.FDBFlushOp) switchdev.Op { return o.Op }}
	if f.roles.flush != nil {
		j.call = f.roles.flush.FlushFDB
	}
	apply(f, ctx, j)
}

// DumpFDB implements [switchdev.FDBDumper].
func (f *faulty) DumpFDB(ctx context.Context, domain switchdev.Domain, yield func(switchdev.FDBRow) bool) (epoch switchdev.Epoch, err error) {
	if f.roles.dump == nil {
		return 0, f.once(ctx, RoleDump, nil)
	}
	err = f.once(ctx, RoleDump, func(ctx context.Context) (err error) {
		epoch, err = f.roles.dump.DumpFDB(ctx, domain, yield)
		return err
	})
	return epoch, err
}

func portJob(role Role, ops []switchdev.PortOp, results []switchdev.Result) job[switchdev.PortOp, switchdev.Result] {
	return job[switchdev.PortOp, switchdev.Result]{role: role, ops: ops, results: results, result: plain,
		head: func(o *switchdev.PortOp) switchdev.Op { return o.Op }}
}

// CheckPorts implements [switchdev.PortOffloader].
func (f *faulty) CheckPorts(ctx context.Context, ops []switchdev.PortOp, results []switchdev.Result) {
	j := portJob(RoleCheck, ops, results)
	if f.roles.ports != nil {
		j.call = f.roles.ports.CheckPorts
	}
	apply(f, ctx, j)
}

// ApplyPorts implements [switchdev.PortOffloader].
func (f *faulty) ApplyPorts(ctx context.Context, ops []switchdev.PortOp, results []switchdev.Result) {
	j := portJob(RolePort, ops, results)
	if f.roles.ports != nil {
		j.call = f.roles.ports.ApplyPorts
	}
	apply(f, ctx, j)
}

// Ports implements [switchdev.PortLister].
func (f *faulty) Ports(ctx context.Context) (infos []switchdev.PortInfo, err error) {
	if f.roles.list == nil {
		return nil, f.once(ctx, RolePortList, nil)
	}
	err = f.once(ctx, RolePortList, func(ctx context.Context) (err error) {
		infos, err = f.roles.list.Ports(ctx)
		return err
	})
	return infos, err
}

func bridgeJob(role Role, ops []switchdev.BridgeOp, results []switchdev.Result) job[switchdev.BridgeOp, switchdev.Result] {
	return job[switchdev.BridgeOp, switchdev.Result]{role: role, ops: ops, results: results, result: plain,
		head: func(o *switchdev.BridgeOp) switchdev.Op { return o.Op }}
}

// CheckBridge implements [switchdev.BridgeOffloader].
func (f *faulty) CheckBridge(ctx context.Context, ops []switchdev.BridgeOp, results []switchdev.Result) {
	j := bridgeJob(RoleCheck, ops, results)
	if f.roles.bridge != nil {
		j.call = f.roles.bridge.CheckBridge
	}
	apply(f, ctx, j)
}

// ApplyBridge implements [switchdev.BridgeOffloader].
func (f *faulty) ApplyBridge(ctx context.Context, ops []switchdev.BridgeOp, results []switchdev.Result) {
	j := bridgeJob(RoleBridge, ops, results)
	if f.roles.bridge != nil {
		j.call = f.roles.bridge.ApplyBridge
	}
	apply(f, ctx, j)
}

// ApplyVLANs implements [switchdev.VLANOffloader].
func (f *faulty) ApplyVLANs(ctx context.Context, ops []switchdev.VLANOp, results []switchdev.Result) {
	j := job[switchdev.VLANOp, switchdev.Result]{role: RoleVLAN, ops: ops, results: results, result: plain,
		head: func(o *switchdev.VLANOp) switchdev.Op { return o.Op }}
	if f.roles.vlans != nil {
		j.call = f.roles.vlans.ApplyVLANs
	}
	apply(f, ctx, j)
}

// ApplyLAGs implements [switchdev.LAGOffloader].
func (f *faulty) ApplyLAGs(ctx context.Context, ops []switchdev.LAGOp, results []switchdev.Result) {
	j := job[switchdev.LAGOp, switchdev.Result]{role: RoleLAG, ops: ops, results: results, result: plain,
		head: func(o *switchdev.LAGOp) switchdev.Op { return o.Op }}
	if f.roles.lags != nil {
		j.call = f.roles.lags.ApplyLAGs
	}
	apply(f, ctx, j)
}

// ApplyFlows implements [switchdev.FlowOffloader].
func (f *faulty) ApplyFlows(ctx context.Context, ops []switchdev.FlowOp, results []switchdev.FlowResult) {
	j := job[switchdev.FlowOp, switchdev.FlowResult]{role: RoleFlow, ops: ops, results: results,
		head:    func(o *switchdev.FlowOp) switchdev.Op { return o.Op },
		result:  func(r *switchdev.FlowResult) *switchdev.Result { return &r.Result },
		refused: func(r *switchdev.FlowResult) { r.State, r.Stats = switchdev.FlowRefused, switchdev.FlowStats{} }}
	if f.flows != nil {
		j.call = f.flows.ApplyFlows
	}
	apply(f, ctx, j)
}

// ReadFlowStats implements [switchdev.FlowStatsReader].
func (f *faulty) ReadFlowStats(ctx context.Context, domain switchdev.Domain, ids []switchdev.FlowID, stats []switchdev.FlowStats) (n int, err error) {
	if f.stats == nil {
		return 0, f.once(ctx, RoleStats, nil)
	}
	err = f.once(ctx, RoleStats, func(ctx context.Context) (err error) {
		n, err = f.stats.ReadFlowStats(ctx, domain, ids, stats)
		return err
	})
	return n, err
}

// ApplyHeaders implements [switchdev.HeaderOffloader].
func (f *faulty) ApplyHeaders(ctx context.Context, ops []switchdev.HeaderOp, results []switchdev.Result) {
	j := job[switchdev.HeaderOp, switchdev.Result]{role: RoleHeader, ops: ops, results: results, result: plain,
		head: func(o *switchdev.HeaderOp) switchdev.Op { return o.Op }}
	if f.headers != nil {
		j.call = f.headers.ApplyHeaders
	}
	apply(f, ctx, j)
}
