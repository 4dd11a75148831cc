package fdb

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/internal/offload"
	"github.com/switchcore/switchcore/switchdev"
)

// Reconcile reads what a device holds and compares it with what the table
// believes. It changes no row itself: what differs is no longer believed, and the
// device is brought to what the table wants, as after a refusal (rule 28). It
// returns how many rows differed; the errors are those of the dump, and
// ErrUnsupported for a device that cannot be read. Rows that the device learned
// by itself are its own and do not count, but those of a device with Ages that
// have no entry get one, as do others of a device with Adopt.
//
// A table reconciles on its own when a device reported faster than it was heard.
func (t *Table) Reconcile(ctx context.Context, d switchdev.Driver) (int, error) {
	k := t.SubmitReconcile(d)
	err := k.Wait(ctx)
	return k.Count(), err
}

// SubmitReconcile is Reconcile without the wait.
func (t *Table) SubmitReconcile(d switchdev.Driver) *Ticket {
	const name = "fdb.reconcile"
	k := t.newTicket()
	dev, err := t.indexOf(d, name)
	switch {
	case err != nil:
		k.resolve(0, err)
		return k
	case t.devs[dev].dumper == nil:
		k.resolve(0, &switchdev.OpError{Op: name, Device: t.devs[dev].name, Reason: "the device cannot be read", Err: switchdev.ErrUnsupported})
		return k
	}
	run := func(j *job) bool {
		d := t.devs[dev]
		// One that nobody waits for any more is enough to have the device read.
		d.audits = slices.DeleteFunc(d.audits, func(x *job) bool { return x.ended && x != d.audits[0] })
		d.audits = append(d.audits, j)
		return true
	}
	j := &job{ticket: k, name: name, run: run, elsewhere: true, device: t.devs[dev].name}
	if !t.inbox.putJob(j, func() { k.stage(); j.traceAccepted(t) }) {
		k.resolve(0, &switchdev.OpError{Op: name, Device: t.devs[dev].name, Err: switchdev.ErrClosed})
		return k
	}
	t.nudge()
	return k
}

// lossy says that a device is to be read because its reports were lost, until a
// dump succeeds.
type lossy struct {
	on    bool
	again bool      // since the dump that is out began
	at    time.Time // when the next dump is due
	tries uint
}

// read notes how a dump went. What cannot be read now is read later.
func (l *lossy) read(t *Table, err error) {
	if !l.on || err == nil || errors.Is(err, errors.ErrUnsupported) {
		*l = lossy{on: l.again && err == nil}
		return
	}
	l.at = t.now().Add(t.cfg.Hardware.Retry << l.tries)
	l.tries = min(l.tries+1, maxPausesLog)
}

// auditDue reports whether device d is to be read. The caller holds the slot.
func (t *Table) auditDue(d *device, now time.Time) bool {
	return !t.closed && (len(d.audits) > 0 || d.lossy.on && !d.lossy.at.After(now) || d.dumper != nil && d.doubts.due(now))
}

// audit reads a device and judges what it holds. It is called with the slot
// held, and gives it up while the driver works. From before the dump to the end
// of the judgement the device is handed nothing.
func (t *Table) audit(dev int) {
	d, began := t.devs[dev], t.now()
	jobs := d.audits
	d.audits, d.lossy.again = nil, false
	mark, _ := t.devices.Mark(dev)
	ctx, cancel := context.WithCancel(t.callbackContext(t.callsEnd))
	d.read, d.reading = limit{cancel, t.now().Add(callTimeouts * t.cfg.Hardware.Timeout)}, true
	t.devices.Hold(dev, true)
	t.unlock()
	a, rows, epoch, err := t.dump(ctx, dev)
	cancel()
	<-t.slot
	d.read, d.reading = limit{}, false
	if err == nil {
		t.devices.Reset(dev, epoch, t.now())
		t.flushChanges()
		t.judgeDoubts(dev, mark, rows, nil)
		a.Mark = mark
		err = t.judge(a, epoch)
	} else {
		t.judgeDoubts(dev, mark, nil, err)
	}
	t.devices.Hold(dev, false)
	t.flushChanges()
	d.lossy.read(t, err)
	t.traceReconciled(d, a.Differ, began, err)
	for _, j := range jobs {
		j.count = a.Differ
		t.endJob(j, err)
	}
}

