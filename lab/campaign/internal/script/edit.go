package script

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// edit is what a line asks of one entry, as far as it can be seen afterwards.
type edit struct {
	mac, dev, table string
	state           string // "" dynamic, "extern" whatever it was
	sticky, deletes bool
	vlan            string // "" for all
}

// parseEdit reads a line; false for what is asked of two tables, or in a way that says
// nothing of the entry.
func parseEdit(w *wiring, s *state, words []string) (e edit, ok bool) {
	e = edit{mac: strings.ToLower(words[3]), state: "permanent", deletes: words[2] == "del"}
	master, self := false, false
	for i := 4; i < len(words); i++ {
		switch word := words[i]; word {
		case "dev", "vlan":
			if i++; i == len(words) {
				return e, false
			}
			if word == "dev" {
				e.dev = words[i]
			} else {
				e.vlan = words[i]
			}
		case "master":
			master = true
		case "self":
			self = true
		case "static":
			e.state = word
		case "local", "permanent":
		case "dynamic":
			e.state = ""
		case "sticky":
			e.sticky = true
		default:
			return e, false
		}
	}
	if e.table = s.ports[e.dev].Master; !master {
		e.table = e.dev
	}
	return e, master != self && w.bridges[e.table] != nil
}

// checkEdit: an entry that was asked for is there, as it was asked for, in all VLANs of its
// port if none was named. One that was deleted is nowhere that a user could mean.
func (s *session) checkEdit(line string, words []string, before *state) {
	if i := slices.Index(words, "extern_learn"); i >= 0 {
		return
	}
	e, ok := parseEdit(s.wiring, before, words)
	if !ok || s.wiring.bridges[e.table].ageless {
		return
	}
	vlans := []int{0}
	if n, err := strconv.Atoi(e.vlan); err == nil && n >= 0 {
		vlans[0] = n
	} else if e.vlan != "" && err != nil {
		return // what the tool makes of it is seen elsewhere
	} else { // a negative number is none
		for v := range before.in[e.dev] {
			vlans = append(vlans, v)
		}
	}
	for _, v := range vlans {
		k := key{e.table, e.mac, v}
		r, there := s.now.byKey[k]
		was, had := before.byKey[k]
		switch {
		case e.deletes && there && had && was.Dev == e.dev:
			s.fail(edited(), "%s: %+v is still there", line, r)
		case e.deletes, !there && s.quirks != 0 && s.removed(k):
		case !there || r.Dev != e.dev || r.has("sticky") != e.sticky:
			s.fail(edited(), "%s: in VLAN %d there is %+v", line, v, r)
		case e.state == "" && !r.dynamic() || e.state != "" && r.State != e.state:
			s.fail(edited(), "%s: in VLAN %d there is %+v", line, v, r)
		}
	}
}

// removed reports whether the last thing that was told of an entry is that it is gone: a
// switch with the ways of a real one takes entries away that it has told of, when they
// age there.
func (s *session) removed(k key) (gone bool) {
	for _, line := range s.told {
		word, object, _ := strings.Cut(line, " ")
		var r row
		if json.Unmarshal([]byte(object), &r) == nil && r.key() == k {
			gone = word == "del" && r.has("extern_learn")
		}
	}
	return gone
}
