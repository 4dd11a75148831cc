package tool

import (
	"slices"
	"strings"
)

// entry is a row of the command table.
type entry struct {
	// path are the words of the command. Words of bridge and ip may be shortened as
	// there; the first row that fits is meant.
	path string
	// usage is what follows, help says in one line what the command does.
	usage, help string
	// also are other names of the last word, each a row that is not in the help.
	also string
	// bare: the command is meant when its last word is missing.
	bare bool
	// parse reads the words. Nil: a later part of the language.
	parse func(*args) verb
}

// commands returns the command table. Its order is that of the tools where words are
// short for several.
func commands() []entry {
	return slices.Concat(bridgeCommands(), ipCommands(), labCommands(), laterCommands())
}

func bridgeCommands() []entry {
	const edit = "MAC dev DEV [master] [self] [static|dynamic|local|permanent] [sticky] [extern_learn] [use] [vlan N]"
	return []entry{
		{path: "bridge link set", also: "change", usage: "dev PORT [learning|flood|mcast_flood|bcast_flood|hairpin|isolated|locked|mab|neigh_suppress on|off] [state 0..4] [backup_port P|nobackup_port] [cost N] [priority N]",
			help: "changes what a bridge does with a port", parse: parseBridgeLinkSet},
		{path: "bridge link show", also: "lst|list", usage: "[dev PORT]",
			help: "prints the ports of bridges", bare: true, parse: parseBridgeLinkShow},
		{path: "bridge fdb add", usage: edit,
			help: "makes an entry that is not there", parse: parseFDBAdd},
		{path: "bridge fdb append", usage: edit,
			help: "makes an entry, or moves it", parse: parseFDBAppend},
		{path: "bridge fdb replace", usage: edit,
			help: "makes an entry, or changes it", parse: parseFDBReplace},
		{path: "bridge fdb del", also: "delete", usage: "MAC dev DEV [master] [self] [vlan N]",
			help: "deletes an entry", parse: parseFDBDelete},
		{path: "bridge fdb get", usage: "MAC br BR|dev DEV [master|self] [vlan N]",
			help: "prints one entry", parse: parseFDBGet},
		{path: "bridge fdb show", also: "lst|list", usage: "[br BR] [dev DEV|brport PORT] [vlan N] [dynamic] [state permanent|static|stale|reachable]",
			help: "prints entries, by VLAN, address and interface", bare: true, parse: parseFDBShow},
		{path: "bridge fdb flush", usage: "dev DEV [brport PORT] [vlan N] [self|master] [[no]permanent] [[no]static] [[no]dynamic] [[no]added_by_user] [[no]extern_learn] [[no]sticky] [[no]offloaded]",
			help: "deletes the entries that have all of these properties", parse: parseFDBFlush},
		{path: "bridge mdb"},
		{path: "bridge vlan add", usage: "vid N[-M] dev DEV [self] [pvid] [untagged]",
			help: "puts a port, or with self the bridge, into VLANs", parse: parseVLANAdd},
		{path: "bridge vlan del", also: "delete", usage: "vid N[-M] dev DEV [self]",
			help: "takes a port, or with self the bridge, out of VLANs", parse: parseVLANDelete},
		{path: "bridge vlan show", also: "lst|list", usage: "[dev DEV] [vid N]",
			help: "prints the VLANs of ports and bridges", bare: true, parse: parseVLANShow},
	}
}

func ipCommands() []entry {
	return []entry{
		{path: "ip neigh", also: "neighbor|neighbour", help: "the neighbour cache"},
		{path: "ip ntable", help: "the neighbour cache's parameters"},
		{path: "ip link add"},
		{path: "ip link set", also: "change", usage: "[dev] DEV [up|down] [address MAC] [name NAME] [mtu N] [promisc on|off] [master BR|nomaster] [netns NAME|1] [type bridge OPTION VALUE...|type bridge_slave OPTION VALUE...]",
			help: "changes a device", parse: parseLinkSet},
		{path: "ip link del", also: "delete", usage: "[dev] DEV",
			help: "removes a device", parse: parseLinkDelete},
		{path: "ip netns add", usage: "NAME",
			help: "makes a namespace", parse: parseNetnsAdd},
		{path: "ip netns del", also: "delete", usage: "NAME",
			help: "removes a namespace", parse: parseNetnsDelete},
	}
}

