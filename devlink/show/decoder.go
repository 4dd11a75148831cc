package show

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/switchcore/switchcore/switchdev"
)

// decoder reads JSON token by token. What is wrong with a row loses the row, not the
// input.
type decoder struct {
	dec   *json.Decoder
	at    *position
	fault *ParseError // of the row; the first one stays
	err   error       // of the input; nothing is read after it
	start int64       // where the last token begins
	begun place       // where the object begins that is being read
	names map[string]string
}

// place is a line and a column, from 1 on.
type place struct{ line, column int }

func newDecoder(r io.Reader) *decoder {
	at := &position{r: r, line: 1, column: 1}
	d := &decoder{dec: json.NewDecoder(at), at: at, names: make(map[string]string)}
	d.dec.UseNumber()
	return d
}

func (d *decoder) broken() bool { return d.err != nil }

// result returns what was wrong with the row, and forgets it.
func (d *decoder) result() error {
	fault := d.fault
	d.fault = nil
	if fault != nil {
		return fault
	}
	return nil
}

// end returns why the input ended too early.
func (d *decoder) end() error {
	var parse *ParseError
	syntax := (*json.SyntaxError)(nil)
	switch {
	case errors.As(d.err, &parse):
		return parse
	case errors.Is(d.err, io.EOF), errors.Is(d.err, io.ErrUnexpectedEOF):
		line, column := d.at.of(math.MaxInt64)
		return &ParseError{Line: line, Column: column, What: "json", Reason: "the input ends too early"}
	case errors.As(d.err, &syntax):
		line, column := d.at.of(max(d.start, syntax.Offset-1))
		return &ParseError{Line: line, Column: column, What: "json", Reason: syntax.Error()}
	}
	return d.err
}

// token returns the next token, nil if there is none.
func (d *decoder) token() json.Token {
	if d.err != nil {
		return nil
	}
	before := d.dec.InputOffset()
	t, err := d.dec.Token()
	d.start = d.at.skip(before)
	d.err = err
	return t
}

func (d *decoder) more() bool { return d.err == nil && d.dec.More() }

// where is the place of the last token.
func (d *decoder) where() place {
	line, column := d.at.of(d.start)
	return place{line, column}
}

// refuse says that the last token is not what was wanted.
func (d *decoder) refuse(what, input, reason string) {
	at := d.where()
	d.refuseAt(at.line, at.column, what, input, reason)
}

func (d *decoder) refuseAt(line, column int, what, input, reason string) {
	if d.fault == nil && d.err == nil {
		d.fault = &ParseError{Line: line, Column: column, What: what, Input: shorten(input), Reason: reason}
	}
}

// abort is refuse where nothing can be made of what follows.
func (d *decoder) abort(what, input, reason string) {
	if d.err == nil {
		at := d.where()
		d.err = &ParseError{Line: at.line, Column: at.column, What: what, Input: shorten(input), Reason: reason}
	}
}

// delim takes a bracket that must be there.
func (d *decoder) delim(want json.Delim) bool {
	if t := d.token(); d.err == nil && t != want {
		d.abort("json", literal(t), "want "+want.String())
	}
	return d.err == nil
}

// enter takes the bracket with which a value begins, or the whole value if that is
// another one.
func (d *decoder) enter(key string, want json.Delim) bool {
	t := d.token()
	if d.err == nil && t != want {
		d.refuse(key, literal(t), "want "+want.String())
		d.skip(t)
		return false
	}
	return d.err == nil
}

// rest finds that something but space follows.
func (d *decoder) rest() {
	t := d.token()
	switch {
	case errors.Is(d.err, io.EOF):
		d.err = nil
	case d.err == nil:
		d.abort("json", literal(t), "more than one value")
	}
}

// skip passes over the value that begins with t.
func (d *decoder) skip(t json.Token) {
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
		t = d.token()
	}
}

