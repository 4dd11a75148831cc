package switchdevtest

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// stuckAfter is the real time after which a check is considered stuck: nothing
// in it takes real time unless [WithRealTime] is given, so a mutex is held
// across something that waits for its holder.
const stuckAfter = 2 * time.Minute

// Run checks the drivers that newDriver makes against every rule of the
// contract for the roles that they have; see [Rules]. Each rule is a subtest
// with a driver of its own, made inside a bubble of testing/synctest; the kit
// closes it, and a driver that newDriver closes too, by t.Cleanup, is fine.
// newDriver is called once more at the beginning, to look at the roles, and
// twice by rules that compare two devices, the first being closed before.
//
// A rule whose role is missing is skipped, and one that needs more rows or domains
// than the device has room for; a closing log tells what was found, required and
// skipped. Goroutines that newDriver starts, such as those of a device that it
// simulates, are the driver's: Close ends them. Run must not be called inside a
// bubble.
func Run(t *testing.T, newDriver func(t testing.TB) switchdev.Driver, opts ...Option) {
	t.Helper()
	cfg := newConfig(opts)
	for _, problem := range cfg.problems() {
		t.Error(problem)
	}
	census := &census{cfg: cfg}
	cfg.enter(t, check{}, func(t testing.TB) { census.found = look(t, newDriver) })
	for _, name := range (cfg.required &^ census.found).names() {
		t.Errorf("the driver lacks the required role %s", name)
	}
	all := cases()
	for len(all) > 0 {
		g, _ := group(all[0].Name)
		n := 1
		for n < len(all) && strings.HasPrefix(all[n].Name, g+"/") {
			n++
		}
		members := all[:n]
		all = all[n:]
		t.Run(g, func(t *testing.T) {
			for _, c := range members {
				_, name := group(c.Name)
				t.Run(name, func(t *testing.T) { census.run(t, c, newDriver) })
			}
		})
	}
	t.Log(census.summary())
}

// problems returns what is wrong with the options.
func (cfg *config) problems() (problems []string) {
	for _, name := range cfg.strangers {
		problems = append(problems, "Require: the kit has no rules for "+name)
	}
	for _, s := range cfg.skips {
		known := false
		for _, r := range Rules() {
			known = known || matches(s.pattern, r.Name)
		}
		if !known {
			problems = append(problems, "Skip: no rule is named "+s.pattern)
		}
	}
	if n := len(cfg.ports); n == 1 {
		problems = append(problems, "WithPorts: the kit needs two ports")
	}
	return problems
}

// enter calls f with a T of the right kind of time for the check.
func (cfg *config) enter(t *testing.T, c check, f func(t testing.TB)) {
	if cfg.realTime || c.outside {
		f(t)
		return
	}
	watchdog := time.AfterFunc(stuckAfter, func() {
		panic("switchdevtest: stuck for " + stuckAfter.String() + " of real time in the check of " + c.Name +
			": a mutex is held across something that waits for its holder\n\trule: " + c.Text)
	})
	defer watchdog.Stop()
	synctest.Test(t, func(t *testing.T) { f(t) })
}

func look(tb testing.TB, newDriver func(t testing.TB) switchdev.Driver) roleSet {
	p := &probe{tb: tb, cfg: newConfig(nil), Rule: Rule{Text: "newDriver returns a driver"}}
	p.open(newDriver)
	p.close()
	return p.roles.found
}

// census is what one run has found.
type census struct {
	cfg     *config
	found   roleSet
	passed  int
	skipped []string
}

// verdict tells why the check cannot be made, "" if it can, and whether that is
// a failure.
func (s *census) verdict(c check) (why string, failure bool) {
	for _, sk := range s.cfg.skips {
		if matches(sk.pattern, c.Name) {
			return "skipped by option: " + sk.why, false
		}
	}
	missing := c.need &^ s.found
	if c.forms && s.found&(roleFDB|roleSubmit) == 0 {
		missing |= roleFDB
	}
	if missing != 0 {
		return "the driver has no role " + missing.String(), missing&s.cfg.required != 0
	}
	if c.need&roleReset != 0 && s.cfg.noReset != "" {
		return "no reset: " + s.cfg.noReset, false
	}
	if hooks := c.hooks &^ s.cfg.given(); hooks != 0 {
		return "cannot be made to happen without " + hooks.String(), false
	}
	if c.bubbled && s.cfg.realTime {
		return "needs virtual time", false
	}
	return "", false
}

// run makes one check, in each of its variants.
func (s *census) run(t *testing.T, c check, newDriver func(t testing.TB) switchdev.Driver) {
	why, failure := s.verdict(c)
	if failure {
		t.Errorf("%s\n\trule: %s", why, c.Text)
		return
	}
	if why != "" {
		s.skip(t, c.Name, why)
		return
	}
	variants := c.variants(s.found)
	if len(variants) == 1 && variants[0] == "" {
		s.once(t, c, "", newDriver)
		return
	}
	for _, v := range variants {
		t.Run(v, func(t *testing.T) { s.once(t, c, v, newDriver) })
	}
}

// variants are the ways in which a check is made of a driver with the roles.
func (c check) variants(found roleSet) (names []string) {
	switch {
	case c.forms:
		for _, f := range forms {
			if found&f.need != 0 {
				names = append(names, f.name)
			}
		}
	case c.families:
		for _, f := range families {
			if found&f.need != 0 {
				names = append(names, f.name)
			}
		}
	default:
		names = []string{""}
	}
	return names
}

func (s *census) once(t *testing.T, c check, variant string, newDriver func(t testing.TB) switchdev.Driver) {
	p := &probe{Rule: c.Rule, cfg: s.cfg, variant: variant}
	s.cfg.enter(t, c, func(tb testing.TB) {
		p.bubble = !s.cfg.realTime && !c.outside
		p.tb = tb
		p.check(c, newDriver)
	})
	name := c.Name
	if variant != "" {
		name += "/" + variant
	}
	switch {
	case p.unsupported && roleNamed(c.Role)&s.cfg.required != 0:
		t.Errorf("%s is required\n\trule: %s", p.skipped, c.Text)
	case p.skipped != "":
		s.skip(t, name, p.skipped)
	case !t.Failed():
		s.passed++
	}
}

func (s *census) skip(t *testing.T, name, why string) {
	t.Helper()
	s.skipped = append(s.skipped, name+": "+why)
	t.Skip(why)
}

func (s *census) summary() string {
	var b strings.Builder
	all := roleSet(1<<numRoles - 1)
	fmt.Fprintf(&b, "roles found: %v\nroles missing: %v\nroles required: %v\n", s.found, all&^s.found, s.cfg.required)
	fmt.Fprintf(&b, "passed: %d, skipped: %d", s.passed, len(s.skipped))
	for _, line := range s.skipped {
		b.WriteString("\n    skipped " + line)
	}
	return b.String()
}
