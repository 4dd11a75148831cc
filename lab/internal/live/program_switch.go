package live

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// SwitchProgram is [Program] with a switch: one or two bridges over its ports and over
// software ports, then n other commands. No entry ages while it runs, and the cables of the
// switch stay plugged in: interfaces at their other ends have no say over the carrier.
func SwitchProgram(seed uint64, n int) []string {
	g := &switchGenerator{generator: generator{Rand: rand.New(rand.NewPCG(seed, 0x0fd9a)), bridges: []string{"br0"}}, down: map[string]bool{"s4": true}}
	lines := g.setUp()
	for range n {
		lines = append(lines, g.command())
	}
	return lines
}

// switchGenerator makes commands for bridges over a switch.
type switchGenerator struct {
	generator
	away   []string // bridges that were deleted
	down   map[string]bool
	aware  bool // VLANs are used
	parted bool // ports change sides, and bridges come and go
}

// setUp makes the bridges.
func (g *switchGenerator) setUp() []string {
	g.aware, g.parted = g.chance(3), g.chance(2)
	g.hosts = numbered("h", 1, 4)
	g.ports = numbered("s", 1, 2+g.IntN(3))
	if g.chance(2) {
		g.ports, g.hosts = append(g.ports, "p5"), append(g.hosts, "h5")
		if g.chance(2) {
			g.ports, g.hosts = append(g.ports, "p6"), append(g.hosts, "h6")
		}
	}
	delete(g.down, "s4")
	lines := []string{"lab switch br0 " + g.options() + "ports " + strings.Join(g.ports, " ")}
	if g.parted && g.chance(2) {
		g.bridges = append(g.bridges, "br1")
		more := "p7"
		if !slices.Contains(g.ports, "s4") {
			more += " s4"
			g.ports = append(g.ports, "s4")
		}
		lines = append(lines, "lab switch br1 "+g.options()+"ports "+more)
		g.ports, g.hosts = append(g.ports, "p7"), append(g.hosts, "h7")
	} else if !slices.Contains(g.ports, "s4") {
		g.ports, g.down["s4"] = append(g.ports, "s4"), true // below no bridge yet
	}
	return append(lines, "lab events fdb")
}

// options are those that a bridge is made with.
func (g *switchGenerator) options() string {
	words := ""
	if g.aware && g.chance(2) {
		words += "vlan_filtering 1 "
	}
	if g.chance(8) {
		words += "ageing_time " + pick(&g.generator, "60000", "100000") + " "
	}
	return words
}

// command returns one command.
func (g *switchGenerator) command() string {
	type kind struct {
		weight int
		make   func() string
	}
	kinds := []kind{{36, g.frame}, {26, g.entry}, {6, g.many}, {6, g.show}, {9, g.portState}, {6, g.flags}, {5, g.upDown}, {3, g.mac}, {1, g.ageing}}
	if g.parted {
		kinds = append(kinds, kind{9, g.sides}, kind{2, g.lifeOfBridge})
	}
	if g.aware {
		kinds = append(kinds, kind{14, g.vlan})
	}
	sum := 0
	for _, k := range kinds {
		sum += k.weight
	}
	n := g.IntN(sum)
	for _, k := range kinds {
		if n -= k.weight; n < 0 {
			return k.make()
		}
	}
	return "bridge -j fdb show"
}

// mac4 is a station of few.
func (g *switchGenerator) mac4() string {
	switch g.IntN(8) {
	case 0:
		return fmt.Sprintf("02:00:00:00:00:0%d", 1+g.IntN(4))
	case 1:
		return "02:00:00:00:00:fe"
	}
	return fmt.Sprintf("02:aa:00:00:00:0%d", 1+g.IntN(4))
}

// vid is a VLAN of few.
func (g *switchGenerator) vid() string { return pick(&g.generator, "1", "10", "10", "20") }

// frame sends.
func (g *switchGenerator) frame() string {
	from, src := pick(&g.generator, g.hosts...), g.mac4()
	for range 8 { // the device keeps what comes in by a port that is down until later
		if g.down["s"+from[1:]] {
			from = pick(&g.generator, g.hosts...)
		}
	}
	if g.down["s"+from[1:]] {
		return "lab hw sw1"
	}
	if g.chance(12) {
		from, src = g.bridge(), "02:00:00:00:00:fe"
	}
	dst := g.mac4()
	switch g.IntN(8) {
	case 0, 1:
		dst = "ff:ff:ff:ff:ff:ff"
	case 2:
		dst = pick(&g.generator, "01:80:c2:00:00:00", "01:80:c2:00:00:0e", "01:00:5e:00:00:05", "33:33:00:00:00:05")
	}
	line := "lab send " + from + " " + src + " " + dst
	if g.aware && g.chance(2) {
		line += " vlan " + g.vid()
	}
	return line
}

