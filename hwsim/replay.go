package hwsim

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// replay carries out what was executed, in that order, on the model.
func (a *auditor) replay() {
	var order []*Record
	for i := range a.history.Records {
		if r := &a.history.Records[i]; r.Executed.Seq != 0 {
			order = append(order, r)
		}
	}
	slices.SortStableFunc(order, func(x, y *Record) int { return cmp.Compare(x.Executed.Seq, y.Executed.Seq) })
	a.forget()
	for _, r := range order {
		a.checkEpoch(r)
		a.checkBudget(r)
		switch r.Role {
		case RolePort:
			a.replayPort(r)
		case RoleLAG:
			a.replayLAG(r)
		case RoleBridge:
			if r.Outcome == nil && r.Filtering != 0 {
				a.filtering[r.Domain] = r.Filtering > 0
			}
		case RoleVLAN:
			a.replayVLAN(r)
		case RoleFDB:
			a.replayFDB(r)
		case RoleReset:
			if r.Outcome == nil {
				a.forget()
				a.cleared = true
			}
		}
	}
}

func (a *auditor) forget() {
	a.rows = make(map[rowKey]wantedRow)
	a.touched = make(map[rowKey]bool)
	a.members = make(map[memberKey]bool)
	a.filtering = make(map[switchdev.Domain]bool)
	a.left = make(map[portKey]bool)
	a.corrupt = make(map[rowKey]string)
	a.corruptMember = make(map[memberKey]bool)
	a.corruptLAG = make(map[switchdev.PortID]bool)
	a.joined = make(map[portKey]bool)
	if a.ended == nil {
		a.ended = make(map[switchdev.PortID]bool)
	}
	for id := range a.lags {
		a.ended[id] = true // a reset loses them
	}
	a.lags = make(map[switchdev.PortID][]switchdev.PortID)
	if a.gone == nil {
		a.gone = make(map[switchdev.PortID]bool)
	}
}

// knowsAll reports whether the model knows everything that the chip holds.
func (a *auditor) knowsAll() bool { return a.history.Whole || a.cleared }

func (a *auditor) checkEpoch(r *Record) {
	reset := r.Role == RoleReset && r.Outcome == nil
	switch {
	case r.Epoch == 0:
		return // judged by answers
	case r.Role == RoleReport:
		return // of a reset it is made, and may be lost, before the reset is over
	case a.epoch == 0:
	case r.Epoch < a.epoch:
		a.blame(RuleEpoch, r, "epoch %d after epoch %d", r.Epoch, a.epoch)
	case reset && r.Epoch == a.epoch:
		a.blame(RuleEpoch, r, "reset without a new epoch")
	case !reset && r.Epoch > a.epoch:
		a.blame(RuleEpoch, r, "epoch %d after epoch %d without a reset", r.Epoch, a.epoch)
	}
	a.epoch = max(a.epoch, r.Epoch)
}

func (a *auditor) checkBudget(r *Record) {
	l, u := a.history.Limits, r.After
	switch {
	case l.FDB > 0 && u.FDB > l.FDB:
		a.blame(RuleBudget, r, "%d rows of %d", u.FDB, l.FDB)
	case l.VLANs > 0 && u.VLANs > l.VLANs:
		a.blame(RuleBudget, r, "%d VLAN memberships of %d", u.VLANs, l.VLANs)
	case l.LAGs > 0 && u.LAGs > l.LAGs:
		a.blame(RuleBudget, r, "%d LAGs of %d", u.LAGs, l.LAGs)
	case l.Shared > 0 && u.FDB+u.VLANs+u.Flows+u.Headers > l.Shared:
		a.blame(RuleBudget, r, "%d of a shared budget of %d", u.FDB+u.VLANs+u.Flows+u.Headers, l.Shared)
	}
}

