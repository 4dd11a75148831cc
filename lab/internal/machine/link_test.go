package machine

import (
	"errors"
	"testing"
)

func TestPortMovesBetweenBridges(t *testing.T) { // do_set_master: ndo_del_slave, then ndo_add_slave
	w := settled(t, Config{NoVLANFiltering: true})
	w.ok(w.SetLink("", "p1", LinkChange{Master: ptr("br1")}))
	rows, _ := w.FDBEvents("")
	if len(rows) != 3 || !rows[0].Deleted || !rows[1].Deleted || rows[2].Deleted || rows[2].Master != "br1" {
		t.Errorf("told\n%s", lines(rows))
	}
	if got := w.sends("h1", station(1), broadcast()); got != "br1 h4" {
		t.Errorf("a frame reaches %s", got)
	}
	w.ok(w.SetLink("", "p1", LinkChange{Master: ptr("br1")})) // is there already
	w.want("told", w.told(), "02:dd:00:00:00:01 dev p1 master br1")
}

func TestNamesAreThoseOfNow(t *testing.T) {
	w := settled(t, Config{NoVLANFiltering: true})
	w.ok(w.SetLink("", "br0", LinkChange{Name: ptr("brx")}))
	w.ok(w.SetLink("", "p2", LinkChange{Name: ptr("q2")}))
	w.sends("h2", station(2), broadcast())
	w.want("told", w.told(), "02:dd:00:00:00:02 dev q2 master brx")
	w.ok(w.SetBridgePort("", "p1", PortChange{BackupPort: ptr("q2")}))
	if p, ok := w.BridgePort("", "p1"); !ok || p.Backup != "q2" || p.Bridge != "brx" || p.Cost != 2 || p.Priority != 32 {
		t.Errorf("p1 is %+v", p)
	}
}

func TestPairGoesTogether(t *testing.T) { // veth_dellink
	w := settled(t, Config{NoVLANFiltering: true})
	w.ok(w.DeleteLink("", "h1"))
	for _, name := range []string{"p1", "h1"} {
		if l, ok := w.Link("", name); ok {
			t.Errorf("%+v is there", l)
		}
	}
	w.want("told", w.told(), "Deleted 02:dd:00:00:00:01 dev p1 master br0", "Deleted 02:00:00:00:00:01 dev p1 master br0 permanent")
	w.ok(w.DeleteLink("", "br0"))
	if p, ok := w.BridgePort("", "p2"); ok {
		t.Errorf("port of a bridge that is gone: %+v", p)
	}
	if rows, _ := w.DumpFDB("", "", "p2"); len(rows) > 0 {
		t.Errorf("entries of a bridge that is gone: %v", rows)
	}
	w.ok(w.AddBridge("br0", BridgeChange{}, []string{"p1", "p2"})) // all can be made again
	if got := w.sends("h1", station(1), broadcast()); got != "br0 h2" {
		t.Errorf("a frame reaches %s", got)
	}
}

// TestNamespaceOfAStationStays: that of the station of a switch port, which cannot be deleted.
func TestNamespaceOfAStationStays(t *testing.T) {
	w := open(t, Config{})
	w.ok(w.AddNS("n1"))
	w.ok(w.AddPorts("p2"))
	w.ok(w.AddSwitch("br0", BridgeChange{}, []string{"s1"}))
	w.ok(w.SetLink("", "h1", LinkChange{NS: ptr("n1")}))
	w.ok(w.SetLink("", "p2", LinkChange{NS: ptr("n1")}))
	var outside *Unsupported
	if err := w.DeleteNS("n1"); !errors.As(err, &outside) {
		t.Errorf("deleted: %v", err)
	}
	for _, name := range [...]string{"h1", "p2"} {
		if l, ok := w.Link("n1", name); !ok || !w.HasNS("n1") {
			t.Errorf("%s is %+v, %v", name, l, ok)
		}
	}
}

