package hwsim

import (
	"strconv"
	"sync/atomic"
)

// DropReason says why a frame was dropped.
type DropReason uint8

// The reasons for dropping a frame.
const (
	DropShort     DropReason = iota + 1 // under 14 bytes, or its tag is cut off
	DropLong                            // over MTU+18 bytes
	DropSource                          // multicast or zero source address
	DropPause                           // MAC control, 01:80:c2:00:00:01
	DropNoCarrier                       // the link is down
	DropDown                            // the port is administratively down
	DropState                           // the spanning tree state forbids it
	DropVLAN                            // not a member of the frame's VLAN, or no PVID
	DropLocked                          // the port is locked and the station not authorised
	DropSamePort                        // known, and where it came from
	DropIsolated                        // known, and both ports are isolated
	DropNoPort                          // known at a port outside the domain; or nobody to flood to
	DropWire                            // the wire had no room
	DropGone                            // the port was removed or the chip closed
	NumDropReasons
)

var dropNames = [NumDropReasons]string{
	"", "short", "long", "source", "pause", "no-carrier", "down", "state", "vlan", "locked",
	"same-port", "isolated", "no-port", "wire", "gone",
}

// String returns the reason's name, for instance "same-port".
func (r DropReason) String() string {
	if r > 0 && r < NumDropReasons {
		return dropNames[r]
	}
	return "drop(" + strconv.Itoa(int(r)) + ")"
}

// PortCounters are the counters of one port. They only grow.
type PortCounters struct {
	RxFrames, RxBytes uint64 // what came in, whatever became of it
	TxFrames, TxBytes uint64 // what left
	// Drops counts what was dropped, by reason: at the port where it came in,
	// or at the port that could not send it.
	Drops [NumDropReasons]uint64
}

// Dropped returns the sum of Drops.
func (n *PortCounters) Dropped() uint64 {
	sum := uint64(0)
	for _, d := range n.Drops {
		sum += d
	}
	return sum
}

type portCounters struct {
	rxFrames, rxBytes, txFrames, txBytes atomic.Uint64
	drops                                [NumDropReasons]atomic.Uint64
}

func (n *portCounters) rx(size int) {
	n.rxFrames.Add(1)
	n.rxBytes.Add(uint64(size))
}

func (n *portCounters) tx(size int) {
	n.txFrames.Add(1)
	n.txBytes.Add(uint64(size))
}

func (n *portCounters) drop(why DropReason) { n.drops[why].Add(1) }

// Counters returns the port's counters. They are not a point in time.
func (p *Port) Counters() PortCounters {
	n := &p.count
	out := PortCounters{
		RxFrames: n.rxFrames.Load(), RxBytes: n.rxBytes.Load(),
		TxFrames: n.txFrames.Load(), TxBytes: n.txBytes.Load(),
	}
	for i := range n.drops {
		out.Drops[i] = n.drops[i].Load()
	}
	return out
}

// Stats are the counters of a chip. They only grow.
type Stats struct {
	Batches, Ops, Refused uint64 // what it was told to do
	Resets, Reports       uint64
	// Learned, Moved, Refreshed and Aged count rows that the chip handled by
	// itself; NotLearned stations for which there was no room; MovedAway
	// frames from stations that were not where an operation had put them.
	Learned, Moved, Refreshed, Aged, NotLearned, MovedAway uint64
	// Faults counts the operations and reports that were struck, by the kind of
	// the fault, and Quirks how often the chip's driver went wrong by itself, see
	// [Hardware].
	Faults [NumFaultKinds]uint64
	Quirks uint64
	// Trapped counts frames for the host by reason, HostDrops those that the
	// queue had no room for, NoPort those that the host sent to no port.
	Trapped           [numReasons]uint64
	HostDrops, NoPort uint64
	// TxForwards counts the calls of [Chip.TransmitForward].
	TxForwards uint64
}

type counters struct {
	batches, ops, refused, resets, reports                 atomic.Uint64
	learned, moved, refreshed, aged, notLearned, movedAway atomic.Uint64
	faults                                                 [NumFaultKinds]atomic.Uint64
	quirks                                                 atomic.Uint64
	trapped                                                [numReasons]atomic.Uint64
	hostDrops, noPort, txForwards                          atomic.Uint64
}

// Stats returns the chip's counters. They are not a point in time.
func (c *Chip) Stats() Stats {
	n := &c.stats
	s := Stats{
		Batches: n.batches.Load(), Ops: n.ops.Load(), Refused: n.refused.Load(),
		Resets: n.resets.Load(), Reports: n.reports.Load(),
		Learned: n.learned.Load(), Moved: n.moved.Load(), Refreshed: n.refreshed.Load(),
		Aged: n.aged.Load(), NotLearned: n.notLearned.Load(), MovedAway: n.movedAway.Load(),
		Quirks: n.quirks.Load(), HostDrops: n.hostDrops.Load(), NoPort: n.noPort.Load(),
		TxForwards: n.txForwards.Load(),
	}
	for i := range n.faults {
		s.Faults[i] = n.faults[i].Load()
	}
	for i := range n.trapped {
		s.Trapped[i] = n.trapped[i].Load()
	}
	return s
}
