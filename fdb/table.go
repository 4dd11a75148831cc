package fdb

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchcore/switchcore/fdb/internal/cam"
	"github.com/switchcore/switchcore/fdb/internal/overlay"
	"github.com/switchcore/switchcore/internal/notify"
	"github.com/switchcore/switchcore/internal/offload"
	"github.com/switchcore/switchcore/switchdev"
)

// Table is a forwarding database. All methods may be called concurrently, with
// the exceptions named at Poll; Learn, Lookup and Destination never wait. Make
// one with [New] and end it with [Table.Close].
type Table struct {
	cfg      Config
	clock    clock
	ageing   ageing
	maximum  atomic.Int64 // Learning.Max
	stations *overlay.Table
	ring     *notify.Ring[Event]
	stats    counters
	trace    Trace  // Config.Trace, or no hooks
	outbox   outbox // what is to be told to the user's code
	tickets  atomic.Uint64

	// slot is the commit slot: who has taken the token may stage, finish and
	// use everything down to the next blank line. Nobody keeps it over a driver
	// call, a callback or a wait.
	slot     chan struct{}
	devices  *offload.Engine[uint64, row]
	devs     []*device
	queues   map[cam.Key][]*op // operations of a key, the first in flight or ready
	ready    []cam.Key         // keys whose first operation is to be staged
	inFlight map[cam.Key]*op
	queued   uint64           // operations that came into the queues
	changes  []overlay.Change // made and not yet told
	told     []overlay.Change // room for the next ones
	direct   direct           // room for batches
	bulks    []bulk           // of the same
	retired  []overlay.FlushDone
	jobs     []*job            // flushes, joins and leaves under way
	flushes  map[uint64][]*job // those that are flushes, by their numbers
	untold   untold            // stations that devices are still to take
	orphans  []cam.Key         // whose device no longer has the row
	roamed   []cam.Key         // whose row at the port before is still to be withdrawn
	muted    bool              // among the changes are such that are not told
	// unsettled are those whose offload state is looked at when the changes of the
	// table have been told.
	unsettled []cam.Key
	flushed   bool   // a chunk of the flushes was done in this step
	applying  sealed // the generation that is being applied
	sweep     sweep
	sealAt    time.Time // when the open generation may be sealed; zero if it is empty
	lastNow   time.Time
	wakeAt    time.Time // when the worker, or Poll's caller, means to be back; zero for never
	closed    bool

	gone      portSet // ports that were removed
	inbox     inbox
	reports   reports
	completed completions
	kicked    flag          // the worker has been told that there is work
	sealing   atomic.Bool   // sealAt is set: the worker comes for what is learned without being told
	kick      chan struct{} // tells it
	closeOnce sync.Once
	closeErr  error
	running   sync.WaitGroup  // worker and clock
	stopped   context.Context // ends them
	stop      context.CancelFunc
	callsEnd  context.Context // ends the executors and every driver call
	endCalls  context.CancelFunc
	idle      chan struct{} // after Close: a token whenever a driver returned
}

// New returns a table, or says what is wrong with cfg, matching
// [switchdev.ErrInvalid]. Unless cfg.Manual is set it starts one worker, one
// clock and one executor for each device, which Close ends.
func New(cfg Config) (*Table, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	t := &Table{
		cfg: cfg, slot: make(chan struct{}, 1), kick: make(chan struct{}, 1), idle: make(chan struct{}, 1),
		queues: make(map[cam.Key][]*op), inFlight: make(map[cam.Key]*op),
		flushes: make(map[uint64][]*job), untold: untold{on: cfg.Learning.Vetoed == PolicyRefuse},
	}
	t.slot <- struct{}{}
	start := cfg.Start
	if start.IsZero() {
		start = time.Now()
	}
	t.clock.begin(start)
	t.ageing.time.Store(int64(cfg.Ageing))
	t.ageing.ticks.Store(t.holdTicks())
	t.maximum.Store(int64(cfg.Learning.Max))
	t.stopped, t.stop = context.WithCancel(context.Background())
	t.callsEnd, t.endCalls = context.WithCancel(context.Background())
	t.ring, err = notify.New(notify.Config[Event]{
		Capacity: cfg.Events, Number: func(e *Event, seq uint64) { e.Seq = max(e.Seq, seq) },
		Overrun: switchdev.ErrOverrun, Closed: switchdev.ErrClosed,
	})
	if err != nil {
		return nil, err
	}
	stations := overlay.Config{
		PendingMax: cfg.Learning.Pending, LearnedMax: cfg.Learning.Max, LearnedOwner: uint8(OwnerLearned), Seed: seedOf(cfg.Seed), Emit: t.changed,
		KeepOffload: cfg.Quirks.Has(QuirkLegacyOffload),
	}
	if len(cfg.Hardware.Devices) == 0 {
		stations.EmitBulk = t.bulked
	}
	t.stations = overlay.New(stations)
	t.devices = offload.New(deviceTable{t}, offload.Config{
		Timeout: cfg.Hardware.Timeout, RetryMin: cfg.Hardware.Retry, RetryMax: maxPauses * cfg.Hardware.Retry, Batch: cfg.Hardware.Batch,
		Breaker: cfg.Hardware.Breaker,
	})
	for _, d := range cfg.Hardware.Devices {
		t.attach(d)
	}
	if cfg.Trace != nil {
		t.trace = *cfg.Trace
	}
	if cfg.Trace != nil || cfg.Logger != nil {
		t.outbox.open(cfg.Manual)
	}
	t.sweep.begin(t, start)
	if !cfg.Manual {
		t.startWorkers()
	}
	return t, nil
}

