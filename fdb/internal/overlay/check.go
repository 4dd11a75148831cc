package overlay

import (
	"errors"
	"fmt"
	"slices"

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
	if d.sealed != nil {
		d.sealed.each(func(s station) {
			_, due := slices.BinarySearch(t.left, s.key)
			c.that(due, "sealed: %x is not to be applied", s.key)
		})
	}
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
	g.each(func(s station) {
		for r := s.last; r != nil; r = r.older {
			n++
			c.live[s.key] = append(c.live[s.key], r)
			c.that(r.key == s.key, "%s: record of %x under %x", name, r.key, s.key)
			c.that(r.older == nil || r.older.seq < r.seq, "%s: records of %x out of order", name, r.key)
			c.that(r.cell.word.Load() == r.word(), "%s: readers see another record of %x", name, r.key)
			c.that(r.seq <= c.t.seq, "%s: number of %x from the future", name, r.key)
		}
	})
	c.that(n == g.live, "%s: %d records counted as %d", name, n, g.live)
}

func (c *checker) main() {
	learned := 0
	c.t.main.Scan(cam.Cursor{}, 0, func(k cam.Key, r cam.Ref) bool {
		_, busy := c.t.busy[k]
		mark := r.Hot()&marked != 0
		c.that(mark == (busy || len(c.live[k]) > 0), "%x: marked %v, busy %v, %d records", k, mark, busy, len(c.live[k]))
		c.that(r.Hot()&(settled|gone) == 0, "%x: left settled", k)
		c.that(r.Seq() <= c.t.seq, "%x: number from the future", k)
		learned += count(r.Hot())
		return true
	})
	c.that(learned == c.t.learned, "%d learned counted as %d", learned, c.t.learned)
	c.reserved()
}

// reserved checks that room is kept once for a key, for none whose entry counts
// already, and for every station that is only pending.
func (c *checker) reserved() {
	kept := map[cam.Key]int{}
	for k, recs := range c.live {
		for _, r := range recs {
			if r.reserves {
				kept[k]++
			}
		}
	}
	for k, b := range c.t.busy {
		if b.reserves {
			kept[k]++
		}
	}
	for k, n := range kept {
		c.that(n == 1 && !counts(c.t.entry(k).Hot), "%x: room is kept %d times", k, n)
	}
	for k := range c.live {
		c.that(kept[k] > 0 || c.t.entry(k).Hot != 0, "%x: no room is kept", k)
	}
	c.that(len(kept) == c.t.reserved, "%d reserved counted as %d", len(kept), c.t.reserved)
}
