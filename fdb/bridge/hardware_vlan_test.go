package bridge_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

const untaggedPVID = switchdev.VLANPVID | switchdev.VLANUntagged

// vlanRig is a bridge with two ports and a LAG on one device, each in some VLANs.
func vlanRig(t *testing.T) (*rig, *full) {
	t.Helper()
	dev := newFull("sw0")
	dev.batch = 3
	w := newRig(t, filteringOn(dev))
	w.must(w.b.SubmitAddPort(on(dev, 1)))
	w.must(w.b.SubmitAddPort(on(dev, 2)))
	w.must(w.b.SubmitAddPort(lagOf(dev, 40, 41, 42)))
	w.must(w.b.SubmitAddVLANs(1, vlanSet(10, 20, 30, 40), 0))
	w.must(w.b.SubmitAddVLANs(2, vlanSet(10, 20), switchdev.VLANUntagged))
	w.must(w.b.SubmitAddVLANs(0, vlanSet(10, 20), 0))
	w.fits(dev)
	return w, dev
}

func lagOf(d switchdev.Driver, id int, links ...int) bridge.PortConfig {
	c := on(d, id)
	for _, l := range links {
		c.Links = append(c.Links, bridge.Link{ID: switchdev.PortID(l)})
	}
	return c
}

// vlanVerbs are the verbs that change VLANs, links and membership in hardware.
var vlanVerbs = map[string]struct {
	do func(*rig, *full) ticket
	// later: a device that refuses a step of it does not keep it from being
	// done, wholly or in part, and is brought to it.
	later bool
}{
	"add VLANs":         {do: func(w *rig, _ *full) ticket { return w.b.SubmitAddVLANs(2, vlanSet(30, 31, 32, 33, 34), 0) }},
	"add PVID":          {do: func(w *rig, _ *full) ticket { return w.b.SubmitAddVLAN(1, 50, untaggedPVID) }},
	"move PVID":         {do: func(w *rig, _ *full) ticket { return w.b.SubmitAddVLAN(1, 20, untaggedPVID) }},
	"end PVID":          {do: func(w *rig, _ *full) ticket { return w.b.SubmitAddVLAN(1, 1, switchdev.VLANUntagged) }},
	"change VLANs":      {do: func(w *rig, _ *full) ticket { return w.b.SubmitAddVLANs(2, vlanSet(10, 20, 30), 0) }},
	"remove VLANs":      {do: func(w *rig, _ *full) ticket { return w.b.SubmitRemoveVLANs(1, vlanSet(10, 20, 30, 40)) }},
	"remove PVID":       {do: func(w *rig, _ *full) ticket { return w.b.SubmitRemoveVLAN(1, 1) }},
	"add host VLANs":    {do: func(w *rig, _ *full) ticket { return w.b.SubmitAddVLANs(0, vlanSet(30, 40, 50, 60, 70), 0) }},
	"remove host VLANs": {do: func(w *rig, _ *full) ticket { return w.b.SubmitRemoveVLANs(0, vlanSet(10, 20)) }},
	"stop filtering":    {do: func(w *rig, _ *full) ticket { return w.b.SubmitSetFiltering(false) }},
	"local in VLAN 0":   {do: func(w *rig, _ *full) ticket { return w.b.SubmitSetLocalInVLAN0(true) }},
	"add a port":        {do: func(w *rig, d *full) ticket { return w.b.SubmitAddPort(on(d, 3)) }},
	"add a LAG":         {do: func(w *rig, d *full) ticket { return w.b.SubmitAddPort(lagOf(d, 50, 51, 52)) }},
	"add a link": {do: func(w *rig, _ *full) ticket {
		return w.b.SubmitSetLinks(40, []bridge.Link{{ID: 41}, {ID: 42}, {ID: 43}})
	}},
	"take a link":    {do: func(w *rig, _ *full) ticket { return w.b.SubmitSetLinks(40, []bridge.Link{{ID: 42}}) }},
	"exchange links": {do: func(w *rig, _ *full) ticket { return w.b.SubmitSetLinks(40, []bridge.Link{{ID: 43}, {ID: 44}}) }},
	"carrier":        {do: func(w *rig, _ *full) ticket { return w.b.SubmitSetCarrier(1, false) }},
	"remove a port":  {later: true, do: func(w *rig, _ *full) ticket { return w.b.SubmitRemovePort(1) }},
	"remove a LAG":   {later: true, do: func(w *rig, _ *full) ticket { return w.b.SubmitRemovePort(40) }},
	"all links down": {later: true, do: func(w *rig, _ *full) ticket { return w.b.SubmitSetLinks(40, []bridge.Link{{ID: 41, Down: true}}) }},
	"bridge down":    {later: true, do: func(w *rig, _ *full) ticket { return w.b.SubmitSetUp(false) }},
	"user's STP":     {later: true, do: func(w *rig, _ *full) ticket { return w.b.SubmitSetSTP(bridge.STPUser) }},
	"stations' VLANs go": {later: true, do: func(w *rig, _ *full) ticket {
		w.b.Forward(1, inVLAN(stationB, stationA, 10), &w.out)
		w.poll()
		return w.b.SubmitRemoveVLANs(1, vlanSet(10, 20))
	}},
}

