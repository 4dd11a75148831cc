package machine

import (
	"bytes"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// rack is the switch sw1 with its four ports, which are there from the beginning and are
// seen when a first switch is asked for.
type rack struct {
	name   string
	sw     Switch
	driver switchdev.Driver // as bridges have it
	holder *holder
	shown  bool
	faults []injected
}

// rackPorts is how many ports a switch has.
const rackPorts = 4

func portMAC(n int) switchdev.MAC    { return switchdev.MAC{0x02, 0, 0, 0, 0, byte(n)} }
func stationMAC(n int) switchdev.MAC { return switchdev.MAC{0x02, 0, 0, 0, 1, byte(n)} }

// openRack makes the switch.
func (m *Machine) openRack() error {
	c := SwitchConfig{Name: "sw1", Start: m.now, Rocker: m.cfg.Rocker, Logger: m.cfg.Logger}
	for n := 1; n <= rackPorts; n++ {
		c.Ports = append(c.Ports, SwitchPort{ID: switchdev.PortID(n), Name: "s" + digit(n), MAC: portMAC(n)})
	}
	c.Egress = func(id switchdev.PortID, frame []byte) {
		if d := m.devices[m.indexOf(id)]; d != nil && d.peer != nil {
			m.flight.push(hop{d: d.peer, frame: bytes.Clone(frame)})
		}
	}
	c.Trap = func(id switchdev.PortID, frame []byte, forwarded bool) {
		if d := m.devices[m.indexOf(id)]; d != nil {
			m.flight.push(hop{d: d, frame: bytes.Clone(frame), trapped: true, forwarded: forwarded})
		}
	}
	open := m.cfg.Switch
	if open == nil {
		open = openChip
	}
	sw, err := open(c)
	if err != nil {
		return err
	}
	m.rack = &rack{name: c.Name, sw: sw}
	m.rack.driver, m.rack.holder = hold(sw.Driver(), m.cfg.FDB.Has(fdb.QuirkLegacyOffload))
	return nil
}

func digit(n int) string { return string(rune('0' + n)) }

// ingress lets a frame come in from the cable of a port.
func (r *rack) ingress(id switchdev.PortID, frame []byte) {
	if r.holder == nil {
		r.sw.Ingress(id, frame)
		return
	}
	r.holder.holding = true
	r.sw.Ingress(id, frame)
	r.holder.holding = false
}

// showRack makes the devices of the switch's ports, and their stations where there is
// none of that name.
func (m *Machine) showRack() {
	if m.rack.shown {
		return
	}
	m.rack.shown = true
	root := m.spaces[""]
	for n := 1; n <= rackPorts; n++ {
		if m.named(root, "s"+digit(n)) != nil {
			continue
		}
		s := m.add(&device{index: n, port: switchdev.PortID(n), name: "s" + digit(n), kind: SwitchDevice, mac: portMAC(n)})
		if m.named(root, "h"+digit(n)) == nil {
			s.peer = m.add(&device{name: "h" + digit(n), kind: Host, mac: stationMAC(n), station: true, up: true, peer: s})
		}
		s.carrier = m.linked(s)
		m.rack.sw.SetCarrier(s.port, s.carrier)
		if s.peer != nil {
			s.peer.carrier = m.linked(s.peer)
		}
	}
}

// SwitchRows returns the rows of a switch's own table; ENODEV if there is none of that
// name.
func (m *Machine) SwitchRows(name string) (all []Row, err error) {
	if !m.rack.shown || name != m.rack.name {
		return nil, refuse(ENODEV, "")
	}
	for _, r := range m.rack.sw.Rows() {
		row := Row{Domain: r.Domain, VLAN: r.Key.VLAN, MAC: r.Key.MAC, Port: "cpu"}
		if d := m.devices[m.indexOf(r.Port)]; d != nil && r.Flags&switchdev.FDBLocal == 0 {
			row.Port = d.name
		}
		all = append(all, row)
	}
	return all, nil
}

// chip is a switch of package hwsim.
type chip struct{ *hwsim.Chip }

func openChip(c SwitchConfig) (Switch, error) {
	cfg := hwsim.Config{
		Name: c.Name, Seed: 1, Manual: true, Hardware: hardware(c.Rocker),
		Host: hwsim.Host{OnTrap: func(f hwsim.HostFrame) { c.Trap(f.Port, f.Frame, f.Forwarded) }},
	}
	for _, p := range c.Ports {
		cfg.Ports = append(cfg.Ports, hwsim.PortConfig{ID: p.ID, Name: p.Name, MAC: p.MAC})
	}
	sim, err := hwsim.New(cfg)
	if err != nil {
		return nil, err
	}
	for _, p := range c.Ports {
		sim.Port(p.ID).OnEgress(func(frame []byte) { c.Egress(p.ID, frame) })
	}
	sim.Poll(c.Start)
	return chip{sim}, nil
}

// Driver implements [Switch].
func (c chip) Driver() switchdev.Driver { return c.Chip }

// Ingress implements [Switch].
func (c chip) Ingress(id switchdev.PortID, frame []byte) { c.Port(id).Ingress(frame) }

// SetCarrier implements [Switch].
func (c chip) SetCarrier(id switchdev.PortID, up bool) { c.Port(id).SetCarrier(up) }

// Poll implements [Switch].
func (c chip) Poll(now time.Time) time.Time { return c.Chip.Poll(now) }

// Rows implements [Switch].
func (c chip) Rows() []SwitchRow {
	var all []SwitchRow
	for _, r := range c.Chip.Rows() {
		all = append(all, SwitchRow{Domain: r.Domain, FDBRow: r.FDBRow})
	}
	return all
}
