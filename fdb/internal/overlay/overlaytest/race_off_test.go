//go:build !race

package overlaytest_test

const raceEnabled = false
