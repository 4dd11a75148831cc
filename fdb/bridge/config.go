package bridge

import (
	"fmt"
	"log/slog"
	"reflect"
	"syscall"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// Config describes a bridge. The zero Config is a bridge without ports and
// without hardware, with the defaults named at the fields. It is copied by
// [New].
type Config struct {
	// Name is the bridge's name, which stands in listings, errors and logs;
	// "br0" if empty.
	Name string

	// MAC is the bridge's own address. Zero: the lowest address of its ports,
	// as they come and go. A group address is refused.
	MAC switchdev.MAC

	// LinkLocal says what becomes of frames to 01:80:c2:00:00:00 to :0f.
	LinkLocal LinkLocal

	// Hardware names the devices whose ports may join the bridge.
	Hardware Hardware

	// Table configures the forwarding database. Its devices, Manual, Start and
	// Logger come from here and are to be left zero there; its Name, if empty,
	// is the bridge's.
	Table fdb.Config

	// VLAN says how the bridge deals with VLANs; zero: not at all.
	VLAN VLANConfig

	// STP says who runs a spanning tree over the ports; zero: nobody.
	STP STPConfig

	// Neighbours knows the neighbours that the bridge answers for at ports with
	// switchdev.PortNeighSuppress or PortProxyARP; nil knows nobody.
	Neighbours Neighbours

	// Down makes a bridge that begins down; see [Bridge.SetUp].
	Down bool

	// Manual makes a bridge that starts no goroutine, and a table like it: the
	// program calls [Bridge.Poll], and time is what it says there.
	Manual bool

	// Start is the time at which a Manual bridge begins; zero means time.Now.
	Start time.Time

	// Logger gets refusals and transitions, never frames; nil discards them.
	Logger *slog.Logger

	// Quirks are what the bridge does as Linux does it, where that is otherwise
	// than documented here; those of its table are in Table. Unknown ones are
	// refused.
	Quirks Quirks
}

// VLANConfig says how a bridge deals with VLANs.
type VLANConfig struct {
	// Filtering makes it look at tags: what is not in a VLAN of the port that it
	// comes in by is dropped. Linux: vlan_filtering.
	Filtering bool
	// Protocol is the tag that counts: switchdev.EtherTypeVLAN, which is also the
	// default, or EtherTypeSVLAN. Linux: vlan_protocol.
	Protocol switchdev.EtherType
	// DefaultPVID is the VLAN that ports, and the bridge itself, begin in, without
	// a tag. Zero means VLAN 1 with Filtering and none without; [NoDefaultPVID]
	// means none. Linux, which has VLAN 1 in any case: vlan_default_pvid.
	DefaultPVID switchdev.VLAN
	// LocalInVLAN0 keeps own addresses in VLAN 0 only, where they count for every
	// VLAN, instead of in each VLAN of their port. Linux: fdb_local_vlan_0.
	LocalInVLAN0 bool
}

// NoDefaultPVID is what [VLANConfig.DefaultPVID] holds for none.
const NoDefaultPVID switchdev.VLAN = 0xffff

// LinkLocal says what becomes of frames to the reserved group addresses.
type LinkLocal struct {
	// Forward has a bit for each last digit of an address that is forwarded
	// like any group, instead of being given to the host alone. Bits 0 to 2
	// are refused. Linux: group_fwd_mask (net/bridge/br_input.c,
	// br_handle_frame).
	Forward uint16
	// NoLearning keeps the source addresses of the other ones from being
	// learned. Without it such a frame also teaches a station behind a locked
	// port, as in Linux. Linux: no_linklocal_learn.
	NoLearning bool
}

// Hardware names the devices of a bridge.
type Hardware struct {
	// Devices are the devices, at most 64, each with a name of its own.
	Devices []Device
	// PortFlags says which flags of a port the devices are told.
	PortFlags FlagPolicy
}

// Device is a switching device of a bridge.
type Device struct {
	// Driver is the device. It needs one of the roles switchdev.FDBOffloader
	// and, on a Manual bridge, switchdev.FDBSubmitter.
	// switchdev.PortOffloader, switchdev.BridgeOffloader and switchdev.Reporter
	// are used if they are there; that its ports are lost in a reset the bridge
	// hears from a Reporter only. Drivers are told apart by ==, so this is a
	// pointer or something else that can be compared.
	Driver switchdev.Driver
	// Domain is the forwarding domain on the device that is this bridge.
	Domain switchdev.Domain
	// TransmitForwards tells that the device, given one marked copy of a frame,
	// sends it out of every port that is to have it: see [Egress.Marked]. Floods
	// that came in elsewhere are handed to it so. It needs HardwareLearns, since
	// otherwise the device is told that no port floods. Linux: tx_fwd_offload of
	// switchdev_bridge_port_offload.
	TransmitForwards bool
	// Ages says that what the device reports as learned is its own, and that it
	// ages it: see [fdb.Device].
	Ages bool
	// Adopt makes a Reconcile of the table take rows of which that knows nothing
	// into the table: see [fdb.Device].
	Adopt bool
}

// FlagPolicy says which of a port's flags for learning and flooding the
// devices are told.
type FlagPolicy uint8

const (
	// SoftwareLearns tells devices that no port learns and none floods,
	// whatever the port's flags are. The device forwards the rows that it was
	// given and hands everything else to the host, where the bridge learns and
	// floods by the port's flags. It is the default, because a chip that
	// learns by itself forwards by its own row before software has heard of
	// it: for as long as the report takes the two disagree about where a
	// station is, and nobody can take a refused or moved station back.
	SoftwareLearns FlagPolicy = iota
	// HardwareLearns hands the port's flags to the devices as they are. What a
	// chip learned then is what it reports, late; frames that it flooded are
	// to be given to [Bridge.ForwardMarked]. What the chip has no row of it floods
	// among its own ports, also when software knows better: a station behind
	// another device, a user's dynamic entry, an own address in VLAN 0 only.
	HardwareLearns
	numFlagPolicies
)

// NoFlags is what [PortConfig.Flags] holds for a port without any flag.
const NoFlags switchdev.PortFlags = 1 << 31

// PortConfig describes a port that is to join a bridge.
type PortConfig struct {
	// ID is the port's number, not 0. It is the number by which the port's
	// device knows the port, so two devices of one bridge need numbers of
	// their own. It may be used again when the port has been removed.
	ID switchdev.PortID
	// Name is the port's name, unique in the bridge; "port" and the number if
	// empty.
	Name string
	// MAC is the port's own address, a unicast address.
	MAC switchdev.MAC
	// Driver is the device that the port belongs to, one of Config.Hardware;
	// nil for a port that is software only.
	Driver switchdev.Driver
	// Links make the port a link aggregation group: frames come in and leave by
	// their numbers. With a Driver they are ports of it.
	Links []Link
	// Flags are the port's flags; zero means switchdev.DefaultPortFlags and
	// NoFlags none.
	Flags switchdev.PortFlags
	// State is the port's state; zero means forwarding. A port that is to begin
	// disabled is added with Down.
	State switchdev.PortState
	// Down adds a port that is down, and so disabled; NoCarrier one whose link has
	// no carrier, which comes to the same until it has.
	Down, NoCarrier bool
	// Backup is the port that gets what is for stations of this one while it does
	// not run; see [Bridge.SetBackupPort]. 0: none.
	Backup switchdev.PortID
	// Tree is what the spanning tree is to know of the port.
	Tree PortTree
	// GroupForward adds to Config.LinkLocal.Forward for this port. Bit 1 is
	// refused. Linux: the port's group_fwd_mask.
	GroupForward uint16
}

// The flags that a bridge of this version keeps.
const keptFlags = switchdev.PortLearns | switchdev.PortFlood | switchdev.PortMulticastFlood |
	switchdev.PortBroadcastFlood | switchdev.PortLocked | switchdev.PortMAB | switchdev.PortHairpin |
	switchdev.PortIsolated | switchdev.PortProxyARP | switchdev.PortNeighSuppress

// The flags that SoftwareLearns keeps from the devices. A device that learns nothing
// cannot authenticate stations either.
const softwareFlags = switchdev.PortLearns | switchdev.PortFlood | switchdev.PortMulticastFlood |
	switchdev.PortBroadcastFlood | switchdev.PortMAB

func refusal(op, object, reason string, err error) error {
	return &switchdev.OpError{Op: op, Object: object, Reason: reason, Err: err}
}

// errAddress is the kernel's errno for an address that no bridge can have.
var errAddress = fmt.Errorf("%w: %w", switchdev.ErrInvalid, syscall.EADDRNOTAVAIL)

// settle fills in the defaults, or says what is wrong.
func (c *Config) settle() error {
	bad := func(field, reason string) error { return refusal("bridge.new", field, reason, switchdev.ErrInvalid) }
	switch {
	case c.MAC.IsMulticast():
		return refusal("bridge.new", "MAC", "a group address", errAddress)
	case c.LinkLocal.Forward&0b111 != 0:
		return bad("LinkLocal.Forward", "bits 0 to 2 are restricted")
	case c.Hardware.PortFlags >= numFlagPolicies:
		return bad("Hardware.PortFlags", "no such policy")
	case c.Quirks >= quirksEnd:
		return bad("Quirks", "unknown ones")
	case len(c.Table.Hardware.Devices) > 0:
		return bad("Table.Hardware.Devices", "the devices are named in Hardware")
	case c.Table.Manual || !c.Table.Start.IsZero() || c.Table.Logger != nil:
		return bad("Table", "Manual, Start and Logger are the bridge's")
	}
	if c.Name == "" {
		c.Name = "br0"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	t := &c.Table
	if t.Name == "" {
		t.Name = c.Name
	}
	t.Manual, t.Start, t.Logger = c.Manual, c.Start, c.Logger
	if err := c.settleHardware(bad); err != nil {
		return err
	}
	if err := c.VLAN.settle(); err != nil {
		return err
	}
	if err := c.STP.settle(); err != nil {
		return err
	}
	if t.Hardware.Timeout == 0 {
		t.Hardware.Timeout = fdb.DefaultTimeout
	}
	if t.Hardware.Retry == 0 {
		t.Hardware.Retry = time.Second
	}
	return nil
}

func (c *Config) settleHardware(bad func(field, reason string) error) error {
	if len(c.Hardware.Devices) > 64 {
		return bad("Hardware.Devices", "more than 64")
	}
	for _, d := range c.Hardware.Devices {
		switch {
		case d.Driver == nil:
			return bad("Hardware.Devices", "no driver")
		case !reflect.ValueOf(d.Driver).Comparable():
			return bad("Hardware.Devices", "a driver that == cannot compare: use a pointer")
		case d.TransmitForwards && c.Hardware.PortFlags != HardwareLearns:
			return bad("Hardware.Devices", "TransmitForwards needs HardwareLearns")
		}
	}
	return nil
}

// settle fills in the defaults, or says what is wrong.
func (c *VLANConfig) settle() error {
	bad := func(field, reason string) error { return refusal("bridge.new", field, reason, switchdev.ErrInvalid) }
	if c.Protocol == 0 {
		c.Protocol = switchdev.EtherTypeVLAN
	}
	if c.DefaultPVID == 0 {
		c.DefaultPVID = NoDefaultPVID
		if c.Filtering {
			c.DefaultPVID = 1
		}
	}
	switch {
	case !tagProtocol(c.Protocol):
		return bad("VLAN.Protocol", "neither 802.1Q nor 802.1ad")
	case c.DefaultPVID != NoDefaultPVID && !c.DefaultPVID.Valid():
		return bad("VLAN.DefaultPVID", "invalid vlan id")
	}
	return nil
}

// setting is what the data path begins with; the address comes later.
func (c *Config) setting() setting {
	s := setting{
		up: !c.Down, filtering: c.VLAN.Filtering, protocol: uint16(c.VLAN.Protocol), local0: c.VLAN.LocalInVLAN0,
		linkLocal: c.LinkLocal, stp: c.STP.Mode,
	}
	if c.VLAN.DefaultPVID != NoDefaultPVID {
		s.pvid = c.VLAN.DefaultPVID
	}
	s.host = first(s.pvid)
	return s
}

// settle fills in the defaults, or says what is wrong.
func (c *PortConfig) settle() error {
	object := "port " + c.ID.String()
	bad := func(reason string) error { return refusal(opAdd, object, reason, switchdev.ErrInvalid) }
	switch {
	case c.ID.IsHost():
		return bad("port 0 is the bridge itself")
	case !c.MAC.IsUnicast():
		return bad("not a unicast address")
	case !c.State.Valid():
		return bad("no such state")
	case c.Flags&NoFlags != 0 && c.Flags != NoFlags:
		return bad("NoFlags together with flags")
	case c.GroupForward&0b10 != 0:
		return bad("pause frames are never forwarded")
	case c.Backup == c.ID:
		return bad("a port is no backup of itself")
	}
	if err := c.Tree.settle(opAdd, object); err != nil {
		return err
	}
	if err := checkLinks(opAdd, c.ID, c.Links); err != nil {
		return err
	}
	switch c.Flags {
	case 0:
		c.Flags = switchdev.DefaultPortFlags
	case NoFlags:
		c.Flags = 0
	}
	if err := checkFlags(opAdd, object, c.Flags); err != nil {
		return err
	}
	if c.Name == "" {
		c.Name = "port" + c.ID.String()
	}
	return nil
}

// checkFlags refuses flags that the bridge would not keep.
func checkFlags(op, object string, f switchdev.PortFlags) error {
	const learnsLocked = switchdev.PortLocked | switchdev.PortLearns
	switch {
	case f&^keptFlags != 0:
		return refusal(op, object, "port flag is not supported", switchdev.ErrUnsupported)
	case f&switchdev.PortMAB != 0 && f&learnsLocked != learnsLocked:
		return refusal(op, object, "bridge port must be locked and have learning enabled when MAB is enabled", switchdev.ErrInvalid)
	}
	return nil
}
