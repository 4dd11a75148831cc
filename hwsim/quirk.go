package hwsim

import (
	"strconv"
	"strings"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// Quirks are things that drivers of real chips get wrong, and that a chip gets
// wrong on request: each breaks a sentence of the contract of package switchdev
// or leaves out what Linux expects. The zero value has none. Any profile can
// have any of them. What a driver answers nil to without having done it is
// noted in [Record].Quirks and counted in [Stats].Quirks.
type Quirks uint16

// The quirks, each with the driver where it was found.
const (
	// QuirkStaleRowOnMove: rows are keyed by port too. A set leaves the row of
	// the key at its old port where it is, and a delete removes the row at
	// Entry.Port only, the newest if that is 0. Frames go by the newest row.
	// Linux: rocker (ofdpa_fdb_tbl_entry's key has the port).
	QuirkStaleRowOnMove Quirks = 1 << iota
	// QuirkDeleteUserOnly: a delete of a row that no user entered is answered
	// nil and not done. Linux: rocker (rocker_switchdev_event_work skips what
	// is not added_by_user).
	QuirkDeleteUserOnly
	// QuirkOffloadBeforeWrite: rows are answered nil when they are ordered and
	// written or deleted a millisecond later, in order; what the write comes to
	// nobody hears, nor does it look whether the port has left since. Linux:
	// lan966x (lan966x_fdb_port_event_work drops what
	// lan966x_mac_add_entry returns).
	QuirkOffloadBeforeWrite
	// QuirkStaticOverLearnedIgnored: a static row for a station that the chip
	// has learned at this port is answered nil and left as learned, so that it
	// ages. Linux: lan966x (lan966x_mac_add_entry finds the entry).
	QuirkStaticOverLearnedIgnored
	// QuirkAddOutsideVLANSucceeds: a set in a VLAN that the port is not in is
	// answered nil and not done, where VLANs are filtered. Linux: mlxsw
	// (mlxsw_sp_port_fdb_set finds no port VLAN and returns 0).
	QuirkAddOutsideVLANSucceeds
	// QuirkErrorsSwallowed: a row that was refused is answered nil. Linux: mlxsw
	// and prestera (the event work has nobody to tell; the missing offload flag
	// is the only sign).
	QuirkErrorsSwallowed
	// QuirkDeleteAbsentFails: a delete of what is not there answers ErrNotExist.
	// Linux: DSA (dsa_port_do_fdb_del).
	QuirkDeleteAbsentFails
	// QuirkStaticOnly: rows that are not static answer ErrUnsupported. Linux:
	// dpaa2-switch (dpaa2_switch_port_fdb_add_uc knows static entries).
	QuirkStaticOnly
	// QuirkSilent: the chip reports neither what it learned and aged out nor
	// that a station is alive; a dump shows its rows. Linux: the chips behind
	// DSA (they learn, and the bridge is not told).
	QuirkSilent
	// QuirkRowsSurviveLeave: the rows of a port that leaves stay. Linux: drivers
	// behind DSA without port_fast_age (dsa_port_fast_age has nobody to ask).
	QuirkRowsSurviveLeave
	// QuirkLAGRowsSurvive: the rows of a LAG stay when it leaves or ends, and are
	// those of the next LAG of that number. As a SONiC switch whose rows went by
	// a bridge port that was no more (sonic-swss#4458).
	QuirkLAGRowsSurvive
	quirksEnd
)

var quirkNames = [...]string{
	"stale-row-on-move", "delete-user-only", "offload-before-write", "static-over-learned-ignored",
	"add-outside-vlan-succeeds", "errors-swallowed", "delete-absent-fails", "static-only", "silent",
	"rows-survive-leave", "lag-rows-survive",
}

// Has reports whether all of q are in the set.
func (s Quirks) Has(q Quirks) bool { return s&q == q }

// String returns the names of the quirks with commas between, for instance
// "stale-row-on-move,silent"; of the empty set "".
func (s Quirks) String() string {
	var names []string
	for i, name := range quirkNames {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if rest := s &^ (quirksEnd - 1); rest != 0 {
		names = append(names, "quirks("+strconv.Itoa(int(rest))+")")
	}
	return strings.Join(names, ",")
}

// writeLag is how long after its answer QuirkOffloadBeforeWrite writes a row.
const writeLag = int64(time.Millisecond)

func (c *Chip) has(q Quirks) bool { return c.cfg.Hardware.Quirks&q != 0 }

// wrong notes that the driver did not do what operation i says.
func (c *Chip) wrong(j *job, i int, q Quirks) {
	c.stats.quirks.Add(1)
	c.log.quirk(j, i, q)
}

// swallow is what becomes of an operation's error on its way to the caller.
func (c *Chip) swallow(j *job, i int, err error) error {
	if err == nil || j.role != RoleFDB || !c.has(QuirkErrorsSwallowed) {
		return err
	}
	c.wrong(j, i, QuirkErrorsSwallowed)
	return nil
}

// driveFDB is the driver between an FDB operation and the table: it is where a
// fault or a quirk makes another operation of it, or none.
func (c *Chip) driveFDB(j *job, i int, v verdict) error {
	op := j.fdb[i]
	if v.misplace != nil && op.Verb == switchdev.FDBSet {
		op.Entry.Port = c.wrongPort(op.Entry.Port, v.misplace.Target)
	}
	if c.cfg.Hardware.Quirks == 0 || !op.Entry.Key.Valid() {
		return c.execFDB(&op, v.space)
	}
	if q := c.skips(&op); q != 0 {
		c.wrong(j, i, q)
		return nil
	}
	k := makeRowKey(op.Domain, op.Entry.Key)
	switch {
	case c.has(QuirkStaticOnly) && op.Verb == switchdev.FDBSet && op.Entry.Flags&(switchdev.FDBStatic|switchdev.FDBLocal) == 0:
		return c.refusal("fdb.set", op.Entry.Key.String(), "static rows only", switchdev.ErrUnsupported)
	case c.has(QuirkDeleteAbsentFails) && op.Verb == switchdev.FDBDelete && c.rows.rows[k] == nil:
		return c.refusal("fdb.delete", op.Entry.Key.String(), "", switchdev.ErrNotExist)
	case c.has(QuirkOffloadBeforeWrite):
		c.wrong(j, i, QuirkOffloadBeforeWrite)
		epoch := c.Epoch()
		c.schedule(addClamped(c.now(), writeLag), func() {
			if c.Epoch() == epoch {
				_ = c.execFDB(&op, v.space) // nobody to tell
			}
		})
		return nil
	}
	err := c.execFDB(&op, v.space)
	if c.has(QuirkStaleRowOnMove) && err == nil && c.rows.stale(k, op.Verb == switchdev.FDBSet) {
		c.wrong(j, i, QuirkStaleRowOnMove)
	}
	return err
}

// drivePort is the same for a port operation.
func (c *Chip) drivePort(j *job, i int) error {
	op := &j.port[i]
	err := c.execPort(op)
	if op.Verb == switchdev.PortLeave && err == nil {
		if c.has(QuirkRowsSurviveLeave) {
			c.wrong(j, i, QuirkRowsSurviveLeave)
		} else if c.keepsRows(op.Port) {
			c.wrong(j, i, QuirkLAGRowsSurvive)
		}
	}
	return err
}

// skips returns the quirk by which the driver does nothing about op and answers
// nil, 0 if it is to do it.
func (c *Chip) skips(op *switchdev.FDBOp) Quirks {
	r := c.rows.find(op.Domain, op.Entry.Key)
	if op.Verb == switchdev.FDBDelete {
		if c.has(QuirkDeleteUserOnly) && r != nil && r.flags&switchdev.FDBUser == 0 {
			return QuirkDeleteUserOnly
		}
		return 0
	}
	static := op.Entry.Flags&switchdev.FDBStatic != 0
	if c.has(QuirkStaticOverLearnedIgnored) && static && r != nil && !r.told && r.port == op.Entry.Port {
		return QuirkStaticOverLearnedIgnored
	}
	d, vlan := c.domains[op.Domain], op.Entry.Key.VLAN
	if c.has(QuirkAddOutsideVLANSucceeds) && d != nil && d.filtering && vlan != switchdev.NoVLAN &&
		op.Entry.Port != switchdev.PortHost && op.Entry.Flags&switchdev.FDBLocal == 0 {
		if m := d.vlans[op.Entry.Port]; m == nil || !m.member.Contains(vlan) {
			return QuirkAddOutsideVLANSucceeds
		}
	}
	return 0
}
