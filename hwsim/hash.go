package hwsim

import (
	"encoding/binary"

	"github.com/switchcore/switchcore/switchdev"
)

// mix64 spreads a number over all bits: the finaliser of splitmix64.
func mix64(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// flowHash is the hash by which a LAG spreads flows: of both addresses, the VLAN
// of the outer tag, the EtherType behind at most two tags, and the addresses of
// IPv4 and IPv6. There are no ports in it, so that the fragments of a packet stay
// together (compare BOND_XMIT_POLICY_LAYER23, drivers/net/bonding/bond_main.c).
// The frame has its header at least.
func flowHash(seed uint64, frame []byte) uint64 {
	be := binary.BigEndian
	h := mix64(seed ^ be.Uint64(frame)) // with the head of the source
	h = mix64(h ^ uint64(be.Uint32(frame[8:])))
	vlan, at := switchdev.NoVLAN, 12
	for range 2 {
		t := switchdev.EtherType(be.Uint16(frame[at:]))
		if t != switchdev.EtherTypeVLAN && t != switchdev.EtherTypeSVLAN || len(frame) < at+tagLen+2 {
			break
		}
		if at == 12 {
			vlan = switchdev.VLAN(be.Uint16(frame[at+2:]) & 0xfff)
		}
		at += tagLen
	}
	kind := switchdev.EtherType(be.Uint16(frame[at:]))
	h = mix64(h ^ uint64(vlan)<<16 ^ uint64(kind))
	payload := frame[at+2:]
	switch {
	case kind == switchdev.EtherTypeIPv4 && len(payload) >= 20:
		h = mix64(h ^ be.Uint64(payload[12:]))
	case kind == switchdev.EtherTypeIPv6 && len(payload) >= 40:
		for i := 8; i < 40; i += 8 {
			h = mix64(h ^ be.Uint64(payload[i:]))
		}
	}
	return h
}
