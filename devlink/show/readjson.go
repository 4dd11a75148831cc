package show

import (
	"encoding/json"
	"io"

	"github.com/switchcore/switchcore/internal/jsonread"
)

// reader reads listings of JSON.
type reader struct {
	decoder
	rows
}

func newReader(r io.Reader, yield func(Row, error) bool) *reader {
	in := &reader{newDecoder(r), rows{yield: yield}}
	in.form.in = in.decoder
	return in
}

func (in *reader) going() bool { return !in.left && in.More() }

// listing reads one object with one section.
func (in *reader) listing(s Section) {
	defer in.finish()
	if !in.Delim('{') {
		return
	}
	key, _ := in.Token().(string)
	found := sectionOf(key, false)
	switch {
	case in.Broken():
		return
	case found == 0:
		in.Abort("json", key, "no section")
	case s != 0 && s != found:
		in.Abort("json", key, "want "+s.String())
	}
	if in.Delim('{') {
		in.section(found)
	}
	if in.left || !in.Delim('}') || !in.Delim('}') {
		return
	}
	in.Rest()
}

// lines reads objects with a member or more each, until the input ends.
func (in *reader) lines(s Section) {
	defer in.finish()
	for !in.left && in.object() {
		if in.section(s); in.left || !in.Delim('}') {
			return
		}
	}
}

// object takes the bracket of an object, if the input has not ended.
func (in *reader) object() bool {
	t, ok := in.Next()
	if ok && t != json.Delim('{') {
		in.Abort("json", jsonread.Literal(t), "want {")
	}
	return ok && !in.Broken()
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
			key, _ := in.Token().(string)
			if in.Broken() {
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
		in.refuseAt(at, "json", key, "not a handle of this section")
	}
	p.Bus, p.Device, title = in.Names.Of(p.Bus), in.Names.Of(p.Device), in.Names.Of(title)
	if !array {
		in.row(s, p, title)
		return
	}
	t := in.Token()
	if !in.Broken() && t != json.Delim('[') {
		in.Refuse(s.String(), jsonread.Literal(t), "want [")
		in.Skip(t)
		in.hand(made(s, p, title))
		return
	}
	bad, n := in.Result(), 0
	for ; in.going(); n++ {
		in.Blame(bad)
		in.row(s, p, title)
	}
	if !in.left {
		in.Delim(']')
	}
	if n == 0 && bad != nil {
		in.Blame(bad)
		in.hand(made(s, p, title))
	}
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
	key, _ := in.Token().(string)
	if !in.Broken() {
		in.form.take(r, key)
	}
}

// chunk reads an address and the data behind it, whose keys come again and again.
func (in *reader) chunk(read bool) {
	c := &Chunk{Read: read}
	in.form.seen = 0
	in.member(c)
	if in.form.begun = in.where(); in.going() {
		in.member(c)
	}
	in.form.finish(c)
	in.hand(c)
}
