package fdb

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// TestGroupCommit: what waits for a device goes to it together. 1,000 adds of
// 100 goroutines on a device that takes 1 ms a call need fewer than 100 calls,
// and each add's nil is true.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChip("sw0")
		c.before = func(context.Context, []switchdev.FDBOp) error { time.Sleep(time.Millisecond); return nil }
		refused := func(n int) bool { return n%97 == 0 }
		c.answer = func(op switchdev.FDBOp) error {
			m := op.Entry.Key.MAC
			if op.Verb == switchdev.FDBSet && refused(int(m[4])<<8|int(m[5])) {
				return switchdev.ErrNoSpace
			}
			return nil
		}
		table := newTable(t, withChips(Config{}, c))
		start := time.Now()
		var wg sync.WaitGroup
		for g := range 100 {
			wg.Go(func() {
				for i := range 10 {
					n := 10*g + i
					k := stationKey(n)
					err := table.Add(t.Context(), Entry{Key: k, Port: 1, Flags: Static})
					if _, ok := c.row(k); ok != (err == nil) {
						t.Errorf("%d: Add = %v, row there: %v", n, err, ok)
					}
					if _, ok := table.Lookup(k); ok != (err == nil) {
						t.Errorf("%d: Add = %v, in the table: %v", n, err, ok)
					}
					if (err != nil) != refused(n) {
						t.Errorf("%d: Add = %v", n, err)
					}
				}
			})
		}
		wg.Wait()
		calls, ops := c.counts()
		t.Logf("%d calls, %d operations, %v", calls, ops, time.Since(start))
		if calls >= 100 {
			t.Errorf("%d calls for 1000 adds", calls)
		}
		if d := time.Since(start); d >= 100*time.Millisecond {
			t.Errorf("1000 adds took %v", d)
		}
		sameRows(t, table, c, everyPort)
	})
}
