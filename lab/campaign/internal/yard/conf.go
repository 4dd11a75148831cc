package yard

import (
	"maps"
	"slices"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// conf is what a bridge shows of itself.
type conf struct {
	ports     []*port
	by        map[switchdev.PortID]*port // also by the numbers of links
	host      membership
	filtering bool
	up        bool
	stp       bridge.STPMode
	mac       switchdev.MAC
}

// membership are the VLANs of a port.
type membership map[switchdev.VLAN]switchdev.VLANFlags

func (m membership) pvid() switchdev.VLAN {
	for v, f := range m {
		if f&switchdev.VLANPVID != 0 {
			return v
		}
	}
	return switchdev.NoVLAN
}

// port is a port with all that is known of it.
type port struct {
	bridge.Port
	vlans membership
	links []bridge.Link
}

// runs reports whether the port is up and has carrier.
func (p *port) runs() bool { return p.Up && p.Carrier }

// sends reports whether frames may leave by the port at all.
func (p *port) sends() bool {
	return p.runs() && p.State == switchdev.PortForwarding && len(p.numbers()) > 0
}

func (p *port) has(f switchdev.PortFlags) bool { return p.Flags&f != 0 }

// numbers are those by which a frame to the port may leave.
func (p *port) numbers() (all []switchdev.PortID) {
	if len(p.links) == 0 {
		return []switchdev.PortID{p.ID}
	}
	for _, l := range p.links {
		if !l.Down {
			all = append(all, l.ID)
		}
	}
	return all
}

// fresh looks again if something may have happened since.
func (y *Yard) fresh() {
	if y.stale {
		y.look()
	}
}

// look reads what the bridge shows.
func (y *Yard) look() {
	b := y.b
	c := &conf{
		by: make(map[switchdev.PortID]*port), filtering: b.Filtering(), up: b.Up(), stp: b.STP().Mode, mac: b.MAC(),
		host: y.vlansOf(switchdev.PortHost),
	}
	for _, shown := range b.Ports() {
		p := &port{Port: shown, vlans: y.vlansOf(shown.ID)}
		p.links, _ = b.Links(shown.ID)
		c.ports = append(c.ports, p)
		c.by[p.ID] = p
		for _, l := range p.links {
			c.by[l.ID] = p
		}
	}
	y.now, y.stale = c, false
}

func (y *Yard) vlansOf(id switchdev.PortID) membership {
	list, _ := y.b.VLANs(id)
	m := make(membership, len(list))
	for _, v := range list {
		m[v.VLAN] = v.Flags
	}
	return m
}

// port returns the port with the number, not one with such a link.
func (c *conf) port(id switchdev.PortID) *port {
	if p := c.by[id]; p != nil && p.ID == id {
		return p
	}
	return nil
}

// clone copies what verbs change.
func (p *port) clone() *port {
	q := *p
	q.vlans, q.links = maps.Clone(p.vlans), slices.Clone(p.links)
	return &q
}
