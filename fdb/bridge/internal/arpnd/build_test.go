package arpnd

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func mac(s string) switchdev.MAC { return switchdev.MustParseMAC(s) }

// packet is what a test builds a frame from, field by field, apart from the code
// under test.
type packet struct {
	dst, src switchdev.MAC
	tags     []byte

	op       uint16 // of ARP
	sha      switchdev.MAC
	sip, tip netip.Addr

	class     byte // from here on neighbour discovery: traffic class
	from, to  netip.Addr
	kind      byte
	flags     byte
	target    netip.Addr
	options   []byte
	padding   int
	wrongness uint16 // added to the checksum
}

func (p packet) ethernet(typ uint16) []byte {
	b := slices.Concat(p.dst[:], p.src[:], p.tags)
	return binary.BigEndian.AppendUint16(b, typ)
}

// offset is where the EtherType of the frame is.
func (p packet) offset() int { return 12 + len(p.tags) }

func (p packet) arp() []byte {
	b := append(p.ethernet(0x0806), 0, 1, 8, 0, 6, 4)
	b = binary.BigEndian.AppendUint16(b, p.op)
	b = append(append(b, p.sha[:]...), p.sip.AsSlice()...)
	b = append(append(b, make([]byte, 6)...), p.tip.AsSlice()...)
	return append(b, make([]byte, p.padding)...)
}

func (p packet) nd() []byte {
	msg := append([]byte{p.kind, 0, 0, 0, p.flags, 0, 0, 0}, p.target.AsSlice()...)
	msg = append(msg, p.options...)
	binary.BigEndian.PutUint16(msg[2:], slowChecksum(p.from, p.to, msg)+p.wrongness)
	b := append(p.ethernet(0x86dd), 0x60|p.class>>4, p.class<<4, 0, 0)
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(msg))), 58, 255)
	b = append(append(b, p.from.AsSlice()...), p.to.AsSlice()...)
	return append(append(b, msg...), make([]byte, p.padding)...)
}

// slowChecksum follows RFC 1071 and the pseudo-header of RFC 8200, section 8.1, to the
// letter: one's complement addition, octet pair by octet pair, carry by carry.
func slowChecksum(from, to netip.Addr, msg []byte) uint16 {
	b := slices.Concat(from.AsSlice(), to.AsSlice())
	b = binary.BigEndian.AppendUint32(b, uint32(len(msg)))
	b = append(append(b, 0, 0, 0, 58), msg...)
	if len(b)%2 == 1 {
		b = append(b, 0)
	}
	var sum uint16
	for pair := range slices.Chunk(b, 2) {
		word := uint16(pair[0])<<8 | uint16(pair[1])
		sum += word
		if sum < word {
			sum++ // the carry comes back in
		}
	}
	return ^sum
}

// verified reports whether an ICMPv6 message in a frame bears its right checksum.
func verified(frame []byte, offset int) bool {
	h := frame[offset+2:]
	from, _ := netip.AddrFromSlice(h[8:24])
	to, _ := netip.AddrFromSlice(h[24:40])
	return slowChecksum(from, to, h[40:40+int(binary.BigEndian.Uint16(h[4:]))]) == 0
}

// someARP and someND are questions that every test may change.
func someARP() packet {
	a := mac("02:00:00:00:00:0a")
	return packet{dst: switchdev.Broadcast(), src: a, op: 1, sha: a, sip: ip("10.0.0.1"), tip: ip("10.0.0.2")}
}

func someND() packet {
	return packet{
		dst: mac("33:33:ff:00:00:02"), src: mac("02:00:00:00:00:0a"),
		from: ip("fd00::1"), to: ip("ff02::1:ff00:2"), kind: 135, target: ip("fd00::2"),
	}
}

func someNA() packet {
	p := someND()
	p.dst, p.to, p.kind, p.flags, p.target = mac("02:00:00:00:00:0c"), ip("fd00::c"), 136, 0x60, p.from
	return p
}
