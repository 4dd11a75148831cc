package bridge_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// fabric is a bridge over software ports 21 to 23 and two chips, with the ports 1 to 3
// and 11 to 13, all in one goroutine, where every copy of a frame is written down.
type fabric struct {
	*world
	chips map[switchdev.PortID]*hwsim.Chip // by port
	got   map[switchdev.PortID][][]byte
	host  [][]byte
}

// fabricPorts are its ports. Those with odd numbers send VLAN 10 without a tag.
var fabricPorts = []switchdev.PortID{1, 2, 3, 11, 12, 13, 21, 22, 23}

func newFabric(t *testing.T, cfg bridge.Config, forwards bool) *fabric {
	t.Helper()
	f := &fabric{chips: make(map[switchdev.PortID]*hwsim.Chip), got: make(map[switchdev.PortID][][]byte)}
	var chips []*hwsim.Chip
	for i, name := range []string{"sw0", "sw1"} {
		first := switchdev.PortID(10*i + 1)
		chip, err := hwsim.New(hwsim.Config{
			Name: name, Manual: true, Ports: []hwsim.PortConfig{{ID: first}, {ID: first + 1}, {ID: first + 2}},
			Host: hwsim.Host{OnTrap: f.trapped}, Log: hwsim.LogConfig{Capacity: 1 << 16},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = chip.Close() })
		chips = append(chips, chip)
		cfg.Hardware.Devices = append(cfg.Hardware.Devices, bridge.Device{Driver: chip, Domain: 7, TransmitForwards: forwards})
		for id := first; id < first+3; id++ {
			f.chips[id] = chip
			chip.Port(id).OnEgress(func(data []byte) { f.got[id] = append(f.got[id], data) })
		}
	}
	f.world = newWorld(t, cfg)
	f.also = func() {
		for _, chip := range chips {
			chip.Poll(f.now)
		}
	}
	for _, id := range fabricPorts {
		c := bridge.PortConfig{ID: id, MAC: portMAC(int(id))}
		if chip := f.chips[id]; chip != nil {
			c.Driver = chip
		}
		f.must(f.b.SubmitAddPort(c))
		if cfg.VLAN.Filtering {
			f.must(f.b.SubmitAddVLAN(id, 10, switchdev.VLANFlags(id&1)*untaggedPVID))
			f.must(f.b.SubmitAddVLAN(id, 20, 0))
		}
	}
	if cfg.VLAN.Filtering {
		f.must(f.b.SubmitAddVLAN(0, 10, 0))
	}
	t.Cleanup(func() {
		for _, chip := range chips {
			for _, v := range chip.Audit() {
				t.Errorf("%s: %v", chip.Name(), v)
			}
		}
	})
	return f
}

func (f *fabric) trapped(h hwsim.HostFrame) {
	forward := f.b.Forward
	if h.Forwarded {
		forward = f.b.ForwardMarked
	}
	var out bridge.Egress
	f.spread(forward(h.Port, h.Frame, &out), &out, h.Frame)
}

// spread carries out what the bridge has decided.
func (f *fabric) spread(v bridge.Verdict, out *bridge.Egress, data []byte) {
	for i, id := range out.Ports() {
		frame := bytes.Clone(out.Frame(i, data))
		switch chip := f.chips[id]; {
		case chip == nil:
			if out.Marked(i) {
				f.t.Errorf("port %d has no device and gets a marked copy", id)
			}
			f.got[id] = append(f.got[id], frame)
		case out.Marked(i):
			chip.TransmitForward(id, switchdev.NoVLAN, frame)
		default:
			chip.Transmit(id, frame)
		}
	}
	if v.Host {
		f.host = append(f.host, bytes.Clone(out.HostFrame(data)))
	}
}

// enters lets a frame come in by a port, 0 being the host.
func (f *fabric) enters(in switchdev.PortID, data []byte) {
	clear(f.got)
	f.host = nil
	var out bridge.Egress
	switch chip := f.chips[in]; {
	case in == 0:
		f.spread(f.b.Transmit(data, &out), &out, data)
	case chip == nil:
		f.spread(f.b.Forward(in, data, &out), &out, data)
	default:
		chip.Port(in).Ingress(data)
	}
	f.poll()
}

