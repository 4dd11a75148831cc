//go:build !explore

package overlay

import (
	"testing"

	"github.com/switchcore/switchcore/fdb/internal/cam"
)

func host(i int) cam.Key { return cam.Key(i+1) << 12 }

// settle brings everything pending into the main table.
func settle(t *Table) {
	for !t.Quiet() {
		t.Seal()
		t.Apply(1 << 20)
		t.FlushStep(1 << 20)
	}
}

func guard(t *testing.T, name string, most float64, f func()) {
	t.Helper()
	if got := testing.AllocsPerRun(2000, f); got > most {
		t.Errorf("%s: %v allocations a call, want at most %v", name, got, most)
	}
}

func TestDataPathAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	table := New(Config{PendingMax: 100})
	for i := range 49 {
		table.Learn(host(i), 1, 1)
	}
	table.LearnLocked(host(49), 3, 1)
	settle(table)
	tick := uint64(1)
	paths := func(state string) {
		guard(t, state+": lookup in main", 0, func() { table.Lookup(host(1)) })
		guard(t, state+": lookup of nobody", 0, func() { table.Lookup(host(9999)) })
		guard(t, state+": lookup of pending", 0, func() { table.Lookup(host(60)) })
		guard(t, state+": lookup of a move", 0, func() { table.Lookup(host(2)) })
		guard(t, state+": lookup with its source", 0, func() { table.LookupFrom(host(2)) })
		guard(t, state+": learn again", 0, func() { table.Learn(host(3), 1, tick) })
		guard(t, state+": learn in a new tick", 0, func() { tick++; table.Learn(host(3), 1, tick) })
		guard(t, state+": learn where it is shut out", 0, func() { table.LearnLocked(host(3), 1, tick) })
		guard(t, state+": learn what is locked", 0, func() { tick++; table.LearnLocked(host(49), 3, tick) })
		guard(t, state+": get", 0, func() { table.Get(host(2)) })
	}
	paths("quiet")
	table.Learn(host(60), 2, 1)
	table.Learn(host(2), 2, 1)
	paths("open")
	guard(t, "learn pending again", 0, func() { table.Learn(host(60), 2, 1) })
	guard(t, "move pending", 0, func() { tick++; table.Learn(host(60), uint16(tick%5), tick) })
	table.Seal()
	paths("sealed")
	table.AcceptFlush(ByPort(7))
	paths("flush pending")
	for i := 100; table.Learn(host(i), 1, 1) != Full; i++ {
	}
	guard(t, "learn above the bound", 0, func() { table.Learn(host(7777), 1, 1) })
}

func TestQueuedLearnAllocatesSeldom(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	table := New(Config{PendingMax: -1})
	i := 0
	got := testing.AllocsPerRun(10, func() {
		for range 1000 {
			if table.Learn(host(i), 1, 1) != Queued {
				t.Fatal("not queued")
			}
			i++
		}
		table.Seal()
	}) / 1000
	if got >= 0.1 {
		t.Errorf("%v allocations a queued learn, want below 0.1", got)
	}
	t.Logf("%.3f allocations a queued learn", got)
}

func BenchmarkLookup(b *testing.B) {
	table := New(Config{PendingMax: -1})
	for i := range 1 << 16 {
		table.Learn(host(i), 1, 1)
	}
	settle(table)
	run := func(name string, k func(i int) cam.Key) {
		b.Run(name, func(b *testing.B) {
			i := 0
			for b.Loop() {
				table.Lookup(k(i))
				i++
			}
		})
	}
	known := func(i int) cam.Key { return host(i * 40503 & 0xffff) }
	nobody := func(i int) cam.Key { return host(i + 1<<20) }
	run("main", known)
	run("nobody", nobody)
	for i := range 1024 {
		table.Learn(host(i), 2, 1)
	}
	run("main, others pending", func(i int) cam.Key { return known(i) | 1024<<12 })
	run("move pending", func(i int) cam.Key { return host(i & 1023) })
	run("nobody, others pending", nobody)
	table.AcceptFlush(ByPort(9))
	run("main, flush pending", known)
}

func BenchmarkLearn(b *testing.B) {
	b.Run("known", func(b *testing.B) {
		table := New(Config{})
		for i := range 1024 {
			table.Learn(host(i), 1, 1)
		}
		settle(table)
		i := 0
		for b.Loop() {
			table.Learn(host(i&1023), 1, 1)
			i++
		}
	})
	b.Run("pending again", func(b *testing.B) {
		table := New(Config{})
		for i := range 1024 {
			table.Learn(host(i), 1, 1)
		}
		i := 0
		for b.Loop() {
			table.Learn(host(i&1023), 1, 1)
			i++
		}
	})
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		table := New(Config{PendingMax: -1})
		i := 0
		for b.Loop() {
			table.Learn(host(i*40503&0xfffff), 1, 1)
			if i++; i&4095 == 0 {
				b.StopTimer()
				settle(table)
				if i&0xfffff == 0 {
					table = New(Config{PendingMax: -1})
				}
				b.StartTimer()
			}
		}
	})
}
