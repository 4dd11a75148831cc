package bridge

import (
	"context"
	"fmt"
	"syscall"

	"github.com/switchcore/switchcore/switchdev"
)

// errProtocol is the kernel's errno for a tag that is none.
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
