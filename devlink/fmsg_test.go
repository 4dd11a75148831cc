package devlink

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"
)

func TestMessageIsTheObjectThatDevlinkPrints(t *testing.T) {
	m := &Message{}
	m.PutBoolPair("test_bool", true)
	m.PutUint8Pair("test_u8", 1)
	m.PutUint32Pair("test_u32", math.MaxUint32)
	m.PutUint64Pair("test_u64", math.MaxUint64)
	m.PutStringPair("test_string", "some \"string\"\n<\x01\xff>")
	m.PutBinaryPair("test_binary", []byte{0, 1, 255})
	m.PutBinaryPair("empty", nil)
	m.OpenObjectPair("test_nest")
	m.PutBoolPair("nested_test_bool", false)
	m.OpenObjectPair("deeper")
	m.CloseObjectPair()
	m.CloseObjectPair()
	m.OpenArrayPair("test_u32_array")
	for n := range uint32(3) {
		m.PutUint32(n)
	}
	m.CloseArrayPair()
	m.OpenArrayPair("test_array_of_objects")
	for n := range uint8(2) {
		m.OpenObject()
		m.PutUint8Pair("in_array", n)
		m.CloseObject()
	}
	m.OpenArray()
	m.PutBool(true)
	m.PutString("x")
	m.PutUint64(7)
	m.PutUint8(8)
	m.PutBinary([]byte{9})
	m.CloseArray()
	m.CloseArrayPair()
	got, err := m.AppendJSON([]byte("> "))
	if err != nil {
		t.Fatal(err)
	}
	want := `> {"test_bool":true,"test_u8":1,"test_u32":4294967295,"test_u64":18446744073709551615,` +
		`"test_string":"some \"string\"\n<\u0001` + "\uFFFD" + `>","test_binary":[0,1,255],"empty":[],` +
		`"test_nest":{"nested_test_bool":false,"deeper":{}},"test_u32_array":[0,1,2],` +
		`"test_array_of_objects":[{"in_array":0},{"in_array":1},[true,"x",7,8,[9]]]}`
	if string(got) != want {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
	if text, err := json.Marshal(&Message{}); err != nil || string(text) != "{}" {
		t.Fatalf("empty: %s, %v", text, err)
	}
}

func TestMessageRefusesWhatMakesNoSense(t *testing.T) {
	for text, write := range map[string]func(m *Message){
		"a value without a name in an object": func(m *Message) { m.PutBool(true) },
		"a pair outside an object":            func(m *Message) { m.OpenArrayPair("a"); m.OpenPair("b") },
		"two values in a pair":                func(m *Message) { m.OpenPair("a"); m.PutBool(true); m.PutBool(true) },
		"closes what is not open":             func(m *Message) { m.OpenArrayPair("a"); m.ClosePair() },
		"a pair without a value":              func(m *Message) { m.OpenPair("a"); m.ClosePair() },
		"something was not closed":            func(m *Message) { m.OpenObjectPair("a") },
		"too deep": func(m *Message) {
			m.OpenPair("a")
			for range maxNests + 1 {
				m.OpenArray()
			}
		},
	} {
		m := &Message{}
		write(m)
		_, err := m.AppendJSON(nil)
		denied(t, err, syscall.EINVAL, text)
		before := len(m.items)
		if text != "something was not closed" {
			m.PutBoolPair("later", true)
			m.OpenObject()
			m.CloseObject()
			denied(t, m.Err(), syscall.EINVAL, text)
			if len(m.items) != before {
				t.Errorf("%s: written after an error", text)
			}
		}
		denied(t, m.finish(), syscall.EINVAL, text)
	}
}

// tree builds with maps and slices what the same calls say, the slow way.
type tree struct {
	stack []any // *map[string]any, *[]any, or *pair
	ok    bool
}

type pair struct {
	name string
	v    any
	set  bool
}

func (s *tree) value(v any) {
	switch top := s.stack[len(s.stack)-1].(type) {
	case *[]any:
		*top = append(*top, v)
	case *pair:
		if top.set {
			s.ok = false
			return
		}
		top.v, top.set = v, true
	default:
		s.ok = false
	}
}

func (s *tree) call(b byte, name string) {
	switch top := s.stack[len(s.stack)-1]; b % 9 {
	case 0, 1, 2:
		var n any = &map[string]any{}
		if b%9 == 1 {
			n = &[]any{}
		}
		if b%9 == 2 {
			if _, ok := top.(*map[string]any); !ok {
				s.ok = false
				return
			}
			n = &pair{name: name}
		} else if s.value(n); !s.ok {
			return
		}
		s.stack = append(s.stack, n)
	case 3, 4, 5:
		want := []any{&map[string]any{}, &[]any{}, &pair{}}[b%9-3]
		if reflect.TypeOf(top) != reflect.TypeOf(want) || len(s.stack) == 1 {
			s.ok = false
			return
		}
		s.stack = s.stack[:len(s.stack)-1]
		if p, isPair := top.(*pair); isPair {
			if s.ok = p.set; s.ok {
				(*s.stack[len(s.stack)-1].(*map[string]any))[p.name] = p.v
			}
		}
	case 6:
		s.value(name)
	case 7:
		s.value(uint64(b) << 50)
	case 8:
		list := []any{}
		for _, c := range []byte(name) {
			list = append(list, c)
		}
		s.value(list)
	}
}

// FuzzMessage checks that what any calls write is JSON that says what was called, or an
// error where a slow model has one.
func FuzzMessage(f *testing.F) {
	f.Add([]byte("\x02\x06\x05"), "name")
	f.Add([]byte{2, 0, 2, 1, 6, 7, 8, 4, 5, 3, 5}, "a\"\\\x00\n\x7f\u2028\xff")
	f.Add([]byte{2, 1, 0, 3, 0, 2, 8, 5, 3, 4, 5, 2, 16, 5}, "")
	f.Add([]byte{2, 2}, "x")
	f.Add([]byte{2, 5}, "x")
	f.Add([]byte{6}, "x")
	f.Fuzz(func(t *testing.T, calls []byte, text string) {
		if len(calls) > 300 || len(text) > 300 {
			return
		}
		m, model := &Message{}, &tree{stack: []any{&map[string]any{}}, ok: true}
		for n, b := range calls {
			if len(model.stack) > maxNests {
				return
			}
			name := fmt.Sprint(n, text) // a name twice would be one for a map
			if !utf8.ValidString(name) {
				name = strings.ToValidUTF8(name, "\uFFFD")
			}
			if b%9 >= 6 {
				name = text
			}
			if model.ok {
				model.call(b, name)
			}
			perform(m, b, name)
			if (m.Err() == nil) != model.ok {
				t.Fatalf("after call %d: %v, want ok=%v", n, m.Err(), model.ok)
			}
		}
		got, err := json.Marshal(m)
		if whole := model.ok && len(model.stack) == 1; !whole {
			if err == nil {
				t.Fatalf("no error, but %s", got)
			}
			return
		}
		want, _ := json.Marshal(model.stack[0])
		if err != nil || !json.Valid(got) {
			t.Fatalf("%v: %s", err, got)
		}
		if a, b := decode(t, got), decode(t, want); !reflect.DeepEqual(a, b) {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func perform(m *Message, b byte, name string) {
	switch b % 9 {
	case 0:
		m.OpenObject()
	case 1:
		m.OpenArray()
	case 2:
		m.OpenPair(name)
	case 3:
		m.CloseObject()
	case 4:
		m.CloseArray()
	case 5:
		m.ClosePair()
	case 6:
		m.PutString(name)
	case 7:
		m.PutUint64(uint64(b) << 50)
	case 8:
		m.PutBinary([]byte(name))
	}
}

func decode(t *testing.T, text []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}
