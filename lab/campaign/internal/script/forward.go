package script

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// frame is what "lab send" sends.
type frame struct {
	from, src, dst string
	tag            int // -1: none
	count          int
}

func parseFrame(words []string) (f frame) {
	f = frame{from: words[2], src: words[3], dst: words[4], tag: -1, count: 1}
	for i := 5; i+1 < len(words); i += 2 {
		n, _ := strconv.Atoi(words[i+1])
		if words[i] == "vlan" {
			f.tag = n
		} else {
			f.count = n
		}
	}
	return f
}

func group(mac string) bool {
	n, _ := strconv.ParseUint(mac[:2], 16, 8)
	return n&1 != 0
}

const (
	broadcast = "ff:ff:ff:ff:ff:ff"
	nobody    = "00:00:00:00:00:00"
)

func linkLocal(mac string) bool { return strings.HasPrefix(mac, "01:80:c2:00:00:0") }

// model is a slow bridge that reads the tables as a user does.
type model struct {
	*wiring
	*state
	f      frame
	bridge string
	b      *switching
	in     string // the port that the frame came by, "" if the bridge's own host sent it
	vlan   int
	tag    int
	sure   bool
	got    map[string]bool
	reason string
}

// forward says who gets one frame: a place, and "/V" for a tag that it has there.
func forward(w *wiring, s *state, f frame) *model {
	m := &model{wiring: w, state: s, f: f, sure: true, got: map[string]bool{}, tag: f.tag}
	m.reason = m.run()
	return m
}

func (m *model) run() string {
	if m.wiring.bridges[m.f.from] != nil {
		m.bridge = m.f.from
	} else {
		m.in = m.wiring.portOf(m.f.from)
		m.bridge = m.state.ports[m.in].Master
	}
	m.b = m.wiring.bridges[m.bridge]
	switch {
	case m.b == nil:
		return "no bridge"
	case m.in == "" && m.b.down:
		return "the bridge is down"
	}
	// A frame to its own sender is looked up when it was learned already, and what a
	// switch was not given it floods, while the host does not see what it forwards.
	m.sure = !linkLocal(m.f.dst) && !(m.b.foreign && m.b.filters) && m.f.src != m.f.dst
	if why := m.enters(); why != "" {
		return why
	}
	m.decide()
	return "forwarded"
}

// enters says why a frame does not enter the bridge (br_handle_frame, br_allowed_ingress,
// br_handle_frame_finish).
func (m *model) enters() string {
	who := m.bridge
	if m.in != "" {
		who = m.in
		l := m.state.ports[m.in]
		switch {
		case !l.runs():
			return "the port does not run"
		case group(m.f.src) || m.f.src == nobody:
			return "no source"
		case l.State != "forwarding" && l.State != "learning":
			return "the port is " + l.State
		}
	}
	if m.b.filters && !m.classify(who) {
		return "not in the VLAN"
	}
	if m.in == "" {
		return ""
	}
	src, known := m.state.byKey[key{m.bridge, m.f.src, m.vlan}]
	switch p := m.wiring.ports[m.in]; {
	case p.flag("locked") && (!known || src.Dev != m.in || src.has("locked") || src.State == "permanent"):
		return "the port is locked"
	case m.state.ports[m.in].State == "learning":
		return "the port only learns"
	}
	return ""
}

// classify finds the VLAN, and takes the frame's tag off.
func (m *model) classify(who string) bool {
	if m.f.tag > 0 {
		m.vlan = m.f.tag
	} else {
		for v, in := range m.state.in[who] {
			if in.pvid {
				m.vlan = v
			}
		}
	}
	m.tag = -1
	_, in := m.state.in[who][m.vlan]
	return in && m.vlan != 0
}

// decide is br_handle_frame_finish and br_dev_xmit.
func (m *model) decide() {
	dst, known := m.state.byKey[key{m.bridge, m.f.dst, m.vlan}]
	if own := m.state.byKey[key{m.bridge, m.f.dst, 0}]; !known && m.b.vlan0 && own.State == "permanent" {
		m.sure = false // it counts if no user has made it, which cannot be seen
	}
	if m.wiring.silicon[m.in] && (known && !dst.has("offload") || m.b.promisc) {
		m.sure = false
	}
	local := m.b.promisc
	switch {
	case group(m.f.dst):
		local = true
		flag := "mcast_flood"
		if m.f.dst == broadcast {
			flag = "bcast_flood"
		}
		m.flood(flag)
	case !known:
		m.flood("flood")
	case m.in != "" && dst.State == "permanent", dst.Dev == m.bridge:
		local = true
	default:
		m.send(dst.Dev, true)
	}
	if local && m.in != "" {
		m.host()
	}
}

