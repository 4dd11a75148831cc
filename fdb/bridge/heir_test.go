package bridge_test

import (
	"testing"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
)

// heirWorld is a bridge with four ports that is like Linux, or not.
func heirWorld(t *testing.T, linux bool) *world {
	cfg := bridge.Config{MAC: mac(0xfe)}
	if linux {
		cfg.Quirks = bridge.QuirkSilentHeir
	}
	w := newWorld(t, cfg, 1, 2, 3, 4)
	w.events()
	return w
}

// Seen of Linux 6.18: p2, p3 and p4 have one address, p3 had it first. The lowest of the
// others has it next; in Linux the one that joined last.
func TestHeirIsTheLowestOrTheLastToJoin(t *testing.T) {
	for _, linux := range []bool{false, true} {
		w := heirWorld(t, linux)
		w.must(w.b.SubmitSetPortMAC(2, portMAC(3)))
		w.must(w.b.SubmitSetPortMAC(4, portMAC(3)))
		w.at(portMAC(3), 3)
		w.must(w.b.SubmitRemovePort(3))
		w.at(portMAC(3), map[bool]int{false: 2, true: 4}[linux])
	}
}

// Seen of Linux 6.18: what a user made local on a port that leaves passes silently, to a
// port or to the bridge, and stays a control plane's if it was one's.
func TestUsersLocalEntryPassesToWhoHasTheAddress(t *testing.T) {
	w := heirWorld(t, true)
	w.must(w.edit(fdb.VerbReplace, portMAC(3), 0, 1, fdb.Permanent))
	w.must(w.edit(fdb.VerbReplace, mac(0xfe), 0, 1, fdb.Permanent|fdb.Extern))
	w.events()
	w.must(w.b.SubmitRemovePort(1))
	w.told("flushed 01:01@1")
	if e := w.at(portMAC(3), 3); e.Flags != fdb.Permanent {
		t.Errorf("flags %v", e.Flags)
	}
	if e := w.at(mac(0xfe), 0); e.Flags&(fdb.Local|fdb.Extern) != fdb.Local|fdb.Extern {
		t.Errorf("flags %v", e.Flags)
	}
}

// A port that has nothing to do with it leaves: the static entry that a user put where
// p3's own address could be stays, in Linux too.
func TestUsersEntryOutlivesAnotherPort(t *testing.T) {
	for _, linux := range []bool{false, true} {
		w := heirWorld(t, linux)
		w.must(w.edit(fdb.VerbAdd, mac(0x50), 0, 2, fdb.Permanent))
		w.must(w.b.SubmitSetPortMAC(3, mac(0x50)))
		w.must(w.edit(fdb.VerbReplace, mac(0x50), 0, 2, fdb.Static))
		w.events()
		w.must(w.b.SubmitRemovePort(4))
		w.told("flushed 01:04@4")
		w.at(mac(0x50), 2)
	}
}

// What was deleted by a flush is not missed when one of two that have the address leaves.
func TestDeletedAddressStaysDeletedWhenItsOwnerLeaves(t *testing.T) {
	for _, linux := range []bool{false, true} {
		w := heirWorld(t, linux)
		w.must(w.b.SubmitSetPortMAC(3, portMAC(4)))
		w.must(w.edit(fdb.VerbDelete, portMAC(4), 0, 4, 0))
		w.events()
		w.must(w.b.SubmitRemovePort(4))
		w.told()
		w.at(portMAC(4), -1)
		w.must(w.b.SubmitSetPortMAC(3, mac(0x51)))
		w.must(w.b.SubmitSetPortMAC(3, portMAC(4)))
		w.at(portMAC(4), 3)
	}
}
