package devlinkarea

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/switchcore/switchcore/bench/measure"
	"github.com/switchcore/switchcore/devlink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var small = load{instances: 24, ports: 5, open: 2, filtered: 6}

// TestBothTellTheSame runs every way to tell on few instances; work fails unless each
// subscriber was told of what became of each instance, in order.
func TestBothTellTheSame(t *testing.T) {
	for name, run := range map[string]func() (func() error, func(), error){
		"read":     func() (func() error, func(), error) { return small.ours(byRead) },
		"next":     func() (func() error, func(), error) { return small.ours(byNext) },
		"channels": func() (func() error, func(), error) { return small.channels(false) },
		"index":    func() (func() error, func(), error) { return small.channels(true) },
	} {
		work, end, err := run()
		if err != nil {
			t.Fatal(err)
		}
		if err := work(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		end()
	}
}

// TestTallySeesWhatIsMissing: a subscriber that was told of less, of something else, or
// out of order is not counted as one that was told.
func TestTallySeesWhatIsMissing(t *testing.T) {
	told := func(change func(verbs []devlink.Verb) []devlink.Verb, seq func(n int) uint64) error {
		var verbs []devlink.Verb
		for v, n := range map[devlink.Verb]int{devlink.Added: 1 + 2*small.ports, devlink.Deleted: 1 + 2*small.ports, devlink.Changed: 1, devlink.Status: 2} {
			for range n {
				verbs = append(verbs, v)
			}
		}
		var got tally
		for n, v := range change(verbs) {
			got.add(seq(n), v)
		}
		return got.check(small, 1)
	}
	all := func(v []devlink.Verb) []devlink.Verb { return v }
	rising := func(n int) uint64 { return uint64(n) + 1 }
	if err := told(all, rising); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"one less":       told(func(v []devlink.Verb) []devlink.Verb { return v[1:] }, rising),
		"one more":       told(func(v []devlink.Verb) []devlink.Verb { return append(v, devlink.Added) }, rising),
		"something else": told(func(v []devlink.Verb) []devlink.Verb { v[0] = devlink.Synced; return v }, rising),
		"twice the same": told(all, func(n int) uint64 { return max(rising(n), 2) }),
	} {
		if err == nil {
			t.Errorf("%s is not seen", name)
		}
	}
}

// TestVisitsAreCounted: who reads on is looked at, so that no visits mean something.
func TestVisitsAreCounted(t *testing.T) {
	if n, err := (sleeper{hasRead: true}).visits(10); n != 0 || err != nil {
		t.Errorf("sleepers were looked at %d times, %v", n, err)
	}
	if n := mallocs(func() { _, _ = newSleep(3, sleeper{}) }); n == 0 {
		t.Error("a registry is made without allocations")
	}
}

// TestSubjectsAreSpread: each filtered subscriber has an instance of its own.
func TestSubjectsAreSpread(t *testing.T) {
	full := load{instances: 10_000, filtered: 992}
	seen := map[int]bool{}
	for n := range full.filtered {
		seen[full.subject(n)] = true
	}
	if len(seen) != full.filtered || seen[full.instances] {
		t.Errorf("%d instances for %d subscribers", len(seen), full.filtered)
	}
	names := map[devlink.Handle]bool{}
	for n := range full.instances {
		h := handleOf(n)
		if names[h] = true; !h.Valid() || len(h.Device) != len("0000:00:00.0") {
			t.Fatalf("instance %d is %v", n, h)
		}
	}
	if len(names) != full.instances {
		t.Errorf("%d names for %d instances", len(names), full.instances)
	}
}

// TestGatesAreJudged: every row that is to be judged has its gate and goal.
func TestGatesAreJudged(t *testing.T) {
	gates := map[string][2]float64{"10k/deliver/cpu": {5, 10}, "10k/deliver/wall": {5, 10}, "640k/bytes/64-ports": {512, 256}}
	zero := 0
	for _, g := range Area().Groups {
		for _, r := range g.Rows {
			if want := gates[r.Name]; r.Gate != want[0] || r.Goal != want[1] {
				t.Errorf("%s has the gate %v and the goal %v", r.Name, r.Gate, r.Goal)
			}
			if r.Rule == measure.Zero && strings.Contains(r.Name, "/sleep/") {
				zero++
			}
			delete(gates, r.Name)
		}
	}
	if len(gates) > 0 || zero != 6 {
		t.Errorf("there are no rows for %v, and %d that count what sleepers cost", gates, zero)
	}
}
