package switchdev

import "context"

// PortState is the spanning tree state of a port. The numbers are those of
// Linux (include/uapi/linux/if_bridge.h).
type PortState uint8

// The states of a port. The zero value is PortDisabled, as in Linux.
const (
	PortDisabled PortState = iota
	PortListening
	PortLearning
	PortForwarding
	PortBlocking
	numPortStates
)

var portStateNames = [numPortStates]string{"disabled", "listening", "learning", "forwarding", "blocking"}

// String returns the state's name as iproute2 prints it.
func (s PortState) String() string {
	if s < numPortStates {
		return portStateNames[s]
	}
	return "state(" + itoa(uint64(s)) + ")"
}

// Valid reports whether s is one of the five states. Linux answers EINVAL for
// any other.
func (s PortState) Valid() bool { return s < numPortStates }

// Learns reports whether a port in this state learns stations from frames.
func (s PortState) Learns() bool { return s == PortLearning || s == PortForwarding }

// PortFlags are the switches of a bridge port that hardware may take over.
type PortFlags uint32

// The flags of a port, named as in bridge(8). A port that is new to a bridge
// has [DefaultPortFlags].
const (
	PortLearns         PortFlags = 1 << iota // learning: stations are learned from its frames
	PortFlood                                // flood: unknown unicast goes out
	PortMulticastFlood                       // mcast_flood: unknown multicast goes out
	PortBroadcastFlood                       // bcast_flood: broadcast goes out
	PortLocked                               // locked: only known stations may send
	PortMAB                                  // mab: stations seen on a locked port become locked entries
	PortHairpin                              // hairpin: frames may leave where they came in
	PortIsolated                             // isolated: no traffic to other isolated ports
	PortProxyARP                             // proxy_arp: ARP of the port is answered for others, and no flood goes out
	PortNeighSuppress                        // neigh_suppress: ARP and ND for known neighbours are not flooded

	// DefaultPortFlags is what Linux gives a new port: BR_LEARNING,
	// BR_FLOOD, BR_MCAST_FLOOD and BR_BCAST_FLOOD (net/bridge/br_if.c, new_nbp).
	DefaultPortFlags = PortLearns | PortFlood | PortMulticastFlood | PortBroadcastFlood
)

// PortVerb is what a [PortOp] does.
type PortVerb uint8

// The verbs of a port operation.
const (
	// PortJoin makes the port a member of the domain: from now on its frames
	// are forwarded among the domain's ports. A port is in at most one domain;
	// joining a second is refused with ErrBusy, joining the same one again
	// changes its attributes. A port that the device does not have answers
	// ErrNoDevice, one that is a link of a LAG ErrBusy, and a domain more than
	// it can have ErrNoSpace.
	PortJoin PortVerb = iota + 1
	// PortLeave ends the membership. When it has succeeded no row, VLAN or
	// attribute of the port is left in the device. Rows with FDBLocal are the
	// bridge's and not the port's: they stay until they are deleted. Leaving
	// what the port is not a member of succeeds.
	PortLeave
	// PortSet changes the attributes named in Set. A port that is not a member
	// of the domain may be refused with ErrNotExist.
	PortSet
)

// PortAttr names attributes of a port, as a set.
type PortAttr uint8

// The attributes of a port.
const (
	PortAttrState PortAttr = 1 << iota
	PortAttrFlags
	PortAttrUp
)

// PortOp is one change of a port.
type PortOp struct {
	Op
	Verb PortVerb
	Port PortID
	// Set names which of the following a PortSet changes. A PortJoin takes all
	// of them; flags that FlagMask does not name are those of
	// DefaultPortFlags then.
	Set PortAttr
	// State is the spanning tree state.
	State PortState
	// Flags holds the new values of the flags named in FlagMask.
	Flags, FlagMask PortFlags
	// Up is the administrative state.
	Up bool
}

// PortOffloader is the role of devices whose ports can be members of a bridge.
// Linux: SWITCHDEV_BRPORT_OFFLOADED and the port attributes of
// switchdev_port_attr_set (net/switchdev/switchdev.c).
//
// A number may leave and come back as another port. A device that keeps Op.Gen of
// the last PortJoin that it executed for a member puts it into what it reports of
// that member, see [Report].
type PortOffloader interface {
	// CheckPorts answers each operation as [PortOffloader.ApplyPorts] would,
	// as far as that can be known beforehand, and changes nothing. It is quick
	// and touches no hardware. Linux: SWITCHDEV_ATTR_ID_PORT_PRE_BRIDGE_FLAGS.
	CheckPorts(ctx context.Context, ops []PortOp, results []Result)

	// ApplyPorts executes a batch by the package's rules for batches.
	ApplyPorts(ctx context.Context, ops []PortOp, results []Result)
}

// PortInfo describes a port of a device.
type PortInfo struct {
	// ID is unique on the device and not 0.
	ID PortID
	// Name is what people call it, for instance "p1".
	Name string
	// MAC is the port's own address.
	MAC MAC
	// Carrier tells whether the link is up.
	Carrier bool
}

// PortLister is the role of devices that can tell which ports they have.
type PortLister interface {
	// Ports returns the physical ports of the device, ordered by ID. The slice
	// is the caller's.
	Ports(ctx context.Context) ([]PortInfo, error)
}
