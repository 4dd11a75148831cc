package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
)

// EtherTypes that the hand-made frames carry.
const (
	typeTag        = 0x8100 // IEEE 802.1Q C-tag
	typeServiceTag = 0x88a8 // IEEE 802.1Q S-tag
	typeMACControl = 0x8808
	typeSlow       = 0x8809 // LACP and marker
	typeEAPOL      = 0x888e
	typeLLDP       = 0x88cc
	typeLocal      = 0x88b5 // IEEE 802 local experimental: what stations ignore
)

const (
	shortest = 60   // of a frame on real Ethernet, without its check sequence
	longest  = 1514 // of an untagged frame
)

var (
	broadcast = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	group     = net.HardwareAddr{0x01, 0x00, 0x5e, 0x01, 0x02, 0x03}
	unknown   = net.HardwareAddr{0x02, 0x00, 0x00, 0x00, 0x09, 0x99}
	wanderer  = net.HardwareAddr{0x02, 0x00, 0x00, 0x00, 0x09, 0x01}
)

// cast are the addresses that the frames of a set speak of.
type cast struct{ own, peer, port, bridge net.HardwareAddr }

// frames returns one of the sets.
func (c cast) frames(set string) ([][]byte, error) {
	switch set {
	case "odd":
		return bytesOf(c.tagged(), c.linkLocal(), c.badSources(), c.sizes(), c.addressed()), nil
	case "wander": // a station that shows itself wherever this is sent
		return [][]byte{frame(broadcast, wanderer, typeLocal, nil, shortest)}, nil
	case "seek": // two frames to that station
		f := frame(wanderer, c.own, typeLocal, nil, shortest)
		return [][]byte{f, f}, nil
	case "own": // a frame in the name of a port
		return [][]byte{frame(broadcast, c.port, typeLocal, nil, shortest)}, nil
	}
	return nil, fmt.Errorf("no set of frames %q", set)
}

func bytesOf(sets ...[][]byte) (all [][]byte) {
	for _, s := range sets {
		all = append(all, s...)
	}
	return all
}

// tagged returns frames with VLAN tags. Tag control information is 3 bits of priority, the drop
// eligible bit, 12 bits of VLAN.
func (c cast) tagged() [][]byte {
	inner := binary.BigEndian.AppendUint16(nil, typeLocal)
	return [][]byte{
		frame(broadcast, c.own, typeTag, tag(10, inner), shortest+4),
		frame(c.peer, c.own, typeTag, tag(10, inner), shortest+4),
		frame(c.peer, c.own, typeTag, tag(20, inner), shortest+4),
		frame(group, c.own, typeTag, tag(7<<13|4094, inner), shortest+4),
		frame(broadcast, c.own, typeTag, tag(5<<13, inner), shortest+4), // priority tag: VLAN 0
		frame(c.peer, c.own, typeTag, tag(6<<13|1<<12, inner), shortest+4),
		frame(c.peer, c.own, typeServiceTag, tag(100, binary.BigEndian.AppendUint16(nil, typeTag), tag(10, inner)), shortest+8),
		frame(c.peer, c.own, typeTag, tag(10, inner), longest+4),
	}
}

// tag is what follows a tag's EtherType.
func tag(control uint16, rest ...[]byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, control), bytes.Join(rest, nil)...)
}

// linkLocal returns a frame to each reserved address 01:80:c2:00:00:00 to :0f, and to the two
// behind them that are ordinary groups for a bridge.
func (c cast) linkLocal() (frames [][]byte) {
	content := map[int]struct {
		kind    uint16
		payload []byte
	}{
		// A spanning tree configuration message: LLC with length 38, then protocol 0.
		0x0: {38, []byte{0x42, 0x42, 0x03, 0, 0, 0, 0, 0}},
		0x1: {typeMACControl, []byte{0x00, 0x01, 0xff, 0xff}}, // PAUSE
		0x2: {typeSlow, []byte{0x01, 0x01}},                   // LACP
		0x3: {typeEAPOL, []byte{0x02, 0x01, 0, 0}},            // EAPOL-Start
		// LLDP: chassis and port by MAC address, time to live, end.
		0xe: {typeLLDP, bytes.Join([][]byte{{2, 7, 4}, c.own, {4, 7, 3}, c.own, {6, 2, 0, 120, 0, 0}}, nil)},
	}
	for _, last := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x10, 0x21} {
		f, ok := content[last]
		if !ok {
			f.kind = typeLocal
		}
		to := net.HardwareAddr{0x01, 0x80, 0xc2, 0, 0, byte(last)}
		frames = append(frames, frame(to, c.own, f.kind, f.payload, shortest))
	}
	return frames
}

// badSources returns frames whose source is no station's address: a bridge must drop them.
func (c cast) badSources() [][]byte {
	return [][]byte{
		frame(c.peer, group, typeLocal, nil, shortest),
		frame(broadcast, group, typeLocal, nil, shortest),
		frame(c.peer, broadcast, typeLocal, nil, shortest),
		frame(broadcast, make(net.HardwareAddr, 6), typeLocal, nil, shortest),
		frame(c.peer, make(net.HardwareAddr, 6), typeLocal, nil, shortest),
	}
}

func (c cast) sizes() [][]byte {
	return [][]byte{
		frame(c.peer, c.own, typeLocal, nil, longest),
		frame(broadcast, c.own, typeLocal, nil, longest),
		frame(c.peer, c.own, typeLocal, nil, shortest),
		frame(c.peer, c.own, typeLocal, nil, 16),                     // impossible on real Ethernet
		frame(c.peer, c.own, 46, []byte{0xaa, 0xaa, 0x03}, shortest), // a length, not a type: LLC and SNAP
	}
}

// addressed returns frames whose destination or source matters to a bridge.
func (c cast) addressed() [][]byte {
	return [][]byte{
		frame(unknown, c.own, typeLocal, nil, shortest),
		frame(c.own, c.own, typeLocal, nil, shortest),      // to a station behind the same port
		frame(c.port, c.own, typeLocal, nil, shortest),     // to a port of the bridge
		frame(c.bridge, c.own, typeLocal, nil, shortest),   // to the bridge
		frame(broadcast, c.port, typeLocal, nil, shortest), // from a port of the bridge
		frame(c.peer, c.bridge, typeLocal, nil, shortest),  // from the bridge
	}
}

// frame puts a frame together and pads it to a size.
func frame(to, from net.HardwareAddr, kind uint16, payload []byte, size int) []byte {
	f := append(append([]byte(nil), to...), from...)
	f = append(binary.BigEndian.AppendUint16(f, kind), payload...)
	return append(f, make([]byte, max(0, size-len(f)))...)
}

func parseCast(args []string) (c cast, err error) {
	for i, to := range []*net.HardwareAddr{&c.own, &c.peer, &c.port, &c.bridge} {
		if *to, err = net.ParseMAC(args[i]); err != nil {
			return cast{}, err
		}
	}
	return c, nil
}
