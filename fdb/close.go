package fdb

import (
	"context"
	"errors"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// close does what Close says (rule 30).
func (t *Table) close() error {
	t.inbox.close()
	t.stop()
	t.running.Wait()
	for _, d := range t.devs {
		if d.unbind != nil {
			d.unbind()
		}
	}
	<-t.slot
	now := t.now()
	t.closed = true
	t.refuseQueued()
	t.devices.Close(now)
	t.stageReady(now)
	t.endJobs(switchdev.ErrClosed)
	t.flushChanges()
	for _, d := range t.devs {
		for _, l := range [...]limit{d.call, d.read} {
			if l.cancel != nil {
				l.cancel()
			}
		}
	}
	t.unlock()

	t.await(func() bool { return t.devices.InFlight() == 0 && !t.anyOut() })
	t.endCalls()
	t.await(func() bool { return !t.anyOut() })

	<-t.slot
	t.devices.Abort(t.now())
	t.stageReady(t.now())
	t.flushChanges()
	err := t.hung()
	t.unlock()
	for i, d := range t.devs {
		<-t.slot
		out := t.inside(i)
		t.unlock()
		if !out && d.exited != nil {
			<-d.exited
		}
	}
	t.ring.Close()
	t.outbox.close()
	return err
}

// refuseQueued ends every operation that is not in flight.
func (t *Table) refuseQueued() {
	t.takeInbox(t.now())
	t.ready = nil
	for k, q := range t.queues {
		keep := q[:0:0]
		for _, o := range q {
			if t.inFlight[k] == o {
				keep = append(keep, o)
				continue
			}
			o.refuseClosed(t)
		}
		if t.queues[k] = keep; len(keep) == 0 {
			delete(t.queues, k)
		}
	}
}

// await waits until done, which is asked with the slot held, or Hardware.Close
// is over. A Manual table has nobody who could make it true but Close itself,
// which makes the calls that are left, and does not wait for those that are out.
func (t *Table) await(done func() bool) {
	ask := func() bool {
		<-t.slot
		defer t.unlock()
		for _, b := range t.completed.take() {
			t.take(b, t.now())
		}
		return done()
	}
	limit := time.NewTimer(t.cfg.Hardware.Close)
	defer limit.Stop()
	for !ask() {
		if t.cfg.Manual {
			if !t.startLeft() {
				return
			}
			continue
		}
		select {
		case <-t.idle:
		case <-limit.C:
			return
		}
	}
}

// startLeft makes the calls that a Manual table still has to make: those that
// take back what was half done. It reports whether there was any.
func (t *Table) startLeft() (any bool) {
	now := t.now()
	for i, d := range t.devs {
		<-t.slot
		b := t.form(i, now)
		t.unlock()
		if b != nil {
			t.start(d, b)
			any = true
		}
	}
	return any
}

// inside reports whether a driver has a call and has not returned. The caller
// holds the slot.
func (t *Table) inside(dev int) bool { return t.devices.Out(dev) || t.devs[dev].reading }

func (t *Table) anyOut() bool {
	for i := range t.devs {
		if t.inside(i) {
			return true
		}
	}
	return false
}

// hung returns the error that names the devices that do not return.
func (t *Table) hung() error {
	var errs []error
	for i, d := range t.devs {
		if t.inside(i) {
			errs = append(errs, &switchdev.OpError{Op: "fdb.close", Device: d.name, Reason: "driver does not return", Err: switchdev.ErrDeviceUnavailable})
		}
	}
	return errors.Join(errs...)
}

// lock takes the commit slot, unless ctx ends first.
func (t *Table) lock(ctx context.Context) error {
	select {
	case <-t.slot:
		return nil
	default:
	}
	select {
	case <-t.slot:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
