package overlay

import (
	"errors"
	"fmt"

	"github.com/switchcore/switchcore/fdb/internal/cam"
)

// Check returns what is inconsistent between the main table, the records, the
// marks and the counts, nil if nothing is. It walks everything. Serialised; a
// learn meanwhile does no harm.
func (t *Table) Check() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.desc.Load()
	c := checker{t: t, live: map[cam.Key][]*record{}}
	c.generation("open", d.open)
	c.generation("sealed", d.sealed)
	for i, f := range d.flushes {
		c.that(i == 0 || d.flushes[i-1].seq < f.seq, "flushes out of order")
	}
	c.that(len(d.flushes) == len(d.active)+len(d.held), "flushes lost")
	c.main()
	sum := Counters{}
	for _, page := range t.counts {
		for i := 0; page != nil && i < len(page); i++ {
			sum.add(&page[i])
		}
	}
	c.that(sum.Accepted == sum.Applied+sum.Coalesced+sum.Superseded+sum.Rejected+uint64(d.live()),
		"not conserved: %+v with %d live", sum, d.live())
	return errors.Join(c.errs...)
}

type checker struct {
	t    *Table
	live map[cam.Key][]*record
	errs []error
}

func (c *checker) that(ok bool, format string, args ...any) {
	if !ok {
		c.errs = append(c.errs, fmt.Errorf("overlay: "+format, args...))
	}
}

func (c *checker) generation(name string, g *generation) {
	if g == nil {
		return
	}
	n := 0
	g.tree.Ascend(func(s station) bool {
		for r := s.last; r != nil; r = r.older {
			n++
			c.live[s.key] = append(c.live[s.key], r)
			c.that(r.key == s.key, "%s: record of %x under %x", name, r.key, s.key)
			c.that(r.older == nil || r.older.seq < r.seq, "%s: records of %x out of order", name, r.key)
			c.that(r.cell.word.Load() == r.word(), "%s: readers see another record of %x", name, r.key)
			c.that(r.seq <= c.t.seq, "%s: number of %x from the future", name, r.key)
		}
		return true
	})
	c.that(n == g.live, "%s: %d records counted as %d", name, n, g.live)
}

func (c *checker) main() {
	learned, reserved := 0, 0
	c.t.main.Scan(cam.Cursor{}, 0, func(k cam.Key, r cam.Ref) bool {
		_, busy := c.t.busy[k]
		mark := r.Hot()&marked != 0
		c.that(mark == (busy || len(c.live[k]) > 0), "%x: marked %v, busy %v, %d records", k, mark, busy, len(c.live[k]))
		c.that(r.Hot()&(settled|gone) == 0, "%x: left settled", k)
		c.that(r.Seq() <= c.t.seq, "%x: number from the future", k)
		learned += count(r.Hot())
		return true
	})
	for k := range c.live {
		if !counts(c.t.entry(k).Hot) {
			reserved++
		}
	}
	c.that(learned == c.t.learned, "%d learned counted as %d", learned, c.t.learned)
	c.that(reserved == c.t.reserved, "%d reserved counted as %d", reserved, c.t.reserved)
}
