package fdb

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// TestRefusalIsTheAnswerAndUndone: what one of two devices refuses is taken back
// from the other, and the refusal is the error (rule 16, cases 94, 101, 110).
func TestRefusalIsTheAnswerAndUndone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		first, second := newChip("sw0"), newChip("sw1")
		table := newTable(t, withChips(Config{}, first, second))
		old := Entry{Key: key(1), Port: 1, Flags: Static}
		if err := table.Add(ctx, old); err != nil {
			t.Fatal(err)
		}
		mine := errors.New("bucket full")
		second.become(nil, func(op switchdev.FDBOp) error {
			if op.Entry.Port == 2 {
				return &switchdev.OpError{Op: "set", Device: "sw1", Reason: "no", Err: errors.Join(switchdev.ErrNoSpace, mine)}
			}
			return nil
		})
		for what, err := range map[string]error{
			"replace": table.Replace(ctx, Entry{Key: key(1), Port: 2, Flags: Static}),
			"add":     table.Add(ctx, Entry{Key: key(2), Port: 2, Flags: Static}),
		} {
			if !errors.Is(err, switchdev.ErrNoSpace) || !errors.Is(err, mine) || errors.Is(err, switchdev.ErrOutcomeUnknown) {
				t.Errorf("%s = %v", what, err)
			}
		}
		for _, c := range []*chip{first, second} {
			sameRows(t, table, c, everyPort)
		}
		if e, err := table.Get(ctx, key(1)); err != nil || e.Port != 1 || e.Offload != Offloaded {
			t.Errorf("Get = %+v, %v", e, err)
		}
		if _, ok := table.Lookup(key(2)); ok {
			t.Error("the refused entry is there")
		}
	})
}

// TestFailedUndoIsUnknown (rule 17): the device that cannot be taken back is
// named, and is brought to what the table wants when it can.
func TestFailedUndoIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newChip("sw0"), newChip("sw1")
		first.answer = func(op switchdev.FDBOp) error {
			if op.Verb == switchdev.FDBDelete {
				return switchdev.ErrBusy
			}
			return nil
		}
		second.answer = func(op switchdev.FDBOp) error {
			if op.Verb == switchdev.FDBSet {
				return switchdev.ErrNoSpace
			}
			return nil
		}
		table := newTable(t, withChips(Config{}, first, second))
		err := table.Add(t.Context(), Entry{Key: key(1), Port: 1, Flags: Static})
		if !errors.Is(err, switchdev.ErrOutcomeUnknown) || !errors.Is(err, switchdev.ErrNoSpace) || !errors.Is(err, switchdev.ErrBusy) {
			t.Errorf("Add = %v, want all causes", err)
		}
		if _, ok := table.Lookup(key(1)); ok {
			t.Error("in the table")
		}
		first.become(nil, nil)
		time.Sleep(10 * time.Second)
		sameRows(t, table, first, everyPort)
	})
}

// TestUnsupportedStaysInSoftware: it is no refusal.
func TestUnsupportedStaysInSoftware(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChip("sw0")
		c.answer = func(op switchdev.FDBOp) error {
			if op.Verb == switchdev.FDBSet && op.Entry.Port == 2 {
				return errors.ErrUnsupported
			}
			return nil
		}
		table := newTable(t, withChips(Config{}, c))
		ctx := t.Context()
		if err := table.Add(ctx, Entry{Key: key(1), Port: 1, Flags: Static}); err != nil {
			t.Fatal(err)
		}
		if err := table.Replace(ctx, Entry{Key: key(1), Port: 2, Flags: Static}); err != nil {
			t.Fatal(err)
		}
		if _, ok := c.row(key(1)); ok {
			t.Error("the old row is left: frames go to the old port")
		}
		if e, err := table.Get(ctx, key(1)); err != nil || e.Port != 2 || e.Offload != OffloadNone {
			t.Errorf("Get = %+v, %v", e, err)
		}
	})
}

// TestMovesReachEveryDevice: a replace, a move and a change of kind withdraw the
// row from where it was (cases 95-98; holes of the kernel).
func TestMovesReachEveryDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		left, right := newChip("left"), newChip("right")
		table := newTable(t, Config{Hardware: Hardware{Devices: []Device{
			{Driver: left, Ports: []switchdev.PortID{1}}, {Driver: right, Ports: []switchdev.PortID{2}},
		}}})
		check := func(what string) {
			t.Helper()
			synctest.Wait()
			sameRows(t, table, left, onPorts(1))
			sameRows(t, table, right, onPorts(2))
			if t.Failed() {
				t.Fatal(what)
			}
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		table.Learn(key(1), 1)
		check("learned")
		table.Learn(key(1), 2)
		check("moved by a frame") // 96
		must(table.Replace(ctx, Entry{Key: key(1), Port: 1, Flags: Static}))
		check("moved by a user") // 97
		must(table.Replace(ctx, Entry{Key: key(1), Port: 1}))
		check("static to dynamic") // 98, 95
		if _, ok := left.row(key(1)); ok {
			t.Error("a user's dynamic entry is in hardware")
		}
		must(table.Replace(ctx, Entry{Key: key(1), Port: 0, Flags: Permanent}))
		check("local") // on both
		if _, ok := right.row(key(1)); !ok {
			t.Error("the bridge's own address is not in hardware")
		}
		must(table.Delete(ctx, key(1), 0))
		check("deleted")
	})
}

