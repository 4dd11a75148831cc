package switchdev

// Driver is the identity and the lifetime of one switching device. Everything
// a device can do is a role: a small interface that the same value, or
// something it wraps, implements and that [As] finds.
//
// A role that As does not find is never there. A role that is found and
// answers an operation with an error matching [errors.ErrUnsupported] has said
// "not this object, or not now": the caller keeps the object in software. Every
// other error is a refusal, see [Result].
//
// Source: ours. Linux finds the same abilities through notifier chains and
// answers "nobody handled it" with EOPNOTSUPP (net/switchdev/switchdev.c).
type Driver interface {
	// Name identifies the device in errors, events and logs, for instance
	// "sw0". It is constant for the life of the driver and unique among the
	// drivers handed to one table. It may be called at any time from any
	// goroutine.
	Name() string

	// Close ends the driver. Calls that are still running are made to return:
	// what they had not yet executed is answered with [ErrClosed]. Later calls
	// of any role answer ErrClosed. Close waits for the driver's own
	// goroutines, is idempotent and may be called from any goroutine, but not
	// from inside a [Sink].
	Close() error
}

// Unwrapper is implemented by drivers that stand in front of another one.
//
// A wrapper that implements a role replaces that role; a role that it does not
// implement is found on the driver that it unwraps to, which then bypasses the
// wrapper. A decorator that must see every call therefore implements every
// role and answers ErrUnsupported for the roles that its inner driver lacks;
// the roles that have no answer, [Reporter] and [FDBSubmitter], it has only if
// its inner driver has them.
type Unwrapper interface {
	Unwrap() Driver
}

// As returns the first driver in d's chain that implements T, in the manner of
// [errors.As]: d itself, then what its Unwrap method returns, and so on. A nil
// d has no roles.
//
// As is cheap, but it is meant for construction time: tables look the roles up
// once, when a device is attached.
func As[T any](d Driver) (T, bool) {
	for d != nil {
		if role, ok := d.(T); ok {
			return role, true
		}
		u, ok := d.(Unwrapper)
		if !ok {
			break
		}
		d = u.Unwrap()
	}
	var none T
	return none, false
}
