package devlink

import (
	"runtime"
	"sync/atomic"
)

// TrapType says what a trap is for.
type TrapType uint8

// The types of traps.
const (
	// TrapDrop: packets that the device drops. Only their action can be changed.
	TrapDrop TrapType = iota
	// TrapException: packets that the device could not forward and that the host should
	// see.
	TrapException
	// TrapControl: packets that the host needs to do its work.
	TrapControl
)

// String returns the type's name, for instance "exception".
func (t TrapType) String() string { return nameOf(t, "drop", "exception", "control") }

// TrapAction says what becomes of the packets of a trap.
type TrapAction uint8

// The actions.
const (
	// ActionDrop: the device drops them, and the host does not see them.
	ActionDrop TrapAction = iota
	// ActionTrap: only the host gets them.
	ActionTrap
	// ActionMirror: the host gets a copy.
	ActionMirror
)

// String returns the action's name, for instance "mirror".
func (a TrapAction) String() string { return nameOf(a, "drop", "trap", "mirror") }

func nameOf[T ~uint8](v T, names ...string) string {
	if int(v) < len(names) {
		return names[v]
	}
	return "?"
}

// TrapMetadata is a set of what a trap reports besides the packet.
type TrapMetadata uint8

// The metadata.
const (
	// MetadataInputPort: the port at which the packet came in.
	MetadataInputPort TrapMetadata = 1 << iota
	// MetadataFlowActionCookie: the cookie of the flow whose action dropped it.
	MetadataFlowActionCookie
)

// TrapInfo describes a trap, and is what can be seen of one: a reason for which a device
// hands packets to the host, or drops them. Its key has its name.
type TrapInfo struct {
	Name string
	Type TrapType
	// Generic tells that it is one of those that Linux knows, see [GenericTrap].
	Generic bool
	// Action is what becomes of its packets.
	Action TrapAction
	// Group is the name of the group that it belongs to.
	Group string
	// Metadata is what is reported besides the packet.
	Metadata TrapMetadata

	trap *Trap
}

// Kind implements [Object].
func (*TrapInfo) Kind() Kind { return KindTrap }

// Key implements [Object].
func (t *TrapInfo) Key() Key { return Key{Name: t.Name} }

// Trap stands for a trap on the data path. Its methods take no lock, allocate nothing and
// may be called by any number of goroutines at any time. Get one with [Locked.AddTraps].
type Trap struct {
	name string

	// begun counts the packets whose reports have begun, with a bit that refuses more, and
	// done those that have been counted completely: when they are equal nobody is counting.
	begun, done, bytes atomic.Uint64
	action             atomic.Uint32
}

// trapGone is set in Trap.begun when the trap is being removed.
const trapGone = 1 << 63

// Name returns the trap's name.
func (t *Trap) Name() string { return t.name }

// Action returns what becomes of the trap's packets now; ActionDrop when it has gone.
func (t *Trap) Action() TrapAction { return TrapAction(t.action.Load()) }

// Report counts a packet of so many bytes that the trap handed to the host, and reports
// whether it did: it does not when the trap has been removed. It counts whatever the
// action is. After the removal has returned nothing is counted any more. Linux:
// devlink_trap_report (net/devlink/trap.c).
func (t *Trap) Report(bytes int) bool { return t.ReportBatch(1, bytes) }

// ReportBatch is Report for a number of packets that have so many bytes altogether; of
// less than one packet nothing is counted.
func (t *Trap) ReportBatch(packets, bytes int) bool {
	if packets < 1 {
		return t.begun.Load()&trapGone == 0
	}
	if t.begun.Add(uint64(packets))&trapGone != 0 {
		return false
	}
	t.bytes.Add(uint64(max(bytes, 0)))
	t.done.Add(uint64(packets))
	return true
}

// counted returns what was counted. Bytes may be ahead of packets by what is being
// reported.
func (t *Trap) counted() (packets, bytes uint64) {
	packets = t.done.Load()
	return packets, t.bytes.Load()
}

// quiesce ends reports: when it has returned none is being counted and none will be.
// Whoever counts is not waiting for anything, so it is not long.
func (t *Trap) quiesce() {
	was := t.begun.Or(trapGone)
	for was&trapGone == 0 && t.done.Load() < was {
		runtime.Gosched()
	}
}

// TrapStats is what was counted of a trap or a group.
type TrapStats struct {
	// Packets and Bytes are those that the host got, since the trap or group was added.
	Packets, Bytes uint64
	// Drops are the packets that the device dropped, if Counted: it has a counter. Of
	// groups there is none.
	Drops   uint64
	Counted bool
}
