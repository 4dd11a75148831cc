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
// Most programs that switch frames have some lines such as these:
//
//	mu.RLock(); _, known := stations[src]; mu.RUnlock() // a map[[6]byte]entry
//	if !known {
//		mu.Lock(); stations[src] = entry{inPort, time.Now()}; mu.Unlock()
//	}
//	...
//	for range time.Tick(time.Minute) {
//		mu.Lock()
//		maps.DeleteFunc(stations, func(_ [6]byte, e entry) bool { return time.Since(e.seen) > ageing })
//		mu.Unlock()
//	}
//
// A station that moved is sent to where it was until its entry ages; one that is
// there ages too, since nothing renews it, and where sending renews it a busy one
// that moved is never found again. Whoever can send can fill the memory. Nobody
// hears what changed. Every frame waits while the map is swept, and for the switch
// if a switch is to know the stations; and when the switch is full, slow or was
// reset, nobody can say what it holds. With a Table all that is
//
//	table.Learn(fdb.Key{MAC: src}, inPort)
//
// and a move is seen, ageing, limits, events and hardware are looked after, and no
// frame waits for any of it. [Table.Learn] and [Table.Lookup] cost less than those
// of a [sync.Map] or of a map under a [sync.RWMutex].
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
// Every verb, as Add and Replace are, and Apply, Flush, Join, Leave, RemovePort and
// Reconcile have a Submit form that never blocks and returns a [Ticket]. Operations
// on one key take effect in the order in which they were submitted; what they decide is decided against the table
// as it is when their turn comes. An operation that devices are working on is
// invisible until it has succeeded everywhere.
//
// # Watching
//
// A [Subscription] tells what became of entries. [Table.Stats], [Table.PortStats]
// and [Table.Devices] count, [Trace] has hooks for what was done and how long it
// took, and Config.Logger gets what went wrong. Package fdb/show prints a table as
// "bridge fdb show" does, and reads what that printed.
//
// # Concurrency
//
// Every method of a Table may be called by any number of goroutines. Learn,
// Lookup and Destination take no lock that is ever held over more than memory
// work; for known stations they take none. Nothing is locked during a driver
// call, a filter, a hook or a wait. A Table that is not Manual owns one worker, one
// clock, one goroutine for each device, and one more if it has hooks or a logger;
// Close ends them.
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
//     or makes a static entry dynamic ([QuirkLegacyOffload]).
//   - The offload state describes the row as it is now; Linux keeps the flag over
//     moves and failed changes ([QuirkLegacyOffload]).
//   - Events are numbered, and a follower that lost some is told so once and
//     brought up to date; a netlink socket drops and reports ENOBUFS.
//   - A flush is a point in the order of operations: no entry that was learned
//     before it survives and none learned after it is lost. Linux's flush walks a
//     list while others add to it.
//   - Add is exclusive and Update finds nothing to create, with Extern too: of
//     owners, too, one that means to make an entry hears that there is one.
//     Linux's external learn ignores NLM_F_CREATE and NLM_F_EXCL; Replace is it.
//   - An external learn adds the Static, Sticky, Notify and Inactive that it asks
//     for to what it takes over; Linux ignores them.
//   - That a user's replace or [Table.Use] makes a learned entry his is told, the
//     entry being another one; Linux tells only what a dump would show.
//   - A static or local entry that is replaced by itself is not told; Linux tells
//     it when the state is spelt otherwise than it would, as iproute2 does
//     ([QuirkStaticReaddNotifies]).
//   - Entry.Used is when the entry was last a destination; Linux also sets it when
//     an entry is made or changed.
//   - A topology change begins a sweep ([QuirkTCKeepsGCTimer]), and does not make a
//     table learn that does not; see [Table.TopologyChange].
//   - The sweep sleeps while nothing can become due; Linux's wakes up.
//   - That an entry is watched for activity is no business of devices; Linux tells
//     them when a watched entry is heard of again.
//   - Flags, ports and states that cannot be meant are refused, where Linux
//     ignores some: unknown flags of a request, and those in the mask of a flush
//     that it cannot select by.
//   - A flush that selects by the state in hardware, as that of a port does for
//     external entries, judges each entry when it comes to it.
//   - An age-out reported by a device never removes an entry that the table
//     itself learned; the table's own clock decides.
package fdb
