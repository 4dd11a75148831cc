//go:build !explore

package overlay

// minBlock is the number of cells in the first block of an index, a power of two:
// room for half as many records, in 8 KiB.
const minBlock = 256
