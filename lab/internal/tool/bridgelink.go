package tool

import (
	"fmt"
	"strconv"

	"github.com/switchcore/switchcore/lab/internal/machine"
	"github.com/switchcore/switchcore/switchdev"
)

// bridgeLinkSet is "bridge link set" (bridge/link.c, brlink_modify).
type bridgeLinkSet struct {
	dev    given
	ns     string
	change machine.PortChange
}

var bridgeLinkWords = []keyword[bridgeLinkSet]{
	{"dev", true, func(a *args, v *bridgeLinkSet) { v.dev.take(a) }},
	{"learning", true, portFlag("learning", switchdev.PortLearns)},
	{"flood", true, portFlag("flood", switchdev.PortFlood)},
	{"mcast_flood", true, portFlag("mcast_flood", switchdev.PortMulticastFlood)},
	{"bcast_flood", true, portFlag("bcast_flood", switchdev.PortBroadcastFlood)},
	{"hairpin", true, portFlag("hairpin", switchdev.PortHairpin)},
	{"isolated", true, portFlag("isolated", switchdev.PortIsolated)},
	{"locked", true, portFlag("locked", switchdev.PortLocked)},
	{"mab", true, portFlag("mab", switchdev.PortMAB)},
	{"neigh_suppress", true, portFlag("neigh_suppress", switchdev.PortNeighSuppress)},
	{"guard", true, notModelled[bridgeLinkSet]("guard")},
	{"fastleave", true, notModelled[bridgeLinkSet]("fastleave")},
	{"root_block", true, notModelled[bridgeLinkSet]("root_block")},
	{"learning_sync", true, notModelled[bridgeLinkSet]("learning_sync")},
	{"mcast_router", true, notModelled[bridgeLinkSet]("mcast_router")},
	{"mcast_to_unicast", true, notModelled[bridgeLinkSet]("mcast_to_unicast")},
	{"vlan_tunnel", true, notModelled[bridgeLinkSet]("vlan_tunnel")},
	{"hwmode", true, notModelled[bridgeLinkSet]("hwmode")},
	{"state", true, func(a *args, v *bridgeLinkSet) { v.change.State = a.portState(a.value()) }},
	{"cost", true, func(a *args, v *bridgeLinkSet) {
		v.change.Cost = nil
		if n := uint32(atoi(a.value())); n > 0 {
			v.change.Cost = &n
		}
	}},
	{"priority", true, func(a *args, v *bridgeLinkSet) {
		v.change.Priority = nil
		if n := vid(a.value()); n >= 0 {
			v.change.Priority = new(uint16(n))
		}
	}},
	{"backup_port", true, func(a *args, v *bridgeLinkSet) {
		v.change.BackupPort = new(a.value())
		a.device(*v.change.BackupPort, "Error: device %s does not exist")
	}},
	{"nobackup_port", true, func(_ *args, v *bridgeLinkSet) { v.change.BackupPort = new("") }},
	{"self", true, func(_ *args, v *bridgeLinkSet) { v.change.Self = true }},
	{"master", true, func(_ *args, v *bridgeLinkSet) { v.change.Master = true }},
}

func portFlag(name string, f switchdev.PortFlags) func(*args, *bridgeLinkSet) {
	return func(a *args, v *bridgeLinkSet) { v.change.Flags, v.change.Mask = a.flag(name, f, v.change) }
}

// flag reads "on" or "off" (lib/utils.c, parse_on_off), which may be shortened: the
// first word that fits is meant, which for "o" is "off".
func (a *args) flag(name string, f switchdev.PortFlags, c machine.PortChange) (flags, mask switchdev.PortFlags) {
	word := a.value()
	off := matches(word, "off")
	if !off && !matches(word, "on") {
		a.fail(`Error: argument of "%s" must be one of "off", "on", not "%s"`, name, word)
	}
	if off {
		return c.Flags &^ f, c.Mask | f
	}
	return c.Flags | f, c.Mask | f
}

// notModelled is for a word of the tool that the lab has nothing for.
func notModelled[T any](word string) func(*args, *T) {
	return func(a *args, _ *T) { a.outside(word, "not in the lab") }
}

