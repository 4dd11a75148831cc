package oracle

import (
	"time"

	"github.com/switchcore/switchcore/fdb"
	"github.com/switchcore/switchcore/switchdev"
)

// Verb is what a user's operation does.
type Verb uint8

// The verbs.
const (
	Add     Verb = iota // create, or ErrExist
	Replace             // create or change
	Append              // the same on a bridge: a station has one destination
	Update              // change, or ErrNotExist
	Use                 // as if a frame had been seen
	Delete              // remove from this port, or ErrNotExist
	Remove              // the same, whatever devices say
	NumVerbs
)

var verbNames = [NumVerbs]string{"add", "replace", "append", "update", "use", "delete", "remove"}

// String returns the verb's name.
func (v Verb) String() string {
	if v < NumVerbs {
		return verbNames[v]
	}
	return "verb?"
}

// Op is a user's operation. Key, Port and Flags are what was asked.
type Op struct {
	Verb  Verb
	Key   fdb.Key
	Port  switchdev.PortID
	Flags fdb.Flags

	// Staged tells that it was decided; the rest counts from then on.
	Staged bool
	// Old and Want are the entry that it was decided against and what it makes
	// of it.
	Old, Want Value
	// Same: there is nothing to change, at most the time.
	Same bool
	// Refuse is the error that it has to end with, whatever devices say.
	Refuse error
}

// Decide stages an operation: it is decided, finally, against what Lookup says
// (rule 5).
func (t *Table) Decide(o *Op, at time.Time) {
	o.Staged = true
	o.Old = t.Value(o.Key)
	o.Refuse = nil
	switch o.Verb {
	case Delete, Remove:
		if !o.Old.Present || o.Old.Port != o.Port {
			o.Refuse = switchdev.ErrNotExist
		}
		o.Want = Value{}
	case Use:
		o.Want = t.used(o, at)
		o.Same = o.Old.Same(o.Want)
	default:
		switch {
		case o.Verb == Add && o.Old.Present:
			o.Refuse = switchdev.ErrExist
		case o.Verb == Update && !o.Old.Present:
			o.Refuse = switchdev.ErrNotExist
		}
		o.Want = o.made(at)
		if !o.renews(t, at) && o.adopts() {
			o.Want.Updated = o.Old.Updated
		}
		if o.Same = o.Old.Same(o.Want); o.Same {
			o.Want = o.Old
			if o.renews(t, at) {
				o.Want = o.Old.renewed(at)
			}
		}
	}
	t.note(o.Key, fact{kind: operation, op: o})
}

// renews reports whether a request that changes nothing is news all the same:
// one of a control plane, or one that finds the entry overdue.
func (o *Op) renews(t *Table, at time.Time) bool {
	if o.Flags&fdb.NoRefresh != 0 {
		return false
	}
	return o.Flags&fdb.Extern != 0 || o.Old.Ages() && t.Overdue(o.Old, at)
}

// adopts reports whether a request makes an entry a user's, and nothing else.
func (o *Op) adopts() bool {
	w := o.Want
	w.Flags, w.Owner = w.Flags&^fdb.User|o.Old.Flags&fdb.User, o.Old.Owner
	return o.Old.Present && o.Old.Same(w)
}

// made is the entry that a request makes of the old one (fdb_add_entry, and
// br_fdb_external_learn_add for a control plane).
func (o *Op) made(at time.Time) Value {
	w := Value{Present: true, Port: o.Port, Flags: o.Flags&^fdb.NoRefresh | fdb.User, Owner: fdb.OwnerUser, Updated: at}
	if o.Flags&fdb.NoRefresh != 0 && o.Old.Present {
		w.Updated = o.Old.Updated
	}
	if o.Flags&fdb.Extern != 0 {
		w.Flags |= o.Old.Flags & (fdb.Static | fdb.Local | fdb.Sticky | fdb.Notify | fdb.Inactive)
		w.Owner = fdb.OwnerControl
		return w
	}
	if o.Flags&fdb.Local != 0 {
		w.Flags |= fdb.Static
	}
	if o.Old.Has(fdb.Extern) {
		w.Flags |= fdb.Extern
		w.Owner = o.Old.Owner
	}
	if o.Flags&fdb.Notify != 0 && o.Old.Has(fdb.Notify) {
		w.Flags |= o.Old.Flags & fdb.Inactive
	}
	return w
}

// used is NTF_USE: a frame was seen, and the entry is a user's.
func (t *Table) used(o *Op, at time.Time) Value {
	if t.LearningOff() || o.Old.Has(fdb.Local) {
		return o.Old
	}
	w := o.Old.learned(o.Port, at)
	w.Flags |= fdb.User
	if !w.Has(fdb.Extern) {
		w.Owner = fdb.OwnerUser
	}
	return w
}

// End takes an operation out of the order: with its result if it ended with nil,
// without a trace if not.
func (t *Table) End(o *Op, ok bool) {
	h := t.history(o.Key)
	for i := range h.facts {
		if h.facts[i].op != o {
			continue
		}
		rest := h.facts[i+1:]
		switch { // nothing that counts is in front of it
		case ok && o.Same:
			h.base = h.base.renewed(o.Want.Updated)
		case ok:
			h.base = o.Want
		}
		h.facts = nil
		for _, f := range rest {
			t.note(o.Key, f)
		}
		return
	}
}
