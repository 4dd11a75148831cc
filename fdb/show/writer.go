package show

import (
	"io"
	"iter"

	"github.com/switchcore/switchcore/switchdev"
)

// Format is a way of printing rows.
type Format uint8

// The formats.
const (
	// Text is what "bridge fdb show" prints, one row a line.
	Text Format = iota
	// JSON is what "bridge -j fdb show" prints, one line with an array.
	JSON
	// Pretty is what "bridge -j -p fdb show" prints, one member a line.
	Pretty
)

// String returns "text", "json" or "pretty".
func (f Format) String() string {
	switch f {
	case Text:
		return "text"
	case JSON:
		return "json"
	case Pretty:
		return "pretty"
	}
	return "format?"
}

// brackets are what a format puts round rows.
type brackets struct{ none, first, next, end, last string }

func (f Format) brackets() brackets {
	switch f {
	case JSON:
		return brackets{none: "[]\n", first: "[{", next: ",{", end: "}", last: "]\n"}
	case Pretty:
		return brackets{none: "[ ]\n", first: "[ {", next: ",{", end: "\n    }", last: " ]\n"}
	}
	return brackets{end: "\n"}
}

// Writer prints rows. It collects what it prints and allocates nothing per row.
// A Writer is used by one goroutine at a time and must be closed, without which
// the end is missing.
type Writer struct {
	w      io.Writer
	format Format
	signs  brackets
	obj    object // the buffer, also for text
	began  bool
	closed bool
	err    error // of w; it stays
}

// room is from how many bytes on a Writer hands them over.
const room = 4096

// NewWriter returns a Writer of a format to w. A format that is none counts as
// Text.
func NewWriter(w io.Writer, f Format) *Writer {
	if f > Pretty {
		f = Text
	}
	return &Writer{w: w, format: f, signs: f.brackets(), obj: object{buf: make([]byte, 0, room+1024), pretty: f == Pretty}}
}

// Write prints a row. A row that does not pass [Row.Check] is not printed and its
// error returned; rows after it can be. Errors of the underlying writer stay.
func (w *Writer) Write(r Row) error {
	switch {
	case w.err != nil:
		return w.err
	case w.closed:
		return &switchdev.OpError{Op: "fdb.show", Reason: "the writer is closed", Err: switchdev.ErrClosed}
	}
	if r.fault() != "" {
		return r.Check()
	}
	sign := w.signs.next
	if !w.began {
		sign, w.began = w.signs.first, true
	}
	w.obj.buf = append(w.obj.buf, sign...)
	if w.format == Text {
		w.obj.buf = r.appendText(w.obj.buf)
	} else {
		w.obj.more = false
		w.obj.row(&r)
	}
	w.obj.buf = append(w.obj.buf, w.signs.end...)
	if len(w.obj.buf) >= room {
		return w.flush()
	}
	return nil
}

// Close prints the end and hands over what was collected. It does not close the
// underlying writer. Closing again returns what closing returned.
func (w *Writer) Close() error {
	if w.closed || w.err != nil {
		return w.err
	}
	w.closed = true
	sign := w.signs.none
	if w.began {
		sign = w.signs.last
	}
	w.obj.buf = append(w.obj.buf, sign...)
	return w.flush()
}

func (w *Writer) flush() error {
	if len(w.obj.buf) > 0 {
		_, w.err = w.w.Write(w.obj.buf)
		w.obj.buf = w.obj.buf[:0]
	}
	return w.err
}

// Write prints rows to w in a format. It stops at the first error.
func Write(w io.Writer, f Format, rows iter.Seq[Row]) error {
	out := NewWriter(w, f)
	for r := range rows {
		if err := out.Write(r); err != nil {
			return err
		}
	}
	return out.Close()
}
