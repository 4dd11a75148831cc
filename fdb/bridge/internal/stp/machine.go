package stp

import (
	"slices"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// Config is what a bridge begins with.
type Config struct {
	// MAC is the address of the bridge, part of its identity and the source of
	// its frames where a port has no address of its own. It may be zero until
	// the bridge has a port.
	MAC switchdev.MAC

	// Priority is the other part of the identity; lower is more likely the root.
	// Zero is a priority. See [DefaultPriority].
	Priority uint16

	// HelloTime, MaxAge and ForwardDelay are the times that the whole tree uses if
	// this bridge is the root. Zero is [DefaultHelloTime], [DefaultMaxAge] and
	// [DefaultForwardDelay]. See [CheckTimes] for what else is permitted.
	HelloTime, MaxAge, ForwardDelay time.Duration
}

// Actions is what a machine does to the world. The methods are called from within
// the methods of the machine, in the order in which things happen. They must not call
// the machine.
type Actions interface {
	// SetState is called when a port has gone into another state. A port that is
	// new to the machine is in [switchdev.PortDisabled]. A port that comes up is
	// blocking first, and may be listening within the same call.
	SetState(port switchdev.PortID, state switchdev.PortState)

	// Send hands over a frame that is to leave by a port, whatever the port's state.
	// It belongs to the receiver. See [BPDU.AppendFrame] for its length.
	Send(port switchdev.PortID, frame []byte)

	// TopologyChange is called when the topology begins to change, as far as this
	// bridge knows, and when that is over. In between the bridge forgets stations
	// after the forward delay of [Status] (__br_set_topology_change in
	// net/bridge/br_stp.c). It is called with true and false in turn, true first.
	TopologyChange(on bool)
}

// Machine is the protocol entity of one bridge. See the package's documentation
// for who may call it when. [New] makes one.
type Machine struct {
	actions Actions
	started bool
	halted  bool
	yielded bool // somebody else sets the states of ports; only of one that is halted
	mac     switchdev.MAC

	id      BridgeID
	own     times // what this bridge has as a root
	current times // what the root of the tree has

	root         BridgeID
	rootPathCost uint32
	rootPort     *port // nil: this bridge is the root

	change   bool // topology_change: the root says so
	detected bool // topology_change_detected: this bridge noticed

	hello, tcn, changing timer

	ports  []*port // by number
	byID   map[switchdev.PortID]*port
	events []event // of Poll, kept for its memory
}

// New returns the machine of a bridge without ports, not started: it is the root of
// its own tree. actions must not be nil. New panics if [CheckTimes] refuses the
// times; whoever does not know asks first.
func New(cfg Config, actions Actions) *Machine {
	or := func(d, byDefault time.Duration) time.Duration {
		if d == 0 {
			return byDefault
		}
		return d
	}
	own := times{
		hello:        or(cfg.HelloTime, DefaultHelloTime),
		maxAge:       or(cfg.MaxAge, DefaultMaxAge),
		forwardDelay: or(cfg.ForwardDelay, DefaultForwardDelay),
	}
	if err := CheckTimes(own.hello, own.maxAge, own.forwardDelay); err != nil {
		panic(err)
	}
	id := BridgeID{Priority: cfg.Priority, MAC: cfg.MAC}
	return &Machine{
		actions: actions,
		mac:     cfg.MAC,
		id:      id,
		root:    id,
		own:     own,
		current: own,
		byID:    map[switchdev.PortID]*port{},
	}
}

// Start begins: ports that are enabled take part. A machine that was started
// already goes on (br_stp_enable_bridge in net/bridge/br_stp_if.c).
func (m *Machine) Start(now time.Time) {
	if m.started {
		return
	}
	m.started = true
	if !m.halted {
		m.hello.start(now.Add(m.current.hello))
	}
	for _, p := range m.ports {
		if p.enabled {
			m.join(now, p)
		}
	}
}

// Stop ends it: every port is disabled in the tree, no timer runs, and no frame
// is sent or taken any more. Which ports are enabled is kept for the next Start
// (br_stp_disable_bridge in net/bridge/br_stp_if.c).
func (m *Machine) Stop(now time.Time) {
	if !m.started {
		return
	}
	for _, p := range m.ports {
		if p.state != switchdev.PortDisabled {
			m.leave(now, p)
		}
	}
	m.setChange(false)
	m.detected = false
	m.hello.stop()
	m.tcn.stop()
	m.changing.stop()
	m.started = false
}

// Halt ends the protocol and leaves the ports to themselves: they are on their way as
// before, and one that would begin one forwards at once, with its timer running for
// whoever sets another state; what the topology change wants lasts as long as it would.
// Nothing is sent or taken any more. Stop and Start change nothing about that. A machine
// may be halted from its beginning (br_stp_stop in net/bridge/br_stp_if.c).
func (m *Machine) Halt() {
	m.halted, m.yielded = true, false
	m.hello.stop()
	m.tcn.stop()
}

// Yield is Halt for the sake of somebody else who sets the states of the ports: one that
// begins stays blocking, and no state is chosen any more; timers that run go on
// (BR_USER_STP in br_port_state_selection, net/bridge/br_stp.c).
func (m *Machine) Yield() {
	m.Halt()
	m.yielded = true
}

// Resume takes Halt and Yield back (br_stp_start in net/bridge/br_stp_if.c).
func (m *Machine) Resume(now time.Time) {
	if !m.halted {
		return
	}
	m.halted, m.yielded = false, false
	if m.started {
		m.hello.start(now.Add(m.current.hello))
	}
	m.selectStates(now)
}

// Adopt enables a port that is in a state already, which nobody is told. No timer runs
// that would bring it into another. ErrNoDevice if there is none.
func (m *Machine) Adopt(now time.Time, id switchdev.PortID, s switchdev.PortState) error {
	p, err := m.find("stp.adopt port", id)
	if err != nil {
		return err
	}
	if p.state == switchdev.PortDisabled {
		m.claim(p)
	}
	p.enabled, p.state = true, s
	m.selectStates(now)
	return nil
}

// SetPriority changes the priority of the bridge. A bridge that has become
// better is the root at once if it is better than the root that it knows; one that has
// become worse is found out when the others have forgotten what it said before, after
// the max age (br_stp_set_bridge_priority in net/bridge/br_stp_if.c).
func (m *Machine) SetPriority(now time.Time, priority uint16) {
	m.rename(now, BridgeID{Priority: priority, MAC: m.id.MAC})
}

// SetMAC changes the address of the bridge, and with it its identity. See SetPriority
// for when that tells (br_stp_change_bridge_id in net/bridge/br_stp_if.c).
func (m *Machine) SetMAC(now time.Time, mac switchdev.MAC) {
	m.mac = mac
	m.rename(now, BridgeID{Priority: m.id.Priority, MAC: mac})
}

// rename gives the bridge another identity. What it has said under the old one, and
// hears from itself on a backup port, it says under the new one.
func (m *Machine) rename(now time.Time, id BridgeID) {
	wasRoot, old := m.isRoot(), m.id
	m.id = id
	for _, p := range m.ports {
		if p.info.bridge == old {
			p.info.bridge = id
		}
		if p.info.root == old {
			p.info.root = id
		}
	}
	m.reconsider(now, wasRoot)
}

// SetTimes changes the times that the tree uses while this bridge is its root.
// The error is that of [CheckTimes]. Timers that run go on as they are
// (br_set_hello_time and its neighbours in net/bridge/br_stp.c).
func (m *Machine) SetTimes(hello, maxAge, forwardDelay time.Duration) error {
	if err := CheckTimes(hello, maxAge, forwardDelay); err != nil {
		return err
	}
	m.own = times{hello, maxAge, forwardDelay}
	if m.isRoot() {
		m.current = m.own
	}
	return nil
}

// reconsider works out the tree and the states anew after something of this bridge
// itself has changed.
func (m *Machine) reconsider(now time.Time, wasRoot bool) {
	m.update(now)
	m.selectStates(now)
	if m.isRoot() && !wasRoot {
		m.becomeRoot(now)
	}
}

func (m *Machine) isRoot() bool { return m.root == m.id }

// becomeRoot is br_become_root_bridge (net/bridge/br_stp.c).
func (m *Machine) becomeRoot(now time.Time) {
	m.current = m.own
	m.detect(now)
	m.tcn.stop()
	if m.started {
		m.generate(now)
		m.hello.start(now.Add(m.current.hello))
	}
}

// insert puts p into its place among the ports.
func (m *Machine) insert(p *port) {
	i, _ := slices.BinarySearchFunc(m.ports, p.number, func(q *port, n uint16) int { return int(q.number) - int(n) })
	m.ports = slices.Insert(m.ports, i, p)
	m.byID[p.id] = p
}
