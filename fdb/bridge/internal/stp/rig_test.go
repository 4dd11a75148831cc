package stp

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// rig is one machine in virtual time, with what it does written down.
type rig struct {
	t   *testing.T
	m   *Machine
	now time.Time
	log []string // since the last call of took
}

var epoch = time.Unix(1_000_000_000, 0)

func newRig(t *testing.T, cfg Config, ports ...switchdev.PortID) *rig {
	r := &rig{t: t, now: epoch}
	r.m = New(cfg, r)
	for _, id := range ports {
		r.must(r.m.AddPort(PortConfig{ID: id, Priority: DefaultPortPriority}))
		r.must(r.m.EnablePort(r.now, id))
	}
	return r
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) note(format string, args ...any) {
	r.log = append(r.log, fmt.Sprintf("%vs ", r.now.Sub(epoch).Seconds())+fmt.Sprintf(format, args...))
}

func (r *rig) SetState(p switchdev.PortID, s switchdev.PortState) { r.note("port %v %v", p, s) }

func (r *rig) TopologyChange(on bool) { r.note("change %v", on) }

func (r *rig) Send(p switchdev.PortID, frame []byte) {
	b, ok := Parse(frame)
	if !ok {
		r.t.Errorf("%v: port %v sends %x", r.now.Sub(epoch), p, frame)
	}
	r.note("port %v sends %s", p, show(b))
}

func show(b BPDU) string {
	if b.Kind == KindTCN {
		return "tcn"
	}
	s := fmt.Sprintf("config root %v cost %d by %v %v age %v", b.Root, b.RootPathCost, b.Bridge, b.Port, b.MessageAge)
	if b.TopologyChange {
		s += " tc"
	}
	if b.TopologyChangeAck {
		s += " ack"
	}
	return s
}

// to polls the machine whenever it wants until d after the beginning.
func (r *rig) to(d time.Duration) {
	end := epoch.Add(d)
	for next := r.m.Poll(r.now); !next.IsZero() && !next.After(end); next = r.m.Poll(r.now) {
		if next.Before(r.now) {
			r.t.Fatalf("at %v the machine wants to be polled at %v", r.now, next)
		}
		r.now = next
	}
	r.now = end
}

// took compares what happened since with want.
func (r *rig) took(want ...string) {
	r.t.Helper()
	if !slices.Equal(r.log, want) {
		r.t.Errorf("got\n%q\nwant\n%q", r.log, want)
	}
	r.log = nil
}

func (r *rig) receive(p switchdev.PortID, b BPDU) {
	r.t.Helper()
	if !r.m.Receive(r.now, p, b.AppendFrame(nil, switchdev.MAC{2, 9})) {
		r.t.Errorf("port %v did not take %+v", p, b)
	}
}

func (r *rig) port(id switchdev.PortID) PortStatus {
	r.t.Helper()
	s, ok := r.m.Port(id)
	if !ok {
		r.t.Fatalf("there is no port %v", id)
	}
	return s
}

// everything is all that can be seen of a machine.
func everything(m *Machine) string {
	s := fmt.Sprintf("%+v next %v\n", m.Status(), m.Next())
	for _, p := range m.ports {
		status, _ := m.Port(p.id)
		s += fmt.Sprintf("%+v since %v\n", status, p.since)
	}
	return s
}

// better is what a root says that is better than any bridge of the tests.
func better(age time.Duration) BPDU {
	root := BridgeID{0, switchdev.MAC{2, 0xff}}
	return BPDU{Root: root, Bridge: root, Port: 0x8001, MessageAge: age,
		MaxAge: 20 * time.Second, HelloTime: 2 * time.Second, ForwardDelay: 15 * time.Second}
}

func bridgeConfig(n byte) Config { return Config{Priority: 0x8000, MAC: switchdev.MAC{2, 5: n}} }
