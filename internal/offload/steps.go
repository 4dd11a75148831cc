package offload

import (
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// Begin starts a user operation on a key that has none in flight. The table
// hears its end through Done, at the earliest before Begin returns.
func (e *Engine[K, R]) Begin(op *Op[K, R], now time.Time) {
	e.ops[op.Key] = op
	op.parts = make([]part, len(e.devs))
	e.table.Settled(op.Key) // not while it is in flight (rule 24)
	e.order.set(op, now.Add(e.cfg.Timeout))
	if e.available(op) && op.Set {
		for dev := range e.devs {
			if e.table.Claims(dev, op.Key, op.New) {
				e.aim(dev, op, wanted[R]{op.New, true})
			}
		}
	}
	e.advance(op, now)
	e.deliver()
}

// available fails an operation that needs a device whose breaker is open, before
// another one is handed anything.
func (e *Engine[K, R]) available(op *Op[K, R]) bool {
	for dev, d := range e.devs {
		if op.Soft || d.breaker.state != Open {
			continue
		}
		w := wanted[R]{}
		if op.Set && e.table.Claims(dev, op.Key, op.New) {
			w = wanted[R]{op.New, true}
		} else if op.Abandon {
			continue
		}
		c := d.at(op.Key)
		if c == nil && !w.set || c != nil && (c.holds(w) || w.set && c.unsupported == w && c.holds(wanted[R]{})) {
			continue
		}
		e.stats.Tripped++
		op.fail(e.blame(d, switchdev.ErrDeviceUnavailable))
	}
	return len(op.errs) == 0
}

// aim makes device dev take part in op: it is to hold w.
func (e *Engine[K, R]) aim(dev int, op *Op[K, R], w wanted[R]) {
	d := e.devs[dev]
	c := d.cell(op.Key)
	c.op, c.target = op, w
	op.parts[dev].in, op.parts[dev].ended = true, false
	if w.set && c.unsupported == w {
		op.parts[dev].ended = true
		return
	}
	if op.Soft && d.breaker.state == Open && !c.holds(w) {
		e.stats.Tripped++
		e.goOn(dev, op, c)
		return
	}
	if !c.holds(w) && c.out == nil {
		d.enqueue(c, classUser)
	}
}

// goOn lets an operation go on without the answer of a device.
func (e *Engine[K, R]) goOn(dev int, op *Op[K, R], c *cell[K, R]) {
	op.parts[dev].ended, op.parts[dev].soft, c.late = true, true, true
	e.stats.Deferred++
}

// advance takes op as far as the answers allow.
func (e *Engine[K, R]) advance(op *Op[K, R], now time.Time) {
	for op.step != stepOver && e.answered(op) {
		switch {
		case op.step == stepUndo:
			e.end(op)
		case len(op.errs) > 0:
			e.undo(op, now)
		case op.step == stepSet:
			op.step = stepWithdraw
			e.order.set(op, now.Add(e.cfg.Timeout))
			e.withdraw(op)
		default:
			e.end(op)
		}
	}
}

// answered reports whether every device that takes part holds what it should or
// has given its final answer. It looks at what the devices hold now, not at
// what they once acknowledged, so that a reset takes acknowledgements back
// (rule 22).
func (e *Engine[K, R]) answered(op *Op[K, R]) bool {
	for dev, p := range op.parts {
		if !p.in || p.ended {
			continue
		}
		c := e.devs[dev].at(op.Key)
		if c == nil {
			continue // believed to hold none, and wanted to
		}
		if !c.holds(e.desired(dev, c)) {
			return false
		}
	}
	return true
}

// withdraw takes the key away from every device that is not to hold it: all
// whose row is not certainly none, whatever they claim (rules 14 and 15).
func (e *Engine[K, R]) withdraw(op *Op[K, R]) {
	for dev, d := range e.devs {
		p := &op.parts[dev]
		if p.in && !p.ended {
			continue
		}
		c := d.at(op.Key)
		if c == nil || c.holds(wanted[R]{}) {
			continue
		}
		if p.soft && c.late {
			continue // it does not answer
		}
		if op.Abandon && c.out == nil {
			d.believe(c, wanted[R]{})
			continue
		}
		e.aim(dev, op, wanted[R]{})
	}
}

// undo brings every device that was handed something back to what the table
// wants now (rule 16).
func (e *Engine[K, R]) undo(op *Op[K, R], now time.Time) {
	op.step = stepUndo
	e.order.set(op, now.Add(e.cfg.Timeout))
	handed := false
	for dev, d := range e.devs {
		p := &op.parts[dev]
		handed = handed || p.handed
		c := d.at(op.Key)
		if c == nil {
			continue
		}
		c.op = nil
		if !p.handed || e.main(dev, c) == (wanted[R]{op.New, op.Set}) {
			p.in = false // nothing to take back
			continue
		}
		// A call that is still out cannot be followed by another; its outcome
		// is unknown already (rule 18).
		p.in, p.ended = true, c.out != nil && c.outOp == op
		if !p.ended && !c.holds(e.main(dev, c)) && c.out == nil {
			d.enqueue(c, classUser)
		}
	}
	if handed {
		e.stats.Undone++
	}
}

// end takes op out of the engine; deliver tells the table.
func (e *Engine[K, R]) end(op *Op[K, R]) {
	op.step = stepOver
	delete(e.ops, op.Key)
	e.order.remove(op)
	for _, d := range e.devs {
		if c := d.cells[op.Key]; c != nil && c.op == op {
			c.op = nil
		}
	}
	e.over = append(e.over, op)
}

// Expire ends the wait of operations whose time is over (rules 17 to 19), of so
// many that it does not take long: Next tells if there are more.
func (e *Engine[K, R]) Expire(now time.Time) {
	for _, op := range e.order.due(now) {
		e.giveUp(op, switchdev.ErrDeviceUnavailable, false)
		e.advance(op, now)
	}
	e.deliver()
}

// giveUp ends the wait for the devices that have not answered: what was handed
// over has an unknown outcome, what was not is withdrawn with the error why.
// With keep set, calls that are out are still waited for.
func (e *Engine[K, R]) giveUp(op *Op[K, R], why error, keep bool) {
	for dev, d := range e.devs {
		p := &op.parts[dev]
		c := d.at(op.Key)
		if !p.in || p.ended || c == nil || c.holds(e.desired(dev, c)) {
			continue
		}
		if why == switchdev.ErrDeviceUnavailable {
			d.strike(e.cfg.Breaker)
			if op.Soft && op.step != stepUndo {
				e.goOn(dev, op, c)
				continue
			}
		}
		out := c.out != nil && c.outOp == op
		if keep && (out || op.step == stepUndo) {
			continue
		}
		p.ended = true
		if out || op.step == stepUndo {
			op.unknown = true
			op.fail(e.blame(d, switchdev.ErrOutcomeUnknown))
			continue
		}
		op.fail(e.blame(d, why))
	}
}

// Close refuses everything that was not handed over and takes back what was
// half done (rule 30). Calls that are out are waited for until Abort.
func (e *Engine[K, R]) Close(now time.Time) {
	e.closing = true
	for _, op := range e.order.all() {
		e.giveUp(op, switchdev.ErrClosed, true)
		e.advance(op, now)
	}
	for _, w := range e.waits {
		w.note(switchdev.ErrClosed)
		w.left = 0
		w.check()
	}
	e.waits = nil
	e.deliver()
}

// Abort ends every wait at once.
func (e *Engine[K, R]) Abort(now time.Time) {
	e.closing = true
	for e.order.first != nil {
		op := e.order.first
		e.giveUp(op, switchdev.ErrClosed, false)
		e.advance(op, now)
	}
	e.deliver()
}