func TestDeviceMovesToANamespace(t *testing.T) { // __dev_change_net_namespace
	w := settled(t, Config{NoVLANFiltering: true})
	w.ok(w.AddFDB(Neigh{Dev: "p1", MAC: station(7), State: Permanent, Flags: Self}, MakeNew))
	w.FDBEvents("n1")
	w.told()
	w.ok(w.SetLink("", "p1", LinkChange{NS: ptr("n1")}))
	l, ok := w.Link("n1", "p1")
	if !ok || l.Up || l.Master != "" || l.NS != "n1" {
		t.Errorf("p1 is %+v, %v", l, ok)
	}
	if rows := w.FDB("n1"); len(rows) != 0 {
		t.Errorf("its own table went along: %v", rows)
	}
	if rows, _ := w.FDBEvents("n1"); len(rows) != 0 {
		t.Errorf("the new namespace was told %v", rows)
	}
	w.want("told", w.told(), "Deleted 02:dd:00:00:00:01 dev p1 master br0", "Deleted 02:00:00:00:00:01 dev p1 master br0 permanent")
	if h, _ := w.Link("", "h1"); h.Carrier {
		t.Error("h1 has carrier")
	}
	w.ok(w.DeleteNS("n1"))
	if l, ok := w.Link("", "h1"); ok {
		t.Errorf("the other end is there: %+v", l)
	}
}

func TestCarrierFollowsThePeer(t *testing.T) { // veth_open, veth_close; br_port_carrier_check
	w := settled(t, Config{NoVLANFiltering: true})
	w.ok(w.SetLink("", "h1", LinkChange{Up: ptr(false)}))
	w.want("told", w.told(), "Deleted 02:dd:00:00:00:01 dev p1 master br0")
	if p, _ := w.BridgePort("", "p1"); p.Carrier || !p.Up || p.State != 0 {
		t.Errorf("p1 is %+v", p)
	}
	w.ok(w.SetLink("", "h1", LinkChange{Up: ptr(true)}))
	if got := w.sends("h1", station(1), broadcast()); got != "br0 h2" {
		t.Errorf("a frame reaches %s", got)
	}
	w.told()
	w.ok(w.SetBridgePort("", "p1", PortChange{State: ptr(uint8(0))}))
	w.ok(w.SetLink("", "h1", LinkChange{Up: ptr(false)})) // disabled already: nothing leaves
	w.want("told", w.told())
	w.ok(w.SetLink("", "p1", LinkChange{Up: ptr(false)})) // br_stp_disable_port in any case
	w.want("told", w.told(), "Deleted 02:dd:00:00:00:01 dev p1 master br0")
}

func TestHostIsAPort(t *testing.T) {
	w := settled(t, Config{NoVLANFiltering: true})
	w.ok(w.SetLink("", "h1", LinkChange{Master: ptr("br1")})) // now the bridges are joined
	if got := w.sends("h2", station(2), broadcast()); got != "br0 br1 h1 h4" {
		t.Errorf("a frame reaches %s", got)
	}
	w.want("told", w.told(), "02:00:00:00:01:01 dev h1 master br1 permanent",
		"02:dd:00:00:00:02 dev p2 master br0", "02:dd:00:00:00:02 dev h1 master br1")
	if got := w.sends("h4", station(4), station(2)); got != "h2" {
		t.Errorf("the answer reaches %s", got)
	}
}

func TestDefaultPVIDChangesWhileFiltering(t *testing.T) { // br_changelink; only sysfs refuses
	w := open(t, Config{})
	w.ok(w.AddBridge("br0", BridgeChange{VLANFiltering: ptr(true)}, []string{"p1", "p2"}))
	w.ok(w.SetBridge("", "br0", BridgeChange{DefaultPVID: ptr(uint16(7))}))
	w.ok(w.AddVLAN(VLANRange{Dev: "p2", First: 20, Last: 22}))
	w.ok(w.DeleteVLAN(VLANRange{Dev: "p2", First: 21, Last: 25})) // 23 to 25 are no matter
	if in, _ := w.VLANs("", "p2"); len(in) != 2 || in[0].VLAN != 7 || in[0].Flags != 3 || in[1].VLAN != 20 {
		t.Errorf("p2 is in %v", in)
	}
	w.ok(w.SetBridge("", "br0", BridgeChange{DefaultPVID: ptr(uint16(0))}))
	if got := w.sends("h1", station(1), broadcast()); got != "" {
		t.Errorf("a frame without a VLAN reaches %s", got)
	}
}
