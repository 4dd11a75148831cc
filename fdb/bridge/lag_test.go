package bridge_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

func links(ids ...switchdev.PortID) (all []bridge.Link) {
	for _, id := range ids {
		all = append(all, bridge.Link{ID: id})
	}
	return all
}

// flow is the n-th conversation with a station.
func flow(dst switchdev.MAC, n int) []byte { return frameOf(dst, mac(0x4000+n)) }

// takes returns which link each of some flows to a station takes.
func (w *world) takes(in switchdev.PortID, dst switchdev.MAC) map[int]switchdev.PortID {
	w.t.Helper()
	took := make(map[int]switchdev.PortID)
	for n := range 300 {
		v := w.b.Forward(in, flow(dst, n), &w.out)
		if v.Reason != forwarded || w.out.Len() != 1 {
			w.t.Fatalf("flow %d: %v to %v", n, v.Reason, w.out.Ports())
		}
		took[n] = w.out.Ports()[0]
	}
	return took
}

func (w *world) relinks(id switchdev.PortID, l []bridge.Link) {
	w.t.Helper()
	w.must(w.b.SubmitSetLinks(id, l))
}

// TestFlowsStayOnTheirLink: one that has to go moves, to a link that comes some move,
// and nothing else does; and each link has its share.
func TestFlowsStayOnTheirLink(t *testing.T) {
	w := newWorld(t, bridge.Config{}, 1)
	w.must(w.b.SubmitAddPort(bridge.PortConfig{ID: 40, MAC: portMAC(40), Links: links(41, 42, 43)}))
	w.goes(42, broadcast, stationA, flooded, 0, 1) // what comes in by a link is the port's
	w.at(stationA, 40)
	if v := w.b.Forward(41, frameOf(stationA, stationB), &w.out); v.Reason != bridge.ReasonSamePort {
		t.Errorf("sent back by another link: %v", v.Reason)
	}
	before := w.takes(1, stationA)
	compare := func(what string, may func(from, to switchdev.PortID) bool) {
		t.Helper()
		now := w.takes(1, stationA)
		shares := map[switchdev.PortID]int{}
		for n, link := range now {
			if shares[link]++; link != before[n] && !may(before[n], link) {
				t.Errorf("%s: flow %d moves from %d to %d", what, n, before[n], link)
			}
		}
		l, _ := w.b.Links(40)
		for _, link := range l {
			if n := shares[link.ID]; (n < 300/len(l)/2) != link.Down {
				t.Errorf("%s: link %+v has %d of 300 flows", what, link, n)
			}
		}
		before = now
	}
	w.relinks(40, links(43, 41, 42))
	compare("another order", func(from, to switchdev.PortID) bool { return false })
	w.relinks(40, links(41, 42, 43, 44))
	compare("one more", func(from, to switchdev.PortID) bool { return to == 44 })
	w.relinks(40, []bridge.Link{{ID: 41}, {ID: 42, Down: true}, {ID: 43}, {ID: 44}})
	compare("one down", func(from, to switchdev.PortID) bool { return from == 42 })
	w.relinks(40, links(41, 42, 43, 44))
	compare("up again", func(from, to switchdev.PortID) bool { return to == 42 })
	w.relinks(40, links(42, 44))
	compare("two less", func(from, to switchdev.PortID) bool { return from == 41 || from == 43 })
	w.goes(41, broadcast, stationB, bridge.ReasonNoPort)
	w.at(stationA, 40) // nothing of this is a reason to forget
	v := w.b.Transmit(frameOf(broadcast, w.b.MAC()), &w.out)
	if got := targets(v, &w.out); len(got) != 2 {
		t.Errorf("a flood is one copy for the port: %v", got)
	}
}

