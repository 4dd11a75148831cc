package show_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/fdb/show"
)

// inNamespace runs a shell script in a network namespace of its own, where there is
// one to be had, and the tools.
func inNamespace(t *testing.T, script string, args ...string) string {
	t.Helper()
	for _, tool := range []string{"unshare", "nsenter", "ip", "bridge", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("not compared with the installed tool: %v", err)
		}
	}
	if out, err := exec.Command("unshare", "-n", "true").CombinedOutput(); err != nil {
		t.Skipf("not compared with the installed tool: no network namespace: %v: %s", err, out)
	}
	cmd := exec.Command("unshare", append([]string{"-n", "sh", script}, args...)...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, complaints.Bytes())
	}
	return string(out)
}

// TestInstalledToolPrintsTheSame: what the installed bridge(8) prints of a real
// kernel's tables is read, and printed again byte for byte.
func TestInstalledToolPrintsTheSame(t *testing.T) {
	all := outputs(t, inNamespace(t, "testdata/scenario.sh"))
	if len(all) != 35 {
		t.Fatalf("%d outputs", len(all))
	}
	rows := readAll(t, all[0].text, show.Text)
	if len(rows) < 10 {
		t.Fatalf("only %d rows", len(rows))
	}
	for _, o := range all { // not with one another: time passes
		again(t, o)
	}
	t.Logf("%d rows", len(rows))
}

// TestInstalledToolPrintsWhatWeDo gives the tool messages of the kernel that hold
// random rows, and wants the lines that this package prints of them.
func TestInstalledToolPrintsWhatWeDo(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "monitor.sh")
	var text strings.Builder
	for i, name := range interfaces {
		fmt.Fprintf(&text, "ip link add name '%s' index %d type veth peer name peer%d || exit 1\n", name, 100+i, i)
	}
	text.WriteString("exec bridge -s -d monitor file \"$1\"\n")
	r := rand.New(rand.NewPCG(1, 2))
	locked, activity := version(t, 2), version(t, 17)
	var messages []byte
	var want strings.Builder
	for i := range 4000 {
		row := messageRow(r, float64(i%10)/10)
		if !locked {
			row.Flags &^= show.Locked
		}
		if !activity {
			row.Notify, row.Inactive = false, false
		}
		messages = append(messages, message(row)...)
		want.WriteString(row.String() + "\n")
	}
	file := filepath.Join(dir, "messages")
	for name, content := range map[string][]byte{script: []byte(text.String()), file: messages} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, lines := strings.Split(inNamespace(t, script, file), "\n"), strings.Split(want.String(), "\n")
	if len(got) != len(lines) {
		t.Fatalf("%d lines, want %d", len(got), len(lines))
	}
	for i := range got {
		if got[i] != lines[i] {
			t.Fatalf("line %d: the tool prints\n%q, we\n%q", i, got[i], lines[i])
		}
	}
	t.Logf("%d rows; locked %t, activity %t", len(got)-1, locked, activity)
}

// version reports whether the installed tool is 6.minor or later.
func version(t *testing.T, minor int) bool {
	out, err := exec.Command("bridge", "-V").Output()
	if err != nil {
		t.Skipf("not compared with the installed tool: %v", err)
	}
	_, v, _ := strings.Cut(string(out), "bridge utility, ")
	parts := strings.Split(strings.TrimPrefix(strings.TrimSpace(v), "iproute2-"), ".")
	if len(parts) < 2 {
		return false
	}
	major, _ := strconv.Atoi(parts[0])
	n, _ := strconv.Atoi(parts[1])
	return major > 6 || major == 6 && n >= minor
}

// interfaces are names that the kernel takes; their numbers follow 100.
var interfaces = []string{"p1", "br0", "static", "stale", "permanent", "sticky", "locked", "master", "self", "ifindex", "vlan", "7", `q"\2`, "Deleted", "ä"}

func index(name string) uint32 {
	for i, n := range interfaces {
		if n == name {
			return uint32(100 + i)
		}
	}
	return 0
}

