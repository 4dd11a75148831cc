package bridge

import (
	"context"
	"errors"
	"slices"

	"github.com/switchcore/switchcore/switchdev"
)

// SetDefaultPVID sets the VLAN that ports and the bridge itself begin in;
// NoDefaultPVID for none. Who has the old one as its PVID, without a tag, leaves it,
// and is in the new one so; not who is in the new one already. If there was none
// everybody else is. VLANs may be filtered, as for who asks Linux by netlink; its file
// in sysfs answers EPERM then.
//
// If a port is refused, the default stays what it was, and who has changed before
// changes back, but for what somebody else has asked meanwhile. What devices do not take
// back is in the error too, with ErrOutcomeUnknown. ErrInvalid for what is no VLAN; see
// [Bridge.AddVLANs] for the other errors. Linux: __br_vlan_set_default_pvid, which never
// takes back that there is none.
func (b *Bridge) SetDefaultPVID(ctx context.Context, v switchdev.VLAN) error {
	return b.SubmitSetDefaultPVID(v).Wait(ctx)
}

// SubmitSetDefaultPVID is SetDefaultPVID without the wait. It never blocks.
func (b *Bridge) SubmitSetDefaultPVID(v switchdev.VLAN) *Ticket {
	switch {
	case v == NoDefaultPVID:
		v = switchdev.NoVLAN
	case !v.Valid():
		return b.refused(refusal(opDefaultPVID, b.cfg.Name, "invalid vlan id", switchdev.ErrInvalid))
	}
	o := &renumbering{op: b.newOp(opDefaultPVID, switchdev.PortHost), to: v}
	o.then(o.set)
	return b.submit(o.op)
}

// renumbering is a change of the default PVID under way.
type renumbering struct {
	*op
	old, to switchdev.VLAN
	began   *view
	steps   []*renumbered
}

// renumbered is what it has done to a port, or the bridge.
type renumbered struct {
	port    switchdev.PortID
	was, is *membership // nil: there was no port
}

func (o *renumbering) set() {
	b := o.b
	o.began = b.view.Load()
	if o.old = o.began.pvid; o.old == o.to {
		return
	}
	b.set(func(s *setting) { s.pvid = o.to })
	if b.has(QuirkSilentHeir) { // which shows in whose own address stays
		host := o.step(switchdev.PortHost)
		o.first(host, func() { o.inTurn(latestFirst(o.began.ports), host.err) })
		return
	}
	o.all(o.began.ports, o.step, func(err error) {
		host := o.step(switchdev.PortHost)
		o.first(host, func() { o.end(errors.Join(err, host.err)) })
	})
}

// step returns the operation on a port.
func (o *renumbering) step(id switchdev.PortID) *op {
	s := &renumbered{port: id}
	o.steps = append(o.steps, s)
	return o.b.setVLANs(opDefaultPVID, id, func(m *membership) (*membership, error) {
		s.was, s.is = m, m.renumbered(o.old, o.to)
		return s.is, nil
	})
}

// inTurn goes through ports, and begins with one when the one before it is done.
func (o *renumbering) inTurn(ports []*port, errs ...error) {
	if len(ports) == 0 {
		o.end(errors.Join(errs...))
		return
	}
	o.all(ports[:1], o.step, func(err error) { o.inTurn(ports[1:], append(errs, err)...) })
}

// end takes everything back if there was an error.
func (o *renumbering) end(err error) {
	if err == nil {
		return
	}
	b := o.b
	b.set(func(s *setting) { s.pvid = o.old })
	undo := map[switchdev.PortID]func(*membership) *membership{}
	for _, p := range b.view.Load().ports {
		if q := o.began.port(p.ID); q == nil || q.joined != p.joined { // it has joined meanwhile
			undo[p.ID] = func(m *membership) *membership { return m.renumbered(o.to, o.old) }
		}
	}
	for _, s := range o.steps {
		if s.was != nil && undo[s.port] == nil {
			undo[s.port] = func(m *membership) *membership { return m.restored(s.was, s.is) }
		}
	}
	back := func(id switchdev.PortID) *op {
		return b.setVLANs(opDefaultPVID, id, func(m *membership) (*membership, error) { return undo[id](m), nil })
	}
	ports := slices.DeleteFunc(slices.Clone(b.view.Load().ports), func(p *port) bool { return undo[p.ID] == nil })
	o.all(ports, back, func(failed error) {
		if undo[switchdev.PortHost] == nil {
			o.fail(b.failedToo(err, failed))
			return
		}
		host := back(switchdev.PortHost)
		o.first(host, func() { o.fail(b.failedToo(err, errors.Join(failed, host.err))) })
	})
}
