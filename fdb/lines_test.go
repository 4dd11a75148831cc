package fdb

import (
	"math/bits"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
)

// TestSnapshotShowsWhatAnEntryIs: what is read by the group is, field by field, what
// a single value makes, whatever the words hold, and nothing else is written.
func TestSnapshotShowsWhatAnEntryIs(t *testing.T) {
	for _, hold := range []time.Duration{NoLearning, time.Second, time.Minute, -1} {
		b := newBench(t, Config{Ageing: hold})
		b.through(30 * time.Second)
		rnd := rand.New(rand.NewPCG(1, uint64(hold)))
		main, want := cam.New(cam.Config{}), map[Key]overlay.Entry{}
		for i := range 500 {
			v := overlay.Entry{
				Hot: cam.MakeHot(uint16(rnd.Uint32()), cam.Hot(rnd.Uint64())&cam.FlagMask&^(cam.Marks|cam.Spare), rnd.Uint64N(2*b.clock.tick())),
				Cold: cam.Cold{
					Seq: rnd.Uint64N(cam.MaxSeq), Owner: uint8(rnd.Uint32N(16)), Offload: uint8(rnd.Uint32N(128)),
					Notify: rnd.Uint32()%2 == 0, Used: rnd.Uint64N(3) * rnd.Uint64N(1<<20) * cam.UsedUnit,
				},
			}
			if i%9 == 0 {
				v.Hot = v.WithStamp(0)
			}
			main.Put(camKey(stationKey(i)), v.Hot, v.Cold)
			want[stationKey(i)] = v
		}
		for i := range 50 {
			main.Delete(camKey(stationKey(i * 7)))
			delete(want, stationKey(i*7))
		}
		d := display{t: b.Table, limit: b.staleBefore()}
		snap, dst := main.Snapshot(), make([]Entry, cam.GroupSlots+1)
		seen := 0
		for at, more := 0, true; more; more = at != 0 {
			var g cam.Segment
			g, at = snap.Segment(at)
			for group := range cam.Groups {
				clear(dst)
				live := g.Live(group)
				n := d.show(dst, g, group*cam.GroupSlots, live)
				if n != bits.OnesCount64(live) || dst[n] != (Entry{}) {
					t.Fatalf("%d entries of %d, and then %+v", n, bits.OnesCount64(live), dst[n])
				}
				for _, e := range dst[:n] {
					v, ok := want[e.Key]
					if one := b.entry(camKey(e.Key), v); !ok || e != one {
						t.Fatalf("hold %v: shows\n%+v, is\n%+v", hold, e, one)
					}
					if e.Stale != (dynamic(v.Hot) && v.Stamp()+b.ageing.ticks.Load() <= b.clock.tick() && hold != -1) {
						t.Fatalf("hold %v, now %d: stale is wrong in %+v", hold, b.clock.tick(), e)
					}
				}
				seen += n
			}
		}
		if seen != len(want) {
			t.Errorf("%d entries, want %d", seen, len(want))
		}
	}
}

func TestLowestBits(t *testing.T) {
	rnd := rand.New(rand.NewPCG(2, 3))
	for range 10_000 {
		set, n := rnd.Uint64()&rnd.Uint64(), rnd.IntN(70)
		want := uint64(0)
		for bit := range 64 {
			if set>>bit&1 != 0 && bits.OnesCount64(want) < n {
				want |= 1 << bit
			}
		}
		if got := lowest(set, n); got != want {
			t.Fatalf("the %d lowest of %x are %x, want %x", n, set, got, want)
		}
	}
}
