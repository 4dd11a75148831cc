package switchdev

import (
	"cmp"
	"strings"
)

// FDBKey is what a forwarding database is keyed by: a station in a VLAN
// (struct net_bridge_fdb_key, net/bridge/br_private.h). It is comparable. The
// zero value is no legal key.
type FDBKey struct {
	MAC  MAC  `json:"mac"`
	VLAN VLAN `json:"vlan,omitempty"` // NoVLAN where the bridge knows no VLANs
}

// Check returns nil for a key that an entry may have, and otherwise an
// [*OpError] that is [ErrInvalid] and says what is wrong: the zero address, or
// a VLAN above [MaxVLAN]. [NoVLAN] and group addresses are legal: the kernel
// accepts multicast and broadcast addresses from user space
// (net/core/rtnetlink.c, rtnl_fdb_add; net/bridge/br_fdb.c, br_fdb_add).
func (k FDBKey) Check() error {
	reason := ""
	switch {
	case k.MAC.IsZero():
		reason = "invalid address"
	case k.VLAN > MaxVLAN:
		reason = vlanReason
	default:
		return nil
	}
	return &OpError{Op: "check", Object: k.String(), Reason: reason, Err: ErrInvalid}
}

// Valid reports whether [FDBKey.Check] returns nil. It allocates nothing.
func (k FDBKey) Valid() bool { return !k.MAC.IsZero() && k.VLAN <= MaxVLAN }

// Compare returns -1, 0 or +1 as k sorts before, with or after o: by address,
// then by VLAN. Packed keys order in the same way.
func (k FDBKey) Compare(o FDBKey) int {
	if c := cmp.Compare(k.MAC.Uint64(), o.MAC.Uint64()); c != 0 {
		return c
	}
	return k.VLAN.Compare(o.VLAN)
}

// Pack returns the key as a number below 1<<60, the address in the upper 48
// bits and the VLAN in the lower 12. Two keys whose VLAN is below 4096 have the
// same number only if they are equal; of a VLAN above that only 12 bits remain.
func (k FDBKey) Pack() uint64 { return k.MAC.Uint64()<<12 | uint64(k.VLAN)&0xfff }

// UnpackFDBKey returns the key whose [FDBKey.Pack] is u. The upper four bits of
// u are not looked at, so a table may keep flags there.
func UnpackFDBKey(u uint64) FDBKey {
	return FDBKey{MAC: MACFromUint64(u >> 12), VLAN: VLAN(u & 0xfff)}
}

// String returns the key in the words of the bridge tool: "00:01:02:03:04:05"
// without a VLAN and "00:01:02:03:04:05 vlan 10" with one.
func (k FDBKey) String() string {
	var buf [32]byte
	return string(k.AppendTo(buf[:0]))
}

// AppendTo appends the text of [FDBKey.String] to b and returns the result. It
// allocates nothing when b has room for 28 more bytes.
func (k FDBKey) AppendTo(b []byte) []byte {
	b = k.MAC.AppendTo(b)
	if k.VLAN != NoVLAN {
		b = append(b, " vlan "...)
		b = appendDecimal(b, uint64(k.VLAN))
	}
	return b
}

// ParseFDBKey parses what [FDBKey.String] returns; the address may have any
// form that [ParseMAC] accepts. The error is a [*ParseError], which is
// [ErrInvalid]. The zero address is accepted here: [FDBKey.Check] refuses it.
func ParseFDBKey(s string) (FDBKey, error) {
	text, vlan, tagged := strings.Cut(s, " vlan ")
	mac, err := ParseMAC(text)
	if err != nil {
		return FDBKey{}, err
	}
	key := FDBKey{MAC: mac}
	if tagged {
		if key.VLAN, err = ParseVLAN(vlan); err != nil {
			return FDBKey{}, err
		}
	}
	return key, nil
}
