package script

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// writer makes lines up. It looks at what there is, so that its lines meet.
type writer struct {
	*rand.Rand
	w       *wiring
	s       *state
	hw      bool // there are ports of a switch
	left    int  // lines to come
	setUp   []string
	mostly  weights
	renames int

	faults bool     // the switch misbehaves now and then
	bad    int      // lines to come while it does
	struck string   // what the last fault strikes
	ending []string // lines that end it
}

// weights are how often each kind of line is made, of the sum.
type weights struct{ change, flush, look, send, portOption, ipLink, bridgeOption, vlan, wait, wrong int }

func newWriter(seed uint64, n int) *writer {
	g := &writer{Rand: rand.New(rand.NewPCG(seed, 0x5c21)), left: n}
	g.mostly = pick(g,
		weights{28, 6, 8, 26, 8, 16, 5, 10, 8, 3}, // everything
		weights{10, 2, 4, 50, 24, 4, 2, 14, 4, 2}, // who gets frames
		weights{20, 4, 4, 14, 3, 46, 3, 8, 4, 2},  // ports that come and go
		weights{55, 16, 10, 12, 2, 2, 4, 8, 6, 2}, // entries
		weights{12, 3, 3, 34, 4, 8, 10, 4, 30, 1}, // time
		weights{20, 4, 4, 26, 6, 8, 12, 32, 4, 2}) // VLANs
	g.begin()
	return g
}

// pick returns one of the words.
func pick[T any](g *writer, of ...T) T { return of[g.IntN(len(of))] }

// chance is true once in n times.
func (g *writer) chance(n int) bool { return g.IntN(n) == 0 }

// begin makes the bridges.
func (g *writer) begin() {
	option := ""
	if g.chance(2) {
		option += "vlan_filtering 1 "
	}
	if g.chance(4) {
		option += pick(g, "ageing_time 500 ", "ageing_time 2000 ", "no_linklocal_learn 1 ", "group_fwd_mask 16392 ", "stp_state 1 forward_delay 200 ", "vlan_default_pvid 5 ", "vlan_default_pvid 0 ", "fdb_max_learned 3 ", "fdb_local_vlan_0 1 ", "ageing_time 0 ")
	}
	kind, ports := "bridge", []string{"p1", "p2", "p3", "p4"}[:2+g.IntN(3)]
	if g.hw = g.IntN(5) < 3; g.hw {
		kind, ports = "switch", []string{"s1", "s2", "s3", "s4"}[:2+g.IntN(3)]
		if g.chance(2) {
			ports = append(slices.Clone(ports), pick(g, []string{"p5"}, []string{"p5", "p6"})...)
		}
		g.faults = g.IntN(4) > 0
	}
	g.setUp = append(g.setUp, "lab "+kind+" br0 "+option+"ports "+strings.Join(ports, " "))
	switch g.IntN(5) {
	case 0:
		g.setUp = append(g.setUp, "lab bridge br1 ports p7 p8")
	case 1:
		g.setUp = append(g.setUp, "lab ports p9")
	case 2:
		g.setUp = append(g.setUp, "ip netns add red")
	}
}

// next returns a line; false after the last.
func (g *writer) next(w *wiring, s *state) (string, bool) {
	g.w, g.s = w, s
	if len(g.setUp) > 0 {
		line := g.setUp[0]
		g.setUp = g.setUp[1:]
		return line, true
	}
	if g.left--; g.left < 0 && len(g.ending) == 0 {
		return "", false
	}
	if line := g.faulty(); line != "" {
		return line, true
	}
	return strings.TrimSpace(g.line()), true
}

func (g *writer) line() string {
	m := g.mostly
	kinds := [...]struct {
		weight int
		make   func() string
	}{{m.change, g.change}, {m.flush, g.flush}, {m.look, g.look}, {m.send, g.send}, {m.portOption, g.portOption}, {m.ipLink, g.ipLink},
		{m.bridgeOption, g.bridgeOption}, {m.vlan, g.vlan}, {m.wait, g.wait}, {m.wrong, g.wrong}}
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
	return ""
}

