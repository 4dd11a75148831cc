package fdb

import (
	"context"
	"iter"
	"math/bits"
	"unsafe"

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
		var some [256]Entry
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
// more. It is for whoever reads everything: where dst has room for some hundred it costs
// half of All. Fewer may be read than there is room for.
func (s *Snapshot) Read(at Place, dst []Entry) (n int, next Place, more bool) {
	if len(dst) == 0 {
		return 0, at, true
	}
	d := display{t: s.t, limit: s.t.staleBefore(), shown: s.shown}
	for {
		g, after := s.cam.Segment(at.segment)
		for at.slot < cam.Groups*cam.GroupSlots {
			group, from := at.slot/cam.GroupSlots, at.slot%cam.GroupSlots
			live := g.Live(group) >> from << from
			if n == len(dst) && live != 0 {
				return n, at, true
			}
			some := lowest(live, len(dst)-n)
			n += d.show(dst[n:], g, group*cam.GroupSlots, some)
			if rest := live &^ some; rest != 0 {
				at.slot = group*cam.GroupSlots + bits.TrailingZeros64(rest)
				continue
			}
			at.slot = (group + 1) * cam.GroupSlots
		}
		if at = (Place{segment: after}); after == 0 {
			return n, at, false
		}
	}
}

// lowest returns the n lowest bits that are set, all if there are no more.
func lowest(set uint64, n int) uint64 {
	if bits.OnesCount64(set) <= n {
		return set
	}
	rest := set
	for range n {
		rest &= rest - 1
	}
	return set &^ rest
}

// display makes entries of many values, as Table.entry does of one.
type display struct {
	t     *Table
	limit uint64 // see overdue
	shown veil
}

// line is an [Entry] as it lies in memory: the key; port, flags, owner, offload state
// and whether it is stale; the number; the times. Little-endian machines write it
// word by word, since a field at a time takes twice as long.
type line [5]uint64

// Where the fields stand in the second word of a line, from where they stand in the
// words of the main table.
const (
	lineFlags   = 16
	lineOwner   = 32
	lineOffload = 40
	lineStale   = 48

	notifyBit     = 6 // of Flags
	inactiveBit   = 7 // of Flags
	inactiveShift = 44
)

// This does not compile unless they stand there.
var _ = [1]struct{}{}[unsafe.Sizeof(Entry{})^unsafe.Sizeof(line{})|
	unsafe.Offsetof(Entry{}.Port)^8|unsafe.Offsetof(Entry{}.Flags)^(8+lineFlags/8)|unsafe.Offsetof(Entry{}.Owner)^(8+lineOwner/8)|
	unsafe.Offsetof(Entry{}.Offload)^(8+lineOffload/8)|unsafe.Offsetof(Entry{}.Stale)^(8+lineStale/8)|
	unsafe.Offsetof(Entry{}.Seq)^16|unsafe.Offsetof(Entry{}.Updated)^24|unsafe.Offsetof(Entry{}.Used)^32]
var _ = [1]struct{}{}[cam.Inactive>>inactiveShift^1|cam.Hot(Notify>>notifyBit^1)|cam.Hot(Inactive>>inactiveBit^1)]

// show fills dst with the entries of a group that begins at slot base, as many as
// some has bits, and returns how many there are.
func (d *display) show(dst []Entry, g cam.Segment, base int, some uint64) (n int) {
	if d.shown.of != nil || bigEndian {
		return d.showVeiled(dst, g, base, some)
	}
	start, limit := d.t.clock.base-uint64(tickLength), d.limit
	lines := unsafe.Slice((*line)(unsafe.Pointer(unsafe.SliceData(dst))), len(dst))
	most := cam.AskSlots / 2 // entries in so many slots
	for part := 0; part < cam.GroupSlots; part += cam.AskSlots {
		g.Ask(base + part)
		if part+cam.AskSlots >= cam.GroupSlots {
			most = cam.GroupSlots
		}
		for end := n + min(most, bits.OnesCount64(some)); n < end; n++ {
			w, h, c, used := g.At(base + bits.TrailingZeros64(some))
			some &= some - 1
			at, e := h.Stamp(), &lines[n]
			_, stale := bits.Sub64(uint64(h&aged), limit, 0) // overdue
			e[0] = w.Raw()
			e[1] = uint64(h.Port()) |
				uint64(h)>>(flagShift-lineFlags)&(uint64(hitFlags)<<lineFlags) |
				uint64(h)>>(inactiveShift-inactiveBit-lineFlags)&(uint64(Inactive)<<lineFlags) |
				uint64(c)<<(notifyBit+lineFlags-cam.NotifyShift)&(uint64(Notify)<<lineFlags) |
				uint64(c)<<(lineOwner-cam.OwnerShift)&(0xf<<lineOwner) |
				uint64(c)<<(lineOffload-cam.OffloadShift)&(0x7f<<lineOffload) |
				stale<<lineStale
			e[2] = uint64(c) >> cam.SeqShift
			e[3] = since(start, at)
			e[4] = since(start, used)
		}
	}
	return n
}

// since is clock.instant without a branch, for a start that is a tick earlier.
func since(start, tick uint64) uint64 {
	at := start + tick*uint64(tickLength)
	if tick == 0 {
		at = 0
	}
	return at
}

// showVeiled is show where some stations are provisional.
func (d *display) showVeiled(dst []Entry, g cam.Segment, base int, some uint64) (n int) {
	for ; some != 0; some &= some - 1 {
		w, h, c, used := g.At(base + bits.TrailingZeros64(some))
		v, ok := d.shown.entry(w.Key(), overlay.Entry{Hot: h, Cold: c.Unpack(used)})
		if !ok {
			continue
		}
		e := &dst[n]
		n++
		d.t.fillEntry(e, w.Key(), &v)
		e.Stale = overdue(v.Hot, d.limit)
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
