// Package plant is the first part of the campaign's world: a forwarding database
// that drives up to three simulated chips, stations that send frames through
// them and through software, a user who does everything that the table lets him,
// subscribers of every kind, and everything that can go wrong with hardware.
//
// [Build] makes it of a seed's settings. What the table answers is compared with
// package oracle after every step, what chips hold with what the table wants.
//
// # Concurrency
//
// A [Plant] belongs to one goroutine, that of its world.
//
// # Errors
//
// Errors of the code under test are held against what they have to be; a
// difference ends the run as a violation.
//
// # Differences from Linux
//
// None: it models nothing.
package plant
