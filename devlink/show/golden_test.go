package show_test

import (
	_ "embed"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/devlink/show"
)

// What iproute2 6.1 printed of the messages of record.py, a command after the other,
// each under a line that says which.
//
//go:embed testdata/iproute2-6.1.txt
var tool string

// What iproute2 6.1 printed on Linux 6.1 with a netdevsim, one member a line, under
// lines that say which command it was.
//
//go:embed testdata/linux-6.1.txt
var linux string

// output is what one command printed.
type output struct {
	command string
	text    string
}

// what is the command without its options.
func (o output) what() string {
	var words []string
	for _, w := range strings.Fields(o.command) {
		if !strings.HasPrefix(w, "-") {
			words = append(words, w)
		}
	}
	return strings.Join(words[1:], " ")
}

func (o output) has(option string) bool { return strings.Contains(o.command, " "+option+" ") }

func (o output) format() show.Format {
	switch {
	case o.has("-p"):
		return show.Pretty
	case o.has("-j"):
		return show.JSON
	}
	return show.Text
}

// commands are the sections by what prints them.
var commands = []struct {
	prefix  string
	section show.Section
}{
	{"dev show", show.Devs}, {"port show", show.Ports}, {"dev param", show.Params}, {"port param", show.Params},
	{"resource show", show.Resources}, {"region show", show.Regions}, {"region new", show.Regions},
	{"region dump", show.Dumps}, {"region read", show.Reads}, {"health show", show.Reporters}, {"trap show", show.Traps},
	{"trap group", show.Groups}, {"trap policer", show.Policers}, {"dev info", show.Infos},
	{"port function rate", show.Rates}, {"dev reload", show.Reloads},
}

func (o output) section() show.Section {
	for _, c := range commands {
		if strings.HasPrefix(o.what(), c.prefix) {
			return c.section
		}
	}
	return 0
}

// outputs takes a recording apart.
func outputs(t testing.TB, recording string) (all []output) {
	t.Helper()
	for _, part := range strings.Split("\n"+recording, "\n# ")[1:] {
		command, text, found := strings.Cut(part, "\n")
		if found && !strings.HasSuffix(text, "\n") {
			text += "\n" // which the split took
		}
		all = append(all, output{command, text})
	}
	return all
}

// readAll reads rows of which none is bad.
func readAll(t testing.TB, text string, s show.Section, f show.Format) (rows []show.Row) {
	t.Helper()
	for r, err := range show.Read(strings.NewReader(text), s, f) {
		if err != nil {
			t.Fatalf("%v in %v: %v", f, text, err)
		}
		rows = append(rows, r)
	}
	return rows
}

func print(t testing.TB, s show.Section, f show.Format, rows []show.Row) string {
	t.Helper()
	var out strings.Builder
	if err := show.Write(&out, s, f, slices.Values(rows)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The tool prints text, JSON and pretty JSON of the same messages; the rows of the JSON
// have to give all three.
func TestRecordingIsPrintedAgain(t *testing.T) {
	n := 0
	var before output
	for _, o := range outputs(t, tool) {
		s := o.section()
		if s == 0 {
			continue
		}
		n++
		switch o.format() {
		case show.Text:
			before = o
			continue
		case show.JSON:
			rows := readAll(t, o.text, s, show.JSON)
			if got := print(t, s, show.Text, rows); got != before.text && !strings.HasPrefix(o.what(), "port param") {
				t.Errorf("%s\ngot\n%s\nwant\n%s", before.command, got, before.text)
			}
			if got := print(t, s, show.JSON, rows); got != o.text {
				t.Errorf("%s\ngot\n%s\nwant\n%s", o.command, got, o.text)
			}
			if back := readAll(t, print(t, s, show.Members, rows), s, show.Members); !reflect.DeepEqual(back, rows) {
				t.Errorf("%s: other rows come back from %s", o.command, print(t, s, show.Members, rows))
			}
			before = o
		case show.Pretty:
			rows := readAll(t, o.text, 0, show.Pretty)
			if got := print(t, s, show.Pretty, rows); got != o.text {
				t.Errorf("%s\ngot\n%s\nwant\n%s", o.command, got, o.text)
			}
			if got := print(t, s, show.JSON, rows); got != before.text {
				t.Errorf("%s gives\n%s, not\n%s", o.command, got, before.text)
			}
		}
	}
	if n != 141 {
		t.Errorf("%d outputs", n)
	}
}

// Of the parameters of ports the tool prints text with lines of two spaces and other
// faults; apart from white space it is the same.
func TestPortParametersAreThoseOfTheTool(t *testing.T) {
	all := outputs(t, tool)
	i := slices.IndexFunc(all, func(o output) bool { return o.what() == "port param show" })
	rows := readAll(t, all[i+1].text, show.Params, show.JSON)
	got := print(t, show.Params, show.Text, rows)
	if !slices.Equal(strings.Fields(got), strings.Fields(all[i].text)) || len(rows) != 3 {
		t.Errorf("%s, want %s", got, all[i].text)
	}
}

func TestMembersOfLinuxArePrintedAgain(t *testing.T) {
	n := 0
	for _, o := range outputs(t, linux) {
		s := o.section()
		for line := range strings.Lines(o.text) {
			rows := readAll(t, line, s, show.Members)
			if got := print(t, s, show.Members, rows); got != line {
				t.Errorf("%s\ngot\n%s\nwant\n%s", o.command, got, line)
			}
			whole := print(t, s, show.JSON, rows)
			if want := `{"` + s.String() + `":` + strings.TrimSpace(line) + "}\n"; whole != want {
				t.Errorf("%s\ngot\n%s\nwant\n%s", o.command, whole, want)
			}
			if back := readAll(t, whole, 0, show.JSON); !reflect.DeepEqual(back, rows) {
				t.Errorf("%s gives other rows", whole)
			}
			n++
		}
	}
	if n != 41 {
		t.Errorf("%d lines", n)
	}
}
