package peer

import (
	"errors"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestKeysAreStations: unicast, locally administered, in a VLAN, no address
// twice, and stations that are in no table share none with those that are.
func TestKeysAreStations(t *testing.T) {
	const n = 1 << 16
	seen := map[uint64]bool{}
	for i := range uint64(n) {
		for _, k := range []uint64{Packed(i), Packed(i | Beyond)} {
			mac, vlan := Address(k), k&0xfff
			if k>>60 != 0 || mac>>40&3 != 2 || vlan == 0 || vlan > 4094 {
				t.Fatalf("station %d has key %#x", i, k)
			}
			if seen[mac] {
				t.Fatalf("station %d has the address %#x of another", i, mac)
			}
			seen[mac] = true
		}
	}
}

func TestWalkVisitsEveryStationOnce(t *testing.T) {
	const n = 1 << 12
	w := Walk{First: 777, Count: n, Mask: n - 1}
	seen := map[uint64]bool{}
	for i := w.First; i < w.First+w.Count; i++ {
		seen[w.At(i)] = true
	}
	if len(seen) != n {
		t.Errorf("%d of %d stations", len(seen), n)
	}
	// A dependent walk must not run in a small circle, or it measures a cache.
	last := uint64(0)
	clear(seen)
	for i := w.First; i < w.First+w.Count; i++ {
		at := w.After(i, last)
		seen[at] = true
		last = uint64(PortOf(at))
	}
	if len(seen) < n/2 {
		t.Errorf("the dependent walk visits %d of %d stations", len(seen), n)
	}
}

// TestMixedKeepsTheSize: what is deleted was inserted, once.
func TestMixedKeepsTheSize(t *testing.T) {
	const n = 1 << 10
	m := Mixed{Mask: n - 1}
	live := map[uint64]bool{}
	for i := range uint64(n + Window) {
		live[i] = true
	}
	var replaces, inserts, removes int
	m.Fours(3*Window,
		func(i uint64) {
			if i >= n || !live[i] {
				t.Fatalf("replaces station %d", i)
			}
			replaces++
		},
		func(i uint64) {
			if live[i] {
				t.Fatalf("inserts station %d, which is there", i)
			}
			live[i] = true
			inserts++
		},
		func(i uint64) {
			if i < n || !live[i] {
				t.Fatalf("deletes station %d", i)
			}
			delete(live, i)
			removes++
		})
	if replaces != 2*inserts || inserts != removes || len(live) != n+Window {
		t.Errorf("%d replaces, %d inserts, %d removes, %d live", replaces, inserts, removes, len(live))
	}
}

// loops is what every map can do.
type loops interface {
	Put(i uint64, port uint16)
	Remove(i uint64)
	Find(Walk) uint64
	Follow(Walk) uint64
}

func TestMapsFindWhatTheyHold(t *testing.T) {
	const n = 1 << 10
	for name, m := range map[string]loops{
		"xsync3": NewXsync3(n), "xsync4": NewXsync4(n), "syncmap": NewSyncMap(n), "guarded": NewGuarded(n),
	} {
		all := Walk{Count: n, Mask: n - 1}
		none := Walk{Count: n, Mask: n - 1, Base: Beyond}
		if m.Find(all) != n || m.Follow(all) != n || m.Find(none) != 0 {
			t.Errorf("%s finds %d, %d by following and %d that are not there", name, m.Find(all), m.Follow(all), m.Find(none))
		}
		m.Remove(5)
		m.Put(6, 9)
		if got := m.Find(all); got != n-1 {
			t.Errorf("%s finds %d after one was removed", name, got)
		}
		if d, ok := m.(interface{ Dump() int }); ok && d.Dump() != n-1 {
			t.Errorf("%s dumps %d", name, d.Dump())
		}
	}
}

func TestFlatHoldsWhatWasPut(t *testing.T) {
	const n = 5000
	f := NewFlat()
	for range 2 {
		for i := range uint64(n) {
			f.Put(i, PortOf(i))
		}
	}
	if f.Len() != n {
		t.Fatalf("%d of %d", f.Len(), n)
	}
	held := map[uint64]bool{}
	for _, b := range f.buckets {
		for i, k := range b.key {
			if k != 0 {
				held[k&^(1<<63)] = b.hot[i] != 0
			}
		}
	}
	for i := range uint64(n) {
		if !held[Packed(i)] {
			t.Fatalf("station %d is lost", i)
		}
	}
}

func TestGVisorLearnsFromFrames(t *testing.T) {
	g, err := NewGVisor(1 << 8)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if got := g.Find(Walk{Count: 1 << 8, Mask: 1<<8 - 1, Base: Beyond}); got != 0 {
		t.Errorf("found %d stations that sent nothing", got)
	}
}

func TestLinuxBridgeHoldsWhatWasAdded(t *testing.T) {
	failed := make(chan error)
	go func() {
		failed <- func() error {
			b, err := NewLinuxBridge()
			if err != nil {
				return err
			}
			defer b.Close()
			own, err := b.Dump()
			if err != nil {
				return err
			}
			const n = 2*Batch + 3
			if err := b.Add(0, n); err != nil {
				return err
			}
			got, err := b.Dump()
			if err == nil && got != own+n {
				t.Errorf("the kernel dumped %d entries after %d and %d", got, own, n)
			}
			if b.Add(n-1, 2) == nil {
				t.Error("an entry was added twice")
			}
			return err
		}()
	}()
	if err := <-failed; errors.Is(err, ErrNoBridge) {
		t.Skip("SKIPPED:", err)
	} else if err != nil {
		t.Fatal(err)
	}
}
