package fdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// teller has every hook, and notes the calls as lines.
type teller struct{ lines []string }

func (n *teller) note(format string, args ...any) {
	n.lines = append(n.lines, fmt.Sprintf(format, args...))
}

// take returns the lines since it was called last.
func (n *teller) take() []string {
	lines := n.lines
	n.lines = nil
	return lines
}

func (n *teller) trace() *Trace {
	op := func(what string) func(OpTrace) {
		return func(v OpTrace) {
			n.note("%s %d %s %v port %v %s took %v err %v", what, v.Ticket, v.Op, v.Key, v.Port, v.Device, v.Took, v.Err)
		}
	}
	return &Trace{
		Submitted: op("submitted"), Staged: op("staged"), Ended: op("ended"),
		Called: func(v CallTrace) { n.note("called %s %d: %d", v.Device, v.Call, v.Operations) },
		Returned: func(v CallTrace) {
			n.note("returned %s %d: %d, %d refused, %d unsupported, %d unanswered took %v", v.Device, v.Call, v.Operations, v.Refused, v.Unsupported, v.Unanswered, v.Took)
		},
		Sealed:        func(v LearnTrace) { n.note("sealed %d", v.Stations) },
		Applied:       func(v LearnTrace) { n.note("applied %d took %v", v.Stations, v.Took) },
		FlushAccepted: func(v FlushTrace) { n.note("flush accepted %d port %v", v.Ticket, v.Filter.Port) },
		FlushApplied:  func(v FlushTrace) { n.note("flush applied %d removed %d took %v", v.Ticket, v.Removed, v.Took) },
		Swept:         func(v SweepTrace) { n.note("swept %d took %v next %v", v.Aged, v.Took, v.Next.IsZero()) },
		Reset:         func(v ResetTrace) { n.note("reset %s %d to %d", v.Device, v.Before, v.Epoch) },
		Breaker:       func(v BreakerTrace) { n.note("breaker %s %v to %v", v.Device, v.Before, v.State) },
		Reconciled: func(v ReconcileTrace) {
			n.note("reconciled %s differ %d took %v err %v", v.Device, v.Differ, v.Took, v.Err)
		},
		Overrun: func(v OverrunTrace) { n.note("overrun at %d", v.Event) },
	}
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("told:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestHooksTellInOrder: what a Manual table does is told by Poll, in the order in
// which it happened, with the times that Poll was given.
func TestHooksTellInOrder(t *testing.T) {
	n := &teller{}
	c := newQueued("sw0")
	b := newBench(t, Config{Ageing: time.Minute, Trace: n.trace(), Hardware: Hardware{Devices: []Device{{Driver: c}}}})
	b.Poll(b.now)
	n.take()

	k := b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
	if len(n.lines) != 0 {
		t.Errorf("told before Poll: %v", n.lines)
	}
	b.Poll(b.now)
	wantLines(t, n.take(),
		fmt.Sprintf("submitted %d fdb.add 02:00:00:00:00:01 port 1  took 0s err <nil>", k.ID()),
		fmt.Sprintf("staged %d fdb.add 02:00:00:00:00:01 port 1  took 0s err <nil>", k.ID()),
		"called sw0 1: 1")
	c.complete()
	b.pass(2 * time.Second)
	wantLines(t, n.take(),
		"returned sw0 1: 1, 0 refused, 0 unsupported, 0 unanswered took 2s",
		fmt.Sprintf("ended %d fdb.add 02:00:00:00:00:01 port 1  took 2s err <nil>", k.ID()))

	b.Learn(key(2), 2)
	b.Poll(b.now)
	wantLines(t, n.take(), "sealed 1", "applied 1 took 0s", "called sw0 2: 1")
	c.complete()
	b.Poll(b.now)
	wantLines(t, n.take(), "returned sw0 2: 1, 0 refused, 0 unsupported, 0 unanswered took 0s")

	f := b.SubmitFlush(OnPort(2))
	b.Poll(b.now)
	wantLines(t, n.take(),
		fmt.Sprintf("submitted %d fdb.flush 00:00:00:00:00:00 port 2  took 0s err <nil>", f.ID()),
		fmt.Sprintf("staged %d fdb.flush 00:00:00:00:00:00 port 2  took 0s err <nil>", f.ID()),
		fmt.Sprintf("flush accepted %d port 2", f.ID()),
		fmt.Sprintf("flush applied %d removed 1 took 0s", f.ID()),
		"called sw0 3: 1")
	c.complete()
	b.Poll(b.now)
	wantLines(t, n.take(),
		"returned sw0 3: 1, 0 refused, 0 unsupported, 0 unanswered took 0s",
		fmt.Sprintf("ended %d fdb.flush 00:00:00:00:00:00 port 2  took 0s err <nil>", f.ID()))
}

// TestHooksTellOfTrouble: what a device did wrong, and who fell behind.
func TestHooksTellOfTrouble(t *testing.T) {
	n := &teller{}
	c := newChip("sw0")
	b := newBench(t, Config{Ageing: time.Minute, Events: 2, Trace: n.trace(), Hardware: Hardware{Devices: []Device{{Driver: c}}}})
	full := errors.New("full")
	c.become(nil, func(switchdev.FDBOp) error { return full })
	k := b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
	b.Poll(b.now)
	wantLines(t, n.take(),
		fmt.Sprintf("submitted %d fdb.add 02:00:00:00:00:01 port 1  took 0s err <nil>", k.ID()),
		fmt.Sprintf("staged %d fdb.add 02:00:00:00:00:01 port 1  took 0s err <nil>", k.ID()),
		"called sw0 1: 1",
		"returned sw0 1: 1, 1 refused, 0 unsupported, 0 unanswered took 0s",
		fmt.Sprintf("ended %d fdb.add 02:00:00:00:00:01 port 1  took 0s err fdb.add sw0 02:00:00:00:00:01: full", k.ID()))

	c.become(nil, nil)
	if _, err := c.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.Poll(b.now)
	wantLines(t, n.take(), "reset sw0 1 to 2")

	late := b.SubmitDelete(key(9), 9)
	if !late.Withdraw() {
		t.Fatal("not withdrawn")
	}
	b.Poll(b.now)
	wantLines(t, n.take(),
		fmt.Sprintf("submitted %d fdb.delete 02:00:00:00:00:09 port 9  took 0s err <nil>", late.ID()),
		fmt.Sprintf("ended %d fdb.delete 02:00:00:00:00:09 port 9  took 0s err context canceled", late.ID()))

	b.Learn(key(2), 2)
	b.Poll(b.now)
	n.take()
	b.pass(2 * time.Minute)
	if lines := n.take(); !slices.Contains(lines, "swept 1 took 0s next true") {
		t.Errorf("no sweep in %q", lines)
	}

	b.Learn(key(2), 2)
	b.Learn(key(3), 2)
	b.Poll(b.now)
	n.take()
	b.pass(2 * time.Minute)
	if lines := n.take(); !slices.Contains(lines, "swept 2 took 0s next true") {
		t.Errorf("no second sweep in %q", lines)
	}

	for i := range byte(9) {
		b.Learn(key(i+1), 3)
	}
	b.Poll(b.now)
	n.take()
	if _, err := b.sub.Next(t.Context()); !errors.Is(err, switchdev.ErrOverrun) {
		t.Errorf("Next: %v", err)
	}
	b.Poll(b.now)
	wantLines(t, n.take(), fmt.Sprintf("overrun at %d", b.Stats().Events))
}

// TestHooksTellOfTheBreaker that it opened and, when the device is back, closed.
func TestHooksTellOfTheBreaker(t *testing.T) {
	n := &teller{}
	c := newQueued("sw0")
	b := newBench(t, Config{Trace: n.trace(), Hardware: Hardware{Timeout: time.Second, Breaker: 1, Devices: []Device{{Driver: c}}}})
	b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
	b.through(1500 * time.Millisecond)
	count := func(want string) {
		t.Helper()
		if lines := n.take(); !slices.Contains(lines, want) {
			t.Errorf("no %q in\n%s", want, strings.Join(lines, "\n"))
		}
	}
	count("breaker sw0 closed to open")
	c.complete()
	b.Poll(b.now)
	count("breaker sw0 open to half-open")
	for range 4 {
		c.complete()
		b.Poll(b.now)
	}
	count("breaker sw0 half-open to closed")
}

// TestHooksTellOfReconciliation: how many rows differed, and how long it took.
func TestHooksTellOfReconciliation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &teller{}
		c := &readable{chip: newChip("sw0")}
		table := newTable(t, Config{Trace: n.trace(), Hardware: Hardware{Devices: []Device{{Driver: c}}}})
		if err := table.Add(t.Context(), Entry{Key: key(1), Port: 1, Flags: Static}); err != nil {
			t.Fatal(err)
		}
		c.corrupt(func(rows map[Key]switchdev.FDBEntry) { delete(rows, key(1)) })
		if n, err := table.Reconcile(t.Context(), c); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		synctest.Wait()
		if !slices.Contains(n.take(), "reconciled sw0 differ 1 took 0s err <nil>") {
			t.Error("the reconciliation is not told")
		}
	})
}

