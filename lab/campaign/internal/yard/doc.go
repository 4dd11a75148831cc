// Package yard is the second world of the campaign: a bridge with ports of two
// simulated chips and of software, link aggregation groups of both kinds, stations
// that send with and without tags, a user who does everything that a bridge lets
// him, a second bridge that runs a spanning tree with the first, and everything that
// can go wrong with hardware.
//
// [Build] makes it of a seed's settings. What becomes of every frame is compared with
// what the rules of a bridge say, worked out slowly from what the bridge shows of
// itself; what the bridge shows with what the user did; what chips hold, and the
// frames that leave by their ports, with both.
//
// # Concurrency
//
// A [Yard] belongs to one goroutine, that of its world.
//
// # Errors
//
// Errors of the code under test are held against what they have to be; a difference
// ends the run as a violation.
//
// # Differences from Linux
//
// None: it models what package bridge promises.
package yard
