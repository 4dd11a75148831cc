package lab

import (
	"fmt"
	"strings"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/lab/internal/machine"
)

// Quirks is a set of things that a kernel does and this library does not do unless it
// is asked to, because they are defects or because newer kernels do otherwise. Every
// flag is one decision at one place. The zero value is how the library behaves.
//
// Names and sets are read by [ParseQuirks] and written by String.
type Quirks uint32

// What kernels do differently, each for itself. The package documentation has all of
// them in one list with what each does instead.
const (
	// StaticReaddNotifies tells a replace or append that asks for the very static or
	// local entry that is there as a change (br_fdb.c, fdb_add_entry: iproute2 asks for
	// a state of two bits, which is compared with one). All kernels up to today.
	StaticReaddNotifies Quirks = 1 << iota
	// SelfEcho tells an entry that a user adds to or deletes from the bridge device once
	// more, with the flag self and without master (rtnetlink.c, rtnl_fdb_add and
	// rtnl_fdb_del). Linux 6.1.
	SelfEcho
	// DeleteNeedsVLAN refuses to delete an entry in a VLAN that the port is not in, with
	// EINVAL (br_fdb.c, br_fdb_delete). Linux up to 6.12.
	DeleteNeedsVLAN
	// TCKeepsGCTimer shortens the ageing time for a topology change without sweeping
	// earlier: what is overdue stays, is shown stale, and forwards (br_stp.c,
	// __br_set_topology_change). All kernels up to today.
	TCKeepsGCTimer
	// Texts61 gives the answers that later kernels changed as Linux 6.1 gave them: a flush
	// of VLAN 0 or 4095 is EINVAL "invalid vlan id", not ERANGE (rtnetlink.c), and a delete looks
	// at the kind of the device before it looks at the VLAN; a device that
	// is up is not renamed, EBUSY (net/core/dev.c, dev_change_name, until 6.2); and a device
	// that cannot change its namespace is refused without a text.
	Texts61
	// LegacyOffload treats entries that hardware has as Linux does: one shows offload from
	// its acknowledgement until it is removed, whatever becomes of it; a replace, a move
	// and a change of kind withdraw nothing from where it was; a port that leaves
	// withdraws nothing; a port that goes down takes those of a control plane with it.
	// All kernels up to today.
	LegacyOffload
	// StateSelection makes a port that is set to blocking forward at once while nobody
	// runs a spanning tree, and takes one that listens or learns on when the forward-delay
	// timer expires that this, or coming up, has started (br_stp.c, br_port_state_selection;
	// br_stp_timer.c, br_forward_delay_timer_expired). All kernels up to today.
	StateSelection
	// SilentHeir tells nobody when an own address passes to another port or to the bridge
	// because its owner left or took another (br_fdb.c, fdb_delete_local). All kernels up
	// to today.
	SilentHeir
	// SameMACReadds deletes a port's own entries and makes them anew when the port is
	// given the address that it has (br_fdb.c, br_fdb_changeaddr). All kernels up to today.
	SameMACReadds
	// StateWhileDown sets the state of a port whose bridge is down, which then forwards,
	// and keeps that until the bridge comes up (br_netlink.c, br_set_port_state). All
	// kernels up to today.
	StateWhileDown
	// TreeSwitch leaves ports as they are when a spanning tree is turned on or off: they go
	// on forwarding, or go on on their way, and a topology change lasts its time and leaves
	// twice the forward delay as the ageing time (br_stp_if.c, br_stp_start and br_stp_stop).
	// All kernels up to today.
	TreeSwitch
	// Rocker gives the switch of "lab switch" the driver of that name, as it was in
	// Linux 6.1: it deletes rows of users only, keys rows by port so that the oldest of
	// several wins, forgets on leaving only what it learned, reports what it learned
	// untagged in VLAN 0, reads the ageing time when a port joins and never again, and
	// lets in, sends and floods by groups of VLANs which all ports and bridges share.
	Rocker

	endOfQuirks
)

// Linux61 is how the recordings of Linux 6.1 behave: all of them.
const Linux61 = endOfQuirks - 1

// Upstream is how Linux behaves today, as far as software goes: what was a defect in
// 6.1 and still is.
const Upstream = StaticReaddNotifies | TCKeepsGCTimer | LegacyOffload | StateSelection | SilentHeir | SameMACReadds | StateWhileDown | TreeSwitch

