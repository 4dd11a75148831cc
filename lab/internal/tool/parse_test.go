package tool

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// describe writes a value with the names of what is not zero in it.
func describe(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return "-"
		}
		return describe(v.Elem())
	case reflect.Struct:
		var parts []string
		for i := range v.NumField() {
			f := v.Field(i)
			switch text := describe(f); {
			case f.IsZero():
			case v.Type().Field(i).Anonymous:
				parts = append(parts, text)
			default:
				parts = append(parts, v.Type().Field(i).Name+"="+text)
			}
		}
		return v.Type().Name() + "{" + strings.Join(parts, " ") + "}"
	case reflect.Array, reflect.Slice:
		if v.Type().Name() == "MAC" {
			var text string
			for i := range v.Len() {
				text += fmt.Sprintf("%02x", v.Index(i).Uint())
			}
			return text
		}
		var parts []string
		for i := range v.Len() {
			parts = append(parts, describe(v.Index(i)))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case reflect.Uint16:
		return fmt.Sprintf("%#x", v.Uint())
	case reflect.String:
		return v.String()
	}
	switch {
	case v.CanInt():
		return fmt.Sprint(v.Int())
	case v.CanUint():
		return fmt.Sprint(v.Uint())
	}
	return fmt.Sprint(v.Bool())
}

// outcome is what a line does where there are these devices and namespaces: a text that
// the tool prints, or what the verb is.
func outcome(line string, there map[string]bool) (said string, c *command, err error) {
	c, err = parse(line)
	if err != nil {
		return "", nil, err
	}
	for _, n := range c.needs {
		if !there[n.name] || n.ns != "" {
			return n.text, c, nil
		}
	}
	return c.mistake, c, nil
}

