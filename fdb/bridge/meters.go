package bridge

import (
	"sync/atomic"

	"github.com/switchcore/switchcore/switchdev"
)

// meters are the counters of a port, or of the host. They also tell whether a
// frame is being looked at: every frame is counted when it comes in and once
// more, by its outcome, when it is dealt with, so the two sums are equal at an
// instant at which nobody is between. What other ports write stands in other
// cache lines than what this one does.
type meters struct {
	_        [64]byte
	rxFrames atomic.Uint64
	rxBytes  atomic.Uint64
	own      atomic.Uint64
	outcomes [numReasons]atomic.Uint64
	// shut keeps frames out: the port is down or leaving.
	shut atomic.Bool
	// waited: somebody waits for the frames inside. Whoever leaves then puts a
	// token into both channels; wake is that of a Manual bridge, and else nil.
	waited      atomic.Bool
	quiet, wake chan struct{}

	_        [64]byte
	txFrames atomic.Uint64
	txBytes  atomic.Uint64
	_        [64]byte
}

func (b *Bridge) newMeters() *meters {
	m := &meters{quiet: make(chan struct{}, 1)}
	if b.cfg.Manual {
		m.wake = b.wake
	}
	return m
}

// enter counts a frame in and reports whether the port takes it.
func (m *meters) enter(size int) bool {
	m.rxFrames.Add(1)
	m.rxBytes.Add(uint64(size))
	return !m.shut.Load()
}

// leave counts a frame out.
func (m *meters) leave(r Reason) {
	m.outcomes[r].Add(1)
	if m.waited.Load() {
		signal(m.quiet)
		signal(m.wake)
	}
}

// signal puts a token into a channel that has room for it.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// idle reports whether no frame that came in before the call is still being
// looked at. Outcomes are read before the frames that came in: then equal sums
// mean that nobody was between when the first were read.
func (m *meters) idle() bool {
	var out uint64
	for i := range m.outcomes {
		out += m.outcomes[i].Load()
	}
	return out == m.rxFrames.Load()
}

func (m *meters) sent(size int) {
	m.txFrames.Add(1)
	m.txBytes.Add(uint64(size))
}

// Counters are those of one port, or of the host, since it joined. They are
// read one by one, so together they need not be a point in time.
type Counters struct {
	// RxFrames and RxBytes count what came in by the port, from the host if it
	// is the host's.
	RxFrames, RxBytes uint64
	// TxFrames and TxBytes count the copies that were to leave by the port, or
	// that the host got.
	TxFrames, TxBytes uint64
	// OwnSource counts frames that came in with one of the bridge's own
	// addresses as their source: somebody uses it too, or there is a loop.
	OwnSource uint64

	outcomes [numReasons]uint64
}

// Outcome returns how many of the frames that came in ended with r.
func (c Counters) Outcome(r Reason) uint64 {
	if r >= numReasons {
		return 0
	}
	return c.outcomes[r]
}

// Dropped returns how many of the frames that came in were dropped.
func (c Counters) Dropped() uint64 {
	var n uint64
	for r := range numReasons {
		if r.Dropped() {
			n += c.outcomes[r]
		}
	}
	return n
}

func (m *meters) counters() Counters {
	c := Counters{
		RxFrames: m.rxFrames.Load(), RxBytes: m.rxBytes.Load(),
		TxFrames: m.txFrames.Load(), TxBytes: m.txBytes.Load(), OwnSource: m.own.Load(),
	}
	for i := range m.outcomes {
		c.outcomes[i] = m.outcomes[i].Load()
	}
	return c
}

// PortStats are the counters of a port.
type PortStats struct {
	// Port is the port's number, PortHost for the host.
	Port switchdev.PortID
	Counters
}

// Stats are the counters of a bridge.
type Stats struct {
	// Host are those of the host: what it sent with Transmit, and what it got.
	Host Counters
	// Ports are those of the ports, by ascending number.
	Ports []PortStats
	// Strays counts frames said to come in by ports that the bridge has not.
	Strays uint64
}

// Stats returns the counters. Anybody may call it at any time.
func (b *Bridge) Stats() Stats {
	v := b.view.Load()
	s := Stats{Host: b.host.counters(), Strays: b.strays.Load(), Ports: make([]PortStats, 0, len(v.ports))}
	for _, p := range v.ports {
		s.Ports = append(s.Ports, PortStats{Port: p.ID, Counters: p.meters.counters()})
	}
	return s
}
