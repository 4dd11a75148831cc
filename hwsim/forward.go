package hwsim

import (
	"github.com/switchcore/switchcore/switchdev"
)

// target is where a copy of a frame goes, and in which form.
type target struct {
	port *Port
	form form
}

// decision is what the chip does with one frame. It is made under Chip.mu and
// carried out without it.
type decision struct {
	in       *Port // where the frame came in: of a link its LAG
	drop     DropReason
	dropAt   *Port // who counts the drop
	toHost   bool
	lost     bool // flooded, if to nobody: see QuirkFloodLost
	reason   Reason
	vlan     switchdev.VLAN
	protocol switchdev.EtherType
	// The first targets are in place, so that they cost no allocation.
	count int
	some  [spare]target
	more  []target
}

func (d *decision) add(t target) {
	if d.count < spare {
		d.some[d.count] = t
		d.count++
		return
	}
	d.more = append(d.more, t)
}

// spare is the number of targets that fit without allocating.
const spare = 16

// Ingress hands the chip a frame that came in on the port, from the destination
// address on and without frame check sequence. The chip forwards, traps or
// drops it before Ingress returns. Nobody changes the frame afterwards: the
// chip passes the same bytes on to wires, hooks and the host.
//
// Ingress of a frame from a known station takes no lock but a read lock for one
// decision, and allocates nothing, unless a VLAN tag comes or goes or more than
// 16 ports are to send it.
func (p *Port) Ingress(frame []byte) {
	var d decision
	p.decideOn(&d, frame)
	p.chip.carryOut(&d, p, frame)
}

// decideOn finds out what is to be done with a frame that came in.
func (p *Port) decideOn(d *decision, frame []byte) {
	c := p.chip
	p.count.rx(len(frame))
	c.record(p, false, frame)
	c.mu.RLock()
	now := c.now()
	again := c.decide(d, p, frame, now, false)
	c.mu.RUnlock()
	if !again {
		return
	}
	*d = decision{}
	c.mu.Lock()
	age := c.rows.nextAge
	c.decide(d, p, frame, now, true)
	sooner := c.rows.nextAge != 0 && (age == 0 || c.rows.nextAge < age)
	c.mu.Unlock()
	c.flush()
	if sooner {
		c.poke()
	}
}

// carryOut sends the copies that were decided on, the host's last.
func (c *Chip) carryOut(d *decision, p *Port, frame []byte) {
	link := switchdev.PortID(0)
	if d.in != p {
		d.in.count.rx(len(frame))
		link = p.id
	}
	if d.drop != 0 {
		d.dropAt.count.drop(d.drop)
	}
	d.send(frame)
	if d.toHost {
		// What was dropped is dealt with: software has nothing to forward.
		sent := d.drop != 0 || d.count > 0 || d.lost
		c.trap(HostFrame{Port: d.in.id, Link: link, Frame: frame, VLAN: d.vlan, Forwarded: sent, Reason: d.reason})
	}
}

// send sends the copies, and reports whether one left.
func (d *decision) send(frame []byte) (left bool) {
	var shaped shapes
	for _, t := range d.some[:d.count] {
		left = t.port.send(shaped.of(t.form, frame, d.vlan, d.protocol)) || left
	}
	for _, t := range d.more {
		left = t.port.send(shaped.of(t.form, frame, d.vlan, d.protocol)) || left
	}
	return left
}

func (d *decision) dropped(p *Port, why DropReason) {
	d.drop, d.dropAt = why, p
	d.count, d.more = 0, nil
	d.toHost, d.reason = false, 0
}

