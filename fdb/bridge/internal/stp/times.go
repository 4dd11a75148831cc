package stp

import (
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// What a new bridge has in Linux (br_dev_setup in net/bridge/br_device.c and
// new_nbp in net/bridge/br_if.c).
const (
	DefaultPriority     uint16 = 0x8000
	DefaultHelloTime           = 2 * time.Second
	DefaultMaxAge              = 20 * time.Second
	DefaultForwardDelay        = 15 * time.Second

	DefaultPortPriority uint8  = 0x80 >> 2
	DefaultPathCost     uint32 = 100 // of 10 Mbit/s, and where the speed is not known
)

// HoldTime is the least time between two configuration BPDUs of a port
// (BR_HOLD_TIME in net/bridge/br_private.h).
const HoldTime = time.Second

// The times that are permitted (BR_MIN_HELLO_TIME and so on in
// net/bridge/br_private.h).
const (
	MinHelloTime    = time.Second
	MaxHelloTime    = 10 * time.Second
	MinMaxAge       = 6 * time.Second
	MaxMaxAge       = 40 * time.Second
	MinForwardDelay = 2 * time.Second
	MaxForwardDelay = 30 * time.Second
)

// The limits of what is set on a port, and the highest number of one.
const (
	MaxPortPriority uint8  = 63
	MinPathCost     uint32 = 1
	MaxPathCost     uint32 = 65535

	maxNumber = 1<<numberBits - 1
)

// CheckTimes reports whether a bridge that runs the protocol may have these
// times. The error is [switchdev.ErrRange] and names the first that it may not:
//
//   - hello time: 1 s to 10 s
//   - max age: 6 s to 40 s
//   - forward delay: 2 s to 30 s
//
// These are the limits of Linux (br_set_hello_time, br_set_max_age and
// br_set_forward_delay in net/bridge/br_stp.c). It does not, and so CheckTimes does
// not, demand what IEEE 802.1D-1998, 8.10.2, demands of them together:
//
//	2 × (forward delay − 1 s) ≥ max age ≥ 2 × (hello time + 1 s)
//
// Where that does not hold a port may forward before everybody has forgotten the
// old tree, and frames circulate for a while.
func CheckTimes(hello, maxAge, forwardDelay time.Duration) error {
	for _, t := range [...]struct {
		name          string
		value, lo, hi time.Duration
	}{
		{"hello time", hello, MinHelloTime, MaxHelloTime},
		{"max age", maxAge, MinMaxAge, MaxMaxAge},
		{"forward delay", forwardDelay, MinForwardDelay, MaxForwardDelay},
	} {
		if t.value < t.lo || t.value > t.hi {
			reason := "want " + t.lo.String() + " to " + t.hi.String()
			return refusal("stp.times", t.name+" "+t.value.String(), reason, switchdev.ErrRange)
		}
	}
	return nil
}

// times are what a bridge works with.
type times struct{ hello, maxAge, forwardDelay time.Duration }

func refusal(op, object, reason string, err error) error {
	return &switchdev.OpError{Op: op, Object: object, Reason: reason, Err: err}
}

// timer is a time at which something is to be done, if it is running.
type timer struct {
	at      time.Time
	running bool
}

func (t *timer) start(at time.Time) { *t = timer{at, true} }
func (t *timer) stop()              { *t = timer{} }
