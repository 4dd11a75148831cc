package machine

import (
	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// AddFDB is RTM_NEWNEIGH of the family PF_BRIDGE, "bridge fdb add", "replace" and
// "append". With Master, or without a flag, the bridge of the port is asked, and its
// refusal ends it; with Self the device then. An error of that leaves what the bridge has
// done. Linux: net/core/rtnetlink.c, rtnl_fdb_add.
func (m *Machine) AddFDB(n Neigh, how Create) error {
	d, err := m.addressed(&n, "FDB add only supported for Ethernet devices")
	if err != nil {
		return err
	}
	answer := refuse(EOPNOTSUPP, "")
	if (n.Flags&^extended == 0 || n.Flags&Master != 0) && d.master != nil {
		if answer = refused(m.addEntry(d.master, d, &n, how)); answer != nil {
			return answer
		}
	}
	if n.Flags&Self == 0 {
		return answer
	}
	if d.bridge != nil {
		if err := refused(m.addEntry(d.bridge, d, &n, how)); err != nil {
			return err
		}
		m.echo(d, &n, false)
		return nil
	}
	return m.addOwn(d, &n, how)
}

// extended are the flags that do not count as such in a message: they have an attribute
// of their own.
const extended = Managed | Locked | ExtValidated

// addressed returns the device of a request after the checks that come first.
func (m *Machine) addressed(n *Neigh, foreign string) (*device, error) {
	d, err := m.lookup(n.NS, n.Dev)
	switch {
	case err != nil:
		return nil, err
	case d.kind == Loopback:
		return nil, refuse(EINVAL, foreign)
	case n.HasVLAN && !switchdev.VLAN(n.VLAN).Valid():
		return nil, refuse(EINVAL, "invalid vlan id")
	}
	return d, nil
}

// vlan returns the VLAN of a request.
func (n *Neigh) vlan() switchdev.VLAN {
	if !n.HasVLAN {
		return switchdev.NoVLAN
	}
	return switchdev.VLAN(n.VLAN)
}

// addEntry makes an entry of a bridge, on a port of it or, if d is that, the bridge
// itself. Linux: net/bridge/br_fdb.c, br_fdb_add, __br_fdb_add and fdb_add_entry.
func (m *Machine) addEntry(b *bridgeDevice, d *device, n *Neigh, how Create) error {
	host := d.bridge != nil
	switch {
	case n.State&(Permanent|NoARP|Reachable) == 0 || n.MAC.IsZero():
		return refuse(EINVAL, "")
	case n.Flags&Locked != 0:
		return refuse(EINVAL, "Cannot add FDB entry with \"locked\" flag set")
	case !b.mayUse(portOf(d), n.vlan()):
		return refuse(EINVAL, "")
	case !host:
	case n.Flags&Use != 0:
		return refuse(EINVAL, "")
	case n.State&Permanent == 0 && n.Flags&ExtLearned != 0:
		return refuse(EINVAL, "FDB entry towards bridge must be permanent")
	case n.State&Permanent == 0:
		return refuse(EINVAL, "")
	}
	op := fdb.Op{Entry: fdb.Entry{Key: fdb.Key{MAC: n.MAC, VLAN: n.vlan()}, Port: portOf(d)}}
	switch {
	case n.Flags&Use != 0:
		op.Verb = fdb.VerbUse
	case n.Flags&ExtLearned != 0:
		op.Verb, op.Entry.Flags = fdb.VerbReplace, fdb.Extern
		if host {
			op.Entry.Flags |= fdb.Local
		}
	default:
		var err error
		if op.Entry.Flags, err = kind(n); err != nil {
			return err
		}
		op.Verb = b.verb(op.Entry.Key, how)
	}
	return m.done(b.b.SubmitEdit(op))
}

// mayUse reports whether who has a number is in a VLAN; all are in none.
func (b *bridgeDevice) mayUse(id switchdev.PortID, v switchdev.VLAN) bool {
	if v == switchdev.NoVLAN {
		return true
	}
	in, _ := b.b.VLANs(id)
	for _, one := range in {
		if one.VLAN == v {
			return true
		}
	}
	return false
}

// kind returns the flags of the entry that a request asks for, and whether it writes its
// state otherwise than the kernel does of such an entry.
func kind(n *Neigh) (fdb.Flags, error) {
	var f fdb.Flags
	shown := Reachable
	switch {
	case n.State&Permanent != 0:
		f, shown = fdb.Permanent, Permanent
	case n.State&NoARP != 0:
		f, shown = fdb.Static, NoARP
	}
	if n.Flags&Sticky != 0 {
		if f&fdb.Local != 0 {
			return 0, refuse(EINVAL, "")
		}
		f |= fdb.Sticky
	}
	if n.State != shown {
		f |= fdb.Respelt
	}
	return f, nil
}

// verb returns the verb for the flags of a request. Without MakeNew nothing is made,
// but Exclusive still refuses what is there.
func (b *bridgeDevice) verb(k fdb.Key, how Create) fdb.Verb {
	_, there := b.b.Table().Lookup(k)
	switch {
	case how&Exclusive != 0 && (how&MakeNew != 0 || there):
		return fdb.VerbAdd
	case how&MakeNew == 0:
		return fdb.VerbUpdate
	}
	return fdb.VerbReplace
}
