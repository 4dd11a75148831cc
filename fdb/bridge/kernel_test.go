package bridge_test

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

const (
	forwarded = bridge.ReasonForwarded
	flooded   = bridge.ReasonFlooded
	toHost    = bridge.ReasonHost
	ageing    = 10 * time.Second
)

// kernelCases returns what was seen of Linux 6.18 without VLANs: setup, operation
// and outcome.
func kernelCases() map[string]func(w *world) {
	return map[string]func(w *world){
		"1 first frame is learned and floods": func(w *world) {
			w.goes(1, stationB, stationA, flooded, 2, 3)
			w.at(stationA, 1)
			w.told("added 00:0a@1")
		},
		"2 the reply goes to one port, also before the table has heard": func(w *world) {
			w.send(1, stationB, stationA) // not applied yet
			w.goes(2, stationA, stationB, forwarded, 1)
		},
		"3 a second frame is silent and refreshes": func(w *world) {
			w.goes(1, stationB, stationA, flooded, 2, 3)
			w.after(ageing * 9 / 10)
			w.told("added 00:0a@1")
			w.goes(1, stationB, stationA, flooded, 2, 3)
			w.after(ageing * 9 / 10)
			w.at(stationA, 1)
			w.told()
		},
		"4 a move": func(w *world) {
			w.goes(1, stationB, stationA, flooded, 2, 3)
			used := w.at(stationA, 1).Used
			w.goes(2, stationB, stationA, flooded, 1, 3)
			if e := w.at(stationA, 2); e.Used != used {
				w.t.Errorf("used changed from %v to %v", used, e.Used)
			}
			w.told("added 00:0a@1", "moved 00:0a@2")
		},
		"5 static moves and stays static": func(w *world) {
			w.entry(stationA, 1, fdb.Static)
			w.goes(2, stationB, stationA, flooded, 1, 3)
			if e := w.at(stationA, 2); e.State() != "static" {
				w.t.Errorf("state %q", e.State())
			}
		},
		"6 sticky static does not move": func(w *world) {
			w.entry(stationA, 1, fdb.Static|fdb.Sticky)
			w.events()
			w.goes(2, stationB, stationA, flooded, 1, 3)
			w.at(stationA, 1)
			w.told()
		},
		"7 sticky dynamic is kept alive from the wrong port": func(w *world) {
			w.entry(stationA, 1, fdb.Sticky)
			w.after(ageing * 9 / 10)
			w.goes(2, stationB, stationA, flooded, 1, 3)
			w.after(ageing * 9 / 10)
			w.at(stationA, 1)
			w.after(ageing)
			w.at(stationA, -1)
		},
		"8 an own address as source is counted and not learned": func(w *world) {
			w.goes(2, stationB, portMAC(1), flooded, 1, 3)
			w.at(portMAC(1), 1)
			w.told()
			if n := w.b.Stats().Ports[1].OwnSource; n != 1 {
				w.t.Errorf("own source counted %d times", n)
			}
		},
		"9 bad sources": func(w *world) {
			for _, src := range []switchdev.MAC{group, broadcast, {}} {
				w.goes(1, stationB, src, bridge.ReasonSource)
			}
			w.told()
		},
		"10 learning off": func(w *world) {
			w.goes(2, stationB, stationA, flooded, 1, 3)
			w.flags(1, 0, switchdev.PortLearns)
			w.goes(1, stationC, stationA, flooded, 2, 3)
			w.at(stationA, 2)
			w.goes(1, stationC, stationB, flooded, 2, 3)
			w.at(stationB, -1)
		},
		"11 states": func(w *world) {
			for _, s := range []switchdev.PortState{switchdev.PortListening, switchdev.PortBlocking, switchdev.PortDisabled} {
				w.state(1, s)
				w.goes(1, stationB, stationA, bridge.ReasonPortState)
				w.at(stationA, -1)
			}
			w.state(1, switchdev.PortLearning)
			w.goes(1, stationB, stationA, bridge.ReasonLearnedOnly)
			w.at(stationA, 1)
			w.state(1, switchdev.PortForwarding)
			w.goes(1, stationB, stationA, flooded, 2, 3)
		},
		"12 link-local": func(w *world) {
			for i, last := range []byte{0x02, 0x03, 0x0e, 0x0f} {
				w.goes(1, linkLocal(last), mac(100+i), toHost, 0)
				w.at(mac(100+i), 1)
			}
			w.goes(1, linkLocal(1), stationA, bridge.ReasonPause)
			w.at(stationA, -1)
			w.goes(1, linkLocal(0), stationA, flooded, 0, 2, 3) // STP is off
			w.goes(1, linkLocal(0x10), stationA, flooded, 0, 2, 3)
			w.state(2, switchdev.PortBlocking) // BPDUs and LACP come through all the same
			w.goes(2, linkLocal(2), stationB, toHost, 0)
			w.at(stationB, -1)
			w.goes(2, linkLocal(0), stationB, bridge.ReasonPortState)
		},
		"38 delete on the wrong port, and twice": func(w *world) {
			w.entry(stationA, 1, fdb.Static)
			w.fails(w.b.Table().SubmitDelete(fdb.Key{MAC: stationA}, 2), syscall.ENOENT)
			w.must(w.b.Table().SubmitDelete(fdb.Key{MAC: stationA}, 1))
			w.fails(w.b.Table().SubmitDelete(fdb.Key{MAC: stationA}, 1), syscall.ENOENT)
		},
		"39 an own address that was deleted comes back when it is set": func(w *world) {
			w.must(w.b.Table().SubmitDelete(fdb.Key{MAC: portMAC(1)}, 1))
			w.must(w.b.SubmitSetPortFlags(1, switchdev.PortHairpin, switchdev.PortHairpin))
			w.must(w.b.SubmitRemovePort(3))
			w.at(portMAC(1), -1)
			w.must(w.b.SubmitSetPortMAC(1, portMAC(1)))
			w.at(portMAC(1), 1)
			w.must(w.b.SubmitSetPortMAC(1, portMAC(1))) // and stays
			w.at(portMAC(1), 1)
		},
		"40 no such port": func(w *world) { // Linux: EOPNOTSUPP for a device that is no port, ENODEV for none
			w.fails(w.b.SubmitRemovePort(9), syscall.ENODEV)
			w.fails(w.b.SubmitSetPortUp(9, false), syscall.ENODEV)
			w.fails(w.b.SubmitSetPortState(9, switchdev.PortForwarding), syscall.ENODEV)
			w.fails(w.b.SubmitSetPortFlags(9, 0, switchdev.PortFlood), syscall.ENODEV)
			w.fails(w.b.SubmitSetPortMAC(9, mac(1)), syscall.ENODEV)
			if v := w.b.Forward(9, frameOf(stationB, stationA), &w.out); v.Reason != bridge.ReasonNoPort {
				w.t.Errorf("reason %v", v.Reason)
			}
		},
		"53 locked": func(w *world) {
			w.flags(1, switchdev.PortLocked, switchdev.PortLocked)
			w.goes(1, stationB, stationA, bridge.ReasonLocked)
			w.at(stationA, -1)
			w.entry(stationA, 1, fdb.Static)
			w.goes(1, stationB, stationA, flooded, 2, 3)
			w.entry(stationA, 2, fdb.Static)
			w.goes(1, stationB, stationA, bridge.ReasonLocked)
			w.at(stationA, 2)
			w.goes(1, stationB, portMAC(1), bridge.ReasonLocked)
		},
		"61 link-local on a locked port": func(w *world) {
			w.flags(1, switchdev.PortLocked, switchdev.PortLocked)
			w.goes(1, linkLocal(2), stationA, toHost, 0)
			w.at(stationA, 1)
			w.goes(1, stationB, stationA, flooded, 2, 3)
		},
		"70 port down": func(w *world) {
			w.goes(1, stationB, stationA, flooded, 2, 3)
			w.entry(mac(21), 1, 0)
			w.entry(mac(22), 1, fdb.Static)
			w.entry(mac(23), 1, fdb.Extern)
			w.goes(2, stationC, stationB, flooded, 1, 3)
			w.must(w.b.SubmitSetPortUp(1, false))
			w.at(stationA, -1)
			w.at(mac(21), -1)
			w.at(mac(22), 1)
			w.at(mac(23), 1)
			w.at(portMAC(1), 1)
			w.at(stationB, 2)
			w.goes(1, stationB, stationA, bridge.ReasonPortDown)
			w.goes(2, mac(22), stationB, bridge.ReasonEgressDown)
			w.goes(2, stationC, stationB, flooded, 3)
			w.fails(w.b.SubmitSetPortState(1, switchdev.PortForwarding), syscall.ENETDOWN)
			w.must(w.b.SubmitSetPortUp(1, true))
			w.goes(2, mac(22), stationB, forwarded, 1)
			w.goes(1, stationB, stationA, forwarded, 2)
		},
		"73 a state flushes nothing": func(w *world) {
			w.goes(1, stationB, stationA, flooded, 2, 3)
			w.state(1, switchdev.PortDisabled)
			w.at(stationA, 1)
			// Linux: EINVAL above 4.
			w.fails(w.b.SubmitSetPortState(1, 5), syscall.EINVAL)
		},
		"81 own addresses": func(w *world) {
			w.at(portMAC(1), 1)
			if w.b.MAC() != portMAC(1) {
				w.t.Errorf("bridge has %v", w.b.MAC())
			}
			low := switchdev.MustParseMAC("00:00:00:00:00:01")
			w.must(w.b.SubmitAddPort(bridge.PortConfig{ID: 4, MAC: low}))
			if w.b.MAC() != low {
				w.t.Errorf("bridge has %v", w.b.MAC())
			}
			w.told("added 00:01@4")
			w.must(w.b.SubmitRemovePort(4))
			w.told("flushed 00:01@4")
			if w.b.MAC() != portMAC(1) {
				w.t.Errorf("bridge has %v", w.b.MAC())
			}
		},
		"82 two ports with one address": func(w *world) {
			w.must(w.b.SubmitAddPort(bridge.PortConfig{ID: 4, MAC: portMAC(2)}))
			w.told()
			w.must(w.b.SubmitRemovePort(2))
			w.at(portMAC(2), 4)
			w.told("moved 01:02@4") // Linux is silent
			w.must(w.b.SubmitSetPortMAC(4, mac(77)))
			w.at(portMAC(2), -1)
			w.told("deleted 01:02@4", "added 00:4d@4")
		},
		"83 a port's new address is somebody's": func(w *world) {
			w.goes(2, stationB, stationA, flooded, 1, 3)
			w.entry(mac(22), 2, fdb.Static)
			w.entry(mac(23), 2, fdb.Permanent)
			w.events()
			w.must(w.b.SubmitSetPortMAC(1, stationA))
			w.told("deleted 01:01@1", "deleted 00:0a@2", "added 00:0a@1")
			w.must(w.b.SubmitSetPortMAC(1, mac(22)))
			w.told("deleted 00:0a@1", "deleted 00:16@2", "added 00:16@1")
			w.must(w.b.SubmitSetPortMAC(1, mac(23)))
			w.told("deleted 00:16@1")
			w.at(mac(23), 2)
			w.must(w.b.SubmitSetPortMAC(1, mac(24))) // the user's stays his
			w.at(mac(23), 2)
			w.fails(w.b.SubmitSetPortMAC(1, group), syscall.EADDRNOTAVAIL)
		},
		"84 explicit address of the bridge": func(w *world) {
			w.must(w.b.SubmitSetMAC(mac(0xfe)))
			w.at(mac(0xfe), 0)
			w.told("added 00:fe@0")
			w.must(w.b.SubmitSetMAC(mac(0xfd)))
			w.told("deleted 00:fe@0", "added 00:fd@0")
			w.must(w.b.SubmitSetMAC(portMAC(1))) // a port has it
			w.told("deleted 00:fd@0")
			w.at(portMAC(1), 1)
			w.must(w.b.SubmitRemovePort(1)) // now nobody else
			w.at(portMAC(1), 0)
			w.fails(w.b.SubmitSetMAC(switchdev.MAC{}), syscall.EADDRNOTAVAIL)
			w.fails(w.b.SubmitSetMAC(group), syscall.EADDRNOTAVAIL)
		},
		"86 a port leaves nothing": func(w *world) {
			w.goes(1, stationB, stationA, flooded, 2, 3)
			for i, f := range []fdb.Flags{0, fdb.Static, fdb.Extern, fdb.Permanent, fdb.Sticky} {
				w.entry(mac(30+i), 1, f)
			}
			w.events()
			w.must(w.b.SubmitRemovePort(1))
			if got := w.events(); len(got) != 7 { // A, five and its own
				w.t.Errorf("events %q", got)
			}
			for e := range w.b.Table().All() {
				if e.Port == 1 {
					w.t.Errorf("left over: %v", e)
				}
			}
			w.goes(1, stationB, stationA, bridge.ReasonNoPort)
			w.goes(2, stationA, stationB, flooded, 3)
		},
		"87 own addresses go to the host": func(w *world) {
			w.goes(1, portMAC(2), stationA, toHost, 0)
			w.goes(1, portMAC(1), stationA, toHost, 0)
		},
		"88 destination on the port it came from": func(w *world) {
			w.goes(1, stationC, stationB, flooded, 2, 3)
			w.goes(1, stationB, stationA, bridge.ReasonSamePort)
			w.flags(1, switchdev.PortHairpin, switchdev.PortHairpin)
			w.goes(1, stationB, stationA, forwarded, 1)
			w.goes(1, stationC, stationA, flooded, 1, 2, 3)
		},
		"89 isolated": func(w *world) {
			w.flags(1, switchdev.PortIsolated, switchdev.PortIsolated)
			w.flags(2, switchdev.PortIsolated, switchdev.PortIsolated)
			w.goes(1, stationB, stationA, flooded, 3)
			w.goes(2, stationA, stationB, bridge.ReasonIsolated)
			w.goes(3, stationA, stationC, forwarded, 1)
			w.goes(1, stationC, stationA, forwarded, 3)
			w.goes(1, portMAC(2), stationA, toHost, 0)
			w.goes(1, broadcast, stationA, flooded, 0, 3)
		},
		"90 flood flags by class, and the host": func(w *world) {
			w.flags(2, 0, switchdev.PortFlood)
			w.goes(1, stationB, stationA, flooded, 3)
			w.transmits(stationB, flooded, 1, 3)
			w.flags(2, 0, switchdev.PortMulticastFlood|switchdev.PortBroadcastFlood)
			w.goes(1, group, stationA, flooded, 0, 3)
			w.goes(1, broadcast, stationA, flooded, 0, 3)
			w.transmits(group, flooded, 1, 2, 3)
			w.transmits(broadcast, flooded, 1, 2, 3)
			w.goes(2, stationA, stationB, forwarded, 1)
			w.goes(1, stationB, stationA, forwarded, 2) // known: flood does not matter
			w.transmits(stationB, forwarded, 2)
			w.transmits(portMAC(2), forwarded, 2) // host's own, as if it were behind the port
			w.must(w.b.SubmitSetMAC(mac(0xfe)))
			w.transmits(mac(0xfe), bridge.ReasonNoEgress)
			w.at(mac(0xfe), 0)
		},
		"91 promiscuous": func(w *world) {
			w.goes(1, stationB, stationA, flooded, 2, 3)
			w.b.SetPromiscuous(true)
			w.goes(2, stationA, stationB, forwarded, 0, 1)
			w.goes(2, stationC, stationB, flooded, 0, 1, 3)
			w.b.SetPromiscuous(false)
			w.goes(2, stationA, stationB, forwarded, 1)
		},
		"92 blocked destination": func(w *world) {
			w.goes(1, stationB, stationA, flooded, 2, 3)
			w.state(1, switchdev.PortBlocking)
			w.goes(2, stationA, stationB, bridge.ReasonEgressDown)
			w.goes(2, stationC, stationB, flooded, 3)
		},
	}
}

