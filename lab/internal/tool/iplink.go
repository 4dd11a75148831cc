package tool

import (
	"math"
	"strings"
	"unicode"

	"github.com/switchcore/switchcore/lab/internal/machine"
	"github.com/switchcore/switchcore/switchdev"
)

// linkSet is "ip link set" and, with remove, "ip link del", which takes the same words
// and forgets all but the device (ip/iplink.c, iplink_modify).
type linkSet struct {
	remove bool
	ns     string
	change machine.LinkChange
	target given // the namespace to move to
	bridge *machine.BridgeChange
	port   *machine.PortChange

	dev     given
	address []byte
	kind    given
	rest    []string // what follows the kind
}

func parseLinkSet(a *args) verb { return parseLink(a, linkSet{}) }

func parseLinkDelete(a *args) verb { return parseLink(a, linkSet{remove: true}) }

// linkWords are in the order of the tool (iplink_parse). Those without a parser here are
// the ones that the lab has nothing for.
var linkWords = []keyword[linkSet]{
	{"up", true, func(_ *args, v *linkSet) { v.change.Up = new(true) }},
	{"down", true, func(_ *args, v *linkSet) { v.change.Up = new(false) }},
	{"name", true, takeName},
	{"index", false, notModelled[linkSet]("index")},
	{"link", false, notModelled[linkSet]("link")},
	{"address", false, takeLinkAddress},
	{"broadcast", false, notModelled[linkSet]("broadcast")},
	{"brd", true, notModelled[linkSet]("brd")},
	{"txqueuelen", false, notModelled[linkSet]("txqueuelen")},
	{"qlen", true, notModelled[linkSet]("qlen")},
	{"txqlen", false, notModelled[linkSet]("txqlen")},
	{"mtu", true, takeMTU},
	{"netns", true, takeNetns},
	{"multicast", true, notModelled[linkSet]("multicast")},
	{"allmulticast", true, notModelled[linkSet]("allmulticast")},
	{"promisc", true, func(a *args, v *linkSet) { v.change.Promisc = a.onOff("promisc") }},
	{"trailers", true, notModelled[linkSet]("trailers")},
	{"arp", true, notModelled[linkSet]("arp")},
	{"carrier", true, notModelled[linkSet]("carrier")},
	{"vf", true, notModelled[linkSet]("vf")},
	{"vrf", true, notModelled[linkSet]("vrf")},
	{"master", false, func(a *args, v *linkSet) {
		v.change.Master = new(a.value())
		a.device(*v.change.Master, `Error: argument "%s" is wrong: Device does not exist`)
	}},
	{"nomaster", false, func(_ *args, v *linkSet) { v.change.Master = new("") }},
	{"dynamic", false, notModelled[linkSet]("dynamic")},
	{"type", false, func(a *args, v *linkSet) { takeType(a, v) }},
	{"alias", false, notModelled[linkSet]("alias")},
	{"group", true, notModelled[linkSet]("group")},
	{"mode", true, notModelled[linkSet]("mode")},
	{"state", true, notModelled[linkSet]("state")},
	{"numtxqueues", false, notModelled[linkSet]("numtxqueues")},
	{"numrxqueues", false, notModelled[linkSet]("numrxqueues")},
	{"addrgenmode", false, notModelled[linkSet]("addrgenmode")},
	{"link-netns", true, notModelled[linkSet]("link-netns")},
	{"link-netnsid", true, notModelled[linkSet]("link-netnsid")},
	{"protodown", true, notModelled[linkSet]("protodown")},
	{"protodown_reason", true, notModelled[linkSet]("protodown_reason")},
	{"gso_max_size", true, notModelled[linkSet]("gso_max_size")},
	{"gso_max_segs", true, notModelled[linkSet]("gso_max_segs")},
	{"gro_max_size", true, notModelled[linkSet]("gro_max_size")},
	{"parentdev", true, notModelled[linkSet]("parentdev")},
	{"xdp", true, notModelled[linkSet]("xdp")},
	{"xdpgeneric", true, notModelled[linkSet]("xdpgeneric")},
	{"xdpdrv", true, notModelled[linkSet]("xdpdrv")},
	{"xdpoffload", true, notModelled[linkSet]("xdpoffload")},
}

