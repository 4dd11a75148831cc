package show

import (
	"strconv"
	"strings"
)

// rows makes rows of what a source says, and hands them to who asked for them.
type rows struct {
	form  form
	yield func(Row, error) bool
	left  bool // the caller has gone
}

// hand yields a row.
func (in *rows) hand(r Row) {
	if !in.form.in.broken() && !in.left {
		in.left = !in.yield(r, in.form.in.result())
	}
}

// finish yields why the input ended too early, if it did.
func (in *rows) finish() {
	if in.form.in.broken() && !in.left {
		in.yield(nil, in.form.in.end())
	}
}

// row reads a row of a place.
func (in *rows) row(s Section, p Place, title string) {
	r := made(s, p, title)
	in.form.read(s.String(), r)
	in.check(r)
	in.hand(r)
}

// check finds what each member alone does not show.
func (in *rows) check(r Row) {
	if !in.form.in.sound() {
		return
	}
	if what := in.form.fault(r); what != "" {
		in.form.in.refuseAt(in.form.begun, "row", keyOf(r), "bad "+what)
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

// read reads an object, whose members may come in any order, but once.
func (f *form) read(key string, r record) {
	if !f.in.open(key) {
		return
	}
	if f.depth++; f.depth > deepest {
		f.in.refuse(key, "{", "too many objects within each other")
		f.in.drop()
		f.depth--
		return
	}
	defer func() { f.depth-- }()
	seen, index, want, begun := f.seen, f.index, f.want, f.begun
	f.seen, f.begun = 0, f.in.where()
	for key, ok := f.in.next(); ok; key, ok = f.in.next() {
		f.take(r, key)
	}
	f.finish(r)
	if f.seen, f.index, f.want = seen, index, want; want != "" {
		f.hit, f.begun = true, begun // it was within another object
	}
}

// take reads the value of one member.
func (f *form) take(r record, key string) {
	f.mode, f.want, f.hit, f.index = reading, key, false, 0
	if r.members(f); !f.hit {
		f.in.refuse("row", key, "unknown key")
		f.in.pass()
	}
	f.want = ""
}

// finish finds what is missing.
func (f *form) finish(r record) {
	f.mode, f.index = finishing, 0
	r.members(f)
	f.mode = reading
}
