package stp

import (
	"cmp"
	"math"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// designated reports whether p is the designated port of its segment, as far as it
// knows (br_is_designated_port in net/bridge/br_private_stp.h).
func (m *Machine) designated(p *port) bool {
	return p.info.bridge == m.id && p.info.port == p.wire
}

// claim makes p the designated port of its segment (br_become_designated_port in
// net/bridge/br_stp.c).
func (m *Machine) claim(p *port) {
	p.info = vector{root: m.root, cost: m.rootPathCost, bridge: m.id, port: p.wire}
}

// throughCost is what the root costs through p. It does not overflow: a
// neighbour that claims to be infinitely far away must not look near.
func (p *port) throughCost() uint32 {
	if p.info.cost > math.MaxUint32-p.cost {
		return math.MaxUint32
	}
	return p.info.cost + p.cost
}

// update works out the root, and on which segments this bridge leads there
// (br_configuration_update in net/bridge/br_stp.c).
func (m *Machine) update(now time.Time) {
	m.selectRoot(now)
	for _, p := range m.ports {
		if p.state != switchdev.PortDisabled && m.shouldLead(p) {
			m.claim(p)
		}
	}
}

// selectRoot is br_root_selection (net/bridge/br_stp.c; IEEE 802.1D-1998, 8.6.8),
// but that a backup port never becomes the root port, as in IEEE 802.1D-2004, 17.6:
// what it heard is what this bridge itself once said of a way that it may have lost.
// A bridge that believed it would let both ports of one segment forward.
func (m *Machine) selectRoot(now time.Time) {
	var best *port
	for _, p := range m.ports {
		switch {
		case p.state == switchdev.PortDisabled || p.info.bridge == m.id || m.id.Compare(p.info.root) <= 0:
		case best != nil && !p.betterRootPort(best):
		case p.rootBlock:
			m.setState(p, switchdev.PortListening)
			p.forwardDelay.start(now.Add(m.current.forwardDelay))
		default:
			best = p
		}
	}
	m.rootPort, m.root, m.rootPathCost = best, m.id, 0
	if best != nil {
		m.root, m.rootPathCost = best.info.root, best.throughCost()
	}
}

// betterRootPort reports whether p leads to the root better than q. Of two parallel
// links the number at the other end decides, and that of the port itself if
// both ports are on one segment.
func (p *port) betterRootPort(q *port) bool {
	return cmp.Or(
		p.info.root.Compare(q.info.root),
		cmp.Compare(p.throughCost(), q.throughCost()),
		p.info.bridge.Compare(q.info.bridge),
		cmp.Compare(p.info.port, q.info.port),
		cmp.Compare(p.wire, q.wire),
	) < 0
}

// shouldLead reports whether p is to be the designated port of its segment
// (br_should_become_designated_port in net/bridge/br_stp.c; 8.6.9).
func (m *Machine) shouldLead(p *port) bool {
	if m.designated(p) || p.info.root != m.root {
		return true
	}
	return cmp.Or(
		cmp.Compare(m.rootPathCost, p.info.cost),
		m.id.Compare(p.info.bridge),
		cmp.Compare(p.wire, p.info.port),
	) < 0
}

// selectStates is br_port_state_selection (net/bridge/br_stp.c; 8.6.11).
func (m *Machine) selectStates(now time.Time) {
	if m.yielded {
		return
	}
	for _, p := range m.ports {
		switch {
		case p.state == switchdev.PortDisabled:
		case p == m.rootPort:
			p.ack, p.pending = false, false
			m.unblock(now, p)
		case m.designated(p):
			p.messageAge.stop()
			m.unblock(now, p)
		default:
			p.ack, p.pending = false, false
			m.block(now, p)
		}
	}
}

// unblock sends a blocked port on its way to forwarding (br_make_forwarding).
func (m *Machine) unblock(now time.Time, p *port) {
	switch {
	case p.state != switchdev.PortBlocking:
		return
	case m.halted:
		m.setState(p, switchdev.PortForwarding)
		p.forwardDelay.start(now.Add(m.current.forwardDelay)) // for whoever sets another state
		return
	}
	m.setState(p, switchdev.PortListening)
	p.forwardDelay.start(now.Add(m.current.forwardDelay))
}

// block is br_make_blocking.
func (m *Machine) block(now time.Time, p *port) {
	if p.state == switchdev.PortBlocking {
		return
	}
	lost := p.state == switchdev.PortForwarding || p.state == switchdev.PortLearning
	p.forwardDelay.stop()
	m.setState(p, switchdev.PortBlocking)
	if lost {
		m.detect(now)
	}
}
