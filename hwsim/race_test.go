//go:build race

package hwsim

// raceEnabled tells allocation guards that the race detector allocates too.
const raceEnabled = true
