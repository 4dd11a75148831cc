package lab_test

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/lab"
	"github.com/switchcore/switchcore/lab/internal/live"
)

var (
	liveSequences = flag.Int("live.sequences", 40, "random sequences that are executed in the lab and on the running kernel")
	liveSeed      = flag.Uint64("live.seed", 1, "the first sequence's seed")
	liveQuirks    = flag.String("live.quirks", "", "the lab's quirks; empty means the kernel's, with others it has to disagree")
	liveLength    = flag.Int("live.length", 30, "commands of a sequence")
)

// TestLiveKernelAndLabAgree executes random sequences in the lab and on the kernel
// that runs, with its tools, and wants the same output of every command, the same
// notifications and the same tables after it. The long form:
//
//	go test ./lab -run TestLiveKernelAndLabAgree -timeout 30m -args -live.sequences 2000
func TestLiveKernelAndLabAgree(t *testing.T) { agree(t, live.Program) }

// TestLiveKernelAndLabAgreeOnVLANs is that with VLANs, for a kernel that filters them.
func TestLiveKernelAndLabAgreeOnVLANs(t *testing.T) {
	needVLANs(t)
	agree(t, live.ProgramVLAN)
}

// needVLANs skips where the running kernel does not filter VLANs.
func needVLANs(t *testing.T) {
	k := kernelHere(t)
	defer k.Close()
	if !k.VLANFiltering() {
		t.Skip("the running kernel does not filter VLANs")
	}
}

// agree compares the sequences that program makes.
func agree(t *testing.T, program func(seed uint64, n int) []string) {
	failed, commands := 0, 0
	for seed := *liveSeed; seed < *liveSeed+uint64(*liveSequences); seed++ {
		lines := program(seed, *liveLength)
		at, d := disagreementAt(t, lines)
		commands += at
		if d == "" {
			continue
		}
		lines = lines[:at+1]
		failed++
		if failed <= 30 {
			short := live.Shrink(lines, func(l []string) bool { return disagreement(t, l) != "" })
			t.Errorf("seed %d:\n%s\n%s", seed, strings.Join(short, "\n"), disagreement(t, short))
		}
	}
	t.Logf("%d of %d sequences disagree, of %d commands", failed, *liveSequences, commands)
}

