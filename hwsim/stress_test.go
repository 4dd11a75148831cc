package hwsim

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// TestStress drives everything at once, outside a bubble, for the race
// detector; at the end the log is audited and the answers are counted.
func TestStress(t *testing.T) {
	for p := range numProfiles {
		t.Run(p.String(), func(t *testing.T) { stress(t, p) })
	}
}

func stress(t *testing.T, profile Profile) {
	b := startBench(t, Config{Count: 8, Limits: switchdev.Limits{FDB: 64, Shared: 80}, Log: LogConfig{Capacity: 1 << 16}, Seed: 5,
		Hardware: Hardware{Profile: profile, Poll: time.Millisecond, Refresh: 100 * time.Microsecond}})
	b.join(0, 1, 2, 3, 4, 5, 6)
	for _, spec := range []string{"slow:fdb:20us:p=0.05", "refuse:fdb:p=0.1", "reset:fdb:after=300", "hang:vlan:nth=40:count=1",
		"lost:report:p=0.1", "late:report:100us:p=0.1", "duplicate:report:1ms:p=0.1", "reorder:report:3:1ms:p=0.1", "partial:fdb:1:p=0.05",
		"misplace:fdb:p=0.05:target=2", "vanish:fdb:50us:p=0.05", "drift:fdb:50us:p=0.05:target=3", "ignore:fdb:p=0.05", "gone:vlan:nth=60:target=5:1ms"} {
		f, err := ParseFault(spec)
		b.must(err)
		_, err = b.Inject(f)
		b.must(err)
	}
	var wg sync.WaitGroup
	const rounds = 300
	answered := make([]int, 2)
	for id := range switchdev.PortID(4) { // the data plane
		rng := rand.New(rand.NewPCG(uint64(id), 1))
		wg.Go(func() {
			for range rounds * 4 {
				src := switchdev.MACFromUint64(macA.Uint64() + rng.Uint64N(40))
				dst := switchdev.MACFromUint64(macA.Uint64() + rng.Uint64N(40))
				if p := b.Port(id + 1); p != nil {
					p.Ingress(frame(dst, src))
				}
			}
		})
	}
	wg.Go(func() { b.stressFDB(rounds, 1, &answered[0]) })
	wg.Go(func() { b.stressVLANs(rounds) })
	wg.Go(func() {
		for range 60 {
			p := b.Port(7)
			if p == nil {
				p, _ = b.AddPort(PortConfig{ID: 7})
			}
			p.SetCarrier(false)
			p.Remove()
			_, _ = b.Ports(context.Background())
			_, _ = b.DumpFDB(context.Background(), 0, func(switchdev.FDBRow) bool { return true })
			b.Bind(b)()
			_ = b.Operations()
			_ = b.Usage()
		}
	})
	wg.Wait()
	if answered[0] != rounds {
		t.Errorf("%d of %d batches answered", answered[0], rounds)
	}
	if b.Epoch() != 2 {
		t.Errorf("epoch %d", b.Epoch())
	}
	for _, v := range b.Audit() {
		if v.Rule != RuleCorrupt {
			t.Error(v)
		}
	}
	b.must(b.Close())
}

// stressFDB submits batches one after the other, half of them blocking.
func (b *bench) stressFDB(rounds int, port switchdev.PortID, answered *int) {
	rng := rand.New(rand.NewPCG(9, 9))
	token := switchdev.Token(1 << 32)
	for i := range rounds {
		ops := make([]switchdev.FDBOp, 3)
		for k := range ops {
			token++
			mac := switchdev.MACFromUint64(macA.Uint64() + uint64(k)*50 + rng.Uint64N(50))
			ops[k] = setOp(mac, 0, port, 0)
			if rng.IntN(3) == 0 {
				ops[k] = deleteOp(mac, 0)
			}
			ops[k].Op = switchdev.Op{Token: token}
		}
		results := make([]switchdev.Result, len(ops))
		if i%2 == 0 {
			b.ApplyFDB(context.Background(), ops, results)
		} else {
			done := make(chan struct{})
			b.SubmitFDB(context.Background(), ops, results, func() { close(done) })
			<-done
		}
		*answered++
	}
}

func (b *bench) stressVLANs(rounds int) {
	for i := range rounds {
		op := memberOp(2, switchdev.VLAN(i%20+1), 0)
		if i%3 == 0 {
			op.Verb = switchdev.VLANDeleteMember
		}
		op.Op = switchdev.Op{Token: switchdev.Token(1<<40) + switchdev.Token(i)}
		results := make([]switchdev.Result, 1)
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		if i != 39 {
			ctx = context.Background()
		}
		b.ApplyVLANs(ctx, []switchdev.VLANOp{op}, results)
		cancel()
		first(results)
	}
}