// TestJoinAndLeave: a device gets all kinds once when it joins, and is without
// any row when a leave has returned (case 99).
func TestJoinAndLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := newChip("sw0")
		c.before = func(context.Context, []switchdev.FDBOp) error { time.Sleep(time.Millisecond); return nil }
		table := newTable(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c, Ports: []switchdev.PortID{}}}}})
		for i := range 3000 {
			table.Learn(stationKey(i), switchdev.PortID(1+i%2))
		}
		if err := table.Add(ctx, Entry{Key: key(1), Port: 1, Flags: Static}); err != nil {
			t.Fatal(err)
		}
		if err := table.Add(ctx, Entry{Key: key(2), Port: 1}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := len(c.table()); n != 0 {
			t.Fatalf("%d rows before the join", n)
		}
		if err := table.Join(ctx, c, 1); err != nil {
			t.Fatal(err)
		}
		sameRows(t, table, c, onPorts(1))
		if _, ops := c.counts(); ops != 1501 {
			t.Errorf("%d operations for 1501 rows", ops)
		}
		if err := table.Join(ctx, c, 2); err != nil {
			t.Fatal(err)
		}
		sameRows(t, table, c, onPorts(1, 2))
		if err := table.Leave(ctx, c, 1); err != nil {
			t.Fatal(err)
		}
		sameRows(t, table, c, onPorts(2))
		if err := table.Leave(ctx, c, 2); err != nil {
			t.Fatal(err)
		}
		if n := len(c.table()); n != 0 || table.Len() != 3002 {
			t.Errorf("%d rows left, %d entries", n, table.Len())
		}
	})
}

// TestResetUnderLoad: the device holds what is wanted again, and everything that
// returned nil is there (case 100, rules 21 to 23).
func TestResetUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := newChip("sw0")
		calls := 0
		c.before = func(context.Context, []switchdev.FDBOp) error {
			time.Sleep(time.Millisecond)
			switch calls++; calls % 5 {
			case 0:
				_, _ = c.Reset(ctx)
			case 3:
				c.lose() // and says nothing: the next result tells
			}
			return nil
		}
		table := newTable(t, withChips(Config{}, c))
		for i := range 200 {
			k := stationKey(i)
			if i%2 == 0 {
				table.Learn(k, 1)
				continue
			}
			if err := table.Add(ctx, Entry{Key: k, Port: 1, Flags: Static}); err != nil {
				t.Fatalf("Add %d: %v", i, err)
			}
		}
		c.become(nil, nil)
		if err := table.Add(ctx, Entry{Key: key(1), Port: 1, Flags: Static}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		synctest.Wait()
		sameRows(t, table, c, everyPort)
		if n := table.Stats().Hardware.Resets; n == 0 {
			t.Error("no reset was heard")
		}
	})
}

// TestReportsFromDevices: what a device learned is learned; what it aged out
// removes nothing, and comes back (rule 25); a late report means nothing (51).
func TestReportsFromDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChip("sw0")
		table := newTable(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c, Ports: []switchdev.PortID{1, 2}}}}})
		report := func(r switchdev.Report) {
			r.Epoch = c.Epoch()
			c.report(r)
			synctest.Wait()
		}
		at := func(k Key) switchdev.PortID {
			hit, _ := table.Lookup(k)
			return hit.Port
		}
		report(switchdev.Report{Kind: switchdev.ReportLearned, Key: key(1), Port: 1})
		if at(key(1)) != 1 {
			t.Error("a report of a learned station is not heard")
		}
		report(switchdev.Report{Kind: switchdev.ReportLearned, Key: key(1), Port: 2})
		if at(key(1)) != 2 {
			t.Error("a report of a move is not heard")
		}
		report(switchdev.Report{Kind: switchdev.ReportLearned, Key: key(2), Port: 9})
		report(switchdev.Report{Kind: switchdev.ReportLearned, Key: key(3), Port: 1, Domain: 7})
		report(switchdev.Report{Kind: switchdev.ReportLearned, Key: key(4), Port: 1, Locked: true})
		for n := byte(2); n <= 4; n++ {
			if at(key(n)) != 0 {
				t.Errorf("station %d was learned", n)
			}
		}
		c.mu.Lock()
		delete(c.rows, key(1))
		c.mu.Unlock()
		report(switchdev.Report{Kind: switchdev.ReportAged, Key: key(1), Port: 1}) // late: it moved
		if _, ok := c.row(key(1)); ok || table.Stats().Hardware.Stale != 1 {
			t.Errorf("a late report: row %v, stale %d", ok, table.Stats().Hardware.Stale)
		}
		report(switchdev.Report{Kind: switchdev.ReportAged, Key: key(1), Port: 2})
		if _, ok := c.row(key(1)); !ok || at(key(1)) != 2 {
			t.Errorf("an age-out: row %v, port %d", ok, at(key(1)))
		}
	})
}

// TestReportedResetIsHeardFirst (rule 22): once a device has said that it lost
// its rows, an operation that finds nothing to do in the table is not done
// before the row is back.
func TestReportedResetIsHeardFirst(t *testing.T) {
	c := newQueued("sw0")
	b := newBench(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c}}}})
	e := Entry{Key: key(1), Port: 1, Flags: Static}
	add := b.SubmitAdd(e)
	b.Poll(b.now)
	c.complete()
	b.must(add)
	_, _ = c.Reset(t.Context())
	same := b.SubmitReplace(e)
	b.Poll(b.now)
	select {
	case <-same.Done():
		t.Error("nil without the row")
	default:
	}
	for c.complete() {
		b.Poll(b.now)
	}
	b.must(same)
	if _, ok := c.row(key(1)); !ok {
		t.Error("nil without the row")
	}
}