// judge compares a dump with what the device is believed to hold, a chunk at a
// time: between two the slot is given up. A reset meanwhile makes the dump
// worthless.
func (t *Table) judge(a *offload.Audit[uint64, row], epoch switchdev.Epoch) error {
	defer t.devices.GiveUp(a)
	for {
		if _, known := t.devices.Mark(a.Dev); known != epoch {
			return &switchdev.OpError{Op: "fdb.reconcile", Device: t.devs[a.Dev].name, Reason: "the device was reset meanwhile", Err: switchdev.ErrBusy}
		}
		if t.closed {
			return &switchdev.OpError{Op: "fdb.reconcile", Device: t.devs[a.Dev].name, Err: switchdev.ErrClosed}
		}
		over := t.devices.Judge(a)
		t.stats.adopted.Add(uint64(a.Adopted))
		a.Adopted = 0
		t.flushChanges()
		if over {
			return nil
		}
		t.unlock()
		<-t.slot
	}
}

// dump reads the rows that a device was told to hold, and those that it made by
// itself if they are entries.
func (t *Table) dump(ctx context.Context, dev int) (a *offload.Audit[uint64, row], rows map[uint64]row, epoch switchdev.Epoch, err error) {
	d := t.devs[dev]
	rows = make(map[uint64]row)
	made := make(map[uint64]bool)
	a = &offload.Audit[uint64, row]{Dev: dev, Rows: rows}
	unread := switchdev.FDBUser // see Table.asked
	a.Same = func(believed, read row) bool {
		return believed.port == read.port && (believed.flags^read.flags)&^unread == 0
	}
	if d.Ages || d.Adopt {
		unread |= switchdev.FDBExtern
		a.Adopt = func(k uint64, r row) (held row, ok bool) {
			if !d.Adopt && !made[k] || !d.claims.has(r.port) {
				return row{}, false
			}
			return t.adopt(r, cam.Key(k))
		}
	}
	err = &switchdev.OpError{Op: "fdb.reconcile", Device: d.name, Reason: "the driver panicked", Err: switchdev.ErrOutcomeUnknown}
	defer t.recovered(d)
	epoch, err = d.dumper.DumpFDB(ctx, d.Domain, func(r switchdev.FDBRow) bool {
		k, w := r.Key.Pack(), row{port: uint16(r.Port), flags: r.Flags & hardwareFlags}
		if r.Flags&switchdev.FDBHWLearned != 0 {
			if !d.Ages || r.Flags&switchdev.FDBLocked != 0 {
				return true
			}
			made[k] = true
			w.flags = switchdev.FDBExtern // as the entry is
		}
		rows[k] = w
		return true
	})
	a.Keys = slices.Sorted(maps.Keys(rows))
	if oe := (*switchdev.OpError)(nil); err != nil && !errors.As(err, &oe) {
		err = &switchdev.OpError{Op: "fdb.reconcile", Device: d.name, Err: err}
	}
	return a, rows, epoch, err
}

// hardwareFlags are the flags of which a row is made.
const hardwareFlags = switchdev.FDBStatic | switchdev.FDBLocal | switchdev.FDBSticky | switchdev.FDBExtern

// auditLossy asks for a dump of every device whose reports were lost.
func (t *Table) auditLossy() {
	q := &t.reports
	q.mu.Lock()
	lossy := q.lossy
	q.lossy = nil
	q.mu.Unlock()
	for dev, lost := range lossy {
		if d := t.devs[dev]; lost && d.dumper != nil {
			d.lossy.on, d.lossy.again = true, d.reading
		}
	}
}
