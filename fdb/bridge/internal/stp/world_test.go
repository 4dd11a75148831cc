package stp

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// world is bridges and segments in virtual time. A segment is a link if two
// plugs are on it, a hub if there are more, a loop if both are of one bridge. After
// every event it looks for a loop through forwarding ports.
type world struct {
	t       *testing.T
	seed    uint64
	rng     *rand.Rand
	now     time.Time
	queue   arrivals
	order   int
	lost    func(from *plug, b BPDU) bool // frames for which it reports true are lost; may be nil
	bridges []*node
	wires   []*wire
	moved   bool // the active topology has changed since the last look
	history []string
}

type node struct {
	w       *world
	name    int
	m       *Machine
	plugs   []*plug
	on      bool // powered
	change  bool // what it was told of the topology
	changed time.Time
}

type plug struct {
	node  *node
	id    switchdev.PortID
	wire  *wire
	cost  uint32
	prio  uint8
	up    bool
	lives int // counts the times it went down: frames on their way are lost then
	state switchdev.PortState
}

type wire struct {
	plugs []*plug
	delay time.Duration
	dead  bool // it passes nothing, and nobody notices
}

type arrival struct {
	at    time.Time
	order int
	to    *plug
	lives int
	frame []byte
}

type arrivals []arrival

func (a arrivals) Len() int { return len(a) }
func (a arrivals) Less(i, j int) bool {
	if !a[i].at.Equal(a[j].at) {
		return a[i].at.Before(a[j].at)
	}
	return a[i].order < a[j].order
}
func (a arrivals) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *arrivals) Push(x any)   { *a = append(*a, x.(arrival)) }
func (a *arrivals) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

func newWorld(t *testing.T, seed uint64) *world {
	return &world{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 17)), now: epoch}
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("seed %d at %v: %s\n%s", w.seed, w.now.Sub(epoch), fmt.Sprintf(format, args...), strings.Join(w.history, "\n"))
}

func (w *world) did(format string, args ...any) {
	w.history = append(w.history, fmt.Sprintf("%v ", w.now.Sub(epoch))+fmt.Sprintf(format, args...))
}

func (w *world) addBridge(cfg Config) *node {
	n := &node{w: w, name: len(w.bridges), on: true}
	n.m = New(cfg, n)
	w.bridges = append(w.bridges, n)
	w.did("bridge %d is %v", n.name, n.m.id)
	n.m.Start(w.now)
	return n
}

func (w *world) addWire(delay time.Duration) *wire {
	s := &wire{delay: delay}
	w.wires = append(w.wires, s)
	return s
}

// connect puts a new port of a bridge on a segment.
func (w *world) connect(n *node, s *wire, cost uint32, prio uint8) *plug {
	p := &plug{node: n, id: switchdev.PortID(len(n.plugs) + 1), wire: s, cost: cost, prio: prio, up: true}
	n.plugs = append(n.plugs, p)
	s.plugs = append(s.plugs, p)
	w.did("%v on segment %d with cost %d, priority %d", p, slices.Index(w.wires, s), cost, prio)
	if err := n.m.AddPort(PortConfig{ID: p.id, Priority: prio, PathCost: cost}); err != nil {
		w.fail("%v", err)
	}
	if err := n.m.EnablePort(w.now, p.id); err != nil {
		w.fail("%v", err)
	}
	return p
}

func (p *plug) String() string { return fmt.Sprintf("port %d.%v", p.node.name, p.id) }

func (n *node) SetState(id switchdev.PortID, s switchdev.PortState) {
	p := n.plugs[id-1]
	if p.state == s {
		n.w.fail("%v is told to be %v, and is already", p, s)
	}
	p.state, n.w.moved = s, true
}

func (n *node) TopologyChange(on bool) {
	if n.change == on {
		n.w.fail("bridge %d is told again of a topology change: %v", n.name, on)
	}
	n.change, n.changed = on, n.w.now
}

func (n *node) Send(id switchdev.PortID, frame []byte) {
	from := n.plugs[id-1]
	if !from.up || !n.on || from.wire.dead {
		return // what a machine sends at its end gets nowhere
	}
	if b, ok := Parse(frame); !ok || n.w.lost != nil && n.w.lost(from, b) {
		return
	}
	for _, to := range from.wire.plugs {
		if to != from && to.up {
			n.w.order++
			heap.Push(&n.w.queue, arrival{n.w.now.Add(from.wire.delay), n.w.order, to, to.lives, frame})
		}
	}
}

// run lets d pass.
func (w *world) run(d time.Duration) {
	end := w.now.Add(d)
	for {
		next, who := w.next()
		if next.IsZero() || next.After(end) {
			break
		}
		w.now = next
		if who != nil {
			who.m.Poll(w.now)
		} else {
			a := heap.Pop(&w.queue).(arrival)
			if a.lives == a.to.lives {
				a.to.node.m.Receive(w.now, a.to.id, a.frame)
			}
		}
		w.look()
	}
	w.now = end
}

// next returns what happens next: a bridge wants to be polled, or nil, a frame arrives.
func (w *world) next() (at time.Time, who *node) {
	if len(w.queue) > 0 {
		at = w.queue[0].at
	}
	for _, n := range w.bridges {
		if t := n.m.Next(); !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at, who = t, n
		}
	}
	return at, who
}

// look fails if the forwarding ports make a loop: bridges and segments are the
// nodes of a graph, forwarding ports its edges.
func (w *world) look() {
	if !w.moved {
		return
	}
	w.moved = false
	group := map[any]any{}
	find := func(x any) any {
		for group[x] != nil {
			x = group[x]
		}
		return x
	}
	for _, n := range w.bridges {
		for _, p := range n.plugs {
			if !p.up || p.wire.dead || p.state != switchdev.PortForwarding {
				continue
			}
			a, b := find(n), find(p.wire)
			if a == b {
				w.fail("%v closes a loop\n%s", p, w.show())
			}
			group[a] = b
		}
	}
}

func (w *world) show() string {
	var b strings.Builder
	for _, n := range w.bridges {
		s := n.m.Status()
		fmt.Fprintf(&b, "bridge %d %v on %v root %v port %v cost %d change %v\n", n.name, s.Bridge, n.on, s.Root, s.RootPort, s.RootPathCost, n.change)
		for _, p := range n.plugs {
			ps, _ := n.m.Port(p.id)
			fmt.Fprintf(&b, "\t%v on segment %d up %v: %v %v, by %v %v cost %d\n", p, slices.Index(w.wires, p.wire), p.up,
				ps.State, ps.Role, ps.DesignatedBridge, ps.DesignatedPort, ps.DesignatedCost)
		}
	}
	return b.String()
}

func (p *plug) set(up bool) {
	if p.up == up {
		return
	}
	w, m := p.node.w, p.node.m
	w.did("%v up %v", p, up)
	p.up = up
	w.moved = true
	if up {
		_ = m.EnablePort(w.now, p.id)
	} else {
		p.lives++
		_ = m.DisablePort(w.now, p.id)
	}
	w.look()
}

// power switches a bridge on or off. What is on a link with it notices.
func (n *node) power(on bool) {
	if n.on == on {
		return
	}
	n.w.did("bridge %d on %v", n.name, on)
	if on {
		n.on = true
		n.m.Start(n.w.now)
	} else {
		n.m.Stop(n.w.now)
		n.on = false
	}
	n.w.look()
	for _, p := range n.plugs {
		if len(p.wire.plugs) == 2 {
			for _, q := range p.wire.plugs {
				if q.node != n {
					q.set(on)
				}
			}
		}
	}
}
