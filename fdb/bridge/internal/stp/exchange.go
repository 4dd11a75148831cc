package stp

import (
	"cmp"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// Receive takes a frame that came in by a port. It reports whether that was a
// BPDU and was taken; otherwise nothing has changed: the frame is none that
// [Parse] accepts, there is no such port, the port is disabled, or the machine is not
// started. Receive keeps nothing of frame (br_stp_rcv in
// net/bridge/br_stp_bpdu.c).
func (m *Machine) Receive(now time.Time, id switchdev.PortID, frame []byte) bool {
	p := m.byID[id]
	if p == nil || m.halted || p.state == switchdev.PortDisabled {
		return false
	}
	b, ok := Parse(frame)
	switch {
	case !ok:
		return false
	case p.guard:
		m.leave(now, p)
	case b.Kind == KindConfig:
		m.receiveConfig(now, p, b)
	case m.designated(p): // a TCN (br_received_tcn_bpdu)
		m.detect(now)
		p.ack = true
		m.transmit(now, p)
	}
	return true
}

// receiveConfig is br_received_config_bpdu (net/bridge/br_stp.c; IEEE
// 802.1D-1998, 8.7.1).
func (m *Machine) receiveConfig(now time.Time, p *port, b BPDU) {
	if !m.supersedes(p, b) {
		if m.designated(p) {
			m.transmit(now, p)
		}
		return
	}
	wasRoot := m.isRoot()
	p.info = vector{root: b.Root, cost: b.RootPathCost, bridge: b.Bridge, port: b.Port}
	p.since = now.Add(-b.MessageAge)
	p.messageAge.start(now.Add(b.MaxAge - b.MessageAge))
	m.update(now)
	m.selectStates(now)
	if wasRoot && !m.isRoot() {
		m.hello.stop()
		if m.detected {
			m.changing.stop()
			m.notify(now)
		}
	}
	if p != m.rootPort {
		return
	}
	m.current = times{b.HelloTime, b.MaxAge, max(b.ForwardDelay, MinForwardDelay)}
	m.setChange(b.TopologyChange)
	m.generate(now)
	if b.TopologyChangeAck {
		m.detected = false
		m.tcn.stop()
	}
}

// supersedes reports whether b is to replace what p knows: it is better, or from the
// same port (br_supersedes_port_info).
func (m *Machine) supersedes(p *port, b BPDU) bool {
	better := cmp.Or(
		b.Root.Compare(p.info.root),
		cmp.Compare(b.RootPathCost, p.info.cost),
		b.Bridge.Compare(p.info.bridge),
	)
	if better != 0 {
		return better < 0
	}
	return b.Bridge != m.id || b.Port <= p.info.port
}

// generate sends a configuration BPDU by every designated port
// (br_config_bpdu_generation).
func (m *Machine) generate(now time.Time) {
	for _, p := range m.ports {
		if p.state != switchdev.PortDisabled && m.designated(p) {
			m.transmit(now, p)
		}
	}
}

// transmit sends a configuration BPDU by p, now or when the hold time is over
// (br_transmit_config).
func (m *Machine) transmit(now time.Time, p *port) {
	if p.hold.running {
		p.pending = true
		return
	}
	b := BPDU{
		Kind:              KindConfig,
		TopologyChange:    m.change,
		TopologyChangeAck: p.ack,
		Root:              m.root,
		RootPathCost:      m.rootPathCost,
		Bridge:            m.id,
		Port:              p.wire,
		MaxAge:            m.current.maxAge,
		HelloTime:         m.current.hello,
		ForwardDelay:      m.current.forwardDelay,
	}
	if m.rootPort != nil {
		b.MessageAge = now.Sub(m.rootPort.since) + tick
	}
	if b.MessageAge >= b.MaxAge {
		return // everybody would ignore it
	}
	p.ack, p.pending = false, false
	p.hold.start(now.Add(HoldTime))
	m.send(p, b)
}

func (m *Machine) send(p *port, b BPDU) {
	if m.halted {
		return
	}
	src := p.mac
	if src.IsZero() {
		src = m.mac
	}
	m.actions.Send(p.id, b.AppendFrame(make([]byte, 0, headerLen+llcLen+configLen), src))
}

// detect notes a topology change that this bridge has noticed or was told of
// (br_topology_change_detection).
func (m *Machine) detect(now time.Time) {
	if !m.started || m.halted {
		return
	}
	switch {
	case m.isRoot():
		m.setChange(true)
		m.changing.start(now.Add(m.own.forwardDelay + m.own.maxAge))
	case !m.detected:
		m.notify(now)
	}
	m.detected = true
}

// notify tells the bridge that is nearer to the root of a topology change, until that
// acknowledges it.
func (m *Machine) notify(now time.Time) {
	if m.rootPort != nil {
		m.send(m.rootPort, BPDU{Kind: KindTCN})
	}
	m.tcn.start(now.Add(m.own.hello))
}

func (m *Machine) setChange(on bool) {
	if m.change != on {
		m.change = on
		m.actions.TopologyChange(on)
	}
}
