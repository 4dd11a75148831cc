package fdb

import (
	"fmt"
	"strings"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
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
	// Locked entries were seen on a locked port and let nothing of the station
	// through; what is for it passes (NTF_EXT_LOCKED). Nobody can ask for one.
	Locked
	// User entries were entered by a user, or by a control plane on his
	// behalf. Set by the table.
	User
	// Notify asks that the station's activity be told: when a Static or Extern
	// entry has not been heard of for the ageing time it becomes Inactive, and
	// with the next frame it is that no more, each time with one event. Other
	// entries age instead (FDB_NOTIFY_BIT of NFEA_ACTIVITY_NOTIFY).
	Notify
	// Inactive entries with Notify have not been heard of for the ageing time.
	// An entry can be made inactive by request, for a station that is known
	// from elsewhere (FDB_NOTIFY_INACTIVE_BIT).
	Inactive
	// NoRefresh is for requests only: a change keeps Updated, and so the age of
	// the entry (NFEA_DONT_REFRESH).
	NoRefresh
	// InHardware is for a [Filter] only: the entry's offload state is Offloaded.
	InHardware
	// Respelt is for requests only: the state that is asked for is written with
	// other bits than the one that Linux names when it shows such an entry
	// (fdb_to_nud), as iproute2 writes static ones. It counts with
	// [QuirkStaticReaddNotifies] only.
	Respelt

	flagsEnd
)

// Permanent is the combination that bridge(8) calls permanent.
const Permanent = Local | Static

// requestable are the flags that an [Entry] given to Add or Replace may have.
const requestable = Static | Local | Sticky | Extern | Notify | Inactive | requestOnly

// requestOnly are those that no entry has.
const requestOnly = NoRefresh | Respelt

var flagNames = [...]string{
	"static", "local", "sticky", "extern_learn", "locked", "user",
	"activity_notify", "inactive", "norefresh", "offload", "respelt",
}

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
//
// What the flags of an entry can be: a learned one has none, or Locked. A device's
// has Extern, a control plane's Extern and User. A user's has User and what he
// asked for, of which Sticky and Local exclude each other. History makes others:
// whatever is taken over by an external learn keeps Static, Local and Sticky, and
// what a control plane owns keeps Extern when a user changes it.
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
	// Stale says that the entry has outlived the ageing time and the sweep has
	// not come to it yet: it still forwards. An entry that has aged is stale in
	// the event that tells it. Computed when the entry is shown; an entry of an
	// event is as stale as it was then.
	Stale bool
	// Seq is the number of the operation that wrote the entry last. Numbers
	// grow, so an entry that was changed and changed back is not the same.
	Seq uint64
	// Updated is when the station was last seen or the entry last changed; that a user
	// asks for what was learned is no change. Used is when it was last a destination,
	// zero if never. Both are to a tick of the table's clock.
	Updated, Used Instant
}

// State returns the state that bridge(8) prints: "permanent", "static", "stale",
// or "" for one that is just reachable (net/bridge/br_fdb.c, fdb_to_nud).
func (e Entry) State() string {
	switch {
	case e.Flags&Local != 0:
		return "permanent"
	case e.Flags&Static != 0:
		return "static"
	case e.Stale:
		return "stale"
	}
	return ""
}

// String returns the entry in one line for logs: key, port, flags, owner and what is
// special. It is not what bridge(8) prints; package show has that.
func (e Entry) String() string {
	s := fmt.Sprintf("%v port %d %v %v", e.Key, e.Port, e.Flags, e.Owner)
	if e.Offload != OffloadNone {
		s += " offload:" + e.Offload.String()
	}
	if e.Stale {
		s += " stale"
	}
	return s
}

// Hit is what the data path needs of an entry.
type Hit struct {
	// Port is where frames for the station go; 0 is the bridge itself.
	Port switchdev.PortID
	// Flags is the kind of entry, without Notify and Inactive. A hit that is
	// Local ends at the host.
	Flags Flags
}

// The flags of a hit stand in the words of the main table as they do in Flags, so
// that a lookup converts them by a shift.
const (
	hitFlags  = Static | Local | Sticky | Extern | Locked | User
	flagShift = 38
)

// This does not compile unless every flag stands where its namesake does.
var _ = [1]struct{}{}[cam.Static>>flagShift^cam.Hot(Static)|cam.Local>>flagShift^cam.Hot(Local)|cam.Sticky>>flagShift^cam.Hot(Sticky)|
	cam.Ext>>flagShift^cam.Hot(Extern)|cam.Locked>>flagShift^cam.Hot(Locked)|cam.User>>flagShift^cam.Hot(User)]

// flagsOf returns the flags of a hit.
func flagsOf(h cam.Hot) Flags { return Flags(h>>flagShift) & hitFlags }

func hotOf(f Flags) cam.Hot { return cam.Hot(f&hitFlags) << flagShift }

// flagsIn returns all flags of a value.
func flagsIn(v *overlay.Entry) Flags {
	f := flagsOf(v.Hot)
	if v.Notify {
		f |= Notify
	}
	if v.Has(cam.Inactive) {
		f |= Inactive
	}
	return f
}

// packed is an entry, without times and number.
func packed(p switchdev.PortID, f Flags, owner Owner) overlay.Entry {
	h := hotOf(f)
	if f&Inactive != 0 {
		h |= cam.Inactive
	}
	return overlay.Entry{
		Hot:  cam.MakeHot(uint16(p), h, 0),
		Cold: cam.Cold{Owner: uint8(owner), Notify: f&Notify != 0},
	}
}

// entry is the public form of a value as it is now.
func (t *Table) entry(k cam.Key, v overlay.Entry) Entry {
	e := t.entryOf(k, v)
	e.Stale = t.stale(v.Hot)
	return e
}

// expired is set in the words of a change whose entry was stale then; see
// [Table.changed].
const expired = cam.Spare

// entryOf is the public form of a value that was part of a change.
func (t *Table) entryOf(k cam.Key, v overlay.Entry) (e Entry) {
	t.fillEntry(&e, k, &v)
	return e
}

func (t *Table) fillEntry(e *Entry, k cam.Key, v *overlay.Entry) {
	e.Key, e.Port, e.Flags, e.Owner = keyOf(k), switchdev.PortID(v.Port()), flagsIn(v), Owner(v.Owner)
	e.Offload, e.Stale, e.Seq = OffloadState(v.Offload), v.Has(expired), v.Seq
	e.Updated, e.Used = t.clock.instant(v.Stamp()), t.clock.instant(v.Used)
}

func camKey(k Key) cam.Key { return cam.Key(k.Pack()) }

func keyOf(k cam.Key) Key { return switchdev.UnpackFDBKey(uint64(k)) }
