package hwsim

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// slowSwitch is what a chip with LAGs is to do with frames: lists and maps, and
// every question asked anew for every frame.
type slowSwitch struct {
	filtering bool
	physical  []switchdev.PortID
	carrier   map[switchdev.PortID]bool
	lags      map[switchdev.PortID][]switchdev.LAGLink
	domain    map[switchdev.PortID]switchdev.Domain // absent: none
	blocked   map[switchdev.PortID]bool
	flags     map[switchdev.PortID]switchdev.PortFlags
	vlans     map[memberKey]switchdev.VLANFlags
	rows      []slowRow
	chosen    map[string]switchdev.PortID // the link of each flow, LAG and set of live links
}

const slowHost = switchdev.PortID(0)

func newSlowSwitch(filtering bool, ports int) *slowSwitch {
	m := &slowSwitch{filtering: filtering, carrier: map[switchdev.PortID]bool{}, lags: map[switchdev.PortID][]switchdev.LAGLink{},
		domain: map[switchdev.PortID]switchdev.Domain{}, blocked: map[switchdev.PortID]bool{}, flags: map[switchdev.PortID]switchdev.PortFlags{},
		vlans: map[memberKey]switchdev.VLANFlags{}, chosen: map[string]switchdev.PortID{}}
	for id := range switchdev.PortID(ports) {
		m.physical, m.carrier[id+1] = append(m.physical, id+1), true
	}
	return m
}

// lagOf returns the LAG of a link, or the port itself.
func (m *slowSwitch) lagOf(port switchdev.PortID) switchdev.PortID {
	for id, links := range m.lags {
		for _, l := range links {
			if l.Port == port {
				return id
			}
		}
	}
	return port
}

// live returns the ports that frames to a port may leave by.
func (m *slowSwitch) live(port switchdev.PortID) (ids []switchdev.PortID) {
	links, lag := m.lags[port]
	if !lag && m.carrier[port] {
		return []switchdev.PortID{port}
	}
	for _, l := range links {
		if l.Up && m.carrier[l.Port] {
			ids = append(ids, l.Port)
		}
	}
	slices.Sort(ids)
	return ids
}

func (m *slowSwitch) known(port switchdev.PortID) bool {
	_, lag := m.lags[port]
	return lag || slices.Contains(m.physical, port)
}

func (m *slowSwitch) setLAG(op switchdev.LAGOp) error {
	for i, l := range op.Links {
		_, joined := m.domain[l.Port]
		at := m.lagOf(l.Port)
		switch {
		case m.lags[l.Port] != nil, slices.ContainsFunc(op.Links[:i], func(o switchdev.LAGLink) bool { return o.Port == l.Port }):
			return switchdev.ErrInvalid
		case !m.known(l.Port): // port 7 is none
			return switchdev.ErrNoDevice
		case joined, at != l.Port && at != op.Port:
			return switchdev.ErrBusy
		}
	}
	m.lags[op.Port] = append([]switchdev.LAGLink{}, op.Links...)
	return nil
}

// forget takes all that is of a port out.
func (m *slowSwitch) forget(port switchdev.PortID) {
	delete(m.domain, port)
	delete(m.blocked, port)
	delete(m.flags, port)
	maps.DeleteFunc(m.vlans, func(k memberKey, _ switchdev.VLANFlags) bool { return k.port == port })
	m.rows = slices.DeleteFunc(m.rows, func(r slowRow) bool { return r.port == port })
}

func (m *slowSwitch) remove(port switchdev.PortID) {
	m.forget(port)
	m.physical = slices.DeleteFunc(m.physical, func(o switchdev.PortID) bool { return o == port })
	delete(m.carrier, port)
	for id, links := range m.lags {
		m.lags[id] = slices.DeleteFunc(slices.Clone(links), func(l switchdev.LAGLink) bool { return l.Port == port })
	}
}

func (m *slowSwitch) row(d switchdev.Domain, k switchdev.FDBKey) *slowRow {
	for i := range m.rows {
		if m.rows[i].domain == d && m.rows[i].key == k {
			return &m.rows[i]
		}
	}
	return nil
}

