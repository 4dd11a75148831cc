package yard

import (
	"encoding/binary"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// message is a frame as a station makes it.
type message struct {
	dst, src switchdev.MAC
	tag      switchdev.EtherType // 0: none
	tci      uint16
	cut      int    // 0: whole, else how long
	raw      []byte // the frame, if it is none of a station
}

// bytes returns the frame, with a tag or without.
func (m *message) bytes(tag switchdev.EtherType, tci uint16) []byte {
	f := make([]byte, 0, 68)
	f = append(f, m.dst[:]...)
	f = append(f, m.src[:]...)
	if tag != 0 {
		f = binary.BigEndian.AppendUint16(f, uint16(tag))
		f = binary.BigEndian.AppendUint16(f, tci)
	}
	f = binary.BigEndian.AppendUint16(f, 0x88b5)
	return append(f, "the quick brown fox jumps over the lazy dog, twice"...)
}

func (m *message) data() []byte {
	if m.raw != nil {
		return m.raw
	}
	f := m.bytes(m.tag, m.tci)
	if m.cut > 0 {
		f = f[:min(m.cut, len(f))]
	}
	return f
}

// copyFor is the frame as a member of its VLAN with the flags is to have it.
func (y *Yard) copyFor(m *message, vlan switchdev.VLAN, flags switchdev.VLANFlags) []byte {
	ours := m.tag != 0 && m.tag == y.model.protocol
	switch {
	case !y.now.filtering:
		return m.data()
	case flags&switchdev.VLANUntagged != 0 && ours:
		return m.bytes(0, 0)
	case flags&switchdev.VLANUntagged != 0:
		return m.data()
	case ours:
		return m.bytes(m.tag, m.tci&0xf000|uint16(vlan))
	}
	inner := m.data()
	f := append([]byte(nil), inner[:12]...)
	f = binary.BigEndian.AppendUint16(f, uint16(y.model.protocol))
	f = binary.BigEndian.AppendUint16(f, uint16(vlan))
	return append(f, inner[12:]...)
}

// finding is what has to become of a frame.
type finding struct {
	reason bridge.Reason
	class  bridge.Class
	host   bool
	vlan   switchdev.VLAN
	learns bool // it teaches the source
	asks   bool // a locked port notes the source
	to     []*port
	flag   switchdev.PortFlags // of a flood: what lets a port have it
	hit    fdb.Hit
}

// before is what was known before the frame came in.
type before struct {
	src   fdb.Hit
	known bool
}

// place finds the VLAN of a frame that a member brings in, and why it is dropped.
func (y *Yard) place(m *message, v membership) (switchdev.VLAN, bridge.Reason) {
	if !y.now.filtering {
		return switchdev.NoVLAN, 0
	}
	vlan := switchdev.NoVLAN
	if m.tag == y.model.protocol && m.tag != 0 {
		if m.cut > 0 && m.cut < 18 {
			return 0, bridge.ReasonShort
		}
		vlan = switchdev.VLAN(m.tci & 0xfff)
	}
	if vlan == switchdev.NoVLAN {
		if vlan = v.pvid(); vlan == switchdev.NoVLAN {
			return 0, bridge.ReasonNoPVID
		}
	}
	if _, in := v[vlan]; !in {
		return vlan, bridge.ReasonVLAN
	}
	return vlan, 0
}

// judge says what has to become of a frame that comes in by a number. Lookups are
// made as it calls for: of the source before the frame, of the destination after.
func (y *Yard) judge(in switchdev.PortID, m *message, marked bool, b before) (f finding) {
	c := y.now
	p := c.by[in]
	switch {
	case p == nil:
		return finding{reason: bridge.ReasonNoPort}
	case m.cut > 0 && m.cut < 14:
		return finding{reason: bridge.ReasonShort}
	case !m.src.IsUnicast():
		return finding{reason: bridge.ReasonSource}
	case !p.runs():
		return finding{reason: bridge.ReasonPortDown}
	}
	vlan, stray := y.place(m, p.vlans)
	if m.dst.IsLinkLocal() {
		if f, over := y.judgeLinkLocal(p, m, vlan, stray); over {
			return f
		}
	}
	switch {
	case !p.State.Learns():
		return finding{reason: bridge.ReasonPortState}
	case stray != 0:
		return finding{reason: stray}
	}
	f.vlan = vlan
	if p.has(switchdev.PortLocked) && !(b.known && b.src.Port == p.ID && b.src.Flags&(fdb.Local|fdb.Locked) == 0) {
		f.reason, f.asks = bridge.ReasonLocked, p.has(switchdev.PortMAB)
		return f
	}
	f.learns = p.has(switchdev.PortLearns)
	if p.State == switchdev.PortLearning {
		f.reason = bridge.ReasonLearnedOnly
		return f
	}
	y.judgeRoute(&f, p, m, marked)
	return f
}

func (y *Yard) judgeLinkLocal(p *port, m *message, vlan switchdev.VLAN, stray bridge.Reason) (f finding, over bool) {
	last := m.dst[5]
	switch {
	case last == 0 && y.now.stp == bridge.STPOff:
		return f, false
	case last == 1:
		return finding{reason: bridge.ReasonPause, class: bridge.ClassLinkLocal}, true
	case (y.model.linkLocal.Forward|p.GroupForward)>>last&1 == 1:
		return f, false
	}
	f = finding{reason: bridge.ReasonHost, class: bridge.ClassLinkLocal, host: true}
	if stray == 0 && p.State.Learns() && !y.model.linkLocal.NoLearning {
		f.vlan, f.learns = vlan, p.has(switchdev.PortLearns)
	}
	if last == 0 && y.now.stp == bridge.STPKernel {
		f.reason, f.host = bridge.ReasonBPDU, false
	}
	return f, true
}

// hears reports whether the host is to have a frame of the VLAN that is for it.
func (y *Yard) hears(vlan switchdev.VLAN) bool {
	_, in := y.now.host[vlan]
	return !y.now.filtering || y.model.promisc || in
}

// judgeRoute decides by the destination; a nil p is the host.
func (y *Yard) judgeRoute(f *finding, p *port, m *message, marked bool) {
	if m.dst.IsMulticast() {
		f.class, f.flag = bridge.ClassMulticast, switchdev.PortMulticastFlood
		if m.dst.IsBroadcast() {
			f.class, f.flag = bridge.ClassBroadcast, switchdev.PortBroadcastFlood
		}
		f.host = p != nil && y.hears(f.vlan)
		y.judgeFlood(f, p, marked)
		return
	}
	f.host = p != nil && y.model.promisc
	hit, ok := y.table.Lookup(fdb.Key{MAC: m.dst, VLAN: f.vlan})
	if !ok && y.model.local0 && f.vlan != switchdev.NoVLAN {
		hit, ok = y.table.Lookup(fdb.Key{MAC: m.dst})
		ok = ok && hit.Flags&(fdb.Local|fdb.User) == fdb.Local
	}
	f.hit = hit
	f.class = bridge.ClassUnicast
	switch {
	case !ok:
		f.class, f.flag = bridge.ClassUnknown, switchdev.PortFlood
		y.judgeFlood(f, p, marked)
	case p != nil && hit.Flags&fdb.Local != 0:
		f.class, f.reason, f.host = bridge.ClassOwn, bridge.ReasonHost, y.hears(f.vlan)
		if !f.host {
			f.reason = bridge.ReasonEgressVLAN
		}
	default:
		y.judgeKnown(f, p, marked)
	}
}

// judgeKnown is a frame for one port, which is the only one that can have it.
func (y *Yard) judgeKnown(f *finding, p *port, marked bool) {
	q := y.now.port(f.hit.Port)
	if q != nil && !q.runs() && q.Backup != 0 {
		q = y.now.port(q.Backup)
	}
	if q == nil {
		f.reason = bridge.ReasonNoEgress
		return
	}
	_, in := q.vlans[f.vlan]
	switch {
	case !q.sends():
		f.reason = bridge.ReasonEgressDown
	case y.now.filtering && !in:
		f.reason = bridge.ReasonEgressVLAN
	case p == q && !p.has(switchdev.PortHairpin):
		f.reason = bridge.ReasonSamePort
	case p != nil && p.has(switchdev.PortIsolated) && q.has(switchdev.PortIsolated):
		f.reason = bridge.ReasonIsolated
	case marked && q.Device != "" && q.Device == p.Device:
		f.reason = bridge.ReasonHardware
	default:
		f.reason, f.to = bridge.ReasonForwarded, []*port{q}
	}
}

// judgeFlood is a frame for everybody who may have it.
func (y *Yard) judgeFlood(f *finding, p *port, marked bool) {
	for _, q := range y.now.ports {
		_, in := q.vlans[f.vlan]
		wants := q.has(f.flag) || p == nil && f.flag != switchdev.PortFlood
		switch {
		case !q.sends() || y.now.filtering && !in || !wants || q.has(switchdev.PortProxyARP):
		case p == q && !p.has(switchdev.PortHairpin):
		case p != nil && p.has(switchdev.PortIsolated) && q.has(switchdev.PortIsolated):
		case marked && q.Device != "" && q.Device == p.Device:
		default:
			f.to = append(f.to, q)
		}
	}
	f.reason = bridge.ReasonFlooded
	if len(f.to) == 0 && !f.host {
		f.reason = bridge.ReasonNowhere
		if marked {
			f.reason = bridge.ReasonHardware
		}
	}
}

// judgeHost is a frame of the host.
func (y *Yard) judgeHost(m *message) (f finding) {
	switch {
	case m.cut > 0 && m.cut < 14:
		return finding{reason: bridge.ReasonShort}
	case !y.now.up:
		return finding{reason: bridge.ReasonPortDown}
	}
	vlan, stray := y.place(m, y.now.host)
	if stray != 0 {
		return finding{reason: stray}
	}
	f.vlan = vlan
	y.judgeRoute(&f, nil, m, false)
	return f
}
