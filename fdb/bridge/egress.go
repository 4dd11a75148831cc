package bridge

import (
	"encoding/binary"

	"github.com/switchcore/switchcore/switchdev"
)

// Egress is the set of ports that a frame leaves by. The zero Egress is empty and
// ready to use; use it again for the next frame, and it allocates nothing once it
// has held a flood and a frame of that length, and two things once for the counters
// of a bridge that it is used with again and again. It is not for several goroutines at
// once, and not to be copied after its first use.
type Egress struct {
	ports []switchdev.PortID
	how   []form // of the port at the same place; formSame where it ends

	// What there is to know in order to make the copies.
	host     form
	tagged   bool
	vlan     switchdev.VLAN
	protocol uint16
	made     uint8 // the forms that are in buffers
	buffers  [numForms][]byte
	reply    []byte

	// What it has counted, and for which bridge.
	keep *keep
	of   *Bridge
	uses uint32
}

// form is how a copy differs from the frame that came in.
type form uint8

const (
	formSame  form = iota
	formTag        // with a tag put on, or a priority tag given its VLAN
	formStrip      // without its tag
	numForms

	// formMarked is added for a copy that the device sends on by itself.
	formMarked form = 1 << 7
)

// Ports returns the numbers by which the frame leaves: those of ports, in
// ascending order, where a port that has links is named by the one of them that
// the frame takes. The slice is good until the Egress is used again.
func (e *Egress) Ports() []switchdev.PortID { return e.ports }

// Len returns how many ports there are.
func (e *Egress) Len() int { return len(e.ports) }

// Frame returns the copy for the i-th port, made out of the frame that was handed
// over: the frame itself, or with the tag of its VLAN put on, or taken off. What
// is not data is good until the Egress is used again. It panics if there is no
// such port. Without VLAN filtering it always is data. Linux: br_handle_vlan
// (net/bridge/br_vlan.c).
func (e *Egress) Frame(i int, data []byte) []byte {
	_ = e.ports[i]
	if i >= len(e.how) {
		return data
	}
	return e.shape(e.how[i]&^formMarked, data)
}

// HostFrame is [Egress.Frame] for the host's copy, which there is if the verdict
// says so.
func (e *Egress) HostFrame(data []byte) []byte { return e.shape(e.host, data) }

// Marked reports whether the i-th copy is for the device itself, which is to send
// it to every port that is to have it; see [Device.TransmitForwards]. The port is
// one of those. With VLAN filtering the copy has the tag of its VLAN, whatever that
// port is to get.
func (e *Egress) Marked(i int) bool {
	_ = e.ports[i]
	return i < len(e.how) && e.how[i]&formMarked != 0
}

// Reply returns a frame that is to be sent back by the port that the frame came in
// by, or to the host if it was the host's: the bridge answers for a neighbour. It
// is nil if there is none, and good until the Egress is used again.
func (e *Egress) Reply() []byte {
	if len(e.reply) == 0 {
		return nil
	}
	return e.reply
}

// Reset makes the set empty.
func (e *Egress) Reset() {
	e.ports = e.ports[:0] // each by itself: then only the lengths are written
	e.how = e.how[:0]
	e.reply = e.reply[:0]
	e.made, e.host = 0, formSame
}

// add puts a copy for q into the set.
func (e *Egress) add(v *view, q *port, f *frame, mark form) {
	id := q.ID
	if len(q.active) > 0 {
		id = choose(q.active, f.flow())
	}
	how := mark
	switch {
	case !v.filtering:
	case mark == formMarked: // the device is to know the VLAN, and sees to the tag at each port
		how |= e.formOf(v, false, f.label)
	default:
		how |= e.formFor(v, q.vlans, f.label)
	}
	e.ports = append(e.ports, id)
	e.how = append(e.how, how)
}

// choose returns the link that a flow takes: the one whose number goes best with it,
// so that flows move only when their link goes, or to a link that comes.
func choose(links []switchdev.PortID, flow uint32) (best switchdev.PortID) {
	var most uint64
	for _, id := range links {
		h := (uint64(flow) ^ uint64(id)<<32) * 0xff51afd7ed558ccd
		h = (h ^ h>>29) * 0xc4ceb9fe1a85ec53
		if h ^= h >> 32; h >= most {
			most, best = h, id
		}
	}
	return best
}

// formFor finds the form of the copy for a port with the membership m.
func (e *Egress) formFor(v *view, m *membership, l label) form {
	return e.formOf(v, m.untagged.Contains(l.vlan), l)
}

// formOf finds that of a copy which is to have no tag, or one, and keeps what it takes
// to make it.
func (e *Egress) formOf(v *view, untagged bool, l label) form {
	how := l.form(untagged)
	if how != formSame {
		e.vlan, e.protocol, e.tagged = l.vlan, v.protocol, l.tagged
	}
	return how
}

// form finds the form of a copy of a frame so labelled.
func (l label) form(untagged bool) form {
	switch {
	case untagged && l.tagged:
		return formStrip
	case untagged, l.tagged && l.tag == l.vlan:
		return formSame
	}
	return formTag
}

// shape makes a copy, once for each form.
func (e *Egress) shape(f form, data []byte) []byte {
	if f == formSame {
		return data
	}
	if e.made&(1<<f) != 0 {
		return e.buffers[f]
	}
	e.made |= 1 << f
	out := e.buffers[f][:0]
	out = append(out, data[:12]...)
	switch {
	case f == formStrip:
		out = append(out, data[12+tagLen:]...)
	case e.tagged: // the priority stays
		out = append(out, data[12:]...)
		tci := binary.BigEndian.Uint16(data[14:])&0xf000 | uint16(e.vlan)
		binary.BigEndian.PutUint16(out[14:], tci)
	default:
		out = binary.BigEndian.AppendUint16(out, e.protocol)
		out = binary.BigEndian.AppendUint16(out, uint16(e.vlan))
		out = append(out, data[12:]...)
	}
	e.buffers[f] = out
	return out
}
