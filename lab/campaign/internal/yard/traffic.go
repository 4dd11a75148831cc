package yard

import (
	"bytes"
	"math/rand/v2"
	"slices"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/switchdev"
)

func (y *Yard) trafficOps() []sim.Op {
	return []sim.Op{
		{Name: "frame", Weight: 24, Draw: draw(5), Do: func(a []int64) {
			y.frame([5]int64{sim.Arg(a, 0), sim.Arg(a, 1), sim.Arg(a, 2), sim.Arg(a, 3), sim.Arg(a, 4)})
		}},
		{Name: "storm", Weight: 6, Draw: draw(2), Do: func(a []int64) { y.storm(sim.Arg(a, 0), 4+index(sim.Arg(a, 1), 40)) }},
		{Name: "roam", Weight: 6, Draw: draw(2), Do: func(a []int64) {
			if n := len(y.inlets); n > 0 {
				y.where[index(sim.Arg(a, 0), len(y.where))] = index(sim.Arg(a, 1), n)
			}
		}},
		{Name: "host", Weight: 6, Draw: draw(5), Do: func(a []int64) {
			m := y.message([5]int64{sim.Arg(a, 0), sim.Arg(a, 1), sim.Arg(a, 2), sim.Arg(a, 3), sim.Arg(a, 4)})
			y.transmit(&m)
		}},
	}
}

// draw draws n arguments.
func draw(n int) func(*rand.Rand) ([]int64, bool) {
	return func(r *rand.Rand) ([]int64, bool) {
		args := make([]int64, n)
		for i := range args {
			args[i] = r.Int64N(1 << 16)
		}
		return args, true
	}
}

// vlanCount is how many VLANs there are, from 1 on.
const vlanCount = 4

// foreign returns the protocol that a bridge with this one does not look at.
func foreign(p switchdev.EtherType) switchdev.EtherType {
	if p == switchdev.EtherTypeVLAN {
		return switchdev.EtherTypeSVLAN
	}
	return switchdev.EtherTypeVLAN
}

// message makes one of numbers: from, to, tag, VLAN, length.
func (y *Yard) message(a [5]int64) message {
	m := message{src: y.station(index(a[0], y.set.stations))}
	switch n := index(a[1], 24); {
	case n < 2:
		m.dst = switchdev.Broadcast()
	case n == 2:
		m.dst = switchdev.MAC{0x01, 0, 0x5e, 1, 2, 3}
	case n == 3:
		m.dst = switchdev.MAC{0x01, 0x80, 0xc2, 0, 0, byte(index(a[1]/24, 16))}
	case n < 6:
		m.dst = y.macs[index(a[1]/24, len(y.macs))]
	default:
		m.dst = y.station(index(a[1]/24, y.set.stations))
	}
	vlan := uint16(1 + index(a[3], vlanCount))
	switch n := index(a[2], 16); {
	case n < 8:
		m.tag, m.tci = y.model.protocol, vlan
	case n == 8:
		m.tag, m.tci = y.model.protocol, 0xa000|vlan
	case n == 9:
		m.tag, m.tci = y.model.protocol, 0x6000
	case n == 10:
		m.tag, m.tci = foreign(y.model.protocol), vlan
	}
	switch index(a[4], 64) {
	case 0:
		m.cut = 6 + index(a[4]/64, 12)
	case 1:
		m.src = switchdev.MAC{}
	case 2:
		m.src = switchdev.MAC{0x03, 1}
	case 3:
		m.src = y.macs[index(a[4]/64, len(y.macs))]
	}
	return m
}

// frame is one of a station, where it is.
func (y *Yard) frame(a [5]int64) {
	m := y.message(a)
	if len(y.inlets) == 0 {
		return
	}
	y.deliver(y.inlets[y.where[index(a[0], y.set.stations)]], &m)
}

// storm is many frames at once.
func (y *Yard) storm(seed int64, n int) {
	r := rand.New(rand.NewPCG(uint64(seed), 5))
	for range n {
		var a [5]int64
		for i := range a {
			a[i] = r.Int64N(1 << 16)
		}
		y.frame(a)
	}
}

// deliver lets a frame come in.
func (y *Yard) deliver(in switchdev.PortID, m *message) {
	y.fresh()
	y.sent = y.sent[:0]
	p := y.now.by[in]
	y.arrive(in, p, m)
	c := y.chipOf(in)
	if c == nil {
		y.software(in, m, false)
		y.onlyOnce(nil)
		return
	}
	if y.pulled[in] {
		return
	}
	ideal, exact := y.foresee(c, in, m)
	c.Port(in).Ingress(m.data())
	for len(y.traps) > 0 {
		t := y.traps[0]
		y.traps = y.traps[1:]
		y.software(t.Port, m, t.Forwarded)
	}
	if exact {
		y.asForeseen(p, m, &ideal)
	}
	y.onlyOnce(p)
}

// software hands a frame to the bridge, and does what it says.
func (y *Yard) software(in switchdev.PortID, m *message, marked bool) {
	p := y.now.by[in]
	var b before
	var vlan switchdev.VLAN
	if p != nil {
		vlan, _ = y.place(m, p.vlans)
		b.src, b.known = y.table.Lookup(fdb.Key{MAC: m.src, VLAN: vlan})
	}
	data := m.data()
	forward := y.b.Forward
	if marked {
		forward = y.b.ForwardMarked
	}
	v := forward(in, data, &y.out)
	f := y.judge(in, m, marked, b)
	y.verdict(p, m, v, &f)
	if p == nil {
		y.strays++
	} else {
		y.of(p.ID).in(len(data), v.Reason)
		y.learned(p, fdb.Key{MAC: m.src, VLAN: f.vlan}, v.Learned, &f, b)
	}
	y.copies(p, m, &f, v.Reason)
}

