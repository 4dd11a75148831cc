package switchdev

import (
	"cmp"
	"math"
)

// Domain names a forwarding domain of a chip: what is learned, looked up and
// flooded in one domain is invisible in every other, so that two bridges over
// the ports of one chip never mix. Every hardware operation carries one. The
// numbers are chosen by whoever sets up the bridges; the zero value is the
// domain of a program that has only one bridge per chip.
//
// The kernel's name for a domain is the bridge device that an operation refers
// to (orig_dev of struct switchdev_obj, include/net/switchdev.h).
type Domain uint32

// Compare returns -1, 0 or +1 as d is below, equal to or above o.
func (d Domain) Compare(o Domain) int { return cmp.Compare(d, o) }

// String returns the number in decimal.
func (d Domain) String() string { return decimal(uint64(d)) }

// AppendText implements [encoding.TextAppender]. Its error is always nil.
func (d Domain) AppendText(b []byte) ([]byte, error) { return appendDecimal(b, uint64(d)), nil }

// MarshalText implements [encoding.TextMarshaler]. Its error is always nil.
func (d Domain) MarshalText() ([]byte, error) { return d.AppendText(nil) }

// UnmarshalText implements [encoding.TextUnmarshaler]: it accepts what
// [ParseDomain] accepts and leaves d as it was when it returns an error.
func (d *Domain) UnmarshalText(text []byte) error {
	parsed, err := ParseDomain(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// MarshalJSON implements json.Marshaler: a domain is a number in JSON. Its
// error is always nil.
func (d Domain) MarshalJSON() ([]byte, error) { return d.AppendText(nil) }

// UnmarshalJSON implements json.Unmarshaler. It accepts a number below 1<<32,
// also in quotes, which is how encoding/json passes the keys of a map, and null,
// which changes nothing.
func (d *Domain) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	return d.UnmarshalText(unquote(b))
}

// ParseDomain parses a domain number in decimal, 0 to 4294967295. The error is
// a [*ParseError], which is [ErrInvalid].
func ParseDomain(s string) (Domain, error) {
	n, ok := parseDecimal(s, math.MaxUint32)
	if !ok {
		return 0, &ParseError{What: "domain", Input: s, Reason: "want a number from 0 to 4294967295"}
	}
	return Domain(n), nil
}
