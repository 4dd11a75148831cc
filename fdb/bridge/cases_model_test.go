package bridge_test

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// member is a model's membership.
type member struct {
	untagged map[switchdev.VLAN]bool // of the VLANs that it is in: whether tags are taken off
	pvid     switchdev.VLAN
}

func (m *member) is(v switchdev.VLAN) bool { _, ok := m.untagged[v]; return ok }

func (m *member) clone() *member { return &member{untagged: maps.Clone(m.untagged), pvid: m.pvid} }

func (m *member) add(v switchdev.VLAN, pvid, untagged bool) {
	m.untagged[v] = untagged
	if pvid {
		m.pvid = v
	} else if m.pvid == v {
		m.pvid = 0
	}
}

func (m *member) remove(v switchdev.VLAN) {
	delete(m.untagged, v)
	if m.pvid == v {
		m.pvid = 0
	}
}

// plainPort is a model's port; port 0 is the bridge itself.
type plainPort struct {
	member
	mac         switchdev.MAC
	flags       switchdev.PortFlags
	state       switchdev.PortState
	up, carrier bool
	backup      int
	group       uint16
	links       map[int]bool // of a LAG: whether they are up
}

func (p *plainPort) runs() bool { return p.up && p.carrier }

// plain is a bridge with VLANs in maps: the rules of net/bridge one after the other,
// whatever they cost.
type plain struct {
	ports     map[int]*plainPort
	table     map[fdb.Key]station
	up        bool
	filtering bool
	local0    bool
	promisc   bool
	proto     uint16
	pvid      switchdev.VLAN
	forwardLL uint16
	mute      bool     // no_linklocal_learn
	learns    bool     // the last frame was to teach something
	told      []string // of own addresses
}

func (s *plain) host() *plainPort { return s.ports[0] }

// copyOf is what one receiver gets; port 0 is the host.
type copyOf struct {
	port int
	data string
}

// whose returns the port that a number belongs to.
func (s *plain) whose(in int) (int, *plainPort) {
	for id, p := range s.ports {
		if _, link := p.links[in]; link || id == in && id != 0 {
			return id, p
		}
	}
	return -1, nil
}

// inVLAN is __allowed_ingress: the VLAN of a frame, and the frame without its tag.
func (s *plain) inVLAN(p *plainPort, data []byte) (v switchdev.VLAN, bare []byte, tci uint16, ok bool) {
	if !s.filtering {
		return 0, data, 0, true
	}
	bare = data
	if binary.BigEndian.Uint16(data[12:]) == s.proto {
		if len(data) < 18 {
			return 0, nil, 0, false
		}
		tci = binary.BigEndian.Uint16(data[14:])
		bare = append(slices.Clone(data[:12]), data[16:]...)
	}
	v = switchdev.VLAN(tci & 0xfff)
	if v == 0 {
		v = p.pvid
	}
	return v, bare, tci&0xf000 | uint16(v), p.is(v)
}

// out is br_handle_vlan.
func (s *plain) out(p *plainPort, v switchdev.VLAN, bare []byte, tci uint16) string {
	if !s.filtering || p.untagged[v] {
		return string(bare)
	}
	tag := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, s.proto), tci)
	return string(slices.Concat(bare[:12], tag, bare[12:]))
}

func (s *plain) learn(in int, k fdb.Key, flags fdb.Flags, now time.Time) {
	s.learns = true
	e, ok := s.table[k]
	switch {
	case !ok:
		s.table[k] = station{port: in, flags: flags, seen: now}
	case e.flags&fdb.Local != 0:
	case e.port == in || e.flags&fdb.Sticky != 0:
		e.seen = now
		s.table[k] = e
	default:
		s.table[k] = station{port: in, flags: e.flags &^ (fdb.Extern | fdb.Locked), seen: now}
	}
}

