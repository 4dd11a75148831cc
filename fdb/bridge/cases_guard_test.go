package bridge_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// strangers knows no neighbour, and counts who is asked for.
type strangers struct{ asked atomic.Int64 }

func (s *strangers) Neighbour(switchdev.VLAN, netip.Addr) (bridge.Neighbour, bool) {
	s.asked.Add(1)
	return bridge.Neighbour{}, false
}

// TestVLANDataPathDoesNotAllocate: tags are put on and taken off, floods, links,
// proxies; once the Egress has held such a frame.
func TestVLANDataPathDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	cfg := filtering()
	cfg.Neighbours = new(strangers)
	w := newWorld(t, cfg, 1, 2, 3)
	w.must(w.b.SubmitAddPort(bridge.PortConfig{ID: 5, MAC: portMAC(5), Links: []bridge.Link{{ID: 51}, {ID: 52}, {ID: 53}}}))
	w.join(0, 10)
	w.join(1, 10)
	w.must(w.b.SubmitAddVLAN(2, 10, switchdev.VLANUntagged))
	w.join(5, 10)
	w.passes(2, vlanFrame(broadcast, stationB, ctag, 10), "flooded 0/10 1/10 "+w.link(stationB, broadcast)+"/10")
	w.passes(51, vlanFrame(stationB, stationC, ctag, 10), "forwarded 2")
	var out bridge.Egress
	guard := func(when string) {
		t.Helper()
		for name, f := range map[string][]byte{
			"tag off": vlanFrame(stationB, stationA, ctag, 10), "tag put on": frameOf(broadcast, stationA),
			"flood": vlanFrame(broadcast, stationA, ctag, 10), "unknown": vlanFrame(mac(0x99), stationA, ctag, 10),
			"priority": vlanFrame(broadcast, stationA, ctag, 5<<13), "foreign": vlanFrame(broadcast, stationA, stag, 10),
			"link": vlanFrame(stationC, stationA, ctag, 10), "not a member": vlanFrame(stationC, stationA, ctag, 20),
			"host": vlanFrame(hostMAC, stationA, ctag, 10), "link-local": frameOf(linkLocal(2), stationA), "short": frameOf(stationB, stationA)[:12],
		} {
			for way, forward := range map[string]func() bridge.Verdict{
				"":            func() bridge.Verdict { return w.b.Forward(1, f, &out) },
				" marked":     func() bridge.Verdict { return w.b.ForwardMarked(1, f, &out) },
				" of a link":  func() bridge.Verdict { return w.b.Forward(52, f, &out) },
				" of no port": func() bridge.Verdict { return w.b.Forward(9, f, &out) },
				" host":       func() bridge.Verdict { return w.b.Transmit(f, &out) },
			} {
				src := stationA
				if way == " of a link" { // so that no station moves
					src = mac(0xaaa)
				}
				copy(f[6:], src[:])
				run := func() {
					v := forward()
					for i := range out.Ports() {
						out.Frame(i, f)
					}
					if v.Host {
						out.HostFrame(f)
					}
				}
				run()
				w.poll() // what was new is known
				run()
				if n := testing.AllocsPerRun(100, run); n != 0 {
					t.Errorf("%s: %s%s: %v allocations", when, name, way, n)
				}
			}
		}
	}
	guard("plain")
	w.flags(2, switchdev.PortNeighSuppress, switchdev.PortNeighSuppress)
	w.flags(3, switchdev.PortProxyARP, switchdev.PortProxyARP)
	guard("with proxies")
}

// link returns the link of port 5 that a frame from src to dst takes in VLAN 10.
func (w *world) link(src, dst switchdev.MAC) string {
	w.b.Transmit(vlanFrame(dst, src, ctag, 10), &w.out)
	return w.out.Ports()[w.out.Len()-1].String()
}

