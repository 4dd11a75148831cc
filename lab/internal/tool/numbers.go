package tool

import (
	"math"
	"strings"
	"unicode"

	"github.com/switchcore/switchcore/switchdev"
)

// strtoul reads a number as the C library does, in base 0, 10 or 16: white space, a
// sign, 0x, digits. It returns what is left, and false if there were no digits. A
// negative number wraps, one that is too large is the largest.
func strtoul(s string, base uint64) (n uint64, rest string, ok bool) {
	rest = strings.TrimLeftFunc(s, unicode.IsSpace)
	minus := strings.HasPrefix(rest, "-")
	if minus || strings.HasPrefix(rest, "+") {
		rest = rest[1:]
	}
	rest, base = prefix(rest, base)
	over := false
	for rest != "" {
		d := digit(rest[0])
		if d >= base {
			break
		}
		over = over || n > (math.MaxUint64-d)/base
		n = n*base + d
		rest, ok = rest[1:], true
	}
	switch {
	case !ok:
		return 0, s, false
	case over:
		return math.MaxUint64, rest, true
	case minus:
		n = -n
	}
	return n, rest, true
}

// prefix takes 0x off, and settles a base of 0.
func prefix(s string, base uint64) (string, uint64) {
	hex := len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && digit(s[2]) < 16
	switch {
	case hex && (base == 0 || base == 16):
		return s[2:], 16
	case base == 0 && strings.HasPrefix(s, "0"):
		return s, 8
	case base == 0:
		return s, 10
	}
	return s, base
}

func digit(c byte) uint64 {
	switch {
	case '0' <= c && c <= '9':
		return uint64(c - '0')
	case 'a' <= c && c <= 'z':
		return uint64(c-'a') + 10
	case 'A' <= c && c <= 'Z':
		return uint64(c-'A') + 10
	}
	return math.MaxUint64
}

// atoi reads a decimal number as atoi(3) does with 64 bits: what is none is 0, one that
// is too large is the nearest long, and the low half remains.
func atoi(s string) int32 {
	s = strings.TrimLeftFunc(s, unicode.IsSpace)
	minus := strings.HasPrefix(s, "-")
	if minus || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	n, _, _ := strtoul(s, 10)
	switch {
	case s == "" || digit(s[0]) > 9:
		return 0
	case minus:
		return int32(-min(n, 1<<63))
	}
	return int32(min(n, math.MaxInt64))
}

// number reads an unsigned number up to most (lib/utils.c, get_unsigned and its kin):
// any base, nothing after it.
func number(s string, most uint64) (uint64, bool) {
	n, rest, ok := strtoul(s, 0)
	return n, ok && rest == "" && n <= most
}

// vid reads what the tools keep in a short. Negative is none.
func vid(s string) int16 { return int16(atoi(s)) }

// macOf reads an address as "%hhx" does six times with colons between: numbers are cut
// to a byte, and what follows is passed over (bridge/fdb.c).
func macOf(s string) (mac switchdev.MAC, ok bool) {
	for i := range mac {
		if i > 0 {
			if s == "" || s[0] != ':' {
				return mac, false
			}
			s = s[1:]
		}
		n, rest, ok := strtoul(s, 16)
		if !ok {
			return mac, false
		}
		mac[i], s = byte(n), rest
	}
	return mac, true
}

// linkAddress reads an address as "ip link" does (lib/ll_addr.c, ll_addr_a2n): bytes with
// colons between, or an IPv4 address. It returns the bytes, or the part that is wrong.
func linkAddress(s string) (address []byte, wrong string, ok bool) {
	const room = 32 // the tool's
	if strings.Contains(s, ".") {
		return dotted(s)
	}
	for more := true; more && len(address) < room; {
		var part string
		part, s, more = strings.Cut(s, ":")
		n, _, ok := strtoul(part, 16)
		if !ok || uint32(n) > 255 {
			return nil, part, false
		}
		address = append(address, byte(n))
	}
	return address, "", true
}

// dotted reads up to four decimal numbers with dots between (lib/utils.c,
// get_addr_ipv4).
func dotted(s string) (address []byte, wrong string, ok bool) {
	rest := s
	for more := true; more; {
		var part string
		part, rest, more = strings.Cut(rest, ".")
		n, left, ok := strtoul(part, 0)
		if !ok || left != "" || n > 255 || len(address) == 4 {
			return nil, s, false
		}
		address = append(address, byte(n))
	}
	return append(address, make([]byte, 4-len(address))...), "", true
}
