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

// Walk calls fn for the entries of one part, at most some hundred, the one at
// from, and returns where the next begins; more is false after the last. It begins
// at 0. It lets a reader stop after any part and go on later.
func (b *Batch) Walk(from int, fn func(Key, Entry) bool) (next int, more bool) {
	const chunk = 256
	last := len(b.whole) + (len(b.some)+chunk-1)/chunk
	if from >= last {
		return from, false
	}
	if i := from - len(b.whole); i < 0 {
		b.whole[from].all(fn)
	} else {
		for _, r := range b.some[i*chunk : min((i+1)*chunk, len(b.some))] {
			if !fn(r.key, Entry{r.hot, unpackCold(r.cold, r.used)}) {
				break
			}
		}
	}
	return from + 1, from+1 < last
}

// Item is an entry and its key.
type Item struct {
	Key   Key
	Entry Entry
}

// Copy fills dst with the entries at pos, returns how many that are, and where to
// go on; more is false when there are none behind. It begins at 0.
func (b *Batch) Copy(dst []Item, pos uint64) (n int, next uint64, more bool) {
	part, at := int(pos>>16), int(pos&0xffff)
	for ; part < len(b.whole) && n < len(dst); part, at = part+1, 0 {
		var got int
		if got, at = b.whole[part].copy(dst[n:], at); at < segSlots {
			return n + got, uint64(part)<<16 | uint64(at), true
		}
		n += got
	}
	if part < len(b.whole) {
		return n, uint64(part) << 16, true
	}
	// What is not a whole segment is one part as long as it takes.
	from := int(pos>>16) - len(b.whole)
	from = max(from, 0)<<16 | at
	if int(pos>>16) < len(b.whole) {
		from = 0
	}
	for n < len(dst) && from < len(b.some) {
		r := &b.some[from]
		dst[n] = Item{r.key, Entry{r.hot, unpackCold(r.cold, r.used)}}
		n, from = n+1, from+1
	}
	return n, uint64(len(b.whole))<<16 + uint64(from), from < len(b.some)
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
		dst[n] = Item{keyOf(s.key(slot).Load()), Entry{h &^ (Frozen | Marks), unpackCold(s.cold[slot].Load(), s.used[slot].Load())}}
		n++
	}
	return n, segSlots
}

// All returns the entries, without allocation.
func (b *Batch) All() iter.Seq2[Key, Entry] {
	return func(yield func(Key, Entry) bool) {
		ok := true
		visit := func(k Key, e Entry) bool { ok = yield(k, e); return ok }
		for at, more := 0, b.n > 0; more && ok; {
			at, more = b.Walk(at, visit)
		}
	}
}
