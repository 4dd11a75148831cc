package bridge_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// conformance is a case of the project's list, or a part of one: a bridge with three
// ports, an ageing time of 10 s and whatever cfg says besides.
type conformance struct {
	name string // begins with the number
	cfg  bridge.Config
	play func(w *world)
}

// conformances returns the cases, by file.
func conformances() []conformance {
	var all []conformance
	for name, play := range kernelCases() {
		all = append(all, conformance{name: name, play: play})
	}
	for _, more := range [][]conformance{
		learningCases(), linkLocalCases(), lockedCases(), editCases(), addressCases(), local0Cases(), runningCases(), pathCases(), vlanCases(),
	} {
		all = append(all, more...)
	}
	return all
}

// TestKernelCases plays what was seen of Linux 6.1 and 6.18, or is in its source:
// setup, operation and outcome. The numbers are those of the list in ARCHITECTURE.md.
func TestKernelCases(t *testing.T) {
	for _, c := range conformances() {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Table.Ageing = ageing
			c.play(newWorld(t, c.cfg, 1, 2, 3))
		})
	}
}

// number returns the number of a case.
func (c *conformance) number() int {
	digits := c.name[:len(c.name)-len(strings.TrimLeft(c.name, "0123456789"))]
	n, _ := strconv.Atoi(digits)
	return n
}

// TestEveryCaseHasATest holds the list of cases in ARCHITECTURE.md and the tests of
// this package against each other.
func TestEveryCaseHasATest(t *testing.T) {
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, ok := strings.Cut(string(text), "\n## Conformance cases\n")
	if !ok {
		t.Fatal("there is no list of cases")
	}
	list, _, _ = strings.Cut(list, "\n## ")
	where := make(map[int]string)
	for _, m := range regexp.MustCompile(`(?m)^\| *(\d+) *\|.*\| *(\w+) *\|$`).FindAllStringSubmatch(list, -1) {
		n, _ := strconv.Atoi(m[1])
		where[n] = m[2]
	}
	tested, names := make(map[int]bool), make(map[string]bool)
	for _, c := range conformances() {
		n := c.number()
		tested[n] = true
		if where[n] == "" {
			t.Errorf("%q is no case of the list", c.name)
		}
		if names[c.name] {
			t.Errorf("two tests are called %q", c.name)
		}
		names[c.name] = true
	}
	const fewest = 29 // there were as many when this was written
	of := 0
	for _, n := range slices.Sorted(maps.Keys(where)) {
		if where[n] != "bridge" {
			continue
		}
		of++
		if !tested[n] {
			t.Errorf("case %d is the bridge's, and has no test", n)
		}
	}
	if of < fewest {
		t.Errorf("%d cases are listed as the bridge's, want %d", of, fewest)
	}
}

// The tags of the tests.
const (
	ctag = switchdev.EtherTypeVLAN
	stag = switchdev.EtherTypeSVLAN
)

// vlanFrame returns a frame with a tag, whose priority is 0 unless tci has one.
func vlanFrame(dst, src switchdev.MAC, proto switchdev.EtherType, tci uint16) []byte {
	f := frameOf(dst, src)
	tag := binary.BigEndian.AppendUint16(nil, uint16(proto))
	return slices.Insert(f, 12, binary.BigEndian.AppendUint16(tag, tci)...)
}

// copies hands the bridge a frame, of the host if in is 0, and returns why and what
// goes where, host as 0 first, with tags: "flooded 0 2/10 3" is a frame that the host
// and port 3 get without a tag and port 2 with that of VLAN 10.
func (w *world) copies(in int, f []byte) string {
	var v bridge.Verdict
	if in == 0 {
		v = w.b.Transmit(f, &w.out)
	} else {
		v = w.b.Forward(switchdev.PortID(in), f, &w.out)
	}
	s := v.Reason.String()
	if v.Host {
		s += " 0" + tagOf(w.out.HostFrame(f))
	}
	for i, id := range w.out.Ports() {
		s += " " + id.String() + tagOf(w.out.Frame(i, f))
	}
	w.poll()
	return s
}

// tagOf prints the tags of a frame: "/10" for a C-tag of VLAN 10, "/s10" for an S-tag,
// with "p" and the priority if it has one.
func tagOf(f []byte) (s string) {
	for at := 12; at+4 <= len(f); at += 4 {
		switch binary.BigEndian.Uint16(f[at:]) {
		case uint16(ctag):
			s += "/"
		case uint16(stag):
			s += "/s"
		default:
			return s
		}
		tci := binary.BigEndian.Uint16(f[at+2:])
		s += strconv.Itoa(int(tci & 0xfff))
		if p := tci >> 13; p != 0 {
			s += "p" + strconv.Itoa(int(p))
		}
	}
	return s
}

// passes checks what becomes of a frame, see copies.
func (w *world) passes(in int, f []byte, want string) {
	w.t.Helper()
	if got := w.copies(in, f); got != want {
		w.t.Errorf("from %d to %v%s: %q, want %q", in, switchdev.MAC(f[:6]), tagOf(f), got, want)
	}
}

// in checks where the table has a station in a VLAN; -1 for nowhere.
func (w *world) in(v switchdev.VLAN, m switchdev.MAC, want int) {
	w.t.Helper()
	w.poll()
	got := -1
	for e := range w.b.Table().All() {
		if e.MAC == m && e.VLAN == v {
			got = int(e.Port)
		}
	}
	if got != want {
		w.t.Errorf("%v in VLAN %v is at %d, want %d", m, v, got, want)
	}
}

// edit is Edit with a verb on an entry.
func (w *world) edit(verb fdb.Verb, m switchdev.MAC, v switchdev.VLAN, port int, f fdb.Flags) ticket {
	return w.b.SubmitEdit(fdb.Op{Verb: verb, Entry: fdb.Entry{Key: fdb.Key{MAC: m, VLAN: v}, Port: switchdev.PortID(port), Flags: f}})
}

// join makes a port, or the bridge as port 0, a member of VLANs without flags.
func (w *world) join(port int, vlans ...switchdev.VLAN) {
	w.t.Helper()
	for _, v := range vlans {
		w.must(w.b.SubmitAddVLAN(switchdev.PortID(port), v, 0))
	}
}

// quit ends a membership.
func (w *world) quit(port int, v switchdev.VLAN) {
	w.t.Helper()
	w.must(w.b.SubmitRemoveVLAN(switchdev.PortID(port), v))
}

// vlans returns the memberships of a port, such as "1pu 10".
func (w *world) vlans(port int) string {
	all, ok := w.b.VLANs(switchdev.PortID(port))
	if !ok {
		return "none"
	}
	var s []string
	for _, m := range all {
		one := m.VLAN.String()
		if m.Flags&switchdev.VLANPVID != 0 {
			one += "p"
		}
		if m.Flags&switchdev.VLANUntagged != 0 {
			one += "u"
		}
		s = append(s, one)
	}
	return strings.Join(s, " ")
}

// filtering is a bridge that looks at VLANs; its own address is the recordings'.
func filtering() bridge.Config {
	return bridge.Config{MAC: hostMAC, VLAN: bridge.VLANConfig{Filtering: true}}
}

// hostMAC is the bridge's own address in most tests with VLANs.
var hostMAC = mac(0xfe)

func setOf(vlans ...switchdev.VLAN) (s switchdev.VLANSet) {
	for _, v := range vlans {
		if err := s.Add(v); err != nil {
			panic(fmt.Sprint("VLAN ", v))
		}
	}
	return s
}
