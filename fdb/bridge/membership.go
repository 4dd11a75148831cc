package bridge

import (
	"github.com/switchcore/switchcore/switchdev"
)

// membership says which VLANs a port is in, and how. It never changes.
type membership struct {
	member, untagged switchdev.VLANSet
	pvid             switchdev.VLAN // NoVLAN: none
}

func (m *membership) flags(v switchdev.VLAN) (f switchdev.VLANFlags) {
	if m.pvid == v {
		f |= switchdev.VLANPVID
	}
	if m.untagged.Contains(v) {
		f |= switchdev.VLANUntagged
	}
	return f
}

// with returns the membership with VLANs in it that have the flags. The highest of
// them is the PVID, if they are to be that; one that was it and is not to be it any
// more leaves none (br_vlan.c, __vlan_flags_update).
func (m *membership) with(vlans *switchdev.VLANSet, flags switchdev.VLANFlags) *membership {
	n := *m
	for v := range vlans.All() {
		_ = n.member.Add(v)
		if flags&switchdev.VLANUntagged != 0 {
			_ = n.untagged.Add(v)
		} else {
			n.untagged.Remove(v)
		}
		switch {
		case flags&switchdev.VLANPVID != 0:
			n.pvid = v
		case n.pvid == v:
			n.pvid = switchdev.NoVLAN
		}
	}
	return &n
}

// restored returns the membership without what a change from was to is has done to it. A
// VLAN with other flags than it gave is somebody else's by now, and so is another PVID.
func (m *membership) restored(was, is *membership) *membership {
	var entered, left switchdev.VLANSet
	for v := range is.member.All() {
		if !was.member.Contains(v) && m.member.Contains(v) && m.flags(v) == is.flags(v) {
			_ = entered.Add(v)
		}
	}
	for v := range was.member.All() {
		if !is.member.Contains(v) && !m.member.Contains(v) {
			_ = left.Add(v)
		}
	}
	n := m.without(&entered).with(&left, switchdev.VLANUntagged)
	if (m.pvid == is.pvid || m.pvid == switchdev.NoVLAN) && n.member.Contains(was.pvid) {
		n.pvid = was.pvid
	}
	return n
}

// without returns the membership without VLANs.
func (m *membership) without(vlans *switchdev.VLANSet) *membership {
	n := *m
	for v := range vlans.All() {
		n.member.Remove(v)
		n.untagged.Remove(v)
		if n.pvid == v {
			n.pvid = switchdev.NoVLAN
		}
	}
	return &n
}

// first returns the membership of a new port of a bridge with the default PVID v.
func first(v switchdev.VLAN) *membership {
	m := new(membership)
	if v == switchdev.NoVLAN {
		return m
	}
	var vlans switchdev.VLANSet
	_ = vlans.Add(v)
	return m.with(&vlans, switchdev.VLANPVID|switchdev.VLANUntagged)
}

// union is the membership that n is, with what m has besides.
func (m *membership) union(n *membership) *membership {
	u := *n
	for v := range m.member.All() {
		if !n.member.Contains(v) {
			_ = u.member.Add(v)
			if m.untagged.Contains(v) {
				_ = u.untagged.Add(v)
			}
		}
	}
	return &u
}

// gone returns the VLANs of m that n has not.
func (m *membership) gone(n *membership) switchdev.VLANSet {
	left := m.member
	for v := range n.member.All() {
		left.Remove(v)
	}
	return left
}

// renumbered returns the membership with another default PVID, unless a user has
// decided otherwise: the old one is not the PVID any more, or has a tag, or the new
// one is a VLAN that the port is in. Where there was no default the new one is taken
// in any case.
func (m *membership) renumbered(old, v switchdev.VLAN) *membership {
	switch {
	case old == v, m.member.Contains(v):
		return m
	case old != switchdev.NoVLAN && (m.pvid != old || !m.untagged.Contains(old)):
		return m
	}
	n := m
	if old != switchdev.NoVLAN {
		var vlans switchdev.VLANSet
		_ = vlans.Add(old)
		n = n.without(&vlans)
	}
	if v != switchdev.NoVLAN {
		var vlans switchdev.VLANSet
		_ = vlans.Add(v)
		n = n.with(&vlans, switchdev.VLANPVID|switchdev.VLANUntagged)
	}
	return n
}
