package hwsim

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// FaultKind is what a [Fault] does to an operation.
type FaultKind uint8

// The kinds of faults.
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
	numFaultKinds
)

var faultNames = [numFaultKinds]string{
	FaultRefuse: "refuse", FaultFull: "full", FaultSlow: "slow", FaultHang: "hang", FaultReset: "reset",
}

// String returns the kind's name as [ParseFault] reads it, for instance "slow".
func (k FaultKind) String() string {
	if k < numFaultKinds && faultNames[k] != "" {
		return faultNames[k]
	}
	return "fault(" + strconv.Itoa(int(k)) + ")"
}

// Selector says which operations a fault may strike. Zero fields select all.
type Selector struct {
	Role   Role
	Verb   string // as in [Operation]
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
// when it takes it up, by all faults in the order in which they were injected.
type Fault struct {
	Kind FaultKind
	// Match selects the operations that may be struck.
	Match Selector
	// Nth is the first of them to be struck, counted from 1. Zero: 1.
	Nth int
	// Count is how many are struck. Zero: every one; of FaultReset: 1.
	Count int
	// Probability is that of striking, drawn from the chip's seed. Zero: 1.
	Probability float64
	// After makes FaultHang and FaultReset strike when the operation has taken
	// effect and before it is answered. When ctx ends a batch that hangs so,
	// the operation's answer is ErrOutcomeUnknown.
	After bool
	// Deaf makes FaultHang ignore the ctx of the batch.
	Deaf bool
	// Err is the answer of FaultRefuse. Nil: ErrBusy.
	Err error
	// Delay is that of FaultSlow.
	Delay time.Duration
	// Rows is the size of FaultFull.
	Rows int
}

func (f *Fault) check(device string) error {
	reason := ""
	switch {
	case f.Kind == 0 || f.Kind >= numFaultKinds:
		reason = "no such kind"
	case f.Match.Role >= numRoles:
		reason = "no such role"
	case f.Nth < 0 || f.Count < 0 || f.Rows < 0 || f.Delay < 0:
		reason = "negative number"
	case !(f.Probability >= 0 && f.Probability <= 1):
		reason = "probability outside 0 to 1"
	case f.Kind == FaultFull && f.Match.Role != RoleAny && f.Match.Role != RoleFDB:
		reason = "only the forwarding database can be full"
	default:
		return nil
	}
	return &switchdev.OpError{Op: "hwsim.inject", Device: device, Object: f.Kind.String(), Reason: reason, Err: switchdev.ErrInvalid}
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
	f.Nth = max(f.Nth, 1)
	if f.Probability == 0 {
		f.Probability = 1
	}
	if f.Kind == FaultReset && f.Count == 0 {
		f.Count = 1
	}
	if f.Kind == FaultRefuse && f.Err == nil {
		f.Err = switchdev.ErrBusy
	}
	if f.Kind == FaultFull {
		f.Match.Role = RoleFDB
	}
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

// Hits returns how many operations the fault has struck.
func (in *Injected) Hits() int {
	in.chip.mu.RLock()
	defer in.chip.mu.RUnlock()
	return in.hits
}

// Release ends the fault; operations that hang by it go on. It is idempotent.
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

// verdict is what the faults have in store for one operation.
type verdict struct {
	err         error
	delay       time.Duration
	space       int // negative: not bounded
	hang        *Injected
	resetBefore bool
	resetAfter  bool
}

// judge asks the faults about an operation. Under mu.
func (c *Chip) judge(op Operation) verdict {
	v := verdict{space: -1}
	for _, in := range c.faults {
		if !in.strikes(&op) {
			continue
		}
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
		}
	}
	return v
}

func (in *Injected) strikes(op *Operation) bool {
	f := &in.Fault
	if !f.Match.matches(op) {
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
	return true
}

// random returns the chip's generator. Under mu.
func (c *Chip) random() *rand.Rand {
	if c.rng == nil {
		c.rng = rand.New(rand.NewPCG(c.cfg.Seed, 0x6877_7369_6d00_0001))
	}
	return c.rng
}
