package fdb

import (
	"testing"
	"time"
)

// noAllocs fails if f allocates, on average over many runs, more than limit.
func noAllocs(t *testing.T, what string, runs int, limit float64, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(runs, f); n > limit {
		t.Errorf("%s: %v allocations, want at most %v", what, n, limit)
	}
}

// TestDataPathDoesNotAllocate covers every call of the data path in every state
// that the table can be in.
func TestDataPathDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	now := time.Unix(1000, 0)
	fresh := func(t *testing.T, cfg Config) *Table {
		cfg.Manual, cfg.Start, cfg.Seed = true, now, 1
		table := newTable(t, cfg)
		for n := range 100 {
			table.Learn(stationKey(n), 1)
		}
		table.Poll(now)
		return table
	}
	states := []struct {
		name  string
		setup func(*Table)
	}{
		{"quiet", func(*Table) {}},
		{"open generation", func(table *Table) {
			for n := range 50 {
				table.Learn(stationKey(1000+n), 1)
				table.Learn(stationKey(n), 2) // moves: their slots are marked
			}
		}},
		{"open and sealed generation", func(table *Table) {
			for n := range 50 {
				table.Learn(stationKey(1000+n), 1)
				table.Learn(stationKey(n), 2)
			}
			if !table.stations.Seal() {
				t.Fatal("not sealed")
			}
			for n := range 25 {
				table.Learn(stationKey(2000+n), 1)
				table.Learn(stationKey(n), 3)
			}
		}},
		{"pending flush", func(table *Table) {
			table.Learn(stationKey(0), 2)
			table.SubmitFlush(OnPort(9))
		}},
		{"pending flush that covers", func(table *Table) {
			table.Learn(stationKey(0), 1)
			table.SubmitFlush(Filter{VLAN: 7})
			table.SubmitFlush(Filter{OnPort: true, Port: 3})
		}},
		{"operation in flight", func(table *Table) {
			if _, seq := table.stations.Stage(camKey(stationKey(0))); seq == 0 {
				t.Fatal("not staged")
			}
		}},
	}
	for _, s := range states {
		t.Run(s.name, func(t *testing.T) {
			table := fresh(t, Config{})
			s.setup(table)
			for what, n := range map[string]int{"known": 0, "marked": 10, "other": 99, "pending": 1000, "pending later": 2000, "unknown": 5000} {
				k := stationKey(n)
				noAllocs(t, "Lookup "+what, 100, 0, func() { table.Lookup(k) })
				noAllocs(t, "Destination "+what, 100, 0, func() { table.Destination(k) })
			}
			// Learn again what was learned last: known, wherever it is.
			for _, n := range []int{99, 98} {
				k := stationKey(n)
				table.Learn(k, 1)
				noAllocs(t, "Learn in the same tick", 100, 0, func() { table.Learn(k, 1) })
			}
		})
	}
	t.Run("new tick", func(t *testing.T) {
		table := fresh(t, Config{})
		at := now
		k, refreshed := stationKey(7), 0
		noAllocs(t, "Learn in a new tick", 100, 0, func() {
			at = at.Add(tickLength)
			table.clock.advance(at)
			if table.Learn(k, 1) == Refreshed {
				refreshed++
			}
		})
		if refreshed < 100 {
			t.Errorf("%d of 101 learns refreshed", refreshed)
		}
		table.SubmitFlush(OnPort(9))
		noAllocs(t, "Learn in a new tick with a pending flush", 100, 0, func() {
			at = at.Add(tickLength)
			table.clock.advance(at)
			if got := table.Learn(k, 1); got != Refreshed {
				t.Errorf("Learn = %v", got)
			}
		})
	})
	t.Run("new station", func(t *testing.T) {
		table := fresh(t, Config{Learning: Learning{Pending: -1}})
		n := 10_000
		noAllocs(t, "Learn of a new station", 20_000, 0.1, func() {
			if got := table.Learn(stationKey(n), 1); got != Queued {
				t.Fatalf("Learn = %v", got)
			}
			n++
		})
	})
	t.Run("above the bound", func(t *testing.T) {
		table := fresh(t, Config{Learning: Learning{Pending: 16}})
		n := 10_000
		for range 16 {
			table.Learn(stationKey(n), 1)
			n++
		}
		before := table.Stats().Dropped
		noAllocs(t, "Learn above the bound", 1000, 0, func() {
			if got := table.Learn(stationKey(n), 1); got != Dropped {
				t.Fatalf("Learn = %v", got)
			}
			n++
		})
		if got := table.Learn(stationKey(10_000), 2); got != Moved {
			t.Errorf("a pending station that moves above the bound: %v", got)
		}
		if got := table.Learn(stationKey(5), 2); got != Moved {
			t.Errorf("a known station that moves above the bound: %v", got)
		}
		if n := table.Stats().Dropped - before; n != 1001 {
			t.Errorf("Dropped = %d, want 1001", n)
		}
	})
}
