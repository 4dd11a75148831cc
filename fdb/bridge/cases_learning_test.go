package bridge_test

import (
	"fmt"
	"syscall"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// learningCases are those of learning, moving and flooding by what was learned.
func learningCases() []conformance {
	nobody := func(switchdev.PortID, []byte) {}
	return []conformance{
		{"1 in a VLAN: one entry, one event", filtering(), func(w *world) {
			w.passes(1, frameOf(stationB, stationA), "flooded 2 3")
			w.in(1, stationA, 1)
			w.in(0, stationA, -1)
			w.told("added 00:0a@1/1")
		}},
		{"2 in a VLAN: the answer goes to one port, also before the table has heard", filtering(), func(w *world) {
			w.b.Forward(1, frameOf(stationB, stationA), &w.out) // no poll: not applied yet
			w.passes(2, frameOf(stationA, stationB), "forwarded 1")
			w.passes(1, frameOf(stationB, stationA), "forwarded 2")
		}},
		{"10 learning off refreshes nothing either", bridge.Config{}, func(w *world) {
			w.goes(1, stationB, stationA, flooded, 2, 3)
			w.flags(1, 0, switchdev.PortLearns)
			w.after(ageing * 9 / 10)
			w.goes(1, stationB, stationA, flooded, 2, 3)
			w.after(ageing * 2 / 10)
			w.at(stationA, -1)
			w.told("added 00:0a@1", "aged 00:0a@1")
		}},
		{"10 learning off, link-local", bridge.Config{}, func(w *world) {
			w.flags(1, 0, switchdev.PortLearns)
			w.goes(1, linkLocal(2), stationA, toHost, 0)
			w.at(stationA, -1)
			w.told()
		}},
		{"11 states do not get what is flooded", bridge.Config{}, func(w *world) {
			for _, s := range []switchdev.PortState{switchdev.PortDisabled, switchdev.PortListening, switchdev.PortLearning, switchdev.PortBlocking} {
				w.state(2, s)
				for _, dst := range []switchdev.MAC{stationC, group, broadcast} {
					want := "flooded 0 3"
					if dst == stationC {
						want = "flooded 3"
					}
					w.passes(1, frameOf(dst, stationA), want)
					w.passes(0, frameOf(dst, hostMAC), "flooded 1 3")
				}
			}
		}},
		{"11 in VLANs: a state comes before the VLAN", filtering(), func(w *world) {
			w.state(1, switchdev.PortBlocking)
			w.passes(1, vlanFrame(stationB, stationA, ctag, 10), "port-state")
			w.state(1, switchdev.PortLearning)
			w.passes(1, vlanFrame(stationB, stationA, ctag, 10), "vlan")
			w.passes(1, frameOf(stationB, stationA), "learned-only")
			w.in(1, stationA, 1)
		}},
		// fdb/067: with kernel STP and a forward delay of 2 s.
		{"11 kernel STP: listening, learning, forwarding", bridge.Config{STP: bridge.STPConfig{
			Mode: bridge.STPKernel, ForwardDelay: 2e9, Send: nobody}}, func(w *world) {
			w.passes(1, frameOf(broadcast, mac(1)), "port-state")
			w.at(mac(1), -1)
			w.after(3e9)
			w.passes(1, frameOf(broadcast, mac(2)), "learned-only")
			w.at(mac(2), 1)
			w.after(3e9)
			w.passes(1, frameOf(broadcast, mac(3)), "flooded 0 2 3")
			w.fails(w.b.SubmitSetPortState(1, switchdev.PortBlocking), syscall.EBUSY)
		}},
		{"11 user STP: ports come up blocking, and stay as they are", bridge.Config{STP: bridge.STPConfig{Mode: bridge.STPUser}}, func(w *world) {
			w.after(100e9) // br_init_port
			for id := 1; id <= 3; id++ {
				w.passes(id, frameOf(broadcast, stationA), "port-state")
				w.state(id, switchdev.PortForwarding)
			}
			w.passes(1, frameOf(broadcast, stationA), "flooded 0 2 3")
			w.must(w.b.SubmitSetCarrier(1, false))
			w.must(w.b.SubmitSetCarrier(1, true))
			w.after(100e9)
			w.passes(1, frameOf(broadcast, stationA), "port-state")
		}},
		{"14 a port without flooding gets what is learned on it, until it ages", bridge.Config{}, func(w *world) {
			w.flags(1, 0, switchdev.PortFlood)
			w.goes(2, stationA, stationB, flooded, 3)
			w.goes(1, stationB, stationA, forwarded, 2)
			w.goes(2, stationA, stationB, forwarded, 1)
			w.after(ageing + ageing)
			w.goes(2, stationA, stationB, flooded, 3)
			w.goes(2, broadcast, stationB, flooded, 0, 1, 3)
		}},
	}
}

// linkLocalCases are case 12: every last digit, with every mask, and every mode of
// the spanning tree.
func linkLocalCases() []conformance {
	var all []conformance
	nobody := func(switchdev.PortID, []byte) {}
	for _, mode := range []bridge.STPMode{bridge.STPOff, bridge.STPKernel, bridge.STPUser} {
		for _, how := range []string{"no mask", "the bridge's mask", "the port's mask", "not learned"} {
			cfg := bridge.Config{STP: bridge.STPConfig{Mode: mode, Send: nobody}}
			all = append(all, conformance{fmt.Sprintf("12 STP %v, %s", mode, how), cfg, func(w *world) {
				if mode == bridge.STPUser {
					for id := 1; id <= 3; id++ {
						w.state(id, switchdev.PortForwarding)
					}
				}
				w.after(16e9) // listening
				w.after(16e9) // learning
				for last := range byte(16) {
					w.reserved(mode, how, last)
				}
				w.goes(3, linkLocal(0x10), mac(0xf0), flooded, 0, 1, 2) // an ordinary group
			}})
		}
	}
	return append(all,
		conformance{"12 bits 0 to 2 of the bridge's mask, and bit 1 of a port's, are refused", bridge.Config{}, func(w *world) {
			for bit := range 16 {
				err := w.b.SetLinkLocal(bridge.LinkLocal{Forward: 1 << bit})
				w.refusedIf(bit < 3, err, syscall.EINVAL)
				w.refusedIf(bit == 1, w.do(w.b.SubmitAddPort(bridge.PortConfig{ID: switchdev.PortID(10 + bit), MAC: mac(0x300 + bit), GroupForward: 1 << bit})), syscall.EINVAL)
			}
		}},
		conformance{"12 in VLANs: what teaches, and what the host gets", filtering(), func(w *world) {
			w.join(1, 10)
			w.passes(1, frameOf(linkLocal(2), stationA), "host 0")
			w.in(1, stationA, 1)
			w.passes(1, vlanFrame(linkLocal(2), stationB, ctag, 10), "host 0/10")
			w.in(10, stationB, 1)
			w.passes(1, vlanFrame(linkLocal(2), mac(0x33), ctag, 20), "host 0/20") // not a member: the host gets it, nobody learns
			w.passes(1, vlanFrame(linkLocal(2), mac(0x34), ctag, 4095), "host 0/4095")
			if v := w.b.Forward(1, vlanFrame(linkLocal(2), mac(0x33), ctag, 20), &w.out); v.Learned != fdb.Ignored || v.VLAN != 0 {
				w.t.Errorf("outside of the VLAN: %+v", v)
			}
			w.quit(1, 1)
			w.passes(1, frameOf(linkLocal(2), mac(0x35)), "host 0") // no PVID
			w.passes(1, frameOf(linkLocal(0), mac(0x36)), "no-pvid")
			w.told("added 01:01@1/10", "added 00:0a@1/1", "added 00:0b@1/10", "deleted 01:01@1/1", "flushed 00:0a@1/1")
		}},
	)
}

// reserved plays a frame to a reserved group. A switch that is told nothing forwards
// :00 without STP alone, drops :01, and hands the others to the host.
func (w *world) reserved(mode bridge.STPMode, how string, last byte) {
	w.t.Helper()
	src := mac(0x100*int(last) + 0x50)
	port := bridge.PortConfig{ID: 9, MAC: portMAC(9), State: switchdev.PortForwarding}
	var l bridge.LinkLocal
	forwards := last == 0 && mode == bridge.STPOff
	switch how {
	case "the bridge's mask":
		l.Forward = 0xfff8
		forwards = forwards || last > 2
	case "the port's mask":
		port.GroupForward = 0xfffd
		forwards = forwards || last != 1
	case "not learned":
		l.NoLearning = true
	}
	if err := w.b.SetLinkLocal(l); err != nil {
		w.t.Fatal(err)
	}
	w.must(w.b.SubmitAddPort(port))
	if mode == bridge.STPKernel {
		w.after(16e9)
		w.after(16e9)
	}
	want, learned := "host 0", -1
	switch {
	case forwards:
		want, learned = "flooded 0 1 2 3", 9
	case last == 1:
		want = "pause"
	case how != "not learned":
		learned = 9
	}
	if last == 0 && !forwards && mode == bridge.STPKernel {
		want = "bpdu"
	}
	w.passes(9, frameOf(linkLocal(last), src), want)
	w.at(src, learned)
	w.must(w.b.SubmitRemovePort(9))
}

// refusedIf checks that an error is the wanted one, or none.
func (w *world) refusedIf(bad bool, err, want error) {
	w.t.Helper()
	if bad {
		w.is(err, want)
	} else if err != nil {
		w.t.Error(err)
	}
}

// lockedCases are those of locked ports and of authentication by address.
func lockedCases() []conformance {
	const locked, mab, learns = switchdev.PortLocked, switchdev.PortMAB, switchdev.PortLearns
	return []conformance{
		// fdb/070, and the rules of br_handle_frame_finish.
		{"53 who may pass a locked port", bridge.Config{MAC: hostMAC}, func(w *world) {
			w.goes(1, stationC, mac(0x20), flooded, 2, 3) // learned before the lock
			w.flags(1, locked, locked)
			w.goes(1, stationC, mac(0x20), flooded, 2, 3)
			w.goes(1, hostMAC, stationA, bridge.ReasonLocked) // the host is no exception
			w.goes(2, hostMAC, stationB, toHost, 0)
			w.must(w.edit(fdb.VerbAdd, stationA, 0, 1, 0))
			w.goes(1, hostMAC, stationA, toHost, 0)
			w.goes(2, hostMAC, stationA, toHost, 0) // which takes the entry away
			w.at(stationA, 2)
			w.goes(1, hostMAC, stationA, bridge.ReasonLocked)
			w.at(stationA, 2)
			w.entry(mac(0x21), 1, fdb.Extern)
			w.goes(1, stationC, mac(0x21), flooded, 2, 3)
			w.entry(mac(0x22), 1, fdb.Permanent)
			w.goes(1, stationC, mac(0x22), bridge.ReasonLocked)
			w.goes(1, stationC, hostMAC, bridge.ReasonLocked)
			w.goes(2, mac(0x20), stationB, forwarded, 1) // towards it everything passes
			w.goes(2, mac(0x99), stationB, flooded, 1, 3)
		}},
		{"53 in VLANs: an entry of another VLAN does not open the port", filtering(), func(w *world) {
			w.join(1, 10)
			w.join(2, 10)
			w.flags(1, locked, locked)
			w.must(w.edit(fdb.VerbAdd, stationA, 10, 1, fdb.Static))
			w.passes(1, frameOf(stationB, stationA), "locked")
			w.passes(1, vlanFrame(stationB, stationA, ctag, 10), "flooded 2/10")
			w.passes(1, vlanFrame(stationB, stationA, ctag, 20), "vlan")
		}},
		{"57 MAB needs a locked port that learns", bridge.Config{}, func(w *world) {
			for i, f := range []switchdev.PortFlags{mab, mab | locked, mab | learns} {
				id := switchdev.PortID(10 + i)
				w.fails(w.b.SubmitAddPort(bridge.PortConfig{ID: id, MAC: mac(0x300 + i), Flags: f}), syscall.EINVAL)
				w.fails(w.b.SubmitSetPortFlags(1, f, mab|locked|learns), syscall.EINVAL)
			}
			w.flags(1, mab|locked|learns, mab|locked|learns)
			w.fails(w.b.SubmitSetPortFlags(1, 0, locked), syscall.EINVAL)
			w.fails(w.b.SubmitSetPortFlags(1, 0, learns), syscall.EINVAL)
			w.flags(1, 0, mab|locked)
			w.must(w.b.SubmitAddPort(bridge.PortConfig{ID: 10, MAC: mac(0x310), Flags: mab | locked | learns}))
		}},
		{"54 what is for a locked entry passes, what comes from it does not", bridge.Config{}, func(w *world) {
			// Seen of Linux 6.18; bridge(8): locked entries act like regular dynamic ones in
			// forwarding and ageing.
			w.flags(1, mab|locked|learns, mab|locked|learns)
			w.goes(1, broadcast, stationA, bridge.ReasonLocked)
			w.at(stationA, 1)
			w.goes(2, stationA, stationB, forwarded, 1)
			w.flags(1, 0, switchdev.PortFlood)
			w.goes(2, stationA, stationB, forwarded, 1)
			w.goes(2, mac(0x99), stationB, flooded, 3)
			w.goes(1, stationB, stationA, bridge.ReasonLocked)
			w.transmits(stationA, forwarded, 1)
		}},
		{"58 MAB off flushes the locked entries of the port only", filtering(), func(w *world) {
			w.goes(1, stationC, stationC, bridge.ReasonSamePort) // learned before the lock
			for _, id := range []int{1, 2} {
				w.join(id, 10)
				w.flags(id, mab|locked|learns, mab|locked|learns)
			}
			w.passes(1, frameOf(broadcast, mac(1)), "locked")
			w.passes(1, vlanFrame(broadcast, mac(1), ctag, 10), "locked")
			w.passes(2, frameOf(broadcast, mac(2)), "locked")
			w.passes(1, frameOf(broadcast, mac(1)), "locked") // its own entry does not open the port
			w.passes(1, frameOf(stationC, mac(1)), "locked")
			w.passes(2, frameOf(broadcast, mac(1)), "locked") // and moves nowhere
			w.in(1, mac(1), 1)
			w.passes(1, frameOf(linkLocal(2), mac(3)), "host 0")
			w.must(w.edit(fdb.VerbAdd, mac(4), 10, 1, 0))
			w.events()
			w.flags(1, 0, mab)
			w.tells("flushed 00:01@1/1", "flushed 00:01@1/10")
			w.in(1, mac(2), 2)
			w.in(1, mac(3), 1)
			w.in(10, mac(4), 1)
			w.in(1, stationC, 1)
			w.passes(1, frameOf(broadcast, mac(1)), "locked") // still locked, and nothing is noted
			w.told()
		}},
		{"59 what is redirected before the bridge teaches nothing", bridge.Config{}, func(w *world) {
			// The bridge hears of such a frame at most as of one of the host, which the
			// redirection hands out by another port (bridge_locked_port.sh).
			w.flags(1, mab|locked|learns, mab|locked|learns)
			w.transmits(linkLocal(3), flooded, 1, 2, 3)
			w.transmits(stationB, flooded, 1, 2, 3)
			w.told()
			if s := w.b.Stats().Ports[0]; s.RxFrames != 0 {
				w.t.Errorf("port 1 counts %d frames", s.RxFrames)
			}
		}},
		{"61 link-local on a locked port, unless nothing is learned of such", filtering(), func(w *world) {
			w.flags(1, mab|locked|learns, mab|locked|learns)
			w.passes(1, frameOf(linkLocal(2), stationA), "host 0")
			w.in(1, stationA, 1)
			w.passes(1, frameOf(stationB, stationA), "flooded 2 3") // unlocked
			if err := w.b.SetLinkLocal(bridge.LinkLocal{NoLearning: true}); err != nil {
				w.t.Fatal(err)
			}
			w.passes(1, frameOf(linkLocal(2), stationC), "host 0")
			w.in(1, stationC, -1)
			w.passes(1, frameOf(stationB, stationC), "locked")
		}},
	}
}
