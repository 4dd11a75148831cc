package machine

import (
	"errors"
	"strings"

	"github.com/switchcore/switchcore/switchdev"
)

// SetLink is "ip link set": what c names, in the kernel's order. The first refusal ends
// it, and what came before stays. Linux: net/core/rtnetlink.c, do_setlink.
func (m *Machine) SetLink(ns, name string, c LinkChange) error {
	d, err := m.lookup(ns, name)
	if err != nil {
		return err
	}
	for _, step := range [...]func(*device, *LinkChange) error{
		m.setSpace, m.setMAC, m.setMTU, m.setName, m.setFlags, m.setMaster,
	} {
		if err := step(d, &c); err != nil {
			return refused(err)
		}
	}
	return nil
}

// setSpace moves a device to another namespace, where it is down and a port of nothing.
// Linux: net/core/dev.c, __dev_change_net_namespace.
func (m *Machine) setSpace(d *device, c *LinkChange) error {
	if c.NS == nil {
		return nil
	}
	to, old := m.spaces[*c.NS], m.cfg.Netlink&Texts61 != 0
	name := d.name
	if c.Name != nil {
		name = *c.Name
	}
	switch {
	case to == nil:
		return refuse(EINVAL, "")
	case to == d.space && !old:
		return nil
	case d.kind == Loopback || d.kind == BridgeDevice || d.kind == SwitchDevice:
		return refuse(EINVAL, m.text61("", "The interface netns is immutable"))
	case to == d.space:
		return nil
	case m.named(to, d.name) != nil && (c.Name == nil || m.named(to, name) != nil):
		return refuse(EEXIST, m.text61("", "An interface with the same name exists in the target netns"))
	}
	if err := m.setUp(d, false); err != nil {
		return err
	}
	if err := m.release(d); err != nil {
		return err
	}
	if m.named(to, d.name) != nil {
		d.name = name
	}
	d.own, d.space = nil, to
	return nil
}

// text61 returns the text of Linux 6.1 or that of the newest.
func (m *Machine) text61(old, newest string) string {
	if m.cfg.Netlink&Texts61 != 0 {
		return old
	}
	return newest
}

// setMAC changes an address, of which a bridge hears also if it is the same. Linux:
// net/core/dev.c, dev_set_mac_address; net/ethernet/eth.c, eth_mac_addr;
// net/bridge/br_device.c, br_set_mac_address.
func (m *Machine) setMAC(d *device, c *LinkChange) error {
	if c.MAC == nil {
		return nil
	}
	mac := *c.MAC
	switch {
	case !mac.IsUnicast():
		return refuse(EADDRNOTAVAIL, "")
	case d.bridge != nil:
		if err := m.done(d.bridge.b.SubmitSetMAC(mac)); err != nil {
			return err
		}
	case d.master != nil:
		if err := m.done(d.master.b.SubmitSetPortMAC(d.port, mac)); err != nil {
			return err
		}
	}
	d.mac = mac
	return nil
}

// largestMTU is that of virtual devices, ETH_MAX_MTU.
const largestMTU = 65535

// setMTU changes the largest payload. Linux: net/core/dev.c, dev_validate_mtu.
func (m *Machine) setMTU(d *device, c *LinkChange) error {
	if c.MTU == nil {
		return nil
	}
	least, most := 68, largestMTU
	switch d.kind {
	case Loopback:
		least, most = 0, 1<<31-1
	case SwitchDevice:
		most = 9000
	}
	switch mtu := *c.MTU; {
	case mtu < least:
		return refuse(EINVAL, "mtu less than device minimum")
	case mtu > most:
		return refuse(EINVAL, "mtu greater than device maximum")
	}
	d.mtu = *c.MTU
	return nil
}

// setName renames a device. Linux: net/core/dev.c, dev_change_name.
func (m *Machine) setName(d *device, c *LinkChange) error {
	if c.Name == nil {
		return nil
	}
	switch name := *c.Name; {
	case c.NS != nil && name == d.name: // it has come with that name
	case d.up && m.cfg.Netlink&Texts61 != 0:
		return refuse(EBUSY, "")
	case name == d.name:
	case !ValidName(name):
		return refuse(EINVAL, "")
	case strings.Contains(name, "%"):
		return &Unsupported{What: "a name with a number to be filled in"}
	case m.named(d.space, name) != nil:
		return refuse(EEXIST, "")
	default:
		d.name = name
	}
	return nil
}

// ValidName reports whether a device can have a name. Linux: net/core/dev.c,
// dev_valid_name.
func ValidName(name string) bool {
	return name != "" && len(name) < 16 && name != "." && name != ".." && !strings.ContainsAny(name, "/: \t\n\v\f\r")
}

// setFlags takes a device up or down, and makes it promiscuous or not.
func (m *Machine) setFlags(d *device, c *LinkChange) error {
	if c.Promisc != nil {
		d.promisc = *c.Promisc
		if d.bridge != nil {
			d.bridge.b.SetPromiscuous(d.promisc)
		}
	}
	if c.Up == nil {
		return nil
	}
	return m.setUp(d, *c.Up)
}

// setUp takes a device up or down. A bridge hears of its ports that are going down
// before their cables do, and of those that come up after them. Linux:
// net/core/dev.c, dev_open and dev_close; drivers/net/veth.c.
func (m *Machine) setUp(d *device, up bool) error {
	if d.up == up {
		return nil
	}
	d.up = up
	if up {
		if err := m.cable(d); err != nil {
			return err
		}
	}
	if err := m.tellUp(d); err != nil {
		d.up = !up
		if d.bridge != nil { // some ports have followed it
			return errors.Join(err, m.tellUp(d))
		}
		return errors.Join(err, m.cable(d))
	}
	if up {
		return nil
	}
	return m.cable(d)
}

// tellUp tells the bridge that a device is, or that it is a port of, whether it is up.
func (m *Machine) tellUp(d *device) error {
	switch {
	case d.bridge != nil:
		return m.done(d.bridge.b.SubmitSetUp(d.up))
	case d.master != nil:
		return m.done(d.master.b.SubmitSetPortUp(d.port, d.up))
	}
	return nil
}

// cable looks at the carrier at both ends of a device's cable.
func (m *Machine) cable(d *device) error {
	for _, end := range [...]*device{d, d.peer} {
		if end == nil || end.bridge != nil || end.carrier == m.linked(end) {
			continue
		}
		end.carrier = !end.carrier
		if end.kind == SwitchDevice {
			m.rack.sw.SetCarrier(end.port, end.carrier)
		}
		if end.master == nil {
			continue
		}
		if err := m.done(end.master.b.SubmitSetCarrier(end.port, end.carrier)); err != nil {
			return err
		}
	}
	return nil
}

// portOf returns the number of a device in its bridge.
func portOf(d *device) switchdev.PortID {
	if d.bridge != nil {
		return switchdev.PortHost
	}
	return d.port
}