func (a *auditor) replayPort(r *Record) {
	if r.Outcome != nil {
		return
	}
	switch r.Verb {
	case "join":
		a.checkLAG(r)
		delete(a.left, portKey{r.Domain, r.Port})
		a.joined[portKey{r.Domain, r.Port}] = true
	case "added":
		delete(a.gone, r.Port)
		delete(a.ended, r.Port)
	case "leave":
		if r.Quirks != 0 {
			a.suspectRows(r, func(k rowKey, w wantedRow) bool { return k.domain == r.Domain && w.port == r.Port })
		}
		a.withdraw(func(d switchdev.Domain, p switchdev.PortID) bool { return d == r.Domain && p == r.Port })
		a.left[portKey{r.Domain, r.Port}] = true
		delete(a.joined, portKey{r.Domain, r.Port})
	case "gone":
		a.endLAG(r.Port)
		a.loseLink(r.Port)
		a.withdraw(func(_ switchdev.Domain, p switchdev.PortID) bool { return p == r.Port })
		a.gone[r.Port] = true
	}
}

// corrupting are the faults by which a row becomes other than was answered.
const corrupting = FaultKinds(1<<FaultIgnore | 1<<FaultMisplace)

// suspect notes that the row of k may be wrong, and that r is why.
func (a *auditor) suspect(k rowKey, r *Record) {
	why := r.Verb
	if r.Faults&corrupting != 0 {
		why = (r.Faults & corrupting).String()
	} else if r.Quirks != 0 {
		why = r.Quirks.String()
	}
	a.corrupt[k] = why
}

func (a *auditor) suspectRows(r *Record, match func(rowKey, wantedRow) bool) {
	for k, w := range a.rows {
		if match(k, w) {
			a.suspect(k, r)
		}
	}
}

// blameRow reports a row that is not as it ought to be: as corruption, where that
// is known.
func (a *auditor) blameRow(rule Rule, k rowKey, format string, args ...any) {
	text := fmt.Sprintf("domain %d %s: ", k.domain, switchdev.UnpackFDBKey(k.key)) + fmt.Sprintf(format, args...)
	if why, ok := a.corrupt[k]; ok {
		if rule == RuleFold { // once is enough
			a.blame(RuleCorrupt, nil, "%s (%s)", text, why)
		}
		return
	}
	a.blame(rule, nil, "%s", text)
}

func (a *auditor) withdraw(match func(switchdev.Domain, switchdev.PortID) bool) {
	for k, w := range a.rows {
		if match(k.domain, w.port) && w.flags&switchdev.FDBLocal == 0 {
			delete(a.rows, k)
		}
	}
	for k := range a.members {
		if match(k.domain, k.port) {
			delete(a.members, k)
		}
	}
	for k := range a.joined {
		if match(k.domain, k.port) {
			delete(a.joined, k)
		}
	}
}

func (a *auditor) checkLeft(r *Record) {
	if r.Outcome == nil && !a.checkLAG(r) && (a.left[portKey{r.Domain, r.Port}] || a.gone[r.Port]) {
		a.blame(RuleLeave, r, "%s.%s on port %d, which has left", r.Role, r.Verb, r.Port)
	}
}

func (a *auditor) replayVLAN(r *Record) {
	k := memberKey{r.Domain, r.Port, r.Key.VLAN}
	suspect := a.corruptMember[k]
	a.corruptMember[k] = suspect && r.Outcome != nil || r.Faults.Has(FaultIgnore)
	if r.Outcome != nil {
		if a.members[k] == (r.Verb == "set") && a.excuse(r) && !suspect {
			a.blame(RuleRepeat, r, "repeated and refused")
		}
		return
	}
	if r.Verb == "set" {
		a.checkLeft(r)
		if a.members[k] && r.Before != r.After && !suspect {
			a.blame(RuleRepeat, r, "repeated, and the use of the tables went from %+v to %+v", r.Before, r.After)
		}
		a.members[k] = true
		return
	}
	for rk, w := range a.rows {
		key := switchdev.UnpackFDBKey(rk.key)
		if a.filtering[r.Domain] && rk.domain == r.Domain && w.port == r.Port && key.VLAN == r.Key.VLAN && w.flags&switchdev.FDBLocal == 0 {
			a.blame(RuleVLAN, r, "membership deleted before the row of %s", key)
		}
	}
	delete(a.members, k)
}

