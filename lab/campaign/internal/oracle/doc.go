// Package oracle is a slow and obvious forwarding database: a list of what was
// accepted for each station, folded in its order. It was written from the rules
// of Linux's table and the commit rules of this project, not from package fdb,
// and says what Lookup and Get of a [fdb.Table] have to answer.
//
// A [Table] is told what was accepted when it was accepted: learns, flushes,
// operations that were staged and how they ended, sweeps. An operation that is
// under way is a fact without an effect; when it ends with nil its result takes
// that place in the order, and what was accepted after it is folded on top.
//
// # Concurrency
//
// A Table belongs to one goroutine.
//
// # Errors
//
// None: [Table.Decide] returns the error that the table has to give.
//
// # Differences from Linux
//
// Those of package fdb.
package oracle
