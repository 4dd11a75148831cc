package cam

import "math/bits"

// Key is a station: its 48-bit MAC address and 12-bit VLAN, packed as
// mac<<12 | vlan. Bits above the 60th must be zero. The zero Key is a valid one.
type Key uint64

const (
	// occupied makes a key word different from that of an empty slot.
	occupied = 1 << 63
	// spilled is set in the first key word of a bucket when a key that belongs
	// there went on to the next one. It is no part of the key.
	spilled = 1 << 62
)

// Word is a key as it stands in a table: the address in the low 48 bits, its first
// byte lowest, and the VLAN above it. So a key that lies in memory as six bytes and
// a number of two is read with one load.
type Word uint64

// MakeWord returns the word of a key that was read in that way. If ok is false no
// table holds such a key; a VLAN that does not exist may get a word, which no table
// holds either.
func MakeWord(raw uint64) (w Word, ok bool) { return Word(raw | occupied), int64(raw) >= 0 }

// Raw returns what MakeWord makes the word of.
func (w Word) Raw() uint64 { return uint64(w) &^ (occupied | spilled) }

// Word returns the word of a key.
func (k Key) Word() Word { return Word(k.word()) }

// Key returns the key.
func (w Word) Key() Key { return keyOf(uint64(w)) }

func (k Key) word() uint64 {
	return bits.ReverseBytes64(uint64(k)>>12)>>16 | uint64(k)&0xfff<<48 | occupied
}

func keyOf(word uint64) Key {
	return Key(bits.ReverseBytes64(word<<16)<<12 | word>>48&0xfff)
}

// Hot is the word that lookups, refreshes and sweeps need: a 16-bit port, 12
// flags and a 36-bit stamp in ticks of 10 ms, which lasts 21 years. The zero
// Hot is no entry. The layout is ours; the flags are those of Linux's
// net_bridge_fdb_entry that the data path reads (net/bridge/br_private.h).
//
//	63        48 47      36 35                 0
//	|   port    |  flags   |       stamp       |
type Hot uint64

const (
	stampBits = 36
	flagBits  = 12
	portShift = stampBits + flagBits
)

// The flags of a [Hot].
const (
	// Present is set in every entry of a table.
	Present Hot = 1 << (stampBits + iota)
	// Frozen belongs to the package: the slot's segment is being replaced. No
	// Hot that the package returns has it, and it is ignored in arguments.
	Frozen
	// Static entries do not age.
	Static
	// Local entries are the bridge's own addresses.
	Local
	// Sticky entries do not move by learning.
	Sticky
	// Ext entries were learned by somebody else: a device or the control plane.
	Ext
	// Locked entries were learned on a locked port and grant nothing.
	Locked
	// User entries were added by a user.
	User
	// Inactive entries have been reported inactive: the next frame is news.
	Inactive
	// Marked keys have an operation staged or a record pending: readers must
	// look further, and a learn never takes the short way.
	Marked
	// Moved keys have a move pending in the overlay.
	Moved
	// Spare is free.
	Spare
)

// Masks of the fields of a [Hot].
const (
	StampMask Hot = 1<<stampBits - 1
	FlagMask  Hot = (1<<flagBits - 1) << stampBits
	PortMask  Hot = (1<<16 - 1) << portShift
	// Marks are the flags that [Table.Mark] and [Table.Unmark] may change in
	// place. Writers keep them and snapshots hide them.
	Marks = Marked | Moved
	// MaxStamp is the largest stamp, in ticks; larger ones are stored as it.
	MaxStamp = uint64(StampMask)
)

// MakeHot packs a present entry. Only flag bits of flags count.
func MakeHot(port uint16, flags Hot, stamp uint64) Hot {
	return Hot(port)<<portShift | flags&FlagMask&^Frozen | Present | Hot(min(stamp, MaxStamp))
}

// Port returns the port.
func (h Hot) Port() uint16 { return uint16(h >> portShift) }

// Flags returns the flags, where they stand in the word.
func (h Hot) Flags() Hot { return h & FlagMask }

// Has reports whether all of flags are set.
func (h Hot) Has(flags Hot) bool { return h&flags == flags }

// Stamp returns the stamp in ticks.
func (h Hot) Stamp() uint64 { return uint64(h & StampMask) }

// WithPort returns h with another port.
func (h Hot) WithPort(port uint16) Hot { return h&^PortMask | Hot(port)<<portShift }

// WithStamp returns h with another stamp.
func (h Hot) WithStamp(stamp uint64) Hot { return h&^StampMask | Hot(min(stamp, MaxStamp)) }

// Match selects hot words: those that equal Want in the bits of Mask and, if
// Before is not zero, have a stamp smaller than it. The zero Match selects every
// entry. Frozen in Mask is ignored.
type Match struct {
	Mask, Want Hot
	Before     uint64
}

// OnPort returns the match of all entries of one port.
func OnPort(port uint16) Match {
	return Match{Mask: PortMask, Want: Hot(port) << portShift}
}

// normal adds what every match implies, so that differs needs no special case.
func (m Match) normal() Match {
	m.Mask = m.Mask&^Frozen | Present
	m.Want |= Present
	if m.Before == 0 {
		m.Before = 1 << stampBits
	}
	return m
}

// differs returns 0 exactly when a normal m selects h, without a branch.
func (m *Match) differs(h uint64) uint64 {
	_, older := bits.Sub64(h&uint64(StampMask), m.Before, 0)
	return (h^uint64(m.Want))&uint64(m.Mask) | (older ^ 1)
}

// supersede returns the word that replaces cur when a writer wants want: marks
// set by others stay, and the newer stamp wins. cur is 0 when nothing is live.
func supersede(cur, want Hot) Hot {
	return want&^(Frozen|StampMask) | Present | cur&Marks | max(cur&StampMask, want&StampMask)
}
