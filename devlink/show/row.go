package show

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/switchdev"
)

// Row is what devlink(8) prints of one object: a *[Dev], *[Port], *[Param],
// *[Resource], *[Region], *[Reporter], *[Trap], *[Group], *[Policer], *[Info], *[Rate],
// *[Reload], *[Chunk] or *[Flash]. What is zero is not printed, if the tool can leave
// it out at all. Only this package has rows.
type Row interface {
	// Section is the listing that the row belongs to.
	Section() Section
	// Place is the object's handle, with its port if the object is one or belongs
	// to one.
	Place() Place

	title() string
	members(f *form)
}

// Section is a listing, each of which one command prints.
type Section uint8

// The sections, by what devlink(8) prints them. Flashes has only events.
const (
	Devs      Section = iota + 1 // dev show
	Ports                        // port show
	Params                       // dev param show, port param show
	Resources                    // resource show
	Regions                      // region show, region new
	Reporters                    // health show
	Traps                        // trap show
	Groups                       // trap group show
	Policers                     // trap policer show
	Infos                        // dev info
	Rates                        // port function rate show
	Reloads                      // dev reload ... action, limit
	Dumps                        // region dump
	Reads                        // region read
	Flashes                      // monitor
	numSections
)

// section is how a section is written.
type section struct {
	key   string // around the listing
	event string // around one object in the monitor, "" if it prints none
	array bool   // the rows of one place are an array
}

var sections = [numSections]section{
	Devs: {"dev", "dev", false}, Ports: {"port", "port", false}, Params: {"param", "param", true},
	Resources: {"resources", "", true}, Regions: {"regions", "region", false}, Reporters: {"health", "health", true},
	Traps: {"trap", "trap", true}, Groups: {"trap_group", "trap-group", true}, Policers: {"trap_policer", "trap-policer", true},
	Infos: {"info", "", false}, Rates: {"rate", "", false}, Reloads: {"reload", "", false},
	Dumps: {"dump", "", false}, Reads: {"read", "", false}, Flashes: {"", "flash", false},
}

// String returns the key that the section has in JSON, for instance "trap_group";
// "flash" for Flashes.
func (s Section) String() string {
	switch {
	case s == 0 || s >= numSections:
		return "section?"
	case s == Flashes:
		return "flash"
	}
	return sections[s].key
}

// sectionOf returns the section that a listing's key, or an event's, names; 0 if none.
func sectionOf(key string, event bool) Section {
	for s := Devs; s < numSections; s++ {
		if key != "" && (!event && sections[s].key == key || event && sections[s].event == key) {
			return s
		}
	}
	return 0
}

// Place is a handle and perhaps a port. Places can be compared with ==.
type Place struct {
	devlink.Handle
	// Port is the port, if OnPort is set.
	Port   uint32
	OnPort bool
}

// String returns the place as the tool prints it, for instance "pci/0000:01:00.0/1".
func (p Place) String() string { return string(p.append(nil)) }

func (p Place) append(b []byte) []byte {
	b = append(append(append(b, p.Bus...), '/'), p.Device...)
	if p.OnPort {
		b = strconv.AppendUint(append(b, '/'), uint64(p.Port), 10)
	}
	return b
}

func (p Place) valid() bool {
	return validName(p.Bus) && validName(p.Device) && (p.OnPort || p.Port == 0)
}

// Number is a number that may be missing. The zero Number is missing.
type Number struct {
	Value uint64
	Shown bool
}

// Num returns a number that is there.
func Num(v uint64) Number { return Number{v, true} }

// String returns the number in decimal, or nothing.
func (n Number) String() string {
	if !n.Shown {
		return ""
	}
	return strconv.FormatUint(n.Value, 10)
}

// Answer is yes, no or nothing. The zero Answer is nothing.
type Answer uint8

// The answers.
const (
	Unsaid Answer = iota
	No
	Yes
)

// AnswerOf returns Yes or No.
func AnswerOf(v bool) Answer {
	if v {
		return Yes
	}
	return No
}

// String returns "true", "false" or nothing.
func (a Answer) String() string { return [...]string{"", "false", "true", "answer?"}[min(a, 3)] }

// Scalar is a value of any of the types that parameters have; the zero Scalar is
// missing. Scalars can be compared with ==.
type Scalar struct {
	kind scalarKind
	n    uint64
	text string
}

type scalarKind uint8

const (
	scalarNone scalarKind = iota
	scalarNumber
	scalarBool
	scalarText
)

// NumberScalar returns the value of a number.
func NumberScalar(v uint64) Scalar { return Scalar{kind: scalarNumber, n: v} }

// BoolScalar returns the value of a bool.
func BoolScalar(v bool) Scalar { return Scalar{kind: scalarBool, n: uint64(AnswerOf(v) - No)} }

// TextScalar returns the value of a string.
func TextScalar(v string) Scalar { return Scalar{kind: scalarText, text: v} }

// Shown reports whether there is a value.
func (s Scalar) Shown() bool { return s.kind != scalarNone }

// Number returns the value of a number, ok being false of anything else.
func (s Scalar) Number() (v uint64, ok bool) { return s.n, s.kind == scalarNumber }

// Bool returns the value of a bool, ok being false of anything else.
func (s Scalar) Bool() (v, ok bool) { return s.kind == scalarBool && s.n != 0, s.kind == scalarBool }

// Text returns the value of a string, ok being false of anything else.
func (s Scalar) Text() (v string, ok bool) { return s.text, s.kind == scalarText }

// String returns the value as the tool prints it, nothing if there is none.
func (s Scalar) String() string {
	switch s.kind {
	case scalarNumber:
		return strconv.FormatUint(s.n, 10)
	case scalarBool:
		return strconv.FormatBool(s.n != 0)
	}
	return s.text
}

// Check says what is wrong with a row that no tool prints, as a
// [*switchdev.OpError] that matches [switchdev.ErrInvalid]: a place that is none, a
// word that the tool has not, a name that has no place in a line, a text that JSON
// cannot hold as the tool writes it, or what must be there and is not.
func Check(r Row) error {
	var f form
	if what := f.fault(r); what != "" {
		return &switchdev.OpError{Op: "devlink.show", Object: keyOf(r), Reason: "bad " + what, Err: switchdev.ErrInvalid}
	}
	return nil
}

// keyOf is what stands before a row.
func keyOf(r Row) string { return string(appendKey(nil, r)) }

func appendKey(b []byte, r Row) []byte {
	p, title := r.Place(), r.title()
	if s := r.Section(); s == Reloads || s == Dumps || s == Reads {
		return append(b, title...)
	}
	b = p.append(b)
	if title != "" {
		b = append(append(b, '/'), title...)
	}
	return b
}

// validName reports whether s can be part of a handle, or a name.
func validName(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == '/' || s[i] == 0x7f {
			return false
		}
	}
	return s != "" && utf8.ValidString(s)
}

// validText reports whether a string comes back from the tool's JSON, which escapes
// only some of what has to be.
func validText(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && !strings.ContainsRune("\t\n\r\f\b", rune(s[i])) {
			return false
		}
	}
	return utf8.ValidString(s)
}
