package script

import (
	"fmt"
	"slices"
	"strings"

	"github.com/switchcore/switchcore/lab"
)

// join is a device that became a port: of its own table those addresses go, untold, that
// are fixed in the bridge (net/bridge/br_fdb.c, br_fdb_unsync_static).
func (f *fold) join(words []string, now *state) {
	if len(words) == 0 || words[0] == "bridge" || !slices.Contains(words, "master") && !slices.Contains(words, "ports") {
		return
	}
	for k := range f.rows {
		if _, ok := now.byKey[k]; !ok && strings.HasPrefix(k.table, "self ") {
			delete(f.rows, k)
		}
	}
}

// checkHardware: without quirks the switch holds the rows that are shown as offloaded, when
// everything has settled: a row that has just aged there is a moment ahead of its entry.
func (s *session) checkHardware(line string) {
	want := s.now.offloaded()
	if !slices.Equal(want, s.now.hw) {
		s.settle(line)
		want = s.now.offloaded()
	}
	if !slices.Equal(want, s.now.hw) {
		s.fail(offloaded(), "after %q: the switch has\n  %s\nand shown as offloaded is\n  %s", line, strings.Join(s.now.hw, "\n  "), strings.Join(want, "\n  "))
	}
}

// settle lets a little time pass in both labs.
func (s *session) settle(line string) {
	for _, l := range [...]*lab.Lab{s.lab, s.other} {
		s.must(l, "lab wait 200ms")
	}
	now, more := s.look(s.lab)
	s.look(s.other)
	s.now, s.told = now, append(slices.Clone(s.told), more...)
	if d := s.fold.take(more, func(name string) bool { return s.wiring.bridges[name] != nil }); d != "" {
		s.fail(told(), "after %q: %s", line, d)
	}
}

// offloaded are the rows of the entries that are shown so. Groups are not listed.
func (s *state) offloaded() (rows []string) {
	for _, r := range s.rows {
		if !r.has("offload") || r.Master == "" || group(r.MAC) {
			continue
		}
		port := r.Dev
		if r.Dev == r.Master {
			port = "cpu"
		}
		rows = append(rows, fmt.Sprintf("hw vlan %d mac %s port %s", r.VLAN, r.MAC, port))
	}
	slices.Sort(rows)
	return rows
}

// checkSend holds who received a frame against the model.
func (s *session) checkSend(words, out []string, before *state) {
	f := parseFrame(words)
	m := forward(s.wiring, before, f)
	printed := strings.Join(out, "\n")
	if s.wiring.joined(before) || !slices.Equal(before.links, s.now.links) {
		return // a station that is a port passes frames on; a spanning tree goes its way
	}
	if s.trouble.on && m.b != nil && m.hardware() && !m.aside() {
		return // the switch has a part in it
	}
	if s.trouble.on && m.b == nil && s.wiring.silicon[s.wiring.portOf(f.from)] {
		return // which may not have let the port go
	}
	if s.quirks&lab.Rocker != 0 && m.b != nil && m.hardware() {
		return // it has states and VLANs of its own
	}
	if d := m.bounds(printed); d != "" {
		s.fail(delivered(), "%s: %s: %s", strings.Join(words, " "), printed, d)
	}
	if !m.sure || s.aged(before) || s.byHardware(m) {
		return
	}
	if m.text() != printed && !(f.count > 1 && f.src == f.dst) {
		s.fail(delivered(), "%s: %s, want %s (%s)", strings.Join(words, " "), printed, m.text(), m.reason)
	}
	s.checkLearned(m, words, before)
}

// byHardware reports whether a switch with the ways of a real one has a say.
func (s *session) byHardware(m *model) bool { return s.quirks != 0 && m.b != nil && m.hardware() }

func (m *model) hardware() bool {
	for name, l := range m.state.ports {
		if l.Master == m.bridge && strings.HasPrefix(m.wiring.hosts[name], "h") && m.wiring.silicon[name] {
			return true
		}
	}
	return false
}

// aged reports whether an entry went meanwhile.
func (s *session) aged(before *state) bool {
	return slices.ContainsFunc(s.told, func(line string) bool { return strings.HasPrefix(line, "del ") })
}

// checkLearned: the sender's place is known afterwards, and nothing else is new.
func (s *session) checkLearned(m *model, words []string, before *state) {
	k := key{m.bridge, m.f.src, m.vlan}
	if r, ok := s.now.byKey[k]; ok && m.in != "" && m.b.ageless && !m.b.tree {
		if _, known := before.byKey[k]; !known {
			s.fail(learned(), "%s: %+v was learned, and nothing is to be", strings.Join(words, " "), r)
		}
	}
	if want := m.teaches(); want != "" {
		if r, ok := s.now.byKey[k]; !ok || r.Dev != want {
			s.fail(learned(), "%s: the sender is known as %+v, want it on %s", strings.Join(words, " "), r, want)
		}
	}
	for other, r := range s.now.byKey {
		was, ok := before.byKey[other]
		if (!ok || was.Dev != r.Dev) && other != k && !s.trouble.on {
			s.fail(learned(), "%s: %+v is new", strings.Join(words, " "), r)
		}
	}
}

