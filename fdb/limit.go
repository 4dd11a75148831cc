package fdb

import (
	"strconv"

	"github.com/switchcore/switchcore/switchdev"
)

// LearningMax returns how many entries may be learned, 0 if there is no limit.
// [Stats] tells how many are.
func (t *Table) LearningMax() int { return int(t.maximum.Load()) }

// SetLearningMax changes Learning.Max. A lower limit removes nothing; until
// enough has left, no station is learned that is new. Stations that are known
// move whatever the limit is. It fails with [switchdev.ErrInvalid] for a negative
// number. Anybody may call it; it waits for the commit slot, which nobody holds
// for long. Linux: IFLA_BR_FDB_MAX_LEARNED.
func (t *Table) SetLearningMax(n int) error {
	if n < 0 {
		return &switchdev.OpError{Op: "fdb.limit", Object: strconv.Itoa(n), Reason: "a negative limit", Err: switchdev.ErrInvalid}
	}
	<-t.slot
	defer t.unlock()
	t.maximum.Store(int64(n))
	t.stations.SetLearnedMax(n)
	return nil
}
