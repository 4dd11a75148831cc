package offload

import (
	"cmp"
	"errors"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// Op is a user operation on one key while devices work on it. The table fills
// the exported fields and calls [Engine.Begin].
type Op[K cmp.Ordered, R comparable] struct {
	Key K
	// New is the row that the operation wants everywhere it is claimed; with
	// Set false it wants none.
	New R
	Set bool
	// Soft says that what devices refuse, or do not answer in time, does not
	// make the operation fail: the table publishes, and they get the row later.
	Soft bool
	// Abandon says that rows which the operation makes unwanted are left where they
	// are and forgotten, instead of being withdrawn.
	Abandon bool
	// Tag is the table's.
	Tag any

	step     step
	parts    []part
	deadline time.Time
	// prev and next are the neighbours in the engine's list by deadline.
	prev, next *Op[K, R]
	errs       []error
	unknown    bool
}

// step is how far an operation has come.
type step uint8

const (
	stepSet      step = iota // the new row goes to all devices that claim it
	stepWithdraw             // all others lose theirs
	stepUndo                 // the devices go back to what the table wants
	stepOver
)

// part is one device's part in an operation.
type part struct {
	in     bool // the device takes part
	handed bool // it was handed something on behalf of the operation
	ended  bool // it gave its final answer: an error, or "not supported"
	soft   bool // the operation went on without it
}

// fail notes why the operation cannot succeed.
func (op *Op[K, R]) fail(err error) {
	if len(op.errs) < maxCauses {
		op.errs = append(op.errs, err)
	}
}

// err is the operation's answer.
func (op *Op[K, R]) err() error {
	if len(op.errs) == 0 {
		return nil
	}
	err := errors.Join(op.errs...)
	if len(op.errs) == 1 {
		err = op.errs[0]
	}
	if op.unknown && !errors.Is(err, switchdev.ErrOutcomeUnknown) {
		err = errors.Join(append([]error{switchdev.ErrOutcomeUnknown}, op.errs...)...)
	}
	return err
}
