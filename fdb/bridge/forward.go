package bridge

import (
	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// Forward decides what becomes of a frame that came in by port in: it learns
// the source, puts the ports that get the frame into out, and says why. The
// frame begins with the destination address and has no check sequence; it is
// only read, and not kept, but for a copy of a spanning tree frame. in is the
// number of a port, or of a link of one.
//
// With VLAN filtering the copies may differ from the frame by its tag: see
// [Egress.Frame] and [Egress.HostFrame]. Without it tags are not looked at.
//
// It is the data path's: any number of goroutines may call it, each with an
// Egress of its own. It never waits and returns no error. For stations that are
// known it takes no lock and allocates nothing, but for the room in out that a
// larger flood takes; see [fdb.Table.Learn] for a new one. Linux: br_handle_frame and
// br_handle_frame_finish (net/bridge/br_input.c).
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
	l := v.lane(in)
	if l.plain && v.plain && !marked && len(data) >= headerLen && data[0]&1 == 0 && comes(data) {
		return b.between(v, l, data, out)
	}
	p := l.port
	if p == nil {
		b.strays.Add(1)
		return Verdict{Fate: Fate{Reason: ReasonNoPort}}
	}
	verdict := b.receive(v, p, data, marked, out)
	if verdict.Host {
		b.host.sent.add(len(data))
	}
	p.meters.came[verdict.Reason].add(len(data))
	return verdict
}

// between is receive and route of a frame that comes in by a plain port and goes
// to a station: what nearly every frame is, without what is not to be asked of it.
func (b *Bridge) between(v *view, in lane, data []byte, out *Egress) Verdict {
	p := in.port
	var l label
	if v.filtering {
		var stray Reason
		if l, stray = v.label(p.vlans, in.pvid, data); stray != 0 {
			p.meters.came[stray].add(len(data))
			return Verdict{Fate: Fate{Reason: stray}}
		}
	}
	dst, src := fdb.FrameKeys(data, l.vlan)
	learned := b.table.Learn(src, p.ID)
	hit, ok := b.table.Destination(dst)
	q := v.lane(hit.Port)
	if !ok || !q.plain || q.port == p || hit.Flags&fdb.Local != 0 || learned == fdb.Own ||
		v.filtering && !q.vlans.member.Contains(l.vlan) {
		if hit.Flags&fdb.Local != 0 && ok && !v.filtering && learned != fdb.Own {
			b.handed(in, len(data), out)
			return Verdict{Fate: Fate{Reason: ReasonHost, Class: ClassOwn, Host: true}, Learned: learned}
		}
		return b.along(v, p, &frame{label: l, dst: dst, src: src, data: data}, learned, hit, ok, out)
	}
	if v.filtering {
		if how := out.formFor(v, q.vlans, l); how != formSame {
			out.how = append(out.how, how)
		}
	}
	out.ports = append(out.ports, hit.Port)
	if k := out.keep; k != nil && k.of == b && in.slot < slots && q.slot < slots {
		k.came[in.slot].add(len(data))
		k.sent[q.slot].add(len(data))
	} else {
		p.meters.came[ReasonForwarded].add(len(data))
		q.meters.sent.add(len(data))
		b.used(out)
	}
	return Verdict{Fate: Fate{Reason: ReasonForwarded, Class: ClassUnicast}, VLAN: l.vlan, Learned: learned}
}

// along is the rest of between for what does not leave by another plain port.
func (b *Bridge) along(v *view, p *port, f *frame, learned fdb.Learned, hit fdb.Hit, ok bool, out *Egress) Verdict {
	if learned == fdb.Own {
		p.meters.own.Add(1)
	}
	verdict := Verdict{VLAN: f.vlan, Learned: learned}
	b.towards(&verdict, v, p, f, hit, ok, out)
	if verdict.Host {
		b.host.sent.add(len(f.data))
	}
	p.meters.came[verdict.Reason].add(len(f.data))
	return verdict
}

// receive is what comes before the destination: sanity, link-local addresses,
// state, VLAN, lock, learning.
func (b *Bridge) receive(v *view, p *port, data []byte, marked bool, out *Egress) Verdict {
	if len(data) < headerLen {
		return Verdict{Fate: Fate{Reason: ReasonShort}}
	}
	f := frame{data: data, marked: marked}
	switch {
	case !comes(data):
		return Verdict{Fate: Fate{Reason: ReasonSource}}
	case !p.running():
		return Verdict{Fate: Fate{Reason: ReasonPortDown}}
	}
	stray := f.classify(v, p.vlans)
	if linkLocal(data) {
		if verdict, over := b.linkLocal(v, p, &f, stray == 0, out); over {
			return verdict
		}
	}
	switch {
	case !p.State.Learns():
		return Verdict{Fate: Fate{Reason: ReasonPortState}}
	case stray != 0:
		return Verdict{Fate: Fate{Reason: stray}}
	}
	if p.Flags&switchdev.PortLocked != 0 && !b.authorised(p, &f) {
		return Verdict{Fate: Fate{Reason: ReasonLocked}, VLAN: f.vlan, Learned: b.petition(p, &f)}
	}
	verdict := Verdict{VLAN: f.vlan, Learned: b.learn(p, &f)}
	if p.State == switchdev.PortLearning {
		verdict.Reason = ReasonLearnedOnly
		return verdict
	}
	if v.proxies {
		b.answer(v, p, &f, out)
	}
	b.route(&verdict, v, p, &f, out)
	return verdict
}

