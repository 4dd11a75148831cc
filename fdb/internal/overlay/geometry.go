//go:build !explore

package overlay

// minBlock is the number of cells in the first block of an index, a power of two:
// room for half as many records, in 8 KiB.
const minBlock = 256

// foldSize is how many records of a key a reader takes in one pass: more are pending
// only for a key that is in flight for long.
const foldSize = 6
