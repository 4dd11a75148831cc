package show

import (
	"encoding/json"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/switchcore/switchcore/internal/jsonread"
)

// decoder is the source that JSON is.
type decoder struct{ *jsonread.Reader }

func newDecoder(r io.Reader) decoder { return decoder{jsonread.New(r)} }

func (d decoder) broken() bool { return d.Broken() }

func (d decoder) sound() bool { return d.Sound() }

// result returns what was wrong with the row, and forgets it.
func (d decoder) result() error {
	if fault := d.Result(); fault != nil {
		return (*ParseError)(fault)
	}
	return nil
}

// end returns what broke the input.
func (d decoder) end() error {
	fault, err := d.End()
	if fault != nil {
		return (*ParseError)(fault)
	}
	return err
}

func (d decoder) where() place {
	line, column := d.Where()
	return place{line, column}
}

func (d decoder) refuse(what, input, reason string) { d.Refuse(what, input, reason) }

func (d decoder) refuseAt(at place, what, input, reason string) {
	d.RefuseAt(at.line, at.column, what, input, reason)
}

func (d decoder) open(key string) bool { return d.Enter(key, '{') }

func (d decoder) next() (key string, ok bool) { return d.Key() }

func (d decoder) pass() { d.Skip(d.Token()) }

func (d decoder) drop() { d.Skip(json.Delim('{')) }

func (d decoder) array(key string, each func()) { d.Array(key, each) }

func (d decoder) entries(key string, each func(key string)) { d.Object(key, each) }

func (d decoder) arrayOr(key, word string, each func()) {
	t := d.Token()
	switch {
	case d.Broken() || t == word:
	case t != json.Delim('['):
		d.Refuse(key, jsonread.Literal(t), "want "+word+" or [")
		d.Skip(t)
	case !d.More():
		d.Delim(']')
		d.Refuse(key, "[]", "empty")
	default:
		for d.More() {
			each()
		}
		d.Delim(']')
	}
}

func (d decoder) word(key string) string {
	s, ok := d.String(key)
	if ok && !validText(s) {
		d.Refuse(key, s, "control characters")
	}
	return s
}

func (d decoder) line(key string) string { return d.word(key) }

func (d decoder) name(key string) string { return d.Name(key, validName) }

func (d decoder) choice(key string, words []string) string {
	s, ok := d.String(key)
	i := slices.Index(words, s)
	if i >= 0 {
		return words[i]
	}
	if ok {
		d.Refuse(key, s, "unknown word")
	}
	return ""
}

func (d decoder) bool(key string) bool { return d.Bool(key) }

func (d decoder) number(key string, bits int, limitless bool) Number {
	t := d.Token()
	if d.Broken() {
		return Number{}
	}
	if limitless && t == unlimited {
		return Num(math.MaxUint64)
	}
	s, _ := t.(json.Number)
	n, err := strconv.ParseUint(s.String(), 10, bits)
	if err != nil || limitless && n == math.MaxUint64 {
		d.Refuse(key, jsonread.Literal(t), wantNumber(bits))
		d.Skip(t)
	}
	return Num(n)
}

func wantNumber(bits int) string { return "want a number of " + strconv.Itoa(bits) + " bits" }

func (d decoder) rate(key string) Number { return d.number(key, rateBits, false) }

// signed takes a number that is -1 or the number of a namespace.
func (d decoder) signed(key string) int32 {
	t := d.Token()
	s, _ := t.(json.Number)
	n, err := strconv.ParseInt(s.String(), 10, 32)
	if !d.Broken() && (err != nil || n < -1 || s == "-0") {
		d.Refuse(key, jsonread.Literal(t), wantSigned)
		d.Skip(t)
		return 0
	}
	return int32(n)
}

const wantSigned = "want -1 to 2147483647"

func (d decoder) scalar(key string) Scalar {
	const want = "want a number, a string, true or false"
	switch t := d.Token().(type) {
	case bool:
		return BoolScalar(t)
	case string:
		if !validText(t) {
			d.Refuse(key, t, "control characters")
		}
		return TextScalar(t)
	case json.Number:
		n, err := strconv.ParseUint(t.String(), 10, 64)
		if err != nil {
			d.Refuse(key, t.String(), wantNumber(64))
		}
		return NumberScalar(n)
	case json.Delim:
		d.Refuse(key, t.String(), want)
		d.Skip(t)
	default:
		d.Refuse(key, "null", want)
	}
	return Scalar{}
}
