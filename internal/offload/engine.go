package offload

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// Table is what the engine asks of the table whose rows it drives. All of it is
// called while the table holds its commit slot, and none of it may call back
// into the engine except where said.
type Table[K cmp.Ordered, R comparable] interface {
	// Row returns the row that the table holds for k now, and whether it
	// belongs to a user entry. An operation in flight does not count.
	Row(k K) (row R, user, ok bool)

	// Claims reports whether device dev is to hold row for k.
	Claims(dev int, k K, row R) bool

	// Done ends op. With a nil error every device that claims the operation's
	// row holds it and no other holds any; the table publishes. It may call
	// Touch.
	Done(op *Op[K, R], err error)

	// Settled tells that what the devices hold for k may have changed; the
	// table asks State if it wants to know.
	Settled(k K)
}

// Abandoner is what a table may be that leaves rows behind where another would
// withdraw them.
type Abandoner[K cmp.Ordered, R comparable] interface {
	// Abandons reports whether the row of k that device dev holds and is to hold no
	// more is left there and forgotten. It is called as those of [Table] are; of
	// operations that say so themselves, see [Op], it is not asked.
	Abandons(dev int, k K, row R) bool
}

// Config sizes an engine. Every field is required.
type Config struct {
	// Timeout is how long an operation waits for a device at each step.
	Timeout time.Duration
	// RetryMin and RetryMax bound the pause before a refused row is tried
	// again; it doubles from one to the other.
	RetryMin, RetryMax time.Duration
	// Batch is the largest batch handed to a device that names no limit.
	Batch int
	// Breaker is after how many operations in a row that a device did not
	// answer in time operations that need it are refused at once; 0 or less:
	// never.
	Breaker int
}

// Stats counts what the engine did.
type Stats struct {
	Calls, Items      uint64 // batches and operations handed to devices
	Refusals, Unknown uint64 // operations refused, and without a certain outcome
	Unsupported       uint64 // operations that a device left to software
	Retries           uint64 // refused rows tried again
	Resets            uint64 // device resets heard
	Stale             uint64 // reports that were too late to mean anything
	Undone            uint64 // user operations taken back
	Deferred          uint64 // answers that an operation did not wait for or heed
	Tripped           uint64 // operations refused because a breaker was open
}

// Engine drives the rows of one table. See the package documentation.
type Engine[K cmp.Ordered, R comparable] struct {
	table   Table[K, R]
	leaves  Abandoner[K, R] // the same, nil if it leaves nothing behind
	cfg     Config
	devs    []*device[K, R]
	ops     map[K]*Op[K, R]
	order   byDeadline[K, R] // the same
	over    []*Op[K, R]      // ended, not yet told to the table
	tokens  switchdev.Token
	returns uint64
	closing bool
	waits   []*Waiter // that wait for cells
	stats   Stats
}

// New returns an engine without devices.
func New[K cmp.Ordered, R comparable](table Table[K, R], cfg Config) *Engine[K, R] {
	leaves, _ := table.(Abandoner[K, R])
	return &Engine[K, R]{table: table, leaves: leaves, cfg: cfg, ops: make(map[K]*Op[K, R])}
}

// Attach adds a device whose epoch is epoch and that takes at most batch
// operations at once (0: the engine's default). Devices are numbered from 0.
func (e *Engine[K, R]) Attach(name string, epoch switchdev.Epoch, batch int) int {
	if batch <= 0 || batch > e.cfg.Batch {
		batch = e.cfg.Batch
	}
	e.devs = append(e.devs, newDevice[K, R](name, epoch, batch))
	return len(e.devs) - 1
}

// Devices returns how many devices there are.
func (e *Engine[K, R]) Devices() int { return len(e.devs) }

// Stats returns the counters.
func (e *Engine[K, R]) Stats() Stats { return e.stats }

// Busy reports whether a user operation on k is in flight.
func (e *Engine[K, R]) Busy(k K) bool { return e.ops[k] != nil }

// InFlight returns how many user operations are in flight.
func (e *Engine[K, R]) InFlight() int { return len(e.ops) }

