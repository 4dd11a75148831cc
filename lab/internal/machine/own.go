package machine

import (
	"slices"

	"github.com/switchcore/switchcore/fdb/show"
	"github.com/switchcore/switchcore/switchdev"
)

// ownEntry is an address in a device's own table: of unicast addresses, or of groups.
type ownEntry struct {
	mac   switchdev.MAC
	group bool
}

// ownKey returns the entry for an address. Link-local groups are kept with the unicast
// addresses.
func ownKey(mac switchdev.MAC) ownEntry {
	return ownEntry{mac, mac.IsMulticast() && !linkLocal(mac)}
}

// linkLocal reports whether an address is one of 01:80:c2:00:00:00 to :0f.
func linkLocal(mac switchdev.MAC) bool {
	return mac[0] == 0x01 && mac[1] == 0x80 && mac[2] == 0xc2 && mac[3] == 0 && mac[4] == 0 && mac[5]&0xf0 == 0
}

// addOwn adds an address to the table of a device that is no bridge. Linux:
// net/core/rtnetlink.c, ndo_dflt_fdb_add.
func (m *Machine) addOwn(d *device, n *Neigh, how Create) error {
	switch {
	case n.State != 0 && n.State&Permanent == 0, n.Flags&extended != 0, n.vlan() != switchdev.NoVLAN:
		return refuse(EINVAL, "")
	}
	e := ownKey(n.MAC)
	switch {
	case !slices.Contains(d.own, e):
		d.own = append(d.own, e)
	case how&Exclusive != 0:
		return refuse(EEXIST, "")
	}
	m.tell(d, n, false)
	return nil
}

// deleteOwn takes an address out of the table of a device. Linux: ndo_dflt_fdb_del, which
// does not look at the VLAN.
func (m *Machine) deleteOwn(d *device, n *Neigh) error {
	if n.State&Permanent == 0 {
		return refuse(EINVAL, "")
	}
	i := slices.Index(d.own, ownKey(n.MAC))
	if i < 0 {
		return refuse(ENOENT, "")
	}
	d.own = slices.Delete(d.own, i, i+1)
	m.tell(d, n, true)
	return nil
}

// echo tells of an entry of a bridge once more, as if it were in the device's own table.
func (m *Machine) echo(d *device, n *Neigh, deleted bool) {
	if m.cfg.Netlink&SelfEcho != 0 {
		m.tell(d, n, deleted)
	}
}

// tell writes the notification of a request for a device. Linux: rtnl_fdb_notify.
func (m *Machine) tell(d *device, n *Neigh, deleted bool) {
	d.space.journal.write(show.Row{
		Deleted: deleted, MAC: n.MAC, Dev: d.name, VLAN: n.vlan(), Flags: show.Self, State: state(n.State),
	})
}

// state returns the word that the tool has for the state of a message (iproute2,
// bridge/fdb.c, state_n2a).
func state(s NUD) show.State {
	switch {
	case s&Permanent != 0:
		return show.Permanent
	case s&NoARP != 0:
		return show.Static
	case s&Stale != 0:
		return show.Stale
	case s&Reachable != 0:
		return show.Reachable
	}
	const digits = "0123456789abcdef"
	if s < 16 {
		return show.State("0x" + digits[s:s+1])
	}
	return show.State("0x" + digits[s>>4&15:s>>4&15+1] + digits[s&15:s&15+1])
}

// rows returns the device's own table.
func (d *device) rows() (all []show.Row) {
	for _, group := range [...]bool{false, true} {
		for _, e := range d.own {
			if e.group == group {
				all = append(all, show.Row{MAC: e.mac, Dev: d.name, Flags: show.Self, State: show.Permanent})
			}
		}
	}
	return all
}
