package show

import (
	"encoding/json"
	"io"
	"strconv"
)

// The values of members. Each takes the whole value, whatever it is.

func (p *decoder) string(key string) (string, bool) {
	t := p.token()
	s, ok := t.(string)
	if !ok && p.err == nil {
		p.refuse(key, literal(t), "want a string")
		p.skip(t)
	}
	return s, ok
}

func parsed[T any](p *decoder, key string, parse func(string) (T, error)) (v T) {
	s, ok := p.string(key)
	if !ok {
		return v
	}
	v, err := parse(s)
	if err != nil {
		p.refuse(key, s, err.Error())
	}
	return v
}

func (p *decoder) name(key string) string {
	s, ok := p.string(key)
	if ok && !validName(s) {
		p.refuse(key, s, "not a name")
		return ""
	}
	return p.names.get([]byte(s))
}

func (p *decoder) bool(key string) bool {
	t := p.token()
	v, ok := t.(bool)
	if !ok && p.err == nil {
		p.refuse(key, literal(t), "want true or false")
		p.skip(t)
	}
	return v
}

func (p *decoder) number(key string, low, high uint32) Number {
	t := p.token()
	if p.err != nil {
		return Number{}
	}
	s, _ := t.(json.Number)
	n, err := strconv.ParseUint(s.String(), 10, 32)
	if err != nil || uint32(n) < low || uint32(n) > high {
		p.refuse(key, literal(t), "want "+strconv.FormatUint(uint64(low), 10)+" to "+strconv.FormatUint(uint64(high), 10))
		p.skip(t)
		return Number{}
	}
	return Num(uint32(n))
}

func (p *decoder) flags() (f Flags) {
	t := p.token()
	if p.err == nil && t != json.Delim('[') {
		p.refuse("flags", literal(t), "want an array")
		p.skip(t)
		return 0
	}
	for p.err == nil && p.dec.More() {
		word, ok := p.string("flags")
		flag := flagOf(word)
		switch {
		case !ok:
		case flag == 0:
			p.refuse("flags", word, "unknown word")
		case f&flag != 0:
			p.refuse("flags", word, "twice")
		}
		f |= flag
	}
	p.delim(']')
	return f
}

// position remembers what was read since the last token, to say in which line
// and column an offset is.
type position struct {
	r            io.Reader
	kept         []byte // from offset base on, but for what is forgotten
	forgotten    int
	base         int64 // of what is not forgotten
	line, column int   // of base
}

// Read reads on.
func (p *position) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.kept = append(p.kept[:copy(p.kept, p.kept[p.forgotten:])], b[:n]...)
	p.forgotten = 0
	return n, err
}

// skip returns where the token begins that comes after offset from.
func (p *position) skip(from int64) int64 {
	p.line, p.column = p.of(from)
	n := p.length(from)
	p.base += int64(n)
	p.forgotten += n
	for i, c := range p.kept[p.forgotten:] {
		switch c {
		case ' ', '\t', '\r', '\n', ',', ':':
			continue
		}
		return p.base + int64(i)
	}
	return p.base + int64(len(p.kept)-p.forgotten)
}

// of returns the line and the column of an offset.
func (p *position) of(at int64) (line, column int) {
	line, column = p.line, p.column
	for _, c := range p.kept[p.forgotten:][:p.length(at)] {
		column++
		if c == '\n' {
			line, column = line+1, 1
		}
	}
	return line, column
}

// length is how much of what is not forgotten is before an offset.
func (p *position) length(at int64) int {
	return int(min(max(at, p.base)-p.base, int64(len(p.kept)-p.forgotten)))
}
