package bridgearea

import (
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchcore/switchcore/bench/measure"
	"github.com/switchcore/switchcore/bench/peer"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func still(t *testing.T, stations, ports int) *world {
	t.Helper()
	cfg := config()
	cfg.Manual, cfg.Start = true, time.Unix(1, 0)
	w, err := newWorld(cfg, stations, ports)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// TestFramesLeaveWhereTheirStationIs checks the rings and the bridge against
// where the stations were put.
func TestFramesLeaveWhereTheirStationIs(t *testing.T) {
	const n, ports = 512, 8
	w := still(t, n, ports)
	where := map[[6]byte]switchdev.PortID{}
	for i := range uint64(n) {
		where[mac(i)] = portOf(i, ports)
	}
	frames := newRing(layout{stations: n, ports: ports, to: known(n, ports)})
	senders := map[[6]byte]bool{}
	var out bridge.Egress
	for i := range frames.len() {
		data := frames.frame(i)
		senders[[6]byte(data[6:12])] = true
		if frames.in[i] != where[[6]byte(data[6:12])] {
			t.Fatalf("frame %d comes in by port %d", i, frames.in[i])
		}
		w.Forward(frames.in[i], data, &out)
		if want := where[[6]byte(data[:6])]; want == frames.in[i] || !slices.Equal(out.Ports(), []switchdev.PortID{want}) {
			t.Fatalf("frame %d leaves by %v, not %d", i, out.Ports(), want)
		}
	}
	if len(senders) != n {
		t.Errorf("%d of %d stations send", len(senders), n)
	}
}

// TestWrongAnswersAreCounted: a bridge or a peer that does something else with
// the frames would be fast.
func TestWrongAnswersAreCounted(t *testing.T) {
	const n, ports = 64, 8
	w := still(t, n, ports)
	var out bridge.Egress
	good := outcome{reason: bridge.ReasonForwarded, copies: 1}
	right := newRing(layout{stations: n, ports: ports, to: known(n, ports)})
	if got := w.forward(right, &out, good, 0, n) + w.learnLookup(right, true, 0, n) + w.learnDestination(right, true, 0, n) +
		w.learnLookupFields(right, true, 0, n); got != 0 {
		t.Errorf("%d right answers are wrong", got)
	}
	away := newRing(layout{stations: n, ports: ports, to: strangers(n)})
	news := newRing(layout{stations: 2 * n, ports: ports, to: known(n, ports), only: func(from uint64) bool { return from >= n }})
	for name, got := range map[string]int{
		"flooded":           w.forward(away, &out, good, 0, n),
		"lookup":            w.learnLookup(away, true, 0, n),
		"destination":       w.learnDestination(away, true, 0, n),
		"fields":            w.learnLookupFields(away, true, 0, n),
		"copies":            w.forward(right, &out, outcome{reason: bridge.ReasonForwarded, copies: 2}, 0, n),
		"size of the copy":  w.forwardCopies(right, &out, minFrame+1, 0, n),
		"a station is new":  w.forward(news, &out, good, 0, n),
		"found by mistake":  w.learnLookup(right, false, 0, n),
		"not for the host":  w.forward(right, &out, outcome{reason: bridge.ReasonForwarded, copies: 1, host: true}, 0, n),
		"another's verdict": w.forward(right, &out, outcome{reason: bridge.ReasonFlooded, copies: 1}, 0, n),
	} {
		if got != n {
			t.Errorf("%s: %d of %d are wrong", name, got, n)
		}
	}
	var m meter
	m.check("a", 0, n)
	if m.failed != nil {
		t.Error(m.failed)
	}
	if m.check("a", 1, n); m.failed == nil {
		t.Error("a wrong answer is no error")
	}
}

// TestAllocationsAreCounted: the counter sees what is allocated.
func TestAllocationsAreCounted(t *testing.T) {
	var keep [][]byte
	if n := mallocs(func() {
		for range 100 {
			keep = append(keep, make([]byte, 64))
		}
	}); n < 100 {
		t.Errorf("%d of more than 100 allocations were seen, in %d slices", n, len(keep))
	}
}

// TestGVisorForwards: the peer really sends each frame by the port of its station.
func TestGVisorForwards(t *testing.T) {
	const n, ports = 128, 8
	g, err := peer.NewGVisorSwitch(ports)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	frames := newRing(layout{stations: n, ports: ports, to: known(n, ports)})
	send := func(i int) {
		p := peer.NewPacket(frames.frame(i))
		defer p.DecRef()
		if got := peer.Bytes(p); !slices.Equal(got, frames.frame(i)) {
			t.Fatalf("frame %d is %x in its packet", i, got)
		}
		g.Receive(int(frames.in[i]), p)
	}
	for i := range frames.len() {
		send(i)
	}
	for i := range frames.len() {
		var to switchdev.PortID
		for s := range uint64(n) {
			if mac(s) == [6]byte(frames.frame(i)[:6]) {
				to = portOf(s, ports)
			}
		}
		frame, octets, all := g.Port(int(to)).Frames, g.Port(int(to)).Octets, g.Sent()
		send(i)
		if g.Port(int(to)).Frames != frame+1 || g.Port(int(to)).Octets != octets+minFrame || g.Sent() != all+1 {
			t.Fatalf("frame %d did not leave by port %d alone", i, to)
		}
	}
}

// TestGatesAreJudged: every row that is to be judged has its gate.
func TestGatesAreJudged(t *testing.T) {
	gates := map[string]float64{
		"64k/forward/8-ports": 1.6, "64k/forward/64-ports": 1.6, "64k/forward-host/8-ports": 1.6, "64k/forward-4/own-ports": 1.6,
		"64k/filtering/untagged": 1.6, "64k/filtering/tagged": 1.6, "64k/gvisor/8-ports": 5, "1k/tap/60": 0.8, "1k/tap/1514": 0.8,
	}
	for _, g := range Area().Groups {
		for _, r := range g.Rows {
			if r.Gate != gates[r.Name] {
				t.Errorf("%s has the gate %v", r.Name, r.Gate)
			}
			if r.Gate != 0 && r.Rule == measure.Info {
				t.Errorf("%s is not judged", r.Name)
			}
			delete(gates, r.Name)
		}
	}
	if len(gates) > 0 {
		t.Errorf("there are no rows for %v", gates)
	}
}
