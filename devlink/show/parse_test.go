package show_test

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/switchcore/switchcore/devlink"
	"github.com/switchcore/switchcore/devlink/show"
	"github.com/switchcore/switchcore/switchdev"
)

// faults are the errors of reading a listing.
func faults(t *testing.T, text string, s show.Section, f show.Format) (errs []string) {
	t.Helper()
	for _, err := range show.Read(strings.NewReader(text), s, f) {
		if err == nil {
			continue
		}
		var parse *show.ParseError
		if !errors.As(err, &parse) || !errors.Is(err, switchdev.ErrInvalid) || !errors.Is(err, syscall.EINVAL) {
			t.Fatalf("not a parse error: %v", err)
		}
		errs = append(errs, err.Error())
	}
	return errs
}

func TestBadListingsSayWhere(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{``, `line 1, column 1: json "": the input ends too early`},
		{`[`, `line 1, column 1: json "[": want {`},
		{`{}`, `line 1, column 2: json "": no section`},
		{`{"dove":{}}`, `line 1, column 2: json "dove": no section`},
		{`{"dev":[]}`, `line 1, column 8: json "[": want {`},
		{`{"dev":{}} 1`, `line 1, column 12: json "1": more than one value`},
		{`{"dev":{},"port":{}}`, `line 1, column 11: json "port": want }`},
		{"{\"dev\":{\n\"a/b\":{},\n ]", `line 3, column 2: json "": invalid character ']'`},
		{`{"dev":{"a/b"`, `line 1, column 14: json "": the input ends too early`},
		{`{"dev":{"ab":{}}}`, `line 1, column 9: json "ab": not a handle of this section`},
		{`{"dev":{"a/b/1":{}}}`, `line 1, column 9: json "a/b/1": not a handle of this section`},
		{`{"dev":{"a b/c":{}}}`, `line 1, column 9: json "a b/c": not a handle of this section`},
		{`{"port":{"a/b":{"type":"eth"}}}`, `line 1, column 10: json "a/b": not a handle of this section`},
		{`{"port":{"a/b/01":{"type":"eth"}}}`, `line 1, column 10: json "a/b/01": not a handle of this section`},
		{`{"param":{"ab":[]}}`, `line 1, column 11: json "ab": not a handle of this section`},
		{`{"regions":{"a/b":{}}}`, `line 1, column 13: json "a/b": not a handle of this section`},
		{`{"dev":{"a/b":7}}`, `line 1, column 15: dev "7": want {`},
		{`{"dev":{"a/b":{"reload_failed":false}}}`, `line 1, column 32: reload_failed "false": want true`},
		{`{"dev":{"a/b":{"reload_failed":"true"}}}`, `line 1, column 32: reload_failed "true": want true or false`},
		{`{"dev":{"a/b":{"news":{"a":[1,{}]}}}}`, `line 1, column 16: row "news": unknown key`},
		{`{"dev":{"a/b":{"stats":{"reload":{"driver_reinit":{"unspecified":4294967296}}}}}}`, `line 1, column 66: unspecified "4294967296": want a number of 32 bits`},
		{`{"dev":{"a/b":{"stats":{"reload":{},"reload":{}}}}}`, `line 1, column 37: row "reload": twice`},
		{`{"dev":{"a/b":{"nested_devlink":{"a/b/1":{}}}}}`, `line 1, column 34: nested_devlink "a/b/1": not bus/device`},
		{`{"dev":{"a/b":{"nested_devlink":{"a/b":{"netnsid":-2}}}}}`, `line 1, column 51: netnsid "-2": want -1 to 2147483647`},
		{`{"port":{"a/b/1":{}}}`, `line 1, column 18: type "": missing`},
		{`{"port":{"a/b/1":{"type":"fast"}}}`, `line 1, column 26: type "fast": unknown word`},
		{`{"port":{"a/b/1":{"type":"eth","type":"eth"}}}`, `line 1, column 32: row "type": twice`},
		{`{"port":{"a/b/1":{"type":"eth","netdev":""}}}`, `line 1, column 41: netdev "": not a name`},
		{`{"port":{"a/b/1":{"type":"eth","lanes":1.5}}}`, `line 1, column 40: lanes "1.5": want a number of 32 bits`},
		{`{"port":{"a/b/1":{"type":"eth","pfnum":65536}}}`, `line 1, column 40: pfnum "65536": want a number of 16 bits`},
		{`{"port":{"a/b/1":{"type":"eth","function":[]}}}`, `line 1, column 43: function "[": want {`},
		{`{"port":{"a/b/1":{"type":"eth","function":{"hw_addr":"00:1"}}}}`, `line 1, column 54: hw_addr "00:1": want bytes in hexadecimal, separated by colons`},
		{`{"port":{"a/b/1":{"type":"eth","function":{"roce":true}}}}`, `line 1, column 51: roce "true": want a string`},
		{`{"param":{"a/b":{}}}`, `line 1, column 17: param "{": want [`},
		{`{"param":{"a/b":[{"name":"x","type":"own","values":[]}]}}`, `line 1, column 37: type "own": unknown word`},
		{`{"param":{"a/b":[{"name":"x","type":"generic","values":[{"value":1}]}]}}`, `line 1, column 57: cmode "": missing`},
		{`{"param":{"a/b":[{"name":"x","type":"generic","values":[{"cmode":"runtime","value":-1}]}]}}`, `line 1, column 84: value "-1": want a number of 64 bits`},
		{`{"param":{"a/b":[{"name":"x","type":"generic","values":[{"cmode":"runtime","value":[1]}]}]}}`, `line 1, column 84: value "[": want a number, a string, true or false`},
		{`{"param":{"a/b":[{"name":"x","type":"generic"}]}}`, `line 1, column 18: values "": missing`},
		{`{"resources":{"a/b":[{"name":"x","size":1,"unit":"entry"}]}}`, `line 1, column 22: dpipe_tables "": missing`},
		{`{"resources":{"a/b":[{"name":"x","size":"none","unit":"entry","dpipe_tables":"none"}]}}`, `line 1, column 41: size "none": want a number of 64 bits`},
		{`{"resources":{"a/b":[{"name":"x","size":18446744073709551615,"unit":"entry","dpipe_tables":"none"}]}}`, `line 1, column 41: size "18446744073709551615": want a number of 64 bits`},
		{`{"resources":{"a/b":[{"name":"x","size":1,"unit":"entry","dpipe_tables":[]}]}}`, `line 1, column 74: dpipe_tables "[]": empty`},
		{`{"resources":{"a/b":[{"name":"x","size":1,"unit":"entry","dpipe_tables":"all"}]}}`, `line 1, column 73: dpipe_tables "all": want none or [`},
		{`{"resources":{"a/b":[{"name":"x","size":1,"unit":"entry","dpipe_tables":"none","size_valid":true}]}}`, `line 1, column 93: size_valid "true": want a string`},
		{`{"resources":{"a/b":[{"name":"x","resource_path":"x","size":1,"unit":"entry","dpipe_tables":"none"}]}}`, `line 1, column 50: resource_path "x": not a path`},
		{`{"regions":{"a/b/r":{"snapshot":[4294967296]}}}`, `line 1, column 34: snapshot "4294967296": want a number of 32 bits`},
		{`{"trap":{"a/b":[{"name":"x","type":"drop","generic":true,"action":"drop","group":"g","metadata":["cookie"]}]}}`, `line 1, column 98: metadata "cookie": unknown word`},
		{`{"trap":{"a/b":[{"name":"x","type":"drop","generic":true,"action":"drop","group":"g","metadata":["flow_action_cookie","input_port"]}]}}`, `line 1, column 119: metadata "input_port": twice, or not in its place`},
		{`{"trap":{"a/b":[{"name":"x","type":"drop","generic":true,"action":"drop","group":"g","stats":{}}]}}`, `line 1, column 94: rx "": missing`},
		{`{"rate":{"a/b/1":{"type":"node"}}}`, `line 1, column 26: type "node": that of another key`},
		{`{"reload":{"done":[]}}`, `line 1, column 12: row "done": unknown key`},
		{`{"reload":{"reload_actions_performed":["reset"]}}`, `line 1, column 40: reload_actions_performed "reset": unknown word`},
		{`{"dump":{"address":0}}`, `line 1, column 20: data "": missing`},
		{`{"dump":{"address":0,"data":[256]}}`, `line 1, column 30: data "256": want a number of 8 bits`},
		{`{"dump":{"address":0,"address":16}}`, `line 1, column 22: row "address": twice`},
		{`{"info":{"a/b":{"driver":"x\u0001"}}}`, `line 1, column 26: driver "x\x01": control characters`},
	} {
		if errs := faults(t, c.text, 0, show.JSON); len(errs) != 1 || !strings.HasPrefix(errs[0], c.want) {
			t.Errorf("%s\n%q, want\n%s", c.text, errs, c.want)
		}
	}
	if errs := faults(t, `{"dev":{}}`, show.Ports, show.Pretty); len(errs) != 1 || errs[0] != `line 1, column 2: json "dev": want port` {
		t.Errorf("another section: %q", errs)
	}
	for _, c := range []struct{ text, want string }{
		{"{\"a/b\":{}}\n[", `line 2, column 1: json "[": want {`},
		{"{\"a/b\":{}}\n{\"x\":{}}", `line 2, column 2: json "x": not a handle of this section`},
	} {
		if errs := faults(t, c.text, show.Devs, show.Members); len(errs) != 1 || errs[0] != c.want {
			t.Errorf("%s: %q", c.text, errs)
		}
	}
}

