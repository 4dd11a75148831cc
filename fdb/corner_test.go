package fdb

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// dumpable is a chip that completes by itself and can be read.
type dumpable struct{ *queued }

func (d dumpable) DumpFDB(_ context.Context, _ switchdev.Domain, yield func(switchdev.FDBRow) bool) (switchdev.Epoch, error) {
	for _, e := range d.table() {
		if !yield(switchdev.FDBRow{FDBEntry: e}) {
			break
		}
	}
	return d.Epoch(), nil
}

// TestReconcileWhileABatchIsOut: the batch keeps its own time.
func TestReconcileWhileABatchIsOut(t *testing.T) {
	c := dumpable{newQueued("sw0")}
	b := newBench(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c}}}})
	add := b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
	b.Poll(b.now)
	read := b.SubmitReconcile(c)
	b.must(read)
	b.through(3 * callTimeouts * DefaultTimeout)
	if err := add.Err(); !errors.Is(err, switchdev.ErrOutcomeUnknown) {
		t.Errorf("Add = %v", err)
	}
	c.complete()
	b.Poll(b.now)
	for c.complete() {
		b.Poll(b.now)
	}
}

// TestHungDumpIsCancelled as a call is, and then the device is used again.
func TestHungDumpIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := &readable{chip: newChip("sw0"), dumping: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		table := newTable(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c}}}})
		if _, err := table.Reconcile(ctx, c); !errors.Is(err, switchdev.ErrOutcomeUnknown) {
			t.Errorf("Reconcile = %v", err)
		}
		time.Sleep(callTimeouts * DefaultTimeout)
		if err := table.Add(ctx, Entry{Key: key(1), Port: 1, Flags: Static}); err != nil {
			t.Errorf("Add = %v", err)
		}
	})
}

// TestDumpWithARowToOfferAgain: the worker does not spin until the dump is over.
// If it did, the bubble's time would stand still.
func TestDumpWithARowToOfferAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &readable{chip: newChip("sw0"), dumping: func(context.Context) error { time.Sleep(4 * time.Second); return nil }}
		c.answer = func(switchdev.FDBOp) error { return switchdev.ErrNoSpace }
		table := newTable(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c}}}})
		table.Learn(key(1), 1)
		synctest.Wait()
		if _, err := table.Reconcile(t.Context(), c); err != nil {
			t.Error(err)
		}
		c.become(nil, nil)
		time.Sleep(5 * time.Second)
		sameRows(t, table, c.chip, everyPort)
	})
}

// TestReconcileOfABusyDevice: that there is always a batch to hand over does not
// keep the device from being read.
func TestReconcileOfABusyDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &readable{chip: newChip("sw0")}
		table := newTable(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c}}}})
		n := 0
		c.become(func(context.Context, []switchdev.FDBOp) error {
			n++
			table.Learn(key(1), switchdev.PortID(1+n%2))
			time.Sleep(time.Millisecond)
			return nil
		}, nil)
		table.Learn(key(1), 1)
		if _, err := table.Reconcile(t.Context(), c); err != nil {
			t.Error(err)
		}
		c.become(nil, nil)
	})
}

// TestReconcilesThatGaveUpAreForgotten, however long the dump takes.
func TestReconcilesThatGaveUpAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := make(gate)
		c := &readable{chip: newChip("sw0"), dumping: func(ctx context.Context) error { return gate(open).hold(ctx, nil) }}
		table := newTable(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c}}}})
		for range 50 {
			table.SubmitReconcile(c)
			time.Sleep(time.Second)
		}
		<-table.slot
		if n := len(table.devs[0].audits); n > 10 {
			t.Errorf("%d wait for a dump, and at most %d can have time left", n, DefaultTimeout/time.Second)
		}
		table.unlock()
		close(open)
	})
}

// TestLeaveAfterJoin: the later one counts, although a join takes longer.
func TestLeaveAfterJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChip("sw0")
		table := newTable(t, Config{
			Learning: Learning{Pending: -1},
			Hardware: Hardware{Devices: []Device{{Driver: c, Ports: []switchdev.PortID{}}}},
		})
		for i := range 30000 {
			table.Learn(stationKey(i), 3)
		}
		synctest.Wait()
		join, leave := table.SubmitJoin(c, 3), table.SubmitLeave(c, 3)
		if err := errors.Join(join.Wait(t.Context()), leave.Wait(t.Context())); err != nil {
			t.Error(err)
		}
		if n := len(c.table()); n != 0 {
			t.Errorf("%d rows left", n)
		}
	})
}

// TestJoinAgainTellsOfTheRefusal, not that the device did not answer.
func TestJoinAgainTellsOfTheRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChip("sw0")
		c.answer = func(switchdev.FDBOp) error { return switchdev.ErrNoSpace }
		table := newTable(t, Config{Hardware: Hardware{
			Retry: time.Minute, Devices: []Device{{Driver: c, Ports: []switchdev.PortID{}}},
		}})
		table.Learn(key(1), 3)
		synctest.Wait()
		for range 2 {
			if err := table.Join(t.Context(), c, 3); !errors.Is(err, switchdev.ErrNoSpace) {
				t.Errorf("Join = %v", err)
			}
		}
	})
}

