package fdb

import (
	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/switchdev"
)

// decision is what an operation makes of an entry besides its value.
type decision struct {
	change bool // it is another than before
	renew  bool // it is the same, and its time is now
	retell bool // it is told also if it is the same
}

// decide says what a verb with an entry makes of the entry as it is now (rule 5): in
// next the entry afterwards, without number, with Hot 0 for none.
func (t *Table) decide(v Verb, e *Entry, old, next *overlay.Entry) (d decision, err error) {
	switch v {
	case VerbDelete, VerbRemove:
		if old.Hot == 0 || switchdev.PortID(old.Port()) != e.Port {
			return d, v.refusal(e, switchdev.ErrNotExist)
		}
		*next = overlay.Entry{}
		return decision{change: true}, nil
	case VerbAdd:
		if old.Hot != 0 {
			return d, v.refusal(e, switchdev.ErrExist)
		}
	case VerbUpdate:
		if old.Hot == 0 {
			return d, v.refusal(e, switchdev.ErrNotExist)
		}
	case VerbUse:
		if t.deaf() || old.Has(cam.Local) {
			*next = *old
			return d, nil
		}
		*next = e.used(old)
		return became(old, next, true, t.clock.tick()), nil
	}
	// A request that finds a dynamic entry overdue means it to live on.
	renew, tick := e.Flags&Extern != 0 || t.stale(old.Hot), t.clock.tick()
	if e.Flags&NoRefresh != 0 && old.Hot != 0 {
		renew, tick = false, old.Stamp()
	}
	*next = e.made(old)
	retell := t.cfg.Quirks.Has(QuirkStaticReaddNotifies) && old.Hot != 0 && t.respelt(e, old)
	d = became(old, next, renew || retell && e.Flags&NoRefresh == 0, tick)
	d.retell = retell
	return d, nil
}

// respelt reports whether Linux takes a request for a change of state though it
// asks for the entry as it is: it is spelt otherwise, or the entry is stale, which
// is none of the states that can be asked for.
func (t *Table) respelt(e *Entry, old *overlay.Entry) bool {
	return e.Flags&Extern == 0 && (e.Flags&Respelt != 0 || t.stale(old.Hot))
}

func (v Verb) refusal(e *Entry, err error) error {
	return &switchdev.OpError{Op: v.op(), Object: e.Key.String(), Err: err}
}

// became compares what an entry is with what it is to be, which is next.
func became(old, next *overlay.Entry, renew bool, tick uint64) decision {
	next.Hot = next.WithStamp(tick)
	switch {
	case old.Hot == 0:
		return decision{change: true}
	case !sameEntry(next, old):
		if !renew && (next.Hot^old.Hot)&(distinct&^(cam.Hot(User)<<flagShift)) == 0 && next.Notify == old.Notify {
			next.Hot = next.WithStamp(old.Stamp()) // it is a user's now, and no younger (fdb_add_entry)
		}
		return decision{change: true}
	}
	*next = *old
	if renew {
		next.Hot = old.WithStamp(max(tick, old.Stamp()))
	}
	return decision{renew: renew}
}

// made is the entry that a request makes of old: what is asked for, from a user.
// A control plane that takes an entry over only adds to what it is, and one that
// it owns stays its own; neither is so for an address of the bridge. A request
// for a local entry is one that does not age either, except from a control plane,
// as in Linux.
func (e *Entry) made(old *overlay.Entry) overlay.Entry {
	f, owner := e.Flags&^requestOnly, OwnerUser
	was := flagsIn(old)
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
func (e *Entry) used(old *overlay.Entry) overlay.Entry {
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

// distinct is what tells two entries apart whose owner and activity are the same.
const distinct = cam.PortMask | cam.Hot(hitFlags)<<flagShift | cam.Inactive

func sameEntry(a, b *overlay.Entry) bool {
	return (a.Hot^b.Hot)&distinct == 0 && a.Notify == b.Notify && a.Owner == b.Owner
}