// frame makes one of a VLAN as it comes in by a port, or leaves by it; 0 is none.
func (f *fabric) frame(at switchdev.PortID, dst, src switchdev.MAC, v switchdev.VLAN) []byte {
	if v == 0 || v == 10 && at&1 == 1 {
		return frameOf(dst, src)
	}
	return inVLAN(dst, src, v)
}

// gets checks that these get one copy each, as it is to be, and nobody else any.
func (f *fabric) gets(what string, dst, src switchdev.MAC, v switchdev.VLAN, want ...switchdev.PortID) {
	f.t.Helper()
	got := slices.Sorted(maps.Keys(f.got))
	if !slices.Equal(got, want) {
		f.t.Errorf("%s: %v get it, want %v", what, got, want)
	}
	for id, copies := range f.got {
		if len(copies) != 1 {
			f.t.Errorf("%s: %d copies for port %d", what, len(copies), id)
		}
		if frame := f.frame(id, dst, src, v); !bytes.Equal(copies[0], frame) {
			f.t.Errorf("%s: port %d gets\n%x, want\n%x", what, id, copies[0], frame)
		}
	}
}

// behind is the station behind a port.
func behind(at switchdev.PortID) switchdev.MAC { return mac(0x300 + int(at)) }

func sameDevice(a, b switchdev.PortID) bool { return a/10 == b/10 && a/10 < 2 }

// TestEveryReceiverGetsOneCopy of each frame, whoever sends it on: every ingress, every
// kind of destination, with devices that learn and flood or not, that send one marked
// copy on or not, with VLANs or without.
func TestEveryReceiverGetsOneCopy(t *testing.T) {
	for _, c := range []struct {
		policy   bridge.FlagPolicy
		forwards bool
	}{{bridge.SoftwareLearns, false}, {bridge.HardwareLearns, false}, {bridge.HardwareLearns, true}} {
		for _, vlan := range []switchdev.VLAN{0, 10} {
			for _, isolated := range []bool{false, true} {
				t.Run(fmt.Sprint(c, vlan, isolated), func(t *testing.T) { everyReceiver(t, c.policy, c.forwards, vlan, isolated) })
			}
		}
	}
}

func everyReceiver(t *testing.T, policy bridge.FlagPolicy, forwards bool, vlan switchdev.VLAN, isolated bool) {
	cfg := bridge.Config{VLAN: bridge.VLANConfig{Filtering: vlan != 0}, Hardware: bridge.Hardware{PortFlags: policy}}
	f := newFabric(t, cfg, forwards)
	apart := func(a, b switchdev.PortID) bool { return isolated && a%10 > 1 && b%10 > 1 }
	if isolated {
		for _, id := range fabricPorts {
			if id%10 > 1 {
				f.flags(int(id), switchdev.PortIsolated, switchdev.PortIsolated)
			}
		}
	}
	all := func(in switchdev.PortID) (to []switchdev.PortID) {
		for _, id := range fabricPorts {
			if id != in && !apart(in, id) {
				to = append(to, id)
			}
		}
		return to
	}
	for _, in := range append(fabricPorts, 0) {
		src := behind(in)
		for name, dst := range map[string]switchdev.MAC{"unknown": mac(0x999), "group": group, "broadcast": broadcast} {
			f.enters(in, f.frame(in, dst, src, vlan))
			what := fmt.Sprintf("%s from %d", name, in)
			f.gets(what, dst, src, vlan, all(in)...)
			if host := name != "unknown" && in != 0; len(f.host) == 1 != host {
				t.Errorf("%s: %d copies for the host", what, len(f.host))
			}
		}
		if in != 0 {
			f.enters(in, f.frame(in, portMAC(22), src, vlan))
			if f.gets("own", portMAC(22), src, vlan); len(f.host) != 1 {
				t.Errorf("own address from %d: %d copies for the host", in, len(f.host))
			}
		}
	}
	for _, in := range append(fabricPorts, 0) { // now everybody is known
		for _, to := range fabricPorts {
			if in == to {
				continue
			}
			src, dst := behind(in), behind(to)
			want := []switchdev.PortID{to}
			if apart(in, to) {
				want = nil
			}
			if policy == bridge.HardwareLearns && f.chips[in] != nil && !sameDevice(in, to) {
				// Its device does not know whom another has, and floods among its own.
				for _, id := range all(in) {
					if sameDevice(in, id) {
						want = append(want, id)
					}
				}
				slices.Sort(want)
			}
			f.enters(in, f.frame(in, dst, src, vlan))
			f.gets(fmt.Sprintf("from %d to %d", in, to), dst, src, vlan, want...)
			if len(f.host) > 0 {
				t.Errorf("from %d to %d: %d copies for the host", in, to, len(f.host))
			}
		}
	}
}

