package hwsim

import (
	"encoding/binary"

	"github.com/switchcore/switchcore/switchdev"
)

// fields is what the chip reads of a frame.
type fields struct {
	frame    []byte
	dst, src switchdev.MAC
	tagged   bool           // with the bridge's protocol, also a priority tag
	vlan     switchdev.VLAN // of the tag, NoVLAN for none and for a priority tag
	cut      bool           // the tag does not fit into the frame, or names VLAN 4095
	bare     bool           // of the host, without its tag: vlan is what the host says
}

// parse reads the addresses; the frame has at least headerLen bytes.
func parse(frame []byte) fields {
	return fields{frame: frame, dst: switchdev.MAC(frame[:6]), src: switchdev.MAC(frame[6:12])}
}

// readTag reads the tag, if the frame begins with one of the protocol. A tag of
// the other protocol counts as none.
func (f *fields) readTag(protocol switchdev.EtherType) {
	if binary.BigEndian.Uint16(f.frame[12:]) != uint16(protocol) {
		return
	}
	f.tagged = true
	if len(f.frame) < headerLen+tagLen {
		f.cut = true
		return
	}
	f.vlan = switchdev.VLAN(binary.BigEndian.Uint16(f.frame[14:]) & 0xfff)
	f.cut = f.vlan > switchdev.MaxVLAN
}

// form is how a copy of a frame differs from what came in.
type form uint8

const (
	formSame  form = iota
	formTag        // with a tag put on, or a priority tag given its VLAN
	formStrip      // without its tag
	formPush       // with one more tag, whatever is behind
	numForms
)

// shape finds the form in which a frame leaves (net/bridge/br_vlan.c,
// br_handle_vlan).
func shape(dom *domain, out *Port, f *fields, vlan switchdev.VLAN) form {
	if !dom.filtering || vlan == switchdev.NoVLAN && !f.tagged {
		return formSame
	}
	if vlan == switchdev.NoVLAN { // see QuirkUntaggedInVLANZero
		return formStrip
	}
	if out.vlans != nil && out.vlans.untagged.Contains(vlan) {
		if f.tagged {
			return formStrip
		}
		return formSame
	}
	switch {
	case f.bare:
		return formPush
	case f.tagged && f.vlan == vlan:
		return formSame
	}
	return formTag
}

// shapes keeps the forms of one frame, so that each is made once.
type shapes [numForms][]byte

func (s *shapes) of(f form, frame []byte, vlan switchdev.VLAN, protocol switchdev.EtherType) []byte {
	if f == formSame {
		return frame
	}
	if s[f] == nil {
		switch f {
		case formTag:
			s[f] = tag(frame, vlan, protocol)
		case formPush:
			s[f] = push(frame, vlan, protocol)
		default:
			s[f] = strip(frame)
		}
	}
	return s[f]
}

// tag returns a copy with a tag of the VLAN; the priority of a tag that is
// there stays.
func tag(frame []byte, vlan switchdev.VLAN, protocol switchdev.EtherType) []byte {
	be := binary.BigEndian
	if be.Uint16(frame[12:]) == uint16(protocol) {
		out := append([]byte(nil), frame...)
		be.PutUint16(out[14:], be.Uint16(out[14:])&0xf000|uint16(vlan))
		return out
	}
	return push(frame, vlan, protocol)
}

// push returns a copy with a tag of the VLAN before whatever there is.
func push(frame []byte, vlan switchdev.VLAN, protocol switchdev.EtherType) []byte {
	be := binary.BigEndian
	out := make([]byte, len(frame)+tagLen)
	copy(out, frame[:12])
	be.PutUint16(out[12:], uint16(protocol))
	be.PutUint16(out[14:], uint16(vlan))
	copy(out[16:], frame[12:])
	return out
}

// strip returns a copy without the tag.
func strip(frame []byte) []byte {
	out := make([]byte, len(frame)-tagLen)
	copy(out, frame[:12])
	copy(out[12:], frame[16:])
	return out
}
