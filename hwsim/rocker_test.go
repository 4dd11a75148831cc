package hwsim

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// rockerHardware is a chip as the rocker of a Linux machine: with what its driver can
// and cannot do, and with what it gets wrong or not.
func rockerHardware(wrong bool) Hardware {
	hw := Hardware{PortFlags: switchdev.PortLearns, Rows: ControlledRows, AllFloods: true, Refresh: 1}
	if wrong {
		hw.Profile, hw.Quirks = Rocker, RockerQuirks
	}
	return hw
}

// TestRockerDoesAsRecorded: what recordings of a Linux 6.1 machine with a rocker show
// of its hardware, line by line, and what the same chip does without its driver's
// defects. A word that stands alone is "ok" in both.
func TestRockerDoesAsRecorded(t *testing.T) {
	type line struct{ do, rocker, right string } // right: "=" for the same
	tests := []struct {
		name  string
		lines []line
	}{
		{"the device learns", []line{
			{"send 1 d1 d2", "2 3 host+ | learned 0/d1@1", "="},
			{"rows", "0/d1@1", "="},
			{"wait 10ms", "", "="},
			{"send 2 d2 d1", "1 | learned 0/d2@2", "="},
			{"wait 10ms", "", "="},
			{"send 1 d1 d2", "2 | learned 0/d1@1", "="},
			{"rows", "0/d1@1 0/d2@2", "="},
		}},
		{"a static row of a user", []line{
			{"set a1 0 1 static", "ok", "="},
			{"set a1 1 1 static", "ok", "="},
			{"rows", "0/a1@1 1/a1@1", "="},
			{"send 2 d2 a1", "1 | learned 0/d2@2", "="},
			{"del a1 0 1 static", "ok", "="},
			{"del a1 1 1 static", "ok", "="},
			{"rows", "0/d2@2", "="},
			{"wait 10ms", "", "="},
			{"send 2 d2 a1", "1 3 host+ | learned 0/d2@2", "="},
		}},
		{"replaced at another port", []line{
			{"set a2 0 1 static", "ok", "="},
			{"set a2 0 2 static", "ok", "="},
			{"rows", "0/a2@1 0/a2@2", "0/a2@2"},
			{"send 3 d3 a2", "1 | learned 0/d3@3", "2 | learned 0/d3@3"},
			{"del a2 0 2 static", "ok", "="},
			{"rows", "0/a2@1 0/d3@3", "0/d3@3"},
			{"wait 10ms", "", "="},
			{"send 3 d3 a2", "1 | learned 0/d3@3", "1 2 host+ | learned 0/d3@3"},
		}},
		{"replaced at another port twice", []line{
			{"set a2 0 1 static", "ok", "="},
			{"set a2 0 2 static", "ok", "="},
			{"set a2 0 2 static", "ok", "="},
			{"set a2 0 3 static", "ok", "="},
			{"rows", "0/a2@1 0/a2@2 0/a2@3", "0/a2@3"},
			{"send 3 d3 a2", "1 | learned 0/d3@3", "| learned 0/d3@3"},
			{"del a2 0 2 static", "ok", "="},
			{"rows", "0/a2@1 0/a2@3 0/d3@3", "0/d3@3"},
		}},
		{"what the device learned here and there", []line{
			{"send 1 d1 *", "2 3 host+ | learned 0/d1@1", "="},
			{"set d1 0 2 static", "ok", "="},
			{"rows", "0/d1@1 0/d1@2", "0/d1@2"},
			{"del d1 0 2 static", "ok", "="},
			{"rows", "0/d1@1", ""},
			{"wait 10ms", "", "="},
			{"send 2 d1 *", "1 3 host+ | learned 0/d1@2", "="},
			{"set d1 0 2 static", "ok", "="}, // a row that the chip has learned, if not the first
			{"set d1 0 2 extern", "ok", "="},
			{"state 2 4", "ok", "="},
			{"rows", "0/d1@1", "0/d1@2"},
		}},
		{"static becomes local", []line{
			{"set a2 0 1 static", "ok", "="},
			{"set a2 0 1 local", "unsupported", "="},
			{"del a2 0 1 local", "ok", "="},
			{"rows", "0/a2@1", ""},
		}},
		{"which kinds", []line{
			{"set a1 0 1 static", "ok", "="},
			{"set a2 0 1 dynamic", "unsupported", "="},
			{"set a3 0 1 local", "unsupported", "="},
			{"set a4 0 1 extern", "ok", "="},
			{"set a5 0 1 sticky", "ok", "="},
			{"rows", "0/a1@1 0/a4@1 0/a5@1", "="},
			{"send 2 d2 a2", "1 3 host+ | learned 0/d2@2", "="},
			{"wait 10ms", "", "="},
			{"send 2 d2 a1", "1 | learned 0/d2@2", "="},
		}},
		{"the user deletes what the device learned", []line{
			{"send 1 d1 *", "2 3 host+ | learned 0/d1@1", "="},
			{"send 2 d2 d1", "1 | learned 0/d2@2", "="},
			{"del d1 0 1 extern", "ok", "="},
			{"rows", "0/d1@1 0/d2@2", "0/d2@2"},
			{"wait 10ms", "", "="},
			{"send 2 d2 d1", "1 | learned 0/d2@2", "1 3 host+ | learned 0/d2@2"},
			{"send 1 d1 d2", "2 | learned 0/d1@1", "="},
		}},
		{"the user replaces what the device learned", []line{
			{"send 1 d1 *", "2 3 host+ | learned 0/d1@1", "="},
			{"send 2 d2 *", "1 3 host+ | learned 0/d2@2", "="},
			{"set d1 0 1 static", "ok", "="},
			{"set d2 0 1 static", "ok", "="},
			{"rows", "0/d1@1 0/d2@2 0/d2@1", "0/d1@1 0/d2@1"},
			{"send 3 d3 d2", "2 | learned 0/d3@3", "1 | learned 0/d3@3"},
			// The driver holds d1 for learned still, and the user may delete it.
			{"wait 301s", "aged 0/d1@1, aged 0/d2@2, aged 0/d3@3", "aged 0/d3@3"},
			{"rows", "0/d2@1", "0/d1@1 0/d2@1"},
			{"send 1 d1 *", "2 3 host+ | learned 0/d1@1", "2 3 host+ |"},
			{"set d1 0 1 static", "ok", "="},
			{"del d1 0 1 static", "ok", "="},
			{"rows", "0/d2@1", "="},
		}},
		{"a flush of all", []line{
			{"send 1 d1 *", "2 3 host+ | learned 0/d1@1", "="},
			{"send 2 d2 *", "1 3 host+ | learned 0/d2@2", "="},
			{"flush", "ok", "="},
			{"rows", "0/d1@1 0/d2@2", ""},
			{"wait 10ms", "", "="},
			{"send 2 d2 d1", "1 | learned 0/d2@2", "1 3 host+ | learned 0/d2@2"},
		}},
		{"a port goes down", []line{
			{"set a1 0 1 static", "ok", "="},
			{"set a2 0 1 extern", "ok", "="},
			{"send 1 d1 *", "2 3 host+ | learned 0/d1@1", "="},
			{"state 1 0", "ok", "="},
			{"rows", "0/a1@1 0/a2@1", "0/a1@1 0/a2@1 0/d1@1"},
			{"del a2 0 1 extern", "ok", "="},
			{"del d1 0 1 extern", "ok", "="},
			{"state 1 3", "ok", "="},
			{"rows", "0/a1@1", "="},
			{"send 2 d2 a1", "1 | learned 0/d2@2", "="},
			{"up 2 0", "ok", "="},
			{"rows", "0/a1@1", "0/a1@1 0/d2@2"},
		}},
		{"the ports leave", []line{
			{"set a1 0 1 static", "ok", "="},
			{"set a1 1 1 static", "ok", "="},
			{"send 1 d1 *", "2 3 host+ | learned 0/d1@1", "="},
			{"leave 1", "ok", "="},
			{"send 2 d2 *", "| learned 0/d2@2", "3 host+ | learned 0/d2@2"},
			{"join 1", "ok", "="},
			{"wait 10ms", "", "="},
			{"send 2 d2 *", "1 3 host+ | learned 0/d2@2", "="},
			{"leave 1", "ok", "="},
			{"leave 2", "ok", "="},
			{"leave 3", "ok", "="},
			{"rows", "0/a1@1 1/a1@1", ""},
		}},
		{"VLAN-aware", []line{
			{"filtering", "ok", "="},
			{"vlan 0 1 untagged", "ok", "="},
			{"vlan 1 1 untagged", "ok", "="},
			{"vlan 2 1 untagged", "ok", "="},
			{"vlan 3 1 untagged", "ok", "="},
			{"vlan 1 10 add", "ok", "="},
			{"vlan 2 10 add", "ok", "="},
			{"send 1 d1 * 10", "2/10 host+ | learned 10/d1@1", "="},
			{"send 1 d1 *", "2 3 host+ | learned 0/d1@1", "2 3 host+ | learned 1/d1@1"},
			{"set a1 0 1 static", "ok", "="},
			{"set a1 1 1 static", "ok", "="},
			{"set a1 10 1 static", "ok", "="},
			{"rows", "0/a1@1 1/a1@1 10/a1@1 0/d1@1 10/d1@1", "0/a1@1 1/a1@1 10/a1@1 1/d1@1 10/d1@1"},
			{"send 2 d2 a1 10", "1/10 | learned 10/d2@2", "="},
			{"send 3 d3 d1", "1 | learned 0/d3@3", "1 | learned 1/d3@3"},
			{"vlan 1 10 del", "ok", "="},
			{"rows", "0/a1@1 1/a1@1 10/a1@1 0/d1@1 10/d1@1 10/d2@2 0/d3@3", "0/a1@1 1/a1@1 10/a1@1 1/d1@1 10/d2@2 1/d3@3"},
			{"vlan 3 10 add", "ok", "="},
			{"vlan 3 10 del", "ok", "="},
			{"vlan 1 10 add", "ok", "="},
			{"wait 10ms", "", "="},
			{"send 2 d2 * 10", "1/10 host+ | learned 10/d2@2", "="},
			{"vlan 1 10 del", "ok", "="},
			{"vlan 3 10 add", "ok", "="},
			{"vlan 1 10 add", "ok", "="},
			{"vlan 3 10 del", "ok", "="},
			{"wait 10ms", "", "="},
			{"send 2 d2 * 10", "host+ | learned 10/d2@2", "1/10 host+ | learned 10/d2@2"},
			{"vlan 1 10 del", "ok", "="},
			{"vlan 1 10 add", "ok", "="},
			{"vlan 3 10 add", "ok", "="},
			{"wait 10ms", "", "="},
			{"send 2 d2 * 10", "1/10 3/10 host+ | learned 10/d2@2", "="},
			{"leave 1", "ok", "="},
			{"join 1", "ok", "="},
			{"wait 10ms", "", "="},
			{"send 2 d2 * 10", "host+ | learned 10/d2@2", "3/10 host+ | learned 10/d2@2"},
			{"vlan 1 1 untagged", "ok", "="},
			{"vlan 3 1 del", "ok", "="},
			{"send 3 d4 *", "1 2 host+ | learned 0/d4@3", "|"},
		}},
		{"a station moves in hardware", []line{
			{"send 1 d1 *", "2 3 host+ | learned 0/d1@1", "="},
			{"wait 10ms", "", "="},
			{"send 3 d1 *", "1 2 host+ | learned 0/d1@3", "="},
			{"rows", "0/d1@1 0/d1@3", "0/d1@3"},
			{"send 2 d2 d1", "1 | learned 0/d2@2", "3 | learned 0/d2@2"},
			{"wait 200s", "", "="},
			{"send 3 d1 d2", "2 | learned 0/d1@3", "="},
			{"send 1 d1 d2", "2 | learned 0/d1@1", "="},
			{"wait 200s", "aged 0/d2@2", "="},
			{"send 3 d1 d9", "1 2 host+ | learned 0/d1@3", "="},
			{"wait 150s", "aged 0/d1@1", ""},
			{"send 2 d2 d1", "3 | learned 0/d2@2", "="},
			// A row that the user has fixed elsewhere is no obstacle.
			{"set a5 0 1 sticky", "ok", "="},
			{"send 2 a5 d1", "3 | learned 0/a5@2", "3 |"},
			{"send 3 d1 a5", "1 | learned 0/d1@3", "="},
			{"wait 10ms", "", "="},
			{"send 1 a5 d1", "3 | learned 0/a5@1", "3 |"},
		}},
		{"port flags", []line{
			{"flag 1 flood off", "bridge flag offload is not supported", "="},
			{"flag 1 mcast_flood off", "bridge flag offload is not supported", "="},
			{"flag 1 bcast_flood off", "bridge flag offload is not supported", "="},
			{"flag 1 hairpin on", "bridge flag offload is not supported", "="},
			{"flag 1 isolated on", "bridge flag offload is not supported", "="},
			{"flag 1 locked on", "bridge flag offload is not supported", "="},
			{"flag 1 flood on", "ok", "="},
			{"flag 1 hairpin off", "ok", "="},
			{"flag 1 learning off", "ok", "="},
			{"send 1 d1 *", "2 3 host+ |", "="},
			{"set a1 0 2 static", "ok", "="},
			{"send 1 d1 a1", "2 |", "2 host+ |"},
		}},
		{"the ageing time", []line{
			{"ageing 2s", "ok", "="},
			{"leave 1", "ok", "="},
			{"join 1", "ok", "="},
			{"send 1 d1 *", "2 3 host+ | learned 0/d1@1", "="},
			{"set a1 0 1 static", "ok", "="},
			{"send 2 d2 *", "1 3 host+ | learned 0/d2@2", "="},
			{"wait 1s", "", "="},
			{"send 1 d1 a1", "| learned 0/d1@1", "="},
			{"wait 1500ms", "", "aged 0/d2@2"},
			{"wait 6500ms", "aged 0/d1@1", "="},
			{"rows", "0/a1@1 0/d2@2", "0/a1@1"},
			{"state 2 0", "ok", "="},
			{"state 2 3", "ok", "="},
			{"send 2 d2 *", "1 3 host+ | learned 0/d2@2", "="},
			{"ageing 0s", "ok", "="},
			{"wait 8s", "aged 0/d2@2", ""},
			{"leave 3", "ok", "="},
			{"join 3", "ok", "="},
			{"send 3 d3 *", "1 2 host+ | learned 0/d3@3", "1 2 host+ |"},
			{"wait 999ms", "", "="},
			{"wait 1ms", "aged 0/d3@3", ""},
		}},
		{"a later ageing time", []line{
			{"ageing 2s", "ok", "="},
			{"send 1 d1 *", "2 3 host+ | learned 0/d1@1", "="},
			{"wait 8s", "", "aged 0/d1@1"},
			{"rows", "0/d1@1", ""},
		}},
		{"added, deleted, added", []line{
			{"set a1 0 1 static", "ok", "="},
			{"del a1 0 1 static", "ok", "="},
			{"set a1 0 1 static", "ok", "="},
			{"rows", "0/a1@1", "="},
			{"del a1 0 1 static", "ok", "="},
			{"set a1 0 2 static", "ok", "="},
			{"set a1 0 2 static", "ok", "="},
			{"rows", "0/a1@2", "="},
		}},
	}
	for _, tt := range tests {
		for _, wrong := range []bool{true, false} {
			h := hands{newBench(t, Config{Count: 3, Hardware: rockerHardware(wrong)}), t}
			h.join(0, 1, 2, 3)
			for i, l := range tt.lines {
				want := l.right
				if wrong || want == "=" {
					want = l.rocker
				}
				if got := h.do(l.do); got != want {
					t.Errorf("%s, defects %t, line %d, %s: %q, want %q", tt.name, wrong, i+1, l.do, got, want)
				}
			}
			for _, v := range h.Audit() {
				if v.Rule != RuleCorrupt && v.Rule != RuleVLAN {
					t.Errorf("%s, defects %t: %v", tt.name, wrong, v)
				}
			}
		}
	}
}

