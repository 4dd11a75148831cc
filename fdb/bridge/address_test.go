package bridge_test

import (
	"maps"
	"testing"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// A user's permanent entry stands for the address of a port elsewhere until it
// leaves with its own port.
func TestAddressIsClaimedWhenTheUsersEntryLeaves(t *testing.T) {
	w := newWorld(t, bridge.Config{}, 1, 2, 3)
	w.entry(mac(50), 2, fdb.Permanent)
	w.must(w.b.SubmitSetPortMAC(1, mac(50)))
	w.at(mac(50), 2)
	w.must(w.b.SubmitRemovePort(2))
	w.at(mac(50), 1)
	w.goes(3, mac(50), stationA, toHost, 0)
}

// An address that one port gives up and another takes at the same instant, while
// the deletion is still under way.
func TestAddressPassesBetweenPortsAtOneInstant(t *testing.T) {
	w := newWorld(t, bridge.Config{MAC: mac(0xfe)}, 1, 2, 3)
	away, take := w.b.SubmitSetPortMAC(1, mac(50)), w.b.SubmitSetPortMAC(2, portMAC(1))
	w.must(away)
	w.must(take)
	w.at(portMAC(1), 2)
	w.at(portMAC(2), -1)
	w.at(mac(50), 1)
	leave, join := w.b.SubmitRemovePort(2), w.b.SubmitAddPort(bridge.PortConfig{ID: 4, MAC: portMAC(1)})
	w.must(leave)
	w.must(join)
	w.at(portMAC(1), 4)
}

// While an address passes from a port that leaves to another port, none of the
// steps that the device sees finds it missing: its frames would be flooded.
func TestAddressIsNeverMissingWhileItPasses(t *testing.T) {
	dev := newFake("sw0")
	w := newWorld(t, withDevice(dev), 3)
	w.must(w.b.SubmitAddPort(on(dev, 1)))
	w.must(w.b.SubmitAddPort(bridge.PortConfig{ID: 2, MAC: portMAC(1), Driver: dev}))
	dev.refusing(func(string, switchdev.PortID) error {
		if hit, ok := w.b.Table().Lookup(fdb.Key{MAC: portMAC(1)}); !ok || hit.Flags&fdb.Local == 0 {
			t.Errorf("missing, %+v", hit)
		}
		return nil
	})
	w.must(w.b.SubmitRemovePort(1))
	w.at(portMAC(1), 2)
	if rows, _ := dev.holds(); !maps.Equal(rows, map[switchdev.MAC]switchdev.PortID{portMAC(1): 2, portMAC(3): 3}) {
		t.Errorf("rows %v", rows)
	}
	dev.refusing(nil)
}

// A device has no part in the entries of a port that left, or never joined.
func TestDeviceHearsNothingOfPortsThatAreGone(t *testing.T) {
	dev := newFake("sw0")
	w := newWorld(t, withDevice(dev))
	w.must(w.b.SubmitAddPort(on(dev, 1)))
	w.must(w.b.SubmitAddPort(on(dev, 2)))
	w.must(w.b.SubmitRemovePort(2))
	dev.refusing(func(what string, p switchdev.PortID) error {
		if what == "set" && p == 3 {
			return switchdev.ErrNoSpace
		}
		return nil
	})
	w.fails(w.b.SubmitAddPort(on(dev, 3)), switchdev.ErrNoSpace)
	dev.refusing(nil)
	w.entry(stationB, 2, fdb.Static)
	w.entry(stationC, 3, fdb.Static)
	if rows, _ := dev.holds(); !maps.Equal(rows, map[switchdev.MAC]switchdev.PortID{portMAC(1): 1}) {
		t.Errorf("rows %v", rows)
	}
}

// TestOwnAddressesAreTheBridges: whoever lists the table can tell them from what
// a user made permanent, and a user's entry is not taken with an address.
func TestOwnAddressesAreTheBridges(t *testing.T) {
	w := newWorld(t, bridge.Config{MAC: mac(0xfe)}, 1, 2)
	owned := func(m switchdev.MAC, port int, owner fdb.Owner, user fdb.Flags) {
		t.Helper()
		if e := w.at(m, port); e.Owner != owner || e.Flags&fdb.User != user || e.State() != "permanent" {
			t.Errorf("%v: %+v", m, e)
		}
	}
	owned(mac(0xfe), 0, fdb.OwnerBridge, 0)
	owned(portMAC(1), 1, fdb.OwnerBridge, 0)
	w.must(w.b.SubmitSetPortMAC(1, mac(50)))
	owned(mac(50), 1, fdb.OwnerBridge, 0)
	w.must(w.b.SubmitSetMAC(portMAC(2))) // has a port already
	owned(portMAC(2), 2, fdb.OwnerBridge, 0)
	w.must(w.b.SubmitRemovePort(2))
	owned(portMAC(2), 0, fdb.OwnerBridge, 0)

	w.entry(stationC, 1, fdb.Permanent)
	owned(stationC, 1, fdb.OwnerUser, fdb.User)
	w.entry(mac(50), 1, fdb.Permanent) // a user writes over an own address
	owned(mac(50), 1, fdb.OwnerUser, fdb.User)
	w.must(w.b.SubmitSetPortMAC(1, portMAC(1)))
	owned(mac(50), 1, fdb.OwnerUser, fdb.User)
}
