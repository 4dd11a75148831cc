package switchdev

import (
	"cmp"
	"iter"
	"math/bits"
	"strings"
)

// VLAN is a VLAN identifier, IEEE 802.1Q clause 9.6: 1 to 4094 name a VLAN.
//
// The zero value, [NoVLAN], stands for no VLAN at all, as in the entries of a
// bridge that does not look at tags (vlan_filtering 0). 4095 is reserved by the
// standard; it and everything above are never a VLAN.
type VLAN uint16

const (
	// NoVLAN is the VLAN of a bridge or an entry that knows none. It is the
	// zero value.
	NoVLAN VLAN = 0

	// MaxVLAN is the highest identifier of a VLAN. The kernel calls the number
	// after it VLAN_VID_MASK (include/linux/if_vlan.h).
	MaxVLAN VLAN = 4094
)

// vlanReason is the text that the kernel puts in its extended ack for a bad
// identifier (net/core/rtnetlink.c, fdb_vid_parse).
const vlanReason = "invalid vlan id"

// Valid reports whether v names a VLAN: 1 to 4094.
func (v VLAN) Valid() bool { return v-1 < MaxVLAN }

// Compare returns -1, 0 or +1 as v is below, equal to or above o.
func (v VLAN) Compare(o VLAN) int { return cmp.Compare(v, o) }

// String returns the identifier in decimal, "0" for [NoVLAN].
func (v VLAN) String() string { return decimal(uint64(v)) }

// AppendText implements [encoding.TextAppender]. Its error is always nil.
func (v VLAN) AppendText(b []byte) ([]byte, error) { return appendDecimal(b, uint64(v)), nil }

// MarshalText implements [encoding.TextMarshaler] with the text of
// [VLAN.String]. Its error is always nil.
func (v VLAN) MarshalText() ([]byte, error) { return v.AppendText(nil) }

// UnmarshalText implements [encoding.TextUnmarshaler]. Unlike [ParseVLAN] it
// accepts "0", the text of [NoVLAN], so that every entry that was written can
// be read. It leaves v as it was when it returns an error.
func (v *VLAN) UnmarshalText(text []byte) error {
	n, ok := parseDecimal(string(text), uint64(MaxVLAN))
	if !ok {
		return vlanError(string(text))
	}
	*v = VLAN(n)
	return nil
}

// MarshalJSON implements json.Marshaler: a VLAN is a number in JSON, as in the
// output of bridge -j. Its error is always nil.
func (v VLAN) MarshalJSON() ([]byte, error) { return v.AppendText(nil) }

// UnmarshalJSON implements json.Unmarshaler. It accepts a number from 0 to
// 4094, also in quotes, which is how encoding/json passes the keys of a map,
// and null, which changes nothing.
func (v *VLAN) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	return v.UnmarshalText(unquote(b))
}

// ParseVLAN parses the decimal identifier of a VLAN, 1 to 4094. The error is a
// [*ParseError] with the kernel's text "invalid vlan id", and [ErrInvalid].
func ParseVLAN(s string) (VLAN, error) {
	n, ok := parseDecimal(s, uint64(MaxVLAN))
	if !ok || n == 0 {
		return 0, vlanError(s)
	}
	return VLAN(n), nil
}

func vlanError(s string) error {
	return &ParseError{What: "vlan", Input: s, Reason: vlanReason}
}

// VLANSet is a set of VLANs, 512 bytes long. The zero value is the empty set.
// It is comparable: two sets are equal when they have the same members. Methods
// that only read may be called concurrently.
type VLANSet struct {
	words [64]uint64
}

// Add puts v into the set. It returns [ErrInvalid] and changes nothing when v
// is no VLAN.
func (s *VLANSet) Add(v VLAN) error {
	if !v.Valid() {
		return ErrInvalid
	}
	s.words[v/64] |= 1 << (v % 64)
	return nil
}

// AddRange puts the VLANs from first to last, both included, into the set. It
// returns [ErrInvalid] and changes nothing when one of the two is no VLAN or
// first is above last.
func (s *VLANSet) AddRange(first, last VLAN) error {
	if !first.Valid() || !last.Valid() || first > last {
		return ErrInvalid
	}
	for v := first; v <= last; v++ {
		s.words[v/64] |= 1 << (v % 64)
	}
	return nil
}

