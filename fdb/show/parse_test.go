package show_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/switchcore/switchcore/fdb/show"
	"github.com/switchcore/switchcore/switchdev"
)

func stringReader(s string) io.Reader { return strings.NewReader(s) }

// place returns where a parse error says it is.
func place(t *testing.T, err error) (line, column int) {
	t.Helper()
	var parse *show.ParseError
	if !errors.As(err, &parse) || !errors.Is(err, switchdev.ErrInvalid) || !errors.Is(err, syscall.EINVAL) {
		t.Fatalf("not a parse error: %v", err)
	}
	return parse.Line, parse.Column
}

func TestBadLinesSayWhere(t *testing.T) {
	const m = "02:00:00:00:00:01 "
	for _, c := range []struct{ text, want string }{
		{"x", `line 1, column 1: mac "x": want six bytes in hexadecimal, separated by colons`},
		{"02-00-00-00-00-01 ", `line 1, column 1: mac "02-00-00-00-00-01": want six bytes in hexadecimal, separated by colons`},
		{"Deleted ", `line 1, column 9: mac "": missing`},
		{m + "dev", `line 1, column 22: dev "": missing`},
		{m + "dev p1 vlan 0 ", `line 1, column 31: vlan "0": want 1 to 4094`},
		{m + "dev p1 vlan 4095 ", `line 1, column 31: vlan "4095": want 1 to 4094`},
		{m + "dev p1 vlan x ", `line 1, column 31: vlan "x": want 1 to 4094`},
		{m + "dev p1 bogus static", `line 1, column 26: row "bogus": unknown word, or not in its place`},
		{m + "vlan 7 dev p1 ", `line 1, column 26: row "dev": unknown word, or not in its place`},
		{m + "sticky self ", `line 1, column 26: row "self": unknown word, or not in its place`},
		{m + "dst 1.2.3 ", `line 1, column 23: dst "1.2.3": not an IP address`},
		{m + "dst fe80::1%eth0 ", `line 1, column 23: dst "fe80::1%eth0": not an IP address`},
		{m + "port 65536 ", `line 1, column 24: port "65536": want 0 to 65535`},
		{m + "vni -1 ", `line 1, column 23: vni "-1": want 0 to 4294967295`},
		{m + "via ifindex 4294967296 ", `line 1, column 31: via ifindex "4294967296": want 0 to 4294967295`},
		{m + "link-netnsid 2147483648 ", `line 1, column 32: link-netnsid "2147483648": want 0 to 2147483647`},
		{m + "used 3 ", `line 1, column 24: used "3": want two numbers and a slash`},
		{m + "used 3/x ", `line 1, column 26: updated "x": want 0 to 4294967295`},
		{m + "inactive ", `line 1, column 1: row "02:00:00:00:00:01 inactive ": bad Inactive`},
		{m + "dev p1 state=0x80", `line 1, column 26: row "state=0x80": unknown word, or not in its place`},
		{m + "dev p1 state=static", `line 1, column 26: row "state=static": unknown word, or not in its place`},
		{m + "dev p1 0x10", `line 1, column 26: row "0x10": unknown word, or not in its place`},
		{m + "dev p1\tx ", `line 1, column 23: dev "p1\tx": not a name`},
		{m + "dev \xff ", `line 1, column 23: dev "\xff": not a name`},
	} {
		_, err := show.Parse(c.text)
		if err == nil || err.Error() != c.want {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
		place(t, err)
		r := show.Row{Dev: "kept"}
		if err := r.UnmarshalText([]byte(c.text)); err == nil || r != (show.Row{Dev: "kept"}) {
			t.Errorf("%q has changed the row to %v, %v", c.text, r, err)
		}
	}
}

func TestBadObjectsSayWhere(t *testing.T) {
	const m = `"mac":"02:00:00:00:00:01","state":""`
	for _, c := range []struct{ text, want string }{
		{``, `line 1, column 1: json "": the input ends too early`},
		{`[`, `line 1, column 2: json "": the input ends too early`},
		{`{}`, `line 1, column 1: json "{": want [`},
		{`[7]`, `line 1, column 2: json "7": want {`},
		{`[] []`, `line 1, column 4: json "[": more than one value`},
		{"[{" + m + "}\n,\n{]", `line 3, column 2: json "": invalid character ']'`},
		{`[{}]`, `line 1, column 2: mac "": missing`},
		{`[{"mac":"02:00:00:00:00:01"}]`, `line 1, column 2: state "": missing`},
		{"[ {\n  \"mac\": 7} ]", `line 2, column 10: mac "7": want a string`},
		{`[{"mac":"x","state":""}]`, `line 1, column 9: mac "x": want six bytes in hexadecimal, separated by colons`},
		{`[{` + m + `,"vlan":"7"}]`, `line 1, column 47: vlan "7": want 1 to 4094`},
		{`[{` + m + `,"vlan":0}]`, `line 1, column 47: vlan "0": want 1 to 4094`},
		{`[{` + m + `,"vlan":1.5}]`, `line 1, column 47: vlan "1.5": want 1 to 4094`},
		{`[{` + m + `,"vlan":null}]`, `line 1, column 47: vlan "null": want 1 to 4094`},
		{`[{` + m + `,"vlan":[1,{"a":[2]}]}]`, `line 1, column 47: vlan "[": want 1 to 4094`},
		{`[{` + m + `,"deleted":1}]`, `line 1, column 50: deleted "1": want true or false`},
		{`[{` + m + `,"new":{"a":[1,2]}}]`, `line 1, column 40: row "new": unknown key`},
		{`[{` + m + `,"mac":"02:00:00:00:00:01"}]`, `line 1, column 40: row "mac": twice`},
		{`[{` + m + `,"flags":"self"}]`, `line 1, column 48: flags "self": want [`},
		{`[{` + m + `,"flags":["self","new"]}]`, `line 1, column 56: flags "new": unknown word`},
		{`[{` + m + `,"flags":["self","self"]}]`, `line 1, column 56: flags "self": twice`},
		{`[{` + m + `,"ifname":"a b"}]`, `line 1, column 49: ifname "a b": not a name`},
		{`[{` + m + `,"ifname":""}]`, `line 1, column 49: ifname "": not a name`},
		{`[{` + m + `,"used":1}]`, `line 1, column 2: row "02:00:00:00:00:01": bad Used`},
		{`[{"mac":"02:00:00:00:00:01","state":"new"}]`, `line 1, column 37: state "new": no state`},
	} {
		var errs []string
		for _, err := range show.Read(strings.NewReader(c.text), show.JSON) {
			if err != nil {
				place(t, err)
				errs = append(errs, err.Error())
			}
		}
		if len(errs) != 1 || !strings.HasPrefix(errs[0], c.want) {
			t.Errorf("%q: %q, want %s", c.text, errs, c.want)
		}
	}
}

// A row that a newer tool printed is lost, and no other.
func TestReadingGoesOnAfterABadRow(t *testing.T) {
	const text = "02:00:00:00:00:01 dev p1 master br0 \n02:00:00:00:00:02 dev p1 news master br0 \n02:00:00:00:00:03 dev p1 master br0 "
	const array = `[{"mac":"02:00:00:00:00:01","state":""},{"mac":"02:00:00:00:00:02","news":[[]],"state":""},{"mac":"02:00:00:00:00:03","state":""}]`
	for f, text := range map[show.Format]string{show.Text: text, show.JSON: array} {
		var got []string
		for r, err := range show.Read(iotest.OneByteReader(strings.NewReader(text)), f) {
			got = append(got, fmt.Sprint(r.MAC, err != nil))
		}
		want := []string{"02:00:00:00:00:01 false", "02:00:00:00:00:02 true", "02:00:00:00:00:03 false"}
		if !slices.Equal(got, want) {
			t.Errorf("%v: %v", f, got)
		}
	}
}

func TestReaderErrorsEndTheSequence(t *testing.T) {
	broken := errors.New("broken")
	for f, text := range map[show.Format]string{show.Text: "02:00:00:00:00:01 dev p1 \n02:", show.JSON: `[{"mac":"02:00:00:00:00:01","state":""},{`} {
		rows, last := 0, error(nil)
		for _, err := range show.Read(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), f) {
			if last = err; err == nil {
				rows++
			}
		}
		if rows != 1 || !errors.Is(last, broken) {
			t.Errorf("%v: %d rows, %v", f, rows, last)
		}
	}
}

