package switchdev

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"
)

var sentinels = []struct {
	err   error
	name  string
	errno syscall.Errno
	std   error
}{
	{ErrExist, "ErrExist", syscall.EEXIST, fs.ErrExist},
	{ErrNotExist, "ErrNotExist", syscall.ENOENT, fs.ErrNotExist},
	{ErrNoSpace, "ErrNoSpace", syscall.ENOSPC, nil},
	{ErrBusy, "ErrBusy", syscall.EBUSY, nil},
	{ErrInvalid, "ErrInvalid", syscall.EINVAL, fs.ErrInvalid},
	{ErrPermission, "ErrPermission", syscall.EPERM, fs.ErrPermission},
	{ErrUnsupported, "ErrUnsupported", syscall.EOPNOTSUPP, errors.ErrUnsupported},
	{ErrOverrun, "ErrOverrun", syscall.ENOBUFS, nil},
	{ErrClosed, "ErrClosed", syscall.EBADF, os.ErrClosed},
	{ErrDeviceUnavailable, "ErrDeviceUnavailable", syscall.ENXIO, nil},
	{ErrOutcomeUnknown, "ErrOutcomeUnknown", syscall.EIO, nil},
	{ErrDeadlock, "ErrDeadlock", syscall.EDEADLK, nil},
	{ErrTimeout, "ErrTimeout", syscall.ETIMEDOUT, nil},
	{ErrNetDown, "ErrNetDown", syscall.ENETDOWN, nil},
	{ErrRange, "ErrRange", syscall.ERANGE, nil},
	{ErrNoDevice, "ErrNoDevice", syscall.ENODEV, nil},
	{ErrPortGone, "ErrPortGone", syscall.ENODEV, nil},
}

// TestSentinelsMatchErrnoAndStandardLibrary holds on every platform, also where
// the errno values are invented (windows) or know fewer sentinels (wasip1).
func TestSentinelsMatchErrnoAndStandardLibrary(t *testing.T) {
	stds := []error{fs.ErrExist, fs.ErrNotExist, fs.ErrInvalid, fs.ErrPermission, fs.ErrClosed, errors.ErrUnsupported, context.Canceled}
	for _, tt := range sentinels {
		for _, err := range []error{tt.err, &OpError{Op: "op", Err: tt.err}, fmt.Errorf("wrapped: %w", tt.err)} {
			if !errors.Is(err, tt.err) || !errors.Is(err, tt.errno) {
				t.Errorf("%s: %v is not %v", tt.name, err, tt.errno)
			}
			var errno syscall.Errno
			if !errors.As(err, &errno) || errno != tt.errno {
				t.Errorf("%s: errors.As gives %v, want %v", tt.name, errno, tt.errno)
			}
			for _, std := range stds {
				if errors.Is(err, std) != (std == tt.std) {
					t.Errorf("%s: errors.Is(%v, %v) = %v", tt.name, err, std, std != tt.std)
				}
			}
		}
	}
}

func TestSentinelsAreDistinct(t *testing.T) {
	texts := map[string]string{}
	for i, a := range sentinels {
		if other, dup := texts[a.err.Error()]; dup {
			t.Errorf("%s and %s have one text", a.name, other)
		}
		texts[a.err.Error()] = a.name
		for j, b := range sentinels {
			want := i == j || a.err == ErrPortGone && b.err == ErrNoDevice
			if errors.Is(a.err, b.err) != want {
				t.Errorf("errors.Is(%s, %s) = %v", a.name, b.name, !want)
			}
		}
	}
}

func TestOpErrorOrderOfParts(t *testing.T) {
	tests := []struct {
		err  OpError
		want string
	}{
		{OpError{Op: "fdb.add", Device: "sw0", Object: "00:1b:21:00:00:01 vlan 10", Reason: "table full", Err: ErrNoSpace},
			"fdb.add sw0 00:1b:21:00:00:01 vlan 10: table full: no space left"},
		{OpError{Op: "fdb.add", Object: "00:1b:21:00:00:01", Err: ErrExist}, "fdb.add 00:1b:21:00:00:01: already exists"},
		{OpError{Op: "fdb.flush", Device: "sw0", Err: ErrOutcomeUnknown}, "fdb.flush sw0: outcome unknown"},
		{OpError{Reason: "invalid vlan id", Err: ErrInvalid}, "invalid vlan id: invalid argument"},
		{OpError{Err: ErrClosed}, "already closed"},
		{OpError{Op: "op"}, "op"},
		{OpError{}, ""},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("Error = %q, want %q", got, tt.want)
		}
	}
}

func TestOpErrorKeepsEveryJoinedCause(t *testing.T) {
	err := &OpError{Op: "fdb.replace", Err: errors.Join(ErrOutcomeUnknown, &OpError{Device: "sw1", Err: ErrTimeout})}
	for _, want := range []error{ErrOutcomeUnknown, ErrTimeout, syscall.EIO, syscall.ETIMEDOUT} {
		if !errors.Is(err, want) {
			t.Errorf("%v is not %v", err, want)
		}
	}
}

func TestOpErrorTimeout(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{ErrTimeout, true},
		{context.DeadlineExceeded, true},
		{syscall.ETIMEDOUT, true},
		{ErrExist, false},
		{errors.New("refused"), false},
		{nil, false},
	} {
		if got := (&OpError{Op: "op", Err: tt.err}).Timeout(); got != tt.want {
			t.Errorf("Timeout of %v = %v", tt.err, got)
		}
	}
}

func TestParseErrorShortensLongInput(t *testing.T) {
	err := &ParseError{What: "vlan", Input: string(make([]byte, 1<<20)), Reason: vlanReason}
	if n := len(err.Error()); n > 400 {
		t.Errorf("message of %d bytes", n)
	}
}