// quirkNames are the names of the flags, from bit 0 up.
func quirkNames() []string {
	return []string{
		"StaticReaddNotifies", "SelfEcho", "DeleteNeedsVLAN", "TCKeepsGCTimer", "Texts61",
		"LegacyOffload", "StateSelection", "SilentHeir", "SameMACReadds", "StateWhileDown", "TreeSwitch", "Rocker",
	}
}

// profileNames are the sets that have a name, in the order in which String looks.
func profileNames() []struct {
	name   string
	quirks Quirks
} {
	return []struct {
		name   string
		quirks Quirks
	}{{"none", 0}, {"linux-6.1", Linux61}, {"linux", Upstream}}
}

// String is "none" for the zero value, "linux-6.1" for [Linux61], "linux" for
// [Upstream], and the names of the flags with commas between them for other sets.
func (q Quirks) String() string {
	for _, p := range profileNames() {
		if q == p.quirks {
			return p.name
		}
	}
	var words []string
	for i, name := range quirkNames() {
		if q&(1<<i) != 0 {
			words = append(words, name)
		}
	}
	if rest := q &^ Linux61; rest != 0 {
		words = append(words, fmt.Sprintf("%#x", uint32(rest)))
	}
	return strings.Join(words, ",")
}

// ParseQuirks reads what [Quirks.String] writes: names of flags and of profiles in any
// case, with commas between them; "none" and the empty string add nothing. A name that
// is not known is an error that lists those that are.
func ParseQuirks(s string) (Quirks, error) {
	var q Quirks
	for word := range strings.SplitSeq(s, ",") {
		flags, ok := quirk(strings.TrimSpace(word))
		if !ok {
			return 0, fmt.Errorf("unknown quirk %q, want some of %s, none, linux-6.1, linux", word, strings.Join(quirkNames(), ", "))
		}
		q |= flags
	}
	return q, nil
}

// quirk is the meaning of one name.
func quirk(word string) (Quirks, bool) {
	if word == "" {
		return 0, true
	}
	for _, p := range profileNames() {
		if strings.EqualFold(word, p.name) {
			return p.quirks, true
		}
	}
	for i, name := range quirkNames() {
		if strings.EqualFold(word, name) {
			return 1 << i, true
		}
	}
	return 0, false
}

// MarshalText implements encoding.TextMarshaler with [Quirks.String].
func (q Quirks) MarshalText() ([]byte, error) { return []byte(q.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler with [ParseQuirks]. An error leaves
// q as it was.
func (q *Quirks) UnmarshalText(text []byte) error {
	parsed, err := ParseQuirks(string(text))
	if err == nil {
		*q = parsed
	}
	return err
}

// fdb are the quirks that the table has.
func (q Quirks) fdb() fdb.Quirks {
	var out fdb.Quirks
	for from, to := range map[Quirks]fdb.Quirks{
		StaticReaddNotifies: fdb.QuirkStaticReaddNotifies,
		TCKeepsGCTimer:      fdb.QuirkTCKeepsGCTimer,
		LegacyOffload:       fdb.QuirkLegacyOffload,
	} {
		if q&from != 0 {
			out |= to
		}
	}
	return out
}

// bridge are the quirks that the bridge has.
func (q Quirks) bridge() bridge.Quirks {
	var out bridge.Quirks
	for from, to := range map[Quirks]bridge.Quirks{
		DeleteNeedsVLAN: bridge.QuirkDeleteNeedsVLAN,
		StateSelection:  bridge.QuirkStateSelection,
		SilentHeir:      bridge.QuirkSilentHeir,
		SameMACReadds:   bridge.QuirkSameMACReadds,
		StateWhileDown:  bridge.QuirkStateWhileDown,
		TreeSwitch:      bridge.QuirkTreeSwitch,
	} {
		if q&from != 0 {
			out |= to
		}
	}
	return out
}

// netlink are the quirks of what lies between tools and bridge.
func (q Quirks) netlink() machine.Quirks {
	var out machine.Quirks
	for from, to := range map[Quirks]machine.Quirks{
		SelfEcho: machine.SelfEcho,
		Texts61:  machine.Texts61,
	} {
		if q&from != 0 {
			out |= to
		}
	}
	return out
}
