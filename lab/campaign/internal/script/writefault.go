package script

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// faulty has the switch misbehave for a while, and then lets it be, so that everything is
// mended. It returns the next line of that, or "" where there is none now.
func (g *writer) faulty() string {
	switch {
	case !g.faults || len(g.w.silicon) == 0:
		return ""
	case len(g.ending) > 0:
		line := g.ending[0]
		g.ending = g.ending[1:]
		return line
	case g.bad == 0 && (g.left < 12 || !g.chance(9)):
		return ""
	case g.bad == 0:
		g.bad = 5 + g.IntN(25)
		return g.fault()
	case g.struck != "" && g.chance(2):
		struck := g.struck
		g.struck = ""
		return g.provoke(struck)
	}
	if g.bad--; g.bad == 0 || g.left < 8 {
		g.bad = 0
		g.ending = []string{"lab wait 150s", pick(g, "lab reconcile sw1", "lab fault sw1 reset now"), "lab wait 5s"}
		if g.chance(2) { // both, since not everything is found by one
			g.ending = slices.Insert(g.ending, 2, "lab wait 5s", "lab fault sw1 reset now")
		} else if g.left > 10 {
			g.ending = slices.Insert(g.ending, 0, "lab fault sw1 show")
		}
		return "lab fault sw1 off"
	}
	if g.chance(6) {
		return g.fault()
	}
	return ""
}

// provoke is a line that a fault strikes.
func (g *writer) provoke(struck string) string {
	port := g.of(slices.Sorted(maps.Keys(g.w.silicon)), "s1")
	switch role, verb, _ := strings.Cut(struck, "."); role {
	case "fdb":
		for _, r := range g.s.rows {
			if verb == "delete" && r.State == "static" && r.Master != "" && !g.chance(3) {
				return fmt.Sprintf("bridge fdb del %s dev %s master vlan %d", r.MAC, r.Dev, r.VLAN)
			}
		}
		line := "bridge fdb " + pick(g, "add", "add", "replace") + " " + g.station() + " dev " + port + " master " + pick(g, "static", "static", "extern_learn")
		return line + pick(g, "", " vlan 1")
	case "vlan":
		if in := slices.Sorted(maps.Keys(g.s.in[port])); len(in) > 0 && verb != "set" && g.chance(2) {
			return fmt.Sprintf("bridge vlan del vid %d dev %s", pick(g, in...), port)
		}
		return "bridge vlan add vid " + g.vid() + " dev " + port + pick(g, "", " pvid", " untagged", " pvid untagged")
	case "port":
		return pick(g, "bridge link set dev "+port+" learning "+pick(g, "on", "off"), "bridge link set dev "+port+" state "+pick(g, "3", "3", "4", "0"),
			"ip link set dev "+port+" "+pick(g, "up", "up", "down"), "ip link set dev "+port+" "+pick(g, "nomaster", "master br0", "master br0"))
	case "flush":
		return g.flush()
	}
	return g.send()
}

// fault is a line that lets something go wrong, and notes what it strikes.
func (g *writer) fault() string {
	line := g.anyFault()
	g.struck = ""
	if words := strings.Fields(line); len(words) > 4 && words[3] != "off" && words[4] != "now" {
		g.struck = words[4]
	}
	return line
}

func (g *writer) anyFault() string {
	line := "lab fault sw1 "
	dur := func() string { return pick(g, "delay 100ms", "delay 1s", "delay 3s", "delay 7s", "delay 12s") }
	rows := pick(g, "fdb", "fdb", "fdb.set", "fdb.delete")
	reports := pick(g, "report", "report.learned", "report.aged", "report.reset", "report.flushed")
	switch g.IntN(22) {
	case 0, 1, 2:
		line += "refuse " + rows + g.times() + pick(g, "", "", " err no-space", " err permission", " err unknown", " err timeout", ` text "not today"`)
	case 3, 4:
		line += "refuse " + pick(g, "vlan.set", "vlan.delete", "vlan", "port.join", "port.set", "port", "port.leave", "flush", "dump") + g.times()
	case 5:
		line += "refuse bridge count 1"
	case 6:
		line += fmt.Sprint("full rows ", g.IntN(6))
	case 7, 8:
		line += "slow " + rows + g.times() + " " + dur()
	case 9, 10:
		line += "hang " + rows + g.times() + pick(g, "", "", " done", " deaf", " done deaf")
	case 11:
		line += "reset " + pick(g, "fdb", "fdb.set", "vlan", "port", "flush") + g.times() + pick(g, "", " done")
	case 12, 13:
		line += "reset now"
	case 14:
		line += "partial " + pick(g, "fdb", "fdb.set", "fdb.set", "fdb.delete", "vlan", "port", "flush") + g.times() + pick(g, "", " done", " done", " done", " answered 1")
	case 15:
		line += "lost " + reports + g.times()
	case 16:
		line += "late " + reports + g.times() + " " + dur()
	case 17:
		line += pick(g, "duplicate "+reports+" copies 2 "+dur(), "reorder "+reports+" behind 2 "+dur())
	case 18:
		line += "ignore " + pick(g, "fdb", "fdb.set", "fdb.delete", "vlan") + g.times()
	case 19:
		line += pick(g, "misplace", "vanish", "drift", "vanish delay 2s", "drift delay 1s") + " count 1"
	case 20:
		if len(g.s.hw) > 0 {
			return g.tamper(pick(g, g.s.hw...))
		}
		line += "reset now"
	default:
		line += "off"
	}
	return line
}

// tamper loses or moves a row that there is.
func (g *writer) tamper(row string) string {
	var mac, port string
	var vlan int
	if n, _ := fmt.Sscanf(row, "hw vlan %d mac %s port %s", &vlan, &mac, &port); n != 3 {
		return "lab fault sw1 show"
	}
	where := "now mac " + mac
	if vlan > 0 {
		where += fmt.Sprint(" vlan ", vlan)
	}
	return pick(g, "lab fault sw1 vanish "+where, "lab fault sw1 drift "+where+" to "+g.port())
}

// times says which operations are struck, and how many.
func (g *writer) times() string {
	words := pick(g, "", "", " count 1", " count 1", " count 3", " nth 2", " nth 2 count 1")
	if len(g.s.rows) > 0 && g.chance(5) {
		words += " mac " + g.station()
	}
	return words
}
