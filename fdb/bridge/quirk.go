package bridge

import (
	"strconv"
	"strings"
)

// Quirks is a set of things that Linux does otherwise than a bridge of this
// package, each of which it can be made to do too; those of its table are
// [fdb.Quirks], in Config.Table. They are for programs that are to meet the
// kernel as it is. The empty set is the default, and the behaviour that the
// documentation of this package describes. None costs a frame anything.
type Quirks uint16

// The quirks of a bridge.
const (
	// QuirkDeleteNeedsVLAN: [Bridge.Edit] refuses to delete an entry in a VLAN that
	// the port is not in, or of the bridge itself in one that nobody is in, so what a VLAN that was taken from a port has left behind
	// can only be flushed. Linux before 6.13: __br_fdb_delete
	// (net/bridge/br_fdb.c), until commit 774ca6d3bf24.
	QuirkDeleteNeedsVLAN Quirks = 1 << iota
	// QuirkStateSelection: states that are set without a spanning tree do not stay. A port
	// that is set to blocking forwards at once, as one does that comes up, and either starts
	// its forward-delay timer; [Bridge.SetPortState] leaves that alone else. When it expires,
	// after the forward delay of when it was started, a port that listens by then learns, with
	// the timer started anew, and one that learns forwards; so listening and learning stay if
	// they are set after the timer's time, and pass if before. Devices follow as they do with
	// a tree: software forwards even if the device refuses, and that is then the error. With
	// [STPUser] timers that run go on, and none is started. Linux: br_set_port_state
	// (net/bridge/br_netlink.c), br_port_state_selection and br_make_forwarding
	// (net/bridge/br_stp.c), br_forward_delay_timer_expired (net/bridge/br_stp_timer.c).
	QuirkStateSelection
	// QuirkSilentHeir: that an own address passes to another port or to the bridge,
	// which has it too, when its owner lets go, is not told, so that subscribers take
	// it for the former owner's. Of several ports the one that joined last has it then,
	// not the lowest, and a change of the default PVID goes through the ports in that
	// order, after the bridge itself; and a local entry that a user made on a port that
	// leaves passes too. Linux: fdb_delete_local (net/bridge/br_fdb.c), which changes the
	// entry's port and notifies nobody; __br_vlan_set_default_pvid (net/bridge/br_vlan.c).
	QuirkSilentHeir
	// QuirkSameMACReadds: setting the address that a port has deletes its own entries
	// and makes them anew, which is told. Linux: br_fdb_changeaddr
	// (net/bridge/br_fdb.c), which does not look whether the address is another.
	QuirkSameMACReadds
	// QuirkStateWhileDown: [Bridge.SetPortState] sets the state of a port whose bridge
	// is down, which is disabled else and cannot be set: the port then forwards. It
	// keeps that state, whatever becomes of the port, until the bridge comes up, but for
	// what QuirkStateSelection makes of it. Linux:
	// br_set_port_state (net/bridge/br_netlink.c), which asks for the port only, and
	// br_port_carrier_check (net/bridge/br_if.c), which does nothing then.
	QuirkStateWhileDown
	// QuirkTreeSwitch: [Bridge.SetSTP] leaves the ports as they are: those that forward
	// when a tree is turned on go on forwarding, and when it is turned off those on their
	// way go on with it, blocked ones stay so until something else changes, and a
	// topology change goes on for its time, after which stations live for twice the
	// forward delay until the ageing time is set. With QuirkStateSelection also those that
	// [STPUser] ends with stay as they are. Linux: br_stp_start and br_stp_stop
	// (net/bridge/br_stp_if.c), and __br_set_topology_change (net/bridge/br_stp.c),
	// which gives the ageing time back only while a tree runs.
	QuirkTreeSwitch
	quirksEnd
)

var quirkNames = [...]string{"delete-needs-vlan", "state-selection", "silent-heir", "same-mac-readds", "state-while-down", "tree-switch"}

func (b *Bridge) has(q Quirks) bool { return b.cfg.Quirks.Has(q) }

// Has reports whether all of q are in the set. Anybody may call it.
func (s Quirks) Has(q Quirks) bool { return s&q == q }

// String returns the names of the quirks with commas between, for instance
// "delete-needs-vlan,silent-heir"; of the empty set "".
func (s Quirks) String() string {
	var names []string
	for i, name := range quirkNames {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if rest := s &^ (quirksEnd - 1); rest != 0 {
		names = append(names, "quirks("+strconv.Itoa(int(rest))+")")
	}
	return strings.Join(names, ",")
}
