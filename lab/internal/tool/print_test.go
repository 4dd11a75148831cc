package tool

import (
	"errors"
	"fmt"
	"reflect"
	"syscall"
	"testing"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/fdb/show"
	"github.com/switchcore/switchcore/lab/internal/machine"
	"github.com/switchcore/switchcore/switchdev"
)

func TestRefusalsAreLinesOfTheTool(t *testing.T) {
	for want, err := range map[string]error{
		"Error: invalid vlan id.":                            &machine.Error{Errno: machine.EINVAL, Text: "invalid vlan id"},
		"RTNETLINK answers: Invalid argument":                &machine.Error{Errno: machine.EINVAL},
		"RTNETLINK answers: Operation not permitted":         fmt.Errorf("x: %w", &machine.Error{Errno: machine.EPERM}),
		"RTNETLINK answers: Cannot assign requested address": &machine.Error{Errno: machine.EADDRNOTAVAIL},
	} {
		if got, ok := refusal(err); got != want || !ok {
			t.Errorf("%v: %q, %v; want %q", err, got, ok, want)
		}
	}
	for _, err := range []error{nil, &machine.Unsupported{What: "x"}, switchdev.ErrInvalid} {
		if got, ok := refusal(err); ok {
			t.Errorf("%v: %q", err, got)
		}
	}
	for err, want := range map[error]string{
		switchdev.ErrExist: "File exists", switchdev.ErrNotExist: "No such file or directory", switchdev.ErrBusy: "Device or resource busy",
		switchdev.ErrUnsupported: "Operation not supported", errors.ErrUnsupported: "Operation not supported",
		switchdev.ErrPortGone: "No such device", switchdev.ErrRange: "Numerical result out of range", switchdev.ErrOverrun: "No buffer space available",
		&switchdev.OpError{Err: switchdev.ErrNoSpace}: "No space left on device", syscall.ENOMEM: "Cannot allocate memory",
		syscall.EADDRNOTAVAIL: "Cannot assign requested address", errors.New("own"): "own",
	} {
		if got := strerror(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

func TestArrivals(t *testing.T) {
	for want, got := range map[string]map[arrival]int{
		"-":                      nil,
		"br0 h2 h3":              {{"h3", -1}: 1, {"br0", -1}: 1, {"h2", -1}: 1},
		"h2*3":                   {{"h2", -1}: 3},
		"h1/0 h2 h2/10*2 h2/100": {{"h2", 100}: 1, {"h2", 10}: 2, {"h2", -1}: 1, {"h1", 0}: 1},
	} {
		if text := arrivals(got); text != want {
			t.Errorf("%v: %q, want %q", got, text, want)
		}
	}
}

func TestSentFrames(t *testing.T) {
	v := send{src: switchdev.MAC{2, 1}, dst: switchdev.MAC{2, 2}}
	plain := v.frame()
	v.tagged, v.vlan = true, 0xabc
	tagged := v.frame()
	if len(plain) != 64 || plain[12] != 0x88 || plain[13] != 0xb5 || plain[0] != 2 || plain[1] != 2 || plain[7] != 1 {
		t.Errorf("%x", plain)
	}
	if len(tagged) != 68 || fmt.Sprintf("%x", tagged[12:18]) != "81000abc88b5" {
		t.Errorf("%x", tagged)
	}
	for _, c := range []struct {
		frame []byte
		want  arrival
		ok    bool
	}{
		{plain, arrival{"h1", -1}, true},
		{tagged, arrival{"h1", 0xabc}, true},
		{plain[:12], arrival{}, false},
		{append([]byte{1}, plain...), arrival{}, false},
	} {
		if got, ok := v.arrival(machine.Copy{Dev: "h1", Frame: c.frame}); got != c.want || ok != c.ok {
			t.Errorf("%x: %v, %v", c.frame, got, ok)
		}
	}
}

func TestRowsAreFilteredAndSorted(t *testing.T) {
	row := func(n byte, vlan switchdev.VLAN, dev string, s show.State) show.Row {
		return show.Row{MAC: switchdev.MAC{2, 0, 0, 0, 0, n}, VLAN: vlan, Dev: dev, State: s}
	}
	rows := []show.Row{row(2, 10, "p1", ""), row(1, 10, "p2", ""), row(1, 10, "p1", ""), row(9, 0, "p1", ""), row(3, 1, "p1", "")}
	sortRows(rows)
	if want := []show.Row{row(9, 0, "p1", ""), row(3, 1, "p1", ""), row(1, 10, "p1", ""), row(1, 10, "p2", ""), row(2, 10, "p1", "")}; !reflect.DeepEqual(rows, want) {
		t.Errorf("%v", rows)
	}
	for _, c := range []struct {
		filter rowFilter
		want   string // of permanent, static, stale, reachable
	}{
		{rowFilter{}, "yyyy"},
		{rowFilter{dynamic: true}, "nyyy"},
		{rowFilter{states: machine.NoARP}, "nynn"},
		{rowFilter{states: machine.Permanent | machine.Reachable}, "ynny"},
		{rowFilter{states: machine.Stale, dynamic: true}, "nnyn"},
		{rowFilter{vlan: 7}, "yyyy"},
		{rowFilter{vlan: 8}, "nnnn"},
		{rowFilter{vlan: -1}, "nnnn"},
	} {
		got := ""
		for _, s := range []show.State{show.Permanent, show.Static, show.Stale, show.Reachable} {
			r := row(1, 7, "p1", s)
			got += map[bool]string{true: "y", false: "n"}[c.filter.wants(&r)]
		}
		if got != c.want {
			t.Errorf("%+v: %s, want %s", c.filter, got, c.want)
		}
	}
	for mac, want := range map[string]bool{"33:33:00:00:00:01": true, "01:00:5e:00:00:01": true, "01:80:c2:00:00:00": false, "02:00:00:00:00:01": false} {
		r := show.Row{MAC: switchdev.MustParseMAC(mac), Dev: "p1", Flags: show.Self}
		if ownFilter(&r) != want {
			t.Errorf("%s self is left out: %v", mac, !want)
		}
		if r.Flags = 0; ownFilter(&r) {
			t.Errorf("%s is left out", mac)
		}
	}
}

func TestVLANsAsTheToolPrintsThem(t *testing.T) {
	vlans := []bridge.Membership{{VLAN: 1, Flags: switchdev.VLANPVID | switchdev.VLANUntagged}, {VLAN: 10}, {VLAN: 4094, Flags: switchdev.VLANUntagged}}
	r := &run{options: options{json: true}}
	r.vlans("p1", vlans)
	r.json = false
	r.vlans("p1", vlans)
	want := []string{
		`{"ifname":"p1","vlans":[{"vlan":1,"flags":["PVID","Egress Untagged"]},{"vlan":10},{"vlan":4094,"flags":["Egress Untagged"]}]}`,
		"p1                1 PVID Egress Untagged",
		"                  10",
		"                  4094 Egress Untagged",
	}
	if !reflect.DeepEqual(r.out, want) {
		t.Errorf("%q", r.out)
	}
}

// What the installed tool printed for a port of a veth pair.
func TestPortsAsTheToolPrintsThem(t *testing.T) {
	p := machine.Port{Name: "p1", Bridge: "br0", State: switchdev.PortForwarding, Priority: 32, Cost: 2}
	l := machine.Link{Index: 4, Name: "p1", Peer: "h1", MTU: 1500, Up: true, Carrier: true}
	if got, want := portLine(p, l, false, false), "4: p1@h1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br0 state forwarding priority 32 cost 2"; got != want {
		t.Errorf("%s", got)
	}
	if got, want := portLine(p, l, false, true), `{"link":"h1","ifname":"p1","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"master":"br0","state":"forwarding","priority":32,"cost":2}`; got != want {
		t.Errorf("%s", got)
	}
	p.State, l.Carrier, l.Peer, l.Promisc = switchdev.PortDisabled, false, "", true
	if got, want := portLine(p, l, false, true), `{"ifname":"p1","flags":["NO-CARRIER","BROADCAST","MULTICAST","PROMISC","UP"],"mtu":1500,"master":"br0","state":"disabled","priority":32,"cost":2}`; got != want {
		t.Errorf("%s", got)
	}
	if got, want := portLine(p, l, true, false), "4: p1: <NO-CARRIER,BROADCAST,MULTICAST,PROMISC,UP,M-DOWN> mtu 1500 master br0 state disabled priority 32 cost 2"; got != want {
		t.Errorf("%s", got)
	}
}

func TestNumbersAsTheCLibraryReadsThem(t *testing.T) {
	for s, want := range map[string]int32{"": 0, "12": 12, " 12x": 12, "-7": -7, "+7": 7, "0x10": 0, "--1": 0, "4294967297": 1,
		"99999999999999999999": -1, "-99999999999999999999": 0, "2147483648": -2147483648} {
		if got := atoi(s); got != want {
			t.Errorf("atoi %q: %d, want %d", s, got, want)
		}
	}
	for s, want := range map[string]int64{"0": 0, "010": 8, "0x1F": 31, "": -1, "x": -1, "1x": -1, "0x": -1, "08": -1, "1_0": -1, "0b1": -1, "-5": -1, " 5": 5, "256": -1, "99999999999999999999": -1, "-18446744073709551615": 1} {
		n, ok := number(s, 255)
		if ok != (want >= 0) || ok && int64(n) != want {
			t.Errorf("number %q: %d, %v; want %d", s, n, ok, want)
		}
	}
}