// flood sends by all ports; the host's own groups are not held back.
func (m *model) flood(flag string) {
	for name, l := range m.state.ports {
		if l.Master == m.bridge && (m.wiring.ports[name].flag(flag) || m.in == "" && flag != "flood") {
			m.send(name, false)
		}
	}
}

// send is br_forward and should_deliver.
func (m *model) send(name string, instead bool) {
	p := m.wiring.ports[name]
	if p == nil {
		return
	}
	if l := m.state.ports[name]; instead && p.backup != "" && !l.runs() {
		name, p = p.backup, m.wiring.ports[p.backup]
		if m.wiring.silicon[m.in] { // devices know no backups
			m.sure = false
		}
		if p == nil {
			m.sure = false
			return
		}
	}
	l := m.state.ports[name]
	in, member := m.state.in[name][m.vlan]
	switch {
	case l.State != "forwarding" || !l.runs() || l.Master != m.bridge:
	case name == m.in && !p.flag("hairpin"):
	case m.b.filters && !member:
	case m.in != "" && p.flag("isolated") && m.wiring.ports[m.in].flag("isolated"):
	case m.wiring.hosts[name] != "": // else there is no cable
		m.arrive(m.wiring.hosts[name], in)
	}
}

// host is br_pass_frame_up.
func (m *model) host() {
	in, member := m.state.in[m.bridge][m.vlan]
	if m.b.filters && !member && !m.b.promisc {
		return
	}
	m.arrive(m.bridge, in)
}

func (m *model) arrive(place string, in member) {
	switch {
	case m.b.filters && !in.untagged:
		place += "/" + strconv.Itoa(m.vlan)
	case !m.b.filters && m.tag >= 0:
		place += "/" + strconv.Itoa(m.tag)
	}
	m.got[place] = true
}

// text is what is printed.
func (m *model) text() string {
	var out []string
	for _, place := range slices.Sorted(maps.Keys(m.got)) {
		if m.f.count > 1 {
			place += "*" + strconv.Itoa(m.f.count)
		}
		out = append(out, place)
	}
	if out == nil {
		return "rx: -"
	}
	return "rx: " + strings.Join(out, " ")
}

// bounds says what no bridge may do, whatever its tables are: two copies at one place, the
// sender without hairpin, a port that does not run or does not forward.
func (m *model) bounds(printed string) string {
	for _, place := range strings.Fields(strings.TrimPrefix(printed, "rx: ")) {
		name, copies, many := strings.Cut(place, "*")
		name, _, _ = strings.Cut(name, "/")
		if n, _ := strconv.Atoi(copies); many && n > m.f.count {
			return fmt.Sprintf("%d copies of %d frames at %s", n, m.f.count, name)
		}
		at := m.wiring.portOf(name)
		l, ok := m.state.ports[at]
		p := m.wiring.ports[at]
		switch {
		case name == "-" || m.wiring.bridges[name] != nil:
		case !ok:
			return name + " is on no bridge"
		case at == m.in && !p.flag("hairpin"):
			return name + " got its own frame back"
		case !l.runs() || l.State != "forwarding":
			return fmt.Sprintf("%s has got it by a port that is %s", name, l.State)
		case l.Master != m.bridge:
			return name + " is on another bridge"
		}
	}
	return ""
}

// teaches says where the sender is known to be afterwards, "" if nothing is said of it
// (br_fdb_update).
func (m *model) teaches() string {
	if m.in == "" || m.b == nil || m.b.down || !m.sure || m.b.ageless || m.b.limited || m.reason != "forwarded" && m.reason != "the port only learns" {
		return ""
	}
	if !m.wiring.ports[m.in].flag("learning") {
		return ""
	}
	was, known := m.state.byKey[key{m.bridge, m.f.src, m.vlan}]
	switch {
	case known && (was.State == "permanent" || was.has("sticky")):
		return was.Dev
	case known && was.has("offload") && m.wiring.silicon[m.in] && m.reason != "forwarded":
		return "" // where a device only learns it gives the host no frame of a row that is fixed elsewhere
	}
	return m.in
}
