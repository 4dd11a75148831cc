package script

import (
	"maps"
	"slices"
	"strings"
)

// wiring is what cannot be seen but follows from the lines that were accepted.
type wiring struct {
	bridges map[string]*switching
	hosts   map[string]string // by port: the other end of its cable
	ports   map[string]*port
	silicon map[string]bool // ports of a switch
	away    map[string]bool // ports in the namespace red
	red     bool            // there is one
}

// switching is what is known of a bridge.
type switching struct {
	filters, promisc, down bool
	foreign                bool // its tags are not 802.1Q
	ageless, limited       bool // what is learned goes at once, or may be too much
	tree                   bool // topology may have changed, while which it does not go at once
	vlan0                  bool // own addresses are in no VLAN, and count in all
}

// port is what is known of a port.
type port struct {
	master string
	off    map[string]bool // flags that are on unless they are turned off
	on     map[string]bool // and off unless they are turned on
	backup string
}

func newWiring() *wiring {
	return &wiring{bridges: map[string]*switching{}, hosts: map[string]string{}, ports: map[string]*port{}, silicon: map[string]bool{}, away: map[string]bool{}}
}

// flag says whether a port has one.
func (p *port) flag(name string) bool {
	switch name {
	case "learning", "flood", "mcast_flood", "bcast_flood":
		return !p.off[name]
	}
	return p.on[name]
}

func (p *port) set(name string, on bool) { p.off[name], p.on[name] = !on, on }

// accepted follows a line that was accepted.
func (w *wiring) accepted(words []string) {
	away := len(words) > 3 && words[0] == "ip" && words[1] == "-n"
	if away {
		words = slices.Delete(slices.Clone(words), 1, 3)
	}
	if len(words) > 3 && words[0] == "ip" && words[1] == "link" && words[3] != "dev" {
		words = slices.Insert(slices.Clone(words), 3, "dev") // which may be missing
	}
	switch {
	case len(words) < 3:
	case words[0] == "lab" && (words[1] == "bridge" || words[1] == "switch"):
		w.bridge(words)
	case words[0] == "lab" && words[1] == "ports":
		w.plug(words[2:])
	case words[0] == "ip" && words[1] == "netns" && len(words) > 3:
		w.red = words[2] == "add"
		if !w.red {
			w.emptied()
		}
	case len(words) < 5:
	case words[0] == "bridge" && words[1] == "link" && words[2] == "set":
		w.options(words[4], words[5:])
	case away:
		w.back(words[4], words[5:])
	case words[0] == "ip" && words[2] == "del":
		w.remove(words[4])
	case words[0] == "ip" && words[2] == "set":
		w.link(words[4], words[5:])
	}
}

func (w *wiring) plug(names []string) {
	for _, name := range names {
		if w.hosts[name] == "" && !w.silicon[name] {
			w.hosts[name] = "h" + name[1:]
		}
	}
}

func (w *wiring) bridge(words []string) {
	b := &switching{}
	w.bridges[words[2]] = b
	if words[1] == "switch" {
		w.rack()
	}
	i := slices.Index(words, "ports")
	w.plug(words[i+1:])
	b.options(words[3:i])
}

// rack is that the ports of the switch are there.
func (w *wiring) rack() {
	if len(w.silicon) > 0 {
		return
	}
	for _, name := range [...]string{"s1", "s2", "s3", "s4"} {
		w.silicon[name] = true
		h := "h" + name[1:]
		taken := false // by another cable
		for _, other := range w.hosts {
			taken = taken || other == h
		}
		if !taken {
			w.hosts[name] = h
		}
	}
}

// options are those of a bridge.
func (b *switching) options(words []string) {
	for i := 0; i+1 < len(words); i++ {
		on := words[i+1] != "0"
		switch words[i] {
		case "vlan_filtering":
			b.filters = on
		case "vlan_protocol":
			b.foreign = !strings.EqualFold(words[i+1], "802.1q")
		case "ageing_time":
			b.ageless = !on
		case "stp_state":
			b.tree = b.tree || on
		case "fdb_local_vlan_0":
			b.vlan0 = on
		case "fdb_max_learned":
			b.limited = on
		}
	}
}

// options are those of a port.
func (w *wiring) options(name string, words []string) {
	p := w.ports[name]
	if p == nil {
		return
	}
	for i := range words {
		switch {
		case words[i] == "nobackup_port":
			p.backup = ""
		case i+1 == len(words):
		case words[i] == "backup_port":
			p.backup = words[i+1]
		case words[i+1] == "on" || words[i+1] == "off":
			p.set(words[i], words[i+1] == "on")
		}
	}
}

func (w *wiring) link(name string, words []string) {
	b := w.bridges[name]
	for i, word := range words {
		switch {
		case word == "type" && words[i+1] == "bridge" && b != nil:
			b.options(words[i+2:])
		case word == "type" && words[i+1] == "bridge_slave":
			w.options(name, words[i+2:])
		case word == "promisc" && b != nil:
			b.promisc = words[i+1] == "on"
		case (word == "up" || word == "down") && b != nil:
			b.down = word == "down"
		case word == "netns":
			w.away[name] = true
		case word == "name":
			w.rename(name, words[i+1])
		}
	}
}

// emptied is that the namespace is gone, with the ports in it and their cables.
func (w *wiring) emptied() {
	for name := range w.away {
		w.remove(name)
	}
	clear(w.away)
}

func (w *wiring) back(name string, words []string) {
	if len(words) > 0 && words[0] == "netns" {
		delete(w.away, name)
	}
}

func (w *wiring) rename(old, name string) {
	move(w.bridges, old, name)
	move(w.hosts, old, name)
	move(w.ports, old, name)
	move(w.silicon, old, name)
	for _, p := range w.ports {
		if p.backup == old {
			p.backup = name
		}
		if p.master == old {
			p.master = name
		}
	}
}

func move[V any](in map[string]V, old, name string) {
	if v, ok := in[old]; ok {
		delete(in, old)
		in[name] = v
	}
}

// remove is that a device is gone, and so what is cabled to it.
func (w *wiring) remove(name string) {
	delete(w.bridges, name)
	delete(w.hosts, w.opposite(name))
	delete(w.hosts, name)
}

// opposite is the other end of a device's cable.
func (w *wiring) opposite(name string) string {
	if host, ok := w.hosts[name]; ok {
		return host
	}
	for port, host := range w.hosts {
		if host == name {
			return port
		}
	}
	return ""
}

// see takes over who is a port of what. A port that came or went begins anew, and is
// nobody's backup any more.
func (w *wiring) see(s *state) {
	for name, l := range s.ports {
		if p := w.ports[name]; p == nil || p.master != l.Master {
			w.forget(name)
			w.ports[name] = &port{master: l.Master, off: map[string]bool{}, on: map[string]bool{}}
		}
	}
	for name := range maps.Clone(w.ports) {
		if _, ok := s.ports[name]; !ok {
			w.forget(name)
			delete(w.ports, name)
		}
	}
}

func (w *wiring) forget(name string) {
	for _, p := range w.ports {
		if p.backup == name {
			p.backup = ""
		}
	}
}

// portOf is the port that a host is cabled to.
func (w *wiring) portOf(host string) string {
	for p, h := range w.hosts {
		if h == host && !w.away[p] {
			return p
		}
	}
	return ""
}

// joined reports whether the other end of a cable is a port.
func (w *wiring) joined(s *state) bool {
	for _, host := range w.hosts {
		if _, ok := s.ports[host]; ok {
			return true
		}
	}
	return false
}
