package hwsim

import (
	"strconv"
	"strings"
)

// FaultKind is what a [Fault] does to an operation or a report.
type FaultKind uint8

// The kinds of faults. All but the four of reports strike operations.
const (
	// FaultRefuse answers Err and changes nothing.
	FaultRefuse FaultKind = iota + 1
	// FaultFull makes the forwarding database hold no more than Rows rows: a
	// set of a key that has no row is answered ErrNoSpace beyond that.
	FaultFull
	// FaultSlow lets the operation take Delay longer. It has no effect on
	// dumps and on blocking calls of a Manual chip.
	FaultSlow
	// FaultHang stops the operation, and the batches behind it in its role,
	// until the fault is released, the batch's ctx ends, or the chip is reset
	// or closed. A dump is answered ErrBusy.
	FaultHang
	// FaultReset resets the chip.
	FaultReset

	// FaultLost: the report never comes.
	FaultLost
	// FaultLate: the report comes Delay later. Reports that were made after it
	// do not wait for it, nor does a reset end it.
	FaultLate
	// FaultDuplicate: the report comes Copies times more, after Delay.
	FaultDuplicate
	// FaultReorder: the report comes behind the next Behind ones, or after
	// Delay if so many do not come.
	FaultReorder

	// FaultPartial ends the batch early: the operation and those behind it get
	// no result (their token stays 0) and are not executed, or, with After, are.
	// A dump ends with ErrBusy when it has yielded Answered rows.
	FaultPartial
	// FaultIgnore: the operation is answered nil and not executed. It strikes
	// rows, VLAN memberships, LAGs and flushes.
	FaultIgnore
	// FaultMisplace: the row is written with another port and answered nil.
	FaultMisplace
	// FaultVanish: the row that is set disappears by itself after Delay, and
	// nobody is told.
	FaultVanish
	// FaultDrift: the row that is set moves to another port by itself after
	// Delay, and nobody is told.
	FaultDrift
	// FaultGone removes a port, as [Port.Remove] does. After Delay its number
	// comes back as another port.
	FaultGone

	// NumFaultKinds is the number of kinds, counting the zero, which is none.
	NumFaultKinds
)

var faultNames = [NumFaultKinds]string{
	FaultRefuse: "refuse", FaultFull: "full", FaultSlow: "slow", FaultHang: "hang", FaultReset: "reset",
	FaultLost: "lost", FaultLate: "late", FaultDuplicate: "duplicate", FaultReorder: "reorder",
	FaultPartial: "partial", FaultIgnore: "ignore", FaultMisplace: "misplace", FaultVanish: "vanish",
	FaultDrift: "drift", FaultGone: "gone",
}

// String returns the kind's name as [ParseFault] reads it, for instance "slow".
func (k FaultKind) String() string {
	if k < NumFaultKinds && faultNames[k] != "" {
		return faultNames[k]
	}
	return "fault(" + strconv.Itoa(int(k)) + ")"
}

// ofReports reports whether the kind strikes reports instead of operations.
func (k FaultKind) ofReports() bool { return k >= FaultLost && k <= FaultReorder }

// setsOnly reports whether the kind strikes sets of rows only.
func (k FaultKind) setsOnly() bool {
	return k == FaultMisplace || k == FaultVanish || k == FaultDrift
}

// strikes reports whether the kind may strike operations of the role.
func (k FaultKind) strikes(r Role) bool {
	switch k {
	case FaultLost, FaultLate, FaultDuplicate, FaultReorder:
		return r == RoleReport
	case FaultFull, FaultMisplace, FaultVanish, FaultDrift:
		return r == RoleFDB
	case FaultIgnore:
		return r == RoleFDB || r == RoleVLAN || r == RoleLAG || r == RoleFlush
	case FaultPartial:
		return r != RoleReport && r != RoleReset
	case FaultGone:
		return r != RoleReport && r != RoleReset && r != RoleDump
	}
	return r != RoleReport
}

// FaultKinds is a set of kinds.
type FaultKinds uint32

// Has reports whether k is in the set.
func (s FaultKinds) Has(k FaultKind) bool { return k < NumFaultKinds && s&(1<<k) != 0 }

// String returns the names of the kinds with commas between, for instance
// "slow,ignore"; of the empty set "".
func (s FaultKinds) String() string {
	var names []string
	for k := FaultRefuse; k < NumFaultKinds; k++ {
		if s.Has(k) {
			names = append(names, k.String())
		}
	}
	return strings.Join(names, ",")
}
