package bridge

import (
	"sync"
	"sync/atomic"

	"github.com/switchcore/switchcore/switchdev"
)

// meters are the counters of a port, or of the host. What other ports write stands
// in other cache lines than what this one does.
type meters struct {
	_    [64]byte
	came [numReasons]meter // what came in, by what became of it
	own  atomic.Uint64
	slot int // of the port, in tallies; slots for none
	_    [64]byte
	sent meter
	_    [64]byte
}

// meter counts frames and their bytes with one addition: bytes in the low 40 bits of
// a word, frames in the others. When the frames reach the last bit, long before
// either overflows, somebody puts them aside.
type meter struct {
	word  atomic.Uint64
	aside atomic.Pointer[aside]
}

// aside is what was taken out of the word.
type aside struct {
	mu            sync.Mutex // a leaf, which the data path only tries
	frames, bytes uint64
}

const (
	byteBits = 40
	longest  = 1<<17 - 1 // 2²³ frames of this length fit into the bytes
	full     = 1 << 63
)

// add counts a frame.
func (m *meter) add(size int) {
	if m.word.Add(1<<byteBits|uint64(min(size, longest)))&full != 0 {
		m.harvest()
	}
}

// harvest puts aside what there is, unless somebody else does or looks just now: the
// next frame comes back to it.
func (m *meter) harvest() {
	a := m.aside.Load()
	if a == nil {
		m.aside.CompareAndSwap(nil, new(aside))
		a = m.aside.Load()
	}
	if !a.mu.TryLock() {
		return
	}
	defer a.mu.Unlock()
	w := m.word.Swap(0)
	a.frames += w >> byteBits
	a.bytes += w & (1<<byteBits - 1)
}

// read returns what was counted.
func (m *meter) read() (frames, bytes uint64) {
	for {
		a := m.aside.Load()
		if a != nil {
			a.mu.Lock()
			frames, bytes = a.frames, a.bytes
		}
		w := m.word.Load()
		if a != nil {
			a.mu.Unlock()
		} else if m.aside.Load() != nil {
			continue // something was put aside meanwhile, for the first time
		}
		return frames + w>>byteBits, bytes + w&(1<<byteBits-1)
	}
}

// more counts what somebody else has counted.
func (m *meter) more(frames, bytes uint64) {
	if frames == 0 {
		return
	}
	m.aside.CompareAndSwap(nil, new(aside))
	a := m.aside.Load()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.frames += frames
	a.bytes += bytes
}

// signal puts a token into a channel that has room for it.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
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
	c := Counters{OwnSource: m.own.Load()}
	c.TxFrames, c.TxBytes = m.sent.read()
	for i := range m.came {
		frames, bytes := m.came[i].read()
		c.outcomes[i] = frames
		c.RxFrames += frames
		c.RxBytes += bytes
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
	// Stale counts what devices reported of ports that had left, and was not taken
	// for news of those that have their numbers now.
	Stale uint64
}

// Stats returns the counters. Anybody may call it at any time.
func (b *Bridge) Stats() Stats {
	v := b.view.Load()
	s := Stats{Host: b.tallies.counters(b.host, true), Strays: b.strays.Load(), Ports: make([]PortStats, 0, len(v.ports))}
	for _, d := range b.devices {
		s.Stale += d.lives.stale.Load()
	}
	for _, p := range v.ports {
		s.Ports = append(s.Ports, PortStats{Port: p.ID, Counters: b.tallies.counters(p.meters, false)})
	}
	return s
}
