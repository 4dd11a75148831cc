package machine

import (
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// device is a network device.
type device struct {
	index   int
	port    switchdev.PortID // as which it is a port of a bridge
	name    string
	space   *space
	kind    Kind
	mac     switchdev.MAC
	mtu     int
	up      bool
	carrier bool
	promisc bool
	peer    *device       // the other end of its cable
	station bool          // the outer end, where frames are sent and seen
	master  *bridgeDevice // the bridge that it is a port of
	bridge  *bridgeDevice // what it is, if it is a bridge
	own     []ownEntry    // its own table
}

// running reports whether frames may pass.
func (d *device) running() bool { return d.up && d.carrier }

// linked reports whether the cable of a device has carrier: both ends are up. The
// machine that recorded switches did not pass on what the other end of a switch port did.
func (m *Machine) linked(d *device) bool {
	switch {
	case d.peer == nil:
		return d.kind != Veth && d.kind != Host
	case d.kind == SwitchDevice && m.cfg.Rocker:
		return true
	case d.kind == SwitchDevice:
		return d.peer.up
	}
	return d.up && d.peer.up
}

// find returns a device of a namespace, nil if there is none.
func (m *Machine) find(ns, name string) *device {
	s := m.spaces[ns]
	if s == nil {
		return nil
	}
	return m.named(s, name)
}

func (m *Machine) named(s *space, name string) *device {
	if s.lo.name == name {
		return s.lo
	}
	for _, d := range m.devices {
		if d.space == s && d.name == name {
			return d
		}
	}
	return nil
}

// lookup is find for a request, which is refused without the device. Tools say so by
// themselves, without asking.
func (m *Machine) lookup(ns, name string) (*device, error) {
	if d := m.find(ns, name); d != nil {
		return d, nil
	}
	return nil, &Error{Errno: ENODEV}
}

// sorted returns the devices of a namespace, nil for all, by index.
func (m *Machine) sorted(s *space) (all []*device) {
	if s != nil {
		all = append(all, s.lo)
	}
	for _, d := range m.devices {
		if s == nil || d.space == s {
			all = append(all, d)
		}
	}
	slices.SortStableFunc(all, func(x, y *device) int { return x.index - y.index })
	return all
}

// link returns what others see of a device.
func (d *device) link() Link {
	l := Link{
		Index: d.index, Name: d.name, NS: d.space.name, Kind: d.kind, MAC: d.mac, MTU: d.mtu,
		Up: d.up, Carrier: d.carrier, Promisc: d.promisc,
	}
	if d.kind == SwitchDevice {
		l.Index++ // 1 is lo
	}
	if d.bridge != nil {
		l.Carrier = slices.ContainsFunc(d.bridge.ports, (*device).running)
	}
	if d.master != nil {
		l.Master = d.master.dev.name
	}
	if d.peer != nil {
		l.Peer = d.peer.name
	}
	return l
}

// Link returns a device of a namespace.
func (m *Machine) Link(ns, name string) (Link, bool) {
	if d := m.find(ns, name); d != nil {
		return d.link(), true
	}
	return Link{}, false
}

// Links returns the devices of a namespace by ascending index.
func (m *Machine) Links(ns string) (all []Link) {
	s := m.spaces[ns]
	if s == nil {
		return nil
	}
	for _, d := range m.sorted(s) {
		all = append(all, d.link())
	}
	return all
}

// add puts a new device into the initial namespace.
func (m *Machine) add(d *device) *device {
	if d.index == 0 {
		d.index = m.next
		m.next++
		d.port = switchdev.PortID(d.index)
	}
	if d.space == nil {
		d.space = m.spaces[""]
	}
	if d.mtu == 0 {
		d.mtu = 1500
	}
	m.devices[d.index] = d
	return d
}
