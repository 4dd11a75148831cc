package show_test

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/devlink/show"
)

func TestBadTextSaysWhere(t *testing.T) {
	for _, c := range []struct {
		s          show.Section
		text, want string
	}{
		{show.Devs, "ab", `line 1, column 1: text "ab": not a handle of this section`},
		{show.Devs, "a/b reload_failed true", `line 1, column 1: text "a/b": want a colon behind the handle`},
		{show.Devs, "a/b: reload_failed false", `line 1, column 20: reload_failed "false": want true`},
		{show.Devs, "a/b: reload_failed yes", `line 1, column 20: reload_failed "yes": want true or false`},
		{show.Devs, "a/b: reload_failed", `line 1, column 19: reload_failed "": missing`},
		{show.Devs, "a/b: index 1 index 1", `line 1, column 14: row "index": twice`},
		{show.Devs, "a/b: index 01", `line 1, column 12: index "01": want a number of 64 bits`},
		{show.Devs, "a/b: stats 5", `line 1, column 12: stats "5": want lines below`},
		{show.Devs, "a/b:\n  index:\n    5", `line 2, column 3: index "": want a value, not lines below`},
		{show.Devs, "a/b:\n  stats:\n      reload:\n          driver_reinit:\n            unspecified 4294967296", `line 5, column 25: unspecified "4294967296": want a number of 32 bits`},
		{show.Devs, "a/b:\n  news:\n      x:\n        1 2\n", `line 2, column 3: row "news": unknown key`},
		{show.Devs, "a/b:\n  nested_devlink:\n      a/c/1\n", `line 3, column 7: nested_devlink "a/c/1": not bus/device`},
		{show.Devs, "a/b:\n  nested_devlink:\n      a/c: netnsid -2\n", `line 3, column 20: netnsid "-2": want -1 to 2147483647`},
		{show.Ports, "a/b: type eth", `line 1, column 1: text "a/b:": not a handle of this section`},
		{show.Ports, "a/b/1 type eth", `line 1, column 1: text "a/b/1": want a colon behind the handle`},
		{show.Ports, "a/b/1:", `line 1, column 1: type "": missing`},
		{show.Ports, "a/b/1: type fast", `line 1, column 13: type "fast": unknown word`},
		{show.Ports, "a/b/1: type eth flavour <unknown", `line 1, column 25: flavour "<unknown": unknown word`},
		{show.Ports, "a/b/1: type eth pfnum 65536", `line 1, column 23: pfnum "65536": want a number of 16 bits`},
		{show.Ports, "a/b/1: type eth\n  function:\n    hw_addr 00:1\n", `line 3, column 13: hw_addr "00:1": want bytes in hexadecimal, separated by colons`},
		{show.Params, "a/b: x", `line 1, column 6: param "x": want the end of the line`},
		{show.Params, "x:", `line 1, column 1: text "x:": not a handle of this section`},
		{show.Params, "a/b:\n  name x type generic", `line 2, column 3: values "": missing`},
		{show.Params, "a/b:\n  name x type generic\n    values:\n      value 1", `line 4, column 7: cmode "": missing`},
		{show.Params, "a/b:\n  name x type generic\n    values:\n      cmode runtime value a\x01b", `line 4, column 27: value "a\x01b": control characters`},
		{show.Params, "a/b:\n  name x type generic values 5", `line 2, column 30: values "5": want lines below`},
		{show.Resources, "a/b:\n  name x size none unit entry dpipe_tables none", `line 2, column 15: size "none": want a number of 64 bits`},
		{show.Resources, "a/b:\n  name x size 18446744073709551615 unit entry dpipe_tables none", `line 2, column 15: size "18446744073709551615": want a number of 64 bits`},
		{show.Resources, "a/b:\n  name x size 1 unit entry dpipe_tables all", `line 2, column 41: dpipe_tables "all": want none or lines below`},
		{show.Resources, "a/b:\n  name x size 1 unit entry\n    dpipe_tables:\n", `line 3, column 5: dpipe_tables "": empty`},
		{show.Regions, "a/b/r: size 1 snapshot [1 2", `line 1, column 24: snapshot "[1 2": want ]`},
		{show.Regions, "a/b/r: size 1 snapshot [x]", `line 1, column 25: snapshot "x": want a number of 32 bits`},
		{show.Regions, "a/b: size 1", `line 1, column 1: text "a/b:": not a handle of this section`},
		{show.Traps, "a/b:\n  name x type drop generic true action drop group g\n    metadata:\n      cookie", `line 4, column 7: metadata "cookie": unknown word`},
		{show.Traps, "a/b:\n  name x type drop generic true action drop group g\n    stats:\n", `line 3, column 5: rx "": missing`},
		{show.Rates, "a/b/1: type node", `line 1, column 13: type "node": that of another key`},
		{show.Rates, "a/b/1: type leaf tx_max 4bit", `line 1, column 25: tx_max "4bit": want a number of bits, a multiple of 8, such as 10Mbit`},
		{show.Rates, "a/b/1: type leaf tx_max 99999999Tbit", `line 1, column 25: tx_max "99999999Tbit": want a number of bits, a multiple of 8, such as 10Mbit`},
		{show.Reloads, "done:\n    x", `line 1, column 1: row "done": unknown key`},
		{show.Reloads, "done", `line 1, column 1: text "done": want reload_actions_performed:`},
		{show.Reloads, "reload_actions_performed:\n    reset\n", `line 2, column 5: reload_actions_performed "reset": unknown word`},
		{show.Dumps, "0000 03", `line 1, column 1: address "0000": want 16 digits in hexadecimal`},
		{show.Dumps, "0000000000000000 ", `line 1, column 18: data "": missing`},
		{show.Dumps, "0000000000000000 3", `line 1, column 18: data "3": want up to 16 bytes in hexadecimal`},
		{show.Dumps, "0000000000000000 03\n0000000000000010 03", `line 2, column 1: data "": a line before is too short`},
		{show.Infos, "a/b:\n  driver x\x01", `line 2, column 10: driver "x\x01": control characters`},
		{show.Devs, strings.Repeat("x", 1<<17), `line 1, column 65536: text "": the line is too long`},
	} {
		if errs := faults(t, c.text, c.s, show.Text); len(errs) != 1 || errs[0] != c.want {
			t.Errorf("%.200s\n%q, want\n%s", c.text, errs, c.want)
		}
	}
}

