package offload

import (
	"errors"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// Form returns the next batch for device dev, nil if there is nothing to send
// or a batch is out already.
func (e *Engine[K, R]) Form(dev int, now time.Time) *Call[K, R] {
	d := e.devs[dev]
	if !d.free() {
		return nil
	}
	e.due(dev, now)
	call := &Call[K, R]{Dev: dev}
	for len(call.Items) == 0 && d.pending() {
		e.fill(call, now)
		e.deliver() // what has ended may leave more to be sent
	}
	if len(call.Items) == 0 {
		return nil
	}
	d.out, call.formed = call, now
	e.stats.Calls++
	e.stats.Items += uint64(len(call.Items))
	return call
}

// fill takes keys from the queues until the call is full or they are empty.
func (e *Engine[K, R]) fill(call *Call[K, R], now time.Time) {
	d := e.devs[call.Dev]
	for cl := range numClasses {
		for len(call.Items) < d.max {
			c := d.next(cl)
			if c == nil {
				break
			}
			e.hand(call, c, now)
		}
	}
}

// hand puts the cell's key into the call, if the device is to hold something
// else than it does.
func (e *Engine[K, R]) hand(call *Call[K, R], c *cell[K, R], now time.Time) {
	op := e.ops[c.key]
	if e.closing && op == nil {
		e.devs[call.Dev].forget(c)
		return
	}
	if op != nil && op.parts[call.Dev].in && op.parts[call.Dev].ended {
		return // it answered; what comes next is for the operation to say
	}
	if op != nil && op.step == stepWithdraw && !op.parts[call.Dev].in {
		return // it has nothing of the key, and is to get nothing before the end
	}
	want := e.desired(call.Dev, c)
	if op != nil && c.op == op && op.Abandon && op.step == stepWithdraw && !want.set {
		e.devs[call.Dev].believe(c, want)
	}
	if c.holds(want) {
		e.settled(call.Dev, c)
		if op != nil {
			e.advance(op, now)
		}
		return
	}
	if op == nil && want.set && c.doubt {
		return // somebody looks first
	}
	if op == nil && want.set && c.failed != nil && c.refused == want {
		if !c.superseded(want) {
			return // its pause is not over
		}
		want = wanted[R]{}
	}
	e.tokens++
	item := Item[K, R]{Key: c.key, Set: want.set, Row: want.row, Token: e.tokens}
	if !want.set && c.belief == believedRow {
		item.Row = c.row
	}
	c.out, c.outOp = call, nil
	if op != nil && op.parts[call.Dev].in {
		c.outOp = op
		op.parts[call.Dev].handed = true
	}
	call.Items = append(call.Items, item)
}

// Pending reports whether a device has work queued that can be formed now, or a
// pause that is over at now.
func (e *Engine[K, R]) Pending(dev int, now time.Time) bool {
	d := e.devs[dev]
	if !d.free() {
		return false
	}
	retry := d.retries.next()
	return d.pending() || (!retry.IsZero() && !retry.After(now))
}

// Out reports whether a batch is out to device dev.
func (e *Engine[K, R]) Out(dev int) bool { return e.devs[dev].out != nil }

// Return takes back a call with one outcome per item.
func (e *Engine[K, R]) Return(call *Call[K, R], outcomes []Outcome, now time.Time) {
	d := e.devs[call.Dev]
	d.out = nil
	d.back(now.Sub(call.formed) < e.cfg.Timeout)
	for i := range outcomes { // a newer epoch is the notice of a reset (rule 21)
		if o := &outcomes[i]; o.Answered && o.Err == nil && o.Epoch > d.epoch {
			e.reset(call.Dev, o.Epoch, now)
		}
	}
	for i, item := range call.Items {
		c := d.at(item.Key)
		e.answer(call.Dev, c, item, outcomes[i], now)
	}
	for _, item := range call.Items {
		if op := e.ops[item.Key]; op != nil {
			e.advance(op, now)
		}
	}
	e.deliver()
}

// answer brings one outcome into the cell and its operation.
func (e *Engine[K, R]) answer(dev int, c *cell[K, R], item Item[K, R], o Outcome, now time.Time) {
	d := e.devs[dev]
	sent := wanted[R]{item.Row, item.Set}
	if !item.Set {
		sent = wanted[R]{}
	}
	op := c.outOp
	if c.heard && item.Set && (!o.Answered || o.Err != nil) { // its own row is there
		d.set(c, believedUnknown)
	}
	c.heard = false
	if c.void { // the row aged meanwhile, before the call's effect or after it
		d.set(c, believedUnknown)
	}
	void := c.void
	c.out, c.outOp, c.void = nil, nil, false
	e.returns++
	c.returned = e.returns
	if op != nil && op.step == stepOver {
		op = nil // late: it only tells what the device holds (rule 20)
	}
	err := o.Err
	if !o.Answered {
		err = switchdev.ErrOutcomeUnknown
	}
	if !item.Set && errors.Is(err, switchdev.ErrNotExist) {
		err = nil // what is to be gone is gone
		o.Epoch = max(o.Epoch, d.epoch)
	}
	if err == nil && o.Epoch < d.epoch && c.outdated {
		// A device that goes on answering from an epoch that is over would be
		// asked for ever.
		err = &switchdev.OpError{Op: OpName, Device: d.name, Reason: "answers from an epoch that is over", Err: switchdev.ErrBusy}
	}
	c.outdated = err == nil && o.Epoch < d.epoch
	switch {
	case err == nil && o.Epoch < d.epoch: // as if never sent (rule 21)
	case err == nil && void: // sent again (rule 26)
	case err == nil:
		d.believe(c, sent)
		if sent.set { // what was taken away may have stood in for what was refused
			d.pardon(c)
		}
	case errors.Is(err, switchdev.ErrOutcomeUnknown):
		d.set(c, believedUnknown)
		e.stats.Unknown++
		e.objected(dev, c, op, sent, err, now)
		return
	case item.Set && errors.Is(err, errors.ErrUnsupported):
		e.stats.Unsupported++
		c.unsupported = sent
		if op != nil && op.step != stepUndo {
			op.parts[dev].ended = true
			return
		}
	default:
		e.stats.Refusals++
		e.objected(dev, c, op, sent, err, now)
		return
	}
	e.review(dev, c, e.classOf(dev, c))
}

// classOf returns the class of what is to be done next for the cell: a user's if
// an operation waits for it, whoever sent the call that has just returned
// (rule 13).
func (e *Engine[K, R]) classOf(dev int, c *cell[K, R]) class {
	if op := e.ops[c.key]; op != nil && op.parts[dev].in && !op.parts[dev].ended {
		return classUser
	}
	return classOffload
}

// objected handles an answer that is neither yes nor "not supported".
func (e *Engine[K, R]) objected(dev int, c *cell[K, R], op *Op[K, R], sent wanted[R], err error, now time.Time) {
	d := e.devs[dev]
	err = e.blame(d, err)
	instead := c.failed != nil && c.refused != sent // of what it refused before
	if op == nil {
		if now := e.ops[c.key]; now != nil && now.parts[dev].in && !now.parts[dev].ended {
			d.enqueue(c, classUser) // a newer operation waits for this device
			return
		}
		if instead {
			c.stuck = true
			e.review(dev, c, classOffload)
			return
		}
		e.refuse(dev, c, sent, err, now)
		if e.desired(dev, c) != sent { // the pause is not for what it was not asked for
			e.review(dev, c, classOffload)
		}
		return
	}
	if op.Soft && op.step != stepUndo {
		op.parts[dev].ended, op.parts[dev].soft = true, true
		e.stats.Deferred++
		if c.stuck = instead; !instead {
			e.refuse(dev, c, sent, err, now)
		}
		return
	}
	op.fail(err)
	op.parts[dev].ended = true
	if op.step == stepUndo || errors.Is(err, switchdev.ErrOutcomeUnknown) {
		op.unknown = true
	}
}

// OpName is the Op of the errors that the engine makes of a device's answer; a
// table puts the name of its own operation there.
const OpName = "offload"

// blame names the device that an error came from.
func (e *Engine[K, R]) blame(d *device[K, R], err error) error {
	var oe *switchdev.OpError
	if errors.As(err, &oe) && oe.Device != "" {
		return err
	}
	return &switchdev.OpError{Op: OpName, Device: d.name, Err: err}
}
