package fdb

import (
	"errors"
	"log/slog"
	"slices"

	"github.com/switchcore/switchcore/internal/offload"
	"github.com/switchcore/switchcore/switchdev"
)

// refusal is a user operation that ended with an error, or a learned station that
// a device refused.
type refusal struct {
	verb Verb
	key  Key
	err  error
	// learned: it was no user's but a station that was seen.
	learned bool
}

func (t *Table) logRefusal(r refusal) {
	if r.learned {
		t.log(slog.LevelDebug, "fdb: station refused", "key", r.key, "err", r.err)
		return
	}
	t.log(slog.LevelDebug, "fdb: operation refused", "op", r.verb.op(), "key", r.key, "err", r.err)
}

// closedErr is the outcome of an operation that came too late.
func (o *op) closedErr() error {
	return &switchdev.OpError{Op: o.verb.op(), Object: o.entry.Key.String(), Err: switchdev.ErrClosed}
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
