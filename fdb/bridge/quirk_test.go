package bridge_test

import (
	"errors"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

const everyQuirk = bridge.QuirkDeleteNeedsVLAN | bridge.QuirkStateSelection | bridge.QuirkSilentHeir | bridge.QuirkSameMACReadds |
	bridge.QuirkStateWhileDown | bridge.QuirkTreeSwitch

func TestQuirksHaveNamesAndBounds(t *testing.T) {
	if got := everyQuirk.String(); got != "delete-needs-vlan,state-selection,silent-heir,same-mac-readds,state-while-down,tree-switch" {
		t.Errorf("%q", got)
	}
	if got := (bridge.QuirkSilentHeir | 1<<9).String(); got != "silent-heir,quirks(512)" {
		t.Errorf("%q", got)
	}
	if !everyQuirk.Has(bridge.QuirkSilentHeir) || bridge.QuirkSilentHeir.Has(everyQuirk) {
		t.Error("sets are not what they are")
	}
	for _, cfg := range []bridge.Config{{Quirks: everyQuirk + 1}, {Table: fdb.Config{Quirks: 1 << 15}}} {
		if _, err := bridge.New(cfg); !errors.Is(err, switchdev.ErrInvalid) {
			t.Errorf("%v: %v", cfg.Quirks, err)
		}
	}
}

// both runs f with every quirk and with none.
func both(t *testing.T, cfg bridge.Config, f func(w *world, on bool)) {
	t.Run("without", func(t *testing.T) { f(newWorld(t, cfg, 1, 2, 3), false) })
	cfg.Quirks = everyQuirk
	t.Run("with", func(t *testing.T) { f(newWorld(t, cfg, 1, 2, 3), true) })
}

// either is one of two lists of events.
func either(on bool, with, without []string) []string {
	if on {
		return with
	}
	return without
}

// TestDeleteNeedsVLAN (fdb/021, fdb/050): EINVAL of Linux 6.1, which leaves what a VLAN
// left behind.
func TestDeleteNeedsVLAN(t *testing.T) {
	both(t, filtering(), func(w *world, on bool) {
		w.join(1, 10)
		w.must(w.edit(fdb.VerbAdd, stationA, 10, 1, fdb.Static))
		w.quit(1, 10)
		missing := w.edit(fdb.VerbDelete, stationB, 10, 1, 0)
		if on {
			w.fails(missing, syscall.EINVAL)
			w.fails(w.edit(fdb.VerbDelete, stationA, 10, 1, 0), syscall.EINVAL)
			w.fails(w.edit(fdb.VerbRemove, stationA, 10, 1, 0), syscall.EINVAL)
			w.in(10, stationA, 1)
			w.fails(w.edit(fdb.VerbDelete, stationA, 0, 1, 0), syscall.ENOENT) // nor without a VLAN
			w.join(1, 10)
		} else {
			w.fails(missing, syscall.ENOENT)
		}
		w.must(w.edit(fdb.VerbDelete, stationA, 10, 1, 0))
		w.in(10, stationA, -1)
	})
}

// TestDeleteNeedsVLANOfTheBridge: seen of Linux 6.1, where the bridge knows the VLANs of
// its ports.
func TestDeleteNeedsVLANOfTheBridge(t *testing.T) {
	both(t, filtering(), func(w *world, on bool) {
		w.join(1, 10)
		w.fails(w.edit(fdb.VerbDelete, stationB, 10, 0, 0), syscall.ENOENT)
		want := syscall.ENOENT
		if on {
			want = syscall.EINVAL
		}
		w.fails(w.edit(fdb.VerbDelete, stationB, 20, 0, 0), want)
		w.fails(w.edit(fdb.VerbAdd, stationB, 10, 0, fdb.Permanent), syscall.EINVAL)
	})
}

// TestStateWhileDown: seen of Linux 6.1 and 6.18. Ports of a bridge that is down forward
// between themselves once they are told to, and keep their state while they are down.
func TestStateWhileDown(t *testing.T) {
	both(t, bridge.Config{}, func(w *world, on bool) {
		w.must(w.b.SubmitSetUp(false))
		set := w.b.SubmitSetPortState(1, switchdev.PortForwarding)
		if !on {
			w.fails(set, syscall.ENETDOWN)
			w.passes(1, frameOf(stationA, stationB), "port-state")
			return
		}
		w.must(set)
		w.state(2, switchdev.PortForwarding)
		w.goes(1, stationB, stationA, flooded, 2)
		w.must(w.b.SubmitSetPortUp(1, false))
		w.at(stationA, 1) // nobody looks at the port
		w.must(w.edit(fdb.VerbAdd, stationB, 0, 1, 0))
		w.must(w.b.SubmitSetPortUp(1, true))
		w.goes(2, stationA, stationC, forwarded, 1)
		w.must(w.b.SubmitSetPortUp(1, false))
		w.must(w.b.SubmitSetUp(true))
		w.must(w.b.SubmitSetCarrier(1, false)) // nor at a port that is down
		w.at(stationA, 1)
		w.must(w.b.SubmitSetCarrier(1, true))
		w.must(w.b.SubmitSetPortUp(1, true))
		w.must(w.b.SubmitSetPortUp(1, false))
		w.at(stationA, -1)
		if p, _ := w.b.Port(1); p.State != switchdev.PortDisabled {
			w.t.Errorf("under a bridge that is up: %v", p.State)
		}
	})
}

// TestStateSelection (fdb/009): as Linux 6.1 and 6.18 were seen to do; only blocking
// turns into forwarding, and with a program that runs a tree not even that.
func TestStateSelection(t *testing.T) {
	both(t, bridge.Config{}, func(w *world, on bool) {
		for _, s := range []switchdev.PortState{switchdev.PortDisabled, switchdev.PortListening, switchdev.PortLearning, switchdev.PortBlocking, switchdev.PortForwarding} {
			w.state(1, s)
			want := s
			if on && s == switchdev.PortBlocking {
				want = switchdev.PortForwarding
			}
			if p, _ := w.b.Port(1); p.State != want {
				w.t.Errorf("%v became %v", s, p.State)
			}
		}
		w.must(w.b.SubmitSetSTP(bridge.STPUser))
		w.state(1, switchdev.PortBlocking)
		if p, _ := w.b.Port(1); p.State != switchdev.PortBlocking {
			w.t.Errorf("with a tree: %v", p.State)
		}
	})
}

// TestSilentHeir: seen of Linux 6.18, and told by nobody: p2 and the bridge have p1's
// address, which passes to one and then to the other.
func TestSilentHeir(t *testing.T) {
	both(t, bridge.Config{MAC: mac(0xfe)}, func(w *world, on bool) {
		w.must(w.b.SubmitSetPortMAC(2, portMAC(1)))
		w.must(w.b.SubmitSetMAC(portMAC(1)))
		w.events()
		w.must(w.b.SubmitRemovePort(1))
		w.told(either(on, nil, []string{"moved 01:01@2"})...)
		w.at(portMAC(1), 2)
		w.must(w.b.SubmitSetPortMAC(2, mac(0x77)))
		w.told(either(on, []string{"added 00:77@2"}, []string{"moved 01:01@0", "added 00:77@2"})...)
		w.at(portMAC(1), 0)
		w.must(w.b.SubmitSetMAC(mac(0xfd)))
		w.told("deleted 01:01@0", "added 00:fd@0")
	})
}

// TestHeirsOfADefaultPVID: seen of Linux 6.1. The bridge leaves the VLAN first, then the
// port that joined last, so the address that two ports have ends with the first's.
func TestHeirsOfADefaultPVID(t *testing.T) {
	both(t, bridge.Config{MAC: mac(0xfe), VLAN: bridge.VLANConfig{DefaultPVID: 1}}, func(w *world, on bool) {
		w.must(w.b.SubmitSetPortMAC(3, portMAC(1)))
		w.events()
		w.must(w.b.SubmitSetDefaultPVID(bridge.NoDefaultPVID))
		w.told(either(on, []string{"deleted 00:fe@0/1", "deleted 01:02@2/1", "deleted 01:01@1/1"},
			[]string{"moved 01:01@3/1", "deleted 01:01@3/1", "deleted 01:02@2/1", "deleted 00:fe@0/1"})...)
	})
}

// TestSameMACReadds: seen of Linux 6.18, and of 6.1 where the entry was deleted before
// (fdb/022).
func TestSameMACReadds(t *testing.T) {
	both(t, bridge.Config{MAC: mac(0xfe), VLAN: bridge.VLANConfig{DefaultPVID: 1}}, func(w *world, on bool) {
		w.must(w.b.SubmitSetPortMAC(1, portMAC(1)))
		w.told(either(on, []string{"deleted 01:01@1/1", "deleted 01:01@1", "added 01:01@1", "added 01:01@1/1"}, nil)...)
		w.must(w.edit(fdb.VerbDelete, portMAC(1), 0, 1, 0))
		w.told("deleted 01:01@1", "deleted 01:01@1/1")
		w.must(w.b.SubmitSetPortMAC(1, portMAC(1)))
		w.told("added 01:01@1", "added 01:01@1/1")
		w.must(w.b.SubmitSetMAC(mac(0xfe))) // the bridge's own it looks at
		w.told()
	})
}

// TestTimerBeginsWithTheBridge: with the quirk of the table a bridge that comes up
// begins its sweeps anew.
func TestTimerBeginsWithTheBridge(t *testing.T) {
	cfg := bridge.Config{Table: fdb.Config{Ageing: 10 * time.Second, Quirks: fdb.QuirkTCKeepsGCTimer}}
	w := newWorld(t, cfg, 1, 2)
	for range 8 {
		w.after(time.Second)
	}
	w.must(w.b.SubmitSetUp(false))
	w.must(w.b.SubmitSetUp(true)) // sweeps at 8 s and 18 s
	w.must(w.b.SubmitTopologyChange(2 * time.Second))
	w.goes(1, stationB, stationA, flooded, 2)
	for range 9 {
		w.after(time.Second)
	}
	w.told("added 00:0a@1")
	w.after(1100 * time.Millisecond)
	w.told("aged 00:0a@1")
}

// TestOwnAddressesInLinuxOrder (fdb/046, fdb/048).
func TestOwnAddressesInLinuxOrder(t *testing.T) {
	w := newWorld(t, bridge.Config{MAC: mac(0xfe), VLAN: bridge.VLANConfig{DefaultPVID: 1}}, 1)
	w.must(w.b.SubmitSetMAC(mac(0xfd)))
	w.told("deleted 00:fe@0", "added 00:fd@0", "deleted 00:fe@0/1", "added 00:fd@0/1")
	w.must(w.b.SubmitSetMAC(portMAC(1)))
	w.told("deleted 00:fd@0", "deleted 00:fd@0/1")
	w = newWorld(t, bridge.Config{MAC: mac(0xfe)}, 1, 2)
	w.goes(2, broadcast, stationA, flooded, 0, 1)
	w.entry(stationB, 2, fdb.Static)
	w.entry(stationC, 2, fdb.Permanent)
	w.events()
	w.must(w.b.SubmitSetPortMAC(1, stationA))
	w.told("deleted 01:01@1", "deleted 00:0a@2", "added 00:0a@1")
	w.must(w.b.SubmitSetPortMAC(1, stationB))
	w.told("deleted 00:0a@1", "deleted 00:0b@2", "added 00:0b@1")
	w.must(w.b.SubmitSetPortMAC(1, stationC))
	w.told("deleted 00:0b@1")
	w.at(stationC, 2)
}

// TestUseNeedsAStateThatLearns (fdb/027): not the flag.
func TestUseNeedsAStateThatLearns(t *testing.T) {
	w := newWorld(t, bridge.Config{}, 1, 2)
	w.flags(1, 0, switchdev.PortLearns)
	w.must(w.edit(fdb.VerbUse, stationA, 0, 1, 0))
	w.state(1, switchdev.PortListening)
	w.must(w.edit(fdb.VerbUse, stationB, 0, 1, 0))
	if got := w.events(); !slices.Equal(got, []string{"added 00:0a@1"}) {
		t.Errorf("events %q", got)
	}
}
