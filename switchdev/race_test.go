//go:build race

package switchdev

// raceEnabled tells allocation guards that the race detector allocates too.
const raceEnabled = true
