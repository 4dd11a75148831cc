package arpnd

import (
	"encoding/binary"
	"net/netip"

	"github.com/switchcore/switchcore/switchdev"
)

const (
	addresses = 12 // of an Ethernet frame, before its tags or its EtherType
	tagLen    = 4

	arpLen         = 28 // RFC 826 with Ethernet and IPv4
	arpEthernet    = 1
	ipv6Len        = 40
	ndLen          = 24 // type, code, checksum, flags or nothing, target: three units of options
	hopLimit       = 255
	protocolICMPv6 = 58

	typeSolicitation  = 135
	typeAdvertisement = 136

	optionUnit      = 8 // of the length of an option
	optionSourceMAC = 1
	optionTargetMAC = 2

	flagRouter    = 0x80
	flagSolicited = 0x40
	flagOverride  = 0x20
)

// Parse reads an Ethernet frame whose EtherType, after any VLAN tags, is at offset:
// 12 in an untagged frame, 4 more for every tag. It reports whether the frame is ARP
// for IPv4 on Ethernet, a request or a reply (RFC 826), or a neighbour
// solicitation or advertisement that passes every check that its receiver has
// to make (RFC 4861, sections 7.1.1 and 7.1.2). An extension header before the
// ICMPv6 header is not looked behind, and ARP for a loopback or multicast address is
// passed over, both as in Linux (br_do_proxy_suppress_arp and br_is_nd_neigh_msg,
// net/bridge/br_arp_nd_proxy.c). Padding after the packet is ignored. An offset
// that cannot be is a frame that is not ok.
func Parse(frame []byte, offset int) (q Question, ok bool) {
	if !layered(frame, offset) {
		return Question{}, false
	}
	body := frame[offset+2:]
	switch switchdev.EtherType(binary.BigEndian.Uint16(frame[offset:])) {
	case switchdev.EtherTypeARP:
		q, ok = parseARP(body)
	case switchdev.EtherTypeIPv6:
		q, ok = parseND(body, switchdev.MAC(frame[6:12]))
	}
	q.Unicast = ok && frame[0]&1 == 0
	return q, ok
}

// layered reports whether a frame can have its EtherType at offset.
func layered(frame []byte, offset int) bool {
	return offset >= addresses && (offset-addresses)%tagLen == 0 && len(frame)-2 >= offset
}

func parseARP(b []byte) (q Question, ok bool) {
	if len(b) < arpLen ||
		binary.BigEndian.Uint16(b) != arpEthernet ||
		binary.BigEndian.Uint16(b[2:]) != uint16(switchdev.EtherTypeIPv4) ||
		b[4] != 6 || b[5] != 4 {
		return Question{}, false
	}
	switch binary.BigEndian.Uint16(b[6:]) {
	case 1:
		q.Kind = ARPRequest
	case 2:
		q.Kind = ARPReply
	default:
		return Question{}, false
	}
	q.SenderMAC = switchdev.MAC(b[8:14])
	q.Sender = netip.AddrFrom4([4]byte(b[14:18]))
	q.Target = netip.AddrFrom4([4]byte(b[24:28]))
	if unasked(q.Target) {
		return Question{}, false
	}
	q.DAD = q.Sender.IsUnspecified()
	q.Gratuitous = q.Sender == q.Target
	return q, true
}

// unasked reports whether an IPv4 address is none that ARP is for.
func unasked(a netip.Addr) bool { return a.IsLoopback() || a.IsMulticast() }

func parseND(b []byte, src switchdev.MAC) (q Question, ok bool) {
	if len(b) < ipv6Len+ndLen || b[0]>>4 != 6 || b[6] != protocolICMPv6 || b[7] != hopLimit {
		return Question{}, false
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	if length < ndLen || length%optionUnit != 0 || length > len(b)-ipv6Len {
		return Question{}, false
	}
	msg := b[ipv6Len : ipv6Len+length]
	switch msg[0] {
	case typeSolicitation:
		q.Kind = Solicitation
	case typeAdvertisement:
		q.Kind = Advertisement
	default:
		return Question{}, false
	}
	q.Sender = netip.AddrFrom16([16]byte(b[8:24]))
	q.Target = netip.AddrFrom16([16]byte(msg[8:24]))
	if msg[1] != 0 || q.Sender.IsMulticast() || q.Target.IsMulticast() || checksum(b[8:ipv6Len], msg) != 0 {
		return Question{}, false
	}
	if q.Kind == Solicitation {
		ok = q.solicitation(netip.AddrFrom16([16]byte(b[24:40])), msg, src)
	} else {
		ok = q.advertisement(b[24] == 0xff, msg, src)
	}
	if !ok {
		return Question{}, false
	}
	return q, true
}

func (q *Question) solicitation(dst netip.Addr, msg []byte, src switchdev.MAC) bool {
	option, fits := linkLayer(msg[ndLen:], optionSourceMAC)
	q.DAD, q.Gratuitous = q.Sender.IsUnspecified(), q.Sender == dst
	if !fits || q.DAD && (option != nil || !solicitedNode(dst)) {
		return false
	}
	q.sentBy(option, src)
	return true
}

func (q *Question) advertisement(multicast bool, msg []byte, src switchdev.MAC) bool {
	option, fits := linkLayer(msg[ndLen:], optionTargetMAC)
	solicited := msg[4]&flagSolicited != 0
	if !fits || multicast && solicited {
		return false
	}
	q.Router, q.Gratuitous = msg[4]&flagRouter != 0, !solicited
	q.sentBy(option, src)
	return true
}

func (q *Question) sentBy(option []byte, src switchdev.MAC) {
	q.SenderMAC = src
	if option != nil {
		q.SenderMAC = switchdev.MAC(option[:6])
	}
}

// linkLayer walks all options, whole units of them, and returns the value of the first of a kind, nil if
// there is none, and whether all of them fit. The length of an option counts units
// of eight octets, and none is empty (RFC 4861, section 4.6).
func linkLayer(options []byte, kind byte) (value []byte, fits bool) {
	for len(options) > 0 {
		length := int(options[1]) * optionUnit
		if length == 0 || length > len(options) {
			return nil, false
		}
		if options[0] == kind && value == nil {
			value = options[2:length]
		}
		options = options[length:]
	}
	return value, true
}

// solicitedNode reports whether a is ff02::1:ff00:0/104 (RFC 4291, section 2.7.1).
func solicitedNode(a netip.Addr) bool {
	b := a.As16()
	return [13]byte(b[:13]) == [13]byte{0: 0xff, 1: 0x02, 11: 1, 12: 0xff}
}

// checksum returns the ICMPv6 checksum of a message between the addresses, which is
// zero if the message has the right one in it (RFC 4443, section 2.3; RFC 8200,
// section 8.1). A message in a frame is too short for the sum to overflow.
func checksum(addresses, msg []byte) uint16 {
	sum := protocolICMPv6 + uint64(len(msg)) + words(addresses) + words(msg)
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// words adds up 16-bit words, of which there are a multiple of four: so it is with
// addresses and with messages that consist of whole units. Longer words add up to
// the same as their parts do, because the sum is taken modulo 0xffff.
func words(b []byte) (sum uint64) {
	for ; len(b) >= 8; b = b[8:] {
		word := binary.BigEndian.Uint64(b)
		sum += word>>32 + word&0xffff_ffff
	}
	return sum
}
