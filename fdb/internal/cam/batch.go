package cam

import "iter"

// Batch is entries that were removed together, each once and in no particular
// order. What was a whole segment is that segment, 14 KiB, which nobody copied;
// other entries take 32 bytes each. A Batch does not change any more, but for
// stamps, which may still rise a little. The zero Batch is empty.
type Batch struct {
	whole []*segment
	some  []removed
	n     int
}

type removed struct {
	key  Key
	hot  Hot
	cold uint64
	used uint32
}

func (b *Batch) add(r removed) { b.some, b.n = append(b.some, r), b.n+1 }

// Len returns the number of entries.
func (b *Batch) Len() int { return b.n }

// Item is an entry and its key.
type Item struct {
	Key   Key
	Entry Entry
}

// Copy fills dst with the entries at pos, returns how many that are, and where to
// go on; more is false when there are none behind. It begins at 0.
func (b *Batch) Copy(dst []Item, pos uint64) (n int, next uint64, more bool) {
	const part = 1 << 16 // positions of a whole segment
	end := uint64(len(b.whole)) * part
	for pos < end {
		got, slot := b.whole[pos/part].copy(dst[n:], int(pos%part))
		n += got
		if pos -= pos % part; slot < segSlots {
			return n, pos + uint64(slot), true
		}
		pos += part
	}
	from := pos - end
	for ; n < len(dst) && from < uint64(len(b.some)); from++ {
		r := &b.some[from]
		dst[n] = Item{r.key, Entry{r.hot, unpackCold(r.cold, r.used)}}
		n++
	}
	return n, end + from, from < uint64(len(b.some))
}

// copy is Copy of one segment, from a slot on; it returns the slot to go on with.
func (s *segment) copy(dst []Item, from int) (n, next int) {
	for slot := from; slot < segSlots; slot++ {
		h := Hot(s.hot(slot).Load())
		if h == 0 {
			continue
		}
		if n == len(dst) {
			return n, slot
		}
		dst[n] = Item{keyOf(s.key(slot).Load()), Entry{h &^ (Frozen | Marks), unpackCold(s.coldOf(slot).Load(), s.usedOf(slot).Load())}}
		n++
	}
	return n, segSlots
}

// All returns the entries, without allocation.
func (b *Batch) All() iter.Seq2[Key, Entry] {
	return func(yield func(Key, Entry) bool) {
		for _, s := range b.whole {
			if !s.all(yield) {
				return
			}
		}
		for _, r := range b.some {
			if !yield(r.key, Entry{r.hot, unpackCold(r.cold, r.used)}) {
				return
			}
		}
	}
}
