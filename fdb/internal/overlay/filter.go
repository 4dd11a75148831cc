package overlay

import (
	"slices"

	"github.com/switchcore/switchcore/fdb/internal/cam"
)

// Filter says which entries a flush removes. It is comparable. The zero Filter
// covers everything, the bridge's own addresses included, as RTM_DELNEIGH with
// NLM_F_BULK and no attribute does (net/bridge/br_fdb.c, br_fdb_delete_bulk).
type Filter struct {
	// Port restricts the flush to Port if ByPort is set; port 0 is the bridge.
	Port   uint16
	ByPort bool
	// VLAN restricts it to one VLAN if ByVLAN is set; 0 is the space without.
	VLAN   uint16
	ByVLAN bool
	// Flags restricts it to entries whose flags under Mask equal Flags. Flag
	// bits outside a Mask that is not zero match nothing; without a mask Flags
	// is not looked at. Only flag bits count, and no marks.
	Mask, Flags cam.Hot
}

const visibleFlags = cam.FlagMask &^ (private | cam.Frozen | cam.Present)

// Everything is the filter that covers all entries.
func Everything() Filter { return Filter{} }

// Dynamic is the flush of IFLA_BR_FDB_FLUSH: every entry that is not static
// (nor local, which is static too).
func Dynamic() Filter { return Filter{Mask: cam.Static | cam.Local} }

// ByPort is the flush of one port on link loss or IFLA_BRPORT_FLUSH: static,
// local and externally learned entries stay (br_fdb_delete_by_port, do_all=0).
func ByPort(port uint16) Filter {
	return Filter{Port: port, ByPort: true, Mask: cam.Static | cam.Local | cam.Ext}
}

// ByPortVLAN is ByPort in one VLAN.
func ByPortVLAN(port, vlan uint16) Filter {
	f := ByPort(port)
	f.VLAN, f.ByVLAN = vlan, true
	return f
}

// AllOfPort covers every entry of a port, as its removal does.
func AllOfPort(port uint16) Filter { return Filter{Port: port, ByPort: true} }

// Matches reports whether the flush covers an entry that is older than it.
func (f Filter) Matches(k cam.Key, h cam.Hot) bool {
	return h != 0 && (!f.ByPort || h.Port() == f.Port) &&
		(!f.ByVLAN || uint16(k&0xfff) == f.VLAN) && f.flags(h)
}

func (f Filter) flags(h cam.Hot) bool {
	mask := f.Mask & visibleFlags
	return mask == 0 || (h^f.Flags)&mask == 0 && f.Flags&visibleFlags&^mask == 0
}

// match is the part of the filter that a scan can test on the hot word.
func (f Filter) match() cam.Match {
	var m cam.Match
	if f.ByPort {
		m = cam.OnPort(f.Port)
	}
	mask := f.Mask & visibleFlags
	m.Mask |= mask
	m.Want |= f.Flags & mask
	return m
}

// flush is an accepted flush. Readers look at Filter and seq only; the rest
// changes under the pending lock.
type flush struct {
	Filter
	seq    uint64
	killed int
	older  int // operations in flight that a held flush waits for
}

func (f *flush) kills(k cam.Key, h cam.Hot, seq uint64) bool {
	return f.seq > seq && f.Matches(k, h)
}

// mergeFlushes returns both lists in one, in number order.
func mergeFlushes(a, b []*flush) []*flush {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(x, y *flush) int {
		if x.seq < y.seq {
			return -1
		}
		return 1
	})
	return all
}
