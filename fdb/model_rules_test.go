package fdb

import (
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// The model of a table, slow and obvious: everything that was accepted, with its
// number, in a list. What a key has is the fold of the list (rule 2).

// value is what a key has; the zero value is no entry.
type value struct {
	present bool
	port    switchdev.PortID
	flags   Flags
	owner   Owner
	updated time.Time
}

func valueOf(e Entry) value { return value{true, e.Port, e.Flags, e.Owner, e.Updated.Time()} }

func (v value) entry(k Key) Entry {
	return Entry{Key: k, Port: v.port, Flags: v.flags, Owner: v.owner, Updated: InstantOf(v.updated)}
}

// same compares all but the time.
func (v value) same(w value) bool {
	w.updated = v.updated
	return v == w
}

// ages reports whether an entry leaves when it is not heard of; silences whether
// it becomes inactive instead.
func (v value) ages() bool { return v.present && v.flags&(Static|Local|Extern) == 0 }
func (v value) silences() bool {
	return v.present && v.flags&(Notify|Inactive) == Notify && v.flags&(Static|Extern) != 0
}

// counts reports whether an entry counts in the limit.
func (v value) counts() bool { return v.present && v.flags&(User|Local) == 0 }

type factKind uint8

const (
	factLearn factKind = iota
	factLocked
	factFlush
	factGone
	factSilence
	factOp
	factRenew
)

// fact is one thing that was accepted: a learn, on a port that is locked or not,
// a flush, something that a sweep or a late flush removed or made inactive, or an
// operation that ended with nil, which changed the entry or only renewed it.
type fact struct {
	number int
	kind   factKind
	key    Key // but of a flush
	port   switchdev.PortID
	at     time.Time
	filter Filter
	result value // of an operation
}

// fold is what a fact makes of a key that has v.
func (f fact) fold(k Key, v value) value {
	switch f.kind {
	case factOp:
		return f.result
	case factGone:
		return value{}
	case factSilence:
		v.flags |= Inactive
	case factRenew:
		return v.seen(f.at)
	case factFlush:
		if v.present && f.filter.Selects(v.entry(k)) {
			return value{}
		}
	case factLocked:
		switch {
		case !v.present:
			return value{true, f.port, Locked, OwnerLearned, f.at}
		case v.port == f.port && v.flags&Locked != 0:
			v = v.seen(f.at)
			v.flags &^= Inactive
		}
	case factLearn:
		return f.learn(v)
	}
	return v
}

func (f fact) learn(v value) value {
	switch {
	case !v.present:
		return value{true, f.port, 0, OwnerLearned, f.at}
	case v.flags&Local != 0:
		return v
	}
	v = v.seen(f.at)
	v.flags &^= Inactive
	if v.port != f.port && v.flags&Sticky == 0 {
		v.port = f.port
		v.flags &^= Extern | Locked
	}
	return v
}

func (v value) seen(at time.Time) value {
	if v.present && at.After(v.updated) {
		v.updated = at
	}
	return v
}

// decide is rule 5: what an operation makes of what its key has.
func (m *model) decide(o *modelOp) {
	o.staged, o.number, o.at = true, m.next(), m.tick(m.polled)
	old := m.fold(o.entry.Key)
	switch {
	case o.verb == VerbDelete:
		if !old.present || old.port != o.entry.Port {
			o.refuse = switchdev.ErrNotExist
		}
		return
	case o.verb == VerbAdd && old.present:
		o.refuse = switchdev.ErrExist
		return
	case o.verb == VerbUpdate && !old.present:
		o.refuse = switchdev.ErrNotExist
		return
	case o.verb == VerbUse && (m.ageing == NoLearning || old.flags&Local != 0):
		o.result, o.same = old, true
		return
	case o.verb == VerbUse:
		o.result = use(old, o.entry.Port)
	default:
		o.result = request(old, o.entry)
	}
	o.result.updated = o.at
	if only := o.result; o.verb != VerbUse && o.entry.Flags&Extern == 0 && !m.stale(old) {
		only.flags, only.owner = only.flags&^User|old.flags&User, old.owner
		if old.same(only) { // it is a user's now, which Linux does not count as a change
			o.result.updated = old.updated
		}
	}
	if old.present && o.entry.Flags&NoRefresh != 0 {
		o.result.updated = old.updated
	}
	if old.same(o.result) {
		o.same = true // nothing to change, at most the time
		o.renew = o.entry.Flags&NoRefresh == 0 && (o.verb == VerbUse || o.entry.Flags&Extern != 0 || m.stale(old))
		o.result = old
	}
}

// request is what a user, or with Extern a control plane, makes of an entry.
func request(old value, e Entry) value {
	v := value{present: true, port: e.Port, flags: e.Flags&^NoRefresh | User, owner: OwnerUser}
	if e.Flags&Extern != 0 { // it takes over what is there
		v.owner = OwnerControl
		for _, f := range []Flags{Static, Local, Sticky, Notify, Inactive} {
			v.flags |= old.flags & f
		}
		return v
	}
	if v.flags&Local != 0 {
		v.flags |= Static
	}
	if old.flags&Extern != 0 { // it stays its owner's
		v.flags |= Extern
		v.owner = old.owner
	}
	if v.flags&Notify != 0 && old.flags&Notify != 0 && old.flags&Inactive != 0 {
		v.flags |= Inactive
	}
	return v
}

// use is what a frame that is pretended makes of an entry that is not local.
func use(old value, p switchdev.PortID) value {
	if !old.present {
		return value{present: true, port: p, flags: User, owner: OwnerUser}
	}
	v := fact{port: p}.learn(old)
	v.flags |= User
	if v.flags&Extern == 0 {
		v.owner = OwnerUser
	}
	return v
}

// stale reports whether a dynamic entry is overdue: by the hold time, and a tick
// because its time is rounded down.
func (m *model) stale(v value) bool { return v.ages() && m.overdue(v, m.tick(m.polled)) }

func (m *model) overdue(v value, now time.Time) bool {
	switch hold := m.hold(); {
	case hold == NoLearning:
		return true
	case hold < 0:
		return false
	default:
		return now.Sub(v.updated) >= (hold+2*tickLength-1)/tickLength*tickLength
	}
}

func (m *model) hold() time.Duration {
	if m.topology > 0 && m.ageing != NoLearning {
		return m.topology
	}
	return m.ageing
}

// learned counts what counts in the limit.
func (m *model) learned() (n int) {
	for i := range modelKeys {
		if m.fold(modelKey(i)).counts() {
			n++
		}
	}
	return n
}
