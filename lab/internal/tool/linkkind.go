package tool

import (
	"math"
	"strings"

	"github.com/switchcore/switchcore/lab/internal/machine"
	"github.com/switchcore/switchcore/switchdev"
)

// linkKind reads what follows "type".
func (a *args) linkKind(v *linkSet) {
	if a.err != nil || !v.kind.ok {
		return
	}
	a.words = v.rest
	switch {
	case v.kind.text == "bridge":
		v.bridge = &machine.BridgeChange{}
		scan(a, v.bridge, bridgeOptions, func(a *args, _ *machine.BridgeChange, word string) { a.usage(word) })
		if len(v.rest) == 0 {
			v.bridge = nil
		}
	case v.kind.text == "bridge_slave":
		v.port = &machine.PortChange{Link: true}
		scan(a, v.port, slaveOptions, func(a *args, _ *machine.PortChange, word string) { a.usage(word) })
		if len(v.rest) == 0 {
			v.port = nil
		}
	default:
		a.outside(v.kind.text, "no kind of device that the lab can change")
	}
}

// bridgeOptions are in the order of the tool (ip/iplink_bridge.c, bridge_parse_opt). The
// last two are of later versions.
var bridgeOptions = []keyword[machine.BridgeChange]{
	{"forward_delay", false, func(a *args, c *machine.BridgeChange) { c.ForwardDelay = long(a, "invalid forward_delay") }},
	{"hello_time", false, func(a *args, c *machine.BridgeChange) { c.HelloTime = long(a, "invalid hello_time") }},
	{"max_age", false, func(a *args, c *machine.BridgeChange) { c.MaxAge = long(a, "invalid max_age") }},
	{"ageing_time", false, func(a *args, c *machine.BridgeChange) { c.AgeingTime = long(a, "invalid ageing_time") }},
	{"stp_state", false, func(a *args, c *machine.BridgeChange) { c.STPState = long(a, "invalid stp_state") }},
	{"priority", false, func(a *args, c *machine.BridgeChange) { c.Priority = short(a, "invalid priority") }},
	{"vlan_filtering", false, func(a *args, c *machine.BridgeChange) { c.VLANFiltering = truth(a, "invalid vlan_filtering") }},
	{"vlan_protocol", false, func(a *args, c *machine.BridgeChange) { c.VLANProtocol = protocol(a) }},
	{"group_fwd_mask", false, func(a *args, c *machine.BridgeChange) { c.GroupForward = short(a, "invalid group_fwd_mask") }},
	{"group_address", false, notModelled[machine.BridgeChange]("group_address")},
	{"fdb_flush", false, func(_ *args, c *machine.BridgeChange) { c.FDBFlush = true }},
	{"vlan_default_pvid", false, func(a *args, c *machine.BridgeChange) { c.DefaultPVID = short(a, "invalid vlan_default_pvid") }},
	{"vlan_stats_enabled", false, notModelled[machine.BridgeChange]("vlan_stats_enabled")},
	{"vlan_stats_per_port", false, notModelled[machine.BridgeChange]("vlan_stats_per_port")},
	{"mcast_router", false, notModelled[machine.BridgeChange]("mcast_router")},
	{"mcast_snooping", false, func(a *args, c *machine.BridgeChange) { c.MulticastSnooping = truth(a, "invalid mcast_snooping") }},
	{"no_linklocal_learn", true, func(a *args, c *machine.BridgeChange) {
		c.NoLinkLocalLearn = nonzero(long(a, "invalid no_linklocal_learn"))
	}},
	{"fdb_max_learned", true, func(a *args, c *machine.BridgeChange) { c.FDBMaxLearned = long(a, "invalid fdb_max_learned") }},
	{"fdb_local_vlan_0", true, func(a *args, c *machine.BridgeChange) {
		c.FDBLocalVLAN0 = nonzero(long(a, "invalid fdb_local_vlan_0"))
	}},
}

// long, short and truth read the number after an option: of 32 bits, of 16, of 8.
func long(a *args, text string) *uint32 { return new(uint32(a.limited(text, math.MaxUint32))) }

