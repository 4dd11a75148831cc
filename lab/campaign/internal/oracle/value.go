package oracle

import (
	"fmt"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// Value is what a station has; the zero Value is no entry.
type Value struct {
	Present bool
	Port    switchdev.PortID
	Flags   fdb.Flags
	Owner   fdb.Owner
	Updated time.Time
}

// String returns the value in short.
func (v Value) String() string {
	if !v.Present {
		return "none"
	}
	return fmt.Sprintf("%v on port %v of %v", v.Flags, v.Port, v.Owner)
}

// Of returns what an entry says.
func Of(e fdb.Entry) Value { return Value{true, e.Port, e.Flags, e.Owner, e.Updated.Time()} }

// Same compares all but the time.
func (v Value) Same(w Value) bool {
	w.Updated = v.Updated
	return v == w
}

// Hit returns the flags that Lookup shows.
func (v Value) Hit() fdb.Flags { return v.Flags &^ (fdb.Notify | fdb.Inactive) }

// Has reports whether the value has all of the flags.
func (v Value) Has(f fdb.Flags) bool { return v.Present && v.Flags&f == f }

// Ages reports whether the entry leaves when its station is not heard of: not
// what is static, of the bridge itself, or of a control plane.
func (v Value) Ages() bool {
	return v.Present && v.Flags&(fdb.Static|fdb.Local|fdb.Extern) == 0
}

// Falls reports whether the entry becomes inactive, instead of leaving, when its
// station is not heard of.
func (v Value) Falls() bool {
	return v.Present && v.Flags&(fdb.Notify|fdb.Inactive) == fdb.Notify && v.Flags&(fdb.Static|fdb.Extern) != 0
}

// Counted reports whether the entry counts as learned (fdb_n_learned): what a
// user, a control plane on his behalf or the bridge itself made does not.
func (v Value) Counted() bool { return v.Present && v.Flags&(fdb.User|fdb.Local) == 0 }

// Row is what a device that claims the entry has to hold. Nothing of locked
// ports, and no user's dynamic entry, which it could not age.
type Row struct {
	Port  switchdev.PortID
	Flags switchdev.FDBFlags
}

// Row returns the row of an entry, and whether it has one.
func (v Value) Row() (Row, bool) {
	switch {
	case !v.Present, v.Has(fdb.Locked), v.Has(fdb.User) && v.Flags&(fdb.Static|fdb.Extern) == 0:
		return Row{}, false
	}
	r := Row{Port: v.Port}
	if v.Has(fdb.Static) {
		r.Flags |= switchdev.FDBStatic
	}
	if v.Has(fdb.Local) {
		r.Flags |= switchdev.FDBLocal
	}
	if v.Has(fdb.Sticky) {
		r.Flags |= switchdev.FDBSticky
	}
	if v.Has(fdb.Extern) {
		r.Flags |= switchdev.FDBExtern
	}
	return r, true
}

// learned is what a frame from the station on port p makes of v (br_fdb_update).
func (v Value) learned(p switchdev.PortID, at time.Time) Value {
	switch {
	case !v.Present:
		return Value{Present: true, Port: p, Owner: fdb.OwnerLearned, Updated: at}
	case v.Has(fdb.Local):
		return v
	}
	v = v.renewed(at)
	v.Flags &^= fdb.Inactive
	if v.Port != p && !v.Has(fdb.Sticky) {
		v.Port = p
		if v.Has(fdb.Extern) && !v.Has(fdb.User) {
			v.Owner = fdb.OwnerLearned // a device's entry is nobody's any more
		}
		v.Flags &^= fdb.Extern | fdb.Locked
	}
	return v
}

// locked is what a frame on a locked port makes of v (br_handle_frame_finish with
// BR_PORT_MAB).
func (v Value) locked(p switchdev.PortID, at time.Time) Value {
	switch {
	case !v.Present:
		return Value{Present: true, Port: p, Flags: fdb.Locked, Owner: fdb.OwnerLearned, Updated: at}
	case v.Port == p && v.Has(fdb.Locked):
		v = v.renewed(at)
		v.Flags &^= fdb.Inactive
	}
	return v
}

func (v Value) renewed(at time.Time) Value {
	if v.Present && at.After(v.Updated) {
		v.Updated = at
	}
	return v
}

// Selects reports whether a flush with the filter removes the entry of k at once.
// The kernel's quirks: value bits outside a mask that is not zero match nothing, a
// value with a mask of zero is no filter. What depends on the state in hardware is
// not selected at once, see Late.
func Selects(f fdb.Filter, k fdb.Key, v Value) bool {
	if f.KeepExtern && v.Has(fdb.Extern) || f.Mask&fdb.InHardware != 0 {
		return false
	}
	return Concerns(f, k, v)
}

// Concerns is the part of a filter that does not ask for the state in hardware.
func Concerns(f fdb.Filter, k fdb.Key, v Value) bool {
	const hard = fdb.InHardware
	switch {
	case !v.Present, f.OnPort && v.Port != f.Port, f.VLAN != 0 && k.VLAN != f.VLAN:
		return false
	case f.Mask == 0:
		return true
	case f.Flags&^f.Mask != 0:
		return false
	}
	return v.Flags&f.Mask&^hard == f.Flags&^hard
}

// Late reports whether a flush selects some entries only when it is applied.
func Late(f fdb.Filter) bool { return f.KeepExtern || f.Mask&fdb.InHardware != 0 }
