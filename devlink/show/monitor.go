package show

import (
	"encoding/json"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/switchcore/switchcore/switchdev"
)

// Monitor prints events as "devlink monitor" does. It hands over what it prints with
// every event. A Monitor is used by one goroutine at a time; without Close the end of
// JSON is missing.
type Monitor struct {
	w      io.Writer
	format Format
	form   form
	closed bool
	err    error // of w; it stays
}

// NewMonitor returns a Monitor in a format to w. A format that is none counts as Text.
// Members has each event in a line of its own.
func NewMonitor(w io.Writer, f Format) *Monitor {
	if f > Members {
		f = Text
	}
	m := &Monitor{w: w, format: f}
	m.form.out = printer{buf: make([]byte, 0, room), text: f == Text, pretty: f == Pretty, fresh: true}
	if f == JSON || f == Pretty {
		m.form.out.begin('{')
		m.form.out.name("mon")
		m.form.out.array()
	}
	return m
}

// Write prints an event; nothing if the tool prints nothing of such, which it does of
// rates. An event that makes no sense is not printed and its error returned, as with
// [Check]; others after it can be. Errors of the underlying writer stay.
func (m *Monitor) Write(e Event) error {
	switch {
	case m.err != nil:
		return m.err
	case m.closed:
		return &switchdev.OpError{Op: "devlink.show", Reason: "the monitor is closed", Err: switchdev.ErrClosed}
	case !e.valid():
		return &switchdev.OpError{Op: "devlink.show", Object: e.Verb.String(), Reason: "no such event", Err: switchdev.ErrInvalid}
	case m.form.fault(e.Row) != "":
		return Check(e.Row)
	}
	s := sections[e.Row.Section()]
	if s.event == "" {
		return nil
	}
	m.form.mode = printing
	p := &m.form.out
	if p.text {
		p.buf = append(append(append(append(p.buf, '['), s.event...), ','), e.Verb.String()...)
		p.buf = append(p.buf, ']', ' ')
		m.form.told(e.Row)
		return m.flush()
	}
	if m.format == Members {
		p.more, p.depth = false, 0
	}
	p.begin('{')
	p.key("command")
	p.word(e.Verb.String())
	p.open(s.event)
	m.form.told(e.Row)
	p.close()
	p.end('}')
	if m.format == Members {
		p.buf = append(p.buf, '\n')
	}
	return m.flush()
}

// told prints the row of an event under its key. Of all kinds only reporters stand in
// arrays there.
func (f *form) told(r Row) {
	if r.Section() != Reporters {
		f.keyed(r)
		return
	}
	f.head(r.Place())
	f.element(r)
	if !f.out.text {
		f.out.unarray()
	}
}

// Close prints the end. It does not close the underlying writer. Closing again returns
// what closing returned.
func (m *Monitor) Close() error {
	if m.closed || m.err != nil {
		return m.err
	}
	m.closed = true
	if m.format == JSON || m.format == Pretty {
		m.form.out.unarray()
		m.form.out.end('}')
		m.form.out.buf = append(m.form.out.buf, '\n')
	}
	return m.flush()
}

func (m *Monitor) flush() error {
	if b := m.form.out.buf; len(b) > 0 {
		_, m.err = m.w.Write(b)
		m.form.out.buf = b[:0]
	}
	return m.err
}

// ReadEvents returns the events that r holds as a [Monitor] prints them in a format but
// Text. It reads as it yields, and may be ranged over once. What [Read] says of errors
// applies.
func ReadEvents(r io.Reader, f Format) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if f == Text || f > Members {
			yield(Event{}, &switchdev.OpError{Op: "devlink.show", Object: f.String(), Reason: "this is not read", Err: switchdev.ErrUnsupported})
			return
		}
		in := &eventReader{yield: yield}
		in.reader = newReader(r, in.keep)
		defer func() {
			if in.broken() && !in.left {
				yield(Event{}, in.end())
			}
		}()
		if f == Members {
			in.stream()
		} else {
			in.monitor()
		}
	}
}