// main returns what the table wants device dev to hold for the cell's key.
func (e *Engine[K, R]) main(dev int, c *cell[K, R]) wanted[R] {
	row, user, ok := e.table.Row(c.key)
	c.user = ok && user
	if !ok || !e.table.Claims(dev, c.key, row) {
		c.unsupported = wanted[R]{} // or the cell would outlive its key
		return wanted[R]{}
	}
	w := wanted[R]{row, true}
	if c.unsupported == w {
		return wanted[R]{}
	}
	c.unsupported = wanted[R]{}
	return w
}

// desired returns what the device is to hold: the target of the operation in
// flight, or what the table wants (rule 12).
func (e *Engine[K, R]) desired(dev int, c *cell[K, R]) wanted[R] {
	if c.op != nil {
		return c.target
	}
	return e.main(dev, c)
}

// Touch tells that the table's row of k changed: every device is brought to it
// in its own time.
func (e *Engine[K, R]) Touch(k K) {
	for dev, d := range e.devs {
		c := d.at(k)
		if c == nil {
			row, _, ok := e.table.Row(k)
			if !ok || !e.table.Claims(dev, k, row) {
				continue
			}
			c = d.cell(k)
		}
		e.review(dev, c, classOffload)
	}
}

// review queues the cell if it does not hold what it should, and settles it if
// it does.
func (e *Engine[K, R]) review(dev int, c *cell[K, R], cl class) {
	d := e.devs[dev]
	want := e.desired(dev, c)
	if !want.set && e.abandoned(dev, c) {
		d.believe(c, want)
	}
	if c.holds(want) {
		e.settled(dev, c)
		return
	}
	e.table.Settled(c.key) // no longer (rule 24)
	if c.out != nil || c.doubt && c.op == nil && want.set {
		return // reviewed again when it returns, or somebody has looked
	}
	if c.failed != nil && c.op == nil {
		if c.refused == want {
			e.rest(d, c, cl)
			return
		}
		d.pardon(c)
	}
	d.enqueue(c, cl)
}

// abandoned reports whether what the device may hold, and nobody wants there any
// more, is left there.
func (e *Engine[K, R]) abandoned(dev int, c *cell[K, R]) bool {
	return e.leaves != nil && c.belief != believedNone && c.out == nil && c.op == nil && e.leaves.Abandons(dev, c.key, c.row)
}

// rest leaves a row that the device refused until its pause is over. A row that
// it holds instead is taken away meanwhile.
func (e *Engine[K, R]) rest(d *device[K, R], c *cell[K, R], cl class) {
	if c.superseded(c.refused) {
		d.enqueue(c, cl)
		return
	}
	e.release(c, c.failed)
}

// again offers what the device refused once more without waiting for the end of
// its pause: somebody wants to know whether it still does.
func (e *Engine[K, R]) again(dev int, c *cell[K, R]) {
	if c.failed == nil || c.op != nil {
		return
	}
	c.failed, c.refused, c.stuck = nil, wanted[R]{}, false // tries stays
	e.devs[dev].retries.drop(c.key)
	e.stats.Retries++
	e.review(dev, c, classOffload)
}

// settled notes that the cell holds what it should.
func (e *Engine[K, R]) settled(dev int, c *cell[K, R]) {
	if c.op != nil {
		return // the operation looks for itself
	}
	d := e.devs[dev]
	d.pardon(c)
	e.release(c, nil)
	e.table.Settled(c.key)
	if e.ops[c.key] == nil {
		d.dequeue(c) // nothing is to be sent, and a device that hangs takes nothing
	}
	d.forget(c)
}

// release tells those who wait for the cell.
func (e *Engine[K, R]) release(c *cell[K, R], err error) {
	ws := c.waiters
	c.waiters = nil
	for _, w := range ws {
		w.settle(err)
	}
}

// refuse notes that the device refused what it was sent, and when to try again.
func (e *Engine[K, R]) refuse(dev int, c *cell[K, R], sent wanted[R], err error, now time.Time) {
	d := e.devs[dev]
	pause := e.cfg.RetryMin
	for range c.tries {
		if pause *= 2; pause >= e.cfg.RetryMax {
			break
		}
	}
	pause = min(pause, e.cfg.RetryMax)
	c.tries = min(c.tries+1, maxTries)
	c.failed, c.refused, c.stuck, c.late = err, sent, false, false
	d.retries.set(c.key, now.Add(pause))
	if c.op == nil && c.superseded(sent) && e.desired(dev, c) == sent {
		d.enqueue(c, classOffload)
	}
	if c.op == nil { // else its end tells what becomes of the row
		e.release(c, err)
	}
	e.table.Settled(c.key)
}