// inVLAN is a frame with a tag.
func inVLAN(dst, src switchdev.MAC, v switchdev.VLAN) []byte {
	f := frameOf(dst, src)
	return append(append(f[:12:12], 0x81, 0, byte(v>>8), byte(v)), f[12:]...)
}

// count counts what a device is asked, and lets hook say what becomes of the n-th.
func (f *full) count(hook func(n int, what string) error) (asked *[]string) {
	asked = new([]string)
	f.refusing(func(what string, p switchdev.PortID) error {
		*asked = append(*asked, what+" "+p.String())
		if hook == nil {
			return nil
		}
		return hook(len(*asked), what)
	})
	return asked
}

// steps finds out how often a verb asks the device.
func steps(t *testing.T, do func(*rig, *full) ticket) (asked []string) {
	w, dev := vlanRig(t)
	all := dev.count(nil)
	w.must(do(w, dev))
	w.poll()
	dev.refusing(nil)
	w.fits(dev)
	return *all
}

// TestRefusalOfEachStepChangesNothing lets a device refuse each single thing that it is
// asked by each verb: the bridge and the device are as before, and it can be done
// later.
func TestRefusalOfEachStepChangesNothing(t *testing.T) {
	for name, verb := range vlanVerbs {
		for k, step := range steps(t, verb.do) {
			t.Run(fmt.Sprintf("%s %d %s", name, k+1, step), func(t *testing.T) {
				w, dev := vlanRig(t)
				bridgeBefore, before := w.bridge(), dev.has()
				dev.count(func(n int, what string) error {
					if n == k+1 {
						return switchdev.ErrNoSpace
					}
					return nil
				})
				err := w.do(verb.do(w, dev))
				w.sound(dev)
				if verb.later {
					w.recovers(dev)
					return
				}
				if !errors.Is(err, switchdev.ErrNoSpace) || errors.Is(err, switchdev.ErrOutcomeUnknown) {
					t.Errorf("error %v", err)
				}
				if now := w.bridge(); rehomed(now) != rehomed(bridgeBefore) {
					t.Errorf("the bridge has changed:%s", diff(bridgeBefore, now))
				}
				if now := dev.has(); rehomed(now) != rehomed(before) {
					t.Errorf("the device has changed:%s", diff(before, now))
				}
				dev.refusing(nil)
				w.must(verb.do(w, dev))
				w.poll()
				w.fits(dev)
			})
		}
	}
}

