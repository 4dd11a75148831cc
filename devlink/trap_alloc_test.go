//go:build !race

package devlink

import "testing"

func TestTrapReportAllocatesNothing(t *testing.T) {
	r := newRegistry(t, Config{})
	_, _, traps := withChip(t, r)
	trap := traps["fid_miss"]
	if n := testing.AllocsPerRun(1000, func() {
		if trap.Action() == ActionTrap {
			trap.Report(64)
			trap.ReportBatch(8, 512)
		}
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkTrapReport(b *testing.B) {
	r := newRegistry(b, Config{})
	_, _, traps := withChip(b, r)
	trap := traps["fid_miss"]
	b.ReportAllocs()
	for b.Loop() {
		trap.Report(64)
	}
}
