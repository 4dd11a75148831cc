package fdb

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// garbled is a device whose answers somebody falsifies.
type garbled struct {
	*queued
	falsify func(ops []switchdev.FDBOp, results []switchdev.Result)
	twice   bool
}

func (g *garbled) SubmitFDB(ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result, done func()) {
	g.queued.SubmitFDB(ctx, ops, results, func() {
		if g.falsify != nil {
			g.falsify(ops, results)
		}
		done()
		if g.twice {
			done()
		}
	})
}

// TestFalseResults: answers that are missing, of another operation, in another
// order or given twice make an outcome unknown, never wrong, and are counted;
// the device is brought to what the table wants.
func TestFalseResults(t *testing.T) {
	for name, x := range map[string]struct {
		falsify func(ops []switchdev.FDBOp, results []switchdev.Result)
		twice   bool
		unknown [3]bool
		strays  uint64
	}{
		"one missing": {falsify: func(_ []switchdev.FDBOp, r []switchdev.Result) { r[1] = switchdev.Result{} },
			unknown: [3]bool{1: true}},
		"all missing": {falsify: func(_ []switchdev.FDBOp, r []switchdev.Result) { clear(r) },
			unknown: [3]bool{true, true, true}},
		"wrong token": {falsify: func(_ []switchdev.FDBOp, r []switchdev.Result) { r[2].Token += 1000 },
			unknown: [3]bool{2: true}, strays: 1},
		"reordered": {falsify: func(_ []switchdev.FDBOp, r []switchdev.Result) { r[0], r[1] = r[1], r[0] },
			unknown: [3]bool{true, true, false}, strays: 2},
		"one twice": {falsify: func(_ []switchdev.FDBOp, r []switchdev.Result) { r[1] = r[0] },
			unknown: [3]bool{1: true}, strays: 1},
		"all twice": {twice: true, strays: 1},
		"token without epoch": {falsify: func(_ []switchdev.FDBOp, r []switchdev.Result) { r[0].Epoch = 0 },
			unknown: [3]bool{}},
	} {
		t.Run(name, func(t *testing.T) {
			g := &garbled{queued: newQueued("sw0")}
			b := newBench(t, Config{Hardware: Hardware{Devices: []Device{{Driver: g}}}})
			g.falsify, g.twice = x.falsify, x.twice
			var ks [3]*Ticket
			for i := range ks {
				ks[i] = b.SubmitAdd(Entry{Key: key(byte(i + 1)), Port: 1, Flags: Static})
			}
			b.Poll(b.now)
			g.complete()
			g.falsify, g.twice = nil, false
			for range 5 {
				b.answered(g.queued)
				b.through(2 * DefaultTimeout)
			}
			for i, k := range ks {
				err := b.do(k)
				if unknown := errors.Is(err, switchdev.ErrOutcomeUnknown); unknown != x.unknown[i] || err != nil && !unknown {
					t.Errorf("operation %d: %v, want unknown %v", i, err, x.unknown[i])
				}
			}
			sameRows(t, b.Table, g.chip, everyPort)
			if s := b.Stats().Hardware; s.Strays != x.strays {
				t.Errorf("Strays = %d, want %d", s.Strays, x.strays)
			}
		})
	}
}

// TestFalseReports: late, lost, duplicated and reordered reports do no harm.
func TestFalseReports(t *testing.T) {
	c := newChip("sw0")
	b := newBench(t, withChips(Config{}, c))
	b.must(b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static}))
	b.Learn(key(2), 2)
	b.Poll(b.now)
	_, _ = c.Reset(t.Context())
	_, _ = c.Reset(t.Context())
	b.Poll(b.now)
	for _, r := range []switchdev.Report{
		{Kind: switchdev.ReportReset, Epoch: 2}, // late
		{Kind: switchdev.ReportReset, Epoch: 3}, // twice
		{Kind: switchdev.ReportAged, Key: key(1), Port: 1, Epoch: 1},
		{Kind: switchdev.ReportAged, Key: key(2), Port: 7, Epoch: 3},
		{Kind: switchdev.ReportAged, Key: key(9), Port: 1, Epoch: 3},
		{Kind: switchdev.ReportLearned, Key: key(2), Port: 1, Epoch: 2},
		{Kind: switchdev.ReportFlushed, Port: 2, Epoch: 2},
		{Kind: switchdev.ReportPortGone, Port: 2, Epoch: 1},
		{Kind: switchdev.ReportSpace, Epoch: 3},
		{Kind: 0}, {Kind: 200},
	} {
		c.report(r)
		b.Poll(b.now)
		sameRows(t, b.Table, c, everyPort)
	}
	b.wantAt("afterwards", key(1), 1)
	b.wantAt("afterwards", key(2), 2)
	if s := b.Stats().Hardware; s.Stale != 6 || s.Resets != 2 {
		t.Errorf("Stale = %d, Resets = %d", s.Stale, s.Resets)
	}
	c.corrupt(func(rows map[Key]switchdev.FDBEntry) { delete(rows, key(1)) })
	aged := switchdev.Report{Kind: switchdev.ReportAged, Key: key(1), Port: 1, Epoch: 3}
	c.report(aged)
	c.report(aged) // twice
	b.Poll(b.now)
	sameRows(t, b.Table, c, everyPort)
	c.corrupt(func(rows map[Key]switchdev.FDBEntry) { clear(rows) })
	c.epoch++ // and the report is lost
	b.must(b.SubmitAdd(Entry{Key: key(3), Port: 1, Flags: Static}))
	b.Poll(b.now)
	sameRows(t, b.Table, c, everyPort) // the answer told of it (rule 21)
}

// TestManualCloseTakesBack: what was half done is undone before Close returns.
func TestManualCloseTakesBack(t *testing.T) {
	first, second := newChip("sw0"), newQueued("sw1")
	start := time.Unix(1_000_000, 0)
	table, err := New(Config{Manual: true, Start: start, Hardware: Hardware{Devices: []Device{{Driver: first}, {Driver: second}}}})
	if err != nil {
		t.Fatal(err)
	}
	busy := table.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
	table.Poll(start) // is out to the second, and never returns
	k := table.SubmitAdd(Entry{Key: key(2), Port: 1, Flags: Static})
	table.Poll(start)
	if _, ok := first.row(key(2)); !ok {
		t.Fatal("the first device was not handed the row")
	}
	if err := table.Close(); !errors.Is(err, switchdev.ErrDeviceUnavailable) {
		t.Errorf("Close = %v", err)
	}
	if err := k.Err(); !errors.Is(err, switchdev.ErrClosed) || errors.Is(err, switchdev.ErrOutcomeUnknown) {
		t.Errorf("Add = %v", err)
	}
	if err := busy.Err(); !errors.Is(err, switchdev.ErrOutcomeUnknown) {
		t.Errorf("Add = %v", err)
	}
	if _, ok := first.row(key(2)); ok {
		t.Error("the row is left in the first device")
	}
}
