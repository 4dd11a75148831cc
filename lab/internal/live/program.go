package live

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Program returns a random sequence of commands of the language that a Kernel
// executes: one or two that make bridges and ports, then n others. The same seed
// makes the same sequence. No entry ages while it runs, and nothing waits.
func Program(seed uint64, n int) []string {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0x1ab)), bridges: []string{"br0"}, cables: map[string]string{}}
	g.mostly = g.focus()
	lines := g.setUp()
	for range n {
		lines = append(lines, g.command())
	}
	return lines
}

// generator makes commands. It keeps the names of interfaces, for they change, and
// knows nothing else of what the commands do.
type generator struct {
	*rand.Rand
	ports   []string // all, whether under a bridge or not
	hosts   []string
	cables  map[string]string // from ports to hosts
	bridges []string
	joined  bool     // a host is a port of the second bridge
	away    []string // ports in the namespace red
	red     bool     // there is one
	mostly  weights
	next    []string // commands that belong together with the last one
}

// pick returns one of the words.
func pick[T any](g *generator, of ...T) T { return of[g.IntN(len(of))] }

// chance is true once in n times.
func (g *generator) chance(n int) bool { return g.IntN(n) == 0 }

// setUp makes the bridges.
func (g *generator) setUp() []string {
	option := ""
	if g.chance(3) {
		option = pick(g, "ageing_time 60000 ", "no_linklocal_learn 1 ", "group_fwd_mask 8 ", "group_fwd_mask 16392 ", "ageing_time 100000 no_linklocal_learn 1 ", "stp_state 1 ")
	}
	n := 2 + g.IntN(3)
	first := numbered("p", 1, n)
	lines := []string{"lab bridge br0 " + option + "ports " + strings.Join(first, " ")}
	g.ports, g.hosts = first, numbered("h", 1, n)
	switch g.IntN(4) {
	case 0:
		lines = append(lines, "lab bridge br1 ports p5 p6")
		g.ports, g.hosts, g.bridges = append(g.ports, "p5", "p6"), append(g.hosts, "h5", "h6"), append(g.bridges, "br1")
		if g.chance(2) {
			// One cable between the bridges: its ends stay where they are, so that
			// no frame goes round for ever.
			lines = append(lines, "ip link set dev h5 master br1", "ip link set dev p5 master br0")
			g.joined = true
		}
	case 1:
		lines = append(lines, "lab ports p9")
		g.ports, g.hosts = append(g.ports, "p9"), append(g.hosts, "h9")
	}
	for i, p := range g.ports {
		g.cables[p] = g.hosts[i]
	}
	if g.chance(5) {
		lines = append(lines, "ip netns add red", "lab events fdb netns red")
		g.red = true
	}
	return append(lines, "lab events fdb")
}

func numbered(prefix string, from, to int) []string {
	var out []string
	for i := from; i <= to; i++ {
		out = append(out, fmt.Sprint(prefix, i))
	}
	return out
}

// weights are how often each kind of command is made, of the sum.
type weights struct{ change, flush, look, send, linkSet, ipLink, option int }

// focus returns what a program is mostly about.
func (g *generator) focus() weights {
	return pick(g,
		weights{change: 30, flush: 6, look: 8, send: 22, linkSet: 10, ipLink: 19, option: 5}, // everything
		weights{change: 10, flush: 2, look: 4, send: 50, linkSet: 28, ipLink: 4, option: 2},  // who gets frames
		weights{change: 25, flush: 4, look: 4, send: 12, linkSet: 3, ipLink: 50, option: 2},  // ports that come and go
		weights{change: 60, flush: 16, look: 8, send: 10, linkSet: 2, ipLink: 2, option: 2},  // entries
		weights{change: 10, look: 2, send: 28, linkSet: 30, ipLink: 30},                      // states of ports, up and down
	)
}

// command returns one command.
func (g *generator) command() string {
	if len(g.next) > 0 {
		line := g.next[0]
		g.next = g.next[1:]
		return line
	}
	w := g.mostly
	n := g.IntN(w.change + w.flush + w.look + w.send + w.linkSet + w.ipLink + w.option)
	for _, kind := range [...]struct {
		weight int
		make   func() string
	}{{w.change, g.change}, {w.flush, g.flush}, {w.look, g.look}, {w.send, g.send}, {w.linkSet, g.linkSet}, {w.ipLink, g.ipLink}} {
		if n < kind.weight {
			return kind.make()
		}
		n -= kind.weight
	}
	return g.bridgeOption()
}

func (g *generator) port() string   { return pick(g, g.ports...) }
func (g *generator) bridge() string { return pick(g, g.bridges...) }