// A row that a newer tool printed is lost, and no other.
func TestReadingGoesOnAfterABadRow(t *testing.T) {
	const text = `{"port":{"a/b/1":{"type":"eth"},"a/b/2":{"type":"eth","news":[[]]},"a/b/3":{"type":"eth"},"x":{"type":"eth"},"a/b/4":5,"a/b/5":{"type":"ib"}}}`
	var got []string
	for r, err := range show.Read(iotest.OneByteReader(strings.NewReader(text)), show.Ports, show.JSON) {
		got = append(got, fmt.Sprint(r.Place(), " ", err != nil))
	}
	want := []string{"a/b/1 false", "a/b/2 true", "a/b/3 false", "x/ true", "a/b/4 true", "a/b/5 false"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	const traps = `{"trap_policer":{"a/b":[{"policer":1,"rate":1,"burst":1},{"policer":2},{"policer":3,"rate":1,"burst":1}],"x":[{"policer":4,"rate":1,"burst":1},{"policer":5,"rate":1,"burst":1}],"a/c":7,"a/d":[{"policer":6,"rate":1,"burst":1}]}}`
	if good, bad := counted(show.Read(strings.NewReader(traps), 0, show.JSON)); good != 3 || bad != 4 {
		t.Errorf("%d good, %d bad", good, bad)
	}
}

// counted reads everything, and counts what is good and what is not.
func counted(rows iter.Seq2[show.Row, error]) (good, bad int) {
	for _, err := range rows {
		if err == nil {
			good++
		} else {
			bad++
		}
	}
	return good, bad
}

func TestReaderErrorsEndTheSequence(t *testing.T) {
	broken := errors.New("broken")
	for f, text := range map[show.Format]string{show.JSON: `{"dev":{"a/b":{},"a/c":`, show.Members: "{\"a/b\":{}}\n{"} {
		rows, last := 0, error(nil)
		for _, err := range show.Read(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), show.Devs, f) {
			if last = err; err == nil {
				rows++
			}
		}
		if rows != 1 || !errors.Is(last, broken) {
			t.Errorf("%v: %d rows, %v", f, rows, last)
		}
	}
}

