//go:build !linux

package peer

import "errors"

// ErrNoTAP is what NewTAPs returns here.
var ErrNoTAP = errors.New("no TAP interfaces: this is not Linux")

// TAP is a TAP interface, of which there is none here.
type TAP struct{ Name string }

// TAPs are TAP interfaces, of which there are none here.
type TAPs struct{ Ports []*TAP }

// NewTAPs returns ErrNoTAP.
func NewTAPs(int, bool) (*TAPs, error) { return nil, ErrNoTAP }

// Send does nothing.
func (*TAP) Send([]byte) error { return ErrNoTAP }

// Read does nothing.
func (*TAP) Read([]byte) (int, error) { return 0, ErrNoTAP }

// Write does nothing.
func (*TAP) Write([]byte) error { return ErrNoTAP }

// Drain does nothing.
func (*TAP) Drain([]byte) {}

// Received does nothing.
func (*TAP) Received() (uint64, error) { return 0, ErrNoTAP }

// Close does nothing.
func (*TAPs) Close() {}
