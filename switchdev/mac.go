package switchdev

import (
	"bytes"
	"encoding/binary"
)

// MAC is an Ethernet MAC-48 address in transmission order.
//
// It is an array and not a slice, so it is comparable, can be a map key and is
// copied by assignment, in the manner of [net/netip]. The zero value is the
// all-zero address, which is no station: the kernel refuses it in a forwarding
// database (net/bridge/br_fdb.c, fdb_add_entry through is_zero_ether_addr), and
// [FDBKey.Check] does the same.
//
// A net.HardwareAddr converts with [MACFromSlice] one way and m[:] the other;
// package net is not needed for either.
type MAC [6]byte

// Broadcast returns the address of every station, ff:ff:ff:ff:ff:ff.
func Broadcast() MAC {
	return MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
}

// MACFromSlice returns the address that b holds in transmission order. It
// reports false, with the zero address, when b is not exactly six bytes long.
func MACFromSlice(b []byte) (MAC, bool) {
	if len(b) != len(MAC{}) {
		return MAC{}, false
	}
	return MAC(b), true
}

// MACFromUint64 returns the address whose [MAC.Uint64] is u. Only the low 48
// bits of u are used, so a caller that counts stations need not mask.
func MACFromUint64(u uint64) MAC {
	return MAC{
		byte(u >> 40), byte(u >> 32), byte(u >> 24),
		byte(u >> 16), byte(u >> 8), byte(u),
	}
}

// Uint64 returns the address as a number below 1<<48, the first byte on the
// wire being the most significant. Numbers order as [MAC.Compare] does.
func (m MAC) Uint64() uint64 {
	hi := binary.BigEndian.Uint32(m[:4])
	lo := binary.BigEndian.Uint16(m[4:])
	return uint64(hi)<<16 | uint64(lo)
}

// Next returns the address whose number is one higher. The address after
// ff:ff:ff:ff:ff:ff is the zero address.
func (m MAC) Next() MAC { return MACFromUint64(m.Uint64() + 1) }

// Compare returns -1, 0 or +1 as m sorts before, with or after o, by bytes in
// transmission order.
func (m MAC) Compare(o MAC) int { return bytes.Compare(m[:], o[:]) }

// IsZero reports whether m is 00:00:00:00:00:00.
func (m MAC) IsZero() bool { return m == MAC{} }

// IsMulticast reports whether the group bit is set: the first bit on the wire,
// IEEE 802 clause 8.2. The broadcast address is a multicast address.
func (m MAC) IsMulticast() bool { return m[0]&1 != 0 }

// IsBroadcast reports whether m is ff:ff:ff:ff:ff:ff.
func (m MAC) IsBroadcast() bool { return m == Broadcast() }

// IsUnicast reports whether m can be the address of one station: neither a
// group address nor zero, as is_valid_ether_addr of include/linux/etherdevice.h.
// A bridge learns no other source address.
func (m MAC) IsUnicast() bool { return !m.IsMulticast() && !m.IsZero() }

// IsLocal reports whether m is locally administered: the second bit on the
// wire, IEEE 802 clause 8.2. Virtual machines and containers mostly use such
// addresses.
func (m MAC) IsLocal() bool { return m[0]&2 != 0 }

// IsLinkLocal reports whether m is one of the sixteen reserved group addresses
// 01:80:c2:00:00:00 to 01:80:c2:00:00:0f, which a bridge does not forward:
// IEEE 802.1Q table 8-1, is_link_local_ether_addr of etherdevice.h.
func (m MAC) IsLinkLocal() bool {
	return m.Uint64()&^0xf == 0x0180c2000000
}

const hexDigits = "0123456789abcdef"

// String returns the address as aa:bb:cc:dd:ee:ff.
func (m MAC) String() string {
	var buf [17]byte
	return string(m.AppendTo(buf[:0]))
}

// AppendTo appends the text of [MAC.String] to b and returns the result. It
// allocates nothing when b has room for 17 more bytes.
func (m MAC) AppendTo(b []byte) []byte {
	for i, octet := range m {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, hexDigits[octet>>4], hexDigits[octet&0xf])
	}
	return b
}

// AppendText implements [encoding.TextAppender]. Its error is always nil.
func (m MAC) AppendText(b []byte) ([]byte, error) { return m.AppendTo(b), nil }

// MarshalText implements [encoding.TextMarshaler] with the text of
// [MAC.String], so an address is a string in JSON, also as the key of a map.
// Its error is always nil.
func (m MAC) MarshalText() ([]byte, error) {
	return m.AppendTo(make([]byte, 0, 17)), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler]: it accepts what
// [ParseMAC] accepts and leaves m as it was when it returns an error.
func (m *MAC) UnmarshalText(text []byte) error {
	parsed, err := ParseMAC(string(text))
	if err != nil {
		return err
	}
	*m = parsed
	return nil
}

// AppendBinary implements [encoding.BinaryAppender]: the six bytes in
// transmission order. Its error is always nil.
func (m MAC) AppendBinary(b []byte) ([]byte, error) { return append(b, m[:]...), nil }

// MarshalBinary implements [encoding.BinaryMarshaler]: the six bytes in
// transmission order. Its error is always nil.
func (m MAC) MarshalBinary() ([]byte, error) { return m[:], nil }

// UnmarshalBinary implements [encoding.BinaryUnmarshaler]. It accepts exactly
// six bytes; otherwise it returns a [*ParseError] and leaves m as it was.
func (m *MAC) UnmarshalBinary(b []byte) error {
	parsed, ok := MACFromSlice(b)
	if !ok {
		return &ParseError{What: "mac address", Input: string(b), Reason: "want 6 bytes"}
	}
	*m = parsed
	return nil
}

// MustParseMAC is [ParseMAC] for addresses that are constants of a program: it
// panics where ParseMAC returns an error.
func MustParseMAC(s string) MAC {
	m, err := ParseMAC(s)
	if err != nil {
		panic(err)
	}
	return m
}

// ParseMAC parses an address in one of the forms
//
//	aa:bb:cc:dd:ee:ff
//	aa-bb-cc-dd-ee-ff
//	aabb.ccdd.eeff
//	aabbccddeeff
//
// with digits of either case. These are the six-byte forms of net.ParseMAC and
// nothing besides: separators are not mixed and every octet has two digits.
// The error is a [*ParseError], which is [ErrInvalid].
func ParseMAC(s string) (MAC, error) {
	switch {
	case len(s) == 17 && (s[2] == ':' || s[2] == '-'):
		return parseMAC(s, s[2], 2)
	case len(s) == 14 && s[4] == '.':
		return parseMAC(s, '.', 4)
	case len(s) == 12:
		return parseMAC(s, 0, 12)
	}
	return MAC{}, macError(s, "want aa:bb:cc:dd:ee:ff, aa-bb-cc-dd-ee-ff, aabb.ccdd.eeff or aabbccddeeff")
}

// parseMAC reads groups of group hexadecimal digits with sep between them. The
// caller has checked the length, so every index below is inside s.
func parseMAC(s string, sep byte, group int) (MAC, error) {
	var m MAC
	digit := 0
	for i := range len(s) {
		if i%(group+1) == group {
			if s[i] != sep {
				return MAC{}, macError(s, "separators differ")
			}
			continue
		}
		nibble, ok := unhex(s[i])
		if !ok {
			return MAC{}, macError(s, "not a hexadecimal digit at offset "+decimal(uint64(i)))
		}
		m[digit/2] = m[digit/2]<<4 | nibble
		digit++
	}
	return m, nil
}

func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func macError(s, reason string) error {
	return &ParseError{What: "mac address", Input: s, Reason: reason}
}