// TestLinksKeepConversations: a conversation stays on its link, whatever other links do.
func TestLinksKeepConversations(t *testing.T) {
	w := newWorld(t, bridge.Config{}, 1)
	links := func(down int) (all []bridge.Link) {
		for id := 50; id < 54; id++ {
			all = append(all, bridge.Link{ID: switchdev.PortID(id), Down: id == down})
		}
		return all
	}
	w.must(w.b.SubmitAddPort(bridge.PortConfig{ID: 5, MAC: portMAC(5), Links: links(0)}))
	took := func() (all []switchdev.PortID) {
		for i := range 200 {
			w.b.Forward(1, frameOf(broadcast, mac(0x1000+i)), &w.out)
			if w.out.Len() != 1 {
				t.Fatalf("copies to %v", w.out.Ports())
			}
			all = append(all, w.out.Ports()[0])
		}
		return all
	}
	before := took()
	for id := switchdev.PortID(50); id < 54; id++ {
		if n := len(slices.DeleteFunc(slices.Clone(before), func(p switchdev.PortID) bool { return p != id })); n < 20 {
			t.Errorf("%d of 200 conversations take link %d", n, id)
		}
	}
	w.must(w.b.SubmitSetLinks(5, links(52)))
	for i, p := range took() {
		if before[i] != 52 && p != before[i] || p == 52 {
			t.Errorf("conversation %d went from %d to %d", i, before[i], p)
		}
	}
	w.must(w.b.SubmitSetLinks(5, links(0)))
	if !slices.Equal(took(), before) {
		t.Error("conversations did not come back")
	}
	all := links(0)
	for i := range all {
		all[i].Down = true
	}
	w.must(w.b.SubmitSetLinks(5, all))
	w.passes(1, frameOf(broadcast, stationA), "flooded 0")
	w.must(w.b.SubmitSetCarrier(5, true)) // a carrier alone is no link
	w.passes(1, frameOf(broadcast, stationA), "flooded 0")
}

// FuzzForwardVLANs: random bytes and settings. Nothing panics, no copy goes to a port
// that is not in the frame's VLAN, and each has the right tag.
func FuzzForwardVLANs(f *testing.F) {
	for i, dst := range []switchdev.MAC{broadcast, group, linkLocal(0), linkLocal(2), stationB, portMAC(1), {}} {
		f.Add(uint16(i%3), vlanFrame(dst, stationA, ctag, uint16(i)), uint32(i)*0x9e3779b9)
		f.Add(uint16(i), vlanFrame(dst, stationB, stag, 1)[:14+i], uint32(i)<<7|1)
	}
	b, err := bridge.New(bridge.Config{Manual: true, Start: begin, MAC: hostMAC, Neighbours: new(strangers), VLAN: bridge.VLANConfig{Filtering: true}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = b.Close() })
	for id := range 3 {
		b.SubmitAddPort(bridge.PortConfig{ID: switchdev.PortID(id + 1), MAC: portMAC(id + 1)})
	}
	b.SubmitAddPort(bridge.PortConfig{ID: 4, MAC: portMAC(4), Links: []bridge.Link{{ID: 41}, {ID: 42}}})
	b.Poll(begin)
	f.Fuzz(func(t *testing.T, in uint16, data []byte, settings uint32) {
		bit := func(n int) bool { return settings>>n&1 != 0 }
		protocol := ctag
		if bit(1) {
			protocol = stag
		}
		b.SubmitSetFiltering(!bit(0))
		b.SubmitSetProtocol(protocol)
		b.SetPromiscuous(bit(2))
		b.SubmitSetPortFlags(1, switchdev.PortFlags(settings>>3)&flagsOfFuzz, flagsOfFuzz)
		for id := range 5 {
			v := switchdev.VLAN(1 + settings>>(8+4*id)%4)
			b.SubmitAddVLAN(switchdev.PortID(id), v, switchdev.VLANFlags(settings>>(10+4*id))&(switchdev.VLANPVID|switchdev.VLANUntagged))
			if bit(11 + 4*id) {
				b.SubmitRemoveVLAN(switchdev.PortID(id), 1+v%4)
			}
		}
		b.Poll(begin)
		was := slices.Clone(data)
		var out bridge.Egress
		checkVLANs(t, b, b.Forward(switchdev.PortID(in), data, &out), &out, data, uint16(protocol))
		checkVLANs(t, b, b.Transmit(data, &out), &out, data, uint16(protocol))
		if !slices.Equal(data, was) {
			t.Error("the frame was changed")
		}
	})
}

const flagsOfFuzz = switchdev.PortHairpin | switchdev.PortIsolated | switchdev.PortLocked | switchdev.PortNeighSuppress | switchdev.PortFlood

func checkVLANs(t *testing.T, b *bridge.Bridge, v bridge.Verdict, out *bridge.Egress, data []byte, protocol uint16) {
	t.Helper()
	if v.Reason == 0 || v.Reason.Dropped() && out.Len() > 0 {
		t.Errorf("%+v with %v", v, out.Ports())
	}
	for i, id := range out.Ports() {
		id := min(id, 4) // links are above
		f := out.Frame(i, data)
		if !b.Filtering() {
			if !slices.Equal(f, data) {
				t.Errorf("port %d gets %x", id, f)
			}
			continue
		}
		all, _ := b.VLANs(id)
		at := slices.IndexFunc(all, func(m bridge.Membership) bool { return m.VLAN == v.VLAN })
		if at < 0 {
			t.Errorf("port %d is not in VLAN %d", id, v.VLAN)
			continue
		}
		isTagged := binary.BigEndian.Uint16(f[12:]) == protocol
		if all[at].Flags&switchdev.VLANUntagged == 0 && (!isTagged || switchdev.VLAN(binary.BigEndian.Uint16(f[14:])&0xfff) != v.VLAN) {
			t.Errorf("port %d gets %x in VLAN %d", id, f, v.VLAN)
		}
	}
	if v.Host {
		out.HostFrame(data)
	}
}

