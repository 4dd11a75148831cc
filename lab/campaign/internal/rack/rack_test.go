package rack

import (
	"testing"

	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
)

// TestEveryOperationIsDrawn: no operation has become impossible, and none lacks a name
// of its own.
func TestEveryOperationIsDrawn(t *testing.T) {
	seen := make(map[string]int)
	faults := make(map[string]int)
	for seed := range uint64(60) {
		r := sim.Run(seed, Build, sim.Options{Hours: 0.05})
		if r.Violation != nil {
			t.Fatalf("seed %d: %v", seed, r.Violation)
		}
		for _, s := range r.Program.Steps {
			seen[s.Op]++
		}
		for f, n := range r.Faults {
			faults[f] += n
		}
	}
	names := make(map[string]bool)
	for _, op := range (&Rack{}).Ops() {
		if seen[op.Name] == 0 || names[op.Name] {
			t.Errorf("%s is never drawn, or twice", op.Name)
		}
		names[op.Name] = true
	}
	for _, f := range []string{"parked driver", "driver panic", "leak", "refusal"} {
		if faults[f] == 0 {
			t.Errorf("no %s", f)
		}
	}
}

// TestSameSeedIsTheSameRun compares all that happened.
func TestSameSeedIsTheSameRun(t *testing.T) {
	for seed := range uint64(5) {
		o := sim.Options{Hours: 0.05, Trace: true}
		if a, b := sim.Run(seed, Build, o), sim.Run(seed, Build, o); string(a.Trace) != string(b.Trace) {
			t.Errorf("seed %d is not the same run twice", seed)
		}
	}
}