// literal is how a token stands in an error.
func literal(t json.Token) string {
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

// members calls a function for each key of an object, which takes its value.
func (d *decoder) members(key string, each func(key string)) {
	if !d.enter(key, '{') {
		return
	}
	for d.more() {
		if name, _ := d.token().(string); d.err == nil {
			each(d.intern(name))
		}
	}
	d.delim('}')
}

// array calls a function for each element of an array, which takes it.
func (d *decoder) array(key string, each func()) {
	if !d.enter(key, '[') {
		return
	}
	for d.more() {
		each()
	}
	d.delim(']')
}

// arrayOr is array, or a word in its place.
func (d *decoder) arrayOr(key, word string, each func()) {
	t := d.token()
	switch {
	case d.err != nil || t == word:
	case t != json.Delim('['):
		d.refuse(key, literal(t), "want "+word+" or [")
		d.skip(t)
	case !d.more():
		d.delim(']')
		d.refuse(key, "[]", "empty")
	default:
		for d.more() {
			each()
		}
		d.delim(']')
	}
}

// The values of members. Each takes the whole value, whatever it is.

func (d *decoder) string(key string) (string, bool) {
	t := d.token()
	s, ok := t.(string)
	if !ok && d.err == nil {
		d.refuse(key, literal(t), "want a string")
		d.skip(t)
	}
	if ok && !validText(s) {
		d.refuse(key, s, "control characters")
	}
	return s, ok
}

func (d *decoder) name(key string) string {
	s, ok := d.string(key)
	if ok && !validName(s) {
		d.refuse(key, s, "not a name")
		return ""
	}
	return d.intern(s)
}

func (d *decoder) choice(key string, words []string) string {
	s, ok := d.string(key)
	i := slices.Index(words, s)
	if i >= 0 {
		return words[i]
	}
	if ok {
		d.refuse(key, s, "unknown word")
	}
	return ""
}

func (d *decoder) bool(key string) bool {
	t := d.token()
	v, ok := t.(bool)
	if !ok && d.err == nil {
		d.refuse(key, literal(t), "want true or false")
		d.skip(t)
	}
	return v
}

func (d *decoder) number(key string, bits int, limitless bool) Number {
	t := d.token()
	if d.err != nil {
		return Number{}
	}
	if limitless && t == unlimited {
		return Num(math.MaxUint64)
	}
	s, _ := t.(json.Number)
	n, err := strconv.ParseUint(s.String(), 10, bits)
	if err != nil || limitless && n == math.MaxUint64 {
		d.refuse(key, literal(t), "want a number of "+strconv.Itoa(bits)+" bits")
		d.skip(t)
	}
	return Num(n)
}

// signed takes a number that is -1 or the number of a namespace.
func (d *decoder) signed(key string) int32 {
	t := d.token()
	s, _ := t.(json.Number)
	n, err := strconv.ParseInt(s.String(), 10, 32)
	if d.err == nil && (err != nil || n < -1 || s == "-0") {
		d.refuse(key, literal(t), "want -1 to 2147483647")
		d.skip(t)
		return 0
	}
	return int32(n)
}

func (d *decoder) scalar(key string) Scalar {
	switch t := d.token().(type) {
	case bool:
		return BoolScalar(t)
	case string:
		if !validText(t) {
			d.refuse(key, t, "control characters")
		}
		return TextScalar(t)
	case json.Number:
		n, err := strconv.ParseUint(t.String(), 10, 64)
		if err != nil {
			d.refuse(key, t.String(), "want a number of 64 bits")
		}
		return NumberScalar(n)
	case json.Delim:
		d.refuse(key, t.String(), "want a number, a string, true or false")
		d.skip(t)
	default:
		d.refuse(key, "null", "want a number, a string, true or false")
	}
	return Scalar{}
}

// intern keeps one copy of every name, of which there are few in many rows.
func (d *decoder) intern(s string) string {
	if kept, ok := d.names[s]; ok {
		return kept
	}
	if len(d.names) < 4096 {
		d.names[s] = s
	}
	return s
}

// ParseError says where and why an input was refused. It is
// [switchdev.ErrInvalid] to errors.Is. The row that it is about is lost.
type ParseError struct {
	// Line and Column count from 1, the column in bytes.
	Line, Column int
	// What is the key of the member, or "row" or "json".
	What string
	// Input is the text that was refused, shortened if it is long.
	Input string
	// Reason says what is wrong with it.
	Reason string
}

// Error returns a text such as
//
//	line 1, column 47: lanes "x": want a number of 32 bits
func (e *ParseError) Error() string {
	return "line " + strconv.Itoa(e.Line) + ", column " + strconv.Itoa(e.Column) + ": " + e.What + " " + strconv.Quote(e.Input) + ": " + e.Reason
}

// Unwrap returns [switchdev.ErrInvalid].
func (e *ParseError) Unwrap() error { return switchdev.ErrInvalid }

// shorten keeps an error readable.
func shorten(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
