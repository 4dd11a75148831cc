package peer

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// GVisor is the bridge of gVisor's network stack with one port. Its table knows
// addresses and no VLANs, and it does not age, limit or move what it learned.
type GVisor struct {
	bridge *stack.BridgeEndpoint
	port   *channel.Endpoint
	stack  *stack.Stack
}

// etherType is one that no stack of gVisor's handles: IEEE 802, local
// experimental 1. What the bridge passes up ends there.
const etherType = 0x88b5

// NewGVisor returns a bridge that learned stations 0 to n-1, each from a frame
// that came in on its port: there is no other way into its table.
func NewGVisor(n int) (*GVisor, error) {
	const port, master = 1, 2
	g := &GVisor{
		bridge: stack.NewBridgeEndpoint(1500),
		port:   channel.New(1, 1500, tcpip.LinkAddress("\x02\x00\x00\xff\xff\x01")),
		stack:  stack.New(stack.Options{}),
	}
	if err := g.stack.CreateNIC(port, ethernet.New(g.port)); err != nil {
		return nil, fmt.Errorf("gvisor: port: %v", err)
	}
	if err := g.stack.CreateNIC(master, g.bridge); err != nil {
		return nil, fmt.Errorf("gvisor: bridge: %v", err)
	}
	if err := g.stack.SetNICCoordinator(port, master); err != nil {
		return nil, fmt.Errorf("gvisor: join: %v", err)
	}
	for i := range uint64(n) {
		g.learn(i)
	}
	if found := g.Find(Walk{Count: uint64(n), Mask: uint64(n - 1)}); found != uint64(n) {
		return nil, fmt.Errorf("gvisor: the bridge learned %d of %d stations", found, n)
	}
	return g, nil
}

// learn sends the frame of a station into the port.
func (g *GVisor) learn(i uint64) {
	frame := make([]byte, header.EthernetMinimumSize+4)
	mac := wire(i)
	header.Ethernet(frame).Encode(&header.EthernetFields{
		SrcAddr: tcpip.LinkAddress(mac[:6]), DstAddr: "\x02\x00\x00\x00\x00\x01", Type: etherType,
	})
	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(frame)})
	defer pkt.DecRef()
	g.port.InjectInbound(etherType, pkt)
}

// wire returns the address of station i as it stands in a frame, and two bytes.
func wire(i uint64) (b [8]byte) {
	binary.BigEndian.PutUint64(b[:], Address(Packed(i))<<16)
	return b
}

// Find looks up a walk and returns how many were found. The address is not
// copied into a string of its own, which would cost an allocation a lookup.
func (g *GVisor) Find(w Walk) (found uint64) {
	var none stack.BridgeFDBEntry
	for i := w.First; i < w.First+w.Count; i++ {
		b := wire(w.At(i))
		if g.bridge.FindFDBEntry(tcpip.LinkAddress(unsafe.String(&b[0], 6))) != none {
			found++
		}
	}
	return found
}

// Close ends the stack.
func (g *GVisor) Close() {
	g.stack.Close()
	g.stack.Wait()
}
