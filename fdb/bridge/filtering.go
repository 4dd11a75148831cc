package bridge

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"syscall"

	"github.com/switchcore/switchcore/switchdev"
)

// errFiltering is the kernel's errno for a default PVID that is changed while
// VLANs are filtered.
var errFiltering = fmt.Errorf("%w: %w", switchdev.ErrPermission, syscall.EPERM)

// errProtocol is its errno for a tag that is none.
var errProtocol = fmt.Errorf("%w: %w", switchdev.ErrInvalid, syscall.EPROTONOSUPPORT)

// SetFiltering turns VLAN filtering on or off, in the devices too. The table stays
// as it is: without filtering only the entries in VLAN 0 count, with it only the
// others. ErrUnsupported if a device that forwards by itself does not look at
// VLANs; see [Bridge.SetAgeing] for the other errors. Linux: br_vlan_filter_toggle
// (net/bridge/br_vlan.c).
func (b *Bridge) SetFiltering(ctx context.Context, on bool) error {
	return b.SubmitSetFiltering(on).Wait(ctx)
}

// SubmitSetFiltering is SetFiltering without the wait. It never blocks.
func (b *Bridge) SubmitSetFiltering(on bool) *Ticket {
	return b.onBridge(opFiltering, func(*op) error {
		return b.change(opFiltering, func(w *want) { w.filtering = on }, func() error {
			b.set(func(s *setting) { s.filtering = on })
			return nil
		})
	})
}

// SetProtocol says which tag is a VLAN tag: EtherTypeVLAN or EtherTypeSVLAN, else
// ErrInvalid. See [Bridge.SetFiltering] for the other errors. Linux:
// br_vlan_set_proto.
func (b *Bridge) SetProtocol(ctx context.Context, e switchdev.EtherType) error {
	return b.SubmitSetProtocol(e).Wait(ctx)
}

// SubmitSetProtocol is SetProtocol without the wait. It never blocks.
func (b *Bridge) SubmitSetProtocol(e switchdev.EtherType) *Ticket {
	if !tagProtocol(e) {
		return b.refused(refusal(opProtocol, b.cfg.Name, "neither 802.1Q nor 802.1ad", errProtocol))
	}
	return b.onBridge(opProtocol, func(*op) error {
		return b.change(opProtocol, func(w *want) { w.protocol = e }, func() error {
			b.set(func(s *setting) { s.protocol = uint16(e) })
			return nil
		})
	})
}

func tagProtocol(e switchdev.EtherType) bool {
	return e == switchdev.EtherTypeVLAN || e == switchdev.EtherTypeSVLAN
}

// SetDefaultPVID sets the VLAN that ports and the bridge itself begin in;
// NoDefaultPVID for none. Who has the old one as its PVID, without a tag, leaves it,
// and is in the new one so; not who is in the new one already. If there was none
// everybody else is. ErrPermission while VLANs are filtered, ErrInvalid for
// what is no VLAN; see [Bridge.AddVLANs] for the other errors: a port that has
// changed before another was refused stays so. Linux: br_vlan_set_default_pvid.
func (b *Bridge) SetDefaultPVID(ctx context.Context, v switchdev.VLAN) error {
	return b.SubmitSetDefaultPVID(v).Wait(ctx)
}

// SubmitSetDefaultPVID is SetDefaultPVID without the wait. It never blocks.
func (b *Bridge) SubmitSetDefaultPVID(v switchdev.VLAN) *Ticket {
	switch {
	case v == NoDefaultPVID:
		v = switchdev.NoVLAN
	case !v.Valid():
		return b.refused(refusal(opDefaultPVID, b.cfg.Name, "invalid vlan id", switchdev.ErrInvalid))
	}
	o := b.newOp(opDefaultPVID, switchdev.PortHost)
	o.then(func() {
		now := b.view.Load()
		switch {
		case now.pvid == v:
			return
		case now.filtering:
			o.fail(refusal(opDefaultPVID, b.cfg.Name, "VLANs are filtered", errFiltering))
			return
		}
		old := now.pvid
		b.set(func(s *setting) { s.pvid = v })
		renumber := func(id switchdev.PortID) *op {
			return b.setVLANs(opDefaultPVID, id, func(m *membership) (*membership, error) { return m.renumbered(old, v), nil })
		}
		if !b.has(QuirkSilentHeir) {
			o.eachPort(now, renumber, func() *op { return renumber(switchdev.PortHost) })
			return
		}
		latest := slices.SortedFunc(slices.Values(now.ports), func(p, q *port) int { return cmp.Compare(q.joined, p.joined) })
		host := renumber(switchdev.PortHost)
		o.first(host, func() { o.inTurn(latest, renumber, host.err) })
	})
	return b.submit(o)
}

// SetLocalInVLAN0 says whether own addresses are in VLAN 0 only, where they count for
// every VLAN, or in each VLAN of their port. What a device says that refuses one of
// the entries: then they are as before. Linux: fdb_local_vlan_0 (net/bridge/br_fdb.c,
// br_fdb_toggle_local_vlan_0).
func (b *Bridge) SetLocalInVLAN0(ctx context.Context, on bool) error {
	return b.SubmitSetLocalInVLAN0(on).Wait(ctx)
}

// SubmitSetLocalInVLAN0 is SetLocalInVLAN0 without the wait. It never blocks.
func (b *Bridge) SubmitSetLocalInVLAN0(on bool) *Ticket {
	o := b.newOp(opLocal, switchdev.PortHost)
	o.then(func() {
		if b.view.Load().local0 == on {
			return
		}
		<-b.slot
		tickets := b.relocate(on)
		b.unlock()
		o.await(tickets, func(err error) {
			if err == nil {
				return
			}
			<-b.slot
			undo := append(b.relocate(!on), b.reclaim()...)
			b.unlock()
			o.takeBack(undo, err)
		})
	})
	return b.submit(o)
}
