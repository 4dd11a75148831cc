package tool

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// installedLines are commands whose own answers the installed tools are asked for. Where
// they run there are lo, br0, its port p1 and p1's other end h1.
var installedLines = []string{
	`bridge fdb add`,
	`bridge fdb add zz dev nosuch master`,
	`bridge fdb add zz dev p1 master`,
	`bridge fdb add "" dev p1 master`,
	`bridge fdb add "02 :aa:00:00:00:01" dev p1 master`,
	`bridge fdb add "0x2:+aa:00:00:00:111" dev p1 master`,
	`bridge fdb add 2:aa:0:0:0:2 dev p1 master`,
	`bridge fdb add 02:aa:00:00:00:01 dev p1 master vlan abc`,
	`bridge fdb add zz dev p1 master vlan abc`,
	`bridge fdb add 02:aa:00:00:00:01 zz dev p1 master`,
	`bridge fdb add 02:aa:00:00:00:01 dev p1 dev h1 master`,
	`bridge fdb add 02:aa:00:00:00:01 dev p1 master vlan 5 vlan 6`,
	`bridge fdb add 02:aa:00:00:00:01 dev p1 master vlan 5 vlan`,
	`bridge fdb add 02:aa:00:00:00:01 dev p1 master vlan -1 vlan 6`,
	`bridge fdb add 02:aa:00:00:00:01 dev p1 master vlan 70000`,
	`bridge fdb add 02aa.0000.0001 dev p1 master`,
	`bridge fdb add 02:aa:00:00:00 dev p1 master`,
	`bridge fdb add 02:aa:00:00:00:01:02 dev p1 master`,
	`bridge fdb add 02-aa-00-00-00-03 dev p1 master`,
	`bridge fdb add 02:aa:00:00:00:01 master`,
	`bridge fdb add dev p1 master`,
	`bridge fdb add to`,
	`bridge fdb add to 02:aa:00:00:00:01 to x`,
	`bridge fdb add 02:aa:00:00:00:01 dev`,
	`bridge fdb add 02:aa:00:00:00:01 dev ""`,
	`bridge fdb add 02:aa:00:00:00:01 dev p1 sel`,
	`bridge fdb add 02:aa:00:00:00:01 dev averyveryverylongname`,
	`bridge fdb add 02:aa:00:00:00:01 dev p1 help`,
	`bridge fdb del 02:aa:00:00:00:01 dev nosuch help`,
	`bridge fdb show br0`,
	`bridge fdb show br br0 br br0 dev p1 dev p1`,
	`bridge fdb show dev nosuch`,
	`bridge fdb show brport nosuch`,
	`bridge fdb show br nosuch dev nosuch2`,
	`bridge fdb show state foo`,
	`bridge fdb show state ""`,
	`bridge fdb show state al`,
	`bridge fdb show state 0x80`,
	`bridge fdb show vlan abc`,
	`bridge fdb show vlan 1 vlan 2`,
	`bridge fdb show vlan`,
	`bridge fdb show h`,
	`bridge fdb get`,
	`bridge fdb get zz br br0`,
	`bridge fdb get zz br nosuch`,
	`bridge fdb get 02:aa:00:00:00:01 dev p1 br br0`,
	`bridge fdb get 02:aa:00:00:00:01 dev nosuch br nosuch2`,
	`bridge fdb get 02:aa:00:00:00:01 br nosuch`,
	`bridge fdb get 02:aa:00:00:00:01`,
	`bridge fdb get br br0`,
	`bridge fdb get 02:aa:00:00:00:01 br br0 foo`,
	`bridge fdb get 02:aa:00:00:00:01 br br0 state static`,
	`bridge fdb get 02:aa:00:00:00:01 br br0 vlan 1 vlan 2`,
	`bridge fdb flush`,
	`bridge fdb flush br0`,
	`bridge fdb flush dev nosuch brport nosuch2`,
	`bridge fdb flush dev br0 brport nosuch2 vlan 5000`,
	`bridge fdb flush dev br0 brport p1 brport p1`,
	`bridge fdb flush dev br0 vlan 4095`,
	`bridge fdb flush dev br0 vlan 4096`,
	`bridge fdb flush dev br0 vlan 1 vlan 2`,
	`bridge fdb flush dev br0 help`,
	`bridge fdb flush dev br0 h foo`,
	`bridge vlan add`,
	`bridge vlan add vid 10`,
	`bridge vlan add vid 10 dev nosuch`,
	`bridge vlan add vid 4096 dev nosuch`,
	`bridge vlan add vid 4096 dev p1`,
	`bridge vlan add vid 70000 dev p1`,
	`bridge vlan add vid 65535 dev p1`,
	`bridge vlan add vid 20-10 dev p1`,
	`bridge vlan add vid 5-5 dev p1`,
	`bridge vlan add vid 5-x dev p1`,
	`bridge vlan add vid 1-4096 dev p1`,
	`bridge vlan add vid 10-20 dev p1 pvid`,
	`bridge vlan add vid 10 dev p1 help`,
	`bridge vlan add vid 10 dev p1 foo`,
	`bridge vlan del vid`,
	`bridge vlan show dev nosuch`,
	`bridge vlan show dev p1 dev p1`,
	`bridge vlan show vid 10 vid 10`,
	`bridge vlan show foo`,
	`bridge link set`,
	`bridge link set learning on`,
	`bridge link set dev nosuch learning on`,
	`bridge link set dev p1 learning maybe`,
	`bridge link set dev p1 learning ""`,
	`bridge link set dev p1 learning`,
	`bridge link set dev p1 learning onn`,
	`bridge link set dev p1 state foo`,
	`bridge link set dev p1 state ""`,
	`bridge link set dev p1 state 3x`,
	`bridge link set dev p1 state 300`,
	`bridge link set dev p1 state forwarding`,
	`bridge link set dev p1 backup_port nosuch`,
	`bridge link set dev nosuch backup_port nosuch2 learning maybe`,
	`bridge link set dev nosuch learning maybe backup_port nosuch2`,
	`bridge link set dev p1 learning on foo`,
	`bridge link show dev nosuch`,
	`bridge link show dev p1 dev p1`,
	`bridge -n nosuch fdb show`,
	`ip -n nosuch link set dev p1 up`,
	`ip link set`,
	`ip link set up`,
	`ip link set dev`,
	`ip link set dev "" up`,
	`ip link set dev nosuch up`,
	`ip link set nosuch up`,
	`ip link set p1 foo`,
	`ip link set dev p1 up down`,
	`ip link set dev p1 up u`,
	`ip link set dev p1 up dev p1`,
	`ip link set dev a/b up`,
	`ip link set dev "a b" up`,
	`ip link set dev averyveryverylongname up`,
	`ip link set dev p1 address zz`,
	`ip link set dev nosuch address zz`,
	`ip link set dev nosuch address 02:00`,
	`ip link set dev p1 address 02:00:00:00:00`,
	`ip link set dev p1 address 02:00:00:00:00:01:02`,
	`ip link set dev p1 address 02:zz:00:00:00:01`,
	`ip link set dev p1 address 02:aa:00:00:00:100`,
	`ip link set dev p1 address 02:aa:00:00:00:-1`,
	`ip link set dev p1 address 02-00-00-00-00-01`,
	`ip link set dev p1 address 0200.0000.0001`,
	`ip link set dev p1 address 02aa.0000.0001`,
	`ip link set dev p1 address ""`,
	`ip link set dev p1 address`,
	`ip link set address 02:00`,
	`ip link set dev p1 name averyveryverylongname`,
	`ip link set dev p1 name a/b`,
	`ip link set dev p1 name ""`,
	`ip link set dev p1 name x1 name x2`,
	`ip link set dev p1 mtu abc`,
	`ip link set dev p1 mtu 1e3`,
	`ip link set dev p1 mtu 99999999999`,
	`ip link set dev p1 mtu 1500 mtu 1600`,
	`ip link set dev p1 promisc maybe`,
	`ip link set dev p1 promisc of`,
	`ip link set dev p1 pro on`,
	`ip link set dev p1 promisc`,
	`ip link set dev p1 master nosuch`,
	`ip link set dev nosuch master nosuch2`,
	`ip link set dev p1 netns nosuch`,
	`ip link set dev p1 netns 1x`,
	`ip link set dev p1 netns 1 netns 1`,
	`ip link del`,
	`ip link del dev nosuch`,
	`ip link del dev p1 dev h1`,
	`ip link set dev br0 type`,
	`ip link set dev br0 type bridge ageing_time abc`,
	`ip link set dev br0 type bridge ageing_time -5`,
	`ip link set dev br0 type bridge ageing_time 4294967296`,
	`ip link set dev br0 type bridge ageing_time`,
	`ip link set dev br0 type bridge nosuch 3`,
	`ip link set dev br0 type bridge ageing_time 5 up`,
	`ip link set dev nosuch type bridge ageing_time abc`,
	`ip link set dev br0 type bridge vlan_filtering 300`,
	`ip link set dev br0 type bridge vlan_filtering x`,
	`ip link set dev br0 type bridge vlan_default_pvid x`,
	`ip link set dev br0 type bridge group_fwd_mask 65536`,
	`ip link set dev br0 type bridge no_linklocal_learn x`,
	`ip link set dev br0 type bridge forward_delay x`,
	`ip link set dev br0 type bridge hello_time ""`,
	`ip link set dev br0 type bridge max_age 0x`,
	`ip link set dev br0 type bridge stp_state x`,
	`ip link set dev br0 type bridge priority 70000`,
	`ip link set dev br0 type bridge vlan_protocol foo`,
	`ip link set dev br0 type bridge mcast_snooping 0b1`,
	`ip link set dev p1 type bridge_slave foo`,
	`ip link set dev p1 type bridge_slave learning maybe`,
	`ip link set dev p1 type bridge_slave state x`,
	`ip link set dev p1 type bridge_slave state 256`,
	`ip link set dev p1 type bridge_slave priority 70000`,
	`ip link set dev p1 type bridge_slave cost x`,
	`ip link set dev p1 type bridge_slave group_fwd_mask x`,
	`ip link set dev p1 type bridge_slave backup_port nosuch`,
	`ip netns add`,
	`ip netns add ""`,
	`ip netns add a/b`,
	`ip netns add .`,
	`ip netns del`,
	`ip netns del a/b`,
}