// TestForwardsWhileVLANsChange: four goroutines forward while ports, VLANs, filtering,
// links and the spanning tree change. No copy of VLAN 30 goes to a port that was
// outside of it before and after the frame, and nothing is learned where a port was
// when RemoveVLAN has returned.
func TestForwardsWhileVLANsChange(t *testing.T) {
	const rounds = 60
	b, err := bridge.New(bridge.Config{
		MAC: hostMAC, VLAN: bridge.VLANConfig{Filtering: true, Protocol: ctag}, Neighbours: new(strangers),
		STP: bridge.STPConfig{Send: func(switchdev.PortID, []byte) {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for id := switchdev.PortID(1); id <= 4; id++ {
		must(b.AddPort(ctx, bridge.PortConfig{ID: id, MAC: portMAC(int(id))}))
		must(b.AddVLAN(ctx, id, 20, 0))
	}
	must(b.AddVLAN(ctx, 1, 30, 0)) // ports 1 and 2 are in it, 3 comes and goes, 4 and 5 never are
	must(b.AddVLAN(ctx, 2, 30, 0))
	links := []bridge.Link{{ID: 51}, {ID: 52}}
	must(b.AddPort(ctx, bridge.PortConfig{ID: 5, MAC: portMAC(5), Links: links}))
	var member atomic.Int64 // odd while port 3 may be in VLAN 30
	var stop atomic.Bool
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 1))
			var out bridge.Egress
			for !stop.Load() {
				in := switchdev.PortID(1 + rnd.IntN(3))
				v := []uint16{0, 20, 30}[rnd.IntN(3)]
				dst := []switchdev.MAC{broadcast, mac(0x2000*1 + rnd.IntN(9)), mac(0x2000*3 + rnd.IntN(9)), hostMAC}[rnd.IntN(4)]
				f := vlanFrame(dst, mac(0x2000*int(in)+rnd.IntN(9)), ctag, v)
				before := member.Load()
				verdict := b.Forward(in, f, &out)
				after := member.Load()
				for i, id := range out.Ports() {
					if verdict.VLAN == 30 && (id > 3 || id == 3 && before == after && before%2 == 0) {
						t.Errorf("VLAN 30 goes to port %d, which is not in it", id)
					}
					out.Frame(i, f)
				}
				if verdict.Host {
					out.HostFrame(f)
				}
				b.Transmit(f, &out)
			}
		})
	}
	for round := range rounds {
		member.Add(1)
		must(b.AddVLAN(ctx, 3, 30, 0))
		switch round % 6 {
		case 0:
			must(b.SetFiltering(ctx, false))
			must(b.SetFiltering(ctx, true))
		case 1:
			must(b.SetLinks(ctx, 5, links[:1+round%2]))
			must(b.SetLinks(ctx, 5, links))
		case 2:
			must(b.SetSTP(ctx, bridge.STPKernel))
			must(b.SetSTP(ctx, bridge.STPOff))
		case 3:
			must(b.RemovePort(ctx, 4))
			must(b.AddPort(ctx, bridge.PortConfig{ID: 4, MAC: portMAC(4)}))
		case 4:
			must(b.SetPortFlags(ctx, 2, switchdev.PortNeighSuppress, switchdev.PortNeighSuppress))
			must(b.SetLocalInVLAN0(ctx, round%4 == 0))
		case 5:
			must(b.SetProtocol(ctx, stag))
			must(b.SetProtocol(ctx, ctag))
			must(b.SetCarrier(ctx, 1, false))
			must(b.SetCarrier(ctx, 1, true))
		}
		must(b.RemoveVLAN(ctx, 3, 30))
		member.Add(1)
		for range 3 {
			for e := range b.Table().All() {
				if e.VLAN == 30 && e.Port == 3 {
					t.Fatalf("round %d: %v is on a port outside of the VLAN", round, e)
				}
			}
			for i := range 9 {
				if hit, ok := b.Table().Lookup(fdb.Key{MAC: mac(0x2000*3 + i), VLAN: 30}); ok && hit.Port == 3 {
					t.Fatalf("round %d: Lookup finds a station outside of the VLAN", round)
				}
			}
		}
	}
	stop.Store(true)
	wg.Wait()
	must(b.Close())
}
