package stp

import (
	"slices"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// claimant is somebody who could lead a segment, or a bridge, to the root. It is
// written as numbers, the first that differs decides.
type claimant struct {
	key  [7]uint64
	plug *plug
}

func least(all []claimant) *plug {
	if len(all) == 0 {
		return nil
	}
	return slices.MinFunc(all, func(a, b claimant) int { return slices.Compare(a.key[:], b.key[:]) }).plug
}

func (n *node) key() uint64 {
	id := n.m.Status().Bridge
	return id.MAC.Uint64() | uint64(id.Priority)<<48
}

func (p *plug) key() uint64 { return uint64(p.prio)<<10 | uint64(p.id) }

func (p *plug) works() bool { return p.up && p.node.on }

// tree is what all bridges together should have worked out: written from IEEE 802.1D-1998,
// 8.3, as what a tree is and not as how it is found.
type tree struct {
	root map[*node]*node
	cost map[*node]uint64
	way  map[*node]*plug // the root port, nil for a root
	lead map[*wire]*plug // the designated port
}

func (w *world) tree() tree {
	t := tree{map[*node]*node{}, map[*node]uint64{}, map[*node]*plug{}, map[*wire]*plug{}}
	for _, n := range w.bridges {
		reach := map[*node]bool{n: true}
		for size := 0; size != len(reach); {
			size = len(reach)
			for _, s := range w.wires {
				if slices.ContainsFunc(s.plugs, func(p *plug) bool { return p.works() && reach[p.node] }) {
					for _, p := range s.plugs {
						if p.works() {
							reach[p.node] = true
						}
					}
				}
			}
		}
		root := n
		for m := range reach {
			if m.key() < root.key() {
				root = m
			}
		}
		t.root[n] = root
		if root != n {
			t.cost[n] = 1 << 40
		}
	}
	for range w.bridges { // no way is longer than that
		for _, s := range w.wires {
			for _, p := range s.plugs {
				for _, q := range s.plugs {
					if p.works() && q.works() && p.node != q.node {
						t.cost[p.node] = min(t.cost[p.node], t.cost[q.node]+uint64(p.cost))
					}
				}
			}
		}
	}
	for _, s := range w.wires {
		var all []claimant
		for _, p := range s.plugs {
			if p.works() {
				all = append(all, claimant{[7]uint64{t.cost[p.node], p.node.key(), p.key()}, p})
			}
		}
		t.lead[s] = least(all)
	}
	for _, n := range w.bridges {
		var all []claimant
		for _, p := range n.plugs {
			if q := t.lead[p.wire]; p.works() && q.node != n && t.root[n] != n {
				all = append(all, claimant{[7]uint64{t.cost[q.node] + uint64(p.cost), q.node.key(), q.key(), p.key()}, p})
			}
		}
		t.way[n] = least(all)
	}
	return t
}

// compare fails unless every bridge has found the tree, and every port is as it demands.
func (w *world) compare() {
	w.t.Helper()
	t := w.tree()
	for _, n := range w.bridges {
		checkSound(w.t, n.m)
		s := n.m.Status()
		var way switchdev.PortID
		if p := t.way[n]; p != nil {
			way = p.id
		}
		if s.Root != t.root[n].m.Status().Bridge || uint64(s.RootPathCost) != t.cost[n] || s.RootPort != way {
			w.fail("bridge %d has root %v, cost %d, by port %v; it should be bridge %d, cost %d, port %v\n%s",
				n.name, s.Root, s.RootPathCost, s.RootPort, t.root[n].name, t.cost[n], way, w.show())
		}
		if root := t.root[n].m.Status(); s.HelloTime != root.BridgeHelloTime || s.MaxAge != root.BridgeMaxAge || s.ForwardDelay != root.BridgeForwardDelay {
			w.fail("bridge %d has times %v, %v, %v, not the root's", n.name, s.HelloTime, s.MaxAge, s.ForwardDelay)
		}
		if n.change || s.TopologyChange || s.TopologyChangeDetected {
			w.fail("bridge %d still speaks of a topology change, since %v", n.name, n.changed.Sub(epoch))
		}
		for _, p := range n.plugs {
			w.comparePort(t, p)
		}
	}
}

func (w *world) comparePort(t tree, p *plug) {
	w.t.Helper()
	role, state := RoleAlternate, switchdev.PortBlocking
	switch lead := t.lead[p.wire]; {
	case !p.works():
		role, state = RoleDisabled, switchdev.PortDisabled
	case t.way[p.node] == p:
		role, state = RoleRoot, switchdev.PortForwarding
	case lead == p:
		role, state = RoleDesignated, switchdev.PortForwarding
	case lead.node == p.node:
		role = RoleBackup
	}
	s, _ := p.node.m.Port(p.id)
	if s.Role != role || s.State != state || p.state != state {
		w.fail("%v is %v, %v, was told to be %v; it should be %v, %v\n%s", p, s.Role, s.State, p.state, role, state, w.show())
	}
	if lead := t.lead[p.wire]; p.works() {
		if s.DesignatedBridge != lead.node.m.Status().Bridge || s.DesignatedPort != PortIdentifier(lead.key()) ||
			uint64(s.DesignatedCost) != t.cost[lead.node] || s.DesignatedRoot != t.root[p.node].m.Status().Bridge {
			w.fail("%v thinks that its segment is led by %v %v\n%s", p, s.DesignatedBridge, s.DesignatedPort, w.show())
		}
	}
}

// settled is how long it takes at the most until there is one tree and its ports
// forward: what is old is forgotten, news travel, which each bridge may hold back, the
// ports take their two delays, and the topology has changed for long enough.
func (w *world) settled() time.Duration {
	s := w.bridges[0].m.Status()
	news := time.Duration(len(w.bridges)) * (HoldTime + s.BridgeHelloTime)
	return s.BridgeMaxAge + news + 2*s.BridgeForwardDelay + news + s.BridgeForwardDelay + s.BridgeMaxAge + news
}
