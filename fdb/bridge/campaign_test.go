package bridge_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// moody is a device that refuses, gives no answer with or without having done
// what it was asked, and loses everything now and then, by a seed.
type moody struct {
	*reporting
	rng *rand.Rand
	bad float64 // how often
}

func newMoody(name string, rng *rand.Rand) *moody {
	m := &moody{reporting: &reporting{fake: newFake(name)}, rng: rng}
	m.refuse = func(string, switchdev.PortID) error {
		switch x := m.rng.Float64(); {
		case x < m.bad/2:
			return switchdev.ErrBusy
		case x < m.bad:
			return switchdev.ErrOutcomeUnknown
		}
		return nil
	}
	return m
}

// ApplyPorts does what is then not answered half of the time.
func (m *moody) ApplyPorts(ctx context.Context, ops []switchdev.PortOp, results []switchdev.Result) {
	m.fake.ApplyPorts(ctx, ops, results)
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, op := range ops {
		if results[i].Err != switchdev.ErrOutcomeUnknown || m.rng.IntN(2) == 0 {
			continue
		}
		switch op.Verb {
		case switchdev.PortJoin:
			m.ports[op.Port] = op
		case switchdev.PortLeave:
			delete(m.ports, op.Port)
			maps.DeleteFunc(m.rows, func(_ switchdev.FDBKey, e switchdev.FDBEntry) bool {
				return e.Port == op.Port && e.Flags&switchdev.FDBLocal == 0
			})
		}
	}
}

// TestDevicesComeToWhatTheBridgeWants: whatever devices do for a while, when they
// are well again and time has passed each holds the ports and rows of the bridge
// that are its own, and nothing else.
func TestDevicesComeToWhatTheBridgeWants(t *testing.T) {
	for seed := range uint64(1000) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { campaign(t, seed) })
	}
}

func campaign(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 7))
	a, b := newMoody("a", rng), newMoody("b", rng)
	devices := []*moody{a, b}
	cfg := withDevices(a, b)
	cfg.Hardware.Devices[1].Domain = 9
	w := newWorld(t, cfg)
	for range 60 {
		for _, d := range devices {
			d.bad = []float64{0, 0.1, 0.5}[rng.IntN(3)]
		}
		w.meddle(rng, devices)
		w.after(time.Duration(rng.IntN(2000)) * time.Millisecond)
	}
	a.bad, b.bad = 0, 0
	w.after(0)
	for range 40 {
		w.after(10 * time.Second)
	}
	for _, d := range devices {
		w.agrees(d)
	}
}

// meddle lets one thing happen.
func (w *world) meddle(rng *rand.Rand, devices []*moody) {
	id := switchdev.PortID(1 + rng.IntN(4))
	switch rng.IntN(10) {
	case 0, 1, 2:
		c := bridge.PortConfig{ID: id, Name: "p" + id.String(), MAC: portMAC(1 + rng.IntN(4))}
		if n := rng.IntN(3); n < 2 {
			c.Driver = devices[n]
		}
		w.b.SubmitAddPort(c)
	case 3:
		w.b.SubmitRemovePort(id)
	case 4:
		w.b.SubmitSetPortUp(id, rng.IntN(2) == 0)
	case 5:
		w.b.SubmitSetPortState(id, switchdev.PortState(1+rng.IntN(4)))
	case 6:
		w.b.SubmitSetPortMAC(id, portMAC(1+rng.IntN(4)))
	case 7:
		devices[rng.IntN(2)].reset()
	case 8:
		w.b.SubmitSetPortFlags(id, switchdev.PortFlags(rng.IntN(2))*switchdev.PortIsolated, switchdev.PortIsolated)
	default:
		w.send(int(id), mac(1+rng.IntN(6)), mac(1+rng.IntN(6)))
	}
}

// agrees holds a device against bridge and table.
func (w *world) agrees(d *moody) {
	w.t.Helper()
	want, rows := map[switchdev.PortID]switchdev.PortOp{}, map[switchdev.MAC]switchdev.PortID{}
	own := map[switchdev.PortID]bool{}
	for _, p := range w.b.Ports() {
		if p.Device == d.name {
			own[p.ID] = true
			want[p.ID] = switchdev.PortOp{State: p.State, Up: p.Up, Flags: p.Flags & switchdev.PortIsolated}
		}
	}
	for e := range w.b.Table().Snapshot().All() {
		if own[e.Port] || e.Flags&fdb.Local != 0 && len(own) > 0 { // the bridge's addresses are everybody's
			rows[e.MAC] = e.Port
		}
	}
	gotRows, gotPorts := d.holds()
	got := map[switchdev.PortID]switchdev.PortOp{}
	for id, p := range gotPorts {
		got[id] = attributes(p)
	}
	if !maps.Equal(got, want) {
		w.t.Errorf("device %s has the ports %v, want %v", d.name, got, want)
	}
	if !maps.Equal(gotRows, rows) {
		w.t.Errorf("device %s has the rows %v, want %v", d.name, gotRows, rows)
	}
}
