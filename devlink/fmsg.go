package devlink

import (
	"bytes"
	"iter"
	"strconv"
	"unicode/utf8"

	"github.com/switchcore/switchcore/switchdev"
)

// Message is what a health reporter has to say, a dump or a diagnosis: one object, with
// named values, objects and arrays in it. Drivers write it with its Open, Close and Put
// methods, from one goroutine; what is written where it makes no sense makes the message
// invalid, which [Message.Err] and whoever asked for it are told, and nothing is written
// after it. What users are given is complete and does not change. The zero Message is an
// empty one. Linux: struct devlink_fmsg (net/devlink/health.c), where nothing is checked
// but that binaries are closed.
type Message struct {
	items []Item
	open  []Nest
	named bool // a pair has been opened and has no value yet
	err   error
}

// Nest is a place within a message.
type Nest uint8

// The nests.
const (
	// NestObject contains pairs.
	NestObject Nest = iota + 1
	// NestPair contains one value, object or array.
	NestPair
	// NestArray contains values, objects and arrays.
	NestArray
)

// Item is a piece of a message.
type Item struct {
	// Open is a nest that begins; the end of one if Close is set.
	Open  Nest
	Close bool
	// Name is the name of a pair that begins.
	Name string
	// Value is a value, where nothing begins and nothing ends: a bool, uint8, uint32,
	// uint64, string or []byte.
	Value any
}

// maxNests is how deep a message may be; readers of JSON have a limit, too.
const maxNests = 256

// Err returns why the message is invalid, nil if it is not; it matches ErrInvalid.
func (m *Message) Err() error { return m.err }

func (m *Message) refuse(reason string) {
	if m.err == nil {
		m.err = &switchdev.OpError{Op: "devlink.fmsg", Reason: reason, Err: switchdev.ErrInvalid}
	}
}

// where is the innermost nest; the message itself is an object.
func (m *Message) where() Nest {
	if len(m.open) == 0 {
		return NestObject
	}
	return m.open[len(m.open)-1]
}

// takes reports whether a value, an object or an array can be here, and notes that it
// is.
func (m *Message) takes() bool {
	switch {
	case m.err != nil:
		return false
	case m.where() == NestObject:
		m.refuse("a value without a name in an object")
		return false
	case m.where() == NestPair && !m.named:
		m.refuse("two values in a pair")
		return false
	}
	m.named = false
	return true
}

func (m *Message) begin(n Nest, name string) {
	if len(m.open) >= maxNests {
		m.refuse("too deep")
		return
	}
	m.open = append(m.open, n)
	m.items = append(m.items, Item{Open: n, Name: name})
	m.named = n == NestPair
}

func (m *Message) end(n Nest) {
	switch {
	case m.err != nil:
		return
	case len(m.open) == 0 || m.where() != n:
		m.refuse("closes what is not open")
		return
	case n == NestPair && m.named:
		m.refuse("a pair without a value")
		return
	}
	m.open = m.open[:len(m.open)-1]
	m.items = append(m.items, Item{Open: n, Close: true})
	m.named = false
}

// OpenObject begins an object: within an array, or as the value of a pair.
func (m *Message) OpenObject() {
	if m.takes() {
		m.begin(NestObject, "")
	}
}

// CloseObject ends it.
func (m *Message) CloseObject() { m.end(NestObject) }

// OpenPair begins a pair, within an object.
func (m *Message) OpenPair(name string) {
	switch {
	case m.err != nil:
	case m.where() != NestObject:
		m.refuse("a pair outside an object")
	default:
		m.begin(NestPair, name)
	}
}

// ClosePair ends it.
func (m *Message) ClosePair() { m.end(NestPair) }

// OpenArray begins an array: within another, or as the value of a pair.
func (m *Message) OpenArray() {
	if m.takes() {
		m.begin(NestArray, "")
	}
}

// CloseArray ends it.
func (m *Message) CloseArray() { m.end(NestArray) }

// OpenArrayPair begins a pair whose value is an array.
func (m *Message) OpenArrayPair(name string) {
	m.OpenPair(name)
	m.OpenArray()
}

// CloseArrayPair ends both.
func (m *Message) CloseArrayPair() {
	m.CloseArray()
	m.ClosePair()
}

// OpenObjectPair begins a pair whose value is an object.
func (m *Message) OpenObjectPair(name string) {
	m.OpenPair(name)
	m.OpenObject()
}

// CloseObjectPair ends both.
func (m *Message) CloseObjectPair() {
	m.CloseObject()
	m.ClosePair()
}

func (m *Message) put(v any) {
	if m.takes() {
		m.items = append(m.items, Item{Value: v})
	}
}

