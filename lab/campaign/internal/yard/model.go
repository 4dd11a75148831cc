package yard

import (
	"maps"
	"slices"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// model is what the verbs made of the bridge.
type model struct {
	ports     map[switchdev.PortID]*port
	host      membership
	filtering bool
	protocol  switchdev.EtherType
	pvid      switchdev.VLAN // NoVLAN: none
	local0    bool
	up        bool
	promisc   bool
	stp       bridge.STPMode
	linkLocal bridge.LinkLocal
	explicit  bool
	mac       switchdev.MAC // of an explicit one
}

// begin makes the model of a new bridge.
func (y *Yard) begin() {
	s := &y.set
	m := model{
		ports: make(map[switchdev.PortID]*port), filtering: s.filtering, protocol: switchdev.EtherTypeVLAN,
		local0: s.local0, up: true, stp: bridge.STPMode(s.stp), linkLocal: linkLocalOf(s.linkLocal), explicit: s.explicit,
	}
	switch {
	case s.pvid > 0:
		m.pvid = switchdev.VLAN(s.pvid)
	case s.pvid == 0 && s.filtering:
		m.pvid = 1
	}
	if s.explicit {
		m.mac = y.macs[5]
	}
	m.host = m.first()
	y.model = m
}

// first is the membership of a new port.
func (m *model) first() membership {
	if m.pvid == switchdev.NoVLAN {
		return membership{}
	}
	return membership{m.pvid: switchdev.VLANPVID | switchdev.VLANUntagged}
}

// of returns the membership of a port, 0 being the bridge itself.
func (m *model) of(id switchdev.PortID) membership {
	if id == switchdev.PortHost {
		return m.host
	}
	if p := m.ports[id]; p != nil {
		return p.vlans
	}
	return nil
}

// add puts VLANs into a membership.
func (v membership) add(vlans []switchdev.VLAN, flags switchdev.VLANFlags) {
	for _, x := range vlans {
		if flags&switchdev.VLANPVID != 0 {
			for o := range v {
				v[o] &^= switchdev.VLANPVID
			}
		}
		v[x] = flags
	}
}

// renumber gives a port the new default PVID, if it had the old one as such or there
// was none, and it is not in that VLAN for another reason.
func (v membership) renumber(old, pvid switchdev.VLAN) {
	_, in := v[pvid]
	if old == pvid || in || old != switchdev.NoVLAN && v[old] != switchdev.VLANPVID|switchdev.VLANUntagged {
		return
	}
	delete(v, old)
	if pvid != switchdev.NoVLAN {
		v.add([]switchdev.VLAN{pvid}, switchdev.VLANPVID|switchdev.VLANUntagged)
	}
}

// run finds the state of a port that may have begun or ended to run.
func (m *model) run(p *port, ran bool) {
	switch {
	case !p.runs() || !m.up:
		p.State = switchdev.PortDisabled
	case ran:
	case m.stp == bridge.STPOff:
		p.State = switchdev.PortForwarding
	default:
		p.State = switchdev.PortBlocking
	}
}

// owner returns the port that has a number, as its own or as that of a link.
func (m *model) owner(id switchdev.PortID) *port {
	for _, p := range m.ports {
		if p.ID == id || slices.ContainsFunc(p.links, func(l bridge.Link) bool { return l.ID == id }) {
			return p
		}
	}
	return nil
}

// adopt takes over what the bridge shows, where verbs crossed.
func (y *Yard) adopt() {
	y.fresh()
	m, c := &y.model, y.now
	clear(m.ports)
	for _, p := range c.ports {
		m.ports[p.ID] = p.clone()
	}
	m.host, m.filtering, m.up, m.stp = maps.Clone(c.host), c.filtering, c.up, c.stp
	y.adopted = false
}

// compare holds the bridge against the model.
func (y *Yard) compare() {
	m, c := &y.model, y.now
	if m.filtering != c.filtering || m.up != c.up || m.stp != c.stp {
		y.w.Fail(invModel, "filtering %v, up %v, tree %v, want %v, %v, %v", c.filtering, c.up, c.stp, m.filtering, m.up, m.stp)
	}
	if !maps.Equal(m.host, c.host) {
		y.w.Fail(invModel, "the bridge itself is in %v, want %v", c.host, m.host)
	}
	if len(m.ports) != len(c.ports) {
		y.w.Fail(invModel, "%d ports, want %d", len(c.ports), len(m.ports))
	}
	for _, p := range c.ports {
		q := m.ports[p.ID]
		if q == nil {
			y.w.Fail(invModel, "port %v is there", p.ID)
		}
		want := q.Port
		if m.stp == bridge.STPKernel && p.runs() {
			want.State = p.State // the tree's
		}
		want.Name, want.Tree = p.Name, p.Tree
		if p.Port != want {
			y.w.Fail(invModel, "port %+v, want %+v", p.Port, want)
		}
		if !maps.Equal(p.vlans, q.vlans) {
			y.w.Fail(invModel, "port %v is in %v, want %v", p.ID, p.vlans, q.vlans)
		}
		if !slices.Equal(p.links, q.links) {
			y.w.Fail(invModel, "port %v has the links %v, want %v", p.ID, p.links, q.links)
		}
	}
	if got, want := c.mac, y.address(); got != want {
		y.w.Fail(invModel, "the bridge has the address %v, want %v", got, want)
	}
}

// address is what the bridge has to have as its own.
func (y *Yard) address() (lowest switchdev.MAC) {
	if y.model.explicit {
		return y.model.mac
	}
	for _, p := range y.now.ports {
		if lowest.IsZero() || p.MAC.Compare(lowest) < 0 {
			lowest = p.MAC
		}
	}
	return lowest
}
