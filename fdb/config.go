package fdb

import (
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// NoLearning is the ageing time with which nothing is learned, and dynamic
// entries leave at once: Linux's ageing time of 0.
const NoLearning time.Duration = math.MaxInt64

// The defaults of a [Config].
const (
	// DefaultAgeing is the ageing time of IEEE 802.1D and of Linux.
	DefaultAgeing = 300 * time.Second
	// DefaultPending is how many new stations may wait to be applied.
	DefaultPending = 4096
	// DefaultTimeout is how long an operation waits for a device.
	DefaultTimeout = 5 * time.Second
	// DefaultEvents is how many events are kept for slow subscribers.
	DefaultEvents = 4096
)

// Config describes a table. The zero Config is a table without hardware and
// with the defaults named at the fields. A negative value turns a thing off
// where that is said, and is refused elsewhere. A Config is copied by [New].
type Config struct {
	// Name stands in errors and logs; "fdb" if empty.
	Name string

	// Ageing is how long a dynamic entry lives without being seen: 0 means
	// DefaultAgeing, negative for ever, NoLearning not at all. The finest step
	// is 10 ms, the longest time ten years.
	Ageing time.Duration

	// Learning configures what Learn does.
	Learning Learning

	// Hardware names the devices that the table drives.
	Hardware Hardware

	// Events is how many events are kept for slow subscribers, a power of two;
	// 0 means DefaultEvents.
	Events int

	// Manual makes a table that starts no goroutine: the program calls
	// [Table.Poll], and time is what it says there.
	Manual bool

	// Start is the time at which a Manual table begins; the zero Start means
	// time.Now.
	Start time.Time

	// Seed, if not zero, makes runs repeatable: it seeds the hash of the main
	// table. Leave it zero where stations are not trusted.
	Seed uint64

	// Logger gets what is refused at level Debug, what was wrong with a device
	// (a reset, rows that differ, no answer) at level Warn, and drivers that
	// panicked at level Error, never frames; nil discards them. Its handler is
	// called as the hooks of Trace are, and in one order with them.
	Logger *slog.Logger

	// Trace has hooks for what the table does; nil means none. What it points to
	// is copied by New.
	Trace *Trace

	// Quirks are what the table does as Linux does it, where that is otherwise
	// than documented here. Unknown ones are refused.
	Quirks Quirks
}

// Learning configures delayed learning.
type Learning struct {
	// Pending is how many new stations may wait to be applied to the main
	// table; 0 means DefaultPending, negative that there is no bound. Moves of
	// known stations are never bounded. At most 1<<20.
	Pending int

	// Delay is how long a generation stays open at least before it is applied;
	// 0 means that it is applied as soon as the worker comes to it.
	Delay time.Duration

	// Max is how many entries may be learned, those still to be applied and a
	// device's included: 0 means that there is no limit, negative is refused.
	// What a user or a control plane entered and the bridge's own addresses do
	// not count. Linux: fdb_max_learned.
	Max int

	// Vetoed is what becomes of a learned station that a device refuses. The
	// default is PolicySoftware. With PolicyRefuse a station is found by Lookup
	// as soon as it is learned, but told to subscribers, and shown by Get and
	// snapshots, only when the devices that claim it hold it; if one refuses it
	// leaves again with an event of kind Vetoed, and is not learned on that port
	// for a pause of Hardware.Retry, which grows as it does there.
	Vetoed Policy
}

// Hardware names the devices of a table.
type Hardware struct {
	// Devices are the devices, at most 64, each with a name of its own.
	Devices []Device

	// Timeout is how long an operation waits for a device at each of its
	// steps; 0 means DefaultTimeout, negative is refused. A call that takes
	// twice as long has its ctx cancelled.
	Timeout time.Duration

	// Retry is the pause before a row that a device refused is offered again;
	// it doubles up to 64 times as long. 0 means 1 s.
	Retry time.Duration

	// Vetoed is what becomes of a user's operation that a device refuses, or does
	// not answer in time. The default is PolicyRefuse. Delete always fails then;
	// see [Table.Remove].
	Vetoed Policy

	// Breaker is after how many operations in a row that a device did not answer
	// in time it is taken to be out of order: until it returns, operations that
	// need it do not wait for it. 0 means 3, negative never.
	Breaker int

	// Batch bounds how many operations are handed to a device at once; 0 means
	// 256, or less where the device says so.
	Batch int

	// Close is how long Close waits for a driver after it cancelled its calls;
	// 0 means Timeout.
	Close time.Duration
}

// Device is a switching device as a table sees it.
type Device struct {
	// Driver is the device. It must have the role switchdev.FDBOffloader or
	// switchdev.FDBSubmitter.
	Driver switchdev.Driver

	// Domain is the forwarding domain on the device that this table is.
	Domain switchdev.Domain

	// Ports are the ports whose entries the device is to hold. Nil means every
	// port; for none, and for ports that come later, give an empty slice and
	// call [Table.Join].
	Ports []switchdev.PortID

	// Ages says that the device learns and ages by itself, and that what it
	// reports as learned is its own: the entry belongs to OwnerDriver, has
	// Extern, is in hardware from the beginning, is not aged by the table, and
	// counts in Learning.Max. It leaves when the device says that its row aged
	// out, and a dump, if the device can be read, confirms it. A station that a
	// device reports as Locked becomes a Locked entry. Without Ages a report is a
	// frame that was seen. Linux: SWITCHDEV_FDB_ADD_TO_BRIDGE.
	Ages bool

	// Adopt makes Reconcile take rows of which the table knows nothing into the
	// table, as entries of OwnerDriver with Extern. Otherwise such rows are
	// removed from the device.
	Adopt bool
}

// withDefaults returns c with every default filled in, or says what is wrong.
func (c Config) withDefaults() (Config, error) {
	bad := func(field string, v any) error {
		return &switchdev.OpError{Op: "fdb.new", Object: field, Reason: fmt.Sprintf("bad value %v", v), Err: switchdev.ErrInvalid}
	}
	h := &c.Hardware
	switch {
	case c.Learning.Pending > 1<<20:
		return c, bad("Learning.Pending", c.Learning.Pending)
	case c.Learning.Delay < 0:
		return c, bad("Learning.Delay", c.Learning.Delay)
	case c.Learning.Vetoed >= policiesEnd:
		return c, bad("Learning.Vetoed", c.Learning.Vetoed)
	case h.Vetoed >= policiesEnd:
		return c, bad("Hardware.Vetoed", h.Vetoed)
	case c.Learning.Max < 0:
		return c, bad("Learning.Max", c.Learning.Max)
	case c.Events < 0 || c.Events > 1<<24 || c.Events&(c.Events-1) != 0:
		return c, bad("Events", c.Events)
	case h.Timeout < 0:
		return c, bad("Hardware.Timeout", h.Timeout)
	case h.Retry < 0 || h.Retry > math.MaxInt64/maxPauses:
		return c, bad("Hardware.Retry", h.Retry)
	case h.Batch < 0:
		return c, bad("Hardware.Batch", h.Batch)
	case h.Close < 0:
		return c, bad("Hardware.Close", h.Close)
	case len(h.Devices) > 64:
		return c, bad("Hardware.Devices", len(h.Devices))
	case !c.Manual && !c.Start.IsZero():
		return c, bad("Start", c.Start)
	case c.Quirks >= quirksEnd:
		return c, bad("Quirks", c.Quirks)
	}
	if badAgeing(c.Ageing) {
		return c, bad("Ageing", c.Ageing)
	}
	names := make(map[string]bool)
	for i, d := range h.Devices {
		if d.Driver == nil {
			return c, bad(fmt.Sprintf("Hardware.Devices[%d].Driver", i), nil)
		}
		_, blocking := switchdev.As[switchdev.FDBOffloader](d.Driver)
		_, submits := switchdev.As[switchdev.FDBSubmitter](d.Driver)
		name := d.Driver.Name()
		reason := ""
		switch {
		case names[name]:
			reason = "two devices of one name"
		case !blocking && !submits:
			reason = "the driver has no FDB role"
		case !blocking && !c.Manual:
			reason = "the driver only submits, which takes a Manual table"
		}
		if reason != "" {
			return c, &switchdev.OpError{Op: "fdb.new", Device: name, Object: fmt.Sprintf("Hardware.Devices[%d].Driver", i), Reason: reason, Err: switchdev.ErrInvalid}
		}
		names[name] = true
	}
	setDefault(&c.Name, "fdb")
	setDefault(&c.Ageing, DefaultAgeing)
	setDefault(&c.Learning.Pending, DefaultPending)
	setDefault(&c.Events, DefaultEvents)
	setDefault(&h.Timeout, DefaultTimeout)
	setDefault(&h.Retry, time.Second)
	setDefault(&h.Batch, 256)
	setDefault(&h.Breaker, 3)
	setDefault(&h.Vetoed, PolicyRefuse)
	setDefault(&c.Learning.Vetoed, PolicySoftware)
	setDefault(&h.Close, h.Timeout)
	return c, nil
}

// maxPauses is how many times Hardware.Retry the longest pause is.
const (
	maxPausesLog = 6
	maxPauses    = 1 << maxPausesLog
)

// maxAgeing is half of what a stamp can count, and keeps every sum of times in
// range.
const maxAgeing = 10 * 365 * 24 * time.Hour

func badAgeing(d time.Duration) bool {
	return d > 0 && d < tickLength || d > maxAgeing && d != NoLearning
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}
