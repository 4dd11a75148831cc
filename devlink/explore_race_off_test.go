//go:build !race

package devlink

// slowed: everything takes many times as long.
const slowed = false
