package yard

import (
	"testing"

	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
)

// TestEveryOperationIsDrawn: no operation has become impossible, and none lacks a
// name of its own.
func TestEveryOperationIsDrawn(t *testing.T) {
	seen := make(map[string]int)
	for seed := range uint64(60) {
		r := sim.Run(seed, Build, sim.Options{Hours: 0.05})
		if r.Violation != nil {
			t.Fatalf("seed %d: %v", seed, r.Violation)
		}
		for _, s := range r.Program.Steps {
			seen[s.Op]++
		}
	}
	names := make(map[string]bool)
	for _, op := range new(Yard).Ops() {
		if seen[op.Name] == 0 || names[op.Name] {
			t.Errorf("%s is never drawn, or twice", op.Name)
		}
		names[op.Name] = true
	}
	if len(names) < 45 {
		t.Errorf("only %v", names)
	}
}

func TestNumbersAreApart(t *testing.T) {
	y := &Yard{set: settings{software: 9}}
	for i := range 2 {
		c := &chip{index: i, y: y}
		for n := range 9 {
			c.ports = append(c.ports, y.socket(i, n))
		}
		y.chips = append(y.chips, c)
	}
	seen := make(map[any]bool)
	for _, id := range y.numbers() {
		if seen[id] {
			t.Errorf("%v is two", id)
		}
		seen[id] = true
		c := y.chipOf(id)
		if (c != nil) != (id < softwareFrom) || isGroup(id) && c != nil && int(id-1)%span < 9 {
			t.Errorf("%v is of the chip %v", id, c)
		}
	}
}