// TestAllLinksDownIsNoCarrier: what was learned leaves, unless there is a backup, which
// takes over.
func TestAllLinksDownIsNoCarrier(t *testing.T) {
	for _, backup := range []bool{false, true} {
		dev := newFull("sw0")
		for _, cfg := range []bridge.PortConfig{
			{ID: 40, MAC: portMAC(40), Links: links(41, 42)},
			{ID: 40, MAC: portMAC(40), Links: links(41, 42), Driver: dev},
		} {
			w := newWorld(t, withDevices(dev), 1, 2)
			w.must(w.b.SubmitAddPort(cfg))
			if backup {
				w.must(w.b.SubmitSetBackupPort(40, 2))
			}
			w.goes(41, broadcast, stationA, flooded, 0, 1, 2)
			w.relinks(40, []bridge.Link{{ID: 41, Down: true}, {ID: 42, Down: true}})
			if p, _ := w.b.Port(40); p.Carrier || p.State != switchdev.PortDisabled {
				t.Errorf("port %+v", p)
			}
			if backup {
				w.at(stationA, 40)
				w.goes(1, stationA, stationB, forwarded, 2)
			} else {
				w.at(stationA, -1)
				w.goes(1, stationA, stationB, flooded, 2)
			}
			if v := w.b.Forward(41, frameOf(broadcast, stationA), &w.out); v.Reason != bridge.ReasonPortDown {
				t.Errorf("comes in by a link that is down: %v", v.Reason)
			}
			w.relinks(40, []bridge.Link{{ID: 41, Down: true}, {ID: 42}})
			if p, _ := w.b.Port(40); !p.Carrier || p.State != switchdev.PortForwarding {
				t.Errorf("port %+v", p)
			}
			w.goes(41, broadcast, stationA, flooded, 0, 1, 2)
			w.goes(1, stationA, stationB, forwarded, 42)
			w.must(w.b.SubmitRemovePort(40))
		}
	}
}

// TestNumbersOfPortsAndLinksAreOnePool: a number that is in use is refused, by whatever
// it is used, and changes nothing; it is free when nothing uses it any more.
func TestNumbersOfPortsAndLinksAreOnePool(t *testing.T) {
	w := newWorld(t, bridge.Config{}, 1, 2)
	add := func(id switchdev.PortID, l ...switchdev.PortID) ticket {
		return w.b.SubmitAddPort(bridge.PortConfig{ID: id, MAC: portMAC(int(id)), Links: links(l...)})
	}
	w.must(add(40, 41, 42))
	for what, k := range map[string]func() ticket{
		"a port of the number of a LAG":         func() ticket { return add(40) },
		"a port of the number of a link":        func() ticket { return add(41) },
		"a LAG of the number of a port":         func() ticket { return add(1, 50) },
		"a LAG of the number of a link":         func() ticket { return add(42, 50) },
		"a link of the number of a port":        func() ticket { return add(50, 51, 1) },
		"a link of the number of a LAG":         func() ticket { return add(50, 51, 40) },
		"a link of the number of another link":  func() ticket { return add(50, 51, 41) },
		"links changed to the number of a port": func() ticket { return w.b.SubmitSetLinks(40, links(41, 2)) },
	} {
		t.Run(what, func(t *testing.T) { w.fails(k(), switchdev.ErrBusy) })
	}
	w.fails(w.b.SubmitSetLinks(40, links(41, 40)), switchdev.ErrInvalid)
	w.fails(w.b.SubmitSetLinks(40, nil), switchdev.ErrInvalid)
	w.fails(w.b.SubmitSetLinks(1, links(41)), switchdev.ErrInvalid)
	w.fails(w.b.SubmitSetLinks(9, links(41)), switchdev.ErrNoDevice)
	if l, _ := w.b.Links(40); !slices.Equal(l, links(41, 42)) {
		t.Errorf("links %v", l)
	}
	w.must(add(50, 51)) // none of what was refused has kept a number
	w.relinks(40, links(42, 43))
	w.must(add(41))
	w.must(w.b.SubmitRemovePort(40))
	w.must(add(42, 43, 40))
	w.goes(40, broadcast, stationA, flooded, 0, 1, 2, 41, 51)
	w.at(stationA, 42)
}

// TestRefusedLinksAreFree: the device refuses links, and their numbers can be used.
func TestRefusedLinksAreFree(t *testing.T) {
	dev := newFull("sw0")
	w := newWorld(t, withDevices(dev))
	w.must(w.b.SubmitAddPort(lagOf(dev, 40, 41, 42)))
	for _, k := range []func() ticket{
		func() ticket { return w.b.SubmitSetLinks(40, links(41, 43)) },
		func() ticket { return w.b.SubmitAddPort(lagOf(dev, 50, 43, 44)) },
	} {
		dev.answering("lag-set", switchdev.ErrNoSpace)
		w.fails(k(), switchdev.ErrNoSpace)
		dev.refusing(nil)
		w.must(w.b.SubmitAddPort(on(dev, 43)))
		w.fails(w.b.SubmitAddPort(on(dev, 42)), switchdev.ErrBusy)
		w.must(w.b.SubmitRemovePort(43))
	}
}

