//go:build race

package overlay

// raceEnabled: the detector allocates.
const raceEnabled = true