// decide fills in d. It reports true, when write is not set and the table has
// to be changed first: then it is to be called again with mu held and write set.
func (c *Chip) decide(d *decision, p *Port, frame []byte, now int64, write bool) (again bool) {
	d.in = p
	if why := c.sanity(p, frame); why != 0 {
		d.dropped(p, why)
		return false
	}
	if p.group != nil {
		p = p.group
		d.in = p
		if !p.up {
			d.dropped(p, DropDown)
			return false
		}
	}
	dom := p.domain
	if dom == nil {
		d.toHost, d.reason = true, ReasonStandalone
		return false
	}
	if c.has(QuirkFloodLost) {
		return c.byGroups(d, p, dom, frame, now, write)
	}
	f := parse(frame)
	d.protocol = dom.protocol
	var why DropReason
	d.vlan, why = classify(dom, p, &f)
	if f.dst.IsLinkLocal() && p.state != switchdev.PortDisabled {
		d.toHost, d.reason = true, ReasonLinkLocal
		if why == 0 && p.state.Learns() {
			again, _ = c.hear(p, dom, f.src, d.vlan, now, write)
		}
		return again
	}
	if !p.state.Learns() {
		why = DropState
	}
	if why != 0 {
		d.dropped(p, why)
		return false
	}
	return c.admit(d, p, dom, &f, now, write)
}

// admit learns from a frame that the port's state and VLANs let in, and has it
// routed.
func (c *Chip) admit(d *decision, p *Port, dom *domain, f *fields, now int64, write bool) (again bool) {
	if p.flags&switchdev.PortLocked != 0 {
		if again, pass := c.authorise(p, dom, f.src, d.vlan, now, write); again || !pass {
			d.dropped(p, DropLocked)
			return again
		}
	}
	again, heard := c.hear(p, dom, f.src, d.vlan, now, write)
	switch {
	case again:
		return true
	case p.state != switchdev.PortForwarding:
		d.dropped(p, DropState)
		return false
	case heard == heardMoved:
		d.toHost, d.reason = true, ReasonMoved
		return false
	}
	c.route(d, p, dom, f)
	switch {
	case heard == heardUnknown && !d.toHost:
		d.toHost, d.reason = true, ReasonLearn // also of a frame that is dropped
	case heard == heardRoamed && !d.toHost:
		d.toHost, d.reason = true, ReasonMoved
	}
	return false
}

// sanity drops what is no frame for anybody.
func (c *Chip) sanity(p *Port, frame []byte) DropReason {
	switch {
	case p.gone || c.closed:
		return DropGone
	case !p.carrier:
		return DropNoCarrier
	case !p.up:
		return DropDown
	case len(frame) < headerLen:
		return DropShort
	case len(frame) > c.cfg.Hardware.MTU+headerLen+tagLen:
		return DropLong
	case !switchdev.MAC(frame[6:12]).IsUnicast():
		return DropSource
	case switchdev.MAC(frame[:6]) == pauseMAC:
		return DropPause
	}
	return 0
}

// pauseMAC is the address of MAC control frames, which end in the port (IEEE
// 802.3 annex 31B) and which a bridge always drops (br_handle_frame).
var pauseMAC = switchdev.MAC{0x01, 0x80, 0xc2, 0x00, 0x00, 0x01}

// classify finds the frame's VLAN (net/bridge/br_vlan.c, __allowed_ingress).
func classify(dom *domain, p *Port, f *fields) (switchdev.VLAN, DropReason) {
	if !dom.filtering {
		return switchdev.NoVLAN, 0
	}
	f.readTag(dom.protocol)
	if f.cut {
		return 0, DropShort
	}
	vlan := f.vlan
	if vlan == switchdev.NoVLAN {
		if p.chip.has(QuirkUntaggedInVLANZero) {
			return switchdev.NoVLAN, 0
		}
		if p.vlans == nil || p.vlans.pvid == switchdev.NoVLAN {
			return 0, DropVLAN
		}
		return p.vlans.pvid, 0
	}
	if p.vlans == nil || !p.vlans.member.Contains(vlan) {
		return 0, DropVLAN
	}
	return vlan, 0
}

