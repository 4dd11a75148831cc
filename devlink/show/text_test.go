package show_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/devlink/show"
	"github.com/switchcore/switchcore/switchdev"
)

// inText is what text has of rows.
func inText(rows []show.Row) (told []show.Row) {
	for _, r := range rows {
		switch r := r.(type) {
		case *show.Param:
			p := *r
			p.Values = []show.ParamValue{}
			for _, v := range r.Values {
				v.Value, v.Default = scalarInText(v.Value), scalarInText(v.Default)
				p.Values = append(p.Values, v)
			}
			told = append(told, &p)
		case *show.Rate:
			p := *r
			p.Share, p.Max = rateInText(r.Share), rateInText(r.Max)
			told = append(told, &p)
		case *show.Chunk:
			told = lineInText(told, r)
		default:
			told = append(told, r)
		}
	}
	return told
}

// scalarInText: text does not tell numbers and the like from strings.
func scalarInText(s show.Scalar) show.Scalar {
	text, ok := s.Text()
	if !ok {
		return s
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil && strconv.FormatUint(n, 10) == text {
		return show.NumberScalar(n)
	}
	if text == "true" || text == "false" {
		return show.BoolScalar(text == "true")
	}
	return s
}

// rateInText: the tool cuts off digits.
func rateInText(n show.Number) show.Number {
	bits, unit := n.Value*8, uint64(1)
	for bits >= 1000*unit && unit < 1e12 && (bits%(1000*unit) == 0 || bits/unit >= 1000*1000) {
		unit *= 1000
	}
	n.Value = bits / unit * unit / 8
	return n
}

// lineInText: 16 bytes a line, whatever was read together.
func lineInText(lines []show.Row, c *show.Chunk) []show.Row {
	for i, b := range c.Data {
		if n := len(lines); n > 0 && len(lines[n-1].(*show.Chunk).Data) < 16 {
			last := lines[n-1].(*show.Chunk)
			last.Data = append(last.Data, b)
			continue
		}
		lines = append(lines, &show.Chunk{Read: c.Read, Address: c.Address + uint64(i), Data: []byte{b}})
	}
	return lines
}

// dump is a row for tests that fail.
func dump(rows []show.Row) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%+v\n", r)
	}
	return b.String()
}

// The text that the tool prints is read as the same rows as its JSON.
func TestTextOfTheToolIsRead(t *testing.T) {
	n := 0
	all := outputs(t, tool)
	for i, o := range all {
		s := o.section()
		if s == 0 || o.format() != show.Text {
			continue
		}
		text := o.text
		want := inText(readAll(t, all[i+1].text, s, show.JSON))
		if strings.Contains(text, "name escapes") { // has a newline, which text cannot have
			for _, r := range want {
				if p := r.(*show.Param); p.Name == "escapes" {
					p.Values[0].Value = show.TextScalar(`q'b\s/ü`)
				}
			}
			text = replaceEscapes(text)
		}
		got := readAll(t, text, s, show.Text)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n%s\ngot\n%s\nwant\n%s", o.command, text, dump(got), dump(want))
		}
		n++
	}
	if n != 47 {
		t.Errorf("%d outputs", n)
	}
}

// replaceEscapes makes one line of a value with a newline in it.
func replaceEscapes(text string) string {
	from := strings.Index(text, "value t\t") + len("value ")
	to := from + strings.Index(text[from:], "q'b")
	return text[:from] + text[to:]
}

// So are the events of its monitor.
func TestMonitorTextOfTheToolIsRead(t *testing.T) {
	n := 0
	all := outputs(t, tool)
	for i, o := range all {
		if o.what() != "monitor" || o.format() != show.Text {
			continue
		}
		n++
		got := readEvents(t, o.text, show.Text)
		if i+1 < len(all) && all[i+1].what() == "monitor" && all[i+1].format() == show.JSON {
			if want := readEvents(t, all[i+1].text, show.JSON); !reflect.DeepEqual(got, want) {
				t.Errorf("%s\n%s\ngot  %+v\nwant %+v", o.command, o.text, got, want)
			}
		}
		back, want := monitor(t, show.Text, got), o.text
		if strings.Count(want, "[health") > 1 { // where the tool loses its place
			back, want = strings.Join(strings.Fields(back), " "), strings.Join(strings.Fields(want), " ")
		}
		if back != want {
			t.Errorf("%q is printed as\n%q", o.text, back)
		}
	}
	if n != 39 {
		t.Errorf("%d outputs", n)
	}
}

// oneLine makes rows that text can hold: no value has a newline.
func oneLine(rows []show.Row) []show.Row {
	for _, r := range rows {
		switch r := r.(type) {
		case *show.Param:
			for i, v := range r.Values {
				if text, ok := v.Value.Text(); ok {
					r.Values[i].Value = show.TextScalar(strings.ReplaceAll(text, "\n", " "))
				}
				if text, ok := v.Default.Text(); ok {
					r.Values[i].Default = show.TextScalar(strings.ReplaceAll(text, "\n", " "))
				}
			}
		case *show.Info:
			for _, s := range []*string{&r.Driver, &r.Serial, &r.BoardSerial} {
				*s = strings.ReplaceAll(*s, "\n", " ")
			}
			for _, list := range [][]show.Version{r.Versions.Fixed, r.Versions.Running, r.Versions.Stored} {
				for i := range list {
					list[i].Value = strings.ReplaceAll(list[i].Value, "\n", " ")
				}
			}
		}
	}
	return rows
}

