package bridge_test

import (
	"syscall"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// pathCases are those of the data path that are in the recordings, in VLANs.
func pathCases() []conformance {
	return []conformance{
		{"87 own addresses in a VLAN go to the host, if it is in it", filtering(), func(w *world) {
			w.join(1, 10)
			w.join(2, 10)
			w.passes(1, frameOf(portMAC(2), stationA), "host 0")
			w.passes(1, frameOf(portMAC(1), stationA), "host 0")
			w.passes(1, frameOf(hostMAC, stationA), "host 0")
			w.passes(1, vlanFrame(portMAC(2), stationA, ctag, 10), "egress-vlan")
			w.passes(1, vlanFrame(portMAC(3), stationA, ctag, 10), "flooded 2/10") // not its address there
			w.passes(1, vlanFrame(hostMAC, stationA, ctag, 10), "flooded 2/10")    // nor the bridge's
			w.join(0, 10)
			w.passes(1, vlanFrame(portMAC(2), stationA, ctag, 10), "host 0/10")
			w.passes(1, vlanFrame(hostMAC, stationA, ctag, 10), "host 0/10")
		}},
		{"87 without filtering it is VLAN 0 that counts", bridge.Config{MAC: hostMAC, VLAN: bridge.VLANConfig{DefaultPVID: 1}}, func(w *world) {
			w.passes(1, vlanFrame(portMAC(2), stationA, ctag, 10), "host 0/10") // as it is
			w.in(0, stationA, 1)
		}},
		{"88 behind the ingress port, by VLAN", filtering(), func(w *world) {
			w.join(1, 10)
			w.join(2, 10)
			w.passes(1, vlanFrame(stationC, stationB, ctag, 10), "flooded 2/10")
			w.passes(1, vlanFrame(stationB, stationA, ctag, 10), "same-port")
			w.passes(1, frameOf(stationB, stationA), "flooded 2 3") // unknown there
			w.flags(1, switchdev.PortHairpin, switchdev.PortHairpin)
			w.passes(1, vlanFrame(stationB, stationA, ctag, 10), "forwarded 1/10")
			w.passes(1, frameOf(broadcast, stationA), "flooded 0 1 2 3")
		}},
		// fdb/054.
		{"89 isolated, in a VLAN, and what the host sends", filtering(), func(w *world) {
			w.flags(1, switchdev.PortIsolated, switchdev.PortIsolated)
			w.flags(2, switchdev.PortIsolated, switchdev.PortIsolated)
			w.passes(1, frameOf(mac(0x99), stationA), "flooded 3")
			w.passes(2, frameOf(broadcast, stationB), "flooded 0 3")
			w.passes(1, frameOf(stationB, stationA), "isolated")
			w.passes(3, frameOf(stationA, stationC), "forwarded 1")
			w.passes(1, frameOf(stationC, stationA), "forwarded 3")
			w.passes(1, frameOf(hostMAC, stationA), "host 0")
			w.passes(0, frameOf(stationA, hostMAC), "forwarded 1")
			w.passes(0, frameOf(broadcast, hostMAC), "flooded 1 2 3")
			w.flags(1, switchdev.PortHairpin, switchdev.PortHairpin)
			w.passes(1, frameOf(broadcast, stationA), "flooded 0 3") // isolated from itself, too
		}},
		// fdb/055.
		{"90 the flood classes, flag by flag", filtering(), func(w *world) {
			all := switchdev.PortFlood | switchdev.PortMulticastFlood | switchdev.PortBroadcastFlood
			classes := []struct {
				flag switchdev.PortFlags
				dst  switchdev.MAC
			}{{switchdev.PortFlood, mac(0x99)}, {switchdev.PortMulticastFlood, group}, {switchdev.PortBroadcastFlood, broadcast}}
			for _, on := range classes {
				w.flags(3, on.flag, all)
				for _, c := range classes {
					want := "flooded 0 2"
					if c.dst == mac(0x99) {
						want = "flooded 2"
					}
					if c.flag == on.flag {
						want += " 3"
					}
					w.passes(1, frameOf(c.dst, stationA), want)
					want = "flooded 1 2 3"
					if c.dst == mac(0x99) && on.flag != switchdev.PortFlood {
						want = "flooded 1 2"
					}
					w.passes(0, frameOf(c.dst, hostMAC), want)
				}
			}
			w.flags(3, 0, all)
			w.passes(3, frameOf(broadcast, stationC), "flooded 0 1 2") // what comes in is another matter
			w.passes(1, frameOf(stationC, stationA), "forwarded 3")
		}},
		// fdb/056.
		{"91 a promiscuous bridge sees every VLAN that passes", filtering(), func(w *world) {
			w.join(1, 10)
			w.join(2, 10)
			w.passes(1, frameOf(stationB, stationA), "flooded 2 3")
			w.b.SetPromiscuous(true)
			w.passes(1, frameOf(stationB, stationA), "flooded 0 2 3")
			w.passes(2, frameOf(stationA, stationB), "forwarded 0 1")
			// Where it is no member it gets the frame as it is within the bridge: tagged.
			w.passes(1, vlanFrame(stationB, stationA, ctag, 10), "flooded 0/10 2/10")
			w.must(w.b.SubmitAddVLAN(1, 10, switchdev.VLANPVID|switchdev.VLANUntagged))
			w.passes(1, frameOf(stationB, stationA), "flooded 0/10 2/10")
			w.passes(1, frameOf(broadcast, stationA), "flooded 0/10 2/10")
			w.passes(1, vlanFrame(stationB, stationA, ctag, 20), "vlan")
			w.passes(2, vlanFrame(stationB, stationB, ctag, 10), "same-port 0/10") // dropped, and seen
			w.b.SetPromiscuous(false)
			w.passes(1, frameOf(broadcast, stationA), "flooded 2/10")
		}},
		// fdb/057 and fdb/050.
		{"92 a destination that cannot be reached is dropped and not flooded", filtering(), func(w *world) {
			w.join(1, 10)
			w.join(2, 10)
			w.passes(1, vlanFrame(stationC, stationA, ctag, 10), "flooded 2/10")
			w.must(w.edit(fdb.VerbAdd, stationC, 10, 1, fdb.Static))
			for _, s := range []switchdev.PortState{switchdev.PortDisabled, switchdev.PortListening, switchdev.PortLearning, switchdev.PortBlocking} {
				w.state(1, s)
				w.passes(2, vlanFrame(stationA, stationB, ctag, 10), "egress-down")
				w.passes(0, vlanFrame(stationA, hostMAC, ctag, 10), "vlan")
			}
			w.state(1, switchdev.PortForwarding)
			w.passes(2, vlanFrame(stationA, stationB, ctag, 10), "forwarded 1/10")
			w.join(0, 10)
			w.passes(0, vlanFrame(stationA, hostMAC, ctag, 10), "forwarded 1/10")
			w.quit(1, 10)
			w.passes(2, vlanFrame(stationC, stationB, ctag, 10), "egress-vlan") // static, and left behind
			w.passes(0, vlanFrame(stationC, hostMAC, ctag, 10), "egress-vlan")
			w.passes(2, vlanFrame(stationA, stationB, ctag, 10), "nowhere") // learned, and gone
		}},
	}
}

// vlanCases are case 93: what a VLAN does at ingress and egress.
func vlanCases() []conformance {
	s := filtering()
	s.VLAN.Protocol = stag
	none := filtering()
	none.VLAN.DefaultPVID = bridge.NoDefaultPVID
	const pvid, untagged = switchdev.VLANPVID, switchdev.VLANUntagged
	return []conformance{
		// fdb/014.
		{"93 tags keep VLANs apart", filtering(), func(w *world) {
			w.join(1, 10)
			w.join(2, 20)
			w.join(3, 10, 20)
			w.passes(1, vlanFrame(broadcast, stationA, ctag, 10), "flooded 3/10")
			w.passes(2, vlanFrame(broadcast, stationA, ctag, 20), "flooded 3/20")
			w.passes(3, vlanFrame(stationA, stationC, ctag, 10), "forwarded 1/10")
			w.passes(3, vlanFrame(stationA, stationC, ctag, 20), "forwarded 2/20")
			w.passes(3, frameOf(stationA, stationC), "flooded 1 2")
			w.must(w.edit(fdb.VerbDelete, stationA, 10, 1, 0))
			w.passes(3, vlanFrame(stationA, stationC, ctag, 20), "forwarded 2/20")
			w.passes(3, vlanFrame(stationA, stationC, ctag, 10), "flooded 1/10")
		}},
		{"93 without a PVID what has no tag is dropped", none, func(w *world) {
			w.join(1, 10)
			w.join(2, 10)
			w.passes(1, frameOf(broadcast, stationA), "no-pvid")
			w.passes(1, vlanFrame(broadcast, stationA, ctag, 0), "no-pvid") // priority tag
			w.passes(1, vlanFrame(broadcast, stationA, stag, 10), "no-pvid")
			w.passes(1, vlanFrame(broadcast, stationA, ctag, 10), "flooded 2/10")
			w.passes(0, frameOf(broadcast, hostMAC), "no-pvid")
			w.passes(3, vlanFrame(broadcast, stationC, ctag, 10), "vlan")
			w.passes(1, vlanFrame(broadcast, stationB, ctag, 4095), "vlan")
			w.in(0, stationA, -1)
			w.in(10, stationC, -1)
			w.told("added 01:01@1/10", "added 01:02@2/10", "added 00:0a@1/10")
		}},
		{"93 egress with a tag and without, PVID and priority tags", filtering(), func(w *world) {
			w.join(0, 10)
			w.must(w.b.SubmitAddVLAN(1, 10, pvid))
			w.must(w.b.SubmitAddVLAN(2, 10, untagged))
			w.join(3, 10)
			w.passes(1, frameOf(broadcast, stationA), "flooded 0/10 2 3/10")
			w.passes(1, vlanFrame(broadcast, stationA, ctag, 10), "flooded 0/10 2 3/10")
			w.passes(1, vlanFrame(broadcast, stationA, ctag, 0), "flooded 0/10 2 3/10")
			w.passes(1, vlanFrame(broadcast, stationA, ctag, 5<<13), "flooded 0/10p5 2 3/10p5") // the priority stays
			w.passes(1, vlanFrame(broadcast, stationA, ctag, 5<<13|10), "flooded 0/10p5 2 3/10p5")
			w.passes(1, vlanFrame(broadcast, stationA, ctag, 1), "flooded 0 2 3")
			w.passes(2, frameOf(broadcast, stationB), "flooded 0 1 3") // its PVID is 1
			w.passes(2, vlanFrame(broadcast, stationB, ctag, 10), "flooded 0/10 1/10 3/10")
			w.passes(0, vlanFrame(broadcast, hostMAC, ctag, 10), "flooded 1/10 2 3/10")
			w.passes(0, frameOf(broadcast, hostMAC), "flooded 1 2 3")
			w.must(w.b.SubmitAddVLAN(0, 10, pvid|untagged))
			w.passes(0, frameOf(broadcast, hostMAC), "flooded 1/10 2 3/10")
			w.passes(1, frameOf(broadcast, stationA), "flooded 0 2 3/10")
			if got := w.vlans(0) + " | " + w.vlans(1) + " | " + w.vlans(2) + " | " + w.vlans(3); got != "1u 10pu | 1u 10p | 1pu 10u | 1pu 10" {
				w.t.Errorf("VLANs %s", got)
			}
		}},
		{"93 a tag of the other protocol is none", filtering(), func(w *world) {
			w.join(1, 10)
			w.join(2, 10)
			w.passes(1, vlanFrame(broadcast, stationA, stag, 10), "flooded 0/s10 2/s10 3/s10")
			w.in(1, stationA, 1)
			w.must(w.b.SubmitAddVLAN(1, 10, pvid))
			w.passes(1, vlanFrame(broadcast, stationA, stag, 7), "flooded 2/10/s7")
			w.must(w.b.SubmitSetProtocol(stag))
			w.passes(1, vlanFrame(broadcast, stationA, stag, 10), "flooded 2/s10")
			w.passes(1, vlanFrame(broadcast, stationA, ctag, 7), "flooded 2/s10/7")
		}},
		{"93 802.1ad", s, func(w *world) {
			w.join(1, 10)
			w.join(2, 10)
			w.passes(1, vlanFrame(broadcast, stationA, stag, 10), "flooded 2/s10")
			w.passes(1, vlanFrame(broadcast, stationA, ctag, 10), "flooded 0/10 2/10 3/10") // in VLAN 1
			w.must(w.b.SubmitAddVLAN(2, 10, untagged))
			w.passes(1, vlanFrame(broadcast, stationA, stag, 10), "flooded 2")
		}},
		// fdb/059.
		{"93 filtering is turned off and on", filtering(), func(w *world) {
			w.passes(1, frameOf(broadcast, stationA), "flooded 0 2 3")
			w.passes(2, frameOf(stationA, stationB), "forwarded 1")
			w.events()
			w.must(w.b.SubmitSetFiltering(false))
			w.told()
			w.passes(2, frameOf(stationA, stationB), "flooded 1 3")
			w.passes(1, vlanFrame(stationB, stationA, ctag, 99), "forwarded 2/99") // tags are not looked at
			w.told("added 00:0b@2", "added 00:0a@1")
			w.must(w.b.SubmitSetFiltering(true))
			w.passes(3, frameOf(stationA, stationC), "forwarded 1")
			w.told("added 00:0c@3/1")
		}},
		// fdb/050.
		{"93 a VLAN is taken from a port", filtering(), func(w *world) {
			w.join(1, 10)
			w.join(2, 10)
			w.passes(1, vlanFrame(broadcast, stationA, ctag, 10), "flooded 2/10")
			w.must(w.edit(fdb.VerbAdd, mac(1), 10, 1, fdb.Static))
			w.must(w.edit(fdb.VerbAdd, mac(2), 10, 1, fdb.Extern))
			w.must(w.edit(fdb.VerbAdd, mac(3), 10, 1, 0))
			w.must(w.edit(fdb.VerbAdd, mac(3), 1, 1, 0))
			w.events()
			w.quit(1, 10)
			w.tells("deleted 01:01@1/10", "flushed 00:0a@1/10", "flushed 00:03@1/10")
			w.in(1, mac(3), 1)
			w.in(10, mac(1), 1)
			w.in(10, mac(2), 1)
			w.passes(2, vlanFrame(mac(1), stationB, ctag, 10), "egress-vlan")
			w.passes(1, vlanFrame(broadcast, stationA, ctag, 10), "vlan")
			w.is(w.do(w.b.SubmitRemoveVLAN(1, 10)), syscall.ENOENT)
		}},
		{"93 a PVID is one, and may go", filtering(), func(w *world) {
			w.must(w.b.SubmitAddVLAN(1, 10, pvid))
			w.must(w.b.SubmitAddVLAN(1, 1, untagged))
			w.must(w.b.SubmitAddVLAN(1, 10, 0)) // named without it, it is none any more
			if got := w.vlans(1); got != "1u 10" {
				w.t.Errorf("VLANs %s", got)
			}
			w.passes(1, frameOf(broadcast, stationA), "no-pvid")
			w.must(w.b.SubmitAddVLAN(1, 20, pvid))
			w.quit(1, 20)
			w.passes(1, frameOf(broadcast, stationA), "no-pvid")
		}},
		{"93 the default PVID", bridge.Config{MAC: hostMAC, VLAN: bridge.VLANConfig{DefaultPVID: 1}}, func(w *world) {
			w.must(w.b.SubmitAddVLAN(2, 20, pvid|untagged)) // users' own
			w.must(w.b.SubmitAddVLAN(3, 1, pvid))
			w.events()
			w.must(w.b.SubmitSetDefaultPVID(5))
			w.tells("added 01:01@1/5", "deleted 01:01@1/1", "added 00:fe@0/5", "deleted 00:fe@0/1")
			if got := w.vlans(0) + " | " + w.vlans(1) + " | " + w.vlans(2) + " | " + w.vlans(3); got != "5pu | 5pu | 1u 20pu | 1p" {
				w.t.Errorf("VLANs %s", got)
			}
			w.join(1, 7)
			w.must(w.b.SubmitSetDefaultPVID(7)) // port 1 is in it already
			if got := w.vlans(0) + " | " + w.vlans(1); got != "7pu | 5pu 7" {
				w.t.Errorf("VLANs %s", got)
			}
			w.must(w.b.SubmitSetDefaultPVID(bridge.NoDefaultPVID))
			if got := w.vlans(0) + " | " + w.vlans(1) + " | " + w.vlans(2); got != " | 5pu 7 | 1u 20pu" {
				w.t.Errorf("VLANs %s", got)
			}
			w.must(w.b.SubmitSetDefaultPVID(9)) // where there was none everybody gets it
			if got := w.vlans(0) + " | " + w.vlans(1) + " | " + w.vlans(2); got != "9pu | 5u 7 9pu | 1u 9pu 20u" {
				w.t.Errorf("VLANs %s", got)
			}
			w.must(w.b.SubmitSetFiltering(true))
			w.must(w.b.SubmitSetDefaultPVID(8)) // by netlink: sysfs answers EPERM
			if got := w.vlans(0) + " | " + w.vlans(1) + " | " + w.vlans(2); got != "8pu | 5u 7 8pu | 1u 8pu 20u" {
				w.t.Errorf("VLANs %s", got)
			}
			w.must(w.b.SubmitSetDefaultPVID(8)) // nothing changes: a success
			w.is(w.do(w.b.SubmitSetDefaultPVID(4095)), syscall.EINVAL)
		}},
		{"93 frames that end in the tag", filtering(), func(w *world) {
			f := vlanFrame(broadcast, stationA, ctag, 1)
			for n := 14; n < 18; n++ {
				w.passes(1, f[:n], "short")
				w.passes(0, f[:n], "short")
			}
			w.in(1, stationA, -1)
			w.must(w.b.SubmitSetFiltering(false)) // nobody looks at it
			w.passes(1, f[:16], "flooded 0/1 2/1 3/1")
		}},
	}
}
