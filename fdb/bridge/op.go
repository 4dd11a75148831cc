package bridge

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// The names of the operations, as they stand in errors.
const (
	opAdd    = "bridge.add-port"
	opRemove = "bridge.remove-port"
	opUp     = "bridge.set-up"
	opState  = "bridge.set-state"
	opFlags  = "bridge.set-flags"
	opMAC    = "bridge.set-mac"
	opAgeing = "bridge.set-ageing"
	opMend   = "bridge.mend"
)

// Ticket stands for an operation that was submitted. Its outcome is the
// operation's, whether anybody waits or not. A ticket may be used by any number
// of goroutines.
type Ticket struct {
	bridge *Bridge
	done   chan struct{}
	state  atomic.Uint32
	err    error
}

// The states of a ticket.
const (
	ticketQueued uint32 = iota // nothing has been done; it can be withdrawn
	ticketBegun                // it will have an outcome
	ticketOver
)

// Done returns a channel that is closed when the operation has ended.
func (k *Ticket) Done() <-chan struct{} { return k.done }

// Err returns the outcome of an operation that has ended, and nil before that.
func (k *Ticket) Err() error {
	select {
	case <-k.done:
		return k.err
	default:
		return nil
	}
}

// Withdraw takes the operation back if it has not begun, and reports whether it
// did. Then nothing has changed, and the outcome is context.Canceled.
func (k *Ticket) Withdraw() bool { return k.withdraw(context.Canceled) }

func (k *Ticket) withdraw(why error) bool {
	if !k.state.CompareAndSwap(ticketQueued, ticketOver) {
		return false
	}
	k.err = why
	close(k.done)
	return true
}

func (k *Ticket) resolve(err error) {
	if k.state.Swap(ticketOver) == ticketOver {
		return
	}
	k.err = err
	close(k.done)
}

// Wait waits for the operation and returns its outcome. When ctx ends before the
// operation began it is withdrawn: nothing has changed, and the error is ctx's.
// Afterwards Wait returns the true outcome, at the latest when the devices' time
// is over.
//
// From inside a call of a driver, with the ctx that the driver was given or one
// derived from it, the answer is [switchdev.ErrDeadlock] and the operation goes
// on. On a Manual bridge somebody else has to call Poll meanwhile.
func (k *Ticket) Wait(ctx context.Context) error {
	if ctx.Value(callbackKey{k.bridge}) != nil {
		return switchdev.ErrDeadlock
	}
	select {
	case <-k.done:
		return k.err
	default:
	}
	select {
	case <-k.done:
	case <-ctx.Done():
		k.withdraw(ctx.Err())
		<-k.done
	}
	return k.err
}

// callbackKey marks the ctx that a bridge gives to a driver.
type callbackKey struct{ b *Bridge }

// op is an operation on a port, or on the bridge as its port 0. Operations on
// one port are carried out one after the other, those on different ports
// independently.
type op struct {
	b      *Bridge
	name   string
	port   switchdev.PortID
	ticket *Ticket
	err    error

	// next does a part of the work. It returns nil when it can be called again
	// at once, or when it has set next to nil because the operation is over;
	// else a channel that tells when to call it.
	next func() <-chan struct{}
}

func (b *Bridge) newOp(name string, id switchdev.PortID) *op {
	return &op{b: b, name: name, port: id, ticket: &Ticket{bridge: b, done: make(chan struct{})}}
}

// then says what the operation does next.
func (o *op) then(f func()) {
	o.next = func() <-chan struct{} {
		o.next = nil
		f()
		return nil
	}
}

// await goes on with f when all tickets have an outcome.
func (o *op) await(tickets []*fdb.Ticket, f func(error)) {
	o.next = func() <-chan struct{} {
		for _, k := range tickets {
			if !isOver(k) {
				return k.Done()
			}
		}
		errs := make([]error, len(tickets))
		for i, k := range tickets {
			errs[i] = k.Err()
		}
		o.next = nil
		f(errors.Join(errs...))
		return nil
	}
}

func isOver(k *fdb.Ticket) bool {
	select {
	case <-k.Done():
		return true
	default:
		return false
	}
}

// drain goes on with f when no frame that came in by the port before it was shut
// is still being looked at.
func (o *op) drain(m *meters, f func()) {
	m.waited.Store(true)
	o.next = func() <-chan struct{} {
		if !m.idle() {
			return m.quiet
		}
		m.waited.Store(false)
		o.next = nil
		f()
		return nil
	}
}

// fail ends the operation with err.
func (o *op) fail(err error) {
	o.err = err
	o.next = nil
}

// takeBack ends the operation with err when undo has an outcome.
func (o *op) takeBack(undo []*fdb.Ticket, err error) {
	o.await(undo, func(failed error) {
		if failed != nil {
			err = errors.Join(err, switchdev.ErrOutcomeUnknown, failed)
		}
		o.fail(err)
	})
}

// refuse ends the operation with a refusal.
func (o *op) refuse(reason string, err error) {
	o.fail(refusal(o.name, "port "+o.port.String(), reason, err))
}

// refused returns the ticket of an operation that never was one.
func (b *Bridge) refused(err error) *Ticket {
	k := &Ticket{bridge: b, done: make(chan struct{})}
	k.resolve(err)
	return k
}

// submit queues an operation.
func (b *Bridge) submit(o *op) *Ticket {
	<-b.slot
	defer b.unlock()
	return b.enqueue(o)
}

// enqueue puts an operation into the queue of its port, and begins it if it is
// the first. The caller holds the slot.
func (b *Bridge) enqueue(o *op) *Ticket {
	if b.closed {
		o.ticket.resolve(refusal(o.name, "port "+o.port.String(), "", switchdev.ErrClosed))
		return o.ticket
	}
	q := append(b.queues[o.port], o)
	b.queues[o.port] = q
	if len(q) == 1 {
		b.begin(o.port)
	}
	return o.ticket
}

// begin starts the first operation of a port's queue that was not withdrawn. The
// caller holds the slot.
func (b *Bridge) begin(id switchdev.PortID) {
	q := b.queues[id]
	for len(q) > 0 && !q[0].ticket.state.CompareAndSwap(ticketQueued, ticketBegun) {
		q = q[1:]
	}
	if len(q) == 0 {
		delete(b.queues, id)
		return
	}
	b.queues[id] = q
	if b.cfg.Manual {
		b.active = append(b.active, q[0])
		b.nudge()
		return
	}
	b.running.Go(func() { b.run(q[0]) })
}

// run carries an operation out.
func (b *Bridge) run(o *op) {
	for o.next != nil {
		if wait := o.next(); wait != nil {
			<-wait
		}
	}
	b.finish(o)
}

// finish ends an operation and begins the next one of its port.
func (b *Bridge) finish(o *op) {
	if o.err != nil {
		b.cfg.Logger.Info("bridge: operation failed", "bridge", b.cfg.Name, "op", o.name, "port", o.port, "err", o.err)
	}
	<-b.slot
	for i, a := range b.active {
		if a == o {
			b.active = append(b.active[:i:i], b.active[i+1:]...)
			break
		}
	}
	q := b.queues[o.port][1:]
	if len(q) == 0 {
		delete(b.queues, o.port)
	} else {
		b.queues[o.port] = q
		b.begin(o.port)
	}
	b.unlock()
	o.ticket.resolve(o.err)
}
