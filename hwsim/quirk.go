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
type Quirks uint32

// The quirks, each with the driver where it was found.
const (
	// QuirkStaleRowOnMove: rows are keyed by port too. A set leaves the row of
	// the key at its old port where it is, and a delete removes the row at
	// Entry.Port only, that which frames go by if that is 0. Frames go by the
	// newest row, unless there is QuirkOldestRowWins too.
	// Linux: rocker (ofdpa_fdb_tbl_entry's key has the port).
	QuirkStaleRowOnMove Quirks = 1 << iota
	// QuirkDeleteUserOnly: a delete or flush of a row that no user entered, or of
	// one of the bridge itself, is answered nil and not done. A user's is a row
	// that was set as FDBUser, FDBStatic or FDBExtern, and not as FDBLocal; what the
	// chip has learned is none. The delete's own flags count where they say FDBUser
	// or FDBLocal. Linux: rocker (rocker_switchdev_event_work skips what is not
	// added_by_user, or is_local).
	QuirkDeleteUserOnly
	// QuirkOffloadBeforeWrite: rows are answered nil when they are ordered and
	// written or deleted a millisecond later, in order; what the write comes to
	// nobody hears, nor does it look whether the port has left since. Linux:
	// lan966x (lan966x_fdb_port_event_work drops what
	// lan966x_mac_add_entry returns).
	QuirkOffloadBeforeWrite
	// QuirkStaticOverLearnedIgnored: a static row, or one of a control plane, for a
	// station that the chip has learned at this port is answered nil and left as
	// learned, so that it ages. Linux: lan966x (lan966x_mac_add_entry finds the
	// entry) and rocker (ofdpa_port_fdb refreshes what it finds).
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
	// QuirkOldestRowWins: rows are keyed by port too, and frames go by the oldest
	// of a key until that is gone. A station that is heard at another port gets one
	// more row there and is reported, also where an operation has fixed it
	// elsewhere; its frames are forwarded, and other stations reach it at the old
	// port until that row has aged out. A set or delete takes all rows of the key
	// with it, but see QuirkStaleRowOnMove. It does not count on a Secure chip.
	// Linux: rocker (ofdpa_flow_tbl_key has the group, which is the port, and
	// ofdpa_port_fdb knows no move; of flows that match the device takes the first).
	QuirkOldestRowWins
	// QuirkSetRowsSurviveLeave: of the rows of a port that leaves those that
	// operations have set stay. Linux: rocker (ofdpa_port_fdb_flush is for what was
	// learned; when ofdpa_port_obj_fdb_del comes, the port is in no bridge, and it
	// refuses).
	QuirkSetRowsSurviveLeave
	// QuirkRowsSurviveVLAN: what was learned at a port in a VLAN stays when the port
	// leaves the VLAN. Linux: rocker (ofdpa_port_vlan_del).
	QuirkRowsSurviveVLAN
	// QuirkUntaggedInVLANZero: where VLANs are filtered an untagged frame is in VLAN
	// 0 and not in the PVID, whether there is one or not: it is learned, reported and
	// looked up there, and every member of the domain may send it, untagged. Linux:
	// rocker (OFDPA_UNTAGGED_VID; ofdpa_port_vlan_add does nothing about the flags
	// of VLANs).
	QuirkUntaggedInVLANZero
	// QuirkAgeingAtJoin: what a port learns ages by the ageing time that the domain
	// had when the port joined or last came up; a later change is answered nil and
	// does not reach it. It is never less than a second, also where it is 0, which
	// does not keep the chip from learning. Linux: rocker (br_init_port names the
	// port and is heard, br_set_ageing_time names the bridge and is not;
	// ofdpa_fdb_cleanup runs on whole seconds).
	QuirkAgeingAtJoin
	// QuirkDownDropsLearned: what was learned at a port goes when the port is taken
	// down, or gets a state in which it does not learn, and nobody is told. Linux:
	// rocker (ofdpa_port_fdb_flush).
	QuirkDownDropsLearned
	// QuirkFloodLost: what is let in, sent and flooded goes by groups and flows of
	// VLANs, which all ports use and each change of one writes. When a port leaves, or
	// gets a state in which it does not learn, nothing that is unknown goes to the
	// others nor to the host any more, until some port gets a state in which it does;
	// when one leaves a VLAN, nothing is flooded in the VLAN until some port enters it.
	// A port that learns also sends; a frame with a tag is let in where the port is in
	// its VLAN, whether VLANs are filtered or not, leaves with it, and reaches all
	// bridges; without one it is in a VLAN of its bridge's own. A frame is looked up
	// before its source is learned. The flags of a port are heard of when they change,
	// and outlive a membership. Linux: rocker (ofdpa_port_vlan_flood_group,
	// ofdpa_port_ctrl_vlan_bridge, ofdpa_port_fwding).
	QuirkFloodLost
	quirksEnd
)