// entry adds or deletes one.
func (g *switchGenerator) entry() string {
	verb := pick(&g.generator, "add", "add", "add", "replace", "replace", "append", "del", "del", "del")
	dev := g.port()
	words := []string{"master"}
	switch g.IntN(12) {
	case 0:
		words = []string{"self"}
	case 1:
		words = []string{"master", "self"}
	case 2:
		dev, words = g.bridge(), []string{"self"}
	}
	if g.IntN(8) > 0 {
		words = append(words, pick(&g.generator, "static", "static", "static", "dynamic", "local", "permanent"))
	}
	for word, rarity := range [...]int{8, 5, 10} {
		if g.chance(rarity) {
			words = append(words, [...]string{"sticky", "extern_learn", "use"}[word])
		}
	}
	if g.chance(3) {
		words = append(words, "vlan "+g.vid())
	}
	return "bridge fdb " + verb + " " + g.mac4() + " dev " + dev + " " + strings.Join(words, " ")
}

// many deletes many.
func (g *switchGenerator) many() string {
	switch g.IntN(4) {
	case 0:
		return "ip link set dev " + g.port() + " type bridge_slave fdb_flush"
	case 1:
		return "ip link set dev " + g.bridge() + " type bridge fdb_flush"
	}
	line := "bridge fdb flush dev " + g.bridge()
	if g.chance(2) {
		line += " brport " + g.port()
	}
	for _, f := range [...]string{"static", "dynamic", "added_by_user", "extern_learn", "sticky", "offloaded"} {
		if g.chance(5) {
			line += " " + pick(&g.generator, "", "no") + f
		}
	}
	if g.chance(5) {
		line += " vlan " + g.vid()
	}
	return line + " nopermanent"
}

// show looks.
func (g *switchGenerator) show() string {
	return pick(&g.generator, "bridge -j fdb show br "+g.bridge()+" dynamic", "bridge -j fdb show dev "+g.port(), "bridge -j fdb get "+g.mac4()+" br "+g.bridge(),
		"bridge -j fdb show brport "+g.port()+" state static", "bridge -j vlan show", "lab hw sw1", "lab events fdb")
}

// portState sets the state of a port.
func (g *switchGenerator) portState() string {
	return "bridge link set dev " + g.port() + " state " + pick(&g.generator, "0", "1", "2", "3", "3", "3", "4")
}

// flags sets flags of a port, most of which the driver refuses.
func (g *switchGenerator) flags() string {
	word := pick(&g.generator, "learning", "learning", "learning", "flood", "mcast_flood", "bcast_flood", "hairpin", "isolated", "locked")
	return "bridge link set dev " + g.port() + " " + word + " " + pick(&g.generator, "on", "off")
}

// upDown takes an interface up or down.
func (g *switchGenerator) upDown() string {
	dev := g.port()
	if g.chance(8) {
		dev = g.bridge()
	}
	to := pick(&g.generator, "down", "up", "up")
	g.down[dev] = to == "down"
	return "ip link set dev " + dev + " " + to
}

// mac gives an interface an address.
func (g *switchGenerator) mac() string {
	dev := g.port()
	if g.chance(4) {
		dev = g.bridge()
	}
	return "ip link set dev " + dev + " address " + g.mac4()
}

func (g *switchGenerator) ageing() string {
	return "ip link set dev " + g.bridge() + " type bridge ageing_time " + pick(&g.generator, "30000", "60000", "100000")
}

// sides has a port leave or join.
func (g *switchGenerator) sides() string {
	if g.chance(2) {
		return "ip link set dev " + g.port() + " nomaster"
	}
	return "ip link set dev " + g.port() + " master " + g.bridge()
}

// lifeOfBridge ends or begins one.
func (g *switchGenerator) lifeOfBridge() string {
	if len(g.away) > 0 {
		name := g.away[0]
		g.away = nil
		g.bridges = append(g.bridges, name)
		return "lab switch " + name + " " + g.options() + "ports"
	}
	if len(g.bridges) < 2 {
		return "ip link del dev nosuch"
	}
	i := g.IntN(len(g.bridges))
	g.away = g.bridges[i : i+1 : i+1]
	g.away = slices.Clone(g.away)
	g.bridges = slices.Delete(g.bridges, i, i+1)
	return "ip link del dev " + g.away[0]
}

// vlan changes VLANs.
func (g *switchGenerator) vlan() string {
	if g.chance(8) {
		return "ip link set dev " + g.bridge() + " type bridge vlan_filtering " + pick(&g.generator, "0", "1")
	}
	dev, words := g.port(), ""
	if g.chance(5) {
		dev, words = g.bridge(), " self"
	}
	if g.chance(3) {
		return "bridge vlan del vid " + g.vid() + " dev " + dev + words
	}
	if g.chance(3) {
		words += " pvid"
	}
	if g.chance(3) {
		words += " untagged"
	}
	return "bridge vlan add vid " + g.vid() + " dev " + dev + words
}
