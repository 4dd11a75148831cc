package show

import (
	"math"
	"strconv"
	"strings"
)

// value takes a word, which must be there.
func (in *text) value(key string) (w string, ok bool) {
	switch {
	case in.wait.kind == nestBlock:
		in.refuse(key, "", "want a value, not lines below")
		in.pass()
	case !in.more():
		in.take()
		in.refuse(key, "", "missing")
	default:
		in.wait = nest{}
		return in.take(), true
	}
	return "", false
}

func (in *text) word(key string) string {
	w, ok := in.value(key)
	if ok && !validText(w) {
		in.refuse(key, w, "control characters")
	}
	return w
}

func (in *text) name(key string) string {
	w, ok := in.value(key)
	switch {
	case !ok:
		return ""
	case !validName(w):
		in.refuse(key, w, "not a name")
		return ""
	}
	return in.names.Of(w)
}

// line takes what is left of the line, of that of an update of firmware as much as cannot
// be what follows.
func (in *text) line(key string) string {
	if in.wait.kind == nestBlock {
		in.refuse(key, "", "want a value, not lines below")
		in.pass()
		return ""
	}
	in.wait = nest{}
	s := in.raw()
	if in.section == Flashes {
		s = cutProgress(key, s)
	}
	in.at += len(s)
	if !validText(s) {
		in.refuse(key, s, "control characters")
	}
	return s
}

// cutProgress cuts off what follows the message of a [Flash], or the component.
func cutProgress(key, s string) string {
	for _, k := range [...]string{" total ", " done "} {
		if i := strings.LastIndex(s, k); i >= 0 {
			if _, ok := sizeOf(s[i+len(k):]); ok {
				s = s[:i]
			}
		}
	}
	if i := strings.LastIndex(s, " component "); i >= 0 && key == "msg" {
		s = s[:i]
	}
	return s
}

func (in *text) choice(key string, words []string) string {
	if in.wait.kind != nestBlock && in.more() {
		for _, w := range words {
			rest, ok := strings.CutPrefix(in.now.text[in.at:in.stop], w)
			if ok && (rest == "" || rest[0] == ' ') {
				in.last = place{in.now.number, in.at + 1}
				in.at += len(w)
				return w
			}
		}
	}
	if w, ok := in.value(key); ok {
		in.refuse(key, w, "unknown word")
	}
	return ""
}

func (in *text) bool(key string) bool {
	w, ok := in.value(key)
	if ok && w != "true" && w != "false" {
		in.refuse(key, w, "want true or false")
	}
	return w == "true"
}

// numeral returns the number that a word is, as the tool writes numbers.
func numeral(w string, bits int) (n uint64, ok bool) {
	n, err := strconv.ParseUint(w, 10, bits)
	return n, err == nil && (w == "0" || w[0] != '0')
}

// sizeOf is numeral with a word for the highest number.
func sizeOf(w string) (n uint64, ok bool) {
	if w == unlimited {
		return math.MaxUint64, true
	}
	n, ok = numeral(w, 64)
	return n, ok && n != math.MaxUint64
}

func (in *text) number(key string, bits int, limitless bool) Number {
	w, ok := in.value(key)
	if !ok {
		return Number{}
	}
	n, ok := numeral(w, bits)
	if limitless {
		n, ok = sizeOf(w)
	}
	if !ok {
		in.refuse(key, w, wantNumber(bits))
	}
	return Num(n)
}

func (in *text) signed(key string) int32 {
	w, ok := in.value(key)
	if w == "unknown" || !ok {
		return -1
	}
	n, ok := numeral(w, 31)
	if !ok {
		in.refuse(key, w, wantSigned)
	}
	return int32(n)
}

// rate takes a number with a unit of bits.
func (in *text) rate(key string) Number {
	w, ok := in.value(key)
	if !ok {
		return Number{}
	}
	digits := strings.TrimRight(w, "bitKMGT")
	bits, ok := numeral(digits, 64)
	for _, unit := range rateUnits {
		switch {
		case w[len(digits):] == unit && ok && bits%8 == 0:
			return Num(bits / 8)
		case bits > math.MaxUint64/1000:
			ok = false
		}
		bits *= 1000
	}
	in.refuse(key, w, "want a number of bits, a multiple of 8, such as 10Mbit")
	return Number{}
}

// scalar takes what is left of the line, up to a default if it is not that itself. The
// type is what the value looks like.
func (in *text) scalar(key string) Scalar {
	s := in.raw()
	if i := strings.LastIndex(s, " default "); i >= 0 && key == "value" {
		s = s[:i]
	}
	in.at += len(s)
	if !validText(s) {
		in.refuse(key, s, "control characters")
	}
	n, ok := numeral(s, 64)
	switch {
	case ok:
		return NumberScalar(n)
	case s == "true", s == "false":
		return BoolScalar(s == "true")
	}
	return TextScalar(s)
}
