package bridge_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// TestDefaultPVIDThatOnePortIsRefused: then it is as it was, in the device too, whichever
// call is refused. Linux rolls back likewise, but not to where there was a default.
func TestDefaultPVIDThatOnePortIsRefused(t *testing.T) {
	for _, from := range []switchdev.VLAN{1, 5, bridge.NoDefaultPVID} {
		for _, to := range []switchdev.VLAN{77, 20, bridge.NoDefaultPVID} {
			for k := range 12 {
				for _, answer := range []error{switchdev.ErrNoSpace, switchdev.ErrOutcomeUnknown, errDone} {
					refuseDefaultPVID(t, from, to, k, answer)
				}
			}
		}
	}
}

func refuseDefaultPVID(t *testing.T, from, to switchdev.VLAN, k int, answer error) {
	t.Helper()
	w, dev := vlanRig(t)
	w.must(w.b.SubmitSetFiltering(k%2 == 0))
	w.must(w.b.SubmitSetDefaultPVID(from))
	w.must(w.b.SubmitAddVLAN(1, 30, untaggedPVID)) // users' own
	bridgeBefore, before := w.bridge(), dev.has()
	dev.count(func(n int, _ string) error {
		if n == k+1 {
			return answer
		}
		return nil
	})
	err := w.do(w.b.SubmitSetDefaultPVID(to))
	if answer == switchdev.ErrNoSpace && err != nil {
		w.fits(dev)
		if now := w.bridge(); rehomed(now) != rehomed(bridgeBefore) {
			t.Errorf("%v to %v, call %d: the bridge has changed:%s", from, to, k, diff(bridgeBefore, now))
		}
		if now := dev.has(); rehomed(now) != rehomed(before) {
			t.Errorf("%v to %v, call %d: the device has changed:%s", from, to, k, diff(before, now))
		}
	}
	w.recovers(dev)
}

// TestRefusedDefaultPVIDForgetsWhatWasLearned: a station talks all the while, whatever VLAN
// its port is in just then.
func TestRefusedDefaultPVIDForgetsWhatWasLearned(t *testing.T) {
	for k := range 24 {
		w, dev := vlanRig(t)
		var out bridge.Egress
		dev.count(func(n int, _ string) error {
			w.b.Forward(2, frameOf(broadcast, stationA), &out)
			if n == k+1 {
				return switchdev.ErrNoSpace
			}
			return nil
		})
		_ = w.do(w.b.SubmitSetDefaultPVID(77))
		dev.count(nil)
		w.poll()
		member, _ := w.b.VLANs(2)
		for e := range w.b.Table().All() {
			in := slices.ContainsFunc(member, func(m bridge.Membership) bool { return m.VLAN == e.VLAN })
			if e.MAC == stationA && !in {
				t.Errorf("call %d: %v is learned on a port in %v", k, e, member)
			}
		}
	}
}

// TestRefusedDefaultPVIDLeavesAloneWhatOthersAsked: a port joins, and users give others
// VLANs, while a change is under way of which one call is refused.
func TestRefusedDefaultPVIDLeavesAloneWhatOthersAsked(t *testing.T) {
	refused := 0
	for k := range 12 {
		w, dev := vlanRig(t)
		w.must(w.b.SubmitSetDefaultPVID(5))
		var others []ticket
		dev.count(func(n int, _ string) error {
			if n == 1 {
				others = append(others,
					w.b.SubmitAddPort(bridge.PortConfig{ID: 9, MAC: portMAC(9)}),
					w.b.SubmitAddVLANs(2, vlanSet(77), 0),
					w.b.SubmitAddVLANs(1, vlanSet(50), switchdev.VLANUntagged))
			}
			if n == k+1 {
				return switchdev.ErrNoSpace
			}
			return nil
		})
		want := "77pu | 77pu | 10 20 30 40 50u 77pu | 10u 20u 77"
		if err := w.do(w.b.SubmitSetDefaultPVID(77)); err != nil {
			want = "5pu | 5pu | 5pu 10 20 30 40 50u | 5pu 10u 20u 77"
			refused++
		}
		dev.count(nil)
		for _, o := range others {
			if err := w.do(o); err != nil {
				want = "" // the call that was refused was another's
			}
		}
		w.recovers(dev)
		w.must(w.b.SubmitAddPort(bridge.PortConfig{ID: 8, MAC: portMAC(8)}))
		if got := fmt.Sprint(w.vlans(8), " | ", w.vlans(9), " | ", w.vlans(1), " | ", w.vlans(2)); want != "" && got != want {
			t.Errorf("call %d: VLANs %s, want %s", k, got, want)
		}
	}
	if refused < 3 {
		t.Errorf("%d were refused", refused)
	}
}