// linkLocal deals with a frame to a reserved group, unless it is to be forwarded
// like any other. Neither the port's state nor its lock keeps such a frame from
// the host: protocols that decide about them use it. It teaches only if it is in a
// VLAN of the port.
func (b *Bridge) linkLocal(v *view, p *port, f *frame, member bool, out *Egress) (verdict Verdict, over bool) {
	last := f.data[5]
	switch {
	case last == 0 && v.stp == STPOff: // a group like any other
		return Verdict{}, false
	case last == 1:
		return Verdict{Fate: Fate{Reason: ReasonPause, Class: ClassLinkLocal}}, true
	case (v.linkLocal.Forward|p.GroupForward)&(1<<last) != 0:
		return Verdict{}, false
	}
	verdict = Verdict{Fate: Fate{Reason: ReasonHost, Class: ClassLinkLocal, Host: true}}
	if member && p.State.Learns() && !v.linkLocal.NoLearning {
		verdict.VLAN, verdict.Learned = f.vlan, b.learn(p, f)
	}
	if last == 0 && v.stp == STPKernel {
		b.tree.take(p.ID, f.data)
		verdict.Reason, verdict.Host = ReasonBPDU, false
	}
	return verdict, true
}

// authorised reports whether a locked port takes a frame of the station: it is
// known there, by an entry that lets traffic through.
func (b *Bridge) authorised(p *port, f *frame) bool {
	hit, ok := b.table.Lookup(f.src)
	return ok && hit.Port == p.ID && hit.Flags&(fdb.Local|fdb.Locked) == 0
}

// petition notes who was turned away by a locked port, if the port is to
// authenticate stations by their addresses.
func (b *Bridge) petition(p *port, f *frame) fdb.Learned {
	if p.Flags&switchdev.PortMAB == 0 {
		return fdb.Ignored
	}
	return b.table.LearnLocked(f.src, p.ID)
}

func (b *Bridge) learn(p *port, f *frame) fdb.Learned {
	if p.Flags&switchdev.PortLearns == 0 {
		return fdb.Ignored
	}
	l := b.table.Learn(f.src, p.ID)
	if l == fdb.Own {
		p.meters.own.Add(1)
	}
	return l
}

// Transmit decides where a frame of the host goes, and puts the ports into out.
// The source is not learned, and that the destination may be one of the bridge's
// own addresses is not asked: the address of a port is a station behind it. The
// flood flags for multicast and broadcast don't count, that for unicast does. With
// VLAN filtering the bridge's own VLANs decide as those of a port do at
// [Bridge.Forward]. A bridge that is down sends nothing. As to concurrency and cost
// it is like Forward. Linux: br_dev_xmit (net/bridge/br_device.c).
func (b *Bridge) Transmit(data []byte, out *Egress) Verdict {
	out.Reset()
	verdict := b.transmit(data, out)
	b.host.came[verdict.Reason].add(len(data))
	return verdict
}

func (b *Bridge) transmit(data []byte, out *Egress) (verdict Verdict) {
	if len(data) < headerLen {
		return Verdict{Fate: Fate{Reason: ReasonShort}}
	}
	v := b.view.Load()
	if !v.up {
		return Verdict{Fate: Fate{Reason: ReasonPortDown}}
	}
	f := frame{data: data}
	if stray := f.classify(v, v.host); stray != 0 {
		return Verdict{Fate: Fate{Reason: stray}}
	}
	verdict.VLAN = f.vlan
	if v.proxies {
		b.answer(v, nil, &f, out)
	}
	if data[0]&1 != 0 {
		verdict.Class = ClassMulticast
		flags := switchdev.PortMulticastFlood
		if f.dst.MAC.IsBroadcast() {
			verdict.Class, flags = ClassBroadcast, switchdev.PortBroadcastFlood
		}
		flood(&verdict, v, v.forwarding, flags, nil, &f, out)
		return verdict
	}
	hit, ok := b.destination(v, &f)
	if !ok {
		verdict.Class = ClassUnknown
		flood(&verdict, v, v.unicast, switchdev.PortFlood, nil, &f, out)
		return verdict
	}
	verdict.Class, verdict.Reason = ClassUnicast, deliver(v, v.port(hit.Port), nil, &f, out)
	return verdict
}
