package bridgearea

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/switchcore/switchcore/bench/peer"
	"github.com/switchcore/switchcore/switchdev"
)

// minFrame is the shortest frame without its check sequence, and stride how far
// apart frames of that length lie, with room for a tag.
const (
	minFrame = 60
	stride   = 64
)

// etherType is of the frames: IEEE 802, local experimental 1, which no stack
// handles.
const etherType = 0x88b5

// ring is frames that lie one behind the other, a power of two of them.
type ring struct {
	data   []byte
	in     []switchdev.PortID // by which each comes in
	size   int
	stride int
}

// layout says what frames a ring has.
type layout struct {
	stations, ports int
	size            int             // of a frame with its tags; zero: minFrame
	tag             *switchdev.VLAN // of the 802.1Q tag; nil: none
	// to returns the number of the station that a frame of station from goes to,
	// or its address; see known, within, strangers, host.
	to func(r *rand.Rand, from uint64) [6]byte
	// only says which stations send; nil: all.
	only func(from uint64) bool
}

// mac returns the address of a station.
func mac(i uint64) (m [6]byte) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], peer.Address(peer.Packed(i))<<16)
	return [6]byte(b[:6])
}

// portOf returns the port of station i, of so many.
func portOf(i uint64, ports int) switchdev.PortID {
	return switchdev.PortID(1 + i%uint64(ports))
}

// newRing makes as many frames as there are stations that send, each of which
// sends one, in random order.
func newRing(l layout) *ring {
	r := rand.New(rand.NewPCG(3, 4))
	var from []uint64
	for _, i := range r.Perm(l.stations) {
		if l.only == nil || l.only(uint64(i)) {
			from = append(from, uint64(i))
		}
	}
	a := &ring{size: max(l.size, minFrame), in: make([]switchdev.PortID, len(from))}
	if l.tag != nil && l.size == 0 {
		a.size += 4
	}
	a.stride = (a.size + stride - 1) / stride * stride
	a.data = make([]byte, a.stride*len(from))
	for n, i := range from {
		f := a.frame(n)
		dst, src := l.to(r, i), mac(i)
		copy(f, dst[:])
		copy(f[6:], src[:])
		rest := f[12:]
		if l.tag != nil {
			binary.BigEndian.PutUint16(rest, 0x8100)
			binary.BigEndian.PutUint16(rest[2:], uint16(*l.tag))
			rest = rest[4:]
		}
		binary.BigEndian.PutUint16(rest, etherType)
		a.in[n] = portOf(i, l.ports)
	}
	return a
}

func (a *ring) len() int { return len(a.in) }

func (a *ring) frame(n int) []byte { return a.data[n*a.stride:][:a.size:a.size] }

// known sends to a random station behind another port.
func known(stations, ports int) func(*rand.Rand, uint64) [6]byte {
	return within(stations, ports, ports)
}

// within sends to a random station behind another port of the same group of
// ports, of which there are so many in each.
func within(stations, ports, group int) func(*rand.Rand, uint64) [6]byte {
	return func(r *rand.Rand, from uint64) [6]byte {
		a := int(from) % ports
		for {
			to := r.Uint64N(uint64(stations))
			if b := int(to) % ports; b != a && b/group == a/group {
				return mac(to)
			}
		}
	}
}

// strangers sends to stations that nobody knows.
func strangers(stations int) func(*rand.Rand, uint64) [6]byte {
	return func(r *rand.Rand, _ uint64) [6]byte { return mac(r.Uint64N(uint64(stations)) | peer.Beyond) }
}

// fixed sends to one address.
func fixed(m switchdev.MAC) func(*rand.Rand, uint64) [6]byte {
	return func(*rand.Rand, uint64) [6]byte { return m }
}
