package bridge_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/fdb/bridge"
	"github.com/switchcore/switchcore/hwsim"
	"github.com/switchcore/switchcore/switchdev"
)

// TestChipComesToWhatTheBridgeWants, with goroutines in real time: ports, VLANs, links
// and attributes change all at once while the chip is slow, refuses, hangs, answers
// in part and is reset. When the faults are over it holds what the bridge wants, and
// after Close nothing.
func TestChipComesToWhatTheBridgeWants(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { stress(t, seed) })
	}
}

func stress(t *testing.T, seed uint64) {
	s := &stressed{t: t}
	chip, err := hwsim.New(hwsim.Config{
		Count: 8, Seed: seed, Host: hwsim.Host{OnTrap: s.trapped}, Log: hwsim.LogConfig{Capacity: 1 << 18},
		Hardware: hwsim.Hardware{Latency: hwsim.Latency{Batch: 20 * time.Microsecond, Op: 5 * time.Microsecond}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer chip.Close()
	cfg := filteringOn(chip)
	cfg.Table.Hardware.Retry, cfg.Table.Hardware.Timeout = time.Millisecond, 150*time.Millisecond
	b, err := bridge.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.chip = chip
	s.b.Store(b)
	for _, f := range []hwsim.Fault{
		{Kind: hwsim.FaultRefuse, Probability: 0.05},
		{Kind: hwsim.FaultPartial, Probability: 0.02},
		{Kind: hwsim.FaultPartial, Probability: 0.02, After: true},
		{Kind: hwsim.FaultSlow, Probability: 0.02, Delay: time.Millisecond},
		{Kind: hwsim.FaultHang, Probability: 0.01, Count: 1},
		{Kind: hwsim.FaultHang, Probability: 0.01, Count: 1, After: true},
		{Kind: hwsim.FaultReset, Probability: 0.002, Count: 10},
		{Kind: hwsim.FaultReset, Probability: 0.002, Count: 10, After: true},
	} {
		if _, err := chip.Inject(f); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for n := range 6 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(n)))
			for range 40 {
				s.meddle(rng)
			}
		})
	}
	wg.Wait()
	chip.ReleaseAll()
	s.converges()
	s.reaches()
	for _, v := range chip.Audit() {
		if v.Rule != hwsim.RuleVLAN { // a retried row may come before the VLAN that is retried too
			t.Error(v)
		}
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if u := chip.Usage(); u.VLANs+u.FDB+u.LAGs != 0 {
		t.Errorf("left over: %+v %v", u, chip.Rows())
	}
}

type stressed struct {
	t    *testing.T
	chip *hwsim.Chip
	b    atomic.Pointer[bridge.Bridge]
	one  sync.Mutex // reset at a time
}

func (s *stressed) trapped(f hwsim.HostFrame) {
	b := s.b.Load()
	if b == nil {
		return
	}
	var out bridge.Egress
	b.Forward(f.Port, f.Frame, &out)
	for i, id := range out.Ports() {
		s.chip.Transmit(id, slices.Clone(out.Frame(i, f.Frame)))
	}
}

// meddle does one thing, whatever comes of it.
func (s *stressed) meddle(rng *rand.Rand) {
	b, ctx := s.b.Load(), context.Background()
	id := switchdev.PortID([]int{1, 2, 3, 4, 40}[rng.IntN(5)])
	vlans := vlanSet(switchdev.VLAN(10+rng.IntN(4)), switchdev.VLAN(10+rng.IntN(4)))
	switch rng.IntN(12) {
	case 0, 1, 2:
		c := on(s.chip, int(id))
		if id == 40 {
			c.Links = s.links(rng)
		}
		_ = b.AddPort(ctx, c)
	case 3:
		_ = b.RemovePort(ctx, id)
	case 4, 5:
		_ = b.AddVLANs(ctx, id, vlans, 0)
	case 6:
		_ = b.RemoveVLANs(ctx, id, vlans)
	case 7:
		_ = b.AddVLAN(ctx, id, switchdev.VLAN(10+rng.IntN(4)), untaggedPVID)
	case 8:
		_ = b.SetLinks(ctx, 40, s.links(rng))
	case 9:
		_ = b.SetFiltering(ctx, rng.IntN(4) > 0)
	case 10:
		_ = b.AddVLANs(ctx, 0, vlans, 0)
	default:
		if rng.IntN(4) == 0 {
			s.one.Lock()
			short, cancel := context.WithTimeout(ctx, 50*time.Millisecond) // it may hang, too
			_, _ = s.chip.Reset(short)
			cancel()
			s.one.Unlock()
		}
		for in := range 5 {
			s.chip.Port(switchdev.PortID(in + 1)).Ingress(inVLAN(mac(1+rng.IntN(6)), mac(1+rng.IntN(6)), switchdev.VLAN(10+rng.IntN(4))))
		}
	}
}

