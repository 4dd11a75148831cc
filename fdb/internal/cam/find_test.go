package cam

import "testing"

// findBatch is Find of many, by GetBatch.
func findBatch(x *Table, keys []Key, out []Hot) {
	var words [batch]Word
	for len(keys) > 0 {
		n := min(len(keys), batch)
		for i, k := range keys[:n] {
			words[i] = k.Word()
		}
		x.GetBatch(words[:n], out[:n])
		for i := range out[:n] {
			out[i] &^= Frozen
		}
		keys, out = keys[n:], out[n:]
	}
}

func TestWordsAreKeysWithTheAddressInMemoryOrder(t *testing.T) {
	// 02:04:06:08:0a:0c in VLAN 0xabc, as it lies in memory.
	const raw, key = 0x0abc_0c0a_0806_0402, Key(0x0204_0608_0a0c_abc)
	w, ok := MakeWord(raw)
	if !ok || w != key.Word() || w.Key() != key {
		t.Errorf("MakeWord = %x, %v; the key's is %x, whose key is %x", w, ok, key.Word(), w.Key())
	}
	if _, ok := MakeWord(raw | 1<<63); ok {
		t.Error("a VLAN of 16 bits has a word")
	}
	x := New(Config{})
	x.Put(key, MakeHot(7, 0, 1), Cold{})
	for bit := 60; bit < 63; bit++ {
		if w, _ := MakeWord(raw | 1<<bit); x.Get(w) != 0 {
			t.Errorf("bit %d of the VLAN is not looked at", bit)
		}
	}
	for i := range 60 {
		if k := key ^ 1<<i; k.Word().Key() != k || x.Get(k.Word()) != 0 {
			t.Errorf("bit %d of the key is lost", i)
		}
	}
}

// TestSearchesAgree: the search for this processor, the one in Go, and the search of
// many say the same of every key, also where buckets overflow.
func TestSearchesAgree(t *testing.T) {
	for _, n := range []int{0, 1, 100, 300, 5000, 100_000} {
		x := New(Config{Seed: testSeed})
		for i := range n {
			x.Put(stationKey(i), MakeHot(uint16(i), 0, uint64(i)), Cold{})
			if i%7 == 3 {
				x.Delete(stationKey(i))
			}
		}
		d, spills := x.dir.Load(), 0
		for i := range d.segs {
			for b := range d.segs[i].Load().buckets {
				spills += int(d.segs[i].Load().buckets[b].key[0].Load() & spilled >> 62)
			}
		}
		if n >= 5000 && spills == 0 {
			t.Error("no bucket overflows")
		}
		keys := make([]Key, 2*n+1)
		out := make([]Hot, len(keys))
		for i := range keys {
			keys[i] = stationKey(i)
		}
		findBatch(x, keys, out)
		for i, k := range keys {
			want := Hot(0)
			if i < n && i%7 != 3 {
				want = MakeHot(uint16(i), 0, uint64(i))
			}
			scalar := Hot(scalarFind(d, k.word()))
			if got := x.Get(k.Word()); got != want || scalar != want || out[i] != want {
				t.Fatalf("%d of %d: Get %x, scalar %x, in a batch %x, want %x", i, n, got, scalar, out[i], want)
			}
		}
	}
}

func TestSpilledIsSetBeforeAKeyIsBehindIt(t *testing.T) {
	var s segment
	const hash = 3 << homeShift
	for i := range 2*bucketSlots + 1 {
		key := stationKey(i).word()
		slot, _ := s.free(hash)
		s.insert(slot, hash, key, MakeHot(uint16(i), 0, 1), 0, 0)
		for j := range i + 1 {
			if h := Hot(s.find(stationKey(j).word(), hash)); h.Port() != uint16(j) || h == 0 {
				t.Fatalf("after %d keys key %d is %x", i+1, j, h)
			}
		}
		for b, want := range []bool{i >= bucketSlots, i >= 2*bucketSlots, false} {
			if got := s.buckets[3+b].key[0].Load()&spilled != 0; got != want {
				t.Errorf("after %d keys bucket %d has spilled: %v", i+1, b, got)
			}
		}
	}
}
