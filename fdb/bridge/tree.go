package bridge

import (
	"sync"
	"time"

	"github.com/switchcore/switchcore/fdb/bridge/internal/stp"
	"github.com/switchcore/switchcore/switchdev"
)

// maxBPDUs is how many BPDUs wait to be read. A port sends one a second or so.
const maxBPDUs = 1024

// tree joins a bridge and the machine of its spanning tree. Whatever concerns the
// machine is put into a queue, and poll, which one goroutine calls, goes through it;
// what the machine wants done is an operation like any other.
type tree struct {
	b *Bridge

	mu      sync.Mutex // a leaf
	cfg     STPConfig
	machine *stp.Machine // nil: none runs
	clock   time.Time    // the machine's
	inbox   []func(m *stp.Machine, now time.Time)
	bpdus   int // of them
	dropped uint64
	moved   map[switchdev.PortID]bool // ports that have another state
	frames  []bpdu
	held    time.Duration // what hold said last
	stuck   time.Duration // see QuirkTreeSwitch

	kick chan struct{}
	quit chan struct{} // closed when no machine runs any more
	done sync.WaitGroup
}

// bpdu is a frame that is to be sent.
type bpdu struct {
	port  switchdev.PortID
	frame []byte
}

func (t *tree) open(b *Bridge) {
	t.b, t.cfg, t.kick = b, b.cfg.STP, make(chan struct{}, 1)
	t.moved = make(map[switchdev.PortID]bool)
	if t.cfg.Mode == STPKernel || b.goesOn() {
		t.begin(t.cfg.Mode)
	}
}

// turn has another mode begin, with a machine for it or with the one that runs. It reports
// whether the ports stay as they are.
func (t *tree) turn(old, m STPMode) bool {
	always, kept := t.b.goesOn(), false
	if t.b.has(QuirkTreeSwitch) && t.running() {
		kept = always || m == STPKernel || old == STPKernel && m == STPOff
	}
	if kept || always && old == STPOff && m == STPUser {
		t.put(func(machine *stp.Machine, now time.Time) { lead(machine, now, m) })
		return m != STPKernel
	}
	t.end()
	if m == STPKernel || always {
		t.begin(m)
	}
	return false
}

// lead says who runs a tree, of which the machine does its part.
func lead(machine *stp.Machine, now time.Time, m STPMode) {
	switch m {
	case STPOff:
		machine.Halt()
	case STPUser:
		machine.Yield()
	case STPKernel:
		machine.Resume(now)
	}
}

func (t *tree) running() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.machine != nil
}

// begin starts a machine with the ports that there are.
func (t *tree) begin(m STPMode) {
	b := t.b
	<-b.slot
	now, ports, up := b.time(), b.byNumber(), b.setting.up
	t.mu.Lock()
	t.machine = stp.New(t.cfg.machine(b.setting.mac), t)
	t.inbox, t.bpdus, t.clock = nil, 0, now
	lead(t.machine, now, m)
	if up {
		t.machine.Start(now)
	}
	for _, p := range ports {
		_ = t.machine.AddPort(p.Tree.port(p.ID, p.MAC))
		switch runs := up && p.running(); {
		case runs && (b.has(QuirkTreeSwitch) || m == STPUser):
			_ = t.machine.Adopt(now, p.ID, p.State)
		case runs:
			_ = t.machine.EnablePort(now, p.ID)
		case b.goesOn(): // see QuirkStateWhileDown
			_ = t.machine.SetPortState(now, p.ID, p.State)
		}
	}
	t.mu.Unlock()
	b.unlock()
	if b.cfg.Manual {
		b.nudge()
		return
	}
	quit := make(chan struct{})
	t.quit = quit
	t.done.Go(func() { t.run(quit) })
}

// power tells the machine that the bridge has come up or gone down.
func (t *tree) power(up bool) {
	t.put(func(m *stp.Machine, now time.Time) {
		if up {
			m.Start(now)
		} else {
			m.Stop(now)
		}
	})
}

