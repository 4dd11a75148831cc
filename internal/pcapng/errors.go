package pcapng

import (
	"errors"
	"fmt"
	"io"
)

// FormatError says that a file is not what its format demands. Reader.Next returns the same
// FormatError for ever after.
type FormatError struct {
	// Offset is where the wrong field, or the block that is wrong as a whole, starts: bytes
	// from the beginning of the file. For a file that ends too early it is where the block or
	// record starts whose end is missing.
	Offset int64
	// Reason says what is wrong, with the value found and the limit it breaks.
	Reason string
	// Err is the cause where there is one, such as io.ErrUnexpectedEOF for a file that ends
	// within a block; otherwise nil.
	Err error
}

// Error gives the offset, the reason and the cause.
func (e *FormatError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("pcapng: offset %d: %s: %v", e.Offset, e.Reason, e.Err)
	}
	return fmt.Sprintf("pcapng: offset %d: %s", e.Offset, e.Reason)
}

// Unwrap returns the cause, so that errors.Is finds io.ErrUnexpectedEOF.
func (e *FormatError) Unwrap() error { return e.Err }

// LinkTypeError says that a packet was captured on an interface that is not Ethernet. The
// packet is skipped; the next call of Reader.Next goes on behind it.
type LinkTypeError struct {
	// Offset is where the packet's block or record starts.
	Offset int64
	// Interface is the index of the interface, as for Reader.Interface.
	Interface int
	// LinkType is the link type of that interface (the LINKTYPE_ registry of tcpdump.org).
	LinkType uint16
}

// Error names the interface and its link type.
func (e *LinkTypeError) Error() string {
	return fmt.Sprintf("pcapng: offset %d: packet of interface %d with link type %d, not Ethernet (%d)",
		e.Offset, e.Interface, e.LinkType, LinkTypeEthernet)
}

// ArgumentError says that a Writer was asked to write what the format cannot hold. Nothing was
// written.
type ArgumentError struct {
	// Argument names the parameter or field at fault.
	Argument string
	// Reason says what is wrong with it.
	Reason string
}

// Error names the argument and the reason.
func (e *ArgumentError) Error() string { return "pcapng: " + e.Argument + ": " + e.Reason }

func formatErrorf(offset int64, format string, args ...any) *FormatError {
	return &FormatError{Offset: offset, Reason: fmt.Sprintf(format, args...)}
}

// readError turns what the underlying reader said in the middle of something into an error of
// this package: an early end breaks the format, anything else is the reader's own failure.
func readError(offset int64, what string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &FormatError{Offset: offset, Reason: what + " is cut off", Err: io.ErrUnexpectedEOF}
	}
	return fmt.Errorf("pcapng: reading the %s at offset %d: %w", what, offset, err)
}
