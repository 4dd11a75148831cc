// Package rack is the world of the campaign that has no frames: a registry of package
// devlink with cards in it, whose drivers refuse, go down wrong, panic, leave things
// behind and take long, while namespaces come and die, cards are nested in one another,
// auxiliary drivers listen to the whole registry, and subscribers read or do not.
//
// A driver that takes long does so inside its callback: meanwhile it looks at everything,
// waits for other cards, has namespaces deleted. Whoever would wait for himself has to be
// told so, and everybody else has to be answered.
//
// What subscribers read is checked by package devlinktest.
//
// # Concurrency
//
// A [Rack] belongs to one goroutine, that of its world; its registry is Manual.
//
// # Errors
//
// An error that a verb cannot have ends the run as a violation.
//
// # Differences from Linux
//
// None: it models nothing.
package rack
