package stp

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// BridgeID identifies a bridge: a priority of which lower is better, and where
// that is equal an address. The zero value is better than any other (struct
// bridge_id in net/bridge/br_private.h; IEEE 802.1D-1998, 9.2.5). The whole 16 bits
// are the priority, no VLAN is added to it.
type BridgeID struct {
	Priority uint16
	MAC      switchdev.MAC
}

// Compare returns -1, 0 or +1 as b is better than, equal to or worse than o.
func (b BridgeID) Compare(o BridgeID) int {
	return cmp.Or(cmp.Compare(b.Priority, o.Priority), b.MAC.Compare(o.MAC))
}

// String returns the text that Linux shows, such as "8000.02dd00000001"
// (br_show_bridge_id in net/bridge/br_stp_if.c).
func (b BridgeID) String() string { return fmt.Sprintf("%04x.%012x", b.Priority, b.MAC[:]) }

// PortIdentifier is what a port is called in BPDUs: a priority of six bits, lower
// being better, above a number of ten (br_make_port_id in net/bridge/br_stp_if.c).
type PortIdentifier uint16

const numberBits = 10

func identifier(priority uint8, number uint16) PortIdentifier {
	return PortIdentifier(uint16(priority)<<numberBits | number&maxNumber)
}

// Priority returns the priority, 0 to 63.
func (p PortIdentifier) Priority() uint8 { return uint8(p >> numberBits) }

// Number returns the number of the port, 0 to 1023.
func (p PortIdentifier) Number() uint16 { return uint16(p & maxNumber) }

// String returns the text that iproute2 shows, such as "0x8001".
func (p PortIdentifier) String() string { return fmt.Sprintf("0x%x", uint16(p)) }

// Kind is the type of a BPDU. The numbers are those of the wire (IEEE
// 802.1D-1998, 9.3).
type Kind uint8

// The kinds of BPDU of protocol version 0.
const (
	KindConfig Kind = 0x00 // what a bridge thinks of the tree
	KindTCN    Kind = 0x80 // notice of a topology change, toward the root
)

// BPDU is a message of the protocol. A TCN has only its Kind. Times are whole
// multiples of 1/256 s, below 256 s.
type BPDU struct {
	Kind              Kind
	TopologyChange    bool // the root says that the topology changes
	TopologyChangeAck bool // a TCN was received on the port that sends this
	Root              BridgeID
	RootPathCost      uint32 // of the sender
	Bridge            BridgeID
	Port              PortIdentifier
	MessageAge        time.Duration // since the root sent what this is based on
	MaxAge            time.Duration // this and the next two are the root's
	HelloTime         time.Duration
	ForwardDelay      time.Duration
}

const (
	tick = time.Second / 256 // the unit of time in BPDUs

	headerLen = 14
	llcLen    = 3
	configLen = 35 // of a configuration BPDU (9.3.1)
	tcnLen    = 4  // of a topology change notification (9.3.2)

	flagTopologyChange    = 0x01
	flagTopologyChangeAck = 0x80

	// Smaller values of the field after the addresses are lengths.
	smallestEtherType = 0x0600
)

// The group that all bridges listen to, and the LLC header of a BPDU.
const (
	groupAddress = "\x01\x80\xc2\x00\x00\x00"
	llcHeader    = "\x42\x42\x03"
)

// Parse reads an Ethernet frame. It reports false if that is no BPDU, and
// Linux would pay it no attention either: the destination must be
// 01:80:c2:00:00:00, the source a station, the frame as long as its length
// field says, LLC 42 42 03, protocol 0, version 0, a type of [Kind], and the
// message no shorter than its type demands; longer is permitted, and padding. A
// configuration BPDU whose message age exceeds its max age is too old to be one
// (br_stp_rcv in net/bridge/br_stp_bpdu.c, stp_pdu_rcv in net/802/stp.c,
// llc_fixup_skb in net/llc/llc_input.c). Parse keeps nothing of frame and does not
// allocate.
func Parse(frame []byte) (BPDU, bool) {
	m, ok := message(frame)
	if !ok {
		return BPDU{}, false
	}
	switch Kind(m[3]) {
	case KindTCN:
		return BPDU{Kind: KindTCN}, true
	case KindConfig:
		if len(m) < configLen {
			break
		}
		if b := config(m); b.MessageAge <= b.MaxAge {
			return b, true
		}
	}
	return BPDU{}, false
}