// transmits checks where a frame of the host goes, and that it teaches nothing.
func (w *world) transmits(dst switchdev.MAC, why bridge.Reason, want ...int) {
	w.t.Helper()
	before := w.show()
	v := w.b.Transmit(frameOf(dst, mac(0xbad)), &w.out)
	if got := targets(v, &w.out); !equal(got, want) || v.Reason != why {
		w.t.Errorf("host to %v: goes to %v, %v; want %v, %v", dst, got, v.Reason, want, why)
	}
	if after := w.show(); after != before {
		w.t.Errorf("the host's frame changed the table to\n%s", after)
	}
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Case 13: with an ageing time of 0 nothing is learned.
func TestKernelCase13AgeingZeroLearnsNothing(t *testing.T) {
	w := newWorld(t, bridge.Config{Table: fdb.Config{Ageing: fdb.NoLearning}}, 1, 2, 3)
	w.goes(1, stationB, stationA, flooded, 2, 3)
	w.goes(2, stationA, stationB, flooded, 1, 3)
	w.at(stationA, -1)
}

// Case 12, the rest: group_fwd_mask, of bridge and port, and no_linklocal_learn.
func TestKernelCase12LinkLocalOptions(t *testing.T) {
	w := newWorld(t, bridge.Config{LinkLocal: bridge.LinkLocal{Forward: 1 << 3, NoLearning: true}}, 1, 2, 3)
	w.goes(1, linkLocal(3), stationA, flooded, 0, 2, 3)
	w.goes(1, linkLocal(2), stationB, toHost, 0)
	w.at(stationA, 1)
	w.at(stationB, -1)
	w.must(w.b.SubmitAddPort(bridge.PortConfig{ID: 4, MAC: portMAC(4), GroupForward: 1 << 2}))
	w.goes(4, linkLocal(2), stationB, flooded, 0, 1, 2, 3)
	w.goes(4, linkLocal(3), stationB, flooded, 0, 1, 2, 3)
}

func TestShortFramesAreDropped(t *testing.T) {
	w := newWorld(t, bridge.Config{}, 1, 2)
	for n := range 14 {
		if v := w.b.Forward(1, frameOf(broadcast, stationA)[:n], &w.out); v.Reason != bridge.ReasonShort || v.Host || w.out.Len() > 0 {
			t.Errorf("%d bytes: %+v", n, v)
		}
		if v := w.b.Transmit(frameOf(broadcast, stationA)[:n], &w.out); v.Reason != bridge.ReasonShort || v.Host || w.out.Len() > 0 {
			t.Errorf("%d bytes of the host: %+v", n, v)
		}
	}
	w.at(stationA, -1)
	if v := w.b.Forward(1, frameOf(broadcast, stationA)[:14], &w.out); v.Reason != flooded {
		t.Errorf("a header alone: %+v", v)
	}
}

func TestBadInputIsRefused(t *testing.T) {
	for name, cfg := range map[string]bridge.Config{
		"group address": {MAC: group}, // EADDRNOTAVAIL in Linux
		"bits 0 to 2":   {LinkLocal: bridge.LinkLocal{Forward: 2}},
		"policy":        {Hardware: bridge.Hardware{PortFlags: 9}},
		"no driver":     {Hardware: bridge.Hardware{Devices: make([]bridge.Device, 1)}},
		"devices":       {Table: fdb.Config{Hardware: fdb.Hardware{Devices: make([]fdb.Device, 1)}}},
		"manual":        {Table: fdb.Config{Manual: true}},
		"ageing":        {Table: fdb.Config{Ageing: 1}},
	} {
		if b, err := bridge.New(cfg); !errors.Is(err, syscall.EINVAL) || b != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := newWorld(t, bridge.Config{}, 1)
	for _, c := range []struct {
		name string
		port bridge.PortConfig
		want error
	}{
		{"port 0", bridge.PortConfig{MAC: mac(1)}, syscall.EINVAL},
		{"no address", bridge.PortConfig{ID: 2}, syscall.EINVAL},
		{"group address", bridge.PortConfig{ID: 2, MAC: group}, syscall.EINVAL},
		{"state", bridge.PortConfig{ID: 2, MAC: mac(1), State: 5}, syscall.EINVAL},
		{"pause", bridge.PortConfig{ID: 2, MAC: mac(1), GroupForward: 2}, syscall.EINVAL},
		{"flags and none", bridge.PortConfig{ID: 2, MAC: mac(1), Flags: bridge.NoFlags | 1}, syscall.EINVAL},
		{"flags of later", bridge.PortConfig{ID: 2, MAC: mac(1), Flags: 1 << 20}, errors.ErrUnsupported},
		{"number", bridge.PortConfig{ID: 1, Name: "x", MAC: mac(1)}, syscall.EBUSY},
		{"name", bridge.PortConfig{ID: 2, Name: "p1", MAC: mac(1)}, syscall.EEXIST},
		{"driver", bridge.PortConfig{ID: 2, MAC: mac(1), Driver: newFake("x")}, syscall.ENODEV},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			w.fails(w.b.SubmitAddPort(c.port), c.want)
		})
	}
	w.t = t
	w.fails(w.b.SubmitSetPortFlags(1, switchdev.PortFlood, 0), syscall.EINVAL)
	w.fails(w.b.SubmitSetPortFlags(1, switchdev.PortMAB, switchdev.PortMAB), syscall.EINVAL)
	if len(w.b.Ports()) != 1 {
		t.Errorf("ports %v", w.b.Ports())
	}
}