// of returns one of the names, or the word where there is none.
func (g *writer) of(names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	return pick(g, names...)
}

func (g *writer) ports() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(g.w.hosts)), func(p string) bool { return g.w.away[p] })
}

func (g *writer) port() string {
	if members := slices.Sorted(maps.Keys(g.s.ports)); len(members) > 0 && !g.chance(8) {
		return pick(g, members...)
	}
	return g.of(g.ports(), "p1")
}

func (g *writer) bridge() string { return g.of(slices.Sorted(maps.Keys(g.w.bridges)), "br0") }

func (g *writer) host() string {
	if p := g.port(); !g.w.away[p] && g.w.hosts[p] != "" {
		return g.w.hosts[p]
	}
	return "h1"
}

// device is mostly a port.
func (g *writer) device() string {
	switch n := g.IntN(40); {
	case n < 32:
		return g.port()
	case n < 37:
		return g.bridge()
	case n < 38:
		return g.host()
	}
	return pick(g, "lo", "nosuch")
}

// station is a unicast address: one of few, or one that is there.
func (g *writer) station() string {
	switch n := g.IntN(20); {
	case n < 10:
		return fmt.Sprintf("02:aa:00:00:00:0%d", 1+g.IntN(4))
	case n < 12:
		return fmt.Sprintf("02:00:00:00:00:0%d", 1+g.IntN(5))
	case n < 13:
		return "02:00:00:00:00:fe"
	case n < 15:
		return fmt.Sprintf("02:00:00:00:01:0%d", 1+g.IntN(4))
	case n < 19 && len(g.s.rows) > 0:
		return pick(g, g.s.rows...).MAC
	}
	return "06:dd:00:00:00:01"
}

// address is any.
func (g *writer) address() string {
	if !g.chance(20) {
		return g.station()
	}
	return pick(g, nobody, broadcast, "03:00:00:00:00:01", "01:80:c2:00:00:0e", "zz:00:00:00:00:01", "33:33:00:00:00:05")
}

func (g *writer) vid() string {
	if g.chance(12) {
		return pick(g, "0", "4094", "4095", "4096", "7")
	}
	return pick(g, "1", "5", "5", "10")
}

// change adds or deletes an entry, with all words that there are.
func (g *writer) change() string {
	dev, mac := g.device(), g.address()
	verb := pick(g, "add", "add", "add", "replace", "replace", "append", "del", "del")
	var words []string
	own := g.chance(16)                   // of a device's own table
	if len(g.s.rows) > 0 && g.chance(3) { // what is there
		r := pick(g, g.s.rows...)
		mac, own = r.MAC, r.Master == ""
		if own || !g.chance(3) {
			dev = r.Dev
		}
		if r.VLAN > 0 {
			words = append(words, fmt.Sprint("vlan ", r.VLAN))
		}
	}
	isBridge := g.w.bridges[dev] != nil
	if own {
		words = append(words, "self", pick(g, "permanent", "permanent", "static"))
		return "bridge fdb " + pick(g, verb, "del") + " " + mac + " dev " + dev + " " + strings.Join(words, " ")
	}
	if !isBridge && !g.chance(16) || g.chance(10) {
		words = append(words, "master")
	}
	if isBridge && !g.chance(6) || g.chance(14) {
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
	if g.chance(3) && !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "vlan") }) {
		words = append(words, "vlan "+g.vid())
	}
	g.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	return "bridge fdb " + verb + " " + mac + " dev " + dev + " " + strings.Join(words, " ")
}

// flush deletes many.
func (g *writer) flush() string {
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
	if g.chance(5) {
		words = append(words, "vlan "+g.vid())
	}
	return "bridge fdb flush dev " + dev + " " + strings.Join(words, " ")
}

