package fdb

import (
	"github.com/switchcore/switchcore/internal/offload"
	"github.com/switchcore/switchcore/switchdev"
)

// BreakerState is the state of a device's circuit breaker; see Hardware.Breaker.
type BreakerState uint8

// The states of a breaker.
const (
	// BreakerClosed: operations are handed to the device and waited for.
	BreakerClosed BreakerState = iota
	// BreakerHalfOpen: the device has returned after its breaker opened.
	// Operations are tried again; a call that returns in time closes the
	// breaker, the next operation without an answer opens it.
	BreakerHalfOpen
	// BreakerOpen: the device does not answer. User operations that need it are
	// refused at once with [switchdev.ErrDeviceUnavailable], or made in software
	// where Hardware.Vetoed says so.
	BreakerOpen
)

// String returns "closed", "half-open" or "open".
func (s BreakerState) String() string {
	switch s {
	case BreakerClosed:
		return "closed"
	case BreakerHalfOpen:
		return "half-open"
	case BreakerOpen:
		return "open"
	}
	return "breaker?"
}

// DeviceStatus says how a device of a table is.
type DeviceStatus struct {
	// Name is the driver's name.
	Name string
	// Epoch is the device's epoch as the table knows it.
	Epoch switchdev.Epoch
	// Breaker is the state of its circuit breaker.
	Breaker BreakerState
	// Rows is how many rows the device is believed to hold.
	Rows int
	// Queued is how many keys wait to be handed to it, InFlight how many the
	// call carries that it has not returned from.
	Queued, InFlight int
	// Failed is how many rows it refused and will be offered again.
	Failed int
}

// Devices says how each device is, in the order of Hardware.Devices. Anybody may
// call it; it waits for the commit slot, which nobody holds for long.
func (t *Table) Devices() []DeviceStatus {
	<-t.slot
	defer t.unlock()
	list := make([]DeviceStatus, len(t.devs))
	for i, d := range t.devs {
		s := t.devices.Device(i)
		_, epoch := t.devices.Mark(i)
		list[i] = DeviceStatus{
			Name: d.name, Epoch: epoch, Breaker: breakerOf[s.Breaker],
			Rows: s.Rows, Queued: s.Queued, InFlight: s.InFlight, Failed: s.Failed,
		}
	}
	return list
}

var breakerOf = [...]BreakerState{
	offload.Closed: BreakerClosed, offload.HalfOpen: BreakerHalfOpen, offload.Open: BreakerOpen,
}
