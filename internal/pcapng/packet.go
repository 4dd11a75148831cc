package pcapng

import "time"

// LinkTypeEthernet is the link type of IEEE 802.3 Ethernet: the only one whose packets are
// delivered and the only one that is written.
const LinkTypeEthernet = 1

// Limits that keep the memory for a hostile file bounded. They are ours: the format allows
// 4 GiB in most places.
const (
	// MaxBlock is the largest pcapng block, or pcap record without its header, that is read
	// or written, in bytes.
	MaxBlock = 16 << 20
	// MaxInterfaces is the largest number of interfaces in one file, over all its sections.
	MaxInterfaces = 1 << 14
	// MaxName is the longest interface name, in bytes.
	MaxName = 1024
)

// Packet is one captured frame.
type Packet struct {
	// Time is when the frame was captured, in UTC. It is the zero Time for a simple packet
	// block, which carries none.
	Time time.Time
	// Interface is the index of the interface that captured it, as for Reader.Interface.
	Interface int
	// Data is the frame from its destination address on, as far as it was captured. What a
	// Reader returns is valid until its next call.
	Data []byte
	// OrigLen is the length of the frame on the wire in bytes, never less than len(Data).
	// For Writer.WritePacket zero stands for len(Data).
	OrigLen int
}

// Truncated reports whether the frame was longer than what was captured of it.
func (p Packet) Truncated() bool { return p.OrigLen > len(p.Data) }

// Interface describes one interface of a capture.
type Interface struct {
	// Name is the name that the capturing system gave the interface; empty where the file
	// does not say.
	Name string
	// LinkType is from the LINKTYPE_ registry of tcpdump.org.
	LinkType uint16
	// SnapLen is the largest number of bytes captured of one packet; zero means no limit.
	SnapLen uint32
	// Section is the pcapng section that describes the interface, counted from zero.
	Section int

	resolution resolution
}
