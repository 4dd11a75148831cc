package fdb

import (
	"context"
	"iter"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/switchdev"
)

// Snapshot is what the main table held at one instant. Everybody may read it at
// any time; it never changes, but for the times, which may be fresher. It pins
// the memory that it shares with the table.
type Snapshot struct {
	t   *Table
	cam *cam.Snapshot
	seq uint64

	shown veil // what stands for stations that have not been told
}

// Snapshot returns the table as the last event left it, at a cost that does not
// depend on how many entries there are. Stations that were accepted and not yet
// applied are not in it, and no event has told of them; Lookup and Get find them.
func (t *Table) Snapshot() *Snapshot {
	_ = t.lock(context.Background())
	defer t.unlock()
	return &Snapshot{t: t, cam: t.stations.Snapshot(), seq: t.ring.Last(), shown: t.untold.freeze()}
}

// Seq returns the number of the last event whose effect is in the snapshot.
func (s *Snapshot) Seq() uint64 { return s.seq }

// Len returns the number of entries.
func (s *Snapshot) Len() int { return s.cam.Len() - s.shown.new }

// Lookup returns the entry of k.
func (s *Snapshot) Lookup(k Key) (Entry, bool) {
	if k.VLAN > switchdev.MaxVLAN {
		return Entry{}, false
	}
	e, ok := s.cam.Find(camKey(k))
	if ok {
		e, ok = s.shown.entry(camKey(k), e)
	}
	if !ok {
		return Entry{}, false
	}
	return s.t.entry(camKey(k), e), true
}

// All returns the entries, in no particular order.
func (s *Snapshot) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		var some [cam.MaxSlots]Entry
		for at, more := (Place{}), true; more; {
			var n int
			n, at, more = s.Read(at, some[:])
			for i := range some[:n] {
				if !yield(some[i]) {
					return
				}
			}
		}
	}
}

// Place is a place in a snapshot. The zero Place is the beginning.
type Place struct {
	segment, slot int
}

// Read fills dst with the entries from a place on, in the order of [Snapshot.All], and
// returns how many that are, the place where it goes on, and whether there is
// more. It is for whoever reads everything: it costs about half of All where dst has
// room for 512 or more. Fewer may be read than there is room for.
func (s *Snapshot) Read(at Place, dst []Entry) (n int, next Place, more bool) {
	var slots [cam.MaxSlots]uint16
	d := display{t: s.t, now: s.t.clock.tick(), hold: s.t.ageing.ticks.Load()}
	for n < len(dst) {
		g, have, after := s.cam.Segment(at.segment, &slots)
		todo := slots[min(at.slot, have):have]
		if n > 0 && len(todo) > len(dst)-n {
			break // rather than look through the segment twice
		}
		some := todo[:min(len(todo), len(dst)-n)]
		n += d.show(dst[n:], g, some, s.shown)
		if len(some) < len(todo) {
			at.slot += len(some)
			continue
		}
		if at = (Place{segment: after}); after == 0 {
			return n, at, false
		}
	}
	return n, at, true
}

// display makes entries of many values, as Table.entry does of one.
type display struct {
	t         *Table
	now, hold uint64
}

// Where the flags stand that do not move together with the rest.
const (
	notifyBit     = 6
	inactiveBit   = 7
	inactiveShift = 44
	ageless       = cam.Static | cam.Local | cam.Ext
)

// This does not compile unless they stand there.
var _ = [1]struct{}{}[cam.Inactive>>inactiveShift^1|cam.Hot(Notify>>notifyBit^1)|cam.Hot(Inactive>>inactiveBit^1)]

// show fills dst with the entries in some slots and returns how many there are.
func (d *display) show(dst []Entry, g cam.Segment, slots []uint16, shown veil) (n int) {
	if shown.of != nil {
		return d.showVeiled(dst, g, slots, shown)
	}
	base, now, hold := d.t.clock.base-uint64(tickLength), d.now, d.hold
	dst = dst[:len(slots)]
	for i, slot := range slots {
		w, h, c, used := g.At(slot)
		at, e := h.Stamp(), &dst[i]
		setRaw(&e.Key, w.Raw())
		e.Port = switchdev.PortID(h.Port())
		e.Flags = flagsOf(h) | Flags(c.Notify())<<notifyBit | Flags(h>>inactiveShift&1)<<inactiveBit
		e.Owner, e.Offload, e.Seq = Owner(c.Owner()), OffloadState(c.Offload()), c.Seq()
		e.Stale = h&ageless == 0 && at <= now && now-at >= hold
		e.Updated.since = (base + at*uint64(tickLength)) & -min(at, 1)
		e.Used.since = (base + used*uint64(tickLength)) & -min(used, 1)
	}
	return len(slots)
}

// showVeiled is show where some stations are provisional.
func (d *display) showVeiled(dst []Entry, g cam.Segment, slots []uint16, shown veil) (n int) {
	for _, slot := range slots {
		w, h, c, used := g.At(slot)
		v, ok := shown.entry(w.Key(), overlay.Entry{Hot: h, Cold: c.Unpack(used)})
		if !ok {
			continue
		}
		e := &dst[n]
		n++
		d.t.fillEntry(e, w.Key(), &v)
		at := v.Stamp()
		e.Stale = v.Hot&ageless == 0 && at <= d.now && d.now-at >= d.hold
	}
	return n
}

// Len returns the number of entries of the main table. Anybody may call it; it
// takes no lock.
func (t *Table) Len() int { return t.stations.Main().Len() }

// All returns the entries of a [Table.Snapshot] taken when the loop begins. Its
// body may use and change the table.
func (t *Table) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) { t.Snapshot().All()(yield) }
}
