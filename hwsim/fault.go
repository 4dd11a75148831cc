package hwsim

import (
	"slices"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// Selector says which operations, or which reports, a fault may strike. Zero
// fields select all.
type Selector struct {
	Role   Role
	Verb   string // as in [Operation]; of a report its kind, such as "learned"
	MAC    switchdev.MAC
	VLAN   switchdev.VLAN
	Port   switchdev.PortID
	Domain *switchdev.Domain
}

func (s *Selector) matches(op *Operation) bool {
	return (s.Role == RoleAny || s.Role == op.Role) &&
		(s.Verb == "" || s.Verb == op.Verb) &&
		(s.MAC.IsZero() || s.MAC == op.Key.MAC) &&
		(s.VLAN == 0 || s.VLAN == op.Key.VLAN) &&
		(s.Port == 0 || s.Port == op.Port) &&
		(s.Domain == nil || *s.Domain == op.Domain)
}

// Fault is something that goes wrong. The chip decides about an operation once,
// when it takes it up, and about a report once, when it is made, by all faults
// in the order in which they were injected.
type Fault struct {
	Kind FaultKind
	// Match selects the operations or reports that may be struck.
	Match Selector
	// Nth is the first of them to be struck, counted from 1. Zero: 1.
	Nth int
	// Count is how many are struck. Zero: every one; of FaultReset and
	// FaultGone: 1.
	Count int
	// Probability is that of striking, drawn from the chip's seed. Zero: 1.
	Probability float64
	// After makes FaultHang, FaultReset and FaultGone strike when the operation
	// has taken effect and before it is answered, and FaultPartial let the rest
	// of the batch take effect. When ctx ends a batch that hangs so, the
	// operation's answer is ErrOutcomeUnknown.
	After bool
	// Deaf makes FaultHang ignore the ctx of the batch.
	Deaf bool
	// Err is the answer of FaultRefuse. Nil: ErrBusy.
	Err error
	// Delay is how much longer FaultSlow takes, how much later the report of
	// FaultLate and the copies of FaultDuplicate come, how long FaultReorder
	// holds a report at most (zero: a second), how long after the operation
	// FaultVanish and FaultDrift strike, and when the number of FaultGone comes
	// back (zero: never).
	Delay time.Duration
	// Rows is the size of FaultFull.
	Rows int
	// Answered is how many operations of a batch FaultPartial lets pass: only
	// one that has at least as many before it is struck. Of a dump it is the
	// number of rows.
	Answered int
	// Copies is how many times more FaultDuplicate delivers a report. Zero: 1.
	Copies int
	// Behind is how many reports FaultReorder lets go before. Zero: 1.
	Behind int
	// Target is the wrong port of FaultMisplace and FaultDrift and the port that
	// FaultGone removes. Zero: another port drawn from the seed, respectively
	// the operation's own.
	Target switchdev.PortID
}

func (f *Fault) check(device string) error {
	reason := ""
	switch role := f.Match.Role; {
	case f.Kind == 0 || f.Kind >= NumFaultKinds:
		reason = "no such kind"
	case role >= numRoles:
		reason = "no such role"
	case f.Nth < 0 || f.Count < 0 || f.Rows < 0 || f.Delay < 0 || f.Answered < 0 || f.Copies < 0 || f.Behind < 0:
		reason = "negative number"
	case !(f.Probability >= 0 && f.Probability <= 1):
		reason = "probability outside 0 to 1"
	case f.Kind == FaultFull && role != RoleAny && role != RoleFDB:
		reason = "only the forwarding database can be full"
	case role != RoleAny && !f.Kind.strikes(role):
		reason = "does not strike " + role.String()
	case f.Kind.setsOnly() && f.Match.Verb != "" && f.Match.Verb != "set":
		reason = "strikes sets only"
	case f.Kind == FaultLate && f.Delay == 0:
		reason = "late wants a duration"
	default:
		return nil
	}
	return &switchdev.OpError{Op: "hwsim.inject", Device: device, Object: f.Kind.String(), Reason: reason, Err: switchdev.ErrInvalid}
}

// defaultHold is how long a reordered report waits for others to overtake it.
const defaultHold = time.Second

// settle fills in the defaults.
func (f *Fault) settle() {
	f.Nth = max(f.Nth, 1)
	if f.Probability == 0 {
		f.Probability = 1
	}
	switch f.Kind {
	case FaultReset, FaultGone:
		f.Count = max(f.Count, 1)
	case FaultRefuse:
		if f.Err == nil {
			f.Err = switchdev.ErrBusy
		}
	case FaultDuplicate:
		f.Copies = max(f.Copies, 1)
	case FaultReorder:
		f.Behind = max(f.Behind, 1)
		if f.Delay == 0 {
			f.Delay = defaultHold
		}
	case FaultFull, FaultMisplace, FaultVanish, FaultDrift:
		f.Match.Role = RoleFDB
	}
	if f.Kind.setsOnly() {
		f.Match.Verb = "set"
	}
	if f.Kind.ofReports() {
		f.Match.Role = RoleReport
	}
}

// Injected is a fault at work.
type Injected struct {
	// Fault is what was injected, defaults filled in.
	Fault    Fault
	chip     *Chip
	seen     int // guarded by chip.mu, as the rest
	hits     int
	released bool
}

// Inject lets a fault loose. A fault that makes no sense is refused with
// [switchdev.ErrInvalid].
func (c *Chip) Inject(f Fault) (*Injected, error) {
	if err := f.check(c.cfg.Name); err != nil {
		return nil, err
	}
	f.settle()
	in := &Injected{Fault: f, chip: c}
	c.mu.Lock()
	defer c.flush()
	defer c.mu.Unlock()
	if c.closed {
		return nil, switchdev.ErrClosed
	}
	c.faults = append(c.faults, in)
	c.info("fault injected", "fault", f.String())
	return in, nil
}

// Hits returns how many operations or reports the fault has struck.
func (in *Injected) Hits() int {
	in.chip.mu.RLock()
	defer in.chip.mu.RUnlock()
	return in.hits
}

// Release ends the fault; operations that hang by it go on, and what it has
// already set going, such as a report that is late, takes its course. It is
// idempotent.
func (in *Injected) Release() {
	c := in.chip
	c.mu.Lock()
	c.release(in)
	c.mu.Unlock()
	c.flush()
	c.poke()
}

// ReleaseAll ends every fault.
func (c *Chip) ReleaseAll() {
	c.mu.Lock()
	for _, in := range slices.Clone(c.faults) {
		c.release(in)
	}
	c.mu.Unlock()
	c.flush()
	c.poke()
}

func (c *Chip) release(in *Injected) {
	if in.released {
		return
	}
	in.released = true
	c.faults = slices.DeleteFunc(c.faults, func(o *Injected) bool { return o == in })
	if in.Fault.Kind == FaultFull {
		c.roomFreed()
	}
	if !c.cfg.Manual {
		return
	}
	for _, j := range c.inFlight() {
		// A blocking call on a Manual chip has nobody else to carry it on.
		if j.ready != nil && !j.gone && j.verdict.hang == in {
			c.runNow(j)
		}
	}
}
