package bridge

import (
	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// route decides by the destination.
func (b *Bridge) route(verdict *Verdict, v *view, p *port, f *frame, out *Egress) {
	if f.data[0]&1 != 0 {
		list, flag := v.multicast, switchdev.PortMulticastFlood
		verdict.Class = ClassMulticast
		if f.dst.MAC.IsBroadcast() {
			verdict.Class, list, flag = ClassBroadcast, v.broadcast, switchdev.PortBroadcastFlood
		}
		verdict.Host = v.hears(f, out)
		flood(verdict, v, list, flag, p, f, out)
		return
	}
	if v.promisc {
		verdict.Host = v.hears(f, out)
	}
	hit, ok := b.destination(v, f)
	b.towards(verdict, v, p, f, hit, ok, out)
}

// towards decides by what the destination was found to be.
func (b *Bridge) towards(verdict *Verdict, v *view, p *port, f *frame, hit fdb.Hit, ok bool, out *Egress) {
	switch {
	case !ok:
		verdict.Class = ClassUnknown
		flood(verdict, v, v.unicast, switchdev.PortFlood, p, f, out)
	case hit.Flags&fdb.Local != 0:
		verdict.Class, verdict.Reason = ClassOwn, ReasonHost
		verdict.Host = v.hears(f, out)
		if !verdict.Host {
			verdict.Reason = ReasonEgressVLAN
		}
	default:
		verdict.Class = ClassUnicast
		verdict.Reason = deliver(v, v.port(hit.Port), p, f, out)
	}
}

// destination finds the entry that a frame goes by. Where own addresses are in
// VLAN 0 only, they count in every VLAN, and nothing else of VLAN 0 does
// (br_input.c, br_handle_frame_finish).
func (b *Bridge) destination(v *view, f *frame) (fdb.Hit, bool) {
	hit, ok := b.table.Destination(f.dst)
	if ok || !v.local0 || f.vlan == switchdev.NoVLAN {
		return hit, ok
	}
	hit, ok = b.table.Lookup(fdb.Key{MAC: f.dst.MAC})
	return hit, ok && hit.Flags&(fdb.Local|fdb.User) == fdb.Local
}

// hears reports whether the host gets a copy of what is for it, and finds its form
// (br_input.c, br_pass_frame_up).
func (v *view) hears(f *frame, out *Egress) bool {
	if !v.filtering {
		return true
	}
	if !v.promisc && !v.host.member.Contains(f.vlan) {
		return false
	}
	out.host = out.formFor(v, v.host, f.label)
	return true
}

// deliver sends a frame to the one port that its destination is known on, or
// says why not: then it is dropped and never flooded. A nil p is the host.
func deliver(v *view, q, p *port, f *frame, out *Egress) Reason {
	if q != nil && q.Backup != 0 && !q.running() {
		q = v.port(q.Backup)
	}
	switch {
	case q == nil:
		return ReasonNoEgress
	case !q.egress():
		return ReasonEgressDown
	case v.filtering && !q.vlans.member.Contains(f.vlan):
		return ReasonEgressVLAN
	case p == nil:
	case q == p && q.Flags&switchdev.PortHairpin == 0:
		return ReasonSamePort
	case q.Flags&p.Flags&switchdev.PortIsolated != 0:
		return ReasonIsolated
	case f.forwardedTo(q, p):
		return ReasonHardware
	}
	out.add(v, q, f, 0)
	q.meters.sent.add(len(f.data))
	return ReasonForwarded
}

// forwardedTo reports whether hardware has sent the frame out of q.
func (f *frame) forwardedTo(q, p *port) bool {
	return f.marked && q.device != nil && q.device == p.device
}

// flood sends a frame to every port of the list that may have frames of p; a nil
// p is the host. The list holds only ports that forward and want such frames, for
// which devices have the flag.
func flood(verdict *Verdict, v *view, list []*port, flag switchdev.PortFlags, p *port, f *frame, out *Egress) {
	verdict.Reason = ReasonFlooded
	var sent uint64 // the devices that have a copy, which they send on
	for _, q := range list {
		if f.skips(v, q, p) {
			continue
		}
		mark := formSame
		if d := q.device; d != nil && d.forwards(q, p, f, flag) {
			if sent&d.bit != 0 {
				q.meters.sent.add(len(f.data))
				continue
			}
			sent |= d.bit
			mark = formMarked
		}
		out.add(v, q, f, mark)
		q.meters.sent.add(len(f.data))
	}
	if len(out.ports) == 0 && !verdict.Host {
		verdict.Reason = ReasonNowhere
		if f.marked {
			verdict.Reason = ReasonHardware
		}
	}
}

// skips reports whether q does not get the flood of a frame of p.
func (f *frame) skips(v *view, q, p *port) bool {
	if v.filtering && !q.vlans.member.Contains(f.vlan) || f.answered && q.Flags&switchdev.PortNeighSuppress != 0 {
		return true
	}
	return p != nil && (q == p && q.Flags&switchdev.PortHairpin == 0 ||
		q.Flags&p.Flags&switchdev.PortIsolated != 0 || f.forwardedTo(q, p))
}

// forwards reports whether the device sends the frame out of q by itself when it
// is given one copy for all its ports. What it cannot know keeps the copies apart:
// that another device's port is isolated, that a neighbour was answered for, and
// that a group frame of the host ignores the flags (br_switchdev.c,
// nbp_switchdev_can_offload_tx_fwd).
func (d *device) forwards(q, p *port, f *frame, flag switchdev.PortFlags) bool {
	switch {
	case !d.TransmitForwards || f.answered || q.Flags&flag == 0:
		return false
	case p == nil:
		return true
	}
	return p.device != d && p.Flags&switchdev.PortIsolated == 0
}
