package machine

import (
	"errors"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/fdb/show"
)

// conformance are the cases that are the command language's, by number: what a request
// says before it is an operation of a bridge.
func conformance() map[int]func(*testing.T, *world) {
	return map[int]func(*testing.T, *world){
		22: countIsNotWritten,
		29: replaceDoesNotBeatExclusive,
		37: oneStateOfSeveralCounts,
		40: onlyPortsHaveEntries,
	}
}

// TestConformance are the cases, each in a machine with a bridge, with and without the
// defects of Linux 6.1, which has these ways too but for the count, which is younger.
func TestConformance(t *testing.T) {
	for _, number := range slices.Sorted(maps.Keys(conformance())) {
		for name, cfg := range map[string]Config{"fixed": {}, "6.1": old()} {
			t.Run(strconv.Itoa(number)+"/"+name, func(t *testing.T) {
				w := open(t, cfg)
				w.ok(w.AddBridge("br0", BridgeChange{}, []string{"p1", "p2"}))
				w.ok(w.AddPorts("p9"))
				conformance()[number](t, w)
			})
		}
	}
}

// TestEveryCaseHasATest holds the list of cases in ARCHITECTURE.md against those above.
func TestEveryCaseHasATest(t *testing.T) {
	text, err := os.ReadFile("../../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, ok := strings.Cut(string(text), "\n## Conformance cases\n")
	if !ok {
		t.Skip("there is no list of cases")
	}
	list, _, _ = strings.Cut(list, "\n## ")
	var ours []int
	for _, m := range regexp.MustCompile(`(?m)^\| *(\d+) *\|.*\| *lab *\|$`).FindAllStringSubmatch(list, -1) {
		n, _ := strconv.Atoi(m[1])
		ours = append(ours, n)
	}
	slices.Sort(ours)
	if tests := slices.Sorted(maps.Keys(conformance())); len(ours) == 0 || !slices.Equal(ours, tests) {
		t.Errorf("the lab's cases are %v, and those with a test %v", ours, tests)
	}
}

// refuses wants a refusal with a number of the kernel, which changes nothing.
func (w *world) refuses(what string, errno Errno, f func() error) {
	w.t.Helper()
	before := w.FDB("")
	err := f()
	var refusal *Error
	if !errors.As(err, &refusal) || refusal.Errno != errno {
		w.t.Errorf("%s: %v, want %v", what, err, errno)
	}
	if after := w.FDB(""); !slices.Equal(before, after) {
		w.t.Errorf("%s: refused, and %v became %v", what, before, after)
	}
}

// state returns how an entry is shown.
func (w *world) state(n Neigh) (show.State, string) {
	w.t.Helper()
	row, err := w.GetFDB(Query{Bridge: "br0", MAC: n.MAC})
	w.ok(err)
	return row.State, row.Dev
}

// countIsNotWritten: IFLA_BR_FDB_N_LEARNED is EINVAL in every request, by the policy of
// the attributes, also next to others.
func countIsNotWritten(_ *testing.T, w *world) {
	w.sends("h1", station(1), broadcast())
	for _, n := range []uint32{0, 1, 5} {
		w.refuses("count", EINVAL, func() error { return w.SetBridge("", "br0", BridgeChange{FDBLearned: &n}) })
		w.refuses("count and flush", EINVAL, func() error { return w.SetBridge("", "br0", BridgeChange{FDBLearned: &n, FDBFlush: true}) })
	}
	if n := w.bridges[0].b.Table().Stats().Learned; n != 1 {
		w.t.Errorf("%d are learned", n)
	}
}

// replaceDoesNotBeatExclusive: NLM_F_EXCL is EEXIST whatever else is asked for.
func replaceDoesNotBeatExclusive(_ *testing.T, w *world) {
	n := Neigh{Dev: "p1", MAC: station(1), State: NoARP, Flags: Master}
	w.ok(w.AddFDB(n, MakeNew|Exclusive))
	for _, how := range []Create{Exclusive, MakeNew | Exclusive, MakeNew | Exclusive | Replace, Exclusive | Replace, MakeNew | Exclusive | Append, MakeNew | Exclusive | Replace | Append} {
		for _, dev := range []string{"p1", "p2"} {
			n.Dev, n.State = dev, Permanent
			w.refuses("exclusive", EEXIST, func() error { return w.AddFDB(n, how) })
		}
	}
	if state, dev := w.state(n); state != show.Static || dev != "p1" {
		w.t.Errorf("%s at %s", state, dev)
	}
	n.Dev, n.State = "p2", Reachable
	w.ok(w.AddFDB(n, MakeNew|Replace)) // it is the flag, and not that it is there
	if state, dev := w.state(n); state != show.Reachable || dev != "p2" {
		w.t.Errorf("replaced it is %q at %s", state, dev)
	}
}

// oneStateOfSeveralCounts: permanent before noarp before reachable, and one has to be there:
// EINVAL.
func oneStateOfSeveralCounts(_ *testing.T, w *world) {
	last := byte(0)
	for state, want := range map[NUD]show.State{
		Permanent: show.Permanent, Permanent | NoARP: show.Permanent, Permanent | Reachable: show.Permanent,
		Permanent | NoARP | Reachable: show.Permanent, Permanent | Stale: show.Permanent,
		NoARP: show.Static, NoARP | Reachable: show.Static, NoARP | Stale | Failed: show.Static,
		Reachable: show.Reachable, Reachable | Delay | Probe: show.Reachable,
	} {
		last++
		n := Neigh{Dev: "p1", MAC: station(last), State: state, Flags: Master}
		w.ok(w.AddFDB(n, MakeNew|Exclusive))
		if got, _ := w.state(n); got != want {
			w.t.Errorf("%#x is %q, want %q", state, got, want)
		}
	}
	for _, state := range []NUD{None, Incomplete, Stale, Delay, Probe, Failed, Stale | Delay | Probe | Failed} {
		n := Neigh{Dev: "p1", MAC: station(200), State: state, Flags: Master}
		w.refuses("no state", EINVAL, func() error { return w.AddFDB(n, MakeNew|Exclusive) })
	}
}

// onlyPortsHaveEntries: of a device that is no port of a bridge the bridge's entries are
// EOPNOTSUPP, with master and without a flag, and so is the bridge without self.
func onlyPortsHaveEntries(_ *testing.T, w *world) {
	for _, dev := range []string{"p9", "h1", "br0"} {
		for _, flags := range []NTF{Master, 0} {
			n := Neigh{Dev: dev, MAC: station(1), State: Permanent, Flags: flags}
			w.refuses("add on "+dev, EOPNOTSUPP, func() error { return w.AddFDB(n, MakeNew|Exclusive) })
			w.refuses("replace on "+dev, EOPNOTSUPP, func() error { return w.AddFDB(n, MakeNew|Replace) })
			w.refuses("delete on "+dev, EOPNOTSUPP, func() error { return w.DeleteFDB(n) })
			w.refuses("flush of "+dev, EOPNOTSUPP, func() error { return w.FlushFDB(Flush{Dev: dev, Target: flags}) })
		}
	}
	w.ok(w.AddFDB(Neigh{Dev: "br0", MAC: station(1), State: Permanent, Flags: Self}, MakeNew|Exclusive))
}
