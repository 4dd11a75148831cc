package switchdevtest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

func TestRulesAreNamedOnceAndHaveText(t *testing.T) {
	seen := map[string]bool{}
	order := []string{}
	for _, r := range Rules() {
		g, name := group(r.Name)
		if seen[r.Name] || name == "" || r.Role == "" || !strings.HasSuffix(r.Text, ".") {
			t.Errorf("bad rule %+v", r)
		}
		seen[r.Name] = true
		if n := len(order); n == 0 || order[n-1] != g {
			order = append(order, g)
		}
		if r.Role != "Driver" && roleNamed(r.Role) == 0 {
			t.Errorf("%s: no role %s", r.Name, r.Role)
		}
	}
	if slices.Sort(order); len(slices.Compact(order)) != len(order) {
		t.Errorf("a group is not in one piece: %v", order)
	}
	rules := Rules()
	clear(rules)
	if Rules()[0].Name == "" {
		t.Error("the slice is not the caller's")
	}
}

func TestVerdicts(t *testing.T) {
	c := check{Rule: Rule{"vlan/full", "VLANOffloader", "x."}, need: roleVLANs | roleReset, hooks: hookSlow, bubbled: true}
	all, slow := roleSet(1<<numRoles-1), WithSlow(slowReference)
	tests := []struct {
		name    string
		opts    []Option
		found   roleSet
		why     string
		failure bool
	}{
		{"fine", []Option{slow}, all, "", false},
		{"role missing", []Option{slow}, all &^ roleVLANs, "no role VLANOffloader", false},
		{"required role missing", []Option{slow, Require[switchdev.VLANOffloader]()}, all &^ roleVLANs, "no role VLANOffloader", true},
		{"another required", []Option{slow, Require[switchdev.FDBDumper]()}, all &^ roleVLANs, "no role VLANOffloader", false},
		{"hook missing", nil, all, "WithSlow", false},
		{"no reset", []Option{slow, WithoutReset("the lab has one chip")}, all, "the lab has one chip", false},
		{"skipped by name", []Option{slow, Skip("vlan/full", "known")}, all, "known", false},
		{"skipped by pattern", []Option{slow, Skip("vlan/*", "known")}, all, "known", false},
		{"another skipped", []Option{slow, Skip("fdb/*", "known")}, all, "", false},
		{"no virtual time", []Option{slow, WithRealTime()}, all, "virtual time", false},
	}
	for _, tt := range tests {
		s := &census{cfg: newConfig(tt.opts), found: tt.found}
		why, failure := s.verdict(c)
		if !strings.Contains(why, tt.why) || (why == "") != (tt.why == "") || failure != tt.failure {
			t.Errorf("%s: %q, failure %v", tt.name, why, failure)
		}
	}
	rows := check{Rule: Rule{Name: "fdb/full"}, forms: true}
	if why, _ := (&census{cfg: newConfig(nil), found: roleSubmit}).verdict(rows); why != "" {
		t.Errorf("a device with SubmitFDB alone: %s", why)
	}
	if why, _ := (&census{cfg: newConfig(nil)}).verdict(rows); why == "" {
		t.Error("a device without forwarding rows is not skipped")
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for want, opt := range map[string]Option{
		"no rules for": Require[interface{ Foo() }](),
		"no rule is":   Skip("fdb/nothing", "x"),
		"two ports":    WithPorts(1),
	} {
		if got := newConfig([]Option{opt}).problems(); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("problems %q, want %q", got, want)
		}
	}
	if got := newConfig([]Option{Skip("fdb/*", "x"), Require[switchdev.Limiter](), WithPorts(1, 2)}).problems(); got != nil {
		t.Errorf("problems %q", got)
	}
}