// TestHostNeedNotBeInTheVLAN for software to forward in it between devices, and for
// devices that do not learn.
func TestHostNeedNotBeInTheVLAN(t *testing.T) {
	for _, policy := range []bridge.FlagPolicy{bridge.SoftwareLearns, bridge.HardwareLearns} {
		cfg := bridge.Config{VLAN: bridge.VLANConfig{Filtering: true}, Hardware: bridge.Hardware{PortFlags: policy}}
		f := newFabric(t, cfg, false)
		for _, in := range fabricPorts {
			f.enters(in, f.frame(in, broadcast, behind(in), 20))
			f.gets(fmt.Sprint("from ", in), broadcast, behind(in), 20, slices.DeleteFunc(slices.Clone(fabricPorts), func(id switchdev.PortID) bool { return id == in })...)
			if len(f.host) > 0 {
				t.Errorf("the host gets %d copies", len(f.host))
			}
		}
	}
}

// TestMarkedCopiesAreOnePerDevice counts what the devices are handed for a flood of a
// software port, and when it has to be a copy each.
func TestMarkedCopiesAreOnePerDevice(t *testing.T) {
	known := neighbours{netip.AddrFrom4([4]byte{10, 0, 0, 9}): mac(0x109)}
	cfg := bridge.Config{Neighbours: known, Hardware: bridge.Hardware{PortFlags: bridge.HardwareLearns}}
	f := newFabric(t, cfg, true)
	marked := func(in switchdev.PortID, data []byte) (marked, plain int) {
		if in == 0 {
			f.b.Transmit(data, &f.out)
		} else {
			f.b.Forward(in, data, &f.out)
		}
		for i, id := range f.out.Ports() {
			switch {
			case f.out.Marked(i):
				marked++
			case f.chips[id] != nil:
				plain++
			}
		}
		return marked, plain
	}
	check := func(what string, in switchdev.PortID, data []byte, wantMarked, wantPlain int) {
		t.Helper()
		if m, p := marked(in, data); m != wantMarked || p != wantPlain {
			t.Errorf("%s: %d marked copies and %d others, want %d and %d", what, m, p, wantMarked, wantPlain)
		}
	}
	check("software port", 21, frameOf(broadcast, stationA), 2, 0)
	check("another device", 1, frameOf(broadcast, stationB), 1, 2)
	check("host", 0, frameOf(broadcast, stationC), 2, 0)
	f.flags(2, 0, switchdev.PortBroadcastFlood) // which does not count for the host
	check("host, a port without the flag", 0, frameOf(broadcast, stationC), 2, 1)
	check("a port without the flag", 21, frameOf(broadcast, stationA), 2, 0)
	f.enters(0, frameOf(broadcast, f.b.MAC()))
	f.gets("host, a port without the flag", broadcast, f.b.MAC(), 0, fabricPorts...)
	f.flags(2, switchdev.PortBroadcastFlood, switchdev.PortBroadcastFlood)
	f.flags(21, switchdev.PortIsolated, switchdev.PortIsolated)
	check("isolated", 21, frameOf(broadcast, stationA), 0, 6)
	f.flags(21, 0, switchdev.PortIsolated)
	f.flags(22, switchdev.PortNeighSuppress, switchdev.PortNeighSuppress)
	f.enters(22, frameOf(broadcast, mac(0x109))) // the neighbour is behind it
	f.enters(21, request(stationA, [4]byte{10, 0, 0, 1}, [4]byte{10, 0, 0, 9}))
	check("answered", 21, request(stationA, [4]byte{10, 0, 0, 1}, [4]byte{10, 0, 0, 9}), 0, 6)
	if f.out.Reply() == nil {
		t.Error("nobody answers")
	}
	check("not known", 21, request(stationA, [4]byte{10, 0, 0, 1}, [4]byte{10, 0, 0, 8}), 2, 0)
}

