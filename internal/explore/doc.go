// Package explore runs a small concurrent program under every schedule that can
// make a difference.
//
// A program is a few functions, the threads. Each access to shared memory is a
// step: before it the thread gives control back, and the explorer decides who
// goes on. Between two steps a thread runs alone. With the build tag explore
// the words of package internal/atomic take part; the code under test is the
// shipped code.
//
// Schedules are enumerated depth first by running the program anew each time.
// Two steps of different threads depend on each other when they touch the same
// object and one of them writes (of a lock: when both take it). Schedules that
// differ only in the order of independent steps are the same to the program, and
// dynamic partial order reduction (Flanagan and Godefroid, POPL 2005) with sleep
// sets (Godefroid, 1996) runs at least one of each kind. The claim is therefore:
// complete under sequential consistency, which is what Go's atomics give, for
// the programs that were given to it, and for nothing else.
//
// [Begin] and [End] enclose a call whose place in real time matters to the
// check: the order of one call's end and another's beginning counts as a
// dependence, so every such order is tried too.
//
// # Concurrency
//
// One exploration at a time in a process: the machine that runs is found through
// a package variable, because an atomic word has no other way to it.
package explore