func (m *slowSwitch) pvid(d switchdev.Domain, port switchdev.PortID) switchdev.VLAN {
	for k, f := range m.vlans {
		if k.domain == d && k.port == port && f&switchdev.VLANPVID != 0 {
			return k.vlan
		}
	}
	return 0
}

func vlanOf(frame []byte) switchdev.VLAN {
	if binary.BigEndian.Uint16(frame[12:]) != uint16(cvlan) {
		return 0
	}
	return switchdev.VLAN(binary.BigEndian.Uint16(frame[14:]) & 0xfff)
}

// parcel is what is to happen to a frame: the bytes that each logical port sends,
// and whether the host gets it.
type parcel struct {
	out  map[switchdev.PortID][]byte
	host bool
}

// ingress is what is to become of a frame that comes in by a physical port.
func (m *slowSwitch) ingress(port switchdev.PortID, frame []byte) parcel {
	in := m.lagOf(port)
	d, joined := m.domain[in]
	switch {
	case !m.carrier[port]:
		return parcel{}
	case !joined:
		return parcel{host: true}
	}
	vlan, bare := switchdev.VLAN(0), frame
	if m.filtering {
		if vlan = vlanOf(frame); vlan != 0 {
			bare = slices.Concat(frame[:12], frame[16:])
		} else if vlan = m.pvid(d, in); vlan == 0 {
			return parcel{}
		}
		if _, member := m.vlans[memberKey{d, in, vlan}]; !member {
			return parcel{}
		}
	}
	if m.blocked[in] {
		return parcel{}
	}
	src := switchdev.FDBKey{MAC: switchdev.MAC(frame[6:12]), VLAN: vlan}
	switch r := m.row(d, src); {
	case r == nil:
		m.rows = append(m.rows, slowRow{domain: d, key: src, port: in})
	case r.port == in:
	case r.told:
		return parcel{host: true}
	default:
		r.port = in
	}
	return m.deliver(d, in, vlan, frame, bare, true)
}

// transmit is what is to become of a frame of the host that is to be forwarded.
func (m *slowSwitch) transmit(port switchdev.PortID, vlan switchdev.VLAN, frame []byte) parcel {
	d, joined := m.domain[port]
	if !joined {
		return parcel{}
	}
	bare := frame
	switch own := vlanOf(frame); {
	case !m.filtering:
		vlan = 0
	case vlan == 0 && own == 0:
		return parcel{}
	case vlan == 0:
		vlan, bare = own, slices.Concat(frame[:12], frame[16:])
	}
	p := m.deliver(d, slowHost, vlan, frame, bare, false)
	p.host = false
	return p
}

func (m *slowSwitch) deliver(d switchdev.Domain, in switchdev.PortID, vlan switchdev.VLAN, frame, bare []byte, host bool) parcel {
	dst := switchdev.MAC(frame[:6])
	p := parcel{out: map[switchdev.PortID][]byte{}}
	r := m.row(d, switchdev.FDBKey{MAC: dst, VLAN: vlan})
	for out, od := range m.domain {
		flags, set := m.flags[out]
		if !set {
			flags = switchdev.DefaultPortFlags
		}
		membership, member := m.vlans[memberKey{d, out, vlan}]
		wanted := flags&switchdev.PortFlood != 0
		switch {
		case dst.IsBroadcast():
			wanted = flags&switchdev.PortBroadcastFlood != 0
		case r != nil:
			wanted = r.port == out
		}
		both := flags & m.flags[in]
		switch {
		case od != d, !wanted, m.blocked[out], m.filtering && !member, both&switchdev.PortIsolated != 0:
		case out == in && flags&switchdev.PortHairpin == 0:
		case !m.filtering:
			p.out[out] = frame
		case membership&switchdev.VLANUntagged != 0:
			p.out[out] = bare
		default:
			p.out[out] = slices.Concat(bare[:12], []byte{0x81, 0, byte(vlan >> 8), byte(vlan)}, bare[12:])
		}
	}
	_, hostIn := m.vlans[memberKey{d, slowHost, vlan}]
	p.host = host && (dst.IsBroadcast() || r == nil) && (hostIn || !m.filtering)
	return p
}

