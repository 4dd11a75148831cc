package bridge

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// pair returns a bridge with two ports and a station behind each, and a frame from the
// first station to the second and one from it to the bridge.
func pair(t *testing.T) (b *Bridge, across, own []byte) {
	t.Helper()
	b, err := New(Config{MAC: switchdev.MAC{2, 0, 0, 0, 0, 0xfe}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	for id := switchdev.PortID(1); id <= 2; id++ {
		if err := b.AddPort(context.Background(), PortConfig{ID: id, MAC: switchdev.MAC{2, 0, 0, 0, 1, byte(id)}}); err != nil {
			t.Fatal(err)
		}
		if !b.table.Learn(fdb.Key{MAC: switchdev.MAC{2, 0, 0, 0, 0, byte(id)}}, id).Accepted() {
			t.Fatal("not learned")
		}
	}
	across, own = make([]byte, 60), make([]byte, 60)
	copy(across, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1})
	copy(own, []byte{2, 0, 0, 0, 0, 0xfe, 2, 0, 0, 0, 0, 1})
	return b, across, own
}

func (b *Bridge) counted(t *testing.T, across, own uint64) {
	t.Helper()
	s := b.Stats()
	one, two := s.Ports[0], s.Ports[1]
	if one.Outcome(ReasonForwarded) != across || one.Outcome(ReasonHost) != own || one.RxFrames != across+own || one.RxBytes != 60*(across+own) ||
		two.TxFrames != across || two.TxBytes != 60*across || s.Host.TxFrames != own || s.Host.TxBytes != 60*own || two.RxFrames != 0 || one.TxFrames != 0 {
		t.Errorf("want %d across and %d for the host: %+v, %+v, host %+v", across, own, one, two, s.Host)
	}
}

// TestTalliesAreExact: frames of several Egresses, with and without tallies, are all
// counted, while somebody looks, and after the Egresses are gone.
func TestTalliesAreExact(t *testing.T) {
	b, across, own := pair(t)
	const workers, each = 4, 5000
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			var out Egress
			for range each {
				b.Forward(1, across, &out)
				b.Forward(1, own, &out)
			}
		})
	}
	var last uint64
	for range 200 {
		if n := b.Stats().Ports[1].TxFrames; n < last || n > workers*each {
			t.Errorf("%d frames after %d", n, last)
		} else {
			last = n
		}
	}
	wg.Wait()
	b.counted(t, workers*each, workers*each)
	for i := 0; ; i++ { // the collector says when
		b.tallies.mu.Lock()
		left := len(b.tallies.all)
		b.tallies.mu.Unlock()
		b.counted(t, workers*each, workers*each)
		if left == 0 {
			break
		}
		if i == 10000 {
			t.Fatalf("%d tallies of Egresses that are gone", left)
		}
		runtime.GC()
	}
	b.counted(t, workers*each, workers*each)
}

// TestFewFramesNeedNoTally: an Egress for each frame leaves nothing behind, and one
// that goes from bridge to bridge counts for each.
func TestFewFramesNeedNoTally(t *testing.T) {
	a, across, own := pair(t)
	b, _, _ := pair(t)
	for range 1000 {
		var out Egress
		a.Forward(1, across, &out)
	}
	if n := len(a.tallies.all); n != 0 {
		t.Errorf("%d tallies", n)
	}
	var out Egress
	for range 3 {
		for range 100 {
			a.Forward(1, own, &out)
		}
		for range 100 {
			b.Forward(1, across, &out)
		}
	}
	a.counted(t, 1000, 300)
	b.counted(t, 300, 0)
}

// TestPortsBeyondTheSlots are counted as well, and nobody counts for a port that left.
func TestPortsBeyondTheSlots(t *testing.T) {
	b, across, _ := pair(t)
	ctx := context.Background()
	for range slots {
		if err := b.AddPort(ctx, PortConfig{ID: 3, MAC: switchdev.MAC{2, 0, 0, 0, 1, 3}}); err != nil {
			t.Fatal(err)
		}
		if err := b.RemovePort(ctx, 3); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.AddPort(ctx, PortConfig{ID: 3, MAC: switchdev.MAC{2, 0, 0, 0, 1, 3}}); err != nil {
		t.Fatal(err)
	}
	to3 := append([]byte(nil), across...)
	to3[5] = 3
	b.table.Learn(fdb.Key{MAC: switchdev.MAC{2, 0, 0, 0, 0, 3}}, 3)
	var out Egress
	for range 200 {
		b.Forward(1, across, &out)
		b.Forward(1, to3, &out)
	}
	s := b.Stats()
	if one, two, three := s.Ports[0], s.Ports[1], s.Ports[2]; one.Outcome(ReasonForwarded) != 400 || two.TxFrames != 200 || three.TxFrames != 200 {
		t.Errorf("%+v, %+v, %+v", one, two, three)
	}
}
