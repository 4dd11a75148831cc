package bridge_test

import (
	"slices"
	"syscall"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// tells checks what was told, in any order.
func (w *world) tells(want ...string) {
	w.t.Helper()
	got := w.events()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.t.Errorf("events %q, want %q", got, want)
	}
}

// addressCases are those of own addresses.
func addressCases() []conformance {
	return []conformance{
		// fdb/022: the station is unknown then, until the address is set again.
		{"39 an own address that was deleted is a stranger's", filtering(), func(w *world) {
			w.passes(2, frameOf(portMAC(1), stationB), "host 0")
			w.events()
			w.must(w.edit(fdb.VerbDelete, portMAC(1), 0, 1, 0))
			w.told("deleted 01:01@1", "deleted 01:01@1/1")
			w.passes(2, frameOf(portMAC(1), stationB), "flooded 1 3")
			w.must(w.b.SubmitSetMAC(mac(0xfd))) // somebody else's address
			w.join(1, 10)                       // another VLAN's entry
			w.events()
			w.in(1, portMAC(1), -1)
			w.must(w.b.SubmitSetPortMAC(1, portMAC(1)))
			w.told("added 01:01@1", "added 01:01@1/1")
			w.must(w.edit(fdb.VerbDelete, portMAC(1), 1, 1, 0))
			w.events()
			w.quit(1, 1)
			w.must(w.b.SubmitAddVLAN(1, 1, switchdev.VLANPVID|switchdev.VLANUntagged)) // its VLAN again
			w.told("added 01:01@1/1")
			w.must(w.edit(fdb.VerbDelete, portMAC(1), 1, 1, 0))
			w.events()
			w.must(w.b.SubmitSetPortMAC(1, mac(0x11)))
			w.told("deleted 01:01@1", "deleted 01:01@1/10", "added 00:11@1", "added 00:11@1/1", "added 00:11@1/10") // the youngest first
		}},
		// fdb/045.
		{"81 own addresses in VLAN 0 and the default PVID", bridge.Config{MAC: hostMAC, VLAN: bridge.VLANConfig{DefaultPVID: 1}}, func(w *world) {
			w.must(w.b.SubmitAddPort(bridge.PortConfig{ID: 4, MAC: portMAC(4)}))
			w.told("added 01:04@4", "added 01:04@4/1")
			w.must(w.b.SubmitSetPortMAC(4, mac(0x11)))
			w.tells("deleted 01:04@4", "deleted 01:04@4/1", "added 00:11@4", "added 00:11@4/1")
			w.must(w.b.SubmitRemovePort(4))
			w.tells("flushed 00:11@4", "flushed 00:11@4/1")
			for _, v := range []switchdev.VLAN{0, 1} {
				w.in(v, hostMAC, 0)
				w.in(v, portMAC(1), 1)
			}
		}},
		// fdb/049.
		{"81 own addresses in every VLAN of the port, and of the bridge", filtering(), func(w *world) {
			w.join(1, 10)
			w.told("added 01:01@1/10")
			w.join(0, 10)
			w.told("added 00:fe@0/10")
			if got := w.vlans(1) + " | " + w.vlans(0); got != "1pu 10 | 1pu 10" {
				w.t.Errorf("VLANs %q", got)
			}
			w.must(w.b.SubmitSetPortMAC(1, mac(0x11)))
			w.told("deleted 01:01@1/10", "deleted 01:01@1/1", "deleted 01:01@1", "added 00:11@1", "added 00:11@1/1", "added 00:11@1/10")
			w.quit(1, 10)
			w.told("deleted 00:11@1/10")
			w.quit(1, 1)
			w.told("deleted 00:11@1/1")
			w.quit(0, 10)
			w.told("deleted 00:fe@0/10")
			w.in(0, mac(0x11), 1)
			w.in(1, hostMAC, 0)
		}},
		{"81 the bridge takes the lowest address, in its own VLANs", bridge.Config{VLAN: bridge.VLANConfig{Filtering: true}}, func(w *world) {
			w.join(0, 10)
			w.told("added 01:01@0/10") // port 1 is not there, the bridge is
			w.join(1, 10)
			w.told()
			w.quit(0, 10)
			w.told("moved 01:01@1/10")
			w.join(0, 10)
			low := mac(1)
			w.must(w.b.SubmitSetPortMAC(2, low))
			if w.b.MAC() != low {
				w.t.Errorf("bridge has %v", w.b.MAC())
			}
			w.in(10, low, 0)
			w.in(1, low, 2)
			w.in(0, low, 2)
			w.in(10, portMAC(1), 1)
		}},
		{"82 two ports with one address: the heir of each VLAN", filtering(), func(w *world) {
			w.must(w.b.SubmitAddPort(bridge.PortConfig{ID: 4, MAC: portMAC(2)}))
			w.told()
			w.join(2, 10, 20)
			w.join(4, 20, 30)
			w.told("added 01:02@2/10", "added 01:02@2/20", "added 01:02@4/30")
			w.quit(2, 20) // Linux is silent
			w.told("moved 01:02@4/20")
			w.quit(2, 10)
			w.told("deleted 01:02@2/10")
			w.must(w.b.SubmitRemovePort(2))
			w.told("moved 01:02@4/1", "moved 01:02@4")
			w.must(w.b.SubmitSetPortMAC(4, mac(0x44)))
			w.told("deleted 01:02@4/30", "deleted 01:02@4/20", "deleted 01:02@4/1", "deleted 01:02@4",
				"added 00:44@4", "added 00:44@4/1", "added 00:44@4/20", "added 00:44@4/30")
		}},
		{"82 the bridge inherits where it is a member", filtering(), func(w *world) {
			w.join(1, 10, 20)
			w.join(0, 10)
			w.must(w.b.SubmitSetMAC(portMAC(1)))
			w.events()
			w.quit(1, 10)
			w.told("moved 01:01@0/10")
			w.quit(1, 20)
			w.told("deleted 01:01@1/20")
			w.must(w.b.SubmitRemovePort(1))
			w.told("moved 01:01@0/1", "moved 01:01@0")
		}},
		{"83 a port's address is somebody's in one VLAN", filtering(), func(w *world) {
			w.join(1, 10)
			w.join(2, 10)
			w.passes(2, vlanFrame(broadcast, stationA, ctag, 10), "flooded 1/10")
			w.must(w.edit(fdb.VerbAdd, stationB, 1, 2, fdb.Static))
			w.events()
			w.must(w.b.SubmitSetPortMAC(1, stationA))
			w.told("deleted 01:01@1/10", "deleted 01:01@1/1", "deleted 01:01@1",
				"added 00:0a@1", "added 00:0a@1/1", "deleted 00:0a@2/10", "added 00:0a@1/10")
			w.must(w.b.SubmitSetPortMAC(1, stationB))
			w.tells("deleted 00:0a@1", "deleted 00:0a@1/1", "deleted 00:0a@1/10",
				"added 00:0b@1", "deleted 00:0b@2/1", "added 00:0b@1/1", "added 00:0b@1/10")
			w.must(w.edit(fdb.VerbAdd, stationC, 10, 2, fdb.Permanent)) // a user's stays his
			w.events()
			w.must(w.b.SubmitSetPortMAC(1, stationC))
			w.told("deleted 00:0b@1/10", "deleted 00:0b@1/1", "deleted 00:0b@1", "added 00:0c@1", "added 00:0c@1/1")
			w.in(10, stationC, 2)
			w.fails(w.b.SubmitSetPortMAC(1, broadcast), syscall.EADDRNOTAVAIL)
			w.fails(w.b.SubmitSetPortMAC(1, switchdev.MAC{}), syscall.EADDRNOTAVAIL)
		}},
		{"83 a VLAN in which the address is somebody's", filtering(), func(w *world) {
			w.join(2, 10)
			w.must(w.edit(fdb.VerbAdd, portMAC(1), 10, 2, fdb.Static))
			w.events()
			w.join(1, 10)
			w.told("deleted 01:01@2/10", "added 01:01@1/10")
		}},
		// fdb/046: VLAN by VLAN, the old one first.
		{"84 the bridge's address changes in each of its VLANs", bridge.Config{MAC: hostMAC, VLAN: bridge.VLANConfig{DefaultPVID: 1}}, func(w *world) {
			w.must(w.b.SubmitSetMAC(mac(0xfd)))
			w.told("deleted 00:fe@0", "added 00:fd@0", "deleted 00:fe@0/1", "added 00:fd@0/1")
			w.must(w.b.SubmitSetMAC(portMAC(1)))
			w.told("deleted 00:fd@0", "deleted 00:fd@0/1")
			w.must(w.b.SubmitSetMAC(hostMAC))
			w.told("added 00:fe@0", "added 00:fe@0/1")
			w.fails(w.b.SubmitSetMAC(group), syscall.EADDRNOTAVAIL)
		}},
		{"86 a port leaves nothing, in any VLAN", filtering(), func(w *world) {
			w.join(1, 10)
			w.passes(1, vlanFrame(broadcast, stationA, ctag, 10), "nowhere")
			w.passes(1, frameOf(broadcast, stationA), "flooded 0 2 3")
			for i, f := range []fdb.Flags{0, fdb.Static, fdb.Extern, fdb.Permanent, fdb.Sticky} {
				w.must(w.edit(fdb.VerbAdd, mac(0x30+i), 0, 1, f)) // 0, 1 and 10
			}
			w.must(w.edit(fdb.VerbAdd, stationB, 10, 1, fdb.Static))
			w.quit(1, 10)
			w.events()
			w.must(w.b.SubmitRemovePort(1))
			// A in VLAN 1, five in 0 and 1, three in 10 that outlived the VLAN and B,
			// its own in 0 and 1.
			if got := w.events(); len(got) != 1+10+4+2 {
				w.t.Errorf("%d events %q", len(got), got)
			}
			for e := range w.b.Table().All() {
				if e.Port == 1 {
					w.t.Errorf("left over: %v", e)
				}
			}
			if w.vlans(1) != "none" {
				w.t.Errorf("VLANs %s", w.vlans(1))
			}
			w.must(w.b.SubmitAddPort(bridge.PortConfig{ID: 1, MAC: portMAC(1)})) // and begins anew
			if w.vlans(1) != "1pu" {
				w.t.Errorf("VLANs %s", w.vlans(1))
			}
		}},
		{"86 the bridge leaves nothing: one event for an entry", filtering(), func(w *world) {
			w.join(0, 10)
			w.passes(1, frameOf(broadcast, stationA), "flooded 0 2 3")
			w.must(w.edit(fdb.VerbAdd, stationB, 0, 2, fdb.Static))
			w.must(w.edit(fdb.VerbAdd, stationC, 0, 0, fdb.Permanent))
			n := 0
			for range w.b.Table().All() {
				n++
			}
			w.events()
			if err := w.b.Close(); err != nil {
				w.t.Error(err)
			}
			seen := make(map[string]bool)
			for {
				e, ok, err := w.sub.TryNext()
				if !ok || err != nil {
					break
				}
				if e.Kind != fdb.Flushed && e.Kind != fdb.Deleted {
					w.t.Errorf("%v", e)
				}
				seen[e.Entry.Key.String()] = true
			}
			if len(seen) != n {
				w.t.Errorf("%d of %d entries left with an event", len(seen), n)
			}
		}},
	}
}

