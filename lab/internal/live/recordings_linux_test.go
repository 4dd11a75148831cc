package live

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// recordings are those of an older kernel.
const recordings = "../../testdata/linux-6.1/fdb"

// step is a command of a recording and its output.
type step struct {
	line   int
	cmd    string
	output []string
}

func readSteps(t *testing.T, file string) []step {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	open := false
	for i, line := range strings.Split(string(text), "\n") {
		cmd, ok := strings.CutPrefix(line, "$ ")
		switch {
		case ok:
			steps = append(steps, step{line: i + 1, cmd: cmd})
			open = true
		case line == "" || strings.HasPrefix(line, "#"):
			open = false
		case open:
			last := &steps[len(steps)-1]
			last.output = append(last.output, line)
		}
	}
	return steps
}

// withoutVLAN1 leaves out what a kernel without VLAN filtering does not have.
func withoutVLAN1(in []string) []string {
	return slices.DeleteFunc(slices.Clone(in), func(line string) bool { return strings.Contains(line, `"vlan":1,`) })
}

// beyondReason says why a recording cannot be had, or "". Without VLAN filtering that a
// port is taken out of VLAN 1 is what it has anyway.
func beyondReason(steps []step, vlans bool) string {
	for _, s := range steps {
		w, err := words(s.cmd)
		if err != nil {
			return err.Error()
		}
		if why := beyond(w); why != "" && !vlans && !strings.HasPrefix(s.cmd, leavesVLAN1) {
			return why
		}
		if w[0] == "lab" && w[1] == "wait" && testing.Short() {
			return "it waits, and the test is to be short"
		}
	}
	return ""
}

const leavesVLAN1 = "bridge vlan del vid 1 dev p"

// knownChanges are the steps at which a newer kernel answers otherwise than 6.1, by
// recording and command, and why. An older kernel need not.
func knownChanges() map[string]string {
	const (
		echo    = "an entry on the bridge device is told once and no more"
		delVLAN = "a delete does not ask whether the port is in the VLAN"
		policy  = "the VLAN of a flush is checked before the bridge is asked"
	)
	return map[string]string{
		"020-bridge-device 17":       echo,
		"020-bridge-device 30":       echo,
		"021-delete 9":               delVLAN,
		"036-flush-errors 5":         policy,
		"036-flush-errors 15":        policy,
		"024-vlan-fanout-unaware 17": "there is no entry in VLAN 1 that is left to delete",
	}
}

// TestRecordingsOnTheRunningKernel says where the running kernel does something
// else than the one that was recorded, Linux 6.1. Where VLAN filtering is not built in
// VLAN 1 is left out, which the recorded kernel gives every port.
func TestRecordingsOnTheRunningKernel(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(recordings, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s: %v", recordings, err)
	}
	k := kernel(t) // or skip
	known := knownChanges()
	switch release, err := k.Release(); {
	case err != nil:
		t.Fatal(err)
	case strings.HasPrefix(release, "6.1."):
		known = nil
	case k.VLANFiltering():
		t.Skipf("what Linux %s does otherwise with VLANs is not known", release)
	}
	results := make([]chan any, len(files))
	var waiting []func()
	for i, file := range files {
		results[i] = make(chan any, 1)
		steps := readSteps(t, file)
		run := func() { results[i] <- replay(steps, k.VLANFiltering()) }
		if slices.ContainsFunc(steps, func(s step) bool { return strings.HasPrefix(s.cmd, "lab wait ") }) {
			waiting = append(waiting, run)
		} else {
			run()
		}
	}
	for _, run := range waiting { // all at once: they wait most of the time
		go run()
	}
	for i, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			switch r := (<-results[i]).(type) {
			case string:
				t.Skip(r)
			case error:
				t.Fatal(r)
			case []difference:
				for _, d := range r {
					if why := known[fmt.Sprint(name, " ", d.line)]; why != "" {
						t.Logf("as is known, %s: %s", why, d)
					} else {
						t.Error(d)
					}
				}
			}
		})
	}
}

// difference is a step whose output is another one here.
type difference struct {
	step
	running []string
}

func (d difference) String() string {
	return fmt.Sprintf("line %d: %s\n recorded %q\n  running %q", d.line, d.cmd, d.output, d.running)
}

// replay returns the differences, an error, or why it was not done.
func replay(steps []step, vlans bool) (result any) {
	if why := beyondReason(steps, vlans); why != "" {
		return why
	}
	k, err := New(Config{})
	if err != nil {
		return err
	}
	defer func() {
		if err := k.Close(); err != nil {
			result = err
		}
	}()
	var differences []difference
	for _, s := range steps {
		if !vlans {
			if strings.HasPrefix(s.cmd, leavesVLAN1) {
				continue
			}
			s.output = withoutVLAN1(s.output)
		}
		got, err := k.Exec(s.cmd)
		if err != nil {
			return fmt.Errorf("line %d: %w", s.line, err)
		}
		if !slices.Equal(got, s.output) {
			differences = append(differences, difference{s, got})
		}
	}
	return differences
}
