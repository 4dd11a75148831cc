// Package fdb is the forwarding database of an Ethernet bridge: which station is
// behind which port. It learns from frames, takes entries from users and control
// planes, ages what it has not heard of, tells subscribers every change in
// order, and keeps any number of switching devices programmed with it.
//
//	t, err := fdb.New(fdb.Config{Hardware: fdb.Hardware{Devices: []fdb.Device{{Driver: chip}}}})
//	if err != nil { ... }
//	defer t.Close()
//
//	t.Learn(fdb.Key{MAC: src}, inPort)             // data path, per frame
//	if hit, ok := t.Destination(fdb.Key{MAC: dst}); ok {
//		send(hit.Port)
//	} else {
//		flood()
//	}
//	err = t.Add(ctx, fdb.Entry{Key: key, Port: 3, Flags: fdb.Static})
//
// It models Linux's net/bridge/br_fdb.c and the switchdev notifications of
// br_switchdev.c.
//
// # Instead of your map
//
// A map from address to port does not notice that a station moved while it is
// being sent to, forgets no station that is gone, loses events, and cannot say
// what the hardware holds. A Table does the same job with [Table.Learn] and
// [Table.Lookup], which cost less than those of a [sync.Map] or of a map under a
// [sync.RWMutex], and answers those questions.
//
// # Two stages
//
// Learn writes nothing that a driver could hold up. A station that is new, or
// has moved, goes to the open generation, where lookups find it at once; the
// worker applies generations to the main table and tells the devices. Lookup
// reads the main table, and looks into the pending generations only when it
// has to. So a reply never floods because learning was slow (A sends to B, B
// answers, and C must not see it), and hung hardware delays nobody but those
// who wait for it.
//
// # Operations
//
// Add, Replace, Delete, Flush, Join and Leave have a Submit form that never
// blocks and returns a [Ticket]. Operations on one key take effect in the order
// in which they were submitted; what they decide is decided against the table
// as it is when their turn comes. An operation that devices are working on is
// invisible until it has succeeded everywhere.
//
// # Concurrency
//
// Every method of a Table may be called by any number of goroutines. Learn,
// Lookup and Destination take no lock that is ever held over more than memory
// work; for known stations they take none. Nothing is locked during a driver
// call, a filter or a wait. A Table that is not Manual owns one worker, one clock
// and one goroutine for each device; Close ends them.
//
// A Manual table owns nothing: the program calls [Table.Poll], which does
// everything that is due and never waits, and time is what Poll is told. That is
// for simulations, tests in virtual time, and event loops.
//
// # Errors
//
// The data path returns outcomes, not errors. Everything else returns
// [*switchdev.OpError] values that match the sentinels of package switchdev,
// the corresponding errno and, where there is one, the sentinel of package
// io/fs; bare are only the errors of a caller's ctx and [switchdev.ErrDeadlock].
// After nil, table and devices hold what was asked; after any other error than
// [switchdev.ErrOutcomeUnknown] they hold what they held; after that one the
// table is as it was and the device is being brought to it. Flush, Join and
// Leave change the table or what a device claims whatever the devices answer.
//
// # Differences from Linux
//
//   - A device's refusal is the operation's error. Linux ignores it
//     (SWITCHDEV_FDB_ADD_TO_DEVICE's return value is dropped).
//   - A replace, a move and a change of kind withdraw the row from the device
//     that had it; Linux leaves it there when a user's replace changes the port
//     or makes a static entry dynamic.
//   - The offload state describes the row as it is now; Linux keeps the flag over
//     moves and failed changes.
//   - Events are numbered, and a follower that lost some is told so once and
//     brought up to date; a netlink socket drops and reports ENOBUFS.
//   - A flush is a point in the order of operations: no entry that was learned
//     before it survives and none learned after it is lost. Linux's flush walks a
//     list while others add to it.
//   - A replace makes the entry what it says, but that an entry which a control
//     plane owns stays its; Linux's external learn keeps Static and Local of the
//     entry that it finds.
//   - Flags, ports and states that cannot be meant are refused, where Linux
//     ignores some.
//   - An age-out reported by a device never removes an entry that the table
//     itself learned; the table's own clock decides.
package fdb
