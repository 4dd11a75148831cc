package yard

import (
	"errors"
	"fmt"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/switchdev"
)

func (y *Yard) vlanOps() []sim.Op {
	return []sim.Op{
		{Name: "addvlans", Weight: 14, Draw: y.drawPort, Do: func(a []int64) {
			y.addVLANs(y.member(a), vlanList(sim.Arg(a, 1)), switchdev.VLANFlags(index(sim.Arg(a, 2), 4)))
		}},
		{Name: "removevlans", Weight: 4, Draw: y.drawPort, Do: func(a []int64) { y.removeVLANs(y.member(a), vlanList(sim.Arg(a, 1))) }},
		{Name: "filtering", Weight: 1, Draw: draw(1), Do: func(a []int64) { y.setFiltering(index(sim.Arg(a, 0), 4) > 0) }},
		{Name: "protocol", Weight: 1, Draw: draw(1), Do: func(a []int64) { y.setProtocol(index(sim.Arg(a, 0), 3)) }},
		{Name: "pvid", Weight: 1, Draw: draw(1), Do: func(a []int64) { y.setPVID(index(sim.Arg(a, 0), vlanCount+1)) }},
		{Name: "local0", Weight: 1, Draw: draw(1), Do: func(a []int64) { y.setLocal0(index(sim.Arg(a, 0), 2) == 0) }},
	}
}

// member is the port of an argument, or the bridge itself.
func (y *Yard) member(a []int64) switchdev.PortID {
	if index(sim.Arg(a, 1)>>8, 6) == 0 {
		return switchdev.PortHost
	}
	return switchdev.PortID(sim.Arg(a, 0) & 0xff)
}

// vlanList makes a list of bits: mostly one VLAN, sometimes several, rarely none.
func vlanList(n int64) (list []switchdev.VLAN) {
	if index(n, 3) > 0 {
		return []switchdev.VLAN{switchdev.VLAN(1 + index(n/3, vlanCount))}
	}
	for v := range vlanCount {
		if n>>(3+v)&1 == 1 {
			list = append(list, switchdev.VLAN(v+1))
		}
	}
	return list
}

func setOf(list []switchdev.VLAN) (set switchdev.VLANSet) {
	for _, v := range list {
		_ = set.Add(v)
	}
	return set
}

func (y *Yard) addVLANs(id switchdev.PortID, list []switchdev.VLAN, flags switchdev.VLANFlags) {
	t := &task{what: fmt.Sprintf("port %v: into VLANs %v, %v", id, list, flags), ticket: y.b.SubmitAddVLANs(id, setOf(list), flags), excused: y.broken(id)}
	switch {
	case len(list) == 0, len(list) > 1 && flags&switchdev.VLANPVID != 0:
		t.refuse = switchdev.ErrInvalid
	case y.model.of(id) == nil:
		t.refuse = switchdev.ErrNoDevice
	}
	t.apply = func() { y.model.of(id).add(list, flags) }
	y.forgetAll()
	y.submit(t)
}

func (y *Yard) removeVLANs(id switchdev.PortID, list []switchdev.VLAN) {
	t := &task{what: fmt.Sprintf("port %v: out of VLANs %v", id, list), ticket: y.b.SubmitRemoveVLANs(id, setOf(list)), excused: y.broken(id)}
	m := y.model.of(id)
	switch {
	case len(list) == 0:
		t.refuse = switchdev.ErrInvalid
	case m == nil:
		t.refuse = switchdev.ErrNoDevice
	default:
		for _, v := range list {
			if _, in := m[v]; !in {
				t.refuse = switchdev.ErrNotExist
			}
		}
	}
	t.apply = func() {
		for _, v := range list {
			delete(y.model.of(id), v)
		}
		y.forgetPort(id)
	}
	y.forgetPort(id)
	y.submit(t)
}

// whole submits a verb on the bridge.
func (y *Yard) whole(what string, k waiter, apply func()) *task {
	t := &task{what: what, ticket: k, apply: apply, excused: len(y.pulled) > 0}
	y.submit(t)
	return t
}

func (y *Yard) setFiltering(on bool) {
	y.whole(fmt.Sprint("filtering ", on), y.b.SubmitSetFiltering(on), func() { y.model.filtering = on })
}

func (y *Yard) setProtocol(n int) {
	e := [...]switchdev.EtherType{switchdev.EtherTypeVLAN, switchdev.EtherTypeSVLAN, 0x0800}[n]
	t := y.whole(fmt.Sprintf("protocol %#x", uint16(e)), y.b.SubmitSetProtocol(e), nil)
	if n == 2 {
		t.refuse = switchdev.ErrInvalid
	}
	t.ended = func(err error) { // whatever else went on: it cannot be read
		if err == nil {
			y.model.protocol = e
		}
	}
	// So nothing is done beside it.
	for range 200 {
		if over(t.ticket) {
			break
		}
		y.w.Pass(y.set.timeout)
	}
}

func (y *Yard) setPVID(n int) {
	v := switchdev.VLAN(n)
	ask := v
	if n == 0 {
		ask = bridge.NoDefaultPVID
	}
	t := y.whole(fmt.Sprint("default PVID ", v), y.b.SubmitSetDefaultPVID(ask), nil)
	t.partial = true
	y.forgetAll()
	old := y.model.pvid
	t.ended = func(err error) {
		if err == nil {
			y.model.pvid = v
		}
		y.forgetAll()
	}
	t.apply = func() {
		y.model.host.renumber(old, v)
		for _, p := range y.model.ports {
			p.vlans.renumber(old, v)
		}
	}
}