// TestUnknownOutcomeOfEachStepIsMended lets a device give no answer to each single thing
// that it is asked by each verb, whether it did it or not: then it is brought to what
// the bridge has, which is what it had unless the verb cannot be refused.
func TestUnknownOutcomeOfEachStepIsMended(t *testing.T) {
	for name, verb := range vlanVerbs {
		for k, step := range steps(t, verb.do) {
			for _, answer := range []error{switchdev.ErrOutcomeUnknown, errDone} {
				for _, sick := range []bool{false, true} { // it goes on so
					t.Run(fmt.Sprintf("%s %d %s %v %t", name, k+1, step, answer, sick), func(t *testing.T) {
						w, dev := vlanRig(t)
						before := w.bridge()
						dev.lenient = sick // it does not let itself be told in order
						dev.count(func(n int, what string) error {
							if n == k+1 || sick && n > k {
								return answer
							}
							return nil
						})
						w.poll()
						err := w.do(verb.do(w, dev))
						if !verb.later && !errors.Is(err, switchdev.ErrOutcomeUnknown) {
							t.Errorf("error %v", err)
						}
						w.recovers(dev)
						if now := w.bridge(); !verb.later && rehomed(now) != rehomed(before) {
							t.Errorf("the bridge has changed:%s", diff(before, now))
						}
					})
				}
			}
		}
	}
}

// TestOneOfTwoDevicesRefuses what both are to be told: neither holds it then.
func TestOneOfTwoDevicesRefuses(t *testing.T) {
	verbs := map[string]func(*bridge.Bridge) ticket{
		"filtering":  func(b *bridge.Bridge) ticket { return b.SubmitSetFiltering(false) },
		"protocol":   func(b *bridge.Bridge) ticket { return b.SubmitSetProtocol(switchdev.EtherTypeSVLAN) },
		"host VLANs": func(b *bridge.Bridge) ticket { return b.SubmitAddVLANs(0, vlanSet(30, 40), 0) },
	}
	for name, do := range verbs {
		for k := range 12 {
			for _, answer := range []error{switchdev.ErrNoSpace, switchdev.ErrOutcomeUnknown, errDone} {
				a, c := newFull("a"), newFull("c")
				w := newRig(t, filteringOn(a, c))
				w.must(w.b.SubmitAddPort(on(a, 1)))
				w.must(w.b.SubmitAddPort(on(c, 2)))
				before, aBefore, cBefore := w.bridge(), a.has(), c.has()
				asked := 0
				hook := func(string, switchdev.PortID) error {
					if asked++; asked == k+1 {
						return answer
					}
					return nil
				}
				a.refusing(hook)
				c.refusing(hook)
				err := w.do(do(w.b))
				a.refusing(nil)
				c.refusing(nil)
				if err == nil {
					continue // it took fewer steps
				}
				if now := w.bridge(); rehomed(now) != rehomed(before) {
					t.Errorf("%s %d: the bridge has changed:%s", name, k, diff(before, now))
				}
				w.recovers(a, c)
				if a.has() != aBefore || c.has() != cBefore {
					t.Errorf("%s %d: the devices have changed:%s%s", name, k, diff(aBefore, a.has()), diff(cBefore, c.has()))
				}
			}
		}
	}
}

// TestPortComesBackAfterALeaveWithoutAnswer: the device had let it go, with its VLANs.
func TestPortComesBackAfterALeaveWithoutAnswer(t *testing.T) {
	for _, answer := range []error{switchdev.ErrOutcomeUnknown, errDone} {
		w, dev := vlanRig(t)
		dev.answering("leave", answer)
		_ = w.do(w.b.SubmitRemovePort(1))
		dev.refusing(nil)
		w.must(w.b.SubmitAddPort(on(dev, 1)))
		w.must(w.b.SubmitAddVLANs(1, vlanSet(10), 0))
		w.fits(dev)
	}
}

// TestResetInTheMiddleOfEachStepIsMadeGood lets a device lose everything when it is
// asked each single thing, before it does that or after.
func TestResetInTheMiddleOfEachStepIsMadeGood(t *testing.T) {
	for name, verb := range vlanVerbs {
		for k, step := range steps(t, verb.do) {
			t.Run(fmt.Sprintf("%s %d %s", name, k+1, step), func(t *testing.T) {
				w, dev := vlanRig(t)
				dev.count(func(n int, what string) error {
					if n == k+1 {
						dev.mu.Unlock()
						dev.reset()
						dev.mu.Lock()
					}
					return nil
				})
				_ = w.do(verb.do(w, dev))
				dev.mu.Lock()
				dev.wrong = nil // it was asked for what only a device that was not reset takes
				dev.mu.Unlock()
				w.recovers(dev)
			})
		}
	}
}