func TestLinesMayBeTrimmed(t *testing.T) {
	for text, want := range map[string]string{
		"02:00:00:00:00:01 dev p1 master br0":                "02:00:00:00:00:01 dev p1 master br0 ",
		" 02:00:00:00:00:01  dev p1   master br0  ":          "02:00:00:00:00:01 dev p1 master br0 ",
		"02:00:00:00:00:01 dev p1 self":                      "02:00:00:00:00:01 dev p1 self ",
		"02:00:00:00:00:01":                                  "02:00:00:00:00:01 ",
		"02:00:00:00:00:01 static":                           "02:00:00:00:00:01 static",
		"02:00:00:00:00:01 dev static static":                "02:00:00:00:00:01 dev static static",
		"02:00:00:00:00:01 via ifindex nhid 7 ":              "02:00:00:00:00:01 via ifindex nhid 7 ",
		"02:00:00:00:00:01 via ifindex 7 nhid 7 self stale":  "02:00:00:00:00:01 via ifindex 7 nhid 7 self stale",
		"02:00:00:00:00:01 dst ::ffff:1.2.3.4 vni 7 self ":   "02:00:00:00:00:01 dst ::ffff:1.2.3.4 vni 7 self ",
		"02:00:00:00:00:01 dst 0:0:0:0:0:0:102:304 self ":    "02:00:00:00:00:01 dst ::1.2.3.4 self ",
		"02:00:00:00:00:01 dst 2001:DB8::1 activity_notify ": "02:00:00:00:00:01 dst 2001:db8::1 activity_notify ",
	} {
		if r, err := show.Parse(text); err != nil || r.String() != want {
			t.Errorf("%q is %q, %v, want %q", text, r, err, want)
		}
	}
	if r, err := show.Parse("02:00:00:00:00:01 dst 1.2.3.4 vlan 7 port 4789 self "); err != nil || r.VLAN != 7 {
		t.Errorf("a row with dst and vlan: %v, %v", r, err)
	}
}

