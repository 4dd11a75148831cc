package cam

import "github.com/switchcore/switchcore/internal/atomic"

// scalarFind is find in Go.
func scalarFind(d *directory, word uint64) (hot uint64) {
	hash := d.hash(word)
	return d.at(hash).find(word, hash)
}

// scalarFindEach is findEach in Go.
func scalarFindEach(d *directory, words []Word, hots []Hot) {
	var hashes [batch]uint64
	var segs [batch]*segment
	for i, w := range words {
		hash := d.hash(uint64(w))
		hashes[i%batch], segs[i%batch] = hash, d.at(hash)
	}
	for i := range words {
		atomic.Fetch64(&segs[i%batch].home(hashes[i%batch]).key[0])
	}
	for i, w := range words {
		hots[i] = Hot(segs[i%batch].find(uint64(w), hashes[i%batch]))
	}
}

// scalarPrefetch is prefetch in Go: loads that nobody waits for, but for the
// processor, which cannot look far ahead of one that misses.
func scalarPrefetch(d *directory, keys []Key) {
	for _, k := range keys {
		hash := d.hash(k.word())
		d.at(hash).fetch(hash)
	}
}

// scalarFindUsed is findUsed in Go.
func scalarFindUsed(d *directory, word uint64) (hot uint64, s *segment, slot int) {
	hash := d.hash(word)
	s = d.at(hash)
	if slot = s.locate(word, hash); slot < 0 {
		return 0, nil, 0
	}
	return s.hot(slot).Load(), s, slot
}
