package plant

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/lab/campaign/internal/oracle"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/switchdev"
)

// trap is a frame that a chip gave to software.
type trap struct {
	c *chip
	hwsim.HostFrame
}

func (p *Plant) trafficOps() []sim.Op {
	draw := func(n int) func(*rand.Rand) ([]int64, bool) {
		return func(r *rand.Rand) ([]int64, bool) {
			args := make([]int64, n)
			for i := range args {
				args[i] = r.Int64N(1 << 16)
			}
			return args, true
		}
	}
	return []sim.Op{
		{Name: "learn", Weight: 14, Draw: p.drawLearn, Do: func(a []int64) { p.learn(p.key(sim.Arg(a, 0)), p.port(sim.Arg(a, 1))) }},
		{Name: "ask", Weight: 4, Draw: p.drawLearn, Do: func(a []int64) { p.ask(p.key(sim.Arg(a, 0)), p.port(sim.Arg(a, 1))) }},
		{Name: "frame", Weight: 24, Draw: draw(2), Do: func(a []int64) { p.frame(sim.Arg(a, 0), sim.Arg(a, 1)) }},
		{Name: "storm", Weight: 3, Draw: draw(2), Do: func(a []int64) { p.storm(sim.Arg(a, 0), sim.Arg(a, 1)) }},
		{Name: "roam", Weight: 6, Draw: draw(2), Do: func(a []int64) {
			p.where[index(sim.Arg(a, 0), len(p.where))] = p.port(sim.Arg(a, 1))
		}},
	}
}

func (p *Plant) drawLearn(r *rand.Rand) ([]int64, bool) {
	return []int64{r.Int64N(int64(len(p.keys))), r.Int64N(int64(p.set.ports))}, true
}

// learn is a frame on a port of software.
func (p *Plant) learn(k fdb.Key, port switchdev.PortID) {
	was := p.model.Value(k)
	got := p.table.Learn(k, port)
	p.w.Log("Learn(%v, %v) = %v over %v", k, port, got, was)
	if p.doubt[k] {
		return
	}
	if want := p.outcomes(k, port, was); !slices.Contains(want, got) {
		p.w.Fail(invBounds, "Learn(%v, %v) = %v over %v, want one of %v", k, port, got, was, want)
	}
	p.limited(k, was, got)
	if got.Accepted() && got != fdb.Own {
		p.model.Learn(k, port, p.tick(p.polled))
	}
}

// outcomes are what Learn may say.
func (p *Plant) outcomes(k fdb.Key, port switchdev.PortID, was oracle.Value) (want []fdb.Learned) {
	busy := len(p.queues[k]) > 0
	switch {
	case p.model.LearningOff():
		return []fdb.Learned{fdb.Ignored}
	case p.gone[port]:
		return []fdb.Learned{fdb.Barred}
	case !was.Present:
		want = []fdb.Learned{fdb.Queued}
		if p.set.pending > 0 {
			want = append(want, fdb.Dropped)
		}
		if p.mayRefuse(k, port) {
			want = append(want, fdb.Refused)
		}
	case was.Has(fdb.Local):
		want = []fdb.Learned{fdb.Own}
		if busy {
			want = append(want, fdb.Kept, fdb.Refreshed, fdb.Known) // it may be local no more
		}
	case was.Port == port:
		want = []fdb.Learned{fdb.Known, fdb.Refreshed}
	case was.Has(fdb.Sticky):
		want = []fdb.Learned{fdb.Kept, fdb.Known}
	default:
		want = []fdb.Learned{fdb.Moved}
		if p.mayRefuse(k, port) {
			want = append(want, fdb.Refused)
		}
	}
	if p.set.max > 0 && (busy || !was.Present) {
		want = append(want, fdb.Limited)
	}
	return want
}

// mayRefuse reports whether a device may have refused the station on the port a
// while ago.
func (p *Plant) mayRefuse(k fdb.Key, port switchdev.PortID) bool {
	return p.drops() && (p.vetoed[k] == port || p.set.max > 0 || p.follower.lost > 0)
}

