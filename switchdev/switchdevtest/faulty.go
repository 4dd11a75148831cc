package switchdevtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// Faulty returns a driver that hands everything to d, except for what the
// injector makes go wrong. A nil injector lets all pass; then the result keeps
// the contract as far as d does.
//
// The result implements every role and sees every call. What d does not do is
// answered with ErrUnsupported; Limits, Usage and Epoch are then zero, which
// means "not known". The two roles that could not say so,
// [switchdev.Reporter] and [switchdev.FDBSubmitter], are there if d has them;
// [switchdev.FDBOffloader] also works for a d that has only FDBSubmitter.
// Unwrap returns d, so that [switchdev.As] finds the concrete type too.
//
// A batch in which something goes wrong is handed on in pieces, one that is
// larger than d's Limits.Batch without asking the injector. Reset ends what is
// delayed or hangs, and answers it with an error; Close answers it with
// ErrClosed.
//
// The driver may be used like any other: by one goroutine per role.
func Faulty(d switchdev.Driver, inj Injector) switchdev.Driver {
	f := &faulty{inner: d, inj: inj, asking: make(chan struct{}, 1), life: newLife(), roles: findRoles(d)}
	f.flows, _ = switchdev.As[switchdev.FlowOffloader](d)
	f.stats, _ = switchdev.As[switchdev.FlowStatsReader](d)
	f.headers, _ = switchdev.As[switchdev.HeaderOffloader](d)
	switch reports, submits := f.roles.reports != nil, f.roles.submit != nil; {
	case reports && submits:
		return struct {
			*faulty
			faultyReporter
			faultySubmitter
		}{f, faultyReporter{f}, faultySubmitter{f}}
	case reports:
		return struct {
			*faulty
			faultyReporter
		}{f, faultyReporter{f}}
	case submits:
		return struct {
			*faulty
			faultySubmitter
		}{f, faultySubmitter{f}}
	}
	return f
}

// faulty is what Faulty returns, without the roles that are there or not.
type faulty struct {
	inner   switchdev.Driver
	inj     Injector
	roles   roles
	flows   switchdev.FlowOffloader
	stats   switchdev.FlowStatsReader
	headers switchdev.HeaderOffloader

	asking chan struct{} // full while the injector is being asked
	seq    uint64        // guarded by asking

	mu       sync.Mutex
	life     *life
	past     []*life // lives that may still have calls
	closed   bool
	bindings map[*binding]struct{}
}

// life is the time between two resets. Calls belong to the life in which they
// began.
type life struct {
	ctx  context.Context
	end  context.CancelCauseFunc
	idle chan struct{} // closed when the life is over and its calls have ended

	over    bool // guarded by faulty.mu, as is running
	running int
}

func newLife() *life {
	l := &life{idle: make(chan struct{})}
	l.ctx, l.end = context.WithCancelCause(context.Background())
	return l
}

// errReset answers operations that a reset caught before they were executed.
var errReset = fmt.Errorf("the device was reset: %w", switchdev.ErrBusy)

// Unwrap returns the driver inside.
func (f *faulty) Unwrap() switchdev.Driver { return f.inner }

// Name returns the name of the driver inside.
func (f *faulty) Name() string { return f.inner.Name() }

// Close ends what is delayed or hangs, closes the driver inside and waits for
// the calls that were running.
func (f *faulty) Close() error {
	f.mu.Lock()
	f.closed = true
	lives := append(slices.Clone(f.past), f.life)
	f.mu.Unlock()
	last := lives[len(lives)-1]
	f.finish(last, switchdev.ErrClosed)
	err := f.inner.Close()
	for _, l := range lives {
		<-l.idle
	}
	f.mu.Lock()
	bindings := f.bindings
	f.bindings = nil
	f.mu.Unlock()
	for b := range bindings {
		b.stopTimers()
	}
	return err
}

