package yard

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/switchdev"
)

// refusals are what a device may answer.
var refusals = [...]error{switchdev.ErrBusy, switchdev.ErrNoSpace, switchdev.ErrPermission, switchdev.ErrOutcomeUnknown, switchdev.ErrTimeout}

// roles are those that block, where nothing may hang on a Manual bridge.
var roles = [...]hwsim.Role{hwsim.RolePort, hwsim.RoleVLAN, hwsim.RoleLAG, hwsim.RoleBridge}

type faultKind struct {
	name string
	role func(n int64) hwsim.Role
	make func(a [4]int64) hwsim.Fault
}

func rowsOnly(int64) hwsim.Role   { return hwsim.RoleFDB }
func blocking(n int64) hwsim.Role { return roles[index(n, len(roles))] }
func anyOf(n int64) hwsim.Role {
	if index(n, 3) == 0 {
		return hwsim.RoleFDB
	}
	return blocking(n / 3)
}

// faultKinds are the faults, each drawn as often.
var faultKinds = [...]faultKind{
	{"refuse", anyOf, func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultRefuse, Nth: 1 + index(a[0], 4), Count: 1 + index(a[1], 6), Err: refusals[index(a[2], len(refusals))]}
	}},
	{"refuse some", anyOf, func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultRefuse, Probability: 0.1 + 0.1*float64(index(a[0], 6)), Err: refusals[index(a[2], len(refusals))]}
	}},
	{"full", rowsOnly, func(a [4]int64) hwsim.Fault { return hwsim.Fault{Kind: hwsim.FaultFull, Rows: index(a[0], 20)} }},
	{"slow", rowsOnly, func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultSlow, Count: 1 + index(a[1], 20), Delay: time.Duration(1+index(a[0], 3000)) * time.Millisecond}
	}},
	{"hang", rowsOnly, func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultHang, Nth: 1 + index(a[0], 3), Count: 1 + index(a[1], 4), After: index(a[2], 2) == 0, Deaf: index(a[3], 3) == 0}
	}},
	{"reset", anyOf, func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultReset, Nth: 1 + index(a[0], 5), After: index(a[2], 2) == 0}
	}},
	{"partial", anyOf, func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultPartial, Nth: 1 + index(a[0], 4), Count: 1 + index(a[1], 3), Answered: index(a[2], 4), After: index(a[3], 2) == 0}
	}},
	{"lost report", nil, func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultLost, Nth: 1 + index(a[0], 4), Count: 1 + index(a[1], 4)}
	}},
	{"late report", nil, func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultLate, Count: 1 + index(a[1], 8), Delay: time.Duration(1+index(a[0], 9000)) * time.Millisecond}
	}},
	{"duplicate report", nil, func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultDuplicate, Count: 1 + index(a[1], 8), Copies: 1 + index(a[2], 3), Delay: time.Duration(index(a[0], 3000)) * time.Millisecond}
	}},
	{"reordered report", nil, func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultReorder, Count: 1 + index(a[1], 8), Behind: 1 + index(a[2], 4), Delay: time.Duration(1+index(a[0], 2000)) * time.Millisecond}
	}},
	{"ignored", func(n int64) hwsim.Role {
		return [...]hwsim.Role{hwsim.RoleFDB, hwsim.RoleVLAN, hwsim.RoleLAG}[index(n, 3)]
	}, func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultIgnore, Nth: 1 + index(a[0], 4), Count: 1 + index(a[1], 4)}
	}},
	{"misplaced", rowsOnly, func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultMisplace, Nth: 1 + index(a[0], 4), Count: 1 + index(a[1], 2)}
	}},
	{"vanished", rowsOnly, func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultVanish, Nth: 1 + index(a[0], 4), Count: 1 + index(a[1], 4), Delay: time.Duration(index(a[2], 5000)) * time.Millisecond}
	}},
	{"drifted", rowsOnly, func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultDrift, Nth: 1 + index(a[0], 4), Count: 1 + index(a[1], 2), Delay: time.Duration(index(a[2], 5000)) * time.Millisecond}
	}},
}

func (y *Yard) faultOps() (ops []sim.Op) {
	args := draw(6)
	draw := func(r *rand.Rand) ([]int64, bool) {
		a, _ := args(r)
		return a, len(y.chips) > 0
	}
	for _, f := range faultKinds {
		name := "fault." + strings.ReplaceAll(f.name, " ", "-")
		ops = append(ops, sim.Op{Name: name, Weight: 1, Draw: draw, Fault: f.name, Do: func(a []int64) { y.inject(a, f) }})
	}
	return append(ops,
		sim.Op{Name: "reset", Weight: 1, Draw: draw, Fault: "sudden reset", Do: y.reset},
		sim.Op{Name: "heal", Weight: 6, Draw: draw, Do: y.heal},
		sim.Op{Name: "pull", Weight: 1, Draw: draw, Fault: "pulled port", Do: y.pull},
		sim.Op{Name: "plug", Weight: 3, Draw: func(r *rand.Rand) ([]int64, bool) {
			a, _ := args(r)
			return a, len(y.pulled) > 0
		}, Do: y.plug},
	)
}