// lagWorld is a bridge over a chip with the ports 1 to 6 in one goroutine; 3 to 5 are
// the links of port 40, in the chip or not.
type lagWorld struct {
	*chipWorld
}

func newLAGWorld(t *testing.T, offloaded bool, cfg hwsim.Config) *lagWorld {
	t.Helper()
	c := &lagWorld{&chipWorld{got: make(map[switchdev.PortID]int)}}
	cfg.Count, cfg.Manual, cfg.Host.OnTrap = 6, true, c.trapped
	cfg.Log.Capacity = 1 << 16
	var err error
	if c.chip, err = hwsim.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.chip.Close() })
	b := withDevice(c.chip)
	if offloaded { // else the chip floods what it does not know to be behind the LAG
		b.Hardware.PortFlags = bridge.HardwareLearns
	}
	c.world = newWorld(t, b)
	c.also = func() { c.chip.Poll(c.now) }
	for id := switchdev.PortID(1); id <= 6; id++ {
		c.chip.Port(id).OnEgress(func([]byte) { c.got[id]++ })
		if id < 3 {
			c.must(c.b.SubmitAddPort(on(c.chip, int(id))))
		}
	}
	c.must(c.b.SubmitAddPort(c.port(offloaded)))
	return c
}

func (c *lagWorld) port(offloaded bool) bridge.PortConfig {
	p := bridge.PortConfig{ID: 40, MAC: portMAC(40), Links: links(3, 4, 5)}
	if offloaded {
		p.Driver = c.chip
	}
	return p
}

// TestLAGOverAChip, of ports that stand alone there and whose frames software sends on,
// or in the chip itself: the same frames arrive, each once.
func TestLAGOverAChip(t *testing.T) {
	for _, offloaded := range []bool{false, true} {
		t.Run(fmt.Sprint(offloaded), func(t *testing.T) {
			c := newLAGWorld(t, offloaded, hwsim.Config{})
			send := func(in switchdev.PortID, frame []byte) []switchdev.PortID {
				clear(c.got)
				c.chip.Port(in).Ingress(bytes.Clone(frame))
				c.poll()
				for id, n := range c.got {
					if n != 1 {
						t.Errorf("%d copies by %d", n, id)
					}
				}
				return slices.Sorted(maps.Keys(c.got))
			}
			byLink := func(to []switchdev.PortID, live ...switchdev.PortID) bool {
				return len(to) == 1 && slices.Contains(live, to[0])
			}
			if to := send(4, frameOf(broadcast, stationA)); !slices.Equal(to, []switchdev.PortID{1, 2}) {
				t.Errorf("flood of a link: %v", to)
			}
			if e := c.at(stationA, 40); e.Port != 40 {
				t.Errorf("entry %v", e)
			}
			if to := send(1, frameOf(broadcast, stationB)); len(to) != 2 || to[0] != 2 || !byLink(to[1:], 3, 4, 5) {
				t.Errorf("flood of a port: %v", to)
			}
			if to := send(5, frameOf(stationB, stationA)); !slices.Equal(to, []switchdev.PortID{1}) {
				t.Errorf("known, from another link: %v", to)
			}
			for _, set := range [][]bridge.Link{
				links(3, 4, 5), links(3, 4), {{ID: 3, Down: true}, {ID: 4}}, links(4, 5, 6), links(5, 3), links(3, 4, 5),
			} {
				c.relinks(40, set)
				var live []switchdev.PortID
				for _, l := range set {
					if !l.Down {
						live = append(live, l.ID)
					}
				}
				used := map[switchdev.PortID]bool{}
				for n := range 60 {
					to := send(1, flow(stationA, n))
					if !byLink(to, live...) {
						t.Fatalf("links %v: flow %d by %v", set, n, to)
					}
					if again := send(1, flow(stationA, n)); !slices.Equal(again, to) {
						t.Errorf("flow %d by %v and by %v", n, to, again)
					}
					used[to[0]] = true
				}
				if len(used) != len(live) {
					t.Errorf("links %v: used %v", set, used)
				}
				c.at(stationA, 40)
				send(set[0].ID, frameOf(broadcast, stationA))
				c.at(stationA, 40)
			}
			c.must(c.b.SubmitRemovePort(40))
			c.at(stationA, -1)
			for _, r := range c.chip.Rows() {
				if r.Port == 40 {
					t.Errorf("left over: %v", r)
				}
			}
			c.must(c.b.SubmitAddPort(on(c.chip, 3))) // its links are free
			if to := send(3, frameOf(broadcast, stationA)); !slices.Equal(to, []switchdev.PortID{1, 2}) {
				t.Errorf("flood of a former link: %v", to)
			}
			for _, v := range c.chip.Audit() {
				t.Error(v)
			}
		})
	}
}