// message returns the part of a frame that begins with the protocol, at least
// tcnLen octets of it.
func message(frame []byte) ([]byte, bool) {
	if len(frame) < headerLen+llcLen+tcnLen || string(frame[:6]) != groupAddress {
		return nil, false
	}
	if src := switchdev.MAC(frame[6:12]); src.IsMulticast() || src.IsZero() {
		return nil, false
	}
	length := int(binary.BigEndian.Uint16(frame[12:]))
	if length >= smallestEtherType || length < llcLen+tcnLen || length > len(frame)-headerLen {
		return nil, false
	}
	m, ok := bytes.CutPrefix(frame[headerLen:headerLen+length], []byte(llcHeader))
	return m, ok && m[0] == 0 && m[1] == 0 && m[2] == 0
}

func config(m []byte) BPDU {
	return BPDU{
		Kind:              KindConfig,
		TopologyChange:    m[4]&flagTopologyChange != 0,
		TopologyChangeAck: m[4]&flagTopologyChangeAck != 0,
		Root:              bridgeID(m[5:]),
		RootPathCost:      binary.BigEndian.Uint32(m[13:]),
		Bridge:            bridgeID(m[17:]),
		Port:              PortIdentifier(binary.BigEndian.Uint16(m[25:])),
		MessageAge:        ticks(m[27:]),
		MaxAge:            ticks(m[29:]),
		HelloTime:         ticks(m[31:]),
		ForwardDelay:      ticks(m[33:]),
	}
}

func bridgeID(b []byte) BridgeID {
	return BridgeID{Priority: binary.BigEndian.Uint16(b), MAC: switchdev.MAC(b[2:8])}
}

func ticks(b []byte) time.Duration { return time.Duration(binary.BigEndian.Uint16(b)) * tick }

// AppendFrame appends the BPDU to dst as an Ethernet frame from src and returns the
// result. The frame has no padding: 52 octets, or 21 of a TCN; what needs the
// minimum of Ethernet pads it. Times are rounded down to 1/256 s and limited to what
// fits, 0 to 65535 of them (br_send_config_bpdu and br_send_tcn_bpdu in
// net/bridge/br_stp_bpdu.c).
func (b BPDU) AppendFrame(dst []byte, src switchdev.MAC) []byte {
	length := configLen
	if b.Kind == KindTCN {
		length = tcnLen
	}
	dst = append(dst, groupAddress...)
	dst = append(dst, src[:]...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(llcLen+length))
	dst = append(dst, llcHeader...)
	dst = append(dst, 0, 0, 0, byte(b.Kind))
	if b.Kind == KindTCN {
		return dst
	}
	dst = append(dst, b.flags())
	dst = b.Root.appendTo(dst)
	dst = binary.BigEndian.AppendUint32(dst, b.RootPathCost)
	dst = b.Bridge.appendTo(dst)
	dst = binary.BigEndian.AppendUint16(dst, uint16(b.Port))
	for _, d := range [...]time.Duration{b.MessageAge, b.MaxAge, b.HelloTime, b.ForwardDelay} {
		dst = binary.BigEndian.AppendUint16(dst, uint16(min(max(d/tick, 0), 0xffff)))
	}
	return dst
}

func (b BPDU) flags() (flags byte) {
	if b.TopologyChange {
		flags |= flagTopologyChange
	}
	if b.TopologyChangeAck {
		flags |= flagTopologyChangeAck
	}
	return flags
}

func (b BridgeID) appendTo(dst []byte) []byte {
	return append(binary.BigEndian.AppendUint16(dst, b.Priority), b.MAC[:]...)
}
