package fdb

import (
	"errors"
	"slices"

	"github.com/switchcore/switchcore/internal/offload"
	"github.com/switchcore/switchcore/switchdev"
)

// refusal is a user operation that ended with an error, until it is logged: a
// handler is the user's, and is called with nothing held.
type refusal struct {
	verb verb
	key  Key
	err  error
}

func (r refusal) log(t *Table) {
	t.cfg.Logger.Debug("fdb: operation refused", "table", t.cfg.Name, "op", verbNames[r.verb], "key", r.key, "err", r.err)
}

// closedErr is the outcome of an operation that came too late.
func (o *op) closedErr() error {
	return &switchdev.OpError{Op: verbNames[o.verb], Object: o.entry.Key.String(), Err: switchdev.ErrClosed}
}

// named says in an error of the device engine what was attempted on what. What a
// driver says in its own words stays as it is.
func named(err error, what, object string) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		causes := joined.Unwrap()
		if !slices.ContainsFunc(causes, ours) {
			return err
		}
		errs := make([]error, len(causes))
		for i, e := range causes {
			errs[i] = named(e, what, object)
		}
		return errors.Join(errs...)
	}
	if ours(err) {
		n := *err.(*switchdev.OpError)
		n.Op, n.Object = what, object
		return &n
	}
	return err
}

// ours reports whether an error is one of the device engine's.
func ours(err error) bool {
	oe, ok := err.(*switchdev.OpError)
	return ok && oe.Op == offload.OpName
}
