package script

import (
	"slices"
	"strings"
	"testing"

	"github.com/switchcore/switchcore/lab"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
)

// TestSeedsUseTheLanguage: what is made up has every word, and most of it is accepted.
func TestSeedsUseTheLanguage(t *testing.T) {
	seen := map[string]bool{}
	lines, refused, faults, mended := 0, 0, 0, 0
	for seed := range uint64(60) {
		r := Run(seed, sim.Options{Hours: 0.5})
		if r.Violation != nil {
			t.Errorf("seed %d, line %d: %v", seed, r.Violation.Step, r.Violation)
		}
		lines, refused = lines+len(r.Program.Lines), refused+r.Refused
		for _, n := range r.Faults {
			faults += n
		}
		mended += r.Mended
		for _, line := range r.Program.Lines {
			for _, word := range strings.Fields(line) {
				seen[word] = true
			}
		}
	}
	for _, word := range strings.Fields(`add append replace del master self static dynamic local permanent sticky extern_learn use vlan
		show br dev brport state get flush nopermanent nostatic nodynamic noadded_by_user noextern_learn nosticky nooffloaded
		learning flood mcast_flood bcast_flood hairpin isolated locked mab on off backup_port up down address name mtu promisc nomaster netns
		ageing_time fdb_flush no_linklocal_learn group_fwd_mask vlan_filtering vlan_default_pvid fdb_max_learned fdb_local_vlan_0
		stp_state bridge_slave vid pvid untagged send count switch ports hw wait
		refuse full slow hang reset lost late duplicate reorder partial ignore misplace vanish drift off now reconcile
		nth done deaf delay rows copies behind err text`) {
		if !seen[word] {
			t.Errorf("no seed has the word %s", word)
		}
	}
	if refused*3 < lines/3 || refused*2 > lines {
		t.Errorf("%d of %d lines are refused", refused, lines)
	}
	if faults < 100 || mended < 30 {
		t.Errorf("%d faults, which were over %d times", faults, mended)
	}
}

// TestTranscriptIsTheRun: it is read as the program that it came from, and replays.
func TestTranscriptIsTheRun(t *testing.T) {
	for seed := range uint64(6) {
		r := Run(seed, sim.Options{Hours: 0.3})
		text := r.Transcript()
		p, err := Parse([]byte(text))
		if err != nil || !Is([]byte(text)) {
			t.Fatalf("%v in\n%s", err, text)
		}
		if p.Quirks != r.Program.Quirks || !slices.Equal(p.Lines[1:], r.Program.Lines) {
			t.Errorf("seed %d: quirks %v, lines %q, want %v, %q", seed, p.Quirks, p.Lines, r.Program.Quirks, r.Program.Lines)
		}
		if again := Replay(p, sim.Options{}); again.Violation != nil {
			t.Errorf("seed %d: %v", seed, again.Violation)
		}
	}
	if _, err := Parse([]byte("# t\n# quirks: nonsense\n\n$ lab ports p1\n")); err == nil {
		t.Error("quirks that there are not")
	}
}

// session0 is a run in the middle of which something is wrong.
func session0(t *testing.T, lines ...string) *session {
	t.Helper()
	l, err := lab.New(lab.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &session{lab: l, other: l, wiring: newWiring(), now: &state{}, result: &Result{}}
	s.fold = fold{rows: map[key]row{}}
	if _, err := exec(l, recording); err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if _, err := exec(l, line); err != nil {
			t.Fatal(err)
		}
		s.wiring.accepted(strings.Fields(line))
	}
	s.now, s.told = s.look(l)
	s.wiring.see(s.now)
	return s
}

// fails returns which invariant f says is broken.
func fails(f func()) (id string) {
	defer func() {
		if v, ok := recover().(*sim.Violation); ok {
			id = v.Invariant.ID
		}
	}()
	f()
	return ""
}

// TestCheckersSeeWhatIsWrong: each is given what no bridge does.
func TestCheckersSeeWhatIsWrong(t *testing.T) {
	topology := "lab bridge br0 ports p1 p2 p3"
	station := `{"mac":"02:dd:00:00:00:01","ifname":"p1","flags":[],"master":"br0","state":""}`
	for _, c := range []struct {
		want string
		f    func(s *session)
	}{
		{"L1", func(s *session) { s.told = s.told[1:]; s.check("x", nil, nil, false, s.now) }},
		{"L1", func(s *session) { s.told = append(s.told, "del "+station); s.check("x", nil, nil, false, s.now) }},
		{"L1", func(s *session) { s.told = append(s.told, "new "+station); s.check("x", nil, nil, false, s.now) }},
		{"", func(s *session) { s.check("x", nil, nil, false, s.now) }},
	} {
		s := session0(t, topology)
		if got := fails(func() { c.f(s) }); got != c.want {
			t.Errorf("broken is %q, want %q", got, c.want)
		}
	}
	s := &state{fdb: []string{strings.Replace(station, `[]`, `["offload"]`, 1)}}
	if err := s.read(); err != nil || !slices.Equal(s.offloaded(), []string{"hw vlan 0 mac 02:dd:00:00:00:01 port p1"}) {
		t.Errorf("%q, %v", s.offloaded(), err)
	}
	for printed, want := range map[string]string{
		"rx: br0 h2 h3": "", "rx: br0 h2": "L3", "rx: br0 h1 h2 h3": "L3", "rx: br0 h2*2 h3": "L3", "rx: br0/1 h2 h3": "L3", "rx: -": "L3",
	} {
		s := session0(t, topology)
		words := strings.Fields("lab send h1 02:dd:00:00:00:01 ff:ff:ff:ff:ff:ff")
		if _, err := exec(s.lab, strings.Join(words, " ")); err != nil {
			t.Fatal(err)
		}
		before := s.now
		s.now, s.told = s.look(s.lab)
		if got := fails(func() { s.checkSend(words, []string{printed}, before) }); got != want {
			t.Errorf("%s: broken is %q, want %q", printed, got, want)
		}
	}
}

// TestShrinkLeavesOutLines: what is left is what is needed, here of a program whose last
// line has no answer.
func TestShrinkLeavesOutLines(t *testing.T) {
	p := &Program{Lines: []string{"lab ports p9", "lab bridge br0 ports p1 p2", "lab wait 1s", "bridge -j fdb show", "lab send h1 02:dd:00:00:00:01 ff:ff:ff:ff:ff:ff"}}
	if q, r := Shrink(p, told(), sim.Options{}, 100); q != p || r.Violation != nil {
		t.Errorf("%q, %v", q.Lines, r.Violation)
	}
	breaking := func(r *Result) bool { return slices.Contains(r.Program.Lines, p.Lines[1]) }
	if q, _ := shrink(p, breaking, sim.Options{}, 100); !slices.Equal(q.Lines, p.Lines[1:2]) {
		t.Errorf("%q", q.Lines)
	}
}