// locks reports whether a locked port turns a source away, and notes it for MAB.
func (s *plain) locks(in int, p *plainPort, k fdb.Key, now time.Time) bool {
	if p.flags&switchdev.PortLocked == 0 {
		return false
	}
	e, ok := s.table[k]
	switch {
	case !ok && p.flags&switchdev.PortMAB != 0, ok && e.port == in && e.flags&fdb.Locked != 0 && p.flags&switchdev.PortMAB != 0:
		s.learn(in, k, fdb.Locked, now)
		return true
	}
	return !ok || e.port != in || e.flags&(fdb.Local|fdb.Locked) != 0
}

// delivers is should_deliver.
func (s *plain) delivers(in, to int, v switchdev.VLAN) bool {
	p, q := s.ports[in], s.ports[to]
	if q == nil || to == 0 || !q.runs() || q.state != switchdev.PortForwarding || s.filtering && !q.is(v) {
		return false
	}
	if q.links != nil && !slices.Contains(slices.Collect(maps.Values(q.links)), true) {
		return false
	}
	return in == 0 || (in != to || q.flags&switchdev.PortHairpin != 0) && p.flags&q.flags&switchdev.PortIsolated == 0
}

// forward returns the copies of a frame that comes in by a number, 0 for the host.
func (s *plain) forward(number int, data []byte, now time.Time) (to []copyOf) {
	s.learns = false
	in, p := 0, s.host()
	if number != 0 {
		in, p = s.whose(number)
	}
	if p == nil || len(data) < 14 || in == 0 && !s.up {
		return nil
	}
	dst, src := switchdev.MAC(data[:6]), switchdev.MAC(data[6:12])
	learning := p.state == switchdev.PortLearning || p.state == switchdev.PortForwarding
	v, bare, tci, ok := s.inVLAN(p, data)
	if in != 0 {
		if !src.IsUnicast() || !p.runs() {
			return nil
		}
		if last := dst[5]; dst.IsLinkLocal() && last != 0 {
			if last == 1 {
				return nil
			}
			if (s.forwardLL|p.group)>>last&1 == 0 {
				if ok && learning && p.flags&switchdev.PortLearns != 0 && !s.mute {
					s.learn(in, fdb.Key{MAC: src, VLAN: v}, 0, now)
				}
				return []copyOf{{0, string(data)}}
			}
		}
		if !learning || !ok || s.locks(in, p, fdb.Key{MAC: src, VLAN: v}, now) {
			return nil
		}
		if p.flags&switchdev.PortLearns != 0 {
			s.learn(in, fdb.Key{MAC: src, VLAN: v}, 0, now)
		}
		if p.state == switchdev.PortLearning {
			return nil
		}
	}
	if !ok {
		return nil
	}
	give := func(id int) { to = append(to, copyOf{id, s.out(s.ports[id], v, bare, tci)}) }
	up := func() { // br_pass_frame_up
		if !s.filtering || s.promisc || s.host().is(v) {
			give(0)
		}
	}
	flood := func(flag switchdev.PortFlags) {
		for _, id := range slices.Sorted(maps.Keys(s.ports)) {
			if s.delivers(in, id, v) && (s.ports[id].flags&flag != 0 || in == 0 && flag != switchdev.PortFlood) {
				give(id)
			}
		}
	}
	if dst.IsMulticast() {
		if in != 0 {
			up()
		}
		if dst.IsBroadcast() {
			flood(switchdev.PortBroadcastFlood)
		} else {
			flood(switchdev.PortMulticastFlood)
		}
		return to
	}
	e, known := s.table[fdb.Key{MAC: dst, VLAN: v}]
	if !known && v != 0 && s.local0 {
		e, known = s.table[fdb.Key{MAC: dst}]
		known = known && e.flags&fdb.Local != 0
	}
	if known && e.flags&fdb.Local != 0 && in != 0 {
		up()
		return to
	}
	if in != 0 && s.promisc {
		up()
	}
	switch {
	case !known:
		flood(switchdev.PortFlood)
	default:
		if q := s.ports[e.port]; q != nil && e.port != 0 && !q.runs() && q.backup != 0 {
			e.port = q.backup
		}
		if s.delivers(in, e.port, v) {
			give(e.port)
		}
	}
	return to
}

