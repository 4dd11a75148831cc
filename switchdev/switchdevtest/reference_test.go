package switchdevtest

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// reference is a small honest device: tables in memory, every role that the kit
// has rules for, and hooks to make it hang, be slow and learn. A bug, named
// after the rule that it breaks, makes it a mutant.
type reference struct {
	bug  string
	free chan struct{} // closed when the test ends: what a mutant left hanging goes

	epoch    atomic.Uint64
	inflight atomic.Int32

	mu      sync.Mutex
	closed  bool
	life    *refLife
	perOp   time.Duration
	hang    chan struct{} // nil: does not hang
	member  map[switchdev.PortID]switchdev.Domain
	joins   map[switchdev.PortID]switchdev.Generation
	lags    map[switchdev.PortID][]switchdev.LAGLink
	buried  map[refKey]refRow // rows of LAGs that ended, of a mutant
	vlans   map[refVLAN]switchdev.VLANFlags
	rows    map[refKey]refRow
	refused bool // a row was refused since the last ReportSpace
	deletes int
	names   int
	outbox  []switchdev.Report
	sinks   []*refBinding
	list    []switchdev.PortInfo
	limits  switchdev.Limits

	delivering chan struct{} // full while sinks are called
	nameLock   chan struct{} // of a mutant
}

type refLife struct {
	over    chan struct{}
	idle    chan struct{}
	ended   bool
	running int
}

type refVLAN struct {
	port switchdev.PortID
	vlan switchdev.VLAN
}

type refKey struct {
	domain switchdev.Domain
	key    switchdev.FDBKey
	port   switchdev.PortID // 0, except in a mutant
}

type refRow struct {
	port    switchdev.PortID
	flags   switchdev.FDBFlags
	gen     switchdev.Generation
	learned bool
}

type refBinding struct{ sink switchdev.Sink }

func newReference(t testing.TB, bug string) *reference {
	d := &reference{
		bug: bug, free: make(chan struct{}), delivering: make(chan struct{}, 1), nameLock: make(chan struct{}, 1),
		limits: switchdev.Limits{Ports: 4, FDB: 64, VLANs: 40, Shared: 90, LAGs: 2, LAGLinks: 3, Batch: 32, AgeingMin: 10 * time.Second, AgeingMax: 1e6 * time.Second},
	}
	for i := range 4 {
		d.list = append(d.list, switchdev.PortInfo{ID: switchdev.PortID(i + 1), Name: "p" + string(rune('1'+i)), Carrier: true})
	}
	if d.has("port/list") {
		slices.Reverse(d.list)
	}
	d.epoch.Store(1)
	d.lags = map[switchdev.PortID][]switchdev.LAGLink{}
	d.clear()
	d.life = newRefLife()
	if d.has("driver/close-waits") {
		go func() { <-d.free }()
	}
	t.Cleanup(func() { close(d.free) })
	return d
}

func newRefLife() *refLife {
	return &refLife{over: make(chan struct{}), idle: make(chan struct{})}
}

func (d *reference) has(bug string) bool { return d.bug == bug }

func (d *reference) clear() {
	d.member = map[switchdev.PortID]switchdev.Domain{}
	d.joins = map[switchdev.PortID]switchdev.Generation{}
	if !d.has("lag/reset") {
		d.lags = map[switchdev.PortID][]switchdev.LAGLink{}
	}
	d.vlans = map[refVLAN]switchdev.VLANFlags{}
	d.rows = map[refKey]refRow{}
	d.refused = false
}

func (d *reference) Name() string {
	if d.has("driver/never-waits") {
		d.mu.Lock()
		hang := d.hang
		d.mu.Unlock()
		if hang != nil {
			<-hang
		}
	}
	if d.has("report/no-lock") {
		d.nameLock <- struct{}{}
		<-d.nameLock
	}
	if d.has("driver/name") {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.names++
		return "ref" + string(rune('0'+d.names))
	}
	return "ref0"
}

func (d *reference) Close() error {
	d.mu.Lock()
	again := d.closed
	d.closed = true
	l := d.life
	if !d.has("driver/close-answers") {
		l.end()
	}
	d.mu.Unlock()
	if again && d.has("driver/close-twice") {
		return switchdev.ErrClosed
	}
	if !d.has("driver/close-answers") {
		<-l.idle
	}
	return nil
}

// end and check are called under the device's mutex.
func (l *refLife) end() {
	if !l.ended {
		l.ended = true
		close(l.over)
		l.check()
	}
}

func (l *refLife) check() {
	if l.ended && l.running == 0 {
		close(l.idle)
	}
}

func (d *reference) begin() (*refLife, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed && !d.has("driver/closed") {
		if d.has("parallel/close") {
			return nil, switchdev.ErrNotExist
		}
		return nil, switchdev.ErrClosed
	}
	l := d.life
	l.running++
	return l, nil
}

