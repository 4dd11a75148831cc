package devlink

import (
	"context"
	"sync/atomic"
)

// Ticket stands for an operation that was submitted. Its outcome is the
// operation's, whether anybody waits or not. A ticket may be used by any number of
// goroutines.
type Ticket struct {
	reg   *Registry
	on    target
	op    *op       // nil: a deletion of a namespace
	parts []*Ticket // what it consists of, if not of one operation
	done  chan struct{}
	firm  bool          // who waits cannot withdraw it
	state atomic.Uint32 // waiting, begun, withdrawn
	then  func(error)   // called once with the outcome, no lock held

	// written before done is closed
	err error
	seq uint64
}

const (
	ticketWaiting uint32 = iota
	ticketBegun
	ticketWithdrawn
)

func newTicket(r *Registry, on target) *Ticket {
	return &Ticket{reg: r, on: on, done: make(chan struct{})}
}

// begin reports whether the operation is to be carried out: it was not withdrawn,
// and cannot be any more.
func (k *Ticket) begin() bool { return k.state.CompareAndSwap(ticketWaiting, ticketBegun) }

func (k *Ticket) resolve(err error) {
	k.err, k.seq = err, k.reg.hub.ring.Last()
	close(k.done)
	if k.then != nil {
		k.then(err)
	}
}

func (k *Ticket) ended() bool {
	select {
	case <-k.done:
		return true
	default:
		return false
	}
}

// Done returns a channel that is closed when the operation has ended.
func (k *Ticket) Done() <-chan struct{} { return k.done }

// Err returns the outcome of an operation that has ended, and nil before that.
func (k *Ticket) Err() error {
	if k.ended() {
		return k.err
	}
	return nil
}

// Seq returns the number of the last event at the time the operation ended, so that
// its outcome has a place in the order of events; 0 before that. Ours: Linux's
// answers have no place among its notifications.
func (k *Ticket) Seq() uint64 {
	if k.ended() {
		return k.seq
	}
	return 0
}

// Withdraw takes the operation back if it has not begun, and reports whether it
// did. Then nothing has changed, and the outcome is context.Canceled. A deletion of
// a namespace begins at once, and a report of ill health stands.
func (k *Ticket) Withdraw() bool { return !k.firm && k.withdraw(context.Canceled) }

func (k *Ticket) withdraw(err error) bool {
	if !k.state.CompareAndSwap(ticketWaiting, ticketWithdrawn) {
		return false
	}
	k.op.inst.slot.forget(k.op)
	k.resolve(err)
	return true
}

// Wait waits for the operation and returns its outcome. When ctx ends before the
// operation began it is withdrawn: nothing has changed, and the error is ctx's.
// Once it has begun Wait returns the true outcome, however long a driver takes. What
// cannot be withdrawn, see [Ticket.Withdraw], goes on when ctx ends the wait.
//
// From inside a callback, with the ctx that it was given or one derived from it, an
// operation of another instance may be waited for, of another registry too. Where
// callbacks would wait for themselves or for each other, one of the operations that are
// waited for and that have not begun is withdrawn, with [switchdev.ErrDeadlock] as its
// outcome: this one if it can be. If all have begun, or cannot be withdrawn, Wait alone
// answers that, and they go on. Where callbacks of several registries would wait for each
// other more than one may get it.
//
// On a Manual registry somebody else has to call [Registry.Poll] meanwhile, except
// inside callbacks, where what is waited for is carried out at once.
func (k *Ticket) Wait(ctx context.Context) error {
	if k.ended() {
		return k.err
	}
	k.reg.ranks.free()
	c := k.reg.caller(ctx)
	if c != nil {
		end, err := c.await(&wait{k.on, k.done, k})
		if err != nil {
			return err
		}
		defer end()
	}
	here := c != nil && c.reg == k.reg
	switch {
	case k.settled(ctx, here):
	case k.firm:
		return ctx.Err()
	case !k.withdraw(ctx.Err()):
		k.settled(context.WithoutCancel(ctx), here)
	}
	return k.err
}

// settled waits for the end and reports whether it came before that of ctx. Inside a
// callback of a Manual registry nobody else carries out what is waited for.
func (k *Ticket) settled(ctx context.Context, inside bool) bool {
	for {
		var news <-chan struct{}
		if inside && k.reg.cfg.Manual {
			news = k.reg.news()
			k.help()
		}
		select {
		case <-k.done:
			return true
		default:
		}
		select {
		case <-k.done:
			return true
		case <-ctx.Done():
			return k.ended()
		case <-news:
		}
	}
}

// help carries out what has to be before the ticket ends, and no more: who waits
// further down the stack of this goroutine must not wait for what comes behind.
func (k *Ticket) help() {
	if k.op == nil { // a deletion
		for _, p := range k.parts {
			p.help()
		}
		return
	}
	for !k.ended() && k.reg.take(k.op.inst) {
		k.reg.run(k.op.inst, k)
	}
}