// TestOffloadedLAGSurvivesAReset of its chip.
func TestOffloadedLAGSurvivesAReset(t *testing.T) {
	c := newLAGWorld(t, true, hwsim.Config{})
	c.chip.Port(4).Ingress(frameOf(broadcast, stationA))
	c.poll()
	c.must(c.b.Table().SubmitReplace(fdb.Entry{Key: fdb.Key{MAC: stationC}, Port: 40, Flags: fdb.Static}))
	if _, err := c.chip.Reset(context.Background()); err != nil {
		t.Fatal(err)
	}
	c.after(time.Second)
	for n := range 30 {
		clear(c.got)
		c.chip.Port(1).Ingress(flow(stationC, n))
		c.poll()
		if c.got[3]+c.got[4]+c.got[5] != 1 || c.got[2] != 0 {
			t.Fatalf("flow %d: %v", n, c.got)
		}
	}
	for _, v := range c.chip.Audit() {
		t.Error(v)
	}
}

// TestLAGThatComesBackUnderItsNumberIsAnother: reports of the former one come late,
// twice and out of order, and no station of it is behind the new one. A switch that
// took them for news lost traffic for more than an hour (sonic-swss#4458).
func TestLAGThatComesBackUnderItsNumberIsAnother(t *testing.T) {
	for seed := range uint64(30) {
		late := 0
		c := newLAGWorld(t, true, hwsim.Config{Seed: seed})
		for _, f := range []hwsim.Fault{
			{Kind: hwsim.FaultLate, Match: hwsim.Selector{Role: hwsim.RoleReport, Verb: "learned"}, Delay: 300 * time.Millisecond, Probability: 0.5},
			{Kind: hwsim.FaultDuplicate, Match: hwsim.Selector{Role: hwsim.RoleReport}, Delay: 500 * time.Millisecond, Copies: 2},
			{Kind: hwsim.FaultReorder, Match: hwsim.Selector{Role: hwsim.RoleReport}, Delay: 400 * time.Millisecond, Behind: 3, Probability: 0.5},
		} {
			if _, err := c.chip.Inject(f); err != nil {
				t.Fatal(err)
			}
		}
		for life := range 3 {
			for n := range 8 { // stations of this life; the chip learns them, and tells some later
				c.chip.Port(switchdev.PortID(3 + n%3)).Ingress(frameOf(portMAC(1), mac(0x5000+life<<8+n)))
			}
			c.after(10 * time.Millisecond)
			c.must(c.b.SubmitRemovePort(40))
			c.must(c.b.SubmitAddPort(c.port(true)))
			for range 20 {
				c.after(50 * time.Millisecond)
				for e := range c.b.Table().All() {
					if e.Port == 40 && e.Flags&fdb.Local == 0 {
						late++
						t.Errorf("seed %d, life %d: %v is behind the new LAG", seed, life, e)
					}
				}
			}
		}
		c.chip.ReleaseAll()
		c.after(10 * time.Second)
		for _, r := range c.chip.Rows() {
			if r.Port == 40 && r.Flags&switchdev.FDBLocal == 0 {
				t.Errorf("seed %d: the chip holds %v", seed, r)
			}
		}
		for _, v := range c.chip.Audit() {
			t.Error(v)
		}
	}
}
