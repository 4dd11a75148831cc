package show

import (
	"slices"
	"strconv"
)

// form goes through the members of a row, which every kind of row states once, in the
// order of the tool: to print them, to read the one that is wanted, or to check them.
type form struct {
	out   printer
	mode  mode
	in    source
	want  string // the key whose member is to be read
	hit   bool   // it was found
	index uint   // of the member, among those of the object
	seen  uint64 // which were read, a bit each
	begun place  // where the object begins that is being read
	wrong string // the first member that is not as it should be
	depth int    // of objects within objects

	shown bool // of a member that no row has as it is written
	set   uint8
}

// deepest is how many objects may be within each other. Resources have a few levels, but
// an input may have any number.
const deepest = 64

// mode is what a form is for.
type mode uint8

const (
	checking  mode = iota // is everything sound?
	printing              // write all members
	reading               // read the member that is wanted
	finishing             // was everything there that must be?
)

// record is a row, or an object within one.
type record interface{ members(f *form) }

// fault returns the first member that is wrong, "" if none is.
func (f *form) fault(r Row) string {
	f.mode, f.wrong, f.depth = checking, "", 0
	if s := r.Section(); s != Reloads && s != Dumps && s != Reads && !r.Place().valid() {
		return "place"
	}
	if t := r.title(); t != "" && !validName(t) {
		return "name"
	}
	r.members(f)
	return f.wrong
}

// step tells what to do with a member: to read it, to print it, or to check it.
func (f *form) step(key string, must, shown bool) (get, put, check bool) {
	bit := uint64(1) << f.index
	f.index++
	switch f.mode {
	case reading:
		if f.want != key || f.hit {
			return false, false, false
		}
		f.hit = true
		if f.seen&bit != 0 {
			f.in.refuse("row", key, "twice")
			f.in.pass()
			return false, false, false
		}
		f.seen |= bit
		return true, false, false
	case finishing:
		if must && f.seen&bit == 0 {
			f.in.refuseAt(f.begun, key, "", "missing")
		}
		return false, false, false
	case printing:
		return false, shown || must, false
	}
	return false, false, true
}

func (f *form) blame(key string, ok bool) {
	if !ok && f.wrong == "" {
		f.wrong = key
	}
}

// word is a member that is text: how it is read, and what it may be if there is any.
func (f *form) word(key string, v *string, must bool, read func() string, may func(string) bool) {
	get, put, check := f.step(key, must, *v != "")
	switch {
	case get:
		*v = read()
	case put:
		f.out.key(key)
		f.out.word(*v)
	case check:
		f.blame(key, *v == "" && !must || may(*v))
	}
}

// name is a member without white space.
func (f *form) name(key string, v *string, must bool) {
	f.word(key, v, must, func() string { return f.in.name(key) }, validName)
}

// line is a member that may have spaces.
func (f *form) line(key string, v *string) {
	read := func() string {
		s := f.in.line(key)
		if s == "" {
			f.in.refuse(key, "", "empty")
		}
		return s
	}
	f.word(key, v, false, read, validText)
}

// choice is a member that is one of some words.
func (f *form) choice(key string, v *string, must bool, words []string) {
	f.word(key, v, must, func() string { return f.in.choice(key, words) }, func(s string) bool { return slices.Contains(words, s) })
}

// number is a member that is a number of so many bits.
func (f *form) number(key string, v *Number, bits int, must bool) {
	get, put, check := f.step(key, must, v.Shown)
	switch {
	case get:
		*v = f.in.number(key, bits, false)
	case put:
		f.out.key(key)
		f.out.digits(v.Value)
	case check:
		f.blame(key, v.sound(bits, must))
	}
}

func (n Number) sound(bits int, must bool) bool {
	return n.Value == 0 && !must || n.Shown && n.Value>>(bits-1)>>1 == 0
}

// size is a member whose highest value is the word "unlimited".
func (f *form) size(key string, v *Number, must bool) {
	get, put, check := f.step(key, must, v.Shown)
	switch {
	case get:
		*v = f.in.number(key, 64, true)
	case put:
		f.out.key(key)
		f.out.size(v.Value)
	case check:
		f.blame(key, v.sound(64, must))
	}
}

// answer is a member that is a bool, or with quoted set one of two strings.
func (f *form) answer(key string, v *Answer, must, quoted bool) {
	get, put, check := f.step(key, must, *v != Unsaid)
	switch {
	case get && quoted:
		*v = AnswerOf(f.in.choice(key, answers) == "true")
	case get:
		*v = AnswerOf(f.in.bool(key))
	case put:
		f.out.key(key)
		if quoted {
			f.out.word(v.String())
		} else {
			f.out.bare(v.String())
		}
	case check:
		f.blame(key, *v <= Yes && (*v != Unsaid || !must))
	}
}