// TestHooksMayWaitForTheTable: they are called with nothing held, by a goroutine
// that nobody waits for.
func TestHooksMayWaitForTheTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var table *Table
		done := make(chan error, 1)
		trace := &Trace{Ended: func(v OpTrace) {
			if v.Op == "fdb.delete" {
				_, err := table.Flush(context.Background(), Dynamic())
				done <- err
			}
		}}
		table = newTable(t, Config{Trace: trace})
		if err := table.Delete(t.Context(), key(1), 1); !errors.Is(err, switchdev.ErrNotExist) {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// locking is a log handler that needs a lock of the program's.
type locking struct {
	slog.Handler
	lock chan struct{}
	n    int
}

func (l *locking) Handle(context.Context, slog.Record) error {
	l.lock <- struct{}{}
	defer func() { <-l.lock }()
	l.n++
	return nil
}

func (l *locking) Enabled(context.Context, slog.Level) bool { return true }

// TestHandlerMayNeedWhatTheCallerHolds: a program that uses the table with
// something held is not logged to by its own goroutine.
func TestHandlerMayNeedWhatTheCallerHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &locking{Handler: slog.DiscardHandler, lock: make(chan struct{}, 1)}
		table := newTable(t, Config{Logger: slog.New(h)})
		h.lock <- struct{}{}
		err := table.Delete(t.Context(), key(1), 1)
		<-h.lock
		if !errors.Is(err, switchdev.ErrNotExist) {
			t.Error(err)
		}
		synctest.Wait()
		if h.n != 1 {
			t.Errorf("%d records", h.n)
		}
	})
}

