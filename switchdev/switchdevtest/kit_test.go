package switchdevtest

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/switchcore/switchcore/switchdev"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestReferenceKeepsTheContract(t *testing.T) {
	Run(t, func(t testing.TB) switchdev.Driver { return newReference(t, "") }, referenceOptions()...)
}

func TestReferenceKeepsTheContractInRealTime(t *testing.T) {
	opts := append(referenceOptions(), WithRealTime(), WithStress(5), WithPatience(5*time.Second))
	Run(t, func(t testing.TB) switchdev.Driver { return newReference(t, "") }, opts...)
}

func TestFaultyWithoutFaultsKeepsTheContract(t *testing.T) {
	Run(t, func(t testing.TB) switchdev.Driver { return Faulty(newReference(t, ""), nil) }, referenceOptions()...)
}

// TestSlowFaultyKeepsTheContract: latency breaks no rule.
func TestSlowFaultyKeepsTheContract(t *testing.T) {
	opts := append(referenceOptions(), WithStress(2))
	Run(t, func(t testing.TB) switchdev.Driver {
		return Faulty(newReference(t, ""), Latency(time.Millisecond))
	}, opts...)
}

// TestStationsMayBeReportedAgain: that a station is still there is news at any time.
func TestStationsMayBeReportedAgain(t *testing.T) {
	twice := func(d switchdev.Driver, domain switchdev.Domain, port switchdev.PortID, key switchdev.FDBKey) {
		learnReference(d, domain, port, key)
		learnReference(d, domain, port, key)
	}
	Run(t, func(t testing.TB) switchdev.Driver { return newReference(t, "") }, append(referenceOptions(), WithLearn(twice))...)
}

// TestStressSparesSlowDevices: a device that takes its time for every operation is
// not asked for more than there is patience for.
func TestStressSparesSlowDevices(t *testing.T) {
	for _, c := range cases() {
		if c.Name != "parallel/roles" {
			continue
		}
		failures, skipped := record(t, c, "", func(t testing.TB) switchdev.Driver {
			d := newReference(t, "")
			slowReference(d, 20*time.Millisecond)
			return d
		}, WithStress(1000), WithPatience(2*time.Second))
		if len(failures) > 0 || skipped != "" {
			t.Errorf("failures %q, skipped %q", failures, skipped)
		}
	}
}

// TestNoCallThatASinkMakesTakesTheLockOfReports breaks each of them in turn.
func TestNoCallThatASinkMakesTakesTheLockOfReports(t *testing.T) {
	for _, c := range cases() {
		if c.Name != "report/no-lock" {
			continue
		}
		failures, skipped := record(t, c, "", func(t testing.TB) switchdev.Driver { return lockedLimits{newReference(t, "")} }, referenceOptions()...)
		if len(failures) == 0 {
			t.Errorf("a driver whose Limits waits for its reports passes, skipped %q", skipped)
		}
	}
}

// lockedLimits takes in Limits what the reference holds while it reports.
type lockedLimits struct{ *reference }

func (d lockedLimits) Unwrap() switchdev.Driver { return d.reference }

func (d lockedLimits) Limits() switchdev.Limits {
	d.delivering <- struct{}{}
	defer func() { <-d.delivering }()
	return d.reference.Limits()
}

// recorder is a testing.TB that notes failures.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	cleanups []func()
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) finish() {
	for _, f := range slices.Backward(r.cleanups) {
		f()
	}
}

// record makes one check and returns what failed, and why it was skipped.
func record(t *testing.T, c check, variant string, newDriver func(t testing.TB) switchdev.Driver, opts ...Option) (failures []string, skipped string) {
	cfg := newConfig(opts)
	p := &probe{Rule: c.Rule, cfg: cfg, variant: variant}
	cfg.enter(t, c, func(tb testing.TB) {
		r := &recorder{TB: tb}
		p.tb, p.bubble = r, !c.outside
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.check(c, newDriver)
		}()
		<-done
		r.finish()
		if p.bubble {
			time.Sleep(time.Minute) // what a mutant does late
			synctest.Wait()
		}
		failures = r.failures
	})
	return failures, p.skipped
}

// TestEveryRuleCanFail breaks the reference in one place per rule, named like
// the rule, and expects that the rule notices, in every variant that has
// the defect.
func TestEveryRuleCanFail(t *testing.T) {
	for _, c := range cases() {
		t.Run(c.Name, func(t *testing.T) {
			opts := referenceOptions()
			if c.outside && c.Name != "parallel/roles" {
				opts = append(opts, WithPatience(500*time.Millisecond))
			}
			for _, v := range c.variants(1<<numRoles - 1) {
				honest, skipped := record(t, c, v, func(t testing.TB) switchdev.Driver { return newReference(t, "") }, opts...)
				if len(honest) > 0 || skipped != "" {
					t.Errorf("%s: the honest device fails: %q, skipped %q", v, honest, skipped)
				}
				failures, skipped := record(t, c, v, func(t testing.TB) switchdev.Driver { return newReference(t, c.Name) }, opts...)
				if len(failures) == 0 {
					t.Errorf("%s: the mutant passes, skipped: %q", v, skipped)
				}
				for _, f := range failures {
					if !strings.Contains(f, "rule: "+c.Text) {
						t.Errorf("a failure does not print the rule: %s", f)
					}
				}
			}
		})
	}
}
