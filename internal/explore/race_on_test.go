//go:build race

package explore_test

// seeds is how many random programs are compared: few under the race detector,
// which has nothing to find here, as one thread runs at a time.
const seeds = 10