// TestLiveKernelAndLabAgreeOnWhatWasFound executes the sequences that random ones have
// once shown a difference in.
func TestLiveKernelAndLabAgreeOnWhatWasFound(t *testing.T) {
	for name, lines := range map[string][]string{
		"a user's local entry passes on": {"lab bridge br0 ports p1 p2 p3", "bridge fdb replace 02:00:00:00:00:fe dev p2 sticky master extern_learn dynamic",
			"ip link set dev p2 nomaster", "bridge fdb append 02:00:00:00:00:03 dev p1 local master", "ip link set dev p1 nomaster"},
		"a port becomes promiscuous": {"lab bridge br0 ports p1 p2 p3", "ip link set dev p3 nomaster", "bridge fdb add 02:aa:00:00:00:04 dev p3 master local self",
			"bridge fdb replace 02:aa:00:00:00:04 dev p1 permanent master", "ip link set dev p3 master br0"},
		"a disabled port is asked again": {"lab bridge br0 ports p1 p2", "bridge link set dev p1 state 0", "ip link set dev p1 type bridge_slave fdb_flush",
			"lab send h1 06:dd:00:00:00:02 02:00:00:00:00:02"},
		"the last to join inherits": {"lab bridge br0 ports p1 p2 p3 p4", "ip link set dev p2 address 02:00:00:00:00:03", "ip link set dev p4 address 02:00:00:00:00:03",
			"ip link set dev p3 up nomaster"},
		"a flushed address is not missed": {"lab bridge br0 ports p1 p2 p3 p4", "ip link set dev p3 address 02:00:00:00:00:04", "bridge fdb flush dev br0 nodynamic",
			"ip link set dev p4 nomaster"},
		"a user's static entry stays": {"lab bridge br0 ports p1 p2 p3 p4", "bridge fdb add 02:aa:00:00:00:02 dev p2 master local", "ip link set dev p3 address 02:aa:00:00:00:02",
			"bridge fdb replace 02:aa:00:00:00:02 dev p2 static master", "ip link set dev p4 nomaster"},
		"the same address again":    {"lab bridge br0 ports p1 p2", "ip link set dev p1 address 02:00:00:00:00:01"},
		"what is checked first":     {"bridge fdb del 02:aa:00:00:00:01 dev lo master vlan 4096", "bridge fdb add 02:aa:00:00:00:01 dev lo master vlan 4096"},
		"an interface that is down": {"lab bridge br0 ports p1 p2", "ip link set dev h1 down", "lab send h1 02:aa:00:00:00:04 ff:ff:ff:ff:ff:ff", "ip link set dev br0 down", "lab send br0 02:aa:00:00:00:04 ff:ff:ff:ff:ff:ff"},
		"two rows of one address":   {"lab bridge br0 ports p1 p2 p3", "bridge fdb replace 02:00:00:00:00:02 dev p1 master self"},
		"a port that goes far away": {"lab bridge br0 ports p1 p2 p3", "ip netns add red", "bridge fdb append 02:00:00:00:01:01 dev p3 master dynamic extern_learn sticky", "ip link set dev p3 netns red"},
		"a state while the bridge is down": {"lab bridge br0 ports p1 p2", "ip link set dev br0 down", "bridge link set dev p2 state 3", "bridge link set dev p1 state 4",
			"lab send h1 02:aa:00:00:00:01 ff:ff:ff:ff:ff:ff", "ip link set dev p1 down", "bridge fdb add 02:aa:00:00:00:02 dev p1 master dynamic", "ip link set dev br0 up", "ip link set dev p1 up"},
		"a flush that is out of range": {"lab bridge br0 ports p1", "bridge fdb flush dev br0 vlan 4095", "bridge fdb flush dev br0 vlan 0"},
	} {
		t.Run(name, func(t *testing.T) {
			if d := disagreement(t, lines); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestLiveKernelAndLabAgreeOnWhatWasFoundInVLANs is that with VLANs.
func TestLiveKernelAndLabAgreeOnWhatWasFoundInVLANs(t *testing.T) {
	needVLANs(t)
	for name, lines := range map[string][]string{
		"a deletion has no words":        {"lab bridge br0 vlan_filtering 1 ports p1", "bridge vlan del vid 4095 dev p1", "bridge vlan del dev p1 vid 4090-4095", "bridge vlan del vid 0x2 dev p1"},
		"who has the same address":       {"lab bridge br0 vlan_filtering 1 ports p1 p2 p3", "ip link set dev p3 address 02:00:00:00:00:01", "ip link set dev br0 type bridge vlan_default_pvid 0"},
		"the bridge comes first":         {"lab bridge br0 ports p1 p2", "ip link set dev br0 address 02:00:00:00:00:01", "ip link set dev br0 type bridge vlan_default_pvid 2"},
		"the youngest leaves first":      {"lab bridge br0 vlan_default_pvid 2 ports p1 p2", "bridge vlan add vid 4094 dev p2", "ip link set dev br0 type bridge vlan_default_pvid 1", "ip link set dev p2 address 02:aa:00:00:00:01"},
		"an address that was learned":    {"lab bridge br0 ports p1 p2", "lab send h2 02:aa:00:00:00:03 02:00:00:00:01:01", "ip link set dev p2 address 02:aa:00:00:00:03"},
		"an address in several VLANs":    {"lab bridge br0 ports p1 p2", "bridge fdb append 02:aa:00:00:00:01 dev p2 static master", "ip link set dev p1 address 02:aa:00:00:00:01"},
		"an address of the bridge":       {"lab bridge br0 ports p1 p2", "bridge fdb replace 02:aa:00:00:00:03 dev p2 extern_learn master", "ip link set dev br0 address 02:aa:00:00:00:03"},
		"no address in no VLAN":          {"lab bridge br0 vlan_filtering 1 ports p1 p2", "bridge fdb del 00:00:00:00:00:00 dev p2 master vlan 4", "bridge fdb del 00:00:00:00:00:00 dev br0 self vlan 4"},
		"the bridge knows a port's VLAN": {"lab bridge br0 ports p1 p2", "bridge vlan add dev p2 vid 2", "bridge fdb del 02:aa:00:00:00:01 dev br0 self vlan 2", "bridge fdb del 02:aa:00:00:00:01 dev br0 self vlan 3"},
		"the bridge was in the VLAN":     {"lab bridge br0 ports p1 p2", "bridge vlan del vid 1 dev br0 self", "bridge fdb del 02:aa:00:00:00:01 dev br0 self vlan 1"},
		"a frame of the bridge's own":    {"lab bridge br0 vlan_filtering 1 ports p1 p2", "lab send br0 02:00:00:00:00:fe ff:ff:ff:ff:ff:ff vlan 2", "lab send br0 02:00:00:00:00:fe ff:ff:ff:ff:ff:ff vlan 1", "lab send br0 02:00:00:00:00:fe ff:ff:ff:ff:ff:ff vlan 0"},
		"a state under a bridge that is down": {"lab bridge br0 vlan_filtering 1 ports p1 p2", "ip link set dev br0 down", "bridge link set dev p1 state 3", "bridge link set dev p2 state 4",
			"lab send h1 02:aa:00:00:00:01 ff:ff:ff:ff:ff:ff", "ip link set dev p1 down", "bridge fdb add 02:aa:00:00:00:02 dev p1 master dynamic", "ip link set dev br0 up", "ip link set dev p1 up"},
	} {
		t.Run(name, func(t *testing.T) {
			if d := disagreement(t, lines); d != "" {
				t.Error(d)
			}
		})
	}
}

// disagreement executes the commands on both, and says what the first difference is;
// "" if there is none, or if the kernel has no such command.
func disagreement(t *testing.T, lines []string) string {
	_, d := disagreementAt(t, lines)
	return d
}

// kernelHere is the kernel that runs, or skips the test where there is none to be had.
func kernelHere(t *testing.T) *live.Kernel {
	t.Helper()
	k, err := live.New(live.Config{})
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skipf("not compared with the running kernel: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// disagreementAt is disagreement that says at which command.
func disagreementAt(t *testing.T, lines []string) (int, string) {
	t.Helper()
	k := kernelHere(t)
	l, err := lab.New(lab.Config{Quirks: quirksOf(t, k), NoVLANFiltering: !k.VLANFiltering()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(k.Close(), l.Close()); err != nil {
			t.Error(err)
		}
	}()
	for i, line := range lines {
		if d, ok := compared(t, k, l, line); d != "" || !ok {
			return i, d
		}
	}
	return len(lines), ""
}

// profileOf is the profile that says what a release of the kernel does; of what lies
// between 6.1 and 6.13 none does.
func profileOf(release string) string {
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		return ""
	}
	switch {
	case major == 6 && minor == 1:
		return "linux-6.1"
	case major > 6, major == 6 && minor >= 13:
		return "linux"
	}
	return ""
}

// quirksOf are those that the running kernel has.
func quirksOf(t *testing.T, k *live.Kernel) lab.Quirks {
	t.Helper()
	profile := *liveQuirks
	if profile == "" {
		release, err := k.Release()
		if err != nil {
			t.Fatal(err)
		}
		if profile = profileOf(release); profile == "" {
			t.Skipf("no profile says what Linux %s does", release)
		}
	}
	quirks, err := lab.ParseQuirks(profile)
	if err != nil {
		t.Fatal(err)
	}
	return quirks
}

// compared executes one command on both. It is false if that was not possible.
func compared(t *testing.T, k *live.Kernel, l *lab.Lab, line string) (string, bool) {
	t.Helper()
	want, err := k.Exec(line)
	var unsupported *live.Unsupported
	if errors.As(err, &unsupported) {
		return "", false
	}
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	got, err := inLab(t, l, line)
	if err != nil {
		return fmt.Sprintf("%s:\n  kernel %q\n     lab %v", line, want, err), true
	}
	if !slices.Equal(want, got) {
		return fmt.Sprintf("%s:\n  kernel %q\n     lab %q", line, want, got), true
	}
	want = k.Events()
	got, err = inLab(t, l, "lab events fdb")
	if err != nil {
		t.Fatal(err)
	}
	if k.VLANFiltering() && manyAtOnce(line) {
		slices.Sort(want)
		slices.Sort(got)
	}
	// What making a bridge with an address tells of before the address is set is no
	// part of the language.
	if !slices.Equal(want, got) && !strings.HasPrefix(line, "lab bridge") {
		return fmt.Sprintf("notifications of %s:\n  kernel %s\n     lab %s", line, strings.Join(want, "\n         "), strings.Join(got, "\n         ")), true
	}
	want, err = k.Dump()
	if err != nil {
		t.Fatal(err)
	}
	got, err = inLab(t, l, "bridge -j fdb show")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(want, got) {
		return fmt.Sprintf("tables after %s:\n%s", line, strings.Join(unequal(want, got), "\n")), true
	}
	return comparedVLANs(t, k, l, line), true
}

// comparedVLANs compares the VLANs of all ports after a command.
func comparedVLANs(t *testing.T, k *live.Kernel, l *lab.Lab, line string) string {
	t.Helper()
	if !k.VLANFiltering() {
		return ""
	}
	want, err := k.VLANs()
	if err != nil {
		t.Fatal(err)
	}
	got, err := inLab(t, l, "bridge -j vlan show")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(want, got) {
		return fmt.Sprintf("VLANs after %s:\n%s", line, strings.Join(unequal(want, got), "\n"))
	}
	return ""
}

func inLab(t *testing.T, l *lab.Lab, line string) ([]string, error) {
	out, err := l.Exec(t.Context(), line)
	if err != nil || out == "" {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(out, "\n"), "\n"), nil
}

// manyAtOnce reports whether a command may delete several entries. In which order Linux
// does has been compared on kernels without VLANs only.
func manyAtOnce(line string) bool {
	w := strings.Fields(line)
	return slices.ContainsFunc(w, func(s string) bool {
		switch s {
		case "flush", "fdb_flush", "down", "master", "nomaster", "netns", "vlan_default_pvid":
			return w[0] != "bridge" || w[2] == "flush"
		}
		return false
	}) || w[0] == "ip" && w[2] == "del" || w[0] == "bridge" && w[1] == "vlan"
}

// unequal are the lines that only one of two has.
func unequal(want, got []string) []string {
	var out []string
	for _, line := range want {
		if !slices.Contains(got, line) {
			out = append(out, "  kernel only "+line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			out = append(out, "  lab only    "+line)
		}
	}
	if out == nil {
		out = append(slices.Concat([]string{"  kernel"}, want, []string{"  lab"}), got...)
	}
	return append(out, fmt.Sprintf("  kernel %d rows, lab %d", len(want), len(got)))
}
