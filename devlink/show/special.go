package show

import (
	"strconv"
	"strings"

	"github.com/switchcore/switchcore/devlink"
)

// Nested is an instance within another object. It can be compared with ==.
type Nested struct {
	devlink.Handle
	// NetNS is the name of the namespace where it is, if that is another one and has a
	// name; else ID is its number, -1 if it has none, if HasID is set.
	NetNS string
	ID    int32
	HasID bool
}

// nested is the member that has instances under their handles.
func (f *form) nested(v *[]Nested) {
	const key = "nested_devlink"
	get, put, check := f.step(key, false, *v != nil)
	switch {
	case get:
		*v = []Nested{}
		f.in.entries(key, func(name string) {
			p, title, ok := parseKey(name, false)
			if !ok || p.OnPort || title != "" {
				f.in.refuse(key, name, "not bus/device")
			}
			*v = append(*v, Nested{Handle: p.Handle})
			f.read(key, &(*v)[len(*v)-1])
		})
	case put:
		f.out.open(key)
		for i := range *v {
			f.nest(&(*v)[i])
		}
		f.out.close()
	case check:
		for i := range *v {
			f.blame(key, (*v)[i].valid())
		}
	}
}

func (n *Nested) valid() bool {
	return Place{Handle: n.Handle}.valid() && (n.NetNS == "" || validName(n.NetNS) && !n.HasID) && (n.ID == 0 || n.HasID && n.ID >= -1)
}

func (f *form) nest(n *Nested) {
	var room [96]byte
	key := Place{Handle: n.Handle}.append(room[:0])
	if !f.out.text {
		f.out.member(key)
		f.out.begin('{')
		f.inner(n)
		f.out.end('}')
		return
	}
	f.out.space()
	f.out.buf = append(f.out.buf, key...)
	if n.NetNS != "" || n.HasID {
		f.out.buf = append(f.out.buf, ':')
		f.inner(n)
	}
	f.out.newline()
}

func (n *Nested) members(f *form) {
	f.name("netns", &n.NetNS, false)
	get, put, _ := f.step("netnsid", false, n.HasID)
	switch {
	case get:
		n.ID, n.HasID = f.in.signed("netnsid"), true
	case put:
		f.out.key("netnsid")
		if n.ID < 0 && f.out.text {
			f.out.word("unknown")
		} else {
			f.out.bare(strconv.Itoa(int(n.ID)))
		}
	}
}

// generic is the member that is "generic" or "driver-specific".
func (f *form) generic(key string, v *bool) {
	get, put, _ := f.step(key, true, true)
	switch {
	case get:
		*v = f.in.choice(key, paramKinds) == paramKinds[1]
	case put:
		f.out.key(key)
		f.out.word(paramKinds[AnswerOf(*v)-No])
	}
}

var paramKinds = []string{"driver-specific", "generic"}

// address is a member that is bytes in hexadecimal with colons between.
func (f *form) address(key string, v *string) {
	get, put, check := f.step(key, false, *v != "")
	switch {
	case get:
		if *v = f.in.word(key); !validAddress(*v) {
			f.in.refuse(key, *v, "want bytes in hexadecimal, separated by colons")
		}
	case put:
		f.out.key(key)
		f.out.word(*v)
	case check:
		f.blame(key, *v == "" || validAddress(*v))
	}
}

func validAddress(s string) bool {
	for i := range len(s) {
		if i%3 == 2 && s[i] != ':' || i%3 != 2 && !strings.Contains("0123456789abcdef", s[i:i+1]) {
			return false
		}
	}
	return len(s)%3 == 2
}

// Info is what a device says of itself.
type Info struct {
	devlink.Handle
	// Driver is its driver's name; Serial and BoardSerial are numbers of a kind.
	Driver, Serial, BoardSerial string
	// Versions are those of its parts.
	Versions Versions
}

// Versions are the versions of the parts of a device; nil lists are missing.
type Versions struct {
	Shown                  bool
	Fixed, Running, Stored []Version
}

// Version is the version of one part.
type Version struct{ Name, Value string }

// Section implements [Row].
func (*Info) Section() Section { return Infos }

// Place implements [Row].
func (n *Info) Place() Place { return Place{Handle: n.Handle} }

func (*Info) title() string { return "" }

func (n *Info) members(f *form) {
	for i, v := range [...]*string{&n.Driver, &n.Serial, &n.BoardSerial} {
		if f.mode == printing && *v != "" {
			f.out.lead(2)
		}
		f.line(infoKeys[i], v)
	}
	f.object("versions", &n.Versions.Shown, &n.Versions, false)
}

var infoKeys = [...]string{"driver", "serial_number", "board.serial_number"}

func (v *Versions) members(f *form) {
	f.versions("fixed", &v.Fixed)
	f.versions("running", &v.Running)
	f.versions("stored", &v.Stored)
}

