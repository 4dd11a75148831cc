package pcapng

import (
	"encoding/binary"
	"time"
)

// The magic numbers of classic pcap, as they read in the file's own byte order.
const (
	magicMicroseconds = 0xa1b2c3d4
	magicNanoseconds  = 0xa1b23c4d
)

const (
	classicMajor, classicMinor = 2, 4
	recordHeader               = 16
)

// classicState is what a pcap file header fixes for its records.
type classicState struct {
	fraction uint32 // parts of a second that a record counts
}

// readFileHeader reads the rest of a pcap file header, whose magic number is in r.head.
func (r *Reader) readFileHeader() error {
	if !r.classicMagic() {
		return formatErrorf(0, "magic number %#08x is neither pcapng nor pcap", binary.BigEndian.Uint32(r.head[:4]))
	}
	if err := r.fill(r.head[4:24], 0, "pcap file header"); err != nil {
		return err
	}
	major, minor := r.order.Uint16(r.head[4:]), r.order.Uint16(r.head[6:])
	if major != classicMajor || minor != classicMinor {
		return formatErrorf(4, "pcap version %d.%d, not %d.%d", major, minor, classicMajor, classicMinor)
	}
	// The upper half of the link type field speaks of frame check sequences; the delivered
	// data is what the file holds, so only the type matters.
	return r.addInterface(0, Interface{
		LinkType: uint16(r.order.Uint32(r.head[20:])),
		SnapLen:  r.order.Uint32(r.head[16:]),
	})
}

// classicMagic sets the byte order and the unit of time from the magic number.
func (r *Reader) classicMagic() bool {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch order.Uint32(r.head[:4]) {
		case magicMicroseconds:
			r.order, r.classic.fraction = order, 1e6
			return true
		case magicNanoseconds:
			r.order, r.classic.fraction = order, 1e9
			return true
		}
	}
	return false
}

// nextRecord reads one packet record of a pcap file.
func (r *Reader) nextRecord() (Packet, error) {
	start, head := r.offset, r.head[:recordHeader]
	if err := r.fillOrEnd(head, "packet record"); err != nil {
		return Packet{}, err
	}
	sec, fraction := r.order.Uint32(head), r.order.Uint32(head[4:])
	captured, original := r.order.Uint32(head[8:]), r.order.Uint32(head[12:])
	if fraction >= r.classic.fraction {
		return Packet{}, formatErrorf(start+4, "%d parts of a second where one has %d", fraction, r.classic.fraction)
	}
	if captured > MaxBlock {
		return Packet{}, formatErrorf(start+8, "packet of %d bytes is over the limit of %d", captured, MaxBlock)
	}
	if err := r.lengths(start+8, captured, original, &r.interfaces[0]); err != nil {
		return Packet{}, err
	}
	if err := r.fillBody(int(captured), start, "packet record"); err != nil {
		return Packet{}, err
	}
	nsec := int64(fraction) * int64(1e9/r.classic.fraction)
	return r.packet(Packet{
		Time:    time.Unix(int64(sec), nsec).UTC(),
		Data:    r.body,
		OrigLen: int(original),
	}, start)
}
