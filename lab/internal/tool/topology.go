package tool

import (
	"slices"

	"github.com/switchcore/switchcore/lab/internal/machine"
)

// topology is "lab bridge", "lab switch" and "lab ports".
type topology struct {
	kind   string
	bridge string
	change machine.BridgeChange
	ports  []string
}

func parseLabBridge(a *args) verb { return parseTopology(a, "bridge") }

func parseLabSwitch(a *args) verb { return parseTopology(a, "switch") }

func parseTopology(a *args, kind string) verb {
	v := topology{kind: kind}
	if len(a.words) == 0 {
		a.outside("", "the name of the bridge is missing")
		return v
	}
	v.bridge = a.next()
	a.deviceName(v.bridge)
	i := slices.Index(a.words, "ports")
	if i < 0 {
		a.outside("", `the word "ports" is missing`)
		return v
	}
	v.ports = slices.Clone(a.words[i+1:])
	a.words = a.words[:i]
	scan(a, &v.change, bridgeOptions, func(a *args, _ *machine.BridgeChange, word string) {
		a.outside(word, "no option of a bridge")
	})
	a.portNames(v.ports, kind)
	return v
}

func parseLabPorts(a *args) verb {
	v := topology{kind: "ports", ports: slices.Clone(a.words)}
	if len(v.ports) == 0 {
		a.outside("", "the ports are missing")
	}
	a.portNames(v.ports, v.kind)
	a.words = nil
	return v
}

// portNames wants names of ports, each once: pN, and sN up to 4 for a switch.
func (a *args) portNames(names []string, kind string) {
	for i, name := range names {
		digit := len(name) == 2 && name[1] >= '1' && name[1] <= '9'
		switch {
		case digit && name[0] == 's' && name[1] <= '4' && kind == "switch":
		case !digit || name[0] != 'p':
			a.outside(name, "no port: want p1 to p9, or s1 to s4 of a switch")
		}
		if slices.Contains(names[:i], name) {
			a.outside(name, "the port is named twice")
		}
	}
}

// deviceName wants a name that a device can have.
func (a *args) deviceName(name string) {
	if name == "" || len(name) > 15 || badName(name) || name == "." || name == ".." {
		a.outside(name, "not a name for a device")
	}
}

func (v topology) run(r *run) error {
	switch v.kind {
	case "bridge":
		return r.machine.AddBridge(v.bridge, v.change, v.ports)
	case "switch":
		return r.machine.AddSwitch(v.bridge, v.change, v.ports)
	}
	return r.machine.AddPorts(v.ports...)
}
