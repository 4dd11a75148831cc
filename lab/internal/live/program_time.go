package live

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// TimedProgram returns a random sequence of commands in which time passes: one that
// makes a bridge or two, then n others, of which every third or so is "lab wait" and
// five at the least are. Entries of all kinds age, ageing times change, and spanning
// trees of short delays run. The same seed makes the same sequence.
//
// It does not know when what it makes is due: whoever executes it has to see to it
// that no command comes at such a time.
func TimedProgram(seed uint64, n int) []string {
	g := &timed{generator: &generator{Rand: rand.New(rand.NewPCG(seed, 0x71e)), bridges: []string{"br0"}, cables: map[string]string{}}}
	g.about = pick(g.generator, timedKinds()...)
	lines := g.setUp()
	waits, since := 0, 0
	for i := range n {
		if left := n - i; left <= 2*(5-waits) || g.chance(3) || since == 4 {
			lines = append(lines, g.wait())
			waits, since = waits+1, 0
			continue
		}
		lines = append(lines, g.command())
		since++
	}
	return lines
}

// timed makes commands of a TimedProgram.
type timed struct {
	*generator
	about timedKind
}

// timedKind is what a TimedProgram is about, and how often it has each kind of command.
type timedKind struct {
	tree, two                               bool // a spanning tree runs; there are two bridges
	send, entry, flush, ageing, links, tune int
}

func timedKinds() []timedKind {
	return []timedKind{
		{send: 8, entry: 8, flush: 1, ageing: 4, links: 3, tune: 1},                        // ageing
		{send: 6, entry: 12, flush: 1, ageing: 2, links: 1, tune: 0},                       // kinds of entries
		{send: 8, entry: 4, flush: 1, ageing: 2, links: 6, tune: 3, tree: true},            // a tree alone
		{send: 6, entry: 3, flush: 1, ageing: 1, links: 6, tune: 6, tree: true},            // a tree that is changed
		{send: 8, entry: 4, flush: 0, ageing: 1, links: 4, tune: 4, tree: true, two: true}, // two trees
		{send: 6, entry: 4, flush: 1, ageing: 4, links: 4, tune: 4, two: true},             // trees that come and go
	}
}

func (g *timed) wait() string { return fmt.Sprintf("lab wait %ds", 1+g.IntN(5)) }

// setUp makes the bridges.
func (g *timed) setUp() []string {
	n := 2 + g.IntN(2)
	g.ports, g.hosts = numbered("p", 1, n), numbered("h", 1, n)
	lines := []string{"lab bridge br0 " + g.options(g.about.tree) + "ports " + strings.Join(g.ports, " ")}
	if g.about.two {
		// One cable between the bridges, whose ends stay where they are. No two bridges
		// have one address when they hear of each other.
		lines = append(lines, "lab ports p5", "lab bridge br1 "+g.options(g.about.tree && !g.chance(6))+"ports",
			"ip link set dev br1 address "+pick(g.generator, "02:00:00:00:00:fd", "02:00:00:00:01:00"), "lab wait 1s", "lab ports p6",
			"ip link set dev p6 master br1", "ip link set dev h5 master br1", "ip link set dev p5 master br0")
		g.ports, g.hosts, g.bridges = append(g.ports, "p5", "p6"), append(g.hosts, "h6"), append(g.bridges, "br1")
		g.joined = true
	}
	return append(lines, "lab wait 1s", "lab events fdb")
}

// options are those that a bridge begins with.
func (g *timed) options(tree bool) string {
	var all []string
	if tree {
		all = append(all, "forward_delay "+g.forwardDelay(), "stp_state 1")
		// Timers of more than 16 s are up to 2 s late in the kernel (kernel/time/timer.c),
		// and by default a topology change has one.
		all = append(all, "max_age "+g.maxAge())
		if g.chance(2) || g.about.two {
			all = append(all, "hello_time "+g.hello())
		}
	} else if g.chance(6) {
		all = append(all, "forward_delay "+g.forwardDelay())
	}
	if !g.chance(6) {
		all = append(all, "ageing_time "+g.ageingTime())
	}
	g.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return strings.Join(append(all, ""), " ")
}

// forwardDelay is longer than it takes until the next BPDU has renewed its source.
func (g *timed) forwardDelay() string {
	if g.about.two {
		return strconv.Itoa(250 + 50*g.IntN(4))
	}
	return strconv.Itoa(200 + 50*g.IntN(5))
}

func (g *timed) maxAge() string { return strconv.Itoa(600 + 50*g.IntN(9)) }

// hello is when BPDUs are sent, which the kernel does in whole seconds of its own.
func (g *timed) hello() string {
	if g.about.two {
		return "100"
	}
	return strconv.Itoa(100 + 50*g.IntN(5))
}

