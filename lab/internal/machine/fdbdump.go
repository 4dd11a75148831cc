package machine

import (
	"cmp"
	"slices"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/show"
	"github.com/switchcore/switchcore/switchdev"
)

// FDB returns the whole dump of a namespace: the entries of bridges, and the devices'
// own tables, device by device and each in the order of VLAN and address. The kernel's
// order is that of its hash tables.
func (m *Machine) FDB(ns string) []show.Row {
	rows, _ := m.DumpFDB(ns, "", "")
	return rows
}

// DumpFDB is RTM_GETNEIGH with NLM_F_DUMP. With the name of a bridge in br it is the dump
// of that bridge and of its ports, with that of a device in dev the dump of that device.
// ENODEV if there is none of that name. Linux: net/core/rtnetlink.c, rtnl_fdb_dump;
// net/bridge/br_fdb.c, br_fdb_dump.
func (m *Machine) DumpFDB(ns, br, dev string) (rows []show.Row, err error) {
	s := m.spaces[ns]
	if s == nil {
		return nil, refuse(ENODEV, "")
	}
	var of, only *device
	if br != "" {
		if of = m.named(s, br); of == nil {
			return nil, refuse(ENODEV, "")
		}
	}
	if dev != "" {
		if only = m.named(s, dev); only == nil {
			return nil, refuse(ENODEV, "")
		}
	}
	for _, d := range m.sorted(s) {
		switch {
		case only != nil && d != only:
		case of != nil && (d != of || d.bridge == nil) && (d.master == nil || d.master.dev != of):
		case d.bridge != nil:
			rows = append(append(rows, d.rows()...), m.entries(d.bridge, switchdev.PortHost)...)
		default:
			if d.master != nil {
				rows = append(rows, m.entries(d.master, d.port)...)
			}
			rows = append(rows, d.rows()...)
		}
	}
	return rows, nil
}

// entries returns the entries of a bridge on one port.
func (m *Machine) entries(b *bridgeDevice, id switchdev.PortID) (rows []show.Row) {
	var all []fdb.Entry
	for e := range b.b.Table().All() {
		if e.Port == id {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(x, y fdb.Entry) int {
		return cmp.Or(cmp.Compare(x.VLAN, y.VLAN), x.MAC.Compare(y.MAC))
	})
	view := b.view()
	for _, e := range all {
		rows = append(rows, view.FromEntry(e))
	}
	return rows
}

// GetFDB is RTM_GETNEIGH of one entry: that of exactly that VLAN, on whatever port it is,
// also where a port was named. Linux: net/core/rtnetlink.c, rtnl_fdb_get;
// net/bridge/br_fdb.c, br_fdb_get.
func (m *Machine) GetFDB(q Query) (show.Row, error) {
	if q.HasVLAN && !switchdev.VLAN(q.VLAN).Valid() {
		return show.Row{}, refuse(EINVAL, "invalid vlan id")
	}
	b, err := m.asked(&q)
	if err != nil {
		return show.Row{}, err
	}
	k := fdb.Key{MAC: q.MAC}
	if q.HasVLAN {
		k.VLAN = switchdev.VLAN(q.VLAN)
	}
	for e := range b.b.Table().All() {
		if e.Key == k {
			return b.view().FromEntry(e), nil
		}
	}
	return show.Row{}, refuse(ENOENT, "Fdb entry not found")
}

// asked returns the bridge that a query is for.
func (m *Machine) asked(q *Query) (*bridgeDevice, error) {
	var d, br *device
	if q.Dev != "" {
		if d = m.find(q.NS, q.Dev); d == nil {
			return nil, refuse(ENODEV, "Unknown device ifindex")
		}
	}
	if q.Bridge != "" {
		br = m.find(q.NS, q.Bridge)
	}
	switch {
	case q.Bridge != "" && d != nil:
		return nil, refuse(EINVAL, "Master and device are mutually exclusive")
	case q.Bridge != "" && br == nil:
		return nil, refuse(EINVAL, "Invalid master ifindex")
	case br == nil && d == nil:
		return nil, refuse(ENODEV, "No device specified")
	case br != nil:
	case q.Flags&(Self|Master) == 0 || q.Flags&Master != 0:
		if d.master == nil {
			return nil, refuse(EINVAL, "Device is not a bridge port")
		}
		br = d.master.dev
	default:
		br = d
	}
	if br.bridge == nil {
		return nil, refuse(EOPNOTSUPP, "Fdb get operation not supported by device")
	}
	return br.bridge, nil
}