func TestReadMayBeLeft(t *testing.T) {
	for f, text := range map[show.Format]string{
		show.JSON:    `{"health":{"a/b":[{"reporter":"x","state":"healthy","error":0,"recover":0},{"reporter":"y","state":"healthy","error":0,"recover":0}]}}`,
		show.Members: `{"a/b":[{"reporter":"x","state":"healthy","error":0,"recover":0},{"reporter":"y","state":"healthy","error":0,"recover":0}]}`,
	} {
		for range show.Read(strings.NewReader(text), show.Reporters, f) {
			break
		}
		next, stop := iter.Pull2(show.Read(strings.NewReader(text), show.Reporters, f))
		if r, err, ok := next(); err != nil || !ok || r.(*show.Reporter).Name != "x" {
			t.Error(r, err, ok)
		}
		stop()
	}
	for range show.ReadEvents(strings.NewReader(`{"command":"new","dev":{"a/b":{}}}{"command":"new","dev":{"a/b":{}}}`), show.Members) {
		break
	}
}

// A section must be known, and Flashes has only events.
func TestWhatIsNotReadSaysSo(t *testing.T) {
	for _, c := range []struct {
		s show.Section
		f show.Format
	}{{0, show.Text}, {show.Flashes, show.Text}, {0, show.Members}, {show.Flashes, show.JSON}, {99, show.JSON}, {show.Devs, 9}} {
		n := 0
		for _, err := range show.Read(strings.NewReader("{}"), c.s, c.f) {
			if n++; !errors.Is(err, switchdev.ErrUnsupported) {
				t.Errorf("%v %v: %v", c.s, c.f, err)
			}
		}
		if n != 1 {
			t.Errorf("%v %v: %d rows", c.s, c.f, n)
		}
	}
	for _, err := range show.ReadEvents(strings.NewReader(""), 9) {
		if !errors.Is(err, switchdev.ErrUnsupported) {
			t.Error(err)
		}
	}
}

// Keys may come in any order, as JSON has none.
func TestMembersComeInAnyOrder(t *testing.T) {
	rows, err := show.Parse(show.Ports, `{"a/b/7":{"function":{"opstate":"detached","state":"active"},"splittable":false,"type":"eth"}}`)
	want := &show.Port{
		At: show.Place{Handle: devlink.Handle{Bus: "a", Device: "b"}, Port: 7, OnPort: true}, Type: "eth", Splittable: show.No,
		Function: show.Function{Shown: true, State: "active", OpState: "detached"},
	}
	if err != nil || len(rows) != 1 || !reflect.DeepEqual(rows[0], show.Row(want)) {
		t.Errorf("%+v, %v", rows, err)
	}
	if rows, err := show.Parse(show.Ports, `{"a/b/7":{}}`); err == nil || rows != nil {
		t.Errorf("%v, %v", rows, err)
	}
}
