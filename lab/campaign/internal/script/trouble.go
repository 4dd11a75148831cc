package script

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// trouble is what is wrong with the switch, as the lines say that were accepted.
type trouble struct {
	on     bool            // something is wrong, or was and may not be mended
	faults map[string]bool // kinds at work
	quiet  time.Duration   // how long none has been
	hung   bool            // it does not answer, or did not
	lied   bool            // rows may not be what was answered, until the switch is read
	lost   bool            // more may not be, until it is reset
	ended  bool            // by the last line
}

// The times that the lab gives things in: the longest pause before a device is asked again
// twice over, and what a device that was read or reset needs.
const (
	mending = 140 * time.Second
	resting = 3 * time.Second
)

// faultOf takes apart a line that lets something go wrong; what is "off", "show" or a kind.
func faultOf(words []string) (what string, rest []string, ok bool) {
	if len(words) < 4 || words[0] != "lab" || words[1] != "fault" {
		return "", nil, false
	}
	return words[3], words[4:], true
}

// take follows a line that was accepted, or of which something may have been done.
func (t *trouble) take(words []string, refused bool) {
	t.ended = false
	if len(words) < 3 {
		return
	}
	what, rest, ok := faultOf(words)
	switch {
	case refused && ok:
	case ok && what == "show":
	case ok && what == "off" && len(rest) > 0:
		delete(t.faults, rest[0])
		t.quiet = 0
	case ok && what == "off":
		clear(t.faults)
		t.quiet = 0
	case ok:
		t.begin(what, rest)
	case !t.on:
	case words[1] == "reconcile":
		t.read(refused)
	case words[1] == "wait" && len(t.faults) == 0:
		d, _ := time.ParseDuration(words[2])
		t.quiet += d
		if t.quiet >= mending && !t.lied && !t.lost {
			t.on, t.ended = false, true
		}
	case words[0] == "ip":
		leaves := slices.Contains(words, "del") || slices.Contains(words, "netns")
		t.lost = t.lost || leaves // what a bridge could not take back before its end stays
		t.lied = t.lied || t.hung && (slices.Contains(words, "master") || slices.Contains(words, "nomaster"))
	}
}

func (t *trouble) begin(what string, rest []string) {
	now := len(rest) > 0 && rest[0] == "now"
	if what == "reset" && now {
		t.on = true
		if len(t.faults) == 0 { // everybody hears of it
			t.quiet, t.lied, t.lost = min(t.quiet, mending-resting), false, false
		}
		return
	}
	if !t.on || t.faults == nil {
		*t = trouble{faults: map[string]bool{}}
	}
	t.on, t.quiet = true, 0
	if !now {
		t.faults[what] = true
	}
	switch what {
	case "lost", "late", "duplicate", "reorder", "misplace", "vanish", "drift":
		t.lied = true
	case "hang", "slow":
		t.hung = true
	case "ignore":
		t.lied, t.lost = true, t.lost || len(rest) == 0 || !strings.HasPrefix(rest[0], "fdb")
	}
}

// read is that the switch was read. What is on its way then may come later.
func (t *trouble) read(refused bool) {
	if len(t.faults) == 0 && t.quiet >= mending && !refused {
		t.lied = false
		t.quiet = mending - resting
	}
}

// checkRefused: what was refused has left the entry that the line names as it was, and the
// VLANs of the port.
func (s *session) checkRefused(line string, words []string, before *state) {
	if !simple(line) || len(words) < 5 || words[0] != "bridge" {
		return
	}
	switch {
	case words[1] == "fdb" && slices.Contains([]string{"add", "append", "replace", "del"}, words[2]) && slices.Contains(words, "vlan"):
		mac := strings.ToLower(words[3])
		for _, k := range keysOf(before, s.now, mac) {
			was, had := before.byKey[k]
			is, has := s.now.byKey[k]
			switch {
			case had && was.State == "permanent", has && is.State == "permanent": // own addresses come and go
			case had && !was.dynamic() && (!has || is.Dev != was.Dev || is.State != was.State):
				s.fail(untouched(), "%s was refused, and %+v is %+v", line, was, is)
			case has && !is.dynamic() && !had:
				s.fail(untouched(), "%s was refused, and there is %+v", line, is)
			}
		}
	case words[1] == "vlan" && s.quirks == 0:
		if i := slices.Index(words, "dev"); i > 0 && i+1 < len(words) {
			if was, is := before.in[words[i+1]], s.now.in[words[i+1]]; fmt.Sprint(was) != fmt.Sprint(is) {
				s.fail(untouched(), "%s was refused, and the VLANs %v are %v", line, was, is)
			}
		}
	}
}

// keysOf are the entries of an address in the tables of bridges.
func keysOf(a, b *state, mac string) (all []key) {
	for _, s := range [...]*state{a, b} {
		for k, r := range s.byKey {
			if k.mac == mac && r.Master != "" && !slices.Contains(all, k) {
				all = append(all, k)
			}
		}
	}
	return all
}

// checkTroubled: while the switch answers honestly, it holds what is shown as offloaded; it
// may hold more.
func (s *session) checkTroubled(line string) {
	if s.trouble.lied || s.trouble.lost {
		return
	}
	holds := func() (missing string) {
		for _, want := range s.now.offloaded() {
			if !slices.Contains(s.now.hw, want) {
				return want
			}
		}
		return ""
	}
	if holds() == "" {
		return
	}
	if s.settle(line); s.trouble.on {
		if missing := holds(); missing != "" {
			s.fail(offloaded(), "after %q: shown as offloaded, and not in the switch, is %s: it has\n  %s", line, missing, strings.Join(s.now.hw, "\n  "))
		}
	}
}

// checkHeld: that an entry was made says that the switch holds it.
func (s *session) checkHeld(line string, words []string, before *state) {
	if s.trouble.lied || s.trouble.lost || !slices.Contains(words, "static") || slices.Contains(words, "use") {
		return
	}
	e, ok := parseEdit(s.wiring, before, words)
	if !ok || e.deletes || !s.wiring.silicon[e.dev] || group(e.mac) {
		return
	}
	for k, r := range s.now.byKey {
		want := fmt.Sprintf("hw vlan %d mac %s port %s", k.vlan, k.mac, e.dev)
		if k.table == e.table && k.mac == e.mac && r.State == "static" && r.Dev == e.dev && (e.vlan == "" || number(e.vlan) == k.vlan) && !slices.Contains(s.now.hw, want) {
			s.fail(held(), "%s: the switch has not %q but\n  %s", line, want, strings.Join(s.now.hw, "\n  "))
		}
	}
}

// checkMended: when all is over, what a user fixed is in the switch.
func (s *session) checkMended(line string) {
	for _, r := range s.now.rows {
		if r.State == "static" && r.Master != "" && s.wiring.silicon[r.Dev] && !group(r.MAC) && !r.has("offload") {
			s.fail(mended(), "after %q: %+v is not in the switch", line, r)
		}
	}
}

// aside reports whether a frame goes a way in which a switch that is in trouble has no part:
// from software to a station that is known behind software.
func (m *model) aside() bool {
	dst, known := m.state.byKey[key{m.bridge, m.f.dst, m.vlan}]
	return m.reason == "forwarded" && m.in != "" && !m.wiring.silicon[m.in] && known && !m.wiring.silicon[dst.Dev] && dst.Dev != m.bridge && m.wiring.ports[dst.Dev].plain()
}

// plain reports whether frames for the port leave by no other.
func (p *port) plain() bool { return p != nil && p.backup == "" }
