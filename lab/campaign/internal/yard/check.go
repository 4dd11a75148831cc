package yard

import (
	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// Check implements [sim.Part].
func (y *Yard) Check() {
	y.checks++
	y.poll()
	if !y.busy() {
		if y.adopted {
			y.adopt()
		} else {
			y.compare()
		}
	}
	y.counted()
	if y.checks%4 == 0 || y.set.learns {
		y.entries()
	}
}

// counted: the counters are those of the frames.
func (y *Yard) counted() {
	if y.busy() || y.adopted {
		return
	}
	s := y.b.Stats()
	if s.Strays != y.strays {
		y.w.Fail(invCount, "%d strays, want %d", s.Strays, y.strays)
	}
	y.count(switchdev.PortHost, s.Host)
	for _, p := range s.Ports {
		y.count(p.Port, p.Counters)
	}
}

func (y *Yard) count(id switchdev.PortID, got bridge.Counters) {
	want := y.of(id)
	var dealt uint64
	for r := bridge.ReasonForwarded; r <= bridge.ReasonBPDU; r++ {
		dealt += got.Outcome(r)
		if got.Outcome(r) != want.reasons[r] {
			y.w.Fail(invCount, "port %v: %d %v, want %d", id, got.Outcome(r), r, want.reasons[r])
		}
	}
	if got.RxFrames != want.rx || got.RxBytes != want.rxBytes || got.TxFrames != want.tx || got.TxBytes != want.txBytes || dealt != want.rx {
		y.w.Fail(invCount, "port %v: %d in (%d bytes), %d out (%d bytes), %d dealt with, want %+v",
			id, got.RxFrames, got.RxBytes, got.TxFrames, got.TxBytes, dealt, *want)
	}
}

// entries looks at everything that the table holds.
func (y *Yard) entries() {
	if y.busy() {
		return
	}
	for e := range y.table.Snapshot().All() {
		switch {
		case e.Flags&fdb.Local != 0:
			if e.Flags&fdb.User == 0 {
				y.ownIsOwned(e)
			}
		case e.Flags&fdb.User == 0 && e.Owner == fdb.OwnerLearned:
			y.heardHere(e)
		}
	}
	if y.calm && y.unlimited() {
		y.ownIsThere()
	}
}

// heardHere: what was learned is on a port that is there, in a VLAN that it is in,
// and the port has heard it.
func (y *Yard) heardHere(e fdb.Entry) {
	p := y.now.port(e.Port)
	if p == nil {
		y.w.Fail(invGone, "%v is learned on port %v, which is not there", e.Key, e.Port)
	}
	c := y.chipOf(e.Port)
	if _, in := p.vlans[e.VLAN]; e.VLAN != switchdev.NoVLAN && !in && !(c != nil && c.strays && y.set.learns) {
		y.w.Fail(invGone, "%v is learned on port %v, which is in %v", e.Key, e.Port, p.vlans)
	}
	if life, ok := y.heard[arrival{e.MAC, e.Port}]; !ok || life != y.lives[e.Port] {
		y.w.Fail(invLife, "%v is learned on port %v, which has not heard it", e.Key, e.Port)
	}
}

// ownIsOwned: an own address is that of a port, or of the bridge, in its VLANs.
func (y *Yard) ownIsOwned(e fdb.Entry) {
	if y.taint[e.MAC] || !y.calm {
		return
	}
	mac, v := y.now.mac, y.now.host
	if e.Port != switchdev.PortHost {
		p := y.now.port(e.Port)
		if p == nil {
			y.w.Fail(invOwn, "%v is an own address on port %v, which is not there", e.Key, e.Port)
		}
		mac, v = p.MAC, p.vlans
	}
	if _, in := v[e.VLAN]; mac != e.MAC || e.VLAN != switchdev.NoVLAN && (!in || y.model.local0) {
		y.w.Fail(invOwn, "%v is an own address on port %v, which has %v in %v", e.Key, e.Port, mac, v)
	}
}

// ownIsThere: the addresses of the ports and of the bridge are own ones wherever
// they have to be.
func (y *Yard) ownIsThere() {
	check := func(id switchdev.PortID, mac switchdev.MAC, v membership) {
		if y.taint[mac] || mac.IsZero() {
			return
		}
		keys := []fdb.Key{{MAC: mac}}
		for vlan := range v {
			if !y.model.local0 {
				keys = append(keys, fdb.Key{MAC: mac, VLAN: vlan})
			}
		}
		for _, k := range keys {
			if hit, ok := y.table.Lookup(k); !ok || hit.Flags&fdb.Local == 0 {
				y.w.Fail(invOwn, "%v of port %v is no own address: %+v, %v", k, id, hit, ok)
			}
		}
	}
	for _, p := range y.now.ports {
		check(p.ID, p.MAC, p.vlans)
	}
	check(switchdev.PortHost, y.now.mac, y.now.host)
}
