package lab_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/lab"
	"github.com/switchcore/switchcore/lab/internal/live"
)

var (
	liveSwitch          = flag.String("live.switch", "", "where the monitor of the machine answers whose switch is to be compared with the lab's; a machine without one has none")
	liveSwitchSequences = flag.Int("live.switch.sequences", 20, "random sequences that are executed on the switch of the lab and on that of the machine")
	liveShrink          = flag.Bool("live.switch.shrink", false, "shorten the sequences that show a difference, which takes minutes for each")
)

// switched makes the machine's kernel with its switch.
func switched(t *testing.T) *live.Kernel {
	t.Helper()
	if *liveSwitch == "" {
		t.Skip("not compared with a switch: no -live.switch")
	}
	k, err := live.New(live.Config{Switch: *liveSwitch, Timeout: time.Minute})
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skipf("not compared with a switch: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestLiveSwitchDoesAsRecorded holds the machine's switch to the recordings of one, and to
// the expectations in testdata/own that need a switch: the machine is like the one that was
// recorded.
func TestLiveSwitchDoesAsRecorded(t *testing.T) {
	var files []string
	for _, pattern := range []string{"testdata/linux-6.1/offload/*.txt", "testdata/own/hw-*.txt"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 16 {
		t.Fatalf("%d recordings", len(files))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer text.Close()
			tr, err := lab.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			onSwitch(t, tr.Steps)
		})
	}
}

func onSwitch(t *testing.T, steps []lab.Step) {
	k := switched(t)
	defer func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, s := range steps {
		out, err := k.Exec(s.Command)
		if err != nil {
			t.Fatalf("line %d: %s: %v", s.Line, s.Command, err)
		}
		if !slices.Equal(out, s.Output) {
			t.Error(lab.Difference{Line: s.Line, Command: s.Command, Want: s.Output, Got: out})
		}
	}
}

// TestLiveSwitchAndLabAgree executes random sequences on the switch of the lab and on that
// of the machine, and wants the same output of every command, and the same notifications,
// tables and rows of the device after it.
func TestLiveSwitchAndLabAgree(t *testing.T) {
	failed := 0
	for seed := *liveSeed; seed < *liveSeed+uint64(*liveSwitchSequences); seed++ {
		lines := live.SwitchProgram(seed, *liveLength)
		at, d := switchDisagreement(t, lines)
		if d == "" {
			continue
		}
		failed++
		if *liveShrink && failed <= 30 {
			lines = live.Shrink(lines[:at+1], func(l []string) bool {
				_, d := switchDisagreement(t, l)
				return d != ""
			})
			at, d = switchDisagreement(t, lines)
		}
		t.Errorf("seed %d:\n%s\n%s", seed, strings.Join(lines[:at+1], "\n"), d)
	}
	t.Logf("%d of %d sequences disagree", failed, *liveSwitchSequences)
}

// TestLiveSwitchAndLabAgreeOnWhatWasFound executes the sequences that random ones have once
// shown a difference in.
func TestLiveSwitchAndLabAgreeOnWhatWasFound(t *testing.T) {
	for name, lines := range map[string][]string{
		"looked up before it is learned": {"lab switch br0 ports s1 s2", "lab send h1 02:aa:00:00:00:01 02:aa:00:00:00:01"},
		"tags where none are filtered":   {"lab switch br0 ports s1 s2", "lab send h1 02:aa:00:00:00:01 ff:ff:ff:ff:ff:ff vlan 10", "lab send h1 02:aa:00:00:00:01 ff:ff:ff:ff:ff:ff vlan 1"},
		"one VLAN for two bridges":       {"lab switch br0 vlan_filtering 1 ports s1 s2", "lab switch br1 ports s3", "lab send h1 02:aa:00:00:00:01 ff:ff:ff:ff:ff:ff vlan 1"},
		"one port is disabled":           {"lab switch br0 ports s1 s2 s3", "bridge link set dev s2 state 0", "lab send h1 02:aa:00:00:00:01 ff:ff:ff:ff:ff:ff"},
		"one port is taken down":         {"lab switch br0 ports s1 s2 s3 p5", "ip link set dev s2 down", "lab send h1 02:aa:00:00:00:01 ff:ff:ff:ff:ff:ff"},
		"a port that learns sends":       {"lab switch br0 ports s1 s2", "bridge link set dev s2 state 2", "lab send h1 02:aa:00:00:00:01 ff:ff:ff:ff:ff:ff"},
		"blocked for a moment":           {"lab switch br0 ports s1 s2", "lab send h1 02:aa:00:00:00:01 ff:ff:ff:ff:ff:ff", "bridge link set dev s1 state 4"},
		"an own address is heard":        {"lab switch br0 ports s1 s2", "lab send h2 02:00:00:00:00:01 ff:ff:ff:ff:ff:ff"},
		"a frame moves a user's entry":   {"lab switch br0 ports s1 s2", "bridge fdb add 02:aa:00:00:00:01 dev s1 master static", "lab send h2 02:aa:00:00:00:01 ff:ff:ff:ff:ff:ff"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, d := switchDisagreement(t, lines); d != "" {
				t.Error(d)
			}
		})
	}
}

// switchDisagreement executes the commands on both, and says what the first difference is,
// and at which; "" if there is none, or no switch.
func switchDisagreement(t *testing.T, lines []string) (at int, d string) {
	t.Helper()
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "lab switch ") {
		return 0, ""
	}
	k := switched(t)
	l, err := lab.New(lab.Config{Quirks: lab.Linux61})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(k.Close(), l.Close()); err != nil {
			t.Error(err)
		}
	}()
	for at, line := range lines {
		if d := switchCompared(t, k, l, line); d != "" {
			return at, d
		}
	}
	return 0, ""
}

// switchCompared executes one command on both.
func switchCompared(t *testing.T, k *live.Kernel, l *lab.Lab, line string) string {
	t.Helper()
	want, err := k.Exec(line)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	got, err := inLab(t, l, line)
	if err != nil {
		return fmt.Sprintf("%s:\n  kernel %q\n     lab %v", line, want, err)
	}
	if !slices.Equal(want, got) {
		return fmt.Sprintf("%s:\n  kernel %q\n     lab %q", line, want, got)
	}
	want = k.Events()
	if got, err = inLab(t, l, "lab events fdb"); err != nil {
		t.Fatal(err)
	}
	if manyAtOnce(line) {
		slices.Sort(want)
		slices.Sort(got)
	}
	made := strings.HasPrefix(line, "lab switch") || strings.HasPrefix(line, "lab bridge")
	if !slices.Equal(want, got) && !made {
		return fmt.Sprintf("notifications of %s:\n  kernel %s\n     lab %s", line, strings.Join(want, "\n         "), strings.Join(got, "\n         "))
	}
	for _, table := range []string{"bridge -j fdb show", "lab hw sw1"} {
		if table == "lab hw sw1" {
			want, err = k.Exec(table)
		} else {
			want, err = k.Dump()
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err = inLab(t, l, table); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(want, got) {
			return fmt.Sprintf("%s after %s:\n%s", table, line, strings.Join(unequal(want, got), "\n"))
		}
	}
	return ""
}