// end ends the machine.
func (t *tree) end() {
	t.mu.Lock()
	t.machine, t.inbox, t.bpdus, t.frames, t.held, t.stuck = nil, nil, 0, nil, 0, 0
	clear(t.moved)
	t.mu.Unlock()
	if t.quit != nil {
		close(t.quit)
		t.quit = nil
	}
}

// close ends it for good.
func (t *tree) close() {
	t.end()
	t.done.Wait()
}

// run polls until quit is closed.
func (t *tree) run(quit chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-quit:
			return
		case <-t.kick:
		case <-timer.C:
		}
		if next := t.poll(time.Now()); !next.IsZero() {
			timer.Reset(time.Until(next))
		}
	}
}

// poll does what is due, and returns when there will be more.
func (t *tree) poll(now time.Time) (next time.Time) {
	t.mu.Lock()
	if t.machine == nil {
		t.mu.Unlock()
		return time.Time{}
	}
	next = t.machine.Poll(t.settle(now))
	moved, frames, held := t.moved, t.frames, t.held
	t.moved, t.frames, t.held = make(map[switchdev.PortID]bool), nil, t.holds()
	shift := t.held != held
	t.mu.Unlock()
	b := t.b
	for _, f := range frames {
		t.cfg.Send(f.port, f.frame)
	}
	for _, p := range b.view.Load().ports {
		if moved[p.ID] {
			b.submit(b.follow(p.ID))
		}
	}
	if shift {
		b.submit(b.shifting())
	}
	return next
}

// settle has the machine do what waits, and returns its time. The caller holds mu and, if
// he is not poll, sees to it that poll is called.
func (t *tree) settle(now time.Time) time.Time {
	if now.After(t.clock) {
		t.clock = now
	}
	for _, f := range t.inbox {
		f(t.machine, t.clock)
	}
	t.inbox, t.bpdus = nil, 0
	return t.clock
}

// SetState implements stp.Actions.
func (t *tree) SetState(id switchdev.PortID, _ switchdev.PortState) { t.moved[id] = true }

// Send implements stp.Actions.
func (t *tree) Send(id switchdev.PortID, frame []byte) { t.frames = append(t.frames, bpdu{id, frame}) }

// TopologyChange implements stp.Actions.
func (t *tree) TopologyChange(on bool) {
	switch s := t.machine.Status(); {
	case s.Halted: // stuck it is
	case on && t.b.has(QuirkTreeSwitch):
		t.stuck = 2 * s.ForwardDelay
	default:
		t.stuck = 0
	}
}

// aged tells that the ageing time was set, which ends what is stuck. It reports whether
// stations live for another time now.
func (t *tree) aged() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stuck = 0
	held := t.held
	t.held = t.holds()
	return t.held != held
}

// set tells the machine the state that somebody else has set a port to, and returns what
// it has made of that, so that nothing of before can undo it.
func (t *tree) set(id switchdev.PortID, s switchdev.PortState) (switchdev.PortState, bool) {
	t.put(func(m *stp.Machine, now time.Time) {
		if t.b.has(QuirkTreeSwitch) || m.Status().Halted { // else a tree has begun anew since
			_ = m.SetPortState(now, id, s)
		}
	})
	return t.state(id)
}

// from tells the machine the state in which a port begins that has been enabled.
func (t *tree) from(id switchdev.PortID, s switchdev.PortState) {
	t.put(func(m *stp.Machine, now time.Time) {
		if p, _ := m.Port(id); p.State != switchdev.PortDisabled && m.Status().Halted {
			_ = m.SetPortState(now, id, s)
		}
	})
}

// put queues something for the machine, if there is one.
func (t *tree) put(f func(m *stp.Machine, now time.Time)) {
	t.mu.Lock()
	running := t.machine != nil
	if running {
		t.inbox = append(t.inbox, f)
	}
	t.mu.Unlock()
	if running {
		t.wake()
	}
}

func (t *tree) wake() {
	signal(t.kick)
	t.b.nudge()
}

// take queues a copy of a BPDU that came in. It is the data path's.
func (t *tree) take(id switchdev.PortID, data []byte) {
	t.mu.Lock()
	switch {
	case t.machine == nil:
	case t.bpdus >= maxBPDUs:
		t.dropped++
	default:
		frame := append([]byte(nil), data...)
		t.bpdus++
		t.inbox = append(t.inbox, func(m *stp.Machine, now time.Time) { m.Receive(now, id, frame) })
	}
	t.mu.Unlock()
	t.wake()
}

