package bridge_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// hang makes the device hang in the next thing of that name, and then answer err.
func (f *full) hang(what string, err error) (release func()) {
	gate := make(chan struct{})
	first := true
	f.refusing(func(step string, _ switchdev.PortID) error {
		if step != what || !first {
			return nil
		}
		first = false
		f.mu.Unlock()
		<-gate
		f.mu.Lock()
		return err
	})
	return func() { close(gate) }
}

// TestDeviceThatHangsInACallHoldsUpNobodyElse: ports of another device and software ports
// change at the same virtual instant, frames pass, the hung operation ends with its
// time, and what the call comes to in the end is made good.
func TestDeviceThatHangsInACallHoldsUpNobodyElse(t *testing.T) {
	verbs := map[string]func(*bridge.Bridge) *bridge.Ticket{
		"vlan-set":    func(b *bridge.Bridge) *bridge.Ticket { return b.SubmitAddVLANs(1, vlanSet(10, 20, 30), 0) },
		"vlan-delete": func(b *bridge.Bridge) *bridge.Ticket { return b.SubmitRemoveVLANs(1, vlanSet(5, 6)) },
		"lag-set":     func(b *bridge.Bridge) *bridge.Ticket { return b.SubmitSetLinks(40, links(41, 43)) },
		"attributes":  func(b *bridge.Bridge) *bridge.Ticket { return b.SubmitSetFiltering(false) },
		"ageing":      func(b *bridge.Bridge) *bridge.Ticket { return b.SubmitSetAgeing(time.Minute) },
	}
	for what, do := range verbs {
		for name, answer := range map[string]error{"done": nil, "refused": switchdev.ErrNoSpace, "unknown": errDone} {
			t.Run(what+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { hangs(t, what, do, answer) })
			})
		}
	}
}

func hangs(t *testing.T, what string, do func(*bridge.Bridge) *bridge.Ticket, answer error) {
	hung, fine := newFull("hung"), newFull("fine")
	b, err := bridge.New(filteringOn(hung, fine))
	if err != nil {
		t.Fatal(err)
	}
	w := &rig{&world{t: t, b: b}, switchdev.EtherTypeVLAN}
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(b.AddPort(ctx, on(hung, 1)))
	must(b.AddPort(ctx, lagOf(hung, 40, 41, 42)))
	must(b.AddPort(ctx, on(fine, 2)))
	must(b.AddPort(ctx, lagOf(fine, 50, 51, 52)))
	must(b.AddVLANs(ctx, 1, vlanSet(5, 6), 0))
	before := w.bridge()
	release := hung.hang(what, answer)
	start := time.Now()
	k := do(b)
	synctest.Wait()
	select {
	case <-k.Done():
		t.Fatalf("%s does not hang", what)
	default:
	}
	must(b.AddPort(ctx, bridge.PortConfig{ID: 3, MAC: portMAC(3)}))
	must(b.AddVLANs(ctx, 2, vlanSet(10, 20), untaggedOnly))
	must(b.RemoveVLANs(ctx, 2, vlanSet(10)))
	must(b.AddVLANs(ctx, 3, vlanSet(10, 20), 0))
	must(b.SetLinks(ctx, 50, links(51, 53)))
	must(b.SetPortFlags(ctx, 2, switchdev.PortHairpin, switchdev.PortHairpin))
	must(b.RemovePort(ctx, 3))
	must(b.RemovePort(ctx, 50))
	must(b.AddPort(ctx, lagOf(fine, 50, 51, 52)))
	must(b.RemoveVLAN(ctx, 2, 20))
	must(b.SetPortFlags(ctx, 2, 0, switchdev.PortHairpin))
	if d := time.Since(start); d != 0 {
		t.Errorf("a hung device cost the others %v", d)
	}
	var out bridge.Egress
	if v := b.Forward(1, frameOf(broadcast, stationA), &out); v.Reason != flooded || out.Len() != 3 {
		t.Errorf("%v to %v", v.Reason, out.Ports())
	}
	if err := k.Wait(ctx); !errors.Is(err, switchdev.ErrOutcomeUnknown) {
		t.Errorf("error %v", err)
	}
	if now := w.bridge(); rehomed(now) != rehomed(before) && what != "vlan-delete" { // the station came in between
		if d := diff(rehomed(before), rehomed(now)); len(d) > 200 {
			t.Errorf("the bridge has changed:%s", d)
		}
	}
	release()
	hung.refusing(nil)
	hung.lenient = true
	time.Sleep(2 * time.Hour) // the station ages, and the device is brought to what is wanted
	w.fits(hung)
	w.fits(fine)
	must(b.Close())
	if hung.has() != "\n" || fine.has() != "\n" {
		t.Errorf("left over: %s%s", hung.has(), fine.has())
	}
}

const untaggedOnly = switchdev.VLANUntagged