func (m *Message) pair(name string, v any) {
	m.OpenPair(name)
	m.put(v)
	m.ClosePair()
}

// PutBool writes a value.
func (m *Message) PutBool(v bool) { m.put(v) }

// PutUint8 writes a value.
func (m *Message) PutUint8(v uint8) { m.put(v) }

// PutUint32 writes a value.
func (m *Message) PutUint32(v uint32) { m.put(v) }

// PutUint64 writes a value.
func (m *Message) PutUint64(v uint64) { m.put(v) }

// PutString writes a value. What is no UTF-8 in it is replaced.
func (m *Message) PutString(v string) { m.put(v) }

// PutBinary writes a copy of bytes, which are read as an array of numbers. Linux:
// devlink_fmsg_binary_put.
func (m *Message) PutBinary(v []byte) { m.put(bytes.Clone(v)) }

// PutBoolPair writes a pair.
func (m *Message) PutBoolPair(name string, v bool) { m.pair(name, v) }

// PutUint8Pair writes a pair.
func (m *Message) PutUint8Pair(name string, v uint8) { m.pair(name, v) }

// PutUint32Pair writes a pair.
func (m *Message) PutUint32Pair(name string, v uint32) { m.pair(name, v) }

// PutUint64Pair writes a pair.
func (m *Message) PutUint64Pair(name string, v uint64) { m.pair(name, v) }

// PutStringPair writes a pair.
func (m *Message) PutStringPair(name, v string) { m.pair(name, v) }

// PutBinaryPair writes a pair.
func (m *Message) PutBinaryPair(name string, v []byte) { m.pair(name, bytes.Clone(v)) }

// finish returns the error of a message that is no whole one.
func (m *Message) finish() error {
	if m.err == nil && len(m.open) > 0 {
		m.refuse("something was not closed")
	}
	return m.err
}

// Items yields the pieces of the message in the order in which they were written. Nobody
// may write to a []byte that it yields.
func (m *Message) Items() iter.Seq[Item] {
	return func(yield func(Item) bool) {
		for _, it := range m.items {
			if !yield(it) {
				return
			}
		}
	}
}

// MarshalJSON implements json.Marshaler: the message as devlink(8) prints it with -j,
// without white space. Binaries are arrays of numbers. The error is that of an invalid
// message, and of one with something open.
func (m *Message) MarshalJSON() ([]byte, error) { return m.AppendJSON(nil) }

// AppendJSON is MarshalJSON that appends to dst.
func (m *Message) AppendJSON(dst []byte) ([]byte, error) {
	if m.err != nil {
		return dst, m.err
	}
	if len(m.open) > 0 {
		return dst, &switchdev.OpError{Op: "devlink.fmsg", Reason: "something was not closed", Err: switchdev.ErrInvalid}
	}
	dst = append(dst, '{')
	comma := false // whether something is before what comes, on the same level
	for _, it := range m.items {
		if it.Close {
			dst = append(dst, closer(it.Open)...)
			comma = true
			continue
		}
		if comma {
			dst = append(dst, ',')
		}
		comma = it.Open == 0
		dst = it.appendJSON(dst)
	}
	return append(dst, '}'), nil
}

// closer ends a nest.
func closer(n Nest) string {
	switch n {
	case NestObject:
		return "}"
	case NestArray:
		return "]"
	}
	return ""
}

func (it *Item) appendJSON(dst []byte) []byte {
	switch it.Open {
	case NestObject:
		return append(dst, '{')
	case NestArray:
		return append(dst, '[')
	case NestPair:
		return append(appendJSONString(dst, it.Name), ':')
	}
	switch v := it.Value.(type) {
	case bool:
		return strconv.AppendBool(dst, v)
	case uint8:
		return strconv.AppendUint(dst, uint64(v), 10)
	case uint32:
		return strconv.AppendUint(dst, uint64(v), 10)
	case uint64:
		return strconv.AppendUint(dst, v, 10)
	case string:
		return appendJSONString(dst, v)
	case []byte:
		return appendJSONBytes(dst, v)
	}
	return append(dst, "null"...)
}

func appendJSONBytes(dst, v []byte) []byte {
	dst = append(dst, '[')
	for n, b := range v {
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(b), 10)
	}
	return append(dst, ']')
}

// appendJSONString appends a string as devlink(8) quotes it, and more where what that
// prints could not be read: other control characters and what is no UTF-8.
func appendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\f':
			dst = append(dst, `\f`...)
		case r == '\b':
			dst = append(dst, `\b`...)
		case r < ' ':
			dst = append(dst, `\u00`...)
			dst = append(dst, "0123456789abcdef"[r>>4], "0123456789abcdef"[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
