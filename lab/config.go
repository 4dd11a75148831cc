package lab

import (
	"errors"
	"log/slog"
	"time"

	"github.com/switchcore/switchcore/lab/internal/machine"
	"github.com/switchcore/switchcore/switchdev"
)

// Config says what the machine in the lab is like. The zero value is the library as it
// is, with a switch of package hwsim.
type Config struct {
	// Quirks are what a kernel does and the library does not: none by default.
	Quirks Quirks

	// Start is the time when the lab begins. The zero value is 2001-01-01 00:00 UTC.
	Start time.Time

	// NewSwitch makes the switching device that "lab switch" puts ports on. It is called
	// once, by [New], with all ports that the device will ever have, and its error is
	// New's. Nil is [NewChip].
	NewSwitch func(SwitchConfig) (Switch, error)

	// NoVLANFiltering is a kernel that was built without it: no VLANs of ports, no entries
	// in VLANs but 0, and vlan_filtering is refused.
	NoVLANFiltering bool

	// Logger receives what the bridges log. Nil discards it.
	Logger *slog.Logger
}

// Switch is a switching device under the lab: a driver and the data plane below it.
//
// The lab calls one method at a time, and none from within a call of its own that the
// device made, such as Egress. Time is virtual: a device does what is due when Poll
// tells it the time, and does not look at a clock. Its driver answers without a wait for
// anything but itself: the deadlines of calls are virtual and pass between them, so one
// that hangs stops the lab.
type Switch interface {
	// Driver is what the bridges drive, not nil. It is called once, before all other methods.
	Driver() switchdev.Driver
	// Ingress takes in a frame that came by the cable of a port. The frame is the
	// device's until the call returns.
	Ingress(port switchdev.PortID, frame []byte)
	// Transmit sends a frame of the host by a port. It reports whether the frame left.
	Transmit(port switchdev.PortID, frame []byte) bool
	// SetCarrier says that the cable of a port has a peer that is up, or has none.
	SetCarrier(port switchdev.PortID, up bool)
	// Poll does what is due at now, and returns when it is to be called next at the
	// latest: the zero time if nothing is due ever.
	Poll(now time.Time) time.Time
	// Rows are what "lab hw" prints: the rows that the device forwards by, of all
	// domains. The row of the host has port 0.
	Rows() []switchdev.FDBRow
	// Close ends the device. Nothing is called afterwards.
	Close() error
}

// SwitchConfig is what a [Switch] is made from.
type SwitchConfig struct {
	Name  string // as in "lab hw": "sw1"
	Ports []SwitchPort
	Start time.Time // the time at that moment

	// Egress takes a frame that leaves by the cable of a port. It may be called from
	// within Ingress, Transmit and Poll and from the driver's methods, and copies the frame.
	Egress func(port switchdev.PortID, frame []byte)
	// Trap takes a frame for the host, with the port that it came in by. Forwarded says
	// that the device has sent it to the other ports by itself, so that software does not.
	// It may be called as Egress may, and copies the frame.
	Trap func(port switchdev.PortID, frame []byte, forwarded bool)

	// Rocker says that [Rocker] is among the quirks. Who has no such ways ignores it.
	Rocker bool

	// Logger is that of the [Config]; nil discards what is logged.
	Logger *slog.Logger
}

// SwitchPort is a port that a [Switch] has.
type SwitchPort struct {
	ID   switchdev.PortID // from 1
	Name string           // "s1"
	MAC  switchdev.MAC
}

// machine is the configuration of the kernel's side.
func (c Config) machine() machine.Config {
	out := machine.Config{
		Start:           c.Start,
		FDB:             c.Quirks.fdb(),
		Bridge:          c.Quirks.bridge(),
		Netlink:         c.Quirks.netlink(),
		Rocker:          c.Quirks&Rocker != 0,
		NoVLANFiltering: c.NoVLANFiltering,
		Logger:          c.Logger,
	}
	if c.NewSwitch != nil {
		out.Switch = c.newSwitch
	}
	return out
}

// newSwitch makes the user's switch as the machine wants it.
func (c Config) newSwitch(mc machine.SwitchConfig) (machine.Switch, error) {
	sc := SwitchConfig{
		Name: mc.Name, Start: mc.Start, Rocker: mc.Rocker, Logger: mc.Logger,
		Egress: mc.Egress, Trap: mc.Trap,
	}
	for _, p := range mc.Ports {
		sc.Ports = append(sc.Ports, SwitchPort(p))
	}
	sw, err := c.NewSwitch(sc)
	if err != nil {
		return nil, err
	}
	refuse := func(reason string) error {
		return &switchdev.OpError{Op: "new", Object: "switch " + sc.Name, Reason: reason, Err: switchdev.ErrInvalid}
	}
	if sw == nil {
		return nil, refuse("NewSwitch made no switch")
	}
	driver := sw.Driver()
	if driver == nil {
		return nil, errors.Join(refuse("it has no driver"), sw.Close())
	}
	return custom{sw, driver}, nil
}

// custom is a user's switch under the machine.
type custom struct {
	Switch
	driver switchdev.Driver
}

// Driver implements machine.Switch: the user's is asked once.
func (c custom) Driver() switchdev.Driver { return c.driver }

// Rows implements machine.Switch.
func (c custom) Rows() []machine.SwitchRow {
	rows := c.Switch.Rows()
	out := make([]machine.SwitchRow, len(rows))
	for i, r := range rows {
		out[i].FDBRow = r
	}
	return out
}
