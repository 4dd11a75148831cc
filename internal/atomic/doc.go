// Package atomic names the shared words of the lock-free parts, so that the
// same code can run on real atomics and under an exhaustive explorer.
//
// Without build tags every name is an alias of sync/atomic or sync, or a
// function that inlines to one instruction. With the tag explore the same
// names and method sets are driven by a scheduler that decides who runs before
// each access. A lock-free package imports its atomics and its mutex from here
// and from nowhere else.
package atomic
