package yard

import (
	"errors"
	"maps"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/lab/campaign/internal/oracle"
	"github.com/switchcore/switchcore/switchdev"
)

// Rest implements [sim.Part]: faults are over and time has passed, so everything
// has an outcome, and bridge and devices agree.
func (y *Yard) Rest() {
	y.read()
	y.Release()
	if len(y.tasks) > 0 { // what has turned up of a port that was pulled out
		y.w.Pass(y.Settling())
	}
	if len(y.tasks) > 0 {
		y.w.Fail(invDeadline, "%s has not ended", y.tasks[0].what)
	}
	for i := 0; i < 50 && !y.quiet(); i++ {
		y.w.Pass(100 * time.Millisecond)
	}
	y.poll()
	y.calm = true
	y.tree()
	for _, c := range y.chips {
		y.holds(c)
		c.strays = false
	}
	y.probe()
	y.Check()
	y.entries()
}

// read has the devices that may have lied begin anew: only so can the bridge find
// out.
func (y *Yard) read() {
	lied := false
	for _, c := range y.chips {
		if c.lies {
			lied = true
			y.resetChip(c)
		}
	}
	if lied {
		y.w.Pass(y.Settling())
	}
	for _, c := range y.chips {
		c.lies = false
	}
}

// quiet reports whether nothing is under way in the chips.
func (y *Yard) quiet() bool {
	for _, c := range y.chips {
		if len(c.Operations()) > 0 {
			return false
		}
	}
	return true
}

// holds compares a chip with the bridge.
func (y *Yard) holds(c *chip) {
	if n := len(c.Operations()); n > 0 && !c.bounded() {
		y.w.Fail(invConverge, "%s still works at %d batches", c.Name(), n)
	}
	vlans, lags, ports := 0, 0, 0
	for _, p := range y.now.ports {
		if p.Device != c.Name() {
			continue
		}
		ports++
		vlans += len(p.vlans)
		if len(p.links) > 0 {
			lags++
		}
	}
	if ports > 0 {
		vlans += len(y.shows(c))
	}
	u := c.Usage()
	if c.limited() { // what it had room for while nobody knew that it was reset may not all fit
		vlans, lags = min(u.VLANs, vlans), min(u.LAGs, lags)
	}
	if u.VLANs != vlans || u.LAGs != lags {
		y.w.Fail(invConverge, "%s has %d memberships and %d groups, want %d and %d", c.Name(), u.VLANs, u.LAGs, vlans, lags)
	}
	y.holdsRows(c, ports > 0)
}

// shows returns the VLANs in which a chip is to show frames to software: those of the
// host, of the ports that it does not have, and where software learns of its own too.
func (y *Yard) shows(c *chip) membership {
	all := maps.Clone(y.now.host)
	for _, p := range y.now.ports {
		for v := range p.vlans {
			if y.now.filtering && (!y.set.learns || p.Device != c.Name()) {
				all[v] |= 0
			}
		}
	}
	return all
}

// holdsRows compares the rows of a chip with what it is to hold.
func (y *Yard) holdsRows(c *chip, member bool) {
	told, own := c.rows()
	wanted := make(map[fdb.Key]bool)
	for e := range y.table.Snapshot().All() {
		want, ok := oracle.Of(e).Row()
		p := y.now.port(e.Port)
		claimed := p != nil && p.Device == c.Name() || member && e.Flags&fdb.Local != 0
		if !ok || !claimed || c.declines(want.Flags) {
			continue
		}
		wanted[e.Key] = true
		r, there := told[e.Key]
		switch {
		case !there && c.bounded():
		case !there && c.hung: // a port that left meanwhile took rows with it that the table could not withdraw
		case !there && y.set.learns && own[e.Key].Port == e.Port && want.Flags == 0:
		case !there || r.Port != want.Port || r.Flags != want.Flags:
			y.recount(c, e.Key)
			y.w.Fail(invConverge, "%s holds %+v %v of %v, want %+v", c.Name(), r, there, e, want)
		}
	}
	for k, r := range told {
		if !wanted[k] {
			y.w.Fail(invConverge, "%s holds %v: %+v, which nobody wants", c.Name(), k, r)
		}
	}
	for k, r := range own {
		if p := y.now.port(r.Port); p == nil || p.Device != c.Name() {
			y.w.Fail(invConverge, "%s has learned %v on %v, which is no port of it", c.Name(), k, r.Port)
		}
	}
}

