package devlink

import "strconv"

// Verb says what an event tells.
type Verb uint8

// The verbs.
const (
	// Existing is part of a replay: the object is there.
	Existing Verb = iota + 1
	// Synced ends a replay; what follows is news. It has no instance and no object.
	Synced
	// Added: the object has come to be, or to be visible.
	Added
	// Changed: the object is now as Object says.
	Changed
	// Deleted: the object has gone, or can be seen no more. Object is what it was.
	Deleted
	// Status is progress of something that takes time: a health reporter's state,
	// the beginning and end of a reload.
	Status
	// Overrun is told to notifiers that have fallen behind: events were lost, and what
	// follows is a replay if they asked for one. Subscriptions return an error instead.
	// It has no instance and no object, and its Seq is that of the last event lost.
	Overrun
)

var verbNames = [...]string{"?", "existing", "synced", "added", "changed", "deleted", "status", "overrun"}

// String returns the verb's name, for instance "added".
func (v Verb) String() string {
	if int(v) < len(verbNames) {
		return verbNames[v]
	}
	return verbNames[0]
}

// Marks are what is special about an event.
type Marks uint8

// The marks.
const (
	// Leaked: the driver had left the object behind where it was to remove it, and
	// the instance has removed it in its place.
	Leaked Marks = 1 << iota
	// Partial: something of the object could not be read from the driver.
	Partial
	// Silent: Linux tells nobody of this; see [SubscribeOptions.CompatKernel].
	Silent
	// Poked: the object is as it was; an instance that is nested in it has changed.
	Poked
)

// Has reports whether all of m are in the set.
func (s Marks) Has(m Marks) bool { return s&m == m }

// Life is one stay of an instance in one namespace. Events of one life begin with
// the Added of the instance and end with its Deleted; nothing of it comes outside.
// It does not change, and is shared.
type Life struct {
	Handle
	// Index is the instance's number, which no other instance of the registry has
	// had before.
	Index uint64
	// Namespace is where it is; "" is the initial one.
	Namespace string
	// Generation counts the lives of the instance, from 1 on.
	Generation uint64
}

// Event is one change of a registry.
type Event struct {
	// Seq numbers the events of a registry in the order in which the changes became
	// visible. It grows strictly; a jump alone tells of no loss, only ErrOverrun does.
	Seq uint64
	// Previous is the number of the event that the subscription returned before
	// this one, or that of the last event lost if it returned an overrun; 0 with the
	// first.
	Previous uint64
	// Verb says what happened, Marks what is special about it.
	Verb  Verb
	Marks Marks
	// Life is the instance, where it is; nil only with Synced and Overrun.
	Life *Life
	// Object is the object as it is after the change, or was before it was deleted.
	Object Object

	stale *stale // of a change in the ring
}

// String returns the event in one line for logs.
func (e Event) String() string {
	s := strconv.FormatUint(e.Seq, 10) + " " + e.Verb.String()
	if e.Object != nil {
		s += " " + e.Object.Kind().String()
	}
	if e.Life != nil {
		s += " " + e.Life.Handle.String()
		if e.Life.Namespace != "" {
			s += " in " + e.Life.Namespace
		}
	}
	if e.Object == nil {
		return s
	}
	s += e.Object.Key().suffix()
	if p, ok := e.Object.(*ReloadProgress); ok {
		s += ": " + p.text()
	}
	return s
}
