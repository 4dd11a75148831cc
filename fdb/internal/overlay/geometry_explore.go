//go:build explore

package overlay

// Two records fill the first block, so that an exhaustive explorer sees it grow.
const minBlock = 4

// A record that is being carried over, and so is met twice, fills a pass.
const foldSize = 2
