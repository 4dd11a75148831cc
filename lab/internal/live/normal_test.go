package live

import (
	"regexp"
	"slices"
	"testing"

	"github.com/switchcore/switchcore/fdb/show"
	"github.com/switchcore/switchcore/switchdev"
)

func TestToolOutputIsNormalised(t *testing.T) {
	got, err := elements([]byte(`[ {"mac":"02:00:00:00:00:02", "ifindex": 7, "used":1,"updated":2, "ifname":"p1","vlan":10,"flags":[ "self" , "sticky" ],"state":""},
		{"mac":"33:33:00:00:00:01","ifname":"p1","flags":["self"],"state":"permanent"},
		{"mac":"02:00:00:00:00:01","ifname":"lo","flags":[],"state":"permanent"},
		{"mac":"02:00:00:00:00:09","flags":[],"state":"permanent"} ]`))
	if err != nil {
		t.Fatal(err)
	}
	got, err = fdbLines(got)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"mac":"02:00:00:00:00:09","flags":[],"state":"permanent"}`,
		`{"mac":"02:00:00:00:00:02","ifname":"p1","vlan":10,"flags":["self","sticky"],"state":""}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got, err := elements([]byte("\n")); got != nil || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := elements([]byte("[ {")); err == nil {
		t.Error("half an array is one")
	}
}

func TestComplaintsAreNormalised(t *testing.T) {
	module := regexp.MustCompile(modulePrefix)
	got := complaints([]byte("Error: bridge: invalid vlan id.\nRTNETLINK answers: No such device  \n\nsomething Success\nCannot find device \"x\"\nWarning: x: y: z.\n"), module)
	want := []string{"! Error: invalid vlan id.", "! RTNETLINK answers: No such device", `! Cannot find device "x"`, "! Warning: y: z."}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestWordsOfACommand(t *testing.T) {
	for line, want := range map[string][]string{
		"a  b c ":      {"a", "b", "c"},
		`a "b c" d""e`: {"a", "b c", "de"},
		`a ""`:         {"a", ""},
	} {
		if got, err := words(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", line, got, err)
		}
	}
	for _, line := range []string{"", "  ", `a "b`} {
		if got, err := words(line); err == nil {
			t.Errorf("%q: %q", line, got)
		}
	}
}

func TestMessagesAsLines(t *testing.T) {
	names := func(i int) string { return map[int]string{3: "p1", 4: "br0"}[i] }
	for want, n := range map[string]neighbour{
		`{"mac":"02:00:00:00:00:01","ifname":"p1","flags":[],"master":"br0","state":""}`:                                                 {index: 3, master: 4, hasMaster: true, state: 0x02},
		`{"mac":"02:00:00:00:00:01","ifname":"p1","vlan":7,"flags":["extern_learn","offload","sticky"],"master":"br0","state":"static"}`: {index: 3, master: 4, hasMaster: true, vlan: 7, state: 0x40, flags: 0x70},
		`{"mac":"02:00:00:00:00:01","ifname":"p1","flags":["self"],"state":"permanent"}`:                                                 {index: 3, state: 0xc0, flags: 0x02},
		`{"mac":"02:00:00:00:00:01","ifname":"p1","flags":["locked"],"master":"br0","state":"stale"}`:                                    {index: 3, master: 4, hasMaster: true, state: 0x04, flagsExt: 2},
	} {
		n.mac = switchdev.MAC{2, 0, 0, 0, 0, 1}
		got, err := rowLine(n.row(names))
		if err != nil || got != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
	if stateWord(0x10) != show.State("0x10") || stateWord(0) != "0" {
		t.Error("numbers of states")
	}
}
