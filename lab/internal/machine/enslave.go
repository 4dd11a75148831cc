package machine

import (
	"slices"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// setMaster makes a device a port of a bridge, or of none. Whatever becomes of that, it
// has left the bridge that it was in. Linux: net/core/rtnetlink.c, do_set_master;
// net/bridge/br_if.c, br_add_if.
func (m *Machine) setMaster(d *device, c *LinkChange) error {
	if c.Master == nil {
		return nil
	}
	var to *device
	if *c.Master != "" {
		if to = m.named(d.space, *c.Master); to == nil {
			return refuse(EINVAL, "")
		}
	}
	if to != nil && d.master != nil && d.master == to.bridge {
		return nil
	}
	if err := m.release(d); err != nil || to == nil {
		return err
	}
	switch {
	case to.bridge == nil:
		return refuse(EOPNOTSUPP, "")
	case d.kind == Loopback:
		return refuse(EINVAL, "")
	case d.bridge != nil:
		return refuse(ELOOP, "Can not enslave a bridge to a bridge")
	}
	return m.join(to.bridge, d)
}

// join makes a device a port.
func (m *Machine) join(b *bridgeDevice, d *device) error {
	c := bridge.PortConfig{ID: d.port, MAC: d.mac, Down: !d.up, NoCarrier: !d.carrier, Tree: bridge.PortTree{PathCost: 2}}
	if d.kind == SwitchDevice {
		c.Driver = m.rack.driver
	}
	fixed := b.fixed()
	if err := m.done(b.b.SubmitAddPort(c)); err != nil {
		return err
	}
	d.own = slices.DeleteFunc(d.own, func(e ownEntry) bool { return !e.group && fixed[e.mac] })
	d.master = b
	b.ports = slices.Insert(b.ports, 0, d)
	return nil
}

// fixed returns the addresses of which a device that becomes promiscuous, as a port does,
// is told that the bridge needs them no more, though it was not told before that it does:
// its own entries of those addresses go. Linux: net/bridge/br_if.c, br_port_set_promisc;
// net/bridge/br_fdb.c, br_fdb_unsync_static.
func (b *bridgeDevice) fixed() map[switchdev.MAC]bool {
	all := make(map[switchdev.MAC]bool)
	for e := range b.b.Table().All() {
		if e.Flags&fdb.Static != 0 {
			all[e.MAC] = true
		}
	}
	return all
}

// release takes a port out of its bridge, which nothing can refuse. Linux:
// net/bridge/br_if.c, br_del_if.
func (m *Machine) release(d *device) error {
	b := d.master
	if b == nil {
		return nil
	}
	p, _ := b.b.Port(d.port)
	b.leaving = p.Backup == 0 // what is for the station goes on by the backup
	err := m.done(b.b.SubmitRemovePort(d.port))
	b.leaving = false
	if _, stuck := err.(*Livelock); stuck {
		return err
	}
	if err != nil && m.cfg.Logger != nil {
		m.cfg.Logger.Warn("port left", "bridge", b.dev.name, "port", d.name, "error", err)
	}
	d.master = nil
	b.ports = slices.DeleteFunc(b.ports, func(o *device) bool { return o == d })
	return nil
}

// DeleteLink is "ip link del": a pair goes together, and the ports of a bridge are free
// afterwards. EOPNOTSUPP for lo and the ports of a switch. Linux: net/core/rtnetlink.c,
// rtnl_dellink.
func (m *Machine) DeleteLink(ns, name string) error {
	d, err := m.lookup(ns, name)
	if err != nil {
		return err
	}
	return refused(m.remove(d))
}

func (m *Machine) remove(d *device) error {
	switch d.kind {
	case Loopback, SwitchDevice:
		return refuse(EOPNOTSUPP, "")
	case Host:
		return &Unsupported{What: "deleting the station of a switch port"}
	case BridgeDevice:
		return m.closeBridge(d.bridge)
	}
	pair := [...]*device{d, d.peer}
	for _, end := range pair {
		if err := m.setUp(end, false); err != nil {
			return err
		}
	}
	for _, end := range pair {
		if err := m.release(end); err != nil {
			return err
		}
		delete(m.devices, end.index)
	}
	return nil
}
