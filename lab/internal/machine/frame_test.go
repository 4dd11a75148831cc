package machine

import (
	"errors"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func TestRingOfBridgesComesToAnEnd(t *testing.T) {
	w := open(t, Config{NoVLANFiltering: true})
	w.ok(w.AddBridge("br0", BridgeChange{}, []string{"p1", "p2", "p3"}))
	w.ok(w.AddBridge("br1", BridgeChange{}, []string{"p4"}))
	for _, name := range []string{"h1", "h2"} {
		w.ok(w.SetLink("", name, LinkChange{Master: ptr("br1")}))
	}
	copies, err := w.Send("", "h3", frame(broadcast(), station(3)))
	w.ok(err)
	if len(copies) < 100 || len(copies) > 3*mostHops || w.flight.lost == 0 {
		t.Errorf("%d copies, %d lost", len(copies), w.flight.lost)
	}
	w.ok(w.SetLink("", "h2", LinkChange{Up: ptr(false)})) // and without the ring all is well again
	if got := w.sends("h3", station(3), broadcast()); got != "br0 br1 h1 h4" {
		t.Errorf("a frame reaches %s", got)
	}
}

func TestSpanningTreeCutsTheRing(t *testing.T) {
	w := open(t, Config{NoVLANFiltering: true})
	stp := BridgeChange{STPState: ptr(uint32(1)), ForwardDelay: ptr(uint32(200))}
	w.ok(w.AddBridge("br0", stp, []string{"p1", "p2", "p3"}))
	stp.Priority = ptr(uint16(0))
	w.ok(w.AddBridge("br1", stp, []string{"p4"}))
	for _, name := range []string{"h1", "h2"} {
		w.ok(w.SetLink("", name, LinkChange{Master: ptr("br1")}))
	}
	w.ok(w.Wait(40 * second))
	if got := w.sends("h3", station(3), broadcast()); got != "br0 br1 h1 h4" && got != "br0 br1 h2 h4" {
		t.Errorf("a frame reaches %s", got)
	}
	if w.flight.lost > 0 {
		t.Errorf("%d frames went round", w.flight.lost)
	}
	if s := w.bridges[0].b.STP(); s.RootPort == 0 {
		t.Errorf("br0 is the root: %+v", s)
	}
	w.refusal("state", w.SetBridgePort("", "p3", PortChange{State: ptr(uint8(3))}), EBUSY, "")
	w.refusal("forward delay", w.SetBridge("", "br0", BridgeChange{ForwardDelay: ptr(uint32(100))}), ERANGE, "")
}

func TestForwardDelayIsFreeWithoutATree(t *testing.T) { // br_set_forward_delay, br_stp_start
	w := open(t, Config{NoVLANFiltering: true})
	w.ok(w.AddBridge("br0", BridgeChange{ForwardDelay: ptr(uint32(100))}, []string{"p1", "p2"}))
	w.ok(w.SetBridge("", "br0", BridgeChange{STPState: ptr(uint32(1))}))
	if s := w.bridges[0].b.STP(); s.ForwardDelay != 2*second {
		t.Errorf("the forward delay is %v", s.ForwardDelay)
	}
}

func TestLinkLocalIsNotTheBridges(t *testing.T) { // br_handle_frame
	w := settled(t, Config{NoVLANFiltering: true})
	lldp := switchdev.MAC{1, 0x80, 0xc2, 0, 0, 0x0e}
	if got := w.sends("h1", station(2), lldp); got != "" {
		t.Errorf("a link-local frame reaches %s", got)
	}
	w.want("told", w.told(), "02:dd:00:00:00:02 dev p1 master br0")
	w.ok(w.SetBridge("", "br0", BridgeChange{GroupForward: ptr(uint16(0x4000)), NoLinkLocalLearn: ptr(true)}))
	if got := w.sends("h1", station(2), lldp); got != "br0 h2" {
		t.Errorf("a forwarded one reaches %s", got)
	}
	lldp[5] = 3
	w.sends("h1", station(3), lldp)
	w.want("told", w.told())
}

func TestWaitGoesFromDueToDue(t *testing.T) {
	w := open(t, Config{NoVLANFiltering: true})
	w.ok(w.AddBridge("br0", BridgeChange{AgeingTime: ptr(uint32(300))}, []string{"p1", "p2"}))
	w.sends("h1", station(1), broadcast())
	w.told()
	start := w.Now()
	w.ok(w.Wait(2900 * time.Millisecond))
	w.want("told", w.told())
	w.ok(w.Wait(second))
	w.want("told", w.told(), "Deleted 02:dd:00:00:00:01 dev p1 master br0 stale")
	w.ok(w.Moment())
	w.ok(w.Wait(-second))
	if d := w.Now().Sub(start); d != 3910*time.Millisecond {
		t.Errorf("%v have passed", d)
	}
}

// restless is a switch in which something is always due.
type restless struct{ Switch }

func (r restless) Poll(now time.Time) time.Time {
	r.Switch.Poll(now)
	return now
}

func TestLivelockIsAnError(t *testing.T) {
	m, err := New(Config{Switch: func(c SwitchConfig) (Switch, error) {
		sw, err := openChip(c)
		return restless{sw}, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var stuck *Livelock
	if err := m.Wait(second); !errors.As(err, &stuck) || stuck.What != "sw1" || !stuck.At.Equal(m.Now()) {
		t.Errorf("Wait: %v", err)
	}
	if err := m.AddBridge("br0", BridgeChange{}, nil); !errors.As(err, &stuck) {
		t.Errorf("AddBridge: %v", err)
	}
}