// Union puts the VLANs of other into the set.
func (s *VLANSet) Union(other *VLANSet) {
	for i, w := range other.words {
		s.words[i] |= w
	}
}

// Remove takes v out of the set. Taking out what is not in it changes nothing.
func (s *VLANSet) Remove(v VLAN) {
	if v.Valid() {
		s.words[v/64] &^= 1 << (v % 64)
	}
}

// Contains reports whether v is in the set; what is no VLAN never is.
func (s *VLANSet) Contains(v VLAN) bool {
	return v < 1<<12 && s.words[v>>6&63]>>(v&63)&1 != 0 // 0 and 4095 are never in it
}

// Len returns the number of VLANs in the set.
func (s *VLANSet) Len() int {
	n := 0
	for _, w := range s.words {
		n += bits.OnesCount64(w)
	}
	return n
}

// IsZero reports whether the set is empty.
func (s VLANSet) IsZero() bool { return s == VLANSet{} }

// All yields the VLANs of the set in ascending order, as they were when the
// iteration began.
func (s VLANSet) All() iter.Seq[VLAN] {
	return func(yield func(VLAN) bool) {
		for i, w := range s.words {
			for ; w != 0; w &= w - 1 {
				if !yield(VLAN(i*64 + bits.TrailingZeros64(w))) {
					return
				}
			}
		}
	}
}

// Ranges yields the set as the fewest ranges first to last, both included, in
// ascending order. This is the form in which the kernel passes VLANs to a
// driver and the bridge tool prints them.
func (s VLANSet) Ranges() iter.Seq2[VLAN, VLAN] {
	return func(yield func(first, last VLAN) bool) {
		first, last := NoVLAN, NoVLAN
		for v := range s.All() {
			if last != NoVLAN && v == last+1 {
				last = v
				continue
			}
			if last != NoVLAN && !yield(first, last) {
				return
			}
			first, last = v, v
		}
		if last != NoVLAN {
			yield(first, last)
		}
	}
}

// String returns the set as ranges in ascending order, such as "1,10-19,4094",
// and "" for the empty set.
func (s VLANSet) String() string { return string(s.appendTo(nil)) }

func (s VLANSet) appendTo(b []byte) []byte {
	start := len(b)
	for first, last := range s.Ranges() {
		if len(b) > start {
			b = append(b, ',')
		}
		b = appendDecimal(b, uint64(first))
		if last > first {
			b = append(b, '-')
			b = appendDecimal(b, uint64(last))
		}
	}
	return b
}

// AppendText implements [encoding.TextAppender]. Its error is always nil.
func (s VLANSet) AppendText(b []byte) ([]byte, error) { return s.appendTo(b), nil }

// MarshalText implements [encoding.TextMarshaler] with the text of
// [VLANSet.String]. Its error is always nil.
func (s VLANSet) MarshalText() ([]byte, error) { return s.appendTo([]byte{}), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]: it accepts what
// [ParseVLANSet] accepts and leaves s as it was when it returns an error.
func (s *VLANSet) UnmarshalText(text []byte) error {
	parsed, err := ParseVLANSet(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}

// ParseVLANSet parses VLANs and ranges with commas between them, in any order,
// such as "10-19,1". The empty text is the empty set; a VLAN may be named more
// than once. The error is a [*ParseError], which is [ErrInvalid].
func ParseVLANSet(text string) (VLANSet, error) {
	var s VLANSet
	if text == "" {
		return s, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, err := ParseVLAN(from)
		last := first
		if isRange && err == nil {
			last, err = ParseVLAN(to)
		}
		if err != nil {
			return VLANSet{}, &ParseError{What: "vlan set", Input: text, Reason: vlanReason}
		}
		if s.AddRange(first, last) != nil {
			return VLANSet{}, &ParseError{What: "vlan set", Input: text, Reason: "range runs backwards"}
		}
	}
	return s, nil
}