func TestBadMonitorTextSaysWhere(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"x", `line 1, column 1: text "x": want an event, such as [port,new]`},
		{"[port,gone] a/b/1: type eth", `line 1, column 1: text "[port,gone]": want an event, such as [port,new]`},
		{"[rate,new] a/b/1: type leaf", `line 1, column 1: text "[rate,new]": want an event, such as [port,new]`},
		{"[port,status] a/b/1: type eth", `line 1, column 1: row "[port,status]": no such event`},
		{"[port,new]", `line 1, column 11: text "": not a handle of this section`},
		{"[port,new] a/b/1: type fast", `line 1, column 24: type "fast": unknown word`},
		{"[health,status] a/b:", `line 1, column 1: row "[health,status]": no such event`},
		{"[flash,status] a/b: done x", `line 1, column 26: done "x": want a number of 64 bits`},
	} {
		var errs []string
		for _, err := range show.ReadEvents(strings.NewReader(c.text), show.Text) {
			if err != nil {
				errs = append(errs, err.Error())
			}
		}
		if len(errs) != 1 || errs[0] != c.want {
			t.Errorf("%s\n%q, want\n%s", c.text, errs, c.want)
		}
	}
}

// A row that a newer tool printed is lost, and no other.
func TestReadingTextGoesOnAfterABadRow(t *testing.T) {
	const ports = "a/b/1: type eth\na/b/2: type eth news 5\n  news:\n    x 1\na/b/3: type eth\nx: type eth\n  y\na/b/4\na/b/5: type ib\n"
	var got []string
	for r, err := range show.Read(iotest.OneByteReader(strings.NewReader(ports)), show.Ports, show.Text) {
		got = append(got, fmt.Sprint(r.Place(), " ", err != nil))
	}
	want := []string{"a/b/1 false", "a/b/2 true", "a/b/3 false", "x/ true", "a/b/4 true", "a/b/5 false"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	const policers = `a/b:
  policer 1 rate 1 burst 1
  policer 2
  policer 3 rate 1 burst 1
x:
  policer 4 rate 1 burst 1
  policer 5 rate 1 burst 1
a/d:
  policer 6 rate 1 burst 1
`
	if good, bad := counted(show.Read(strings.NewReader(policers), show.Policers, show.Text)); good != 3 || bad != 3 {
		t.Errorf("%d good, %d bad", good, bad)
	}
}

// What is not known to be whole is not handed over.
func TestErrorsOfTheReaderEndText(t *testing.T) {
	broken := errors.New("broken")
	rows, last := 0, error(nil)
	in := io.MultiReader(strings.NewReader("a/b\na/c: index 1\na/d"), iotest.ErrReader(broken))
	for _, err := range show.Read(in, show.Devs, show.Text) {
		if last = err; err == nil {
			rows++
		}
	}
	if rows != 1 || !errors.Is(last, broken) {
		t.Errorf("%d rows, %v", rows, last)
	}
	for _, err := range show.ReadEvents(iotest.ErrReader(broken), show.Text) {
		if !errors.Is(err, broken) {
			t.Error(err)
		}
	}
}

func TestTextMayBeLeft(t *testing.T) {
	const text = "a/b:\n  policer 1 rate 1 burst 1\n  policer 2 rate 1 burst 1\n"
	for range show.Read(strings.NewReader(text), show.Policers, show.Text) {
		break
	}
	next, stop := iter.Pull2(show.Read(strings.NewReader(text), show.Policers, show.Text))
	if r, err, ok := next(); err != nil || !ok || r.(*show.Policer).ID != show.Num(1) {
		t.Error(r, err, ok)
	}
	stop()
	for range show.ReadEvents(strings.NewReader("[dev,new] a/b\n[dev,new] a/c\n"), show.Text) {
		break
	}
}

// Spaces may be more or fewer, and lines empty, where that changes nothing.
func TestSpacesOfTextMayDiffer(t *testing.T) {
	const text = "\n  \na/b/7:  splittable false   type eth\n\n   function:\n\n        state active\n     opstate detached\n"
	got := readAll(t, text, show.Ports, show.Text)
	want := &show.Port{
		At: show.Place{Handle: devlink.Handle{Bus: "a", Device: "b"}, Port: 7, OnPort: true}, Type: "eth", Splittable: show.No,
		Function: show.Function{Shown: true, State: "active", OpState: "detached"},
	}
	if len(got) != 1 || !reflect.DeepEqual(got[0], show.Row(want)) {
		t.Errorf("%s", dump(got))
	}
}

// A device may be called "b:", and then has a colon too many.
func TestHandlesEndWithAColonOrNot(t *testing.T) {
	for text, want := range map[string]string{
		"a/b": "a/b", "a/b:": "a/b:", "a/b:: index 1": "a/b:", "a/b: index 1": "a/b", "a/b:\n  stats:\n": "a/b", "a/b::\n  stats:\n": "a/b:",
	} {
		got := readAll(t, text, show.Devs, show.Text)
		if len(got) != 1 || got[0].Place().String() != want {
			t.Errorf("%q: %s", text, dump(got))
		}
	}
}

// What text loses, as the documentation of Read says.
func TestWhatTextLoses(t *testing.T) {
	param := func(v, d show.Scalar) *show.Param {
		return &show.Param{
			At: show.Place{Handle: devlink.Handle{Bus: "a", Device: "b"}}, Name: "x",
			Values: []show.ParamValue{{Mode: "runtime", Value: v, Default: d}},
		}
	}
	word, none := show.TextScalar, show.Scalar{}
	for _, c := range []struct{ from, to *show.Param }{
		{param(word("7"), none), param(show.NumberScalar(7), none)},
		{param(word("07"), none), param(word("07"), none)},
		{param(word("18446744073709551616"), none), param(word("18446744073709551616"), none)},
		{param(word("true"), word("false")), param(show.BoolScalar(true), show.BoolScalar(false))},
		{param(word("x default y"), none), param(word("x"), word("y"))},
		{param(word("x default y"), word("z")), param(word("x default y"), word("z"))},
		{param(word(""), word("")), param(word(""), word(""))},
		{param(word(" x "), word(" ")), param(word(" x "), word(" "))},
	} {
		text := print(t, show.Params, show.Text, []show.Row{c.from})
		if got := readAll(t, text, show.Params, show.Text); len(got) != 1 || !reflect.DeepEqual(got[0], show.Row(c.to)) {
			t.Errorf("%s is\n%s", text, dump(got))
		}
	}
	h := devlink.Handle{Bus: "a", Device: "b"}
	for _, c := range []struct{ from, to show.Flash }{
		{show.Flash{Message: "x done 5"}, show.Flash{Message: "x", Done: show.Num(5)}},
		{show.Flash{Message: "x component y"}, show.Flash{Message: "x", Component: "y"}},
		{show.Flash{Message: "x done 5", Done: show.Num(6)}, show.Flash{Message: "x done 5", Done: show.Num(6)}},
		{show.Flash{Message: "x done y total z"}, show.Flash{Message: "x done y total z"}},
		{show.Flash{Message: "x component y", Component: "z"}, show.Flash{Message: "x component y", Component: "z"}},
	} {
		c.from.Handle, c.to.Handle = h, h
		text := monitor(t, show.Text, []show.Event{{Verb: show.Status, Row: &c.from}})
		if got := readEvents(t, text, show.Text); len(got) != 1 || !reflect.DeepEqual(got[0].Row, show.Row(&c.to)) {
			t.Errorf("%s is %+v", text, got)
		}
	}
	rate := &show.Rate{At: show.Place{Handle: h, Port: 1, OnPort: true}, Max: show.Num(125000001)}
	text := print(t, show.Rates, show.Text, []show.Row{rate})
	if got := readAll(t, text, show.Rates, show.Text); len(got) != 1 || got[0].(*show.Rate).Max != show.Num(125000000) {
		t.Errorf("%s is\n%s", text, dump(got))
	}
	const line = "a/b:\n  name x type generic\n    values:\n      cmode runtime value y\nz\n"
	if errs := faults(t, line, show.Params, show.Text); len(errs) != 1 || errs[0] != `line 5, column 1: text "z": not a handle of this section` {
		t.Errorf("a value of two lines: %q", errs)
	}
}
