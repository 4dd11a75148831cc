package pcapng

import (
	"encoding/binary"
)

// Block types of pcapng that are understood; all others are skipped.
const (
	blockSectionHeader  = 0x0a0d0d0a // reads the same in both byte orders
	blockInterface      = 1
	blockObsoletePacket = 2
	blockSimplePacket   = 3
	blockEnhancedPacket = 6
)

const (
	byteOrderMagic = 0x1a2b3c4d
	blockOverhead  = 12 // type, length, and the length again at the end
	sectionFixed   = 16 // byte order, version and section length
)

// sectionState is what holds from one section header to the next.
type sectionState struct {
	number int // of this section, from zero
	first  int // index of its interface 0
}

// nextBlockPacket reads blocks until one of them is a packet.
func (r *Reader) nextBlockPacket() (Packet, error) {
	for {
		start, head := r.offset, r.head[:8]
		if err := r.fillOrEnd(head[:4], "block header"); err != nil {
			return Packet{}, err
		}
		if binary.LittleEndian.Uint32(head) == blockSectionHeader {
			r.section = sectionState{number: r.section.number + 1, first: len(r.interfaces)}
			if err := r.readSectionHeader(start); err != nil {
				return Packet{}, err
			}
			continue
		}
		if err := r.fill(head[4:], start, "block header"); err != nil {
			return Packet{}, err
		}
		p, found, err := r.readBlock(r.order.Uint32(head), r.order.Uint32(head[4:]), start)
		if found || err != nil {
			return p, err
		}
	}
}

// readBlock reads the body of the block at start and reports whether it was a packet.
func (r *Reader) readBlock(kind, length uint32, start int64) (p Packet, found bool, err error) {
	n, err := bodyLength(length, start, 0)
	if err != nil {
		return Packet{}, false, err
	}
	switch kind {
	case blockInterface, blockObsoletePacket, blockSimplePacket, blockEnhancedPacket:
		err = r.fillBody(n, start, "block")
	default:
		err = r.skip(n, start, "block")
	}
	if err == nil {
		err = r.checkTrailer(length, start)
	}
	if err != nil {
		return Packet{}, false, err
	}
	switch kind {
	case blockInterface:
		return Packet{}, false, r.readInterface(start)
	case blockEnhancedPacket:
		p, err = r.enhancedPacket(start)
	case blockSimplePacket:
		p, err = r.simplePacket(start)
	case blockObsoletePacket:
		p, err = r.obsoletePacket(start)
	default:
		return Packet{}, false, nil
	}
	return p, true, err
}

// bodyLength checks a block's total length and returns how much lies between its first length
// field and its last.
func bodyLength(length uint32, start int64, fixed int) (int, error) {
	switch {
	case length > MaxBlock:
		return 0, formatErrorf(start+4, "block of %d bytes is over the limit of %d", length, MaxBlock)
	case length < uint32(blockOverhead+fixed):
		return 0, formatErrorf(start+4, "block of %d bytes is under the %d that its kind needs", length, blockOverhead+fixed)
	case length%4 != 0:
		return 0, formatErrorf(start+4, "block length %d is not a multiple of 4", length)
	}
	return int(length) - blockOverhead, nil
}

// checkTrailer reads the copy of the block length that ends each block.
func (r *Reader) checkTrailer(length uint32, start int64) error {
	at, tail := r.offset, r.head[:4]
	if err := r.fill(tail, start, "block"); err != nil {
		return err
	}
	if got := r.order.Uint32(tail); got != length {
		return formatErrorf(at, "block ends with length %d but began with %d", got, length)
	}
	return nil
}

// readSectionHeader reads a section header block at start, whose type has been read.
func (r *Reader) readSectionHeader(start int64) error {
	head := r.head[:8]
	if err := r.fill(head, start, "section header block"); err != nil {
		return err
	}
	switch uint32(byteOrderMagic) {
	case binary.LittleEndian.Uint32(head[4:]):
		r.order = binary.LittleEndian
	case binary.BigEndian.Uint32(head[4:]):
		r.order = binary.BigEndian
	default:
		return formatErrorf(start+8, "byte order mark %#08x is not %#08x either way", binary.BigEndian.Uint32(head[4:]), uint32(byteOrderMagic))
	}
	length := r.order.Uint32(head)
	n, err := bodyLength(length, start, sectionFixed)
	if err != nil {
		return err
	}
	if err := r.fillBody(n-4, start, "section header block"); err != nil {
		return err
	}
	if err := r.checkTrailer(length, start); err != nil {
		return err
	}
	return r.checkSection(start)
}

// checkSection checks a section header's body, from the version on, that is in r.body.
func (r *Reader) checkSection(start int64) error {
	major, minor := r.order.Uint16(r.body), r.order.Uint16(r.body[2:])
	if major != 1 || minor != 0 && minor != 2 {
		return formatErrorf(start+12, "pcapng version %d.%d, not 1.0", major, minor)
	}
	if length := int64(r.order.Uint64(r.body[4:])); length < -1 || length > 0 && length%4 != 0 {
		return formatErrorf(start+16, "section length %d is neither -1 nor a multiple of 4", length)
	}
	return r.options(r.body[sectionFixed-4:], start+8+sectionFixed, nil)
}

// options walks a list of options that starts at offset at. It calls each, if not nil, with
// every option before the end mark, and checks that the list is well formed.
func (r *Reader) options(list []byte, at int64, each func(code uint16, value []byte, at int64) error) error {
	for len(list) > 0 {
		if len(list) < 4 {
			return formatErrorf(at, "%d bytes where an option needs 4", len(list))
		}
		code, length := r.order.Uint16(list), int(r.order.Uint16(list[2:]))
		if code == 0 {
			if length != 0 {
				return formatErrorf(at+2, "end of options with length %d", length)
			}
			return nil
		}
		padded := 4 + pad4(length)
		if padded > len(list) {
			return formatErrorf(at, "option %d of %d bytes does not fit into the %d that are left", code, length, len(list)-4)
		}
		if each != nil {
			if err := each(code, list[4:4+length], at); err != nil {
				return err
			}
		}
		list, at = list[padded:], at+int64(padded)
	}
	return nil
}

// pad4 rounds a length up to whole 32-bit words.
func pad4(n int) int { return (n + 3) &^ 3 }
