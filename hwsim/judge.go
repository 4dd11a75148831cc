package hwsim

import (
	"math/rand/v2"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// verdict is what the faults have in store for one operation.
type verdict struct {
	err         error
	delay       time.Duration
	space       int // negative: not bounded
	hang        *Injected
	resetBefore bool
	resetAfter  bool
	cut, mute   bool // the batch ends here, without or with execution
	answered    int  // of a dump that is cut: the rows before
	ignore      bool
	misplace    *Fault
	decays      []*Fault // FaultVanish and FaultDrift
	goneBefore  *Fault
	goneAfter   *Fault
	struck      FaultKinds
}

// judge asks the faults about an operation that has index others before it in
// its batch. Under mu.
func (c *Chip) judge(op Operation, index int) verdict {
	v := verdict{space: -1}
	for _, in := range c.faults {
		if !in.Fault.Kind.ofReports() && in.strikes(&op, index) {
			v.struck |= 1 << in.Fault.Kind
			v.add(c, in, &op)
		}
	}
	return v
}

func (v *verdict) add(c *Chip, in *Injected, op *Operation) {
	switch f := &in.Fault; f.Kind {
	case FaultRefuse:
		if v.err == nil {
			v.err = c.refusal(op.Role.String()+"."+op.Verb, op.Key.String(), "injected fault", f.Err)
		}
	case FaultFull:
		if v.space < 0 || f.Rows < v.space {
			v.space = f.Rows
		}
	case FaultSlow:
		v.delay += f.Delay
	case FaultHang:
		if v.hang == nil {
			v.hang = in
		}
	case FaultReset:
		v.resetBefore = v.resetBefore || !f.After
		v.resetAfter = v.resetAfter || f.After
	case FaultPartial:
		v.cut = v.cut || !f.After
		v.mute = v.mute || f.After
		v.answered = f.Answered
	case FaultIgnore:
		v.ignore = true
	case FaultMisplace:
		v.misplace = f
	case FaultVanish, FaultDrift:
		v.decays = append(v.decays, f)
	case FaultGone:
		if f.After {
			v.goneAfter = f
		} else {
			v.goneBefore = f
		}
	}
}

func (in *Injected) strikes(op *Operation, index int) bool {
	f := &in.Fault
	if !f.Kind.strikes(op.Role) || !f.Match.matches(op) {
		return false
	}
	if f.Kind == FaultPartial && op.Role != RoleDump && index < f.Answered {
		return false
	}
	in.seen++
	if in.seen < f.Nth || f.Count > 0 && in.hits >= f.Count {
		return false
	}
	if f.Probability < 1 && in.chip.random().Float64() >= f.Probability {
		return false
	}
	in.hits++
	in.chip.stats.faults[f.Kind].Add(1)
	return true
}

// fate is what the faults have in store for one report.
type fate struct {
	lost   bool
	delay  time.Duration
	behind int // 0: nothing goes before
	hold   time.Duration
	copies []*Fault
	struck FaultKinds
}

// judgeReport asks the faults about a report. Under mu.
func (c *Chip) judgeReport(r *switchdev.Report) (f fate) {
	if len(c.faults) == 0 {
		return f
	}
	op := Operation{Role: RoleReport, Verb: r.Kind.String(), Domain: r.Domain, Token: r.Token, Port: r.Port, Key: r.Key}
	for _, in := range c.faults {
		if !in.Fault.Kind.ofReports() || !in.strikes(&op, 0) {
			continue
		}
		f.struck |= 1 << in.Fault.Kind
		switch in.Fault.Kind {
		case FaultLost:
			f.lost = true
		case FaultLate:
			f.delay += in.Fault.Delay
		case FaultDuplicate:
			f.copies = append(f.copies, &in.Fault)
		case FaultReorder:
			f.behind = max(f.behind, in.Fault.Behind)
			f.hold = max(f.hold, in.Fault.Delay)
		}
	}
	if f.struck != 0 {
		c.log.fault(c, op, f.struck)
	}
	return f
}

// random returns the chip's generator. Under mu.
func (c *Chip) random() *rand.Rand {
	if c.rng == nil {
		c.rng = rand.New(rand.NewPCG(c.cfg.Seed, 0x6877_7369_6d00_0001))
	}
	return c.rng
}
