package show

import (
	"io"
	"iter"

	"github.com/switchcore/switchcore/switchdev"
)

// Format is a way of printing.
type Format uint8

// The formats.
const (
	// Text is what "devlink" prints.
	Text Format = iota
	// JSON is what "devlink -j" prints: one line with an object.
	JSON
	// Pretty is what "devlink -j -p" prints: one member a line.
	Pretty
	// Members is JSON without the section around it: a line for each member, with an
	// object that has only that. Ours: it can be compared and cut line by line.
	Members
)

// String returns "text", "json", "pretty" or "members".
func (f Format) String() string {
	if f > Members {
		return "format?"
	}
	return [...]string{"text", "json", "pretty", "members"}[f]
}

// Writer prints the rows of one section. It collects what it prints and allocates
// nothing per row. A Writer is used by one goroutine at a time and must be closed,
// without which the end is missing.
type Writer struct {
	w       io.Writer
	format  Format
	section Section
	form    form
	began   bool
	closed  bool
	err     error // of w; it stays

	group  Place // whose array is open
	open   bool
	column int // how many bytes the line of a dump has
}

// room is from how many bytes on a Writer hands them over.
const room = 4096

// NewWriter returns a Writer of a section in a format to w. A format that is none
// counts as Text. A section that is none, or is Flashes, takes no rows.
func NewWriter(w io.Writer, s Section, f Format) *Writer {
	if f > Members {
		f = Text
	}
	out := &Writer{w: w, section: s, format: f}
	out.form.out = printer{buf: make([]byte, 0, room+1024), text: f == Text, pretty: f == Pretty, fresh: true}
	if f == JSON || f == Pretty {
		out.form.out.begin('{')
		out.form.out.name(s.String())
		out.form.out.begin('{')
	}
	return out
}

// Write prints a row. A row that does not pass [Check], or is not of the section, is
// not printed and its error returned; rows after it can be. Errors of the underlying
// writer stay.
func (w *Writer) Write(r Row) error {
	switch {
	case w.err != nil:
		return w.err
	case w.closed:
		return &switchdev.OpError{Op: "devlink.show", Reason: "the writer is closed", Err: switchdev.ErrClosed}
	case r.Section() != w.section || r.Section() == Flashes:
		return &switchdev.OpError{Op: "devlink.show", Object: keyOf(r), Reason: "not a row of " + w.section.String(), Err: switchdev.ErrInvalid}
	case w.form.fault(r) != "":
		return Check(r)
	}
	w.form.mode = printing
	switch c, ok := r.(*Chunk); {
	case ok && w.format == Text:
		w.hex(c)
	case sections[w.section].array:
		w.element(r)
	default:
		w.object(r)
	}
	w.began = true
	if len(w.form.out.buf) >= room {
		return w.flush()
	}
	return nil
}

// object prints a row that has a key of its own, or none.
func (w *Writer) object(r Row) {
	p := &w.form.out
	if w.format == Members {
		p.more, p.depth = false, 0
		p.begin('{')
	}
	w.form.keyed(r)
	if w.format == Members {
		p.end('}')
		p.buf = append(p.buf, '\n')
	}
}

// keyed prints a row under its key.
func (f *form) keyed(r Row) {
	p := &f.out
	switch s := r.Section(); {
	case s == Reloads || s == Dumps || s == Reads:
		f.inner(r)
		p.newline()
	case p.text:
		p.buf = appendKey(p.buf, r)
		if d, ok := r.(*Dev); !ok || !d.bare() {
			p.buf = append(p.buf, ':')
		}
		p.indent, p.fresh, p.tight = 0, false, false
		f.inner(r)
		p.newline()
	default:
		var room [96]byte
		p.member(appendKey(room[:0], r))
		p.begin('{')
		f.inner(r)
		p.end('}')
	}
}

// element prints a row into the array of its place, which it begins if the row before
// was of another.
func (w *Writer) element(r Row) {
	p := &w.form.out
	if at := r.Place(); !w.open || at != w.group {
		w.shut()
		w.group, w.open = at, true
		if w.format == Members {
			p.more, p.depth = false, 0
			p.begin('{')
		}
		w.form.head(at)
	}
	w.form.element(r)
}

// head begins the array of a place.
func (f *form) head(at Place) {
	p := &f.out
	if p.text {
		p.buf = append(at.append(p.buf), ':', '\n')
		p.fresh, p.tight = true, false
		return
	}
	var room [96]byte
	p.member(at.append(room[:0]))
	p.array()
}

// element prints a row into an array.
func (f *form) element(r Row) {
	p := &f.out
	p.indent = 2
	p.begin('{')
	f.inner(r)
	p.newline()
	p.end('}')
}

// shut ends the array that is open.
func (w *Writer) shut() {
	if !w.open {
		return
	}
	w.open = false
	p := &w.form.out
	if !p.text {
		p.unarray()
	}
	if w.format == Members {
		p.end('}')
		p.buf = append(p.buf, '\n')
	}
}

// hex prints data in lines of 16 bytes, of which each begins with its address. A chunk
// goes on in the line of the one before, wherever it is.
func (w *Writer) hex(c *Chunk) {
	const digits = "0123456789abcdef"
	b := w.form.out.buf
	for i, v := range c.Data {
		if w.column == 0 {
			at := c.Address + uint64(i)
			for shift := 60; shift >= 0; shift -= 4 {
				b = append(b, digits[at>>shift&15])
			}
			b = append(b, ' ')
		}
		b = append(b, digits[v>>4], digits[v&15], ' ')
		if w.column++; w.column == 16 {
			b, w.column = append(b, '\n'), 0
		}
	}
	w.form.out.buf = b
}

// Close prints the end and hands over what was collected. It does not close the
// underlying writer. Closing again returns what closing returned.
func (w *Writer) Close() error {
	if w.closed || w.err != nil {
		return w.err
	}
	w.closed = true
	w.shut()
	p := &w.form.out
	switch {
	case w.format == JSON || w.format == Pretty:
		p.end('}')
		p.end('}')
		p.buf = append(p.buf, '\n')
	case w.column > 0:
		p.buf = append(p.buf, '\n')
	case w.format == Text && !w.began && w.section == Reads, w.format == Text && !w.began && w.section == Dumps:
		p.buf = append(p.buf, '\n') // so does the tool
	}
	return w.flush()
}

func (w *Writer) flush() error {
	if b := w.form.out.buf; len(b) > 0 {
		_, w.err = w.w.Write(b)
		w.form.out.buf = b[:0]
	}
	return w.err
}

// Write prints rows of a section to w in a format. It stops at the first error.
func Write(w io.Writer, s Section, f Format, rows iter.Seq[Row]) error {
	out := NewWriter(w, s, f)
	for r := range rows {
		if err := out.Write(r); err != nil {
			return err
		}
	}
	return out.Close()
}
