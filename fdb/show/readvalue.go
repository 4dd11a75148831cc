package show

import (
	"encoding/json"
	"strconv"

	"github.com/switchcore/switchcore/internal/jsonread"
)

// The values of members. Each takes the whole value, whatever it is.

func parsed[T any](p decoder, key string, parse func(string) (T, error)) (v T) {
	s, ok := p.String(key)
	if !ok {
		return v
	}
	v, err := parse(s)
	if err != nil {
		p.Refuse(key, s, err.Error())
	}
	return v
}

func (p decoder) name(key string) string { return p.Name(key, validName) }

func (p decoder) number(key string, low, high uint32) Number {
	t := p.Token()
	if p.Broken() {
		return Number{}
	}
	s, _ := t.(json.Number)
	n, err := strconv.ParseUint(s.String(), 10, 32)
	if err != nil || uint32(n) < low || uint32(n) > high {
		p.Refuse(key, jsonread.Literal(t), "want "+strconv.FormatUint(uint64(low), 10)+" to "+strconv.FormatUint(uint64(high), 10))
		p.Skip(t)
		return Number{}
	}
	return Num(uint32(n))
}

func (p decoder) flags() (f Flags) {
	p.Array("flags", func() {
		word, ok := p.String("flags")
		flag := flagOf(word)
		switch {
		case !ok:
		case flag == 0:
			p.Refuse("flags", word, "unknown word")
		case f&flag != 0:
			p.Refuse("flags", word, "twice")
		}
		f |= flag
	})
	return f
}
