package pcapng

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"math"
)

// Reader reads the packets of a pcapng or pcap file in the order of the file. Make one with
// NewReader.
type Reader struct {
	in         *bufio.Reader
	order      binary.ByteOrder
	next       func(*Reader) (Packet, error)
	interfaces []Interface
	offset     int64  // of the next byte from in
	body       []byte // of the block or record that was read last; reused
	head       [24]byte
	err        error // what ended the file

	section sectionState
	classic classicState
}

// NewReader reads the header of the capture that starts at r's next byte and finds out which
// format it has. It returns a *FormatError for what is neither pcapng nor pcap, or a wrapped
// error of r. The Reader buffers, so it may take more of r than the capture.
func NewReader(r io.Reader) (*Reader, error) {
	rd := &Reader{in: bufio.NewReaderSize(r, 64<<10)}
	if err := rd.start(); err != nil {
		return nil, err
	}
	return rd, nil
}

func (r *Reader) start() error {
	magic := r.head[:4]
	if err := r.fill(magic, 0, "file's magic number"); err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(magic) == blockSectionHeader {
		r.next = (*Reader).nextBlockPacket
		return r.readSectionHeader(0)
	}
	r.next = (*Reader).nextRecord
	return r.readFileHeader()
}

// Next returns the next packet of an Ethernet interface. Its Data is valid until the next call
// of Next. At the end of the file the error is io.EOF. A packet of another kind of interface
// gives a *LinkTypeError and the next call continues behind it; every other error is final, and
// later calls return it again: a *FormatError where the file is broken, or the wrapped error of
// the underlying reader. Next allocates only to make its buffer larger.
func (r *Reader) Next() (Packet, error) {
	if r.err != nil {
		return Packet{}, r.err
	}
	p, err := r.next(r)
	if err != nil {
		if _, skip := errors.AsType[*LinkTypeError](err); !skip {
			r.err = err
		}
		return Packet{}, err
	}
	return p, nil
}

// All iterates over the remaining packets. It ends at the end of the file, or after it has
// yielded an error that is final; after a *LinkTypeError it goes on if the loop does. As with
// Next, a packet's Data is valid until the loop's next turn.
func (r *Reader) All() iter.Seq2[Packet, error] {
	return func(yield func(Packet, error) bool) {
		for {
			p, err := r.Next()
			if err == io.EOF || !yield(p, err) || r.err != nil {
				return
			}
		}
	}
}

// Interfaces returns a copy of the table of the interfaces described so far. A pcapng file may
// describe one anywhere before its first packet, so the table may grow with every call of Next.
func (r *Reader) Interfaces() []Interface { return append([]Interface(nil), r.interfaces...) }

// Interface returns the description of interface i, which a packet or an error of this Reader
// has named. It panics for an index that is not in the table.
func (r *Reader) Interface(i int) Interface { return r.interfaces[i] }

// fill reads exactly len(b) bytes of what started at offset start.
func (r *Reader) fill(b []byte, start int64, what string) error {
	n, err := io.ReadFull(r.in, b)
	r.offset += int64(n)
	if err != nil {
		return readError(start, what, err)
	}
	return nil
}

// fillOrEnd is fill for the first bytes of a block or record: where nothing more follows, it
// returns io.EOF.
func (r *Reader) fillOrEnd(b []byte, what string) error {
	start := r.offset
	n, err := io.ReadFull(r.in, b)
	r.offset += int64(n)
	switch {
	case err == nil:
		return nil
	case err == io.EOF:
		return io.EOF
	}
	return readError(start, what, err)
}

// fillBody reads n bytes, at most MaxBlock, into r.body. The buffer grows only as the bytes
// arrive, so a short file that promises much costs little.
func (r *Reader) fillBody(n int, start int64, what string) error {
	const step = 64 << 10
	r.body = r.body[:0]
	for len(r.body) < n {
		have := len(r.body)
		want := n
		if n > cap(r.body) {
			want = min(n, max(cap(r.body), have+max(step, have)))
			grown := make([]byte, have, want)
			copy(grown, r.body)
			r.body = grown
		}
		r.body = r.body[:want]
		if err := r.fill(r.body[have:], start, what); err != nil {
			return err
		}
	}
	return nil
}

// skip discards n bytes of what started at offset start.
func (r *Reader) skip(n int, start int64, what string) error {
	done, err := r.in.Discard(n)
	r.offset += int64(done)
	if err != nil {
		return readError(start, what, err)
	}
	return nil
}

func (r *Reader) addInterface(start int64, i Interface) error {
	if len(r.interfaces) == MaxInterfaces {
		return formatErrorf(start, "more than %d interfaces", MaxInterfaces)
	}
	r.interfaces = append(r.interfaces, i)
	return nil
}

// lengths checks what a packet says about its size; at is where its captured length stands,
// with the original length right behind.
func (r *Reader) lengths(at int64, captured, original uint32, i *Interface) error {
	switch {
	case i.SnapLen != 0 && captured > i.SnapLen:
		return formatErrorf(at, "captured length %d is over the interface's snapshot length %d", captured, i.SnapLen)
	case captured > original:
		return formatErrorf(at, "captured length %d is over the original length %d", captured, original)
	case original > math.MaxInt32:
		return formatErrorf(at+4, "original length %d is over 2 GiB", original)
	}
	return nil
}

// packet makes the result of Next, or the error for a foreign link type.
func (r *Reader) packet(p Packet, start int64) (Packet, error) {
	if lt := r.interfaces[p.Interface].LinkType; lt != LinkTypeEthernet {
		return Packet{}, &LinkTypeError{Offset: start, Interface: p.Interface, LinkType: lt}
	}
	return p, nil
}
