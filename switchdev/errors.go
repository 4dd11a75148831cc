package switchdev

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"syscall"
)

// condition is the type of the sentinels. It is unexported so that the set is
// fixed; the values are compared by address.
type condition struct {
	text  string
	cause error // the errno, or another sentinel that this one is a case of
	also  error // a sentinel of the standard library, nil if none corresponds
}

func (c *condition) Error() string { return c.text }

func (c *condition) Unwrap() error { return c.cause }

// Is answers for the standard library's sentinel. syscall.Errno would do that
// for some of them, yet not everywhere: on wasip1 EOPNOTSUPP is not
// errors.ErrUnsupported, and nowhere is EINVAL fs.ErrInvalid.
func (c *condition) Is(target error) bool { return c.also != nil && target == c.also }

// Timeout has the meaning it has in net.Error.
func (c *condition) Timeout() bool { return c.cause == syscall.ETIMEDOUT }

// The conditions that the packages of this module report. Each wraps an errno,
// so errors.Is finds the sentinel, the errno and, where one corresponds, the
// sentinel of the standard library; errors.As finds a syscall.Errno. They are
// returned bare where that must not allocate, and inside an [*OpError]
// elsewhere. Where the kernel has the same condition the errno is the
// kernel's; where the condition is ours, its text says why that errno.
var (
	// ErrExist: an exclusive add found the object. EEXIST, fs.ErrExist.
	ErrExist error = &condition{"already exists", syscall.EEXIST, fs.ErrExist}

	// ErrNotExist: the object that was named is absent. ENOENT, fs.ErrNotExist.
	ErrNotExist error = &condition{"does not exist", syscall.ENOENT, fs.ErrNotExist}

	// ErrNoSpace: a table or a device is full. ENOSPC, as drivers of switch
	// chips return it.
	ErrNoSpace error = &condition{"no space left", syscall.ENOSPC, nil}

	// ErrBusy: the object is held by somebody else or in the wrong state for
	// now. EBUSY.
	ErrBusy error = &condition{"busy", syscall.EBUSY, nil}

	// ErrInvalid: an argument that is never right. Nothing has changed.
	// EINVAL, fs.ErrInvalid.
	ErrInvalid error = &condition{"invalid argument", syscall.EINVAL, fs.ErrInvalid}

	// ErrPermission: legal in itself, not in this state or for this owner, such
	// as a dynamic entry on a port that does not learn. EPERM, fs.ErrPermission.
	ErrPermission error = &condition{"not permitted", syscall.EPERM, fs.ErrPermission}

	// ErrUnsupported: a driver that returns it asks that the object be kept in
	// software; it is no refusal. EOPNOTSUPP and, on every platform,
	// [errors.ErrUnsupported]. Test a driver's answer against the latter, which
	// a driver may return as it is.
	ErrUnsupported error = &condition{"not supported", syscall.EOPNOTSUPP, errors.ErrUnsupported}

	// ErrOverrun: a subscriber fell behind and has lost events. It is returned
	// once; then the subscription resumes with a fresh replay. ENOBUFS, as a
	// netlink socket.
	ErrOverrun error = &condition{"events lost", syscall.ENOBUFS, nil}

	// ErrClosed: the table, subscription or driver was closed before or while
	// the call ran. It is [fs.ErrClosed], which os.ErrClosed also is; it is not
	// net.ErrClosed, for which package net would be linked. EBADF, as a closed
	// file descriptor.
	ErrClosed error = &condition{"already closed", syscall.EBADF, fs.ErrClosed}

	// ErrDeviceUnavailable: a device did not take the operation before its
	// deadline, so it certainly was not executed (rule 19). Ours; ENXIO, the
	// errno of a device that is there and does not respond, to be distinct from
	// ENODEV and from EBUSY.
	ErrDeviceUnavailable error = &condition{"device unavailable", syscall.ENXIO, nil}

	// ErrOutcomeUnknown: a device took the operation and gave no answer in
	// time, or the undo of a refused operation failed (rule 17). The table is as
	// before, the device may not be, and reconciliation is due. Ours; EIO, as a
	// write whose fate the kernel does not know. The causes are joined to it.
	ErrOutcomeUnknown error = &condition{"outcome unknown", syscall.EIO, nil}

	// ErrDeadlock: a blocking verb was called from inside a callback that it
	// would wait for. EDEADLK.
	ErrDeadlock error = &condition{"would deadlock", syscall.EDEADLK, nil}

	// ErrTimeout: a limit that the callee keeps has passed. ETIMEDOUT; its
	// Timeout method returns true. The caller's own ctx is reported as ctx.Err.
	ErrTimeout error = &condition{"timed out", syscall.ETIMEDOUT, nil}

	// ErrNetDown: the port or the device is administratively down or has no
	// carrier. ENETDOWN.
	ErrNetDown error = &condition{"network is down", syscall.ENETDOWN, nil}

	// ErrRange: a number outside the limits of the object or the chip. ERANGE.
	ErrRange error = &condition{"out of range", syscall.ERANGE, nil}

	// ErrNoDevice: the device that was named does not exist. ENODEV.
	ErrNoDevice error = &condition{"no such device", syscall.ENODEV, nil}

	// ErrPortGone: the port was removed before or while the call ran. It is a
	// case of [ErrNoDevice]. ENODEV.
	ErrPortGone error = &condition{"port is gone", ErrNoDevice, nil}
)

// OpError says what was attempted on what, and why it was not done. Every field
// may be empty except Err.
type OpError struct {
	Op     string // what was attempted, such as "fdb.add"
	Device string // the driver that refused; empty if none was asked
	Object string // what it was attempted on, such as "00:01:02:03:04:05 vlan 10"
	Reason string // the text that the kernel would put in its extended ack
	Err    error  // a sentinel of this package, an errno, or what a driver returned
}

// Error returns the parts that are not empty: operation, device and object, then
// the reason, then the cause.
func (e *OpError) Error() string {
	var b strings.Builder
	for _, part := range [...]string{e.Op, e.Device, e.Object} {
		joinPart(&b, " ", part)
	}
	joinPart(&b, ": ", e.Reason)
	if e.Err != nil {
		joinPart(&b, ": ", e.Err.Error())
	}
	return b.String()
}

func joinPart(b *strings.Builder, sep, part string) {
	if part == "" {
		return
	}
	if b.Len() > 0 {
		b.WriteString(sep)
	}
	b.WriteString(part)
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

// Timeout reports whether the cause is a timeout, in the manner of net.Error.
func (e *OpError) Timeout() bool {
	var t interface{ Timeout() bool }
	return e.Err != nil && errors.As(e.Err, &t) && t.Timeout()
}

// ParseError says why a text or a binary form was refused. It is [ErrInvalid]
// to errors.Is. What was to be set has not changed.
type ParseError struct {
	What   string // what the input should have been, such as "mac address"
	Input  string // the input as it was
	Reason string // what is wrong with it
}

// Error returns a text such as
//
//	parse vlan "4095": invalid vlan id
//
// in which a long input is shortened.
func (e *ParseError) Error() string {
	const most = 64
	input := e.Input
	if len(input) > most {
		input = input[:most] + "..."
	}
	return "parse " + e.What + " " + strconv.Quote(input) + ": " + e.Reason
}

// Unwrap returns [ErrInvalid].
func (e *ParseError) Unwrap() error { return ErrInvalid }
