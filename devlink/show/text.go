package show

import (
	"bufio"
	"io"
	"strings"

	"github.com/switchcore/switchcore/internal/jsonread"
)

// text is the source that the tool's text is: an object is words in a line, keys and
// values by turns, and what is further in below it; a key alone, with a colon behind it,
// has lines of its own.
type text struct {
	textLines
	section Section
	names   jsonread.Names
	fault   *ParseError // of the row; the first one stays
	last    place       // of what was taken last

	at, stop int    // what of the line is still to be taken
	wait     nest   // for whoever takes what has been announced
	nests    []nest // the objects that are open
}

// nest is where an object, an array or a list of entries stands.
type nest struct {
	kind  nestKind
	own   int    // how far in the line begins to which it belongs
	first string // the key with which its like begin
}

type nestKind uint8

const (
	nestNone    nestKind = iota
	nestBlock            // the lines below a title
	nestElement          // a line that begins, and what belongs to it
	nestRow              // what is left of a line, and what is below it
	nestInline           // what is left of a line
)

func newText(r io.Reader) *text {
	return &text{textLines: textLines{in: bufio.NewReaderSize(r, longest)}, names: make(jsonread.Names)}
}

func (in *text) sound() bool { return in.fault == nil && !in.broken() }

func (in *text) result() error {
	fault := in.fault
	in.fault = nil
	if fault != nil {
		return fault
	}
	return nil
}

func (in *text) end() error { return in.err }

func (in *text) where() place { return in.last }

func (in *text) refuse(what, input, reason string) { in.refuseAt(in.last, what, input, reason) }

func (in *text) refuseAt(at place, what, input, reason string) {
	if in.sound() {
		in.fault = &ParseError{Line: at.line, Column: at.column, What: what, Input: jsonread.Shorten(input), Reason: reason}
	}
}

// advance goes to the next line, which peek has found.
func (in *text) advance() {
	in.now, in.ahead = in.ahead, textLine{}
	in.at, in.stop = in.now.indent, len(in.now.text)
	in.last = place{in.now.number, in.at + 1}
}

// more reports whether the line has another word.
func (in *text) more() bool {
	for in.at < in.stop && in.now.text[in.at] == ' ' {
		in.at++
	}
	return in.at < in.stop
}

// take takes the next word of the line, "" if there is none.
func (in *text) take() string {
	in.more()
	in.last = place{in.now.number, in.at + 1}
	rest := in.now.text[in.at:in.stop]
	if i := strings.IndexByte(rest, ' '); i >= 0 {
		rest = rest[:i]
	}
	in.at += len(rest)
	return rest
}

// raw returns what is left of the line behind the space after a key, without taking it.
func (in *text) raw() string {
	if in.at < in.stop {
		in.at++
	}
	in.last = place{in.now.number, in.at + 1}
	return in.now.text[in.at:in.stop]
}

// title takes the line if it is one with lines below it.
func (in *text) title() (key string, ok bool) {
	rest := in.now.text[in.at:in.stop]
	if in.at != in.now.indent || !strings.HasSuffix(rest, ":") || strings.Contains(rest, " ") {
		return "", false
	}
	in.take()
	in.wait = nest{kind: nestBlock, own: in.now.indent}
	return rest[:len(rest)-1], true
}

// goes reports whether a nest goes on: with another word in the line, or in the next one,
// which it takes.
func (in *text) goes(n nest) bool {
	switch {
	case in.more():
		return true
	case n.kind == nestInline:
		return false
	case in.under(n.own), n.kind == nestElement && in.resumed(n):
		in.advance()
		return true
	}
	return false
}

// resumed reports whether the next line is more of an object after lines that were
// further in, and does not begin another one.
func (in *text) resumed(n nest) bool {
	return in.peek() && in.ahead.indent == n.own && in.ahead.word() != n.first && (!in.events || !in.ahead.told())
}

func (in *text) open(key string) bool {
	n := in.wait
	switch in.wait = (nest{}); n.kind {
	case nestNone:
		in.refuse(key, in.take(), "want lines below")
		in.at = in.stop
		return false
	case nestElement:
		n.own, n.first = in.now.indent, in.now.word()
		in.last = place{in.now.number, in.now.indent + 1}
	}
	in.nests = append(in.nests, n)
	return true
}

func (in *text) next() (key string, ok bool) {
	in.settle()
	top := len(in.nests) - 1
	if !in.goes(in.nests[top]) {
		in.nests = in.nests[:top]
		return "", false
	}
	if key, ok = in.title(); !ok {
		key = in.take()
	}
	return in.names.Of(key), true
}

// settle passes over what was announced and nobody took.
func (in *text) settle() {
	if in.wait.kind != nestNone {
		in.pass()
	}
}

// pass passes over lines that were announced, or else the line: nobody knows where in it
// the value of a key ends that is not known.
func (in *text) pass() {
	n := in.wait
	in.wait, in.at = nest{}, in.stop
	if n.kind == nestBlock {
		in.skip(n)
	}
}

// drop passes over the object that was opened last.
func (in *text) drop() {
	top := len(in.nests) - 1
	in.skip(in.nests[top])
	in.nests = in.nests[:top]
}

func (in *text) skip(n nest) {
	for in.at = in.stop; in.goes(n); in.at = in.stop {
	}
}

func (in *text) array(key string, each func()) {
	switch n := in.wait; {
	case n.kind == nestBlock:
		in.wait = nest{}
		in.block(n, each)
	case in.more() && in.now.text[in.at] == '[':
		in.brackets(key, each)
	case in.more():
		each() // the tool leaves out the brackets of one alone
	default:
		in.refuse(key, in.take(), "missing")
	}
}

// block calls a function for each element in lines.
func (in *text) block(n nest, each func()) {
	for in.goes(n) {
		if in.at == in.now.indent {
			in.wait = nest{kind: nestElement}
		}
		number, at := in.now.number, in.at
		if each(); in.now.number == number && in.at == at {
			in.take() // so that there is an end
		}
		in.wait = nest{}
	}
}

// brackets calls a function for each element in brackets.
func (in *text) brackets(key string, each func()) {
	stop := in.stop
	in.at++
	n := strings.IndexByte(in.now.text[in.at:stop], ']')
	if n < 0 {
		in.last = place{in.now.number, in.at}
		in.refuse(key, in.now.text[in.at-1:stop], "want ]")
		in.at = stop
		return
	}
	in.stop = in.at + n
	for in.more() {
		each()
	}
	in.at, in.stop = in.stop+1, stop
}

func (in *text) arrayOr(key, word string, each func()) {
	if in.wait.kind != nestBlock {
		if w, ok := in.value(key); ok && w != word {
			in.refuse(key, w, "want "+word+" or lines below")
		}
		return
	}
	n := 0
	in.array(key, func() { n++; each() })
	if n == 0 {
		in.refuse(key, "", "empty")
	}
}

func (in *text) entries(key string, each func(key string)) {
	n := in.wait
	if in.wait = (nest{}); n.kind != nestBlock {
		in.refuse(key, in.take(), "want lines below")
		in.at = in.stop
		return
	}
	for in.goes(n) {
		w := in.take()
		if end := strings.TrimSuffix(w, ":"); strings.Contains(w, "/") && in.more() {
			w = end
		}
		in.wait = nest{kind: nestInline}
		each(in.names.Of(w))
		in.wait, in.at = nest{}, in.stop
	}
}
