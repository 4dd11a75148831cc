package fdb

import (
	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/switchdev"
)

// PortStats are the counters of what was learned on one port since New.
type PortStats struct {
	// LearningStats count the learns of the port that became pending.
	LearningStats
	// Dropped counts stations that were new and found the open generation full,
	// Limited those that found as many entries learned as may be, Barred those
	// that came where the port does not admit them, Vetoed those that hardware had just
	// refused there.
	Dropped, Limited, Barred, Vetoed uint64
}

// PortStats returns the counters of port p, which may be one that was removed.
// Anybody may call it; it waits for nobody who waits.
func (t *Table) PortStats(p switchdev.PortID) PortStats {
	c := t.stations.PortCounters(uint16(p))
	return PortStats{LearningStats: learningStats(c), Dropped: c.Full, Limited: c.Limited, Barred: c.Barred, Vetoed: c.Vetoed}
}

func learningStats(c overlay.Counters) LearningStats {
	return LearningStats{
		Accepted: c.Accepted, Applied: c.Applied, Coalesced: c.Coalesced,
		Superseded: c.Superseded, Rejected: c.Rejected,
	}
}
