//go:build !linux

package live

import (
	"errors"
	"fmt"
)

// Kernel is the running kernel; only Linux has one.
type Kernel struct{}

// New fails: the running kernel is no Linux. The error matches
// errors.ErrUnsupported.
func New(Config) (*Kernel, error) {
	return nil, fmt.Errorf("live: no Linux: %w", errors.ErrUnsupported)
}

// Exec fails.
func (*Kernel) Exec(line string) ([]string, error) { return nil, &Unsupported{line, "no Linux"} }

// Dump returns nothing.
func (*Kernel) Dump() ([]string, error) { return nil, errors.ErrUnsupported }

// VLANs returns nothing.
func (*Kernel) VLANs() ([]string, error) { return nil, errors.ErrUnsupported }

// VLANFiltering is false.
func (*Kernel) VLANFiltering() bool { return false }

// Release returns nothing.
func (*Kernel) Release() (string, error) { return "", errors.ErrUnsupported }

// Events returns nothing.
func (*Kernel) Events() []string { return nil }

// Close does nothing.
func (*Kernel) Close() error { return nil }