func (d *reference) end(l *refLife) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l.running--; !d.has("driver/closed") {
		l.check()
	}
}

// pause takes the time that an operation takes.
func (d *reference) pause(ctx context.Context, l *refLife) error {
	d.mu.Lock()
	perOp, hang := d.perOp, d.hang
	d.mu.Unlock()
	over, done := l.over, ctx.Done()
	if d.has("driver/close-answers") || d.has("reset/no-late-effect") {
		over = nil
	}
	if d.has("fdb/cancel-returns") {
		done = nil
	}
	var elapsed <-chan time.Time
	if perOp > 0 {
		timer := time.NewTimer(perOp)
		defer timer.Stop()
		elapsed = timer.C
	} else if hang == nil {
		return d.verdict(ctx, l)
	}
	select {
	case <-elapsed:
	case <-hang:
	case <-over:
	case <-done:
	}
	return d.verdict(ctx, l)
}

func (d *reference) verdict(ctx context.Context, l *refLife) error {
	if err := ctx.Err(); err != nil && !d.has("batch/cancelled-before") {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dead(l)
}

// dead tells why a life is over.
func (d *reference) dead(l *refLife) error {
	switch {
	case d.closed && !d.has("driver/closed"):
		return switchdev.ErrClosed
	case l.ended && !d.has("reset/no-late-effect") && !d.has("driver/closed"):
		return switchdev.ErrBusy
	}
	return nil
}

// batch executes the operations of a role.
func batch[O any](d *reference, ctx context.Context, ops []O, results []switchdev.Result, head func(O) switchdev.Op, exec func(O) error) {
	l, err := d.begin()
	if err != nil {
		for i := range ops {
			results[i] = switchdev.Result{Token: head(ops[i]).Token, Err: err}
		}
		return
	}
	defer d.end(l)
	defer d.drain()
	failed := false
	for n := range ops {
		i := n
		if d.has("batch/in-order") {
			i = len(ops) - 1 - n
		}
		epoch, err := d.one(ctx, l, i, func() error {
			if failed {
				return switchdev.ErrBusy
			}
			return exec(ops[i])
		})
		failed = failed || err != nil && d.has("batch/failure-is-alone")
		results[i] = switchdev.Result{Token: head(ops[i]).Token, Epoch: epoch, Err: err}
		d.spoil(&results[i], results)
	}
}

func (d *reference) one(ctx context.Context, l *refLife, i int, exec func() error) (switchdev.Epoch, error) {
	if i >= d.limits.Batch && !d.has("batch/beyond-limit") {
		return 0, switchdev.ErrInvalid
	}
	if d.has("parallel/roles") {
		defer d.inflight.Add(-1)
		d.inflight.Add(1)
		for range 200 {
			if d.inflight.Load() > 1 {
				return 0, switchdev.ErrBusy
			}
			runtime.Gosched()
		}
	}
	err := d.pause(ctx, l)
	if err != nil && !(d.has("fdb/cancel-midway") && ctx.Err() != nil) {
		return 0, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if dead := d.dead(l); dead != nil {
		return 0, dead
	}
	if e := exec(); e != nil {
		return 0, e
	}
	epoch := switchdev.Epoch(d.epoch.Load())
	switch {
	case d.has("batch/epoch"):
		epoch = 0
	case d.has("batch/epoch-constant"):
		d.epoch.Add(1)
	case d.has("reset/results"):
		epoch = 1
	}
	return epoch, err
}

func (d *reference) spoil(r *switchdev.Result, all []switchdev.Result) {
	switch d.bug {
	case "batch/echo-token":
		r.Token++
	case "batch/hands-back":
		go func() {
			time.Sleep(time.Second)
			clear(all)
		}()
	}
}

func (d *reference) ApplyFDB(ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result) {
	batch(d, ctx, ops, results, func(o switchdev.FDBOp) switchdev.Op { return o.Op }, d.row)
}

func (d *reference) SubmitFDB(ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result, done func()) {
	if d.has("submit/equals-blocking") {
		ops = slices.Clone(ops)
		for i := range ops {
			if ops[i].Verb == switchdev.FDBDelete {
				ops[i].Entry.Key = switchdev.FDBKey{MAC: switchdev.MAC{2, 9}}
			}
		}
	}
	if d.has("submit/returns-at-once") {
		d.ApplyFDB(ctx, ops, results)
		done()
		return
	}
	l, err := d.begin()
	if err != nil {
		d.ApplyFDB(ctx, ops, results) // answers it
		done()
		return
	}
	go func() {
		defer d.end(l)
		if d.has("submit/results-first") {
			done()
			d.ApplyFDB(ctx, ops, results)
			return
		}
		d.ApplyFDB(ctx, ops, results)
		done()
		if d.has("submit/done-once") {
			done()
		}
	}()
}
