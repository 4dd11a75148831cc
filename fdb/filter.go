package fdb

import (
	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/switchdev"
)

// Filter selects entries for a flush. The zero Filter selects every entry, the
// bridge's own addresses included, as a bulk delete without attributes does.
type Filter struct {
	// Port restricts the filter to the entries of one port, if OnPort is set;
	// port 0 is the bridge itself.
	Port   switchdev.PortID
	OnPort bool
	// VLAN restricts it to one VLAN; 0 means every VLAN.
	VLAN switchdev.VLAN
	// Mask restricts it to entries whose flags, as far as Mask names them, are
	// those of Flags.
	Flags, Mask Flags
}

// Everything selects all entries but static ones and the bridge's own: what
// Linux flushes when an administrator writes to a bridge's flush attribute
// (br_fdb_flush).
func Everything() Filter { return Filter{Mask: Static | Local} }

// OnPort selects what leaves a port that goes down: all entries of the port but
// static ones, the bridge's own, and those of a control plane
// (br_fdb_delete_by_port, which removes these too if they are offloaded; here a
// control plane does not lose an entry because hardware was quick to take it).
func OnPort(p switchdev.PortID) Filter {
	return Filter{Port: p, OnPort: true, Mask: Static | Local | Extern}
}

// Selects reports whether the filter selects e.
func (f Filter) Selects(e Entry) bool {
	return (!f.OnPort || e.Port == f.Port) && (f.VLAN == 0 || e.VLAN == f.VLAN) && e.Flags&f.Mask == f.Flags
}

// check refuses filters that cannot be meant.
func (f Filter) check() error {
	reason := ""
	switch {
	case f.VLAN > switchdev.MaxVLAN:
		reason = "invalid vlan id"
	case f.Flags&^f.Mask != 0:
		reason = "flags outside the mask"
	case f.Mask >= flagsEnd:
		reason = "unknown flags"
	default:
		return nil
	}
	return &switchdev.OpError{Op: "fdb.flush", Reason: reason, Err: switchdev.ErrInvalid}
}

// overlay returns the filter in packed form.
func (f Filter) overlay() overlay.Filter {
	return overlay.Filter{
		Port: uint16(f.Port), ByPort: f.OnPort, VLAN: uint16(f.VLAN), ByVLAN: f.VLAN != 0,
		Mask: hotOf(f.Mask), Flags: hotOf(f.Flags),
	}
}
