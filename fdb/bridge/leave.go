package bridge

import (
	"context"
	"errors"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// RemovePort ends a port's membership. When it returns no frame passes by the
// port, no entry is on it and none can come any more, its address is no own one
// but where another port or the bridge has it too, and no row, attribute or
// membership of it is left in its device. The number may be used again.
//
// ErrNoDevice if there is no such port. A removal cannot be refused: after any
// other error the bridge is without the port nevertheless, and the device named
// in the error, which has not given up something, will be asked again. Linux:
// br_del_if, del_nbp (net/bridge/br_if.c).
func (b *Bridge) RemovePort(ctx context.Context, id switchdev.PortID) error {
	return b.SubmitRemovePort(id).Wait(ctx)
}

// SubmitRemovePort is RemovePort without the wait. It never blocks.
func (b *Bridge) SubmitRemovePort(id switchdev.PortID) *Ticket { return b.submit(b.removal(id)) }

// leaving is a RemovePort under way.
type leaving struct {
	*op
	p    *port
	errs []error
	rows *fdb.Ticket // of the withdrawal of the rows; nil without a device
}

func (b *Bridge) removal(id switchdev.PortID) *op {
	o := &leaving{op: b.newOp(opRemove, id)}
	o.then(o.shut)
	return o.op
}

// shut takes the port out of the data path. Nothing is learned on it any more, also
// of a frame that is still being looked at, so none can follow the flush.
func (o *leaving) shut() {
	b := o.b
	<-b.slot
	o.p = b.ports[o.port]
	if o.p != nil {
		delete(b.ports, o.port)
		b.table.Admit(o.port, new(switchdev.VLANSet))
		b.unback(o.port)
		b.publish()
	}
	b.unlock()
	if o.p == nil {
		o.refuse("", switchdev.ErrNoDevice)
		return
	}
	b.tree.leave(o.port)
	o.then(o.bequeath)
}

// unback makes a port nobody's backup. The caller holds the slot.
func (b *Bridge) unback(id switchdev.PortID) {
	for k, p := range b.ports {
		if p.Backup == id {
			q := *p
			q.Backup = 0
			b.ports[k] = &q
		}
	}
}

// admit tells the table where stations of a port are learned: nowhere while it is
// down, and with filtering in its VLANs. What is taken back is flushed afterwards. The
// caller holds the slot.
func (b *Bridge) admit(p *port) {
	up := b.setting.up || b.has(QuirkStateWhileDown) && p.State != switchdev.PortDisabled
	switch {
	case !p.running() || !up:
		b.table.Admit(p.ID, new(switchdev.VLANSet))
	case b.setting.filtering:
		b.table.Admit(p.ID, &p.vlans.member)
	default:
		b.table.Admit(p.ID, nil)
	}
}

// bequeath gives the port's address to who else has it, before anybody could
// find it missing.
func (o *leaving) bequeath() {
	b := o.b
	<-b.slot
	tickets := b.rename(b.lowest(), func() []waiter { return b.releaseAll(o.p.MAC, o.port, o.p.vlans, true) })
	if b.has(QuirkSilentHeir) {
		tickets = append(tickets, b.legacies(o.port)...)
	}
	b.publish()
	b.unlock()
	o.await(tickets, o.clear)
}

// legacies gives the local entries that users made on a port, too, to who has the
// address: br_fdb_delete_by_port (net/bridge/br_fdb.c) does not ask who made them. The
// caller holds the slot.
func (b *Bridge) legacies(id switchdev.PortID) (tickets []waiter) {
	for e := range b.table.All() {
		if e.Port != id || e.Flags&fdb.Local == 0 || e.Flags&(fdb.User|fdb.Extern) == 0 {
			continue
		}
		if heir, ok := b.heir(e.Key, id); ok {
			b.births++
			tickets = append(tickets, b.written(e.Key, heir, b.births, b.table.SubmitInherit(e.Key, heir))...)
		}
	}
	return tickets
}

// clear removes the entries of the port, whatever they are, and withdraws its
// rows.
func (o *leaving) clear(err error) {
	o.errs = append(o.errs, err)
	b := o.b
	if err != nil {
		b.noteAstray()
	}
	if o.p.device != nil && b.cfg.Table.Quirks.Has(fdb.QuirkLegacyOffload) {
		o.rows = b.table.SubmitLeave(o.p.device.table, o.port) // forgets those that have entries
		o.await([]waiter{o.rows}, o.flush)
		return
	}
	o.flush(nil)
}

// flush removes the entries, and withdraws the rows if nobody has yet.
func (o *leaving) flush(error) {
	b := o.b
	flush := b.table.SubmitFlush(fdb.Filter{Port: o.port, OnPort: true})
	tickets := []waiter{flush}
	if o.p.device != nil && o.rows == nil {
		o.rows = b.table.SubmitLeave(o.p.device.table, o.port)
		tickets = append(tickets, o.rows)
	}
	o.await(tickets, func(error) { o.clearAgain(flush.Err()) })
}

// clearAgain flushes what the device reported between flush and leave, and gives
// addresses that left with a user's entry back to who has them.
func (o *leaving) clearAgain(err error) {
	o.errs = append(o.errs, err)
	b := o.b
	<-b.slot
	var tickets []waiter
	if !b.has(QuirkSilentHeir) { // whoever has the address has it already
		tickets = b.reclaim()
	}
	b.unlock()
	if o.p.device != nil {
		tickets = append(tickets, b.table.SubmitFlush(fdb.Filter{Port: o.port, OnPort: true}))
	}
	o.await(tickets, func(err error) {
		if err != nil {
			b.noteAstray()
		}
		left := b.leaveDevice(o.op, o.p.device, o.p)
		o.errs = append(o.errs, err, left, b.spread(o.name, o.p.device))
		if d := o.p.device; d != nil && (left != nil || d.ports == nil) {
			o.errs = append(o.errs, o.rows.Err())
		} // a port that has left its device has left no row there
		o.b.forget(o.p)
		o.fail(errors.Join(o.errs...))
	})
}
