package fdb

import (
	"context"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// Trace is what an operator may want to hear of: hooks, each of which may be nil,
// in the manner of net/http/httptrace. They tell when work was done and how long it
// took; what became of entries the events of a [Subscription] tell.
//
// Hooks are called one at a time, in the order in which things happened, with
// nothing held and by a goroutine of their own, on a Manual table by Poll and
// Close. So a hook may use the table, may even wait for an operation, and delays
// nobody but the next hooks; the data path has none, and without a hook nothing is
// done for it. What happens while more than 65536 calls wait is not told, and
// counted in Stats.Untold. A hook must not close the table, which waits for it. One
// that panics ends the program, as any goroutine does; on a Manual table it is
// Poll's caller that panics.
//
// Times and durations are those of the table's clock: on a Manual table what Poll
// was told.
type Trace struct {
	// Submitted tells that an operation was queued, Staged that it got its
	// number and that its outcome will be told, Ended its outcome, or that it was
	// withdrawn before it was staged, in which case Staged does not come. What is
	// refused for bad input is not told.
	Submitted, Staged, Ended func(OpTrace)

	// Called tells that a batch is handed to a device, Returned that the device
	// has returned it.
	Called, Returned func(CallTrace)

	// Sealed tells that what was learned is about to be applied to the main
	// table, Applied that it has been.
	Sealed, Applied func(LearnTrace)

	// FlushAccepted tells that a flush counts, FlushApplied that the main table
	// is without what it removes. Devices may still hold rows then; they do not
	// when the operation has Ended.
	FlushAccepted, FlushApplied func(FlushTrace)

	// Swept tells that a pass over the entries whose time is over has ended.
	Swept func(SweepTrace)

	// Reset tells that a device has a new epoch, Breaker that the state of its
	// circuit breaker is another.
	Reset   func(ResetTrace)
	Breaker func(BreakerTrace)

	// Reconciled tells that a device was read and compared.
	Reconciled func(ReconcileTrace)

	// Overrun tells that a subscription fell behind and got ErrOverrun.
	Overrun func(OverrunTrace)
}

// OpTrace is an operation as hooks are told of it.
type OpTrace struct {
	// Ticket is the number of the operation's ticket; the operations of an Apply
	// have the same.
	Ticket uint64
	// Op is what is done, as errors name it: "fdb.add" or "fdb.flush".
	Op string
	// Key is the station of an operation on one, and Port its port; Port is also
	// that of a join, a leave and a removal of a port.
	Key  Key
	Port switchdev.PortID
	// Device is the device that a join, a leave or a reconciliation is for.
	Device string
	// Took is the time since the operation was submitted.
	Took time.Duration
	// Err is the outcome, of Ended; context.Canceled or the error of the ctx if
	// the operation was withdrawn.
	Err error
}

// CallTrace is a batch as hooks are told of it.
type CallTrace struct {
	// Device is the device, Call the number of the call among all of the table.
	Device string
	Call   uint64
	// Operations is how many operations the batch has.
	Operations int
	// Refused, Unsupported and Unanswered are how many of them the device
	// refused, left to software and did not answer; of Returned.
	Refused, Unsupported, Unanswered int
	// Took is how long the device had it; of Returned.
	Took time.Duration
}

// LearnTrace is a generation of learned stations as hooks are told of it.
type LearnTrace struct {
	// Stations is how many there are.
	Stations int
	// Took is the time since they were sealed; of Applied.
	Took time.Duration
}

// FlushTrace is a flush as hooks are told of it.
type FlushTrace struct {
	// Ticket is the number of its ticket.
	Ticket uint64
	// Filter is what it selects.
	Filter Filter
	// Removed is how many entries it removed, Took the time since it was
	// accepted; of FlushApplied.
	Removed int
	Took    time.Duration
}

// SweepTrace is a pass of the sweep as hooks are told of it.
type SweepTrace struct {
	// Aged is how many entries it removed.
	Aged int
	// Took is the time since it began.
	Took time.Duration
	// Next is when the next pass is due; zero if none is.
	Next time.Time
}

// ResetTrace is a device's reset as hooks are told of it.
type ResetTrace struct {
	Device string
	// Before and Epoch are the device's epochs.
	Before, Epoch switchdev.Epoch
}

// BreakerTrace is a change of a device's breaker as hooks are told of it.
type BreakerTrace struct {
	Device string
	// Before and State are the breaker's states.
	Before, State BreakerState
}

// ReconcileTrace is a comparison with a device as hooks are told of it.
type ReconcileTrace struct {
	Device string
	// Differ is how many rows differed.
	Differ int
	// Took is the time since reading began.
	Took time.Duration
	// Err says why the device was not compared.
	Err error
}

// OverrunTrace is an overrun as hooks are told of it.
type OverrunTrace struct {
	// Event is the number of the table's last event.
	Event uint64
}

// hook queues the call of a hook.
func hook[T any](t *Table, f func(T), v T) {
	if f != nil {
		t.outbox.put(func() { f(v) })
	}
}

// traced returns what an operation is told as; at is when it was submitted.
func (o *op) traced(t *Table) OpTrace {
	v := OpTrace{Ticket: o.ticket.id, Op: o.verb.op(), Key: o.entry.Key, Port: o.entry.Port}
	if !o.at.IsZero() {
		v.Took = t.now().Sub(o.at)
	}
	return v
}

func (o *op) traceSubmitted(t *Table) {
	if t.trace.Submitted != nil || t.trace.Staged != nil || t.trace.Ended != nil {
		o.at = t.now()
		hook(t, t.trace.Submitted, o.traced(t))
	}
}

func (o *op) traceStaged(t *Table) {
	if t.trace.Staged != nil {
		hook(t, t.trace.Staged, o.traced(t))
	}
}

// traceWithdrawn tells of an operation that was withdrawn before it was staged.
func (o *op) traceWithdrawn(t *Table) {
	err := o.ticket.Err()
	if err == nil { // it is being withdrawn just now
		err = context.Canceled
	}
	o.traceEnded(t, err)
}

func (o *op) traceEnded(t *Table, err error) {
	if t.trace.Ended != nil {
		v := o.traced(t)
		v.Err = err
		hook(t, t.trace.Ended, v)
	}
}

// traced returns what a job is told as.
func (j *job) traced(t *Table) OpTrace {
	v := OpTrace{Ticket: j.ticket.id, Op: j.name, Port: j.port, Device: j.device}
	if !j.at.IsZero() {
		v.Took = t.now().Sub(j.at)
	}
	return v
}

// traceAccepted tells that a job was submitted, and staged with it.
func (j *job) traceAccepted(t *Table) {
	if !t.tracing() {
		return
	}
	j.at = t.now()
	hook(t, t.trace.Submitted, j.traced(t))
	hook(t, t.trace.Staged, j.traced(t))
	if j.seq != 0 {
		hook(t, t.trace.FlushAccepted, FlushTrace{Ticket: j.ticket.id, Filter: j.filter})
	}
}

func (j *job) traceApplied(t *Table) {
	if t.trace.FlushApplied != nil {
		hook(t, t.trace.FlushApplied, FlushTrace{Ticket: j.ticket.id, Filter: j.filter, Removed: j.count, Took: t.now().Sub(j.at)})
	}
}

func (j *job) traceEnded(t *Table, err error) {
	if t.trace.Ended != nil {
		v := j.traced(t)
		v.Err = err
		hook(t, t.trace.Ended, v)
	}
}

// tracing reports whether there is a hook.
func (t *Table) tracing() bool { return t.cfg.Trace != nil }

// traceCalled tells that a batch goes to its device.
func (t *Table) traceCalled(b *batch, now time.Time) {
	if !t.tracing() {
		return
	}
	b.began, b.number = now, t.devices.Stats().Calls
	hook(t, t.trace.Called, CallTrace{Device: t.devs[b.call.Dev].name, Call: b.number, Operations: len(b.ops)})
}

// traceReturned tells that a batch is back.
func (t *Table) traceReturned(b *batch, now time.Time) {
	if t.trace.Returned == nil {
		return
	}
	v := CallTrace{Device: t.devs[b.call.Dev].name, Call: b.number, Operations: len(b.ops), Took: now.Sub(b.began)}
	for i, r := range b.results {
		switch {
		case r.Token != b.ops[i].Token:
			v.Unanswered++
		case isUnsupported(r.Err):
			v.Unsupported++
		case r.Err != nil:
			v.Refused++
		}
	}
	hook(t, t.trace.Returned, v)
}

// refuseClosed ends an operation that came too late, unless it was withdrawn.
func (o *op) refuseClosed(t *Table) {
	if o.ticket.stage() {
		o.end(o.closedErr())
		return
	}
	o.traceWithdrawn(t)
}