// TestResetBringsVLANsAndLAGsBack: attributes, groups, memberships, VLANs and rows,
// in this order.
func TestResetBringsVLANsAndLAGsBack(t *testing.T) {
	w, dev := vlanRig(t)
	w.b.Forward(1, inVLAN(stationB, stationA, 10), &w.out)
	w.b.Forward(41, frameOf(stationA, stationB), &w.out)
	w.must(w.b.Table().SubmitReplace(fdb.Entry{Key: fdb.Key{MAC: stationC, VLAN: 20}, Port: 2, Flags: fdb.Static}))
	w.poll()
	before := dev.has()
	dev.log = nil
	dev.reset()
	w.poll()
	w.fits(dev)
	if now := dev.has(); rehomed(now) != rehomed(before) {
		t.Errorf("the device has changed:%s", diff(before, now))
	}
	at := func(what string) int {
		for i, s := range dev.log {
			if s == what {
				return i
			}
		}
		t.Errorf("no %q in %q", what, dev.log)
		return -1
	}
	for _, order := range [][2]string{
		{"attributes 0", "join 1"}, {"vlan-set 0", "join 1"}, {"join 1", "vlan-set 1"}, {"lag-set 40", "join 40"}, {"join 40", "vlan-set 40"},
	} {
		if at(order[0]) > at(order[1]) {
			t.Errorf("%s after %s: %q", order[0], order[1], dev.log)
		}
	}
}

// TestLastPortLeavesNothingOfTheBridge in the device: its attributes, its VLANs.
func TestLastPortLeavesNothingOfTheBridge(t *testing.T) {
	dev := newFull("sw0")
	cfg := filteringOn(dev)
	cfg.VLAN.Protocol = switchdev.EtherTypeSVLAN
	w := newRig(t, cfg)
	w.protocol = switchdev.EtherTypeSVLAN
	none := dev.has()
	for range 3 {
		w.must(w.b.SubmitAddPort(on(dev, 1)))
		w.must(w.b.SubmitAddPort(lagOf(dev, 9, 2, 3)))
		w.must(w.b.SubmitAddVLANs(0, vlanSet(10, 20), 0))
		w.must(w.b.SubmitAddVLANs(1, vlanSet(10, 20), 0))
		w.must(w.b.SubmitAddPort(bridge.PortConfig{ID: 5, MAC: portMAC(5)}))
		w.fits(dev)
		w.must(w.b.SubmitRemovePort(1))
		w.must(w.b.SubmitRemovePort(9))
		w.poll()
		if has := dev.has(); has != none {
			t.Errorf("left over:\n%s", has)
		}
		w.must(w.b.SubmitAddVLANs(0, vlanSet(30), 0)) // which is no concern of the device
		w.must(w.b.SubmitRemoveVLANs(0, vlanSet(10, 20, 30)))
		w.must(w.b.SubmitRemovePort(5))
		if has := dev.has(); has != none {
			t.Errorf("told of a bridge that it has no port of:\n%s", has)
		}
	}
	w.sound(dev)
}