func takeName(a *args, v *linkSet) {
	word := a.value()
	if v.change.Name != nil {
		a.second("name", word)
	}
	if word == "" || len(word) > 15 || badName(word) {
		a.invalid(`"name" not a valid ifname`, word)
	}
	v.change.Name = &word
}

// badName reports whether no device can have a name (lib/utils.c, check_ifname).
func badName(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool { return r == '/' || unicode.IsSpace(r) })
}

func takeLinkAddress(a *args, v *linkSet) {
	address, wrong, ok := linkAddress(a.value())
	if !ok {
		a.fail(`"%s" is invalid lladdr.`, wrong)
	}
	v.address = address
}

func takeMTU(a *args, v *linkSet) {
	word := a.value()
	if v.change.MTU != nil {
		a.second("mtu", word)
	}
	n, rest, ok := strtoul(word, 0)
	mtu := int64(n)
	if !ok || rest != "" || mtu < math.MinInt32 || mtu > math.MaxInt32 {
		a.invalid(`Invalid "mtu" value`, word)
	}
	v.change.MTU = new(int(mtu))
}

// takeNetns takes a namespace, or a process whose namespace is meant; that of process 1
// is the initial one.
func takeNetns(a *args, v *linkSet) {
	word := a.value()
	if v.target.ok {
		a.second("netns", word)
	}
	v.target = given{word, true}
	n, rest, ok := strtoul(word, 0)
	switch {
	case !ok || rest != "":
		a.namespace(word, `Error: argument "%s" is wrong: Invalid "netns" value`)
	case n != 1:
		a.outside(word, "processes are not in the lab")
	}
}

// onOff reads "on" or "off", unlike flag in full (ip/iplink.c, on_off).
func (a *args) onOff(name string) *bool {
	word := a.value()
	if word != "on" && word != "off" {
		a.fail(`Error: argument of "%s" must be "on" or "off", not "%s"`, name, word)
	}
	return new(word == "on")
}

// takeType takes the kind, and leaves what follows for it.
func takeType(a *args, v *linkSet) {
	v.kind.take(a)
	v.rest, a.words = a.words, nil
}

func takeDev(a *args, v *linkSet, word string) {
	if word == "dev" {
		word = a.value()
	}
	if v.dev.ok {
		a.garbage("dev", word)
	}
	if word == "" || len(word) > 127 || badName(word) {
		a.invalid(`"dev" not a valid ifname`, word)
	}
	v.dev.text, v.dev.ok = word, true
}

func parseLink(a *args, v linkSet) verb {
	v.ns = a.ns
	scan(a, &v, linkWords, takeDev)
	if !v.dev.ok {
		a.fail(`Not enough information: "dev" argument is required.`)
	}
	a.device(v.dev.text, `Cannot find device "%s"`)
	if mac, ok := switchdev.MACFromSlice(v.address); ok {
		v.change.MAC = &mac
	} else if v.address != nil {
		a.fail("Invalid address length %d - must be 6 bytes", len(v.address))
	}
	if v.change.Name != nil && *v.change.Name == v.dev.text {
		v.change.Name = nil
	}
	a.linkKind(&v)
	return v
}

// run asks the kind before the device, as one message does in the kernel
// (net/core/rtnetlink.c, rtnl_changelink).
func (v linkSet) run(r *run) error {
	if v.remove {
		return r.machine.DeleteLink(v.ns, v.dev.text)
	}
	var err error
	switch {
	case v.bridge != nil:
		err = r.machine.SetBridge(v.ns, v.dev.text, *v.bridge)
	case v.port != nil:
		v.port.Link = true
		err = r.machine.SetBridgePort(v.ns, v.dev.text, *v.port)
	}
	if v.target.ok {
		v.change.NS = new("")
		if r.machine.HasNS(v.target.text) {
			*v.change.NS = v.target.text
		}
	}
	if err != nil || v.change == (machine.LinkChange{}) {
		return err
	}
	return r.machine.SetLink(v.ns, v.dev.text, v.change)
}
