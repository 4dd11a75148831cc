package jsonread

import "io"

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