type neighbours map[netip.Addr]switchdev.MAC

func (n neighbours) Neighbour(_ switchdev.VLAN, ip netip.Addr) (bridge.Neighbour, bool) {
	m, ok := n[ip]
	return bridge.Neighbour{MAC: m}, ok
}

// request is an ARP request.
func request(src switchdev.MAC, from, to [4]byte) []byte {
	f := frameOf(broadcast, src)
	f[12], f[13] = 0x08, 0x06
	b := append(f[:14:14], 0, 1, 8, 0, 6, 4, 0, 1)
	b = append(append(b, src[:]...), from[:]...)
	b = append(append(b, 0, 0, 0, 0, 0, 0), to[:]...)
	return append(b, make([]byte, 60-len(b))...)
}

// TestTwoBridgesOnOneChipNeverMix: the same stations, VLANs and floods in each.
func TestTwoBridgesOnOneChipNeverMix(t *testing.T) {
	for _, policy := range []bridge.FlagPolicy{bridge.SoftwareLearns, bridge.HardwareLearns} {
		var bridges [2]*world
		got := map[switchdev.PortID]int{}
		trap := func(h hwsim.HostFrame) {
			w := bridges[(h.Port-1)/2]
			forward := w.b.Forward
			if h.Forwarded {
				forward = w.b.ForwardMarked
			}
			var out bridge.Egress
			forward(h.Port, h.Frame, &out)
			for i, id := range out.Ports() {
				w.b.Table() // the chip is the same
				got[id]++
				_ = out.Frame(i, h.Frame)
			}
		}
		chip, err := hwsim.New(hwsim.Config{Count: 4, Manual: true, Host: hwsim.Host{OnTrap: trap}})
		if err != nil {
			t.Fatal(err)
		}
		defer chip.Close()
		for i := range bridges {
			cfg := bridge.Config{VLAN: bridge.VLANConfig{Filtering: i == 1}}
			cfg.Hardware = bridge.Hardware{PortFlags: policy, Devices: []bridge.Device{{Driver: chip, Domain: switchdev.Domain(i + 1)}}}
			w := newWorld(t, cfg)
			w.also = func() { chip.Poll(w.now) }
			bridges[i] = w
			for id := 2*i + 1; id <= 2*i+2; id++ {
				w.must(w.b.SubmitAddPort(on(chip, id)))
				chip.Port(switchdev.PortID(id)).OnEgress(func([]byte) { got[switchdev.PortID(id)]++ })
			}
		}
		send := func(in switchdev.PortID, dst, src switchdev.MAC, want switchdev.PortID) {
			t.Helper()
			clear(got)
			chip.Port(in).Ingress(frameOf(dst, src))
			bridges[0].poll()
			bridges[1].poll()
			if len(got) != 1 || got[want] != 1 {
				t.Errorf("policy %d, from %d: %v", policy, in, got)
			}
		}
		for range 2 {
			send(1, stationB, stationA, 2)
			send(2, stationA, stationB, 1)
			send(3, stationA, stationB, 4) // the other way about in the other bridge
			send(4, stationB, stationA, 3)
			bridges[0].after(time.Second)
			bridges[1].after(time.Second)
		}
		for _, v := range chip.Audit() {
			t.Error(v)
		}
	}
}