func seedOf(seed uint64) [2]uint64 {
	if seed == 0 {
		return [2]uint64{}
	}
	return [2]uint64{seed, ^seed}
}

// attach adds a device at construction.
func (t *Table) attach(cfg Device) {
	d := &device{Device: cfg, name: cfg.Driver.Name(), claims: newClaims(cfg.Ports), kick: make(chan struct{}, 1)}
	d.blocks, _ = switchdev.As[switchdev.FDBOffloader](cfg.Driver)
	if t.cfg.Manual {
		d.submits, _ = switchdev.As[switchdev.FDBSubmitter](cfg.Driver)
	}
	d.dumper, _ = switchdev.As[switchdev.FDBDumper](cfg.Driver)
	var epoch switchdev.Epoch
	if r, ok := switchdev.As[switchdev.Resetter](cfg.Driver); ok {
		epoch = r.Epoch()
	}
	batch := 0
	if l, ok := switchdev.As[switchdev.Limiter](cfg.Driver); ok {
		batch = l.Limits().Batch
	}
	dev := t.devices.Attach(d.name, epoch, batch)
	t.devs = append(t.devs, d)
	t.look(dev)
	if r, ok := switchdev.As[switchdev.Reporter](cfg.Driver); ok {
		d.unbind = r.Bind(sink{t, dev})
	}
}

// unlock gives the commit slot back and tells the executors that have work, and
// the worker if something is due before it would wake.
func (t *Table) unlock() {
	if !t.cfg.Manual {
		for i, d := range t.devs {
			if t.devices.Pending(i, t.lastNow) || t.auditDue(d, t.lastNow) {
				signal(d.kick)
			}
		}
	}
	if next := t.next(); !next.IsZero() && (t.wakeAt.IsZero() || next.Before(t.wakeAt)) {
		t.wakeAt = next
		t.nudge()
	}
	if t.devices.Renewing() {
		t.nudge()
	}
	t.watch()
	t.slot <- struct{}{}
}

// offer does what was just submitted, if nobody else is at it: a table without
// slow hardware answers in the goroutine that asked. Whoever holds the slot
// meanwhile is told through the kick.
func (t *Table) offer() {
	if !t.cfg.Manual {
		select {
		case <-t.slot:
			t.commit(time.Now())
			t.unlock()
		default:
		}
	}
	if !t.inbox.empty() {
		t.nudge()
	}
}

// commit stages whatever is to be staged. What devices have reported comes first:
// an operation that finds nothing to do must not trust a row that a device has
// said it lost. The caller holds the slot.
func (t *Table) commit(now time.Time) bool {
	worked := t.hear(now)
	worked = t.takeInbox(now) || worked
	return t.stageReady(now) || worked
}

// Close ends the table. Operations that no device has been handed are refused
// with [switchdev.ErrClosed], those that were half done are taken back, and the
// ctx of calls that are out is cancelled. Close waits for drivers that honour
// it, at most Hardware.Close for each of its two steps, and then returns an
// error that names the devices that do not; their operations have an unknown
// outcome. Rows stay in the devices: withdrawing them is Leave's. On a Manual
// table Close itself makes the calls that take back what was half done, but
// waits for none of those that are out: a device that completes by itself and
// later leaves the outcome unknown.
//
// Lookup and Learn of a closed table go on working on what it held; nothing is
// applied any more. Close is idempotent and must not be called from a driver's
// callback.
func (t *Table) Close() error {
	t.closeOnce.Do(func() { t.closeErr = t.close() })
	return t.closeErr
}
