package bridgearea

import (
	"fmt"

	"github.com/switchcore/switchcore/bench/measure"
	"github.com/switchcore/switchcore/bench/peer"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// beginning is how many frames are made ready at a time where making them does not count.
const beginning = 1 << 11

// gvisor measures beside the bridge of gVisor's network stack.
func gvisor() measure.Group {
	return measure.Group{Name: "gvisor", Rows: []measure.Row{
		{Name: "64k/gvisor/8-ports", Ours: "frames", Peer: "gvisor", Rule: measure.Faster, Gate: 5, Goal: 8,
			Text: "a frame between two known stations; ours gets its bytes and says which ports it leaves by, the peer gets it in a packet buffer that was made before, which does not count, and hands it to the port's endpoint in another, for it has no other way"},
		{Name: "64k/gvisor-buffers/8-ports", Ours: "frames/buffers", Peer: "gvisor/buffers", Rule: measure.Faster,
			Text: "the same with all that becomes of a frame in gVisor's stack on both sides: the bytes are copied into a packet buffer, and a packet buffer is made for the port's endpoint"},
		{Name: "64k/gvisor-arrival/8-ports", Ours: "frames", Peer: "gvisor/buffers", Rule: measure.Faster,
			Text: "what a program pays that has the bytes of a frame: ours reads them where they are, the peer needs them in a packet buffer"},
	}, Run: func(s *measure.Session, rec *measure.Record) error {
		n, count := s.Size(1<<16, 1<<11), s.Size(1<<18, 1<<12)
		const ports = 8
		var m meter
		defer m.close()
		w := m.world(newWorld(config(), n, ports))
		if w == nil {
			return m.failed
		}
		g, err := peer.NewGVisorSwitch(ports)
		if err != nil {
			return err
		}
		defer g.Close()
		frames := newRing(layout{stations: n, ports: ports, to: known(n, ports)})
		for i := range frames.len() { // it learns every station
			p := peer.NewPacket(frames.frame(i))
			g.Receive(int(frames.in[i]), p)
			p.DecRef()
		}
		v := &versus{meter: &m, w: w, g: g, frames: frames, count: count}
		m.cases = []measure.Case{
			{Series: "frames", Run: v.bytes}, {Series: "frames/buffers", Run: v.buffers},
			{Series: "gvisor", Run: v.peer}, {Series: "gvisor/buffers", Run: v.peerBuffers},
		}
		s.Interleave(rec, m.cases...)
		return m.failed
	}}
}

// versus is the two bridges and the frames that both get.
type versus struct {
	meter  *meter
	w      *world
	g      *peer.GVisorSwitch
	frames *ring
	count  int
	out    bridge.Egress
	next   int
}

// sent checks that every frame has left by one port of the peer's.
func (v *versus) sent(name string, before uint64) {
	if got := v.g.Sent() - before; got != uint64(v.count) {
		v.meter.fail(fmt.Errorf("%s: %d frames left for %d", name, got, v.count))
	}
}

// in returns the port and the bytes of a frame.
func (v *versus) in(i int) (switchdev.PortID, []byte) {
	i &= v.frames.len() - 1
	return v.frames.in[i], v.frames.frame(i)
}

func (v *versus) bytes() (ns float64) {
	measure.Quiet(func() {
		want, wrong := outcome{reason: bridge.ReasonForwarded, copies: 1}, 0
		wrong += v.w.forward(v.frames, &v.out, want, 0, v.count)
		ns = measure.PerOp(v.count, func() { wrong += v.w.forward(v.frames, &v.out, want, v.count, v.count) })
		v.meter.check("frames", wrong, 2*v.count)
	})
	return ns
}

// parts measures f of all frames, a part at a time, with what comes before and
// after each part left out.
func (v *versus) parts(before func(i int), f func(i int), after func()) float64 {
	sum := 0.0
	for from := 0; from < v.count; from += beginning {
		for i := from; i < from+beginning && before != nil; i++ {
			before(i)
		}
		sum += measure.PerOp(v.count, func() {
			for i := from; i < from+beginning; i++ {
				f(i)
			}
		})
		if after != nil {
			after()
		}
	}
	return sum
}

// peer gives packets to the peer's bridge.
func (v *versus) peer() (ns float64) {
	packets := make([]*peer.Packet, 0, beginning)
	before := v.g.Sent()
	measure.Quiet(func() {
		ns = v.parts(func(i int) {
			_, data := v.in(i)
			packets = append(packets, peer.NewPacket(data))
		}, func(i int) {
			p, _ := v.in(i)
			v.g.Receive(int(p), packets[i%beginning])
		}, func() {
			for _, p := range packets {
				p.DecRef()
			}
			packets = packets[:0]
		})
	})
	v.sent("gvisor", before)
	return ns
}

// peerBuffers makes the packets as well.
func (v *versus) peerBuffers() (ns float64) {
	before := v.g.Sent()
	measure.Quiet(func() {
		ns = v.parts(nil, func(i int) {
			in, data := v.in(i)
			p := peer.NewPacket(data)
			v.g.Receive(int(in), p)
			p.DecRef()
		}, nil)
	})
	v.sent("gvisor/buffers", before)
	return ns
}

// buffers does the same with our bridge.
func (v *versus) buffers() (ns float64) {
	before := v.g.Sent()
	measure.Quiet(func() {
		ns = v.parts(nil, func(i int) {
			in, data := v.in(i)
			p := peer.NewPacket(data)
			v.w.Forward(in, peer.Bytes(p), &v.out)
			for _, port := range v.out.Ports() {
				q := peer.Copied(p)
				v.g.Port(int(port)).Send(q)
				q.DecRef()
			}
			p.DecRef()
		}, nil)
	})
	v.sent("frames/buffers", before)
	return ns
}
