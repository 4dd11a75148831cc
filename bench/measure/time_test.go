package measure

import (
	"sync/atomic"
	"testing"
)

// TestChaseVisitsEveryLine: a chain that came back too early would measure a
// smaller memory than it says.
func TestChaseVisitsEveryLine(t *testing.T) {
	for _, size := range []int{0, 64, 4096, 5000, 1 << 16} {
		c := NewChase(size)
		seen := map[uint64]bool{}
		at := uint64(0)
		for !seen[at] {
			seen[at] = true
			at = c.lines[at].next
		}
		if len(seen) != len(c.lines) || at != 0 || len(c.lines)*64 < size {
			t.Errorf("over %d bytes: a circle of %d of %d lines, back at %d", size, len(seen), len(c.lines), at)
		}
	}
}

func TestClocksMove(t *testing.T) {
	c := NewChase(1 << 16)
	if ns := c.Dependent(1 << 16); ns <= 0 || ns > 1e6 {
		t.Errorf("a load took %v ns", ns)
	}
	if ns := c.Independent(1 << 16); ns <= 0 || ns > 1e6 {
		t.Errorf("a load took %v ns", ns)
	}
	if ns := PerOpAll(1, func() { c.Dependent(1 << 16) }); ns <= 0 {
		t.Errorf("all threads together took %v ns", ns)
	}
}

func TestBesideEndsTheOther(t *testing.T) {
	var first, second atomic.Bool
	Beside(func() { first.Store(true) }, func(done <-chan struct{}) {
		<-done
		second.Store(first.Load())
	})
	if !second.Load() {
		t.Error("the second was not told that the first has ended")
	}
	var runs atomic.Int32
	if ns := Both(1, func() { runs.Add(1) }); runs.Load() != 2 || ns < 0 {
		t.Errorf("Both ran %d times in %v ns", runs.Load(), ns)
	}
}
