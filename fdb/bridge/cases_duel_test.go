package bridge_test

import (
	"maps"
	"slices"

	"pgregory.net/rapid"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// addPort and the rest do one thing to the bridge and to the model.
func (d *duel) addPort() {
	id, m, p := d.number(), d.unicast(), d.s.ports
	c := bridge.PortConfig{ID: switchdev.PortID(id), MAC: m, GroupForward: pick[uint16](d, "group", 0, 0, 1<<2, 1<<3)}
	q := &plainPort{mac: m, flags: switchdev.DefaultPortFlags, up: true, carrier: true, group: c.GroupForward}
	if id == lagPort {
		c.Links = []bridge.Link{{ID: 51}, {ID: 52, Down: d.coin("down")}}
		q.links = map[int]bool{51: true, 52: !c.Links[1].Down}
	}
	if !d.do(d.b.SubmitAddPort(c), p[id] == nil) {
		return
	}
	q.untagged = make(map[switchdev.VLAN]bool)
	if d.s.pvid != 0 {
		q.add(d.s.pvid, true, true)
	}
	p[id] = q
	d.s.run(id, false, func(*plainPort) {})
	for _, v := range d.s.homes(q) {
		d.s.claim(m, v, id)
	}
}

func (d *duel) removePort() {
	id := d.number()
	p := d.s.ports[id]
	if !d.do(d.b.SubmitRemovePort(switchdev.PortID(id)), p != nil) {
		return
	}
	delete(d.s.ports, id)
	for _, v := range d.s.homes(p) {
		d.s.release(p.mac, v, id)
	}
	d.s.flush(id, func(fdb.Key, station) bool { return true })
	for _, q := range d.s.ports {
		if q.backup == id {
			q.backup = 0
		}
	}
}

func (d *duel) runs() {
	id, on, s := d.number(), d.coin("on"), d.s
	p := s.ports[id]
	ran := p != nil && p.runs() && s.up
	switch pick(d, "what", "up", "carrier", "bridge", "links") {
	case "up":
		if d.do(d.b.SubmitSetPortUp(switchdev.PortID(id), on), p != nil) {
			s.run(id, ran, func(p *plainPort) { p.up = on })
		}
	case "carrier":
		if d.do(d.b.SubmitSetCarrier(switchdev.PortID(id), on), p != nil) {
			s.run(id, ran, func(p *plainPort) { p.carrier = on })
		}
	case "links":
		both := d.coin("other")
		links := []bridge.Link{{ID: 52, Down: !both}, {ID: 51, Down: !on}}
		p = s.ports[lagPort]
		if d.do(d.b.SubmitSetLinks(lagPort, links), p != nil) {
			ran = p.runs() && s.up
			p.links = map[int]bool{51: on, 52: both}
			s.run(lagPort, ran, func(p *plainPort) { p.carrier = on || both })
		}
	case "bridge":
		d.do(d.b.SubmitSetUp(on), true)
		if s.up != on {
			s.up = on
			for id := range s.ports {
				if id != 0 {
					s.run(id, !on, func(*plainPort) {})
				}
			}
		}
	}
}

func (d *duel) setting() {
	s, on := d.s, d.coin("on")
	switch pick(d, "what", "filtering", "protocol", "promiscuous", "link-local", "default PVID", "local0", "MAC") {
	case "filtering":
		d.do(d.b.SubmitSetFiltering(on), true)
		s.filtering = on
	case "protocol":
		e := pick(d, "protocol", ctag, stag)
		d.do(d.b.SubmitSetProtocol(e), true)
		s.proto = uint16(e)
	case "promiscuous":
		d.b.SetPromiscuous(on)
		s.promisc = on
	case "link-local":
		s.forwardLL, s.mute = pick[uint16](d, "mask", 0, 1<<3, 0xfff8), on
		if err := d.b.SetLinkLocal(bridge.LinkLocal{Forward: s.forwardLL, NoLearning: on}); err != nil {
			d.Fatal(err)
		}
	case "default PVID":
		v := pick(d, "pvid", bridge.NoDefaultPVID, 1, 2, 3)
		n := v
		if n == bridge.NoDefaultPVID {
			n = 0
		}
		if d.do(d.b.SubmitSetDefaultPVID(v), true) && n != s.pvid {
			s.renumber(n)
		}
	case "local0":
		d.do(d.b.SubmitSetLocalInVLAN0(on), true)
		if s.local0 == on {
			return
		}
		s.local0 = false
		for _, id := range slices.Sorted(maps.Keys(s.ports)) {
			p := s.ports[id]
			for v := range p.untagged {
				if on {
					// The last one that has it deletes it; who inherits it until then is nobody's business.
					if k := (fdb.Key{MAC: p.mac, VLAN: v}); s.table[k].flags&fdb.Local != 0 {
						s.tell("deleted", k, s.table[k].port)
						delete(s.table, k)
					}
				}
			}
		}
		s.local0 = on
		if !on {
			for _, id := range append(slices.Sorted(maps.Keys(s.ports))[1:], 0) {
				for v := range s.ports[id].untagged {
					s.claim(s.ports[id].mac, v, id)
				}
			}
		}
	case "MAC":
		m := d.unicast()
		d.do(d.b.SubmitSetMAC(m), true)
		old := s.host().mac
		s.host().mac = m
		if old != m {
			for _, v := range s.homes(s.host()) {
				s.release(old, v, 0)
				s.claim(m, v, 0)
			}
		}
	}
}

func (d *duel) portSetting() {
	id, s := d.number(), d.s
	p, n := s.ports[id], switchdev.PortID(id)
	switch pick(d, "what", "state", "flag", "MAC", "backup") {
	case "state":
		st := switchdev.PortState(rapid.IntRange(0, 4).Draw(d.T, "state"))
		if d.do(d.b.SubmitSetPortState(n, st), p != nil && p.up && (st == switchdev.PortDisabled || p.carrier && s.up)) {
			p.state = st
		}
	case "flag":
		bit := pick(d, "flag", switchdev.PortLearns, switchdev.PortFlood, switchdev.PortMulticastFlood, switchdev.PortBroadcastFlood,
			switchdev.PortLocked, switchdev.PortMAB, switchdev.PortHairpin, switchdev.PortIsolated)
		const needs = switchdev.PortLocked | switchdev.PortLearns
		var next switchdev.PortFlags
		set := bit * switchdev.PortFlags(rapid.IntRange(0, 1).Draw(d.T, "on"))
		if p != nil {
			next = p.flags&^bit | set
		}
		if d.do(d.b.SubmitSetPortFlags(n, set, bit), p != nil && (next&switchdev.PortMAB == 0 || next&needs == needs)) {
			if p.flags&^next&switchdev.PortMAB != 0 {
				s.flush(id, func(_ fdb.Key, e station) bool { return e.flags&fdb.Locked != 0 })
			}
			p.flags = next
		}
	case "MAC":
		m := d.unicast()
		if d.do(d.b.SubmitSetPortMAC(n, m), p != nil) {
			old := p.mac
			p.mac = m
			for _, v := range s.homes(p) {
				if old != m {
					s.release(old, v, id)
				}
				s.claim(m, v, id)
			}
		}
	case "backup":
		other := pick(d, "backup", 0, 1, 2, 3)
		ok := p != nil && other != id && (other == 0 || s.ports[other] != nil)
		if d.do(d.b.SubmitSetBackupPort(n, switchdev.PortID(other)), ok) {
			p.backup = other
		}
	}
}

func (d *duel) membership() {
	id, v := pick(d, "port", 0, 0, 1, 2, 3, 4, lagPort), d.vlan()
	p, n := d.s.ports[id], switchdev.PortID(id)
	if d.coin("remove") {
		if d.do(d.b.SubmitRemoveVLAN(n, v), p != nil && p.is(v)) {
			m := p.clone()
			m.remove(v)
			d.s.resettle(id, m)
		}
		return
	}
	flags := switchdev.VLANFlags(0)
	pvid, untagged := d.coin("pvid"), d.coin("untagged")
	if pvid {
		flags |= switchdev.VLANPVID
	}
	if untagged {
		flags |= switchdev.VLANUntagged
	}
	if d.do(d.b.SubmitAddVLAN(n, v, flags), p != nil) {
		m := p.clone()
		m.add(v, pvid, untagged)
		d.s.resettle(id, m)
	}
}

// edit adds, replaces and deletes entries, with and without a VLAN.
func (d *duel) edit() {
	id, s := d.number(), d.s
	m, v := mac(rapid.IntRange(1, 3).Draw(d.T, "mac")), pick[switchdev.VLAN](d, "vlan", 0, 0, 1, 2, 3)
	f := pick(d, "flags", 0, fdb.Static, fdb.Sticky, fdb.Static|fdb.Sticky, fdb.Extern)
	verb := pick(d, "verb", fdb.VerbReplace, fdb.VerbReplace, fdb.VerbDelete)
	p := s.ports[id]
	keys := []fdb.Key{{MAC: m, VLAN: v}}
	if v == 0 && p != nil {
		for _, v := range slices.Sorted(maps.Keys(p.untagged)) {
			keys = append(keys, fdb.Key{MAC: m, VLAN: v})
		}
	}
	for _, k := range keys {
		if s.table[k].flags&fdb.Local != 0 {
			d.Skip("a user who takes an own address over is not in the model")
		}
	}
	k := d.b.SubmitEdit(fdb.Op{Verb: verb, Entry: fdb.Entry{Key: keys[0], Port: switchdev.PortID(id), Flags: f}})
	if verb == fdb.VerbDelete {
		found := false
		for _, k := range keys {
			if e, ok := s.table[k]; ok && e.port == id {
				found = true
				delete(s.table, k)
			}
		}
		d.do(k, p != nil && found)
		return
	}
	learns := p != nil && p.runs() && (p.state == switchdev.PortLearning || p.state == switchdev.PortForwarding)
	if !d.do(k, p != nil && (v == 0 || p.is(v)) && (learns || f&(fdb.Static|fdb.Extern) != 0)) {
		return
	}
	for _, k := range keys {
		old, had := s.table[k]
		e := station{port: id, flags: f, seen: d.now}
		switch {
		case had && f == fdb.Extern:
			e.flags |= old.flags & (fdb.Static | fdb.Sticky)
		case had:
			e.flags |= old.flags & fdb.Extern
			if e.port == old.port && e.flags == old.flags {
				e.seen = old.seen
			}
		}
		s.table[k] = e
	}
}