// compare holds what the physical ports have sent against a parcel.
func (m *slowSwitch) compare(b *bench, p parcel) error {
	sent := maps.Clone(b.sent)
	for out, want := range p.out {
		live := m.live(out)
		if len(live) == 0 {
			continue
		}
		var by []switchdev.PortID
		for _, id := range live {
			if len(sent[id]) > 0 {
				by = append(by, id)
			}
		}
		if len(by) != 1 || len(sent[by[0]]) != 1 || !bytes.Equal(sent[by[0]][0], want) {
			return fmt.Errorf("port %d with links %v: sent by %v, want %x once", out, live, sent, want)
		}
		delete(sent, by[0])
		flow := fmt.Sprint(out, live, want)
		if was, again := m.chosen[flow]; again && was != by[0] {
			return fmt.Errorf("a flow went by %d and goes by %d", was, by[0])
		}
		m.chosen[flow] = by[0]
	}
	if len(sent) != 0 {
		return fmt.Errorf("sent too: %v", sent)
	}
	if got := len(b.traps) == 1; got != p.host {
		return fmt.Errorf("host got %v, want %t", b.traps, p.host)
	}
	return nil
}

func (m *slowSwitch) text() string {
	rows := slices.Clone(m.rows)
	slices.SortFunc(rows, func(a, b slowRow) int { return cmp.Or(cmp.Compare(a.domain, b.domain), a.key.Compare(b.key)) })
	text := ""
	for _, r := range rows {
		text += fmt.Sprintln(r.domain, r.key, r.port, r.told)
	}
	for _, id := range slices.Sorted(maps.Keys(m.lags)) {
		text += fmt.Sprintln("lag", id, len(m.live(id)) > 0)
	}
	return text
}

func (b *bench) lagText() string {
	text := ""
	for _, r := range b.Rows() {
		text += fmt.Sprintln(r.Domain, r.Key, r.Port, r.Flags&switchdev.FDBHWLearned == 0)
	}
	for _, g := range b.Chip.lags {
		text += fmt.Sprintln("lag", g.ID(), g.Carrier())
	}
	return text
}

// TestForwardingAgreesWithSlowModelOfLAGs drives LAGs, membership, VLANs, carrier
// and frames at random.
func TestForwardingAgreesWithSlowModelOfLAGs(t *testing.T) {
	for seed := range uint64(40) {
		rt := &dice{t, rand.New(rand.NewPCG(seed, 0)), seed}
		b := newBench(t, Config{Count: 6, Hardware: Hardware{Refresh: -1}, Seed: seed, Log: LogConfig{Capacity: 1 << 11}})
		m := newSlowSwitch(rt.IntN(3) > 0, 6)
		for d := range switchdev.Domain(2) {
			op := switchdev.BridgeOp{Set: switchdev.BridgeAttrFiltering, Filtering: m.filtering}
			op.Domain = d
			b.must(b.bridge(op))
		}
		m.begin(b)
		for range 600 {
			b.lagStep(rt, m)
			if got, want := b.lagText(), m.text(); got != want {
				rt.Fatalf("chip:\n%s\nmodel:\n%s", got, want)
			}
		}
		for _, v := range b.Audit() {
			if v.Rule != RuleVLAN && v.Rule != RuleLeave && v.Rule != RuleLAG { // the driver here sets what it likes
				t.Errorf("seed %d: %v", seed, v)
			}
		}
		_ = b.Close()
	}
}

// dice draws what happens next, and knows the seed of a failure.
type dice struct {
	testing.TB
	*rand.Rand
	seed uint64
}

func (r *dice) between(lo, hi int) int { return lo + r.IntN(hi-lo+1) }

func (r *dice) Fatalf(format string, args ...any) {
	r.Helper()
	r.TB.Fatalf("seed %d: "+format, append([]any{r.seed}, args...)...)
}

