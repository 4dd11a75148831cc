package bridge_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// TestDoubtOutlivesAnotherDeviceWithTheNumber: a device gave no answer to the
// join of a port, and the number is used again, for a port of another device.
// What the first one may hold is not forgotten, and what the second one does not
// answer is noted beside it.
func TestDoubtOutlivesAnotherDeviceWithTheNumber(t *testing.T) {
	for _, answer := range []error{nil, switchdev.ErrOutcomeUnknown} {
		lost, next := newFake("lost"), newFake("next")
		w := newWorld(t, withDevices(lost, next))
		unknown := func(dev *fake) {
			dev.refusing(func(what string, p switchdev.PortID) error {
				if what != "join" {
					return nil
				}
				dev.ports[p] = switchdev.PortOp{Port: p} // it was done, but nobody hears of it
				return switchdev.ErrOutcomeUnknown
			})
		}
		unknown(lost)
		w.fails(w.b.SubmitAddPort(on(lost, 1)), switchdev.ErrOutcomeUnknown)
		lost.refusing(nil)
		if answer == nil {
			w.must(w.b.SubmitAddPort(on(next, 1)))
		} else {
			unknown(next)
			w.fails(w.b.SubmitAddPort(on(next, 1)), answer)
			next.refusing(nil)
		}
		w.after(2 * time.Second)
		if _, ports := lost.holds(); len(ports) > 0 {
			t.Errorf("answer %v: the first device holds %v", answer, ports)
		}
		_, ports := next.holds()
		if _, member := ports[1]; member != (answer == nil) {
			t.Errorf("answer %v: the second device holds %v", answer, ports)
		}
	}
}

// TestPortIsDownAlthoughADeviceKeepsARow: the device takes the port down and then
// refuses to give up the row of a station behind it.
func TestPortIsDownAlthoughADeviceKeepsARow(t *testing.T) {
	dev := newFake("sw0")
	w := newWorld(t, withDevices(dev))
	w.must(w.b.SubmitAddPort(on(dev, 1)))
	w.goes(1, stationB, stationA, bridge.ReasonNowhere)
	w.after(time.Second)
	dev.answering("delete", switchdev.ErrBusy)
	if err := w.do(w.b.SubmitSetPortUp(1, false)); !errors.Is(err, switchdev.ErrBusy) {
		t.Errorf("error %v", err)
	}
	if p, _ := w.b.Port(1); p.Up {
		t.Error("the port is up")
	}
	w.at(stationA, -1)
	if rows, _ := dev.holds(); rows[stationA] != 1 {
		t.Errorf("the test proves nothing: rows %v", rows)
	}
	dev.refusing(nil)
	w.after(time.Minute)
	if rows, _ := dev.holds(); rows[stationA] != 0 {
		t.Errorf("rows %v", rows)
	}
}

// TestPortThatLeftItsDeviceLeftNoRow: the device refuses to delete rows, and then
// lets the port go, with which they go.
func TestPortThatLeftItsDeviceLeftNoRow(t *testing.T) {
	dev := newFake("sw0")
	w := newWorld(t, withDevices(dev))
	w.must(w.b.SubmitAddPort(on(dev, 1)))
	w.must(w.b.SubmitAddPort(on(dev, 2)))
	w.entry(stationA, 1, fdb.Static)
	dev.answering("delete", switchdev.ErrBusy)
	w.do(w.b.Table().SubmitDelete(fdb.Key{MAC: stationA}, 1)) // refused, so the row stays
	if err := w.do(w.b.SubmitRemovePort(1)); err != nil && strings.Contains(err.Error(), "fdb.leave") {
		t.Errorf("error %v", err)
	}
	if rows, ports := dev.holds(); rows[stationA] != 0 || len(ports) != 1 {
		t.Errorf("the device holds %v, %v", rows, ports)
	}
	dev.refusing(nil)
}
