package live

import (
	"fmt"
	"slices"
)

// travel moves ports between namespaces, and does something to those that are away.
func (g *generator) travel() string {
	switch {
	case len(g.away) > 0 && g.chance(3):
		i := g.IntN(len(g.away))
		name := g.away[i]
		g.away = slices.Delete(g.away, i, i+1)
		g.ports = append(g.ports, name)
		return "ip -n red link set dev " + name + " netns 1"
	case len(g.away) > 0 && g.chance(2):
		dev := pick(g, g.away...)
		return pick(g, "ip -n red link set dev "+dev+" up", "ip -n red link set dev "+dev+" down", "bridge -n red fdb add "+g.address()+" dev "+dev+" self",
			"bridge -n red fdb del "+g.address()+" dev "+dev+" self", "bridge -j -n red fdb show", "lab events fdb netns red", "ip -n red link set dev "+dev+" address "+g.station())
	case g.chance(8):
		return "ip link set dev " + g.bridge() + " netns red"
	}
	i := g.IntN(len(g.ports))
	name := g.ports[i]
	if len(g.ports) < 2 || g.joined && name == "p5" {
		return "bridge -j -n red fdb show"
	}
	g.ports = slices.Delete(g.ports, i, i+1)
	g.away = append(g.away, name)
	return "ip link set dev " + name + " netns red"
}

// remove deletes an interface, as long as there are enough. With a port goes its host.
func (g *generator) remove() string {
	list := &g.ports
	if g.chance(4) {
		list = &g.bridges
	}
	i := g.IntN(len(*list))
	name := (*list)[i]
	if len(*list) < 2 || !g.chance(3) {
		return "ip link del dev nosuch"
	}
	*list = slices.Delete(*list, i, i+1)
	g.hosts = slices.DeleteFunc(g.hosts, func(h string) bool { return h == g.cables[name] })
	return "ip link del dev " + name
}

// rename gives an interface another name, mostly a new one. Interfaces that are up
// can be renamed by newer kernels only, so it is down.
func (g *generator) rename() string {
	list := &g.ports
	if g.chance(4) {
		list = &g.bridges
	}
	i := g.IntN(len(*list))
	old := (*list)[i]
	if g.chance(6) || g.joined && old == "p5" {
		return "ip link set dev " + old + " name " + g.port()
	}
	name := fmt.Sprint(old[:1], "x", g.IntN(100))
	if slices.Contains(*list, name) {
		return "ip link set dev " + old + " name " + name
	}
	(*list)[i] = name
	g.cables[name] = g.cables[old]
	delete(g.cables, old)
	g.next = []string{"ip link set dev " + old + " name " + name, "ip link set dev " + name + " up"}
	return "ip link set dev " + old + " down"
}
