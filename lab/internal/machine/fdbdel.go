package machine

import (
	"slices"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// DeleteFDB is RTM_DELNEIGH, "bridge fdb del": the bridge of the port first and then the
// device, as at AddFDB. What the state of n is counts for the device's own table only.
// Linux: net/core/rtnetlink.c, rtnl_fdb_del; net/bridge/br_fdb.c, br_fdb_delete.
func (m *Machine) DeleteFDB(n Neigh) error {
	late := m.cfg.Netlink&Texts61 != 0 // newer kernels look at the VLAN before the kind of device
	if !late && n.HasVLAN && !switchdev.VLAN(n.VLAN).Valid() && m.find(n.NS, n.Dev) != nil {
		return refuse(EINVAL, "invalid vlan id")
	}
	d, err := m.addressed(&n, "FDB delete only supported for Ethernet devices")
	if err != nil {
		return err
	}
	answer := refuse(EOPNOTSUPP, "")
	if (n.Flags&^extended == 0 || n.Flags&Master != 0) && d.master != nil {
		if answer = refused(m.deleteEntry(d.master, d, &n)); answer != nil {
			return answer
		}
	}
	if n.Flags&Self == 0 {
		return answer
	}
	if d.bridge != nil {
		if err := refused(m.deleteEntry(d.bridge, d, &n)); err != nil {
			return err
		}
		m.echo(d, &n, true)
		return nil
	}
	return m.deleteOwn(d, &n)
}

func (m *Machine) deleteEntry(b *bridgeDevice, d *device, n *Neigh) error {
	switch {
	case !n.MAC.IsZero():
	case m.cfg.Bridge.Has(bridge.QuirkDeleteNeedsVLAN) && !b.knows(d, n.vlan()):
		return refuse(EINVAL, "")
	default:
		return refuse(ENOENT, "") // there can be none
	}
	return m.done(b.b.SubmitEdit(fdb.Op{Verb: fdb.VerbDelete, Entry: fdb.Entry{
		Key: fdb.Key{MAC: n.MAC, VLAN: n.vlan()}, Port: portOf(d),
	}}))
}

// knows reports whether a port is in a VLAN, or if d is the bridge anybody at all.
func (b *bridgeDevice) knows(d *device, v switchdev.VLAN) bool {
	in := func(p *device) bool { return b.mayUse(p.port, v) }
	return b.mayUse(portOf(d), v) || d.bridge != nil && slices.ContainsFunc(b.ports, in)
}

// FlushFDB is RTM_DELNEIGH with NLM_F_BULK, "bridge fdb flush". With Master, or without a
// flag, the bridge of the port is asked, and with Self the device, which none but a
// bridge can answer. Linux: net/core/rtnetlink.c, rtnl_fdb_del; net/bridge/br_fdb.c,
// br_fdb_delete_bulk.
func (m *Machine) FlushFDB(f Flush) error {
	d, err := m.lookup(f.NS, f.Dev)
	old := m.cfg.Netlink&Texts61 != 0
	switch {
	case err != nil:
		return err
	case d.kind == Loopback:
		return refuse(EINVAL, "FDB delete only supported for Ethernet devices")
	case old && f.HasVLAN && !switchdev.VLAN(f.VLAN).Valid():
		return refuse(EINVAL, "invalid vlan id")
	}
	answer := refuse(EOPNOTSUPP, "")
	if (f.Target|f.Flags == 0 || f.Target&Master != 0) && d.master != nil {
		if answer = refused(m.flush(d.master, d, &f)); answer != nil {
			return answer
		}
	}
	if f.Target&Self == 0 {
		return answer
	}
	if d.bridge == nil {
		return refuse(EOPNOTSUPP, "")
	}
	return refused(m.flush(d.bridge, d, &f))
}

// What a bulk deletion can select by.
const (
	flushStates = Permanent | NoARP
	flushFlags  = Use | ExtLearned | Sticky | Offloaded
)

func (m *Machine) flush(b *bridgeDevice, d *device, f *Flush) error {
	flags := f.Flags &^ (Master | Self)
	switch {
	case f.HasVLAN && !switchdev.VLAN(f.VLAN).Valid():
		return refuse(ERANGE, "integer out of range")
	case flags&^flushFlags != 0:
		return refuse(EINVAL, "Unsupported fdb flush ndm flag bits set")
	case f.State&^flushStates != 0:
		return refuse(EINVAL, "Unsupported fdb flush ndm state bits set")
	}
	filter := fdb.Filter{Flags: selected(f.State, flags), Mask: selected(f.StateMask, f.FlagMask)}
	if f.HasVLAN {
		filter.VLAN = switchdev.VLAN(f.VLAN)
	}
	switch {
	case f.BrPort != "":
		p, err := m.flushed(b, f.BrPort)
		if err != nil {
			return err
		}
		filter.OnPort, filter.Port = true, portOf(p)
	case d.bridge == nil:
		filter.OnPort, filter.Port = true, d.port
	}
	return m.done(b.b.Table().SubmitFlush(filter))
}

// selected returns the flags of entries that a message names by state and flags; others
// are no matter.
func selected(s NUD, f NTF) (out fdb.Flags) {
	if s&Permanent != 0 {
		out |= fdb.Local
	}
	if s&NoARP != 0 {
		out |= fdb.Static
	}
	if f&Use != 0 {
		out |= fdb.User
	}
	if f&ExtLearned != 0 {
		out |= fdb.Extern
	}
	if f&Offloaded != 0 {
		out |= fdb.InHardware
	}
	if f&Sticky != 0 {
		out |= fdb.Sticky
	}
	return out
}

// flushed returns the port of a bridge, or the bridge, whose entries are to go. Linux:
// __fdb_flush_validate_ifindex.
func (m *Machine) flushed(b *bridgeDevice, name string) (*device, error) {
	p := m.named(b.dev.space, name)
	switch {
	case p == nil:
		return nil, refuse(ENODEV, "Unknown flush device ifindex")
	case p.bridge != nil && p.bridge != b:
		return nil, refuse(EINVAL, "Flush bridge device does not match target bridge device")
	case p.bridge == nil && p.master == nil:
		return nil, refuse(EINVAL, "Flush device is not a bridge or bridge port")
	case p.master != nil && p.master != b:
		return nil, refuse(EINVAL, "Port belongs to a different bridge device")
	}
	return p, nil
}