// local0Cases are case 85: own addresses in VLAN 0 only (bridge_fdb_local_vlan_0.sh).
func local0Cases() []conformance {
	local0 := filtering()
	local0.VLAN.LocalInVLAN0 = true
	return []conformance{
		{"85 own addresses in VLAN 0 count in every VLAN", local0, func(w *world) {
			w.join(1, 10)
			w.join(2, 10)
			w.join(0, 10)
			w.told()
			for _, v := range []switchdev.VLAN{1, 10} {
				w.in(v, portMAC(1), -1)
				w.in(v, hostMAC, -1)
			}
			w.passes(2, frameOf(portMAC(1), stationB), "host 0")
			w.passes(2, vlanFrame(portMAC(1), stationB, ctag, 10), "host 0/10")
			w.passes(2, vlanFrame(hostMAC, stationB, ctag, 10), "host 0/10")
			w.quit(0, 10)
			w.passes(2, vlanFrame(hostMAC, stationB, ctag, 10), "egress-vlan")
			w.told("added 00:0b@2/1", "added 00:0b@2/10")
		}},
		{"85 what else is in VLAN 0 does not count", local0, func(w *world) {
			w.entry(stationA, 1, fdb.Static)
			w.passes(2, frameOf(stationA, stationB), "flooded 1 3")
			w.entry(stationC, 1, fdb.Permanent) // a user's own is not the bridge's
			w.passes(2, frameOf(stationC, stationB), "flooded 1 3")
			// And what is in the VLAN comes first.
			w.must(w.edit(fdb.VerbAdd, portMAC(1), 1, 3, fdb.Static))
			w.passes(2, frameOf(portMAC(1), stationB), "forwarded 3")
		}},
		{"85 addresses that change", local0, func(w *world) {
			w.must(w.b.SubmitSetPortMAC(1, stationA))
			w.told("deleted 01:01@1", "added 00:0a@1")
			w.must(w.b.SubmitSetMAC(mac(0xfd)))
			w.told("deleted 00:fe@0", "added 00:fd@0")
			w.must(w.b.SubmitAddPort(bridge.PortConfig{ID: 4, MAC: portMAC(4)}))
			w.told("added 01:04@4")
			w.must(w.b.SubmitRemovePort(4))
			w.told("flushed 01:04@4")
		}},
		{"85 turned on and off", filtering(), func(w *world) {
			w.join(1, 10)
			w.join(0, 10)
			before := w.show()
			w.events()
			w.must(w.b.SubmitSetLocalInVLAN0(true))
			w.tells("deleted 01:01@1/1", "deleted 01:01@1/10", "deleted 01:02@2/1", "deleted 01:03@3/1", "deleted 00:fe@0/1", "deleted 00:fe@0/10")
			w.must(w.b.SubmitSetLocalInVLAN0(true))
			w.told()
			w.join(2, 10)
			w.told()
			w.quit(2, 10)
			w.must(w.b.SubmitSetLocalInVLAN0(false))
			w.tells("added 01:01@1/1", "added 01:01@1/10", "added 01:02@2/1", "added 01:03@3/1", "added 00:fe@0/1", "added 00:fe@0/10")
			if after := w.show(); after != before {
				w.t.Errorf("before\n%safter\n%s", before, after)
			}
		}},
		{"85 without filtering VLAN 0 is all there is", bridge.Config{MAC: hostMAC, VLAN: bridge.VLANConfig{DefaultPVID: 1, LocalInVLAN0: true}}, func(w *world) {
			w.in(1, portMAC(1), -1)
			w.passes(2, frameOf(portMAC(1), stationB), "host 0")
			w.must(w.b.SubmitSetFiltering(true))
			w.passes(2, frameOf(portMAC(1), stationB), "host 0")
		}},
	}
}
