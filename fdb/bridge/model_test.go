package bridge_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/switchdev"
)

// hold is the ageing time of the model test. Time goes in steps of half a second
// there, so no entry is ever just on the edge.
const hold = ageing + 250*time.Millisecond

// station is a model's entry.
type station struct {
	port  int
	flags fdb.Flags
	seen  time.Time
}

// slowPort is a model's port.
type slowPort struct {
	mac   switchdev.MAC
	flags switchdev.PortFlags
	state switchdev.PortState
	up    bool
}

// slow is a bridge with maps, no concurrency and no cleverness: the rules of the
// Linux bridge one after the other, with an address of its own that never changes.
type slow struct {
	ports map[int]*slowPort
	table map[switchdev.MAC]station
	mac   switchdev.MAC
}

func (s *slow) age(now time.Time) {
	for m, e := range s.table {
		if e.flags&(fdb.Static|fdb.Extern) == 0 && now.Sub(e.seen) > hold {
			delete(s.table, m)
		}
	}
}

func (s *slow) learn(in int, src switchdev.MAC, now time.Time) {
	e, ok := s.table[src]
	switch {
	case !ok:
		s.table[src] = station{port: in, seen: now}
	case e.flags&fdb.Local != 0:
	case e.port == in || e.flags&fdb.Sticky != 0:
		e.seen = now
		s.table[src] = e
	default:
		s.table[src] = station{port: in, flags: e.flags &^ fdb.Extern, seen: now}
	}
}

func (s *slow) may(in, out int) bool {
	p, q := s.ports[in], s.ports[out]
	switch {
	case q == nil || !q.up || q.state != switchdev.PortForwarding:
		return false
	case p == nil: // the host
		return true
	case in == out && q.flags&switchdev.PortHairpin == 0:
		return false
	}
	return p.flags&q.flags&switchdev.PortIsolated == 0
}

func (s *slow) flood(in int, flag switchdev.PortFlags) (out []int) {
	for id := range 8 {
		if s.may(in, id) && (s.ports[id].flags&flag != 0 || in == 0 && flag != switchdev.PortFlood) {
			out = append(out, id)
		}
	}
	return out
}

// forward returns where a frame goes; in 0 is the host.
func (s *slow) forward(in int, dst, src switchdev.MAC, now time.Time) (out []int) {
	if in != 0 {
		p := s.ports[in]
		if p == nil || !p.up || !src.IsUnicast() {
			return nil
		}
		learns := p.state == switchdev.PortLearning || p.state == switchdev.PortForwarding
		if last := dst[5]; dst.IsLinkLocal() && last != 0 {
			if last == 1 {
				return nil
			}
			if learns && p.flags&switchdev.PortLearns != 0 {
				s.learn(in, src, now)
			}
			return []int{0}
		}
		if !learns {
			return nil
		}
		if e, ok := s.table[src]; p.flags&switchdev.PortLocked != 0 && (!ok || e.port != in || e.flags&fdb.Local != 0) {
			return nil
		}
		if p.flags&switchdev.PortLearns != 0 {
			s.learn(in, src, now)
		}
		if p.state == switchdev.PortLearning {
			return nil
		}
	}
	if dst.IsMulticast() {
		flag := switchdev.PortMulticastFlood
		if dst.IsBroadcast() {
			flag = switchdev.PortBroadcastFlood
		}
		if in != 0 {
			out = []int{0}
		}
		return append(out, s.flood(in, flag)...)
	}
	e, ok := s.table[dst]
	switch {
	case !ok:
		return s.flood(in, switchdev.PortFlood)
	case e.flags&fdb.Local != 0 && in != 0:
		return []int{0}
	case s.may(in, e.port):
		return []int{e.port}
	}
	return nil
}

// claim and release are fdb_add_local and fdb_delete_local of br_fdb.c.
func (s *slow) claim(m switchdev.MAC, port int) {
	if s.table[m].flags&fdb.Local == 0 {
		s.table[m] = station{port: port, flags: fdb.Permanent}
	}
}

