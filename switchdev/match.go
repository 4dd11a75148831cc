package switchdev

import "net/netip"

// FlowKey holds the header and metadata fields of a packet on which a flow can
// match, in host byte order. It is comparable; a field that a packet does not
// have is zero. As a mask, every bit that counts is one.
//
// The fields and their meaning are those of the Open vSwitch datapath
// (include/uapi/linux/openvswitch.h, OVS_KEY_ATTR_*).
type FlowKey struct {
	// Metadata.
	Recirc   uint32 // recirculation id; 0 before the first pass
	InPort   PortID // where the packet came in
	Priority uint32 // skb priority
	Mark     uint32 // skb mark
	Hash     uint32 // hash computed by an earlier action
	Tunnel   TunnelKey
	CT       CTKey

	// Link layer.
	EthSrc, EthDst MAC
	// VLAN and CVLAN are the outer and the inner tag as it stands in the
	// frame: priority 3, DEI 1, VLAN 12 bits. The DEI bit is 1 when there is a
	// tag, so that "VLAN 0, priority 0" differs from "no tag".
	VLAN, CVLAN    uint16
	VLANProtocol   EtherType // EtherType of the outer tag
	CVLANProtocol  EtherType // EtherType of the inner tag
	EthType        EtherType // of the payload
	MPLS           uint32    // top label stack entry
	ARPOp          uint16
	ARPSHA, ARPTHA MAC
	NDTarget       [16]byte
	NDSLL, NDTLL   MAC

	// Network and transport layer. An IPv4 address stands in the last four
	// bytes of its 16, the others are zero; ARP puts its protocol addresses
	// here too.
	IPSrc, IPDst [16]byte
	IPProto      uint8
	IPTOS        uint8
	IPTTL        uint8
	IPFrag       Frag
	IPv6Label    uint32
	TPSrc, TPDst uint16 // ports; type and code of ICMP
	TCPFlags     uint16
}

// TunnelKey is what is known of the tunnel through which a packet came.
type TunnelKey struct {
	ID           uint64 // VNI, GRE key
	Src, Dst     [16]byte
	TOS, TTL     uint8
	Flags        TunnelFlags
	TPSrc, TPDst uint16
}

// CTKey is what connection tracking said of a packet. It is carried, not
// computed.
type CTKey struct {
	State uint8
	Zone  uint16
	Mark  uint32
	Label [16]byte
}

// Frag tells whether an IP packet is a fragment (OVS_FRAG_TYPE_*).
type Frag uint8

// The kinds of fragments.
const (
	FragNone  Frag = iota // not a fragment
	FragFirst             // first fragment, with the transport header
	FragLater             // later fragment, without it
)

// TunnelFlags are the switches of a tunnel header.
type TunnelFlags uint8

// The flags of a tunnel header.
const (
	TunnelDontFragment TunnelFlags = 1 << iota
	TunnelChecksum
	TunnelKeyed // the header carries ID
)

// Match selects packets: those whose key, masked, equals Key. Key has no bit
// that Mask lacks.
type Match struct {
	Key, Mask FlowKey
}

// IPBytes returns addr in the form in which a [FlowKey] holds it. The zero Addr
// gives zeros.
func IPBytes(addr netip.Addr) (b [16]byte) {
	switch {
	case addr.Is4() || addr.Is4In6():
		a4 := addr.As4()
		copy(b[12:], a4[:])
	case addr.Is6():
		b = addr.As16()
	}
	return b
}