func TestRandomRowsSurviveText(t *testing.T) {
	for seed := range uint64(200) {
		for s := show.Devs; s < show.Flashes; s++ {
			d := dice{rand.New(rand.NewPCG(seed, uint64(s))), float64(seed%10) / 10}
			var rows []show.Row
			for range d.IntN(12) {
				rows = append(rows, d.row(s))
			}
			rows = oneLine(rows)
			text, want := print(t, s, show.Text, rows), inText(rows)
			got := readAll(t, text, s, show.Text)
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d, %v:\n%s\nis read as\n%s\nnot\n%s", seed, s, text, dump(got), dump(want))
			}
			if again := print(t, s, show.Text, got); strings.TrimSpace(again) != strings.TrimSpace(text) {
				t.Fatalf("seed %d, %v:\n%s\nis printed again as\n%s", seed, s, text, again)
			}
		}
	}
}

// event returns an event of a kind of which the monitor prints some.
func (d dice) event() show.Event {
	s := []show.Section{show.Devs, show.Ports, show.Params, show.Regions, show.Reporters, show.Traps, show.Groups, show.Policers, show.Flashes}[d.IntN(9)]
	switch s {
	case show.Reporters:
		return show.Event{Verb: show.Status, Row: d.row(s)}
	case show.Flashes:
		f := &show.Flash{Handle: d.handle()}
		if d.maybe() {
			return show.Event{Verb: []show.Verb{show.Begin, show.End}[d.IntN(2)], Row: f}
		}
		f.Message, f.Component = d.word("a b", "component", "done 3 x", " total"), d.word("fw", "a b")
		f.Done, f.Total = d.number(64), d.number(64)
		return show.Event{Verb: show.Status, Row: f}
	}
	return show.Event{Verb: []show.Verb{show.New, show.Del}[d.IntN(2)], Row: oneLine([]show.Row{d.row(s)})[0]}
}

func TestRandomEventsSurviveText(t *testing.T) {
	for seed := range uint64(400) {
		d := dice{rand.New(rand.NewPCG(seed, 99)), float64(seed%10) / 10}
		var all, want []show.Event
		for range d.IntN(12) {
			e := d.event()
			all = append(all, e)
			want = append(want, show.Event{Verb: e.Verb, Row: inText([]show.Row{e.Row})[0]})
		}
		text := monitor(t, show.Text, all)
		if got := readEvents(t, text, show.Text); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d:\n%s\nis read as\n%s", seed, text, monitor(t, show.Text, got))
		}
	}
}

// textTrip: what was read and made sense is printed and read again as the same rows.
func textTrip(t *testing.T, text string, s show.Section) {
	var good []show.Row
	for r, err := range show.Read(strings.NewReader(text), s, show.Text) {
		var parse *show.ParseError
		switch {
		case err == nil:
			good = append(good, r)
		case !errors.As(err, &parse) && !errors.Is(err, switchdev.ErrUnsupported):
			t.Fatalf("%q: %v", text, err)
		case parse != nil && (parse.Line < 1 || parse.Line > strings.Count(text, "\n")+1 || parse.Column < 1):
			t.Fatalf("%q: %v", text, err)
		}
	}
	if len(good) == 0 {
		return
	}
	out, want := print(t, s, show.Text, good), inText(good)
	if back := readAll(t, out, s, show.Text); !reflect.DeepEqual(back, want) {
		t.Fatalf("%q gives %q, which is\n%s\nnot\n%s", text, out, dump(back), dump(want))
	}
}

func FuzzText(f *testing.F) {
	for _, o := range outputs(f, tool) {
		if o.section() != 0 && o.format() == show.Text {
			f.Add(uint8(o.section()), o.text)
		}
	}
	for s := show.Devs; s < show.Flashes; s++ {
		d := dice{rand.New(rand.NewPCG(uint64(s), 2)), 0.5}
		f.Add(uint8(s), print(f, s, show.Text, []show.Row{d.row(s), d.row(s)}))
	}
	f.Fuzz(func(t *testing.T, s uint8, text string) { textTrip(t, text, show.Section(s)) })
}

func FuzzMonitorText(f *testing.F) {
	for _, o := range outputs(f, tool) {
		if o.what() == "monitor" && o.format() == show.Text {
			f.Add(o.text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		var good []show.Event
		for e, err := range show.ReadEvents(strings.NewReader(text), show.Text) {
			if err == nil {
				good = append(good, e)
			}
		}
		out := monitor(t, show.Text, good)
		if back := readEvents(t, out, show.Text); !reflect.DeepEqual(back, good) {
			t.Fatalf("%q gives %q, which gives %q", text, out, monitor(t, show.Text, back))
		}
	})
}

// What a registry has is read from its text as it is.
func TestLiveListingsSurviveText(t *testing.T) {
	b := newBench(t, 3)
	b.must(b.inst.SetResource(b.ctx, devlink.Key{ID: 2}, 10))
	b.must(b.inst.SubmitNewSnapshotID(devlink.Key{Name: "dummy"}, 7).Wait(b.ctx))
	b.must(b.sim.dummy.Report(b.ctx, "broken", nil))
	for _, v := range []show.View{{}, {Stats: true, Verbose: true, Recent: true}} {
		n := 0
		for s := show.Devs; s <= show.Policers; s++ {
			rows := slices.Collect(v.Rows(b.reg.Snapshot(), "", s))
			n += len(rows)
			text := print(t, s, show.Text, rows)
			if got := readAll(t, text, s, show.Text); !reflect.DeepEqual(got, rows) {
				t.Errorf("%s is\n%s\nnot\n%s", text, dump(got), dump(rows))
			}
		}
		if n != 1+3+2+3+1+2+14+6+3 {
			t.Errorf("%d rows", n)
		}
	}
}
