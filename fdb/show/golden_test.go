package show_test

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/fdb/show"
)

// What iproute2 6.1 printed for scenario.sh on Linux 6.18, a command after the
// other, each under a line that says which.
//
//go:embed testdata/linux-6.18.txt
var linux618 string

// Objects that "bridge -j fdb show" and "bridge monitor" of iproute2 6.1 printed on
// Linux 6.1, with VLANs and a switching device, one a line.
//
//go:embed testdata/linux-6.1.json
var linux61 string

// output is what one command printed.
type output struct {
	command string
	text    string
}

func (o output) format() show.Format {
	switch {
	case strings.Contains(o.command, " -p"):
		return show.Pretty
	case strings.Contains(o.command, " -j"):
		return show.JSON
	}
	return show.Text
}

// outputs takes a recording apart.
func outputs(t testing.TB, recording string) (all []output) {
	t.Helper()
	for _, part := range strings.Split("\n"+recording, "\n# ")[1:] {
		command, text, _ := strings.Cut(part, "\n")
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n" // which the split took
		}
		all = append(all, output{command, text})
	}
	return all
}

// readAll reads rows of which none is bad.
func readAll(t *testing.T, text string, f show.Format) (rows []show.Row) {
	t.Helper()
	for r, err := range show.Read(strings.NewReader(text), f) {
		if err != nil {
			t.Fatalf("%v in %v: %v", f, text, err)
		}
		rows = append(rows, r)
	}
	return rows
}

func print(t *testing.T, f show.Format, rows []show.Row) string {
	t.Helper()
	var out strings.Builder
	if err := show.Write(&out, f, slices.Values(rows)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// again reads what a tool printed, prints it again, and wants it byte for byte.
func again(t *testing.T, o output) []show.Row {
	t.Helper()
	rows := readAll(t, o.text, o.format())
	if got := print(t, o.format(), rows); got != o.text {
		t.Errorf("%s\ngot\n%s\nwant\n%s", o.command, got, o.text)
	}
	return rows
}

// compare wants outputs to be printed again, and the same rows in every format.
func compare(t *testing.T, all []output) {
	t.Helper()
	type key struct {
		nth   int
		what  string
		stats bool
	}
	first := make(map[key][]show.Row)
	count := make(map[string]int)
	for _, o := range all {
		rows := again(t, o)
		_, what, _ := strings.Cut(o.command, "fdb")
		k := key{count[o.command], what, strings.Contains(o.command, " -s")}
		count[o.command]++
		if want, ok := first[k]; !ok {
			first[k] = rows
		} else if !slices.Equal(rows, want) {
			t.Errorf("%s gives %v, the text %v", o.command, rows, want)
		}
	}
}

func TestRecordingIsPrintedAgain(t *testing.T) {
	all := outputs(t, linux618)
	if len(all) != 35 {
		t.Fatalf("%d outputs", len(all))
	}
	compare(t, all)
}

func TestObjectsArePrintedAgain(t *testing.T) {
	n := 0
	for line := range strings.Lines(linux61) {
		line = strings.TrimSuffix(line, "\n")
		var r show.Row
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		// MarshalJSON itself, because package json compacts and checks.
		if got, err := r.MarshalJSON(); err != nil || string(got) != line {
			t.Errorf("%s, %v, want %s", got, err, line)
		}
		if back, err := show.Parse(r.String()); err != nil || back != r {
			t.Errorf("%q is read as %v, %v", r, back, err)
		}
		n++
	}
	if n < 100 {
		t.Errorf("only %d objects", n)
	}
}

// The examples with which activity came to iproute2 (commit e041178ba6bc).
func TestActivity(t *testing.T) {
	const text = "00:11:22:33:44:55 dev bond1 activity_notify inactive master br1 static\n"
	const pretty = `[ {
        "mac": "00:11:22:33:44:55",
        "ifname": "bond1",
        "activity_notify": true,
        "inactive": true,
        "flags": [ ],
        "master": "br1",
        "state": "static"
    } ]
`
	const stats = `[ {
        "mac": "00:aa:bb:cc:dd:ee",
        "ifname": "bond1",
        "activity_notify": true,
        "used": 3,
        "updated": 23,
        "flags": [ ],
        "master": "br1",
        "state": "static"
    } ]
`
	compare(t, []output{{"bridge -d fdb get", text}, {"bridge -d -j -p fdb get", pretty}, {"bridge -d -s -j -p fdb get", stats}})
	if r := readAll(t, text, show.Text)[0]; !r.Notify || !r.Inactive {
		t.Errorf("%+v", r)
	}
	const line = "00:aa:bb:cc:dd:ee dev bond1 activity_notify used 3/23 master br1 static\n"
	if got := print(t, show.Text, readAll(t, stats, show.Pretty)); got != line {
		t.Errorf("%q, want %q", got, line)
	}
}

// What "bridge monitor file" of iproute2 6.1 printed for messages made by hand, with
// everything that a message can have.
func TestMonitorLines(t *testing.T) {
	const text = `02:aa:00:00:00:01 dev lo master lo ` + `
Deleted 02:aa:00:00:00:01 dev lo dst 10.0.0.1 vlan 7 port 4790 vni 55 src_vni 66 via lo nhid 9 used 123/7 self router extern_learn offload master sticky master lo permanent
02:aa:00:00:00:01 dev lo dst ::1.2.3.4 via ifindex 77 link-netnsid 3 self master state=0x10
02:aa:00:00:00:01 dev if99 dst ::1 port 0 vni 0 self master state=0
`
	compare(t, []output{{"bridge -s monitor fdb", text}})
	all := readAll(t, text, show.Text)
	if r := all[1]; !r.Deleted || r.Used != show.Num(123) || r.NextHop != show.Num(9) || r.Flags != show.Sticky<<1-1 || r.Master != "lo" {
		t.Errorf("%+v", r)
	}
	if r := all[2]; r.Dst.String() != "::102:304" || r.ViaIndex != show.Num(77) || r.Flags != show.Self|show.MasterWord || r.State != "0x10" {
		t.Errorf("%+v", r)
	}
	if r := all[3]; r.VNI != show.Num(0) || r.Port != show.Num(0) || r.State != "0" {
		t.Errorf("%+v", r)
	}
	for _, f := range []show.Format{show.JSON, show.Pretty} {
		if back := readAll(t, print(t, f, all), f); !slices.Equal(back, all) {
			t.Errorf("%v gives %v", f, back)
		}
	}
}

func TestPrettyIsCompactSpread(t *testing.T) {
	rows := readAll(t, outputs(t, linux618)[0].text, show.Text)
	var want, got bytes.Buffer
	if err := json.Compact(&want, []byte(print(t, show.JSON, rows))); err != nil {
		t.Fatal(err)
	}
	if err := json.Compact(&got, []byte(print(t, show.Pretty, rows))); err != nil || got.String() != want.String() {
		t.Errorf("%v: %s, want %s", err, got.String(), want.String())
	}
}
