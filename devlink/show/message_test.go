package show_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/devlink/show"
	"github.com/switchcore/switchcore/switchdev"
)

// binaries are the names under which the recorded messages have bytes, which JSON does
// not tell from numbers.
var binaries = []string{"test_binary", "short", "line", "lines", "bin"}

// build writes the message that the tool printed as JSON.
func build(t *testing.T, text string) *devlink.Message {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	next := func() json.Token {
		tok, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	m := new(devlink.Message)
	var value func(tok json.Token)
	members := func() {
		for d.More() {
			name := next().(string)
			if slices.Contains(binaries, name) {
				var numbers []int
				if err := d.Decode(&numbers); err != nil {
					t.Fatal(err)
				}
				b := make([]byte, len(numbers))
				for i, n := range numbers {
					b[i] = byte(n)
				}
				m.PutBinaryPair(name, b)
				continue
			}
			m.OpenPair(name)
			value(next())
			m.ClosePair()
		}
		next()
	}
	value = func(tok json.Token) {
		switch v := tok.(type) {
		case bool:
			m.PutBool(v)
		case string:
			m.PutString(v)
		case json.Number:
			n, _ := v.Int64()
			m.PutUint64(uint64(n))
		case json.Delim:
			if v == '{' {
				m.OpenObject()
				members()
				m.CloseObject()
				return
			}
			m.OpenArray()
			for d.More() {
				value(next())
			}
			next()
			m.CloseArray()
		}
	}
	next()
	members()
	return m
}

func TestMessagesArePrintedAsTheToolDoes(t *testing.T) {
	n := 0
	all := outputs(t, tool)
	for i, o := range all {
		if !strings.HasPrefix(o.what(), "health diagnose") && !strings.HasPrefix(o.what(), "health dump") || o.format() != show.JSON {
			continue
		}
		n++
		m := build(t, o.text)
		for _, o := range all[i-1 : i+2] {
			var out strings.Builder
			if err := show.WriteMessage(&out, o.format(), m); err != nil || out.String() != o.text {
				t.Errorf("%s, %v\ngot\n%s\nwant\n%s", o.command, err, out.String(), o.text)
			}
		}
	}
	if n != 10 {
		t.Errorf("%d messages", n)
	}
}

func TestBadMessagesAreRefused(t *testing.T) {
	m := new(devlink.Message)
	m.PutBool(true)
	open := new(devlink.Message)
	open.OpenPair("x")
	for _, m := range []*devlink.Message{m, open} {
		var out strings.Builder
		if err := show.WriteMessage(&out, show.Text, m); !errors.Is(err, switchdev.ErrInvalid) || out.Len() > 0 {
			t.Errorf("%v, %q", err, out.String())
		}
	}
}
