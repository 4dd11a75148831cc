package machine

import (
	"bytes"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// mostHops is how often a frame, its copies included, may enter a device: where bridges
// are joined in a ring and no spanning tree runs, it would go on for ever.
const mostHops = 4096

// flight is what is on its way.
type flight struct {
	hops   []hop
	budget int
	lost   uint64 // of those that went in a ring
	copies []Copy
}

// hop is a frame that comes in by a device, from its cable or from its switch.
type hop struct {
	d         *device
	frame     []byte
	trapped   bool
	forwarded bool
}

func (f *flight) waits() bool { return len(f.hops) > 0 }

// push lets a frame, which nobody changes afterwards, come in.
func (f *flight) push(h hop) {
	if f.budget <= 0 {
		f.lost++
		return
	}
	f.budget--
	f.hops = append(f.hops, h)
}

// step lets the next frame come in, and reports whether there was one.
func (m *Machine) step() bool {
	if !m.flight.waits() {
		m.flight.budget = mostHops
		return false
	}
	h := m.flight.hops[0]
	m.flight.hops = m.flight.hops[1:]
	m.recent = h.d.name
	if h.d.running() && m.devices[h.d.index] == h.d {
		m.enter(h)
	}
	return true
}

// enter is what becomes of a frame that came in by a device that runs.
func (m *Machine) enter(h hop) {
	d := h.d
	if d.station {
		m.flight.copies = append(m.flight.copies, Copy{NS: d.space.name, Dev: d.name, Frame: h.frame})
	}
	if d.kind == SwitchDevice && !h.trapped {
		m.rack.ingress(d.port, h.frame)
		return
	}
	b := d.master
	if b == nil {
		return
	}
	forward := b.b.Forward
	if h.forwarded {
		forward = b.b.ForwardMarked
	}
	v := forward(d.port, h.frame, &b.out)
	m.spread(b, h.frame)
	if v.Host && v.Class != bridge.ClassLinkLocal {
		m.flight.copies = append(m.flight.copies, Copy{
			NS: b.dev.space.name, Dev: b.dev.name, Frame: bytes.Clone(b.out.HostFrame(h.frame)),
		})
	}
}

// spread sends a frame out of the ports that the bridge has decided on.
func (m *Machine) spread(b *bridgeDevice, frame []byte) {
	for i, id := range b.out.Ports() {
		if d := b.port(id); d != nil {
			m.leave(d, bytes.Clone(b.out.Frame(i, frame)))
		}
	}
}

// leave sends a frame, which nobody changes afterwards, out of a device.
func (m *Machine) leave(d *device, frame []byte) {
	switch {
	case !d.running():
	case d.kind == SwitchDevice:
		m.rack.sw.Transmit(d.port, frame)
	case d.peer != nil:
		m.flight.push(hop{d: d.peer, frame: frame})
	}
}

// sendBPDU sends a frame of a spanning tree.
func (m *Machine) sendBPDU(id switchdev.PortID, frame []byte) {
	if d := m.devices[m.indexOf(id)]; d != nil {
		m.leave(d, bytes.Clone(frame))
	}
}

// Send sends a frame out of a device, a bridge's own stack included, and returns who
// received it until nothing moves any more, and what else moved meanwhile: stations hN,
// also those that are ports of a bridge, and the stacks of bridges. A device that is
// down sends to nobody.
func (m *Machine) Send(ns, dev string, frame []byte) ([]Copy, error) {
	d, err := m.lookup(ns, dev)
	switch {
	case err != nil:
		return nil, err
	case !d.up:
		return nil, nil
	}
	m.flight.copies = nil
	m.flight.budget = mostHops
	if b := d.bridge; b != nil {
		b.b.Transmit(frame, &b.out)
		m.spread(b, frame)
	} else {
		m.leave(d, bytes.Clone(frame))
	}
	_, err = m.settle()
	copies := m.flight.copies
	m.flight.copies = nil
	return copies, err
}
