package machine

import (
	"log/slog"
	"strings"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// Quirks are what a kernel says at the level of netlink that the newest one does
// not.
type Quirks uint8

const (
	// SelfEcho: after an entry of a bridge was made or deleted by a request to the
	// bridge device with NTF_SELF, one more notification follows, with the flag self
	// and without master and VLAN. Linux to 6.x: net/core/rtnetlink.c, rtnl_fdb_add
	// and rtnl_fdb_del, rtnl_fdb_notify.
	SelfEcho Quirks = 1 << iota
	// Texts61: refusals have the numbers and texts of Linux 6.1 where the newest has
	// others: VLAN 0 or 4095 of a flush is EINVAL "invalid vlan id", not ERANGE
	// "integer out of range" (net/core/rtnetlink.c, fdb_vid_parse against
	// fdb_del_bulk_policy), a refused move to a namespace has no text, and a device
	// that is up cannot be renamed (net/core/dev.c, dev_change_name).
	Texts61
)

// String returns the names of the quirks with commas between; of none "".
func (q Quirks) String() string {
	var names []string
	if q&SelfEcho != 0 {
		names = append(names, "self-echo")
	}
	if q&Texts61 != 0 {
		names = append(names, "texts-6.1")
	}
	return strings.Join(names, ",")
}

// Config describes a machine. The zero Config is one without defects, with
// switches of package hwsim.
type Config struct {
	// Start is the time at which the machine begins; zero means the first second of
	// 2001, UTC.
	Start time.Time
	// FDB and Bridge are the defects of the kernel's bridges.
	FDB    fdb.Quirks
	Bridge bridge.Quirks
	// Netlink are those of its answers.
	Netlink Quirks
	// Rocker makes switches with the ways of the kernel's driver rocker.
	Rocker bool
	// NoVLANFiltering makes a kernel that was built without
	// CONFIG_BRIDGE_VLAN_FILTERING: bridges have no VLAN 1, and everything about
	// VLANs is refused as that kernel does.
	NoVLANFiltering bool
	// Switch makes a switch; nil means one of package hwsim.
	Switch func(SwitchConfig) (Switch, error)
	// Logger gets what bridges and switches log; nil discards it.
	Logger *slog.Logger
}

// Switch is a switching device under the machine: its driver and its data plane.
// It does nothing by itself: the machine calls, one call at a time, and Egress and
// Trap of its SwitchConfig may be called from inside Ingress, Transmit and Poll.
type Switch interface {
	// Driver returns the driver, which the bridges use.
	Driver() switchdev.Driver
	// Ingress tells that a frame came in from the cable of a port.
	Ingress(port switchdev.PortID, frame []byte)
	// Transmit sends a frame of the host out of a port, and reports whether it went.
	Transmit(port switchdev.PortID, frame []byte) bool
	// SetCarrier tells that the cable of a port has a live other end, or lost it.
	SetCarrier(port switchdev.PortID, up bool)
	// Poll does what is due at now, and returns when there is more; zero for never.
	Poll(now time.Time) time.Time
	// Rows returns the device's own forwarding table.
	Rows() []SwitchRow
	// Close ends the device.
	Close() error
}

// SwitchRow is a row of a switch's own forwarding table.
type SwitchRow struct {
	Domain switchdev.Domain
	switchdev.FDBRow
}

// SwitchPort is a port of a switch.
type SwitchPort struct {
	ID   switchdev.PortID
	Name string
	MAC  switchdev.MAC
}

// SwitchConfig describes a switch that the machine asks for.
type SwitchConfig struct {
	// Name is the switch's name, such as "sw1".
	Name string
	// Ports are its ports.
	Ports []SwitchPort
	// Egress takes a frame that leaves by a port's cable; it must not be kept.
	Egress func(port switchdev.PortID, frame []byte)
	// Trap takes a frame that goes to the host, which the device has forwarded to
	// its other ports already or not; it must not be kept.
	Trap func(port switchdev.PortID, frame []byte, forwarded bool)
	// Start is the machine's time.
	Start time.Time
	// Rocker asks for the ways of the kernel's driver rocker.
	Rocker bool
	// Logger gets what the switch logs; may be nil.
	Logger *slog.Logger
}
