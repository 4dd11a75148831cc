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
	// Up is the administrative state. A port that is down is disabled.
	Up bool
	// GroupForward is the port's own mask.
	GroupForward uint16
	// Device is the name of the device that the port is offloaded to; empty if
	// it is software only.
	Device string
}

// port is a port as the data path sees it. It never changes; only meters are
// shared with what takes its place.
type port struct {
	Port
	device  *device // nil: not offloaded
	forward uint16  // link-local addresses that are forwarded
	meters  *meters
}

// egress reports whether frames may leave by the port at all.
func (p *port) egress() bool { return p.Up && p.State == switchdev.PortForwarding }

// page is a part of a view's index by number.
type page [256]*port

// view is the ports of a bridge at one instant. It never changes.
type view struct {
	index [256]*page
	ports []*port // by ascending number

	// The ports that a flood reaches, by what it is a flood of.
	unicast, multicast, broadcast []*port
	// Those that a group frame of the host reaches: the flags are not asked.
	forwarding []*port

	mac     switchdev.MAC // the bridge's; zero if it has none
	promisc bool
}

func (v *view) port(id switchdev.PortID) *port {
	if pg := v.index[id>>8]; pg != nil {
		return pg[id&0xff]
	}
	return nil
}

// newView makes a view of the ports.
func newView(ports map[switchdev.PortID]*port, mac switchdev.MAC, promisc bool) *view {
	v := &view{mac: mac, promisc: promisc, ports: make([]*port, 0, len(ports))}
	for _, p := range ports {
		v.ports = append(v.ports, p)
	}
	slices.SortFunc(v.ports, func(a, b *port) int { return cmp.Compare(a.ID, b.ID) })
	for _, p := range v.ports {
		pg := &v.index[p.ID>>8]
		if *pg == nil {
			*pg = new(page)
		}
		(*pg)[p.ID&0xff] = p
		if !p.egress() {
			continue
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
	return v
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
	if p := b.view.Load().port(id); p != nil {
		return p.Port, true
	}
	return Port{}, false
}

// MAC returns the bridge's own address, zero if it has none: no port, and none
// was configured. Anybody may call it at any time.
func (b *Bridge) MAC() switchdev.MAC { return b.view.Load().mac }
