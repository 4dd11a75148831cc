package bridge

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync/atomic"

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

	opTopology    = "bridge.topology-change"
	opAddVLAN     = "bridge.add-vlan"
	opRemoveVLAN  = "bridge.remove-vlan"
	opFiltering   = "bridge.set-filtering"
	opProtocol    = "bridge.set-protocol"
	opDefaultPVID = "bridge.set-default-pvid"
	opLocal       = "bridge.set-local"
	opCarrier     = "bridge.set-carrier"
	opBackup      = "bridge.set-backup"
	opLinks       = "bridge.set-links"
	opEdit        = "bridge.edit"
	opSTP         = "bridge.set-stp"
	opPriority    = "bridge.set-priority"
	opTree        = "bridge.tree"
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
	free   bool // it is in no queue

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

// waiter is what an operation can wait for: a ticket of the table's or of the
// bridge's own.
type waiter interface {
	Done() <-chan struct{}
	Err() error
}

// await goes on with f when all tickets have an outcome.
func (o *op) await(tickets []waiter, f func(error)) {
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

func isOver(k waiter) bool {
	select {
	case <-k.Done():
		return true
	default:
		return false
	}
}

// fail ends the operation with err.
func (o *op) fail(err error) {
	o.err = err
	o.next = nil
}

// takeBack ends the operation with err when undo has an outcome. Own addresses are
// looked after once more: what failed first may be none of this operation's by then.
func (o *op) takeBack(undo []waiter, err error) {
	o.b.noteAstray()
	o.await(undo, func(failed error) {
		o.fail(o.b.failedToo(err, failed))
	})
}

// failedToo joins to err what own addresses could not be taken back, which is tried
// again.
func (b *Bridge) failedToo(err, failed error) error {
	if failed == nil {
		return err
	}
	b.noteAstray()
	return errors.Join(err, switchdev.ErrOutcomeUnknown, failed)
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

// start begins an operation that waits for no other.
func (b *Bridge) start(o *op) *Ticket {
	o.free = true
	<-b.slot
	defer b.unlock()
	if b.closed {
		return b.enqueue(o)
	}
	o.ticket.state.Store(ticketBegun)
	b.setOff(o)
	return o.ticket
}

// onBridge submits an operation on the bridge as a whole, which is f.
func (b *Bridge) onBridge(name string, f func(*op) error) *Ticket {
	o := b.newOp(name, switchdev.PortHost)
	o.then(func() {
		if err := f(o); err != nil {
			o.fail(err)
		}
	})
	return b.submit(o)
}

// all goes through operations on ports, and then goes on with f and with what went
// wrong. A port that has gone meanwhile is no error.
func (o *op) all(ports []*port, each func(switchdev.PortID) *op, f func(error)) {
	b := o.b
	<-b.slot
	var tickets []waiter
	for _, p := range ports {
		tickets = append(tickets, b.enqueue(each(p.ID)))
	}
	b.unlock()
	o.await(tickets, func(error) {
		var errs []error
		now := b.view.Load()
		for i, k := range tickets {
			if err := k.Err(); !errors.Is(err, switchdev.ErrNoDevice) || now.port(ports[i].ID) != nil {
				errs = append(errs, err)
			}
		}
		f(errors.Join(errs...))
	})
}

// eachPort goes through operations on the ports of a view, then through one on the
// bridge itself if there is one, and ends with what went wrong.
func (o *op) eachPort(v *view, f func(switchdev.PortID) *op, last func() *op) {
	o.all(latestFirst(v.ports), f, func(err error) { o.also(last(), err) }) // o is what the bridge does just now
}

// latestFirst returns ports in the order in which Linux goes through them.
func latestFirst(ports []*port) []*port {
	return slices.SortedFunc(slices.Values(ports), func(p, q *port) int { return cmp.Compare(q.joined, p.joined) })
}

// first goes on as another operation, and with f when that is over.
func (o *op) first(other *op, f func()) {
	o.next = func() <-chan struct{} {
		if other.next == nil {
			o.next = nil
			f()
			return nil
		}
		return other.next()
	}
}

// also goes on as another operation, and joins err to what comes of it.
func (o *op) also(other *op, err error) {
	if other == nil {
		o.fail(err)
		return
	}
	o.next = func() <-chan struct{} {
		if other.next == nil {
			o.fail(errors.Join(err, other.err))
			return nil
		}
		return other.next()
	}
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
	b.setOff(q[0])
}

// setOff begins to carry an operation out. The caller holds the slot.
func (b *Bridge) setOff(o *op) {
	if b.cfg.Manual {
		b.active = append(b.active, o)
		b.nudge()
		return
	}
	b.running.Go(func() { b.run(o) })
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
	if !o.free {
		b.queues[o.port] = b.queues[o.port][1:]
		b.begin(o.port)
	}
	b.unlock()
	o.ticket.resolve(o.err)
}