// Space tells that device dev has room again: what it refused is tried now, or
// when roomPause has passed since the last time. A full device has room again
// with every row that goes, and most of what it refused it refuses again.
func (e *Engine[K, R]) Space(dev int, now time.Time) {
	d := e.devs[dev]
	at := now
	if d.spaceAt.After(now) {
		at = d.spaceAt
	} else {
		d.spaceAt = now.Add(min(roomPause, e.cfg.RetryMin))
	}
	for _, k := range d.retries.after(at) {
		d.retries.set(k, at)
	}
}

// roomPause is how often at most everything that a device refused is offered
// because it has room again.
const roomPause = time.Second

// Hold keeps device dev from being handed anything, or lets it be handed again:
// the table has another use of it, such as reading it.
func (e *Engine[K, R]) Hold(dev int, on bool) {
	d := e.devs[dev]
	d.held = on
	if !on {
		d.back(false)
	}
}

// due queues the refused rows whose pause is over.
func (e *Engine[K, R]) due(dev int, now time.Time) {
	d := e.devs[dev]
	keys := d.retries.due(now)
	slices.Sort(keys)
	for _, k := range keys {
		d.retries.drop(k)
		if c := d.at(k); c != nil && c.failed != nil {
			c.failed, c.refused = nil, wanted[R]{} // tries stays: the pause grows
			e.stats.Retries++
			e.review(dev, c, classOffload)
		}
	}
}

// State tells where k stands with the devices that claim its row: offloaded when
// there is such a device and each is believed to hold exactly the row, with
// nothing under way (rule 24); failed when one of them refused it.
func (e *Engine[K, R]) State(k K) (offloaded, failed bool) {
	row, _, ok := e.table.Row(k)
	if !ok || e.ops[k] != nil {
		return false, false
	}
	want := wanted[R]{row, true}
	claims, held := 0, 0
	for dev, d := range e.devs {
		c := d.at(k)
		if !e.table.Claims(dev, k, row) || (c != nil && c.unsupported == want) {
			continue
		}
		claims++
		if c != nil && c.holds(want) {
			held++
		}
		failed = failed || (c != nil && (c.failed != nil || c.late))
	}
	return claims > 0 && held == claims, failed
}

// Verdict tells what the devices made of the row that the table holds for k:
// taken when none that claims it is without it, and the refusal of one that will
// not have it, as long as that is known to be one. With neither it is open.
func (e *Engine[K, R]) Verdict(k K) (taken bool, refusal error) {
	row, _, ok := e.table.Row(k)
	if e.ops[k] != nil {
		return false, nil
	}
	want := wanted[R]{row, ok}
	taken = true
	for dev, d := range e.devs {
		c := d.at(k)
		if !ok || !e.table.Claims(dev, k, row) || (c != nil && c.unsupported == want) {
			continue
		}
		taken = taken && c != nil && c.holds(want)
		if c != nil && c.failed != nil && c.refused == want && !errors.Is(c.failed, switchdev.ErrOutcomeUnknown) {
			refusal = c.failed
		}
	}
	return taken, refusal
}

// Next returns when Expire or Form has something to do by the clock alone, the
// zero time if never.
func (e *Engine[K, R]) Next() (next time.Time) {
	earlier := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	if op := e.order.first; op != nil {
		next = op.deadline
	}
	for _, d := range e.devs {
		if d.free() { // else nothing can be formed before it returns
			earlier(d.retries.next())
		}
	}
	return next
}

// deliver tells the table what has ended. It is the last thing that every entry
// into the engine does, so that the table never finds it half way.
func (e *Engine[K, R]) deliver() {
	for i := 0; i < len(e.over); i++ {
		op := e.over[i]
		e.over[i] = nil
		e.table.Done(op, op.err())
		e.Touch(op.Key)
	}
	e.over = e.over[:0]
}
