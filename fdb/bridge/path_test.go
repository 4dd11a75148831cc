package bridge_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

func TestDataPathDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	w := newWorld(t, bridge.Config{}, 1, 2, 3, 4)
	w.send(1, stationB, stationA)
	w.send(2, stationA, stationB)
	w.poll()
	var out bridge.Egress
	for name, f := range map[string]func(){
		"known":      func() { w.b.Forward(1, frameOf2(stationB, stationA), &out) },
		"unknown":    func() { w.b.Forward(1, frameOf2(stationC, stationA), &out) },
		"broadcast":  func() { w.b.Forward(1, frameOf2(broadcast, stationA), &out) },
		"own":        func() { w.b.Forward(1, frameOf2(portMAC(2), stationA), &out) },
		"link-local": func() { w.b.Forward(1, frameOf2(linkLocal(2), stationA), &out) },
		"marked":     func() { w.b.ForwardMarked(1, frameOf2(broadcast, stationA), &out) },
		"short":      func() { w.b.Forward(1, nil, &out) },
		"no port":    func() { w.b.Forward(9, frameOf2(broadcast, stationA), &out) },
		"transmit":   func() { w.b.Transmit(frameOf2(broadcast, stationA), &out) },
		"transmit to one": func() {
			w.b.Transmit(frameOf2(stationB, stationA), &out)
		},
	} {
		f() // makes room in out
		if n := testing.AllocsPerRun(200, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// scratch is the frame of the allocation guard and of benchmarks.
var scratch = make([]byte, 60)

func frameOf2(dst, src switchdev.MAC) []byte {
	copy(scratch, dst[:])
	copy(scratch[6:], src[:])
	return scratch
}

func FuzzForward(f *testing.F) {
	for _, dst := range []switchdev.MAC{broadcast, group, linkLocal(0), linkLocal(1), linkLocal(2), stationB, portMAC(1), {}} {
		f.Add(uint16(1), frameOf(dst, stationA), false)
		f.Add(uint16(2), frameOf(dst, group)[:14], true)
	}
	f.Add(uint16(0), []byte(nil), false)
	b, err := bridge.New(bridge.Config{Manual: true, Start: begin})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = b.Close() })
	for id := range 3 {
		b.SubmitAddPort(bridge.PortConfig{ID: switchdev.PortID(id + 1), MAC: portMAC(id + 1)})
	}
	b.Poll(begin)
	f.Fuzz(func(t *testing.T, in uint16, data []byte, marked bool) {
		var out bridge.Egress
		forward := b.Forward
		if marked {
			forward = b.ForwardMarked
		}
		v := forward(switchdev.PortID(in), data, &out)
		check := func(v bridge.Verdict) {
			if v.Reason == 0 || v.Reason.Dropped() && out.Len() > 0 || v.Reason == bridge.ReasonForwarded && out.Len() != 1 {
				t.Errorf("%+v with %v", v, out.Ports())
			}
			last := switchdev.PortHost
			for _, id := range out.Ports() {
				if id <= last || id > 3 || id == switchdev.PortID(in) && v.Learned != fdb.Ignored {
					t.Errorf("%+v from %d with %v", v, in, out.Ports())
				}
				last = id
			}
		}
		check(v)
		v = b.Transmit(data, &out)
		in = 0
		check(v)
		b.Poll(begin)
	})
}

