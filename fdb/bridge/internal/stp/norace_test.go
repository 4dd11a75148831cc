//go:build !race

package stp

const raceEnabled = false
