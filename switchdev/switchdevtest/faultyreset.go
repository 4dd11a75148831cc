package switchdevtest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// Limits implements [switchdev.Limiter].
func (f *faulty) Limits() (l switchdev.Limits) {
	if f.roles.limits != nil {
		l = f.roles.limits.Limits()
	}
	return l
}

// Usage implements [switchdev.Limiter].
func (f *faulty) Usage() (u switchdev.Usage) {
	if f.roles.limits != nil {
		u = f.roles.limits.Usage()
	}
	return u
}

// Epoch implements [switchdev.Resetter].
func (f *faulty) Epoch() (e switchdev.Epoch) {
	if f.roles.reset != nil {
		e = f.roles.reset.Epoch()
	}
	return e
}

// Reset implements [switchdev.Resetter]. It ends the calls that are running
// before it resets the driver inside, so that none of them has an effect
// afterwards.
func (f *faulty) Reset(ctx context.Context) (epoch switchdev.Epoch, err error) {
	f.mu.Lock()
	if f.closed || f.roles.reset == nil {
		f.mu.Unlock()
		return 0, f.once(ctx, RoleReset, nil)
	}
	old := f.life
	f.past = append(slices.DeleteFunc(f.past, (*life).ended), old)
	f.life = newLife()
	f.mu.Unlock()
	f.finish(old, errReset)
	err = f.once(ctx, RoleReset, func(ctx context.Context) (err error) {
		select {
		case <-old.idle:
		case <-ctx.Done():
			return ctx.Err()
		}
		epoch, err = f.roles.reset.Reset(ctx)
		return err
	})
	return epoch, err
}

// faultyReporter is the role of drivers whose inside has it.
type faultyReporter struct{ reporter *faulty }

// Bind implements [switchdev.Reporter].
func (r faultyReporter) Bind(sink switchdev.Sink) (unbind func()) {
	f := r.reporter
	b := &binding{f: f, sink: sink, slot: make(chan struct{}, 1), timers: map[*time.Timer]struct{}{}}
	f.mu.Lock()
	if !f.closed {
		if f.bindings == nil {
			f.bindings = map[*binding]struct{}{}
		}
		f.bindings[b] = struct{}{}
	}
	f.mu.Unlock()
	inner := f.roles.reports.Bind(b)
	return func() {
		inner()
		b.stopTimers()
		b.slot <- struct{}{}
		b.ended, b.held = true, nil
		<-b.slot
		f.mu.Lock()
		delete(f.bindings, b)
		f.mu.Unlock()
	}
}

// binding stands between the driver inside and one sink.
type binding struct {
	f    *faulty
	sink switchdev.Sink

	slot  chan struct{} // full while the sink is called; guards the two below
	ended bool
	held  []*heldReport

	mu     sync.Mutex
	quiet  bool // no timer is started any more
	timers map[*time.Timer]struct{}
}

// heldReport is a report that comes after so many others.
type heldReport struct {
	switchdev.Report
	behind int
}

// Report passes a report on, or does to it what the injector says.
func (b *binding) Report(r switchdev.Report) {
	switch fault := b.f.ask(Call{Role: RoleReport, Len: 1, Report: r})[0]; fault.Kind {
	case FaultLost:
	case FaultDuplicate:
		b.deliver(r)
		for range max(fault.Copies, 1) {
			if fault.Delay > 0 {
				b.later(fault.Delay, func() { b.deliver(r) })
			} else {
				b.deliver(r)
			}
		}
	case FaultReorder:
		b.hold(r, fault)
	case FaultDelay:
		b.later(fault.Delay, func() { b.deliver(r) })
	default:
		b.deliver(r)
	}
}

func (b *binding) deliver(r switchdev.Report) {
	b.slot <- struct{}{}
	defer func() { <-b.slot }()
	if b.ended {
		return
	}
	b.sink.Report(r)
	b.held = slices.DeleteFunc(b.held, func(h *heldReport) bool {
		if h.behind--; h.behind > 0 {
			return false
		}
		b.sink.Report(h.Report)
		return true
	})
}

// hold keeps a report until enough others have come, or for so long.
func (b *binding) hold(r switchdev.Report, fault Fault) {
	h := &heldReport{r, max(fault.Behind, 1)}
	b.slot <- struct{}{}
	b.held = append(b.held, h)
	<-b.slot
	if fault.Delay == 0 {
		return
	}
	b.later(fault.Delay, func() {
		b.slot <- struct{}{}
		defer func() { <-b.slot }()
		if i := slices.Index(b.held, h); i >= 0 && !b.ended {
			b.held = slices.Delete(b.held, i, i+1)
			b.sink.Report(r)
		}
	})
}

// later has do called in time, unless the sink is gone by then.
func (b *binding) later(d time.Duration, do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.quiet {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		b.mu.Lock()
		delete(b.timers, timer)
		b.mu.Unlock()
		do()
	})
	b.timers[timer] = struct{}{}
}

func (b *binding) stopTimers() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.quiet = true
	for timer := range b.timers {
		timer.Stop()
	}
	clear(b.timers)
}
