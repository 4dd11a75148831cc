package show

import (
	"io"
	"strconv"

	"github.com/switchcore/switchcore/devlink"
)

// WriteMessage prints what a health reporter has to say as "devlink health diagnose"
// and "devlink health dump show" do, to w in a format; Members is as JSON. The error of
// a message that is invalid, or not whole, is returned and nothing printed.
func WriteMessage(w io.Writer, f Format, m *devlink.Message) error {
	b, err := m.AppendJSON(nil)
	if err != nil {
		return err
	}
	p := printer{text: f == Text || f > Members, pretty: f == Pretty, indent: 2}
	switch {
	case p.text:
		p.messageText(m)
		b = p.buf
	case p.pretty:
		p.messageJSON(m)
		b = append(p.buf, '\n')
	default:
		b = append(b, '\n')
	}
	_, err = w.Write(b)
	return err
}

// messageJSON prints what [devlink.Message.AppendJSON] does, pretty.
func (p *printer) messageJSON(m *devlink.Message) {
	p.begin('{')
	for it := range m.Items() {
		switch {
		case it.Open == devlink.NestPair && !it.Close:
			p.member([]byte(it.Name))
		case it.Open == devlink.NestObject && !it.Close:
			p.begin('{')
		case it.Open == devlink.NestObject:
			p.end('}')
		case it.Open == devlink.NestArray && !it.Close:
			p.array()
		case it.Open == devlink.NestArray:
			p.unarray()
		case it.Open == 0:
			p.value(it.Value)
		}
	}
	p.end('}')
}

// value prints a value of a message as JSON, which has binaries as arrays.
func (p *printer) value(v any) {
	switch v := v.(type) {
	case string:
		p.word(v)
	case []byte:
		p.array()
		for _, b := range v {
			p.digits(uint64(b))
		}
		p.unarray()
	default:
		p.bare(plain(v))
	}
}

// plain is a value of a message in text.
func plain(v any) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case uint8:
		return strconv.Itoa(int(v))
	case uint32:
		return strconv.FormatUint(uint64(v), 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	case string:
		return v
	}
	return "null"
}

// messageText prints pairs side by side, and what has more within it in lines below.
func (p *printer) messageText(m *devlink.Message) {
	name := ""     // of the pair that has begun
	named := false // it has no value yet
	for it := range m.Items() {
		switch {
		case it.Open == devlink.NestPair:
			name, named = it.Name, !it.Close
		case it.Open != 0 && !it.Close:
			p.nest(name, named)
			named = false
		case it.Open != 0:
			p.newline()
			p.indent -= 2
		default:
			if b, ok := it.Value.([]byte); ok {
				p.binary(name, named, b)
				named = false
				continue
			}
			p.space()
			if named {
				p.buf = append(append(p.buf, name...), ':', ' ')
			}
			p.buf = append(p.buf, plain(it.Value)...)
			named = false
		}
	}
	if len(p.buf) > 0 {
		p.newline()
	}
}

// nest begins lines below.
func (p *printer) nest(name string, named bool) {
	if len(p.buf) > 0 {
		p.newline()
	}
	if named {
		p.space()
		p.buf = append(append(p.buf, name...), ':')
		p.newline()
	}
	p.indent += 2
}

// binary prints bytes, 16 bytes a line.
func (p *printer) binary(name string, named bool, v []byte) {
	const digits = "0123456789abcdef"
	p.nest(name, named)
	for i, b := range v {
		if i%16 == 0 {
			p.newline()
			p.spaces(p.indent)
			p.fresh = false
		}
		p.buf = append(p.buf, digits[b>>4], digits[b&15], ' ')
	}
	p.newline()
	p.indent -= 2
}
