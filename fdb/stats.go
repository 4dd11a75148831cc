package fdb

import (
	"sync/atomic"

	"github.com/switchcore/switchcore/internal/offload"
)

// counters are those that are not counted elsewhere.
type counters struct {
	dropped atomic.Uint64
	refused atomic.Uint64
	reports atomic.Uint64
	lost    atomic.Uint64
	panics  atomic.Uint64
	aged    atomic.Uint64
	flushed atomic.Uint64
	vetoed  atomic.Uint64

	stale    atomic.Uint64
	strays   atomic.Uint64
	objected atomic.Uint64
	adopted  atomic.Uint64
}

// Stats are the counters of a table since New. They are read one by one, so
// together they need not be a point in time.
type Stats struct {
	// Entries is the number of entries of the main table, Pending of stations
	// that were accepted and are not yet applied.
	Entries, Pending int
	// Learned is the number of entries of the main table that count in
	// Learning.Max. Linux: fdb_n_learned.
	Learned int
	// Dropped counts stations that were new and found the open generation full,
	// Limited those that found as many entries learned as may be, Barred those
	// where the port does not admit them, Vetoed those that hardware had just refused
	// there.
	Dropped, Limited, Barred, Vetoed uint64
	// Refused counts user operations that ended with an error.
	Refused uint64
	// Aged and Flushed count entries removed by the sweep and by flushes.
	Aged, Flushed uint64
	// Reports counts what devices reported, ReportsLost those that found the
	// queue full.
	Reports, ReportsLost uint64
	// Learning counts what became of what was learned.
	Learning LearningStats
	// Hardware counts what the devices were asked and what they answered.
	Hardware HardwareStats
	// Events is the number of the last event.
	Events uint64
	// Untold counts calls of hooks and lines of the log that were not made
	// because too many waited.
	Untold uint64
}

// LearningStats count the learns that became pending: what came of them adds up,
// Accepted being Applied, Coalesced, Superseded, Rejected and Stats.Pending
// together. Learns that only renewed a time in place are in none of them.
type LearningStats struct {
	// Accepted counts the learns that were made pending.
	Accepted uint64
	// Applied counts those that made, moved or renewed an entry, Coalesced
	// those that a later one of the same station took the place of.
	Applied, Coalesced uint64
	// Superseded counts those whose entry a flush removed before anybody could
	// see it in the main table, Rejected those that met a local or sticky entry.
	Superseded, Rejected uint64
}

// HardwareStats count the work with devices.
type HardwareStats struct {
	// Calls and Operations count the batches handed to devices and what was in
	// them.
	Calls, Operations uint64
	// Refused counts operations that a device refused, Unknown those whose
	// outcome nobody knew, Unsupported those left to software.
	Refused, Unknown, Unsupported uint64
	// Retried counts refused rows that were offered again.
	Retried uint64
	// Undone counts user operations that were taken back.
	Undone uint64
	// Resets counts resets heard, Stale reports that came too late to matter,
	// or twice, Panics drivers that panicked.
	Resets, Stale, Panics uint64
	// Strays counts answers that were not those of the operation in whose place
	// they stood, and calls that returned twice.
	Strays uint64
	// Deferred counts answers that operations did not wait for, or did not heed,
	// because of Hardware.Vetoed; Tripped the times a device's breaker kept one
	// from waiting.
	Deferred, Tripped uint64
	// Vetoed counts learned stations that left because of Learning.Vetoed.
	Vetoed uint64
	// Objected counts stations of devices with Ages that did not become entries,
	// because of Learning.Max or of what there is; Adopted counts rows of devices
	// that a Reconcile made entries.
	Objected, Adopted uint64
}

// Stats returns the counters. It waits for the commit slot, which nobody holds
// for long.
func (t *Table) Stats() Stats {
	<-t.slot
	pending, learned := t.stations.Pending(), t.stations.Counters()
	hw, events := t.devices.Stats(), t.ring.Last()
	t.unlock()
	return Stats{
		Entries: t.stations.Main().Len(), Pending: pending.Open + pending.Sealed, Learned: pending.Learned,
		Dropped: t.stats.dropped.Load(), Limited: learned.Limited, Barred: learned.Barred, Vetoed: learned.Vetoed,
		Untold: t.outbox.lost.Load(), Refused: t.stats.refused.Load(),
		Aged: t.stats.aged.Load(), Flushed: t.stats.flushed.Load(),
		Reports: t.stats.reports.Load(), ReportsLost: t.stats.lost.Load(),
		Learning: learningStats(learned),
		Hardware: t.hardwareStats(hw), Events: events,
	}
}

func (t *Table) hardwareStats(s offload.Stats) HardwareStats {
	c := &t.stats
	return HardwareStats{
		Calls: s.Calls, Operations: s.Items, Refused: s.Refusals, Unknown: s.Unknown,
		Unsupported: s.Unsupported, Retried: s.Retries, Undone: s.Undone, Resets: s.Resets,
		Stale: s.Stale + c.stale.Load(), Panics: c.panics.Load(), Strays: c.strays.Load(),
		Deferred: s.Deferred, Tripped: s.Tripped, Vetoed: c.vetoed.Load(),
		Objected: c.objected.Load(), Adopted: c.adopted.Load(),
	}
}
