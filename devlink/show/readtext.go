package show

import (
	"encoding/hex"
	"io"
	"slices"
	"strconv"
	"strings"
)

// textReader reads listings of text.
type textReader struct {
	*text
	rows
}

func newTextReader(r io.Reader, yield func(Row, error) bool) *textReader {
	in := &textReader{newText(r), rows{yield: yield}}
	in.form.in = in.text
	return in
}

// listing reads a section.
func (in *textReader) listing(s Section) {
	defer in.finish()
	short := false
	for !in.left && in.peek() {
		in.advance()
		switch s {
		case Dumps, Reads:
			short = in.chunk(s == Reads, short)
		case Reloads:
			in.reload()
		default:
			in.heading(s, sections[s].array)
		}
	}
}

// heading reads a row that begins with its place, or the rows of one.
func (in *textReader) heading(s Section, array bool) {
	in.section = s
	row := nest{kind: nestRow, own: in.now.indent}
	if in.events {
		row.own = -1 // the tool loses its place behind a health reporter
	}
	p, title, ok := in.handle(s, row)
	if !ok {
		in.at = in.stop
	}
	if !array {
		in.wait = row
		in.row(s, p, title)
		return
	}
	if in.more() {
		in.refuse(s.String(), in.take(), "want the end of the line")
		in.at = in.stop
	}
	bad, n := in.fault, 0
	for in.fault = nil; !in.left && in.goes(row); n++ {
		in.fault, in.wait = bad, nest{kind: nestElement}
		in.row(s, p, title)
	}
	if in.fault = bad; n == 0 && bad != nil {
		in.hand(made(s, p, title))
	}
	in.fault = nil
}

// handle takes the place with which a line begins, and its colon, which only instances of
// which there is nothing more to say don't have.
func (in *textReader) handle(s Section, row nest) (p Place, title string, ok bool) {
	w := in.take()
	key, colon := strings.CutSuffix(w, ":")
	if s == Devs && !in.more() && !in.under(row.own) {
		key, colon = w, true // a colon is part of the name
	}
	if p, title, ok = parseKey(key, s == Regions || s == Rates); !ok || !suits(s, p, title) {
		in.refuse("text", w, "not a handle of this section")
		ok = false
	} else if !colon {
		in.refuse("text", w, "want a colon behind the handle")
	}
	p.Bus, p.Device, title = in.names.Of(p.Bus), in.names.Of(p.Device), in.names.Of(title)
	return p, title, ok
}

// reload reads what a reload has done.
func (in *textReader) reload() {
	r := new(Reload)
	in.form.seen = 0
	if key, ok := in.title(); ok {
		in.form.take(r, key)
		in.settle()
	} else {
		in.refuse("text", in.take(), "want "+performed+":")
		in.skip(nest{kind: nestRow, own: in.now.indent})
	}
	in.hand(r)
}

// perLine is how many bytes of a region the tool prints in a line.
const perLine = 16

// chunk reads a line of a dump. Only the last one has less than there is room for.
func (in *textReader) chunk(read, short bool) (shorter bool) {
	c := &Chunk{Read: read}
	w := in.take()
	n, err := strconv.ParseUint(w, 16, 64)
	if err != nil || len(w) != 16 || w != strings.ToLower(w) {
		in.refuse("address", w, "want 16 digits in hexadecimal")
	}
	if short {
		in.refuse("data", "", "a line before is too short")
	}
	c.Address = n
	for in.more() {
		w := in.take()
		b, err := hex.DecodeString(w)
		if err != nil || len(b) != 1 || w != strings.ToLower(w) || len(c.Data) == perLine {
			in.refuse("data", w, "want up to 16 bytes in hexadecimal")
			in.at = in.stop
			break
		}
		c.Data = append(c.Data, b...)
	}
	if len(c.Data) == 0 {
		in.take()
		in.refuse("data", "", "missing")
	}
	shorter = short || in.sound() && len(c.Data) < perLine
	in.hand(c)
	return shorter
}

// textEvents reads the events of the monitor in text.
type textEvents struct {
	*textReader
	told
}

func readTextEvents(r io.Reader, yield func(Event, error) bool) {
	in := &textEvents{told: told{yield: yield}}
	in.textReader = newTextReader(r, in.keep)
	in.events = true
	for !in.gone && in.peek() {
		in.advance()
		in.one()
	}
	if in.broken() && !in.gone {
		yield(Event{}, in.end())
	}
}

// one reads an event.
func (in *textEvents) one() {
	in.begin()
	w := in.take()
	at := in.last
	object, verb, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(w, "["), "]"), ",")
	s := sectionOf(object, true)
	in.event.Verb = Verb(slices.Index(verbs, verb) + 1)
	if !in.now.told() || s == 0 || in.event.Verb == 0 {
		in.refuse("text", w, "want an event, such as [port,new]")
		in.skip(nest{kind: nestRow, own: -1})
	} else {
		in.heading(s, s == Reporters)
	}
	if in.bad == nil && (in.count != 1 || !in.event.valid()) {
		in.refuseAt(at, "row", w, "no such event")
	}
	if !in.broken() {
		in.done(in.result())
	}
}
