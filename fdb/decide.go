package fdb

import (
	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/switchdev"
)

// decision is what an operation makes of an entry.
type decision struct {
	next   overlay.Entry // the entry afterwards, without number; Hot 0 for none
	change bool          // it is another than before
	renew  bool          // it is the same, and its time is now
}

// decide says what the operation makes of the entry as it is now (rule 5).
func (o *op) decide(t *Table, old overlay.Entry) (d decision, err error) {
	err = t.decide(o.verb, &o.entry, &old, &d)
	return d, err
}

// decide says in d what a verb with an entry makes of the entry as it is now.
func (t *Table) decide(v Verb, e *Entry, old *overlay.Entry, d *decision) error {
	*d = decision{}
	switch v {
	case VerbDelete, VerbRemove:
		if old.Hot == 0 || switchdev.PortID(old.Port()) != e.Port {
			return v.refusal(e, switchdev.ErrNotExist)
		}
		d.change = true
		return nil
	case VerbAdd:
		if old.Hot != 0 {
			return v.refusal(e, switchdev.ErrExist)
		}
	case VerbUpdate:
		if old.Hot == 0 {
			return v.refusal(e, switchdev.ErrNotExist)
		}
	case VerbUse:
		if t.Ageing() == NoLearning || old.Has(cam.Local) {
			d.next = *old
			return nil
		}
		d.next = e.used(*old)
		d.became(old, true, t.clock.tick())
		return nil
	}
	// A request that finds a dynamic entry overdue means it to live on.
	renew, tick := e.Flags&Extern != 0 || t.stale(old.Hot), t.clock.tick()
	if e.Flags&NoRefresh != 0 && old.Hot != 0 {
		renew, tick = false, old.Stamp()
	}
	d.next = e.made(old)
	d.became(old, renew, tick)
	return nil
}

func (v Verb) refusal(e *Entry, err error) error {
	return &switchdev.OpError{Op: v.op(), Object: e.Key.String(), Err: err}
}

// became compares what an entry is with what it is to be, which is next.
func (d *decision) became(old *overlay.Entry, renew bool, tick uint64) {
	d.next.Hot = d.next.WithStamp(tick)
	if old.Hot == 0 || !sameEntry(d.next, *old) {
		d.change = true
		return
	}
	d.next, d.renew = *old, renew
	if renew {
		d.next.Hot = old.WithStamp(max(tick, old.Stamp()))
	}
}

// made is the entry that a request makes of old: what is asked for, from a user.
// A control plane that takes an entry over only adds to what it is, and one that
// it owns stays its own; neither is so for an address of the bridge. A request
// for a local entry is one that does not age either, except from a control plane,
// as in Linux.
func (e *Entry) made(old *overlay.Entry) overlay.Entry {
	f, owner := e.Flags&^NoRefresh, OwnerUser
	was := flagsIn(*old)
	switch {
	case f&Extern != 0:
		f |= was&(Static|Local|Sticky|Notify|Inactive) | User
		owner = OwnerControl
	case f&Local != 0 && e.Owner == OwnerBridge:
		f |= Static
		owner = OwnerBridge
	default:
		f |= User
		if f&Local != 0 {
			f |= Static
		}
		if f&Notify != 0 && was&Notify != 0 {
			f |= was & Inactive
		}
		if was&Extern != 0 {
			f |= Extern
			owner = Owner(old.Owner)
		}
	}
	return packed(e.Port, f, owner)
}

// used is the entry that a frame, which a user pretends was seen, makes of old.
func (e *Entry) used(old overlay.Entry) overlay.Entry {
	if old.Hot == 0 {
		return packed(e.Port, User, OwnerUser)
	}
	f, port := (flagsIn(old)|User)&^Inactive, switchdev.PortID(old.Port())
	if port != e.Port && f&Sticky == 0 {
		port = e.Port
		f &^= Extern | Locked
	}
	owner := OwnerUser
	if f&Extern != 0 {
		owner = Owner(old.Owner)
	}
	return packed(port, f, owner)
}

func sameEntry(a, b overlay.Entry) bool {
	return a.Port() == b.Port() && flagsIn(a) == flagsIn(b) && a.Owner == b.Owner
}
