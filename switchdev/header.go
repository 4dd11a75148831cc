package switchdev

import (
	"context"
	"net/netip"
)

// HeaderID names a tunnel header on a device for as long as it exists. Zero is
// not an id.
type HeaderID uint64

// HeaderKind is the encapsulation that a header builds.
type HeaderKind uint8

// The kinds of headers.
const (
	HeaderVXLAN  HeaderKind = iota + 1 // RFC 7348
	HeaderGeneve                       // RFC 8926
	HeaderGRE                          // RFC 2784 with the key of RFC 2890
	HeaderMPLS                         // RFC 4023
	HeaderRaw                          // Raw as it is
)

// Header is the outer header that a device puts in front of a packet.
type Header struct {
	ID       HeaderID
	Kind     HeaderKind
	Port     PortID // where encapsulated packets leave
	SrcMAC   MAC    // the port's address
	DstMAC   MAC    // the next hop's address
	Src, Dst netip.Addr
	// VNI is the VXLAN or Geneve network, the GRE key or the MPLS label.
	VNI          uint64
	TPSrc, TPDst uint16
	TOS, TTL     uint8
	Flags        TunnelFlags
	// Raw is the whole header of HeaderRaw and the options of Geneve. Nobody
	// changes it once it was handed over.
	Raw []byte
}

// HeaderVerb is what a [HeaderOp] does.
type HeaderVerb uint8

// The verbs of a header operation.
const (
	// HeaderPut installs a header. Replacing the content of one to which flows
	// still refer is refused with ErrBusy.
	HeaderPut HeaderVerb = iota + 1
	// HeaderDelete removes the header Header.ID; ErrBusy while flows refer to
	// it.
	HeaderDelete
)

// HeaderOp installs or deletes a header.
type HeaderOp struct {
	Op
	Verb   HeaderVerb
	Header Header
}

// HeaderOffloader is the role of devices that build tunnel headers. Linux:
// the encap entries of a driver, for instance mlx5e_attach_encap.
type HeaderOffloader interface {
	// ApplyHeaders executes a batch by the package's rules for batches. A full
	// table answers ErrNoSpace.
	ApplyHeaders(ctx context.Context, ops []HeaderOp, results []Result)
}
