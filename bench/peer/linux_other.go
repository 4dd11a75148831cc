//go:build !linux

package peer

import "errors"

// ErrNoBridge is what NewLinuxBridge returns here.
var ErrNoBridge = errors.New("no kernel bridge: this is not Linux")

// LinuxBridge is a bridge of the Linux kernel, of which there is none here.
type LinuxBridge struct{}

// NewLinuxBridge returns ErrNoBridge.
func NewLinuxBridge() (*LinuxBridge, error) { return nil, ErrNoBridge }

// Add does nothing.
func (*LinuxBridge) Add(uint64, uint64) error { return ErrNoBridge }

// Dump does nothing.
func (*LinuxBridge) Dump() (int, error) { return 0, ErrNoBridge }

// Close does nothing.
func (*LinuxBridge) Close() {}

// Batch is how many entries are put into one write to the socket.
const Batch = 256
