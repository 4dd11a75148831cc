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

// frame is what the data path knows of a frame.
type frame struct {
	dst, src fdb.Key // in the VLAN that the frame is in
	data     []byte
	marked   bool           // hardware has forwarded it among its own ports
	tagged   bool           // with the bridge's protocol; only with VLAN filtering
	answered bool           // the bridge has answered for the neighbour, or knows it
	tag      switchdev.VLAN // of that tag; NoVLAN is a priority tag
	vlan     switchdev.VLAN // which the frame is in; NoVLAN without filtering
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
// host, brings in. It returns 0, or why the frame is dropped (br_vlan.c,
// __allowed_ingress). A tag of the other protocol counts as none.
func (f *frame) classify(v *view, m *membership) (stray Reason) {
	if v.filtering {
		stray = f.vlanIn(v, m)
	}
	f.dst, f.src = fdb.FrameKeys(f.data, f.vlan)
	return stray
}

func (f *frame) vlanIn(v *view, m *membership) Reason {
	if binary.BigEndian.Uint16(f.data[12:]) == v.protocol {
		if len(f.data) < headerLen+tagLen {
			return ReasonShort
		}
		f.tagged = true
		f.tag = switchdev.VLAN(binary.BigEndian.Uint16(f.data[14:]) & 0xfff)
		f.vlan = f.tag
	}
	if f.vlan == switchdev.NoVLAN {
		f.vlan = m.pvid
		if f.vlan == switchdev.NoVLAN {
			return ReasonNoPVID
		}
	}
	if !m.member.Contains(f.vlan) {
		return ReasonVLAN
	}
	return 0
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
