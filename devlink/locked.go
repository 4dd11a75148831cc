package devlink

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/switchcore/switchcore/switchdev"
)

// Locked is what a driver's callback holds: the instance is the callback's alone
// until it returns, and these methods add to it, change it and take from it. None of
// them waits for anybody. Outside callbacks [Instance.Do] gives one. Its methods may
// be called by any number of goroutines; after the callback they change nothing and
// answer ErrClosed. It is not over while one of them calls an [Auxiliary].
type Locked struct {
	inst *Instance
	op   *op
	ctx  context.Context
	over atomic.Bool // set with Instance.mu held, so that nothing is changed after it

	// within counts the methods that call a driver; it grows with Instance.mu held.
	within sync.WaitGroup
}

// Instance returns the instance.
func (l *Locked) Instance() *Instance { return l.inst }

// Context returns the ctx of the callback: whoever waits with it for something that
// would wait for the callback gets [switchdev.ErrDeadlock].
func (l *Locked) Context() context.Context { return l.ctx }

// live refuses what is asked of a token after its callback.
func (l *Locked) live(what string) error {
	if l.over.Load() {
		return l.refuse(what, "", "the callback has returned", switchdev.ErrClosed)
	}
	return nil
}

// refuse is the error of a method of the token; object is what in the instance it is
// about, such as "port/3", if anything.
func (l *Locked) refuse(what, object, reason string, err error) error {
	name := l.inst.handle.String()
	if object != "" {
		name += "/" + object
	}
	return &switchdev.OpError{Op: what, Object: name, Reason: reason, Err: err}
}

// tell is [Instance.tell] for methods of the token: change is not called when the
// callback has returned, and nothing is told if it refuses.
func (l *Locked) tell(what string, change func() ([]Event, error)) (err error) {
	l.inst.tell(func() (list []Event) {
		if err = l.live(what); err == nil {
			list, err = change()
		}
		return list
	})
	return err
}

// Do carries out f with the instance to itself, in any state but Freed, after what
// was submitted before. It is how a driver changes its instance outside its
// callbacks; with an f that does nothing it waits for what was submitted before. The
// error is f's, or a [*PanicError]. Linux: devl_lock.
func (i *Instance) Do(ctx context.Context, f func(ctx context.Context, l *Locked) error) error {
	return i.SubmitDo(f).Wait(ctx)
}

// SubmitDo is Do without the wait. It never blocks.
func (i *Instance) SubmitDo(f func(ctx context.Context, l *Locked) error) *Ticket {
	return i.submit("devlink.do", func(o *op) error { return o.call(f) })
}

// TryDo is Do if nothing is being carried out and nothing was submitted, in the
// goroutine of the caller; else it does nothing and reports that. It is for workers
// whose driver waits for their end with the instance to itself: they come again later
// (L9). The ctx is only looked at for being that of a callback. Linux: devl_trylock.
func (i *Instance) TryDo(ctx context.Context, f func(ctx context.Context, l *Locked) error) (ran bool, err error) {
	o := i.newOp("devlink.do", func(o *op) error {
		ran = true
		return o.call(f)
	})
	if _, ok := i.reg.admit(false); !ok {
		return false, o.refuse("", switchdev.ErrClosed)
	}
	if !i.slot.seize(o) {
		i.reg.retire()
		return false, nil
	}
	defer i.yield(o)
	if c := i.reg.caller(ctx); c != nil {
		end, err := c.await(&wait{on: i, done: o.ticket.done})
		if err != nil {
			return false, err
		}
		defer end()
	}
	o.perform()
	return ran, o.ticket.err
}

// yield is the end of TryDo: what was submitted meanwhile is carried out.
func (i *Instance) yield(o *op) {
	if i.slot.yield(o) {
		i.reg.carry(i)
	} else {
		i.reg.retire()
	}
}

// call calls a driver with a token, which ends with the call. A panic becomes an
// error.
func (o *op) call(f func(ctx context.Context, l *Locked) error) (err error) {
	i := o.inst
	i.reg.ranks.free()
	c := &call{reg: i.reg, act: &o.act}
	l := &Locked{inst: i, op: o, ctx: c.with(o.base)}
	outer := i.reg.ranks.begin(c)
	defer func() {
		i.reg.ranks.end(outer)
		c.over.Store(true)
		i.mu.Lock()
		l.over.Store(true)
		i.mu.Unlock()
		l.within.Wait()
		if p := recover(); p != nil {
			err = o.panicked(p)
		}
	}()
	return f(l.ctx, l)
}

// panicked logs a panic of the driver, and returns the stack.
func (i *Instance) panicked(what string, p any) (stack string) {
	stack = string(debug.Stack())
	i.reg.cfg.Logger.Error("devlink: driver panicked", "instance", i.handle.String(),
		"operation", what, "panic", p, "stack", stack)
	return stack
}

// panicked logs a panic of the driver and makes an error of it.
func (o *op) panicked(p any) error {
	return &PanicError{Value: p, Stack: o.inst.panicked(o.what, p), op: o, OpError: switchdev.OpError{
		Op: o.what, Object: o.inst.handle.String(), Reason: "driver panicked", Err: switchdev.ErrOutcomeUnknown,
	}}
}

// PanicError is the outcome of an operation whose driver panicked. It matches
// [switchdev.ErrOutcomeUnknown].
type PanicError struct {
	switchdev.OpError
	// Value is what it panicked with.
	Value any
	// Stack says where, as [debug.Stack] does; Error leaves it out.
	Stack string

	op *op // whose driver it was
}

// Error returns the text of the OpError and the value.
func (e *PanicError) Error() string { return fmt.Sprintf("%v: %v", &e.OpError, e.Value) }

// Unwrap returns the OpError.
func (e *PanicError) Unwrap() error { return &e.OpError }
