package bridge

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	"github.com/switchcore/switchcore/switchdev"
)

// ledger is what a device is believed to hold of VLANs, by port, and of the bridge's
// attributes. What is to be sent is worked out from it each time, so that whatever was
// refused, lost or not answered is made good by the next attempt.
type ledger struct {
	mu     sync.Mutex // a leaf
	resets uint64     // of the device, when this was so
	ports  map[switchdev.PortID]map[switchdev.VLAN]believed
	posted posted
}

// believed is one membership in a device.
type believed struct {
	flags  switchdev.VLANFlags
	unsure bool // a call about it had no answer
}

// hear notes the resets of the device. They make what it held unsure and not gone: what
// was told to it may have reached it after the reset and before the report. The caller
// holds mu.
func (l *ledger) hear(resets uint64) {
	if l.resets >= resets {
		return
	}
	l.resets = resets
	for _, m := range l.ports {
		distrust(m)
	}
	l.posted.distrust()
}

// of returns the memberships of a port.
func (l *ledger) of(id switchdev.PortID, resets uint64) map[switchdev.VLAN]believed {
	if l.ports == nil {
		l.ports = make(map[switchdev.PortID]map[switchdev.VLAN]believed)
	}
	l.hear(resets)
	m := l.ports[id]
	if m == nil {
		m = make(map[switchdev.VLAN]believed)
		l.ports[id] = m
	}
	return m
}

// forget notes that the device holds nothing of a port.
func (l *ledger) forget(id switchdev.PortID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.ports, id)
}

// doubt notes that the device may have lost what it held of a port.
func (l *ledger) doubt(id switchdev.PortID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	distrust(l.ports[id])
}

func distrust(m map[switchdev.VLAN]believed) {
	for v, b := range m {
		b.unsure = true
		m[v] = b
	}
}

// missing returns what takes the port in the device to the membership m: what is to
// be set, the PVID first so that there is one at every instant, then what is to be
// deleted.
func (l *ledger) missing(id switchdev.PortID, m *membership, resets uint64) (ops []switchdev.VLANOp) {
	l.mu.Lock()
	defer l.mu.Unlock()
	has := l.of(id, resets)
	for v := range m.member.All() {
		if b, ok := has[v]; !ok || b.unsure || b.flags != m.flags(v) {
			ops = append(ops, switchdev.VLANOp{Verb: switchdev.VLANSetMember, Port: id, VLAN: v, Flags: m.flags(v)})
		}
	}
	slices.SortStableFunc(ops, func(x, y switchdev.VLANOp) int {
		return cmp.Compare(y.Flags&switchdev.VLANPVID, x.Flags&switchdev.VLANPVID)
	})
	sets := len(ops)
	for v := range has {
		if !m.member.Contains(v) {
			ops = append(ops, switchdev.VLANOp{Verb: switchdev.VLANDeleteMember, Port: id, VLAN: v})
		}
	}
	slices.SortFunc(ops[sets:], func(x, y switchdev.VLANOp) int { return cmp.Compare(x.VLAN, y.VLAN) })
	return ops
}

// note writes down what became of an operation. A device that leaves a membership
// to software is not asked for it again.
func (l *ledger) note(op *switchdev.VLANOp, err error, resets uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	has := l.of(op.Port, resets)
	switch {
	case errors.Is(err, switchdev.ErrOutcomeUnknown):
		has[op.VLAN] = believed{flags: has[op.VLAN].flags, unsure: true}
		deprive(has, op, true)
	case err != nil && !errors.Is(err, errors.ErrUnsupported):
	case op.Verb == switchdev.VLANDeleteMember:
		delete(has, op.VLAN)
	default:
		has[op.VLAN] = believed{flags: op.Flags}
		deprive(has, op, false)
	}
}

// deprive notes what an operation does to the other VLANs of its port, or may have
// done: a port has one PVID, and the one before it is none any more.
func deprive(has map[switchdev.VLAN]believed, op *switchdev.VLANOp, unsure bool) {
	if op.Verb != switchdev.VLANSetMember || op.Flags&switchdev.VLANPVID == 0 {
		return
	}
	for v, b := range has {
		if v == op.VLAN || b.flags&switchdev.VLANPVID == 0 {
			continue
		}
		if b.unsure = b.unsure || unsure; !unsure {
			b.flags &^= switchdev.VLANPVID
		}
		has[v] = b
	}
}

// batches cuts what is to be sent into pieces. A new PVID goes alone: where it is
// refused, the port is not to lose the old one by what comes after.
func batches(ops []switchdev.VLANOp, most int) iter.Seq[[]switchdev.VLANOp] {
	return func(yield func([]switchdev.VLANOp) bool) {
		if len(ops) > 0 && ops[0].Flags&switchdev.VLANPVID != 0 {
			if !yield(ops[:1]) {
				return
			}
			ops = ops[1:]
		}
		slices.Chunk(ops, most)(yield)
	}
}

// tellVLANs makes the device hold the membership m of a port, port 0 being the
// bridge itself. It stops at the first batch in which something was refused; what
// was done before that stays done, and the next call knows. It reports whether there was
// anything to ask for.
func (d *device) tellVLANs(name string, id switchdev.PortID, m *membership) (asked bool, err error) {
	if d.vlans == nil {
		return false, nil
	}
	resets := d.resets.Load()
	ops := d.ledger.missing(id, m, resets)
	for batch := range batches(ops, d.batch()) {
		object := "port " + id.String() + " vlan " + batch[0].VLAN.String()
		call := func(ctx context.Context, headers []switchdev.Op, results []switchdev.Result) {
			for i := range batch {
				batch[i].Op = headers[i]
			}
			d.vlans.ApplyVLANs(ctx, batch, results)
		}
		errs, err := d.call(name, object, len(batch), call, func(results []switchdev.Result) {
			now := d.resets.Load()
			for i := range batch {
				err := results[i].Err
				if now != resets { // it may have been done before the reset, or after it
					err = switchdev.ErrOutcomeUnknown
				}
				d.ledger.note(&batch[i], err, now)
			}
		})
		if errors.Is(err, switchdev.ErrOutcomeUnknown) { // the call is still out, and notes what comes of it
			for i := range batch {
				d.ledger.note(&batch[i], err, resets)
			}
		}
		for _, e := range errs {
			if e != nil && !errors.Is(e, errors.ErrUnsupported) {
				err = errors.Join(err, e)
			}
		}
		if err != nil {
			return true, err
		}
	}
	return len(ops) > 0, nil
}