// The word "master" alone is a flag; with a name it says which bridge.
func TestMasterIsAFlagOrABridge(t *testing.T) {
	for text, want := range map[string]show.Row{
		"master ":               {Flags: show.MasterWord},
		"master static":         {Flags: show.MasterWord, State: show.Static},
		"master static ":        {Master: "static"},
		"master sticky ":        {Master: "sticky"},
		"master master ":        {Master: "master"},
		"master master master ": {Flags: show.MasterWord, Master: "master"},
		"master sticky locked ": {Flags: show.MasterWord | show.Sticky | show.Locked},
		"master sticky master b stale": {
			Flags: show.MasterWord | show.Sticky, Master: "b", State: show.Stale,
		},
	} {
		want.MAC = switchdev.MAC{2, 0, 0, 0, 0, 1}
		if r, err := show.Parse("02:00:00:00:00:01 " + text); err != nil || r != want {
			t.Errorf("%q is %+v, %v", text, r, err)
		}
	}
}

func TestJSONOfARowInItsBestForm(t *testing.T) {
	var rows []show.Row
	err := json.Unmarshal([]byte(`[{"state":"stale","flags":["locked","self"],"mac":"02:00:00:00:00:01","vlan":7}]`), &rows)
	want := show.Row{MAC: switchdev.MAC{2, 0, 0, 0, 0, 1}, VLAN: 7, Flags: show.Self | show.Locked, State: show.Stale}
	if err != nil || len(rows) != 1 || rows[0] != want {
		t.Errorf("%+v, %v", rows, err)
	}
	if b, err := json.Marshal(rows); err != nil || string(b) != `[{"mac":"02:00:00:00:00:01","vlan":7,"flags":["self","locked"],"state":"stale"}]` {
		t.Errorf("%s, %v", b, err)
	}
	if err := json.Unmarshal([]byte(`[{"state":7}]`), &rows); err == nil || rows[0] != want && rows[0] != (show.Row{}) {
		t.Errorf("%+v, %v", rows, err)
	}
}
