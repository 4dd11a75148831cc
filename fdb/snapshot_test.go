package fdb

import (
	"maps"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// TestSnapshotReadsWhatAllYields: each entry once, the same as Lookup shows it, whatever
// the room; and neither allocates for an entry.
func TestSnapshotReadsWhatAllYields(t *testing.T) {
	for _, n := range []int{0, 1, 300, 5000} {
		b := newBench(t, Config{Learning: Learning{Pending: -1}})
		for i := range n {
			b.Learn(stationKey(i*7919), switchdev.PortID(1+i%5))
		}
		for i := range min(n, 40) {
			f := []Flags{Static, Extern | Notify, Sticky, Permanent}[i%4]
			b.must(b.SubmitReplace(Entry{Key: stationKey(i * 7919), Port: switchdev.PortID(1 + i%3), Flags: f}))
		}
		b.pass(0)
		b.Destination(stationKey(0))
		b.through(DefaultAgeing / 2)
		snap := b.Snapshot()
		want := make(map[Key]Entry)
		for e := range snap.All() {
			if _, twice := want[e.Key]; twice {
				t.Fatalf("All yields %v twice", e.Key)
			}
			want[e.Key] = e
			if one, ok := snap.Lookup(e.Key); !ok || one != e {
				t.Fatalf("Lookup shows %+v, All %+v", one, e)
			}
		}
		if len(want) != snap.Len() || len(want) != n {
			t.Fatalf("All yields %d of %d, %d", len(want), snap.Len(), n)
		}
		for _, room := range []int{1, 3, 64, 511, 512, 1024, 100_000} {
			got := make(map[Key]Entry)
			dst := make([]Entry, room)
			read := 0
			for at, more := (Place{}), true; more; {
				var some int
				some, at, more = snap.Read(at, dst)
				read += some
				for _, e := range dst[:some] {
					got[e.Key] = e
				}
			}
			if read != n || !maps.Equal(got, want) {
				t.Errorf("with room for %d: read %d, of which %d differ", room, read, len(got))
			}
		}
		if some, _, more := snap.Read(Place{}, nil); some != 0 || !more {
			t.Errorf("Read into nothing: %d, %v", some, more)
		}
		if raceEnabled {
			continue
		}
		dst := make([]Entry, 1024)
		if got := testing.AllocsPerRun(20, func() { snap.Read(Place{}, dst) }); got != 0 {
			t.Errorf("Read allocates %v times", got)
		}
	}
}
