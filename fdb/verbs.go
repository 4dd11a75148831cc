package fdb

import (
	"context"
	"errors"
	"strings"

	"github.com/switchcore/switchcore/switchdev"
)

// Verb says what an operation does.
type Verb uint8

// The verbs, each named after the method of [Table] that it is.
const (
	// VerbAdd makes an entry that does not exist yet.
	VerbAdd Verb = iota
	// VerbReplace makes or changes an entry.
	VerbReplace
	// VerbAppend is VerbReplace: a bridge has one destination for a station.
	VerbAppend
	// VerbUpdate changes an entry that exists.
	VerbUpdate
	// VerbUse does as if a frame had been seen.
	VerbUse
	// VerbDelete removes an entry, from the devices first.
	VerbDelete
	// VerbRemove removes an entry whatever the devices say.
	VerbRemove

	verbsEnd
)

var verbNames = [...]string{"fdb.add", "fdb.replace", "fdb.append", "fdb.update", "fdb.use", "fdb.delete", "fdb.remove"}

// String returns the name of the verb, for instance "add".
func (v Verb) String() string { return strings.TrimPrefix(v.op(), "fdb.") }

// op is the verb as errors name it.
func (v Verb) op() string {
	if v < verbsEnd {
		return verbNames[v]
	}
	return "fdb.verb?"
}

// Add makes an entry that does not exist yet. It returns nil when the table and
// every device that claims the entry hold it; ErrExist, and nothing has changed,
// when the station has an entry of any kind, also one that was only just
// learned. See [Table.Replace] for the other errors. Linux: NLM_F_CREATE with
// NLM_F_EXCL.
func (t *Table) Add(ctx context.Context, e Entry) error { return t.SubmitAdd(e).Wait(ctx) }

// SubmitAdd is Add without the wait. It never blocks.
func (t *Table) SubmitAdd(e Entry) *Ticket { return t.submit(VerbAdd, e) }

// Replace makes the entry what e says, whether it exists or not, wherever it is
// and of whatever kind. It returns nil when the table and every device that
// claims the entry hold it and no other device holds the old one. Making it what
// it already is succeeds, changes nothing and is not told; a change renews
// Updated, unless e has NoRefresh. Without Notify an entry is watched no more;
// one that has Notify and is Inactive stays Inactive.
//
// An entry that a control plane or a device owns keeps Extern and its owner. With
// Extern in e the caller is such a control plane, and takes over what he finds:
// a station that was learned or entered comes to be his, at his port, and keeps
// Static, Local, Sticky, Notify and Inactive, to which e can only add. Taking
// over what is his already renews Updated, and that is not told.
//
// An error leaves table and devices as they were: ErrInvalid for a bad key or
// flags, the refusal of a device as it gave it, ErrDeviceUnavailable when a
// device did not take the operation in time. ErrOutcomeUnknown means that a
// device took it and did not answer, or that taking it back failed: the table
// is as it was and the device will be brought to that. Linux: NLM_F_CREATE
// without NLM_F_EXCL (net/bridge/br_fdb.c, fdb_add_entry), and
// br_fdb_external_learn_add.
func (t *Table) Replace(ctx context.Context, e Entry) error { return t.SubmitReplace(e).Wait(ctx) }

// SubmitReplace is Replace without the wait. It never blocks.
func (t *Table) SubmitReplace(e Entry) *Ticket { return t.submit(VerbReplace, e) }

// Append is [Table.Replace]: on a bridge a station has one destination, and one
// that is appended takes the place of the one before. Linux: NLM_F_APPEND, which
// counts in the tables of tunnels only.
func (t *Table) Append(ctx context.Context, e Entry) error { return t.SubmitAppend(e).Wait(ctx) }

// SubmitAppend is Append without the wait. It never blocks.
func (t *Table) SubmitAppend(e Entry) *Ticket { return t.submit(VerbAppend, e) }

