package show

import (
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/switchcore/switchcore/internal/jsonread"
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

// ReadEvents returns the events that r holds as a [Monitor] prints them in a format, or
// as the tool does. It reads as it yields, and may be ranged over once. What [Read] says
// of errors and of Text applies; of text an event is known to be whole when the next one
// begins.
func ReadEvents(r io.Reader, f Format) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		switch f {
		case Text:
			readTextEvents(r, yield)
		case JSON, Pretty, Members:
			readEvents(r, f, yield)
		default:
			yield(Event{}, &switchdev.OpError{Op: "devlink.show", Object: f.String(), Reason: "this is not read", Err: switchdev.ErrUnsupported})
		}
	}
}

// told is an event that is being read, with its row, of which it hears from a reader of
// rows.
type told struct {
	yield func(Event, error) bool
	gone  bool // the caller
	event Event
	bad   error
	count int // of rows
}

func (in *told) begin() { in.event, in.bad, in.count = Event{}, nil, 0 }

// keep takes what the reader of rows hands.
func (in *told) keep(r Row, err error) bool {
	in.event.Row, in.count = r, in.count+1
	if in.bad == nil {
		in.bad = err
	}
	return true
}

// done yields the event.
func (in *told) done(err error) {
	if in.bad == nil {
		in.bad = err
	}
	in.gone = !in.yield(in.event, in.bad)
}

// eventReader reads events of JSON.
type eventReader struct {
	*reader
	told
}

func readEvents(r io.Reader, f Format, yield func(Event, error) bool) {
	in := &eventReader{told: told{yield: yield}}
	in.reader = newReader(r, in.keep)
	if f == Members {
		in.stream()
	} else {
		in.monitor()
	}
	if in.Broken() && !in.gone {
		yield(Event{}, in.end())
	}
}

func (in *eventReader) monitor() {
	if !in.Delim('{') {
		return
	}
	if key, _ := in.Token().(string); !in.Broken() && key != "mon" {
		in.Abort("json", key, "want mon")
	}
	if !in.Delim('[') {
		return
	}
	for !in.gone && in.More() {
		if in.Delim('{') {
			in.one()
		}
	}
	if in.gone || !in.Delim(']') || !in.Delim('}') {
		return
	}
	in.Rest()
}

func (in *eventReader) stream() {
	for !in.gone && in.object() {
		in.one()
	}
}

// one reads an event, whose bracket was taken.
func (in *eventReader) one() {
	in.begin()
	at := in.where()
	for in.More() {
		key, _ := in.Token().(string)
		s := sectionOf(key, true)
		switch {
		case in.Broken():
		case key == "command" && in.event.Verb == 0:
			in.event.Verb = Verb(slices.Index(verbs, in.choice(key, verbs)) + 1)
		case s != 0 && in.count == 0:
			in.Object(key, func(key string) { in.entry(s, key, in.where(), s == Reporters) })
		default:
			in.Refuse("row", key, "unknown key, or twice")
			in.pass()
		}
	}
	in.Delim('}')
	if in.bad == nil && (in.count != 1 || !in.event.valid()) {
		in.refuseAt(at, "row", in.event.Verb.String(), "no such event")
	}
	if !in.Broken() {
		in.done(in.result())
	}
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
		return Event{}, &ParseError{Line: 1, Column: 1, What: "event", Input: jsonread.Shorten(word), Reason: "unknown word"}
	}
	s := eventWords[i].section
	p, _, ok := parseKey(handle, false)
	e := Event{eventWords[i].verb, made(s, p, "")}
	fail := func(at int, what, input, reason string) (Event, error) {
		return e, &ParseError{Line: 1, Column: at + 1, What: what, Input: jsonread.Shorten(input), Reason: reason}
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
	in := decoder{jsonread.NewAt(strings.NewReader(object), 1, at+1)}
	f := form{in: in}
	if f.read("event", brief{e.Row}); !in.Broken() {
		in.Rest()
	}
	if in.Broken() {
		return e, in.end()
	}
	if r, ok := e.Row.(*Rate); ok && r.At.OnPort == (r.Node != "") {
		in.RefuseAt(1, at+1, "event", handle, "a leaf has a port, a node a name")
	}
	return e, in.result()
}
