package machine

import "github.com/switchcore/switchcore/switchdev"

// Kind is the kind of a network device.
type Kind uint8

// The kinds.
const (
	Loopback Kind = iota
	Veth
	BridgeDevice
	SwitchDevice // a port of a switch
	Host         // the station at the other end of a switch port's cable
)

// String returns the word of ip(8) for the kind, such as "veth".
func (k Kind) String() string {
	switch k {
	case Loopback:
		return "loopback"
	case Veth, Host:
		return "veth"
	case BridgeDevice:
		return "bridge"
	case SwitchDevice:
		return "rocker"
	}
	return "unknown"
}

// Link is a network device as it is now.
type Link struct {
	// Index is its number, 1 for lo.
	Index int
	// Name is its name in its namespace NS; "" is the initial one.
	Name, NS string
	// Kind is what it is.
	Kind Kind
	// MAC is its address, MTU the largest payload.
	MAC switchdev.MAC
	MTU int
	// Up is the administrative state, Carrier that of the cable.
	Up, Carrier bool
	// Promisc tells that a user made it promiscuous.
	Promisc bool
	// Master is the name of the bridge that it belongs to; empty if none.
	Master string
	// Peer is the name of the other end of its cable; empty if there is none.
	Peer string
}

// LinkChange is what a request asks of a device, as RTM_NEWLINK carries it; nil
// leaves a thing as it is. The kernel's order holds: namespace, address, MTU, name,
// flags, master (net/core/rtnetlink.c, do_setlink), and the first refusal ends it.
type LinkChange struct {
	NS      *string
	MAC     *switchdev.MAC
	MTU     *int
	Name    *string
	Up      *bool
	Promisc *bool
	Master  *string // "" is nomaster
}

// BridgeChange is what a request asks of a bridge, "type bridge ..."; nil leaves a
// thing as it is. The order is that of net/bridge/br_netlink.c, br_changelink, and the
// first refusal ends it. Times are in hundredths of a second.
type BridgeChange struct {
	ForwardDelay, HelloTime, MaxAge *uint32
	AgeingTime                      *uint32
	STPState                        *uint32
	Priority                        *uint16
	VLANFiltering                   *bool
	VLANProtocol                    *uint16 // 0x8100 or 0x88a8
	GroupForward                    *uint16
	FDBFlush                        bool
	DefaultPVID                     *uint16
	MulticastSnooping               *bool // accepted, not modelled
	FDBMaxLearned                   *uint32
	FDBLearned                      *uint32 // the count, which nobody can write
	NoLinkLocalLearn                *bool
	FDBLocalVLAN0                   *bool
}

// PortChange is what a request asks of a bridge port, "bridge link set" or "type
// bridge_slave". The order is that of net/bridge/br_netlink.c, br_setport, and the first
// refusal ends it.
type PortChange struct {
	// Flags holds what the flags named in Mask are to be.
	Flags, Mask switchdev.PortFlags
	// State is a spanning tree state, 0 to 4, else EINVAL.
	State *uint8
	// Cost and Priority are what the spanning tree weighs the port by.
	Cost     *uint32
	Priority *uint16
	// FDBFlush removes what was learned on the port.
	FDBFlush bool
	// BackupPort is the name of the backup port, "" for none.
	BackupPort *string
	// GroupForward is the port's group_fwd_mask.
	GroupForward *uint16
	// Self asks the device and Master its bridge; neither is Master.
	Self, Master bool
	// Link says that the request is one about the link ("type bridge_slave"), after
	// which the kernel tells everybody of a change of the device, so that the bridge
	// looks at its carrier.
	Link bool
}

// Port is what a bridge says of one of its ports.
type Port struct {
	// Name is that of the device, Bridge that of its bridge.
	Name, Bridge string
	Flags        switchdev.PortFlags
	State        switchdev.PortState
	Up, Carrier  bool
	Cost         int
	Priority     int
	Backup       string
	GroupForward uint16
}
