package plant

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/switchdev"
)

// refusals are what a device may answer.
var refusals = [...]error{switchdev.ErrBusy, switchdev.ErrNoSpace, switchdev.ErrPermission, switchdev.ErrOutcomeUnknown, switchdev.ErrTimeout}

// faultKinds are the faults, each drawn as often.
var faultKinds = [...]struct {
	name string
	make func(a [4]int64) hwsim.Fault
}{
	{"refuse", func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultRefuse, Nth: 1 + index(a[0], 4), Count: 1 + index(a[1], 6), Err: refusals[index(a[2], len(refusals))]}
	}},
	{"refuse some", func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultRefuse, Probability: 0.1 + 0.1*float64(index(a[0], 6)), Err: refusals[index(a[2], len(refusals))]}
	}},
	{"full", func(a [4]int64) hwsim.Fault { return hwsim.Fault{Kind: hwsim.FaultFull, Rows: index(a[0], 20)} }},
	{"slow", func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultSlow, Count: 1 + index(a[1], 20), Delay: time.Duration(1+index(a[0], 3000)) * time.Millisecond}
	}},
	{"hang", func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultHang, Nth: 1 + index(a[0], 3), Count: 1 + index(a[1], 4), After: index(a[2], 2) == 0, Deaf: index(a[3], 3) == 0}
	}},
	{"reset", func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultReset, Nth: 1 + index(a[0], 5), After: index(a[2], 2) == 0}
	}},
	{"partial", func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultPartial, Nth: 1 + index(a[0], 4), Count: 1 + index(a[1], 3), Answered: index(a[2], 4), After: index(a[3], 2) == 0}
	}},
	{"lost report", func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultLost, Nth: 1 + index(a[0], 4), Count: 1 + index(a[1], 4)}
	}},
	{"late report", func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultLate, Count: 1 + index(a[1], 8), Delay: time.Duration(1+index(a[0], 9000)) * time.Millisecond}
	}},
	{"duplicate report", func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultDuplicate, Count: 1 + index(a[1], 8), Copies: 1 + index(a[2], 3), Delay: time.Duration(index(a[0], 3000)) * time.Millisecond}
	}},
	{"reordered report", func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultReorder, Count: 1 + index(a[1], 8), Behind: 1 + index(a[2], 4), Delay: time.Duration(1+index(a[0], 2000)) * time.Millisecond}
	}},
	{"ignored", func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultIgnore, Nth: 1 + index(a[0], 4), Count: 1 + index(a[1], 4)}
	}},
	{"misplaced", func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultMisplace, Nth: 1 + index(a[0], 4), Count: 1 + index(a[1], 2)}
	}},
	{"vanished", func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultVanish, Nth: 1 + index(a[0], 4), Count: 1 + index(a[1], 4), Delay: time.Duration(index(a[2], 5000)) * time.Millisecond}
	}},
	{"drifted", func(a [4]int64) hwsim.Fault {
		return hwsim.Fault{Kind: hwsim.FaultDrift, Nth: 1 + index(a[0], 4), Count: 1 + index(a[1], 2), Delay: time.Duration(index(a[2], 5000)) * time.Millisecond}
	}},
	{"dump", func(a [4]int64) hwsim.Fault {
		kinds := [...]hwsim.FaultKind{hwsim.FaultRefuse, hwsim.FaultHang, hwsim.FaultReset}
		return hwsim.Fault{Kind: kinds[index(a[0], len(kinds))], Count: 1, After: index(a[2], 2) == 0, Match: hwsim.Selector{Role: hwsim.RoleDump}}
	}},
}

func (p *Plant) faultOps() (ops []sim.Op) {
	draw := func(r *rand.Rand) ([]int64, bool) {
		args := make([]int64, 6)
		for i := range args {
			args[i] = r.Int64N(1 << 12)
		}
		return args, len(p.chips) > 0
	}
	for _, f := range faultKinds {
		ops = append(ops, sim.Op{Name: "fault." + word(f.name), Weight: 1, Draw: draw, Fault: f.name, Do: func(a []int64) {
			p.inject(a, f.make([4]int64{sim.Arg(a, 1), sim.Arg(a, 2), sim.Arg(a, 3), sim.Arg(a, 4)}))
		}})
	}
	return append(ops,
		sim.Op{Name: "reset", Weight: 1, Draw: draw, Fault: "sudden reset", Do: p.reset},
		sim.Op{Name: "heal", Weight: 6, Draw: draw, Do: p.heal},
	)
}

// word makes a name one word.
func word(s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] == ' ' {
			b[i] = '-'
		}
	}
	return string(b)
}

func (p *Plant) chipArg(a []int64) *chip {
	if len(p.chips) == 0 {
		return nil
	}
	return p.chips[index(sim.Arg(a, 0), len(p.chips))]
}

// inject lets a fault loose on the rows of a chip; where argument 5 says so, on
// those of one station only.
func (p *Plant) inject(a []int64, f hwsim.Fault) {
	c := p.chipArg(a)
	if c == nil {
		return
	}
	switch f.Kind {
	case hwsim.FaultLost, hwsim.FaultIgnore, hwsim.FaultMisplace, hwsim.FaultVanish, hwsim.FaultDrift:
		c.lies = true
	}
	if f.Kind >= hwsim.FaultLost && f.Kind <= hwsim.FaultReorder {
		f.Match.Role = hwsim.RoleReport
		c.deafens = true
	}
	if f.Match.Role == hwsim.RoleAny {
		f.Match.Role = hwsim.RoleFDB
		switch n := sim.Arg(a, 5); index(n, 4) {
		case 0:
			k := p.key(n / 4)
			f.Match.MAC, f.Match.VLAN = k.MAC, k.VLAN
		case 1:
			if f.Kind < hwsim.FaultMisplace { // the others strike sets only
				f.Match.Verb = "delete"
			}
		case 2:
			if f.Kind == hwsim.FaultRefuse {
				f.Match.Verb = "set"
			}
		}
	}
	sets := f.Kind == hwsim.FaultFull || f.Kind == hwsim.FaultRefuse && f.Match.Verb == "set" && !errors.Is(f.Err, switchdev.ErrOutcomeUnknown)
	c.clings = c.clings || !sets
	in, err := c.Inject(f)
	if err != nil {
		p.w.Fail(invInput, "Inject(%+v): %v", f, err)
	}
	p.w.Log("%s: fault %v", c.Name(), in.Fault)
	c.faults = append(c.faults, in)
	p.calm = false
}

// heal ends the oldest fault of a chip.
func (p *Plant) heal(a []int64) {
	if c := p.chipArg(a); c != nil && len(c.faults) > 0 {
		c.faults[0].Release()
		c.faults = c.faults[1:]
	}
}

// reset is a chip that loses everything.
func (p *Plant) reset(a []int64) {
	if c := p.chipArg(a); c != nil {
		p.calm, c.clings = false, true
		if _, err := c.Reset(context.Background()); err != nil {
			p.w.Fail(invInput, "%s: Reset: %v", c.Name(), err)
		}
	}
}

// Release implements [sim.Part].
func (p *Plant) Release() {
	for _, c := range p.chips {
		c.ReleaseAll()
		c.faults = nil
	}
}

// Settling implements [sim.Part]: the longest pause twice over, and what an
// operation may take.
func (p *Plant) Settling() time.Duration {
	return 2*64*p.set.retry + 12*p.set.timeout + 2*p.set.delay + 10*time.Second
}
