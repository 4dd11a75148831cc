//go:build race

package cam

// raceEnabled: the detector allocates, and makes everything ten times slower.
const raceEnabled = true
