package hwsim

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// everyFault strikes often enough that each kind is met in a run.
var everyFault = []string{
	"refuse:fdb:p=0.05", "full:fdb:25:p=0.1", "slow:fdb:3s:p=0.2", "hang:fdb:p=0.02", "reset:fdb:after=150",
	"lost:report:p=0.05", "late:report:7s:p=0.1", "duplicate:report:2:1s:p=0.1", "reorder:report:2:30s:p=0.1",
	"partial:fdb:1:p=0.1", "partial:fdb:p=0.05:done", "ignore:fdb:p=0.05", "misplace:fdb:p=0.05",
	"vanish:fdb:9s:p=0.05", "drift:fdb:9s:p=0.05", "gone:fdb:20s:p=0.02:count=3",
	"refuse:lag:p=0.1", "ignore:lag:p=0.1", "partial:lag:p=0.1:done", "gone:lag:p=0.05:count=4",
}

// wildRun drives a Manual chip at random and returns everything that can be seen
// of it.
func wildRun(t *testing.T, profile Profile, quirks Quirks, seed uint64) (text string, b *bench) {
	b = newBench(t, Config{Seed: seed, Limits: switchdev.Limits{FDB: 40}, Log: LogConfig{Capacity: 1 << 14},
		Hardware: Hardware{Profile: profile, Quirks: quirks, Ways: 3, Latency: Latency{Op: time.Second}}})
	for _, spec := range everyFault {
		b.inject(spec)
	}
	rng := rand.New(rand.NewPCG(1, seed))
	station := func() switchdev.MAC { return switchdev.MACFromUint64(rng.Uint64N(30) + 2<<40) }
	var out bytes.Buffer
	for range 150 {
		first := station()
		ops, results := setBatch(b, first, first.Next(), first.Next().Next())
		for i := range ops {
			ops[i].Entry.Port = []switchdev.PortID{1, 2, 3, 9}[rng.IntN(4)]
			if rng.IntN(3) == 0 {
				ops[i].Verb = switchdev.FDBDelete
			}
		}
		if len(b.Operations()) == 0 {
			b.SubmitFDB(t.Context(), ops, results, func() { fmt.Fprintln(&out, marks(results)) })
		} else if rng.IntN(8) == 0 {
			b.releaseHung()
		}
		for id := switchdev.PortID(1); id <= 3; id++ { // again, after a reset or a removal
			_ = b.ports(joinOp(id))
		}
		lag := []switchdev.LAGOp{lagOp(9, 4), lagOp(9), endLAGOp(9), lagOp(10, 4)}[rng.IntN(4)]
		lag.Op = b.op(0)
		b.ApplyLAGs(t.Context(), []switchdev.LAGOp{lag}, make([]switchdev.Result, 1))
		_ = b.ports(joinOp(9))
		b.must(b.bridge(switchdev.BridgeOp{Set: switchdev.BridgeAttrAgeing, Ageing: 40 * time.Second}))
		for range 4 {
			if p := b.Port(switchdev.PortID(1 + rng.IntN(4))); p != nil {
				p.Ingress(frame(station(), station()))
			}
		}
		b.after(time.Duration(rng.IntN(20)) * time.Second / 2)
	}
	b.ReleaseAll()
	for range 100 {
		b.after(10 * time.Second)
	}
	for r := range b.Chip.Log() {
		fmt.Fprintln(&out, r.String())
	}
	for _, r := range b.reports {
		fmt.Fprintln(&out, r.Kind, r.Port, r.Key, r.Epoch, r.Token)
	}
	fmt.Fprintf(&out, "%+v\n", b.Stats())
	b.must(b.WriteRows(&out))
	return out.String(), b
}

// releaseHung lets go what hangs, and leaves the fault at work.
func (b *bench) releaseHung() {
	for _, in := range b.Chip.faults {
		if in.Fault.Kind == FaultHang {
			in.Release()
			b.inject("hang:fdb:p=0.02")
			return
		}
	}
}

// TestSameSeedSameRun: a Manual chip is a function of its seed and its calls, byte
// for byte, with every profile, fault and quirk; and whatever strikes, the chip
// keeps its own rules or the auditor calls it corruption.
func TestSameSeedSameRun(t *testing.T) {
	var struck [NumFaultKinds]uint64
	seeds := uint64(4)
	if raceEnabled {
		seeds = 1
	}
	for p := range numProfiles {
		for _, quirks := range []Quirks{0, QuirkStaleRowOnMove | QuirkErrorsSwallowed, QuirkOffloadBeforeWrite | QuirkDeleteUserOnly} {
			for seed := range seeds {
				one, b := wildRun(t, p, quirks, seed)
				for range 2 {
					if two, _ := wildRun(t, p, quirks, seed); two != one {
						t.Fatalf("%v, quirks %v, seed %d: two runs differ at %q", p, quirks, seed, difference(one, two))
					}
				}
				if other, _ := wildRun(t, p, quirks, seed+100); other == one {
					t.Errorf("%v: the seed does not decide", p)
				}
				for i, n := range b.Stats().Faults {
					struck[i] += n
				}
				if n := len(b.Operations()); n != 0 {
					t.Errorf("%v, seed %d: %d batches in flight at the end", p, seed, n)
				}
				if !b.History().Whole {
					t.Error("the log is too short for the run")
				}
				for _, v := range b.Audit() {
					if v.Rule != RuleCorrupt && v.Rule != RuleLeave && v.Rule != RuleLAG { // the driver here does not mind ports
						t.Errorf("%v, quirks %v, seed %d: %v", p, quirks, seed, v)
					}
				}
			}
		}
	}
	for k := FaultRefuse; k < NumFaultKinds; k++ {
		if struck[k] == 0 {
			t.Errorf("%v never struck: the runs are too tame", k)
		}
	}
}

// difference returns the first line of one that two does not have there.
func difference(one, two string) string {
	lines := strings.Split(two, "\n")
	for i, line := range strings.Split(one, "\n") {
		if i >= len(lines) || lines[i] != line {
			return line
		}
	}
	return ""
}
