package fdb

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// atOnce fails unless f ends at the virtual instant at which it began. Inside a
// bubble time stands still as long as anybody can run, so whatever waits for
// the device makes the clock jump to the device's deadline.
func atOnce(t *testing.T, what string, f func()) {
	t.Helper()
	before := time.Now()
	f()
	if d := time.Since(before); d != 0 {
		t.Errorf("%s took %v while a device hung", what, d)
	}
}

// TestHungDeviceDelaysNobodyElse is the promise of independence, verb by verb.
func TestHungDeviceDelaysNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		hung, other := newChip("hung"), newChip("other")
		hung.before = untilCancelled
		cfg := Config{Hardware: Hardware{Devices: []Device{
			{Driver: hung, Ports: []switchdev.PortID{1}}, {Driver: other, Ports: []switchdev.PortID{2, 3}},
		}}}
		table, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		stuck := table.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
		synctest.Wait() // the call is out
		if n, _ := hung.counts(); n != 1 {
			t.Fatalf("%d calls out", n)
		}

		atOnce(t, "Learn of a new station", func() {
			if got := table.Learn(key(2), 1); got != Queued {
				t.Errorf("Learn = %v", got)
			}
		})
		atOnce(t, "Lookup", func() {
			if hit, ok := table.Lookup(key(2)); !ok || hit.Port != 1 {
				t.Errorf("Lookup = %v, %v", hit, ok)
			}
		})
		atOnce(t, "applying what was learned", func() {
			synctest.Wait()
			if table.Len() != 1 {
				t.Errorf("Len = %d", table.Len())
			}
		})
		atOnce(t, "Lookup of the key in flight", func() {
			if _, ok := table.Lookup(key(1)); ok {
				t.Error("an operation in flight is visible")
			}
		})
		atOnce(t, "Learn of the key in flight", func() {
			if got := table.Learn(key(1), 2); got != Queued {
				t.Errorf("Learn = %v", got)
			}
			if hit, ok := table.Lookup(key(1)); !ok || hit.Port != 2 {
				t.Errorf("Lookup = %v, %v", hit, ok)
			}
		})
		atOnce(t, "Add on another device", func() {
			if err := table.Add(ctx, Entry{Key: key(3), Port: 2, Flags: Static}); err != nil {
				t.Errorf("Add = %v", err)
			}
			if r, ok := other.row(key(3)); !ok || r.Port != 2 {
				t.Errorf("row = %v, %v", r, ok)
			}
		})
		atOnce(t, "Replace on another device", func() {
			if err := table.Replace(ctx, Entry{Key: key(3), Port: 3, Flags: Static}); err != nil {
				t.Errorf("Replace = %v", err)
			}
		})
		atOnce(t, "Delete on another device", func() {
			if err := table.Delete(ctx, key(3), 3); err != nil {
				t.Errorf("Delete = %v", err)
			}
		})
		atOnce(t, "Add of an entry that no device claims", func() {
			if err := table.Add(ctx, Entry{Key: key(4), Port: 9, Flags: Static}); err != nil {
				t.Errorf("Add = %v", err)
			}
		})
		atOnce(t, "Get", func() {
			if e, err := table.Get(ctx, key(4)); err != nil || e.Port != 9 {
				t.Errorf("Get = %v, %v", e, err)
			}
		})
		var flush *Ticket
		atOnce(t, "SubmitFlush", func() {
			table.Learn(key(5), 1)
			flush = table.SubmitFlush(OnPort(1))
			for _, n := range []byte{2, 5} {
				if hit, ok := table.Lookup(key(n)); ok {
					t.Errorf("Lookup finds %d at %v after the flush", n, hit)
				}
			}
			if got := table.Learn(key(5), 1); !got.Accepted() {
				t.Errorf("Learn = %v", got)
			}
			if _, ok := table.Lookup(key(5)); !ok {
				t.Error("learned after the flush, and missed")
			}
		})
		atOnce(t, "SubmitFlush of another port", func() {
			table.Learn(key(6), 2)
			table.SubmitFlush(OnPort(2))
			if _, ok := table.Lookup(key(6)); ok {
				t.Error("Lookup finds what was flushed")
			}
		})
		var queued []*Ticket
		atOnce(t, "Submit", func() {
			queued = append(queued,
				table.SubmitReplace(Entry{Key: key(1), Port: 1, Flags: Static}),
				table.SubmitDelete(key(1), 1),
				table.SubmitAdd(Entry{Key: key(7), Port: 1, Flags: Static}))
		})
		atOnce(t, "Withdraw", func() {
			if !queued[1].Withdraw() {
				t.Error("a queued operation could not be withdrawn")
			}
		})
		atOnce(t, "Subscribe", func() {
			sub, err := table.Subscribe(SubscribeOptions{Replay: true})
			if err != nil {
				t.Fatal(err)
			}
			for {
				e, err := sub.Next(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if e.Kind == Synced {
					break
				}
			}
			if err := sub.Close(); err != nil {
				t.Error(err)
			}
		})
		atOnce(t, "Snapshot", func() { table.Snapshot().Len() })
		atOnce(t, "Stats", func() { table.Stats() })
		if err := stuck.Err(); err != nil {
			t.Errorf("the operation ended: %v", err)
		}
		atOnce(t, "Close", func() {
			if err := table.Close(); err != nil {
				t.Errorf("Close = %v", err)
			}
		})
		for _, k := range append(queued, stuck, flush) {
			select {
			case <-k.Done():
			default:
				t.Error("a ticket is left open")
			}
		}
		if err := stuck.Err(); err == nil || errors.Is(err, switchdev.ErrExist) {
			t.Errorf("stuck operation: %v", err)
		}
	})
}

