package show

import (
	"encoding/json"
	"errors"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/switchcore/switchcore/switchdev"
)

// Read returns the rows that r holds of a section, as "devlink -j" prints them; a
// section of 0 is the one that the input says. JSON and Pretty are read alike. It
// reads as it yields, and may be ranged over once. Text is not read: the only row is
// an error that matches [switchdev.ErrUnsupported].
//
// A row that makes no sense is yielded as a [*ParseError] with the row as far as it
// was understood, and the next one follows; so a program can skip what a newer tool
// prints. What ends the sequence is the end of the input, an error of r, as it is,
// and input that is not JSON. Members of a row may come in any order, and a place as
// often as the tool pleases.
//
// Members has no section's name; there the section must be given.
func Read(r io.Reader, s Section, f Format) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		switch {
		case f == Text || f > Members || s >= numSections || s == Flashes || f == Members && s == 0:
			yield(nil, &switchdev.OpError{Op: "devlink.show", Object: f.String(), Reason: "this is not read", Err: switchdev.ErrUnsupported})
			return
		}
		in := newReader(r, yield)
		if f == Members {
			in.lines(s)
		} else {
			in.listing(s)
		}
	}
}

// Parse returns the rows of one member that a line holds, such as
//
//	{"pci/0000:01:00.0":{"reload_failed":true}}
//
// It is what a line of [Members] is. The error is a [*ParseError].
func Parse(s Section, line string) ([]Row, error) {
	var rows []Row
	for r, err := range Read(strings.NewReader(line), s, Members) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// reader reads listings.
type reader struct {
	*decoder
	form  form
	yield func(Row, error) bool
	left  bool // the caller has gone
}

func newReader(r io.Reader, yield func(Row, error) bool) *reader {
	in := &reader{decoder: newDecoder(r), yield: yield}
	in.form.in = in.decoder
	return in
}

// hand yields a row.
func (in *reader) hand(r Row) {
	if !in.broken() && !in.left {
		in.left = !in.yield(r, in.result())
	}
}

// finish yields why the input ended too early, if it did.
func (in *reader) finish() {
	if in.broken() && !in.left {
		in.yield(nil, in.end())
	}
}

func (in *reader) going() bool { return !in.left && in.more() }

// listing reads one object with one section.
func (in *reader) listing(s Section) {
	defer in.finish()
	if !in.delim('{') {
		return
	}
	key, _ := in.token().(string)
	found := sectionOf(key, false)
	switch {
	case in.broken():
		return
	case found == 0:
		in.abort("json", key, "no section")
	case s != 0 && s != found:
		in.abort("json", key, "want "+s.String())
	}
	if in.delim('{') {
		in.section(found)
	}
	if in.left || !in.delim('}') || !in.delim('}') {
		return
	}
	in.rest()
}

// lines reads objects with a member or more each, until the input ends.
func (in *reader) lines(s Section) {
	defer in.finish()
	for !in.left {
		t := in.token()
		if errors.Is(in.err, io.EOF) {
			in.err = nil
			return
		}
		if in.err == nil && t != json.Delim('{') {
			in.abort("json", literal(t), "want {")
		}
		if in.section(s); in.left || !in.delim('}') {
			return
		}
	}
}

// section reads the members of a section.
func (in *reader) section(s Section) {
	switch s {
	case Dumps, Reads:
		for in.going() {
			in.chunk(s == Reads)
		}
	case Reloads:
		for in.going() {
			in.reload()
		}
	default:
		for in.going() {
			key, _ := in.token().(string)
			if in.broken() {
				return
			}
			in.entry(s, key, in.where(), sections[s].array)
		}
	}
}

// entry reads what stands under a key: a row, or an array of rows.
func (in *reader) entry(s Section, key string, at place, array bool) {
	p, title, ok := parseKey(key, s == Regions || s == Rates)
	if !ok || !suits(s, p, title) {
		in.refuseAt(at.line, at.column, "json", key, "not a handle of this section")
	}
	p.Bus, p.Device, title = in.intern(p.Bus), in.intern(p.Device), in.intern(title)
	if !array {
		in.row(s, p, title)
		return
	}
	bad := in.fault
	t := in.token()
	if !in.broken() && t != json.Delim('[') {
		in.refuse(s.String(), literal(t), "want [")
		in.skip(t)
		in.hand(made(s, p, title))
		return
	}
	for in.going() {
		if in.fault == nil {
			in.fault = bad
		}
		in.row(s, p, title)
	}
	if in.fault = nil; !in.left {
		in.delim(']')
	}
}

// suits reports whether a key can be one of a section.
func suits(s Section, p Place, title string) bool {
	switch s {
	case Ports:
		return p.OnPort
	case Regions:
		return title != ""
	case Rates:
		return p.OnPort != (title != "")
	case Params, Reporters, Resources, Traps, Groups, Policers:
		return true
	}
	return !p.OnPort
}

func (in *reader) row(s Section, p Place, title string) {
	r := made(s, p, title)
	in.form.read(s.String(), r)
	in.check(r)
	in.hand(r)
}

// check finds what each member alone does not show.
func (in *reader) check(r Row) {
	if in.fault != nil || in.broken() {
		return
	}
	if what := in.form.fault(r); what != "" {
		in.refuseAt(in.begun.line, in.begun.column, "row", keyOf(r), "bad "+what)
	}
}

// made returns an empty row of a section that has places, of which it is.
func made(s Section, p Place, title string) Row {
	switch s {
	case Devs:
		return &Dev{Handle: p.Handle}
	case Ports:
		return &Port{At: p}
	case Params:
		return &Param{At: p}
	case Resources:
		return &Resource{At: p}
	case Regions:
		return &Region{At: p, Name: title}
	case Reporters:
		return &Reporter{At: p}
	case Traps:
		return &Trap{At: p}
	case Groups:
		return &Group{At: p}
	case Policers:
		return &Policer{At: p}
	case Infos:
		return &Info{Handle: p.Handle}
	case Rates:
		return &Rate{At: p, Node: title}
	}
	return &Flash{Handle: p.Handle}
}

// parseKey takes a key apart: bus/device, bus/device/port, or with a name in the
// place of the port if named is set and it is not the number of one.
func parseKey(key string, named bool) (p Place, title string, ok bool) {
	var last string
	p.Bus, p.Device, _ = strings.Cut(key, "/")
	p.Device, last, ok = strings.Cut(p.Device, "/")
	if !ok {
		return p, "", p.valid()
	}
	n, err := strconv.ParseUint(last, 10, 32)
	switch {
	case err == nil && strconv.FormatUint(n, 10) == last:
		p.Port, p.OnPort = uint32(n), true
	case named && validName(last):
		title = last
	default:
		return p, "", false
	}
	return p, title, p.valid()
}

// reload reads the one member of its section.
func (in *reader) reload() {
	r := new(Reload)
	in.form.seen = 0
	in.member(r)
	in.hand(r)
}

// member reads the next member of the object that is open into a row.
func (in *reader) member(r record) {
	key, _ := in.token().(string)
	if !in.broken() {
		in.form.take(r, key)
	}
}

// chunk reads an address and the data behind it, whose keys come again and again.
func (in *reader) chunk(read bool) {
	c := &Chunk{Read: read}
	in.form.seen = 0
	in.member(c)
	if in.begun = in.where(); in.going() {
		in.member(c)
	}
	in.form.finish(c)
	in.hand(c)
}

// read reads an object, whose members may come in any order, but once.
func (f *form) read(key string, r record) {
	if !f.in.enter(key, '{') {
		return
	}
	if f.depth++; f.depth > deepest {
		f.in.refuse(key, "{", "too many objects within each other")
		f.in.skip(json.Delim('{'))
		f.depth--
		return
	}
	defer func() { f.depth-- }()
	seen, index, want, begun := f.seen, f.index, f.want, f.in.begun
	f.seen, f.in.begun = 0, f.in.where()
	for f.in.more() {
		if key, _ := f.in.token().(string); !f.in.broken() {
			f.take(r, key)
		}
	}
	f.in.delim('}')
	f.finish(r)
	if f.seen, f.index, f.want = seen, index, want; want != "" {
		f.hit, f.in.begun = true, begun // it was within another object
	}
}

// take reads the value of one member.
func (f *form) take(r record, key string) {
	f.mode, f.want, f.hit, f.index = reading, key, false, 0
	if r.members(f); !f.hit {
		f.in.refuse("row", key, "unknown key")
		f.in.skip(f.in.token())
	}
	f.want = ""
}

// finish finds what is missing.
func (f *form) finish(r record) {
	f.mode, f.index = finishing, 0
	r.members(f)
	f.mode = reading
}
