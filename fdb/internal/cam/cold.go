package cam

import (
	"math"

	"github.com/switchcore/switchcore/internal/atomic"
)

// Cold is what lookups do not need.
type Cold struct {
	// Seq is the number of the operation that wrote the entry, at most MaxSeq.
	// It is unique among the writes of a key, and therefore also the generation
	// that devices are told and echo.
	Seq uint64
	// Owner says who owns the entry, 0 to 15. The values are the caller's.
	Owner uint8
	// Offload is the caller's: the state of the entry in hardware, 0 to 127.
	Offload uint8
	// Notify is the caller's: somebody wants to hear when the entry falls silent
	// and when it is heard again (BR_FDB_NOTIFY).
	Notify bool
	// Used is the tick of the last use as a destination. It is kept in units of
	// UsedUnit ticks, rounded down, for 10 years, and stays there.
	Used uint64
}

const (
	offloadMask = 1<<NotifyShift - 1

	// MaxSeq is the largest Seq: 142 years of a million operations a second.
	// Higher bits are lost.
	MaxSeq = 1<<(64-SeqShift) - 1
	// UsedUnit is the granularity of Cold.Used in ticks: 80 ms.
	UsedUnit = 1 << usedShift

	usedShift = 3
)

// word packs all but Used, so that one load gives a consistent whole.
func (c Cold) word() uint64 {
	w := c.Seq<<SeqShift | uint64(c.Owner&0xf)<<OwnerShift | uint64(c.Offload&offloadMask)
	if c.Notify {
		w |= 1 << NotifyShift
	}
	return w
}

func unpackCold(word uint64, used uint32) Cold {
	return Cold{
		Seq:     word >> SeqShift,
		Owner:   uint8(word >> OwnerShift & 0xf),
		Offload: uint8(word & offloadMask),
		Notify:  word>>NotifyShift&1 != 0,
		Used:    uint64(used) << usedShift,
	}
}

func packUsed(tick uint64) uint32 { return uint32(min(tick>>usedShift, math.MaxUint32)) }

// raise stores v in w unless w holds as much already.
func raise(w *atomic.Uint32, v uint32) {
	for cur := w.Load(); cur < v; cur = w.Load() {
		if w.CompareAndSwap(cur, v) {
			return
		}
	}
}

// Entry is a copy of all that a table knows of a key.
type Entry struct {
	Hot
	Cold
}

// Ref is a slot in one segment object, as [Table.Probe] found it. It stays
// readable for ever, though it says nothing about the table once that has
// replaced the segment. The zero Ref must not be used.
type Ref struct {
	seg  *segment
	hot  Hot
	slot int
}

// Hot returns the word that the probe saw.
func (r Ref) Hot() Hot { return r.hot }

// Load returns the word as it is now in the same segment object, 0 if dead.
func (r Ref) Load() Hot { return Hot(r.seg.hot(r.slot).Load()) &^ Frozen }

// Key returns the key of the slot.
func (r Ref) Key() Key { return keyOf(r.seg.key(r.slot).Load()) }

// Cold returns the cold part as it is now in the same segment object. A writer
// stores it before the hot word, so it is never older than Hot; while writers
// use only the exact verbs it is the one that belongs to Hot.
func (r Ref) Cold() Cold {
	return unpackCold(r.seg.coldOf(r.slot).Load(), r.seg.usedOf(r.slot).Load())
}

// Seq returns Cold().Seq.
func (r Ref) Seq() uint64 { return r.seg.coldOf(r.slot).Load() >> SeqShift }