// TestTwoReadersAfterAnOverrun: one of them is told, and then both share one
// replay and what follows; neither is told that the subscription has ended.
func TestTwoReadersAfterAnOverrun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := newTable(t, Config{Events: 4})
		slow := func(*Event) bool { time.Sleep(time.Second); return true }
		sub, err := table.Subscribe(SubscribeOptions{Replay: true, Filter: slow})
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		overruns, synced := 0, 0
		live := make(map[Key]int)
		var last uint64
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				for e, err := range sub.All(t.Context()) {
					mu.Lock()
					switch {
					case errors.Is(err, switchdev.ErrOverrun):
						overruns++
						clear(live)
					case err != nil:
						if !errors.Is(err, switchdev.ErrClosed) || table.Len() < 100 {
							t.Errorf("a reader is told %v", err)
						}
					case e.Kind == Synced:
						synced++
					default:
						live[e.Entry.Key]++
						last = max(last, e.Seq)
					}
					mu.Unlock()
				}
			})
		}
		synctest.Wait()
		for i := range 30 {
			table.Learn(stationKey(i), 1)
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		for i := range 70 {
			table.Learn(stationKey(30+i), 1)
			time.Sleep(2 * time.Second)
		}
		synctest.Wait()
		if err := sub.Close(); err != nil {
			t.Error(err)
		}
		readers.Wait()
		if overruns == 0 || synced != overruns+1 {
			t.Errorf("%d overruns, %d replays ended", overruns, synced)
		}
		for i := range 100 {
			if n := live[stationKey(i)]; n != 1 {
				t.Errorf("station %d was told %d times", i, n)
			}
		}
		if last != table.ring.Last() {
			t.Errorf("last event %d, the table's is %d", last, table.ring.Last())
		}
	})
}

// handler logs and uses the table while it does.
type handler struct {
	slog.Handler
	table **Table
	n     *int
}

func (h handler) Enabled(context.Context, slog.Level) bool { return true }
func (h handler) Handle(context.Context, slog.Record) error {
	(*h.table).Stats()
	*h.n++
	return nil
}

// TestLoggerMayUseTheTable: a handler is a callback of the user, and nothing is
// held while it runs.
func TestLoggerMayUseTheTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var table *Table
		n := 0
		table = newTable(t, Config{Logger: slog.New(handler{slog.DiscardHandler, &table, &n})})
		if err := table.Delete(t.Context(), key(1), 1); !errors.Is(err, switchdev.ErrNotExist) {
			t.Error(err)
		}
		synctest.Wait() // the record is handled by a goroutine of its own
		if n != 1 {
			t.Errorf("%d records", n)
		}
	})
}

// crashing panics in its first submission.
type crashing struct {
	*queued
	crashed bool
}

func (c *crashing) SubmitFDB(ctx context.Context, ops []switchdev.FDBOp, results []switchdev.Result, done func()) {
	if !c.crashed {
		c.crashed = true
		panic("crash")
	}
	c.queued.SubmitFDB(ctx, ops, results, done)
}

// TestPanicOfASubmission fails its batch as unknown; the device goes on.
func TestPanicOfASubmission(t *testing.T) {
	c := &crashing{queued: newQueued("sw0")}
	b := newBench(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c}}}})
	first := b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
	b.Poll(b.now)
	for c.complete() {
		b.Poll(b.now)
	}
	if err := b.do(first); !errors.Is(err, switchdev.ErrOutcomeUnknown) {
		t.Errorf("Add = %v", err)
	}
	second := b.SubmitAdd(Entry{Key: key(2), Port: 1, Flags: Static})
	b.Poll(b.now)
	for c.complete() {
		b.Poll(b.now)
	}
	b.must(second)
	sameRows(t, b.Table, c.chip, everyPort)
}

// TestKeysOutOfRangeAreNotFound: packed, VLAN 4097 would be VLAN 1.
func TestKeysOutOfRangeAreNotFound(t *testing.T) {
	b := newBench(t, Config{})
	good := Key{MAC: key(1).MAC, VLAN: 1}
	b.Learn(good, 1)
	b.Poll(b.now)
	bad := Key{MAC: good.MAC, VLAN: good.VLAN + 4096}
	if hit, ok := b.Lookup(bad); ok {
		t.Errorf("Lookup = %v", hit)
	}
	if hit, ok := b.Destination(bad); ok {
		t.Errorf("Destination = %v", hit)
	}
	if e, ok := b.Snapshot().Lookup(bad); ok {
		t.Errorf("Snapshot.Lookup = %v", e)
	}
	if _, err := b.Get(t.Context(), bad); !errors.Is(err, switchdev.ErrInvalid) { // EINVAL
		t.Errorf("Get = %v", err)
	}
}