// verdict compares what the bridge says with what it has to say.
func (y *Yard) verdict(p *port, m *message, v bridge.Verdict, f *finding) {
	if y.w.Logging() {
		y.w.Log("frame %v to %v tag %v %#x from %s: %v", m.src, m.dst, m.tag, m.tci, nameOf(p), v)
	}
	if v.Class == bridge.ClassUnknown && v.Reason == bridge.ReasonFlooded {
		y.unintended(fdb.Key{MAC: m.dst, VLAN: v.VLAN})
	}
	if v.Reason != f.reason || v.Host != f.host || v.VLAN != f.vlan || v.Class != f.class {
		y.w.Fail(invPath, "%v to %v with tag %v %#x from %s: %v %v in VLAN %v, host %v; want %v %v in VLAN %v, host %v",
			m.src, m.dst, m.tag, m.tci, nameOf(p), v.Reason, v.Class, v.VLAN, v.Host, f.reason, f.class, f.vlan, f.host)
	}
	if v.Host {
		y.of(switchdev.PortHost).out(len(m.data()))
		flags := y.now.host[f.vlan]
		if f.class == bridge.ClassLinkLocal || !y.now.filtering {
			return
		}
		if got, want := y.out.HostFrame(m.data()), y.copyFor(m, f.vlan, flags); !bytes.Equal(got, want) {
			y.w.Fail(invPath, "the host gets %x, want %x", got, want)
		}
	}
}

func nameOf(p *port) string {
	if p == nil {
		return "nowhere"
	}
	return "port " + p.ID.String()
}

// copies checks where a frame goes, and sends it there. A nil p is the host.
func (y *Yard) copies(p *port, m *message, f *finding, why bridge.Reason) {
	data := m.data()
	had := make(map[*port]bool)
	sends := make(map[string]bool) // devices that have a copy to send on
	for i, id := range y.out.Ports() {
		q := y.now.by[id]
		if q == nil || !slices.Contains(f.to, q) || !slices.Contains(q.numbers(), id) {
			y.w.Fail(invEgress, "%v to %v from %s leaves by %v of %s", m.src, m.dst, nameOf(p), id, nameOf(q))
		}
		flags := q.vlans[f.vlan]
		if y.out.Marked(i) {
			flags = 0 // the device is to know the VLAN
		}
		got, want := y.out.Frame(i, data), y.copyFor(m, f.vlan, flags)
		if !bytes.Equal(got, want) {
			y.w.Fail(invEgress, "%v to %v from %s leaves by %v as %x, want %x", m.src, m.dst, nameOf(p), id, got, want)
		}
		if had[q] || sends[q.Device] && !y.out.Marked(i) && y.spreads(q, p, f) {
			y.w.Fail(invOnce, "%v to %v from %s leaves by %v twice", m.src, m.dst, nameOf(p), id)
		}
		had[q] = true
		if y.out.Marked(i) {
			if !y.spreads(q, p, f) || sends[q.Device] {
				y.w.Fail(invOnce, "%v to %v from %s is left to %s at port %v", m.src, m.dst, nameOf(p), q.Device, id)
			}
			sends[q.Device] = true
			y.chipOf(id).TransmitForward(id, switchdev.NoVLAN, bytes.Clone(got))
			continue
		}
		y.send(id, got)
	}
	for _, q := range f.to {
		if !had[q] && !(sends[q.Device] && y.spreads(q, p, f)) {
			y.w.Fail(invOnce, "%v to %v from %s, %v, does not leave by %v", m.src, m.dst, nameOf(p), why, q.ID)
		}
		y.of(q.ID).out(len(data))
	}
}

// spreads reports whether the device of q may send a flood on to q by itself.
func (y *Yard) spreads(q, p *port, f *finding) bool {
	if !y.set.marks || q.Device == "" || f.flag == 0 || !q.has(f.flag) {
		return false
	}
	return p == nil || p.Device != q.Device && !p.has(switchdev.PortIsolated)
}

// send sends a copy by a number.
func (y *Yard) send(id switchdev.PortID, data []byte) {
	if c := y.chipOf(id); c != nil {
		c.Transmit(id, bytes.Clone(data))
		return
	}
	y.sent = append(y.sent, copyOf{id, bytes.Clone(data), false})
}

// transmit is a frame of the host.
func (y *Yard) transmit(m *message) {
	y.fresh()
	y.sent = y.sent[:0]
	data := m.data()
	v := y.b.Transmit(data, &y.out)
	f := y.judgeHost(m)
	y.verdict(nil, m, v, &f)
	y.of(switchdev.PortHost).in(len(data), v.Reason)
	y.copies(nil, m, &f, v.Reason)
	y.onlyOnce(nil)
}

// counts are what a port has to have counted.
type counts struct {
	rx, rxBytes, tx, txBytes uint64
	reasons                  map[bridge.Reason]uint64
}

// of returns the counts of a port in its present life.
func (y *Yard) of(id switchdev.PortID) *counts {
	c := y.counts[id]
	if c == nil {
		c = &counts{}
		y.counts[id] = c
	}
	return c
}

func (c *counts) in(n int, r bridge.Reason) {
	if c.reasons == nil {
		c.reasons = make(map[bridge.Reason]uint64)
	}
	c.rx, c.rxBytes = c.rx+1, c.rxBytes+uint64(n)
	c.reasons[r]++
}

func (c *counts) out(n int) { c.tx, c.txBytes = c.tx+1, c.txBytes+uint64(n) }
