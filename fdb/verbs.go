package fdb

import (
	"context"
	"errors"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/switchdev"
)

// verb is what a user operation does.
type verb uint8

const (
	verbAdd verb = iota
	verbReplace
	verbDelete
)

var verbNames = [...]string{"fdb.add", "fdb.replace", "fdb.delete"}

// Add makes an entry that does not exist yet. It returns nil when the table and
// every device that claims the entry hold it; ErrExist, and nothing has changed,
// when the station has an entry of any kind, also one that was only just
// learned. See [Table.Replace] for the other errors. Linux: NLM_F_CREATE with
// NLM_F_EXCL.
func (t *Table) Add(ctx context.Context, e Entry) error { return t.SubmitAdd(e).Wait(ctx) }

// SubmitAdd is Add without the wait. It never blocks.
func (t *Table) SubmitAdd(e Entry) *Ticket { return t.submit(verbAdd, e) }

// Replace makes the entry what e says, whether it exists or not. It returns nil
// when the table and every device that claims the entry hold it and no other
// device holds the old one. Making it what it already is succeeds and changes
// nothing.
//
// An error leaves table and devices as they were: ErrInvalid for a bad key or
// flags, the refusal of a device as it gave it, ErrDeviceUnavailable when a
// device did not take the operation in time. ErrOutcomeUnknown means that a
// device took it and did not answer, or that taking it back failed: the table
// is as it was and the device will be brought to that. Linux: NLM_F_CREATE
// without NLM_F_EXCL (net/bridge/br_fdb.c, fdb_add_entry).
func (t *Table) Replace(ctx context.Context, e Entry) error { return t.SubmitReplace(e).Wait(ctx) }

// SubmitReplace is Replace without the wait. It never blocks.
func (t *Table) SubmitReplace(e Entry) *Ticket { return t.submit(verbReplace, e) }

// Delete removes the entry of k on port p, of whatever kind. It returns nil when
// the table and the devices are without it; ErrNotExist when there is no such
// entry, or it is on another port. Devices come first: if one refuses, the entry
// stays everywhere. Linux: RTM_DELNEIGH (br_fdb.c, fdb_delete_by_addr_and_port).
func (t *Table) Delete(ctx context.Context, k Key, p switchdev.PortID) error {
	return t.SubmitDelete(k, p).Wait(ctx)
}

// SubmitDelete is Delete without the wait. It never blocks.
func (t *Table) SubmitDelete(k Key, p switchdev.PortID) *Ticket {
	return t.submit(verbDelete, Entry{Key: k, Port: p})
}

// Get returns the entry of k as every operation that has ended left it,
// stations that are still to be applied included. ErrNotExist if there is none.
func (t *Table) Get(ctx context.Context, k Key) (Entry, error) {
	if err := checkKey("fdb.get", k); err != nil {
		return Entry{}, err
	}
	if err := ctx.Err(); err != nil {
		return Entry{}, err
	}
	v, ok := t.stations.Get(camKey(k))
	if !ok {
		return Entry{}, &switchdev.OpError{Op: "fdb.get", Object: k.String(), Reason: "Fdb entry not found", Err: switchdev.ErrNotExist}
	}
	return t.entry(camKey(k), v), nil
}

// check refuses what can be refused without looking at the table.
func (v verb) check(e Entry) error {
	fail := func(reason string) error {
		return &switchdev.OpError{Op: verbNames[v], Object: e.Key.String(), Reason: reason, Err: switchdev.ErrInvalid}
	}
	if err := checkKey(verbNames[v], e.Key); err != nil {
		return err
	}
	if v == verbDelete {
		return nil
	}
	switch f := e.Flags; {
	case f&^requestable == Locked:
		return fail("entries cannot be locked by request")
	case f&^requestable != 0:
		return fail("unknown or unsettable flags")
	case f&Sticky != 0 && f&Local != 0:
		return fail("a permanent entry cannot be sticky")
	case e.Port == switchdev.PortHost && f&Local == 0:
		return fail("FDB entry towards bridge must be permanent")
	}
	return nil
}

func checkKey(op string, k Key) error {
	err := k.Check()
	var oe *switchdev.OpError
	if !errors.As(err, &oe) {
		return err
	}
	return &switchdev.OpError{Op: op, Object: k.String(), Reason: oe.Reason, Err: oe.Err}
}

// decide says what the operation makes of the entry as it is now (rule 5). With
// change false there is nothing to do.
func (o *op) decide(old overlay.Entry) (next overlay.Entry, change bool, err error) {
	refuse := func(reason string, err error) (overlay.Entry, bool, error) {
		return old, false, &switchdev.OpError{Op: verbNames[o.verb], Object: o.entry.Key.String(), Reason: reason, Err: err}
	}
	if o.verb == verbDelete {
		if old.Hot == 0 || switchdev.PortID(old.Port()) != o.entry.Port {
			return refuse("", switchdev.ErrNotExist)
		}
		return overlay.Entry{}, true, nil
	}
	if o.verb == verbAdd && old.Hot != 0 {
		return refuse("", switchdev.ErrExist)
	}
	next = o.entry.value(old)
	return next, old.Hot == 0 || !sameEntry(next, old), nil
}

// value is the entry that a request makes of old. A request for a local entry
// is one that does not age either, except from a control plane, as in Linux.
func (e Entry) value(old overlay.Entry) overlay.Entry {
	f, owner := e.Flags|User, OwnerUser
	if e.Owner == OwnerBridge && f&Local != 0 {
		f, owner = e.Flags, OwnerBridge
	}
	if f&Local != 0 && f&Extern == 0 {
		f |= Static
	}
	if f&Extern != 0 {
		owner = OwnerControl
	} else if old.Has(cam.Ext) {
		f |= Extern // a user's change leaves it with the control plane
		owner = Owner(old.Owner)
	}
	return overlay.Entry{Hot: cam.MakeHot(uint16(e.Port), hotOf(f), 0), Cold: cam.Cold{Owner: uint8(owner)}}
}

func sameEntry(a, b overlay.Entry) bool {
	return a.Port() == b.Port() && flagsOf(a.Hot) == flagsOf(b.Hot) && a.Owner == b.Owner
}