func labCommands() []entry {
	return []entry{
		{path: "lab bridge", usage: "BR [OPTION VALUE]... ports [PORT]...",
			help: "makes a bridge with new ports pN, each with a cable to a host hN", parse: parseLabBridge},
		{path: "lab switch", usage: "BR [OPTION VALUE]... ports [PORT]...",
			help: "makes a bridge over ports s1 to s4 of the switching device sw1, whose stations are h1 to h4, and p5 to p9", parse: parseLabSwitch},
		{path: "lab ports", usage: "PORT...",
			help: "makes ports pN without a bridge", parse: parseLabPorts},
		{path: "lab send", usage: "IF SRC DST [vlan V] [count K]",
			help: "sends frames out of a host or a bridge, and prints who received them", parse: parseSend},
		{path: "lab wait", usage: "DURATION",
			help: "lets time pass, such as 3s", parse: parseWait},
		{path: "lab events fdb", usage: "[netns NAME] [sorted]",
			help: "prints the notifications since the previous call; the first one starts recording", parse: parseEventsFDB},
		{path: "lab hw", usage: "SWITCH",
			help: "prints the rows in a switching device's own table", parse: parseHardware},
		{path: "lab fault", usage: faultUsage,
			help: "lets something go wrong with a switching device, ends that, or shows it", parse: parseFault},
		{path: "lab reconcile", usage: "SWITCH",
			help: "has bridges read a switching device and mend it, and prints how many rows differed", parse: parseReconcile},
		{path: "lab clock", usage: "",
			help: "prints how much time has passed in commands", parse: parseClock},
	}
}

// laterCommands are the parts of the language that are not built yet.
func laterCommands() []entry {
	return []entry{
		{path: "devlink", help: "devlink instances"},
		{path: "ovs-dpctl", help: "Open vSwitch datapaths"},
		{path: "lab device", help: "makes and changes devlink instances"},
		{path: "lab peek", help: "prints what a driver uses"},
		{path: "lab link", help: "makes an interface with addresses"},
		{path: "lab peer", help: "makes a neighbour that answers"},
		{path: "lab tx", help: "sends datagrams"},
		{path: "lab arp", help: "sends ARP packets from the wire"},
		{path: "lab na", help: "sends neighbour advertisements from the wire"},
		{path: "lab ns", help: "sends neighbour solicitations from the wire"},
		{path: "lab wire", help: "prints the frames that were sent on the wire"},
		{path: "lab events neigh", help: "prints notifications of the neighbour cache"},
		{path: "lab events devlink", help: "prints notifications of devlink"},
	}
}

// lookUp finds the command and takes the words of its path.
func (a *args) lookUp(tool string) *entry {
	if a.err != nil {
		return nil
	}
	best, longest := nearest{}, -1
	for _, e := range commands() {
		n := e.match(tool, a.words)
		if n.whole {
			return a.take(&e, n)
		}
		if n.words > longest {
			best, longest = n, n.words
		}
	}
	there := strings.Join(a.following(tool, best.words), ", ")
	switch {
	case best.words == 0:
		a.outside(tool, "not in the lab, which has "+there)
	case best.words-1 < len(a.words):
		a.outside(a.words[best.words-1], "not in the lab, which has "+there)
	default:
		a.outside("", "not complete: the lab has "+there)
	}
	return nil
}

// following returns the beginnings of commands with the words that were understood, the
// tool included, and one more.
func (a *args) following(tool string, understood int) (paths []string) {
	for _, e := range commands() {
		path := strings.Fields(e.path)
		if e.parse == nil || e.match(tool, a.words).words != understood {
			continue
		}
		next := strings.Join(path[:understood+1], " ")
		if !slices.Contains(paths, next) {
			paths = append(paths, next)
		}
	}
	return paths
}

// take takes the words of an entry's path.
func (a *args) take(e *entry, n nearest) *entry {
	if e.parse == nil {
		a.outside(e.path, "not in the lab")
		return nil
	}
	a.words = a.words[n.words-1:]
	return e
}

// nearest is how far words go along a path: how many of them, the tool included, and
// whether to its end.
type nearest struct {
	words int
	whole bool
}

func (e *entry) match(tool string, words []string) nearest {
	path := strings.Fields(e.path)
	short := path[0] == "bridge" || path[0] == "ip"
	if tool != path[0] {
		return nearest{}
	}
	for i, want := range path[1:] {
		last := i == len(path)-2
		if i == len(words) {
			return nearest{i + 1, last && e.bare}
		}
		if !e.fits(words[i], want, short, last) {
			return nearest{i + 1, false}
		}
	}
	return nearest{len(path), true}
}

func (e *entry) fits(word, want string, short, last bool) bool {
	names := []string{want}
	if last && e.also != "" {
		names = append(names, strings.Split(e.also, "|")...)
	}
	return slices.ContainsFunc(names, func(name string) bool {
		return word == name || short && matches(word, name)
	})
}

// Help returns the commands that begin with some words, with their usage; without
// words, all of them in a line each. Of words that no command begins with it says so.
func (s *Shell) Help(topic ...string) []string {
	if len(topic) == 1 {
		topic = strings.Fields(topic[0])
	}
	want := strings.Join(topic, " ")
	var lines []string
	for _, e := range commands() {
		switch {
		case e.parse == nil || e.path != want && want != "" && !strings.HasPrefix(e.path, want+" "):
		case want == "":
			lines = append(lines, pad(e.path, 20)+e.help)
		default:
			lines = append(lines, strings.TrimSpace(e.path+" "+e.usage), "    "+e.help)
		}
	}
	if lines == nil {
		return []string{"no command begins with " + want}
	}
	if want == "" {
		lines = append(lines, "bridge and ip take -j for JSON, and -n NAME for another namespace, before the object")
	}
	return lines
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(width-len(s), 1))
}
