package yard

import (
	"errors"
	"fmt"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/lab/campaign/internal/sim"
	"github.com/switchcore/switchcore/switchdev"
)

func (y *Yard) entryOps() []sim.Op {
	return []sim.Op{
		{Name: "edit", Weight: 10, Draw: draw(5), Do: y.edit},
		{Name: "flush", Weight: 3, Draw: draw(3), Do: y.flush},
		{Name: "limit", Weight: 1, Draw: draw(1), Do: func(a []int64) {
			if y.set.max == 0 {
				return
			}
			if err := y.table.SetLearningMax(y.set.max + index(sim.Arg(a, 0), 9)); err != nil {
				y.w.Fail(invInput, "SetLearningMax: %v", err)
			}
		}},
	}
}

// requests are the kinds of entries that a user asks for.
var requests = [...]fdb.Flags{
	0, 0, fdb.Static, fdb.Static, fdb.Static | fdb.Sticky, fdb.Sticky, fdb.Permanent, fdb.Extern, fdb.Extern, fdb.Static | fdb.NoRefresh,
}

var verbs = [...]fdb.Verb{fdb.VerbAdd, fdb.VerbReplace, fdb.VerbReplace, fdb.VerbUpdate, fdb.VerbUse, fdb.VerbDelete, fdb.VerbDelete, fdb.VerbRemove}

// edit is "bridge fdb": verb, station, VLAN, port, kind.
func (y *Yard) edit(a []int64) {
	y.fresh()
	op := fdb.Op{Verb: verbs[index(sim.Arg(a, 0), len(verbs))]}
	e := &op.Entry
	e.MAC = y.station(index(sim.Arg(a, 1), y.set.stations))
	if index(sim.Arg(a, 1), 31) == 0 {
		e.MAC = y.macs[index(sim.Arg(a, 1)/31, len(y.macs))]
	}
	if n := index(sim.Arg(a, 2), vlanCount+3); n <= vlanCount {
		e.VLAN = switchdev.VLAN(n)
	}
	all := y.numbers()
	e.Port = all[index(sim.Arg(a, 3), len(all))]
	if n := len(y.now.ports); n > 0 && index(sim.Arg(a, 3), 8) > 0 {
		e.Port = y.now.ports[index(sim.Arg(a, 3)/8, n)].ID
	}
	if hit, ok := y.table.Lookup(e.Key); ok && index(sim.Arg(a, 4), 3) > 0 {
		e.Port = hit.Port
	}
	e.Flags = requests[index(sim.Arg(a, 4)/3, len(requests))]
	refuse, nothing := y.refusesEdit(&op)
	y.meddle(e.MAC)
	t := &task{what: fmt.Sprintf("%v %v on %v, %v", op.Verb, e.Key, e.Port, e.Flags), ticket: y.b.SubmitEdit(op), refuse: refuse, aside: true}
	t.ended = func(err error) {
		y.meddle(e.MAC)
		switch {
		case refuse == nil && e.Port != switchdev.PortHost && err != nil && (errors.Is(err, switchdev.ErrPermission) || errors.Is(err, switchdev.ErrInvalid)) && y.calm:
			y.w.Fail(invVerb, "%s: %v", t.what, err)
		case nothing && err != nil:
			y.w.Fail(invVerb, "%s: %v, and nothing was to be done", t.what, err)
		}
	}
	y.submit(t)
}

// meddle notes that a user has done something to an address.
func (y *Yard) meddle(mac switchdev.MAC) {
	y.forget(func(k fdb.Key, _ switchdev.PortID) bool { return k.MAC == mac })
	for _, m := range y.macs {
		if m == mac {
			y.taint[m] = true
		}
	}
}

// refusesEdit is what the bridge itself has to say of an edit.
func (y *Yard) refusesEdit(op *fdb.Op) (refuse error, nothing bool) {
	e := &op.Entry
	removes := op.Verb == fdb.VerbDelete || op.Verb == fdb.VerbRemove
	if e.Port == switchdev.PortHost {
		return nil, false
	}
	p := y.now.port(e.Port)
	if p == nil {
		return switchdev.ErrUnsupported, false
	}
	if _, in := p.vlans[e.VLAN]; e.VLAN != switchdev.NoVLAN && !removes && !in {
		return switchdev.ErrInvalid, false
	}
	if !removes && !(p.runs() && p.State.Learns()) && e.Flags&(fdb.Static|fdb.Local|fdb.Extern) == 0 {
		if op.Verb == fdb.VerbUse {
			return nil, true
		}
		return switchdev.ErrPermission, false
	}
	return nil, false
}

func (y *Yard) flush(a []int64) {
	y.fresh()
	all := y.numbers()
	q := all[index(sim.Arg(a, 1), len(all))]
	if n := len(y.now.ports); n > 0 {
		q = y.now.ports[index(sim.Arg(a, 1), n)].ID
	}
	v := switchdev.VLAN(1 + index(sim.Arg(a, 2), vlanCount))
	filters := [...]fdb.Filter{
		fdb.OnPort(q), fdb.OnPort(q), fdb.Dynamic(), {Mask: fdb.Static | fdb.Local, VLAN: v},
		{Mask: fdb.Extern | fdb.Local, Flags: fdb.Extern}, {Mask: fdb.Static | fdb.Local, Flags: fdb.Static},
		{Mask: fdb.User, Flags: fdb.User}, {Mask: fdb.InHardware | fdb.Local, Flags: fdb.InHardware},
	}
	f := filters[index(sim.Arg(a, 0), len(filters))]
	y.forgetAll()
	t := &task{what: fmt.Sprintf("flush %+v", f), ticket: y.table.SubmitFlush(f), aside: true}
	t.ended = func(error) { y.forgetAll() }
	y.submit(t)
}
