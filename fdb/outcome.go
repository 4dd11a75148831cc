package fdb

// Learned is what [Table.Learn] did with a station.
type Learned uint8

// The outcomes of Learn and LearnLocked. From Known to Own they mean that the
// station was accepted: from now on every Lookup finds it. With the others
// nothing has changed.
const (
	// Ignored: the source address is not one that is learned (multicast or
	// zero), or the table does not learn.
	Ignored Learned = iota
	// Known: the entry is there, on this port and up to date.
	Known
	// Refreshed: the entry was there and its time was renewed.
	Refreshed
	// Queued: the station is new, or its entry is in somebody's hands; it is
	// in the open generation.
	Queued
	// Moved: the station was on another port; the move is in the open
	// generation.
	Moved
	// Kept: the entry is sticky and stays on its port; its time was renewed.
	Kept
	// Own: the address is one of the bridge's own. Somebody uses it too, or
	// there is a loop.
	Own
	// Dropped: the station is new and the open generation is full.
	Dropped
	// Limited: the station is new and Learning.Max entries are learned. Linux:
	// fdb_create, which returns NULL.
	Limited
	// Refused: a device refused the station on this port a while ago, and by
	// Learning.Vetoed it is not learned then.
	Refused
	// Barred: the port was removed, or does not admit stations of that VLAN; see
	// [Table.Admit].
	Barred
	// Shut: the port is locked and the station belongs elsewhere, or is one
	// that the port lets through already (only from LearnLocked).
	Shut
)

var learnedNames = [...]string{
	"ignored", "known", "refreshed", "queued", "moved", "kept", "own", "dropped",
	"limited", "refused", "barred", "shut",
}

// String returns the outcome's name, for instance "queued".
func (l Learned) String() string {
	if int(l) < len(learnedNames) {
		return learnedNames[l]
	}
	return "learned?"
}

// Accepted reports whether every later Lookup finds the station.
func (l Learned) Accepted() bool { return l >= Known && l <= Own }