func (s *slow) release(m switchdev.MAC, port int) {
	e, ok := s.table[m]
	if !ok || e.port != port || e.flags&fdb.Local == 0 {
		return
	}
	for id := range 8 {
		if p := s.ports[id]; id != port && p != nil && p.mac == m {
			s.table[m] = station{port: id, flags: fdb.Permanent}
			return
		}
	}
	if s.mac == m {
		s.table[m] = station{flags: fdb.Permanent}
		return
	}
	delete(s.table, m)
}

func (s *slow) flush(keep func(station) bool) {
	for m, e := range s.table {
		if !keep(e) {
			delete(s.table, m)
		}
	}
}

// pool are the addresses of the model test: few, so that they meet.
func pool() []switchdev.MAC {
	all := []switchdev.MAC{broadcast, group, linkLocal(0), linkLocal(1), linkLocal(2), {}, mac(0xfe)}
	for i := range 4 {
		all = append(all, mac(i+1), portMAC(i+1))
	}
	return all
}

// TestAgreesWithSlowBridge lets a bridge and the model go through the same
// frames, changes of ports and times, and compares where every frame goes, and
// after every step what the tables hold.
func TestAgreesWithSlowBridge(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) { agree(rt) })
}

func agree(t *rapid.T) {
	b, err := bridge.New(bridge.Config{MAC: mac(0xfe), Manual: true, Start: begin, Table: fdb.Config{Ageing: hold}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	s := &slow{mac: mac(0xfe), ports: make(map[int]*slowPort), table: map[switchdev.MAC]station{mac(0xfe): {flags: fdb.Permanent}}}
	now := begin
	b.Poll(now)
	var out bridge.Egress
	do := func(k ticket, want bool) {
		b.Poll(now)
		select {
		case <-k.Done():
		default:
			t.Fatal("not over")
		}
		if (k.Err() == nil) != want {
			t.Fatalf("error %v, want success %v", k.Err(), want)
		}
	}
	unicast := rapid.SampledFrom([]switchdev.MAC{mac(1), mac(2), mac(3), portMAC(1), portMAC(2), portMAC(3), portMAC(4)})
	anyone := rapid.SampledFrom(pool())
	number := rapid.IntRange(1, 5)
	frame := func(t *rapid.T) {
		in, dst, src := rapid.IntRange(0, 5).Draw(t, "in"), anyone.Draw(t, "dst"), anyone.Draw(t, "src")
		var v bridge.Verdict
		if in == 0 {
			v = b.Transmit(frameOf(dst, src), &out)
		} else {
			v = b.Forward(switchdev.PortID(in), frameOf(dst, src), &out)
		}
		got, want := targets(v, &out), s.forward(in, dst, src, now)
		if !slices.Equal(got, append([]int{}, want...)) {
			t.Fatalf("from %d to %v, source %v: goes to %v (%v), want %v", in, dst, src, got, v.Reason, want)
		}
		if v.Reason.Dropped() != (len(want) == 0) {
			t.Fatalf("reason %v for %v", v.Reason, want)
		}
	}
	t.Repeat(map[string]func(*rapid.T){
		"frame": frame, "frame2": frame, "frame3": frame, "frame4": frame,
		"add": func(t *rapid.T) {
			id, m := number.Draw(t, "port"), unicast.Draw(t, "mac")
			k := b.SubmitAddPort(bridge.PortConfig{ID: switchdev.PortID(id), MAC: m})
			do(k, s.ports[id] == nil)
			if s.ports[id] == nil {
				s.ports[id] = &slowPort{mac: m, flags: switchdev.DefaultPortFlags, state: switchdev.PortForwarding, up: true}
				s.claim(m, id)
			}
		},
		"remove": func(t *rapid.T) {
			id := number.Draw(t, "port")
			p := s.ports[id]
			do(b.SubmitRemovePort(switchdev.PortID(id)), p != nil)
			if p != nil {
				delete(s.ports, id)
				s.release(p.mac, id)
				s.flush(func(e station) bool { return e.port != id })
				for other := range 8 { // an address that left with a user's entry
					if q := s.ports[other]; q != nil {
						if _, ok := s.table[q.mac]; !ok {
							s.claim(q.mac, other)
						}
					}
				}
			}
		},
		"up": func(t *rapid.T) {
			id, up := number.Draw(t, "port"), rapid.Bool().Draw(t, "up")
			p := s.ports[id]
			do(b.SubmitSetPortUp(switchdev.PortID(id), up), p != nil)
			if p != nil && p.up != up {
				p.up, p.state = up, switchdev.PortForwarding
				if !up {
					p.state = switchdev.PortDisabled
					s.flush(func(e station) bool { return e.port != id || e.flags&(fdb.Permanent|fdb.Extern) != 0 })
				}
			}
		},
		"state": func(t *rapid.T) {
			id, state := number.Draw(t, "port"), switchdev.PortState(rapid.IntRange(0, 4).Draw(t, "state"))
			p := s.ports[id]
			do(b.SubmitSetPortState(switchdev.PortID(id), state), p != nil && p.up)
			if p != nil && p.up {
				p.state = state
			}
		},
		"flags": func(t *rapid.T) {
			id, bit := number.Draw(t, "port"), rapid.SampledFrom([]switchdev.PortFlags{
				switchdev.PortLearns, switchdev.PortFlood, switchdev.PortMulticastFlood, switchdev.PortBroadcastFlood,
				switchdev.PortLocked, switchdev.PortHairpin, switchdev.PortIsolated}).Draw(t, "flag")
			set := bit * switchdev.PortFlags(rapid.IntRange(0, 1).Draw(t, "on"))
			p := s.ports[id]
			do(b.SubmitSetPortFlags(switchdev.PortID(id), set, bit), p != nil)
			if p != nil {
				p.flags = p.flags&^bit | set
			}
		},
		"mac": func(t *rapid.T) {
			id, m := number.Draw(t, "port"), unicast.Draw(t, "mac")
			p := s.ports[id]
			do(b.SubmitSetPortMAC(switchdev.PortID(id), m), p != nil)
			if p != nil {
				old := p.mac
				p.mac = m
				if old != m {
					s.release(old, id)
				}
				s.claim(m, id)
			}
		},
		"static": func(t *rapid.T) {
			id, m := number.Draw(t, "port"), mac(rapid.IntRange(1, 4).Draw(t, "mac"))
			f := rapid.SampledFrom([]fdb.Flags{0, fdb.Static, fdb.Sticky, fdb.Static | fdb.Sticky, fdb.Extern}).Draw(t, "flags")
			if s.table[m].flags&fdb.Local != 0 {
				t.Skip("a user who takes an own address over is not in the model")
			}
			do(b.Table().SubmitReplace(fdb.Entry{Key: fdb.Key{MAC: m}, Port: switchdev.PortID(id), Flags: f}), true)
			old, had := s.table[m]
			e := station{port: id, flags: f, seen: now}
			switch {
			case had && f == fdb.Extern: // takes over what is there, and renews it
				e.flags |= old.flags & (fdb.Static | fdb.Sticky)
			case had:
				e.flags |= old.flags & fdb.Extern
				if e.port == old.port && e.flags == old.flags {
					e.seen = old.seen
				}
			}
			s.table[m] = e
		},
		"time": func(t *rapid.T) {
			now = now.Add(time.Duration(rapid.IntRange(1, 60).Draw(t, "half seconds")) * time.Second / 2)
			b.Poll(now)
			s.age(now)
		},
		"": func(t *rapid.T) { compareTables(t, b, s, now) },
	})
}

func compareTables(t *rapid.T, b *bridge.Bridge, s *slow, now time.Time) {
	b.Poll(now)
	n := 0
	for e := range b.Table().All() {
		n++
		want, ok := s.table[e.MAC]
		if !ok || int(e.Port) != want.port || e.Flags&^fdb.User != want.flags {
			t.Fatalf("%v is at %d, %v; want %d, %v (known %v)", e.MAC, e.Port, e.Flags, want.port, want.flags, ok)
		}
	}
	if n != len(s.table) {
		t.Fatalf("%d entries, want %d: %v", n, len(s.table), s.table)
	}
}
