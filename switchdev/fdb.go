package switchdev

import (
	"context"
	"time"
)

// FDBFlags describe an entry or a row of a forwarding database.
type FDBFlags uint16

// The flags of an entry.
const (
	FDBStatic    FDBFlags = 1 << iota // does not age (NUD_NOARP)
	FDBLocal                          // terminates at the bridge, whatever its port (NUD_PERMANENT)
	FDBSticky                         // is not moved by frames (NTF_STICKY)
	FDBExtern                         // owned by a control plane or by the device (NTF_EXT_LEARNED)
	FDBUser                           // entered by a user
	FDBLocked                         // seen on a locked port, which takes nothing of it (NTF_EXT_LOCKED)
	FDBHWLearned                      // in a dump: the device learned this row by itself
	fdbFlagsEnd
)

// FDBEntry is one station: where frames for Key go.
type FDBEntry struct {
	Key FDBKey
	// Port is where the station is; 0 is the bridge itself.
	Port PortID
	// Flags says what kind of entry it is.
	Flags FDBFlags
}

// FDBVerb is what an [FDBOp] does.
type FDBVerb uint8

// The verbs of an FDB operation.
const (
	// FDBSet makes the device forward Entry.Key to Entry.Port and to nowhere
	// else, whatever row of that key it held before, its own learned ones
	// included.
	FDBSet FDBVerb = iota + 1
	// FDBDelete makes the device hold no row of Entry.Key, whether it was told
	// to hold it or learned it by itself. Entry.Port is where the caller
	// believes the row to be, 0 if it does not know; a device removes the row
	// wherever it is.
	FDBDelete
)

// String returns "set" or "delete".
func (v FDBVerb) String() string {
	switch v {
	case FDBSet:
		return "set"
	case FDBDelete:
		return "delete"
	}
	return "verb(" + itoa(uint64(v)) + ")"
}

// FDBOp sets or deletes one row.
type FDBOp struct {
	Op
	Verb  FDBVerb
	Entry FDBEntry
}

// FDBOffloader is the role of devices with a forwarding database. Linux:
// SWITCHDEV_FDB_ADD_TO_DEVICE and SWITCHDEV_FDB_DEL_TO_DEVICE, whose errors
// the bridge drops; here they are the answer.
type FDBOffloader interface {
	// ApplyFDB executes a batch by the package's rules for batches. One batch
	// holds at most one operation per key and domain. A full table, or a full
	// bucket, answers ErrNoSpace and holds the row that it held before. A key that
	// cannot be one (see [FDBKey.Check]) answers ErrInvalid.
	//
	// Whether the port of a row is a member yet is not looked at; one that the
	// device does not have at all may be refused with ErrNoDevice. With FDBLocal
	// the station is the bridge itself, as with port 0: its frames go to the
	// host, whatever port the row names, also one that the device does not have.
	// A device that cannot hold such a row answers ErrUnsupported; a refusal
	// keeps the port whose address it is from joining the bridge.
	ApplyFDB(ctx context.Context, ops []FDBOp, results []Result)
}

// FDBSubmitter is the asynchronous form of [FDBOffloader], for devices that
// complete operations by themselves (a queue pair, firmware, a simulation). A
// table that runs in Manual mode drives such a device without ever waiting;
// with an FDBOffloader alone it makes the call inside Poll.
type FDBSubmitter interface {
	// SubmitFDB starts a batch and returns at once. done is called exactly
	// once, when every result is written; it only queues, never blocks, and
	// may be called from any goroutine, also before SubmitFDB returns. The
	// rest is as for ApplyFDB; ops and results belong to the driver until it
	// calls done.
	SubmitFDB(ctx context.Context, ops []FDBOp, results []Result, done func())
}

// FDBFlushOp drops rows that the device learned by itself.
type FDBFlushOp struct {
	Op
	// Port restricts the flush to one port; 0: every port of the domain.
	Port PortID
	// VLAN restricts it to one VLAN; 0: every VLAN.
	VLAN VLAN
}

// FDBFlusher is the role of devices that learn by themselves. Rows that were
// set by an [FDBOp] stay. Linux: DSA's port_fast_age.
type FDBFlusher interface {
	// FlushFDB executes a batch by the package's rules for batches.
	FlushFDB(ctx context.Context, ops []FDBFlushOp, results []Result)
}

// FDBRow is one row of a dump. A row that an operation has set has the port of
// that operation and, where the device keeps them, its flags; a table sends a row
// that differs from what it wants once more. It is the only row of its key. Of
// stations that the device learned by itself, a device whose hardware keys rows by
// port too may have several, at different ports, until the older ones age.
type FDBRow struct {
	FDBEntry
	// Gen is the generation of the operation that set the row, 0 if the
	// device learned it or does not keep it.
	Gen Generation
	// Age is how long ago the row was refreshed, as far as the device knows.
	Age time.Duration
}

// FDBDumper is the role of devices whose forwarding database can be read.
type FDBDumper interface {
	// DumpFDB calls yield with every row of the domain, in no particular
	// order, until yield returns false. The dump need not be a point in time:
	// a row that is there throughout is seen exactly once, one that comes or
	// goes meanwhile is seen or not.
	//
	// It returns the epoch in which the dump ran. If the device was reset
	// meanwhile the error matches ErrBusy and what was seen is worthless; ctx
	// ends the dump with ctx's error. yield must not call the driver. A driver
	// that implements [FDBSubmitter] never waits in here: what it cannot read
	// now it answers with ErrBusy.
	DumpFDB(ctx context.Context, domain Domain, yield func(FDBRow) bool) (Epoch, error)
}