// device is mostly a port.
func (g *generator) device() string {
	switch n := g.IntN(40); {
	case n < 32:
		return g.port()
	case n < 37:
		return g.bridge()
	case n < 38:
		return pick(g, g.hosts...)
	}
	return pick(g, "lo", "nosuch")
}

// station is a unicast address that frames come from or that a user names; few, so
// that they meet.
func (g *generator) station() string {
	switch n := g.IntN(20); {
	case n < 11:
		return fmt.Sprintf("02:aa:00:00:00:0%d", 1+g.IntN(4))
	case n < 14:
		return g.own()
	case n < 17:
		return fmt.Sprintf("02:00:00:00:01:0%d", 1+g.IntN(4))
	}
	return fmt.Sprintf("06:dd:00:00:00:0%d", 1+g.IntN(2))
}

// own is an address that an interface has at first.
func (g *generator) own() string {
	if g.chance(4) {
		return "02:00:00:00:00:fe"
	}
	return fmt.Sprintf("02:00:00:00:00:0%d", 1+g.IntN(5))
}

// address is any.
func (g *generator) address() string {
	if !g.chance(16) {
		return g.station()
	}
	return pick(g, "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "03:00:00:00:00:01", "01:80:c2:00:00:0e", "zz:00:00:00:00:01")
}

// change adds or deletes an entry, with all words that there are.
func (g *generator) change() string {
	dev := g.device()
	var words []string
	if g.IntN(20) > 0 && !slices.Contains(g.bridges, dev) || g.chance(10) {
		words = append(words, "master")
	}
	if slices.Contains(g.bridges, dev) && !g.chance(6) || g.chance(12) {
		words = append(words, "self")
	}
	if g.IntN(6) > 0 {
		words = append(words, pick(g, "static", "static", "dynamic", "dynamic", "local", "permanent"))
	}
	for word, rarity := range [...]int{6, 6, 10} {
		if g.chance(rarity) {
			words = append(words, [...]string{"sticky", "extern_learn", "use"}[word])
		}
	}
	if g.chance(16) {
		words = append(words, "vlan "+pick(g, "0", "1", "5", "4094", "4095", "4096"))
	}
	g.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	verb := pick(g, "add", "add", "add", "replace", "replace", "append", "del", "del")
	return strings.TrimSpace("bridge fdb " + verb + " " + g.address() + " dev " + dev + " " + strings.Join(words, " "))
}

// flush deletes many.
func (g *generator) flush() string {
	var words []string
	dev := g.bridge()
	switch g.IntN(6) {
	case 0:
		dev = g.device()
		words = append(words, pick(g, "master", "master", "master", "self", "master self"))
	case 1:
		words = append(words, "brport "+g.device())
	case 2:
		words = append(words, "self")
	}
	for _, f := range [...]string{"permanent", "static", "dynamic", "added_by_user", "extern_learn", "sticky", "offloaded"} {
		if g.chance(8) {
			words = append(words, pick(g, "", "no")+f)
		}
	}
	if len(words) == 0 && !g.chance(5) { // most often the own addresses stay
		words = append(words, "nopermanent")
	}
	if g.chance(12) {
		words = append(words, "vlan "+pick(g, "0", "1", "5", "4094", "4095"))
	}
	return strings.TrimSpace("bridge fdb flush dev " + dev + " " + strings.Join(words, " "))
}

// look shows something.
func (g *generator) look() string {
	switch g.IntN(6) {
	case 0:
		return "bridge -j fdb get " + g.address() + " " + pick(g, "br "+g.bridge(), "br "+g.bridge(), "dev "+g.device()+" master", "dev "+g.device(), "dev "+g.bridge()+" self") +
			pick(g, "", "", "", "", " vlan 5")
	case 1:
		return "bridge -j fdb show"
	case 2:
		return "lab events fdb"
	}
	var words []string
	if !g.chance(4) {
		words = append(words, "br "+g.bridge())
	}
	switch g.IntN(4) {
	case 0:
		words = append(words, "dev "+g.device())
	case 1:
		words = append(words, "brport "+g.device())
	}
	words = append(words, pick(g, "", "dynamic", "dynamic", "state static", "state permanent", "vlan 1"))
	return strings.TrimSpace("bridge -j fdb show " + strings.Join(words, " "))
}

// send sends frames of every kind.
func (g *generator) send() string {
	from := pick(g, g.hosts...)
	src := g.station()
	switch {
	case g.chance(8):
		from = g.bridge()
		src = pick(g, "02:00:00:00:00:fe", "02:00:00:00:00:fe", src)
	case g.chance(20):
		src = pick(g, "00:00:00:00:00:00", "03:00:00:00:00:01", "ff:ff:ff:ff:ff:ff")
	}
	var dst string
	switch n := g.IntN(20); {
	case n < 11:
		dst = g.station()
	case n < 14:
		dst = "ff:ff:ff:ff:ff:ff"
	case n < 15:
		dst = pick(g, "01:00:5e:00:00:05", "33:33:00:00:00:05", "03:00:00:00:00:01")
	case n < 17:
		dst = "01:80:c2:00:00:" + pick(g, "00", "01", "02", "03", "0e", "0f", "10")
	case n < 18:
		dst = "00:00:00:00:00:00"
	default:
		dst = g.own()
	}
	line := "lab send " + from + " " + src + " " + dst
	if g.chance(12) {
		line += pick(g, " vlan 0", " vlan 5", " vlan 1")
	}
	if g.chance(8) {
		line += " count " + pick(g, "2", "3")
	}
	return line
}

// linkSet sets flags and states of ports.
func (g *generator) linkSet() string {
	dev := pick(g, g.port(), g.port(), g.port(), g.device())
	if g.joined && dev == "h5" { // with hairpin at both ends of a cable a frame goes to and fro for ever
		dev = g.port()
	}
	line := "bridge link set dev " + dev
	switch n := g.IntN(12); {
	case n < 3:
		return line + " state " + pick(g, "0", "1", "2", "3", "3", "3", "4", "4", "5")
	case n < 4:
		return line + " backup_port " + pick(g, g.port(), g.port(), g.device())
	case n < 5:
		return line + " nobackup_port"
	}
	for {
		line += " " + pick(g, "learning", "flood", "mcast_flood", "bcast_flood", "hairpin", "isolated", "locked") + " " + pick(g, "on", "off")
		if !g.chance(3) {
			return line
		}
	}
}

// ipLink changes interfaces.
func (g *generator) ipLink() string {
	dev := g.port()
	if g.chance(6) {
		dev = g.bridge()
	}
	line := "ip link set dev " + dev + " "
	switch n := g.IntN(40); {
	case n < 1:
		return g.several(line)
	case n < 6:
		return line + "down"
	case n < 14:
		return line + "up"
	case n < 20:
		return line + "address " + pick(g, g.own(), g.station(), g.station(), "03:00:00:00:00:01", "00:00:00:00:00:00")
	case n < 24:
		return g.master()
	case n < 27:
		return g.release()
	case n < 29:
		return line + "promisc " + pick(g, "on", "on", "off")
	case n < 31:
		return g.rename()
	case n < 32:
		return line + "mtu " + pick(g, "1400", "1500")
	case n < 33:
		return g.remove()
	case n < 36 && g.red:
		return g.travel()
	}
	return "ip link set dev " + pick(g, g.hosts...) + " " + pick(g, "down", "up", "up", "up")
}

// movable is a port that may be put elsewhere.
func (g *generator) movable() string {
	for len(g.ports) > 1 || !g.joined {
		if dev := g.port(); !g.joined || dev != "p5" {
			return dev
		}
	}
	return "nosuch"
}

// master puts a port under a bridge; what is a port for good is left where it is.
func (g *generator) master() string {
	dev := g.movable()
	if g.chance(12) {
		return "ip link set dev " + pick(g, g.bridge(), dev, "lo") + " master " + pick(g, g.bridge(), g.port(), "nosuch")
	}
	return "ip link set dev " + dev + " master " + g.bridge()
}

func (g *generator) release() string {
	return "ip link set dev " + g.movable() + " nomaster"
}

// several sets several things in one command.
func (g *generator) several(line string) string {
	all := [...]string{"up", "down", "address " + g.station(), "promisc on", "nomaster", "mtu 1500"}
	if dev := strings.Fields(line)[4]; !g.joined || dev != "p5" {
		all[4] = pick(g, "nomaster", "master "+g.bridge())
	}
	i, j := g.IntN(len(all)), g.IntN(len(all))
	if i+j == 1 || i == j { // up and down
		i, j = 0, 2
	}
	return line + all[i] + " " + all[j]
}

// bridgeOption sets an option of a bridge, or flushes.
func (g *generator) bridgeOption() string {
	line := "ip link set dev " + g.bridge() + " type bridge "
	switch g.IntN(6) {
	case 0:
		return line + "ageing_time " + pick(g, "30000", "60000", "100000")
	case 1:
		return line + "fdb_flush"
	case 2:
		return line + "no_linklocal_learn " + pick(g, "0", "1")
	case 3:
		return line + "group_fwd_mask " + pick(g, "0", "8", "16384", "16392", "65528", "1", "2", "4", "65535")
	}
	line = "ip link set dev " + g.port() + " type bridge_slave "
	if g.chance(2) {
		return line + "fdb_flush"
	}
	return line + pick(g, "learning", "flood", "mcast_flood", "bcast_flood", "hairpin", "isolated", "locked") + " " + pick(g, "on", "off")
}