func (s *plain) age(now time.Time) {
	for k, e := range s.table {
		if e.flags&(fdb.Static|fdb.Extern) == 0 && now.Sub(e.seen) > hold {
			delete(s.table, k)
		}
	}
}

func (s *plain) tell(what string, k fdb.Key, port int) {
	s.told = append(s.told, what+" "+k.String()+"@"+switchdev.PortID(port).String())
}

// homes are the VLANs of an own address.
func (s *plain) homes(p *plainPort) []switchdev.VLAN {
	all := []switchdev.VLAN{0}
	if !s.local0 {
		all = append(all, slices.Sorted(maps.Keys(p.untagged))...)
	}
	return all
}

// claim and release are fdb_add_local and fdb_delete_local of br_fdb.c.
func (s *plain) claim(mac switchdev.MAC, v switchdev.VLAN, port int) {
	k := fdb.Key{MAC: mac, VLAN: v}
	if s.table[k].flags&fdb.Local == 0 {
		s.table[k] = station{port: port, flags: fdb.Permanent}
		s.tell("added", k, port)
	}
}

func (s *plain) release(mac switchdev.MAC, v switchdev.VLAN, port int) {
	k := fdb.Key{MAC: mac, VLAN: v}
	e, ok := s.table[k]
	if !ok || e.port != port || e.flags&fdb.Local == 0 {
		return
	}
	heirs := append(slices.DeleteFunc(slices.Sorted(maps.Keys(s.ports)), func(id int) bool { return id == 0 }), 0)
	for _, id := range heirs {
		if q := s.ports[id]; id != port && q.mac == mac && (v == 0 || !s.local0 && q.is(v)) {
			s.table[k] = station{port: id, flags: fdb.Permanent}
			s.tell("moved", k, id) // Linux is silent
			return
		}
	}
	delete(s.table, k)
	s.tell("deleted", k, port)
}

func (s *plain) flush(port int, gone func(fdb.Key, station) bool) {
	maps.DeleteFunc(s.table, func(k fdb.Key, e station) bool { return e.port == port && gone(k, e) })
}

// lost is br_fdb_delete_by_port without do_all.
func lost(e station) bool { return e.flags&(fdb.Static|fdb.Local|fdb.Extern) == 0 }

// resettle gives a port other VLANs.
func (s *plain) resettle(id int, m *member) {
	p := s.ports[id]
	old := p.member
	p.member = *m
	for _, v := range slices.Sorted(maps.Keys(old.untagged)) {
		if !m.is(v) {
			if !s.local0 {
				s.release(p.mac, v, id)
			}
			if id != 0 {
				s.flush(id, func(k fdb.Key, e station) bool { return k.VLAN == v && lost(e) })
			}
		}
	}
	for _, v := range slices.Sorted(maps.Keys(m.untagged)) {
		if !old.is(v) && !s.local0 {
			s.claim(p.mac, v, id)
		}
	}
}

// renumber is __br_vlan_set_default_pvid, but that Linux begins with the bridge.
func (s *plain) renumber(v switchdev.VLAN) {
	old := s.pvid
	s.pvid = v
	for _, id := range append(slices.Sorted(maps.Keys(s.ports))[1:], 0) {
		p := s.ports[id]
		if old != 0 && (p.pvid != old || !p.untagged[old]) || v != 0 && p.is(v) {
			continue
		}
		m := p.clone()
		if old != 0 {
			m.remove(old)
		}
		if v != 0 {
			m.add(v, true, true)
		}
		s.resettle(id, m)
	}
}

// run changes what decides whether a port runs.
func (s *plain) run(id int, ran bool, edit func(p *plainPort)) {
	p := s.ports[id]
	was := *p
	edit(p)
	switch runs := p.runs() && s.up; {
	case !runs:
		p.state = switchdev.PortDisabled
	case !ran:
		p.state = switchdev.PortForwarding
	}
	// br_port_carrier_check: who loses the carrier of a port that is disabled takes nothing with it.
	if (was.up != p.up && s.up || was.state != p.state) && p.state == switchdev.PortDisabled && p.backup == 0 {
		s.flush(id, func(_ fdb.Key, e station) bool { return lost(e) })
	}
}
