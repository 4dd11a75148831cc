package show_test

import (
	_ "embed"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/devlink/show"
	"github.com/switchcore/switchcore/switchdev"
)

// What Linux 6.1 told of a netdevsim, in lines as Event.String writes them.
//
//go:embed testdata/events-6.1.txt
var told string

func TestEventsOfLinuxArePrintedAgain(t *testing.T) {
	n := 0
	for line := range strings.Lines(told) {
		line = strings.TrimSuffix(line, "\n")
		e, err := show.ParseEvent(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if e.String() != line {
			t.Errorf("got  %s\nwant %s", e, line)
		}
		n++
	}
	if n != 114 {
		t.Errorf("%d lines", n)
	}
}

func TestBadEventLinesSayWhere(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"", `line 1, column 1: event "": unknown word`},
		{"dev-gone a/b {}", `line 1, column 1: event "dev-gone": unknown word`},
		{"dev-new ab {}", `line 1, column 9: event "ab": not a handle of this kind`},
		{"dev-new a/b/1 {}", `line 1, column 9: event "a/b/1": not a handle of this kind`},
		{"port-new a/b {}", `line 1, column 10: event "a/b": not a handle of this kind`},
		{"port-new a/b/x {}", `line 1, column 10: event "a/b/x": not a handle of this kind`},
		{"dev-new a/b", `line 1, column 12: event "": an object where none belongs, or none`},
		{"flash-update a/b {}", `line 1, column 18: event "{}": an object where none belongs, or none`},
		{"dev-new a/b {}", `line 1, column 13: reload_failed "": missing`},
		{`dev-new a/b {"reload_failed":1}`, `line 1, column 30: reload_failed "1": want true or false`},
		{`dev-new a/b {"reload_failed":true} x`, `line 1, column 36: json "": invalid character 'x'`},
		{`dev-new a/b {"reload_failed":true}{}`, `line 1, column 35: json "{": more than one value`},
		{`port-new a/b/1 {"type":"fast"}`, `line 1, column 24: type "fast": unknown word`},
		{`rate-new a/b {"tx_share":0,"tx_max":0}`, `line 1, column 14: event "a/b": a leaf has a port, a node a name`},
		{`rate-new a/b/1 {"node":"g","tx_share":0,"tx_max":0}`, `line 1, column 16: event "a/b/1": a leaf has a port, a node a name`},
	} {
		_, err := show.ParseEvent(c.line)
		var parse *show.ParseError
		if !errors.As(err, &parse) || !errors.Is(err, switchdev.ErrInvalid) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.line, err, c.want)
		}
	}
}

// readEvents reads events of which none is bad.
func readEvents(t testing.TB, text string, f show.Format) (all []show.Event) {
	t.Helper()
	for e, err := range show.ReadEvents(strings.NewReader(text), f) {
		if err != nil {
			t.Fatalf("%v in %s: %v", f, text, err)
		}
		all = append(all, e)
	}
	return all
}

