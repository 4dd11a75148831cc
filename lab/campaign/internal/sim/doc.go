// Package sim is the engine of the campaign: a world of parts in virtual time,
// driven by steps that a seed draws, recorded as a program that can be replayed
// without the generator, and made smaller when it finds something.
//
// A [Part] contributes operations with weights, does what is due when it is
// polled, and checks its invariants. Everything happens in one goroutine, and
// nothing depends on anything but the seed, so the same seed is the same run to
// the byte. A violation ends the run wherever it is found, by a panic that [Run]
// and [Replay] catch; a panic of the code under test is a violation too.
//
// # Concurrency
//
// A [World] belongs to one goroutine. Different worlds share nothing.
//
// # Errors
//
// What the text of a program gets wrong is an error of [ParseProgram]; what the
// code under test gets wrong is a [*Violation].
//
// # Differences from Linux
//
// None: it models nothing.
package sim
