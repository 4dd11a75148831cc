package pcapng

import (
	"unicode/utf8"
)

// Options of the interface description block that are understood.
const (
	optionName       = 2
	optionResolution = 9
	optionOffset     = 14
)

// The parts of fixed size at the head of each block's body, in bytes.
const (
	interfaceFixed = 8
	simpleFixed    = 4
	packetFixed    = 20 // of an enhanced or obsolete packet
)

// readInterface takes an interface description from r.body.
func (r *Reader) readInterface(start int64) error {
	if err := r.need(interfaceFixed, start); err != nil {
		return err
	}
	i := Interface{
		LinkType:   r.order.Uint16(r.body),
		SnapLen:    r.order.Uint32(r.body[4:]),
		Section:    r.section.number,
		resolution: microseconds,
	}
	offset := int64(0)
	err := r.options(r.body[interfaceFixed:], start+8+interfaceFixed, func(code uint16, value []byte, at int64) error {
		switch code {
		case optionName:
			return setName(&i, value, at)
		case optionResolution:
			if len(value) != 1 {
				return formatErrorf(at+2, "time resolution of %d bytes, not 1", len(value))
			}
			i.resolution = resolutionFrom(value[0])
		case optionOffset:
			if len(value) != 8 {
				return formatErrorf(at+2, "time offset of %d bytes, not 8", len(value))
			}
			offset = int64(r.order.Uint64(value))
		}
		return nil
	})
	if err != nil {
		return err
	}
	i.resolution.offset = offset
	return r.addInterface(start, i)
}

func setName(i *Interface, value []byte, at int64) error {
	if len(value) > MaxName {
		return formatErrorf(at+2, "interface name of %d bytes is over the limit of %d", len(value), MaxName)
	}
	if !utf8.Valid(value) {
		return formatErrorf(at+4, "interface name %q is not UTF-8", value)
	}
	i.Name = string(value)
	return nil
}

// enhancedPacket takes an enhanced packet from r.body.
func (r *Reader) enhancedPacket(start int64) (Packet, error) {
	if err := r.need(packetFixed, start); err != nil {
		return Packet{}, err
	}
	return r.stampedPacket(r.order.Uint32(r.body), start)
}

// obsoletePacket takes an obsolete packet from r.body. It differs from an enhanced one in its
// first word: 16 bits of interface, 16 bits that count drops.
func (r *Reader) obsoletePacket(start int64) (Packet, error) {
	if err := r.need(packetFixed, start); err != nil {
		return Packet{}, err
	}
	return r.stampedPacket(uint32(r.order.Uint16(r.body)), start)
}

// stampedPacket takes what enhanced and obsolete packets have in common: time, lengths, data
// and options.
func (r *Reader) stampedPacket(id uint32, start int64) (Packet, error) {
	index, i, err := r.lookup(id, start)
	if err != nil {
		return Packet{}, err
	}
	ticks := uint64(r.order.Uint32(r.body[4:]))<<32 | uint64(r.order.Uint32(r.body[8:]))
	captured, original := r.order.Uint32(r.body[12:]), r.order.Uint32(r.body[16:])
	if err := r.lengths(start+20, captured, original, i); err != nil {
		return Packet{}, err
	}
	room := len(r.body) - packetFixed
	if uint64(captured) > uint64(room) {
		return Packet{}, formatErrorf(start+20, "captured length %d is over the %d bytes of the block", captured, room)
	}
	end := packetFixed + int(captured)
	list := packetFixed + pad4(int(captured))
	if err := r.options(r.body[list:], start+8+int64(list), nil); err != nil {
		return Packet{}, err
	}
	t, ok := i.resolution.time(ticks)
	if !ok {
		return Packet{}, formatErrorf(start+12, "time stamp %d lies outside the years 1 to 9999", ticks)
	}
	return r.packet(Packet{Time: t, Interface: index, Data: r.body[packetFixed:end:end], OrigLen: int(original)}, start)
}

// simplePacket takes a simple packet from r.body: it belongs to the section's first interface,
// and its captured length follows from that interface's snapshot length.
func (r *Reader) simplePacket(start int64) (Packet, error) {
	if err := r.need(simpleFixed, start); err != nil {
		return Packet{}, err
	}
	index, i, err := r.lookup(0, start)
	if err != nil {
		return Packet{}, err
	}
	original := r.order.Uint32(r.body)
	captured := original
	if i.SnapLen != 0 {
		captured = min(original, i.SnapLen)
	}
	if err := r.lengths(start+4, captured, original, i); err != nil {
		return Packet{}, err
	}
	room := len(r.body) - simpleFixed
	if pad4(int(captured)) != room {
		return Packet{}, formatErrorf(start+8, "packet of %d bytes in a block with room for %d", captured, room)
	}
	end := simpleFixed + int(captured)
	return r.packet(Packet{Interface: index, Data: r.body[simpleFixed:end:end], OrigLen: int(original)}, start)
}

// lookup finds the interface with a number that counts within the section.
func (r *Reader) lookup(id uint32, start int64) (int, *Interface, error) {
	known := len(r.interfaces) - r.section.first
	if uint64(id) >= uint64(known) {
		return 0, nil, formatErrorf(start+8, "interface %d of a section that has described %d", id, known)
	}
	index := r.section.first + int(id)
	return index, &r.interfaces[index], nil
}

// need checks that the block has at least its fixed part.
func (r *Reader) need(fixed int, start int64) error {
	if len(r.body) < fixed {
		return formatErrorf(start+4, "block of %d bytes is under the %d that its kind needs", len(r.body)+blockOverhead, fixed+blockOverhead)
	}
	return nil
}