// look shows something.
func (g *writer) look() string {
	switch g.IntN(8) {
	case 0, 1, 2:
		line := "bridge -j fdb get " + g.address() + " " + pick(g, "br "+g.bridge(), "br "+g.bridge(), "dev "+g.device()+" master", "dev "+g.device(), "dev "+g.bridge()+" self")
		return line + pick(g, "", "", " vlan "+g.vid())
	case 3:
		return "bridge -j vlan show" + pick(g, "", " dev "+g.device())
	case 4:
		return pick(g, "lab hw sw1", "bridge -j link show", "bridge -j -n red fdb show", "bridge link show", "bridge fdb show", "bridge vlan show")
	}
	var words []string
	if !g.chance(3) {
		words = append(words, "br "+g.bridge())
	}
	switch g.IntN(5) {
	case 0:
		words = append(words, "dev "+g.device())
	case 1:
		words = append(words, "brport "+g.device())
	}
	return "bridge -j fdb show " + strings.Join(append(words, pick(g, "", "dynamic", "dynamic", "state static", "state permanent", "vlan "+g.vid())), " ")
}

// send sends frames of every kind.
func (g *writer) send() string {
	from, src := g.host(), g.station()
	switch {
	case g.chance(8):
		from = g.bridge()
		src = pick(g, "02:00:00:00:00:fe", "02:00:00:00:00:fe", src)
	case g.chance(24):
		src = pick(g, nobody, "03:00:00:00:00:01", broadcast)
	}
	var dst string
	switch n := g.IntN(24); {
	case n < 16:
		dst = g.station()
	case n < 19:
		dst = broadcast
	case n < 21:
		dst = pick(g, "01:00:5e:00:00:05", "33:33:00:00:00:05", "03:00:00:00:00:01")
	case n < 23:
		dst = "01:80:c2:00:00:" + pick(g, "00", "01", "02", "03", "0e", "0f", "10")
	default:
		dst = nobody
	}
	line := "lab send " + from + " " + src + " " + dst
	if g.chance(4) {
		line += " vlan " + pick(g, "0", "5", "5", "1", "10", "7")
	}
	if g.chance(10) {
		line += " count " + pick(g, "2", "3")
	}
	return line
}

// portOption sets flags and states of ports.
func (g *writer) portOption() string {
	line := "bridge link set dev " + pick(g, g.port(), g.port(), g.port(), g.device())
	switch n := g.IntN(14); {
	case n < 3:
		return line + " state " + pick(g, "0", "1", "2", "3", "3", "3", "4", "4", "5")
	case n < 4:
		return line + " backup_port " + pick(g, g.port(), g.port(), g.device())
	case n < 5:
		return line + " nobackup_port"
	case n < 6:
		return line + pick(g, " mab on", " mab off", " neigh_suppress on", " cost 7", " priority 9", " priority 77", " cost 77777", " locked on mab on learning on", " self", " mab on")
	}
	if g.chance(6) {
		line = "ip link set dev " + g.port() + " type bridge_slave"
		if g.chance(3) {
			return line + " fdb_flush"
		}
	}
	for {
		line += " " + pick(g, "learning", "flood", "mcast_flood", "bcast_flood", "hairpin", "isolated", "isolated", "locked") + " " + pick(g, "on", "off")
		if !g.chance(3) {
			return line
		}
	}
}

// ipLink changes interfaces.
func (g *writer) ipLink() string {
	dev := g.of(g.ports(), "p1")
	if g.chance(6) {
		dev = g.bridge()
	}
	line := "ip link set dev " + dev + " "
	switch n := g.IntN(44); {
	case n < 6:
		return line + "down"
	case n < 14:
		return line + "up"
	case n < 19:
		return line + "address " + pick(g, g.station(), g.station(), g.station(), "03:00:00:00:00:01", nobody)
	case n < 26:
		return "ip link set dev " + pick(g, g.of(g.ports(), "p1"), g.device()) + " master " + pick(g, g.bridge(), g.bridge(), g.bridge(), g.device())
	case n < 28:
		return "ip link set dev " + g.port() + " nomaster"
	case n < 30:
		return "ip link set dev " + g.bridge() + " promisc " + pick(g, "on", "on", "off")
	case n < 32:
		g.renames++
		return line + "name " + pick(g, g.port(), fmt.Sprint(dev[:1], "x", g.renames), fmt.Sprint(dev[:1], "x", g.renames))
	case n < 33:
		return line + "mtu " + pick(g, "1400", "1500", "67", "70000")
	case n < 35:
		return g.remove()
	case n < 37:
		return g.travel()
	}
	return "ip link set dev " + g.host() + " " + pick(g, "down", "up", "up", "up")
}

