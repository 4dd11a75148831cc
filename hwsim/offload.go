package hwsim

import (
	"github.com/switchcore/switchcore/switchdev"
)

// TransmitForward hands the chip one copy of a frame of the host, marked to be
// forwarded in the domain that the port is a member of: the chip sends it itself
// to every member that is to have it. It does that by its own rows, VLANs, states
// and flood flags as they are at that moment, so a known station gets it by its
// port alone, and a frame for a station whose port may not send it is dropped. It
// never comes back to the host, and the chip learns nothing from it. Whichever
// member is named, or link of one, the same ports send.
//
// With a VLAN the frame is handed over without its tag and is of that VLAN; where
// the chip filters, each port sends it with a tag or without, as it is a member. A
// tag that the frame has all the same is payload. With [switchdev.NoVLAN] the frame
// is as it is, and where the chip filters its own tag says which VLAN it is of; an
// untagged one is dropped then. Where the chip does not filter, the frame is sent
// as it is and looked up without a VLAN.
//
// It reports whether a copy left. What did not is counted at the port that was
// named, or at the one that could not send; [Stats].TxForwards counts calls. The
// frame belongs to the chip afterwards. Nothing is allocated unless a tag comes or
// goes or more than 16 ports are to send it.
//
// Linux: tx_fwd_offload (net/bridge/br_switchdev.c,
// nbp_switchdev_frame_mark_tx_fwd_offload; the FORWARD tag of net/dsa/tag_dsa.c).
// As there it is not for frames that came in by a port of the same domain: the chip
// knows no ingress port to leave out, and no isolation from it. Nor does it know
// that a frame is of the bridge itself, to which mcast_flood and bcast_flood do not
// apply in Linux: here they do.
func (c *Chip) TransmitForward(port switchdev.PortID, vlan switchdev.VLAN, frame []byte) bool {
	c.stats.txForwards.Add(1)
	var d decision
	c.mu.RLock()
	p := c.port(port)
	if p != nil {
		if p.group != nil {
			p = p.group
		}
		c.spread(&d, p, vlan, frame)
	}
	c.mu.RUnlock()
	if p == nil {
		c.stats.noPort.Add(1)
		return false
	}
	if d.drop != 0 {
		p.count.drop(d.drop)
		return false
	}
	return d.send(frame)
}

// spread decides where a copy that is marked to be forwarded goes.
func (c *Chip) spread(d *decision, p *Port, vlan switchdev.VLAN, frame []byte) {
	dom := p.domain
	switch {
	case p.gone || c.closed:
		d.dropped(p, DropGone)
		return
	case len(frame) < headerLen:
		d.dropped(p, DropShort)
		return
	case len(frame) > c.cfg.Hardware.MTU+headerLen+tagLen:
		d.dropped(p, DropLong)
		return
	case dom == nil:
		d.dropped(p, DropNoPort)
		return
	}
	f := parse(frame)
	d.protocol = dom.protocol
	if dom.filtering {
		if d.drop = f.handedOver(vlan, dom.protocol); d.drop != 0 {
			return
		}
		d.vlan = f.vlan
	}
	c.spreadTo(d, p, dom, &f)
}

// handedOver gives a frame of the host its VLAN: that which the host says, or
// else that of its tag.
func (f *fields) handedOver(vlan switchdev.VLAN, protocol switchdev.EtherType) DropReason {
	if vlan != switchdev.NoVLAN {
		f.vlan, f.bare = vlan, true
	} else {
		f.readTag(protocol)
	}
	switch {
	case f.cut:
		return DropShort
	case !f.vlan.Valid():
		return DropVLAN
	}
	return 0
}

// spreadTo finds the members that a copy goes to.
func (c *Chip) spreadTo(d *decision, p *Port, dom *domain, f *fields) {
	flag := switchdev.PortMulticastFlood
	switch {
	case f.dst.IsBroadcast():
		flag = switchdev.PortBroadcastFlood
	case !f.dst.IsMulticast():
		r := c.rows.find(dom.id, switchdev.FDBKey{MAC: f.dst, VLAN: d.vlan})
		if r != nil {
			c.spreadKnown(d, p, dom, f, r)
			return
		}
		flag = switchdev.PortFlood
	}
	if d.flood(nil, dom, f, flag); d.count == 0 {
		d.dropped(p, DropNoPort)
	}
}

// spreadKnown sends a copy to the port of its row.
func (c *Chip) spreadKnown(d *decision, p *Port, dom *domain, f *fields, r *row) {
	if r.port == switchdev.PortHost || r.flags&switchdev.FDBLocal != 0 {
		d.dropped(p, DropSamePort) // the host is where it came from
		return
	}
	out := c.port(r.port)
	if out == nil {
		d.dropped(p, DropNoPort)
		return
	}
	if why := deliverable(d, nil, out, dom); why != 0 {
		d.dropped(p, why)
		return
	}
	d.add(target{out, shape(dom, out, f, d.vlan)})
}
