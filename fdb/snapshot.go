package fdb

import (
	"context"
	"iter"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/switchdev"
)

// Snapshot is what the main table held at one instant. Everybody may read it at
// any time; it never changes, but for the times, which may be fresher. It pins
// the memory that it shares with the table.
type Snapshot struct {
	t   *Table
	cam *cam.Snapshot
	seq uint64
}

// Snapshot returns the table as the last event left it, at a cost that does not
// depend on how many entries there are. Stations that were accepted and not yet
// applied are not in it, and no event has told of them; Lookup and Get find them.
func (t *Table) Snapshot() *Snapshot {
	_ = t.lock(context.Background())
	defer t.unlock()
	return &Snapshot{t: t, cam: t.stations.Snapshot(), seq: t.ring.Last()}
}

// Seq returns the number of the last event whose effect is in the snapshot.
func (s *Snapshot) Seq() uint64 { return s.seq }

// Len returns the number of entries.
func (s *Snapshot) Len() int { return s.cam.Len() }

// Lookup returns the entry of k.
func (s *Snapshot) Lookup(k Key) (Entry, bool) {
	if k.VLAN > switchdev.MaxVLAN {
		return Entry{}, false
	}
	e, ok := s.cam.Find(camKey(k))
	if !ok {
		return Entry{}, false
	}
	return s.t.entry(camKey(k), e), true
}

// All returns the entries, in no particular order.
func (s *Snapshot) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for k, e := range s.cam.All() {
			if !yield(s.t.entry(k, e)) {
				return
			}
		}
	}
}

// Len returns the number of entries of the main table. Anybody may call it; it
// takes no lock.
func (t *Table) Len() int { return t.stations.Main().Len() }

// All returns the entries of a [Table.Snapshot] taken when the loop begins. Its
// body may use and change the table.
func (t *Table) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) { t.Snapshot().All()(yield) }
}
