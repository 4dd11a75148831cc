package arpnd

import (
	"encoding/binary"

	"github.com/switchcore/switchcore/switchdev"
)

// MaxReply is the length of the longest answer to an untagged question: an
// advertisement with a link-layer address. Every tag makes it 4 longer.
const MaxReply = addresses + 2 + ipv6Len + ndLen + optionUnit

// AppendReply appends to dst the whole Ethernet frame that answers q in place of a
// neighbour with the address mac, and returns the longer slice. It does not
// allocate if dst has room. frame and offset are those that q was parsed from;
// dst's free room must not overlap frame. The answer is the kernel's (br_arp_send
// and br_nd_send, net/bridge/br_arp_nd_proxy.c), but for its tags:
//
//   - It comes from mac and goes to q.SenderMAC, and has the tags of the question
//     octet for octet, priority included.
//   - An ARP request is answered by a reply from mac with the target's address to
//     the sender.
//   - A solicitation is answered by an advertisement from its target to its source,
//     solicited and overriding, with mac as target link-layer address and q.Router
//     as router flag, hop limit 255, and of the question's traffic class the upper
//     four bits.
//
// It is not padded to the least length of an Ethernet frame: whoever sends it on a
// wire does that, as for all frames.
//
// dst is returned as it is if there is no answer: q does not ask; it is a
// solicitation from :: or to its own source, which the kernel never answers; mac or
// q.SenderMAC is not the address of a station; or an ARP sender is a loopback or
// multicast address. Probes and gratuitous requests of ARP are answered: the
// kernel does that on bridges where nothing is suppressed (see [Suppress]).
func AppendReply(dst, frame []byte, offset int, q *Question, mac switchdev.MAC) []byte {
	if !layered(frame, offset) || !station(mac) || !station(q.SenderMAC) {
		return dst
	}
	body := frame[offset+2:]
	switch {
	case q.Kind == ARPRequest && q.Sender.Is4() && q.Target.Is4() && !unasked(q.Sender):
		dst = appendEthernet(dst, frame[addresses:offset], q.SenderMAC, mac, switchdev.EtherTypeARP)
		return appendARPReply(dst, q, mac)
	case q.Kind == Solicitation && q.Sender.Is6() && q.Target.Is6() && !q.DAD && !q.Gratuitous && len(body) > 0:
		dst = appendEthernet(dst, frame[addresses:offset], q.SenderMAC, mac, switchdev.EtherTypeIPv6)
		return appendAdvertisement(dst, body[0]&0x0f, q, mac)
	}
	return dst
}

// station reports whether a frame can come from a MAC address.
func station(m switchdev.MAC) bool { return !m.IsMulticast() && !m.IsZero() }

func appendEthernet(b, tags []byte, to, from switchdev.MAC, typ switchdev.EtherType) []byte {
	b = append(b, to[:]...)
	b = append(b, from[:]...)
	b = append(b, tags...)
	return binary.BigEndian.AppendUint16(b, uint16(typ))
}

func appendARPReply(b []byte, q *Question, mac switchdev.MAC) []byte {
	sender, target := q.Target.As4(), q.Sender.As4()
	b = append(b, 0, arpEthernet, byte(switchdev.EtherTypeIPv4>>8), byte(switchdev.EtherTypeIPv4&0xff), 6, 4, 0, 2)
	b = append(b, mac[:]...)
	b = append(b, sender[:]...)
	b = append(b, q.SenderMAC[:]...)
	return append(b, target[:]...)
}

func appendAdvertisement(b []byte, class byte, q *Question, mac switchdev.MAC) []byte {
	from, to := q.Target.As16(), q.Sender.As16()
	b = append(b, 0x60|class, 0, 0, 0, 0, ndLen+optionUnit, protocolICMPv6, hopLimit)
	ends := len(b)
	b = append(b, from[:]...)
	b = append(b, to[:]...)
	start, flags := len(b), byte(flagSolicited|flagOverride)
	if q.Router {
		flags |= flagRouter
	}
	b = append(b, typeAdvertisement, 0, 0, 0, flags, 0, 0, 0)
	b = append(b, from[:]...)
	b = append(b, optionTargetMAC, 1)
	b = append(b, mac[:]...)
	binary.BigEndian.PutUint16(b[start+2:], checksum(b[ends:start], b[start:]))
	return b
}
