// Package pcapng reads and writes files of captured Ethernet frames.
//
// [Reader] takes pcapng (draft-ietf-opsawg-pcapng) and classic pcap
// (draft-ietf-opsawg-pcap) files of either byte order, tells them apart by their first four
// bytes, and delivers the frames one after another from any [io.Reader]. [Writer] writes
// pcapng with any number of named interfaces and nanosecond time stamps.
//
//	r, err := pcapng.NewReader(f)
//	if err != nil {
//		return err
//	}
//	for p, err := range r.All() {
//		if err != nil {
//			return err
//		}
//		name := r.Interface(p.Interface).Name
//		deliver(name, p.Time, p.Data) // p.Data is reused: copy it to keep it
//	}
//
// # What is read
//
// Of pcapng: section header blocks of version 1.0 (and 1.2, which is 1.0 in all but name),
// interface description blocks with their name, time resolution and time offset, enhanced
// packet blocks, simple packet blocks and the obsolete packet blocks. Every other block is
// skipped. A file may have several sections, each with its own byte order and interfaces; the
// reader numbers the interfaces through, so that a number means one interface for the whole
// file. The section length is not relied on: it may be absent, and the blocks themselves say
// where a section ends.
//
// Of pcap: version 2.4 with microseconds or nanoseconds. Such a file has one interface without
// a name.
//
// # Concurrency
//
// A Reader or Writer belongs to one goroutine at a time. Different ones are independent; the
// package has no state of its own.
//
// # Errors
//
// A file that breaks the format gives a [*FormatError] with the byte offset and what is wrong
// there. Nothing is repaired: a capture that is half understood is worth less than a clear
// refusal. A packet from an interface that is not Ethernet gives a [*LinkTypeError], after
// which reading may go on. The errors of the underlying io.Reader or io.Writer are wrapped.
// What the caller hands to a Writer and no file can hold gives an [*ArgumentError].
//
// # Memory
//
// A block or packet record over [MaxBlock] bytes is refused, as are more than
// [MaxInterfaces] interfaces and names over [MaxName] bytes, and a buffer grows only as bytes
// really arrive. So a hostile file costs no more than about twice MaxBlock and the interface
// table.
package pcapng
