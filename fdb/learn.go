package fdb

import (
	"encoding/binary"
	"runtime"
	"unsafe"

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
	// Learn of package overlay, in steps. What is not to be learned and may be in
	// the table all the same must not be Known; the rest of it is seen to later.
	stations, tick := t.stations, t.clock.tick()
	r := raw(&k)
	w, ok := cam.MakeWord(r)
	if !ok || r&group != 0 || p == switchdev.PortHost || t.deaf() {
		return Ignored
	}
	v := stations.View()
	h := stations.Main().Get(w)
	if v.Knows(h, uint16(p), tick) {
		return Known
	}
	if t.unlearned(&k, p) {
		return Ignored
	}
	return t.learned(k, stations.LearnIn(v, w.Key(), h, uint16(p), tick))
}

// unlearned reports whether nothing is learned of a frame.
func (t *Table) unlearned(k *Key, p switchdev.PortID) bool {
	return t.deaf() || k.MAC.IsMulticast() || !k.Valid() || p == switchdev.PortHost
}

// LearnLocked is Learn for a frame on a locked port that notes who asks to be let
// in (MAC authentication bypass). A station of which nothing is known becomes an
// entry with the flag Locked, which counts in the limit, is told, ages, never
// reaches hardware, and grants nothing; one that is locked on this port already
// is renewed; every other keeps its entry, and the outcome is Shut. The entry is
// let in by a user's [Table.Replace]; a frame on another port moves it, and then
// it is locked no more. Linux: br_handle_frame_finish (net/bridge/br_input.c)
// with BR_PORT_MAB.
func (t *Table) LearnLocked(k Key, p switchdev.PortID) Learned {
	if t.deaf() || k.MAC.IsMulticast() || !k.Valid() || p == switchdev.PortHost {
		return Ignored
	}
	return t.learned(k, t.stations.LearnLocked(camKey(k), uint16(p), t.clock.tick()))
}

// learned tells whoever has to work because of a learn.
func (t *Table) learned(k Key, o overlay.Outcome) Learned {
	outcome := learnedOf[o]
	switch outcome {
	case Queued, Moved:
		t.announce()
	case Refreshed, Kept:
		if t.stations.Waits(camKey(k)) {
			t.announce() // it could not be done in place
		}
	case Dropped:
		t.stats.dropped.Add(1)
	}
	return outcome
}

// announce is nudge of a learn. Only the first of a generation has to wake the worker,
// which then comes by itself when the generation is to be sealed; to wake it for
// each would cost more than the learn.
func (t *Table) announce() {
	if !t.sealing.Load() {
		t.nudge()
	}
}

var learnedOf = [...]Learned{
	overlay.Known: Known, overlay.Refreshed: Refreshed, overlay.Queued: Queued, overlay.Moved: Moved,
	overlay.Kept: Kept, overlay.Own: Own, overlay.Full: Dropped, overlay.Limited: Limited, overlay.Barred: Barred,
	overlay.Shut: Shut, overlay.Vetoed: Refused,
}

// Lookup returns where frames for k go. It is the data path's: no lock, no
// allocation, no wait. It sees every station that Learn accepted, every flush
// that was submitted, and every operation that has ended with nil; one that is
// still with the devices is invisible, so the old value is seen until then.
// Linux: br_fdb_find_rcu.
//
// An entry that has expired is found until the sweep removes it, as in Linux.
// A hit with the flag Locked lets nothing of the station through, and all that is for it.
func (t *Table) Lookup(k Key) (Hit, bool) {
	w, ok := cam.MakeWord(raw(&k))
	if !ok {
		return Hit{}, false
	}
	// Lookup of package overlay, in steps.
	stations := t.stations
	v := stations.View()
	h := stations.Main().Get(w)
	if v.Final(h) {
		return hitOf(h), true
	}
	if k.VLAN > switchdev.MaxVLAN {
		return Hit{}, false // its Key would be another one
	}
	h = stations.LookupIn(v, w.Key(), h)
	return hitOf(h), h != 0
}

// LookupBatch is Lookup of at most 64 keys: it sets hits[i] to where frames for
// keys[i] go, and bit i of the result if there is such a station; hits[i] is the zero
// Hit where there is none. In a table that is larger than the caches it costs a
// fraction of as many lookups, since they wait for memory together. Each answer
// is what Lookup returns at some instant of the call; together they are no snapshot.
// It panics if there are more than 64 keys or fewer hits than keys. Ours: the kernel
// looks up one frame at a time.
func (t *Table) LookupBatch(keys []Key, hits []Hit) (found uint64) {
	var words [64]cam.Word
	var hots [64]cam.Hot
	n := len(keys)
	hits = hits[:n]
	var far uint64 // keys of VLANs that do not exist
	for i := range keys {
		words[:n][i], _ = cam.MakeWord(raw(&keys[i]))
		if keys[i].VLAN > switchdev.MaxVLAN {
			far |= 1 << (i % 64)
		}
	}
	t.stations.LookupBatch(words[:n], hots[:n])
	for i, h := range hots[:n] {
		hits[i] = hitOf(h)
		if h != 0 {
			found |= 1 << (i % 64)
		}
	}
	if far != 0 {
		for i := range hits {
			if far>>i&1 != 0 {
				hits[i] = Hit{}
			}
		}
	}
	return found &^ far
}

// group is the group bit of an address in a raw key.
const group = 1

// raw is a key as [cam.MakeWord] wants it.
func raw(k *Key) uint64 {
	b := (*[unsafe.Sizeof(*k)]byte)(unsafe.Pointer(k))
	if u := binary.LittleEndian.Uint64(b[:]); !bigEndian {
		return u
	} else {
		return u&(1<<48-1) | uint64(k.VLAN)<<48
	}
}

// setRaw is the inverse of raw.
func setRaw(k *Key, u uint64) {
	if bigEndian {
		*k = keyOf(cam.Word(u).Key())
		return
	}
	binary.LittleEndian.PutUint64((*[unsafe.Sizeof(*k)]byte)(unsafe.Pointer(k))[:], u)
}

const bigEndian = runtime.GOARCH == "ppc64" || runtime.GOARCH == "s390x" || runtime.GOARCH == "mips" || runtime.GOARCH == "mips64"

func hitOf(h cam.Hot) Hit { return Hit{Port: switchdev.PortID(h.Port()), Flags: flagsOf(h)} }

// Destination is Lookup for a frame that is then forwarded: it also notes that
// the entry was used, once a tick, in another cache line than the one that
// Lookup reads.
func (t *Table) Destination(k Key) (Hit, bool) {
	w, ok := cam.MakeWord(raw(&k))
	if !ok {
		return Hit{}, false
	}
	stations := t.stations
	v := stations.View()
	h := stations.Main().GetUsed(w, t.clock.tick())
	if v.Final(h) {
		return hitOf(h), true
	}
	if k.VLAN > switchdev.MaxVLAN {
		return Hit{}, false // its Key would be another one
	}
	h = stations.LookupIn(v, w.Key(), h)
	return hitOf(h), h != 0
}
