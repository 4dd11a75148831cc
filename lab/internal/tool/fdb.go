package tool

import (
	"github.com/switchcore/switchcore/lab/internal/machine"
	"github.com/switchcore/switchcore/switchdev"
)

// fdbEdit is "bridge fdb add", append, replace and del (bridge/fdb.c, fdb_modify).
type fdbEdit struct {
	delete bool
	how    machine.Create
	entry  machine.Neigh

	dev, address given
	vid          int16
}

func parseFDBAdd(a *args) verb {
	return parseFDBEdit(a, fdbEdit{how: machine.MakeNew | machine.Exclusive})
}

func parseFDBAppend(a *args) verb {
	return parseFDBEdit(a, fdbEdit{how: machine.MakeNew | machine.Append})
}

func parseFDBReplace(a *args) verb {
	return parseFDBEdit(a, fdbEdit{how: machine.MakeNew | machine.Replace})
}

func parseFDBDelete(a *args) verb { return parseFDBEdit(a, fdbEdit{delete: true}) }

// fdbEditWords are in the order of the tool, for abbreviations.
var fdbEditWords = []keyword[fdbEdit]{
	{"dev", true, func(a *args, v *fdbEdit) { v.dev.take(a) }},
	{"dst", true, tunnel("dst")},
	{"nhid", true, tunnel("nhid")},
	{"port", true, tunnel("port")},
	{"vni", true, tunnel("vni")},
	{"src_vni", true, tunnel("src_vni")},
	{"via", true, tunnel("via")},
	{"self", true, flagged(machine.Self)},
	{"master", false, flagged(machine.Master)},
	{"router", false, flagged(machine.Router)},
	{"local", false, stated(machine.Permanent, 0)},
	{"permanent", false, stated(machine.Permanent, 0)},
	{"temp", false, stated(machine.Reachable, 0)},
	{"static", false, stated(machine.Reachable, 0)},
	{"dynamic", false, stated(machine.Reachable, machine.NoARP)},
	{"vlan", false, func(a *args, v *fdbEdit) { takeVLAN(a, &v.vid) }},
	{"use", false, flagged(machine.Use)},
	{"extern_learn", false, flagged(machine.ExtLearned)},
	{"sticky", false, flagged(machine.Sticky)},
}

func flagged(f machine.NTF) func(*args, *fdbEdit) {
	return func(_ *args, v *fdbEdit) { v.entry.Flags |= f }
}

// stated sets and clears bits of the state, one word after the other.
func stated(set, clear machine.NUD) func(*args, *fdbEdit) {
	return func(_ *args, v *fdbEdit) { v.entry.State = (v.entry.State | set) &^ clear }
}

func tunnel(word string) func(*args, *fdbEdit) {
	return func(a *args, _ *fdbEdit) { a.outside(word, "entries of tunnels are not in the lab") }
}

// takeVLAN takes the number after "vlan", which may come once.
func takeVLAN(a *args, v *int16) {
	if *v >= 0 {
		a.garbage("vlan", "vlan")
	}
	*v = vid(a.value())
}

// takeAddress takes a word that is none of the others, and so the address.
func takeAddress(a *args, word string, address *given) {
	if word == "to" {
		word = a.value()
	}
	switch {
	case a.err != nil:
	case matches(word, "help"):
		a.usage(word)
	case address.ok:
		a.garbage("to", word)
	}
	*address = given{word, true}
}

func parseFDBEdit(a *args, v fdbEdit) verb {
	v.entry.NS, v.entry.State, v.vid = a.ns, machine.NoARP, -1
	scan(a, &v, fdbEditWords, func(a *args, v *fdbEdit, word string) {
		takeAddress(a, word, &v.address)
	})
	if !v.dev.ok || !v.address.ok {
		a.fail("Device and address are required arguments.")
	}
	if v.entry.Flags&(machine.Self|machine.Master) == 0 {
		v.entry.Flags |= machine.Self
	}
	if v.entry.State&(machine.Permanent|machine.Reachable) == 0 {
		v.entry.State |= machine.Permanent
	}
	v.entry.MAC = a.mac(v.address.text)
	if v.vid >= 0 {
		v.entry.VLAN, v.entry.HasVLAN = uint16(v.vid), true
	}
	v.entry.Dev = v.dev.text
	a.device(v.entry.Dev, `Cannot find device "%s"`)
	return v
}

// mac reads the address of an entry.
func (a *args) mac(s string) switchdev.MAC {
	mac, ok := macOf(s)
	if !ok {
		a.fail("Invalid mac address %s", s)
	}
	return mac
}

func (v fdbEdit) run(r *run) error {
	if v.delete {
		return r.machine.DeleteFDB(v.entry)
	}
	return r.machine.AddFDB(v.entry, v.how)
}
