package bridge

import (
	"cmp"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// Port is what a bridge knows of one of its ports.
type Port struct {
	// ID, Name and MAC are as they were configured.
	ID   switchdev.PortID
	Name string
	MAC  switchdev.MAC
	// Flags and State are as they are now.
	Flags switchdev.PortFlags
	State switchdev.PortState
	// Up is the administrative state, Carrier that of the link. A port without
	// both is disabled.
	Up, Carrier bool
	// Backup is the port that gets what is for stations of this one while it is
	// down or without carrier; 0 for none.
	Backup switchdev.PortID
	// GroupForward is the port's own mask.
	GroupForward uint16
	// Tree is what the spanning tree knows of the port.
	Tree PortTree
	// Device is the name of the device that the port is offloaded to; empty if
	// it is software only.
	Device string
}

// port is a port as the data path sees it. It never changes; only meters are
// shared with what takes its place.
type port struct {
	Port
	device *device // nil: not offloaded
	vlans  *membership
	links  []Link
	active []switchdev.PortID // of the links: those that take frames
	meters *meters
	gen    switchdev.Generation // of its life in the device
	joined uint64               // the how many-th port of the bridge it was
}

// running reports whether the port is up and has carrier.
func (p *port) running() bool { return p.Up && p.Carrier }

// egress reports whether frames may leave by the port at all: one that has links
// needs one of them.
func (p *port) egress() bool {
	return p.running() && p.State == switchdev.PortForwarding && (len(p.links) == 0 || len(p.active) > 0)
}

// page is a part of a view's index by number.
type page [256]lane

// lane is a port in the index. A plain one has nothing that a frame between two
// stations would have to be asked about: it is up, forwards and learns, is neither
// locked nor isolated and has no links.
type lane struct {
	*port
	plain bool
	slot  uint8 // in tallies; slots for none
	pvid  switchdev.VLAN
}

// view is the ports of a bridge at one instant. It never changes.
type view struct {
	index [256]*page // of ports, and of links the port that they belong to
	ports []*port    // by ascending number

	// The ports that a flood reaches, by what it is a flood of.
	unicast, multicast, broadcast []*port
	// Those that a group frame of the host reaches: the flags are not asked.
	forwarding []*port

	setting
}

// setting is what holds for a bridge as a whole.
type setting struct {
	mac       switchdev.MAC // the bridge's; zero if it has none
	promisc   bool
	up        bool
	filtering bool
	protocol  uint16
	local0    bool        // own addresses are in VLAN 0 only
	host      *membership // of the bridge itself
	pvid      switchdev.VLAN
	linkLocal LinkLocal
	stp       STPMode

	// Of the ports: some has others answered for it, and some keeps from being
	// asked what is known.
	proxies, suppressing bool
	plain                bool // frames between plain ports may take the short way
}

func (v *view) port(id switchdev.PortID) *port {
	if pg := v.index[id>>8]; pg != nil {
		return pg[id&0xff].port
	}
	return nil
}

func (v *view) lane(id switchdev.PortID) (l lane) {
	if pg := v.index[id>>8]; pg != nil {
		l = pg[id&0xff]
	}
	return l
}

func (v *view) put(id switchdev.PortID, p *port) {
	pg := &v.index[id>>8]
	if *pg == nil {
		*pg = new(page)
	}
	const asked = switchdev.PortLearns | switchdev.PortLocked | switchdev.PortIsolated
	(*pg)[id&0xff] = lane{
		port: p, slot: uint8(p.meters.slot), pvid: p.vlans.pvid,
		plain: p.egress() && p.ID == id && len(p.active) == 0 && p.Flags&asked == switchdev.PortLearns,
	}
}

// newView makes a view of the ports.
func newView(ports map[switchdev.PortID]*port, s setting) *view {
	v := &view{setting: s, ports: make([]*port, 0, len(ports))}
	for _, p := range ports {
		v.ports = append(v.ports, p)
	}
	slices.SortFunc(v.ports, func(a, b *port) int { return cmp.Compare(a.ID, b.ID) })
	for _, p := range v.ports {
		v.put(p.ID, p)
		for _, l := range p.links {
			v.put(l.ID, p)
		}
		v.proxies = v.proxies || p.Flags&proxyFlags != 0
		v.suppressing = v.suppressing || p.Flags&switchdev.PortNeighSuppress != 0
		if p.egress() {
			v.list(p)
		}
	}
	v.plain = !v.promisc && !v.proxies && !v.suppressing && !v.local0
	return v
}

// list puts a port that frames may leave by into the lists that it belongs to. A
// port for which the bridge answers gets no flood at all (br_forward.c, br_flood).
func (v *view) list(p *port) {
	if p.Flags&switchdev.PortProxyARP != 0 {
		return
	}
	v.forwarding = append(v.forwarding, p)
	for _, c := range []struct {
		list *[]*port
		flag switchdev.PortFlags
	}{{&v.unicast, switchdev.PortFlood}, {&v.multicast, switchdev.PortMulticastFlood}, {&v.broadcast, switchdev.PortBroadcastFlood}} {
		if p.Flags&c.flag != 0 {
			*c.list = append(*c.list, p)
		}
	}
}

// Ports returns the ports, by ascending number. Anybody may call it at any time;
// the slice is the caller's.
func (b *Bridge) Ports() []Port {
	v := b.view.Load()
	all := make([]Port, len(v.ports))
	for i, p := range v.ports {
		all[i] = p.Port
	}
	return all
}

// Port returns the port with the number id. Anybody may call it at any time.
func (b *Bridge) Port(id switchdev.PortID) (Port, bool) {
	if p := b.view.Load().port(id); p != nil && p.ID == id {
		return p.Port, true
	}
	return Port{}, false
}

// MAC returns the bridge's own address, zero if it has none: no port, and none
// was configured. Anybody may call it at any time.
func (b *Bridge) MAC() switchdev.MAC { return b.view.Load().mac }

// Filtering reports whether the bridge looks at VLAN tags. Anybody may call it at
// any time.
func (b *Bridge) Filtering() bool { return b.view.Load().filtering }

// Up reports whether the bridge itself is up. Anybody may call it at any time.
func (b *Bridge) Up() bool { return b.view.Load().up }