// limited holds what was learned against the limit.
func (p *Plant) limited(k fdb.Key, was oracle.Value, got fdb.Learned) {
	if p.set.max == 0 || p.waiting > 0 || len(p.doubt) > 0 {
		return
	}
	switch n := p.model.Counted(); {
	case got == fdb.Limited && n < p.set.max && !p.unread: // what is still in main has its place
		p.w.Fail(invLimit, "Learn(%v) is limited, and %d of %d are learned", k, n, p.set.max)
	case got == fdb.Queued && !was.Present && n >= p.set.max:
		p.w.Fail(invLimit, "Learn(%v) is queued, and %d of %d are learned", k, n, p.set.max)
	}
}

// ask is a frame on a locked port.
func (p *Plant) ask(k fdb.Key, port switchdev.PortID) {
	was := p.model.Value(k)
	got := p.table.LearnLocked(k, port)
	p.w.Log("LearnLocked(%v, %v) = %v over %v", k, port, got, was)
	if p.doubt[k] {
		return
	}
	var want []fdb.Learned
	switch {
	case p.model.LearningOff():
		want = []fdb.Learned{fdb.Ignored}
	case p.gone[port]:
		want = []fdb.Learned{fdb.Barred}
	case !was.Present:
		want = []fdb.Learned{fdb.Queued, fdb.Dropped, fdb.Limited, fdb.Refused}
	case was.Port == port && was.Has(fdb.Locked):
		want = []fdb.Learned{fdb.Known, fdb.Refreshed}
	default:
		want = []fdb.Learned{fdb.Shut}
	}
	if !slices.Contains(want, got) && len(p.queues[k]) == 0 {
		p.w.Fail(invBounds, "LearnLocked(%v, %v) = %v over %v, want one of %v", k, port, got, was, want)
	}
	p.limited(k, was, got)
	if got.Accepted() {
		p.model.LearnLocked(k, port, p.tick(p.polled))
	}
}

// frame is one from a station to another, or to all.
func (p *Plant) frame(from, to int64) {
	vlans := max(p.set.vlans, 1)
	src := index(from, len(p.keys))
	dst := switchdev.Broadcast()
	if index(to, 9) > 0 {
		dst = p.keys[index(to, p.set.stations)*vlans].MAC
	}
	port := p.where[src/vlans]
	f := makeFrame(dst, p.keys[src])
	if c := p.chipOf(port); c != nil {
		c.Port(port).Ingress(f)
	} else {
		p.software(port, p.keys[src], dst)
	}
	for len(p.traps) > 0 {
		t := p.traps[0]
		p.traps = p.traps[1:]
		k := fdb.Key{MAC: switchdev.MAC(t.Frame[6:12]), VLAN: t.VLAN}
		if t.Forwarded {
			p.learn(k, t.Port)
			continue
		}
		p.software(t.Port, k, switchdev.MAC(t.Frame[:6]))
	}
}

// software is a bridge in software: it learns, and sends what it knows.
func (p *Plant) software(port switchdev.PortID, src fdb.Key, dst switchdev.MAC) {
	p.learn(src, port)
	if dst.IsMulticast() {
		return
	}
	k := fdb.Key{MAC: dst, VLAN: src.VLAN}
	if _, ok := p.table.Destination(k); !ok && p.model.Value(k).Present && !p.doubt[k] {
		p.floods++
		p.w.Fail(invFlood, "a frame from %v for %v, which is %v, is flooded", src, k, p.model.Value(k))
	}
}

// storm is many frames at once.
func (p *Plant) storm(seed, n int64) {
	r := rand.New(rand.NewPCG(uint64(seed), 5))
	for range 4 + index(n, 60) {
		p.frame(r.Int64N(1<<16), r.Int64N(1<<16))
	}
}

// chipOf returns the chip that a port belongs to, nil for one of software.
func (p *Plant) chipOf(port switchdev.PortID) *chip {
	for _, c := range p.chips {
		if slices.Contains(c.ports, port) {
			return c
		}
	}
	return nil
}

func makeFrame(dst switchdev.MAC, src fdb.Key) []byte {
	f := make([]byte, 0, 64)
	f = append(f, dst[:]...)
	f = append(f, src.MAC[:]...)
	if src.VLAN != switchdev.NoVLAN {
		f = binary.BigEndian.AppendUint16(f, uint16(switchdev.EtherTypeVLAN))
		f = binary.BigEndian.AppendUint16(f, uint16(src.VLAN))
	}
	f = binary.BigEndian.AppendUint16(f, 0x88b5)
	return f[:64]
}