func (f *form) versions(key string, v *[]Version) {
	get, put, check := f.step(key, false, *v != nil)
	switch {
	case get:
		*v = []Version{}
		f.in.entries(key, func(name string) {
			if !validName(name) {
				f.in.refuse(key, name, "not a name")
			}
			value := f.in.line(name)
			*v = append(*v, Version{name, value})
		})
	case put:
		f.out.open(key)
		for _, one := range *v {
			f.out.key(one.Name)
			f.out.word(one.Value)
			f.out.newline()
		}
		f.out.close()
	case check:
		for _, one := range *v {
			f.blame(key, validName(one.Name) && !strings.ContainsAny(one.Name, `"\`) && validText(one.Value))
		}
	}
}

// Rate is a leaf or a node of the tree of transmission rates.
type Rate struct {
	// At is the port of a leaf, or the device of a node; Node is the node's name.
	At   Place
	Node string
	// Share and Max are in bytes a second.
	Share, Max Number
	// Priority and Weight are among what has one parent.
	Priority, Weight Number
	// Parent is the node that it is below.
	Parent string
}

// Section implements [Row].
func (*Rate) Section() Section { return Rates }

// Place implements [Row].
func (r *Rate) Place() Place { return r.At }

func (r *Rate) title() string { return r.Node }

var rateTypes = []string{"leaf", "node"}

func (r *Rate) members(f *form) {
	if f.mode == checking {
		f.blame("place", r.At.OnPort == (r.Node == ""))
	}
	kind := rateTypes[AnswerOf(r.Node != "")-No]
	f.choice("type", &kind, true, rateTypes)
	if f.mode == reading && f.want == "type" && kind != rateTypes[AnswerOf(r.Node != "")-No] {
		f.in.refuse("type", kind, "that of another key")
	}
	f.rate("tx_share", &r.Share)
	f.rate("tx_max", &r.Max)
	f.number("tx_priority", &r.Priority, 32, false)
	f.number("tx_weight", &r.Weight, 32, false)
	f.name("parent", &r.Parent, false)
}

// rate is a member that text has in bits a second.
func (f *form) rate(key string, v *Number) {
	get, put, check := f.step(key, false, v.Shown)
	switch {
	case get:
		*v = f.in.rate(key)
	case put && f.out.text:
		f.out.key(key)
		f.rateText(v)
	case put:
		f.out.key(key)
		f.out.digits(v.Value)
	case check:
		f.blame(key, v.sound(rateBits, false))
	}
}

// rateBits is how large a rate can be in bytes, so that it is a number in bits.
const rateBits = 61

// rateText prints a rate as a number that is short, with a unit.
func (f *form) rateText(v *Number) {
	bits, unit := v.Value*8, 0
	for bits >= 1000 && (bits%1000 == 0 || bits >= 1000*1000) && unit < len(rateUnits)-1 {
		bits /= 1000
		unit++
	}
	f.out.digits(bits)
	f.out.bare(rateUnits[unit])
}

var rateUnits = [...]string{"bit", "Kbit", "Mbit", "Gbit", "Tbit"}

// Reload is what a reload has done.
type Reload struct {
	// DriverReinit and FWActivate are what it can do.
	DriverReinit, FWActivate bool
}

const performed = "reload_actions_performed"

var reloadActions = []string{"driver_reinit", "fw_activate"}

// Section implements [Row].
func (*Reload) Section() Section { return Reloads }

// Place implements [Row]. A reload has none: it answers a command that has.
func (*Reload) Place() Place { return Place{} }

func (*Reload) title() string { return performed }

func (r *Reload) members(f *form) {
	set := uint8(AnswerOf(r.DriverReinit) - No | (AnswerOf(r.FWActivate)-No)<<1)
	if f.mode == printing && f.out.text {
		f.out.buf = append(f.out.buf, performed+":\n"...)
		f.out.fresh, f.out.indent = true, 4
		for i, w := range reloadActions {
			if set&(1<<i) != 0 {
				f.out.word2(w)
			}
		}
		return
	}
	if f.shown, f.set = true, set; f.mode == reading {
		f.set = 0
	}
	if f.words(performed, &f.shown, &f.set, reloadActions); f.mode == reading {
		r.DriverReinit, r.FWActivate = f.set&1 != 0, f.set&2 != 0
	}
}

// Chunk is a part of what is in a region.
type Chunk struct {
	// Read tells that it was read with "region read", not "region dump".
	Read bool
	// Address is where in the region it begins.
	Address uint64
	// Data is what is there.
	Data []byte
}

// Section implements [Row].
func (c *Chunk) Section() Section {
	if c.Read {
		return Reads
	}
	return Dumps
}

// Place implements [Row]. A chunk has none: it answers a command that has.
func (*Chunk) Place() Place { return Place{} }

func (*Chunk) title() string { return "chunk" }

func (c *Chunk) members(f *form) {
	address := Number{c.Address, true}
	if f.number("address", &address, 64, true); f.mode == reading {
		c.Address = address.Value
	}
	if f.mode == checking && c.Data == nil {
		return
	}
	numbers(f, "data", &c.Data, true)
}

// Flash is progress of an update of a device's firmware. It is told by events alone.
type Flash struct {
	devlink.Handle
	// Message says what is being done, Component of what.
	Message, Component string
	// Done and Total measure it; Timeout is in how many seconds it has to be over,
	// which the monitor does not print.
	Done, Total, Timeout Number
}

// Section implements [Row].
func (*Flash) Section() Section { return Flashes }

// Place implements [Row].
func (w *Flash) Place() Place { return Place{Handle: w.Handle} }

func (*Flash) title() string { return "" }

func (w *Flash) members(f *form) {
	f.line("msg", &w.Message)
	f.line("component", &w.Component)
	f.size("done", &w.Done, false)
	f.size("total", &w.Total, false)
}