// bench is a namespace in which the installed tools run.
type bench struct {
	*testing.T
	ns string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	switch {
	case runtime.GOOS != "linux" || os.Geteuid() != 0:
		t.Skip("needs root on Linux")
	case !strings.Contains(output("bridge", "-V"), "6.1."):
		t.Skip("needs iproute2 6.1")
	}
	b := &bench{t, fmt.Sprintf("labtool%d", os.Getpid())}
	if out := output("ip", "netns", "add", b.ns); out != "" {
		t.Skip("no network namespaces: ", out)
	}
	t.Cleanup(func() { output("ip", "netns", "del", b.ns) })
	for _, line := range []string{
		"ip link add br0 type bridge",
		"ip link add p1 type veth peer name h1",
		"ip link set p1 master br0 up",
	} {
		if out := b.tool(line); out != "" {
			t.Skip("no bridges or veth: ", out)
		}
	}
	return b
}

// output runs a program and returns what it printed, with errors.
func output(name string, args ...string) string {
	out, err := exec.Command(name, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err.Error()
	}
	return string(out)
}

// tool returns what a line prints on standard error.
func (b *bench) tool(line string) string {
	words, err := Words(line)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command("ip", append([]string{"netns", "exec", b.ns}, words...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	_ = cmd.Run() // the text is what counts
	return strings.TrimSpace(stderr.String())
}

// compare wants a line to have the answer that the installed tool gives it by itself.
func (b *bench) compare(line string) {
	b.Helper()
	there := map[string]bool{"lo": true, "br0": true, "p1": true, "h1": true}
	said, _, err := outcome(line, there)
	real := b.tool(line)
	usage := strings.Contains(real, "Usage: ")
	// A word outside the language counts more than a device before it that is not there.
	missing := strings.Contains(real, "Device does not exist")
	kernel := real == "" || strings.HasPrefix(real, "RTNETLINK answers: ") ||
		strings.HasPrefix(real, "Error: ") && strings.HasSuffix(real, ".") && !strings.Contains(real, "is duplicate") && !strings.Contains(real, "second value")
	switch {
	case err != nil && !usage && !missing:
		b.Errorf("%s\n   we: %v\n tool: %s", line, err, real)
	case err == nil && said != "" && said != real:
		b.Errorf("%s\n   we: %s\n tool: %s", line, said, real)
	case err == nil && said == "" && !kernel:
		b.Errorf("%s\n   we: sent\n tool: %s", line, real)
	}
}

func TestMistakesAreThoseOfTheInstalledTools(t *testing.T) {
	b := newBench(t)
	for _, line := range installedLines {
		b.compare(line)
	}
}

// Random words in random order: the tool finds the same mistake first.
func TestRandomLinesAgainstTheInstalledTools(t *testing.T) {
	b := newBench(t)
	rng := rand.New(rand.NewPCG(1, 2))
	numbers := []string{"0", "1", "10", "4094", "4096", "-1", "abc", "0x10", "70000", `""`}
	devices := []string{"p1", "br0", "nosuch", "p1", "h1"}
	values := map[string][]string{
		"dev": devices, "br": devices, "brport": devices, "vlan": numbers, "backup_port": devices,
		"vid":   append([]string{"5-9", "9-5", "5-x", "5-5000"}, numbers...),
		"state": {"static", "permanent", "foo", "3", "learning", "dyn", "0x40", "9"}, "learning": {"on", "off", "maybe", "o"},
		"flood": {"on", "off", "x"}, "cost": numbers, "priority": numbers, "address": {"02:00:00:00:00:09", "02:00", "zz"},
		"mtu": {"1400", "x", "2000"}, "promisc": {"on", "off", "x"}, "master": {"br0", "nosuch", "h1"}, "ageing_time": numbers,
		"group_fwd_mask": numbers, "forward_delay": numbers,
	}
	programs := map[string][]string{
		"bridge fdb replace":               {"dev", "dev", "vlan", "self", "master", "static", "dynamic", "local", "use", "sticky", "to", "ext", "02:aa:00:00:00:01", "zz"},
		"bridge fdb del":                   {"dev", "vlan", "self", "mas", "02:aa:00:00:00:01", "02:aa:00:00:00:02", "perm"},
		"bridge fdb show":                  {"dev", "br", "brport", "vlan", "state", "dynamic", "foo", "stat"},
		"bridge fdb get":                   {"dev", "br", "brport", "vlan", "self", "master", "02:aa:00:00:00:01", "zz", "dyn"},
		"bridge fdb flush":                 {"dev", "dev", "brport", "vlan", "self", "static", "nostatic", "foo", "help"},
		"bridge vlan add":                  {"dev", "dev", "vid", "vid", "self", "pvid", "untagged", "foo"},
		"bridge vlan show":                 {"dev", "vid", "foo"},
		"bridge link set":                  {"dev", "dev", "learning", "flood", "state", "cost", "priority", "backup_port", "nobackup_port"},
		"ip link set":                      {"dev", "dev", "up", "down", "address", "mtu", "promisc", "master", "nomaster", "foo"},
		"ip link set br0 type bridge":      {"ageing_time", "group_fwd_mask", "forward_delay", "fdb_flush", "priority"},
		"ip link set p1 type bridge_slave": {"learning", "flood", "state", "cost", "backup_port", "fdb"},
	}
	paths := slices.Sorted(maps.Keys(programs))
	for range 400 {
		line := paths[rng.IntN(len(paths))]
		vocabulary := programs[line]
		for range rng.IntN(6) {
			word := vocabulary[rng.IntN(len(vocabulary))]
			line += " " + word
			if v := values[word]; v != nil && rng.IntN(12) > 0 && !(word == "state" && strings.Contains(line, "fdb get")) && !(word == "master" && strings.Contains(line, "fdb")) {
				line += " " + v[rng.IntN(len(v))]
			}
		}
		b.compare(line)
	}
}
