package devlink

import (
	"context"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// The operation slot of an instance (L5): operations are carried out one after the
// other, in the order in which they were submitted. While there are any one
// goroutine carries them out; an instance with nothing to do has none.

// op is one operation of an instance.
type op struct {
	inst *Instance
	what string // for errors, such as "devlink.reload"
	// run carries it out, with the slot. What it returns is the ticket's outcome.
	run    func(o *op) error
	ticket *Ticket
	last   bool            // it takes something away, and is carried out while the registry is being closed too
	base   context.Context // that of its callbacks come from it
	act    activity
}

// queue is the slot and who waits for it.
type queue struct {
	mu      mutex
	ops     []*op
	running *op  // has the slot
	taken   bool // somebody carries out what is queued, or is about to
}

// push queues an operation and reports whether nobody is carrying out any, so that
// somebody has to begin.
func (q *queue) push(o *op) (begin bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ops = append(q.ops, o)
	begin = !q.taken
	q.taken = true
	return begin
}

// seize takes the slot for an operation if nobody has it or waits for it. Whoever was
// told that the last operation has ended finds it free, although the goroutine that
// carried it out may not have got to look for another: that one then sees that it is
// no longer its turn.
func (q *queue) seize(o *op) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.ops) > 0 || q.running != nil && !q.running.ticket.ended() {
		return false
	}
	q.taken, q.running = true, o
	return o.ticket.begin()
}

// yield ends an operation that seized the slot, and reports whether there are others,
// which somebody has to carry out.
func (q *queue) yield(o *op) (more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running != o { // another one seized it from this one
		return false
	}
	q.running, q.taken = nil, len(q.ops) > 0
	return q.taken
}

// leave gives the slot up after an operation, and reports whether it was still that one's.
func (q *queue) leave(last *op) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running != last {
		return false
	}
	q.running = nil
	return true
}

// next takes the next operation that was not withdrawn, for who carried out the last one,
// nil if that was the first he asks for. It returns nil if there is none, or if somebody
// else has the slot.
func (q *queue) next(last *op) *op {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running != last {
		return nil
	}
	q.running = nil
	for len(q.ops) > 0 {
		o := q.ops[0]
		q.ops[0] = nil
		q.ops = q.ops[1:]
		if o.ticket.begin() {
			q.running = o
			return o
		}
	}
	q.ops, q.taken = nil, false
	return nil
}

// forget takes an operation that was withdrawn out of the queue.
func (q *queue) forget(o *op) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(q.ops, o); i >= 0 {
		q.ops = slices.Delete(q.ops, i, i+1)
	}
}

// waiting returns what has not begun.
func (q *queue) waiting() []*op {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.ops)
}

// now returns the operation that has the slot.
func (q *queue) now() *op {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running
}

// active implements target: whoever waits for an operation of the instance waits for
// the one that has the slot.
func (i *Instance) active() *activity {
	if o := i.slot.now(); o != nil {
		return &o.act
	}
	return nil
}

func (i *Instance) registry() *Registry { return i.reg }

func (i *Instance) newOp(what string, run func(o *op) error) *op {
	o := &op{inst: i, what: what, run: run, base: i.reg.ctx}
	o.ticket = newTicket(i.reg, i)
	o.ticket.op = o
	return o
}

// submit queues an operation. It never blocks.
func (i *Instance) submit(what string, run func(o *op) error) *Ticket {
	return i.enqueue(i.newOp(what, run))
}

// submitFirm is submit for what nobody can withdraw.
func (i *Instance) submitFirm(what string, run func(o *op) error) *Ticket {
	o := i.newOp(what, run)
	o.ticket.firm = true
	return i.enqueue(o)
}

// submitLast is submit for what takes away, which is done while the registry is
// being closed too.
func (i *Instance) submitLast(what string, run func(o *op) error) *Ticket {
	o := i.newOp(what, run)
	o.last = true
	return i.enqueue(o)
}

func (i *Instance) enqueue(o *op) *Ticket {
	closing, ok := i.reg.admit(o.last)
	if !ok {
		o.ticket.resolve(o.refuse("", switchdev.ErrClosed))
		return o.ticket
	}
	if closing {
		o.base = i.reg.last
	}
	if i.slot.push(o) {
		i.reg.carry(i)
	} else {
		i.reg.retire()
	}
	return o.ticket
}

// drain carries out what is queued, or as much of it as there is before a ticket has
// ended; then somebody else has to go on, as when a driver ends the goroutine.
func (i *Instance) drain(until *Ticket) (more bool) {
	var last *op
	more = true
	defer func() { more = more && i.slot.leave(last) }()
	for until == nil || !until.ended() {
		o := i.slot.next(last)
		if o == nil {
			return false
		}
		last = o
		o.perform()
	}
	return true
}

// perform carries out an operation. A driver that ends its goroutine instead of
// returning leaves nobody waiting.
func (o *op) perform() {
	err := o.refuse("the driver ended its goroutine", switchdev.ErrOutcomeUnknown)
	defer func() { o.ticket.resolve(err) }()
	switch {
	case o.inst.State() == Freed:
		err = o.refuse("", errFreed)
	case o.inst.reg.over(o.last): // it was let in before, and queued behind the end of the instance
		err = o.refuse("", switchdev.ErrClosed)
	default:
		err = o.run(o)
	}
}

// refuse is the error of an operation that was not carried out.
func (o *op) refuse(reason string, err error) error {
	return &switchdev.OpError{Op: o.what, Object: o.inst.handle.String(), Reason: reason, Err: err}
}
