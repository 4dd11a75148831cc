// Package stp is the spanning tree protocol as the Linux kernel's bridge runs it
// by itself: IEEE 802.1D-1998, clause 8, with one tree for all VLANs.
//
// A [Machine] is passive. It has no goroutine, clock or lock and does no input
// or output: it is told of ports, of frames and of the time, and says through
// [Actions] which states the ports have and which frames are to be sent. Between
// calls it does nothing; [Machine.Poll] runs the timers that are due and says when
// it wants to be called next.
//
//	m := stp.New(stp.Config{MAC: mac, Priority: stp.DefaultPriority}, actions)
//	for _, id := range ports {
//		err := m.AddPort(stp.PortConfig{ID: id, Priority: stp.DefaultPortPriority, PathCost: stp.DefaultPathCost})
//		if err != nil {
//			return err
//		}
//		m.EnablePort(time.Now(), id)
//	}
//	m.Start(time.Now())
//	for {
//		select {
//		case f := <-frames:
//			m.Receive(time.Now(), f.port, f.data)
//		case <-time.After(time.Until(m.Next())):
//		}
//		m.Poll(time.Now())
//	}
//
// # Ports
//
// A port takes part while the machine is started and the port is enabled. It
// begins in blocking; if it is the root port or a designated port, which it is
// until a better neighbour is heard, it goes to listening at once, and after a
// forward delay each to learning and to forwarding. Any other port is blocking.
//
// Ports have a number of their own in BPDUs, of ten bits, below a priority of six
// (br_make_port_id in net/bridge/br_stp_if.c). It is the [switchdev.PortID] where that
// is at most 1023 and not taken, and the highest free number otherwise; it stays
// until the port is removed. So a bridge has at most 1023 ports, and if
// their PortIDs are below 1024 the tree does not depend on the order in which they
// were added.
//
// # Time
//
// The caller's time may be real or virtual. It must not run backward. A timer runs
// in Poll only, and never early: whoever polls late has late timers, and what was
// received meanwhile counts as in time.
//
// # Concurrency
//
// One goroutine at a time may call the methods of a Machine, the reading ones
// included. Actions are called by that goroutine from within the method, and must not
// call the machine. Different machines share nothing.
//
// # Errors
//
// Errors are a [*switchdev.OpError] around a sentinel of package switchdev; nothing has
// changed then. Frames that are not BPDUs are no error: [Machine.Receive] reports
// false for them. What cannot be configured, such as forward delays that
// [CheckTimes] refuses, makes [New] panic.
//
// # Differences from Linux
//
//   - Time is exact. Linux counts jiffies and rounds the hello and hold timers to
//     whole seconds; the hold time is one second here, and 256ths of a second are
//     what BPDUs carry and nothing else is rounded to.
//   - The path costs of a received BPDU and of the port are added without overflow. In
//     Linux a neighbour that claims a cost near 2^32 looks near.
//   - A backup port, one that hears another port of the same bridge, never becomes the
//     root port; that is the rule of IEEE 802.1D-2004. By the older rule, which Linux has,
//     a bridge that loses its root port may take its own former word for another
//     way to the root, and have two ports forward on one segment for some seconds.
//   - A forward delay below the permitted two seconds in a root's BPDU counts as two
//     seconds. Linux takes it as it is; with zero its ports forward at once.
//   - A port is numbered by its PortID where possible, in Linux by the lowest free
//     number (find_portno in net/bridge/br_if.c).
//   - A root port whose priority changes is chosen anew at once, in Linux when the next
//     BPDU comes.
//   - Start begins with every port in blocking. Linux does so too when the bridge comes
//     up, but where STP is switched on while it is up, forwarding ports go on forwarding:
//     Adopt does that here, and Halt and Resume what Linux makes of switching it off. What
//     its ports do without the protocol, or with somebody else's, is Halt's and Yield's.
//   - BPDUs have the group address 01:80:c2:00:00:00, which Linux lets one change.
//   - User space is not run: who lets another program do STP does not need this package.
//
// As in Linux, and unlike IEEE 802.1D-2004, BPDUs of a version other than 0 are
// ignored: those of RSTP (version 2) and MSTP (3) change nothing, and trip no guard. A
// neighbour that runs RSTP falls back to version 0 when it hears ours. As in
// Linux a BPDU whose message age equals its max age is taken, and ages out at once; the
// message age grows by the time that passes, at the least by one 256th of a second
// per bridge, not by a second.
package stp
