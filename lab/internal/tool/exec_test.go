package tool

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/lab/internal/machine"
)

// session is a shell over a machine of its own.
func session(t *testing.T, cfg machine.Config) (*Shell, *machine.Machine) {
	t.Helper()
	m, err := machine.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return New(m), m
}

// play executes the lines with "$ " before them and wants the output that follows.
func play(t *testing.T, s *Shell, script string) {
	t.Helper()
	for _, part := range strings.Split("\n"+script, "\n$ ")[1:] {
		lines := strings.Split(strings.TrimRight(part, "\n"), "\n")
		got, err := s.Exec(lines[0])
		if err != nil {
			t.Fatal(err)
		}
		if want := lines[1:]; strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("$ %s\n got\n%s\nwant\n%s", lines[0], strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestASession(t *testing.T) {
	s, _ := session(t, machine.Config{})
	play(t, s, `$ 
$ lab bridge br0 vlan_filtering 1 ports p1 p2
$ lab events fdb
$ bridge vlan add vid 10-11 dev p1 untagged
$ bridge vlan add vid 10 dev p2
$ bridge -j vlan show
{"ifname":"br0","vlans":[{"vlan":1,"flags":["PVID","Egress Untagged"]}]}
{"ifname":"p1","vlans":[{"vlan":1,"flags":["PVID","Egress Untagged"]},{"vlan":10,"flags":["Egress Untagged"]},{"vlan":11,"flags":["Egress Untagged"]}]}
{"ifname":"p2","vlans":[{"vlan":1,"flags":["PVID","Egress Untagged"]},{"vlan":10}]}
$ bridge vlan show dev p2
port              vlan-id
p2                1 PVID Egress Untagged
                  10
$ bridge -j vlan show vid 11
{"ifname":"p1","vlans":[{"vlan":11,"flags":["Egress Untagged"]}]}
$ bridge fdb add 02:aa:00:00:00:01 dev p2 vlan 10 master static sticky
$ bridge fdb get 02:aa:00:00:00:01 br br0 vlan 10
02:aa:00:00:00:01 dev p2 vlan 10 sticky master br0 static
$ bridge fdb show dev p2 vlan 10
02:00:00:00:00:02 vlan 10 master br0 permanent
02:aa:00:00:00:01 vlan 10 sticky master br0 static
$ bridge fdb show br br0 dynamic
02:aa:00:00:00:01 dev p2 vlan 10 sticky master br0 static
$ bridge -s -j fdb show br br0 state static foo
{"mac":"02:aa:00:00:00:01","ifname":"p2","vlan":10,"flags":["sticky"],"master":"br0","state":"static"}
$ bridge fdb add 01:00:5e:00:00:01 dev p1 self
$ bridge fdb add 02:aa:00:00:00:02 dev p1 self
$ bridge fdb show dev p1 vlan 0 state permanent dynamic
$ bridge fdb show br br0 vlan 0 brport p1
02:00:00:00:00:01 master br0 permanent
02:aa:00:00:00:02 self permanent
02:00:00:00:00:01 vlan 1 master br0 permanent
02:00:00:00:00:01 vlan 10 master br0 permanent
02:00:00:00:00:01 vlan 11 master br0 permanent
$ lab send h1 02:dd:00:00:00:01 02:aa:00:00:00:01 vlan 10 count 2
rx: h2/10*2
$ bridge fdb get 02:dd:00:00:00:01 br br0
! Error: Fdb entry not found.
$ bridge fdb get 02:aa:00:00:00:01 br br0 vlan 10 vlan 11
! Error: either "vlan" is duplicate, or "vlan" is a garbage.
$ bridge -j link show dev p2
{"link":"h2","ifname":"p2","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"master":"br0","state":"forwarding","priority":32,"cost":2}
$ lab events fdb sorted
new {"mac":"01:00:5e:00:00:01","ifname":"p1","flags":["self"],"state":"permanent"}
new {"mac":"02:00:00:00:00:01","ifname":"p1","vlan":10,"flags":[],"master":"br0","state":"permanent"}
new {"mac":"02:00:00:00:00:01","ifname":"p1","vlan":11,"flags":[],"master":"br0","state":"permanent"}
new {"mac":"02:00:00:00:00:02","ifname":"p2","vlan":10,"flags":[],"master":"br0","state":"permanent"}
new {"mac":"02:aa:00:00:00:01","ifname":"p2","vlan":10,"flags":["sticky"],"master":"br0","state":"static"}
new {"mac":"02:aa:00:00:00:02","ifname":"p1","flags":["self"],"state":"permanent"}
new {"mac":"02:dd:00:00:00:01","ifname":"p1","vlan":10,"flags":[],"master":"br0","state":""}
$ bridge fdb del 02:aa:00:00:00:01 dev p2 vlan 10 master
$ bridge -j fdb show br br0 dynamic
{"mac":"02:dd:00:00:00:01","ifname":"p1","vlan":10,"flags":[],"master":"br0","state":""}
$ lab events fdb
del {"mac":"02:aa:00:00:00:01","ifname":"p2","vlan":10,"flags":["sticky"],"master":"br0","state":"static"}
$ lab events fdb
`)
}

func TestNamespacesOfASession(t *testing.T) {
	s, _ := session(t, machine.Config{})
	play(t, s, `$ lab ports p1 p2
$ ip netns add n1
$ ip netns add n1
! Cannot create namespace file "/run/netns/n1": File exists
$ ip netns del n2
! Cannot remove namespace file "/run/netns/n2": No such file or directory
$ ip link set p1 netns n1
$ ip link set p1 up
! Cannot find device "p1"
$ ip -n n1 link set p1 up
$ ip -n n2 link set p1 up
! Cannot open network namespace "n2": No such file or directory
$ ip -n n1 link set p1 netns 1 name p7
$ ip link set p7 name p1
$ ip link set p1 name p2
! RTNETLINK answers: File exists
$ ip link set p1 netns n3
! Error: argument "n3" is wrong: Invalid "netns" value
$ lab events fdb netns n1
$ lab events fdb netns n1
$ ip netns del n1
`)
	for _, line := range []string{"lab events fdb netns n1", "lab send h9 02:00:00:00:00:01 02:00:00:00:00:02", "lab hw sw1"} {
		var not *NotSupported
		if out, err := s.Exec(line); !errors.As(err, &not) || out != nil || not.Line != line || not.Word == "" {
			t.Errorf("%s: %q, %v", line, out, err)
		}
	}
}

// A line that is not in the language does nothing, whatever it begins with; not even
// time passes.
func TestLinesOutsideTheLanguageDoNothing(t *testing.T) {
	s, m := session(t, machine.Config{})
	play(t, s, "$ lab bridge br0 ports p1 p2\n$ lab events fdb\n")
	state := func() []any { return []any{m.Now(), m.Links(""), m.FDB(""), m.BridgePorts("")} }
	before := state()
	for _, line := range []string{
		"ip link set p1 down type dummy",
		"ip link set p1 name x netns 77",
		"ip link set br0 type bridge ageing_time 0 nosuch",
		"bridge link set dev p1 learning off nosuch",
		"bridge fdb replace 02:aa:00:00:00:01 dev p1 master vni 3",
		"lab bridge br1 ports p3 p4 x",
		"lab bridge br1 nosuch 1 ports p3",
		"lab wait 10s more",
		"ip netns nosuch n1",
		`ip netns add "n1`,
	} {
		out, err := s.Exec(line)
		var not *NotSupported
		if !errors.As(err, &not) || out != nil {
			t.Errorf("%s: %q, %v", line, out, err)
		}
		if after := state(); !reflect.DeepEqual(after, before) {
			t.Errorf("%s has changed something:\n%+v\n%+v", line, before, after)
		}
	}
	if rows, recording := m.FDBEvents(""); rows != nil || !recording {
		t.Errorf("notifications: %v, %v", rows, recording)
	}
}

// A command takes a moment, "lab wait" exactly what it says.
func TestTimePassesWithEveryCommand(t *testing.T) {
	s, m := session(t, machine.Config{})
	play(t, s, "$ lab bridge br0 ports p1\n")
	start := m.Now()
	play(t, s, "$ bridge fdb show br nosuch\n! Cannot find bridge device \"nosuch\"\n$ lab wait 2s\n")
	if got := m.Now().Sub(start); got <= 2e9 || got > 2e9+5e7 {
		t.Errorf("%v passed", got)
	}
}