// TestErrorsSayWhatWasAttempted: operation, device and object, whoever answered.
func TestErrorsSayWhatWasAttempted(t *testing.T) {
	check := func(what string, err, is error, op, device, object string) {
		t.Helper()
		var oe *switchdev.OpError
		if !errors.Is(err, is) || !errors.As(err, &oe) || oe.Op != op || oe.Device != device || oe.Object != object {
			t.Errorf("%s: %v", what, err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := newChip("sw0")
		c.answer = func(switchdev.FDBOp) error { return switchdev.ErrNoSpace }
		table := newTable(t, withChips(Config{}, c))
		station := key(1).String()
		check("refused", table.Add(ctx, Entry{Key: key(1), Port: 1, Flags: Static}), switchdev.ErrNoSpace, "fdb.add", "sw0", station)
		_, err := table.Get(ctx, Key{})
		check("get", err, switchdev.ErrInvalid, "fdb.get", "", Key{}.String())
		unreadable := &readable{chip: newChip("sw1"), dumping: func(context.Context) error { return switchdev.ErrBusy }}
		other := newTable(t, Config{Hardware: Hardware{Devices: []Device{{Driver: unreadable}}}})
		_, err = other.Reconcile(ctx, unreadable)
		check("dump", err, switchdev.ErrBusy, "fdb.reconcile", "sw1", "")
		open := make(gate)
		c.become(open.hold, nil)
		err = table.Replace(ctx, Entry{Key: key(1), Port: 1, Flags: Static})
		check("hung", err, switchdev.ErrOutcomeUnknown, "fdb.replace", "sw0", station)
		close(open)
	})
	table, err := New(Config{Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	left := table.SubmitAdd(Entry{Key: key(1), Port: 1})
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	check("closed", left.Err(), switchdev.ErrClosed, "fdb.add", "", key(1).String())
}

// TestTimesOutOfRangeAreRefused: those whose sums would not fit.
func TestTimesOutOfRangeAreRefused(t *testing.T) {
	for _, cfg := range []Config{
		{Ageing: math.MaxInt64 - 1}, {Ageing: maxAgeing + 1}, {Hardware: Hardware{Retry: math.MaxInt64 / 2}},
	} {
		cfg.Manual = true
		if _, err := New(cfg); !errors.Is(err, switchdev.ErrInvalid) {
			t.Errorf("New(%+v) = %v", cfg, err)
		}
	}
	b := newBench(t, Config{Ageing: maxAgeing})
	b.Learn(key(1), 1)
	b.through(time.Hour)
	for _, d := range []time.Duration{1, maxAgeing + 1, NoLearning - 1} {
		var oe *switchdev.OpError
		if err := b.SetAgeing(d); !errors.As(err, &oe) || oe.Reason == "" {
			t.Errorf("SetAgeing(%v) = %v", d, err)
		}
	}
}

// TestPendingRefreshWakes: what Learn could not do in place is work for the worker.
func TestPendingRefreshWakes(t *testing.T) {
	c := newQueued("sw0")
	b := newBench(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c}}}})
	add := b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
	b.Poll(b.now)
	c.complete()
	b.must(add)
	again := b.SubmitReplace(Entry{Key: key(1), Port: 1, Flags: Static | Sticky})
	b.pass(time.Second)
	select {
	case <-b.Wake():
	default:
	}
	if got := b.Learn(key(1), 1); got != Refreshed {
		t.Fatalf("Learn = %v", got)
	}
	select {
	case <-b.Wake():
	default:
		t.Error("nobody is woken")
	}
	b.Poll(b.now)
	c.complete()
	b.must(again)
}

// TestFlushesShareAChunk: however many are under way, one step does one chunk,
// and whoever waits for the slot gets it in between.
func TestFlushesShareAChunk(t *testing.T) {
	b := newBench(t, Config{Learning: Learning{Pending: -1}})
	const ports = 20
	for i := range ports * chunkEntries {
		b.Learn(stationKey(i), switchdev.PortID(1+i%ports))
	}
	b.Poll(b.now)
	for p := range ports {
		b.SubmitFlush(OnPort(switchdev.PortID(1 + p)))
	}
	was := b.Len()
	<-b.slot
	b.step(b.now)
	b.unlock()
	if done := was - b.Len(); done > 2*chunkEntries {
		t.Errorf("%d entries in one step", done)
	}
}

// TestLostReportsAreMadeGoodInTheEnd: a device that cannot be read at once, or
// not in time, is read later.
func TestLostReportsAreMadeGoodInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		c := &readable{chip: newChip("sw0"), dumping: func(ctx context.Context) error {
			switch tries++; tries {
			case 1:
				return switchdev.ErrBusy
			case 2:
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}}
		table := newTable(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c}}}})
		if err := table.Add(t.Context(), Entry{Key: key(1), Port: 1, Flags: Static}); err != nil {
			t.Fatal(err)
		}
		c.corrupt(func(rows map[Key]switchdev.FDBEntry) { clear(rows) })
		<-table.slot // so that nobody hears
		for range maxReports + 5 {
			c.report(switchdev.Report{Kind: switchdev.ReportSpace, Epoch: 1})
		}
		table.unlock()
		time.Sleep(20 * time.Second)
		if _, ok := c.row(key(1)); !ok || tries != 3 {
			t.Errorf("row %v after %d dumps", ok, tries)
		}
		time.Sleep(time.Hour)
		if tries != 3 {
			t.Errorf("%d dumps", tries)
		}
	})
}
