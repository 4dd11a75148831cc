package bridge

import (
	"strconv"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// Reason says what became of a frame.
type Reason uint8

// The reasons. Those from ReasonShort on mean that no port gets the frame and
// that it was lost; see [Reason.Dropped].
const (
	// ReasonForwarded: the destination is known and gets the frame.
	ReasonForwarded Reason = iota + 1
	// ReasonFlooded: every port that may have such frames gets it.
	ReasonFlooded
	// ReasonHost: it is for the host alone: the bridge's own address or a
	// link-local one.
	ReasonHost

	// ReasonShort: there is no whole Ethernet header.
	ReasonShort
	// ReasonSource: the source address is zero or a group.
	ReasonSource
	// ReasonNoPort: the bridge has no such port.
	ReasonNoPort
	// ReasonPortDown: the port that it came in by is down, or about to leave.
	ReasonPortDown
	// ReasonPortState: that port neither learns nor forwards in its state.
	ReasonPortState
	// ReasonLearnedOnly: that port is in the state learning.
	ReasonLearnedOnly
	// ReasonPause: a MAC control frame, 01:80:c2:00:00:01.
	ReasonPause
	// ReasonLocked: that port is locked, and the station is not known there.
	ReasonLocked
	// ReasonSamePort: the destination is where the frame came from.
	ReasonSamePort
	// ReasonNoEgress: the destination's port is not there any more, or it is
	// the bridge itself without being one of its addresses.
	ReasonNoEgress
	// ReasonEgressDown: the destination's port is down or does not forward.
	ReasonEgressDown
	// ReasonIsolated: both ports are isolated.
	ReasonIsolated
	// ReasonHardware: hardware has sent it there already.
	ReasonHardware
	// ReasonNowhere: it was to be flooded, and nobody may have it.
	ReasonNowhere
	// ReasonNoPVID: it has no tag, and the port no VLAN for such frames.
	ReasonNoPVID
	// ReasonVLAN: the port that it came in by is not in its VLAN.
	ReasonVLAN
	// ReasonEgressVLAN: the destination's port, or the host, is not in its VLAN.
	ReasonEgressVLAN
	// ReasonBPDU: it is for the bridge's own spanning tree.
	ReasonBPDU

	numReasons
)

var reasonNames = [numReasons]string{
	ReasonForwarded: "forwarded", ReasonFlooded: "flooded", ReasonHost: "host", ReasonShort: "short",
	ReasonSource: "source", ReasonNoPort: "no-port", ReasonPortDown: "port-down", ReasonPortState: "port-state",
	ReasonLearnedOnly: "learned-only", ReasonPause: "pause", ReasonLocked: "locked", ReasonSamePort: "same-port",
	ReasonNoEgress: "no-egress", ReasonEgressDown: "egress-down", ReasonIsolated: "isolated",
	ReasonHardware: "hardware", ReasonNowhere: "nowhere",
	ReasonNoPVID: "no-pvid", ReasonVLAN: "vlan", ReasonEgressVLAN: "egress-vlan", ReasonBPDU: "bpdu",
}

// String returns the reason's name, for instance "same-port".
func (r Reason) String() string {
	if r < numReasons && reasonNames[r] != "" {
		return reasonNames[r]
	}
	return "reason(" + strconv.Itoa(int(r)) + ")"
}

// Dropped reports whether no port was to get the frame. A promiscuous host may
// have got a copy all the same, and with ReasonHardware the receivers have
// theirs from the device.
func (r Reason) Dropped() bool { return r >= ReasonShort }

// Class says what kind of destination a frame has.
type Class uint8

// The classes. The zero value is that of frames that were dropped before their
// destination mattered.
const (
	ClassUnicast   Class = iota + 1 // one station, and the bridge knows where
	ClassUnknown                    // one station, and it does not
	ClassMulticast                  // a group
	ClassBroadcast                  // everybody
	ClassLinkLocal                  // 01:80:c2:00:00:00 to :0f, where not forwarded
	ClassOwn                        // an address of the bridge itself
	numClasses
)

var classNames = [numClasses]string{"none", "unicast", "unknown-unicast", "multicast", "broadcast", "link-local", "own"}

// String returns the class's name, for instance "unknown-unicast".
func (c Class) String() string {
	if c < numClasses {
		return classNames[c]
	}
	return "class(" + strconv.Itoa(int(c)) + ")"
}

// Verdict is what a bridge decided for one frame; which ports get it is in the
// [Egress] that was handed over.
type Verdict struct {
	Fate
	// VLAN is the VLAN that the frame is in; NoVLAN without VLAN filtering, and
	// for frames that were dropped before it mattered.
	VLAN switchdev.VLAN
	// Learned is what the table did with the source; fdb.Ignored if the frame
	// was not learned from.
	Learned fdb.Learned
}

// Fate is what becomes of a frame. It stands by itself because a result of more than
// four parts is not returned in registers.
type Fate struct {
	// Reason is what became of the frame.
	Reason Reason
	// Class is the kind of its destination.
	Class Class
	// Host tells that the host gets a copy: the bridge's own stack or, for
	// ClassLinkLocal, whoever listens on the port that it came in by.
	Host bool
}
