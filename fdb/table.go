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
	ageing   atomic.Int64 // a time.Duration
	stations *overlay.Table
	ring     *notify.Ring[Event]
	stats    counters

	// slot is the commit slot: who has taken the token may stage, finish and
	// use everything down to the next blank line. Nobody keeps it over a driver
	// call, a callback or a wait.
	slot     chan struct{}
	devices  *offload.Engine[uint64, row]
	devs     []*device
	queues   map[cam.Key][]*op // operations of a key, the first in flight or ready
	ready    []cam.Key         // keys whose first operation is to be staged
	inFlight map[cam.Key]*op
	changes  []overlay.Change // made and not yet told
	told     []overlay.Change // room for the next ones
	retired  []overlay.FlushDone
	jobs     []*job    // flushes, joins and leaves under way
	flushed  bool      // a chunk of the flushes was done in this step
	refusals []refusal // to be logged
	sweep    sweep
	sealAt   time.Time // when the open generation may be sealed; zero if it is empty
	lastNow  time.Time
	wakeAt   time.Time // when the worker, or Poll's caller, means to be back; zero for never
	closed   bool

	inbox     inbox
	reports   reports
	completed completions
	kicked    flag          // the worker has been told that there is work
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
	}
	t.slot <- struct{}{}
	start := cfg.Start
	if start.IsZero() {
		start = time.Now()
	}
	t.clock.begin(start)
	t.ageing.Store(int64(cfg.Ageing))
	t.stopped, t.stop = context.WithCancel(context.Background())
	t.callsEnd, t.endCalls = context.WithCancel(context.Background())
	t.ring, err = notify.New(notify.Config[Event]{
		Capacity: cfg.Events, Number: func(e *Event, seq uint64) { e.Seq = max(e.Seq, seq) },
		Overrun: switchdev.ErrOverrun, Closed: switchdev.ErrClosed,
	})
	if err != nil {
		return nil, err
	}
	t.stations = overlay.New(overlay.Config{
		PendingMax: cfg.Learning.Pending, LearnedOwner: uint8(OwnerLearned), Seed: seedOf(cfg.Seed), Emit: t.changed,
	})
	t.devices = offload.New(deviceTable{t}, offload.Config{
		Timeout: cfg.Hardware.Timeout, RetryMin: cfg.Hardware.Retry, RetryMax: maxPauses * cfg.Hardware.Retry, Batch: cfg.Hardware.Batch,
	})
	for _, d := range cfg.Hardware.Devices {
		t.attach(d)
	}
	t.sweep.arm(t, start)
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
	refusals := t.refusals
	t.refusals = nil
	t.slot <- struct{}{}
	for _, r := range refusals {
		r.log(t)
	}
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
// table nobody brings calls back while Close runs: it waits for none of them,
// and what was half done has an unknown outcome.
//
// Lookup and Learn of a closed table go on working on what it held; nothing is
// applied any more. Close is idempotent and must not be called from a driver's
// callback.
func (t *Table) Close() error {
	t.closeOnce.Do(func() { t.closeErr = t.close() })
	return t.closeErr
}