// enter begins a call: it returns the life that the call is in, and a ctx that
// ends with it.
func (f *faulty) enter(ctx context.Context) (context.Context, *visit, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, nil, switchdev.ErrClosed
	}
	v := &visit{f: f, life: f.life, caller: ctx}
	v.life.running++
	ctx, v.cancel = context.WithCancel(ctx)
	v.stop = context.AfterFunc(v.life.ctx, v.cancel)
	v.ctx = ctx
	return ctx, v, nil
}

// finish ends a life for the reason given.
func (f *faulty) finish(l *life, why error) {
	l.end(why)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !l.over {
		l.over = true
		l.check()
	}
}

// ended tells, under the mutex, whether no call of the life is left.
func (l *life) ended() bool { return l.over && l.running == 0 }

func (l *life) check() {
	if l.ended() {
		close(l.idle)
	}
}

// visit is one call in progress.
type visit struct {
	f           *faulty
	life        *life
	caller, ctx context.Context
	cancel      context.CancelFunc
	stop        func() bool
}

func (v *visit) leave() {
	v.stop()
	v.cancel()
	v.f.mu.Lock()
	defer v.f.mu.Unlock()
	v.life.running--
	v.life.check()
}

// why turns the error of the visit's own ctx into what the caller is to be
// told: its own ctx's error, or why the life ended.
func (v *visit) why(err error) error {
	if errors.Is(err, context.Canceled) && v.caller.Err() == nil {
		if cause := context.Cause(v.life.ctx); cause != nil {
			return cause
		}
	}
	return err
}

// pause waits for a delay or a release, and returns an error if the call has
// ended before.
func (v *visit) pause(fault Fault) error {
	var (
		elapsed  <-chan time.Time
		released <-chan struct{}
	)
	switch {
	case fault.Kind == FaultHang:
		released = fault.Release
	case fault.Delay > 0:
		timer := time.NewTimer(fault.Delay)
		defer timer.Stop()
		elapsed = timer.C
	default:
		return v.why(v.ctx.Err())
	}
	select {
	case <-elapsed:
	case <-released:
	case <-v.ctx.Done():
	}
	return v.why(v.ctx.Err())
}

// ask asks the injector about the calls, in order.
func (f *faulty) ask(calls ...Call) []Fault {
	faults := make([]Fault, len(calls))
	if f.inj == nil {
		return faults
	}
	f.asking <- struct{}{}
	defer func() { <-f.asking }()
	for i := range calls {
		f.seq++
		calls[i].Seq = f.seq
		faults[i] = f.inj.Inject(calls[i])
	}
	return faults
}

// once makes a call that takes no batch. A nil call is a role that the driver
// inside lacks.
func (f *faulty) once(ctx context.Context, role Role, call func(ctx context.Context) error) error {
	_, v, err := f.enter(ctx)
	if err != nil {
		return err
	}
	defer v.leave()
	if call == nil {
		return switchdev.ErrUnsupported
	}
	return v.why(v.once(role, call))
}

func (v *visit) once(role Role, call func(ctx context.Context) error) error {
	fault := v.f.ask(Call{Role: role, Len: 1})[0]
	switch fault.Kind {
	case FaultRefuse, FaultPartial:
		return fault.refusal()
	case FaultNoSpace:
		return switchdev.ErrNoSpace
	case FaultUnknownLost, FaultCut:
		return switchdev.ErrOutcomeUnknown
	case FaultPanic:
		fault.panic()
	case FaultDelay, FaultHang:
		if err := v.pause(fault); err != nil {
			return err
		}
	case FaultReset:
		v.resetInner()
	}
	err := call(v.ctx)
	switch fault.Kind {
	case FaultUnknownDone, FaultLost, FaultCutDone:
		if err == nil {
			return switchdev.ErrOutcomeUnknown
		}
	}
	return err
}

func (v *visit) resetInner() {
	if v.f.roles.reset != nil {
		_, _ = v.f.roles.reset.Reset(v.ctx)
	}
}

func (fault Fault) refusal() error {
	if fault.Err != nil {
		return fault.Err
	}
	return switchdev.ErrBusy
}

func (fault Fault) panic() {
	if fault.Err != nil {
		panic(fault.Err)
	}
	panic("switchdevtest: injected panic")
}
