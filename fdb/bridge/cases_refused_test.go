package bridge_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// all prints everything that there is to see of a bridge but counters.
func (w *world) all() string {
	w.t.Helper()
	var s strings.Builder
	s.WriteString(w.show())
	fmt.Fprintln(&s, w.b.MAC(), w.b.Filtering(), w.b.Up(), w.b.STP(), w.b.Table().Ageing(), w.vlans(0))
	for _, p := range w.b.Ports() {
		links, _ := w.b.Links(p.ID)
		fmt.Fprintf(&s, "%+v %v %s\n", p, links, w.vlans(int(p.ID)))
	}
	return s.String()
}

// TestEveryVerbRefusesBadInput: each field of each verb. The error matches the errno
// that the kernel gives, and nothing has changed.
func TestEveryVerbRefusesBadInput(t *testing.T) {
	cfg := filtering()
	cfg.STP.Mode = bridge.STPUser
	w := newWorld(t, cfg, 1, 2)
	b := w.b
	w.must(b.SubmitAddPort(bridge.PortConfig{ID: 5, Name: "lag", MAC: portMAC(5), Links: []bridge.Link{{ID: 51}, {ID: 52}}}))
	w.join(1, 10)
	port := func(edit func(c *bridge.PortConfig)) ticket {
		c := bridge.PortConfig{ID: 7, MAC: mac(7)}
		edit(&c)
		return b.SubmitAddPort(c)
	}
	links := func(ids ...switchdev.PortID) (all []bridge.Link) {
		for _, id := range ids {
			all = append(all, bridge.Link{ID: id})
		}
		return all
	}
	many := make([]bridge.Link, 257)
	for i := range many {
		many[i].ID = switchdev.PortID(1000 + i)
	}
	none, one, two := switchdev.VLANSet{}, setOf(10), setOf(10, 20)
	entry := func(verb fdb.Verb, m switchdev.MAC, v switchdev.VLAN, id switchdev.PortID, f fdb.Flags) ticket {
		return w.edit(verb, m, v, int(id), f)
	}
	const einval, enodev, ebusy = syscall.EINVAL, syscall.ENODEV, syscall.EBUSY
	before := w.all()
	for i, c := range []struct {
		k    ticket
		want error
	}{
		{port(func(c *bridge.PortConfig) { c.ID = 0 }), einval},
		{port(func(c *bridge.PortConfig) { c.ID = 1 }), ebusy},
		{port(func(c *bridge.PortConfig) { c.ID = 51 }), ebusy}, // a link's number
		{port(func(c *bridge.PortConfig) { c.Name = "lag" }), syscall.EEXIST},
		{port(func(c *bridge.PortConfig) { c.MAC = switchdev.MAC{} }), einval},
		{port(func(c *bridge.PortConfig) { c.MAC = group }), einval},
		{port(func(c *bridge.PortConfig) { c.State = 5 }), einval},
		{port(func(c *bridge.PortConfig) { c.Flags = 1 << 30 }), errors.ErrUnsupported},
		{port(func(c *bridge.PortConfig) { c.Flags = bridge.NoFlags | switchdev.PortFlood }), einval},
		{port(func(c *bridge.PortConfig) { c.Flags = switchdev.PortMAB }), einval},
		{port(func(c *bridge.PortConfig) { c.GroupForward = 2 }), einval},
		{port(func(c *bridge.PortConfig) { c.Backup = 7 }), einval},
		{port(func(c *bridge.PortConfig) { c.Backup = 8 }), syscall.ENOENT},
		{port(func(c *bridge.PortConfig) { c.Backup = 51 }), syscall.ENOENT}, // a link is no port
		{port(func(c *bridge.PortConfig) { c.Driver = newFake("x") }), enodev},
		{port(func(c *bridge.PortConfig) { c.Links = links(0) }), einval},
		{port(func(c *bridge.PortConfig) { c.Links = links(7) }), einval},
		{port(func(c *bridge.PortConfig) { c.Links = links(8, 8) }), einval},
		{port(func(c *bridge.PortConfig) { c.Links = many }), einval},
		{port(func(c *bridge.PortConfig) { c.Links = links(8, 1) }), ebusy},
		{port(func(c *bridge.PortConfig) { c.Links = links(8, 52) }), ebusy},
		{port(func(c *bridge.PortConfig) { c.Tree.Priority = 64 }), syscall.ERANGE},
		{port(func(c *bridge.PortConfig) { c.Tree.PathCost = -1 }), syscall.ERANGE},
		{port(func(c *bridge.PortConfig) { c.Tree.PathCost = 65536 }), syscall.ERANGE},

		{b.SubmitRemovePort(0), enodev}, {b.SubmitRemovePort(9), enodev}, {b.SubmitRemovePort(51), enodev},
		{b.SubmitSetPortUp(9, true), enodev}, {b.SubmitSetPortUp(51, false), enodev}, {b.SubmitSetPortUp(0, false), enodev},
		{b.SubmitSetCarrier(9, true), enodev}, {b.SubmitSetCarrier(0, false), enodev},
		{b.SubmitSetPortState(9, switchdev.PortForwarding), enodev}, {b.SubmitSetPortState(1, 5), einval},
		{b.SubmitSetPortFlags(9, 0, switchdev.PortFlood), enodev},
		{b.SubmitSetPortFlags(1, switchdev.PortFlood, 0), einval},
		{b.SubmitSetPortFlags(1, 0, 1<<30), errors.ErrUnsupported},
		{b.SubmitSetPortFlags(1, 0, bridge.NoFlags), errors.ErrUnsupported},
		{b.SubmitSetPortFlags(1, switchdev.PortMAB, switchdev.PortMAB), einval},
		{b.SubmitSetPortMAC(9, mac(1)), enodev}, {b.SubmitSetPortMAC(1, group), syscall.EADDRNOTAVAIL},
		{b.SubmitSetPortMAC(1, switchdev.MAC{}), syscall.EADDRNOTAVAIL},
		{b.SubmitSetMAC(switchdev.MAC{}), syscall.EADDRNOTAVAIL}, {b.SubmitSetMAC(broadcast), syscall.EADDRNOTAVAIL},
		{b.SubmitSetBackupPort(9, 1), enodev}, {b.SubmitSetBackupPort(1, 1), einval}, {b.SubmitSetBackupPort(1, 9), syscall.ENOENT},
		{b.SubmitSetBackupPort(1, 51), syscall.ENOENT},
		{b.SubmitSetLinks(9, links(8)), enodev}, {b.SubmitSetLinks(1, links(8)), einval}, {b.SubmitSetLinks(5, nil), einval},
		{b.SubmitSetLinks(5, links(0)), einval}, {b.SubmitSetLinks(5, links(5)), einval}, {b.SubmitSetLinks(5, links(8, 8)), einval},
		{b.SubmitSetLinks(5, many), einval}, {b.SubmitSetLinks(5, links(8, 1)), ebusy},
		{b.SubmitSetPortTree(9, bridge.PortTree{}), enodev},
		{b.SubmitSetPortTree(1, bridge.PortTree{Priority: 64}), syscall.ERANGE},
		{b.SubmitSetPortTree(1, bridge.PortTree{PathCost: 65536}), syscall.ERANGE},

		{b.SubmitAddVLANs(1, none, 0), einval}, {b.SubmitAddVLANs(9, one, 0), enodev}, {b.SubmitAddVLANs(51, one, 0), enodev},
		{b.SubmitAddVLANs(1, one, 1<<7), einval}, {b.SubmitAddVLANs(1, two, switchdev.VLANPVID), einval},
		{b.SubmitAddVLAN(1, 0, 0), einval}, {b.SubmitAddVLAN(1, 4095, 0), einval}, {b.SubmitAddVLAN(0, 4096, 0), einval},
		{b.SubmitRemoveVLANs(1, none), einval}, {b.SubmitRemoveVLANs(9, one), enodev},
		{b.SubmitRemoveVLANs(1, two), syscall.ENOENT}, // one of them is missing: the other stays
		{b.SubmitRemoveVLAN(1, 4095), einval}, {b.SubmitRemoveVLAN(0, 10), syscall.ENOENT},
		{b.SubmitSetProtocol(0), syscall.EPROTONOSUPPORT}, {b.SubmitSetProtocol(switchdev.EtherTypeIPv4), syscall.EPROTONOSUPPORT},
		{b.SubmitSetProtocol(switchdev.EtherTypeIPv4), einval},
		{b.SubmitSetDefaultPVID(0), einval}, {b.SubmitSetDefaultPVID(4095), einval},

		{b.SubmitSetAgeing(time.Millisecond), einval}, {b.SubmitSetAgeing(11 * 365 * 24 * time.Hour), einval},
		{b.SubmitTopologyChange(time.Millisecond), einval}, {b.SubmitTopologyChange(-1), einval},
		{b.SubmitSetSTP(9), einval}, {b.SubmitSetSTP(bridge.STPKernel), einval}, // nobody to send

		{entry(fdb.VerbRemove+1, stationA, 0, 1, fdb.Static), einval},
		{entry(fdb.VerbAdd, switchdev.MAC{}, 0, 1, fdb.Static), einval},
		{entry(fdb.VerbAdd, stationA, 4095, 1, fdb.Static), einval},
		{entry(fdb.VerbAdd, stationA, 11, 1, fdb.Static), einval},
		{entry(fdb.VerbAdd, stationA, 0, 51, fdb.Static), syscall.EOPNOTSUPP},
		{entry(fdb.VerbAdd, stationA, 0, 1, fdb.Permanent|fdb.Sticky), einval},
		{entry(fdb.VerbAdd, stationA, 0, 1, fdb.Locked|fdb.Static), einval},
		{entry(fdb.VerbAdd, stationA, 0, 1, 0), syscall.EPERM}, // the port is blocking
		{entry(fdb.VerbUpdate, stationA, 10, 1, fdb.Static), syscall.ENOENT},
		{entry(fdb.VerbDelete, stationA, 10, 1, 0), syscall.ENOENT},
		{done(b.SetLinkLocal(bridge.LinkLocal{Forward: 4})), einval},
		{done(b.SetSTPPriority(65536)), einval},
		{done(b.SetSTPTimes(time.Second, 0, 0)), syscall.ERANGE}, {done(b.SetSTPTimes(31*time.Second, 0, 0)), syscall.ERANGE},
		{done(b.SetSTPTimes(0, time.Millisecond, 0)), syscall.ERANGE}, {done(b.SetSTPTimes(0, 11*time.Second, 0)), syscall.ERANGE},
		{done(b.SetSTPTimes(0, 0, 5*time.Second)), syscall.ERANGE}, {done(b.SetSTPTimes(0, 0, 41*time.Second)), syscall.ERANGE},
	} {
		err := w.do(c.k)
		if !errors.Is(err, c.want) {
			t.Errorf("%d: error %v, want %v", i, err, c.want)
		}
		var o *switchdev.OpError
		if err != nil && !errors.As(err, &o) {
			t.Errorf("%d: %v is no OpError", i, err)
		}
		if after := w.all(); after != before {
			t.Fatalf("%d (%v) changed\n%sto\n%s", i, err, before, after)
		}
	}
	w.must(b.SubmitSetSTP(bridge.STPOff))
	w.must(b.SubmitAddPort(bridge.PortConfig{ID: 7, MAC: mac(7), Links: links(8)})) // no number stayed taken
}

