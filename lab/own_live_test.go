package lab

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/lab/internal/live"
)

// TestOwnTranscriptsOnTheRunningKernel holds the expectations in testdata/own against the
// kernel that runs: those that need neither VLANs of the bridge nor a switching device, and
// no time. Entries in VLAN 1 are left out, which kernels without VLAN filtering do not make.
func TestOwnTranscriptsOnTheRunningKernel(t *testing.T) {
	all := transcripts(t, ownDir, "*.txt")
	ran := 0
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if steps, ok := withoutVLANs(all[name]); ok {
			ran++
			t.Run(name, func(t *testing.T) { onKernel(t, steps) })
		}
	}
	if ran < 8 {
		t.Errorf("only %d transcripts could be executed", ran)
	}
}

// withoutVLANs is a transcript as it would be on a kernel without VLAN filtering; false if
// that is not possible, or if time has to pass.
func withoutVLANs(tr *Transcript) (steps []Step, ok bool) {
	for _, s := range tr.Steps {
		if strings.HasPrefix(s.Command, "bridge vlan del vid 1 ") {
			continue
		}
		for _, word := range []string{"lab switch", "lab wait", "bridge vlan", "bridge -j vlan", "vlan_"} {
			if strings.Contains(s.Command, word) {
				return nil, false
			}
		}
		s.Output = slices.DeleteFunc(slices.Clone(s.Output), func(line string) bool { return strings.Contains(line, `"vlan":1,`) })
		steps = append(steps, s)
	}
	return steps, true
}

func onKernel(t *testing.T, steps []Step) {
	k, err := live.New(live.Config{})
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skipf("not compared with the running kernel: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	for _, s := range steps {
		out, err := k.Exec(s.Command)
		if err != nil {
			t.Fatalf("line %d: %s: %v", s.Line, s.Command, err)
		}
		if d := (Difference{s.Line, s.Command, s.Output, out}); !slices.Equal(d.Want, d.Got) {
			t.Error(d)
		}
	}
}
