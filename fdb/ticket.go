package fdb

import (
	"context"
	"sync/atomic"

	"github.com/switchcore/switchcore/switchdev"
)

// Ticket stands for an operation that was submitted. Its outcome is the
// operation's, whether anybody waits or not. A ticket may be used by any number
// of goroutines.
type Ticket struct {
	table *Table
	id    uint64
	done  chan struct{}
	state atomic.Uint32
	count int
	err   error
	batch *batchOps // of an Apply; nil otherwise
}

// The states of a ticket.
const (
	ticketQueued uint32 = iota // nothing has been done; it can be withdrawn
	ticketStaged               // it will have an outcome
	ticketOver
)

func (t *Table) newTicket() *Ticket {
	return &Ticket{table: t, id: t.tickets.Add(1), done: make(chan struct{})}
}

// ID returns the ticket's number, by which hooks tell operations apart; see
// [Trace]. The tickets of a table are numbered from 1 in the order in which they
// were made.
func (k *Ticket) ID() uint64 { return k.id }

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

// Count returns how many entries a flush that has ended removed, or how many
// operations of a batch that has ended did what they were to do.
func (k *Ticket) Count() int {
	select {
	case <-k.done:
		return k.count
	default:
		return 0
	}
}

// Withdraw takes the operation back if it has not been staged yet, and reports
// whether it did. Then nothing has changed, and the outcome is
// context.Canceled.
func (k *Ticket) Withdraw() bool { return k.withdraw(context.Canceled) }

func (k *Ticket) withdraw(why error) bool {
	if !k.state.CompareAndSwap(ticketQueued, ticketOver) {
		return false
	}
	if k.batch != nil {
		k.batch.refuse(why)
	}
	k.err = why
	close(k.done)
	return true
}

// stage fixes that the operation will have an outcome, unless it was withdrawn.
// The first operation of a batch that is staged decides for all.
func (k *Ticket) stage() bool {
	return k.state.CompareAndSwap(ticketQueued, ticketStaged) ||
		k.batch != nil && k.state.Load() == ticketStaged
}

// resolve ends the operation. The table calls it once, after stage.
func (k *Ticket) resolve(count int, err error) {
	if k.state.Swap(ticketOver) == ticketOver {
		return
	}
	k.count, k.err = count, err
	close(k.done)
}

// Wait waits for the operation and returns its outcome. When ctx ends before
// the operation was staged it is withdrawn: nothing has changed, and the error
// is ctx's. Once it is staged Wait returns the true outcome, at the latest when
// the devices' time is over; ctx does not cut that short, because then nobody
// would know what the table holds.
//
// From inside a callback of the same table, with the ctx that the callback was
// given or one derived from it, the answer is [switchdev.ErrDeadlock] and the
// operation goes on.
//
// On a Manual table somebody else has to call Poll meanwhile.
func (k *Ticket) Wait(ctx context.Context) error {
	if inCallback(ctx, k.table) {
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

// callbackKey marks the ctx that a table gives to a driver.
type callbackKey struct{ t *Table }

func inCallback(ctx context.Context, t *Table) bool { return ctx.Value(callbackKey{t}) != nil }

func (t *Table) callbackContext(ctx context.Context) context.Context {
	return context.WithValue(ctx, callbackKey{t}, true)
}
