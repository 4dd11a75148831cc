//go:build !explore

package cam

// Shape and thresholds of a table, in slots unless said otherwise.
const (
	segBuckets = 128 // power of two
	segSlots   = segBuckets * bucketSlots

	// A segment with this many used slots splits, if most are live: 62.5 %, where
	// lookups still cost 1.1 times what they cost in a quarter-full one and misses
	// 1.3 times.
	splitLoad = segSlots * 5 / 8
	// With at most dense eighths of that many live ones it does not, and is built
	// anew at crowded tenths of it instead, 68.75 %. So a table whose keys change
	// but which does not grow keeps its size, and pays for a segment once in a
	// hundred insertions.
	dense   = 7
	crowded = 11
	// Tables of fewer than smallSegments segments split at 40 %: their memory is
	// nothing, and they live in the first-level cache.
	smallSplitLoad = segSlots * 2 / 5
	smallSegments  = 32
	// Never more than this, so that a probe always meets an empty slot.
	hardLoad = segSlots - 2*bucketSlots

	// Neighbours merge when one holds less than mergeLow and both together at
	// most mergeSum: a merged segment is still far from splitting again.
	mergeLow = splitLoad / 8
	mergeSum = splitLoad / 4

	// A longer walk over full buckets than maxProbe makes a new seed due.
	maxProbe = 32
	// The directory may hold sparse entries a segment, and maxBits bits.
	sparse  = 64
	maxBits = 26
	minBits = 1
)
