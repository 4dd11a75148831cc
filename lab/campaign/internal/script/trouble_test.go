package script

import (
	"strings"
	"testing"
)

// TestTroubleIsOverWhenItCanBe: faults are lifted, time has passed, and a switch that lied was
// read, or reset where reading does not find everything.
func TestTroubleIsOverWhenItCanBe(t *testing.T) {
	for lines, over := range map[string]bool{
		"refuse fdb; off; wait 150s":                                        true,
		"refuse fdb; off; wait 100s":                                        false,
		"refuse fdb; off; wait 100s; wait 40s":                              true,
		"refuse fdb; wait 150s":                                             false,
		"refuse fdb; off; wait 100s; refuse fdb; off; wait 100s":            false,
		"refuse fdb; hang fdb; off hang; wait 150s":                         false,
		"lost report; off; wait 150s":                                       false,
		"lost report; off; reconcile sw1; wait 150s":                        false,
		"lost report; off; wait 150s; reconcile sw1; wait 5s":               true,
		"ignore vlan; off; wait 150s; reconcile sw1; wait 5s":               false,
		"ignore vlan; off; wait 150s; reset now; wait 5s":                   true,
		"ignore fdb; off; wait 150s; reconcile sw1; wait 5s":                true,
		"lost report; reset now; off; wait 150s":                            false,
		"hang fdb; off; wait 150s":                                          true,
		"hang fdb; ip link set dev s1 nomaster; off; wait 150s":             false,
		"hang fdb; ip link del dev br0; off; wait 150s; reset now; wait 5s": true,
		"reset now; wait 150s":                                              true,
		"vanish now mac 02:aa:00:00:00:01; wait 150s":                       false,
	} {
		var b trouble
		for line := range strings.SplitSeq(lines, "; ") {
			words := strings.Fields(line)
			switch words[0] {
			case "wait", "reconcile":
				words = append([]string{"lab"}, words...)
			case "ip":
			default:
				words = append([]string{"lab", "fault", "sw1"}, words...)
			}
			b.take(words, false)
		}
		if b.on == over {
			t.Errorf("%s: trouble is over: %v", lines, !b.on)
		}
	}
}

// TestTroubledCheckersSeeWhatIsWrong: each is given what no bridge does, whatever its switch
// does.
func TestTroubledCheckersSeeWhatIsWrong(t *testing.T) {
	lines := []string{"lab switch br0 ports s1 s2", "bridge fdb add 02:aa:00:00:00:01 dev s1 master static vlan 1", "bridge vlan add vid 5 dev s1"}
	refused := "bridge fdb del 02:aa:00:00:00:01 dev s1 master vlan 1"
	for want, f := range map[string]func(s *session, before *state){
		"": func(s *session, before *state) {
			s.trouble = trouble{on: true}
			s.checkTroubled("x")
			s.checkRefused(refused, strings.Fields(refused), before)
			s.checkHeld(lines[1], strings.Fields(lines[1]), before)
			s.checkMended("x")
		},
		"L10 gone": func(s *session, before *state) {
			delete(s.now.byKey, key{"br0", "02:aa:00:00:00:01", 1})
			s.checkRefused(refused, strings.Fields(refused), before)
		},
		"L10 new": func(s *session, before *state) {
			delete(before.byKey, key{"br0", "02:aa:00:00:00:01", 1})
			s.checkRefused(lines[1], strings.Fields(lines[1]), before)
		},
		"L10 VLAN": func(s *session, before *state) {
			s.now.in["s1"] = map[int]member{}
			s.checkRefused(lines[2], strings.Fields(lines[2]), before)
		},
		"L11": func(s *session, _ *state) {
			for i := range s.now.rows {
				s.now.rows[i].Flags = nil
			}
			s.checkMended("x")
		},
		"L12": func(s *session, before *state) {
			s.now.hw = nil
			s.checkHeld(lines[1], strings.Fields(lines[1]), before)
		},
	} {
		s, again := session0(t, lines...), session0(t, lines...)
		got := fails(func() { f(s, again.now) })
		if id, _, _ := strings.Cut(want, " "); got != id {
			t.Errorf("%s: broken is %q", want, got)
		}
	}
}
