//go:build race

package bridge_test

// raceEnabled tells allocation guards that the race detector allocates too.
const raceEnabled = true