func (y *Yard) chipArg(a []int64) *chip {
	if len(y.chips) == 0 {
		return nil
	}
	return y.chips[index(sim.Arg(a, 0), len(y.chips))]
}

// inject lets a fault loose.
func (y *Yard) inject(a []int64, kind faultKind) {
	c := y.chipArg(a)
	if c == nil {
		return
	}
	f := kind.make([4]int64{sim.Arg(a, 1), sim.Arg(a, 2), sim.Arg(a, 3), sim.Arg(a, 4)})
	if kind.role == nil {
		f.Match.Role = hwsim.RoleReport
		c.strays, c.strayed = true, true
	} else {
		f.Match.Role = kind.role(sim.Arg(a, 5))
	}
	if f.Kind == hwsim.FaultIgnore && f.Match.Role != hwsim.RoleFDB && c.limited() {
		f.Match.Role = hwsim.RoleFDB // or the bridge believes in what can never be
	}
	c.hung = c.hung || f.Kind == hwsim.FaultHang
	switch f.Kind {
	case hwsim.FaultLost, hwsim.FaultIgnore, hwsim.FaultMisplace, hwsim.FaultVanish, hwsim.FaultDrift:
		c.lies = true
	}
	in, err := c.Inject(f)
	if err != nil {
		y.w.Fail(invInput, "Inject(%+v): %v", f, err)
	}
	y.w.Log("%s: fault %v", c.Name(), in.Fault)
	c.faults = append(c.faults, in)
	y.calm = false
}

// heal ends the oldest fault of a chip.
func (y *Yard) heal(a []int64) {
	if c := y.chipArg(a); c != nil && len(c.faults) > 0 {
		c.faults[0].Release()
		c.faults = c.faults[1:]
	}
}

// reset is a chip that loses everything.
func (y *Yard) reset(a []int64) {
	if c := y.chipArg(a); c != nil {
		y.resetChip(c)
	}
}

func (y *Yard) resetChip(c *chip) {
	y.calm = false
	if _, err := c.Reset(context.Background()); err != nil {
		y.w.Fail(invInput, "%s: Reset: %v", c.Name(), err)
	}
}

// pull takes a port out of a chip. Whoever owns the bridge hears of it, and takes it
// out of the bridge, or out of its group.
func (y *Yard) pull(a []int64) {
	c := y.chipArg(a)
	if c == nil {
		return
	}
	id := c.ports[index(sim.Arg(a, 1), len(c.ports))]
	if y.pulled[id] {
		return
	}
	y.fresh()
	y.calm, y.pulled[id] = false, true
	y.forgetAll()
	c.Port(id).Remove()
	q := y.now.by[id]
	switch {
	case q == nil:
	case q.ID == id:
		y.removePort(id)
	default:
		links := slices.DeleteFunc(slices.Clone(q.links), func(l bridge.Link) bool { return l.ID == id })
		if len(links) == 0 {
			y.removePort(q.ID)
			return
		}
		t := &task{what: fmt.Sprintf("port %v: links %v", q.ID, links), ticket: y.b.SubmitSetLinks(q.ID, links), partial: true, excused: true}
		t.ended = func(error) { y.adopted = true }
		y.submit(t)
	}
}

// plug puts one back.
func (y *Yard) plug(a []int64) {
	y.fresh()
	for _, c := range y.chips {
		if c.strayed { // that a port is gone may be told once more when the next is there
			continue
		}
		for _, id := range c.ports {
			if !y.pulled[id] || y.now.by[id] != nil || y.busy() { // whoever puts one in has taken the other out
				continue
			}
			delete(y.pulled, id)
			if _, err := c.AddPort(hwsim.PortConfig{ID: id}); err != nil {
				y.w.Fail(invInput, "%s: AddPort(%v): %v", c.Name(), id, err)
			}
			c.hook(id)
			if index(sim.Arg(a, 1), 2) == 0 {
				return
			}
		}
	}
}

// Release implements [sim.Part].
func (y *Yard) Release() {
	for _, c := range y.chips {
		c.ReleaseAll()
		c.faults = nil
	}
	y.fresh()
	for _, c := range y.chips {
		for _, id := range c.ports { // what was under way when it was pulled out
			if q := y.now.by[id]; y.pulled[id] && q != nil {
				y.removePort(q.ID)
			}
		}
	}
}

// Settling implements [sim.Part]: the longest pause twice over, and what an
// operation and the spanning tree may take.
func (y *Yard) Settling() time.Duration {
	d := 2*64*y.set.retry + 12*y.set.timeout + 2*y.set.delay + 10*time.Second
	if y.peer != nil {
		d += 2*maxAge + 2*forwardDelay
	}
	return d
}
