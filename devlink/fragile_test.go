package devlink

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"syscall"
	"testing"
)

// fragile is a driver that is down after a reload, and panics when it is asked for more.
type fragile struct{ roleless }

func (*fragile) Reloads() ReloadCapabilities {
	return ReloadCapabilities{Actions: ActionsOf(ActionDriverReinit)}
}
func (*fragile) ReloadDown(context.Context, *Locked, Reload) error { return nil }
func (*fragile) ReloadUp(context.Context, *Locked, Reload) (ReloadActions, error) {
	return 0, errors.New("no")
}
func (*fragile) WorksFailed(string) bool { panic("works") }

// A driver that panics when it is asked whether it works does not.
func TestFailedWorkerThatPanicsDoesNotWork(t *testing.T) {
	var text strings.Builder
	r := newRegistry(t, Config{Manual: true, Logger: slog.New(slog.NewTextHandler(&text, nil))})
	i, err := r.NewInstance(InstanceConfig{Handle: Handle{"test", "a"}, Driver: &fragile{}})
	if err != nil {
		t.Fatal(err)
	}
	finish(t, i.SubmitRegister())
	if err := outcome(i.SubmitReload(ReloadRequest{}).Ticket); err == nil || i.State() != Failed {
		t.Fatal(err, i.State())
	}
	denied(t, outcome(i.SubmitSplitPort(1, 2)), syscall.EBUSY, "")
	do(t, i, func(l *Locked) error {
		denied(t, l.AddPort(PortInfo{Index: 1}), syscall.EBUSY, "")
		return nil
	})
	if s := text.String(); strings.Count(s, "driver panicked") != 2 || !strings.Contains(s, "devlink.port.split") {
		t.Error(s)
	}
}

// Of a resource whose driver panics nobody knows how much is taken, and who reads it
// reads on.
func TestOccupancyThatPanicsIsNotKnown(t *testing.T) {
	var text strings.Builder
	r := newRegistry(t, Config{Manual: true, Logger: slog.New(slog.NewTextHandler(&text, nil))})
	i := registered(t, r, "a", "")
	do(t, i, func(l *Locked) error {
		return l.AddResource(ResourceConfig{ID: 1, Name: "x", Occupancy: func() uint64 { panic("taken") }})
	})
	q := r.Snapshot().Object("", i.Handle(), KindResource, Key{ID: 1}).(*ResourceInfo)
	if n, ok := q.Occupancy(); n != 0 || ok {
		t.Error(n, ok)
	}
	if s := text.String(); !strings.Contains(s, "driver panicked") || !strings.Contains(s, "taken") {
		t.Error(s)
	}
}
