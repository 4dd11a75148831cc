package lab

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func parse(t testing.TB, text string) *Transcript {
	t.Helper()
	tr, err := Parse(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return tr
}

func TestParseReadsTheParts(t *testing.T) {
	tr := parse(t, "# a title\n# note: one\n# note: two\n\n# first\n$ lab ports p1\n\n$ lab send h1 a b\nrx: -\n! oh\n# after\n\n")
	want := &Transcript{
		Title: "a title",
		Notes: []string{"one", "two"},
		Steps: []Step{
			{Line: 6, Before: []string{"", "# first"}, Command: "lab ports p1"},
			{Line: 8, Before: []string{""}, Command: "lab send h1 a b", Output: []string{"rx: -", "! oh"}},
		},
		Tail: []string{"# after", ""},
	}
	if !reflect.DeepEqual(tr, want) {
		t.Errorf("got %+v\nwant %+v", tr, want)
	}
	if tr := parse(t, "# t\r\n$ c\r\no\r\n"); tr.Title != "t" || tr.Steps[0].Command != "c" || tr.Steps[0].Output[0] != "o" {
		t.Errorf("line ends of Windows stay in %+v", tr)
	}
}

// texts are transcripts at the borders of the format.
func texts() []string {
	return []string{
		"", "\n", "# t", "# t\n", "#t\n", "# \n", "#\n", "# note: only\n", "\n# t\n# note: n\n$ c\n",
		"# t\n\n# note: n\n$ c\n", "# t\n# x\n# note: n\n", "$ c", "$ c\n", "$ c\no", "$ c\no\n\n", "$ c \n o\n \n#\n",
		"# t\r\n# note: n\r\n\r\n$ c\r\no\r\n", "$ c\r\no\n", "$ c\r\no", " \r\n \r", "$ c\r\r\n", "$  c\n", "# t\n$ c\n# note: n\n",
		"# note: a\n# note: b\n$ c\nx: \xff\xfe\n",
	}
}

func TestTranscriptsRoundTrip(t *testing.T) {
	all := texts()
	for _, pattern := range []string{"testdata/linux-6.1/*/*.txt", "testdata/own/*.txt", "testdata/fixed/*/*.txt"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, string(text))
		}
	}
	for _, text := range all {
		if got := parse(t, text).String(); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestParseRefusesWhatIsNoTranscript(t *testing.T) {
	for _, c := range []struct {
		text string
		line int
		want string
	}{
		{"rx: -\n", 1, "no command"},
		{"# t\n\nrx: -\n", 3, "no command"},
		{"$ c\no\n\nrx: -\n", 4, "no command"},
		{"$ c\no\n# x\nrx: -\n", 4, "no command"},
		{"$c\n", 1, "words"},
		{"$\n", 1, "words"},
		{"# t\n$   \n", 2, "words"},
		{"$ c\n" + strings.Repeat("x", maxLine+1), 2, "longer"},
	} {
		tr, err := Parse(strings.NewReader(c.text))
		var fe *FormatError
		if tr != nil || !errors.As(err, &fe) || fe.Line != c.line || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: %v, want line %d: ... %s", c.text, err, c.line, c.want)
		}
	}
	broken := errors.New("broken")
	if _, err := Parse(iotest.ErrReader(broken)); err != broken {
		t.Errorf("error of the reader became %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range texts() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tr, err := Parse(strings.NewReader(text))
		if err != nil {
			return
		}
		if got := tr.String(); got != text {
			t.Fatalf("%q became %q", text, got)
		}
		line := 0
		for _, s := range tr.Steps {
			if s.Line <= line {
				t.Fatalf("%q: step at line %d after %d", text, s.Line, line)
			}
			line = s.Line
		}
		if d := Diff(tr, tr); d != nil {
			t.Fatalf("%q differs from itself: %v", text, d)
		}
	})
}

func TestDiffSaysWhatDiffers(t *testing.T) {
	want := parse(t, "# t\n$ a\n1\n2\n3\n$ b\n$ c\nx\n")
	same := parse(t, "$ a\n1\n2\n3\n\n# other comments\n$ b\n$ c\nx\n")
	if d := Diff(want, same); d != nil {
		t.Errorf("comments count: %v", d)
	}
	got := parse(t, "$ a\n1\n3\n4\n$ b\n$ d\nx\n$ e\n")
	diffs := Diff(want, got)
	lines := make([]string, len(diffs))
	for i, d := range diffs {
		lines[i] = d.String()
	}
	if texts := []string{
		"line 2: $ a\n      1\n    - 2\n      3\n    + 4",
		"line 7: $ c\n    - $ c\n    + $ d\n      x",
		"line 8: $ e\n    + $ e",
	}; !slices.Equal(lines, texts) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(texts, "\n"))
	}
	short := parse(t, "$ a\n1\n2\n3\n")
	if d := Diff(want, short); len(d) != 2 || d[0].Line != 6 || d[0].Got != nil || !slices.Equal(d[0].Want, []string{"$ b"}) {
		t.Errorf("a transcript that ends early: %v", d)
	}
}

// TestLineDiffKeepsBothSides: whatever is lined up, leaving out the marks gives
// back the two outputs.
func TestLineDiffKeepsBothSides(t *testing.T) {
	words := []string{"a", "b", "c"}
	var lists [][]string
	for n := range 81 {
		list := []string{}
		for k := n; k > 0; k /= 3 {
			list = append(list, words[k%3])
		}
		lists = append(lists, list)
	}
	for _, want := range lists {
		for _, got := range lists {
			var w, g []string
			both := 0
			for _, l := range lineDiff(want, got) {
				if l.mark != '+' {
					w = append(w, l.text)
				}
				if l.mark != '-' {
					g = append(g, l.text)
				}
				if l.mark == ' ' {
					both++
				}
			}
			if !slices.Equal(w, want) || !slices.Equal(g, got) || slices.Equal(want, got) && both != len(want) {
				t.Fatalf("%v and %v became %v and %v", want, got, w, g)
			}
		}
	}
	long := make([]string, maxTable)
	if d := lineDiff(long, words); len(d) != len(long)+3 {
		t.Errorf("long outputs: %d lines", len(d))
	}
}
