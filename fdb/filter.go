package fdb

import (
	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/switchdev"
)

// Filter selects entries for a flush. The zero Filter selects every entry, the
// bridge's own addresses included, as a bulk delete without attributes does
// (RTM_DELNEIGH with NLM_F_BULK; net/bridge/br_fdb.c, br_fdb_delete_bulk).
//
// What the words of "bridge fdb flush dev br0 ..." are:
//
//	(none)           Filter{}
//	brport p         Filter{Port: p, OnPort: true}
//	vlan v           Filter{VLAN: v}
//	dynamic          Filter{Mask: Static | Local}
//	static           Filter{Mask: Static | Local, Flags: Static}
//	permanent        Filter{Mask: Local, Flags: Local}
//	nopermanent      Filter{Mask: Local}
//	nostatic         Filter{Mask: Static}
//	nodynamic        Filter{Mask: Static, Flags: Static}
//	added_by_user    Filter{Mask: User, Flags: User}
//	noadded_by_user  Filter{Mask: User}
//	extern_learn     Filter{Mask: Extern, Flags: Extern}
//	sticky           Filter{Mask: Sticky, Flags: Sticky}
//	offloaded        Filter{Mask: InHardware, Flags: InHardware}
//
// and so on; several words are put together by or.
type Filter struct {
	// Port restricts the filter to the entries of one port, if OnPort is set;
	// port 0 is the bridge itself.
	Port   switchdev.PortID
	OnPort bool
	// VLAN restricts it to one VLAN; 0 means every VLAN.
	VLAN switchdev.VLAN
	// Mask restricts it to entries whose flags, as far as Mask names them, are
	// those of Flags. As in Linux, Flags without a Mask restrict nothing, and
	// flags that a Mask does not name select nothing. Notify, Inactive, NoRefresh
	// and Respelt cannot be selected by.
	//
	// What Mask selects by InHardware it selects when the flush is applied, not
	// when it is submitted, and spares what was learned anew meanwhile.
	Flags, Mask Flags
	// KeepExtern spares the Extern entries that are not Offloaded when the flush
	// is applied. So a control plane loses no entry that hardware does not have.
	KeepExtern bool
}

// Everything selects all entries, the bridge's own addresses included: "bridge fdb
// flush dev br0". It is the zero Filter.
func Everything() Filter { return Filter{} }

// Dynamic selects all entries but static ones and the bridge's own: "ip link set
// br0 type bridge fdb_flush" (br_fdb_flush), and "bridge fdb flush dev br0
// dynamic".
func Dynamic() Filter { return Filter{Mask: Static | Local} }

// OnPort selects what leaves a port that goes down: all entries of the port but
// static ones, the bridge's own, and those of a control plane or a device that
// are not in hardware: "ip link set p1 type bridge_slave fdb_flush", "ip link set
// p1 down", and the loss of the carrier (br_fdb_delete_by_port).
func OnPort(p switchdev.PortID) Filter {
	return Filter{Port: p, OnPort: true, Mask: Static | Local, KeepExtern: true}
}

// Selects reports whether the filter selects e.
func (f Filter) Selects(e Entry) bool {
	flags := e.Flags
	if e.Offload == Offloaded {
		flags |= InHardware
	}
	switch {
	case f.OnPort && e.Port != f.Port, f.VLAN != 0 && e.VLAN != f.VLAN:
		return false
	case f.KeepExtern && flags&(Extern|InHardware) == Extern:
		return false
	}
	return f.Mask == 0 || flags&f.Mask == f.Flags
}

// selectable are the flags that a filter can name. Linux: FDB_FLUSH_ALLOWED_NDM_FLAGS
// and _STATES, and internally BR_FDB_LOCKED.
const selectable = Static | Local | Sticky | Extern | Locked | User | InHardware

// check refuses filters that cannot be meant.
func (f Filter) check() error {
	switch {
	case f.VLAN > switchdev.MaxVLAN:
		return &switchdev.OpError{Op: "fdb.flush", Reason: "integer out of range", Err: switchdev.ErrRange}
	case (f.Flags|f.Mask)&^selectable != 0:
		return &switchdev.OpError{Op: "fdb.flush", Reason: "unsupported flags", Err: switchdev.ErrInvalid}
	}
	return nil
}

// offloadBits are those of a value's Offload that hold an OffloadState.
const offloadBits = 3

// overlay returns the filter in packed form.
func (f Filter) overlay() overlay.Filter {
	o := overlay.Filter{Port: uint16(f.Port), ByPort: f.OnPort, VLAN: uint16(f.VLAN), ByVLAN: f.VLAN != 0}
	switch {
	case f.Mask == 0:
	case f.Flags&^f.Mask != 0:
		o.Mask, o.Flags = cam.Static, cam.Local // nothing
	default:
		o.Mask, o.Flags = hotOf(f.Mask), hotOf(f.Flags)
		if f.Mask&InHardware != 0 {
			o.Cold = overlay.Cold{Mask: offloadBits, Want: uint8(Offloaded), Not: f.Flags&InHardware == 0}
		}
	}
	if f.KeepExtern {
		o.Extern = overlay.Cold{Mask: offloadBits, Want: uint8(Offloaded)}
	}
	return o
}