// portState reads the number or the name of a state. The tool keeps it in a byte with a
// sign, and a negative one is none.
func (a *args) portState(word string) *uint8 {
	n, rest, ok := strtoul(word, 10)
	state := int8(n)
	if !ok || rest != "" {
		state = -1
		for i, name := range portStates {
			if word == name {
				state = int8(i)
			}
		}
		if state < 0 {
			a.fail("Error: invalid STP port state")
		}
	}
	if state < 0 {
		return nil
	}
	return new(uint8(state))
}

// portStates are the names of the states, by the kernel's numbers.
var portStates = [...]string{"disabled", "listening", "learning", "forwarding", "blocking"}

func parseBridgeLinkSet(a *args) verb {
	v := bridgeLinkSet{ns: a.ns}
	scan(a, &v, bridgeLinkWords, func(a *args, _ *bridgeLinkSet, word string) { a.usage(word) })
	if !v.dev.ok {
		a.fail("Device is a required argument.")
	}
	a.device(v.dev.text, `Cannot find bridge device "%s"`)
	return v
}

func (v bridgeLinkSet) run(r *run) error { return r.machine.SetBridgePort(v.ns, v.dev.text, v.change) }

// bridgeLinkShow is "bridge link show" (bridge/link.c, brlink_show).
type bridgeLinkShow struct{ dev given }

var bridgeLinkShowWords = []keyword[bridgeLinkShow]{
	{"dev", true, func(a *args, v *bridgeLinkShow) {
		had := v.dev.ok
		v.dev.take(a)
		if had {
			a.second("dev", v.dev.text)
		}
	}},
	{"master", true, notModelled[bridgeLinkShow]("master")},
}

func parseBridgeLinkShow(a *args) verb {
	var v bridgeLinkShow
	scan(a, &v, bridgeLinkShowWords, skip)
	if a.detail {
		a.outside("-d", "details of ports are not in the lab")
	}
	if v.dev.ok {
		a.device(v.dev.text, `Cannot find device "%s"`)
	}
	return v
}

func (v bridgeLinkShow) run(r *run) error {
	for _, p := range r.machine.BridgePorts(r.ns) {
		link, ok := r.machine.Link(r.ns, p.Name)
		if ok && (!v.dev.ok || v.dev.text == p.Name) {
			peer, there := r.machine.Link(r.ns, link.Peer)
			r.print(portLine(p, link, there && !peer.Up, r.json))
		}
	}
	return nil
}

// portLine is a port as the tool prints it, without the index in JSON, as transcripts
// have it. Of a veth it tells whether the other end is down.
func portLine(p machine.Port, link machine.Link, peerDown, json bool) string {
	state := "(" + strconv.Itoa(kernelState(p.State)) + ")"
	if n := kernelState(p.State); n < len(portStates) {
		state = portStates[n]
	}
	flags := linkFlags(link)
	if peerDown {
		flags = append(flags, "M-DOWN")
	}
	if !json {
		name := link.Name
		if link.Peer != "" {
			name += "@" + link.Peer
		}
		return fmt.Sprintf("%d: %s: <%s> mtu %d master %s state %s priority %d cost %d",
			link.Index, name, join(flags), link.MTU, p.Bridge, state, p.Priority, p.Cost)
	}
	peer := ""
	if link.Peer != "" {
		peer = `"link":` + quote(link.Peer) + ","
	}
	return fmt.Sprintf(`{%s"ifname":%s,"flags":%s,"mtu":%d,"master":%s,"state":%s,"priority":%d,"cost":%d}`,
		peer, quote(link.Name), list(flags), link.MTU, quote(p.Bridge), quote(state), p.Priority, p.Cost)
}

// kernelState is the number of a state (include/uapi/linux/if_bridge.h, BR_STATE_*).
func kernelState(s switchdev.PortState) int {
	switch s {
	case switchdev.PortDisabled:
		return 0
	case switchdev.PortListening:
		return 1
	case switchdev.PortLearning:
		return 2
	case switchdev.PortForwarding:
		return 3
	}
	return 4
}

// linkFlags are the words for the flags of an Ethernet device (bridge/link.c,
// print_link_flags).
func linkFlags(l machine.Link) (words []string) {
	add := func(word string, on bool) {
		if on {
			words = append(words, word)
		}
	}
	add("NO-CARRIER", l.Up && !l.Carrier)
	add("BROADCAST", true)
	add("MULTICAST", true)
	add("PROMISC", l.Promisc)
	add("UP", l.Up)
	add("LOWER_UP", l.Up && l.Carrier)
	return words
}
