package bridge

import (
	"context"
	"errors"
	"slices"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// Edit does to the table what a user asks of the bridge with "bridge fdb ... master":
// it checks what only the bridge knows, and then carries op out with the table. Its
// field Err is left alone.
//
//   - The port has to be one of the bridge's, or 0 for the bridge itself, else
//     ErrUnsupported, as Linux says of a device that is no bridge port.
//   - With a VLAN, an entry is made only where the port is a member: ErrInvalid. One
//     can be deleted anywhere, but see [QuirkDeleteNeedsVLAN].
//   - Without a VLAN it is done in VLAN 0 and in every VLAN of the port, in ascending
//     order. The first refusal ends an add; what was made before it stays. A delete
//     goes on, and is ErrNotExist only if there was nothing anywhere.
//   - A dynamic entry is made only where the port may learn: ErrPermission, and of
//     fdb.VerbUse nothing at all is done then, successfully. Entries of a control
//     plane are always taken.
//   - An add whose port leaves meanwhile ends with ErrNoDevice, and nothing of it is
//     left.
//
// For the other errors see the verb's own method of [fdb.Table]. Whoever wants no
// checks uses that. Linux: br_fdb_add, br_fdb_delete (net/bridge/br_fdb.c).
func (b *Bridge) Edit(ctx context.Context, op fdb.Op) error { return b.SubmitEdit(op).Wait(ctx) }

// SubmitEdit is Edit without the wait. It never blocks. It waits for no other
// operation on the port, so what is being changed there may count or not.
func (b *Bridge) SubmitEdit(op fdb.Op) *Ticket {
	v := b.view.Load()
	e := op.Entry
	object := e.Key.String()
	m := v.membership(e.Port)
	if m == nil {
		return b.refused(refusal(opEdit, object, "port "+e.Port.String()+" is none of the bridge's", switchdev.ErrUnsupported))
	}
	removes := op.Verb == fdb.VerbDelete || op.Verb == fdb.VerbRemove
	switch {
	case op.Verb > fdb.VerbRemove:
		return b.refused(refusal(opEdit, object, "no such verb", switchdev.ErrInvalid))
	case e.VLAN != switchdev.NoVLAN && !m.member.Contains(e.VLAN) && !(removes && b.mayDelete(v, &e)):
		return b.refused(refusal(opEdit, object, "", switchdev.ErrInvalid))
	case removes, v.mayLearn(e.Port):
	case op.Verb == fdb.VerbUse:
		return b.refused(nil)
	case e.Flags&(fdb.Static|fdb.Local|fdb.Extern) == 0:
		return b.refused(refusal(opEdit, object, "", switchdev.ErrPermission))
	}
	keys := []fdb.Key{e.Key}
	if e.VLAN == switchdev.NoVLAN {
		for vlan := range m.member.All() {
			keys = append(keys, fdb.Key{MAC: e.MAC, VLAN: vlan})
		}
	}
	o := &editing{op: b.newOp(opEdit, e.Port), of: op, keys: keys, removes: removes, at: v.port(e.Port)}
	o.then(o.step)
	return b.start(o.op)
}

// mayDelete reports whether an entry can be deleted where its port is no member. Linux
// before 6.13 asks for the VLAN; the bridge knows those of its ports too (br_fdb_delete).
func (b *Bridge) mayDelete(v *view, e *fdb.Entry) bool {
	in := func(p *port) bool { return p.vlans.member.Contains(e.VLAN) }
	return !b.has(QuirkDeleteNeedsVLAN) || e.Port == switchdev.PortHost && slices.ContainsFunc(v.ports, in)
}

// mayLearn reports whether a user's dynamic entry may be on a port: its state decides
// and its flags do not. The bridge itself takes no such entry, which the table says.
func (v *view) mayLearn(id switchdev.PortID) bool {
	p := v.port(id)
	return id == switchdev.PortHost || p != nil && (p.running() || p.State != switchdev.PortDisabled) && p.State.Learns()
}

// editing is an Edit under way.
type editing struct {
	*op
	of      fdb.Op
	keys    []fdb.Key // that are still to be done
	removes bool
	found   bool
	at      *port // as it was; nil for the bridge itself
}

// homeless reports whether the port has left, and so withdrawn what is on it.
func (o *editing) homeless() bool {
	if o.at == nil || o.removes {
		return false
	}
	p := o.b.view.Load().port(o.at.ID)
	return p == nil || p.joined != o.at.joined
}

// desert ends an Edit whose port has left.
func (o *editing) desert() {
	o.fail(errors.Join(o.err, refusal(opEdit, o.of.Entry.Key.String(), "the port has left", switchdev.ErrNoDevice)))
}

// step deals with the next key.
func (o *editing) step() {
	if len(o.keys) == 0 {
		if o.removes && !o.found && o.err == nil {
			o.fail(refusal(opEdit, o.of.Entry.Key.String(), "", switchdev.ErrNotExist))
		}
		return
	}
	if o.homeless() {
		o.desert()
		return
	}
	one := o.of
	one.Entry.Key = o.keys[0]
	o.keys = o.keys[1:]
	o.await([]waiter{o.b.submitOne(one)}, func(err error) {
		switch {
		case err == nil && o.homeless(): // perhaps since the rest was withdrawn
			o.await([]waiter{o.b.table.SubmitDelete(one.Entry.Key, one.Entry.Port)}, func(error) { o.desert() })
			return
		case err == nil:
			o.found = true
		case o.removes && errors.Is(err, switchdev.ErrNotExist):
		default:
			o.err = errors.Join(o.err, err)
			if !o.removes {
				return
			}
		}
		o.then(o.step)
	})
}

// submitOne submits one operation to the table.
func (b *Bridge) submitOne(op fdb.Op) *fdb.Ticket {
	t, e := b.table, op.Entry
	switch op.Verb {
	case fdb.VerbAdd:
		return t.SubmitAdd(e)
	case fdb.VerbReplace:
		return t.SubmitReplace(e)
	case fdb.VerbAppend:
		return t.SubmitAppend(e)
	case fdb.VerbUpdate:
		return t.SubmitUpdate(e)
	case fdb.VerbUse:
		return t.SubmitUse(e.Key, e.Port)
	case fdb.VerbRemove:
		return t.SubmitRemove(e.Key, e.Port)
	}
	return t.SubmitDelete(e.Key, e.Port)
}