// TestDeadlineEndsTheWait: handed over → unknown (rule 17); not handed over →
// the device is unavailable and nothing was done (rule 19); afterwards the
// device is brought to what the table wants.
func TestDeadlineEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c, open := newChip("sw0"), make(gate)
		c.before = open.hold
		table := newTable(t, withChips(Config{Hardware: Hardware{Timeout: 2 * time.Second}}, c))
		start := time.Now()
		first := table.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
		synctest.Wait()
		second := table.SubmitAdd(Entry{Key: key(2), Port: 1, Flags: Static})
		third := table.SubmitReplace(Entry{Key: key(1), Port: 2, Flags: Static}) // queued behind the first

		if err := first.Wait(ctx); !errors.Is(err, switchdev.ErrOutcomeUnknown) || !strings.Contains(err.Error(), "sw0") {
			t.Errorf("handed over: %v", err)
		}
		if err := second.Wait(ctx); !errors.Is(err, switchdev.ErrDeviceUnavailable) || errors.Is(err, switchdev.ErrOutcomeUnknown) || !strings.Contains(err.Error(), "sw0") {
			t.Errorf("not handed over: %v", err)
		}
		if d := time.Since(start); d != 2*time.Second {
			t.Errorf("ended after %v, want 2s", d)
		}
		for _, n := range []byte{1, 2} {
			if _, ok := table.Lookup(key(n)); ok {
				t.Errorf("%d is in the table", n)
			}
		}
		if err := third.Wait(ctx); !errors.Is(err, switchdev.ErrDeviceUnavailable) && !errors.Is(err, switchdev.ErrOutcomeUnknown) {
			t.Errorf("behind it: %v", err)
		}
		if d := time.Since(start); d != 4*time.Second {
			t.Errorf("the next of the key ended after %v, want 4s", d)
		}
		table.Learn(key(3), 1)
		close(open)
		synctest.Wait()
		time.Sleep(time.Minute)
		synctest.Wait()
		sameRows(t, table, c, everyPort)
		if _, ok := c.row(key(3)); !ok {
			t.Error("the learned station did not reach the device")
		}
		if err := table.Add(ctx, Entry{Key: key(1), Port: 1, Flags: Static}); err != nil {
			t.Errorf("Add on the recovered device: %v", err)
		}
		sameRows(t, table, c, everyPort)
	})
}

// TestFlushOnHungDeviceEndsAtItsDeadline: the entries are gone at once, the
// ticket ends when the devices' time is over, and the row goes when it can.
func TestFlushOnHungDeviceEndsAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChip("sw0")
		table := newTable(t, withChips(Config{Hardware: Hardware{Timeout: 3 * time.Second}}, c))
		table.Learn(key(1), 1)
		synctest.Wait()
		open := make(gate)
		c.become(open.hold, nil)
		start := time.Now()
		n, err := table.Flush(t.Context(), OnPort(1))
		if n != 1 || !errors.Is(err, switchdev.ErrOutcomeUnknown) {
			t.Errorf("Flush = %d, %v", n, err)
		}
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("ended after %v, want 3s", d)
		}
		close(open)
		synctest.Wait()
		sameRows(t, table, c, everyPort)
	})
}

