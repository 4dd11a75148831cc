package switchdev

import "context"

// LAGLink is one port of a link aggregation group.
type LAGLink struct {
	// Port is a physical port of the device.
	Port PortID
	// Up tells that frames of the group may leave by the port, as LACP or a
	// monitor of the link has decided (Distributing of IEEE 802.1AX clause
	// 6.4). A port without carrier is not used whatever Up says.
	Up bool
}

// LAGVerb is what a [LAGOp] does.
type LAGVerb uint8

// The verbs of a LAG operation.
const (
	// LAGSet makes the group Port, or gives the one that is there other links:
	// Links is the whole list each time, and may be empty. What the group is a
	// member of, its VLANs and rows stay.
	//
	// It answers ErrExist where Port is the number of a physical port,
	// ErrInvalid where Port or a link is 0, a link is named twice or is itself a
	// group, ErrNoDevice for a link that the device does not have, ErrBusy for
	// one that is a member of a domain by itself or belongs to another group,
	// and ErrNoSpace for a group more than Limits.LAGs or more links than
	// Limits.LAGLinks.
	LAGSet LAGVerb = iota + 1
	// LAGDelete ends the group. Its membership, attributes, VLANs and rows go as
	// at PortLeave, its links stand alone again, and its number may come back as
	// another port: nothing of the group is of that one. Ending what is not there
	// succeeds; the number of a physical port answers ErrExist.
	LAGDelete
)

// String returns "set" or "delete".
func (v LAGVerb) String() string {
	switch v {
	case LAGSet:
		return "set"
	case LAGDelete:
		return "delete"
	}
	return "verb(" + itoa(uint64(v)) + ")"
}

// LAGOp makes, changes or ends a link aggregation group. A group is the
// device's: Op.Domain does not count, a [PortOp] puts the group into a domain.
type LAGOp struct {
	Op
	Verb LAGVerb
	// Port is the number of the group, the caller's choice among those that no
	// other port of the device has.
	Port PortID
	// Links are the ports of the group, in any order. They belong to the driver
	// until the call returns, and not afterwards.
	Links []LAGLink
}

// LAGOffloader is the role of devices that have link aggregation groups (IEEE
// 802.1AX). A LAG is a port of the device with a number of its own, which joins a
// domain, has VLANs, state and flags, and stands in rows like any other port; its
// links do nothing of the kind by themselves meanwhile: PortJoin of one answers
// ErrBusy.
//
// A frame that comes in by a link is the LAG's: its station is learned there,
// reported and trapped with the LAG's number. A frame for the LAG leaves by one
// link that is up and has carrier, the same for all frames of a flow, chosen by a
// hash of its addresses; with none it is dropped. No frame is sent back by another
// link of the LAG that it came in by, unless the LAG has [PortHairpin].
//
// The LAG has carrier while a link is up and has carrier: ReportPortUp and
// ReportPortDown with the number of the LAG tell when it gets and loses that,
// besides the reports of the ports themselves. ReportPortGone of a link takes it
// out of the LAG. A reset loses the LAGs. Callers make a LAG before they
// join it, and end it when it has left. [PortLister] does not list LAGs.
//
// Source: Linux has NETDEV_CHANGEUPPER and NETDEV_CHANGELOWERSTATE with
// netdev_lag_lower_state_info (include/linux/netdevice.h), a link at a time, which
// drivers such as mlxsw and DSA turn into an id of their own. Here it is one
// operation on the whole group.
type LAGOffloader interface {
	// ApplyLAGs executes a batch by the package's rules for batches.
	ApplyLAGs(ctx context.Context, ops []LAGOp, results []Result)
}
