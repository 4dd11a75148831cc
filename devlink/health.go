package devlink

import (
	"context"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// HealthState is what a reporter says of its part of the device.
type HealthState uint8

// The states.
const (
	// Healthy: no error, or recovered from the last.
	Healthy HealthState = iota
	// InError: an error was reported and not recovered from.
	InError
)

// String returns "healthy" or "error".
func (s HealthState) String() string {
	switch s {
	case Healthy:
		return "healthy"
	case InError:
		return "error"
	}
	return "state?"
}

// What health reporters refuse, besides what others do.
var (
	// ErrNotRecovered: an error was counted and told, but there was no attempt to recover
	// from it, because of the error before, or of the grace period. ECANCELED.
	ErrNotRecovered error = fmt.Errorf("no recovery: %w", syscall.ECANCELED)
	// ErrTrampled: the dump that is being read has been cleared or replaced. EAGAIN.
	ErrTrampled error = fmt.Errorf("another dump: %w", syscall.EAGAIN)
)

// ReporterConfig describes a health reporter. Its functions are called with the instance,
// one at a time; those that are nil it cannot do.
type ReporterConfig struct {
	// Name is its name, which no other reporter of the device, or of the port, has.
	Name string
	// Grace is how long after a recovery no other is begun by itself, Burst how long
	// after the first recovery others may be all the same, before Grace begins. Users can
	// set them. Grace needs Recover, Burst needs Grace.
	Grace, Burst time.Duration

	// Recover recovers from an error; private is what the report came with, nil for a
	// user. With it AutoRecover is on at first.
	Recover func(ctx context.Context, l *Locked, private any) error
	// Dump writes what is worth knowing of an error; private as with Recover. With it
	// AutoDump is on at first.
	Dump func(ctx context.Context, l *Locked, m *Message, private any) error
	// Diagnose writes how things are now.
	Diagnose func(ctx context.Context, l *Locked, m *Message) error
	// Test makes an error happen.
	Test func(ctx context.Context, l *Locked) error
}

// ReporterInfo is what can be seen of a health reporter. Its key has its name, and its
// port if it is a port's.
type ReporterInfo struct {
	Name string
	// Port is the port that it is about, if OnPort is set.
	Port   uint32
	OnPort bool

	State HealthState
	// Errors and Recoveries count what was reported and what was recovered from.
	Errors, Recoveries uint64
	// LastError is what the last report said. Ours: Linux only traces it.
	LastError string
	// DumpTime is when the stored dump was made; zero if none is stored.
	DumpTime time.Time

	// Grace and Burst are as in [ReporterConfig].
	Grace, Burst time.Duration
	// AutoRecover tells that errors are recovered from by themselves, AutoDump that they
	// are dumped by themselves.
	AutoRecover, AutoDump bool
	// Abilities are what it can do.
	Abilities ReporterAbilities

	reporter *Reporter
}

// ReporterAbilities are what a health reporter can do.
type ReporterAbilities struct {
	Recover, Dump, Diagnose, Test bool
}

// Kind implements [Object].
func (*ReporterInfo) Kind() Kind { return KindReporter }

// Key implements [Object].
func (n *ReporterInfo) Key() Key { return Key{Port: n.Port, OnPort: n.OnPort, Name: n.Name} }

// Reporter stands for a health reporter of an instance, for who finds errors. Its methods
// may be called from anywhere, at any time; when the reporter has gone they answer
// ErrNotExist, also if another one has its name.
type Reporter struct {
	inst *Instance
	cfg  ReporterConfig
	key  Key

	// guarded by Instance.mu
	dump        *Message  // stored, nil if none
	recoveredAt time.Time // of the first recovery of the last burst
	recovered   bool      // there was one

	// asked is a dump without recovery that waits for the instance, nil if none does.
	asked atomic.Pointer[Ticket]
}

// AddReporter adds a health reporter of the device. The errors match ErrInvalid for a bad
// name or one that contradicts itself, ErrExist for a name in use. What it reports before
// the instance is registered is seen then. Linux: devl_health_reporter_create
// (net/devlink/health.c), which tells nobody; it is marked [Silent].
func (l *Locked) AddReporter(c ReporterConfig) (*Reporter, error) {
	return l.addReporter(c, Key{Name: c.Name})
}

// AddPortReporter adds a health reporter of a port. The errors are those of AddReporter,
// and ErrNoDevice if there is no such port. Linux: devl_port_health_reporter_create.
func (l *Locked) AddPortReporter(port uint32, c ReporterConfig) (*Reporter, error) {
	return l.addReporter(c, Key{Name: c.Name, Port: port, OnPort: true})
}

func (l *Locked) addReporter(c ReporterConfig, key Key) (*Reporter, error) {
	const what = "devlink.health.add"
	if reason := c.check(); reason != "" {
		return nil, l.refuse(what, key.path(), reason, switchdev.ErrInvalid)
	}
	r := &Reporter{inst: l.inst, cfg: c, key: key}
	n := &ReporterInfo{
		Name: c.Name, Port: key.Port, OnPort: key.OnPort, Grace: c.Grace, Burst: c.Burst,
		AutoRecover: c.Recover != nil, AutoDump: c.Dump != nil, reporter: r,
		Abilities: ReporterAbilities{c.Recover != nil, c.Dump != nil, c.Diagnose != nil, c.Test != nil},
	}
	err := l.tell(what, func() ([]Event, error) {
		switch objs := &l.inst.objs; {
		case !objs.hasPortOf(key):
			return nil, l.refuse(what, key.path(), "", switchdev.ErrNoDevice)
		case objs.get(KindReporter, key) != nil:
			return nil, l.refuse(what, key.path(), "", switchdev.ErrExist)
		}
		l.inst.objs.put(n)
		return []Event{{Verb: Added, Object: n, Marks: Silent}}, nil
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (c *ReporterConfig) check() string {
	switch {
	case !validName(c.Name):
		return "bad name"
	case c.Grace < 0 || c.Burst < 0:
		return "negative period"
	case c.Grace > 0 && c.Recover == nil:
		return "a grace period and no recovery"
	case c.Burst > 0 && c.Grace == 0:
		return burstWithoutGrace
	}
	return ""
}

const burstWithoutGrace = "Cannot set burst period without a grace period"

// RemoveReporter removes a health reporter with its dump. ErrNotExist if it has gone.
// Linux: devl_health_reporter_destroy, which tells nobody.
func (l *Locked) RemoveReporter(r *Reporter) error {
	const what = "devlink.health.remove"
	return l.tell(what, func() ([]Event, error) {
		if r == nil || r.inst != l.inst || r.info() == nil {
			return nil, l.refuse(what, "", "", switchdev.ErrNotExist)
		}
		n := l.inst.objs.remove(KindReporter, r.key)
		return []Event{{Verb: Deleted, Object: n, Marks: Silent}}, nil
	})
}

// Info returns what can be seen of the reporter, nil when it has gone.
func (r *Reporter) Info() *ReporterInfo {
	r.inst.mu.Lock()
	defer r.inst.mu.Unlock()
	return r.info()
}

// info is Info for who holds mu.
func (r *Reporter) info() *ReporterInfo {
	if n, _ := r.inst.objs.get(KindReporter, r.key).(*ReporterInfo); n != nil && n.reporter == r {
		return n
	}
	return nil
}

// update changes what can be seen, with an event, and reports whether the reporter is
// there and change wanted it.
func (r *Reporter) update(verb Verb, marks Marks, change func(n *ReporterInfo) bool) (present, changed bool) {
	r.inst.tell(func() []Event {
		was := r.info()
		if was == nil {
			return nil
		}
		n := *was
		present, changed = true, change(&n)
		if !changed {
			return nil
		}
		r.inst.objs.put(&n)
		return []Event{{Verb: verb, Marks: marks, Object: &n}}
	})
	return present, changed
}

// gone is the error of a reporter that has been removed.
func (r *Reporter) gone(what string) error {
	return r.inst.refuse(what, r.key.path(), "", switchdev.ErrNotExist)
}

// Report reports an error: it is counted and told at once, whatever the instance is
// doing. Then, unless that is switched off, it is dumped and recovered from, with the
// instance, and Report waits for that; during a reload until the reload is over, and if
// the reporter has gone by then there is nothing to recover. message is for people;
// private is handed to Dump and Recover. Errors that are only dumped share a dump while
// they wait for the instance, which is of the first.
//
// The errors match ErrNotRecovered if the one before was not recovered from, or not long
// ago; else the error is that of the recovery. It is ctx's when ctx ends, while the
// recovery goes on; and ErrDeadlock from inside a callback that the recovery waits for:
// the error has been counted, and is recovered from when the callback has returned.
// Linux: devlink_health_report (net/devlink/health.c), which must not be called with the
// instance.
func (r *Reporter) Report(ctx context.Context, message string, private any) error {
	err := r.SubmitReport(message, private).Wait(ctx)
	if err == switchdev.ErrDeadlock {
		return r.inst.refuse("devlink.health.report", r.key.path(), "it is recovered from later", err)
	}
	return err
}

// SubmitReport is Report without the wait, for who holds an instance, too. It never
// blocks. The ticket cannot be withdrawn.
func (r *Reporter) SubmitReport(message string, private any) *Ticket {
	const what = "devlink.health.report"
	now := r.inst.reg.now()
	var abort, idle, only bool
	present, _ := r.update(Status, 0, func(n *ReporterInfo) bool {
		abort = n.AutoRecover && r.aborts(n.State, n, now)
		only = !n.AutoRecover
		idle = only && (!n.AutoDump || r.dump != nil)
		n.State, n.LastError = InError, message
		n.Errors++
		return true
	})
	switch {
	case !present:
		return r.inst.resolved(what, r.gone(what))
	case abort:
		return r.inst.resolved(what, r.inst.refuse(what, r.key.path(), "", ErrNotRecovered))
	case idle:
		return r.inst.resolved(what, nil)
	case only:
		return r.submitDump(what, private)
	}
	return r.inst.submitFirm(what, func(o *op) error { return o.attend(r, private) })
}

// submitDump asks for a dump, unless one is asked for: only the first is kept anyway, and
// a driver that reports without end while its instance is busy queues one.
func (r *Reporter) submitDump(what string, private any) *Ticket {
	o := r.inst.newOp(what, func(o *op) error {
		r.asked.Store(nil)
		return o.attend(r, private)
	})
	o.ticket.firm = true
	for !r.asked.CompareAndSwap(nil, o.ticket) {
		if k := r.asked.Load(); k != nil {
			return k
		}
	}
	return r.inst.enqueue(o)
}

// aborts reports whether there is no attempt to recover from an error: the one before
// was not recovered from, or the grace period has not ended.
func (r *Reporter) aborts(was HealthState, n *ReporterInfo, now time.Time) bool {
	if was != Healthy {
		return true
	}
	since := now.Sub(r.recoveredAt)
	return r.recovered && since >= n.Burst && since-n.Burst < n.Grace
}

// attend dumps an error and recovers from it.
func (o *op) attend(r *Reporter, private any) error {
	n := r.Info()
	if n == nil {
		return o.inst.refuse(o.what, r.key.path(), "the reporter has gone", ErrNotRecovered)
	}
	if n.AutoDump {
		if _, err := o.storeDump(r, private); err != nil {
			o.inst.reg.cfg.Logger.Warn("devlink: no dump", "instance", o.inst.handle.String(),
				"reporter", r.key.path(), "error", err)
		}
	}
	switch n = r.Info(); {
	case n == nil:
		return o.inst.refuse(o.what, r.key.path(), "the reporter has gone", ErrNotRecovered)
	case !n.AutoRecover:
		return nil
	case o.inst.State() == Failed:
		if err := o.inst.usable("devlink.health.recover", false); err != nil {
			return err
		}
	}
	return o.recoverFrom(r, private)
}

// recoverFrom has the driver recover, if there is anything to recover from.
func (o *op) recoverFrom(r *Reporter, private any) error {
	switch n := r.Info(); {
	case n == nil:
		return r.gone(o.what)
	case n.State == Healthy:
		return nil
	case r.cfg.Recover == nil:
		return o.inst.refuse(o.what, r.key.path(), "", switchdev.ErrUnsupported)
	}
	err := o.call(func(ctx context.Context, l *Locked) error { return r.cfg.Recover(ctx, l, private) })
	if err != nil {
		return o.inst.driverError(o.what, r.key.path(), err)
	}
	now := o.inst.reg.now()
	r.update(Status, 0, func(n *ReporterInfo) bool {
		r.countRecovery(n, now)
		n.State = Healthy
		return true
	})
	return nil
}

// countRecovery counts a recovery. The grace period follows the first of a burst.
func (r *Reporter) countRecovery(n *ReporterInfo, now time.Time) {
	n.Recoveries++
	if !r.recovered || now.Sub(r.recoveredAt) >= n.Burst {
		r.recoveredAt, r.recovered = now, true
	}
}

// SetState says how things are, when a driver knows without a report or a recovery. Of
// what is so already nobody is told. It waits for nobody. The errors match ErrInvalid for
// a state that is none, ErrNotExist. Linux: devlink_health_reporter_state_update.
func (r *Reporter) SetState(s HealthState) error {
	const what = "devlink.health.state"
	if s > InError {
		return r.inst.refuse(what, r.key.path(), "no such state", switchdev.ErrInvalid)
	}
	present, _ := r.update(Status, 0, func(n *ReporterInfo) bool {
		changed := n.State != s
		n.State = s
		return changed
	})
	if !present {
		return r.gone(what)
	}
	return nil
}

// RecoveryDone counts a recovery that the driver did by itself, from which on the grace
// period counts; the state is as it was. It waits for nobody. ErrNotExist. Linux:
// devlink_health_reporter_recovery_done, which tells nobody.
func (r *Reporter) RecoveryDone() error {
	now := r.inst.reg.now()
	present, _ := r.update(Changed, Silent, func(n *ReporterInfo) bool {
		r.countRecovery(n, now)
		return true
	})
	if !present {
		return r.gone("devlink.health.done")
	}
	return nil
}
