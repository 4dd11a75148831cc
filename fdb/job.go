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
	ran   bool // the table's part is done
	ended bool // the ticket has its outcome
	over  bool // the flush is through
	// elsewhere: somebody else ends the job.
	elsewhere bool
	deadline  time.Time
	count     int
	seq       uint64     // of a flush
	cursor    cam.Cursor // of a join
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
	k := t.newTicket()
	if err := f.check(); err != nil {
		k.resolve(0, err)
		return k
	}
	j := &job{ticket: k, name: "fdb.flush", run: t.flushChunk}
	accepted := t.inbox.putJob(j, func() {
		k.stage()
		j.seq = t.stations.AcceptFlush(f.overlay())
	})
	if !accepted {
		k.resolve(0, &switchdev.OpError{Op: j.name, Err: switchdev.ErrClosed})
		return k
	}
	t.nudge()
	return k
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
	for _, j := range t.jobs {
		if j.seq == c.Seq {
			t.devices.Await(&j.wait, uint64(c.Key))
		}
	}
}

// retire tells the flushes that are through. Jobs are taken from the inbox first,
// so that a flush that was applied before its job was seen is not forgotten.
func (t *Table) retire() {
	t.retired = t.stations.Retired(t.retired[:0])
	for _, f := range t.retired {
		t.stats.flushed.Add(uint64(f.Killed))
		for _, j := range t.jobs {
			if j.seq == f.Seq {
				j.over, j.count = true, f.Killed
			}
		}
	}
}

// Join makes a device hold the entries of port p from now on, and returns when
// it holds those that are there. A row that the device refuses does not stop the
// join; the refusals are joined in the error, and the rows are offered again.
// Linux: the replay of switchdev_bridge_port_offload.
func (t *Table) Join(ctx context.Context, d switchdev.Driver, p switchdev.PortID) error {
	return t.SubmitJoin(d, p).Wait(ctx)
}

// SubmitJoin is Join without the wait.
func (t *Table) SubmitJoin(d switchdev.Driver, p switchdev.PortID) *Ticket {
	return t.membership("fdb.join", d, func(dev int, j *job) bool {
		if !j.begun { // and not again: a leave may have come between two chunks
			t.devs[dev].claims.ports[uint16(p)] = struct{}{}
		}
		touch := func(k cam.Key, _ cam.Ref) bool {
			t.devices.Touch(uint64(k))
			t.devices.Await(&j.wait, uint64(k))
			return true
		}
		j.cursor = t.stations.Main().Scan(j.cursor, chunkSegments, touch)
		return j.cursor.Done()
	})
}

// Leave withdraws every row of port p from a device, and returns when none is
// left there. The entries stay in the table; flush them with [Filter] if the
// port is going for good. Linux: switchdev_bridge_port_unoffload, which returns
// when the deferred work is done.
func (t *Table) Leave(ctx context.Context, d switchdev.Driver, p switchdev.PortID) error {
	return t.SubmitLeave(d, p).Wait(ctx)
}

// SubmitLeave is Leave without the wait.
func (t *Table) SubmitLeave(d switchdev.Driver, p switchdev.PortID) *Ticket {
	return t.membership("fdb.leave", d, func(dev int, j *job) bool {
		delete(t.devs[dev].claims.ports, uint16(p))
		t.devices.Review(dev, &j.wait)
		return true
	})
}

func (t *Table) membership(name string, d switchdev.Driver, run func(dev int, j *job) bool) *Ticket {
	k := t.newTicket()
	dev, err := t.indexOf(d, name)
	switch {
	case err != nil:
		k.resolve(0, err)
		return k
	case t.devs[dev].claims.all:
		k.resolve(0, &switchdev.OpError{Op: name, Device: t.devs[dev].name, Reason: "the device holds every port", Err: switchdev.ErrInvalid})
		return k
	}
	j := &job{ticket: k, name: name, run: func(j *job) bool { return run(dev, j) }}
	if !t.inbox.putJob(j, func() { k.stage() }) {
		k.resolve(0, &switchdev.OpError{Op: name, Device: t.devs[dev].name, Err: switchdev.ErrClosed})
		return k
	}
	t.nudge()
	return k
}

// indexOf returns the place of a device of the table.
func (t *Table) indexOf(d switchdev.Driver, op string) (int, error) {
	dev := slices.IndexFunc(t.devs, func(x *device) bool { return x.Driver == d })
	if dev < 0 {
		return dev, &switchdev.OpError{Op: op, Reason: "not a device of this table", Err: switchdev.ErrNoDevice}
	}
	return dev, nil
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
		j.deadline = now.Add(t.cfg.Hardware.Timeout)
		t.jobs = append(t.jobs, j)
	}
}

// runJob does a chunk of one job and reports whether it may go on at once. A
// flush that merely waits for an operation in flight is woken by its end.
func (t *Table) runJob(j *job, now time.Time) bool {
	waits := j.seq != 0 && !t.stations.Flushing()
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
	t.jobs = slices.DeleteFunc(t.jobs, func(x *job) bool { return x == j })
	j.ended = true
	j.wait.Cancel()
	j.ticket.resolve(j.count, err)
}

// endJobs ends every job with err.
func (t *Table) endJobs(err error) {
	t.jobs = append(t.jobs, t.inbox.takeJobs()...)
	for _, j := range slices.Clone(t.jobs) {
		t.endJob(j, &switchdev.OpError{Op: j.name, Err: err})
	}
}
