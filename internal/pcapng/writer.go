package pcapng

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

const nanosecondResolution = 9

// Writer writes a pcapng file of one section: little-endian, Ethernet only, stamps in
// nanoseconds. Make one with NewWriter. There is nothing to close: after every call what was
// written is a whole file.
type Writer struct {
	out        io.Writer
	interfaces int
	buf        []byte
	err        error // that the output failed; the file's end is then unknown
}

// NewWriter writes the head of a capture with one Ethernet interface per name; packets refer to
// them by their place, from zero. Names may repeat or be empty, but are UTF-8 of at most
// MaxName bytes: otherwise it returns an *ArgumentError and writes nothing. An error of w is
// returned wrapped. The Writer calls w.Write once for the head and once per packet, so give it a
// bufio.Writer for a file and flush that yourself.
func NewWriter(w io.Writer, interfaces ...string) (*Writer, error) {
	if len(interfaces) > MaxInterfaces {
		return nil, &ArgumentError{"interfaces", fmt.Sprintf("%d is over the limit of %d", len(interfaces), MaxInterfaces)}
	}
	b := appendSectionHeader(nil)
	for i, name := range interfaces {
		argument := "interfaces[" + strconv.Itoa(i) + "]"
		if len(name) > MaxName {
			return nil, &ArgumentError{argument, fmt.Sprintf("name of %d bytes is over the limit of %d", len(name), MaxName)}
		}
		if !utf8.ValidString(name) {
			return nil, &ArgumentError{argument, "name is not UTF-8"}
		}
		b = appendInterface(b, name)
	}
	wr := &Writer{out: w, interfaces: len(interfaces), buf: b}
	if err := wr.flush(); err != nil {
		return nil, err
	}
	return wr, nil
}

// WritePacket appends one packet as an enhanced packet block. It returns an *ArgumentError, and
// writes nothing, where p names no interface, lies outside the years 1970 to 2554, is too long
// for a block of MaxBlock bytes, or has an OrigLen (other than zero) under len(p.Data) or over
// 2 GiB. An error of the underlying writer is returned wrapped, and again by all later calls.
// It allocates only to make its buffer larger and does not keep p.Data.
func (w *Writer) WritePacket(p Packet) error {
	if w.err != nil {
		return w.err
	}
	if p.OrigLen == 0 {
		p.OrigLen = len(p.Data)
	}
	stamp, err := w.check(p)
	if err != nil {
		return err
	}
	le := binary.LittleEndian
	length := blockOverhead + packetFixed + pad4(len(p.Data))
	b := appendBlockHead(w.buf[:0], blockEnhancedPacket, length)
	b = le.AppendUint32(b, uint32(p.Interface))
	b = le.AppendUint32(b, uint32(stamp>>32))
	b = le.AppendUint32(b, uint32(stamp))
	b = le.AppendUint32(b, uint32(len(p.Data)))
	b = le.AppendUint32(b, uint32(p.OrigLen))
	b = appendPadded(b, p.Data)
	w.buf = le.AppendUint32(b, uint32(length))
	return w.flush()
}

// check returns the packet's stamp, or what makes the packet impossible to write.
func (w *Writer) check(p Packet) (stamp uint64, err error) {
	if p.Interface < 0 || p.Interface >= w.interfaces {
		return 0, &ArgumentError{"Packet.Interface", fmt.Sprintf("%d of %d interfaces", p.Interface, w.interfaces)}
	}
	if blockOverhead+packetFixed+pad4(len(p.Data)) > MaxBlock {
		return 0, &ArgumentError{"Packet.Data", fmt.Sprintf("%d bytes do not fit into a block of %d", len(p.Data), MaxBlock)}
	}
	if p.OrigLen < len(p.Data) || p.OrigLen > math.MaxInt32 {
		return 0, &ArgumentError{"Packet.OrigLen", fmt.Sprintf("%d with %d bytes captured", p.OrigLen, len(p.Data))}
	}
	const lastSecond = math.MaxUint64/uint64(time.Second) - 1
	if sec := p.Time.Unix(); sec < 0 || uint64(sec) > lastSecond {
		return 0, &ArgumentError{"Packet.Time", p.Time.UTC().Format(time.RFC3339) + " lies outside the years 1970 to 2554"}
	}
	return uint64(p.Time.Unix())*uint64(time.Second) + uint64(p.Time.Nanosecond()), nil
}

func (w *Writer) flush() error {
	if _, err := w.out.Write(w.buf); err != nil {
		w.err = fmt.Errorf("pcapng: writing: %w", err)
	}
	return w.err
}

func appendBlockHead(b []byte, kind uint32, length int) []byte {
	b = binary.LittleEndian.AppendUint32(b, kind)
	return binary.LittleEndian.AppendUint32(b, uint32(length))
}

func appendPadded(b, data []byte) []byte {
	var zero [3]byte
	b = append(b, data...)
	return append(b, zero[:pad4(len(data))-len(data)]...)
}

func appendSectionHeader(b []byte) []byte {
	le := binary.LittleEndian
	const length = blockOverhead + sectionFixed
	b = appendBlockHead(b, blockSectionHeader, length)
	b = le.AppendUint32(b, byteOrderMagic)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint64(b, math.MaxUint64) // section length unknown: this is a stream
	return le.AppendUint32(b, length)
}

func appendInterface(b []byte, name string) []byte {
	le := binary.LittleEndian
	length := blockOverhead + interfaceFixed + 8 + 4
	if name != "" {
		length += 4 + pad4(len(name))
	}
	b = appendBlockHead(b, blockInterface, length)
	b = le.AppendUint16(b, LinkTypeEthernet)
	b = le.AppendUint16(b, 0) // reserved
	b = le.AppendUint32(b, 0) // no snapshot length
	if name != "" {
		b = appendOption(b, optionName, []byte(name))
	}
	b = appendOption(b, optionResolution, []byte{nanosecondResolution})
	b = le.AppendUint32(b, 0) // end of options
	return le.AppendUint32(b, uint32(length))
}

func appendOption(b []byte, code uint16, value []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, code)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	return appendPadded(b, value)
}
