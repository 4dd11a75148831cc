package live

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// ProgramVLAN is [Program] for a kernel with VLAN filtering: half of the commands are
// about VLANs, and the others name some.
func ProgramVLAN(seed uint64, n int) []string {
	g := &vlanGenerator{generator{Rand: rand.New(rand.NewPCG(seed, 0x81)), bridges: []string{"br0"}, cables: map[string]string{}}}
	g.mostly = g.focus()
	lines := g.setUp()
	for i, line := range lines {
		if strings.HasPrefix(line, "lab bridge ") {
			lines[i] = g.filtering(line)
		}
	}
	about := 1 + g.IntN(6)
	for range n {
		if g.IntN(8) < about && len(g.next) == 0 {
			lines = append(lines, g.vlanCommand())
			continue
		}
		lines = append(lines, g.tagged(g.command()))
	}
	return lines
}

// vlanGenerator makes commands that are about VLANs too.
type vlanGenerator struct{ generator }

// filtering gives a bridge that is made VLANs, most often.
func (g *vlanGenerator) filtering(line string) string {
	line = strings.Replace(line, "stp_state 1 ", "", 1) // a tree takes time
	head, ports, _ := strings.Cut(line, "ports")
	if !g.chance(6) {
		head += "vlan_filtering 1 "
	}
	if g.chance(4) {
		head += "vlan_default_pvid " + pick(&g.generator, "0", "2", "3", "4094") + " "
	}
	return head + "ports" + ports
}

// vlan is a VLAN, of few that meet.
func (g *vlanGenerator) vlan() string {
	return pick(&g.generator, "1", "1", "1", "2", "2", "2", "3", "3", "4", "4094")
}

// anyVLAN is also a number that no VLAN has.
func (g *vlanGenerator) anyVLAN() string {
	if g.chance(20) {
		return pick(&g.generator, "0", "7", "4095", "4096", "4095", "5000", "-1", "65536", "0x2")
	}
	return g.vlan()
}

// vlanCommand is one that is about VLANs.
func (g *vlanGenerator) vlanCommand() string {
	switch n := g.IntN(100); {
	case n < 50:
		return g.vlanEdit()
	case n < 56:
		return "ip link set dev " + g.bridge() + " type bridge vlan_filtering " + pick(&g.generator, "0", "1", "1")
	case n < 62:
		return "ip link set dev " + g.bridge() + " type bridge vlan_default_pvid " + pick(&g.generator, "0", "1", "2", "3", "4", "4094", "4095", "4096", "65536")
	case n < 66:
		return g.vlanLook()
	case n < 86:
		return g.tagged(g.send())
	}
	return g.tagged(g.change())
}

// vlanEdit puts a port or a bridge in VLANs, or takes it out.
func (g *vlanGenerator) vlanEdit() string {
	dev := g.device()
	if g.chance(4) {
		dev = g.bridge()
	}
	verb, vid := pick(&g.generator, "add", "add", "add", "del", "del"), g.anyVLAN()
	if g.chance(6) {
		vid = pick(&g.generator, "1-2", "1-4", "2-3", "2-4", "2-9", "3-10", "4090-4094", "4090-4095", "4094-4095", "0-2", "3-2", "2-2", "5-4096")
	}
	words := []string{"vid " + vid, "dev " + dev}
	if strings.HasPrefix(dev, "b") && !g.chance(8) || g.chance(20) {
		words = append(words, "self")
	}
	if g.chance(20) {
		words = append(words, "master")
	}
	if verb == "add" || g.chance(8) {
		if g.chance(3) {
			words = append(words, "pvid")
		}
		if g.chance(2) {
			words = append(words, "untagged")
		}
	}
	g.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	return "bridge vlan " + verb + " " + strings.Join(words, " ")
}

// vlanLook shows VLANs.
func (g *vlanGenerator) vlanLook() string {
	line := pick(&g.generator, "bridge -j vlan show", "bridge -j vlan show", "bridge vlan show", "bridge vlan")
	if strings.HasSuffix(line, "show") {
		line += pick(&g.generator, "", " dev "+g.device(), " vid "+g.vlan(), " dev "+g.port()+" vid "+g.vlan())
	}
	return line
}

// tagged gives a command that is not about VLANs one, if it takes any.
func (g *vlanGenerator) tagged(line string) string {
	rarity := 2
	switch {
	case strings.Contains(line, " vlan "):
		return line
	case strings.HasPrefix(line, "lab send "):
		if head, count, ok := strings.Cut(line, " count "); ok && g.chance(2) {
			return fmt.Sprintf("%s vlan %s count %s", head, g.frameVLAN(), count)
		}
		if g.chance(2) {
			line += " vlan " + g.frameVLAN()
		}
		return line
	case strings.HasPrefix(line, "bridge fdb flush "), strings.HasPrefix(line, "bridge -j fdb "):
		rarity = 3
	case !strings.HasPrefix(line, "bridge fdb "):
		return line
	}
	if g.chance(rarity) {
		line += " vlan " + g.anyVLAN()
	}
	return line
}

// frameVLAN is what the tag of a frame has.
func (g *vlanGenerator) frameVLAN() string {
	if g.chance(8) {
		return pick(&g.generator, "0", "0", "0", "7", "4095")
	}
	return g.vlan()
}
