package machine

import (
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// refusals are requests with the numbers and texts of the kernel; those marked with a
// function were read there, the others were seen.
func (w *world) refusals() []struct {
	what  string
	do    func() error
	errno Errno
	text  string
} {
	add := func(n Neigh) func() error { return func() error { return w.AddFDB(n, MakeNew|Exclusive) } }
	del := func(n Neigh) func() error { return func() error { return w.DeleteFDB(n) } }
	flush := func(f Flush) func() error { return func() error { return w.FlushFDB(f) } }
	set := func(name string, c LinkChange) func() error { return func() error { return w.SetLink("", name, c) } }
	bridge := func(name string, c BridgeChange) func() error {
		return func() error { return w.SetBridge("", name, c) }
	}
	port := func(name string, c PortChange) func() error {
		return func() error { return w.SetBridgePort("", name, c) }
	}
	vlan := func(r VLANRange) func() error { return func() error { return w.AddVLAN(r) } }
	a, none := station(0xaa), switchdev.MAC{}
	group := switchdev.MAC{1, 0, 0, 0, 0, 1}
	return []struct {
		what  string
		do    func() error
		errno Errno
		text  string
	}{
		{"add on lo", add(Neigh{Dev: "lo", MAC: a, State: Permanent, Flags: Self}), EINVAL, "FDB add only supported for Ethernet devices"},
		{"delete on lo", del(Neigh{Dev: "lo", MAC: a, State: Permanent, Flags: Self}), EINVAL, "FDB delete only supported for Ethernet devices"},
		{"add on nothing", add(Neigh{Dev: "nosuch", MAC: a, State: Permanent, Flags: Self}), ENODEV, ""},
		{"vlan 4095", add(Neigh{Dev: "p1", MAC: a, State: NoARP, Flags: Master, VLAN: 4095, HasVLAN: true}), EINVAL, "invalid vlan id"},
		{"vlan 0", add(Neigh{Dev: "p1", MAC: a, State: NoARP, Flags: Master, HasVLAN: true}), EINVAL, "invalid vlan id"},
		{"foreign vlan", add(Neigh{Dev: "p1", MAC: a, State: NoARP, Flags: Master, VLAN: 9, HasVLAN: true}), EINVAL, ""},
		{"no port", add(Neigh{Dev: "p9", MAC: a, State: NoARP, Flags: Master}), EOPNOTSUPP, ""},
		{"bridge as port", add(Neigh{Dev: "br0", MAC: a, State: Permanent, Flags: Master}), EOPNOTSUPP, ""},
		{"no address", add(Neigh{Dev: "p1", MAC: none, State: NoARP, Flags: Master}), EINVAL, ""},
		{"no state", add(Neigh{Dev: "p1", MAC: a, State: Stale, Flags: Master}), EINVAL, ""},
		{"sticky and permanent", add(Neigh{Dev: "p1", MAC: a, State: Permanent, Flags: Master | Sticky}), EINVAL, ""},
		{"dynamic on the bridge", add(Neigh{Dev: "br0", MAC: a, State: Reachable, Flags: Self}), EINVAL, ""},
		{"use on the bridge", add(Neigh{Dev: "br0", MAC: a, State: Permanent, Flags: Self | Use}), EINVAL, ""},
		{"extern and dynamic on the bridge", add(Neigh{Dev: "br0", MAC: a, State: Reachable, Flags: Self | ExtLearned}), EINVAL, "FDB entry towards bridge must be permanent"},
		{"dynamic on a port that is down", add(Neigh{Dev: "p3", MAC: a, State: Reachable, Flags: Master}), EPERM, ""},
		{"there already", add(Neigh{Dev: "p2", MAC: portMAC(1), State: NoARP, Flags: Master}), EEXIST, ""},
		{"without create", func() error { return w.AddFDB(Neigh{Dev: "p1", MAC: a, State: NoARP, Flags: Master}, Replace) }, ENOENT, ""},
		{"exclusive without create", func() error { return w.AddFDB(Neigh{Dev: "p1", MAC: a, State: NoARP, Flags: Master}, Exclusive) }, ENOENT, ""},
		{"static in an own table", add(Neigh{Dev: "p9", MAC: a, State: NoARP | Reachable, Flags: Self}), EINVAL, ""},
		{"vlan in an own table", add(Neigh{Dev: "p9", MAC: a, State: Permanent, Flags: Self, VLAN: 1, HasVLAN: true}), EINVAL, ""},
		{"delete by the wrong port", del(Neigh{Dev: "p2", MAC: portMAC(1), Flags: Master}), ENOENT, ""},
		{"delete of none in an own table", del(Neigh{Dev: "p9", MAC: a, State: Permanent, Flags: Self}), ENOENT, ""},
		{"delete of a static one in an own table", del(Neigh{Dev: "p9", MAC: a, State: NoARP, Flags: Self}), EINVAL, ""},
		{"flush of lo", flush(Flush{Dev: "lo", Target: Self}), EINVAL, "FDB delete only supported for Ethernet devices"},
		{"flush of a host", flush(Flush{Dev: "h1", Target: Self}), EOPNOTSUPP, ""},
		{"flush of a port itself", flush(Flush{Dev: "p1", Target: Self}), EOPNOTSUPP, ""},
		{"flush of a bridge's bridge", flush(Flush{Dev: "br0", Target: Master}), EOPNOTSUPP, ""},
		{"flush of a host's entries", flush(Flush{Dev: "br0", Target: Self, BrPort: "h1"}), EINVAL, "Flush device is not a bridge or bridge port"},
		{"flush of another bridge", flush(Flush{Dev: "br0", Target: Self, BrPort: "br1"}), EINVAL, "Flush bridge device does not match target bridge device"},
		{"flush of another bridge's port", flush(Flush{Dev: "br1", Target: Self, BrPort: "p1"}), EINVAL, "Port belongs to a different bridge device"},
		{"flush by locked", flush(Flush{Dev: "br0", Target: Self, Flags: Router}), EINVAL, "Unsupported fdb flush ndm flag bits set"},
		{"flush by stale", flush(Flush{Dev: "br0", Target: Self, State: Stale}), EINVAL, "Unsupported fdb flush ndm state bits set"},
		{"group address", set("p1", LinkChange{MAC: &group}), EADDRNOTAVAIL, ""},
		{"zero address", set("br0", LinkChange{MAC: &none}), EADDRNOTAVAIL, ""},
		{"small mtu", set("p1", LinkChange{MTU: ptr(10)}), EINVAL, "mtu less than device minimum"},
		{"large mtu", set("p1", LinkChange{MTU: ptr(70000)}), EINVAL, "mtu greater than device maximum"},
		{"name in use", set("p3", LinkChange{Name: ptr("h1")}), EEXIST, ""},
		{"no name", set("p3", LinkChange{Name: ptr("a/b")}), EINVAL, ""},
		{"bridge in a bridge", set("br1", LinkChange{Master: ptr("br0")}), ELOOP, "Can not enslave a bridge to a bridge"},
		{"lo in a bridge", set("lo", LinkChange{Master: ptr("br0")}), EINVAL, ""},
		{"no master", set("p9", LinkChange{Master: ptr("p1")}), EOPNOTSUPP, ""},
		{"unknown master", set("p1", LinkChange{Master: ptr("nosuch")}), EINVAL, ""},
		{"deleting lo", func() error { return w.DeleteLink("", "lo") }, EOPNOTSUPP, ""},
		{"a bridge's option on a port", bridge("p1", BridgeChange{FDBFlush: true}), EOPNOTSUPP, ""},
		{"reserved bits", bridge("br0", BridgeChange{GroupForward: ptr(uint16(7))}), EINVAL, ""},
		{"hello time", bridge("br0", BridgeChange{HelloTime: ptr(uint32(20))}), ERANGE, ""},
		{"default pvid", bridge("br0", BridgeChange{DefaultPVID: ptr(uint16(4095)), AgeingTime: ptr(uint32(100))}), EINVAL, ""}, // br_validate
		{"flags of no port", port("p9", PortChange{Mask: switchdev.PortLearns}), EOPNOTSUPP, ""},
		{"flags of a bridge", port("br0", PortChange{Mask: switchdev.PortLearns}), EOPNOTSUPP, ""},
		{"no state of a port", port("p1", PortChange{State: ptr(uint8(5))}), EINVAL, ""},
		{"state of a port that is down", port("p3", PortChange{State: ptr(uint8(0))}), ENETDOWN, ""},
		{"backup of itself", port("p1", PortChange{BackupPort: ptr("p1")}), EINVAL, ""},
		{"backup elsewhere", port("p1", PortChange{BackupPort: ptr("p4")}), EINVAL, ""},
		{"backup that is no port", port("p1", PortChange{BackupPort: ptr("p9")}), ENOENT, ""},
		{"path cost", port("p1", PortChange{Cost: ptr(uint32(70000))}), ERANGE, ""},
		{"priority", port("p1", PortChange{Priority: ptr(uint16(64))}), ERANGE, ""},
		{"mask of pauses", port("p1", PortChange{GroupForward: ptr(uint16(2))}), EINVAL, ""},
		{"vlan 0 of a port", vlan(VLANRange{Dev: "p1"}), EINVAL, "Vlan id is invalid"},
		{"vlan 4095 of a port", vlan(VLANRange{Dev: "p1", First: 4095}), EINVAL, "Vlan id is invalid"},
		{"vlan of no port", vlan(VLANRange{Dev: "p9", First: 5}), EOPNOTSUPP, ""},
		{"vlan of a bridge without self", vlan(VLANRange{Dev: "br0", First: 5}), EOPNOTSUPP, ""},
		{"vlan of a port itself", vlan(VLANRange{Dev: "p1", First: 5, Self: true}), EOPNOTSUPP, ""},
		{"a bridge twice", func() error { return w.AddBridge("br0", BridgeChange{}, nil) }, EEXIST, ""},
		{"a bridge of wrong times", func() error { return w.AddBridge("br7", BridgeChange{MaxAge: ptr(uint32(1))}, []string{"p7"}) }, ERANGE, ""},
		{"a namespace twice", func() error { return w.AddNS("n1") }, EEXIST, ""},
		{"no namespace", func() error { return w.DeleteNS("n9") }, ENOENT, ""},
		{"no entry", func() error { _, err := w.GetFDB(Query{Bridge: "br0", MAC: a}); return err }, ENOENT, "Fdb entry not found"},
		{"no bridge", func() error { _, err := w.GetFDB(Query{Bridge: "p1", MAC: a}); return err }, EOPNOTSUPP, "Fdb get operation not supported by device"},
		{"no port to ask", func() error { _, err := w.GetFDB(Query{Dev: "p9", MAC: a}); return err }, EINVAL, "Device is not a bridge port"},
		{"both", func() error { _, err := w.GetFDB(Query{Dev: "p1", Bridge: "br0", MAC: a}); return err }, EINVAL, "Master and device are mutually exclusive"},
		{"neither", func() error { _, err := w.GetFDB(Query{MAC: a}); return err }, ENODEV, "No device specified"},
		{"no switch", func() error { _, err := w.SwitchRows("sw1"); return err }, ENODEV, ""},
	}
}

// settled is a world with two bridges, a port that is down and one that is free.
func settled(t *testing.T, c Config) *world {
	w := open(t, c)
	w.ok(w.AddBridge("br0", BridgeChange{}, []string{"p1", "p2", "p3"}))
	w.ok(w.AddBridge("br1", BridgeChange{}, []string{"p4"}))
	w.ok(w.AddPorts("p9"))
	w.ok(w.SetLink("", "p3", LinkChange{Up: ptr(false)}))
	w.ok(w.AddNS("n1"))
	w.sends("h1", station(1), broadcast())
	w.told()
	return w
}

func TestRefusedVerbChangesNothing(t *testing.T) {
	for name, c := range map[string]Config{"none": {}, "linux-6.1": old()} {
		t.Run(name, func(t *testing.T) {
			w := settled(t, c)
			before := w.dump()
			for _, r := range w.refusals() {
				w.refusal(r.what, r.do(), r.errno, r.text)
				if after := w.dump(); after != before {
					t.Fatalf("%s has changed\n%s\ninto\n%s", r.what, before, after)
				}
				if told := w.told(); told != "" {
					t.Errorf("%s was told: %s", r.what, told)
				}
			}
		})
	}
}

func TestRefusalsOfKernelsDiffer(t *testing.T) {
	for _, c := range []struct {
		Config
		errno Errno
		text  string
		move  string
	}{
		{Config{}, ERANGE, "integer out of range", "The interface netns is immutable"},
		{old(), EINVAL, "invalid vlan id", ""},
	} {
		w := settled(t, c.Config)
		w.refusal("vlan 0", w.FlushFDB(Flush{Dev: "br0", Target: Self, HasVLAN: true}), c.errno, c.text)
		w.refusal("vlan 4095", w.FlushFDB(Flush{Dev: "br0", Target: Self, VLAN: 4095, HasVLAN: true}), c.errno, c.text)
		w.refusal("move", w.SetLink("", "br0", LinkChange{NS: ptr("n1")}), EINVAL, c.move)
		err := w.SetLink("", "p1", LinkChange{Name: ptr("q1")}) // dev_change_name
		if _, renamed := w.Link("", "q1"); renamed != (c.Netlink&Texts61 == 0) || renamed != (err == nil) {
			t.Errorf("rename of a device that is up: %v, %v", err, renamed)
		}
	}
}

func TestHalfARequestStays(t *testing.T) { // rtnl_fdb_add, rtnl_fdb_del, do_set_master
	w := settled(t, Config{})
	n := Neigh{Dev: "p1", MAC: station(9), State: NoARP | Reachable, Flags: Master | Self}
	w.refusal("static", w.AddFDB(n, MakeNew|Exclusive), EINVAL, "")
	w.want("told", w.told(), "02:dd:00:00:00:09 dev p1 master br0 static", "02:dd:00:00:00:09 dev p1 vlan 1 master br0 static")
	n.State = Permanent
	w.refusal("again", w.AddFDB(n, MakeNew|Exclusive), EEXIST, "")
	w.refusal("delete", w.DeleteFDB(n), ENOENT, "")
	if rows, _ := w.FDBEvents(""); len(rows) != 2 || !rows[0].Deleted {
		t.Errorf("told %v", rows)
	}
	w.refusal("master", w.SetLink("", "p1", LinkChange{Master: ptr("p9")}), EOPNOTSUPP, "")
	if l, _ := w.Link("", "p1"); l.Master != "" {
		t.Errorf("%+v is still a port", l)
	}
}
