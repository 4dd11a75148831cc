package bridge_test

import (
	"errors"
	"slices"
	"syscall"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// is checks which error an operation ended with.
func (w *world) is(err, want error) {
	w.t.Helper()
	if !errors.Is(err, want) {
		w.t.Errorf("error %v, want %v", err, want)
	}
}

// unlearning are the ways in which a port comes not to learn, by its state.
func unlearning() map[string]func(w *world) {
	ways := map[string]func(w *world){
		"down":        func(w *world) { w.must(w.b.SubmitSetPortUp(1, false)) },
		"no carrier":  func(w *world) { w.must(w.b.SubmitSetCarrier(1, false)) },
		"bridge down": func(w *world) { w.must(w.b.SubmitSetUp(false)) },
	}
	for _, s := range []switchdev.PortState{switchdev.PortDisabled, switchdev.PortBlocking, switchdev.PortListening} {
		ways[s.String()] = func(w *world) { w.state(1, s) }
	}
	return ways
}

// editCases are those of what a user may do by way of the bridge.
func editCases() []conformance {
	var all []conformance
	adds := []fdb.Verb{fdb.VerbAdd, fdb.VerbReplace, fdb.VerbAppend, fdb.VerbUpdate}
	for name, way := range unlearning() {
		// fdb/039 and fdb/038: EPERM; br_fdb.c, fdb_add_entry.
		all = append(all, conformance{"32 a dynamic add on a port that does not learn: " + name, bridge.Config{}, func(w *world) {
			way(w)
			for _, verb := range adds {
				w.fails(w.edit(verb, stationA, 0, 1, 0), syscall.EPERM)
				w.fails(w.edit(verb, stationA, 0, 1, fdb.Sticky), syscall.EPERM)
			}
			w.events()
			w.must(w.edit(fdb.VerbUse, stationA, 0, 1, 0)) // a success, and nothing
			w.must(w.edit(fdb.VerbUse, stationA, 0, 1, fdb.Static))
			w.told()
			for i, f := range []fdb.Flags{fdb.Static, fdb.Static | fdb.Sticky, fdb.Permanent, fdb.Extern} {
				w.must(w.edit(fdb.VerbAdd, mac(0x40+i), 0, 1, f))
				w.must(w.edit(fdb.VerbDelete, mac(0x40+i), 0, 1, 0))
			}
			w.must(w.edit(fdb.VerbAdd, stationA, 0, 2, fdb.Static)) // another port does
		}})
	}
	return append(all,
		conformance{"32 a port that may learn, whatever its flags", bridge.Config{}, func(w *world) {
			w.flags(1, 0, switchdev.PortLearns)
			w.must(w.edit(fdb.VerbAdd, stationA, 0, 1, 0))
			w.must(w.edit(fdb.VerbUse, stationB, 0, 1, 0)) // fdb/027
			w.at(stationB, 1)
			w.state(1, switchdev.PortLearning)
			w.must(w.edit(fdb.VerbAdd, stationC, 0, 1, 0))
		}},
		conformance{"41 without a VLAN: VLAN 0 and those of the port, in order", filtering(), func(w *world) {
			w.join(1, 10)
			w.events()
			w.must(w.edit(fdb.VerbAdd, stationA, 0, 1, fdb.Static))
			w.told("added 00:0a@1", "added 00:0a@1/1", "added 00:0a@1/10")
			w.must(w.edit(fdb.VerbDelete, stationA, 0, 1, 0))
			w.told("deleted 00:0a@1", "deleted 00:0a@1/1", "deleted 00:0a@1/10")
			w.fails(w.edit(fdb.VerbDelete, stationA, 0, 1, 0), syscall.ENOENT)
			// What is there is deleted, what is missing is no error.
			w.must(w.edit(fdb.VerbAdd, stationA, 10, 1, fdb.Static))
			w.told("added 00:0a@1/10")
			w.must(w.edit(fdb.VerbDelete, stationA, 0, 1, 0))
			w.told("deleted 00:0a@1/10")
			// The first refusal ends an add.
			w.must(w.edit(fdb.VerbAdd, stationB, 1, 1, fdb.Static))
			w.events()
			w.is(w.do(w.edit(fdb.VerbAdd, stationB, 0, 1, fdb.Static)), syscall.EEXIST)
			w.told("added 00:0b@1")
			w.in(10, stationB, -1)
			// The other verbs as well.
			w.must(w.edit(fdb.VerbReplace, stationB, 0, 1, fdb.Static|fdb.Sticky))
			w.told("changed 00:0b@1", "changed 00:0b@1/1", "added 00:0b@1/10")
			w.must(w.edit(fdb.VerbUpdate, stationB, 0, 1, fdb.Static))
			w.told("changed 00:0b@1", "changed 00:0b@1/1", "changed 00:0b@1/10")
			w.is(w.do(w.edit(fdb.VerbUpdate, stationC, 0, 1, fdb.Static)), syscall.ENOENT)
			w.must(w.edit(fdb.VerbUse, stationC, 0, 1, 0))
			w.told("added 00:0c@1", "added 00:0c@1/1", "added 00:0c@1/10")
			w.must(w.edit(fdb.VerbRemove, stationC, 0, 1, 0))
			w.told("deleted 00:0c@1", "deleted 00:0c@1/1", "deleted 00:0c@1/10")
		}},
		// fdb/024, with the default PVID that Linux has without filtering.
		conformance{"41 without filtering: a port has VLANs all the same", bridge.Config{VLAN: bridge.VLANConfig{DefaultPVID: 1}}, func(w *world) {
			w.must(w.edit(fdb.VerbAdd, stationA, 0, 1, fdb.Static))
			w.told("added 00:0a@1", "added 00:0a@1/1")
			w.goes(2, broadcast, stationA, flooded, 0, 1, 3)
			w.told("moved 00:0a@2")
			w.in(1, stationA, 1)
			w.must(w.edit(fdb.VerbDelete, stationA, 0, 1, 0))
			w.told("deleted 00:0a@1/1")
			w.must(w.edit(fdb.VerbDelete, stationA, 0, 2, 0))
			w.told("deleted 00:0a@2")
		}},
		// fdb/020: permanent entries only, in every VLAN of the bridge.
		conformance{"41 on the bridge itself", bridge.Config{VLAN: bridge.VLANConfig{DefaultPVID: 1}}, func(w *world) {
			w.must(w.edit(fdb.VerbAdd, stationA, 0, 0, fdb.Permanent))
			w.told("added 00:0a@0", "added 00:0a@0/1")
			w.fails(w.edit(fdb.VerbAdd, stationB, 0, 0, fdb.Static), syscall.EINVAL)
			w.fails(w.edit(fdb.VerbAdd, stationB, 0, 0, 0), syscall.EINVAL)
			w.fails(w.edit(fdb.VerbUse, stationB, 0, 0, 0), syscall.EINVAL)
			w.fails(w.edit(fdb.VerbAdd, stationB, 0, 0, fdb.Extern), syscall.EINVAL)
			w.goes(1, stationA, stationC, toHost, 0)
			w.events()
			w.must(w.edit(fdb.VerbDelete, stationA, 0, 0, 0))
			w.told("deleted 00:0a@0", "deleted 00:0a@0/1")
			w.goes(1, stationA, stationC, flooded, 2, 3)
		}},
		// fdb/017: EINVAL, whoever is to have it; EOPNOTSUPP for what is no port.
		conformance{"41 a VLAN that the port is not in", filtering(), func(w *world) {
			w.join(1, 10)
			for _, verb := range append(adds, fdb.VerbUse) {
				for port, f := range []fdb.Flags{fdb.Permanent, fdb.Static, 0, fdb.Extern} {
					w.fails(w.edit(verb, stationA, 11, port, f), syscall.EINVAL)
				}
				w.fails(w.edit(verb, stationA, 4095, 1, fdb.Static), syscall.EINVAL)
				w.fails(w.edit(verb, stationA, 0, 9, fdb.Static), syscall.EOPNOTSUPP)
			}
			w.fails(w.edit(fdb.VerbRemove+1, stationA, 0, 1, 0), syscall.EINVAL)
			w.fails(w.edit(fdb.VerbAdd, switchdev.MAC{}, 0, 1, fdb.Static), syscall.EINVAL)
			w.fails(w.edit(fdb.VerbDelete, stationA, 0, 9, 0), syscall.EOPNOTSUPP)
			w.fails(w.edit(fdb.VerbDelete, stationA, 11, 1, 0), syscall.ENOENT) // EINVAL before Linux 6.13
			// What was left behind can be cleaned up.
			w.must(w.edit(fdb.VerbAdd, stationA, 10, 1, fdb.Static))
			w.quit(1, 10)
			w.in(10, stationA, 1)
			w.must(w.edit(fdb.VerbDelete, stationA, 10, 1, 0))
			w.in(10, stationA, -1)
		}},
	)
}

// runningCases are those of ports that go down, and of states.
func runningCases() []conformance {
	stops := map[string][2]func(w *world){
		"carrier": {func(w *world) { w.must(w.b.SubmitSetCarrier(1, false)) }, func(w *world) { w.must(w.b.SubmitSetCarrier(1, true)) }},
		"down":    {func(w *world) { w.must(w.b.SubmitSetPortUp(1, false)) }, func(w *world) { w.must(w.b.SubmitSetPortUp(1, true)) }},
	}
	var all []conformance
	for name, turn := range stops {
		all = append(all, conformance{"71 a port with a backup: " + name, bridge.Config{}, func(w *world) {
			w.must(w.b.SubmitSetBackupPort(1, 2))
			w.goes(1, stationC, stationA, flooded, 2, 3)
			w.entry(mac(0x20), 1, fdb.Static)
			w.goes(3, stationA, stationC, forwarded, 1)
			w.events()
			turn[0](w)
			w.told() // nothing leaves
			w.goes(3, stationA, stationC, forwarded, 2)
			w.goes(3, mac(0x20), stationC, forwarded, 2)
			w.transmits(stationA, forwarded, 2)
			w.goes(2, stationA, stationB, bridge.ReasonSamePort) // the backup itself
			w.goes(3, mac(0x99), stationC, flooded, 2)           // a flood is not redirected
			w.goes(3, broadcast, stationC, flooded, 0, 2)
			w.flags(2, switchdev.PortIsolated, switchdev.PortIsolated)
			w.flags(3, switchdev.PortIsolated, switchdev.PortIsolated)
			w.goes(3, stationA, stationC, bridge.ReasonIsolated) // by what the backup is
			w.flags(3, 0, switchdev.PortIsolated)
			w.state(2, switchdev.PortBlocking)
			w.goes(3, stationA, stationC, bridge.ReasonEgressDown)
			w.state(2, switchdev.PortForwarding)
			w.after(ageing * 2) // they age nevertheless
			w.at(stationA, -1)
			turn[1](w)
			w.goes(3, mac(0x20), stationC, forwarded, 1)
			w.must(w.b.SubmitSetBackupPort(1, 0))
			turn[0](w)
			w.goes(3, mac(0x20), stationC, bridge.ReasonEgressDown)
		}}, conformance{"71 without a backup everything dynamic leaves: " + name, filtering(), func(w *world) {
			// fdb/039 and fdb/038; fdb/071 of newer kernels.
			w.must(w.edit(fdb.VerbAdd, mac(1), 1, 1, fdb.Static))
			w.must(w.edit(fdb.VerbAdd, mac(2), 1, 1, 0))
			w.must(w.edit(fdb.VerbAdd, mac(3), 1, 1, fdb.Extern))
			w.passes(1, frameOf(broadcast, mac(4)), "flooded 0 2 3")
			w.events()
			turn[0](w)
			got := w.events()
			slices.Sort(got)
			if !slices.Equal(got, []string{"flushed 00:02@1/1", "flushed 00:04@1/1"}) {
				w.t.Errorf("events %q", got)
			}
			w.in(1, portMAC(1), 1)
			w.passes(2, frameOf(mac(1), stationB), "egress-down")
			w.passes(2, frameOf(portMAC(1), stationB), "host 0")
		}})
	}
	return append(all,
		conformance{"71 in VLANs: the backup is to be a member", filtering(), func(w *world) {
			w.join(1, 10)
			w.join(3, 10)
			w.must(w.b.SubmitSetBackupPort(1, 2))
			w.passes(1, vlanFrame(stationC, stationA, ctag, 10), "flooded 3/10")
			w.must(w.b.SubmitSetCarrier(1, false))
			w.passes(3, vlanFrame(stationA, stationC, ctag, 10), "egress-vlan")
			w.join(2, 10)
			w.passes(3, vlanFrame(stationA, stationC, ctag, 10), "forwarded 2/10")
		}},
		conformance{"71 what may be a backup", bridge.Config{}, func(w *world) {
			// Linux: EINVAL for the port itself, ENOENT for what is no port of a bridge.
			w.fails(w.b.SubmitSetBackupPort(1, 1), syscall.EINVAL)
			w.fails(w.b.SubmitSetBackupPort(1, 9), syscall.ENOENT)
			w.fails(w.b.SubmitSetBackupPort(9, 1), syscall.ENODEV)
			w.fails(w.b.SubmitAddPort(bridge.PortConfig{ID: 4, MAC: mac(4), Backup: 4}), syscall.EINVAL)
			w.fails(w.b.SubmitAddPort(bridge.PortConfig{ID: 4, MAC: mac(4), Backup: 9}), syscall.ENOENT)
			w.must(w.b.SubmitAddPort(bridge.PortConfig{ID: 4, MAC: mac(4), Backup: 3}))
			w.must(w.b.SubmitSetBackupPort(1, 3))
			w.must(w.b.SubmitRemovePort(3)) // and is none any more
			for _, p := range w.b.Ports() {
				if p.Backup != 0 {
					w.t.Errorf("port %v has the backup %v", p.ID, p.Backup)
				}
			}
		}},
		conformance{"73 a port state flushes nothing, in no VLAN", filtering(), func(w *world) {
			w.join(1, 10)
			w.passes(1, vlanFrame(broadcast, stationA, ctag, 10), "nowhere")
			w.passes(1, frameOf(broadcast, stationA), "flooded 0 2 3")
			w.events()
			for s := switchdev.PortDisabled; s.Valid(); s++ {
				w.state(1, s)
				w.told()
			}
			w.fails(w.b.SubmitSetPortState(1, 5), syscall.EINVAL)
		}},
		conformance{"73 who may set a state, and when", bridge.Config{STP: bridge.STPConfig{Send: func(switchdev.PortID, []byte) {}}}, func(w *world) {
			for _, turn := range stops {
				turn[0](w) // Linux: ENETDOWN
				w.fails(w.b.SubmitSetPortState(1, switchdev.PortForwarding), syscall.ENETDOWN)
				turn[1](w)
			}
			w.must(w.b.SubmitSetCarrier(1, false))
			w.state(1, switchdev.PortDisabled) // without a carrier that is allowed
			w.must(w.b.SubmitSetPortUp(1, false))
			w.fails(w.b.SubmitSetPortState(1, switchdev.PortDisabled), syscall.ENETDOWN)
			w.must(w.b.SubmitSetUp(false))
			w.fails(w.b.SubmitSetPortState(2, switchdev.PortForwarding), syscall.ENETDOWN)
			w.must(w.b.SubmitSetUp(true))
			w.must(w.b.SubmitSetSTP(bridge.STPUser))
			w.state(2, switchdev.PortLearning)
			w.must(w.b.SubmitSetSTP(bridge.STPKernel)) // Linux: EBUSY
			w.fails(w.b.SubmitSetPortState(2, switchdev.PortForwarding), syscall.EBUSY)
		}},
		// fdb/060: nothing is forwarded or learned, and what was learned goes.
		conformance{"86 the bridge goes down and comes up", filtering(), func(w *world) {
			w.must(w.edit(fdb.VerbAdd, mac(1), 1, 1, fdb.Static))
			w.passes(1, frameOf(broadcast, stationA), "flooded 0 2 3")
			w.events()
			w.must(w.b.SubmitSetUp(false))
			w.told("flushed 00:0a@1/1")
			if w.b.Up() {
				w.t.Error("the bridge is up")
			}
			w.passes(1, frameOf(broadcast, stationB), "port-state")
			w.passes(0, frameOf(broadcast, hostMAC), "port-down")
			w.must(w.b.SubmitAddPort(bridge.PortConfig{ID: 4, MAC: portMAC(4)}))
			w.passes(4, frameOf(broadcast, stationB), "port-state")
			w.in(1, mac(1), 1)
			w.must(w.b.SubmitSetUp(true))
			w.after(time.Second)
			w.passes(4, frameOf(broadcast, stationB), "flooded 0 1 2 3")
			w.passes(1, frameOf(broadcast, stationA), "flooded 0 2 3 4")
		}},
	)
}