// remove deletes an interface or makes one again.
func (g *writer) remove() string {
	if g.chance(2) {
		free := slices.DeleteFunc([]string{"p1", "p2", "p3", "p5", "p6"}, func(p string) bool { return g.hw && p < "p5" })
		name := pick(g, free...)
		return pick(g, "lab ports "+name, "lab bridge "+pick(g, "br0", "br1", "br2")+" "+pick(g, "", "", "vlan_filtering 1 ", "vlan_default_pvid 4095 ")+"ports "+name,
			"lab switch br"+pick(g, "0", "1")+" ports s1 s3")
	}
	switch g.IntN(6) {
	case 0, 1:
		return "ip link del dev " + pick(g, g.port(), "p9")
	case 2:
		return "ip link del dev " + g.bridge()
	}
	return "ip link del dev " + pick(g, "nosuch", "lo", "s1")
}

// travel moves ports between namespaces, and does something to those that are away.
func (g *writer) travel() string {
	away := slices.Sorted(maps.Keys(g.w.away))
	if !g.w.red {
		return "ip netns add red"
	}
	if len(away) == 0 || g.chance(3) {
		return "ip link set dev " + pick(g, g.port(), g.port(), g.bridge()) + " netns " + pick(g, "red", "red", "blue")
	}
	dev := pick(g, away...)
	return pick(g, "ip -n red link set dev "+dev+" netns 1", "ip -n red link set dev "+dev+" netns 1", "ip -n red link set dev "+dev+" up",
		"bridge -n red fdb add "+g.station()+" dev "+dev+" self", "bridge -j -n red fdb show", "ip netns add red", "ip netns del blue", "ip netns del red")
}

// bridgeOption sets an option of a bridge, or flushes.
func (g *writer) bridgeOption() string {
	return "ip link set dev " + g.bridge() + " type bridge " + pick(g,
		"ageing_time 500", "ageing_time 3000", "ageing_time 30000", "ageing_time 0", "fdb_flush", "fdb_flush", "no_linklocal_learn "+pick(g, "0", "1"),
		"group_fwd_mask "+pick(g, "0", "8", "16392", "65528", "1"), "vlan_filtering "+pick(g, "0", "1"), "vlan_filtering "+pick(g, "0", "1"),
		"vlan_default_pvid "+pick(g, "0", "1", "5", "10", "4095"), "stp_state "+pick(g, "0", "1"), "forward_delay "+pick(g, "200", "400", "1"),
		"priority "+pick(g, "0", "4096"), "fdb_max_learned "+pick(g, "0", "2", "5"), "fdb_local_vlan_0 "+pick(g, "0", "1"), "vlan_protocol "+pick(g, "802.1Q", "802.1Q", "802.1ad"))
}

func (g *writer) vlan() string {
	words := pick(g, "", "", " pvid", " untagged", " pvid untagged")
	dev := g.port()
	if g.chance(5) {
		dev = g.bridge()
		words += pick(g, " self", " self", "")
	}
	vid := pick(g, g.vid(), g.vid(), g.vid(), g.vid(), "5-10", "9-12")
	if g.chance(3) {
		if g.w.bridges[dev] == nil {
			words = ""
		}
		return "bridge vlan del vid " + vid + " dev " + dev + words
	}
	return "bridge vlan add vid " + vid + " dev " + dev + words
}
