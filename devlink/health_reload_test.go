package devlink

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// ward is a driver with everything of this file's neighbours that can be reloaded. While
// it is down its device reports errors.
type ward struct {
	*chip
	patient
	bank
	stays   bool // the reporters
	fails   error
	reports []*Ticket
}

func (w *ward) Reloads() ReloadCapabilities {
	return ReloadCapabilities{Actions: ActionsOf(ActionDriverReinit)}
}

func (w *ward) up(l *Locked) (err error) {
	if w.region, err = l.AddRegion(w.bank.config("dummy")); err != nil {
		return err
	}
	return addTraps(l, map[string]*Trap{})
}

func (w *ward) ReloadDown(_ context.Context, l *Locked, _ Reload) error {
	w.reports = append(w.reports, w.dummy.SubmitReport("going down", "going down"))
	err := errors.Join(removeTraps(l), l.RemoveRegion(w.region))
	if !w.stays {
		err = errors.Join(err, l.RemoveReporter(w.dummy), l.RemoveReporter(w.empty))
	}
	return err
}

func (w *ward) ReloadUp(_ context.Context, l *Locked, _ Reload) (ReloadActions, error) {
	if w.fails != nil {
		return 0, w.fails
	}
	if !w.stays {
		if err := w.patient.add(l); err != nil {
			return 0, err
		}
	}
	w.reports = append(w.reports, w.dummy.SubmitReport("coming up", "coming up"))
	return ActionsOf(ActionDriverReinit), w.up(l)
}

func withWard(t *testing.T, r *Registry, stays bool) (*Instance, *ward) {
	t.Helper()
	w := &ward{chip: newChip(), stays: stays}
	i, err := r.NewInstance(InstanceConfig{Handle: Handle{"test", "a"}, Driver: w})
	if err != nil {
		t.Fatal(err)
	}
	do(t, i, func(l *Locked) error { return errors.Join(w.patient.add(l), w.up(l)) })
	finish(t, i.SubmitRegister())
	return i, w
}

// Row 24: what is reported while a reload is on its way is counted and told at once, and
// recovered from when the reload is over.
func TestReportDuringReloadIsRecoveredFromAfterwards(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i, w := withWard(t, r, true)
		s := subscribe(t, r, SubscribeOptions{CompatKernel: true})
		finish(t, i.SubmitReload(ReloadRequest{}).Ticket)
		do(t, i, func(*Locked) error { return nil })
		if err := w.reports[0].Err(); err != nil {
			t.Fatal(err)
		}
		denied(t, w.reports[1].Err(), syscall.ECANCELED, "") // the first was not recovered from
		health(t, w.dummy, Healthy, 2, 1)
		if w.recovered != "going down" {
			t.Fatalf("recovered from %q", w.recovered)
		}
		var seen []string
		for _, e := range rest(t, s) {
			switch o := e.Object.(type) {
			case *ReporterInfo:
				seen = append(seen, o.State.String())
			case *RegionInfo:
				seen = append(seen, e.Verb.String())
			case *InstanceInfo:
				seen = append(seen, "dev")
			}
		}
		same(t, seen, []string{"error", "deleted", "error", "added", "dev", "healthy"})
	})
}

func TestReportDuringReloadOfAReporterThatGoes(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i, w := withWard(t, r, false)
		gone := w.dummy
		finish(t, i.SubmitSetReporter(dummyHealth, ReporterChange{Grace: new(100 * time.Millisecond)}))
		finish(t, i.SubmitReload(ReloadRequest{}).Ticket)
		do(t, i, func(*Locked) error { return nil })
		denied(t, w.reports[0].Err(), syscall.ECANCELED, "the reporter has gone")
		if err := w.reports[1].Err(); err != nil || gone.Info() != nil {
			t.Fatal(err)
		}
		health(t, w.dummy, Healthy, 1, 1) // a new one, with nothing of the old
		if n := w.dummy.Info(); n.Grace != 0 {
			t.Fatalf("%+v", n)
		}
	})
}

// After a reload that went wrong errors are counted, and what has to be looked at can be.
func TestHealthAfterAReloadThatWentWrong(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i, w := withWard(t, r, true)
		w.fails = syscall.EINVAL
		mustBe(t, outcome(i.SubmitReload(ReloadRequest{}).Ticket), syscall.EINVAL)
		do(t, i, func(*Locked) error { return nil })
		mustBe(t, w.reports[0].Err(), ErrReloadFailed)
		health(t, w.dummy, InError, 1, 0)
		if got := text(t, i.SubmitDumpReporter(dummyHealth)); !strings.Contains(got, "going down") {
			t.Fatal(got)
		}
		text(t, i.SubmitDiagnoseReporter(dummyHealth))
		for _, err := range []error{
			outcome(i.SubmitRecoverReporter(dummyHealth)), outcome(i.SubmitSetReporter(dummyHealth, ReporterChange{})),
			outcome(i.SubmitNewSnapshot(dummy).Ticket), outcome(i.SubmitDeleteSnapshot(dummy, 1)),
			outcome(i.SubmitReadRegion(dummy, RegionRead{Direct: true}).Ticket),
			outcome(i.SubmitSetTrap("fid_miss", ActionDrop).Ticket), outcome(i.SubmitSetPolicer(1, PolicerChange{})),
		} {
			mustBe(t, err, ErrReloadFailed)
			mustBe(t, err, switchdev.ErrBusy)
		}
		w.fails = nil
		finish(t, i.SubmitReload(ReloadRequest{}).Ticket)
		finish(t, i.SubmitRecoverReporter(dummyHealth))
		health(t, w.dummy, Healthy, 2, 1)
	})
}

// The snapshots of a region that goes in a reload are told of one by one, in the order in
// which they were taken; traps go with the action drop.
func TestReloadTellsOfSnapshotsAndTraps(t *testing.T) {
	both(t, func(t *testing.T, r *Registry) {
		i, _ := withWard(t, r, false)
		for _, id := range []uint32{3, 1, 2} {
			newSnapshot(t, i, id)
		}
		s := subscribe(t, r, SubscribeOptions{CompatKernel: true, Filter: Filter{Kinds: KindsOf(KindRegion, KindSnapshot, KindTrap)}})
		finish(t, i.SubmitReload(ReloadRequest{}).Ticket)
		list := rest(t, s)
		traps := len(chipTraps)
		same(t, texts(list[traps:traps+5]), []string{
			"deleted snapshot a dummy 3", "deleted snapshot a dummy 1", "deleted snapshot a dummy 2", "deleted region a dummy", "added region a dummy",
		})
		for n, e := range list[:traps] {
			if o := e.Object.(*TrapInfo); e.Verb != Deleted || o.Action != ActionDrop || o.Name != chipTraps[traps-1-n].Name {
				t.Fatalf("%v %+v", e, o)
			}
		}
		for n, e := range list[traps+5:] {
			o := e.Object.(*TrapInfo)
			if want := chipTraps[n]; e.Verb != Added || o.Name != want.Name || o.Action != want.Action || o.Group != want.Group {
				t.Fatalf("%v %+v", e, o)
			}
		}
		if got := ids(r, i, dummy); slices.Contains(got, 1) {
			t.Fatal(got)
		}
	})
}
