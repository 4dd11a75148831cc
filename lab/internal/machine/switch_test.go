package machine

import (
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

func TestSoftwareHearsTheFrameFirst(t *testing.T) {
	for _, c := range []Config{{}, old()} {
		w := open(t, c)
		w.ok(w.AddSwitch("br0", BridgeChange{}, []string{"s1", "s2"}))
		w.told()
		if got := w.sends("h1", station(1), broadcast()); got != "br0 h2" {
			t.Errorf("a frame reaches %s", got)
		}
		w.want("told", w.told(), "02:dd:00:00:00:01 dev s1 master br0", "02:dd:00:00:00:01 dev s1 extern_learn master br0")
		if got := w.sends("h2", station(2), station(1)); got != "h1" { // in hardware
			t.Errorf("the answer reaches %s", got)
		}
		w.want("told", w.told(), "02:dd:00:00:00:02 dev s2 extern_learn master br0")
		rows, err := w.SwitchRows("sw1")
		if err != nil || len(rows) != 2 || rows[0].Port != "s1" || rows[1].Port != "s2" {
			t.Errorf("rows %v, %v", rows, err)
		}
	}
}

func TestTwoBridgesShareASwitch(t *testing.T) {
	w := open(t, Config{})
	w.ok(w.AddBridge("br9", BridgeChange{}, []string{"p9"})) // made before the switch was seen
	w.ok(w.AddSwitch("br0", BridgeChange{}, []string{"s1", "s2", "p5"}))
	w.ok(w.AddSwitch("br1", BridgeChange{}, []string{"s3"}))
	w.ok(w.SetLink("", "s4", LinkChange{Master: ptr("br9"), Up: ptr(true)}))
	for src, want := range map[string]string{"h1": "br0 h2 h5", "h3": "br1", "h4": "br9 h9", "h9": "br9 h4"} {
		if got := w.sends(src, station(src[1]), broadcast()); got != want {
			t.Errorf("a frame of %s reaches %s, want %s", src, got, want)
		}
	}
	rows, err := w.SwitchRows("sw1")
	if err != nil || len(rows) != 3 || rows[0].Domain == rows[1].Domain || rows[1].Domain == rows[2].Domain {
		t.Errorf("rows %v, %v", rows, err)
	}
	w.ok(w.SetLink("", "s2", LinkChange{Master: ptr("br1")}))
	if got := w.sends("h1", station(1), broadcast()); got != "br0 h5" {
		t.Errorf("a frame of h1 reaches %s", got)
	}
	if got := w.sends("h2", station(2), broadcast()); got != "br1 h3" {
		t.Errorf("a frame of h2 reaches %s", got)
	}
	w.refusal("deleting a port of a switch", w.DeleteLink("", "s1"), EOPNOTSUPP, "")
	if err := w.AddPorts("p3"); err == nil || err.Error() != "not modelled: a second port with the station h3" {
		t.Errorf("a port whose station s3 has: %v", err)
	}
	w.refusal("two switches of one name", w.AddSwitch("br1", BridgeChange{}, []string{"s1"}), EEXIST, "")
}

func TestSwitchKnowsLearningOnly(t *testing.T) { // br_switchdev_set_port_flag
	for _, c := range []Config{{}, old()} {
		w := open(t, c)
		w.ok(w.AddSwitch("br0", BridgeChange{}, []string{"s1", "s2"}))
		for _, f := range []switchdev.PortFlags{
			switchdev.PortFlood, switchdev.PortMulticastFlood, switchdev.PortBroadcastFlood, switchdev.PortHairpin,
			switchdev.PortIsolated, switchdev.PortLocked,
		} {
			before, _ := w.BridgePort("", "s1")
			err := w.SetBridgePort("", "s1", PortChange{Flags: ^before.Flags & f, Mask: f})
			w.refusal("flag", err, EOPNOTSUPP, "bridge flag offload is not supported")
			w.ok(w.SetBridgePort("", "s1", PortChange{Flags: before.Flags & f, Mask: f}))
			if after, _ := w.BridgePort("", "s1"); after != before {
				t.Errorf("%+v became %+v", before, after)
			}
		}
		w.ok(w.SetBridgePort("", "s1", PortChange{Mask: switchdev.PortLearns}))
	}
}

// mute is a switch that tells nothing: its driver has no role of a reporter.
type mute struct {
	Switch
	d switchdev.Driver
}

type submitter struct {
	switchdev.Driver
	switchdev.FDBSubmitter
	switchdev.FDBOffloader
	switchdev.PortOffloader
}

func (m mute) Driver() switchdev.Driver { return m.d }

func TestDriverMayHaveFewRoles(t *testing.T) {
	w := open(t, Config{Switch: func(c SwitchConfig) (Switch, error) {
		sw, err := openChip(c)
		d := sw.(chip).Chip
		return mute{sw, &submitter{d, d, d, d}}, err
	}})
	w.ok(w.AddSwitch("br0", BridgeChange{}, []string{"s1", "s2"}))
	w.told()
	if got := w.sends("h1", station(1), broadcast()); got != "br0 h2" {
		t.Errorf("a frame reaches %s", got)
	}
	w.want("told", w.told(), "02:dd:00:00:00:01 dev s1 master br0")
}

func TestLeftRowsStay(t *testing.T) { // nothing in Linux reads a device
	w := open(t, old())
	w.ok(w.AddSwitch("br0", BridgeChange{}, []string{"s1", "s2"}))
	w.sends("h2", station(2), broadcast()) // ages out, and the device says so
	w.ok(w.AddFDB(Neigh{Dev: "s1", MAC: station(5), State: toolStatic, Flags: Master}, MakeNew))
	w.ok(w.SetLink("", "s1", LinkChange{Master: ptr("")}))
	w.ok(w.Wait(400 * second))
	if rows, err := w.SwitchRows("sw1"); err != nil || len(rows) != 2 || rows[0].MAC != station(5) || rows[1].VLAN != 1 {
		t.Errorf("rows %v, %v", rows, err)
	}

	w = open(t, Config{})
	w.ok(w.AddSwitch("br0", BridgeChange{}, []string{"s1", "s2"}))
	w.ok(w.AddFDB(Neigh{Dev: "s1", MAC: station(5), State: toolStatic, Flags: Master}, MakeNew))
	w.ok(w.SetLink("", "s1", LinkChange{Master: ptr("")}))
	if rows, _ := w.SwitchRows("sw1"); len(rows) != 0 {
		t.Errorf("rows %v", rows)
	}
}
