package tool

import "github.com/switchcore/switchcore/lab/internal/machine"

// fdbFlush is "bridge fdb flush" (bridge/fdb.c, fdb_flush).
type fdbFlush struct {
	flush machine.Flush

	dev, port given
	vid       int16
}

// fdbFlushWords has no abbreviations, and the tool passes over words that it does not
// know, also over those of later versions.
var fdbFlushWords = []keyword[fdbFlush]{
	{"dev", true, func(a *args, v *fdbFlush) { v.dev.take(a) }},
	{"master", true, func(_ *args, v *fdbFlush) { v.flush.Target |= machine.Master }},
	{"self", true, func(_ *args, v *fdbFlush) { v.flush.Target |= machine.Self }},
	{"permanent", true, ofState(machine.Permanent, 0, machine.Permanent)},
	{"nopermanent", true, ofState(0, machine.Permanent, machine.Permanent)},
	{"static", true, ofState(machine.NoARP, 0, machine.NoARP|machine.Permanent)},
	{"nostatic", true, ofState(0, machine.NoARP, machine.NoARP)},
	{"dynamic", true, ofState(0, machine.NoARP, machine.NoARP|machine.Permanent)},
	{"nodynamic", true, ofState(machine.NoARP, 0, machine.NoARP)},
	{"added_by_user", true, ofFlag(machine.Use, true)},
	{"noadded_by_user", true, ofFlag(machine.Use, false)},
	{"extern_learn", true, ofFlag(machine.ExtLearned, true)},
	{"noextern_learn", true, ofFlag(machine.ExtLearned, false)},
	{"sticky", true, ofFlag(machine.Sticky, true)},
	{"nosticky", true, ofFlag(machine.Sticky, false)},
	{"offloaded", true, ofFlag(machine.Offloaded, true)},
	{"nooffloaded", true, ofFlag(machine.Offloaded, false)},
	{"brport", true, func(a *args, v *fdbFlush) {
		if v.port.ok {
			a.garbage("brport", "brport")
		}
		v.port.take(a)
	}},
	{"vlan", true, func(a *args, v *fdbFlush) { takeVLAN(a, &v.vid) }},
}

// ofState sets and clears bits of the state, one word after the other, and adds to what
// is compared. After "permanent" the tool's "dynamic" leaves that bit set.
func ofState(set, clear, mask machine.NUD) func(*args, *fdbFlush) {
	return func(_ *args, v *fdbFlush) {
		v.flush.State = (v.flush.State | set) &^ clear
		v.flush.StateMask |= mask
	}
}

func ofFlag(f machine.NTF, set bool) func(*args, *fdbFlush) {
	return func(_ *args, v *fdbFlush) {
		v.flush.Flags &^= f
		if set {
			v.flush.Flags |= f
		}
		v.flush.FlagMask |= f
	}
}

func parseFDBFlush(a *args) verb {
	v := fdbFlush{vid: -1}
	scan(a, &v, fdbFlushWords, func(a *args, _ *fdbFlush, word string) {
		if word == "help" {
			a.value() // the tool does so too
		}
	})
	if !v.dev.ok {
		a.fail("Device is a required argument.")
	}
	a.device(v.dev.text, `Cannot find bridge device "%s"`)
	if v.port.ok {
		a.device(v.port.text, `Cannot find bridge port device "%s"`)
	}
	if v.vid >= 4096 {
		a.fail(`Invalid VLAN ID "%d"`, v.vid)
	}
	if v.flush.Target == 0 {
		v.flush.Target = machine.Self
	}
	v.flush.NS, v.flush.Dev, v.flush.BrPort = a.ns, v.dev.text, v.port.text
	if v.vid >= 0 {
		v.flush.VLAN, v.flush.HasVLAN = uint16(v.vid), true
	}
	return v
}

func (v fdbFlush) run(r *run) error { return r.machine.FlushFDB(v.flush) }
