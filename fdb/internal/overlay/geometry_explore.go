//go:build explore

package overlay

// Two records fill the first block, so that an exhaustive explorer sees it grow.
const minBlock = 4
