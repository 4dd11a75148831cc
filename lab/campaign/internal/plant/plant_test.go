package plant

import (
	"math/rand/v2"
	"testing"

	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
)

// TestEveryOperationIsDrawn: no operation has become impossible, and none lacks
// a name of its own.
func TestEveryOperationIsDrawn(t *testing.T) {
	seen := make(map[string]int)
	var names []string
	for seed := range uint64(25) {
		r := sim.Run(seed, func(w *sim.World) {
			Build(w)
		}, sim.Options{Hours: 0.05})
		if r.Violation != nil {
			t.Fatalf("seed %d: %v", seed, r.Violation)
		}
		for _, s := range r.Program.Steps {
			seen[s.Op]++
		}
	}
	for _, op := range new(Plant).Ops() {
		names = append(names, op.Name)
		if seen[op.Name] == 0 {
			t.Errorf("%s is never drawn", op.Name)
		}
	}
	if len(names) < 30 {
		t.Errorf("only %v", names)
	}
}

func TestIndexTakesAnything(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		if i := index(r.Int64()-r.Int64(), 7); i < 0 || i > 6 {
			t.Fatal(i)
		}
	}
}

func TestPortsOfAreThoseOfTheBits(t *testing.T) {
	if got := portsOf(0b1011, 3); len(got) != 2 || got[0] != 1 || got[1] != 2 {
		t.Error(got)
	}
	if got := portsOf(0, 3); got == nil || len(got) != 0 {
		t.Errorf("%#v is every port", got)
	}
}
