//go:build race

package overlaytest_test

// raceEnabled: the detector allocates.
const raceEnabled = true