// recount logs what was done to a row.
func (y *Yard) recount(c *chip, k fdb.Key) {
	for r := range c.Log() {
		if r.Role == hwsim.RolePort || r.Role == hwsim.RoleFDB && r.Key == k {
			y.w.Log("%s: %v", c.Name(), r)
		}
	}
}

// Close implements [sim.Part].
func (y *Yard) Close() {
	if y.set.abrupt {
		y.closeAbruptly()
	} else {
		y.closeInOrder()
	}
	if y.peer != nil {
		if err := y.peer.b.Close(); err != nil {
			y.w.Fail(invClose, "the other bridge: Close: %v", err)
		}
	}
	for _, c := range y.chips {
		if err := c.Chip.Close(); err != nil {
			y.w.Fail(invClose, "%s: Close: %v", c.Name(), err)
		}
		for _, v := range c.Audit() {
			// What faults made of an operation is no fault of whoever drove the chip.
			const broke = 1<<hwsim.FaultIgnore | 1<<hwsim.FaultMisplace
			if v.Rule != hwsim.RuleCorrupt && v.Record.Faults&broke == 0 && !excused(v) {
				y.w.Fail(invAudit, "%s: %v", c.Name(), v)
			}
		}
	}
}

// excused: a device that was slow may be late with what it was handed before. The rows
// of static entries stay where a port leaves a VLAN, as in Linux, and after a reset the
// table may be sooner with a row than the port is back.
func excused(v hwsim.Violation) bool {
	late := v.Record.Faults&(1<<hwsim.FaultSlow|1<<hwsim.FaultHang) != 0
	switch v.Rule {
	case hwsim.RuleLeave, hwsim.RuleLAG:
		return late
	case hwsim.RuleVLAN:
		const stay = switchdev.FDBStatic | switchdev.FDBExtern
		return late || v.Record.Epoch > 1 || v.Record.Verb == "delete" || v.Record.Role == hwsim.RoleFDB && v.Record.Flags&stay != 0
	}
	return false
}

// closeInOrder removes the ports first, and then nothing is left.
func (y *Yard) closeInOrder() {
	for _, p := range y.now.ports {
		y.removePort(p.ID)
	}
	y.w.Pass(y.Settling())
	y.poll()
	if err := y.b.Close(); err != nil {
		y.w.Fail(invClose, "Close: %v", err)
	}
	for _, c := range y.chips {
		if rows, u := c.Rows(), c.Usage(); len(rows) > 0 || u != (switchdev.Usage{}) {
			y.w.Fail(invClose, "after Close %s holds %v, and uses %+v", c.Name(), rows, u)
		}
	}
}

// closeAbruptly closes the bridge while things are under way.
func (y *Yard) closeAbruptly() {
	tickets := []waiter{
		y.b.SubmitSetAgeing(time.Minute), y.b.SubmitSetFiltering(!y.model.filtering), y.b.SubmitRemovePort(1),
		y.b.SubmitAddVLANs(softwareFrom, setOf([]switchdev.VLAN{1, 2}), 0),
	}
	err := y.b.Close()
	if err != nil && !errors.Is(err, switchdev.ErrDeviceUnavailable) && !errors.Is(err, switchdev.ErrOutcomeUnknown) && !errors.Is(err, switchdev.ErrClosed) {
		y.w.Fail(invClose, "Close: %v", err)
	}
	tickets = append(tickets, y.b.SubmitRemovePort(1), y.b.SubmitSetUp(false))
	for i, k := range tickets {
		if !over(k) {
			y.w.Fail(invClose, "after Close operation %d has not ended", i)
		}
	}
	if again := y.b.Close(); again != err {
		y.w.Fail(invClose, "Close again: %v, not %v", again, err)
	}
}