func (y *Yard) setLocal0(on bool) {
	t := y.whole(fmt.Sprint("own addresses in VLAN 0 only ", on), y.b.SubmitSetLocalInVLAN0(on), nil)
	for range 200 {
		if over(t.ticket) {
			break
		}
		y.w.Pass(y.set.timeout)
	}
	if t.ticket.Err() == nil {
		y.model.local0 = on
	}
	y.forgetAll()
}

func (y *Yard) bridgeOps() []sim.Op {
	return []sim.Op{
		{Name: "bridge", Weight: 1, Draw: draw(1), Do: func(a []int64) { y.setBridgeUp(index(sim.Arg(a, 0), 4) > 0) }},
		{Name: "mac", Weight: 1, Draw: draw(1), Do: func(a []int64) { y.setMAC(y.macs[index(sim.Arg(a, 0), len(y.macs))]) }},
		{Name: "linklocal", Weight: 1, Draw: draw(1), Do: func(a []int64) { y.setLinkLocal(sim.Arg(a, 0)) }},
		{Name: "promiscuous", Weight: 1, Draw: draw(1), Do: func(a []int64) {
			y.model.promisc = index(sim.Arg(a, 0), 3) == 0
			y.b.SetPromiscuous(y.model.promisc)
		}},
		{Name: "ageing", Weight: 1, Draw: draw(1), Do: func(a []int64) { y.setAgeing(sim.Arg(a, 0)) }},
		{Name: "topology", Weight: 1, Draw: draw(1), Do: func(a []int64) { y.topologyChange(sim.Arg(a, 0)) }},
		{Name: "bad", Weight: 1, Draw: draw(1), Do: func([]int64) { y.bad() }},
	}
}

func (y *Yard) setBridgeUp(up bool) {
	y.forgetAll()
	y.whole(fmt.Sprint("bridge up ", up), y.b.SubmitSetUp(up), func() {
		m := &y.model
		was := m.up
		m.up = up
		for _, p := range m.ports {
			m.run(p, p.runs() && was)
		}
		y.forgetAll()
	}).partial = true
}

func (y *Yard) setMAC(mac switchdev.MAC) {
	y.forgetAll()
	t := y.whole(fmt.Sprint("address ", mac), y.b.SubmitSetMAC(mac), nil)
	t.ended = func(err error) {
		if err == nil {
			y.model.mac, y.model.explicit = mac, true
		}
	}
}

func (y *Yard) setLinkLocal(n int64) {
	l := bridge.LinkLocal{Forward: uint16(n) & 0xfff8, NoLearning: n&1 == 1}
	if index(n, 5) == 0 {
		l.Forward = 0
	}
	if err := y.b.SetLinkLocal(l); err != nil {
		y.w.Fail(invInput, "SetLinkLocal(%+v): %v", l, err)
	}
	y.model.linkLocal = l
	if err := y.b.SetLinkLocal(bridge.LinkLocal{Forward: 1 << index(n, 3)}); !errors.Is(err, switchdev.ErrInvalid) {
		y.w.Fail(invInput, "SetLinkLocal of a restricted bit: %v", err)
	}
}

func (y *Yard) setAgeing(n int64) {
	d := ageings[index(n, len(ageings))]
	y.forgetAll()
	y.whole(fmt.Sprint("ageing ", d), y.b.SubmitSetAgeing(d), func() {
		y.forgetAll()
		want := d
		if d == 0 {
			want = fdb.DefaultAgeing
		}
		if got := y.table.Ageing(); got != want && (got >= 0 || want >= 0) {
			y.w.Fail(invVerb, "the ageing time is %v, want %v", got, want)
		}
	})
}

var topologies = [...]time.Duration{0, 0, time.Second, 15 * time.Second, time.Hour}

func (y *Yard) topologyChange(n int64) {
	d := topologies[index(n, len(topologies))]
	y.forgetAll()
	t := y.whole(fmt.Sprint("topology change ", d), y.b.SubmitTopologyChange(d), y.forgetAll)
	if y.model.stp == bridge.STPKernel {
		t.refuse = switchdev.ErrBusy
	}
}

// bad submits something that is refused at once (EINVAL), or is of a port that nobody
// has.
func (y *Yard) bad() {
	var zero switchdev.MAC
	for i, c := range [...]struct {
		k    waiter
		want error
	}{
		{y.b.SubmitAddPort(bridge.PortConfig{MAC: y.macs[0]}), switchdev.ErrInvalid},
		{y.b.SubmitAddPort(bridge.PortConfig{ID: 200}), switchdev.ErrInvalid},
		{y.b.SubmitAddPort(bridge.PortConfig{ID: 200, MAC: y.macs[0], Flags: switchdev.PortMAB}), switchdev.ErrInvalid},
		{y.b.SubmitAddPort(bridge.PortConfig{ID: 200, MAC: y.macs[0], Links: []bridge.Link{{ID: 200}}}), switchdev.ErrInvalid},
		{y.b.SubmitSetPortMAC(1, zero), switchdev.ErrInvalid},
		{y.b.SubmitSetMAC(switchdev.Broadcast()), switchdev.ErrInvalid},
		{y.b.SubmitSetAgeing(time.Millisecond), switchdev.ErrInvalid},
		{y.b.SubmitSetDefaultPVID(4095), switchdev.ErrInvalid},
		{y.b.SubmitSetLinks(1, nil), switchdev.ErrInvalid},
		{y.b.SubmitEdit(fdb.Op{Entry: fdb.Entry{Key: fdb.Key{MAC: y.station(0)}, Port: 201}}), switchdev.ErrUnsupported},
		{y.b.SubmitSetSTP(9), switchdev.ErrInvalid},
	} {
		if !over(c.k) || !errors.Is(c.k.Err(), c.want) {
			y.w.Fail(invInput, "bad input %d: %v, want %v", i, c.k.Err(), c.want)
		}
	}
}
