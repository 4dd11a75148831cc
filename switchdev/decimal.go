package switchdev

import "strconv"

// decimal and its companions are what VLAN, PortID and Domain share: canonical
// decimal numbers. A leading zero or sign is refused, as JSON refuses it, so a
// number has one text.

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

func appendDecimal(b []byte, n uint64) []byte { return strconv.AppendUint(b, n, 10) }

// parseDecimal returns the number that s holds if it is canonical and at most
// limit, which is below 1<<60.
func parseDecimal(s string, limit uint64) (uint64, bool) {
	if s == "" || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	var n uint64
	for i := range len(s) {
		digit := s[i] - '0'
		if digit > 9 {
			return 0, false
		}
		n = n*10 + uint64(digit)
		if n > limit {
			return 0, false
		}
	}
	return n, true
}

// unquote takes the quotes off a JSON string. What has escapes in it is no
// canonical number and is refused by parseDecimal.
func unquote(b []byte) []byte {
	if n := len(b); n >= 2 && b[0] == '"' && b[n-1] == '"' {
		return b[1 : n-1]
	}
	return b
}
