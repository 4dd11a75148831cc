package jsonread

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// walk reads a value to its end, refuses every number, and returns where it was.
func walk(d *Reader, key string, places *[]string) {
	switch t := d.Token(); t {
	case json.Delim('{'):
		for k, ok := d.Key(); ok; k, ok = d.Key() {
			walk(d, k, places)
		}
	case json.Delim('['):
		for d.More() {
			walk(d, key, places)
		}
		d.Delim(']')
	default:
		if _, number := t.(json.Number); number {
			d.Refuse(key, Literal(t), "number")
			if f := d.Result(); f != nil {
				*places = append(*places, fmt.Sprint(f.Line, ":", f.Column, " ", f.What, " ", f.Input))
			}
		}
	}
}

// numbers are the places of the numbers of a text, found without reading JSON: of the
// texts of these tests only numbers have digits.
func numbers(text string) (places []string) {
	line, column := 1, 1
	inside := false
	for _, c := range []byte(text) {
		digit := c >= '0' && c <= '9'
		if digit && !inside {
			places = append(places, fmt.Sprint(line, ":", column))
		}
		inside = digit
		column++
		if c == '\n' {
			line, column = line+1, 1
		}
	}
	return places
}

func TestPlacesAreThoseOfTheText(t *testing.T) {
	for _, text := range []string{
		`7`, ` 7 `, "\n\n 7", `[1,2,[3],{"a":4}]`, "{\n\t\"a\" : 1 ,\n\"b\":\n[ 2\n,3 ] }\n", `{"a":{"b":{"c":12345}},"d":6}`,
		`["` + strings.Repeat("x", 5000) + "\",\n" + strings.Repeat(" ", 5000) + `7,8]`,
	} {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text))} {
			var got []string
			d := New(r)
			walk(d, "top", &got)
			if d.Rest(); d.Broken() {
				t.Errorf("%q: %v", text, d.err)
			}
			for n := range got {
				got[n], _, _ = strings.Cut(got[n], " ")
			}
			if want := numbers(text); !reflect.DeepEqual(got, want) {
				t.Errorf("%.80q, %s: %q, want %q", text, name, got, want)
			}
		}
	}
	var got []string
	if walk(NewAt(strings.NewReader(" 7"), 3, 10), "x", &got); len(got) != 1 || got[0] != "3:11 x 7" {
		t.Errorf("%q", got)
	}
}

func TestWhatBreaksTheInput(t *testing.T) {
	broken := errors.New("broken")
	for text, want := range map[string]string{
		``:          `{1 1 json  the input ends too early}`,
		`[1,`:       `{1 4 json  the input ends too early}`,
		"[1,\n ]":   `{2 2 json  invalid character ']' looking for beginning of value}`,
		`{"a" 1}`:   `{1 6 json  invalid character '1' after object key}`,
		`{"a":1}{}`: `{1 8 json { more than one value}`,
		`[] x`:      `{1 4 json  invalid character 'x' looking for beginning of value}`,
	} {
		d := New(strings.NewReader(text))
		walk(d, "top", new([]string))
		d.Rest()
		f, err := d.End()
		if f == nil || err != nil || !d.Broken() || fmt.Sprint(*f) != want {
			t.Errorf("%q: %v, %v, want %s", text, f, err, want)
		}
	}
	d := New(io.MultiReader(strings.NewReader("[1"), iotest.ErrReader(broken)))
	walk(d, "top", new([]string))
	if f, err := d.End(); f != nil || !errors.Is(err, broken) {
		t.Error(f, err)
	}
	if _, ok := d.Next(); ok || d.More() || d.Token() != nil {
		t.Error("a broken input is read on")
	}
}

// The first fault of a row stays, and the next row has none.
func TestFaultsAreOfOneRow(t *testing.T) {
	d := New(strings.NewReader(`[{"a":1,"b":[{"c":2}],"d":"x","e":null,"f":true},{"g":"y"}]`))
	d.Delim('[')
	var keys []string
	d.Object("row", func(key string) {
		keys = append(keys, key)
		switch key {
		case "f":
			if !d.Bool(key) {
				t.Error("not true")
			}
		case "b":
			d.Bool(key)
		case "d":
			d.Name(key, func(string) bool { return false })
		default:
			d.String(key)
		}
	})
	want := Fault{Line: 1, Column: 7, What: "a", Input: "1", Reason: "want a string"}
	f := d.Result()
	if f == nil || *f != want || strings.Join(keys, "") != "abdef" || !d.Sound() {
		t.Errorf("%+v, %q", f, keys)
	}
	d.Blame(nil)
	if d.Blame(f); d.Sound() || d.Result() != f {
		t.Error("not blamed")
	}
	d.Object("row", func(key string) {
		if s, ok := d.String(key); !ok || s != "y" {
			t.Error(s, ok)
		}
	})
	if f := d.Result(); f != nil || !d.Delim(']') {
		t.Error(f)
	}
}

func TestNamesAreKeptOnce(t *testing.T) {
	n := make(Names)
	long := strings.Repeat("x", 100)
	if n.Of(long[:5]) != n.Of("xxxxx") || len(n) != 1 {
		t.Error(n)
	}
	for i := range 5000 {
		if s := fmt.Sprint(i); n.Of(s) != s {
			t.Error(s)
		}
	}
	if len(n) > 4096 {
		t.Errorf("%d names", len(n))
	}
	if s := Shorten(long); s != long[:64]+"..." || Shorten("x") != "x" {
		t.Error(s)
	}
}

// What can be read to its end is JSON, and nothing else can.
func FuzzReader(f *testing.F) {
	for _, s := range []string{``, `7`, `[1,{"a":[]}]`, `{"a":{"b":1e9}}`, "\n[\n]\n", `[1 2]`, `{"a":1,}`, `"\ud800"`, `[] []`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var places []string
		d := New(iotest.OneByteReader(strings.NewReader(text)))
		walk(d, "top", &places)
		d.Rest()
		if json.Valid([]byte(text)) != !d.Broken() {
			t.Fatalf("%q: broken %v", text, d.Broken())
		}
		if !d.Broken() {
			return
		}
		fault, err := d.End()
		lines := strings.Split(text, "\n")
		if err != nil || fault.Line < 1 || fault.Line > len(lines) || fault.Column < 1 || fault.Column > len(lines[fault.Line-1])+1 {
			t.Fatalf("%q: %+v, %v", text, fault, err)
		}
	})
}