// TestFlushEndsWithTheOperationItOvertook (rule 11): the add that the flush
// covers returns nil, is published and removed, and the flush ends with it.
func TestFlushEndsWithTheOperationItOvertook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChip("sw0")
		c.before = func(context.Context, []switchdev.FDBOp) error { time.Sleep(time.Second); return nil }
		table := newTable(t, withChips(Config{}, c))
		sub, err := table.Subscribe(SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer sub.Close()
		start := time.Now()
		add := table.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
		synctest.Wait()
		flush := table.SubmitFlush(Filter{})
		if err := add.Wait(t.Context()); err != nil {
			t.Errorf("Add = %v", err)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("Add ended after %v", d)
		}
		if _, ok := table.Lookup(key(1)); ok {
			t.Error("flushed entry found")
		}
		if err := flush.Wait(t.Context()); err != nil || flush.Count() != 1 {
			t.Errorf("Flush = %d, %v", flush.Count(), err)
		}
		if d := time.Since(start); d != 2*time.Second {
			t.Errorf("Flush ended after %v, want 2s: one call to set, one to delete", d)
		}
		for _, want := range []EventKind{Added, Flushed} {
			for {
				e, err := sub.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if e.Kind == OffloadChanged {
					continue
				}
				if e.Kind != want {
					t.Errorf("event %v, want %v", e.Kind, want)
				}
				break
			}
		}
		sameRows(t, table, c, everyPort)
	})
}

// TestRetryIsOnTime: a learned row that was refused is offered again after
// Retry, then after twice as long (rule 29's back-off).
func TestRetryIsOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChip("sw0")
		var tries []time.Duration
		start := time.Now()
		c.answer = func(switchdev.FDBOp) error {
			tries = append(tries, time.Since(start))
			if len(tries) < 4 {
				return switchdev.ErrNoSpace
			}
			return nil
		}
		table := newTable(t, withChips(Config{Ageing: -1, Hardware: Hardware{Retry: time.Second}}, c))
		table.Learn(key(1), 1)
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []time.Duration{0, 1, 3, 7}
		if len(tries) != len(want) {
			t.Fatalf("tries at %v", tries)
		}
		for i, w := range want {
			if tries[i] != w*time.Second {
				t.Errorf("tries at %v, want %v s", tries, want)
				break
			}
		}
		if e, err := table.Get(t.Context(), key(1)); err != nil || e.Offload != Offloaded {
			t.Errorf("Get = %+v, %v", e, err)
		}
	})
}

// TestCloseNamesDriversThatDoNotReturn: Close waits Hardware.Close for each of
// its two steps and no longer.
func TestCloseNamesDriversThatDoNotReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		deaf, open := newChip("deaf"), make(gate)
		deaf.before = open.hold
		table, err := New(withChips(Config{Hardware: Hardware{Close: 3 * time.Second}}, deaf, newChip("fine")))
		if err != nil {
			t.Fatal(err)
		}
		add := table.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
		synctest.Wait()
		start := time.Now()
		err = table.Close()
		if !errors.Is(err, switchdev.ErrDeviceUnavailable) || !strings.Contains(err.Error(), "deaf") || strings.Contains(err.Error(), "fine") {
			t.Errorf("Close = %v", err)
		}
		if d := time.Since(start); d < 3*time.Second || d > 6*time.Second {
			t.Errorf("Close took %v", d)
		}
		select {
		case <-add.Done():
		default:
			t.Fatal("ticket left open")
		}
		if err := add.Err(); !errors.Is(err, switchdev.ErrOutcomeUnknown) {
			t.Errorf("Add = %v", err)
		}
		close(open) // the goroutine ends: the bubble would say if it did not
	})
}

// TestCloseRefusesWhatFollows: every verb says ErrClosed, the data path works on.
func TestCloseRefusesWhatFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := newChip("sw0")
		table, err := New(withChips(Config{}, c))
		if err != nil {
			t.Fatal(err)
		}
		table.Learn(key(1), 1)
		if err := table.Add(ctx, Entry{Key: key(2), Port: 1, Flags: Static}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for range 2 {
			if err := table.Close(); err != nil {
				t.Fatal(err)
			}
		}
		_, flushErr := table.Flush(ctx, Filter{})
		_, subErr := table.Subscribe(SubscribeOptions{})
		for what, err := range map[string]error{
			"Add":       table.Add(ctx, Entry{Key: key(3), Port: 1, Flags: Static}),
			"Replace":   table.Replace(ctx, Entry{Key: key(3), Port: 1, Flags: Static}),
			"Delete":    table.Delete(ctx, key(2), 1),
			"Flush":     flushErr,
			"Subscribe": subErr,
		} {
			if !errors.Is(err, switchdev.ErrClosed) {
				t.Errorf("%s = %v", what, err)
			}
		}
		if hit, ok := table.Lookup(key(2)); !ok || hit.Port != 1 {
			t.Errorf("Lookup = %v, %v", hit, ok)
		}
		if got := table.Learn(key(1), 1); got != Known {
			t.Errorf("Learn = %v", got)
		}
		if _, ok := c.row(key(2)); !ok {
			t.Error("Close withdrew a row")
		}
	})
}

