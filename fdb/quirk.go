package fdb

import (
	"strconv"
	"strings"
)

// Quirks is a set of things that Linux does otherwise than a table, each of
// which a table can be made to do too. They are for programs that are to meet
// the kernel as it is, such as the replay of what a kernel was seen to do; the
// empty set, which is the default, is the behaviour that the documentation of
// this package describes. Each is one decision of the model, taken when an
// operation is staged or a row is looked at; none costs the data path anything.
type Quirks uint16

// The quirks of a table.
const (
	// QuirkStaticReaddNotifies: a user's request whose state is spelt otherwise
	// than the entry's, which it says with [Respelt], is told as a change and
	// renews Updated when the entry is as it asks for already; so is one that finds
	// a dynamic entry stale. The event has Respelt. Linux: fdb_add_entry (net/bridge/br_fdb.c)
	// compares the state that the request names with what fdb_to_nud makes of the
	// entry, bit by bit: NUD_NOARP for a static one, NUD_PERMANENT for a
	// local one. iproute2 asks for "static" with NUD_NOARP and NUD_REACHABLE, for
	// "local" with NUD_PERMANENT and NUD_NOARP; so `bridge fdb replace` of what is
	// there is told each time.
	QuirkStaticReaddNotifies Quirks = 1 << iota
	// QuirkTCKeepsGCTimer: a topology change shortens the ageing time, and no
	// sweep is brought forward for it: entries that are overdue by it stay, are
	// stale to whoever looks, and are found by Lookup, until the sweep that was due
	// before. While the topology changes a table learns that does not else. Linux:
	// hold_time (net/bridge/br_fdb.c), and __br_set_topology_change (net/bridge/br_stp.c) writes
	// ageing_time and leaves gc_work alone, where br_set_ageing_time starts it.
	QuirkTCKeepsGCTimer
	// QuirkLegacyOffload: an entry that was in hardware once is taken to be there
	// until it is removed, whatever it becomes. It stays OffloadOffloaded over
	// moves, replaces and changes of kind; a change withdraws no row from the
	// device that had it, where the entry's new row is not to go, unless a frame or
	// [Table.Use] has moved what a user entered: that leaves its old place first; no device is asked
	// to hold a local one; a port that
	// leaves takes its entries along, and its rows are forgotten and not withdrawn.
	// An entry of a device's own stays that when the device has lost the row, and
	// with a port that goes down leave those of a control plane that were in
	// hardware once. Devices with [Device].Ages are believed: a station that one has
	// heard moves there whoever entered it, sticky and local ones too, and is offloaded
	// from then on, and one of which a row
	// ended leaves, wherever it is by then. A device is told with FDBUser who has
	// entered a row, also one that it had made itself; and operations are carried out
	// and told in the order in which they were submitted, each when the one before is
	// over, whatever devices take for them. Linux: BR_FDB_OFFLOADED is set by
	// SWITCHDEV_FDB_OFFLOADED and by reports, and taken back by neither fdb_add_entry
	// nor br_fdb_update (net/bridge/br_fdb.c); br_switchdev_fdb_notify
	// (br_switchdev.c) tells the device of the entry as it is; what del_nbp (br_if.c)
	// deletes is told a device that has given the port up; br_fdb_delete_by_port goes
	// by the flag; br_fdb_external_learn_add and br_fdb_external_learn_del ask for
	// neither owner nor port; br_switchdev_fdb_populate has added_by_user; and what is
	// done under a bridge's lock waits for no device.
	QuirkLegacyOffload
	quirksEnd
)

var quirkNames = [...]string{"static-readd-notifies", "tc-keeps-gc-timer", "legacy-offload"}

// Has reports whether all of q are in the set. Anybody may call it.
func (s Quirks) Has(q Quirks) bool { return s&q == q }

// String returns the names of the quirks with commas between, for instance
// "static-readd-notifies,legacy-offload"; of the empty set "".
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