// route decides where a frame that may be forwarded goes.
func (c *Chip) route(d *decision, p *Port, dom *domain, f *fields) {
	if f.dst.IsMulticast() {
		flag, reason := switchdev.PortMulticastFlood, ReasonMulticast
		if f.dst.IsBroadcast() {
			flag, reason = switchdev.PortBroadcastFlood, ReasonBroadcast
		}
		c.flood(d, p, dom, f, flag, reason)
		return
	}
	r := c.rows.find(dom.id, switchdev.FDBKey{MAC: f.dst, VLAN: d.vlan})
	if r == nil {
		c.flood(d, p, dom, f, switchdev.PortFlood, ReasonUnknown)
		return
	}
	if r.port == switchdev.PortHost || r.flags&switchdev.FDBLocal != 0 {
		if !dom.hostIn(d.vlan) {
			d.dropped(p, DropVLAN)
			return
		}
		d.toHost, d.reason = true, ReasonLocal
		return
	}
	out := c.port(r.port)
	if out == nil {
		d.dropped(p, DropNoPort)
		return
	}
	if why := deliverable(d, p, out, dom); why != 0 {
		d.dropped(p, why)
		return
	}
	d.add(target{out, shape(dom, out, f, d.vlan)})
}

// deliverable is should_deliver of net/bridge/br_forward.c. A frame of the host has
// no port that it came in by.
func deliverable(d *decision, in, out *Port, dom *domain) DropReason {
	switch {
	case out == in && in.flags&switchdev.PortHairpin == 0:
		return DropSamePort
	case out.domain != dom:
		return DropNoPort
	case out.state != switchdev.PortForwarding:
		return DropState
	case in != nil && in.flags&out.flags&switchdev.PortIsolated != 0:
		return DropIsolated
	case dom.filtering && d.vlan != switchdev.NoVLAN && (out.vlans == nil || !out.vlans.member.Contains(d.vlan)):
		return DropVLAN
	}
	return 0
}

// flood sends a frame to every port that has flag, and a copy to the host.
func (c *Chip) flood(d *decision, p *Port, dom *domain, f *fields, flag switchdev.PortFlags, reason Reason) {
	d.flood(p, dom, f, flag)
	if c.cfg.Hardware.AllFloods || dom.hostIn(d.vlan) {
		d.toHost, d.reason = true, reason
	} else if d.count == 0 {
		d.dropped(p, DropNoPort)
	}
}

// flood adds every port that has flag and may send what came in by in.
func (d *decision) flood(in *Port, dom *domain, f *fields, flag switchdev.PortFlags) {
	for _, out := range dom.members {
		if out.flags&flag != 0 && deliverable(d, in, out, dom) == 0 {
			d.add(target{out, shape(dom, out, f, d.vlan)})
		}
	}
}

// hostIn reports whether the host is to see frames of the VLAN.
func (dom *domain) hostIn(vlan switchdev.VLAN) bool {
	if !dom.filtering || vlan == switchdev.NoVLAN {
		return true
	}
	m := dom.vlans[switchdev.PortHost]
	return m != nil && m.member.Contains(vlan)
}

// send puts a frame on the wire, from the chip's data plane or the host: of a LAG
// on that of one link.
func (p *Port) send(frame []byte) bool {
	c := p.chip
	c.mu.RLock()
	why, out := DropReason(0), p
	switch {
	case p.gone || c.closed:
		why = DropGone
	case !p.carrier:
		why = DropNoCarrier
	case !p.up:
		why = DropDown
	default:
		out = p.exit(frame)
	}
	c.mu.RUnlock()
	if why == 0 && !out.emit(frame) {
		why = DropWire
	}
	if why != 0 {
		out.count.drop(why)
		return false
	}
	out.count.tx(len(frame))
	c.record(out, true, frame)
	if out != p {
		p.count.tx(len(frame))
		p.emit(frame) // to its hook; it has no wire
	}
	return true
}
