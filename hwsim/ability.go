package hwsim

import (
	"strconv"

	"github.com/switchcore/switchcore/switchdev"
)

// Rows is which rows a chip's driver takes from operations. Others answer
// ErrUnsupported and leave what there is as it is; a delete is taken whatever it
// is of. The zero value is AllRows.
type Rows uint8

// The kinds of rows that a driver takes.
const (
	// AllRows are those that the contract has.
	AllRows Rows = iota
	// ControlledRows are static ones and those of a control plane (FDBExtern), but
	// none of the bridge itself (FDBLocal): not what software has learned, nor what a
	// user entered to age. Frames for the bridge itself reach the host as those of a
	// station that the chip does not know. Linux: rocker, to which
	// br_switchdev_fdb_notify tells no dynamic entry of a user, and
	// rocker_switchdev_event takes what is added_by_user and not is_local.
	ControlledRows
	numRows
)

var rowsNames = [numRows]string{"all", "controlled"}

// String returns "all" or "controlled".
func (r Rows) String() string {
	if r < numRows {
		return rowsNames[r]
	}
	return "rows(" + strconv.Itoa(int(r)) + ")"
}

// takes refuses a set of a row that the driver does not take.
func (c *Chip) takes(op *switchdev.FDBOp) error {
	if c.cfg.Hardware.Rows == AllRows || op.Verb != switchdev.FDBSet || usersRow(op.Entry.Flags&^switchdev.FDBUser, 0) {
		return nil
	}
	return c.refusal("fdb.set", op.Entry.Key.String(), "no such rows in hardware", switchdev.ErrUnsupported)
}

// usersRow reports whether the driver takes a row with these flags for one that a
// user entered, by the row's flags or by those of the operation that it is of.
func usersRow(row, op switchdev.FDBFlags) bool {
	const user = switchdev.FDBUser | switchdev.FDBStatic | switchdev.FDBExtern
	return (row|op)&switchdev.FDBLocal == 0 && (row&user != 0 || op&switchdev.FDBUser != 0)
}

// fixedFlags returns the flags that op changes and the driver cannot.
func (c *Chip) fixedFlags(op *switchdev.PortOp, p *Port) switchdev.PortFlags {
	can, was := c.cfg.Hardware.PortFlags, p.flags
	if can == 0 {
		return 0
	}
	if op.Verb == switchdev.PortJoin {
		was = switchdev.DefaultPortFlags
	}
	return (was ^ op.Flags) & op.FlagMask &^ can
}
