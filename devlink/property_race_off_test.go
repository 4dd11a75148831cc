//go:build !race

package devlink_test

const raceEnabled = false
