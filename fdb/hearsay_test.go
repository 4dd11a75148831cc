package fdb

import (
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// heard reports that the first device has heard a station, or has removed a row of it.
func (w *legacyWorld) heard(kind switchdev.ReportKind, k Key, p switchdev.PortID) {
	w.a.report(switchdev.Report{Kind: kind, Key: k, Port: p, Epoch: w.a.Epoch()})
	w.Poll(w.now)
}

// flags wants an entry to be on a port and to be of a kind.
func (w *legacyWorld) is(when string, k Key, p switchdev.PortID, want Flags) {
	w.t.Helper()
	e, err := w.Get(w.t.Context(), k)
	if err != nil || e.Port != p || e.Flags != want {
		w.t.Errorf("%s: %v, %v; want port %d and %v", when, e, err, p, want)
	}
}

// TestDevicesAreBelieved: with the quirk a report moves sticky entries as well, whoever
// entered them, and keeps what they are.
func TestDevicesAreBelieved(t *testing.T) {
	legacy(t, func(w *legacyWorld) {
		k, l := key(1), key(2)
		w.put(k, 1, Static|Sticky)
		w.put(l, 1, Static)
		w.heard(switchdev.ReportLearned, k, 2)
		w.heard(switchdev.ReportLearned, l, 2)
		if w.on {
			w.is("sticky", k, 2, Static|Sticky|User|Extern)
			w.is("static", l, 2, Static|User|Extern)
		} else {
			w.is("sticky", k, 1, Static|Sticky|User)
			w.is("static", l, 2, Static|User)
		}
	})
}

// TestDevicesAreBelievedToLoseRows: with the quirk the end of any row of a station
// is the end of its entry, wherever that is, if it is one from outside.
func TestDevicesAreBelievedToLoseRows(t *testing.T) {
	legacy(t, func(w *legacyWorld) {
		k, l := key(1), key(2)
		w.heard(switchdev.ReportLearned, k, 1)
		w.heard(switchdev.ReportLearned, k, 2)
		w.put(l, 1, Static)
		w.heard(switchdev.ReportAged, k, 1)
		w.heard(switchdev.ReportAged, l, 1)
		w.wantAt("after its old row aged", k, map[bool]switchdev.PortID{false: 2}[w.on])
		w.wantAt("not from outside", l, 1)
	})
}

// TestDevicesLearnWithoutAgeing: with the quirk a device's stations are taken where
// nothing is learned.
func TestDevicesLearnWithoutAgeing(t *testing.T) {
	legacy(t, func(w *legacyWorld) {
		if err := w.SetAgeing(NoLearning); err != nil {
			w.t.Fatal(err)
		}
		w.heard(switchdev.ReportLearned, key(1), 1)
		w.wantAt("learned by the device", key(1), map[bool]switchdev.PortID{true: 1}[w.on])
	})
}
