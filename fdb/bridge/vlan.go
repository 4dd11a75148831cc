package bridge

import (
	"context"

	"github.com/switchcore/switchcore/switchdev"
)

// Membership is one VLAN that a port, or the bridge itself, is in.
type Membership struct {
	VLAN switchdev.VLAN
	// Flags tell whether it is the VLAN of frames without a tag that come in, and
	// whether frames go out without one.
	Flags switchdev.VLANFlags
}

// VLANs returns the VLANs of a port, in ascending order, port 0 being the bridge
// itself; false if there is no such port. Anybody may call it at any time.
func (b *Bridge) VLANs(id switchdev.PortID) ([]Membership, bool) {
	m := b.view.Load().membership(id)
	if m == nil {
		return nil, false
	}
	var all []Membership
	for v := range m.member.All() {
		all = append(all, Membership{VLAN: v, Flags: m.flags(v)})
	}
	return all, true
}

// membership returns that of a port or of the bridge itself, nil if there is no
// such port.
func (v *view) membership(id switchdev.PortID) *membership {
	if id == switchdev.PortHost {
		return v.host
	}
	if p := v.port(id); p != nil && p.ID == id {
		return p.vlans
	}
	return nil
}

// AddVLANs makes a port a member of VLANs, or changes what it is there, port 0
// being the bridge itself: its VLANs decide what the host gets and sends. With
// VLANPVID frames without a tag that come in belong to the VLAN, which then may be
// one only. The port's address becomes an own address in each, unless own
// addresses are in VLAN 0 only.
//
// All are added or none. The device is told before the entries of the VLANs.
// ErrInvalid for no VLAN, for unknown flags and for several PVIDs, ErrNoDevice if
// there is no such port, and what the device says if it refuses: for instance
// ErrNoSpace. Nothing has changed then; after ErrOutcomeUnknown the bridge is as
// before and the device will be brought to that. Linux: br_vlan_add, nbp_vlan_add
// (net/bridge/br_vlan.c).
func (b *Bridge) AddVLANs(ctx context.Context, id switchdev.PortID, vlans switchdev.VLANSet, flags switchdev.VLANFlags) error {
	return b.SubmitAddVLANs(id, vlans, flags).Wait(ctx)
}

// SubmitAddVLANs is AddVLANs without the wait. It never blocks.
func (b *Bridge) SubmitAddVLANs(id switchdev.PortID, vlans switchdev.VLANSet, flags switchdev.VLANFlags) *Ticket {
	if err := checkVLANs(opAddVLAN, id, &vlans, flags); err != nil {
		return b.refused(err)
	}
	return b.submit(b.setVLANs(opAddVLAN, id, func(m *membership) (*membership, error) { return m.with(&vlans, flags), nil }))
}

// AddVLAN is [Bridge.AddVLANs] with one VLAN.
func (b *Bridge) AddVLAN(ctx context.Context, id switchdev.PortID, v switchdev.VLAN, flags switchdev.VLANFlags) error {
	return b.SubmitAddVLAN(id, v, flags).Wait(ctx)
}

// SubmitAddVLAN is AddVLAN without the wait. It never blocks.
func (b *Bridge) SubmitAddVLAN(id switchdev.PortID, v switchdev.VLAN, flags switchdev.VLANFlags) *Ticket {
	var vlans switchdev.VLANSet
	_ = vlans.Add(v) // the empty set is refused
	return b.SubmitAddVLANs(id, vlans, flags)
}

// RemoveVLANs ends a port's membership of VLANs, port 0 being the bridge itself.
// When it returns nil no frame of them passes by the port, the port's address is no
// own one there, what was learned on the port there has left, and no membership is
// left in the device. Static entries stay, as do those of a control plane that are
// not in hardware: nothing reaches them until the port is in the VLAN again.
//
// ErrNotExist if the port is not in one of the VLANs, and then nothing has changed.
// A device that refuses keeps the membership, and then the port is in the VLAN
// again; what was learned there is learned anew. See [Bridge.AddVLANs] for other
// errors. Linux: br_vlan_delete, nbp_vlan_delete (net/bridge/br_vlan.c).
func (b *Bridge) RemoveVLANs(ctx context.Context, id switchdev.PortID, vlans switchdev.VLANSet) error {
	return b.SubmitRemoveVLANs(id, vlans).Wait(ctx)
}

// SubmitRemoveVLANs is RemoveVLANs without the wait. It never blocks.
func (b *Bridge) SubmitRemoveVLANs(id switchdev.PortID, vlans switchdev.VLANSet) *Ticket {
	if err := checkVLANs(opRemoveVLAN, id, &vlans, 0); err != nil {
		return b.refused(err)
	}
	return b.submit(b.setVLANs(opRemoveVLAN, id, func(m *membership) (*membership, error) {
		for v := range vlans.All() {
			if !m.member.Contains(v) {
				return nil, refusal(opRemoveVLAN, "port "+id.String()+" vlan "+v.String(), "", switchdev.ErrNotExist)
			}
		}
		return m.without(&vlans), nil
	}))
}

// RemoveVLAN is [Bridge.RemoveVLANs] with one VLAN.
func (b *Bridge) RemoveVLAN(ctx context.Context, id switchdev.PortID, v switchdev.VLAN) error {
	return b.SubmitRemoveVLAN(id, v).Wait(ctx)
}

// SubmitRemoveVLAN is RemoveVLAN without the wait. It never blocks.
func (b *Bridge) SubmitRemoveVLAN(id switchdev.PortID, v switchdev.VLAN) *Ticket {
	var vlans switchdev.VLANSet
	_ = vlans.Add(v)
	return b.SubmitRemoveVLANs(id, vlans)
}

// checkVLANs refuses VLANs and flags that cannot be meant.
func checkVLANs(name string, id switchdev.PortID, vlans *switchdev.VLANSet, flags switchdev.VLANFlags) error {
	object := "port " + id.String()
	switch {
	case vlans.IsZero():
		return refusal(name, object, "invalid vlan id", switchdev.ErrInvalid)
	case flags&^(switchdev.VLANPVID|switchdev.VLANUntagged) != 0:
		return refusal(name, object, "unknown flags", switchdev.ErrInvalid)
	case flags&switchdev.VLANPVID != 0 && vlans.Len() > 1:
		return refusal(name, object, "a port has one PVID", switchdev.ErrInvalid)
	}
	return nil
}
