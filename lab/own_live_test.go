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
// kernel that runs: those that need no switching device and no time. Where VLAN filtering is
// not built in also none that need VLANs, and entries in VLAN 1 are left out, which such
// kernels do not make.
func TestOwnTranscriptsOnTheRunningKernel(t *testing.T) {
	all := transcripts(t, ownDir, "*.txt")
	ran, vlans := 0, filtersVLANs(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if steps, ok := executable(all[name], vlans); ok {
			ran++
			t.Run(name, func(t *testing.T) { onKernel(t, steps) })
		}
	}
	if ran < 8 {
		t.Errorf("only %d transcripts could be executed", ran)
	}
}

// filtersVLANs reports whether VLAN filtering is built into the running kernel.
func filtersVLANs(t *testing.T) bool {
	k, err := live.New(live.Config{})
	if err != nil {
		t.Skipf("not compared with the running kernel: %v", err)
	}
	defer k.Close()
	release, err := k.Release()
	if err != nil {
		t.Fatal(err)
	}
	if k.VLANFiltering() && !strings.HasPrefix(release, "6.1.") {
		t.Skipf("what VLANs have to do with is expected of Linux 6.1 and not of %s", release)
	}
	return k.VLANFiltering()
}

// executable is a transcript as it would be on the running kernel; false if that is not
// possible, or if time has to pass.
func executable(tr *Transcript, vlans bool) (steps []Step, ok bool) {
	beyond := []string{"lab switch", "lab wait"}
	if !vlans {
		beyond = append(beyond, "bridge vlan", "bridge -j vlan", "vlan_")
	}
	for _, s := range tr.Steps {
		if !vlans && strings.HasPrefix(s.Command, "bridge vlan del vid 1 ") {
			continue
		}
		for _, word := range beyond {
			if strings.Contains(s.Command, word) {
				return nil, false
			}
		}
		if !vlans {
			s.Output = slices.DeleteFunc(slices.Clone(s.Output), func(line string) bool { return strings.Contains(line, `"vlan":1,`) })
		}
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
