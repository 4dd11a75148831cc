package fdb

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// readable is a chip that can be dumped.
type readable struct {
	*chip
	dumping func(context.Context) error // runs at the start of a dump
	alien   []switchdev.FDBRow          // rows that the device learned by itself
}

func (r *readable) DumpFDB(ctx context.Context, _ switchdev.Domain, yield func(switchdev.FDBRow) bool) (switchdev.Epoch, error) {
	if r.dumping != nil {
		if err := r.dumping(ctx); err != nil {
			return 0, err
		}
	}
	for _, e := range r.table() {
		if !yield(switchdev.FDBRow{FDBEntry: e}) {
			return r.Epoch(), nil
		}
	}
	for _, row := range r.alien {
		if !yield(row) {
			break
		}
	}
	return r.Epoch(), nil
}

// corrupt changes what the device holds behind everybody's back.
func (c *chip) corrupt(f func(rows map[Key]switchdev.FDBEntry)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c.rows)
}

// TestReconcileRepairs: what is missing, wrong, or too much is found and put
// right; what the device learned by itself is its own.
func TestReconcileRepairs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := &readable{chip: newChip("sw0")}
		table := newTable(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c}}}})
		for i := range 10 {
			if err := table.Add(ctx, Entry{Key: stationKey(i), Port: 1, Flags: Static}); err != nil {
				t.Fatal(err)
			}
		}
		own := switchdev.FDBEntry{Key: key(9), Port: 3, Flags: switchdev.FDBHWLearned}
		c.alien = []switchdev.FDBRow{{FDBEntry: own}}
		if n, err := table.Reconcile(ctx, c); n != 0 || err != nil {
			t.Errorf("nothing differs: %d, %v", n, err)
		}
		c.corrupt(func(rows map[Key]switchdev.FDBEntry) {
			delete(rows, stationKey(0))
			rows[stationKey(1)] = switchdev.FDBEntry{Key: stationKey(1), Port: 7, Flags: switchdev.FDBStatic}
			rows[stationKey(2)] = switchdev.FDBEntry{Key: stationKey(2), Port: 1}
			rows[key(1)] = switchdev.FDBEntry{Key: key(1), Port: 4, Flags: switchdev.FDBStatic}
		})
		if n, err := table.Reconcile(ctx, c); n != 4 || err != nil {
			t.Errorf("Reconcile = %d, %v; want 4", n, err)
		}
		synctest.Wait()
		sameRows(t, table, c.chip, everyPort)
		if n, err := table.Reconcile(ctx, c); n != 0 || err != nil {
			t.Errorf("again: %d, %v", n, err)
		}
	})
}

// TestReconcileNeverActsOnItsDump (rule 28): an add that lands while the dump is
// made is not deleted again.
func TestReconcileNeverActsOnItsDump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := &readable{chip: newChip("sw0")}
		table := newTable(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c}}}})
		table.Learn(key(1), 1)
		synctest.Wait()
		c.dumping = func(context.Context) error { time.Sleep(time.Second); return nil }
		k := table.SubmitReconcile(c)
		synctest.Wait()
		add := table.SubmitAdd(Entry{Key: key(2), Port: 1, Flags: Static})
		if err := k.Wait(ctx); err != nil || k.Count() != 0 {
			t.Errorf("Reconcile = %d, %v", k.Count(), err)
		}
		if err := add.Wait(ctx); err != nil {
			t.Errorf("Add = %v", err)
		}
		sameRows(t, table, c.chip, everyPort)
	})
}

// TestReconcileFails: the dump's error, a driver's panic, a device that cannot be
// read; nothing is believed less for it.
func TestReconcileFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c, blind := &readable{chip: newChip("sw0")}, newChip("sw1")
		table := newTable(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c}, {Driver: blind}}}})
		if err := table.Add(ctx, Entry{Key: key(1), Port: 1, Flags: Static}); err != nil {
			t.Fatal(err)
		}
		if _, err := table.Reconcile(ctx, blind); !errors.Is(err, errors.ErrUnsupported) || !errors.Is(err, syscall.EOPNOTSUPP) {
			t.Errorf("blind device: %v", err)
		}
		if _, err := table.Reconcile(ctx, newChip("x")); !errors.Is(err, syscall.ENODEV) {
			t.Errorf("foreign device: %v", err)
		}
		c.dumping = func(context.Context) error { return switchdev.ErrBusy }
		if _, err := table.Reconcile(ctx, c); !errors.Is(err, switchdev.ErrBusy) {
			t.Errorf("busy device: %v", err)
		}
		c.dumping = func(context.Context) error { panic("the driver's bug") }
		if _, err := table.Reconcile(ctx, c); !errors.Is(err, switchdev.ErrOutcomeUnknown) {
			t.Errorf("panic: %v", err)
		}
		c.dumping = func(ctx context.Context) error { return table.Add(ctx, Entry{Key: key(2), Port: 1}) }
		if _, err := table.Reconcile(ctx, c); !errors.Is(err, switchdev.ErrDeadlock) {
			t.Errorf("a dump that calls the table: %v", err)
		}
		c.dumping = nil
		if n, err := table.Reconcile(ctx, c); n != 0 || err != nil {
			t.Errorf("afterwards: %d, %v", n, err)
		}
		if e, err := table.Get(ctx, key(1)); err != nil || e.Offload != Offloaded {
			t.Errorf("Get = %+v, %v", e, err)
		}
	})
}