// messageRow returns a row that a message can hold: an interface is always named,
// and an index only where there is a namespace.
func messageRow(r *rand.Rand, share float64) show.Row {
	for {
		row := randomRow(r, share)
		if row.Dev == "" || index(row.Dev) == 0 || row.Master != "" && index(row.Master) == 0 || row.Via != "" && index(row.Via) == 0 {
			continue
		}
		if row.NetNS.Shown {
			row.Via = ""
		} else {
			row.ViaIndex = show.Number{}
		}
		// The kernel counts hundredths of a second.
		row.Used.Value, row.Updated.Value = row.Used.Value%40_000_000, row.Updated.Value%40_000_000
		return row
	}
}

// message returns a row as the kernel tells of it: RTM_NEWNEIGH or RTM_DELNEIGH of
// rtnetlink(7).
func message(row show.Row) []byte {
	order := binary.NativeEndian
	const selfBit, masterBit, externBit, stickyBit, offloadBit, routerBit = 0x02, 0x04, 0x10, 0x40, 0x20, 0x80
	var flags byte
	for flag, bit := range map[show.Flags]byte{
		show.Self: selfBit, show.MasterWord: masterBit, show.ExternLearn: externBit,
		show.Sticky: stickyBit, show.Offload: offloadBit, show.Router: routerBit,
	} {
		if row.Flags&flag != 0 {
			flags |= bit
		}
	}
	body := []byte{7, 0, 0, 0} // AF_BRIDGE
	body = order.AppendUint32(body, index(row.Dev))
	body = append(order.AppendUint16(body, stateBits(row.State)), flags, 0)
	attr := func(kind uint16, value []byte) {
		body = order.AppendUint16(body, uint16(4+len(value)))
		body = append(order.AppendUint16(body, kind), value...)
		body = append(body, make([]byte, -len(value)&3)...)
	}
	word := func(v uint32) []byte { return order.AppendUint32(nil, v) }
	number := func(kind uint16, n show.Number) {
		if n.Shown {
			attr(kind, word(n.Value))
		}
	}
	attr(2, row.MAC[:])
	if row.Dst.IsValid() {
		attr(1, row.Dst.AsSlice())
	}
	if row.VLAN != 0 {
		attr(5, order.AppendUint16(nil, uint16(row.VLAN)))
	}
	if row.Port.Shown {
		attr(6, binary.BigEndian.AppendUint16(nil, uint16(row.Port.Value)))
	}
	number(7, row.VNI)
	number(11, row.SrcVNI)
	number(8, row.ViaIndex)
	if row.Via != "" {
		attr(8, word(index(row.Via)))
	}
	number(13, row.NextHop)
	number(10, row.NetNS)
	if row.Used.Shown {
		attr(3, bytes.Join([][]byte{word(0), word(row.Used.Value * 100), word(row.Updated.Value*100 + 99), word(0)}, nil))
	}
	if row.Flags&show.Locked != 0 {
		attr(15, word(2))
	}
	if row.Notify {
		bits := byte(1)
		if row.Inactive {
			bits |= 2
		}
		attr(14, append(order.AppendUint16(order.AppendUint16(nil, 5), 1), bits, 0, 0, 0))
	}
	if row.Master != "" {
		attr(9, word(index(row.Master)))
	}
	kind := uint16(28)
	if row.Deleted {
		kind++
	}
	head := order.AppendUint32(nil, uint32(16+len(body)))
	head = order.AppendUint16(order.AppendUint16(head, kind), 0)
	return append(append(head, make([]byte, 8)...), body...)
}

func stateBits(s show.State) uint16 {
	switch s {
	case show.Permanent:
		return 0x80
	case show.Static:
		return 0x40
	case show.Stale:
		return 0x04
	case show.Reachable:
		return 0x02
	}
	n, _ := strconv.ParseUint(string(s), 0, 16)
	return uint16(n)
}
