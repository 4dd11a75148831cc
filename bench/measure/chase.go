package measure

import (
	"math/bits"
	"math/rand/v2"
)

// line is a cache line that holds the number of another one.
type line struct {
	next uint64
	_    [7]uint64
}

// Chase is a walk through memory in which every load needs the one before: what
// one access costs at the least when nothing can be overlapped.
type Chase struct {
	lines []line
	at    uint64
}

// NewChase returns a walk over so many bytes, rounded up to a power of two, a
// cache line at a time, in random order, that comes back to its beginning after
// the last.
func NewChase(size int) *Chase {
	c := &Chase{lines: make([]line, 1<<bits.Len(uint(max(size/64, 2)-1)))}
	for i := range c.lines {
		c.lines[i].next = uint64(i)
	}
	// Sattolo's shuffle makes one cycle of all.
	r := rand.New(rand.NewPCG(1, 2))
	for i := len(c.lines) - 1; i > 0; i-- {
		j := r.IntN(i)
		c.lines[i].next, c.lines[j].next = c.lines[j].next, c.lines[i].next
	}
	return c
}

// Dependent follows the chain for n steps and returns nanoseconds a step.
func (c *Chase) Dependent(n int) float64 {
	c.follow(min(n, len(c.lines)))
	return PerOp(n, func() { c.follow(n) })
}

func (c *Chase) follow(n int) {
	at, mask := c.at, uint64(len(c.lines)-1)
	for range n {
		at = c.lines[at&mask].next
	}
	c.at = at
}

// Independent loads n lines in random order, none of which needs another, and
// returns nanoseconds a load.
func (c *Chase) Independent(n int) float64 {
	x, sum, mask := uint64(1), uint64(0), uint64(len(c.lines)-1)
	ns := PerOp(n, func() {
		for range n {
			x = x*6364136223846793005 + 1442695040888963407
			sum += c.lines[x>>33&mask].next
		}
	})
	c.at = (c.at + sum&1) & mask // so that no load may be left out
	return ns
}