func short(a *args, text string) *uint16 { return new(uint16(a.limited(text, math.MaxUint16))) }

func truth(a *args, text string) *bool { return new(a.limited(text, math.MaxUint8) != 0) }

func nonzero(n *uint32) *bool { return new(*n != 0) }

func (a *args) limited(text string, most uint64) uint64 {
	word := a.value()
	n, ok := number(word, most)
	if !ok {
		a.invalid(text, word)
	}
	return n
}

// protocol reads a name or number of an Ethernet protocol (lib/ll_proto.c,
// ll_proto_a2n).
func protocol(a *args) *uint16 {
	word := a.value()
	n, ok := number(word, math.MaxUint16)
	switch {
	case strings.EqualFold(word, "802.1Q"):
		n = 0x8100
	case strings.EqualFold(word, "802.1ad"):
		n = 0x88a8
	case !ok:
		a.invalid("invalid vlan_protocol", word)
	}
	return new(uint16(n))
}

// slaveOptions are in the order of the tool (ip/iplink_bridge_slave.c,
// bridge_slave_parse_opt).
var slaveOptions = []keyword[machine.PortChange]{
	{"fdb_flush", false, func(_ *args, c *machine.PortChange) { c.FDBFlush = true }},
	{"state", false, func(a *args, c *machine.PortChange) {
		c.State = new(uint8(a.limited("state is invalid", math.MaxUint8)))
	}},
	{"priority", false, func(a *args, c *machine.PortChange) { c.Priority = short(a, "priority is invalid") }},
	{"cost", false, func(a *args, c *machine.PortChange) { c.Cost = long(a, "cost is invalid") }},
	{"hairpin", false, slaveFlag("hairpin", switchdev.PortHairpin)},
	{"guard", false, notModelled[machine.PortChange]("guard")},
	{"root_block", false, notModelled[machine.PortChange]("root_block")},
	{"fastleave", false, notModelled[machine.PortChange]("fastleave")},
	{"learning", false, slaveFlag("learning", switchdev.PortLearns)},
	{"flood", false, slaveFlag("flood", switchdev.PortFlood)},
	{"mcast_flood", false, slaveFlag("mcast_flood", switchdev.PortMulticastFlood)},
	{"bcast_flood", false, slaveFlag("bcast_flood", switchdev.PortBroadcastFlood)},
	{"mcast_to_unicast", false, notModelled[machine.PortChange]("mcast_to_unicast")},
	{"proxy_arp", false, notModelled[machine.PortChange]("proxy_arp")},
	{"proxy_arp_wifi", false, notModelled[machine.PortChange]("proxy_arp_wifi")},
	{"mcast_router", false, notModelled[machine.PortChange]("mcast_router")},
	{"mcast_fast_leave", false, notModelled[machine.PortChange]("mcast_fast_leave")},
	{"neigh_suppress", false, slaveFlag("neigh_suppress", switchdev.PortNeighSuppress)},
	{"group_fwd_mask", false, func(a *args, c *machine.PortChange) { c.GroupForward = short(a, "invalid group_fwd_mask") }},
	{"vlan_tunnel", false, notModelled[machine.PortChange]("vlan_tunnel")},
	{"isolated", false, slaveFlag("isolated", switchdev.PortIsolated)},
	{"locked", false, slaveFlag("locked", switchdev.PortLocked)},
	{"mab", false, slaveFlag("mab", switchdev.PortMAB)},
	{"backup_port", false, func(a *args, c *machine.PortChange) {
		c.BackupPort = new(a.value())
		a.device(*c.BackupPort, `Error: argument "%s" is wrong: Device does not exist`)
	}},
	{"nobackup_port", false, func(_ *args, c *machine.PortChange) { c.BackupPort = new("") }},
}

func slaveFlag(name string, f switchdev.PortFlags) func(*args, *machine.PortChange) {
	return func(a *args, c *machine.PortChange) { c.Flags, c.Mask = a.flag(name, f, *c) }
}
