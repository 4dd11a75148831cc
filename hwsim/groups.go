package hwsim

import (
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// groups is what QuirkFloodLost puts in the place of ports that know by themselves what
// to let in and out: groups and flows of VLANs, which the driver writes when one port
// changes and which all of them use. What is untagged has a VLAN of the device's own, one
// for each bridge, and one for each port without a bridge. Linux:
// drivers/net/ethernet/rocker/rocker_ofdpa.c; how the device looks a frame up is in the
// specification of OF-DPA. The zero value is a device that no port has told anything.
// Guarded by Chip.mu.
type groups struct {
	untagged map[owner]*untagged
	bridges  map[switchdev.Domain]fid // also of bridges that were
	ports    map[switchdev.PortID]*groupPort
	// sends has the ports that may send what is in a VLAN (an interface group), host the
	// VLANs that the host may be given, floods the ports of each flood group, misses
	// the VLANs whose unknown frames go to it and to the host.
	sends  map[fidPort]bool
	host   map[fid]bool
	floods map[fid][]switchdev.PortID
	misses map[fid]bool
	// local has the ports whose link-local frames go to the host.
	local map[fidPort]bool
}

// fid is a VLAN of the device: one of 802.1Q, or from firstUntagged on one of its own.
type fid uint16

const (
	firstUntagged fid = 0x0f00
	manyUntagged      = 255
)

type fidPort struct {
	fid  fid
	port switchdev.PortID
}

// owner is who has a VLAN of the device's own: a bridge, or a port without one.
type owner struct {
	domain  switchdev.Domain
	bridged bool
	port    switchdev.PortID
}

type untagged struct {
	fid  fid
	refs int
}

// groupPort is what the driver keeps of a port.
type groupPort struct {
	owner owner
	state switchdev.PortState
	in    map[fid]bool
	local bool // link-local frames are taken
	flood bool // what is unknown is flooded
}

// port returns what is kept of a port; one that was never seen stands alone and forwards.
func (g *groups) port(id switchdev.PortID) *groupPort {
	if p := g.ports[id]; p != nil {
		return p
	}
	if g.ports == nil {
		*g = groups{
			untagged: map[owner]*untagged{}, bridges: map[switchdev.Domain]fid{}, ports: map[switchdev.PortID]*groupPort{},
			sends: map[fidPort]bool{}, host: map[fid]bool{}, floods: map[fid][]switchdev.PortID{}, misses: map[fid]bool{}, local: map[fidPort]bool{},
		}
	}
	p := &groupPort{owner: owner{port: id}, in: map[fid]bool{}}
	g.ports[id] = p
	g.own(p.owner)
	g.enter(id, switchdev.NoVLAN)
	g.setState(id, switchdev.PortForwarding)
	return p
}

// begin has the ports stand alone, as after a start.
func (c *Chip) beginGroups() {
	c.groups = groups{}
	if c.has(QuirkFloodLost) {
		for _, p := range c.ports {
			p.flags = switchdev.DefaultPortFlags
			c.groups.port(p.id)
		}
	}
}

// own gives an owner a VLAN, the first that nobody has.
func (g *groups) own(o owner) {
	u := g.untagged[o]
	if u == nil {
		u = &untagged{}
		for i := range manyUntagged {
			u.fid = firstUntagged + fid(i)
			if !g.taken(u.fid) {
				break
			}
		}
		g.untagged[o] = u
	}
	u.refs++
	if o.bridged {
		g.bridges[o.domain] = u.fid
	}
}

func (g *groups) taken(f fid) bool {
	for _, u := range g.untagged {
		if u.fid == f {
			return true
		}
	}
	return false
}

func (g *groups) disown(o owner) {
	u := g.untagged[o]
	if u.refs--; u.refs == 0 {
		delete(g.untagged, o)
	}
}

// fid returns the device's VLAN for one of a port.
func (g *groups) fid(p *groupPort, vlan switchdev.VLAN) fid {
	if vlan != switchdev.NoVLAN {
		return fid(vlan)
	}
	return g.untagged[p.owner].fid
}

func active(s switchdev.PortState) bool {
	return s == switchdev.PortLearning || s == switchdev.PortForwarding
}

// enter puts a port into a VLAN (ofdpa_port_vlan).
func (g *groups) enter(id switchdev.PortID, vlan switchdev.VLAN) {
	p := g.port(id)
	f := g.fid(p, vlan)
	if p.in[f] {
		return
	}
	p.in[f] = true
	if p.local {
		g.local[fidPort{f, id}] = true
	}
	if p.flood && p.owner.bridged {
		g.misses[f] = true
	}
	if active(p.state) {
		g.sends[fidPort{f, id}] = true
	}
	g.host[f] = true
	g.floods[f] = g.bridged(f)
	if len(g.floods[f]) == 0 {
		delete(g.floods, f)
	}
}

// exit takes it out. The group that floods goes as long as others are left, and stays as it
// is with the last; what is unknown goes on being sent to it.
func (g *groups) exit(id switchdev.PortID, vlan switchdev.VLAN) {
	p := g.port(id)
	f := g.fid(p, vlan)
	if !p.in[f] {
		return
	}
	delete(p.in, f)
	if active(p.state) {
		delete(g.sends, fidPort{f, id})
	}
	if !g.any(f) {
		delete(g.host, f)
	}
	if len(g.bridged(f)) > 0 {
		delete(g.floods, f)
	}
}

func (g *groups) any(f fid) bool {
	for _, p := range g.ports {
		if p.in[f] {
			return true
		}
	}
	return false
}

// bridged are the ports below bridges that are in a VLAN.
func (g *groups) bridged(f fid) (ids []switchdev.PortID) {
	for id, p := range g.ports {
		if p.owner.bridged && p.in[f] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// setState is ofdpa_port_stp_update. What is unknown in a VLAN is flooded by one flow for
// all ports: it goes when any of them gets a state in which it does not learn, and comes
// again when any gets one in which it does.
func (g *groups) setState(id switchdev.PortID, s switchdev.PortState) {
	p := g.port(id)
	if p.state == s {
		return
	}
	p.state = s
	local, flood := s != switchdev.PortDisabled, active(s) && p.owner.bridged
	for f := range p.in {
		if local != p.local {
			set(g.local, fidPort{f, id}, local)
		}
		if flood != p.flood && p.owner.bridged {
			set(g.misses, f, flood)
		}
		set(g.sends, fidPort{f, id}, active(s))
	}
	p.local, p.flood = local, flood
}

func set[K comparable](m map[K]bool, k K, to bool) {
	if to {
		m[k] = true
	} else {
		delete(m, k)
	}
}

// join puts a port below a bridge, leave takes it out of that (ofdpa_port_bridge_join,
// ofdpa_port_bridge_leave). The bridge begins and ends with a disabled port.
func (g *groups) join(id switchdev.PortID, d switchdev.Domain) {
	g.change(id, owner{domain: d, bridged: true})
	g.setState(id, switchdev.PortDisabled)
}

func (g *groups) leave(id switchdev.PortID, up bool) {
	g.setState(id, switchdev.PortDisabled)
	g.change(id, owner{port: id})
	if up {
		g.setState(id, switchdev.PortForwarding)
	}
}

func (g *groups) change(id switchdev.PortID, to owner) {
	p := g.port(id)
	g.exit(id, switchdev.NoVLAN)
	g.disown(p.owner)
	g.own(to)
	p.owner = to
	g.enter(id, switchdev.NoVLAN)
}

// byGroups is decide for frames that go by groups.
func (c *Chip) byGroups(d *decision, p *Port, dom *domain, frame []byte, now int64, write bool) (again bool) {
	g, f := &c.groups, parse(frame)
	f.readTag(switchdev.EtherTypeVLAN)
	in := fidPort{port: p.id}
	port := g.ports[p.id]
	if port == nil || f.cut {
		d.dropped(p, DropShort)
		return false
	}
	d.vlan, d.protocol, in.fid = f.vlan, switchdev.EtherTypeVLAN, g.fid(port, f.vlan)
	if !port.in[in.fid] {
		d.dropped(p, DropVLAN)
		return false
	}
	out := c.rowIn(in.fid, dom, switchdev.FDBKey{MAC: f.dst, VLAN: f.vlan})
	if active(port.state) && p.flags&switchdev.PortLearns != 0 {
		if again, _ = c.hear(p, dom, f.src, f.vlan, now, write); again {
			return true
		}
	}
	switch {
	case f.dst.IsLinkLocal() && g.local[in]:
		d.toHost, d.reason = g.host[in.fid], ReasonLinkLocal
	case out != 0:
		c.throughGroup(d, in, out, &f)
	case g.misses[in.fid]:
		d.toHost, d.reason, d.lost = g.host[in.fid], unknownReason(f.dst), true
		for _, to := range g.floods[in.fid] {
			c.throughGroup(d, in, to, &f)
		}
	}
	if !d.toHost && d.count == 0 {
		d.dropped(p, DropNoPort)
	}
	return false
}

func unknownReason(dst switchdev.MAC) Reason {
	switch {
	case dst.IsBroadcast():
		return ReasonBroadcast
	case dst.IsMulticast():
		return ReasonMulticast
	}
	return ReasonUnknown
}

// throughGroup sends a frame out of a port, if there is a group for that and it did not
// come in there.
func (c *Chip) throughGroup(d *decision, in fidPort, out switchdev.PortID, f *fields) {
	if out == in.port || !c.groups.sends[fidPort{in.fid, out}] {
		return
	}
	if p := c.port(out); p != nil {
		form := formSame
		if f.tagged && f.vlan == switchdev.NoVLAN {
			form = formStrip
		}
		d.add(target{p, form})
	}
}

// rowIn returns the port to which a frame in a VLAN of the device goes by a row, 0 if there
// is none. A VLAN of 802.1Q is one for all bridges, and an untagged one was perhaps that of
// a bridge that is no more.
func (c *Chip) rowIn(f fid, dom *domain, k switchdev.FDBKey) switchdev.PortID {
	if r := c.rows.find(dom.id, k); r != nil {
		return r.port
	}
	var others []switchdev.Domain
	for id, own := range c.groups.bridges {
		if id != dom.id && (f < firstUntagged || own == f) {
			others = append(others, id)
		}
	}
	slices.Sort(others)
	for _, id := range others {
		if r := c.rows.find(id, k); r != nil {
			return r.port
		}
	}
	return 0
}
