package yard

import (
	"bytes"
	"fmt"
	"time"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/switchdev"
)

// peer is a bridge that two cables lead to, from the first two ports of software.
type peer struct {
	b     *bridge.Bridge
	next  time.Time
	out   bridge.Egress
	bpdus []bpdu // that it sends
}

// bpdu is one on its way.
type bpdu struct {
	port  switchdev.PortID
	frame []byte
}

const (
	cables       = 2
	forwardDelay = 4 * time.Second
	helloTime    = 2 * time.Second
	maxAge       = 6 * time.Second
)

func (y *Yard) makePeer() {
	if err := y.b.SetSTPTimes(forwardDelay, helloTime, maxAge); err != nil {
		y.w.Fail(invInput, "SetSTPTimes: %v", err)
	}
	if !y.set.peer || y.set.stp != int(bridge.STPKernel) {
		return
	}
	p := &peer{}
	b, err := bridge.New(bridge.Config{
		Name: "br1", Manual: true, Start: y.w.Start,
		STP: bridge.STPConfig{
			Mode: bridge.STPKernel, ForwardDelay: forwardDelay, HelloTime: helloTime, MaxAge: maxAge,
			Send: func(port switchdev.PortID, frame []byte) { p.bpdus = append(p.bpdus, bpdu{port, frame}) },
		},
	})
	if err != nil {
		panic(fmt.Sprintf("bridge.New: %v", err))
	}
	for i := range cables {
		b.SubmitAddPort(bridge.PortConfig{ID: switchdev.PortID(i + 1), MAC: switchdev.MAC{0x02, 0xbb, 0, 0, 1, byte(i)}})
	}
	p.b = b
	p.next = b.Poll(y.w.Now)
	y.peer = p
}

// sendBPDU is what the bridge sends BPDUs with.
func (y *Yard) sendBPDU(port switchdev.PortID, frame []byte) {
	y.w.Log("BPDU by %v", port)
	if y.peer != nil {
		y.bpdus = append(y.bpdus, bpdu{port, frame})
	}
}

// carryBPDUs brings them over the cables, and reports whether there were some.
func (y *Yard) carryBPDUs(now time.Time) (again bool) {
	p := y.peer
	if p == nil {
		return false
	}
	out := y.bpdus
	y.bpdus = nil
	for _, f := range out {
		if n := int(f.port) - softwareFrom; n >= 0 && n < cables {
			again = true
			p.b.Forward(switchdev.PortID(n+1), f.frame, &p.out)
		}
	}
	p.next = p.b.Poll(now)
	in := p.bpdus
	p.bpdus = nil
	for _, f := range in {
		again = true
		y.fresh()
		y.sent = y.sent[:0]
		m := message{dst: switchdev.MAC(f.frame[:6]), src: switchdev.MAC(f.frame[6:12]), raw: f.frame}
		from := switchdev.PortID(softwareFrom) + f.port - 1
		y.arrive(from, y.now.by[from], &m)
		y.software(from, &m, false)
		for _, c := range y.sent {
			if !c.hard && bytes.Equal(c.data, f.frame) { // a bridge without a tree passes them on
				y.bpdus = append(y.bpdus, bpdu{c.id, c.data})
			}
		}
	}
	return again
}

func (y *Yard) treeOps() []sim.Op {
	return []sim.Op{
		{Name: "stp", Weight: 1, Draw: draw(1), Do: func(a []int64) { y.setSTP(sim.Arg(a, 0)) }},
		{Name: "tree", Weight: 1, Draw: y.drawPort, Do: func(a []int64) {
			id := switchdev.PortID(sim.Arg(a, 0) & 0xff)
			t := bridge.PortTree{Priority: index(sim.Arg(a, 1), 64), PathCost: 1 + index(sim.Arg(a, 2), 200)}
			y.change(id, fmt.Sprintf("weighs %+v", t), y.b.SubmitSetPortTree(id, t), nil, func(*port) {})
			if err := y.b.SetSTPPriority(index(sim.Arg(a, 2), 1<<16)); err != nil {
				y.w.Fail(invInput, "SetSTPPriority: %v", err)
			}
		}},
	}
}

// setSTP changes who runs the tree; only where somebody ran one from the beginning
// does the bridge do it itself, which takes time to simulate.
func (y *Yard) setSTP(n int64) {
	mode := bridge.STPMode(index(n, 3))
	if mode == bridge.STPKernel && y.set.stp != int(bridge.STPKernel) {
		mode = bridge.STPUser
	}
	y.forgetAll()
	y.whole(fmt.Sprint("tree ", mode), y.b.SubmitSetSTP(mode), func() {
		m := &y.model
		if mode == m.stp {
			return
		}
		was := m.stp
		m.stp = mode
		for _, p := range m.ports {
			switch q := y.now.port(p.ID); {
			case !p.runs() || !m.up:
				p.State = switchdev.PortDisabled
			case mode == bridge.STPOff:
				p.State = switchdev.PortForwarding
			case was == bridge.STPKernel && q != nil:
				p.State = q.State
			}
		}
		y.adopted = y.adopted || mode == bridge.STPKernel || was == bridge.STPKernel
		y.forgetAll()
	}).partial = true
}

// tree: at rest one of the cables forwards at both ends, if there is one that can.
func (y *Yard) tree() {
	p := y.peer
	if p == nil || y.model.stp != bridge.STPKernel || !y.model.up {
		return
	}
	whole, forwarding := 0, 0
	for i := range cables {
		near := y.now.by[switchdev.PortID(softwareFrom+i)]
		far, ok := p.b.Port(switchdev.PortID(i + 1))
		if near == nil || !near.runs() || !ok {
			continue
		}
		if near.GroupForward&1 != 0 {
			return // the user has BPDUs forwarded, and nobody hears them
		}
		whole++
		if near.State == switchdev.PortForwarding && far.State == switchdev.PortForwarding {
			forwarding++
		}
	}
	if forwarding != min(whole, 1) {
		y.w.Fail(invTree, "of %d cables %d forward", whole, forwarding)
	}
	for _, q := range y.now.ports {
		if q.runs() && q.State != switchdev.PortForwarding && q.State != switchdev.PortBlocking {
			y.w.Fail(invTree, "at rest port %v is %v", q.ID, q.State)
		}
		if cable := q.ID >= softwareFrom && q.ID < softwareFrom+cables; q.runs() && !cable && q.State != switchdev.PortForwarding {
			y.w.Fail(invTree, "at rest port %v, which nobody else sends BPDUs to, is %v", q.ID, q.State)
		}
	}
}