// TestLostReportsAreMadeGood: what did not fit the queue is counted, and the
// device is read.
func TestLostReportsAreMadeGood(t *testing.T) {
	c := &readable{chip: newChip("sw0")}
	b := newBench(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c}}}})
	b.must(b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static}))
	c.corrupt(func(rows map[Key]switchdev.FDBEntry) { clear(rows) })
	for range maxReports + 5 {
		c.report(switchdev.Report{Kind: switchdev.ReportSpace, Epoch: 1})
	}
	b.Poll(b.now)
	b.Poll(b.now)
	if s := b.Stats(); s.ReportsLost != 5 || s.Reports != maxReports {
		t.Errorf("%d heard, %d lost", s.Reports, s.ReportsLost)
	}
	if _, ok := c.row(key(1)); !ok {
		t.Error("the device was not read")
	}
}

// TestSpaceIsUsedAtOnce: a device that says that it has room is offered what it
// had refused without waiting (case 101).
func TestSpaceIsUsedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChip("sw0")
		c.answer = func(switchdev.FDBOp) error { return switchdev.ErrNoSpace }
		table := newTable(t, withChips(Config{Hardware: Hardware{Retry: time.Hour}, Ageing: -1}, c))
		table.Learn(key(1), 1)
		synctest.Wait()
		e, err := table.Get(t.Context(), key(1))
		if err != nil || e.Offload != OffloadFailed {
			t.Errorf("full: %+v, %v", e, err)
		}
		c.become(nil, nil)
		before := time.Now()
		c.report(switchdev.Report{Kind: switchdev.ReportSpace, Epoch: 1})
		synctest.Wait()
		if e, err = table.Get(t.Context(), key(1)); err != nil || e.Offload != Offloaded || time.Since(before) != 0 {
			t.Errorf("room: %+v, %v", e, err)
		}
		sameRows(t, table, c, everyPort)
	})
}

// TestNames of what is printed.
func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		(Static | Sticky).String():                 "static,sticky",
		Flags(0).String():                          "dynamic",
		(flagsEnd | Static).String():               "static,?",
		OwnerLearned.String():                      "learned",
		OwnerUser.String():                         "user",
		OwnerDriver.String():                       "driver",
		OwnerControl.String():                      "control",
		Owner(9).String():                          "owner?",
		OffloadNone.String():                       "none",
		Offloaded.String():                         "offloaded",
		OffloadFailed.String():                     "failed",
		MovedTo.String():                           "moved",
		EventKind(0).String():                      "event?",
		EventKind(99).String():                     "event?",
		Dropped.String():                           "dropped",
		Learned(99).String():                       "learned?",
		Entry{Flags: Permanent}.State():            "permanent",
		Entry{Flags: Static | User}.State() + "+":  "static+",
		Entry{Flags: User | Sticky}.State() + "++": "++",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestHungDumpDelaysNobody: the reconcile ends at its deadline, operations on
// the device are refused at theirs, and Close ends, naming a driver that does
// not return.
func TestHungDumpDelaysNobody(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			ctx := t.Context()
			c := &readable{chip: newChip("sw0")}
			open := make(gate)
			c.dumping = func(ctx context.Context) error {
				if deaf {
					<-open
					return nil
				}
				<-ctx.Done()
				return ctx.Err()
			}
			table, err := New(Config{Hardware: Hardware{Timeout: 2 * time.Second, Devices: []Device{{Driver: c}}}})
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			k := table.SubmitReconcile(c)
			synctest.Wait()
			add := table.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
			atOnce(t, "Learn and Stats", func() { table.Learn(key(2), 1); table.Stats() })
			if err := k.Wait(ctx); !errors.Is(err, switchdev.ErrOutcomeUnknown) || time.Since(start) != 2*time.Second {
				t.Errorf("Reconcile = %v after %v", err, time.Since(start))
			}
			if err := add.Wait(ctx); !errors.Is(err, switchdev.ErrDeviceUnavailable) || time.Since(start) != 2*time.Second {
				t.Errorf("Add = %v after %v", err, time.Since(start))
			}
			start = time.Now()
			closed := make(chan error, 1)
			go func() { closed <- table.Close() }()
			select {
			case err = <-closed:
			case <-time.After(time.Minute):
				t.Error("Close does not end")
			}
			if d := time.Since(start); deaf && (!errors.Is(err, switchdev.ErrDeviceUnavailable) || d > 4*time.Second) || !deaf && (err != nil || d != 0) {
				t.Errorf("deaf %v: Close = %v after %v", deaf, err, d)
			}
			close(open)
		})
	}
}