// Update is [Table.Replace] of an entry that exists: ErrNotExist, and nothing has
// changed, if it does not. Linux: neither NLM_F_CREATE nor NLM_F_EXCL.
func (t *Table) Update(ctx context.Context, e Entry) error { return t.SubmitUpdate(e).Wait(ctx) }

// SubmitUpdate is Update without the wait. It never blocks.
func (t *Table) SubmitUpdate(e Entry) *Ticket { return t.submit(VerbUpdate, e) }

// Use does as if a frame from k had come in on port p, and makes the entry a
// user's: an absent one is created, dynamic, whatever Learning.Max is; one on
// another port moves, unless it is Sticky, and is then Extern and Locked no more;
// one on p is renewed, and stays Locked. An entry that is Local is left alone, as
// is everything when the table does not learn: that is success, too. ErrInvalid
// for a bad key or port 0; see [Table.Replace] for the other errors. Linux:
// NTF_USE (br_fdb.c, __br_fdb_add).
func (t *Table) Use(ctx context.Context, k Key, p switchdev.PortID) error {
	return t.SubmitUse(k, p).Wait(ctx)
}

// SubmitUse is Use without the wait. It never blocks.
func (t *Table) SubmitUse(k Key, p switchdev.PortID) *Ticket {
	return t.submit(VerbUse, Entry{Key: k, Port: p})
}

// Delete removes the entry of k on port p, of whatever kind. It returns nil when
// the table and the devices are without it; ErrNotExist when there is no such
// entry, or it is on another port. Devices come first: if one refuses, the entry
// stays everywhere. Linux: RTM_DELNEIGH (br_fdb.c, fdb_delete_by_addr_and_port).
func (t *Table) Delete(ctx context.Context, k Key, p switchdev.PortID) error {
	return t.SubmitDelete(k, p).Wait(ctx)
}

// SubmitDelete is Delete without the wait. It never blocks.
func (t *Table) SubmitDelete(k Key, p switchdev.PortID) *Ticket {
	return t.submit(VerbDelete, Entry{Key: k, Port: p})
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
	if ok {
		v, ok = t.provisionalEntry(camKey(k), v)
	}
	if !ok {
		return Entry{}, &switchdev.OpError{Op: "fdb.get", Object: k.String(), Reason: "Fdb entry not found", Err: switchdev.ErrNotExist}
	}
	return t.entry(camKey(k), v), nil
}

// check refuses what can be refused without looking at the table.
func (v Verb) check(e *Entry) error {
	fail := func(reason string) error {
		return &switchdev.OpError{Op: v.op(), Object: e.Key.String(), Reason: reason, Err: switchdev.ErrInvalid}
	}
	if v >= verbsEnd {
		return fail("unknown verb")
	}
	if err := checkKey(v.op(), e.Key); err != nil {
		return err
	}
	switch f := e.Flags; {
	case v == VerbDelete, v == VerbRemove:
		return nil
	case v == VerbUse:
		if e.Port == switchdev.PortHost {
			return fail("no frame comes in on the bridge itself")
		}
		return nil
	case f&^requestable == Locked:
		return fail("entries cannot be locked by request")
	case f&^requestable != 0:
		return fail("unknown or unsettable flags")
	case f&Sticky != 0 && f&Local != 0:
		return fail("a permanent entry cannot be sticky")
	case f&Inactive != 0 && f&Notify == 0:
		return fail("an entry cannot be inactive without activity notification")
	case e.Port == switchdev.PortHost && f&Local == 0:
		return fail("FDB entry towards bridge must be permanent")
	}
	return nil
}

func checkKey(op string, k Key) error {
	err := k.Check()
	if err == nil {
		return nil
	}
	var oe *switchdev.OpError
	if !errors.As(err, &oe) {
		return err
	}
	return &switchdev.OpError{Op: op, Object: k.String(), Reason: oe.Reason, Err: oe.Err}
}
