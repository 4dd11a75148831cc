package bridge

import (
	"context"
	"sync"
	"testing"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// TestFrameInFlightTeachesNothingAfterwards: a frame that found its port, and the
// port's VLANs, before a verb took them away is learned only after the verb has
// returned. Nothing of it stays.
func TestFrameInFlightTeachesNothingAfterwards(t *testing.T) {
	ctx := context.Background()
	for name, verb := range map[string]func(*Bridge) error{
		"remove port":   func(b *Bridge) error { return b.RemovePort(ctx, 1) },
		"port down":     func(b *Bridge) error { return b.SetPortUp(ctx, 1, false) },
		"carrier":       func(b *Bridge) error { return b.SetCarrier(ctx, 1, false) },
		"bridge down":   func(b *Bridge) error { return b.SetUp(ctx, false) },
		"VLAN":          func(b *Bridge) error { return b.RemoveVLAN(ctx, 1, 1) },
		"all its links": func(b *Bridge) error { return b.SetLinks(ctx, 1, []Link{{ID: 9, Down: true}}) },
	} {
		t.Run(name, func(t *testing.T) {
			b := onePort(t)
			view := b.view.Load()
			frame := make([]byte, 60)
			copy(frame, []byte{2, 0, 0, 0, 0, 8, 2, 0, 0, 0, 0, 9})
			if err := verb(b); err != nil {
				t.Fatal(err)
			}
			var out Egress
			if v := b.receive(view, view.port(1), frame, false, &out); v.Learned != fdb.Barred {
				t.Errorf("%+v", v)
			}
			if _, ok := b.table.Lookup(fdb.Key{MAC: switchdev.MAC{2, 0, 0, 0, 0, 9}, VLAN: 1}); ok {
				t.Error("what the frame taught is there")
			}
		})
	}
}

// onePort returns a bridge with filtering, in VLAN 1, and a port with a link.
func onePort(t *testing.T) *Bridge {
	t.Helper()
	b, err := New(Config{VLAN: VLANConfig{Filtering: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	if err := b.AddPort(context.Background(), PortConfig{ID: 1, MAC: switchdev.MAC{2, 1}, Links: []Link{{ID: 9}}}); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestMeterPutsAside counts beyond what a word holds.
func TestMeterPutsAside(t *testing.T) {
	var m meter
	const nearly = 1<<23 - 3
	m.word.Store(nearly<<byteBits | 5)
	for range 6 {
		m.add(1000)
	}
	if frames, bytes := m.read(); frames != nearly+6 || bytes != 6005 || m.word.Load()&full != 0 {
		t.Errorf("%d frames, %d bytes, word %x", frames, bytes, m.word.Load())
	}
	var huge meter
	huge.add(1 << 30) // no frame is so long: it must not become frames
	if frames, bytes := huge.read(); frames != 1 || bytes != longest {
		t.Errorf("%d frames, %d bytes", frames, bytes)
	}
}

// TestMeterIsExact: nothing is lost while several count, one reads and what there is
// is put aside all the time, and what is read never runs backwards.
func TestMeterIsExact(t *testing.T) {
	var m meter
	const workers, each = 4, 20000
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range each {
				m.add(64)
				if i%3 == 0 {
					m.harvest()
				}
			}
		})
	}
	var last uint64
	for range 1000 {
		frames, bytes := m.read()
		if frames < last || bytes != 64*frames {
			t.Fatalf("%d frames, %d bytes, after %d frames", frames, bytes, last)
		}
		last = frames
	}
	wg.Wait()
	if frames, bytes := m.read(); frames != workers*each || bytes != 64*workers*each {
		t.Errorf("%d frames, %d bytes", frames, bytes)
	}
}