// eventReader reads events, whose rows it keeps until it has all of them.
type eventReader struct {
	*reader
	yield func(Event, error) bool
	event Event
	bad   error
	rows  int
}

// keep takes what the reader of rows hands.
func (in *eventReader) keep(r Row, err error) bool {
	in.event.Row, in.rows = r, in.rows+1
	if in.bad == nil {
		in.bad = err
	}
	return true
}

func (in *eventReader) monitor() {
	if !in.delim('{') {
		return
	}
	if key, _ := in.token().(string); !in.broken() && key != "mon" {
		in.abort("json", key, "want mon")
	}
	if !in.delim('[') {
		return
	}
	for in.going() {
		if in.delim('{') {
			in.one()
		}
	}
	if in.left || !in.delim(']') || !in.delim('}') {
		return
	}
	in.rest()
}

func (in *eventReader) stream() {
	for !in.left {
		t := in.token()
		if errors.Is(in.err, io.EOF) {
			in.err = nil
			return
		}
		if in.err == nil && t != json.Delim('{') {
			in.abort("json", literal(t), "want {")
		}
		if in.broken() {
			return
		}
		in.one()
	}
}

// one reads an event, whose bracket was taken.
func (in *eventReader) one() {
	in.event, in.bad, in.rows = Event{}, nil, 0
	at := in.where()
	for in.more() {
		key, _ := in.token().(string)
		s := sectionOf(key, true)
		switch {
		case in.broken():
		case key == "command" && in.event.Verb == 0:
			in.event.Verb = Verb(slices.Index(verbs, in.choice(key, verbs)) + 1)
		case s != 0 && in.rows == 0:
			in.members(key, func(key string) { in.entry(s, key, in.where(), s == Reporters) })
		default:
			in.refuse("row", key, "unknown key, or twice")
			in.skip(in.token())
		}
	}
	in.delim('}')
	if in.bad == nil && (in.rows != 1 || !in.event.valid()) {
		in.refuseAt(at.line, at.column, "row", in.event.Verb.String(), "no such event")
	}
	if in.broken() {
		return
	}
	if err := in.result(); in.bad == nil {
		in.bad = err
	}
	in.left = !in.yield(in.event, in.bad)
}

// ParseEvent returns the event that a line holds, as [Event.String] writes it; it may end
// with a newline. Of the row there is what the line has. The error is a [*ParseError].
func ParseEvent(line string) (Event, error) {
	line = strings.TrimSuffix(line, "\n")
	word, rest, _ := strings.Cut(line, " ")
	handle, object, shown := strings.Cut(rest, " ")
	i := slices.IndexFunc(eventWords, func(w struct {
		word    string
		section Section
		verb    Verb
	}) bool {
		return w.word == word
	})
	if i < 0 {
		return Event{}, &ParseError{Line: 1, Column: 1, What: "event", Input: shorten(word), Reason: "unknown word"}
	}
	s := eventWords[i].section
	p, _, ok := parseKey(handle, false)
	e := Event{eventWords[i].verb, made(s, p, "")}
	fail := func(at int, what, input, reason string) (Event, error) {
		return e, &ParseError{Line: 1, Column: at + 1, What: what, Input: shorten(input), Reason: reason}
	}
	if !ok || p.OnPort && (s == Devs || s == Regions || s == Flashes) || !p.OnPort && s == Ports {
		return fail(len(word)+1, "event", handle, "not a handle of this kind")
	}
	at := len(word) + len(handle) + 2
	if bare := e.Verb == Begin || e.Verb == End; bare != !shown {
		return fail(min(at, len(line)), "event", object, "an object where none belongs, or none")
	} else if bare {
		return e, nil
	}
	in := newReader(strings.NewReader(object), nil)
	in.decoder.at.column = at + 1
	if in.form.read("event", brief{e.Row}); !in.broken() {
		in.rest()
	}
	if in.broken() {
		return e, in.end()
	}
	if r, ok := e.Row.(*Rate); ok && r.At.OnPort == (r.Node != "") {
		in.refuseAt(1, at+1, "event", handle, "a leaf has a port, a node a name")
	}
	return e, in.result()
}