// The messages are those that the installed tool was seen to send (iproute2 6.1,
// strace).
func TestLinesBecomeMessages(t *testing.T) {
	const mac = "02:aa:00:00:00:01"
	for line, want := range map[string]string{
		"bridge fdb add " + mac + " dev p1 master static":           "fdbEdit{how=0x600 entry=Neigh{Dev=p1 MAC=02aa00000001 State=0x42 Flags=0x4} dev=p1 address=" + mac + " vid=-1}",
		"bridge fdb replace " + mac + " dev p1 master local":        "fdbEdit{how=0x500 entry=Neigh{Dev=p1 MAC=02aa00000001 State=0xc0 Flags=0x4} dev=p1 address=" + mac + " vid=-1}",
		"bridge fdb append " + mac + " dev p1 master":               "fdbEdit{how=0xc00 entry=Neigh{Dev=p1 MAC=02aa00000001 State=0xc0 Flags=0x4} dev=p1 address=" + mac + " vid=-1}",
		"bridge fdb add " + mac + " dev p1 master dynamic":          "fdbEdit{how=0x600 entry=Neigh{Dev=p1 MAC=02aa00000001 State=0x2 Flags=0x4} dev=p1 address=" + mac + " vid=-1}",
		"bridge fdb add " + mac + " dev p1 master dynamic static":   "fdbEdit{how=0x600 entry=Neigh{Dev=p1 MAC=02aa00000001 State=0x2 Flags=0x4} dev=p1 address=" + mac + " vid=-1}",
		"bridge fdb add " + mac + " dev p1 master local dynamic":    "fdbEdit{how=0x600 entry=Neigh{Dev=p1 MAC=02aa00000001 State=0x82 Flags=0x4} dev=p1 address=" + mac + " vid=-1}",
		"bridge fdb add " + mac + " dev p1 mas use":                 "fdbEdit{how=0x600 entry=Neigh{Dev=p1 MAC=02aa00000001 State=0xc0 Flags=0x5} dev=p1 address=" + mac + " vid=-1}",
		"bridge fdb add " + mac + " dev p1 master ext sti":          "fdbEdit{how=0x600 entry=Neigh{Dev=p1 MAC=02aa00000001 State=0xc0 Flags=0x54} dev=p1 address=" + mac + " vid=-1}",
		"bridge fdb add " + mac + " dev p1 self master router":      "fdbEdit{how=0x600 entry=Neigh{Dev=p1 MAC=02aa00000001 State=0xc0 Flags=0x86} dev=p1 address=" + mac + " vid=-1}",
		"bridge fdb a " + mac + " dev p1":                           "fdbEdit{how=0x600 entry=Neigh{Dev=p1 MAC=02aa00000001 State=0xc0 Flags=0x2} dev=p1 address=" + mac + " vid=-1}",
		"bridge fdb del to " + mac + " dev p1 master static vlan 5": "fdbEdit{delete=true entry=Neigh{Dev=p1 MAC=02aa00000001 State=0x42 Flags=0x4 VLAN=0x5 HasVLAN=true} dev=p1 address=" + mac + " vid=5}",
		"bridge fdb add " + mac + " dev p1 vlan 4096 vlan -1":       "",
		"bridge fdb add " + mac + " dev p1 vlan 65537":              "fdbEdit{how=0x600 entry=Neigh{Dev=p1 MAC=02aa00000001 State=0xc0 Flags=0x2 VLAN=0x1 HasVLAN=true} dev=p1 address=" + mac + " vid=1}",
		"bridge fdb add " + mac + " dev p1 vlan -1":                 "fdbEdit{how=0x600 entry=Neigh{Dev=p1 MAC=02aa00000001 State=0xc0 Flags=0x2} dev=p1 address=" + mac + " vid=-1}",
		"bridge fdb add 0x2:+aa:0:0:0:111 dev p1":                   "fdbEdit{how=0x600 entry=Neigh{Dev=p1 MAC=02aa00000011 State=0xc0 Flags=0x2} dev=p1 address=0x2:+aa:0:0:0:111 vid=-1}",

		"bridge fdb flush dev br0":                             "fdbFlush{flush=Flush{Dev=br0 Target=0x2} dev=br0 vid=-1}",
		"bridge fdb flush dev br0 static":                      "fdbFlush{flush=Flush{Dev=br0 Target=0x2 State=0x40 StateMask=0xc0} dev=br0 vid=-1}",
		"bridge fdb flush dev br0 nostatic":                    "fdbFlush{flush=Flush{Dev=br0 Target=0x2 StateMask=0x40} dev=br0 vid=-1}",
		"bridge fdb flush dev br0 dynamic":                     "fdbFlush{flush=Flush{Dev=br0 Target=0x2 StateMask=0xc0} dev=br0 vid=-1}",
		"bridge fdb flush dev br0 nodynamic":                   "fdbFlush{flush=Flush{Dev=br0 Target=0x2 State=0x40 StateMask=0x40} dev=br0 vid=-1}",
		"bridge fdb flush dev br0 permanent dynamic":           "fdbFlush{flush=Flush{Dev=br0 Target=0x2 State=0x80 StateMask=0xc0} dev=br0 vid=-1}",
		"bridge fdb flush dev br0 static nopermanent":          "fdbFlush{flush=Flush{Dev=br0 Target=0x2 State=0x40 StateMask=0xc0} dev=br0 vid=-1}",
		"bridge fdb flush dev br0 permanent nostatic":          "fdbFlush{flush=Flush{Dev=br0 Target=0x2 State=0x80 StateMask=0xc0} dev=br0 vid=-1}",
		"bridge fdb flush dev br0 added_by_user nosticky":      "fdbFlush{flush=Flush{Dev=br0 Target=0x2 Flags=0x1 FlagMask=0x41} dev=br0 vid=-1}",
		"bridge fdb flush dev br0 extern_learn nooffloaded":    "fdbFlush{flush=Flush{Dev=br0 Target=0x2 Flags=0x10 FlagMask=0x30} dev=br0 vid=-1}",
		"bridge fdb flush dev br0 perm foo vl 5":               "fdbFlush{flush=Flush{Dev=br0 Target=0x2} dev=br0 vid=-1}",
		"bridge fdb flush dev p1 master self brport p1 vlan 0": "fdbFlush{flush=Flush{Dev=p1 Target=0x6 BrPort=p1 HasVLAN=true} dev=p1 port=p1}",

		"bridge -j fdb show br br0 dynamic":                             "fdbShow{filter=rowFilter{dynamic=true} br=br0}",
		"bridge fdb sh brport p1 vlan 7 state static state perm static": "fdbShow{filter=rowFilter{vlan=7 states=0xc0} dev=p1}",
		"bridge fdb": "fdbShow{}",
		"bridge f s": "fdbShow{}",
		"bridge fdb get " + mac + " br br0 vlan 10":         "fdbGet{query=Query{Bridge=br0 MAC=02aa00000001 VLAN=0xa HasVLAN=true} br=br0 address=" + mac + " vid=10}",
		"bridge fdb get " + mac + " dev p1 master dyn":      "fdbGet{query=Query{Dev=p1 MAC=02aa00000001 Flags=0x4} dynamic=true dev=p1 address=" + mac + " vid=-1}",
		"bridge vlan add vid 10-20 dev p1 untagged":         "vlanEdit{vlans=VLANRange{Dev=p1 First=0xa Last=0x14 Flags=2} dev=p1 vid=10 last=20 span=true}",
		"bridge vlan del vid 10 dev br0 self pvid":          "vlanEdit{delete=true vlans=VLANRange{Dev=br0 First=0xa Flags=1 Self=true} dev=br0 vid=10 last=-1}",
		"bridge vlan add vid 5-7 vid 6 dev p1":              "vlanEdit{vlans=VLANRange{Dev=p1 First=0x6 Last=0x7} dev=p1 vid=6 last=7 span=true}",
		"bridge -j vlan show dev p1":                        "vlanShow{dev=p1}",
		"bridge link set dev p1 learning off flood on":      "bridgeLinkSet{dev=p1 change=PortChange{Flags=2 Mask=3}}",
		"bridge link set dev p1 learning o state listening": "bridgeLinkSet{dev=p1 change=PortChange{Mask=1 State=1}}",
		"bridge link set dev p1 state -1 cost 0 priority x": "bridgeLinkSet{dev=p1 change=PortChange{Priority=0x0}}",
		"bridge link set dev p1 backup_port h1":             "bridgeLinkSet{dev=p1 change=PortChange{BackupPort=h1}}",

		"ip link set dev p1 up mtu 1400 address 2:0:0:0:0:1": "linkSet{change=LinkChange{MAC=020000000001 MTU=1400 Up=true} dev=p1 address=[2 0 0 0 0 1]}",
		"ip link set p1 nomaster name p1 promisc on":         "linkSet{change=LinkChange{Promisc=true Master=} dev=p1}",
		"ip link set br0 type bridge ageing_time 200":        "linkSet{bridge=BridgeChange{AgeingTime=200} dev=br0 kind=bridge rest=[ageing_time 200]}",
		"ip l s br0 ty bridge vlan_f 2 fdb_fl group 0x8":     "linkSet{bridge=BridgeChange{VLANFiltering=true GroupForward=0x8 FDBFlush=true} dev=br0 kind=bridge rest=[vlan_f 2 fdb_fl group 0x8]}",
		"ip link set br0 type bridge vlan_protocol 802.1AD":  "linkSet{bridge=BridgeChange{VLANProtocol=0x88a8} dev=br0 kind=bridge rest=[vlan_protocol 802.1AD]}",
		"ip link set p1 up type bridge_slave fdb_flush":      "linkSet{change=LinkChange{Up=true} port=PortChange{FDBFlush=true Link=true} dev=p1 kind=bridge_slave rest=[fdb_flush]}",
		"ip link set p1 netns 1":                             "linkSet{target=1 dev=p1}",
		"ip link delete p1":                                  "linkSet{remove=true dev=p1}",
		"ip netns add n1 x":                                  "netns{name=n1}",
		"ip net d n1":                                        "netns{remove=true name=n1}",

		"lab bridge br0 ports": "topology{kind=bridge bridge=br0 ports=[]}",
		"lab bridge br0 vlan_filtering 1 ageing_time 5 ports p1 p2": "topology{kind=bridge bridge=br0 change=BridgeChange{AgeingTime=5 VLANFiltering=true} ports=[p1 p2]}",
		"lab switch br0 ports s1 s4 p9":                             "topology{kind=switch bridge=br0 ports=[s1 s4 p9]}",
		"lab ports p1":                                              "topology{kind=ports ports=[p1]}",
		"lab send h1 " + mac + " ff:ff:ff:ff:ff:ff vlan 0 count 3":  "send{dev=h1 src=02aa00000001 dst=ffffffffffff tagged=true count=3}",
		"lab wait 1.5s":                                             "wait{d=1500000000}",
		"lab events fdb netns n1 sorted":                            "events{ns=n1 sorted=true}",
		"lab hw sw1":                                                "hardware{name=sw1}",
	} {
		c, err := parse(line)
		got := ""
		switch {
		case err != nil:
			got = err.Error()
		case c.mistake == "":
			got = describe(reflect.ValueOf(c.verb))
		}
		got = strings.ReplaceAll(got, "given{text=", "")
		for _, end := range []string{" ok=true}"} {
			got = strings.ReplaceAll(got, end, "")
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
}

// A device of a command is looked for in the namespace of -n, which comes first.
func TestNamespacesComeFirst(t *testing.T) {
	c, err := parse("bridge -n n1 link set dev p1 backup_port p2 learning maybe")
	if err != nil {
		t.Fatal(err)
	}
	want := []need{
		{namespace: true, name: "n1", text: `Cannot open network namespace "n1": No such file or directory`},
		{ns: "n1", name: "p2", text: "Error: device p2 does not exist"},
	}
	if !reflect.DeepEqual(c.needs, want) || c.mistake != `Error: argument of "learning" must be one of "off", "on", not "maybe"` || c.verb != nil {
		t.Errorf("%+v", c)
	}
}

func TestLinesOutsideTheLanguage(t *testing.T) {
	for line, word := range map[string]string{
		"foo":                                         "foo",
		"BRIDGE fdb":                                  "BRIDGE",
		"bridge":                                      "",
		"bridge -j":                                   "",
		"bridge -n":                                   "-n",
		"bridge -z fdb show":                          "-z",
		"bridge - fdb":                                "-",
		"bridge fdb foo":                              "foo",
		"bridge mdb show":                             "bridge mdb",
		"bridge fdb show help":                        "help",
		"bridge fdb add x dev p1 vni 5":               "vni",
		"bridge link set dev p1 guard on":             "guard",
		"bridge link set dev p1 foo":                  "foo",
		"bridge -s fdb show":                          "-s",
		"bridge -s fdb get x br br0":                  "-s",
		"bridge -s vlan show":                         "-s",
		"bridge -d link show":                         "-d",
		"ip link add x type veth":                     "ip link add",
		"ip link show":                                "show",
		"ip link set p1 arp off":                      "arp",
		"ip link set p1 type dummy":                   "dummy",
		"ip link set br0 type bridge foo":             "foo",
		"ip link set br0 type bridge mcast_querier 1": "mcast_querier",
		"ip link set p1 netns 77":                     "77",
		"ip neigh show":                               "ip neigh",
		"ip neighbour":                                "ip neigh",
		"ip nt change":                                "ip ntable",
		"devlink dev show":                            "devlink",
		"ovs-dpctl show":                              "ovs-dpctl",
		"lab events neigh":                            "lab events neigh",
		"lab ns 1 2":                                  "lab ns",
		"lab foo":                                     "foo",
		"lab se h1":                                   "se",
		"lab bridge br0 p1":                           "",
		"lab bridge br0 ports h1":                     "h1",
		"lab bridge br0 ports s1":                     "s1",
		"lab bridge br0 ports p1 p1":                  "p1",
		"lab bridge br0 foo 1 ports":                  "foo",
		"lab bridge a/b ports":                        "a/b",
		"lab switch br0 ports s5":                     "s5",
		"lab ports":                                   "",
		"lab send h1 x ff:ff:ff:ff:ff:ff":             "x",
		"lab send h1 02:00:00:00:00:01":               "",
		"lab send h1 02:00:00:00:00:01 02:00:00:00:00:02 vlan 4096": "4096",
		"lab send h1 02:00:00:00:00:01 02:00:00:00:00:02 count 0":   "0",
		"lab send h1 02:00:00:00:00:01 02:00:00:00:00:02 count":     "",
		"lab wait":              "",
		"lab wait -1s":          "-1s",
		"lab wait 5":            "5",
		"lab wait 5s x":         "x",
		"lab wait 100000h":      "100000h",
		"lab events fdb only x": "only",
		"lab hw":                "",
	} {
		c, err := parse(line)
		var not *NotSupported
		if !errors.As(err, &not) || not.Word != word || not.Reason == "" || not.Line != line || c != nil {
			t.Errorf("%s: %+v, %#v", line, c, err)
		}
	}
}

// TestUnknownCommandsAreToldWhatThereIs: "ip link show" is a command of the tool and none
// of the lab, so "no such command" would not do.
func TestUnknownCommandsAreToldWhatThereIs(t *testing.T) {
	for line, want := range map[string]string{
		"ls":               `ls: "ls": not in the lab, which has bridge, ip, lab`,
		"ip":               "ip: not complete: the lab has ip link, ip netns",
		"ip a":             `ip a: "a": not in the lab, which has ip link, ip netns`,
		"ip link":          "ip link: not complete: the lab has ip link set, ip link del",
		"ip l show":        `ip l show: "show": not in the lab, which has ip link set, ip link del`,
		"ip -j link show":  `ip -j link show: "show": not in the lab, which has ip link set, ip link del`,
		"bridge vni":       `bridge vni: "vni": not in the lab, which has bridge link, bridge fdb, bridge vlan`,
		"lab events vlan":  `lab events vlan: "vlan": not in the lab, which has lab events fdb`,
		"bridge -c fdb":    `bridge -c fdb: "-c": not an option of this language`,
		"ip netns list":    `ip netns list: "list": not in the lab, which has ip netns add, ip netns del`,
		"bridge link help": `bridge link help: "help": not in the lab, which has bridge link set, bridge link show`,
	} {
		if _, err := parse(line); err == nil || err.Error() != want {
			t.Errorf("%s:\n\t%v, want\n\t%s", line, err, want)
		}
	}
}

func TestEveryCommandHasHelp(t *testing.T) {
	s := New(nil)
	all := s.Help()
	for _, e := range commands() {
		if e.parse == nil {
			continue
		}
		if e.help == "" || e.usage == "" && e.path != "lab clock" {
			t.Errorf("%s has no help", e.path)
		}
		one := s.Help(strings.Fields(e.path)...)
		if len(one) < 2 || one[0] != strings.TrimSpace(e.path+" "+e.usage) || !strings.Contains(one[1], e.help) {
			t.Errorf("%s: %q", e.path, one)
		}
		if !strings.Contains(strings.Join(all, "\n"), e.path) {
			t.Errorf("%s is not listed", e.path)
		}
	}
	if got := s.Help("bridge fdb"); len(got) < 14 || !strings.HasPrefix(got[0], "bridge fdb add MAC") {
		t.Errorf("%q", got)
	}
	if got := s.Help("nothing"); len(got) != 1 || !strings.Contains(got[0], "no command") {
		t.Errorf("%q", got)
	}
}

// Whatever a line is, it is understood, or refused as a whole with an error that says
// so; and it needs nothing that it does not name.
func FuzzLines(f *testing.F) {
	for _, line := range installedLines {
		f.Add(line)
	}
	for _, e := range commands() {
		f.Add(e.path + " " + e.usage)
	}
	f.Fuzz(func(t *testing.T, line string) {
		c, err := parse(line)
		if err != nil {
			var not *NotSupported
			if !errors.As(err, &not) || not.Line != line || not.Reason == "" || c != nil && c.verb != nil {
				t.Fatalf("%q: %+v, %v", line, c, err)
			}
			return
		}
		words, _ := Words(line)
		if (c.verb == nil) != (c.mistake != "" || len(words) == 0) {
			t.Fatalf("%q: %+v", line, c)
		}
		for _, n := range c.needs {
			if !strings.Contains(strings.Join(words, "\x00"), n.name) {
				t.Fatalf("%q needs %q", line, n.name)
			}
		}
	})
}
