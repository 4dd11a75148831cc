package yard

import (
	"bytes"
	"slices"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/switchdev"
)

// foresee says what has to become of a frame that comes in by a socket, by software
// and hardware together, if that can be said: the device is in step, and nothing is
// asked of it that no device can know.
func (y *Yard) foresee(c *chip, in switchdev.PortID, m *message) (f finding, exact bool) {
	p := y.now.by[in]
	if !y.calm || len(y.tasks) > 0 || p == nil || p.has(switchdev.PortLocked) || m.cut > 0 {
		return f, false
	}
	if !c.Port(in).Carrier() {
		return f, false
	}
	// A link that the bridge was told is down still brings frames in.
	vlan, _ := y.place(m, p.vlans)
	src := fdb.Key{MAC: m.src, VLAN: vlan}
	var b before
	b.src, b.known = y.table.Lookup(src)
	f = y.judge(in, m, false, b)
	if m.dst.IsMulticast() {
		return f, y.carried(f.to)
	}
	dst := fdb.Key{MAC: m.dst, VLAN: vlan}
	if src == dst {
		return f, false
	}
	hit, known := y.table.Lookup(dst)
	row, there, here := switchdev.PortID(0), false, false
	for _, o := range y.chips {
		if o != c && !y.set.marks {
			continue // it is given no frame to send on by its own rows
		}
		for _, r := range o.Rows() {
			if r.Key == dst {
				row, there, here = r.Port, true, here || o == c
			}
		}
	}
	switch {
	case there && (!known || row != hit.Port || hit.Flags&(fdb.User|fdb.Local|fdb.Locked) == fdb.User|fdb.Local):
		return f, false // software is about to learn, or to withdraw it
	case !known && y.set.learns && y.model.local0 && slices.Contains(y.macs, m.dst):
		return f, false // a device does not look for own addresses in VLAN 0
	case known && hit.Flags&fdb.Locked != 0:
		return f, false // a device forwards to whom it has noted down
	case known && !here && y.set.learns:
		return f, false // the device floods what it does not know
	}
	if q := y.now.port(hit.Port); known && q != nil && q.Backup != 0 && !q.runs() {
		return f, false // devices know no backups
	}
	return f, y.carried(f.to)
}

// carried reports whether the cables are as the bridge was told.
func (y *Yard) carried(ports []*port) bool {
	for _, p := range ports {
		for _, id := range p.numbers() {
			if c := y.chipOf(id); c != nil && (y.pulled[id] || c.Port(id) == nil || !c.Port(id).Carrier()) {
				return false
			}
		}
	}
	return true
}

// crowded reports whether the chip of a port has no room for one more membership, so
// that it may lack one of the port's.
func (y *Yard) crowded(q *port) bool {
	c := y.chipOf(q.numbers()[0])
	return c != nil && c.set.vlans > 0 && c.Usage().VLANs >= c.set.vlans
}

// asForeseen compares what left with what had to.
func (y *Yard) asForeseen(p *port, m *message, f *finding) {
	left := slices.Clone(y.sent)
	for _, q := range f.to {
		want := y.copyFor(m, f.vlan, q.vlans[f.vlan])
		i := slices.IndexFunc(left, func(c copyOf) bool { return slices.Contains(q.numbers(), c.id) })
		if i < 0 && (y.crowded(q) || p != nil && y.crowded(p)) {
			continue // after a reset what it had room for in another order may not all fit
		}
		if i < 0 {
			y.w.Fail(invOnce, "%v to %v with tag %v %#x from %s, %v in VLAN %v, never leaves by port %v",
				m.src, m.dst, m.tag, m.tci, nameOf(p), f.reason, f.vlan, q.ID)
		}
		if !bytes.Equal(left[i].data, want) {
			y.w.Fail(invEgress, "%v to %v from %s leaves by %v as %x, want %x", m.src, m.dst, nameOf(p), left[i].id, left[i].data, want)
		}
		left = slices.Delete(left, i, i+1)
	}
	if len(left) > 0 {
		y.w.Fail(invEgress, "%v to %v with tag %v %#x from %s, %v in VLAN %v, leaves by %v as well",
			m.src, m.dst, m.tag, m.tci, nameOf(p), f.reason, f.vlan, left[0].id)
	}
}

// onlyOnce: whatever devices are like just now, nobody has a frame twice. Where they
// are in step, nobody has one who is not to.
func (y *Yard) onlyOnce(p *port) {
	if !y.calm {
		return
	}
	had := make(map[*port]switchdev.PortID)
	for _, c := range y.sent {
		q := y.now.by[c.id]
		if q == nil {
			if len(y.tasks) == 0 { // else somebody is about to have it
				y.w.Fail(invEgress, "a frame from %s leaves by %v, which is nobody's", nameOf(p), c.id)
			}
			continue
		}
		if _, twice := had[q]; twice {
			y.w.Fail(invOnce, "a frame from %s leaves by port %v twice", nameOf(p), q.ID)
		}
		had[q] = c.id
		if len(y.tasks) > 0 {
			continue
		}
		alike := p != nil && (p == q && !p.has(switchdev.PortHairpin) || p.has(switchdev.PortIsolated) && q.has(switchdev.PortIsolated))
		if alike || !q.sends() {
			y.w.Fail(invEgress, "a frame from %s leaves by port %v, which may not have it", nameOf(p), q.ID)
		}
	}
}

// probe sends from every socket, in every VLAN, to everybody, and between stations.
func (y *Yard) probe() {
	for _, in := range y.inlets {
		for v := range vlanCount + 1 {
			m := message{src: switchdev.MAC{0x02, 0xee, 0, byte(v), 0, byte(in)}, dst: switchdev.Broadcast()}
			if v > 0 {
				m.tag, m.tci = y.model.protocol, uint16(v)
			}
			y.deliver(in, &m)
		}
	}
	y.poll()
	y.storm(7, 30)
	y.poll()
	y.storm(8, 30)
}

var _ sim.Part = (*Yard)(nil)
