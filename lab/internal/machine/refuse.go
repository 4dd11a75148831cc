package machine

import (
	"errors"

	"github.com/switchcore/switchcore/switchdev"
)

func refuse(errno Errno, text string) error { return &Error{Errno: errno, Text: text} }

// refused is what a request is answered with that a bridge refused. What bridges say of
// the reason is their own, and no text of the kernel's; what a device says is.
func refused(err error) error {
	var own *Error
	var none *Unsupported
	var stuck *Livelock
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own), errors.As(err, &none), errors.As(err, &stuck):
		return err
	}
	return &Error{Errno: errnoOf(err), Text: said(err)}
}

// errnoOf returns the number for an error of a bridge.
func errnoOf(err error) Errno {
	for _, row := range [...]struct {
		sentinel error
		errno    Errno
	}{
		{switchdev.ErrOutcomeUnknown, EIO}, {switchdev.ErrExist, EEXIST}, {switchdev.ErrNotExist, ENOENT}, {switchdev.ErrNoSpace, ENOSPC},
		{switchdev.ErrBusy, EBUSY}, {switchdev.ErrPermission, EPERM}, {switchdev.ErrNetDown, ENETDOWN},
		{switchdev.ErrRange, ERANGE}, {switchdev.ErrNoDevice, ENODEV}, {switchdev.ErrInvalid, EINVAL},
		{errors.ErrUnsupported, EOPNOTSUPP}, {switchdev.ErrDeviceUnavailable, ENXIO},
		{switchdev.ErrTimeout, ETIMEDOUT}, {switchdev.ErrClosed, EBADF},
	} {
		if errors.Is(err, row.sentinel) {
			return row.errno
		}
	}
	return EIO
}

// ofDevice reports whether it was a device that refused.
func ofDevice(err error) bool {
	var op *switchdev.OpError
	return errors.As(err, &op) && op.Device != ""
}
