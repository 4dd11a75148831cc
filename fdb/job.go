package fdb

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/internal/offload"
	"github.com/switchcore/switchcore/switchdev"
)

// job is work of the worker that takes more than one chunk, or that devices
// have to finish: a flush, a join or a leave.
type job struct {
	ticket *Ticket
	name   string
	// run does a chunk and reports whether that was the last. It adds what
	// devices have to do to wait.
	run func(*job) bool

	wait  offload.Waiter
	begun bool // run was called
	// settled tells a join that what was believed of the port is dealt with.
	settled bool
	ran     bool // the table's part is done
	ended   bool // the ticket has its outcome
	over    bool // the flush is through
	// elsewhere: somebody else ends the job.
	elsewhere bool
	deadline  time.Time
	count     int
	seq       uint64     // of a flush
	cursor    cam.Cursor // of a join
	dev       int        // at which of the devices it is
	walk      *offload.Walk[uint64, row]
	walkDev   int // whose cells walk goes through

	// For hooks: when it was submitted, and what it is about.
	at     time.Time
	filter Filter
	port   switchdev.PortID
	device string
}

// Flush removes the entries that the filter selects, and returns how many. The
// flush is visible when the call begins: from then on no Lookup finds an entry
// that was there before and that the filter selects, and every one that is
// learned afterwards is found. Flush returns when the entries have left the
// table and the devices. An error of a device does not bring an entry back: its
// row is withdrawn as soon as the device lets itself be told (rule 29).
func (t *Table) Flush(ctx context.Context, f Filter) (int, error) {
	k := t.SubmitFlush(f)
	err := k.Wait(ctx)
	return k.Count(), err
}

// SubmitFlush is Flush without the wait. It never blocks: it is for callers that
// must not, such as a spanning tree's topology change.
func (t *Table) SubmitFlush(f Filter) *Ticket {
	if err := f.check(); err != nil {
		k := t.newTicket()
		k.resolve(0, err)
		return k
	}
	return t.submitFlush("fdb.flush", f, nil, nil)
}

// submitFlush accepts a flush, just after first, and lets then follow when it has
// been applied; then does a chunk and reports whether that was the last. Both may
// be nil.
func (t *Table) submitFlush(name string, f Filter, first func(), then func(*job) bool) *Ticket {
	j := &job{ticket: t.newTicket(), name: name, filter: f, port: f.Port}
	j.run = func(j *job) bool {
		return t.flushChunk(j) && (then == nil || then(j))
	}
	return t.queueJob(j, func() {
		if first != nil {
			first()
		}
		j.seq = t.stations.AcceptFlush(f.overlay())
	})
}

// submitJob queues a job that is not a flush.
func (t *Table) submitJob(name string, run func(*job) bool) *Ticket {
	return t.queueJob(&job{ticket: t.newTicket(), name: name, run: run}, func() {})
}

// queueJob queues a job and calls accept in the same instant, unless the table is
// closed.
func (t *Table) queueJob(j *job, accept func()) *Ticket {
	accepted := t.inbox.putJob(j, func() {
		j.ticket.stage()
		accept()
		j.traceAccepted(t)
	})
	if !accepted {
		j.ticket.resolve(0, &switchdev.OpError{Op: j.name, Err: switchdev.ErrClosed})
		return j.ticket
	}
	t.nudge()
	return j.ticket
}

// flushChunk applies a chunk of the pending flushes, in their order. What they
// removed is withdrawn from the devices by the level rule, and waited for.
func (t *Table) flushChunk(j *job) bool {
	if !t.flushed && t.stations.Flushing() {
		t.flushed = true
		t.stations.FlushStep(chunkEntries)
		t.flushChanges()
	}
	return j.over
}

// awaitFlushed makes the flush that removed an entry wait until it has left the
// devices.
func (t *Table) awaitFlushed(c overlay.Change) {
	t.takeJobs(t.now()) // the flush may be younger than this step
	for _, j := range t.flushes[c.Seq] {
		t.devices.Await(&j.wait, uint64(c.Key))
	}
}

// retire tells the flushes that are through. Jobs are taken from the inbox first,
// so that a flush that was applied before its job was seen is not forgotten.
func (t *Table) retire() {
	t.retired = t.stations.Retired(t.retired[:0])
	for _, f := range t.retired {
		t.stats.flushed.Add(uint64(f.Killed))
		for _, j := range t.flushes[f.Seq] {
			j.over, j.count = true, f.Killed
			j.traceApplied(t)
		}
	}
}

// runJobs does a chunk of every job under way, in the order of their submission,
// and ends those whose time is over. The caller holds the slot.
func (t *Table) runJobs(now time.Time) (worked bool) {
	t.takeJobs(now)
	t.retire()
	t.flushed = false
	for _, j := range slices.Clone(t.jobs) {
		if !j.ran {
			worked = t.runJob(j, now) || worked
		}
		if j.ran && !j.deadline.After(now) {
			t.endJob(j, &switchdev.OpError{Op: j.name, Reason: "a device did not answer in time", Err: switchdev.ErrOutcomeUnknown})
		}
	}
	return worked
}

func (t *Table) takeJobs(now time.Time) {
	for _, j := range t.inbox.takeJobs() {
		t.takeJob(j, now)
	}
}

func (t *Table) takeJob(j *job, now time.Time) {
	j.deadline = now.Add(t.cfg.Hardware.Timeout)
	t.jobs = append(t.jobs, j)
	if j.seq != 0 {
		t.flushes[j.seq] = append(t.flushes[j.seq], j) // one that was accepted twice has one number
	}
}

// runJob does a chunk of one job and reports whether it may go on at once. A
// flush that merely waits for an operation in flight is woken by its end.
func (t *Table) runJob(j *job, now time.Time) bool {
	waits := j.seq != 0 && !j.over && !t.stations.Flushing()
	done := j.run(j)
	j.begun = true
	t.takeJobs(now)
	t.retire()
	if !done {
		return !waits
	}
	j.ran = true
	j.deadline = now.Add(t.cfg.Hardware.Timeout)
	if j.elsewhere {
		return true
	}
	j.wait.Arm(func(errs []error) { t.endJob(j, named(errors.Join(errs...), j.name, "")) })
	return true
}

func (t *Table) endJob(j *job, err error) {
	same := func(x *job) bool { return x == j }
	t.jobs = slices.DeleteFunc(t.jobs, same)
	if rest := slices.DeleteFunc(t.flushes[j.seq], same); len(rest) > 0 {
		t.flushes[j.seq] = rest
	} else {
		delete(t.flushes, j.seq)
	}
	j.endWalk(t)
	j.ended = true
	j.wait.Cancel()
	j.traceEnded(t, err)
	j.ticket.resolve(j.count, err)
}

// endJobs ends every job with err.
func (t *Table) endJobs(err error) {
	t.takeJobs(t.now())
	for _, j := range slices.Clone(t.jobs) {
		t.endJob(j, &switchdev.OpError{Op: j.name, Err: err})
	}
}
