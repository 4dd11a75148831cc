package machine

import (
	"errors"
	"testing"
	"time"

	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// fault lets a fault of sw1 loose.
func (w *world) fault(f Fault) {
	w.t.Helper()
	w.ok(w.InjectFault("sw1", f))
}

func (w *world) static(dev string, n byte) error {
	return w.AddFDB(Neigh{Dev: dev, MAC: station(n), State: NoARP, Flags: Master, HasVLAN: true, VLAN: 1}, MakeNew|Exclusive)
}

// TestDevicesSayWhyTheyRefuse: the errno is that of the error, the text that of the driver. A
// device that could not undo what it did leaves nobody knowing, whatever it said.
func TestDevicesSayWhyTheyRefuse(t *testing.T) {
	w := open(t, Config{})
	w.ok(w.AddSwitch("br0", BridgeChange{}, []string{"s1", "s2"}))
	sets := hwsim.Selector{Role: hwsim.RoleFDB, Verb: "set"}
	w.fault(Fault{Fault: hwsim.Fault{Kind: hwsim.FaultRefuse, Match: sets, Err: switchdev.ErrNoSpace}, Port: "s1"})
	w.refusal("without a text", w.static("s1", 1), ENOSPC, "")
	w.fault(Fault{Fault: hwsim.Fault{Kind: hwsim.FaultRefuse, Match: sets, Err: switchdev.ErrRange}, Port: "s2", Text: "too far"})
	w.refusal("with a text", w.static("s2", 1), ERANGE, "too far")
	w.ok(w.LiftFaults("sw1", hwsim.FaultRefuse))
	w.fault(Fault{Fault: hwsim.Fault{Kind: hwsim.FaultPartial, Match: sets, After: true, Count: 1}})
	w.refusal("no answer", w.static("s1", 2), EIO, "")
	flags := hwsim.Selector{Role: hwsim.RolePort, Verb: "set"}
	w.fault(Fault{Fault: hwsim.Fault{Kind: hwsim.FaultRefuse, Match: flags, Err: switchdev.ErrNoSpace}})
	set := PortChange{Mask: switchdev.PortLearns}
	w.refusal("a flag", w.SetBridgePort("", "s1", set), ENOSPC, "error setting offload flag on port")
	w.ok(w.LiftFaults("sw1", 0))
	w.fault(Fault{Fault: hwsim.Fault{Kind: hwsim.FaultRefuse, Match: flags, Err: switchdev.ErrNoSpace}, Text: "no such flag"})
	w.refusal("a flag, with a text", w.SetBridgePort("", "s1", set), ENOSPC, "no such flag")
}

// TestPortThatDoesNotComeUpHasNoCarrier: a refusal leaves the cable as it was.
func TestPortThatDoesNotComeUpHasNoCarrier(t *testing.T) {
	w := open(t, Config{})
	w.ok(w.AddSwitch("br0", BridgeChange{}, []string{"s1", "s2"}))
	no, yes := false, true
	w.ok(w.SetLink("", "s1", LinkChange{Up: &no}))
	w.fault(Fault{Fault: hwsim.Fault{Kind: hwsim.FaultRefuse, Match: hwsim.Selector{Role: hwsim.RolePort}}})
	w.refusal("up", w.SetLink("", "s1", LinkChange{Up: &yes}), EBUSY, "")
	for _, name := range []string{"s1", "h1"} {
		if l, _ := w.Link("", name); l.Carrier != (name == "s1") || l.Up != (name == "h1") {
			t.Errorf("%s: %+v", name, l)
		}
	}
	w.ok(w.LiftFaults("sw1", 0))
	w.ok(w.SetLink("", "s1", LinkChange{Up: &yes}))
	if l, _ := w.Link("", "h1"); !l.Carrier {
		t.Errorf("h1: %+v", l)
	}
}

// TestBridgeIsDeletedThoughItsDeviceHangs: nothing can refuse that, and the machine ends.
func TestBridgeIsDeletedThoughItsDeviceHangs(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		w := open(t, Config{})
		w.ok(w.AddSwitch("br0", BridgeChange{}, []string{"s1", "s2", "p5"}))
		w.ok(w.static("s1", 1))
		w.fault(Fault{Fault: hwsim.Fault{Kind: hwsim.FaultHang, Match: hwsim.Selector{Role: hwsim.RoleFDB}, Deaf: deaf}})
		before := w.Waited()
		w.refusal("an entry", w.static("s1", 2), EIO, "")
		if d := w.Waited() - before; d != 5*time.Second {
			t.Errorf("that took %v", d)
		}
		w.ok(w.DeleteLink("", "br0"))
		if _, there := w.Link("", "br0"); there {
			t.Error("the bridge is still there")
		}
		w.ok(w.AddSwitch("br0", BridgeChange{}, []string{"p6"}))
		if !deaf {
			w.ok(w.LiftFaults("sw1", 0))
			w.ok(w.SetLink("", "s1", LinkChange{Master: ptr("br0")}))
			w.ok(w.static("s1", 2))
		}
	}
}

// TestFaultsFollowTheNamesOfPorts, and what is not there cannot be named.
func TestFaultsFollowTheNamesOfPorts(t *testing.T) {
	w := open(t, Config{})
	f := Fault{Fault: hwsim.Fault{Kind: hwsim.FaultMisplace}, Port: "s1", To: "s2"}
	if err := w.InjectFault("sw1", f); !errors.Is(err, switchdev.ErrNoDevice) {
		t.Errorf("before there is a switch: %v", err)
	}
	w.ok(w.AddSwitch("br0", BridgeChange{}, []string{"s1", "s2"}))
	w.fault(f)
	w.ok(w.SetLink("", "s2", LinkChange{Name: ptr("uplink")}))
	all, err := w.Faults("sw1")
	if err != nil || len(all) != 1 || all[0].Port != "s1" || all[0].To != "uplink" || all[0].Hits != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	w.ok(w.static("s1", 1))
	rows, _ := w.SwitchRows("sw1")
	if len(rows) == 0 || rows[len(rows)-1].Port != "uplink" {
		t.Errorf("%+v", rows)
	}
	if differ, err := w.Reconcile("sw1"); differ != 1 || err != nil {
		t.Errorf("%d rows differ, %v", differ, err)
	}
	for _, f := range []Fault{{Fault: f.Fault, Port: "s9"}, {Fault: f.Fault, To: "h1"}, {Fault: f.Fault, Port: "br0"}} {
		if err := w.InjectFault("sw1", f); !errors.Is(err, switchdev.ErrNoDevice) {
			t.Errorf("%+v: %v", f, err)
		}
	}
	own := open(t, Config{Switch: func(c SwitchConfig) (Switch, error) {
		sw, err := OpenChip(c)
		return struct{ Switch }{sw}, err
	}})
	own.ok(own.AddSwitch("br0", BridgeChange{}, []string{"s1"}))
	var none *Unsupported
	if err := own.ResetSwitch("sw1"); !errors.As(err, &none) {
		t.Errorf("a switch of one's own: %v", err)
	}
}