// RockerQuirks are those of Linux's rocker driver, all of them, for chips of the
// Rocker profile. What else the driver is like, and no defect, is in PortFlags (it
// can change PortLearns only), Rows (ControlledRows) and AllFloods of [Hardware].
const RockerQuirks = QuirkStaleRowOnMove | QuirkOldestRowWins | QuirkDeleteUserOnly | QuirkStaticOverLearnedIgnored |
	QuirkSetRowsSurviveLeave | QuirkRowsSurviveVLAN | QuirkUntaggedInVLANZero | QuirkAgeingAtJoin | QuirkDownDropsLearned |
	QuirkFloodLost

var quirkNames = [...]string{
	"stale-row-on-move", "delete-user-only", "offload-before-write", "static-over-learned-ignored",
	"add-outside-vlan-succeeds", "errors-swallowed", "delete-absent-fails", "static-only", "silent",
	"rows-survive-leave", "lag-rows-survive", "oldest-row-wins", "set-rows-survive-leave", "rows-survive-vlan",
	"untagged-in-vlan-zero", "ageing-at-join", "down-drops-learned", "flood-lost",
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
	if !op.Entry.Key.Valid() {
		return c.execFDB(&op, v.space)
	}
	if err := c.takes(&op); err != nil {
		return err
	}
	if c.cfg.Hardware.Quirks == 0 {
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
		} else if c.has(QuirkSetRowsSurviveLeave) {
			c.wrong(j, i, QuirkSetRowsSurviveLeave)
		}
	}
	return err
}

// driveBridge is the same for a change of a domain.
func (c *Chip) driveBridge(j *job, i int) error {
	op := &j.bridge[i]
	err := c.execBridge(op)
	if err == nil && c.has(QuirkAgeingAtJoin) && c.domain(op.Domain).outdated() {
		c.wrong(j, i, QuirkAgeingAtJoin)
	}
	return err
}

// driveVLAN is the same for a membership.
func (c *Chip) driveVLAN(j *job, i int) error {
	op := &j.vlan[i]
	err := c.execVLAN(op)
	if err == nil && op.Verb == switchdev.VLANDeleteMember && c.has(QuirkRowsSurviveVLAN) && c.holdsLearned(op.Domain, op.Port, op.VLAN) {
		c.wrong(j, i, QuirkRowsSurviveVLAN)
	}
	return err
}

// driveFlush is the same for a flush.
func (c *Chip) driveFlush(j *job, i int) error {
	err := c.execFlush(&j.flush[i])
	if err == nil && c.has(QuirkDeleteUserOnly) {
		c.wrong(j, i, QuirkDeleteUserOnly)
	}
	return err
}

// skips returns the quirk by which the driver does nothing about op and answers
// nil, 0 if it is to do it.
func (c *Chip) skips(op *switchdev.FDBOp) Quirks {
	k := makeRowKey(op.Domain, op.Entry.Key)
	if op.Verb == switchdev.FDBDelete {
		r := c.rows.rows[k]
		if c.has(QuirkStaleRowOnMove) {
			r = c.rows.at(k, op.Entry.Port)
		}
		if c.has(QuirkDeleteUserOnly) && r != nil && !usersRow(r.flags, op.Entry.Flags) {
			return QuirkDeleteUserOnly
		}
		return 0
	}
	r := c.rows.at(k, op.Entry.Port)
	fixed := op.Entry.Flags&(switchdev.FDBStatic|switchdev.FDBExtern) != 0 && op.Entry.Flags&switchdev.FDBLocal == 0
	if c.has(QuirkStaticOverLearnedIgnored) && fixed && r != nil && !r.told && r.port == op.Entry.Port {
		r.flags = r.flags&switchdev.FDBLocked | op.Entry.Flags&^switchdev.FDBHWLearned // for who deletes it
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
