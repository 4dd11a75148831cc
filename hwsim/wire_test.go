package hwsim

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/internal/pcapng"
	"github.com/switchcore/switchcore/switchdev"
)

func TestWiresCarryFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip, err := New(Config{Count: 3})
		if err != nil {
			t.Fatal(err)
		}
		b := &bench{TB: t, Chip: chip}
		b.join(0, 1, 2, 3)
		rx, tx := make(chan []byte), make(chan []byte, 1)
		if err := b.Port(1).Attach(Wire{Rx: rx}); err != nil {
			t.Fatal(err)
		}
		if err := b.Port(2).Attach(Wire{Tx: tx}); err != nil {
			t.Fatal(err)
		}
		if err := b.Port(2).Attach(Wire{}); !errors.Is(err, switchdev.ErrBusy) {
			t.Errorf("a second wire: %v", err)
		}
		f := frame(macB, macA)
		rx <- f
		rx <- f
		synctest.Wait()
		if got := <-tx; &got[0] != &f[0] {
			t.Error("an unchanged frame was copied")
		}
		if n := b.Port(2).Counters(); n.TxFrames != 1 || n.Drops[DropWire] != 1 {
			t.Errorf("counters %+v", n)
		}
		if h := <-b.Host(); h.Port != 1 || !h.Forwarded || h.Reason != ReasonUnknown {
			t.Errorf("host got %+v", h)
		}
		b.Port(1).Detach()
		b.Port(1).Detach()
		select {
		case rx <- f:
			t.Error("a detached wire still takes frames")
		case <-time.After(time.Hour):
		}
		if err := b.Port(1).Attach(Wire{Rx: rx}); err != nil {
			t.Errorf("attach again: %v", err)
		}
		close(rx)
		synctest.Wait()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if err := b.Port(3).Attach(Wire{}); !errors.Is(err, switchdev.ErrClosed) {
			t.Errorf("attach after Close: %v", err)
		}
	})
}

func TestManualWiresAreDrainedByPoll(t *testing.T) {
	b := newBench(t, Config{})
	b.join(0, 1, 2)
	rx := make(chan []byte, 2)
	b.must(b.Port(1).Attach(Wire{Rx: rx}))
	rx <- frame(macB, macA)
	rx <- frame(macB, macA)
	close(rx)
	b.after(0)
	b.after(0)
	if len(b.sent[2]) != 2 {
		t.Errorf("sent %d", len(b.sent[2]))
	}
}

func TestHostQueueIsBounded(t *testing.T) {
	for queue, want := range map[int]uint64{0: 300 - 256, 2: 298, -1: 300} {
		chip, err := New(Config{Manual: true, Host: Host{Queue: queue}})
		if err != nil {
			t.Fatal(err)
		}
		for range 300 {
			chip.Port(1).Ingress(frame(macB, macA))
		}
		if s := chip.Stats(); s.HostDrops != want || s.Trapped[ReasonStandalone] != 300 {
			t.Errorf("queue %d: %+v", queue, s)
		}
		_ = chip.Close()
	}
}

