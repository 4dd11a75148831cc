package tool

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/switchcore/switchcore/lab/internal/machine"
	"github.com/switchcore/switchcore/switchdev"
)

// NotSupported says that a line is not in the lab's language. Nothing was done.
type NotSupported struct {
	Line   string // the line
	Word   string // the word that is not understood; may be empty
	Reason string // why
}

// Error returns the line, the word and the reason.
func (e *NotSupported) Error() string {
	if e.Word == "" {
		return fmt.Sprintf("%s: %s", e.Line, e.Reason)
	}
	return fmt.Sprintf("%s: %q: %s", e.Line, e.Word, e.Reason)
}

// Unwrap returns errors.ErrUnsupported.
func (e *NotSupported) Unwrap() error { return errors.ErrUnsupported }

// mistake is what a tool says about a command that it does not even send.
type mistake string

// Error implements error.
func (m mistake) Error() string { return string(m) }

// refusal returns the line that iproute2 prints for the kernel's refusal of a request
// (lib/libnetlink.c, nl_dump_ext_ack and rtnl_talk_error); false if err is none.
func refusal(err error) (string, bool) {
	var kernel *machine.Error
	switch {
	case errors.As(err, &kernel) && kernel.Text != "":
		return "Error: " + kernel.Text + ".", true
	case errors.As(err, &kernel):
		return "RTNETLINK answers: " + strerror(kernel), true
	}
	return "", false
}

// strerror returns the C library's text for an error: that of its Linux number, on
// every platform.
func strerror(err error) string {
	var number machine.Errno
	if errors.As(err, &number) {
		return number.Error()
	}
	for _, c := range conditions {
		if errors.Is(err, c.err) {
			return c.number.Error()
		}
	}
	return err.Error()
}

// conditions are errors that are no machine.Errno. The sentinels come first: they wrap
// errnos of the platform, and two of those may be one number there.
var conditions = [...]struct {
	err    error
	number machine.Errno
}{
	{switchdev.ErrExist, machine.EEXIST},
	{switchdev.ErrNotExist, machine.ENOENT},
	{switchdev.ErrNoSpace, machine.ENOSPC},
	{switchdev.ErrBusy, machine.EBUSY},
	{switchdev.ErrInvalid, machine.EINVAL},
	{switchdev.ErrPermission, machine.EPERM},
	{switchdev.ErrUnsupported, machine.EOPNOTSUPP},
	{errors.ErrUnsupported, machine.EOPNOTSUPP},
	{switchdev.ErrOverrun, machine.ENOBUFS},
	{switchdev.ErrClosed, machine.EBADF},
	{switchdev.ErrDeviceUnavailable, machine.ENXIO},
	{switchdev.ErrOutcomeUnknown, machine.EIO},
	{switchdev.ErrTimeout, machine.ETIMEDOUT},
	{switchdev.ErrNetDown, machine.ENETDOWN},
	{switchdev.ErrRange, machine.ERANGE},
	{switchdev.ErrNoDevice, machine.ENODEV},
	{syscall.ENOMEM, machine.ENOMEM},
	{syscall.ELOOP, machine.ELOOP},
	{syscall.EADDRNOTAVAIL, machine.EADDRNOTAVAIL},
}
