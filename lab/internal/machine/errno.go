package machine

import (
	"errors"
	"strconv"

	"github.com/switchcore/switchcore/switchdev"
)

// Errno is an error number of Linux, with its number there on every platform.
// Source: include/uapi/asm-generic/errno-base.h and errno.h.
type Errno uint16

// The numbers that requests of the machine are answered with.
const (
	EPERM           Errno = 1
	ENOENT          Errno = 2
	EIO             Errno = 5
	ENXIO           Errno = 6
	EBADF           Errno = 9
	ENOMEM          Errno = 12
	EBUSY           Errno = 16
	EEXIST          Errno = 17
	ENODEV          Errno = 19
	EINVAL          Errno = 22
	ENOSPC          Errno = 28
	ERANGE          Errno = 34
	ELOOP           Errno = 40
	EOPNOTSUPP      Errno = 95
	EADDRNOTAVAIL   Errno = 99
	ENETDOWN        Errno = 100
	EPROTONOSUPPORT Errno = 93
	ENOBUFS         Errno = 105
	ETIMEDOUT       Errno = 110
)

// Error returns the text of strerror(3), for instance "Invalid argument".
func (e Errno) Error() string {
	if s := e.row().text; s != "" {
		return s
	}
	return "Unknown error " + strconv.Itoa(int(e))
}

// Is reports whether target is the sentinel of package switchdev for the number.
func (e Errno) Is(target error) bool {
	s := e.row().sentinel
	return s != nil && (target == s || errors.Is(s, target))
}

type errnoRow struct {
	text     string
	sentinel error
}

func (e Errno) row() errnoRow {
	switch e {
	case EPERM:
		return errnoRow{"Operation not permitted", switchdev.ErrPermission}
	case ENOENT:
		return errnoRow{"No such file or directory", switchdev.ErrNotExist}
	case EIO:
		return errnoRow{"Input/output error", switchdev.ErrOutcomeUnknown}
	case ENXIO:
		return errnoRow{"No such device or address", switchdev.ErrDeviceUnavailable}
	case EBADF:
		return errnoRow{"Bad file descriptor", switchdev.ErrClosed}
	case ENOMEM:
		return errnoRow{"Cannot allocate memory", nil}
	case EBUSY:
		return errnoRow{"Device or resource busy", switchdev.ErrBusy}
	case EEXIST:
		return errnoRow{"File exists", switchdev.ErrExist}
	case ENODEV:
		return errnoRow{"No such device", switchdev.ErrNoDevice}
	case EINVAL:
		return errnoRow{"Invalid argument", switchdev.ErrInvalid}
	case ENOSPC:
		return errnoRow{"No space left on device", switchdev.ErrNoSpace}
	case ERANGE:
		return errnoRow{"Numerical result out of range", switchdev.ErrRange}
	case ELOOP:
		return errnoRow{"Too many levels of symbolic links", nil}
	case EOPNOTSUPP:
		return errnoRow{"Operation not supported", switchdev.ErrUnsupported}
	case EADDRNOTAVAIL:
		return errnoRow{"Cannot assign requested address", nil}
	case ENETDOWN:
		return errnoRow{"Network is down", switchdev.ErrNetDown}
	case EPROTONOSUPPORT:
		return errnoRow{"Protocol not supported", nil}
	case ENOBUFS:
		return errnoRow{"No buffer space available", switchdev.ErrOverrun}
	case ETIMEDOUT:
		return errnoRow{"Connection timed out", switchdev.ErrTimeout}
	}
	return errnoRow{}
}

// Error is the kernel's refusal of a request.
type Error struct {
	// Errno is the error number, which errors.Is finds as the sentinel of package
	// switchdev too.
	Errno Errno
	// Text is that of the extended acknowledgement, without the prefix of a
	// module and without a full stop; empty if there is none.
	Text string
}

// Error returns the text, or that of the number if there is none.
func (e *Error) Error() string {
	if e.Text != "" {
		return e.Text
	}
	return e.Errno.Error()
}

// Unwrap returns the Errno.
func (e *Error) Unwrap() error { return e.Errno }

// Unsupported is the answer to a request for what the machine does not model.
// Nothing has changed.
type Unsupported struct {
	// What names it.
	What string
}

// Error returns a text that names what is not modelled.
func (u *Unsupported) Error() string { return "not modelled: " + u.What }

// Unwrap returns errors.ErrUnsupported.
func (u *Unsupported) Unwrap() error { return errors.ErrUnsupported }