// done is a ticket of something that is over.
func done(err error) ticket { return over{err} }

type over struct{ err error }

func (o over) Err() error { return o.err }

func (over) Done() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// TestNewRefusesBadVLANsAndTrees: EINVAL or, for times, ERANGE.
func TestNewRefusesBadVLANsAndTrees(t *testing.T) {
	send := func(switchdev.PortID, []byte) {}
	for name, c := range map[string]struct {
		cfg  bridge.Config
		want error
	}{
		"protocol":     {bridge.Config{VLAN: bridge.VLANConfig{Protocol: switchdev.EtherTypeIPv4}}, syscall.EINVAL},
		"default PVID": {bridge.Config{VLAN: bridge.VLANConfig{DefaultPVID: 4095}}, syscall.EINVAL},
		"PVID beyond":  {bridge.Config{VLAN: bridge.VLANConfig{DefaultPVID: 0xfffe}}, syscall.EINVAL},
		"STP mode":     {bridge.Config{STP: bridge.STPConfig{Mode: 3}}, syscall.EINVAL},
		"no send":      {bridge.Config{STP: bridge.STPConfig{Mode: bridge.STPKernel}}, syscall.EINVAL},
		"priority":     {bridge.Config{STP: bridge.STPConfig{Priority: 65536}}, syscall.EINVAL},
		"delay":        {bridge.Config{STP: bridge.STPConfig{Mode: bridge.STPKernel, Send: send, ForwardDelay: time.Second}}, syscall.ERANGE},
		"hello":        {bridge.Config{STP: bridge.STPConfig{Mode: bridge.STPKernel, Send: send, HelloTime: time.Minute}}, syscall.ERANGE},
		"max age":      {bridge.Config{STP: bridge.STPConfig{Mode: bridge.STPKernel, Send: send, MaxAge: time.Second}}, syscall.ERANGE},
		"offload":      {bridge.Config{Hardware: bridge.Hardware{Devices: []bridge.Device{{Driver: newFake("x"), TransmitForwards: true}}}}, syscall.EINVAL},
	} {
		if b, err := bridge.New(c.cfg); !errors.Is(err, c.want) || b != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestBackupThatLeavesMeanwhileIsNone: while the device is told of a change of port
// 1, its backup leaves.
func TestBackupThatLeavesMeanwhileIsNone(t *testing.T) {
	dev := newFake("sw0")
	b, err := bridge.New(withDevices(dev))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ctx := t.Context()
	for _, c := range []bridge.PortConfig{on(dev, 1), {ID: 2, MAC: portMAC(2)}} {
		if err := b.AddPort(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.SetBackupPort(ctx, 1, 2); err != nil {
		t.Fatal(err)
	}
	dev.refusing(func(what string, p switchdev.PortID) error {
		if what == "set" {
			b.SubmitRemovePort(2)
			for there := true; there; _, there = b.Port(2) {
				runtime.Gosched()
			}
		}
		return nil
	})
	if err := b.SetPortFlags(ctx, 1, switchdev.PortIsolated, switchdev.PortIsolated); err != nil {
		t.Fatal(err)
	}
	dev.refusing(nil)
	if p, _ := b.Port(1); p.Backup != 0 || p.Flags&switchdev.PortIsolated == 0 {
		t.Errorf("%+v", p)
	}
}

// TestMarkedCopiesHaveTheirTag: the device that sends a copy on is to know its VLAN,
// whatever the port that is named in its place gets.
func TestMarkedCopiesHaveTheirTag(t *testing.T) {
	dev := newFake("sw0")
	cfg := filtering()
	cfg.Hardware = bridge.Hardware{PortFlags: bridge.HardwareLearns, Devices: []bridge.Device{{Driver: dev, TransmitForwards: true}}}
	w := newWorld(t, cfg)
	for _, id := range []int{1, 2} {
		w.must(w.b.SubmitAddPort(on(dev, id)))
	}
	w.must(w.b.SubmitAddPort(bridge.PortConfig{ID: 3, MAC: portMAC(3)}))
	w.passes(3, frameOf(broadcast, stationC), "flooded 0 1/1")
	if !w.out.Marked(0) {
		t.Error("the copy is not marked")
	}
	w.passes(3, vlanFrame(broadcast, stationC, ctag, 1), "flooded 0 1/1")
	w.passes(1, frameOf(broadcast, stationA), "flooded 0 2 3")
}
