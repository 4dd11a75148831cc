package switchdevtest

import (
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// FaultKind is what goes wrong. The zero value is no fault.
type FaultKind uint8

// The faults. Those of operations strike one operation of a batch, of a check,
// a dump, a read of counters, a list of ports or a reset; those of reports
// strike one report on its way to one sink. A fault of the other sort, and one
// that does not make sense for a call, is ignored.
//
// A lost, late, duplicated or reordered report is the sink's concern by the
// contract, and a result that is missing counts as ErrOutcomeUnknown: whoever
// uses drivers has to live with both. What FaultIgnore does no driver may do.
const (
	FaultNone FaultKind = iota

	// FaultRefuse: the operation is not executed and answered with Err, or
	// ErrBusy if that is nil.
	FaultRefuse
	// FaultNoSpace: the operation is not executed and answered with ErrNoSpace.
	FaultNoSpace
	// FaultDelay: the operation is executed after Delay, or answered with
	// ctx's error if that ends before. A report comes later by Delay, and
	// reports that were made after it may come before it.
	FaultDelay
	// FaultHang: the operation is executed once Release is closed. Until then
	// it ends only with ctx, Close or Reset. A nil Release is never closed.
	FaultHang
	// FaultPanic: the call panics with Err, or a text if that is nil, and the
	// rest of the batch is not executed.
	FaultPanic
	// FaultUnknownDone: the operation is executed and answered with
	// ErrOutcomeUnknown.
	FaultUnknownDone
	// FaultUnknownLost: the operation is not executed and answered with
	// ErrOutcomeUnknown.
	FaultUnknownLost
	// FaultLost: the operation is executed and its result left zero. A report
	// is lost.
	FaultLost
	// FaultPartial: this operation and the rest of the batch are not executed
	// and answered with Err, or ErrBusy if that is nil.
	FaultPartial
	// FaultReset: the device is reset before the operation, which is then
	// executed. Nothing happens to a device without [switchdev.Resetter].
	FaultReset

	// FaultDuplicate: the report comes Copies times more, after Delay.
	FaultDuplicate
	// FaultReorder: the report comes after the next Behind ones to this sink, or
	// after Delay, if that is not 0, when so many do not come.
	FaultReorder

	// FaultCut: the batch ends before this operation: it and the rest are not
	// executed and their results are left zero. A call that takes no batch is
	// answered with ErrOutcomeUnknown and not made.
	FaultCut
	// FaultCutDone: this operation and the rest of the batch are executed, and
	// their results are left zero. A call that takes no batch is made and
	// answered with ErrOutcomeUnknown.
	FaultCutDone
	// FaultIgnore: the operation is not executed and answered nil, in the epoch
	// that the device has. Calls that take no batch are left alone.
	FaultIgnore

	numFaults
)

var faultNames = [numFaults]string{
	"none", "refuse", "no-space", "delay", "hang", "panic", "unknown-done", "unknown-lost", "lost",
	"partial", "reset", "duplicate", "reorder", "cut", "cut-done", "ignore",
}

// String returns the fault's name, for instance "no-space".
func (k FaultKind) String() string {
	if k < numFaults {
		return faultNames[k]
	}
	return "fault"
}

// Fault is what happens to one operation or report. The zero value is no fault.
type Fault struct {
	Kind    FaultKind
	Err     error           // of FaultRefuse, FaultPartial and FaultPanic
	Delay   time.Duration   // of FaultDelay, FaultDuplicate and FaultReorder
	Release <-chan struct{} // of FaultHang
	Copies  int             // of FaultDuplicate; 0: one
	Behind  int             // of FaultReorder; 0: one
}

// Role names which sort of call a [Call] belongs to.
type Role string

// The sorts of calls that a decorated driver gets.
const (
	RoleFDB      Role = "fdb" // ApplyFDB and SubmitFDB
	RoleFlush    Role = "flush"
	RoleDump     Role = "dump"
	RolePort     Role = "port"
	RoleCheck    Role = "check" // CheckPorts and CheckBridge
	RolePortList Role = "port-list"
	RoleBridge   Role = "bridge"
	RoleVLAN     Role = "vlan"
	RoleLAG      Role = "lag"
	RoleFlow     Role = "flow"
	RoleStats    Role = "stats"
	RoleHeader   Role = "header"
	RoleReset    Role = "reset"
	RoleReport   Role = "report" // a report on its way to a sink
)

// Call is what an [Injector] is asked about: one operation or one report.
type Call struct {
	Role Role
	// Seq numbers the calls of one driver made by [Faulty], from 1.
	Seq uint64
	// Index is the place in the batch of Len operations; 0 and 1 for calls
	// that take no batch.
	Index, Len int
	// Op is the header of the operation, zero for calls that have none.
	Op switchdev.Op
	// Report is the report of RoleReport.
	Report switchdev.Report
}

// Injector decides what goes wrong. Inject is asked once per operation and
// report, in the order of Seq, and never by two goroutines at once. It must not
// call the driver.
type Injector interface {
	Inject(c Call) Fault
}

// InjectorFunc is a function as an [Injector].
type InjectorFunc func(c Call) Fault

// Inject calls f.
func (f InjectorFunc) Inject(c Call) Fault { return f(c) }

// OnNth gives the nth call that it is asked about, counted from 1, the fault.
func OnNth(n int, f Fault) Injector {
	seen := 0
	return InjectorFunc(func(Call) Fault {
		if seen++; seen == n {
			return f
		}
		return Fault{}
	})
}

// Every gives every nth call the fault: with 1 all of them, with 0 or less
// none.
func Every(n int, f Fault) Injector {
	seen := 0
	return InjectorFunc(func(Call) Fault {
		if seen++; n > 0 && seen%n == 0 {
			return f
		}
		return Fault{}
	})
}

// Script gives the first call the first fault, the second the second, and so
// on; when the script is over nothing goes wrong any more. FaultNone leaves a
// call alone.
func Script(faults ...Fault) Injector {
	faults, next := slices.Clone(faults), 0
	return InjectorFunc(func(Call) Fault {
		if next == len(faults) {
			return Fault{}
		}
		next++
		return faults[next-1]
	})
}

// Latency delays every operation; reports are left alone.
func Latency(d time.Duration) Injector {
	return InjectorFunc(func(c Call) Fault {
		if c.Role == RoleReport {
			return Fault{}
		}
		return Fault{Kind: FaultDelay, Delay: d}
	})
}

// Odds is how likely a fault is, from 0 to 1.
type Odds struct {
	P     float64
	Fault Fault
}

// Seeded draws faults: each call gets the first fault with the probability of
// the first odds, otherwise the second with that of the second, and so on, the
// probabilities adding up. What a call gets depends on the seed and on Seq
// alone, so that a run with the same order of calls repeats.
func Seeded(seed uint64, odds ...Odds) Injector {
	odds = slices.Clone(odds)
	return InjectorFunc(func(c Call) Fault {
		x := rand.New(rand.NewPCG(seed, c.Seq)).Float64()
		for _, o := range odds {
			if x < o.P {
				return o.Fault
			}
			x -= o.P
		}
		return Fault{}
	})
}

// Only asks the injector about the calls of the given roles, and leaves the
// others alone.
func Only(inj Injector, roles ...Role) Injector {
	return InjectorFunc(func(c Call) Fault {
		if !slices.Contains(roles, c.Role) {
			return Fault{}
		}
		return inj.Inject(c)
	})
}

// OnlyReports asks the injector about reports of the given kinds, of every kind
// if there is none, and leaves everything else alone.
func OnlyReports(inj Injector, kinds ...switchdev.ReportKind) Injector {
	return InjectorFunc(func(c Call) Fault {
		if c.Role != RoleReport || len(kinds) > 0 && !slices.Contains(kinds, c.Report.Kind) {
			return Fault{}
		}
		return inj.Inject(c)
	})
}

// First asks the injectors in turn until one has a fault. Those after it are
// not asked, and do not count the call.
func First(injectors ...Injector) Injector {
	return InjectorFunc(func(c Call) Fault {
		for _, inj := range injectors {
			if f := inj.Inject(c); f.Kind != FaultNone {
				return f
			}
		}
		return Fault{}
	})
}

// Toggle is an [Injector] that a test turns on and off. The zero value is off.
// Its methods may be called from any goroutine.
type Toggle struct {
	mu  sync.Mutex
	now Fault
}

// On gives every call the fault from now on.
func (t *Toggle) On(f Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = f
}

// Off ends what On began. Operations that hang stay so.
func (t *Toggle) Off() { t.On(Fault{}) }

// Inject returns the fault that is on.
func (t *Toggle) Inject(Call) Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now
}

// Counter is an [Injector] that counts what it is asked about and what the
// injector inside it answers. The zero value has none inside, so that nothing
// goes wrong. Its methods may be called from any goroutine.
type Counter struct {
	// Inside is asked for the faults; it may be nil.
	Inside Injector

	mu     sync.Mutex
	calls  map[Role]int
	faults map[FaultKind]int
}

// Inject counts the call and what is inside answers.
func (c *Counter) Inject(call Call) Fault {
	f := Fault{}
	if c.Inside != nil {
		f = c.Inside.Inject(call)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil {
		c.calls, c.faults = map[Role]int{}, map[FaultKind]int{}
	}
	c.calls[call.Role]++
	if f.Kind != FaultNone {
		c.faults[f.Kind]++
	}
	return f
}

// Calls returns how many calls of each role there were. The map is the
// caller's.
func (c *Counter) Calls() map[Role]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.calls)
}

// Faults returns how many faults of each kind were answered. The map is the
// caller's.
func (c *Counter) Faults() map[FaultKind]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.faults)
}
