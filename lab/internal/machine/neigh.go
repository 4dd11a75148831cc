package machine

import "github.com/switchcore/switchcore/switchdev"

// NUD is the state of an entry in a message. Linux: ndm_state
// (include/uapi/linux/neighbour.h).
type NUD uint16

// The states, with the kernel's bits. iproute2 sends "static" as NoARP|Reachable,
// "dynamic" as Reachable, "local" and "permanent" as Permanent|NoARP, and no word at all
// as Permanent.
const (
	None       NUD = 0
	Incomplete NUD = 0x01
	Reachable  NUD = 0x02
	Stale      NUD = 0x04
	Delay      NUD = 0x08
	Probe      NUD = 0x10
	Failed     NUD = 0x20
	NoARP      NUD = 0x40
	Permanent  NUD = 0x80
)

// NTF are the flags of an entry in a message. Linux: ndm_flags
// (include/uapi/linux/neighbour.h) and, from bit 8 on, NDA_FLAGS_EXT.
type NTF uint16

// The flags, with the kernel's bits.
const (
	Use          NTF = 0x01
	Self         NTF = 0x02
	Master       NTF = 0x04
	Proxy        NTF = 0x08
	ExtLearned   NTF = 0x10
	Offloaded    NTF = 0x20
	Sticky       NTF = 0x40
	Router       NTF = 0x80
	Managed      NTF = 0x100
	Locked       NTF = 0x200
	ExtValidated NTF = 0x400
)

// Create are the flags of a request that makes something. Linux: nlmsg_flags
// (include/uapi/linux/netlink.h).
type Create uint16

// The flags, with the kernel's bits. "add" is MakeNew|Exclusive, "replace"
// MakeNew|Replace, "append" MakeNew|Append.
const (
	Replace   Create = 0x100 // NLM_F_REPLACE
	Exclusive Create = 0x200 // NLM_F_EXCL
	MakeNew   Create = 0x400 // NLM_F_CREATE
	Append    Create = 0x800 // NLM_F_APPEND
)

// Neigh is an entry in a request, as struct ndmsg and its attributes carry it. Without
// any flag the bridge of a port is asked, as with Master; the tool sends Self then.
type Neigh struct {
	// NS and Dev name the device.
	NS, Dev string
	// MAC is NDA_LLADDR.
	MAC switchdev.MAC
	// State and Flags are the raw ones.
	State NUD
	Flags NTF
	// VLAN is the raw number of NDA_VLAN, if HasVLAN is set.
	VLAN    uint16
	HasVLAN bool
}

// Flush is RTM_DELNEIGH with NLM_F_BULK, "bridge fdb flush".
type Flush struct {
	// NS and Dev name the device.
	NS, Dev string
	// Target has Self or Master or both. Without any flag, those of Flags included, the
	// bridge of a port is asked, as with Master; the tool sends Self then.
	Target NTF
	// BrPort names the port whose entries go; empty for all. It may be the bridge
	// itself, whose entries are those without a port.
	BrPort string
	// VLAN is the raw number of NDA_VLAN, if HasVLAN is set.
	VLAN    uint16
	HasVLAN bool
	// State holds what the states of an entry that are named in StateMask have to
	// be (NDA_NDM_STATE_MASK), Flags and FlagMask likewise (NDA_NDM_FLAGS_MASK).
	State, StateMask NUD
	Flags, FlagMask  NTF
}

// Query is RTM_GETNEIGH of one entry, "bridge fdb get".
type Query struct {
	// NS is the namespace; Dev is the device ("dev"), Bridge the bridge ("br"), each
	// of them empty if not given.
	NS, Dev, Bridge string
	MAC             switchdev.MAC
	// Flags has Self or Master or neither.
	Flags NTF
	// VLAN is the raw number of NDA_VLAN, if HasVLAN is set.
	VLAN    uint16
	HasVLAN bool
}

// VLANRange is the VLANs of a request, "bridge vlan add" and "bridge vlan del".
type VLANRange struct {
	// NS and Dev name the device.
	NS, Dev string
	// First and Last are raw numbers; Last 0 means First alone.
	First, Last uint16
	// Flags are what the device is in the VLANs.
	Flags switchdev.VLANFlags
	// Self asks the device itself, Master its bridge. Neither means Master, as for
	// the tool.
	Self, Master bool
}

// Copy is a frame that a station, or the host of a bridge, received.
type Copy struct {
	// NS and Dev name the device that received it.
	NS, Dev string
	// Frame is the frame, which belongs to the caller.
	Frame []byte
}

// Row is a row of a switch's own table, as "lab hw" prints it.
type Row struct {
	// Domain is the forwarding domain, one for each bridge.
	Domain switchdev.Domain
	VLAN   switchdev.VLAN
	MAC    switchdev.MAC
	// Port is the name of the port, as it is now, or "cpu" for the host.
	Port string
}
