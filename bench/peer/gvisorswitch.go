package peer

import (
	"fmt"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// GVisorSwitch is the bridge of gVisor's network stack with several ports, as
// the stack means it to be used: each port is a NIC of Ethernet over a link
// endpoint, its coordinator is the NIC of the bridge, frames come in as packet
// buffers and leave through the link endpoints.
type GVisorSwitch struct {
	stack  *stack.Stack
	bridge *stack.BridgeEndpoint
	ports  []*Member
}

// NewGVisorSwitch returns a bridge with so many ports, which know nothing yet.
func NewGVisorSwitch(ports int) (*GVisorSwitch, error) {
	master := tcpip.NICID(ports + 1)
	g := &GVisorSwitch{stack: stack.New(stack.Options{}), bridge: stack.NewBridgeEndpoint(1500)}
	if err := g.stack.CreateNIC(master, g.bridge); err != nil {
		return nil, fmt.Errorf("gvisor: bridge: %v", err)
	}
	for i := range ports {
		m := &Member{address: tcpip.LinkAddress([]byte{2, 0, 0, 1, 0, byte(i + 1)})}
		id := tcpip.NICID(i + 1)
		if err := g.stack.CreateNIC(id, ethernet.New(m)); err != nil {
			return nil, fmt.Errorf("gvisor: port %d: %v", id, err)
		}
		if err := g.stack.SetNICCoordinator(id, master); err != nil {
			return nil, fmt.Errorf("gvisor: port %d joins: %v", id, err)
		}
		g.ports = append(g.ports, m)
	}
	return g, nil
}

// Packet is a frame in a packet buffer.
type Packet = stack.PacketBuffer

// NewPacket copies a frame into a packet buffer, as a link endpoint does that
// reads into buffers of its own.
func NewPacket(frame []byte) *Packet {
	return stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(frame)})
}

// Copied makes the packet buffer that leaves by a port out of one that came in,
// as the bridge does it: the bytes are shared.
func Copied(p *Packet) *Packet {
	return stack.NewPacketBuffer(stack.PacketBufferOptions{
		ReserveHeaderBytes: header.EthernetMinimumSize,
		Payload:            p.ToBuffer(),
	})
}

// Bytes returns the frame in a packet buffer that was just made.
func Bytes(p *Packet) []byte {
	b, _ := p.Data().PullUp(p.Data().Size())
	return b
}

// Receive gives the bridge a frame that came in by a port, counted from 1. The
// caller still has the buffer afterwards.
func (g *GVisorSwitch) Receive(port int, p *Packet) {
	g.ports[port-1].dispatcher.DeliverNetworkPacket(0, p)
}

// Port returns the link endpoint of a port, counted from 1.
func (g *GVisorSwitch) Port(port int) *Member { return g.ports[port-1] }

// Sent returns how many frames have left by all ports.
func (g *GVisorSwitch) Sent() (n uint64) {
	for _, m := range g.ports {
		n += m.Frames
	}
	return n
}

// Close ends the stack.
func (g *GVisorSwitch) Close() {
	g.stack.Close()
	g.stack.Wait()
}

// Member is the cheapest link endpoint that there can be: it counts what it is
// to send. It is for one goroutine.
type Member struct {
	dispatcher stack.NetworkDispatcher
	address    tcpip.LinkAddress
	// Frames and Octets count what was sent.
	Frames, Octets uint64
}

// Send counts a frame.
func (m *Member) Send(p *Packet) {
	m.Frames++
	m.Octets += uint64(p.Size())
}

// WritePackets counts frames.
func (m *Member) WritePackets(list stack.PacketBufferList) (int, tcpip.Error) {
	for _, p := range list.AsSlice() {
		m.Send(p)
	}
	return list.Len(), nil
}

// What follows is what every link endpoint has to have.

// Attach keeps who gets the frames that come in.
func (m *Member) Attach(d stack.NetworkDispatcher) { m.dispatcher = d }

// IsAttached reports whether somebody gets them.
func (m *Member) IsAttached() bool { return m.dispatcher != nil }

// MTU is that of the frames with their header.
func (*Member) MTU() uint32 { return 1514 }

// SetMTU does nothing.
func (*Member) SetMTU(uint32) {}

// MaxHeaderLength is zero: the header is Ethernet's, which is above.
func (*Member) MaxHeaderLength() uint16 { return 0 }

// LinkAddress returns the port's address.
func (m *Member) LinkAddress() tcpip.LinkAddress { return m.address }

// SetLinkAddress sets it.
func (m *Member) SetLinkAddress(a tcpip.LinkAddress) { m.address = a }

// Capabilities are none.
func (*Member) Capabilities() stack.LinkEndpointCapabilities { return 0 }

// Wait has nothing to wait for.
func (*Member) Wait() {}

// ARPHardwareType says that there is a layer above.
func (*Member) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareNone }

// AddHeader adds nothing.
func (*Member) AddHeader(*stack.PacketBuffer) {}

// ParseHeader parses nothing.
func (*Member) ParseHeader(*stack.PacketBuffer) bool { return true }

// Close has nothing to end.
func (*Member) Close() {}

// SetOnCloseAction does nothing.
func (*Member) SetOnCloseAction(func()) {}
