package tool

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	for line, want := range map[string][]string{
		"":                            nil,
		" \t ":                        nil,
		"a b":                         {"a", "b"},
		"  a\t b  ":                   {"a", "b"},
		`a "b c" d`:                   {"a", "b c", "d"},
		`a""b x"y z"`:                 {"ab", "xy z"},
		`"" a ""`:                     {"", "a", ""},
		`a 'b c' $HOME \n # ; | > *`:  {"a", "'b", "c'", "$HOME", `\n`, "#", ";", "|", ">", "*"},
		"straße 漢字":                   {"straße", "漢字"},
		"f eth(src=1,dst=2),set(a=b)": {"f", "eth(src=1,dst=2),set(a=b)"},
	} {
		if got, err := Words(line); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, %v; want %q", line, got, err, want)
		}
	}
	for _, line := range []string{`a "b`, `"`, `a"b"c"`, "a\nb", "a\x00", "\xff", "a\x7f"} {
		words, err := Words(line)
		var not *NotSupported
		if !errors.As(err, &not) || !errors.Is(err, errors.ErrUnsupported) || words != nil || not.Line != line {
			t.Errorf("%q: %q, %v", line, words, err)
		}
	}
}

// Words that are quoted and joined by spaces come apart again.
func FuzzWords(f *testing.F) {
	for _, seed := range []string{"", "a b", `a "b c"`, `""`, `x"y z"w`, "a\tb", `"`, "é\u00a0b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, err := Words(line)
		if err != nil {
			var not *NotSupported
			if !errors.As(err, &not) || words != nil {
				t.Fatalf("%q: %q, %v", line, words, err)
			}
			return
		}
		if len(words) > 0 {
			line = `"` + strings.Join(words, `" "`) + `"`
		} else {
			line = ""
		}
		if again, err := Words(line); err != nil || !reflect.DeepEqual(again, words) {
			t.Fatalf("%q comes back as %q, %v", words, again, err)
		}
	})
}