// excuse reports whether a refused repeat has none: no fault, and no reason in
// the operation or the port itself.
func (a *auditor) excuse(r *Record) bool {
	return a.knowsAll() && !r.Injected && !a.gone[r.Port] && r.Token != 0 && isNoSpace(r.Outcome)
}

func (a *auditor) replayFDB(r *Record) {
	k := makeRowKey(r.Domain, r.Key)
	if r.Batch == 0 {
		a.suspect(k, r) // it changed by itself
		return
	}
	held, holds := a.rows[k]
	_, suspect := a.corrupt[k]
	if r.Outcome != nil {
		if holds && r.Verb == "set" && a.excuse(r) && !suspect {
			a.blame(RuleRepeat, r, "no space for a row that is there")
		}
		if r.Before != r.After {
			a.blame(RuleRepeat, r, "refused, and the use of the tables went from %+v to %+v", r.Before, r.After)
		}
		return
	}
	// A quirk may leave rows behind that a sound operation does not clear away.
	if r.Faults&corrupting != 0 || r.Quirks != 0 {
		a.suspect(k, r)
		suspect = true
	} else {
		delete(a.corrupt, k)
	}
	a.touched[k] = true
	if r.Verb == "delete" {
		if !holds && a.knowsAll() && r.After.FDB > r.Before.FDB {
			a.blame(RuleRepeat, r, "deleting grew the table")
		}
		delete(a.rows, k)
		return
	}
	want := wantedRow{r.Port, r.Flags &^ switchdev.FDBHWLearned, r.Gen}
	if want.flags&switchdev.FDBLocal == 0 { // else the port may be another device's by now
		a.checkLeft(r)
	}
	// What the chip had learned beside the row goes: the use may fall.
	if holds && held.port == want.port && held.flags == want.flags && r.After.FDB > r.Before.FDB && !suspect {
		a.blame(RuleRepeat, r, "repeated, and the use of the tables went from %+v to %+v", r.Before, r.After)
	}
	vlan := r.Key.VLAN
	if a.knowsAll() && a.filtering[r.Domain] && vlan != 0 && r.Port != 0 && want.flags&switchdev.FDBLocal == 0 && !a.members[memberKey{r.Domain, r.Port, vlan}] {
		a.blame(RuleVLAN, r, "port %d is not a member of VLAN %d", r.Port, vlan)
	}
	a.rows[k] = want
}

// compare holds the rows at the end against the model's.
func (a *auditor) compare() {
	have := make(map[rowKey]wantedRow)
	for _, row := range a.history.Rows {
		if row.Flags&switchdev.FDBHWLearned != 0 {
			continue
		}
		k, got := makeRowKey(row.Domain, row.Key), wantedRow{row.Port, row.Flags, row.Gen}
		if first, second := have[k]; second {
			a.blameRow(RuleFold, k, "rows at port %d and at port %d", first.port, got.port)
			continue
		}
		have[k] = got
	}
	for _, k := range sortedRowKeys(a.rows) {
		if got, ok := have[k]; !ok {
			a.blameRow(RuleFold, k, "no row, want port %d", a.rows[k].port)
		} else if got != a.rows[k] {
			a.blameRow(RuleFold, k, "row %+v, want %+v", got, a.rows[k])
		}
	}
	for _, k := range sortedRowKeys(have) {
		if _, ok := a.rows[k]; !ok && (a.knowsAll() || a.touched[k]) {
			a.blameRow(RuleFold, k, "a row that nobody set")
		}
	}
}

func sortedRowKeys(rows map[rowKey]wantedRow) []rowKey {
	keys := make([]rowKey, 0, len(rows))
	for k := range rows {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compareRowKey)
	return keys
}

func isNoSpace(err error) bool { return errors.Is(err, switchdev.ErrNoSpace) }
