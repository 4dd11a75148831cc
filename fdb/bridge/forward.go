package bridge

import (
	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// headerLen is the length of an Ethernet header: two addresses and a type.
const headerLen = 14

// frame is what the data path knows of a frame.
type frame struct {
	dst, src switchdev.MAC
	size     int
	marked   bool // hardware has forwarded it among its own ports
}

// Forward decides what becomes of a frame that came in by port in: it learns
// the source, puts the ports that get the frame into out, and says why. The
// frame begins with the destination address and has no check sequence; it is
// only read, and not kept. VLAN tags are not looked at.
//
// It is the data path's: any number of goroutines may call it, each with an
// Egress of its own. It never waits and returns no error. For stations that are
// known it takes no lock and allocates nothing, but for the room in out that a
// larger flood takes; see [fdb.Table.Learn] for a new one. Linux: br_handle_frame and br_handle_frame_finish
// (net/bridge/br_input.c).
//
// An Egress that was filled before a port was removed may still name it.
func (b *Bridge) Forward(in switchdev.PortID, data []byte, out *Egress) Verdict {
	return b.ingress(in, data, false, out)
}

// ForwardMarked is [Bridge.Forward] for a frame that the port's device has
// already sent to every one of its own ports that is to have it: software
// learns from it, and sends it to the other ports only. Linux:
// skb->offload_fwd_mark (net/bridge/br_switchdev.c, nbp_switchdev_allowed_egress).
func (b *Bridge) ForwardMarked(in switchdev.PortID, data []byte, out *Egress) Verdict {
	return b.ingress(in, data, true, out)
}

func (b *Bridge) ingress(in switchdev.PortID, data []byte, marked bool, out *Egress) Verdict {
	out.Reset()
	v := b.view.Load()
	p := v.port(in)
	if p == nil {
		b.strays.Add(1)
		return Verdict{Reason: ReasonNoPort}
	}
	verdict := Verdict{Reason: ReasonPortDown}
	if p.meters.enter(len(data)) {
		verdict = b.receive(v, p, data, marked, out)
	}
	if verdict.Host {
		b.host.sent(len(data))
	}
	p.meters.leave(verdict.Reason)
	return verdict
}

// receive is what comes before the destination: sanity, link-local addresses,
// state, lock, learning.
func (b *Bridge) receive(v *view, p *port, data []byte, marked bool, out *Egress) Verdict {
	if len(data) < headerLen {
		return Verdict{Reason: ReasonShort}
	}
	f := frame{dst: switchdev.MAC(data[0:6]), src: switchdev.MAC(data[6:12]), size: len(data), marked: marked}
	switch {
	case !f.src.IsUnicast():
		return Verdict{Reason: ReasonSource}
	case !p.Up:
		return Verdict{Reason: ReasonPortDown}
	}
	if f.dst.IsLinkLocal() {
		if verdict, over := b.linkLocal(p, &f); over {
			return verdict
		}
	}
	if !p.State.Learns() {
		return Verdict{Reason: ReasonPortState}
	}
	if p.Flags&switchdev.PortLocked != 0 && !b.authorised(p, &f) {
		return Verdict{Reason: ReasonLocked}
	}
	verdict := Verdict{Learned: b.learn(p, &f)}
	if p.State == switchdev.PortLearning {
		verdict.Reason = ReasonLearnedOnly
		return verdict
	}
	b.route(&verdict, v, p, &f, out)
	return verdict
}

// linkLocal deals with a frame to a reserved group, unless it is to be forwarded
// like any other. Neither the port's state nor its lock keeps such a frame from
// the host: protocols that decide about them use it.
func (b *Bridge) linkLocal(p *port, f *frame) (verdict Verdict, over bool) {
	last := f.dst[5]
	switch {
	case last == 0: // without STP a group like any other
		return Verdict{}, false
	case last == 1:
		return Verdict{Reason: ReasonPause, Class: ClassLinkLocal}, true
	case p.forward&(1<<last) != 0:
		return Verdict{}, false
	}
	verdict = Verdict{Reason: ReasonHost, Class: ClassLinkLocal, Host: true}
	if p.State.Learns() && !b.cfg.LinkLocal.NoLearning {
		verdict.Learned = b.learn(p, f)
	}
	return verdict, true
}

// authorised reports whether a locked port takes a frame of the station: it is
// known there, by an entry that lets traffic through.
func (b *Bridge) authorised(p *port, f *frame) bool {
	hit, ok := b.table.Lookup(fdb.Key{MAC: f.src})
	return ok && hit.Port == p.ID && hit.Flags&(fdb.Local|fdb.Locked) == 0
}

func (b *Bridge) learn(p *port, f *frame) fdb.Learned {
	if p.Flags&switchdev.PortLearns == 0 {
		return fdb.Ignored
	}
	l := b.table.Learn(fdb.Key{MAC: f.src}, p.ID)
	if l == fdb.Own {
		p.meters.own.Add(1)
	}
	return l
}

// route decides by the destination.
func (b *Bridge) route(verdict *Verdict, v *view, p *port, f *frame, out *Egress) {
	if f.dst.IsMulticast() {
		list := v.multicast
		verdict.Class, verdict.Host = ClassMulticast, true
		if f.dst.IsBroadcast() {
			verdict.Class, list = ClassBroadcast, v.broadcast
		}
		flood(verdict, list, p, f, out)
		return
	}
	verdict.Host = v.promisc
	hit, ok := b.table.Destination(fdb.Key{MAC: f.dst})
	switch {
	case !ok:
		verdict.Class = ClassUnknown
		flood(verdict, v.unicast, p, f, out)
	case hit.Flags&fdb.Local != 0:
		verdict.Class, verdict.Reason, verdict.Host = ClassOwn, ReasonHost, true
	case hit.Flags&fdb.Locked != 0:
		verdict.Class, verdict.Reason = ClassUnicast, ReasonDestinationLocked
	default:
		verdict.Class = ClassUnicast
		verdict.Reason = deliver(v.port(hit.Port), p, f, out)
	}
}

// deliver sends a frame to the one port that its destination is known on, or
// says why not: then it is dropped and never flooded. A nil p is the host.
func deliver(q, p *port, f *frame, out *Egress) Reason {
	switch {
	case q == nil:
		return ReasonNoEgress
	case !q.egress():
		return ReasonEgressDown
	case p == nil:
	case q.ID == p.ID && q.Flags&switchdev.PortHairpin == 0:
		return ReasonSamePort
	case q.Flags&p.Flags&switchdev.PortIsolated != 0:
		return ReasonIsolated
	case f.forwardedTo(q, p):
		return ReasonHardware
	}
	out.ports = append(out.ports, q.ID)
	q.meters.sent(f.size)
	return ReasonForwarded
}

// forwardedTo reports whether hardware has sent the frame out of q.
func (f *frame) forwardedTo(q, p *port) bool {
	return f.marked && q.device != nil && q.device == p.device
}

// flood sends a frame to every port of the list that may have frames of p; a nil
// p is the host. The list holds only ports that forward and want such frames.
func flood(verdict *Verdict, list []*port, p *port, f *frame, out *Egress) {
	verdict.Reason = ReasonFlooded
	for _, q := range list {
		if p != nil {
			if q.ID == p.ID && q.Flags&switchdev.PortHairpin == 0 ||
				q.Flags&p.Flags&switchdev.PortIsolated != 0 || f.forwardedTo(q, p) {
				continue
			}
		}
		out.ports = append(out.ports, q.ID)
		q.meters.sent(f.size)
	}
	if len(out.ports) == 0 && !verdict.Host {
		verdict.Reason = ReasonNowhere
		if f.marked {
			verdict.Reason = ReasonHardware
		}
	}
}

// Transmit decides where a frame of the host goes, and puts the ports into out.
// The source is not learned, and that the destination may be one of the bridge's
// own addresses is not asked: the address of a port is a station behind it. The
// flood flags for multicast and broadcast don't count, that for unicast does. As
// to concurrency and cost it is like [Bridge.Forward]. Linux: br_dev_xmit
// (net/bridge/br_device.c).
func (b *Bridge) Transmit(data []byte, out *Egress) Verdict {
	out.Reset()
	b.host.enter(len(data))
	verdict := b.transmit(data, out)
	b.host.leave(verdict.Reason)
	return verdict
}

func (b *Bridge) transmit(data []byte, out *Egress) (verdict Verdict) {
	if len(data) < headerLen {
		return Verdict{Reason: ReasonShort}
	}
	v := b.view.Load()
	f := frame{dst: switchdev.MAC(data[0:6]), size: len(data)}
	if f.dst.IsMulticast() {
		verdict.Class = ClassMulticast
		if f.dst.IsBroadcast() {
			verdict.Class = ClassBroadcast
		}
		flood(&verdict, v.forwarding, nil, &f, out)
		return verdict
	}
	hit, ok := b.table.Destination(fdb.Key{MAC: f.dst})
	if !ok {
		verdict.Class = ClassUnknown
		flood(&verdict, v.unicast, nil, &f, out)
		return verdict
	}
	return Verdict{Class: ClassUnicast, Reason: deliver(v.port(hit.Port), nil, &f, out)}
}