func monitor(t testing.TB, f show.Format, all []show.Event) string {
	t.Helper()
	var out strings.Builder
	m := show.NewMonitor(&out, f)
	for _, e := range all {
		if err := m.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(m.Close(), m.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Where the tool's JSON is whole, its events give the text and both kinds of JSON.
func TestMonitorPrintsAsTheToolDoes(t *testing.T) {
	all := outputs(t, tool)
	n := 0
	for i, o := range all {
		if o.what() != "monitor" || o.format() != show.JSON {
			continue
		}
		n++
		events := readEvents(t, o.text, show.JSON)
		for _, o := range all[i-1 : i+2] {
			if got := monitor(t, o.format(), events); got != o.text {
				t.Errorf("%s\ngot\n%s\nwant\n%s", o.command, got, o.text)
			}
		}
		if back := readEvents(t, all[i+1].text, show.Pretty); !reflect.DeepEqual(back, events) {
			t.Errorf("%s: other events", all[i+1].text)
		}
		lines := monitor(t, show.Members, events)
		if back := readEvents(t, lines, show.Members); !reflect.DeepEqual(back, events) || strings.Count(lines, "\n") != len(events) {
			t.Errorf("%s: other events", lines)
		}
	}
	if n != 32 {
		t.Errorf("%d outputs", n)
	}
}

// The tool gives up over the JSON of policers and reporters, but prints their text.
func TestMonitorPrintsTheTextOfAllKinds(t *testing.T) {
	sim := show.Place{Handle: devlink.Handle{Bus: "netdevsim", Device: "netdevsim1"}}
	pci := show.Place{Handle: devlink.Handle{Bus: "pci", Device: "0000:01:00.0"}, Port: 1, OnPort: true}
	policer := &show.Policer{At: sim, ID: show.Num(2), Rate: show.Num(^uint64(0)), Burst: show.Num(256)}
	dummy := &show.Reporter{
		At: sim, Name: "dummy", State: "error", Errors: show.Num(3), Recoveries: show.Num(2),
		Grace: show.Num(5000), AutoRecover: show.Yes, AutoDump: show.No,
	}
	tx := &show.Reporter{
		At: pci, Name: "tx", State: "error", Errors: show.Num(1), Recoveries: show.Num(1),
		Grace: show.Num(500), AutoRecover: show.Yes, AutoDump: show.Yes,
	}
	var recorded []string
	for _, o := range outputs(t, tool) {
		if o.what() == "monitor" && o.format() == show.Text {
			recorded = append(recorded, o.text)
		}
	}
	text := "\n" + strings.Join(recorded, "")
	for _, c := range []struct {
		event show.Event
		json  string
	}{
		{show.Event{Verb: show.New, Row: policer}, `{"command":"new","trap-policer":{"netdevsim/netdevsim1":{"policer":2,"rate":18446744073709551615,"burst":256}}}`},
		{show.Event{Verb: show.Status, Row: dummy}, `{"command":"status","health":{"netdevsim/netdevsim1":[{"reporter":"dummy","state":"error","error":3,"recover":2,"grace_period":5000,"auto_recover":true,"auto_dump":false}]}}`},
		{show.Event{Verb: show.Status, Row: tx}, `{"command":"status","health":{"pci/0000:01:00.0/1":[{"reporter":"tx","state":"error","error":1,"recover":1,"grace_period":500,"auto_recover":true,"auto_dump":true}]}}`},
	} {
		if got := monitor(t, show.Text, []show.Event{c.event}); !strings.Contains(text, "\n"+got) {
			t.Errorf("%s is not in %s", got, text)
		}
		if got := monitor(t, show.JSON, []show.Event{c.event}); got != `{"mon":[`+c.json+"]}\n" {
			t.Errorf("%s, want %s", got, c.json)
		}
		if back := readEvents(t, c.json, show.Members); len(back) != 1 || !reflect.DeepEqual(back[0], c.event) {
			t.Errorf("%s gives %v", c.json, back)
		}
	}
	// Nothing is printed of rates.
	rate := show.Event{Verb: show.New, Row: &show.Rate{At: pci, Share: show.Num(0), Max: show.Num(0)}}
	if got := monitor(t, show.Text, []show.Event{rate}); got != "" {
		t.Errorf("%q of a rate", got)
	}
}

func TestBadEventsAreRefused(t *testing.T) {
	var out strings.Builder
	m := show.NewMonitor(&out, show.JSON)
	d := &show.Dev{Handle: devlink.Handle{Bus: "a", Device: "b"}}
	for _, e := range []show.Event{{}, {Verb: show.New}, {Row: d}, {Verb: show.Status, Row: d}, {Verb: 9, Row: d}, {Verb: show.New, Row: &show.Dev{}},
		{Verb: show.New, Row: &show.Info{Handle: d.Handle}}, {Verb: show.New, Row: &show.Reporter{}}} {
		if err := m.Write(e); !errors.Is(err, switchdev.ErrInvalid) {
			t.Errorf("%+v: %v", e, err)
		}
		if s := e.String(); s != "event?" {
			t.Errorf("%+v is %s", e, s)
		}
	}
	if err := errors.Join(m.Write(show.Event{Verb: show.Del, Row: d}), m.Close()); err != nil || out.String() != `{"mon":[{"command":"del","dev":{"a/b":{}}}]}`+"\n" {
		t.Errorf("%v, %s", err, out.String())
	}
	if err := m.Write(show.Event{Verb: show.Del, Row: d}); !errors.Is(err, switchdev.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestBadMonitorJSONSaysWhere(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"dev":[]}`, `line 1, column 2: json "dev": want mon`},
		{`{"mon":{}}`, `line 1, column 8: json "{": want [`},
		{`{"mon":[7]}`, `line 1, column 9: json "7": want {`},
		{`{"mon":[{}]}`, `line 1, column 9: row "verb?": no such event`},
		{`{"mon":[{"command":"new"}]}`, `line 1, column 9: row "new": no such event`},
		{`{"mon":[{"command":"old","dev":{"a/b":{}}}]}`, `line 1, column 20: command "old": unknown word`},
		{`{"mon":[{"command":"begin","dev":{"a/b":{}}}]}`, `line 1, column 9: row "begin": no such event`},
		{`{"mon":[{"command":"new","dev":{"a/b":{},"a/c":{}}}]}`, `line 1, column 9: row "new": no such event`},
		{`{"mon":[{"command":"new","rate":{"a/b":{}}}]}`, `line 1, column 26: row "rate": unknown key, or twice`},
		{`{"mon":[{"command":"new","port":{"a/b":{"type":"eth"}}}]}`, `line 1, column 34: json "a/b": not a handle of this section`},
		{`{"mon":[{"command":"status","health":{"a/b":{}}}]}`, `line 1, column 45: health "{": want [`},
		{`{"mon":[`, `line 1, column 9: json "": the input ends too early`},
		{`{"mon":[]} 7`, `line 1, column 12: json "7": more than one value`},
	} {
		var errs []string
		for _, err := range show.ReadEvents(strings.NewReader(c.text), show.JSON) {
			if err != nil {
				errs = append(errs, err.Error())
			}
		}
		if len(errs) != 1 || !strings.HasPrefix(errs[0], c.want) {
			t.Errorf("%s: %q, want %s", c.text, errs, c.want)
		}
	}
}
