package show

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// longest is how long a line may be.
const longest = 1 << 16

// textLine is a line of text without its end.
type textLine struct {
	text   string
	number int // from 1 on; 0 is no line
	indent int // how many spaces it begins with
}

// word returns the first word of the line.
func (l textLine) word() string {
	w, _, _ := strings.Cut(l.text[l.indent:], " ")
	return w
}

// told reports whether an event of the monitor begins with the line.
func (l textLine) told() bool {
	w := l.word()
	return strings.HasPrefix(w, "[") && strings.HasSuffix(w, "]") && strings.Contains(w, ",")
}

// textLines reads lines, of which it looks one ahead. Those of spaces alone it passes
// over.
type textLines struct {
	in     *bufio.Reader
	events bool // an event belongs to nothing, however far in it begins
	now    textLine
	ahead  textLine
	read   int   // lines
	err    error // of the input; nothing is read after it
}

// peek looks for another line.
func (in *textLines) peek() bool {
	for in.ahead.number == 0 && in.err == nil {
		b, err := in.in.ReadSlice('\n')
		in.read++
		text := strings.TrimSuffix(string(b), "\n")
		switch indent := len(text) - len(strings.TrimLeft(text, " ")); {
		case errors.Is(err, bufio.ErrBufferFull):
			in.err = &ParseError{Line: in.read, Column: longest, What: "text", Reason: "the line is too long"}
		case err != nil && !errors.Is(err, io.EOF):
			in.err = err
		case indent < len(text):
			in.ahead = textLine{text, in.read, indent}
		}
		if in.err == nil {
			in.err = err // the end
		}
	}
	return in.ahead.number > 0 && !in.broken()
}

// broken reports whether the input has not just ended.
func (in *textLines) broken() bool { return in.err != nil && !errors.Is(in.err, io.EOF) }

// under reports whether the next line is further in than a line.
func (in *textLines) under(indent int) bool {
	return in.peek() && in.ahead.indent > indent && (!in.events || !in.ahead.told())
}
