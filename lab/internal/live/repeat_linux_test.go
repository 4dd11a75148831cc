package live

import (
	"errors"
	"flag"
	"slices"
	"testing"
)

var repeats = flag.Int("repeats", 5, "sequences that are executed twice on the running kernel")

// TestKernelIsRepeatable: the same sequence has the same output on two kernels, or
// what is compared with a model would depend on chance. What a dump shows is what
// the tool shows.
func TestKernelIsRepeatable(t *testing.T) {
	for seed := range uint64(*repeats) {
		one, two := kernel(t), kernel(t)
		for _, line := range Program(seed, 30) {
			a, err1 := one.Exec(line)
			b, err2 := two.Exec(line)
			var unsupported *Unsupported
			if errors.As(err1, &unsupported) && errors.As(err2, &unsupported) {
				break // the kernel has refused what made the rest make sense
			}
			if err1 != nil || err2 != nil {
				t.Fatalf("seed %d: %s: %v, %v", seed, line, err1, err2)
			}
			if ea, eb := sorted(one.Events()), sorted(two.Events()); !slices.Equal(a, b) || !slices.Equal(ea, eb) {
				t.Errorf("seed %d: %s:\n%q\n%q\n%q\n%q", seed, line, a, b, ea, eb)
			}
		}
		dump, err := one.Dump()
		if err != nil {
			t.Fatal(err)
		}
		exec1(t, one, "bridge -j fdb show", dump...)
	}
}

func sorted(in []string) []string {
	slices.Sort(in)
	return in
}
