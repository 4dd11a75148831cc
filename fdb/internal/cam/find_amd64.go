//go:build !purego && !race && !explore

package cam

import "unsafe"

// The search of a bucket with AVX: the four keys of a line are compared two at a
// time, so a lookup has three loads of the line instead of five and half as many
// instructions, and many more lookups overlap.
//
// It is the search of segment.find, and right beside concurrent writers for the
// same reasons. Keys and hot words are stored as aligned 8-byte words; a vector load
// of 16 aligned bytes is one access on processors with AVX, and of the words of a
// line it is as good to read two at an instant as each at its own. On amd64 loads
// are not reordered with loads, so the hot word is read after its key, which was
// stored after it. The race detector and the explorer do not see into assembly:
// there, and with the tag purego, the search in Go runs.

// find returns the hot word of a key word, Frozen included, 0 if it is not live. It
// is directory.at and segment.find, and calls scalarFind where directory.vector is
// false.
//
//go:noescape
func find(d *directory, word uint64) (hot uint64)

// findEach is find for at most batch words, and at least one. All lines are asked for
// before the first is needed.
func findEach(d *directory, words []Word, hots []Hot) {
	if !d.vector {
		scalarFindEach(d, words, hots)
		return
	}
	vectorFetch(d, &words[0], len(words))
	vectorFinds(d, &words[0], &hots[0], len(words))
}

// vectorFetch asks for the home buckets of n words.
//
//go:noescape
func vectorFetch(d *directory, words *Word, n int)

// vectorFinds stores the hot words of n words.
//
//go:noescape
func vectorFinds(d *directory, words *Word, hots *Hot, n int)

// prefetch is what Table.Prefetch does.
func prefetch(d *directory, meta []extent, keys []Key) {
	switch {
	case !d.vector:
		scalarPrefetch(d, keys)
	case len(keys) > 0:
		vectorPrefetch(d, &meta[0], &keys[0], len(keys))
	}
}

// vectorPrefetch asks for the lines of the home buckets of n keys, of their cold
// parts, and of what the writer knows of their segments.
//
//go:noescape
func vectorPrefetch(d *directory, meta *extent, keys *Key, n int)

// follow is what Table.Follow does.
func follow(d *directory, keys []Key) {
	if d.vector && len(keys) > 0 {
		vectorFollow(d, &keys[0], len(keys))
	}
}

// vectorFollow asks for the lines of the buckets behind the home buckets of n keys
// where those have spilled, and of their cold parts.
//
//go:noescape
func vectorFollow(d *directory, keys *Key, n int)

// They rely on where the cold parts and the times of use are, and on the size of an
// extent.
const _ = -(unsafe.Offsetof(segment{}.cold) ^ 8192 | unsafe.Offsetof(segment{}.used) ^ 12288 | unsafe.Sizeof(extent{}) ^ 16)

func cpuid(leaf, sub uint32) (a, b, c, d uint32)

// xgetbv returns the low half of XCR0. It may be called if cpuid says OSXSAVE.
func xgetbv() (a uint32)

// hasVector reports whether processor and operating system have what the vector
// search needs: AVX with its registers saved, and BMI2.
func hasVector() bool {
	const osxsave, avx = 1 << 27, 1 << 28 // leaf 1, ecx
	const bmi2 = 1 << 8                   // leaf 7, ebx
	const ymm = 1<<1 | 1<<2               // XCR0
	if most, _, _, _ := cpuid(0, 0); most < 7 {
		return false
	}
	if _, _, c, _ := cpuid(1, 0); c&(osxsave|avx) != osxsave|avx || xgetbv()&ymm != ymm {
		return false
	}
	_, b, _, _ := cpuid(7, 0)
	return b&bmi2 != 0
}

// ask asks for the lines of a part of a segment, AskSlots slots: four of the buckets, two
// of the cold parts, and that of the times of use. It is so few because the processor
// waits when more are on their way than it can keep track of.
//
//go:noescape
func ask(s *segment, part int)

// findUsed is find that also returns where the word is, and asks for the time of
// its use before it knows the slot.
func findUsed(d *directory, word uint64) (hot uint64, s *segment, slot int) {
	if !d.vector {
		return scalarFindUsed(d, word)
	}
	return vectorFindUsed(d, word)
}

// vectorFindUsed is findUsed.
//
//go:noescape
func vectorFindUsed(d *directory, word uint64) (hot uint64, s *segment, slot int)
