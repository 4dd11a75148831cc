package show

import "math"

// printer appends members, as JSON or as text.
type printer struct {
	buf  []byte
	text bool

	// JSON
	pretty bool
	more   bool // something stands before, at this depth
	depth  int

	// Text
	indent int  // of a line that begins
	fresh  bool // a line begins
	tight  bool // no space before the next word
	inline bool // in brackets
}

// separate comes before every value and key but the first.
func (p *printer) separate() {
	if p.more {
		p.buf = append(p.buf, ',')
	}
	p.more = true
}

// wrap begins a line of pretty JSON.
func (p *printer) wrap() {
	if !p.pretty {
		return
	}
	p.buf = append(p.buf, '\n')
	for range p.depth {
		p.buf = append(p.buf, "    "...)
	}
}

// member begins a member of an object of JSON.
func (p *printer) member(key []byte) {
	p.separate()
	p.wrap()
	p.more = false
	p.buf = append(quote(p.buf, key), ':')
	if p.pretty {
		p.buf = append(p.buf, ' ')
	}
}

// key begins a simple member.
func (p *printer) key(k string) {
	if p.text {
		p.word2(k)
		p.buf = append(p.buf, ' ')
		return
	}
	p.name(k)
}

// name begins a member of JSON, of which it says the key.
func (p *printer) name(k string) {
	p.separate()
	p.wrap()
	p.more = false
	p.buf = append(append(append(p.buf, '"'), k...), '"', ':')
	if p.pretty {
		p.buf = append(p.buf, ' ')
	}
}

// word2 is a word of text, with what stands before it.
func (p *printer) word2(w string) {
	p.space()
	p.buf = append(p.buf, w...)
}

func (p *printer) space() {
	switch {
	case p.fresh:
		p.spaces(p.indent)
	case !p.tight:
		p.buf = append(p.buf, ' ')
	}
	p.fresh, p.tight = false, false
}

func (p *printer) spaces(n int) {
	for range n {
		p.buf = append(p.buf, ' ')
	}
}

// newline ends a line of text that has begun.
func (p *printer) newline() {
	if p.text && !p.fresh {
		p.buf = append(p.buf, '\n')
		p.fresh, p.tight = true, false
	}
}

// lead begins a line of text with so many spaces, whatever follows.
func (p *printer) lead(n int) {
	if p.text {
		p.newline()
		p.spaces(n)
		p.fresh, p.tight = false, true
	}
}

// word is a string.
func (p *printer) word(s string) {
	if p.text {
		p.buf = append(p.buf, s...)
		return
	}
	p.separate()
	p.buf = quote(p.buf, s)
}

// bare is a word of JSON itself, or a number.
func (p *printer) bare(s string) {
	if !p.text {
		p.separate()
	}
	p.buf = append(p.buf, s...)
}

func (p *printer) digits(v uint64) {
	if !p.text {
		p.separate()
	}
	p.buf = appendDigits(p.buf, v)
}

// unlimited is the word for the highest number.
const unlimited = "unlimited"

func (p *printer) size(v uint64) {
	if v == math.MaxUint64 {
		p.word(unlimited)
		return
	}
	p.digits(v)
}

func (p *printer) scalar(s Scalar) {
	switch s.kind {
	case scalarNumber:
		p.digits(s.n)
	case scalarBool:
		p.bare(s.String())
	default:
		p.word(s.text)
	}
}

// open begins a member that is an object; in text, lines below a title.
func (p *printer) open(key string) {
	if p.text {
		p.block(key)
		return
	}
	p.name(key)
	p.begin('{')
}

func (p *printer) close() {
	if p.text {
		p.unblock()
		return
	}
	p.end('}')
}

// list begins a member that is an array; in text, lines below a title.
func (p *printer) list(key string) {
	if p.text {
		p.block(key)
		return
	}
	p.name(key)
	p.array()
}

func (p *printer) unlist() {
	if p.text {
		p.unblock()
		return
	}
	p.unarray()
}

func (p *printer) block(title string) {
	p.newline()
	p.spaces(p.indent + 2)
	p.buf = append(append(p.buf, title...), ':', '\n')
	p.indent += 4
	p.fresh, p.tight = true, false
}

func (p *printer) unblock() {
	p.newline()
	p.indent -= 4
}

// begin begins an object of JSON, or an array.
func (p *printer) begin(c byte) {
	if p.text {
		return
	}
	p.separate()
	p.buf = append(p.buf, c)
	p.depth++
	p.more = false
}

func (p *printer) end(c byte) {
	if p.text {
		return
	}
	p.depth--
	if p.more {
		p.wrap()
	}
	p.buf = append(p.buf, c)
	p.more = true
}

// array begins an array that text has in brackets.
func (p *printer) array() {
	if p.text {
		p.buf = append(p.buf, '[')
		p.inline, p.tight = true, true
		return
	}
	p.begin('[')
	if p.pretty {
		p.buf = append(p.buf, ' ')
	}
}

func (p *printer) unarray() {
	if p.text {
		p.buf = append(p.buf, ']')
		p.inline, p.tight = false, false
		return
	}
	if p.pretty && p.more {
		p.buf = append(p.buf, ' ')
	}
	p.more = false
	p.end(']')
}

// item comes before each simple element of an array.
func (p *printer) item() {
	if p.text {
		p.space()
	}
}

// quote appends a string of JSON as the tool writes it, which escapes no more than it
// has to.
func quote[S string | []byte](b []byte, s S) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\t':
			b = append(b, `\t`...)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\f':
			b = append(b, `\f`...)
		case '\b':
			b = append(b, `\b`...)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