func choose[T any](r *dice, from []T) T { return from[r.IntN(len(from))] }

// begin makes a switch of two ports and a LAG that has something to forward.
func (m *slowSwitch) begin(b *bench) {
	op := lagOp(11, 3, 4, 5)
	b.must(b.lags(op))
	_ = m.setLAG(op)
	for _, id := range []switchdev.PortID{0, 1, 2, 11} {
		access := memberOp(id, 1, switchdev.VLANPVID|switchdev.VLANUntagged)
		trunk := memberOp(id, 2, 0)
		b.must(b.vlans(access, trunk))
		m.vlans[memberKey{0, id, 1}], m.vlans[memberKey{0, id, 2}] = access.Flags, trunk.Flags
		if id != slowHost {
			b.join(0, id)
			m.domain[id] = 0
		}
	}
}

func (b *bench) lagStep(rt *dice, m *slowSwitch) {
	d := switchdev.Domain(rt.between(0, 3) / 3) // mostly the first
	id := choose(rt, []switchdev.PortID{1, 2, 11, 12, 11, 1, 2, 11, switchdev.PortID(rt.between(3, 6))})
	group := choose(rt, []switchdev.PortID{11, 12})
	vlan := switchdev.VLAN(rt.between(1, 2))
	same := func(got, want error) {
		if (got == nil) != (want == nil) || want != nil && !errors.Is(got, want) {
			rt.Fatalf("answered %v, want %v", got, want)
		}
	}
	old, joined := m.domain[id]
	switch choose(rt, []int{0, 0, 1, 2, 2, 2, 3, 4, 5, 6, 6, 7, 8, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 10, 10, 10, 10, 10, 10, 11}) {
	case 0:
		op := lagOp(group)
		for range rt.between(0, 4) {
			op.Links = append(op.Links, switchdev.LAGLink{
				Port: switchdev.PortID(rt.between(3, 7-rt.IntN(2))), Up: rt.between(0, 3) > 0})
		}
		same(b.lags(op), m.setLAG(op))
	case 1:
		if rt.IntN(2) == 0 {
			return
		}
		same(b.lags(switchdev.LAGOp{Verb: switchdev.LAGDelete, Port: group}), nil)
		m.forget(group)
		delete(m.lags, group)
	case 2:
		op, want := joinOp(id), error(nil)
		op.Domain = d
		switch {
		case !m.known(id):
			want = switchdev.ErrNoDevice
		case joined && old != d, m.lagOf(id) != id:
			want = switchdev.ErrBusy
		default:
			m.domain[id] = d
			delete(m.flags, id)
			delete(m.blocked, id)
		}
		same(b.ports(op), want)
	case 3:
		if joined && rt.IntN(3) == 0 {
			op := switchdev.PortOp{Verb: switchdev.PortLeave, Port: id}
			op.Domain = old
			same(b.ports(op), nil)
			// The memberships in the other domain stay.
			kept := maps.Clone(m.vlans)
			maps.DeleteFunc(kept, func(k memberKey, _ switchdev.VLANFlags) bool { return k.port == id && k.domain == old })
			rows := slices.DeleteFunc(slices.Clone(m.rows), func(r slowRow) bool { return r.port == id && r.domain == old })
			m.forget(id)
			m.vlans, m.rows = kept, rows
		}
	case 4:
		if p := b.Port(id); p != nil && m.lags[id] == nil && (!m.carrier[id] || rt.IntN(3) == 0) {
			m.carrier[id] = !m.carrier[id]
			p.SetCarrier(m.carrier[id])
		}
	case 5:
		op := setOp(mac(rt.between(1, 3)), 0, id, 0)
		op.Domain = d
		if m.filtering {
			op.Entry.Key.VLAN = vlan
		}
		if !m.known(id) {
			same(b.fdb(op), switchdev.ErrNoDevice)
			return
		}
		same(b.fdb(op), nil)
		m.rows = slices.DeleteFunc(m.rows, func(r slowRow) bool { return r.domain == d && r.key == op.Entry.Key })
		m.rows = append(m.rows, slowRow{domain: d, key: op.Entry.Key, port: id, told: true})
	case 6:
		at := choose(rt, []switchdev.PortID{id, slowHost})
		f := choose(rt, []switchdev.VLANFlags{0, switchdev.VLANPVID | switchdev.VLANUntagged, switchdev.VLANUntagged})
		op := memberOp(at, vlan, f)
		op.Domain = d
		if at != slowHost && !m.known(at) {
			same(b.vlans(op), switchdev.ErrNoDevice)
			return
		}
		same(b.vlans(op), nil)
		if k := (memberKey{d, at, 3 - vlan}); f&switchdev.VLANPVID != 0 && m.vlans[k]&switchdev.VLANPVID != 0 {
			m.vlans[k] &^= switchdev.VLANPVID
		}
		m.vlans[memberKey{d, at, vlan}] = f
	case 7:
		if joined {
			on := choose(rt, []switchdev.PortFlags{0, switchdev.PortHairpin, switchdev.PortIsolated})
			off := choose(rt, []switchdev.PortFlags{0, switchdev.PortFlood, switchdev.PortBroadcastFlood})
			op := flagsOp(id, switchdev.DefaultPortFlags&^off|on, ^switchdev.PortFlags(0))
			op.Domain = old
			same(b.ports(op), nil)
			m.flags[id] = switchdev.DefaultPortFlags&^off | on
		}
	case 8:
		if joined && (m.blocked[id] || rt.IntN(3) == 0) {
			op := stateOp(id, switchdev.PortBlocking)
			op.Domain = old
			if m.blocked[id] {
				op.State = switchdev.PortForwarding
			}
			same(b.ports(op), nil)
			m.blocked[id] = !m.blocked[id]
		}
	case 9:
		id := switchdev.PortID(rt.between(1, 6))
		if p := b.Port(id); p != nil && m.lags[id] == nil {
			f := m.draw(rt, vlan)
			b.clear()
			p.Ingress(f)
			if err := m.compare(b, m.ingress(id, f)); err != nil {
				rt.Fatalf("%v", err)
			}
			if len(b.traps) == 1 && (b.traps[0].Port != m.lagOf(id) || (b.traps[0].Link == id) != (m.lagOf(id) != id)) {
				rt.Fatalf("came in by %d of %d, the host got %+v", id, m.lagOf(id), b.traps[0])
			}
		}
	case 10:
		f := m.draw(rt, vlan)
		v := choose(rt, []switchdev.VLAN{0, vlan})
		b.clear()
		left := b.TransmitForward(id, v, f)
		p := m.transmit(m.lagOf(id), v, f)
		if err := m.compare(b, p); err != nil {
			rt.Fatalf("%v", err)
		}
		if left != (len(b.sent) > 0) {
			rt.Fatalf("said %t, and sent %v", left, b.sent)
		}
	case 11:
		if m.lags[id] == nil && id < 10 && (!m.known(id) || rt.IntN(6) == 0) {
			if slices.Contains(m.physical, id) {
				b.Port(id).Remove()
				m.remove(id)
				return
			}
			p, err := b.AddPort(PortConfig{ID: id})
			b.must(err)
			p.OnEgress(func(frame []byte) { b.sent[id] = append(b.sent[id], frame) })
			m.physical, m.carrier[id] = append(m.physical, id), true
		}
	}
}

// draw returns a frame of few stations, with a tag or without, and of few flows.
func (m *slowSwitch) draw(rt *dice, vlan switchdev.VLAN) []byte {
	dst := mac(rt.between(1, 3))
	if rt.between(0, 3) == 0 {
		dst = switchdev.Broadcast()
	}
	src := mac(rt.between(1, 3))
	f := frame(dst, src)
	if rt.IntN(2) == 0 {
		f = tagged(dst, src, cvlan, uint16(vlan))
	}
	f[len(f)-31] = byte(rt.between(0, 1))
	return f
}