func (s *stressed) links(rng *rand.Rand) []bridge.Link {
	all := links(5, 6, 7)[:1+rng.IntN(3)]
	all[0].Down = rng.IntN(4) == 0
	return all
}

// converges waits until the chip holds what the bridge wants, and for longer than the
// bridge pauses between two attempts: it might look so while one is under way. What the
// bridge does it does by timers of real time, which a test can only look at.
func (s *stressed) converges() {
	s.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for n, same := 0, 0; ; n++ {
		has, want := s.holds()
		if same++; has != want {
			same = 0
		}
		if same > 100 {
			return
		}
		if n > 10000 {
			s.t.Fatalf("the chip does not hold (-), or holds (+):%s", diff(want, has))
		}
		<-tick.C
	}
}

// holds returns what the chip holds and what it is to hold.
func (s *stressed) holds() (has, want string) {
	var h, w holdings
	b := s.b.Load()
	for _, r := range s.chip.Rows() {
		h.row(fdb.Key(r.Key), r.Port, r.Flags&switchdev.FDBLocal != 0)
	}
	u := s.chip.Usage()
	h.add("%d VLANs, %d LAGs", u.VLANs, u.LAGs)
	var vlans, lags int
	own := map[switchdev.PortID]bool{}
	for _, p := range b.Ports() {
		m, _ := b.VLANs(p.ID)
		l, _ := b.Links(p.ID)
		vlans += len(m)
		lags += min(len(l), 1)
		own[p.ID] = true
	}
	if len(own) > 0 {
		r := rig{&world{b: b}, 0}
		vlans += len(r.hostVLANs())
		for e := range b.Table().All() {
			w.row(e.Key, e.Port, e.Flags&fdb.Local != 0)
		}
	}
	w.add("%d VLANs, %d LAGs", vlans, lags)
	return h.String(), w.String()
}

// reaches floods every VLAN from every port: the ports that are in it get it, and nobody
// else.
func (s *stressed) reaches() {
	b := s.b.Load()
	got := make(map[switchdev.PortID]int)
	for id := switchdev.PortID(1); id <= 8; id++ {
		s.chip.Port(id).OnEgress(func([]byte) { got[id]++ })
	}
	for _, v := range []switchdev.VLAN{10, 11, 12, 13} {
		for _, in := range b.Ports() {
			from := in.ID
			if l, _ := b.Links(in.ID); len(l) > 0 {
				from = l[0].ID
			}
			if !s.in(in, v) {
				continue
			}
			clear(got)
			s.chip.Port(from).Ingress(inVLAN(broadcast, mac(0x77), v))
			want := map[switchdev.PortID]int{}
			for _, p := range b.Ports() {
				if p.ID != in.ID && s.in(p, v) {
					want[p.ID] = 1
				}
			}
			for _, l := range links(5, 6, 7) { // by one of them
				if n := got[l.ID]; n > 0 {
					delete(got, l.ID)
					got[40] += n
				}
			}
			if !maps.Equal(got, want) {
				s.t.Errorf("VLAN %d from %d: %v, want %v", v, in.ID, got, want)
			}
		}
	}
}

// in reports whether a port takes frames of a VLAN.
func (s *stressed) in(p bridge.Port, v switchdev.VLAN) bool {
	m, _ := s.b.Load().VLANs(p.ID)
	member := slices.ContainsFunc(m, func(m bridge.Membership) bool { return m.VLAN == v })
	return p.State == switchdev.PortForwarding && (member || !s.b.Load().Filtering())
}
