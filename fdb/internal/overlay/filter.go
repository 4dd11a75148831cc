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
	// Cold restricts it to entries of a state in hardware, and Extern does so for
	// externally learned entries only. What depends on that is selected when the
	// flush is applied, among the entries that have not been learned anew since it
	// was accepted; everything else counts at once.
	Cold, Extern Cold
}

// Cold tests Entry.Offload: under Mask it must equal Want, or differ from it with
// Not. Without a Mask it selects everything.
type Cold struct {
	Mask, Want uint8
	Not        bool
}

func (c Cold) selects(offload uint8) bool {
	return c.Mask == 0 || (offload^c.Want)&c.Mask == 0 != c.Not
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

// Late reports whether some entries are selected only when the flush is applied.
func (f Filter) Late() bool { return f.Cold.Mask|f.Extern.Mask != 0 }

// Matches reports whether the flush covers an entry that is older than it, from
// the moment in which it is accepted.
func (f Filter) Matches(k cam.Key, h cam.Hot) bool {
	return f.Cold.Mask == 0 && (f.Extern.Mask == 0 || h&cam.Ext == 0) && f.concerns(k, h)
}

// Covers reports whether the flush, when it is applied, covers an entry that is
// older than it.
func (f Filter) Covers(k cam.Key, e Entry) bool {
	return f.concerns(k, e.Hot) && f.Cold.selects(e.Offload) && (e.Hot&cam.Ext == 0 || f.Extern.selects(e.Offload))
}

// concerns is the part of the filter that does not ask for the state in hardware.
func (f Filter) concerns(k cam.Key, h cam.Hot) bool {
	return h != 0 && (!f.ByPort || h.Port() == f.Port) &&
		(!f.ByVLAN || uint16(k&0xfff) == f.VLAN) && f.flags(h)
}

func (f Filter) flags(h cam.Hot) bool {
	mask := f.Mask & visibleFlags
	return mask == 0 || (h^f.Flags)&mask == 0 && f.Flags&visibleFlags&^mask == 0
}

// nothing reports whether the filter cannot select anything.
func (f Filter) nothing() bool {
	mask := f.Mask & visibleFlags
	return mask != 0 && f.Flags&visibleFlags&^mask != 0
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
	older  int  // operations in flight that a held flush waits for
	told   bool // a held flush is told to be through: it covers none of them
}

func (f *flush) kills(k cam.Key, h cam.Hot, seq uint64) bool {
	return f.seq > seq && f.Matches(k, h)
}

// covers is kills for the instant in which the flush is applied.
func (f *flush) covers(k cam.Key, e Entry) bool { return f.seq > e.Seq && f.Covers(k, e) }

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