// able is an answer in the words of a function's capabilities.
func (f *form) able(key string, v *Answer) {
	get, put, check := f.step(key, false, *v != Unsaid)
	switch {
	case get:
		*v = AnswerOf(f.in.choice(key, abilities) == "enable")
	case put:
		f.out.key(key)
		f.out.word(abilities[(*v-No)&1])
	case check:
		f.blame(key, *v <= Yes)
	}
}

// truth is a member that is there only if it is true.
func (f *form) truth(key string, v *bool) {
	get, put, _ := f.step(key, false, *v)
	switch {
	case get:
		if *v = f.in.bool(key); !*v {
			f.in.refuse(key, "false", "want true")
		}
	case put:
		f.out.key(key)
		f.out.bare("true")
	}
}

// scalar is a member of any simple type.
func (f *form) scalar(key string, v *Scalar) {
	get, put, check := f.step(key, false, v.Shown())
	switch {
	case get:
		*v = f.in.scalar(key)
	case put:
		f.out.key(key)
		f.out.scalar(*v)
	case check:
		f.blame(key, v.kind != scalarText || validText(v.text))
	}
}

// object is a member that is an object.
func (f *form) object(key string, shown *bool, r record, must bool) {
	get, put, check := f.step(key, must, *shown)
	switch {
	case get:
		*shown = true
		f.read(key, r)
	case put:
		f.out.open(key)
		f.inner(r)
		f.out.close()
	case check:
		f.inner(r)
	}
}

// inner goes through the members of an object within.
func (f *form) inner(r record) {
	if f.depth++; f.depth > deepest {
		f.blame("depth", f.mode != checking)
	} else {
		index := f.index
		f.index = 0
		r.members(f)
		f.index = index
	}
	f.depth--
}

// records is a member that is an array of objects; nil is missing.
func records[T any, P interface {
	*T
	record
}](f *form, key string, v *[]T, must bool) {
	get, put, check := f.step(key, must, *v != nil)
	switch {
	case get:
		*v = []T{}
		f.in.array(key, func() {
			*v = append(*v, *new(T))
			f.read(key, P(&(*v)[len(*v)-1]))
		})
	case put:
		f.out.list(key)
		for i := range *v {
			f.out.begin('{')
			f.inner(P(&(*v)[i]))
			f.out.end('}')
			f.out.newline()
		}
		f.out.unlist()
	case check:
		f.blame(key, *v != nil || !must)
		for i := range *v {
			f.inner(P(&(*v)[i]))
		}
	}
}

// words is a member that is an array of some of a few words, a bit each.
func (f *form) words(key string, shown *bool, v *uint8, words []string) {
	get, put, check := f.step(key, false, *shown)
	switch {
	case get:
		*shown = true
		f.in.array(key, func() {
			if i := slices.Index(words, f.in.choice(key, words)); i >= 0 {
				if *v&(1<<i) != 0 || *v>>i != 0 {
					f.in.refuse(key, words[i], "twice, or not in its place")
				}
				*v |= 1 << i
			}
		})
	case put:
		f.out.list(key)
		for i, w := range words {
			if *v&(1<<i) != 0 {
				f.out.item()
				f.out.word(w)
			}
		}
		f.out.unlist()
	case check:
		f.blame(key, *v>>len(words) == 0 && (*shown || *v == 0))
	}
}

// numbers is a member that is an array of numbers; nil is missing.
func numbers[T uint8 | uint32](f *form, key string, v *[]T, must bool) {
	get, put, check := f.step(key, must, *v != nil)
	switch {
	case get:
		*v = []T{}
		bits := 32
		if ^T(0) == T(255) {
			bits = 8
		}
		f.in.array(key, func() { *v = append(*v, T(f.in.number(key, bits, false).Value)) })
	case put:
		f.out.key(key)
		f.out.array()
		for _, n := range *v {
			f.out.item()
			f.out.digits(uint64(n))
		}
		f.out.unarray()
	case check:
		f.blame(key, *v != nil || !must)
	}
}

var (
	answers   = []string{"false", "true"}
	abilities = []string{"disable", "enable"}
)

func appendDigits(b []byte, v uint64) []byte { return strconv.AppendUint(b, v, 10) }
