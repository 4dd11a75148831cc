//go:build !explore

package cam

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Cull removes what is selected from the whole table, segment by segment.
func (x *machine) Cull(t *rapid.T) {
	h, _ := x.entry(t)
	c := Cull{Final: rapid.Bool().Draw(t, "final"), Tally: Local}
	if rapid.Bool().Draw(t, "port") {
		c.Match = Match{Mask: PortMask, Want: h}
	}
	if rapid.Bool().Draw(t, "dynamic") {
		c.Match.Mask |= Static
	}
	if rapid.Bool().Draw(t, "old") {
		c.Match.Before = uint64(rapid.IntRange(0, int(x.tick)+1).Draw(t, "before"))
	}
	if rapid.Bool().Draw(t, "below") {
		c.Below = uint64(rapid.IntRange(0, int(x.seq)+1).Draw(t, "seq"))
	}
	spare := rapid.IntRange(0, 2).Draw(t, "spare")
	if spare > 0 {
		c.Spare = func(k Key, e Entry) bool {
			if w := x.m[k]; e.Cold != w.Cold || e.Hot != w.Hot&^Marks {
				t.Fatalf("asked about %x %x %+v, want %x %+v", k, e.Hot, e.Cold, w.Hot, w.Cold)
			}
			return k>>12&1 == 0
		}
	}
	gone, marked := map[Key]bool{}, map[Key]bool{}
	for k, w := range x.m {
		m := c.Match
		if !m.Selects(w.Hot) || c.Below != 0 && w.Seq >= c.Below || spare > 0 && k>>12&1 == 0 {
			continue
		}
		if w.Hot&Marks != 0 {
			marked[k] = true
		} else {
			gone[k] = true
		}
	}
	for cur := (Cursor{}); !cur.Done(); {
		any, _ := x.t.Any(cur, c.Match)
		before := c.Gone.Len() + len(c.Marked)
		cur = x.t.Cull(cur, &c)
		if !any && c.Gone.Len()+len(c.Marked) > before {
			t.Fatal("something was removed where there was nothing")
		}
	}
	local := 0
	for k, e := range c.Gone.All() {
		w := x.m[k]
		if !gone[k] || e != w {
			t.Fatalf("%x was removed as %+v, want %+v (%v)", k, e, w, gone[k])
		}
		if w.Has(Local) {
			local++
		}
		delete(gone, k)
		x.gone(k)
	}
	if c.Count != c.Gone.Len()-local {
		t.Fatalf("%d of %d counted, %d are local", c.Count, c.Gone.Len(), local)
	}
	for _, k := range c.Marked {
		if !marked[k] {
			t.Fatalf("%x is said to be in the way", k)
		}
	}
	for k := range marked {
		found := false
		for _, m := range c.Marked {
			found = found || m == k
		}
		if !found {
			t.Fatalf("%x is in the way, and nobody says so", k)
		}
	}
	if len(gone) > 0 {
		t.Fatalf("%d were not removed", len(gone))
	}
}

// Oldest finds the smallest stamp of what is selected.
func (x *machine) Oldest(t *rapid.T) {
	want := MaxStamp + 1
	for _, w := range x.m {
		if w.Hot&(Static|Local) == 0 {
			want = min(want, w.Stamp())
		}
	}
	got := MaxStamp + 1
	for cur := (Cursor{}); !cur.Done(); {
		var at uint64
		at, cur = x.t.Oldest(cur, Match{Mask: Static | Local})
		got = min(got, at)
	}
	if got != want {
		t.Fatalf("oldest %d, want %d", got, want)
	}
}

// What empties a table at once leaves no segments behind, and the table goes on.
func TestCulledTableShrinksAndGrowsAgain(t *testing.T) {
	x := New(Config{Seed: testSeed})
	const n = 20000
	for range 3 {
		for i := range n {
			x.Put(stationKey(i), MakeHot(1, 0, 1), Cold{Seq: 1})
		}
		s := x.Snapshot()
		c := Cull{Final: true}
		for cur := (Cursor{}); !cur.Done(); {
			cur = x.Cull(cur, &c)
		}
		if c.Gone.Len() != n || x.Len() != 0 || s.Len() != n {
			t.Fatalf("%d gone, %d left, %d in the snapshot", c.Gone.Len(), x.Len(), s.Len())
		}
		if st := x.Stats(); st.Segments != 1 || st.Live != 0 {
			t.Fatalf("an empty table has %+v", st)
		}
		for i := range n {
			if _, ok := s.Find(stationKey(i)); !ok {
				t.Fatal("the snapshot lost an entry")
			}
		}
	}
}

func BenchmarkCull(b *testing.B) {
	const n = 1 << 20
	for _, kind := range []string{"all", "port", "half"} {
		b.Run(kind, func(b *testing.B) {
			total, spent := 0, time.Duration(0)
			for range b.N {
				b.StopTimer()
				t := benchTable(n)
				c := Cull{Final: true}
				switch kind {
				case "port":
					c.Match = OnPort(7)
				case "half":
					c.Match = Match{Mask: 1 << portShift}
				}
				b.StartTimer()
				start := cpu()
				for cur := (Cursor{}); !cur.Done(); {
					any, next := t.Any(cur, c.Match)
					if any {
						next = t.Cull(cur, &c)
					}
					cur = next
				}
				spent += cpu() - start
				total += c.Gone.Len()
			}
			b.ReportMetric(float64(spent.Microseconds())/float64(b.N)/1000, "cpu-ms/flush")
			b.ReportMetric(float64(total)/float64(b.N), "gone")
		})
	}
}
