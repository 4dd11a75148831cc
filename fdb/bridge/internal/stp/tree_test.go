package stp

import (
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// randomWorld makes up to 8 bridges and 16 segments, of which some are hubs, some
// parallel and some begin and end at one bridge.
func randomWorld(t *testing.T, seed uint64) *world {
	w := newWorld(t, seed)
	cfg := Config{}
	if seed%3 == 1 { // as short as IEEE 802.1D-1998, 8.10.2, permits
		cfg.HelloTime, cfg.MaxAge, cfg.ForwardDelay = time.Second, 14*time.Second, 8*time.Second
	}
	for i := range 1 + w.rng.IntN(8) {
		cfg.Priority = uint16(w.rng.IntN(4)) << 12
		cfg.MAC = switchdev.MAC{2, byte(w.rng.IntN(256)), 5: byte(i)}
		w.addBridge(cfg)
	}
	for range 1 + w.rng.IntN(16) {
		s := w.addWire(time.Duration(1+w.rng.IntN(20)) * time.Millisecond)
		ends := 2
		if w.rng.IntN(4) == 0 {
			ends = 1 + w.rng.IntN(5)
		}
		for range ends {
			w.connect(w.bridges[w.rng.IntN(len(w.bridges))], s, w.randomCost(), w.randomPriority())
		}
	}
	return w
}

// Costs and priorities are from few values, so that the tie breaks decide often.
func (w *world) randomCost() uint32    { return []uint32{1, 4, 4, 4, 8, 19, 65535}[w.rng.IntN(7)] }
func (w *world) randomPriority() uint8 { return []uint8{32, 32, 32, 0, 63}[w.rng.IntN(5)] }

func (w *world) randomPlug() *plug {
	s := w.wires[w.rng.IntN(len(w.wires))]
	return s.plugs[w.rng.IntN(len(s.plugs))]
}

// step changes one thing.
func (w *world) step() {
	n := w.bridges[w.rng.IntN(len(w.bridges))]
	p := w.randomPlug()
	switch w.rng.IntN(10) {
	default: // a link fails or recovers as a whole
		up := w.rng.IntN(2) == 0
		for _, q := range p.wire.plugs {
			q.set(up)
		}
	case 4, 5: // one leaves a hub, and one end of a link goes unnoticed by the other
		p.set(!p.up)
	case 6:
		prio := uint16(w.rng.IntN(4)) << 12
		w.did("bridge %d gets priority %#x", n.name, prio)
		n.m.SetPriority(w.now, prio)
	case 7:
		p.cost = w.randomCost()
		w.did("%v gets cost %d", p, p.cost)
		_ = p.node.m.SetPathCost(w.now, p.id, p.cost)
	case 8:
		p.prio = w.randomPriority()
		w.did("%v gets priority %d", p, p.prio)
		_ = p.node.m.SetPortPriority(w.now, p.id, p.prio)
	case 9:
		if w.rng.IntN(2) == 0 {
			n.power(!n.on)
			break
		}
		mac := switchdev.MAC{2, byte(w.rng.IntN(256)), 5: byte(n.name)}
		w.did("bridge %d gets address %v", n.name, mac)
		n.m.SetMAC(w.now, mac)
	}
	w.look()
}

// TestActiveTopologyIsTheTree shakes random networks: there is never a loop, not for
// an instant, and when nothing has changed for a while the tree is the oracle's.
func TestActiveTopologyIsTheTree(t *testing.T) {
	seeds := uint64(300)
	if testing.Short() || raceEnabled {
		seeds = 15
	}
	// In the last a bridge loses its root port and has heard itself on another.
	for _, seed := range append(upTo(seeds), 645) {
		w := randomWorld(t, seed)
		w.look()
		w.run(w.settled())
		w.compare()
		for range 3 {
			for range 1 + w.rng.IntN(6) {
				w.step()
				w.run(time.Duration(w.rng.Int64N(int64(40 * time.Second))))
			}
			w.run(w.settled())
			w.compare()
			w.isAtRest(time.Minute)
		}
	}
}

// isAtRest fails if any port changes its state in the next d.
func (w *world) isAtRest(d time.Duration) {
	for end := w.now.Add(d); ; {
		next, _ := w.next()
		if next.IsZero() || next.After(end) {
			return
		}
		before := w.states()
		w.run(next.Sub(w.now))
		if w.states() != before {
			w.fail("a port has changed its state at rest\n%s", w.show())
		}
	}
}

func (w *world) states() (s string) {
	for _, n := range w.bridges {
		for _, p := range n.plugs {
			s += string(rune('0' + p.state))
		}
	}
	return s
}

func upTo(n uint64) (all []uint64) {
	for i := range n {
		all = append(all, i)
	}
	return all
}
