package switchdev

import (
	"context"
	"time"
)

// EtherType is the type field of an Ethernet frame, in host byte order.
type EtherType uint16

// The EtherTypes that a bridge itself looks at.
const (
	EtherTypeIPv4  EtherType = 0x0800
	EtherTypeARP   EtherType = 0x0806
	EtherTypeVLAN  EtherType = 0x8100 // IEEE 802.1Q customer tag
	EtherTypeIPv6  EtherType = 0x86dd
	EtherTypeMPLS  EtherType = 0x8847
	EtherTypeSVLAN EtherType = 0x88a8 // IEEE 802.1ad service tag
)

// BridgeAttr names attributes of a bridge, as a set.
type BridgeAttr uint8

// The attributes of a bridge.
const (
	BridgeAttrAgeing BridgeAttr = 1 << iota
	BridgeAttrFiltering
	BridgeAttrProtocol
)

// BridgeOp is one change of a bridge, that is of the operation's domain.
type BridgeOp struct {
	Op
	// Set names which of the following change.
	Set BridgeAttr
	// Ageing is how long a learned row lives without being refreshed. Zero
	// means that nothing is learned, as in Linux. Outside the device's
	// [Limits] the answer is ErrRange.
	Ageing time.Duration
	// Filtering turns VLAN filtering on or off.
	Filtering bool
	// Protocol is the tag that counts as a VLAN tag: EtherTypeVLAN or
	// EtherTypeSVLAN.
	Protocol EtherType
}

// BridgeOffloader is the role of devices that take over attributes of a bridge.
// Linux: SWITCHDEV_ATTR_ID_BRIDGE_AGEING_TIME, …_VLAN_FILTERING and
// …_VLAN_PROTOCOL.
type BridgeOffloader interface {
	// CheckBridge answers as ApplyBridge would, as far as that can be known
	// beforehand, and changes nothing.
	CheckBridge(ctx context.Context, ops []BridgeOp, results []Result)

	// ApplyBridge executes a batch, also for a domain that has no member yet,
	// by the package's rules for batches.
	ApplyBridge(ctx context.Context, ops []BridgeOp, results []Result)
}

// VLANFlags say how a port is a member of a VLAN.
type VLANFlags uint8

// The flags of a membership (include/uapi/linux/if_bridge.h,
// BRIDGE_VLAN_INFO_PVID and …_UNTAGGED).
const (
	VLANPVID     VLANFlags = 1 << iota // untagged frames that come in belong to this VLAN
	VLANUntagged                       // frames of this VLAN go out without a tag
)

// VLANVerb is what a [VLANOp] does.
type VLANVerb uint8

// The verbs of a VLAN operation.
const (
	VLANSetMember VLANVerb = iota + 1
	VLANDeleteMember
)

// VLANOp makes a port a member of a VLAN, changes the membership or ends it.
// Port 0 is the bridge itself: its membership decides what reaches the host.
type VLANOp struct {
	Op
	Verb  VLANVerb
	Port  PortID
	VLAN  VLAN // 1..4094
	Flags VLANFlags
}

// VLANOffloader is the role of devices with a VLAN table. Linux:
// SWITCHDEV_OBJ_ID_PORT_VLAN.
//
// Callers apply a VLAN before the FDB rows in it and delete it after them.
// Deleting a membership drops what the device itself learned on that port in
// that VLAN and nothing else.
type VLANOffloader interface {
	// ApplyVLANs executes a batch by the package's rules for batches. A full VLAN
	// table answers ErrNoSpace.
	ApplyVLANs(ctx context.Context, ops []VLANOp, results []Result)
}
