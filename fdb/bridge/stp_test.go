package bridge_test

import (
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// ring is Manual bridges joined by cables, with one clock.
type ring struct {
	t       *testing.T
	bridges []*bridge.Bridge
	now     time.Time
	cables  map[end]end
	wire    []arrival // BPDUs on their way
}

type end struct {
	bridge int
	port   switchdev.PortID
}

type arrival struct {
	at   end
	data []byte
}

// newRing makes n bridges, each with ports 1 and 2 to its neighbours and port 3 to a
// host.
func newRing(t *testing.T, n int) *ring {
	r := &ring{t: t, now: begin, cables: make(map[end]end)}
	for i := range n {
		b, err := bridge.New(bridge.Config{
			Name: "br" + string(rune('0'+i)), Manual: true, Start: begin, Table: fdb.Config{Ageing: 5 * time.Minute},
			STP: bridge.STPConfig{Mode: bridge.STPKernel, Send: func(p switchdev.PortID, frame []byte) {
				if to, ok := r.cables[end{i, p}]; ok {
					r.wire = append(r.wire, arrival{to, frame})
				}
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
		r.bridges = append(r.bridges, b)
		for id := range 3 {
			b.SubmitAddPort(bridge.PortConfig{ID: switchdev.PortID(id + 1), MAC: mac(0x100*(i+1) + id)})
		}
		next := (i + 1) % n
		r.cables[end{i, 1}], r.cables[end{next, 2}] = end{next, 2}, end{i, 1}
	}
	r.settle()
	return r
}

// settle lets everything happen that is due.
func (r *ring) settle() (next time.Time) {
	for {
		next = time.Time{}
		for _, b := range r.bridges {
			if at := b.Poll(r.now); next.IsZero() || !at.IsZero() && at.Before(next) {
				next = at
			}
		}
		if len(r.wire) == 0 {
			return next
		}
		wire := r.wire
		r.wire = nil
		var out bridge.Egress
		for _, a := range wire {
			v := r.bridges[a.at.bridge].Forward(a.at.port, a.data, &out)
			if v.Reason != bridge.ReasonBPDU && v.Reason != bridge.ReasonPortDown || v.Host || out.Len() > 0 {
				r.t.Fatalf("a BPDU at %v: %+v", a.at, v)
			}
		}
	}
}

func (r *ring) after(d time.Duration) {
	for end := r.now.Add(d); ; {
		next := r.settle()
		if next.IsZero() || next.After(end) {
			r.now = end
			r.settle()
			return
		}
		if next.After(r.now) {
			r.now = next
		}
	}
}

// broadcast sends a frame from the host of a bridge and counts how often each host
// gets it; more than limit copies on the way are a loop.
func (r *ring) broadcast(from int, src switchdev.MAC) map[int]int {
	got := make(map[int]int)
	queue := []arrival{{end{from, 3}, frameOf(broadcast, src)}}
	for n := 0; len(queue) > 0; n++ {
		if n > 1000 {
			r.t.Fatal("the frame goes round and round")
		}
		a := queue[0]
		queue = queue[1:]
		var out bridge.Egress
		r.bridges[a.at.bridge].Forward(a.at.port, a.data, &out)
		for _, id := range out.Ports() {
			if id == 3 {
				got[a.at.bridge]++
			} else if to, ok := r.cables[end{a.at.bridge, id}]; ok {
				queue = append(queue, arrival{to, a.data})
			}
		}
	}
	r.settle()
	return got
}

func (r *ring) reaches(from int, src switchdev.MAC, want ...int) {
	r.t.Helper()
	got := r.broadcast(from, src)
	for _, i := range want {
		if got[i] != 1 {
			r.t.Errorf("host %d gets %d copies", i, got[i])
		}
		delete(got, i)
	}
	if len(got) > 0 {
		r.t.Errorf("others get it too: %v", got)
	}
}

func TestSpanningTreeBreaksTheRing(t *testing.T) {
	r := newRing(t, 4)
	r.reaches(0, mac(1)) // nobody forwards yet
	r.after(14 * time.Second)
	r.reaches(0, mac(1))
	r.after(17 * time.Second) // two forward delays
	r.reaches(0, mac(1), 1, 2, 3)
	r.reaches(2, mac(2), 0, 1, 3)
	blocked := 0
	for _, b := range r.bridges {
		for _, p := range b.Ports() {
			if p.State != switchdev.PortForwarding {
				blocked++
			}
		}
	}
	if blocked != 1 {
		t.Errorf("%d ports do not forward: one breaks the ring", blocked)
	}
	if s := r.bridges[2].STP(); s.Mode != bridge.STPKernel || s.Root != r.bridges[0].STP().Bridge || s.RootPort == 0 {
		t.Errorf("status %+v: bridge 0 has the lowest address", s)
	}
	hand := r.bridges[0].SubmitSetPortState(1, switchdev.PortBlocking)
	r.settle()
	if !errors.Is(hand.Err(), syscall.EBUSY) {
		t.Errorf("a state set by hand: %v, want EBUSY", hand.Err())
	}
	// A cable that is in use breaks: within the max age and two forward delays the
	// other way round is open.
	k := r.bridges[0].SubmitSetCarrier(1, false)
	l := r.bridges[1].SubmitSetCarrier(2, false)
	delete(r.cables, end{0, 1})
	delete(r.cables, end{1, 2})
	r.settle()
	if k.Err() != nil || l.Err() != nil {
		t.Fatal(k.Err(), l.Err())
	}
	r.after(51 * time.Second)
	r.reaches(0, mac(1), 1, 2, 3)
}

func TestTopologyChangeShortensTheHoldTime(t *testing.T) {
	r := newRing(t, 3)
	r.after(40 * time.Second)
	r.after(40 * time.Second) // the topology change of the beginning is over
	b := r.bridges[1]
	if b.STP().TopologyChange || b.Table().Hold() != 5*time.Minute {
		t.Fatalf("status %+v, hold %v", b.STP(), b.Table().Hold())
	}
	b.SubmitSetCarrier(3, false)
	r.settle()
	b.SubmitSetCarrier(3, true)
	r.after(29 * time.Second)
	r.reaches(2, mac(1), 0)
	r.after(4 * time.Second) // the port forwards again, and the root has heard of it
	for i, b := range r.bridges {
		if !b.STP().TopologyChange || b.Table().Hold() != 15*time.Second {
			t.Errorf("bridge %d: %+v, hold %v", i, b.STP(), b.Table().Hold())
		}
	}
	r.after(20 * time.Second)
	if n := r.bridges[0].Table().Stats().Learned; n != 0 {
		t.Errorf("%d stations are still known", n)
	}
	r.after(40 * time.Second)
	for i, b := range r.bridges {
		if b.STP().TopologyChange || b.Table().Hold() != 5*time.Minute {
			t.Errorf("bridge %d: %+v, hold %v", i, b.STP(), b.Table().Hold())
		}
	}
}

func TestSpanningTreeOnAndOff(t *testing.T) {
	r := newRing(t, 3)
	r.after(40 * time.Second)
	b := r.bridges[1]
	do := func(k *bridge.Ticket) {
		t.Helper()
		r.settle()
		if err := k.Err(); err != nil {
			t.Fatal(err)
		}
	}
	do(b.SubmitSetSTP(bridge.STPUser))
	states := func() (all []switchdev.PortState) {
		for _, p := range b.Ports() {
			all = append(all, p.State)
		}
		return all
	}
	before := states()
	do(b.SubmitSetPortState(1, switchdev.PortBlocking))
	do(b.SubmitSetPortUp(3, false))
	do(b.SubmitSetPortUp(3, true))
	if p, _ := b.Port(3); p.State != switchdev.PortBlocking {
		t.Errorf("port 3 comes up %v", p.State)
	}
	var out bridge.Egress
	if v := b.Forward(2, frameOf(linkLocal(0), mac(7)), &out); v.Reason != bridge.ReasonHost || !v.Host || out.Len() > 0 {
		t.Errorf("a BPDU for a program: %+v", v)
	}
	do(b.SubmitSetSTP(bridge.STPOff))
	for _, s := range states() {
		if s != switchdev.PortForwarding && s != switchdev.PortBlocking {
			t.Errorf("states %v, before %v", states(), before)
		}
	}
	if v := b.Forward(2, frameOf(linkLocal(0), mac(7)), &out); v.Reason != bridge.ReasonFlooded || out.Len() == 0 {
		t.Errorf("a BPDU without a tree: %+v", v)
	}
	do(b.SubmitSetSTP(bridge.STPKernel))
	for _, s := range states() {
		if s == switchdev.PortForwarding {
			t.Errorf("states %v: the tree begins anew", states())
		}
	}
	if err := b.SetSTP(t.Context(), 7); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("mode 7: %v", err)
	}
	if err := b.SetSTPTimes(time.Second, 0, 0); !errors.Is(err, syscall.ERANGE) {
		t.Errorf("forward delay 1 s: %v", err)
	}
}

// TestSlowDeviceDoesNotDelayBlocking: what the tree blocks is blocked in software at
// the same instant, while the device hangs.
func TestSlowDeviceDoesNotDelayBlocking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dev := newFake("sw0")
		var b *bridge.Bridge
		cfg := withDevice(dev)
		cfg.STP = bridge.STPConfig{Mode: bridge.STPKernel, ForwardDelay: 2 * time.Second, Send: func(p switchdev.PortID, frame []byte) {
			if p == 1 { // what port 1 sends comes in by port 2: a loop
				var out bridge.Egress
				b.Forward(2, frame, &out)
			}
		}}
		b, err := bridge.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for id := 1; id <= 2; id++ {
			if err := b.AddPort(t.Context(), on(dev, id)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		if p, _ := b.Port(2); p.State != switchdev.PortBlocking {
			t.Errorf("port 2 is %v: it hears port 1", p.State)
		}
		if p, _ := b.Port(1); p.State != switchdev.PortForwarding {
			t.Errorf("port 1 is %v", p.State)
		}
		release := make(chan struct{})
		dev.refusing(func(what string, p switchdev.PortID) error {
			if p == 1 && (what == "set" || what == "check") {
				dev.mu.Unlock()
				<-release
				dev.mu.Lock()
			}
			return nil
		})
		began := time.Now()
		down := b.SubmitSetPortTree(1, bridge.PortTree{Guard: true})
		if err := down.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		frame := make([]byte, 60)
		copy(frame, linkLocalBPDU())
		var out bridge.Egress
		if v := b.Forward(1, frame, &out); v.Reason != bridge.ReasonBPDU {
			t.Errorf("%+v", v)
		}
		synctest.Wait()
		if p, _ := b.Port(1); p.State != switchdev.PortDisabled || time.Since(began) != 0 {
			t.Errorf("port 1 is %v after %v", p.State, time.Since(began))
		}
		close(release)
		time.Sleep(time.Minute)
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

// linkLocalBPDU is a configuration BPDU of a bridge that is worse than any other
// (IEEE 802.1D-1998, 9.3.1).
func linkLocalBPDU() []byte {
	b := []byte{0x01, 0x80, 0xc2, 0, 0, 0, 2, 0, 0, 0, 9, 9, 0, 38, 0x42, 0x42, 3, 0, 0, 0, 0, 0,
		0xff, 0xff, 2, 0, 0, 0, 9, 9, 0, 0, 0, 0, 0xff, 0xff, 2, 0, 0, 0, 9, 9, 0x80, 1, 0, 0, 20, 0, 2, 0, 15, 0}
	return b
}
