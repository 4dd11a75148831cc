package bridge

import (
	"context"
	"time"

	"github.com/switchcore/switchcore/fdb/bridge/internal/stp"
	"github.com/switchcore/switchcore/switchdev"
)

// STPMode says who runs a spanning tree over the ports of a bridge.
type STPMode uint8

const (
	// STPOff: nobody does. Ports forward when they come up, and BPDUs, frames to
	// 01:80:c2:00:00:00, pass like any group frame.
	STPOff STPMode = iota
	// STPKernel: the bridge does it itself, as Linux does: IEEE 802.1D-1998 with
	// its timers, listening and learning for the forward delay each. Nobody else
	// sets the state of a port then.
	STPKernel
	// STPUser: a program outside does. BPDUs go to the host, ports come up
	// blocking, and the program sets their states.
	STPUser
	numSTPModes
)

var stpModeNames = [numSTPModes]string{"off", "kernel", "user"}

// String returns the mode's name, for instance "kernel".
func (m STPMode) String() string {
	if m < numSTPModes {
		return stpModeNames[m]
	}
	return "invalid"
}

// STPConfig is what a bridge brings into a spanning tree.
type STPConfig struct {
	// Mode says who runs it.
	Mode STPMode
	// Priority decides with the bridge's address who is the root; lower is more
	// likely. Zero means 32768, negative means 0; at most 65535.
	Priority int
	// ForwardDelay, HelloTime and MaxAge are the times of the tree while this
	// bridge is its root. Zero means 15 s, 2 s and 20 s; permitted are 2 to 30 s,
	// 1 to 10 s and 6 to 40 s.
	ForwardDelay, HelloTime, MaxAge time.Duration
	// Send sends a BPDU, which belongs to it then, by a port, whatever the port's
	// state is. It is called with nothing held, one call at a time, and should not
	// take long. STPKernel needs it. The port is one of the bridge's; of a port
	// with links any link will do.
	Send func(port switchdev.PortID, frame []byte)
}

// PortTree is what the spanning tree weighs a port by, and what it may do.
type PortTree struct {
	// Priority decides between ports that are equal otherwise; lower is better.
	// Zero means 32, negative means 0; at most 63.
	Priority int
	// PathCost is what it costs to reach the root by the port; zero means 100, at
	// most 65535.
	PathCost int
	// RootBlock keeps the port from becoming the way to the root.
	RootBlock bool
	// Guard disables the port when a BPDU comes in by it, until it goes down and
	// up again.
	Guard bool
}

// settle fills in the defaults, or says what is wrong.
func (c *STPConfig) settle() error {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.ForwardDelay, stp.DefaultForwardDelay)
	def(&c.HelloTime, stp.DefaultHelloTime)
	def(&c.MaxAge, stp.DefaultMaxAge)
	bad := func(field, reason string) error { return refusal(opSTP, field, reason, switchdev.ErrInvalid) }
	switch {
	case c.Mode >= numSTPModes:
		return bad("STP.Mode", "no such mode")
	case c.Priority > 0xffff:
		return bad("STP.Priority", "more than 65535")
	case c.Mode == STPKernel && c.Send == nil:
		return bad("STP.Send", "BPDUs have to be sent somehow")
	}
	return stp.CheckTimes(c.HelloTime, c.MaxAge, c.ForwardDelay)
}

// priority is the number that stands for p on the wire.
func priority(p, byDefault int) int {
	if p == 0 {
		return byDefault
	}
	return max(p, 0)
}

func (c *STPConfig) machine(mac switchdev.MAC) stp.Config {
	return stp.Config{
		MAC: mac, Priority: uint16(priority(c.Priority, int(stp.DefaultPriority))),
		HelloTime: c.HelloTime, MaxAge: c.MaxAge, ForwardDelay: c.ForwardDelay,
	}
}

// settle says what is wrong with t.
func (t *PortTree) settle(op, object string) error {
	if t.Priority > int(stp.MaxPortPriority) || t.PathCost < 0 || t.PathCost > int(stp.MaxPathCost) {
		return refusal(op, object, "want a priority of at most 63 and a path cost of at most 65535", switchdev.ErrRange)
	}
	return nil
}

func (t *PortTree) port(id switchdev.PortID, mac switchdev.MAC) stp.PortConfig {
	return stp.PortConfig{
		ID: id, MAC: mac, Priority: uint8(priority(t.Priority, int(stp.DefaultPortPriority))),
		PathCost: uint32(t.PathCost), RootBlock: t.RootBlock, Guard: t.Guard,
	}
}

// STPStatus is what a bridge knows of its spanning tree. The zero STPStatus is that
// of a bridge that runs none.
type STPStatus struct {
	// Mode says who runs it; all else is of STPKernel.
	Mode STPMode
	// Root is the root of the tree, Bridge this bridge: four digits of priority, a
	// dot, and twelve of the address.
	Root, Bridge string
	// RootPort leads to the root, at RootPathCost; 0 if this bridge is the root.
	RootPort     switchdev.PortID
	RootPathCost uint32
	// TopologyChange tells that stations are forgotten after the forward delay,
	// and Detected that it was this bridge that noticed.
	TopologyChange, Detected bool
	// HelloTime, MaxAge and ForwardDelay are those of the root.
	HelloTime, MaxAge, ForwardDelay time.Duration
	// Dropped counts BPDUs that came in faster than they were read.
	Dropped uint64
}

