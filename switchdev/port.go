package switchdev

import (
	"cmp"
	"math"
)

// PortID numbers a port of one bridge or one chip. The numbers are the caller's
// own; two bridges may use the same ones. The zero value is [PortHost].
type PortID uint16

const (
	// PortHost is the bridge itself: the host's own stack, where frames go that
	// are addressed to the bridge or trapped by hardware. The kernel marks such
	// an entry with a nil destination (struct net_bridge_fdb_entry.dst).
	PortHost PortID = 0

	// MaxPort is the highest port number.
	MaxPort PortID = math.MaxUint16
)

// IsHost reports whether p is the bridge itself.
func (p PortID) IsHost() bool { return p == PortHost }

// Compare returns -1, 0 or +1 as p is below, equal to or above o.
func (p PortID) Compare(o PortID) int { return cmp.Compare(p, o) }

// String returns the number in decimal.
func (p PortID) String() string { return decimal(uint64(p)) }

// AppendText implements [encoding.TextAppender]. Its error is always nil.
func (p PortID) AppendText(b []byte) ([]byte, error) { return appendDecimal(b, uint64(p)), nil }

// MarshalText implements [encoding.TextMarshaler]. Its error is always nil.
func (p PortID) MarshalText() ([]byte, error) { return p.AppendText(nil) }

// UnmarshalText implements [encoding.TextUnmarshaler]: it accepts what
// [ParsePortID] accepts and leaves p as it was when it returns an error.
func (p *PortID) UnmarshalText(text []byte) error {
	parsed, err := ParsePortID(string(text))
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}

// MarshalJSON implements json.Marshaler: a port is a number in JSON. Its error
// is always nil.
func (p PortID) MarshalJSON() ([]byte, error) { return p.AppendText(nil) }

// UnmarshalJSON implements json.Unmarshaler. It accepts a number from 0 to
// 65535, also in quotes, which is how encoding/json passes the keys of a map,
// and null, which changes nothing.
func (p *PortID) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	return p.UnmarshalText(unquote(b))
}

// ParsePortID parses a port number in decimal, 0 to 65535. The error is a
// [*ParseError], which is [ErrInvalid].
func ParsePortID(s string) (PortID, error) {
	n, ok := parseDecimal(s, uint64(MaxPort))
	if !ok {
		return 0, &ParseError{What: "port", Input: s, Reason: "want a number from 0 to 65535"}
	}
	return PortID(n), nil
}
