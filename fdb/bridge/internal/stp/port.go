package stp

import (
	"slices"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// PortConfig is what a port begins with.
type PortConfig struct {
	// ID is the number of the port, from 1. See the package's documentation for
	// the number that it has in BPDUs.
	ID switchdev.PortID

	// MAC is the source of the frames that the port sends. Zero is the
	// bridge's address.
	MAC switchdev.MAC

	// Priority decides between ports that are equal otherwise; lower is better. It is
	// at most [MaxPortPriority]. Zero is a priority. See [DefaultPortPriority].
	Priority uint8

	// PathCost is what it costs to reach the root through this port, 1 to
	// [MaxPathCost]. Zero is [DefaultPathCost].
	PathCost uint32

	// RootBlock keeps the port from becoming the root port: while it hears of a
	// better root it listens (BR_ROOT_BLOCK in Linux, root_block in bridge(8)).
	RootBlock bool

	// Guard makes a port that receives a BPDU leave the tree: it is disabled until
	// [Machine.EnablePort] (BR_BPDU_GUARD in Linux, guard in bridge(8)).
	Guard bool
}

// vector is what somebody claims: the root, the cost to it, and by which port of
// which bridge a segment gets there.
type vector struct {
	root   BridgeID
	cost   uint32
	bridge BridgeID
	port   PortIdentifier
}

// port is a port of the bridge (struct net_bridge_port in net/bridge/br_private.h).
type port struct {
	id        switchdev.PortID
	number    uint16
	wire      PortIdentifier
	mac       switchdev.MAC
	cost      uint32
	rootBlock bool
	guard     bool

	enabled bool
	state   switchdev.PortState
	info    vector    // the best that is known of the segment
	since   time.Time // when the root sent what info is from (designated_age)
	ack     bool      // a TCN is to be acknowledged (topology_change_ack)
	pending bool      // a BPDU is to be sent when hold is over (config_pending)

	messageAge, forwardDelay, hold timer
}

// AddPort adds a port, which is not enabled. Errors: ErrInvalid for port 0,
// ErrExist if there is such a port, ErrRange for a priority or a cost that
// does not exist, ErrNoSpace if there are 1023 ports, where Linux says EXFULL
// (br_add_if in net/bridge/br_if.c).
func (m *Machine) AddPort(cfg PortConfig) error {
	const op = "stp.add port"
	object := "port " + cfg.ID.String()
	if cfg.PathCost == 0 {
		cfg.PathCost = DefaultPathCost
	}
	switch {
	case cfg.ID.IsHost():
		return refusal(op, object, "the bridge is no port of its own", switchdev.ErrInvalid)
	case m.byID[cfg.ID] != nil:
		return refusal(op, object, "", switchdev.ErrExist)
	}
	if err := checkPort(op, object, cfg.Priority, cfg.PathCost); err != nil {
		return err
	}
	number, ok := m.freeNumber(cfg.ID)
	if !ok {
		return refusal(op, object, "all port numbers are taken", switchdev.ErrNoSpace)
	}
	p := &port{id: cfg.ID, number: number, wire: identifier(cfg.Priority, number), mac: cfg.MAC,
		cost: cfg.PathCost, rootBlock: cfg.RootBlock, guard: cfg.Guard}
	m.claim(p)
	m.insert(p)
	return nil
}

func checkPort(op, object string, priority uint8, cost uint32) error {
	switch {
	case priority > MaxPortPriority:
		return refusal(op, object, "want a priority of 0 to 63", switchdev.ErrRange)
	case cost < MinPathCost || cost > MaxPathCost:
		return refusal(op, object, "want a path cost of 1 to 65535", switchdev.ErrRange)
	}
	return nil
}

// freeNumber finds a number for a port. Those of ports that are called otherwise
// come from the upper end, where few ports want theirs.
func (m *Machine) freeNumber(id switchdev.PortID) (uint16, bool) {
	free := func(n uint16) bool {
		return !slices.ContainsFunc(m.ports, func(p *port) bool { return p.number == n })
	}
	if id <= maxNumber && free(uint16(id)) {
		return uint16(id), true
	}
	if len(m.ports) >= maxNumber {
		return 0, false
	}
	n := uint16(maxNumber)
	for !free(n) {
		n--
	}
	return n, true
}

// find returns a port, or ErrNoDevice.
func (m *Machine) find(op string, id switchdev.PortID) (*port, error) {
	if p := m.byID[id]; p != nil {
		return p, nil
	}
	return nil, refusal(op, "port "+id.String(), "", switchdev.ErrNoDevice)
}

// RemovePort disables a port and forgets it. ErrNoDevice if there is none
// (del_nbp in net/bridge/br_if.c).
func (m *Machine) RemovePort(now time.Time, id switchdev.PortID) error {
	p, err := m.find("stp.remove port", id)
	if err != nil {
		return err
	}
	m.disable(now, p)
	m.ports = slices.DeleteFunc(m.ports, func(q *port) bool { return q == p })
	delete(m.byID, id)
	return nil
}

// EnablePort tells that frames pass a port: it is up and has a carrier. It takes
// part then, if the machine is started. A port that its guard has disabled takes
// part again. ErrNoDevice if there is none (br_stp_enable_port in
// net/bridge/br_stp_if.c).
func (m *Machine) EnablePort(now time.Time, id switchdev.PortID) error {
	p, err := m.find("stp.enable port", id)
	if err != nil {
		return err
	}
	p.enabled = true
	if m.started && p.state == switchdev.PortDisabled {
		m.join(now, p)
	}
	return nil
}

// DisablePort tells that no frames pass a port. ErrNoDevice if there is none
// (br_stp_disable_port in net/bridge/br_stp_if.c).
func (m *Machine) DisablePort(now time.Time, id switchdev.PortID) error {
	p, err := m.find("stp.disable port", id)
	if err != nil {
		return err
	}
	m.disable(now, p)
	return nil
}

// disable has a port take no part any more. While the machine is not started that is noted
// only, and a state that was set stays: nobody looks at the port then.
func (m *Machine) disable(now time.Time, p *port) {
	p.enabled = false
	if m.started && p.state != switchdev.PortDisabled {
		m.leave(now, p)
	}
}

// SetPortState puts a port into a state, and chooses the states of all again: without the
// protocol one that is blocking forwards then. Timers go on as they are, so one that was
// put into listening or learning goes on from there if its timer is running. ErrNoDevice
// if there is none (br_set_port_state in net/bridge/br_netlink.c, which refuses it while
// the protocol runs).
func (m *Machine) SetPortState(now time.Time, id switchdev.PortID, s switchdev.PortState) error {
	p, err := m.find("stp.set port state", id)
	if err != nil {
		return err
	}
	m.setState(p, s)
	m.selectStates(now)
	return nil
}

// join lets a port take part (br_init_port and br_stp_enable_port).
func (m *Machine) join(now time.Time, p *port) {
	m.claim(p)
	m.setState(p, switchdev.PortBlocking)
	m.selectStates(now)
}

// leave takes a port out of the tree (br_stp_disable_port).
func (m *Machine) leave(now time.Time, p *port) {
	wasRoot := m.isRoot()
	m.claim(p)
	p.ack, p.pending = false, false
	p.messageAge.stop()
	p.forwardDelay.stop()
	p.hold.stop()
	m.setState(p, switchdev.PortDisabled)
	m.reconsider(now, wasRoot)
}

func (m *Machine) setState(p *port, s switchdev.PortState) {
	if p.state != s {
		p.state = s
		m.actions.SetState(p.id, s)
	}
}

// SetPathCost changes the cost of a port. ErrNoDevice, or ErrRange if it is not 1 to
// [MaxPathCost] (br_stp_set_path_cost in net/bridge/br_stp_if.c). What the port
// would cost is told to the others with the next BPDU.
func (m *Machine) SetPathCost(now time.Time, id switchdev.PortID, cost uint32) error {
	const op = "stp.set path cost"
	p, err := m.find(op, id)
	if err != nil {
		return err
	}
	if err := checkPort(op, "port "+id.String(), 0, cost); err != nil {
		return err
	}
	p.cost = cost
	m.update(now)
	m.selectStates(now)
	return nil
}

// SetPortPriority changes the priority of a port. ErrNoDevice, or ErrRange if it is
// above [MaxPortPriority] (br_stp_set_port_priority in net/bridge/br_stp_if.c).
func (m *Machine) SetPortPriority(now time.Time, id switchdev.PortID, priority uint8) error {
	const op = "stp.set port priority"
	p, err := m.find(op, id)
	if err != nil {
		return err
	}
	if err := checkPort(op, "port "+id.String(), priority, MinPathCost); err != nil {
		return err
	}
	wire := identifier(priority, p.number)
	if m.designated(p) {
		p.info.port = wire
	}
	p.wire = wire
	m.update(now)
	m.selectStates(now)
	return nil
}

// SetPortMAC changes the source of the frames of a port. Zero is the bridge's
// address. ErrNoDevice if there is no such port.
func (m *Machine) SetPortMAC(id switchdev.PortID, mac switchdev.MAC) error {
	p, err := m.find("stp.set port address", id)
	if err == nil {
		p.mac = mac
	}
	return err
}

// SetRootBlock changes [PortConfig.RootBlock]. A port that is the root port stays it
// until the next BPDU. ErrNoDevice if there is no such port.
func (m *Machine) SetRootBlock(id switchdev.PortID, on bool) error {
	p, err := m.find("stp.set root block", id)
	if err == nil {
		p.rootBlock = on
	}
	return err
}

// SetGuard changes [PortConfig.Guard]. ErrNoDevice if there is no such port.
func (m *Machine) SetGuard(id switchdev.PortID, on bool) error {
	p, err := m.find("stp.set guard", id)
	if err == nil {
		p.guard = on
	}
	return err
}
