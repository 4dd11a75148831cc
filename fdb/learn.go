package fdb

import (
	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/switchdev"
)

// Learn says that a frame from station k came in on port p. It is the data
// path's: it takes no ctx, never waits for the worker or for hardware, returns
// no error, and for a station that is known where it is it writes nothing or one
// word, and allocates nothing.
//
// When the outcome is accepted (see [Learned.Accepted]) every Lookup that starts
// afterwards finds the station, until a later operation says otherwise, although
// the main table and the devices may hear of it much later. Linux:
// br_fdb_update (net/bridge/br_fdb.c), which writes the table from the data path.
func (t *Table) Learn(k Key, p switchdev.PortID) Learned {
	if t.Ageing() == NoLearning || k.MAC.IsMulticast() || !k.Valid() || p == switchdev.PortHost {
		return Ignored
	}
	outcome := learnedOf[t.stations.Learn(camKey(k), uint16(p), t.clock.tick())]
	switch outcome {
	case Queued, Moved:
		t.nudge()
	case Refreshed, Kept:
		if t.stations.Waits(camKey(k)) {
			t.nudge() // it could not be done in place
		}
	case Dropped:
		t.stats.dropped.Add(1)
	}
	return outcome
}

var learnedOf = [...]Learned{
	overlay.Known: Known, overlay.Refreshed: Refreshed, overlay.Queued: Queued, overlay.Moved: Moved,
	overlay.Kept: Kept, overlay.Own: Own, overlay.Full: Dropped, overlay.Limited: Dropped, overlay.Barred: Ignored,
}

// Lookup returns where frames for k go. It is the data path's: no lock, no
// allocation, no wait. It sees every station that Learn accepted, every flush
// that was submitted, and every operation that has ended with nil; one that is
// still with the devices is invisible, so the old value is seen until then.
// Linux: br_fdb_find_rcu.
//
// An entry that has expired is found until the sweep removes it, as in Linux.
// A hit with the flag Locked lets no traffic through.
func (t *Table) Lookup(k Key) (Hit, bool) {
	if k.VLAN > switchdev.MaxVLAN {
		return Hit{}, false // packed it would be another key
	}
	h, ok := t.stations.Lookup(camKey(k))
	if !ok {
		return Hit{}, false
	}
	return Hit{Port: switchdev.PortID(h.Port()), Flags: flagsOf(h)}, true
}

// Destination is Lookup for a frame that is then forwarded: it also notes that
// the entry was used, once a tick, in another cache line than the one that
// Lookup reads.
func (t *Table) Destination(k Key) (Hit, bool) {
	hit, ok := t.Lookup(k)
	if ok {
		if ref, ok := t.stations.Main().Probe(camKey(k)); ok {
			t.stations.Main().Touch(ref, t.clock.tick())
		}
	}
	return hit, ok
}

// entry is the public form of a value.
func (t *Table) entry(k cam.Key, v overlay.Entry) Entry {
	return Entry{
		Key: keyOf(k), Port: switchdev.PortID(v.Port()), Flags: flagsOf(v.Hot), Owner: Owner(v.Owner),
		Offload: OffloadState(v.Offload), Seq: v.Seq,
		Updated: t.clock.time(v.Stamp()), Used: t.clock.time(v.Used),
	}
}