// TestPanickingDriverFailsItsBatchOnly: its operations have an unknown outcome,
// and its goroutine goes on.
func TestPanickingDriverFailsItsBatchOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c, other := newChip("sw0"), newChip("sw1")
		panics := 1
		c.before = func(context.Context, []switchdev.FDBOp) error {
			if panics > 0 {
				panics--
				panic("the driver's bug")
			}
			return nil
		}
		var log bytes.Buffer
		table := newTable(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), Hardware: Hardware{Devices: []Device{
			{Driver: c, Ports: []switchdev.PortID{1}}, {Driver: other, Ports: []switchdev.PortID{2}},
		}}})
		before := time.Now()
		err := table.Add(ctx, Entry{Key: key(1), Port: 1, Flags: Static})
		synctest.Wait()
		if text := log.String(); !strings.Contains(text, "the driver's bug") || !strings.Contains(text, "TestPanickingDriverFailsItsBatchOnly") {
			t.Errorf("the log does not say where: %s", text)
		}
		if !errors.Is(err, switchdev.ErrOutcomeUnknown) {
			t.Errorf("Add = %v", err)
		}
		if d := time.Since(before); d != 0 {
			t.Errorf("a panic took %v to be noticed", d)
		}
		if err := table.Add(ctx, Entry{Key: key(1), Port: 1, Flags: Static}); err != nil {
			t.Errorf("Add after the panic = %v", err)
		}
		if err := table.Add(ctx, Entry{Key: key(2), Port: 2, Flags: Static}); err != nil {
			t.Errorf("Add on the other device = %v", err)
		}
		if s := table.Stats(); s.Hardware.Panics != 1 {
			t.Errorf("Panics = %d", s.Hardware.Panics)
		}
		sameRows(t, table, c, onPorts(1))
		sameRows(t, table, other, onPorts(2))
	})
}

// TestDeadlockIsToldFromInsideACallback: with the callback's ctx, and one
// derived from it; another goroutine may wait.
func TestDeadlockIsToldFromInsideACallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChip("sw0")
		var table *Table
		var inside *Ticket
		done := make(chan error, 1)
		type private struct{}
		c.before = func(ctx context.Context, _ []switchdev.FDBOp) error {
			if inside != nil {
				return nil
			}
			inside = table.SubmitAdd(Entry{Key: key(2), Port: 1, Flags: Static})
			derived, cancel := context.WithTimeout(context.WithValue(ctx, private{}, 1), time.Second)
			defer cancel()
			for _, ctx := range []context.Context{ctx, derived} {
				if err := inside.Wait(ctx); !errors.Is(err, switchdev.ErrDeadlock) {
					t.Errorf("Wait = %v", err)
				}
			}
			if err := table.Add(derived, Entry{Key: key(3), Port: 1, Flags: Static}); !errors.Is(err, switchdev.ErrDeadlock) {
				t.Errorf("Add = %v", err)
			}
			go func() { done <- inside.Wait(context.Background()) }()
			return nil
		}
		table = newTable(t, withChips(Config{}, c))
		other := newTable(t, Config{})
		if err := table.Add(t.Context(), Entry{Key: key(1), Port: 1, Flags: Static}); err != nil {
			t.Errorf("Add = %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("Wait in another goroutine = %v", err)
		}
		synctest.Wait()
		if e, err := table.Get(t.Context(), key(3)); err != nil || e.Port != 1 {
			t.Errorf("the operation that was not waited for: %v, %v", e, err)
		}
		// The ctx of one table's callback says nothing about another table.
		ctx := table.callbackContext(t.Context())
		if err := other.Add(ctx, Entry{Key: key(1), Port: 1, Flags: Static}); err != nil {
			t.Errorf("Add on another table = %v", err)
		}
	})
}