func TestCaptureHoldsWhatCameAndWent(t *testing.T) {
	b := newBench(t, Config{Count: 2})
	b.join(0, 1, 2)
	var file bytes.Buffer
	capture, err := b.Capture(&file)
	b.must(err)
	if _, err := b.Capture(&file); !errors.Is(err, switchdev.ErrBusy) {
		t.Errorf("a second capture: %v", err)
	}
	b.after(time.Second)
	f := frame(macB, macA)
	b.Port(1).Ingress(f)
	b.Transmit(1, f)
	b.must(capture.Close())
	b.must(capture.Close())
	b.Port(1).Ingress(f)
	r, err := pcapng.NewReader(&file)
	b.must(err)
	var got []string
	for p, err := range r.All() {
		b.must(err)
		got = append(got, r.Interface(p.Interface).Name)
		if !bytes.Equal(p.Data, f) || !p.Time.Equal(b.now) {
			t.Errorf("packet %+v", p)
		}
	}
	if want := []string{"p1 rx", "p2 tx", "p1 tx"}; !slices.Equal(got, want) {
		t.Errorf("captured %v, want %v", got, want)
	}
	if _, err := b.Capture(brokenWriter{}); err == nil {
		t.Error("a broken writer is taken")
	}
	capture, err = b.Capture(&failAfter{n: 1})
	b.must(err)
	b.Port(1).Ingress(f)
	if capture.Close() == nil {
		t.Error("the writer's error is lost")
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken") }

type failAfter struct{ n int }

func (w *failAfter) Write(p []byte) (int, error) {
	if w.n--; w.n < 0 {
		return 0, errors.New("full")
	}
	return len(p), nil
}

// FuzzIngress: no frame makes the chip panic, and each is accounted for.
func FuzzIngress(f *testing.F) {
	f.Add([]byte{})
	f.Add(frame(macB, macA))
	f.Add(tagged(macB, macA, cvlan, 10)[:15])
	f.Add(tagged(macB, macA, cvlan, 4095))
	f.Add(tagged(macB, macA, svlan, 20))
	f.Add(frame(switchdev.MustParseMAC("01:80:c2:00:00:00"), macA)[:14])
	f.Add(make([]byte, 2000))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, filtering := range []bool{false, true} {
			b := newBench(t, Config{Log: LogConfig{Capacity: -1}})
			b.join(0, 1, 2, 3)
			b.must(b.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrFiltering, Filtering: filtering}))
			b.must(b.vlans(memberOp(1, 10, switchdev.VLANPVID), memberOp(2, 10, switchdev.VLANUntagged), memberOp(3, 10, 0), memberOp(0, 10, 0)))
			b.Port(1).Ingress(data)
			n := b.Port(1).Counters()
			if n.RxFrames != 1 || n.RxBytes != uint64(len(data)) {
				t.Fatalf("counters %+v", n)
			}
			if tx := len(b.sent[2]) + len(b.sent[3]) + len(b.traps); (tx == 0) != (n.Dropped() == 1) {
				t.Fatalf("%d copies, %d drops", tx, n.Dropped())
			}
			b.checkShapes(t, data, filtering)
			_ = b.Close()
		}
	})
}

// checkShapes holds what left against what came in: tag and strip are inverse.
func (b *bench) checkShapes(t *testing.T, in []byte, filtering bool) {
	for _, out := range b.sent[3] {
		if filtering {
			if binary.BigEndian.Uint16(out[12:]) != uint16(cvlan) || binary.BigEndian.Uint16(out[14:])&0xfff != 10 {
				t.Fatalf("port 3 sent no VLAN 10: %x", out)
			}
			out = append(append([]byte(nil), out[:12]...), out[16:]...)
			if len(b.sent[2]) != 1 || !bytes.Equal(out, b.sent[2][0]) {
				t.Fatalf("tagged without its tag is not the untagged: %x, %x", out, b.sent[2])
			}
		} else if !bytes.Equal(in, out) {
			t.Fatalf("changed without filtering: %x, %x", in, out)
		}
	}
}

// TestForwardingDoesNotAllocate: wires attached, capture off.
func TestForwardingDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, manual := range []bool{true, false} {
		chip, err := New(Config{Manual: manual, Count: 12})
		if err != nil {
			t.Fatal(err)
		}
		b := &bench{TB: t, Chip: chip}
		b.join(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
		tx := make(chan []byte, 1)
		b.must(b.Port(2).Attach(Wire{Tx: tx}))
		b.learn(2, macB)
		b.learn(1, macA)
		known, flood := frame(macB, macA), frame(switchdev.Broadcast(), macA)
		p := b.Port(1)
		for name, f := range map[string]func(){
			"known":    func() { p.Ingress(known); <-tx },
			"flood":    func() { p.Ingress(flood); <-tx },
			"transmit": func() { b.Transmit(2, known); <-tx },
			"short":    func() { p.Ingress(known[:5]) },
		} {
			if n := testing.AllocsPerRun(200, f); n != 0 {
				t.Errorf("%s (manual %v): %v allocations, want 0", name, manual, n)
			}
		}
		b.must(b.Close())
	}
}

func BenchmarkIngressKnown(bench *testing.B) {
	b := newBench(bench, Config{})
	b.join(0, 1, 2)
	b.learn(2, macB)
	b.learn(1, macA)
	b.Port(2).OnEgress(nil)
	f := frame(macB, macA)
	bench.ReportAllocs()
	for bench.Loop() {
		b.Port(1).Ingress(f)
	}
}

func BenchmarkNewManual(bench *testing.B) {
	bench.ReportAllocs()
	for bench.Loop() {
		chip, err := New(Config{Manual: true, Count: 2})
		if err != nil {
			bench.Fatal(err)
		}
		_ = chip.Close()
	}
}

func BenchmarkApplyFDB(bench *testing.B) {
	b := newBench(bench, Config{})
	ops, results := setBatch(b, macA)
	bench.ReportAllocs()
	for bench.Loop() {
		b.ApplyFDB(bench.Context(), ops, results)
	}
}