// TestForwardsWhilePortsChange lets goroutines forward on every port while ports
// come and go, and checks after every removal that nothing of the port is left,
// although frames from it are still being handed over: no entry, no row.
func TestForwardsWhilePortsChange(t *testing.T) {
	const ports, rounds = 4, 60
	dev := newFake("sw0")
	b, err := bridge.New(bridge.Config{Hardware: bridge.Hardware{Devices: []bridge.Device{{Driver: dev}}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	port := func(id int) bridge.PortConfig {
		return bridge.PortConfig{ID: switchdev.PortID(id), MAC: portMAC(id), Driver: dev}
	}
	for id := range ports {
		if err := b.AddPort(ctx, port(id+1)); err != nil {
			t.Fatal(err)
		}
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 1))
			var out bridge.Egress
			for !stop.Load() {
				in := 1 + rnd.IntN(ports)
				src := mac(0x1000*in + rnd.IntN(50)) // each station stays on its port
				b.Forward(switchdev.PortID(in), frameOf(mac(0x1000*(1+rnd.IntN(ports))+rnd.IntN(50)), src), &out)
			}
		})
	}
	for round := range rounds {
		id := 1 + round%ports
		if err := b.RemovePort(ctx, switchdev.PortID(id)); err != nil {
			t.Fatal(err)
		}
		mustBeGone(t, b, dev, id)
		if err := b.AddPort(ctx, port(id)); err != nil {
			t.Fatal(err)
		}
		if round%3 == 0 {
			if err := b.SetPortUp(ctx, switchdev.PortID(id), false); err != nil {
				t.Fatal(err)
			}
			for e := range b.Table().All() {
				if int(e.Port) == id && e.Flags&fdb.Local == 0 {
					t.Errorf("round %d: %v is on a port that is down", round, e.Key)
				}
			}
			if err := b.SetPortUp(ctx, switchdev.PortID(id), true); err != nil {
				t.Fatal(err)
			}
		}
	}
	stop.Store(true)
	wg.Wait()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	rows, members := dev.holds()
	if len(rows) > 0 || len(members) > 0 {
		t.Errorf("after Close the device holds %v and %v", rows, members)
	}
}

func mustBeGone(t *testing.T, b *bridge.Bridge, dev *fake, id int) {
	t.Helper()
	if hit, ok := b.Table().Lookup(fdb.Key{MAC: portMAC(id)}); ok {
		t.Errorf("own address of p%d: %+v", id, hit)
	}
	for i := range 50 {
		if hit, ok := b.Table().Lookup(fdb.Key{MAC: mac(0x1000*id + i)}); ok && int(hit.Port) == id {
			t.Errorf("Lookup finds %v on p%d", mac(0x1000*id+i), id)
		}
	}
	for e := range b.Table().All() {
		if int(e.Port) == id {
			t.Errorf("%v is on p%d", e.Key, id)
		}
	}
	rows, members := dev.holds()
	for m, p := range rows {
		if int(p) == id {
			t.Errorf("the device has a row of %v on p%d", m, id)
		}
	}
	if _, ok := members[switchdev.PortID(id)]; ok {
		t.Errorf("the device has p%d", id)
	}
}

// TestCountsEveryFrameOnce checks that what came in is what was dealt with.
func TestCountsEveryFrameOnce(t *testing.T) {
	w := newWorld(t, bridge.Config{}, 1, 2, 3)
	w.goes(1, stationB, stationA, flooded, 2, 3)
	w.goes(2, stationA, stationB, forwarded, 1)
	w.goes(2, portMAC(1), stationB, toHost, 0)
	w.goes(2, stationB, stationB, bridge.ReasonSamePort)
	w.goes(7, stationB, stationB, bridge.ReasonNoPort)
	w.b.Transmit(frameOf(stationA, mac(1)), &w.out)
	s := w.b.Stats()
	got := fmt.Sprint(s.Strays, s.Host.TxFrames, s.Host.RxBytes)
	for _, p := range s.Ports {
		got += fmt.Sprint(" | ", p.RxFrames, p.RxBytes, p.TxFrames, p.TxBytes, p.Dropped(), p.Outcome(forwarded), p.Outcome(flooded), p.Outcome(toHost), p.Outcome(bridge.ReasonSamePort))
	}
	if want := "1 1 60 | 1 60 2 120 0 0 1 0 0 | 3 180 1 60 1 1 0 1 1 | 0 0 1 60 0 0 0 0 0"; got != want {
		t.Errorf("counters\n%s, want\n%s", got, want)
	}
}

func BenchmarkForwardKnown(b *testing.B) {
	br, err := bridge.New(bridge.Config{Manual: true, Start: begin})
	if err != nil {
		b.Fatal(err)
	}
	defer br.Close()
	for id := range 3 {
		br.SubmitAddPort(bridge.PortConfig{ID: switchdev.PortID(id + 1), MAC: portMAC(id + 1)})
	}
	br.Poll(begin)
	var out bridge.Egress
	br.Forward(2, frameOf(stationA, stationB), &out)
	f := frameOf(stationB, stationA)
	br.Forward(1, f, &out)
	br.Poll(begin)
	for b.Loop() {
		br.Forward(1, f, &out)
	}
}
