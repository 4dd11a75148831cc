package jsonread

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
)

// Reader reads JSON token by token.
type Reader struct {
	// Names keeps the names that were read.
	Names Names

	dec   *json.Decoder
	at    *position
	fault *Fault // of the row; the first one stays
	over  *Fault // what broke the input, if it was a refusal
	err   error  // what broke the input; nothing is read after it
	start int64  // where the last token begins
}

// errAborted stands in Reader.err for what is in Reader.over.
var errAborted = errors.New("aborted")

// New returns a Reader of r, of which it may read more than it needs.
func New(r io.Reader) *Reader { return NewAt(r, 1, 1) }

// NewAt is New for an r that begins in the middle of what the reader's user was given:
// in a line and a column, both counted from 1.
func NewAt(r io.Reader, line, column int) *Reader {
	at := &position{r: r, line: line, column: column}
	d := &Reader{dec: json.NewDecoder(at), at: at, Names: make(Names)}
	d.dec.UseNumber()
	return d
}

// Broken reports whether nothing can be read any more.
func (d *Reader) Broken() bool { return d.err != nil }

// Sound reports whether the row has been as it should be until now.
func (d *Reader) Sound() bool { return d.fault == nil && d.err == nil }

// Result returns what was wrong with the row, nil if nothing, and forgets it.
func (d *Reader) Result() *Fault {
	fault := d.fault
	d.fault = nil
	return fault
}

// End returns what broke the input: a fault, or else an error of the io.Reader as it is.
// A fault of the row it has forgotten.
func (d *Reader) End() (*Fault, error) {
	d.fault = nil
	syntax := (*json.SyntaxError)(nil)
	switch {
	case d.over != nil:
		return d.over, nil
	case errors.Is(d.err, io.EOF), errors.Is(d.err, io.ErrUnexpectedEOF):
		line, column := d.at.of(math.MaxInt64)
		return &Fault{Line: line, Column: column, What: "json", Reason: "the input ends too early"}, nil
	case errors.As(d.err, &syntax):
		line, column := d.at.of(max(d.start, syntax.Offset-1))
		return &Fault{Line: line, Column: column, What: "json", Reason: syntax.Error()}, nil
	}
	return nil, d.err
}

// Token returns the next token, nil if there is none. Numbers are json.Number.
func (d *Reader) Token() json.Token {
	if d.err != nil {
		return nil
	}
	before := d.dec.InputOffset()
	t, err := d.dec.Token()
	d.start = d.at.skip(before)
	d.err = err
	return t
}

// More reports whether the object or array that is open has another member.
func (d *Reader) More() bool { return d.err == nil && d.dec.More() }

// Next is Token where a value may begin, or the input end; ok is false if it has ended,
// or is broken.
func (d *Reader) Next() (t json.Token, ok bool) {
	if d.err != nil {
		return nil, false
	}
	if t = d.Token(); errors.Is(d.err, io.EOF) {
		d.err = nil
		return nil, false
	}
	return t, d.err == nil
}

// Rest finds that something but space follows.
func (d *Reader) Rest() {
	if t, ok := d.Next(); ok {
		d.Abort("json", Literal(t), "more than one value")
	}
}

// Where returns where the last token begins.
func (d *Reader) Where() (line, column int) { return d.at.of(d.start) }

// Refuse says that the last token is not what was wanted. The row is lost, not the input.
func (d *Reader) Refuse(what, input, reason string) {
	line, column := d.Where()
	d.RefuseAt(line, column, what, input, reason)
}

// RefuseAt is Refuse for another place.
func (d *Reader) RefuseAt(line, column int, what, input, reason string) {
	if d.Sound() {
		d.fault = &Fault{Line: line, Column: column, What: what, Input: Shorten(input), Reason: reason}
	}
}

// Abort is Refuse where nothing can be made of what follows.
func (d *Reader) Abort(what, input, reason string) {
	if d.err == nil {
		line, column := d.Where()
		d.over = &Fault{Line: line, Column: column, What: what, Input: Shorten(input), Reason: reason}
		d.err = errAborted
	}
}

// Skip passes over the value that begins with t.
func (d *Reader) Skip(t json.Token) {
	depth := 0
	for d.err == nil {
		switch t {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
		if depth == 0 {
			return
		}
		t = d.Token()
	}
}

// Literal is how a token stands in an error.
func Literal(t json.Token) string {
	switch t := t.(type) {
	case string:
		return t
	case json.Number:
		return t.String()
	case bool:
		return strconv.FormatBool(t)
	case json.Delim:
		return t.String()
	}
	return "null"
}

// Blame makes a fault that was the Result once that of the row again; with nil it does
// nothing. It is for what is wrong with several rows.
func (d *Reader) Blame(fault *Fault) {
	if fault != nil && d.Sound() {
		d.fault = fault
	}
}
