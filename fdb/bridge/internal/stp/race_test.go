//go:build race

package stp

const raceEnabled = true