// TestRockerTagsNothingInVLANZero: a priority tag is taken off, and a port without
// PVID sends and gets untagged frames all the same.
func TestRockerTagsNothingInVLANZero(t *testing.T) {
	h := hands{newBench(t, Config{Hardware: rockerHardware(true)}), t}
	h.join(0, 1, 2)
	h.do("filtering")
	h.do("vlan 2 10 add")
	h.Port(1).Ingress(tagged(addressOf("d2"), addressOf("d1"), switchdev.EtherTypeVLAN, 5<<13))
	if len(h.sent[2]) != 1 || binary.BigEndian.Uint16(h.sent[2][0][12:]) != 0x0800 || h.reported() != "learned 0/d1@1" {
		t.Errorf("sent % x, reported %s", h.sent[2], h.reported())
	}
	if got := h.do("send 1 d1 d2 10"); got != "|" {
		t.Errorf("in a VLAN that the port is not in: %s", got)
	}
}

// TestIgnoredSetLeavesTheRowAsLearned, to a dump too.
func TestIgnoredSetLeavesTheRowAsLearned(t *testing.T) {
	h := hands{newBench(t, Config{Hardware: rockerHardware(true)}), t}
	h.join(0, 1, 2)
	h.do("send 1 d1 *")
	h.do("set d1 0 1 static")
	if rows := h.Rows(); len(rows) != 1 || rows[0].Flags != switchdev.FDBHWLearned {
		t.Errorf("rows %+v", rows)
	}
	if n := h.Stats().Quirks; n != 1 {
		t.Errorf("%d sets that were not done", n)
	}
}

