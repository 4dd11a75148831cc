package fdb

import (
	"strings"
	"time"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/switchdev"
)

// Key names a station: its MAC address and the VLAN in which it was seen, 0 on
// a bridge that does not know VLANs.
type Key = switchdev.FDBKey

// Flags say what kind of entry a station has. The zero Flags are those of a
// dynamic entry, which ages and which frames may move.
type Flags uint16

// The flags of an entry. Linux: BR_FDB_* (net/bridge/br_private.h).
const (
	// Static entries do not age ("static" in bridge(8), NUD_NOARP). Frames may
	// still move them, unless they are also Sticky.
	Static Flags = 1 << iota
	// Local entries are addresses of the bridge itself ("permanent" in
	// bridge(8), NUD_PERMANENT): they never age and never move, and frames
	// for them go to the host.
	Local
	// Sticky entries stay on their port whatever frames say (NTF_STICKY).
	Sticky
	// Extern entries belong to a control plane or to a device, which removes
	// them itself: they do not age. A frame may move them, and then they are
	// ordinary learned entries (NTF_EXT_LEARNED).
	Extern
	// Locked entries were seen on a locked port and let no traffic through
	// (NTF_EXT_LOCKED). Nobody can ask for one.
	Locked
	// User entries were entered by a user, or by a control plane on his
	// behalf. Set by the table.
	User

	flagsEnd
)

// Permanent is the combination that bridge(8) calls permanent.
const Permanent = Local | Static

// requestable are the flags that an [Entry] given to Add or Replace may have.
const requestable = Static | Local | Sticky | Extern

var flagNames = [...]string{"static", "local", "sticky", "extern_learn", "locked", "user"}

// String returns the names of the flags, separated by commas.
func (f Flags) String() string {
	if f == 0 {
		return "dynamic"
	}
	var names []string
	for i, name := range flagNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if f >= flagsEnd {
		names = append(names, "?")
	}
	return strings.Join(names, ",")
}

// Owner says who put an entry there, and who is to take it away.
type Owner uint8

// The owners of entries.
const (
	// OwnerLearned: a frame was seen.
	OwnerLearned Owner = iota
	// OwnerUser: somebody called Add or Replace.
	OwnerUser
	// OwnerDriver: a device reported it.
	OwnerDriver
	// OwnerControl: a control plane added it with the flag Extern.
	OwnerControl
	// OwnerBridge: it is an address of the bridge or of one of its ports.
	OwnerBridge
)

// String returns "learned", "user", "driver", "control" or "bridge".
func (o Owner) String() string {
	switch o {
	case OwnerLearned:
		return "learned"
	case OwnerUser:
		return "user"
	case OwnerDriver:
		return "driver"
	case OwnerControl:
		return "control"
	case OwnerBridge:
		return "bridge"
	}
	return "owner?"
}

// OffloadState says where an entry stands with the devices that claim it.
type OffloadState uint8

// The offload states.
const (
	// OffloadNone: no device claims the entry, or work is under way.
	OffloadNone OffloadState = iota
	// Offloaded: every device that claims the entry holds exactly it.
	Offloaded
	// OffloadFailed: a device refused it; it is kept in software and offered
	// again later.
	OffloadFailed
)

// String returns "none", "offloaded" or "failed".
func (s OffloadState) String() string {
	switch s {
	case Offloaded:
		return "offloaded"
	case OffloadFailed:
		return "failed"
	}
	return "none"
}

// Entry is what a table knows of a station. As an argument only Key, Port and
// Flags count, and an Owner of OwnerBridge for a Local entry, which is then not a
// user's.
type Entry struct {
	Key
	// Port is where the station is; 0 is the bridge itself.
	Port switchdev.PortID
	// Flags is the kind of entry.
	Flags Flags
	// Owner is who put it there.
	Owner Owner
	// Offload is where it stands with hardware.
	Offload OffloadState
	// Seq is the number of the operation that wrote the entry last. Numbers
	// grow, so an entry that was changed and changed back is not the same.
	Seq uint64
	// Updated is when the station was last seen or the entry last changed,
	// Used when it was last a destination, both to a tick of the table's clock;
	// Used is zero if never.
	Updated, Used time.Time
}

// State returns the state that bridge(8) prints: "permanent", "static", or ""
// for a dynamic entry.
func (e Entry) State() string {
	switch {
	case e.Flags&Local != 0:
		return "permanent"
	case e.Flags&Static != 0:
		return "static"
	}
	return ""
}

// Hit is what the data path needs of an entry.
type Hit struct {
	// Port is where frames for the station go; 0 is the bridge itself.
	Port switchdev.PortID
	// Flags is the kind of entry. A hit that is Local ends at the host.
	Flags Flags
}

// The packed flags of the main table and ours, pair by pair.
var hotFlags = [...]struct {
	hot  cam.Hot
	flag Flags
}{
	{cam.Static, Static}, {cam.Local, Local}, {cam.Sticky, Sticky},
	{cam.Ext, Extern}, {cam.Locked, Locked}, {cam.User, User},
}

func flagsOf(h cam.Hot) Flags {
	const kinds = cam.Static | cam.Local | cam.Sticky | cam.Ext | cam.Locked | cam.User
	if h&kinds == 0 {
		return 0
	}
	var f Flags
	for _, p := range hotFlags {
		if h.Has(p.hot) {
			f |= p.flag
		}
	}
	return f
}

func hotOf(f Flags) cam.Hot {
	var h cam.Hot
	for _, p := range hotFlags {
		if f&p.flag != 0 {
			h |= p.hot
		}
	}
	return h
}

func camKey(k Key) cam.Key { return cam.Key(k.Pack()) }

func keyOf(k cam.Key) Key { return switchdev.UnpackFDBKey(uint64(k)) }
