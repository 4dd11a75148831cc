package script

import (
	"slices"
	"strings"
)

func (g *writer) wait() string {
	return "lab wait " + pick(g, "1s", "3s", "30ms", "10s", "40s", "310s", "0s")
}

// wrong is no line of the language, or not quite.
func (g *writer) wrong() string {
	line := pick(g, g.change, g.send, g.vlan, g.ipLink, g.look)()
	words := strings.Fields(line)
	i := g.IntN(len(words))
	switch g.IntN(5) {
	case 0:
		words = slices.Delete(words, i, i+1)
	case 1:
		words[i] = pick(g, "nonsense", "-1", "99999999999999999999", `"`, "$(x)", "été", "br0", "-j", "")
	case 2:
		words = append(words, pick(g, "more", "dev", "p1", "vlan", "vlan x"))
	case 3:
		words[0] = pick(g, "ip", "bridge", "lab", "rm", "devlink", "bridge -n blue", "lab peer")
	default:
		return pick(g, "lab send nosuch 02:aa:00:00:00:01 ff:ff:ff:ff:ff:ff", "lab hw sw2", "lab wait soon", "bridge -n blue fdb show", "lab send h1 x y", "lab events devlink", "lab events fdb netns blue",
			"bridge fdb add 02:aa:00:00:00:01 dev p1 dst 10.0.0.1", "lab wait -3s", "lab ports s1", "lab ports", "lab bridge", "lab switch br7 vlan_default_pvid 4095 ports s1 s2", "ip link set dev p1 type vlan")
	}
	return strings.Join(words, " ")
}
