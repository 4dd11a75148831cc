package peer

import "math/bits"

// Flat is a hash table of the usual kind: one array of buckets of four keys and
// four words, as in the main table, that doubles when it is five eighths full.
// It stands for what growing costs a writer when all of a table is moved at
// once. It is for one goroutine.
type Flat struct {
	buckets []bucket
	used    int
}

type bucket struct{ key, hot [4]uint64 }

// NewFlat returns an empty table.
func NewFlat() *Flat { return &Flat{buckets: make([]bucket, 32)} }

// Put adds or replaces a station.
func (t *Flat) Put(i uint64, port uint16) {
	if t.used*8 >= len(t.buckets)*4*5 {
		t.double()
	}
	if t.put(Packed(i)|1<<63, uint64(port)<<48|1) {
		t.used++
	}
}

func (t *Flat) double() {
	old := t.buckets
	t.buckets = make([]bucket, 2*len(old))
	for b := range old {
		for i, k := range old[b].key {
			if k != 0 {
				t.put(k, old[b].hot[i])
			}
		}
	}
}

// put reports whether the key is new.
func (t *Flat) put(key, hot uint64) bool {
	hi, lo := bits.Mul64(key, 0x9e3779b97f4a7c15)
	for home := hi ^ lo; ; home++ {
		b := &t.buckets[home&uint64(len(t.buckets)-1)]
		for i, k := range b.key {
			if k == key || k == 0 {
				b.key[i], b.hot[i] = key, hot
				return k == 0
			}
		}
	}
}

// Len returns the number of stations.
func (t *Flat) Len() int { return t.used }