// ageingTime is short, zero, or so long that nothing ages.
func (g *timed) ageingTime() string {
	switch {
	case g.chance(12):
		return "0"
	case g.chance(10):
		return "30000"
	}
	if g.about.two {
		return strconv.Itoa(300 + 50*g.IntN(15))
	}
	return strconv.Itoa(100 + 50*g.IntN(19))
}

func (g *timed) command() string {
	k := g.about
	n := g.IntN(k.send + k.entry + k.flush + k.ageing + k.links + k.tune)
	for _, kind := range [...]struct {
		weight int
		make   func() string
	}{{k.send, g.traffic}, {k.entry, g.entry}, {k.flush, g.clear}, {k.ageing, g.age}, {k.links, g.link}} {
		if n < kind.weight {
			return kind.make()
		}
		n -= kind.weight
	}
	return g.tune()
}

// traffic sends a frame, mostly between stations.
func (g *timed) traffic() string {
	from := pick(g.generator, g.hosts...)
	if g.chance(10) {
		from = g.bridge()
	}
	dst := g.station()
	if g.chance(3) {
		dst = pick(g.generator, "ff:ff:ff:ff:ff:ff", "01:80:c2:00:00:00", "01:80:c2:00:00:0e")
	}
	return "lab send " + from + " " + g.station() + " " + dst
}

// entry adds, changes, deletes or shows an entry of some kind.
func (g *timed) entry() string {
	switch g.IntN(8) {
	case 0:
		return "bridge fdb del " + g.station() + " dev " + g.port() + " master"
	case 1:
		return pick(g.generator, "bridge -j fdb show", "bridge -j fdb show br br0 dynamic", "bridge -j fdb get "+g.station()+" br "+g.bridge(), "bridge -j link show")
	}
	words := pick(g.generator, "dynamic", "dynamic", "dynamic", "static", "local", "use", "dynamic sticky", "static sticky", "extern_learn", "dynamic extern_learn", "use dynamic")
	return "bridge fdb " + pick(g.generator, "add", "replace", "replace", "append") + " " + g.station() + " dev " + g.port() + " master " + words
}

// clear deletes many entries.
func (g *timed) clear() string {
	return pick(g.generator, "ip link set dev "+g.bridge()+" type bridge fdb_flush", "ip link set dev "+g.port()+" type bridge_slave fdb_flush",
		"bridge fdb flush dev "+g.bridge()+" nopermanent", "bridge fdb flush dev "+g.bridge()+" dynamic")
}

// age changes an ageing time.
func (g *timed) age() string {
	return "ip link set dev " + g.bridge() + " type bridge ageing_time " + g.ageingTime()
}

// link takes something down or up, or out of a bridge and into one, or sets flags.
func (g *timed) link() string {
	line := "ip link set dev "
	switch n := g.IntN(20); {
	case n < 6:
		return line + g.port() + " " + pick(g.generator, "down", "up", "up")
	case n < 11:
		return line + pick(g.generator, g.hosts...) + " " + pick(g.generator, "down", "up", "up")
	case n < 14:
		return line + g.bridge() + " " + pick(g.generator, "down", "up", "up")
	case n < 15:
		return line + g.movable() + " nomaster"
	case n < 17:
		return line + g.movable() + " master " + g.bridge()
	case n < 18:
		return "bridge link set dev " + g.port() + " learning " + pick(g.generator, "on", "off")
	case n < 19:
		return "bridge link set dev " + g.port() + " state " + pick(g.generator, "0", "1", "2", "3", "3", "4")
	}
	return line + "br0 address " + pick(g.generator, "02:00:00:00:00:fe", "02:00:00:00:00:fc", "02:00:00:00:02:00")
}

// tune changes what a spanning tree goes by.
func (g *timed) tune() string {
	line := "ip link set dev " + g.bridge() + " type bridge "
	switch g.IntN(8) {
	case 0, 1:
		return line + "forward_delay " + g.forwardDelay()
	case 2:
		return line + "max_age " + g.maxAge()
	case 3:
		return line + "hello_time " + g.hello()
	case 4:
		return line + "priority " + pick(g.generator, "4096", "32768", "61440", "0")
	case 5:
		return line + "stp_state " + pick(g.generator, "0", "1", "1")
	case 6:
		return line + "ageing_time " + g.ageingTime() + " forward_delay " + g.forwardDelay()
	}
	return "bridge link set dev " + g.port() + " " + pick(g.generator, "cost 10", "cost 200", "priority 10", "priority 63")
}

// movable is a port that may be put elsewhere.
func (g *timed) movable() string {
	movable := slices.DeleteFunc(slices.Clone(g.ports), func(p string) bool { return g.joined && p == "p5" })
	return pick(g.generator, movable...)
}
