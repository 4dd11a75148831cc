package stp

import (
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// Status is what a machine knows of the tree. Times at which a timer fires are the zero
// Time if it is not running.
type Status struct {
	Started      bool
	Halted       bool
	Root         BridgeID         // the bridge itself, if it is the root
	Bridge       BridgeID         // the bridge itself
	RootPort     switchdev.PortID // 0: the bridge is the root
	RootPathCost uint32           // 0: the bridge is the root

	TopologyChange         bool // what [Actions] was told last
	TopologyChangeDetected bool // the bridge has noticed one, and the root has not confirmed it

	HelloTime, MaxAge, ForwardDelay                   time.Duration // of the root
	BridgeHelloTime, BridgeMaxAge, BridgeForwardDelay time.Duration // that the bridge would have as a root

	Hello, TCN, TopologyChangeEnd time.Time // when the timers fire
}

// Status returns what the machine knows.
func (m *Machine) Status() Status {
	s := Status{
		Started:                m.started,
		Halted:                 m.halted,
		Root:                   m.root,
		Bridge:                 m.id,
		RootPathCost:           m.rootPathCost,
		TopologyChange:         m.change,
		TopologyChangeDetected: m.detected,
		HelloTime:              m.current.hello,
		MaxAge:                 m.current.maxAge,
		ForwardDelay:           m.current.forwardDelay,
		BridgeHelloTime:        m.own.hello,
		BridgeMaxAge:           m.own.maxAge,
		BridgeForwardDelay:     m.own.forwardDelay,
		Hello:                  m.hello.at,
		TCN:                    m.tcn.at,
		TopologyChangeEnd:      m.changing.at,
	}
	if m.rootPort != nil {
		s.RootPort = m.rootPort.id
	}
	return s
}

// Role is what a port is in the tree. Linux does not name roles; these are those of
// IEEE 802.1D-2004, 17.7.
type Role uint8

// The roles of a port.
const (
	RoleDisabled   Role = iota // it takes no part
	RoleRoot                   // the way to the root
	RoleDesignated             // its segment's way to the root
	RoleAlternate              // blocked: another bridge leads its segment to the root
	RoleBackup                 // blocked: another port of this bridge leads its segment to the root
	numRoles
)

var roleNames = [numRoles]string{"disabled", "root", "designated", "alternate", "backup"}

// String returns the role's name.
func (r Role) String() string {
	if r < numRoles {
		return roleNames[r]
	}
	return "invalid"
}

// PortStatus is what a machine knows of a port. Times at which a timer fires are the
// zero Time if it is not running.
type PortStatus struct {
	ID       switchdev.PortID
	Port     PortIdentifier // in BPDUs: priority and number
	PathCost uint32
	State    switchdev.PortState
	Role     Role
	Enabled  bool

	// Who leads the segment to the root: this port itself if it is designated.
	DesignatedRoot   BridgeID
	DesignatedCost   uint32
	DesignatedBridge BridgeID
	DesignatedPort   PortIdentifier

	ConfigPending     bool // a BPDU waits for the hold time
	TopologyChangeAck bool // the next one acknowledges a topology change

	MessageAge, ForwardDelay, Hold time.Time // when the timers fire
}

// Port returns what the machine knows of a port, and whether there is one.
func (m *Machine) Port(id switchdev.PortID) (PortStatus, bool) {
	p := m.byID[id]
	if p == nil {
		return PortStatus{}, false
	}
	return PortStatus{
		ID:                p.id,
		Port:              p.wire,
		PathCost:          p.cost,
		State:             p.state,
		Role:              m.role(p),
		Enabled:           p.enabled,
		DesignatedRoot:    p.info.root,
		DesignatedCost:    p.info.cost,
		DesignatedBridge:  p.info.bridge,
		DesignatedPort:    p.info.port,
		ConfigPending:     p.pending,
		TopologyChangeAck: p.ack,
		MessageAge:        p.messageAge.at,
		ForwardDelay:      p.forwardDelay.at,
		Hold:              p.hold.at,
	}, true
}

func (m *Machine) role(p *port) Role {
	switch {
	case p.state == switchdev.PortDisabled:
		return RoleDisabled
	case p == m.rootPort:
		return RoleRoot
	case m.designated(p):
		return RoleDesignated
	case p.info.bridge == m.id:
		return RoleBackup
	}
	return RoleAlternate
}
