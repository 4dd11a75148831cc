package fdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// deviceSeen is how a device was when it was last looked at, for hooks and the log.
type deviceSeen struct {
	epoch   switchdev.Epoch
	breaker BreakerState
}

// watch tells what has changed of the devices since it was called last. The caller
// holds the slot.
func (t *Table) watch() {
	if !t.outbox.on {
		return
	}
	for i, d := range t.devs {
		_, epoch := t.devices.Mark(i)
		is := deviceSeen{epoch, breakerOf[t.devices.Device(i).Breaker]}
		was := d.seen
		d.seen = is
		if is.epoch != was.epoch {
			hook(t, t.trace.Reset, ResetTrace{Device: d.name, Before: was.epoch, Epoch: is.epoch})
			t.log(slog.LevelWarn, "fdb: device was reset", "device", d.name, "epoch", is.epoch)
		}
		if is.breaker != was.breaker {
			hook(t, t.trace.Breaker, BreakerTrace{Device: d.name, Before: was.breaker, State: is.breaker})
			t.log(breakerLevels[is.breaker], "fdb: breaker", "device", d.name, "state", is.breaker)
		}
	}
}

// A device that does not answer is somebody's business; one that answers again is
// news.
var breakerLevels = [...]slog.Level{BreakerClosed: slog.LevelInfo, BreakerHalfOpen: slog.LevelInfo, BreakerOpen: slog.LevelWarn}

// look notes how a device is to begin with.
func (t *Table) look(dev int) {
	_, epoch := t.devices.Mark(dev)
	t.devs[dev].seen = deviceSeen{epoch: epoch}
}

// log queues a line of the log. Whether it is wanted is asked when nothing is
// held: a handler is the user's.
func (t *Table) log(level slog.Level, text string, args ...any) {
	if t.cfg.Logger == nil {
		return
	}
	t.outbox.put(func() {
		t.cfg.Logger.Log(context.Background(), level, text, append([]any{"table", t.cfg.Name}, args...)...)
	})
}

// traceReconciled tells how the comparison with a device went.
func (t *Table) traceReconciled(d *device, differ int, began time.Time, err error) {
	hook(t, t.trace.Reconciled, ReconcileTrace{Device: d.name, Differ: differ, Took: t.now().Sub(began), Err: err})
	switch {
	case err != nil && !errors.Is(err, switchdev.ErrClosed):
		t.log(slog.LevelWarn, "fdb: device could not be compared", "device", d.name, "err", err)
	case differ > 0:
		t.log(slog.LevelWarn, "fdb: device differed", "device", d.name, "rows", differ)
	}
}

// panicked counts a driver that panicked, and says so.
func (t *Table) panicked(d *device, p any) {
	t.stats.panics.Add(1)
	t.log(slog.LevelError, "fdb: driver panicked", "device", d.name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
}

// overran tells that a subscription fell behind.
func (t *Table) overran(err error) {
	if t.trace.Overrun != nil && errors.Is(err, switchdev.ErrOverrun) {
		hook(t, t.trace.Overrun, OverrunTrace{Event: t.ring.Last()})
	}
}

// sealed is the generation that is being applied, for hooks.
type sealed struct {
	stations int
	at       time.Time
}

func (t *Table) traceSealed(now time.Time) {
	if t.tracing() {
		t.applying = sealed{t.stations.Pending().Sealed, now}
		hook(t, t.trace.Sealed, LearnTrace{Stations: t.applying.stations})
	}
}

func (t *Table) traceApplied() {
	if t.tracing() {
		hook(t, t.trace.Applied, LearnTrace{Stations: t.applying.stations, Took: t.now().Sub(t.applying.at)})
	}
}

// isUnsupported reports whether a result leaves an operation to software.
func isUnsupported(err error) bool { return err != nil && errors.Is(err, errors.ErrUnsupported) }
