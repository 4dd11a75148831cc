//go:build !amd64 || purego || race || explore

package cam

func hasVector() bool { return false }

func find(d *directory, word uint64) (hot uint64) { return scalarFind(d, word) }

func findEach(d *directory, words []Word, hots []Hot) { scalarFindEach(d, words, hots) }

func follow(*directory, []Key) {}

func prefetch(d *directory, _ []extent, keys []Key) { scalarPrefetch(d, keys) }

// ask is of use where there is an instruction for that.
func ask(*segment, int) {}

func findUsed(d *directory, word uint64) (hot uint64, s *segment, slot int) {
	return scalarFindUsed(d, word)
}