// checkShow: what is shown is what of the table was asked for.
func (s *session) checkShow(line string, words, out []string) {
	if strings.Contains(line, "dev ") || strings.Contains(line, "brport ") {
		return
	}
	var want []string
	for i, r := range s.now.rows {
		keep := true
		for j, w := range words {
			switch {
			case w == "dynamic":
				keep = keep && r.State != "permanent"
			case j+1 == len(words):
			case w == "br":
				p, ok := s.now.ports[r.Dev]
				keep = keep && (r.Dev == words[j+1] || ok && p.Master == words[j+1])
			case w == "vlan":
				n := number(words[j+1]) // no number is 0, and 0 is all, as in the tool
				keep = keep && (r.VLAN == n || n == 0)
			case w == "state":
				keep = keep && r.State == words[j+1]
			}
		}
		if keep {
			want = append(want, s.now.fdb[i])
		}
	}
	if len(want) != len(out) && !s.changed() || !s.changed() && fmt.Sprint(unaged(want)) != fmt.Sprint(unaged(out)) {
		s.fail(selected(), "%s: %q, want %q", line, out, want)
	}
}

// unaged takes away what time does.
func unaged(lines []string) []string {
	lines = slices.Clone(lines)
	for i := range lines {
		lines[i] = strings.Replace(lines[i], `"state":"stale"`, `"state":""`, 1)
	}
	return lines
}

// changed reports whether anything was told in the last line.
func (s *session) changed() bool { return len(s.told) > 0 }

// checkGet: the entry of exactly that VLAN.
func (s *session) checkGet(line string, words, out []string) {
	if len(words) < 7 || words[5] != "br" || s.changed() {
		return
	}
	k := key{words[6], strings.ToLower(words[4]), 0}
	if len(words) == 9 {
		k.vlan = number(words[8])
	}
	var want []string
	for i, r := range s.now.rows {
		if r.Master != "" && r.key() == k {
			want = append(want, s.now.fdb[i])
		}
	}
	if fmt.Sprint(unaged(want)) != fmt.Sprint(unaged(out)) {
		s.fail(selected(), "%s: %q, want %q", line, out, want)
	}
}

// checkFlush: what has all the properties is gone, and what has not is there.
func (s *session) checkFlush(words []string, before *state) {
	for _, r := range before.rows {
		match, ok := flushes(s.wiring, before, words[4:], r)
		if !ok {
			return
		}
		_, there := s.now.byKey[r.key()]
		switch {
		case match && there && s.trouble.on && s.wiring.silicon[r.Dev]: // a late report of it may have come
		case match && there:
			s.fail(flushed(), "%s: %+v is still there", strings.Join(words, " "), r)
		case !match && !there && r.State != "stale" && !s.expires(r):
			s.fail(flushed(), "%s: %+v is gone", strings.Join(words, " "), r)
		}
	}
}

// expires reports whether an entry may just then have come to its end.
func (s *session) expires(r row) bool { return r.dynamic() }

// flushes reports whether a flush is for an entry; ok is false where that cannot be seen.
func flushes(w *wiring, s *state, words []string, r row) (match, ok bool) {
	dev := words[0]
	table := dev
	match = true
	switch {
	case w.bridges[dev] == nil:
		table, match = s.ports[dev].Master, r.Dev == dev
		if slices.Contains(words, "self") {
			return false, false
		}
	case slices.Contains(words, "master"):
		return false, false
	}
	match = match && r.Master == table && table != ""
	// The state is compared as a whole: bits of it, and which of them count.
	var value, mask int
	for i, word := range words[1:] {
		f, no := strings.CutPrefix(word, "no")
		switch f {
		case "permanent", "static", "dynamic":
			const local, fixed = 1, 2
			set := map[string][3]int{
				"permanent": {local, 0, local}, "static": {fixed, 0, fixed | local}, "dynamic": {0, fixed, fixed | local},
				"nopermanent": {0, local, local}, "nostatic": {0, fixed, fixed}, "nodynamic": {fixed, 0, fixed},
			}[word]
			value = (value | set[0]) &^ set[1]
			mask |= set[2]
		case "added_by_user":
			return false, false
		case "extern_learn", "sticky", "offloaded":
			flag := strings.TrimSuffix(f, "ed")
			if slices.Contains(words, f) && slices.Contains(words, "no"+f) {
				return false, false
			}
			match = match && r.has(flag) != no
		case "vlan":
			match = match && r.VLAN == number(words[i+2])
		case "brport":
			match = match && r.Dev == words[i+2]
		}
	}
	if r.State == "permanent" && r.has("extern_learn") && mask&2 != 0 {
		return false, false // whether it is fixed as well depends on who made it
	}
	is := map[string]int{"permanent": 3, "static": 2}[r.State]
	return match && is&mask == value&mask, true
}
