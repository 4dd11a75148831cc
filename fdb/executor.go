package fdb

import (
	"context"
	"sync"
	"time"

	"github.com/switchcore/switchcore/internal/offload"
	"github.com/switchcore/switchcore/switchdev"
)

// batch is a call on its way to a driver, in the words of the contract.
type batch struct {
	call    *offload.Call[uint64, row]
	ops     []switchdev.FDBOp
	results []switchdev.Result
	ctx     context.Context
	cancel  context.CancelFunc
	began   time.Time // for hooks
	number  uint64
}

// form takes the next batch for a device, nil if there is none. The caller
// holds the slot.
func (t *Table) form(dev int, now time.Time) *batch {
	defer t.stageReady(now) // of keys whose operation Form found to be carried out
	call := t.devices.Form(dev, now)
	t.flushChanges()
	if call == nil {
		return nil
	}
	b := &batch{call: call,
		ops:     make([]switchdev.FDBOp, len(call.Items)),
		results: make([]switchdev.Result, len(call.Items)),
	}
	for i, it := range call.Items {
		b.ops[i] = t.fdbOp(dev, it)
	}
	b.ctx, b.cancel = context.WithCancel(t.callbackContext(t.callsEnd))
	t.devs[dev].call = limit{b.cancel, now.Add(callTimeouts * t.cfg.Hardware.Timeout)}
	t.traceCalled(b, now)
	return b
}

// take brings the driver's answers back. The caller holds the slot.
func (t *Table) take(b *batch, now time.Time) {
	if t.devs[b.call.Dev].Ages {
		t.hear(now) // what it made by itself before the call's effect is heard before the answer
	}
	b.cancel()
	t.devs[b.call.Dev].call = limit{}
	t.traceReturned(b, now)
	out := make([]offload.Outcome, len(b.results))
	for i, r := range b.results {
		if r.Token != 0 && r.Token != b.ops[i].Token {
			t.stats.strays.Add(1) // whoever's answer it is, it is not this one's
		}
		out[i] = offload.Outcome{Answered: r.Token == b.ops[i].Token, Epoch: r.Epoch, Err: r.Err}
	}
	t.devices.Return(b.call, out, now)
	t.arrive()
	t.flushChanges()
	t.stageReady(now)
}

// callTimeouts is after how many times Hardware.Timeout the ctx of a call is
// cancelled. It is more than one so that who waits hears first that the outcome
// is unknown, which is so whatever the driver answers then; the cancelling is
// for the device, which gets nothing else to do until the call returns (rule 18).
const callTimeouts = 2

// cancelCalls ends the ctx of calls that take too long.
func (t *Table) cancelCalls(now time.Time) {
	for _, d := range t.devs {
		d.call.past(now)
		d.read.past(now)
	}
}

// execute drives one device until the table ends: form, call without the slot,
// return. A driver that hangs holds up nobody but itself.
func (t *Table) execute(dev int) {
	d := t.devs[dev]
	defer close(d.exited)
	for read := false; t.lock(t.callsEnd) == nil; {
		// By turns, so that neither waits for a moment when there is nothing of
		// the other.
		if read = !read && t.auditDue(d, t.now()); read {
			t.audit(dev)
			t.unlock()
			signal(t.idle)
			continue
		}
		b := t.form(dev, t.now())
		due := t.auditDue(d, t.now())
		t.unlock()
		switch {
		case b != nil:
			t.call(d, b)
			<-t.slot
			t.take(b, t.now())
			t.unlock()
			signal(t.idle)
		case !due:
			select {
			case <-d.kick:
			case <-t.callsEnd.Done():
				return
			}
		}
	}
}

// call makes the driver call. A driver that panics has answered nothing but what
// it had already written, and nobody's goroutine is lost.
func (t *Table) call(d *device, b *batch) {
	defer t.recovered(d)
	d.blocks.ApplyFDB(b.ctx, b.ops, b.results)
}

func (t *Table) recovered(d *device) {
	if p := recover(); p != nil {
		t.panicked(d, p)
	}
}

// start hands a batch to a device of a Manual table: submitted if the device
// completes by itself, else made on the spot. The caller does not hold the slot.
func (t *Table) start(d *device, b *batch) {
	var once sync.Once
	results := b.results
	complete := func(results []switchdev.Result) {
		again := true
		defer func() {
			if again {
				t.stats.strays.Add(1)
			}
		}()
		once.Do(func() {
			again = false
			b.results = results
			t.completed.put(b)
			t.nudge()
		})
	}
	if d.submits == nil {
		t.call(d, b)
		complete(results)
		return
	}
	submitted := false
	defer func() {
		if !submitted { // it has panicked, and may still write to its results
			complete(make([]switchdev.Result, len(b.ops)))
		}
	}()
	defer t.recovered(d)
	d.submits.SubmitFDB(b.ctx, b.ops, results, func() { complete(results) })
	submitted = true
}

// completions collects the batches that devices have completed by themselves,
// until Poll takes them. Its lock is a leaf.
type completions struct {
	mu   sync.Mutex
	done []*batch
}

func (c *completions) put(b *batch) {
	c.mu.Lock()
	c.done = append(c.done, b)
	c.mu.Unlock()
}

func (c *completions) take() []*batch {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := c.done
	c.done = nil
	return done
}

// signal puts a token into a one-place channel unless there is one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
