package offload

import (
	"cmp"
	"errors"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// belief is what is known of a device's row.
type belief uint8

const (
	believedNone belief = iota
	believedRow
	believedUnknown
)

// class orders the work of a device (rules 13 and 23).
type class uint8

const (
	classReplay  class = iota // rows of user entries after a reset
	classUser                 // operations that somebody waits for
	classOffload              // everything else
	numClasses
	notQueued = numClasses
)

// cell is what one device is believed to hold for one key, and what is under
// way to change that.
type cell[K cmp.Ordered, R comparable] struct {
	key   K
	epoch switchdev.Epoch // of the device in which all this was so

	belief belief
	row    R // of believedRow
	// own: the device made the believed row itself, and nobody told it to.
	own bool
	// doubt: the device said that its own row is gone. Nothing is sent before
	// somebody has looked, see [Engine.Doubt].
	doubt bool

	// out is the call that carries this key to the device, at most one.
	out *Call[K, R]
	// outOp is the user operation for which it was handed over, if any.
	outOp *Op[K, R]
	// void: what out returns proves nothing (rule 26).
	void bool
	// heard: the device said meanwhile that it made a row itself.
	heard bool
	// outdated: the last answer was from an epoch that is over.
	outdated bool
	// returned is the engine's count of returns when the last call for the
	// key came back (rule 28).
	returned uint64

	class class  // of the queue that holds the key, or notQueued
	place uint64 // which of the key's places in that queue counts

	// target stands in for what the table wants while op is set.
	op     *Op[K, R]
	target wanted[R]

	// unsupported is a row that the device declined to hold.
	unsupported wanted[R]

	// failed is why the device last refused the row refused; the device's
	// retries say until when not to try it again. stuck: nor does it let go of
	// the row that it holds instead.
	failed  error
	refused wanted[R]
	tries   uint8
	stuck   bool
	// late: an operation went on without the answer of this device.
	late bool

	// user: the row belongs to a user entry and is replayed first (rule 23).
	user bool

	waiters []*Waiter

	// prev and next are the neighbours in the device's list, in the order in
	// which the cells were made; born is the cell's number in it.
	prev, next *cell[K, R]
	born       uint64
}

// wanted is a row or the wish for none; the zero value is none.
type wanted[R comparable] struct {
	row R
	set bool
}

// holds reports whether the device certainly holds w.
func (c *cell[K, R]) holds(w wanted[R]) bool {
	if c.out != nil {
		return false
	}
	switch c.belief {
	case believedNone:
		return !w.set
	case believedRow:
		return w.set && c.row == w.row
	}
	return false
}

// superseded reports whether the device holds, or may hold, something else than
// the row w that it refused, and can be told to let go of it: frames would go
// where the station no longer is.
func (c *cell[K, R]) superseded(w wanted[R]) bool {
	return w.set && !c.stuck && c.belief != believedNone && !errors.Is(c.failed, switchdev.ErrOutcomeUnknown)
}

// idle reports whether the cell says nothing that an absent cell does not.
func (c *cell[K, R]) idle() bool {
	return c.belief == believedNone && c.out == nil && c.class == notQueued && c.op == nil &&
		c.failed == nil && !c.unsupported.set && !c.late && len(c.waiters) == 0
}

// await makes w wait for the cell. Those that wait no more make room.
func (c *cell[K, R]) await(w *Waiter) {
	w.left++
	c.waiters = append(slices.DeleteFunc(c.waiters, (*Waiter).over), w)
}

// Waiter counts cells until each of them is settled or refused; it is how a
// flush, a join and a leave wait for the devices.
type Waiter struct {
	left int
	errs []error
	done func([]error)
	// armed is set once every cell has been added.
	armed bool
}

func (w *Waiter) settle(err error) {
	w.left--
	w.note(err)
	w.check()
}

func (w *Waiter) note(err error) {
	if err != nil && len(w.errs) < maxCauses {
		w.errs = append(w.errs, err)
	}
}

// Cancel ends the wait: what was given to Arm is not called any more.
func (w *Waiter) Cancel() { w.armed, w.done = true, nil }

// over reports whether the wait has ended.
func (w *Waiter) over() bool { return w.armed && w.done == nil }

func (w *Waiter) check() {
	if w.armed && w.left <= 0 && w.done != nil {
		done := w.done
		w.done = nil
		done(w.errs)
	}
}

// maxTries bounds what is counted, not what is tried: no pause doubles more often.
const maxTries = 32

// maxCauses bounds how many errors one answer joins.
const maxCauses = 8
