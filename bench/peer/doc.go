// Package peer holds what the tables of this library are measured beside: ready
// made concurrent maps used as a forwarding database by hand, the bridge of
// gVisor, a flat hash table, and the bridge of the Linux kernel.
//
// Every map is given what suits it best: keys are one uint64, for which xsync
// has a hash function of its own, and values are pointers to a [Station] of 32
// bytes that a change replaces, which is what readers without a lock need.
//
// The loops are written out for each table, because a call through an interface
// would cost as much as a lookup in a small table does.
package peer
