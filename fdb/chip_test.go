package fdb

import (
	"context"
	"maps"
	"sync"
	"testing"

	"github.com/switchcore/switchcore/switchdev"
)

// chip is a device that does what a test tells it. It has the blocking FDB role
// and reports resets; fields in the first group are set before it is used, and
// by become afterwards.
type chip struct {
	name string
	// before runs at the start of every call, without any lock: it may sleep,
	// block or panic. An error from it answers every operation.
	before func(ctx context.Context, ops []switchdev.FDBOp) error
	// answer says what becomes of one operation; nil executes it.
	answer func(op switchdev.FDBOp) error

	mu    sync.Mutex
	epoch switchdev.Epoch
	rows  map[Key]switchdev.FDBEntry
	calls int
	ops   int
	sinks map[int]switchdev.Sink
	bound int
}

func newChip(name string) *chip {
	return &chip{name: name, epoch: 1, rows: make(map[Key]switchdev.FDBEntry), sinks: make(map[int]switchdev.Sink)}
}

func (c *chip) Name() string { return c.name }
func (c *chip) Close() error { return nil }

func (c *chip) ApplyFDB(ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result) {
	c.mu.Lock()
	c.calls++
	c.ops += len(ops)
	before := c.before
	c.mu.Unlock()
	if before != nil {
		if err := before(ctx, ops); err != nil {
			for i := range ops {
				results[i] = switchdev.Result{Token: ops[i].Token, Err: err}
			}
			return
		}
	}
	for i := range ops {
		results[i] = c.execute(ops[i])
	}
}

// become changes what the chip does while it is in use.
func (c *chip) become(before func(context.Context, []switchdev.FDBOp) error, answer func(switchdev.FDBOp) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before, c.answer = before, answer
}

func (c *chip) execute(op switchdev.FDBOp) switchdev.Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answer != nil {
		if err := c.answer(op); err != nil {
			return switchdev.Result{Token: op.Token, Err: err}
		}
	}
	if op.Verb == switchdev.FDBSet {
		c.rows[op.Entry.Key] = op.Entry
	} else {
		delete(c.rows, op.Entry.Key)
	}
	return switchdev.Result{Token: op.Token, Epoch: c.epoch}
}

func (c *chip) Epoch() switchdev.Epoch {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

// Reset loses every row and says so.
func (c *chip) Reset(context.Context) (switchdev.Epoch, error) {
	e := c.lose()
	c.report(switchdev.Report{Kind: switchdev.ReportReset, Epoch: e})
	return e, nil
}

// lose loses every row and does not say so.
func (c *chip) lose() switchdev.Epoch {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	clear(c.rows)
	return c.epoch
}

func (c *chip) Bind(s switchdev.Sink) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bound++
	id := c.bound
	c.sinks[id] = s
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.sinks, id)
	}
}

func (c *chip) report(r switchdev.Report) {
	c.mu.Lock()
	sinks := maps.Clone(c.sinks)
	c.mu.Unlock()
	for _, s := range sinks {
		s.Report(r)
	}
}

func (c *chip) row(k Key) (switchdev.FDBEntry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.rows[k]
	return r, ok
}

func (c *chip) table() map[Key]switchdev.FDBEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.rows)
}

func (c *chip) counts() (calls, ops int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls, c.ops
}

// untilCancelled is a before that hangs as long as its ctx lives.
func untilCancelled(ctx context.Context, _ []switchdev.FDBOp) error {
	<-ctx.Done()
	return ctx.Err()
}

// gate makes calls hang, whatever their ctx says, until it is opened.
type gate chan struct{}

func (g gate) hold(context.Context, []switchdev.FDBOp) error { <-g; return nil }

// sameRows fails unless the device holds exactly the entries of the table that
// it claims. The table must be quiet.
func sameRows(t testing.TB, table *Table, c *chip, claims func(Entry) bool) {
	t.Helper()
	want := make(map[Key]switchdev.FDBEntry)
	for e := range table.All() {
		if r, ok := wantedRow(e); ok && claims(e) {
			want[e.Key] = r
		}
	}
	if got := c.table(); !maps.Equal(got, want) {
		t.Errorf("%s holds %v\nwant %v", c.name, got, want)
	}
}

func everyPort(Entry) bool { return true }

func onPorts(ports ...switchdev.PortID) func(Entry) bool {
	return func(e Entry) bool {
		if e.Flags&Local != 0 && len(ports) > 0 {
			return true
		}
		for _, p := range ports {
			if e.Port == p {
				return true
			}
		}
		return false
	}
}

// wantedRow is the row that an entry has in hardware, written down once more
// from the documentation: nothing of locked ports, no user's dynamic entry.
func wantedRow(e Entry) (switchdev.FDBEntry, bool) {
	user := e.Flags&User != 0
	if e.Flags&Locked != 0 || user && e.Flags&(Static|Extern) == 0 {
		return switchdev.FDBEntry{}, false
	}
	r := switchdev.FDBEntry{Key: e.Key, Port: e.Port}
	for f, hw := range map[Flags]switchdev.FDBFlags{
		Static: switchdev.FDBStatic, Local: switchdev.FDBLocal, Sticky: switchdev.FDBSticky, Extern: switchdev.FDBExtern,
	} {
		if e.Flags&f != 0 {
			r.Flags |= hw
		}
	}
	return r, true
}

// withChips adds devices that claim every port.
func withChips(cfg Config, chips ...*chip) Config {
	for _, c := range chips {
		cfg.Hardware.Devices = append(cfg.Hardware.Devices, Device{Driver: c})
	}
	return cfg
}

func stationKey(n int) Key {
	return Key{MAC: switchdev.MAC{2, 1, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}}
}
