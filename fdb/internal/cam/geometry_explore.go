//go:build explore

package cam

// A tiny shape, so that an exhaustive explorer reaches splits, rebuilds and
// merges with a handful of keys. The meaning of each is in geometry.go.
const (
	segBuckets     = 2
	segSlots       = segBuckets * bucketSlots
	splitLoad      = 3
	dense          = 0
	crowded        = 10
	smallSplitLoad = 3
	smallSegments  = 2
	hardLoad       = segSlots - 2
	mergeLow       = 1
	mergeSum       = 1
	maxProbe       = 2
	sparse         = 1 << 16
	maxBits        = 26
	minBits        = 1
)