// configure changes what the next machine begins with, and the one that runs.
func (t *tree) configure(edit func(*STPConfig), f func(*stp.Machine, time.Time)) {
	t.mu.Lock()
	edit(&t.cfg)
	t.mu.Unlock()
	t.put(f)
}

// rename tells the machine the bridge's address.
func (t *tree) rename(mac switchdev.MAC) {
	t.put(func(m *stp.Machine, now time.Time) { m.SetMAC(now, mac) })
}

// join, leave and enable tell the machine of a port.
func (t *tree) join(p *port) {
	cfg := p.Tree.port(p.ID, p.MAC)
	t.put(func(m *stp.Machine, _ time.Time) { _ = m.AddPort(cfg) })
}

func (t *tree) leave(id switchdev.PortID) {
	t.put(func(m *stp.Machine, now time.Time) { _ = m.RemovePort(now, id) })
}

func (t *tree) enable(id switchdev.PortID, on bool) {
	t.put(func(m *stp.Machine, now time.Time) {
		if on {
			_ = m.EnablePort(now, id)
		} else {
			_ = m.DisablePort(now, id)
		}
	})
}

// weigh tells the machine what there is to know of a port.
func (t *tree) weigh(p *port) {
	cfg := p.Tree.port(p.ID, p.MAC)
	t.put(func(m *stp.Machine, now time.Time) {
		_ = m.SetPortMAC(cfg.ID, cfg.MAC)
		_ = m.SetRootBlock(cfg.ID, cfg.RootBlock)
		_ = m.SetGuard(cfg.ID, cfg.Guard)
		_ = m.SetPortPriority(now, cfg.ID, cfg.Priority)
		if cfg.PathCost == 0 {
			cfg.PathCost = stp.DefaultPathCost
		}
		_ = m.SetPathCost(now, cfg.ID, cfg.PathCost)
	})
}

// state returns the state that the machine wants of a port, after all that it was told.
func (t *tree) state(id switchdev.PortID) (switchdev.PortState, bool) {
	now := t.b.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.machine == nil {
		return 0, false
	}
	t.settle(now) // poll was woken for it
	p, ok := t.machine.Port(id)
	return p.State, ok
}

// hold returns how long stations live while the topology changes; 0 if it does
// not.
func (t *tree) hold() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.holds()
}

func (t *tree) holds() time.Duration {
	if t.machine == nil {
		return 0
	}
	switch s := t.machine.Status(); {
	case s.TopologyChange:
		return s.ForwardDelay
	case s.Halted:
		return t.stuck
	}
	return 0
}

// follow returns the operation that brings a port into the state that the tree
// wants.
func (b *Bridge) follow(id switchdev.PortID) *op {
	return b.alter(opTree, id, switchdev.PortAttrState, func(p *Port) error {
		v := b.view.Load()
		wants, ok := b.tree.state(id)
		switch {
		case ok && b.keepsState():
			p.State = wants
		case !p.Up || !p.Carrier || !v.up:
			p.State = switchdev.PortDisabled
		case ok && (v.stp == STPKernel || b.goesOn() || v.stp == STPOff && b.has(QuirkTreeSwitch)):
			p.State = wants
		case v.stp == STPOff:
			p.State = switchdev.PortForwarding
		}
		return nil
	}, nil)
}

// goesOn reports whether there is a machine without a tree too, for the timers of ports.
func (b *Bridge) goesOn() bool { return b.has(QuirkStateSelection) }

// shifting returns the operation that makes stations live as long as the tree wants.
func (b *Bridge) shifting() *op { return b.holding(-1) }

// holding makes them live for hold, for as long as the tree wants if it is negative.
func (b *Bridge) holding(hold time.Duration) *op {
	o := b.newOp(opTopology, switchdev.PortHost)
	o.then(func() {
		want := hold
		if want < 0 {
			want = b.tree.hold()
		}
		if err := b.setHold(want); err != nil {
			o.fail(err)
		}
	})
	return o
}