// TestClosingTellsWhatIsLeft, and what comes later is forgotten.
func TestClosingTellsWhatIsLeft(t *testing.T) {
	for _, manual := range []bool{false, true} {
		n := &teller{}
		table, err := New(Config{Manual: manual, Trace: n.trace()})
		if err != nil {
			t.Fatal(err)
		}
		k := table.SubmitDelete(key(1), 1)
		if err := table.Close(); err != nil {
			t.Fatal(err)
		}
		table.SubmitDelete(key(1), 1)
		table.Poll(time.Now())
		lines := n.take()
		if len(lines) < 2 || !strings.HasPrefix(lines[0], fmt.Sprintf("submitted %d ", k.ID())) || !strings.HasPrefix(lines[len(lines)-1], fmt.Sprintf("ended %d ", k.ID())) {
			t.Errorf("manual %t: %v", manual, lines)
		}
	}
}

// TestOutboxIsBoundedAndInOrder: a hook that does not return costs only what is
// told.
func TestOutboxIsBoundedAndInOrder(t *testing.T) {
	var b outbox
	b.open(true)
	next := 0
	for i := range maxOutbox + 10 {
		b.put(func() {
			if i != next {
				t.Fatalf("call %d comes when %d is due", i, next)
			}
			next++
			if i == 7 {
				if b.deliver(); next != 8 { // it does nothing: somebody is at it
					t.Error("a hook was called by a hook")
				}
			}
		})
	}
	b.deliver()
	if next != maxOutbox || b.lost.Load() != 10 {
		t.Errorf("%d calls, %d lost", next, b.lost.Load())
	}
}

// TestPanicOfAHookIsPolls: on a Manual table, and the next hooks are called.
func TestPanicOfAHookIsPolls(t *testing.T) {
	ended := 0
	b := newBench(t, Config{Trace: &Trace{Staged: func(OpTrace) { panic("hook") }, Ended: func(OpTrace) { ended++ }}})
	b.SubmitDelete(key(1), 1)
	func() {
		defer func() {
			if p := recover(); p != "hook" {
				t.Errorf("recovered %v", p)
			}
		}()
		b.Poll(b.now)
	}()
	if b.Poll(b.now); ended != 1 {
		t.Errorf("%d outcomes", ended)
	}
}

// TestTracedDataPathDoesNotAllocate: it has no hooks.
func TestTracedDataPathDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	b := newBench(t, Config{Trace: (&teller{}).trace(), Logger: slog.New(slog.DiscardHandler)})
	b.Learn(key(1), 1)
	b.Poll(b.now)
	if n := testing.AllocsPerRun(100, func() { b.Learn(key(1), 1); b.Lookup(key(1)); b.Destination(key(1)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestPortStatsAreThePorts(t *testing.T) {
	b := newBench(t, Config{Learning: Learning{Max: 2}})
	b.Learn(key(1), 1)
	b.Learn(key(2), 1)
	b.Learn(key(3), 1) // limited
	b.Poll(b.now)
	b.Learn(key(1), 2) // moves
	b.SubmitRemovePort(3)
	b.Poll(b.now)
	b.Learn(key(4), 3) // barred
	want := map[switchdev.PortID]PortStats{
		1: {LearningStats: LearningStats{Accepted: 2, Applied: 2}, Limited: 1},
		2: {LearningStats: LearningStats{Accepted: 1, Applied: 1}},
		3: {Barred: 1},
		4: {},
	}
	var sum LearningStats
	for p, w := range want {
		if got := b.PortStats(p); got != w {
			t.Errorf("port %v: %+v, want %+v", p, got, w)
		}
		sum.Accepted += w.Accepted
		sum.Applied += w.Applied
	}
	if s := b.Stats(); s.Learning != sum || s.Limited != 1 || s.Barred != 1 || s.Vetoed != 0 {
		t.Errorf("%+v", s)
	}
}
