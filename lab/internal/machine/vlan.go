package machine

import (
	"errors"

	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// AddVLAN is "bridge vlan add". Without Self the bridge of the port is asked; with it the
// device, which none but a bridge can answer. Linux: net/core/rtnetlink.c,
// rtnl_bridge_setlink; net/bridge/br_netlink.c, br_process_vlan_info.
func (m *Machine) AddVLAN(r VLANRange) error { return m.onVLANs(&r, m.addVLANs) }

// DeleteVLAN is "bridge vlan del". It is no error that the device is not in a VLAN, and no
// refusal has a text. Linux: rtnl_bridge_dellink, br_dellink.
func (m *Machine) DeleteVLAN(r VLANRange) error {
	err := m.onVLANs(&r, m.deleteVLANs)
	var e *Error
	if errors.As(err, &e) && e.Text != "" {
		return refuse(e.Errno, "")
	}
	return err
}

type vlanVerb func(b *bridgeDevice, id switchdev.PortID, vlans switchdev.VLANSet, flags switchdev.VLANFlags) error

func (m *Machine) onVLANs(r *VLANRange, f vlanVerb) error {
	d, err := m.lookup(r.NS, r.Dev)
	if err != nil {
		return err
	}
	if r.Master || !r.Self {
		if d.master == nil {
			return refuse(EOPNOTSUPP, "")
		}
		if err := r.apply(d.master, d.port, f); err != nil {
			return err
		}
	}
	switch {
	case !r.Self:
		return nil
	case d.bridge == nil:
		return refuse(EOPNOTSUPP, "")
	}
	return r.apply(d.bridge, switchdev.PortHost, f)
}

func (r *VLANRange) apply(b *bridgeDevice, id switchdev.PortID, f vlanVerb) error {
	first, last := switchdev.VLAN(r.First), switchdev.VLAN(r.Last)
	if last == switchdev.NoVLAN {
		last = first
	}
	if !first.Valid() || !last.Valid() {
		return refuse(EINVAL, "Vlan id is invalid")
	}
	var vlans switchdev.VLANSet
	if vlans.AddRange(first, last) != nil {
		return refuse(EINVAL, "")
	}
	return refused(f(b, id, vlans, r.Flags))
}

func (m *Machine) addVLANs(b *bridgeDevice, id switchdev.PortID, vlans switchdev.VLANSet, flags switchdev.VLANFlags) error {
	if m.cfg.NoVLANFiltering {
		return refuse(EOPNOTSUPP, "")
	}
	return m.done(b.b.SubmitAddVLANs(id, vlans, flags))
}

func (m *Machine) deleteVLANs(b *bridgeDevice, id switchdev.PortID, vlans switchdev.VLANSet, _ switchdev.VLANFlags) error {
	var there switchdev.VLANSet
	in, _ := b.b.VLANs(id)
	for _, one := range in {
		if vlans.Contains(one.VLAN) {
			_ = there.Add(one.VLAN)
		}
	}
	if there.IsZero() {
		return nil
	}
	return m.done(b.b.SubmitRemoveVLANs(id, there))
}

// VLANs returns the VLANs of a bridge or a bridge port; false if the device is neither.
func (m *Machine) VLANs(ns, dev string) ([]bridge.Membership, bool) {
	d := m.find(ns, dev)
	switch {
	case d == nil:
		return nil, false
	case d.bridge != nil:
		return d.bridge.b.VLANs(switchdev.PortHost)
	case d.master != nil:
		return d.master.b.VLANs(d.port)
	}
	return nil, false
}
