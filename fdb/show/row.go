package show

import (
	"math"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/switchcore/switchcore/switchdev"
)

// Row is one row of a forwarding database as "bridge fdb show" prints it. What is
// zero is not printed, except State, whose zero value is the empty word of an
// entry that is alive. Rows can be compared with ==.
type Row struct {
	// Deleted rows are those with which "bridge monitor fdb" tells of a
	// removal; "bridge fdb show" prints none.
	Deleted bool
	// MAC is the station's address. It may be zero: so a VXLAN device names
	// what receives unknown destinations.
	MAC switchdev.MAC
	// Dev is the interface. The tool leaves it out when it was asked for the
	// rows of one interface.
	Dev string
	// VLAN is the VLAN, 1 to 4094.
	VLAN switchdev.VLAN
	// Remote is where a VXLAN device sends to; a bridge's rows have none.
	Remote
	// Notify says that activity is reported, Inactive that the station was not
	// heard of for the ageing time. Option -d of iproute2 6.17 and later.
	Notify, Inactive bool
	// Used and Updated are the seconds since the station was a destination and
	// since it was heard of. Option -s; neither comes without the other.
	Used, Updated Number
	// Flags are the words between the times and the bridge.
	Flags Flags
	// Master is the bridge that the row belongs to.
	Master string
	// State is how long the row lives.
	State State
}

// Remote is what a row of a VXLAN device says of the tunnel's other end. The zero
// Remote says nothing.
type Remote struct {
	// Dst is the other end's address.
	Dst netip.Addr
	// Port is its UDP port, VNI the network identifier to send with, SrcVNI
	// the one that the row is for. Those that are the device's own are not
	// shown.
	Port, VNI, SrcVNI Number
	// Via is the interface to send by, or ViaIndex its number where it is in
	// another namespace.
	Via      string
	ViaIndex Number
	// NextHop is the nexthop object to send to, NetNS the namespace of Via.
	NextHop, NetNS Number
}

// Number is a number that may be missing. The zero Number is missing.
type Number struct {
	Value uint32
	Shown bool
}

// Num returns a number that is there.
func Num(v uint32) Number { return Number{v, true} }

// String returns the number in decimal, or nothing.
func (n Number) String() string {
	if !n.Shown {
		return ""
	}
	return strconv.FormatUint(uint64(n.Value), 10)
}

// Flags are the words that a row may have, in the order in which the tool prints
// them. Linux: NTF_* and NTF_EXT_* (include/uapi/linux/neighbour.h).
type Flags uint8

const (
	// Self: the row is in the interface's own table, not in a bridge's.
	Self Flags = 1 << iota
	// Router: the destination is a router (VXLAN).
	Router
	// ExternLearn: a control plane or a device entered it.
	ExternLearn
	// Offload: hardware holds it.
	Offload
	// MasterWord: the bare word "master", which a bridge's dump never has.
	MasterWord
	// Sticky: frames do not move it.
	Sticky
	// Locked: it was seen on a locked port and lets nothing through.
	Locked
)

var flagWords = [...]string{"self", "router", "extern_learn", "offload", "master", "sticky", "locked"}

// String returns the words, separated by spaces.
func (f Flags) String() string {
	return strings.TrimSuffix(string(f.append(nil)), " ")
}

func (f Flags) append(b []byte) []byte {
	for i, word := range flagWords {
		if f&(1<<i) != 0 {
			b = append(append(b, word...), ' ')
		}
	}
	return b
}

// flagOf returns the flag that the tool calls word, 0 if there is none.
func flagOf(word string) Flags {
	for i, w := range flagWords {
		if w == word {
			return 1 << i
		}
	}
	return 0
}

// State is the word for how long a row lives, or the number of a state for which
// the tool has no word, such as "0x10" (neighbour.h, NUD_*).
type State string

const (
	// Reachable rows are alive, and age. The tool prints nothing.
	Reachable State = ""
	// Permanent rows are addresses of the bridge itself, or a VXLAN device's.
	Permanent State = "permanent"
	// Static rows do not age.
	Static State = "static"
	// Stale rows are overdue and not yet removed.
	Stale State = "stale"
)

// valid reports whether s is a word, or a number that has none of the bits that
// have words, as the tool writes it.
func (s State) valid() bool {
	switch s {
	case Reachable, Permanent, Static, Stale:
		return true
	}
	return s.numeric()
}

func (s State) numeric() bool {
	const named = 0x80 | 0x40 | 0x04 | 0x02
	if s == "0" {
		return true
	}
	digits, hex := strings.CutPrefix(string(s), "0x")
	if !hex || len(digits) > 4 || strings.HasPrefix(digits, "0") || strings.ToLower(digits) != digits {
		return false
	}
	n, err := strconv.ParseUint(digits, 16, 16)
	return err == nil && n&named == 0
}

// Check says what is wrong with a row that no tool prints, as a
// [*switchdev.OpError] that matches [switchdev.ErrInvalid]: a VLAN or a number
// out of its range, an inactive row that does not notify, one time without the
// other, both forms of Via, a state that is none, or a name that has no place in
// a line. A name is a kernel's name of an interface, but of any length: not
// empty, UTF-8, without white space and control characters.
func (r Row) Check() error {
	if field := r.fault(); field != "" {
		return &switchdev.OpError{Op: "fdb.show", Object: r.MAC.String(), Reason: "bad " + field, Err: switchdev.ErrInvalid}
	}
	return nil
}

// fault names the first field that is wrong.
func (r *Row) fault() string {
	flagWordOnly := r.Flags&MasterWord != 0 && r.Master == ""
	switch {
	case r.Dev != "" && !validName(r.Dev):
		return "Dev"
	case r.VLAN > switchdev.MaxVLAN:
		return "VLAN"
	case r.Inactive && !r.Notify:
		return "Inactive"
	case r.Used.Shown != r.Updated.Shown:
		return "Used"
	case r.Flags>>len(flagWords) != 0:
		return "Flags"
	// "master sticky" would be read as a bridge of that name.
	case flagWordOnly && (r.Flags&Sticky != 0) != (r.Flags&Locked != 0):
		return "Flags"
	case r.Master != "" && !validName(r.Master):
		return "Master"
	case !r.State.valid():
		return "State"
	}
	return r.Remote.fault()
}

func (r *Remote) fault() string {
	switch {
	case r.Dst.Zone() != "":
		return "Dst"
	case r.Port.Value > math.MaxUint16:
		return "Port"
	case r.Via != "" && (r.ViaIndex.Shown || !validName(r.Via)):
		return "Via"
	case r.NetNS.Value > math.MaxInt32:
		return "NetNS"
	case !r.Port.sound() || !r.VNI.sound() || !r.SrcVNI.sound() || !r.ViaIndex.sound() || !r.NextHop.sound() || !r.NetNS.sound():
		return "Number"
	}
	return ""
}

// sound reports whether n has one of its forms: what is missing has no value.
func (n Number) sound() bool { return n.Shown || n.Value == 0 }

func validName(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return s != "" && utf8.ValidString(s)
}