// TestPVIDMovesWithoutAnInstantWithout: a port that has a PVID before and after has one
// at every instant between, in the device, also when it is taken back.
func TestPVIDMovesWithoutAnInstantWithout(t *testing.T) {
	for refused := range 4 {
		w, dev := vlanRig(t)
		dev.keepPVID = true
		for _, v := range []switchdev.VLAN{50, 20, 1, 60, 5, 1} {
			if refused > 0 {
				before := dev.has()
				dev.count(func(n int, what string) error {
					if n == refused && what == "vlan-set" {
						return switchdev.ErrNoSpace
					}
					return nil
				})
				if err := w.do(w.b.SubmitAddVLAN(1, v, untaggedPVID)); err != nil && dev.has() != before {
					t.Errorf("refused %d: the device has changed:%s", refused, diff(before, dev.has()))
				}
				dev.refusing(nil)
			}
			w.must(w.b.SubmitAddVLAN(1, v, untaggedPVID))
			w.fits(dev)
		}
		for _, v := range []switchdev.VLAN{7, 8, 3, 9, 10} {
			w.must(w.b.SubmitSetFiltering(v > 8))
			w.must(w.b.SubmitSetDefaultPVID(v))
			w.fits(dev)
		}
	}
}

// TestFullVLANTable: the device has room for some of a batch.
func TestFullVLANTable(t *testing.T) {
	for room := range 5 {
		w, dev := vlanRig(t)
		before, bridgeBefore := dev.has(), w.bridge()
		dev.room = dev.memberships() + room
		w.fails(w.b.SubmitAddVLANs(2, vlanSet(100, 101, 102, 103, 104), 0), switchdev.ErrNoSpace)
		if now := dev.has(); rehomed(now) != rehomed(before) {
			t.Errorf("room for %d: the device has changed:%s", room, diff(before, now))
		}
		if now := w.bridge(); rehomed(now) != rehomed(bridgeBefore) {
			t.Errorf("room for %d: the bridge has changed:%s", room, diff(bridgeBefore, now))
		}
		dev.room = 0
		w.must(w.b.SubmitAddVLANs(2, vlanSet(100, 101, 102, 103, 104), 0))
		w.fits(dev)
	}
}

// TestDeviceThatCannotFilterKeepsFilteringOff: one that forwards and does not look at
// VLANs would join what is kept apart. One that has no ports forwards nothing.
func TestDeviceThatCannotFilterKeepsFilteringOff(t *testing.T) {
	f := newFake("blind")
	blind := &nothingOfBridges{f, f, f}
	for _, dev := range []switchdev.Driver{blind, &rowsOnly{f, f}} {
		w := newRig(t, withDevices(dev))
		w.must(w.b.SubmitAddPort(on(dev, 1)))
		if dev == switchdev.Driver(blind) {
			w.fails(w.b.SubmitSetFiltering(true), switchdev.ErrUnsupported)
			if w.b.Filtering() {
				t.Error("the bridge filters")
			}
			w.must(w.b.SubmitRemovePort(1)) // then it is no concern of the device
			w.must(w.b.SubmitSetFiltering(true))
			w.fails(w.b.SubmitAddPort(on(dev, 1)), switchdev.ErrUnsupported)
			if _, ports := f.holds(); len(ports) > 0 {
				t.Errorf("the device has %v", ports)
			}
			w.must(w.b.SubmitSetFiltering(false))
			w.must(w.b.SubmitAddPort(on(dev, 1)))
			continue
		}
		w.must(w.b.SubmitSetFiltering(true))
	}
}

// nothingOfBridges is a device with ports that is told nothing of the bridge.
type nothingOfBridges struct {
	switchdev.Driver
	switchdev.PortOffloader
	switchdev.FDBOffloader
}

// rowsOnly is a device with rows and nothing else.
type rowsOnly struct {
	switchdev.Driver
	switchdev.FDBOffloader
}

// TestPanicOfADriverIsAnUnknownOutcome: what it did before is not known.
func TestPanicOfADriverIsAnUnknownOutcome(t *testing.T) {
	for k := range 5 { // two batches
		w, dev := vlanRig(t)
		before := w.bridge()
		dev.count(func(n int, what string) error {
			if n == k+1 {
				panic("broken driver")
			}
			return nil
		})
		w.fails(w.b.SubmitAddVLANs(2, vlanSet(30, 31, 32, 33, 34), 0), switchdev.ErrOutcomeUnknown)
		if now := w.bridge(); now != before {
			t.Errorf("the bridge has changed:%s", diff(before, now))
		}
		w.recovers(dev)
	}
}