// STP returns what the bridge knows of its spanning tree. Anybody may call it at
// any time.
func (b *Bridge) STP() STPStatus {
	s := STPStatus{Mode: b.view.Load().stp}
	b.tree.mu.Lock()
	defer b.tree.mu.Unlock()
	s.Dropped = b.tree.dropped
	if m := b.tree.machine; m != nil && (s.Mode == STPKernel || !b.goesOn()) {
		st := m.Status()
		s.Root, s.Bridge = st.Root.String(), st.Bridge.String()
		s.RootPort, s.RootPathCost = st.RootPort, st.RootPathCost
		s.TopologyChange, s.Detected = st.TopologyChange, st.TopologyChangeDetected
		s.HelloTime, s.MaxAge, s.ForwardDelay = st.HelloTime, st.MaxAge, st.ForwardDelay
	}
	return s
}

// SetSTP says who runs a spanning tree from now on. Ports that STPKernel lets go of
// forward with STPOff, and stay as they are with STPUser. ErrInvalid for a mode that
// does not exist, and for STPKernel without a way to send BPDUs; what a device says
// that refuses the state of a port: the tree goes on, and the port is brought to
// its state. Linux: br_stp_set_enabled (net/bridge/br_stp_if.c), which starts a
// program if there is one; see also [QuirkTreeSwitch].
func (b *Bridge) SetSTP(ctx context.Context, m STPMode) error { return b.SubmitSetSTP(m).Wait(ctx) }

// SubmitSetSTP is SetSTP without the wait. It never blocks.
func (b *Bridge) SubmitSetSTP(m STPMode) *Ticket {
	switch {
	case m >= numSTPModes:
		return b.refused(refusal(opSTP, b.cfg.Name, "no such mode", switchdev.ErrInvalid))
	case m == STPKernel && b.cfg.STP.Send == nil:
		return b.refused(refusal(opSTP, b.cfg.Name, "BPDUs have to be sent somehow", switchdev.ErrInvalid))
	}
	o := b.newOp(opSTP, switchdev.PortHost)
	o.then(func() {
		old := b.view.Load().stp
		if old == m {
			return
		}
		b.set(func(s *setting) { s.stp = m })
		if b.tree.turn(old, m) {
			return
		}
		ports := b.view.Load()
		o.eachPort(ports, func(id switchdev.PortID) *op { return b.follow(id) }, func() *op {
			if old != STPKernel {
				return nil
			}
			return b.holding(0)
		})
	})
	return b.submit(o)
}

// SetSTPTimes sets the times that hold while this bridge is the root; zero means the
// default. ErrRange for what is not permitted. Linux: br_set_forward_delay,
// br_set_hello_time and br_set_max_age (net/bridge/br_stp.c), which check only while
// a tree is running.
func (b *Bridge) SetSTPTimes(forwardDelay, hello, maxAge time.Duration) error {
	c := STPConfig{ForwardDelay: forwardDelay, HelloTime: hello, MaxAge: maxAge}
	if err := c.settle(); err != nil {
		return err
	}
	b.tree.configure(func(to *STPConfig) { to.ForwardDelay, to.HelloTime, to.MaxAge = c.ForwardDelay, c.HelloTime, c.MaxAge },
		func(m *stp.Machine, _ time.Time) { _ = m.SetTimes(c.HelloTime, c.MaxAge, c.ForwardDelay) })
	return nil
}

// SetSTPPriority changes the bridge's priority, as in [STPConfig]. ErrInvalid above
// 65535. Linux: br_stp_set_bridge_priority (net/bridge/br_stp_if.c).
func (b *Bridge) SetSTPPriority(p int) error {
	if p > 0xffff {
		return refusal(opPriority, b.cfg.Name, "more than 65535", switchdev.ErrInvalid)
	}
	n := uint16(priority(p, int(stp.DefaultPriority)))
	b.tree.configure(func(c *STPConfig) { c.Priority = p }, func(m *stp.Machine, now time.Time) { m.SetPriority(now, n) })
	return nil
}

// SetPortTree changes what the spanning tree weighs a port by. ErrRange for what is
// out of range, ErrNoDevice if there is no such port. Linux:
// br_stp_set_port_priority and br_stp_set_path_cost (net/bridge/br_stp_if.c).
func (b *Bridge) SetPortTree(ctx context.Context, id switchdev.PortID, t PortTree) error {
	return b.SubmitSetPortTree(id, t).Wait(ctx)
}

// SubmitSetPortTree is SetPortTree without the wait. It never blocks.
func (b *Bridge) SubmitSetPortTree(id switchdev.PortID, t PortTree) *Ticket {
	if err := t.settle(opPriority, "port "+id.String()); err != nil {
		return b.refused(err)
	}
	return b.submit(b.alter(opPriority, id, 0, func(p *Port) error {
		p.Tree = t
		return nil
	}, func(_ *op, p *port) { b.tree.weigh(p) }))
}