// TestAgeingTimeOfAPortThatIsDownIsNotLate: it is read when the port comes up.
func TestAgeingTimeOfAPortThatIsDownIsNotLate(t *testing.T) {
	h := hands{newBench(t, Config{Hardware: rockerHardware(true)}), t}
	h.join(0, 1)
	h.do("state 1 0")
	h.do("ageing 5s")
	if n := h.Stats().Quirks; n != 0 {
		t.Errorf("%d changes that did not reach a port", n)
	}
	h.do("state 1 3")
	h.do("ageing 7s")
	if n := h.Stats().Quirks; n != 1 {
		t.Errorf("%d changes that did not reach a port, want 1", n)
	}
	h.do("send 1 d1 *")
	if got := h.do("wait 5s"); got != "aged 0/d1@1" {
		t.Error(got)
	}
}

// TestHardwareRefusesWhatItDoesNotKnow.
func TestHardwareRefusesWhatItDoesNotKnow(t *testing.T) {
	if _, err := New(Config{Hardware: Hardware{Rows: numRows}}); !errors.Is(err, switchdev.ErrInvalid) {
		t.Error(err)
	}
	for r, want := range []string{"all", "controlled", "rows(2)"} {
		if got := Rows(r).String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	b := newBench(t, Config{Hardware: rockerHardware(true)})
	op := joinOp(1)
	op.Flags, op.FlagMask = 0, switchdev.PortFlood|switchdev.PortLearns
	if got := answer(b.ports(op)); got != "bridge flag offload is not supported" {
		t.Errorf("a join without flooding: %s", got)
	}
	op.Flags, op.FlagMask = switchdev.DefaultPortFlags, ^switchdev.PortFlags(0)
	if got := answer(b.ports(op)); got != "ok" {
		t.Errorf("a join with the defaults: %s", got)
	}
}