func TestSummaryNamesWhatWasSkipped(t *testing.T) {
	s := &census{cfg: newConfig([]Option{Require[switchdev.FDBDumper]()}), found: roleFDB | roleDump, passed: 3, skipped: []string{"vlan/full: no role"}}
	for _, want := range []string{"found: FDBOffloader, FDBDumper", "missing: FDBSubmitter", "required: FDBDumper", "passed: 3, skipped: 1", "skipped vlan/full: no role"} {
		if got := s.summary(); !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
}

// TestBareDriverPasses: every rule of a role that is missing is skipped.
func TestBareDriverPasses(t *testing.T) {
	Run(t, func(testing.TB) switchdev.Driver { return bare{} })
}

// TestFaultyBareDriverPasses: roles that answer ErrUnsupported are skipped too.
func TestFaultyBareDriverPasses(t *testing.T) {
	Run(t, func(testing.TB) switchdev.Driver { return Faulty(bare{}, nil) })
}

func caseNamed(t *testing.T, name string) check {
	t.Helper()
	for _, c := range cases() {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no rule %s", name)
	return check{}
}

// TestHooksWithoutEffectFail: a hook that does nothing would let rules pass
// that nobody has checked.
func TestHooksWithoutEffectFail(t *testing.T) {
	idle := []Option{
		WithHang(func(switchdev.Driver) func() { return func() {} }),
		WithSlow(func(switchdev.Driver, time.Duration) {}),
		WithLearn(func(switchdev.Driver, switchdev.Domain, switchdev.PortID, switchdev.FDBKey) {}),
		WithShared(func(switchdev.Usage) int { return 0 }), WithPatience(time.Second),
	}
	for _, c := range cases() {
		if c.hooks == 0 || c.hooks == hookShared {
			continue
		}
		for _, v := range c.variants(1<<numRoles - 1) {
			failures, skipped := record(t, c, v, func(t testing.TB) switchdev.Driver { return newReference(t, "") }, idle...)
			if len(failures) == 0 {
				t.Errorf("%s/%s passes with hooks that do nothing, skipped %q", c.Name, v, skipped)
			}
		}
	}
}

// TestBrokenDriversFail: what is no answer at all fails like any broken rule.
func TestBrokenDriversFail(t *testing.T) {
	c := caseNamed(t, "fdb/set-moves")
	tests := []struct {
		name string
		make func(t testing.TB) switchdev.Driver
		want string
	}{
		{"nil", func(testing.TB) switchdev.Driver { return nil }, "returned nil"},
		{"panic", func(t testing.TB) switchdev.Driver {
			return Faulty(newReference(t, ""), Only(OnNth(3, Fault{Kind: FaultPanic}), RoleFDB))
		}, "panicked"},
		{"hang", func(t testing.TB) switchdev.Driver {
			return Faulty(newReference(t, ""), Only(OnNth(3, Fault{Kind: FaultHang}), RoleFDB))
		}, "has not returned"},
		{"unanswered", func(t testing.TB) switchdev.Driver {
			return Faulty(newReference(t, ""), Only(OnNth(3, Fault{Kind: FaultLost}), RoleFDB))
		}, "outcome unknown"},
	}
	for _, tt := range tests {
		failures, _ := record(t, c, "blocking", tt.make, referenceOptions()...)
		if len(failures) == 0 || !strings.Contains(failures[0], tt.want) || !strings.Contains(failures[0], c.Text) {
			t.Errorf("%s: %q", tt.name, failures)
		}
	}
}

// submitOnly hides the blocking form of a driver.
type submitOnly struct {
	inner *reference
	switchdev.FDBSubmitter
	switchdev.FDBDumper
	switchdev.Resetter
}

func (s submitOnly) Name() string { return s.inner.Name() }
func (s submitOnly) Close() error { return s.inner.Close() }

// TestSubmitterAlonePasses: the rules about rows are checked in the form that
// there is, also behind Faulty, which adds the other.
func TestSubmitterAlonePasses(t *testing.T) {
	newDriver := func(t testing.TB) switchdev.Driver {
		ref := newReference(t, "")
		ref.limits.Batch = 1 << 20 // a device that does not tell its limits has none
		return submitOnly{ref, ref, ref, ref}
	}
	t.Run("alone", func(t *testing.T) { Run(t, newDriver, Require[switchdev.FDBSubmitter]()) })
	t.Run("faulty", func(t *testing.T) {
		Run(t, func(t testing.TB) switchdev.Driver { return Faulty(newDriver(t), nil) }, Require[switchdev.FDBOffloader]())
	})
}

// TestUnsupportedRequiredRoleFails: Require is not satisfied by a role that
// supports nothing.
func TestUnsupportedRequiredRoleFails(t *testing.T) {
	c := caseNamed(t, "fdb/set-moves")
	cfg := newConfig(nil)
	p := &probe{Rule: c.Rule, cfg: cfg, variant: "blocking"}
	cfg.enter(t, c, func(tb testing.TB) {
		p.tb, p.bubble = tb, true
		p.check(c, func(testing.TB) switchdev.Driver { return Faulty(bare{}, nil) })
	})
	if !p.unsupported || p.skipped == "" {
		t.Errorf("skipped %q, unsupported %v", p.skipped, p.unsupported)
	}
}

func TestResultWithoutTokenIsUnknown(t *testing.T) {
	if err := read(switchdev.Result{}); err != switchdev.ErrOutcomeUnknown {
		t.Error(err)
	}
	if err := read(switchdev.Result{Token: 1, Err: context.Canceled}); err != context.Canceled {
		t.Error(err)
	}
}
