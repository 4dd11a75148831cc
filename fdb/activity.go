package fdb

import (
	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
)

// watchlist is the keys whose entries have Notify, so that a pass of the sweep
// need not search for them. The order is of no account.
type watchlist struct {
	keys  []cam.Key
	place map[cam.Key]int
}

// note follows a change of the main table.
func (w *watchlist) note(c overlay.Change) {
	on := c.New.Hot != 0 && c.New.Notify
	if !on && !c.Old.Notify {
		return
	}
	i, has := w.place[c.Key]
	switch {
	case on && !has:
		if w.place == nil {
			w.place = make(map[cam.Key]int)
		}
		w.place[c.Key] = len(w.keys)
		w.keys = append(w.keys, c.Key)
	case !on && has:
		last := len(w.keys) - 1
		w.keys[i] = w.keys[last]
		w.place[w.keys[i]] = i
		w.keys = w.keys[:last]
		delete(w.place, c.Key)
	}
}

// falls reports whether an entry becomes inactive when nothing is heard of it:
// it is active, is to be told of, and does not age instead.
func falls(v overlay.Entry) bool {
	return v.Hot != 0 && v.Notify && !v.Has(cam.Inactive) && v.Hot&(cam.Static|cam.Ext) != 0
}

// silence does a chunk of a pass over the watched entries, from the last to the
// first: what takes the place of one that goes has been looked at.
func (t *Table) silence(s *sweep) {
	for range chunkEntries {
		s.left = min(s.left, len(s.watched.keys))
		if s.left == 0 {
			return
		}
		s.left--
		if at := t.fall(s.watched.keys[s.left], s.before); at != 0 {
			s.found(at)
		}
	}
}

// fall makes a watched entry inactive if nothing was heard of it since before,
// and returns the stamp of one that can still become so. What is pending for the
// key, or in flight, is news that the next pass finds in the table, and a flush
// may have removed it. Devices do not see the difference, and are not told.
func (t *Table) fall(k cam.Key, before uint64) (stamp uint64) {
	v, ok := t.main(k)
	switch {
	case !ok || !falls(v):
		return 0
	case v.Stamp() >= before || t.stations.Waits(k) || t.stations.Flushing():
		return v.Stamp()
	}
	silent := v
	t.stations.Update(k, func(e overlay.Entry) overlay.Entry {
		if silent = e; e.Stamp() < before { // and no frame came between
			silent.Hot |= cam.Inactive
		}
		return silent
	})
	if !silent.Has(cam.Inactive) {
		return silent.Stamp()
	}
	t.event(Event{Kind: Changed, Op: v.Seq, Entry: t.entryOf(k, silent), Old: t.entryOf(k, v), Before: OffloadState(v.Offload)})
	return 0
}
