package bridge

import (
	"encoding/binary"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

const (
	// headerLen is the length of an Ethernet header: two addresses and a type.
	headerLen = 14
	// tagLen is what an IEEE 802.1Q tag adds to it.
	tagLen = 4
)

// label is what VLAN a frame is in, and how it says so. Without filtering it is zero.
type label struct {
	vlan   switchdev.VLAN // which the frame is in
	tag    switchdev.VLAN // of its tag; NoVLAN is a priority tag
	tagged bool           // it has one, of the bridge's protocol
}

// frame is what the data path knows of a frame.
type frame struct {
	label
	dst, src fdb.Key // in the VLAN that the frame is in
	data     []byte
	marked   bool // hardware has forwarded it among its own ports
	answered bool // the bridge has answered for the neighbour, or knows it
}

// comes reports whether a frame can come from its source: a group or zero is nobody.
// The frame has at least headerLen bytes.
func comes(data []byte) bool {
	return data[6]&1 == 0 && binary.BigEndian.Uint64(data[6:])>>16 != 0
}

// linkLocal reports whether a frame goes to one of the reserved group addresses,
// 01:80:c2:00:00:00 to :0f.
func linkLocal(data []byte) bool {
	return binary.BigEndian.Uint64(data)>>20 == 0x0180c200000
}

// classify finds the VLAN of a frame that a port with the membership m, or the
// host, brings in. It returns 0, or why the frame is dropped.
func (f *frame) classify(v *view, m *membership) (stray Reason) {
	if v.filtering {
		f.label, stray = v.label(m, m.pvid, f.data)
	}
	f.dst, f.src = fdb.FrameKeys(f.data, f.vlan)
	return stray
}

// label is classify with filtering (br_vlan.c, __allowed_ingress). A tag of the other
// protocol counts as none. The PVID is that of m, which is a member of it.
func (v *view) label(m *membership, pvid switchdev.VLAN, data []byte) (l label, stray Reason) {
	if binary.BigEndian.Uint16(data[12:]) == v.protocol {
		if len(data) < headerLen+tagLen {
			return l, ReasonShort
		}
		l.tagged = true
		l.tag = switchdev.VLAN(binary.BigEndian.Uint16(data[14:]) & 0xfff)
		if l.tag != switchdev.NoVLAN {
			if l.vlan = l.tag; !m.member.Contains(l.vlan) {
				return l, ReasonVLAN
			}
			return l, 0
		}
	}
	if l.vlan = pvid; pvid == switchdev.NoVLAN {
		return l, ReasonNoPVID
	}
	return l, 0
}

// payload returns the offset of the EtherType behind the bridge's own tag.
func (f *frame) payload() int {
	if f.tagged {
		return headerLen - 2 + tagLen
	}
	return headerLen - 2
}

// flowSeed is the same in every process, so that a flow takes the same link
// wherever it is looked at and a simulation can be repeated.
const flowSeed = 0x9e3779b97f4a7c15

// flow returns a number that is the same for all frames of one conversation: of
// the addresses, the VLAN, and the IP addresses if there are some.
func (f *frame) flow() uint32 {
	h := uint64(flowSeed)
	mix := func(x uint64) {
		h = (h ^ x) * 0xff51afd7ed558ccd
		h ^= h >> 32
	}
	mix(f.dst.Pack())
	mix(f.src.Pack())
	at := f.payload()
	if len(f.data) >= at+2 {
		l3 := f.data[at+2:]
		switch switchdev.EtherType(binary.BigEndian.Uint16(f.data[at:])) {
		case switchdev.EtherTypeIPv4:
			if len(l3) >= 20 {
				mix(binary.BigEndian.Uint64(l3[12:]))
			}
		case switchdev.EtherTypeIPv6:
			if len(l3) >= 40 {
				for i := 8; i < 40; i += 8 {
					mix(binary.BigEndian.Uint64(l3[i:]))
				}
			}
		}
	}
	return uint32(h >> 32)
}
