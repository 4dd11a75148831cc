package fdb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// follower keeps a copy of a table by its events alone, and finds fault with
// events that do not fit.
type follower struct {
	seq    uint64
	synced bool
	table  map[Key]Entry
}

func newFollower() *follower { return &follower{table: make(map[Key]Entry)} }

func (f *follower) apply(e Event) error {
	if e.Kind == Synced {
		f.synced = true
		return nil
	}
	k := e.Entry.Key
	old, had := f.table[k]
	wrong := ""
	switch {
	case e.Kind != Existing && e.Seq <= f.seq:
		wrong = fmt.Sprintf("after number %d", f.seq)
	case e.Kind == Existing && (had || f.synced):
		wrong = "told twice"
	case e.Kind != Existing && e.Kind == Added && had:
		wrong = "added twice"
	case e.Kind != Existing && e.Kind != Added && !had:
		wrong = "never added"
	case e.Kind != Existing && e.Kind != Added && e.Kind != OffloadChanged && (e.Old.Port != old.Port || e.Old.Flags != old.Flags):
		wrong = fmt.Sprintf("over %+v", old)
	}
	if wrong != "" {
		return fmt.Errorf("event %v %d of %+v: %s", e.Kind, e.Seq, e.Entry, wrong)
	}
	if e.Kind != Existing {
		f.seq = e.Seq
	}
	f.table[k] = e.Entry
	if e.Kind.Removes() {
		delete(f.table, k)
	}
	return nil
}

// differs compares the copy with a snapshot.
func (f *follower) differs(s *Snapshot) error {
	n := 0
	for e := range s.All() {
		n++
		if got, ok := f.table[e.Key]; !ok || got.Port != e.Port || got.Flags != e.Flags || got.Offload != e.Offload {
			return fmt.Errorf("the snapshot has %+v, the follower %+v %v", e, got, ok)
		}
	}
	if n != len(f.table) {
		return fmt.Errorf("the snapshot has %d entries, the follower %d", n, len(f.table))
	}
	return nil
}

// TestEventsUnderConcurrentChanges: followers that come at any time miss
// nothing and hear nothing twice, and end up with the table (I10).
func TestEventsUnderConcurrentChanges(t *testing.T) {
	table, err := New(withChips(Config{Events: 1 << 16, Hardware: Hardware{Retry: time.Millisecond}}, moody("sw0", 3)))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	each := 3000
	if raceEnabled {
		each = 600
	}
	seed := rand.Uint64()
	var writers, readers sync.WaitGroup
	for g := range 3 {
		writers.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(g)))
			for range each {
				k, p := stationKey(rng.IntN(50)), switchdev.PortID(1+rng.IntN(3))
				switch n := rng.IntN(100); {
				case n < 60:
					table.Learn(k, p)
				case n < 70:
					_ = table.Replace(ctx, Entry{Key: k, Port: p, Flags: Static})
				case n < 75:
					_ = table.Add(ctx, Entry{Key: k, Port: p})
				case n < 95:
					_ = table.Delete(ctx, k, p)
				default:
					table.SubmitFlush(OnPort(p))
				}
			}
		})
	}
	followers := make([]*follower, 6)
	for i := range followers {
		readers.Go(func() {
			for range i * 20 { // not all at once
				table.Stats()
			}
			sub, err := table.Subscribe(SubscribeOptions{Replay: true})
			if err != nil {
				t.Error(err)
				return
			}
			f := newFollower()
			followers[i] = f
			for e, err := range sub.All(ctx) {
				if errors.Is(err, switchdev.ErrClosed) {
					return
				}
				if err == nil {
					err = f.apply(e)
				}
				if err != nil {
					t.Errorf("seed %d, follower %d: %v", seed, i, err)
					return
				}
			}
		})
	}
	writers.Wait()
	if err := table.Close(); err != nil {
		t.Error(err)
	}
	readers.Wait()
	snap := table.Snapshot()
	for i, f := range followers {
		if t.Failed() {
			break
		}
		if err := f.differs(snap); err != nil {
			t.Errorf("seed %d, follower %d: %v", seed, i, err)
		}
		if f.seq != snap.Seq() {
			t.Errorf("follower %d stands at %d, the table at %d", i, f.seq, snap.Seq())
		}
	}
	<-table.slot
	defer table.unlock()
	if err := table.stations.Check(); err != nil {
		t.Error(err)
	}
}

// TestBulkFlushIsTold: what many learns and a flush change at once is one event for
// each entry, also where that is more than the ring has room for.
func TestBulkFlushIsTold(t *testing.T) {
	b := newBench(t, Config{Events: 64, Learning: Learning{Pending: -1}})
	const n = 5000
	f := newFollower()
	sub, err := b.Subscribe(SubscribeOptions{Replay: true})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	read := func() (heard, overruns int) {
		for {
			e, ok, err := sub.TryNext()
			switch {
			case errors.Is(err, switchdev.ErrOverrun):
				overruns++
				f = newFollower()
				continue
			case err != nil:
				t.Fatal(err)
			case !ok:
				return heard, overruns
			}
			heard++
			if err := f.apply(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range n {
		b.Learn(stationKey(i), 1)
	}
	b.Poll(b.now)
	if _, overruns := read(); overruns != 0 {
		t.Errorf("%d overruns, although what is applied at once is one record", overruns)
	}
	if len(f.table) != n {
		t.Fatalf("%d of %d", len(f.table), n)
	}
	b.must(b.SubmitFlush(Filter{}))
	heard, overruns := read()
	if heard != n || overruns != 0 || len(f.table) != 0 {
		t.Errorf("%d events and %d overruns for a flush of %d, %d left", heard, overruns, n, len(f.table))
	}
	if f.seq != b.Snapshot().Seq() {
		t.Errorf("the follower stands at %d, the table at %d", f.seq, b.Snapshot().Seq())
	}
}

// TestSlowSubscriberResyncs: one gap marker, then the table as it is (108); the
// others are not delayed.
func TestSlowSubscriberResyncs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := newTable(t, Config{Events: 16})
		ctx := t.Context()
		slow, err := table.Subscribe(SubscribeOptions{Replay: true})
		if err != nil {
			t.Fatal(err)
		}
		defer slow.Close()
		blind, err := table.Subscribe(SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer blind.Close()
		f := newFollower()
		next := func() error {
			e, err := slow.Next(ctx)
			if err == nil {
				err = f.apply(e)
			}
			return err
		}
		if err := next(); err != nil || !f.synced {
			t.Fatal("no replay of nothing")
		}
		for round := range 3 {
			for i := range 100 {
				table.Learn(stationKey(i), switchdev.PortID(1+round))
				if i%7 == 0 {
					if err := table.Delete(ctx, stationKey(i), switchdev.PortID(1+round)); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
			}
			if err := next(); !errors.Is(err, switchdev.ErrOverrun) {
				t.Fatalf("%v, want an overrun", err)
			}
			f = newFollower()
			for !f.synced {
				if err := next(); err != nil {
					t.Fatal(err)
				}
			}
			if err := f.differs(table.Snapshot()); err != nil {
				t.Error(err)
			}
		}
		table.Learn(stationKey(1000), 1)
		if err := next(); err != nil || f.table[stationKey(1000)].Port != 1 {
			t.Errorf("after the resync: %v", err)
		}
		// Without a replay the reader is told once and goes on from the present.
		if _, err := blind.Next(ctx); !errors.Is(err, switchdev.ErrOverrun) {
			t.Errorf("%v, want an overrun", err)
		}
		table.Learn(stationKey(1001), 1)
		synctest.Wait()
		for {
			e, err := blind.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if e.Entry.Key == stationKey(1001) {
				break
			}
		}
	})
}

// TestSubscriptionFilter: only what was asked for, and Synced.
func TestSubscriptionFilter(t *testing.T) {
	b := newBench(t, Config{})
	b.Learn(key(1), 1)
	b.Learn(key(2), 2)
	b.Poll(b.now)
	sub, err := b.Subscribe(SubscribeOptions{Replay: true, Filter: func(e *Event) bool { return e.Entry.Port == 2 }})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	b.Learn(key(3), 1)
	b.Learn(key(4), 2)
	b.Learn(key(2), 1) // leaves the port
	b.Poll(b.now)
	b.must(b.SubmitFlush(Filter{}))
	got := ""
	for {
		e, ok, err := sub.TryNext()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		got += fmt.Sprintf("%v %d, ", e.Kind, e.Entry.MAC[5])
	}
	if want := "existing 2, synced 0, added 4, flushed 4, "; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestCloseDrains: what was told before Close is read after it; then ErrClosed.
func TestCloseDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		sub, err := table.Subscribe(SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		ended, err := table.Subscribe(SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		waiting := make(chan error, 1)
		go func() {
			_, err := ended.Next(context.Background())
			waiting <- err
		}()
		synctest.Wait()
		if err := ended.Close(); err != nil {
			t.Error(err)
		}
		if err := <-waiting; !errors.Is(err, switchdev.ErrClosed) {
			t.Errorf("Next of a closed subscription: %v", err)
		}
		for i := range 10 {
			table.Learn(stationKey(i), 1)
		}
		synctest.Wait()
		if err := table.Close(); err != nil {
			t.Error(err)
		}
		n := 0
		for _, err := range sub.All(context.Background()) {
			if errors.Is(err, switchdev.ErrClosed) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != 10 {
			t.Errorf("%d events, want 10", n)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := sub.Next(ctx); !errors.Is(err, switchdev.ErrClosed) {
			t.Errorf("Next = %v", err)
		}
	})
}

// TestOffloadIsTold: the state follows what the device holds, and every change
// of it is an event (rule 24, case 94, 96).
func TestOffloadIsTold(t *testing.T) {
	b, _, land := flight(t, nothing, func(b *bench) *Ticket {
		return b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
	})
	land()
	b.Learn(key(1), 2)
	b.Poll(b.now)
	land()
	if got := kinds(b.events()); got != "added offload moved offload" {
		t.Errorf("events %q", got)
	}
	if e, err := b.Get(t.Context(), key(1)); err != nil || e.Offload != Offloaded {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestPollIsNeverLate: whatever is due happens when it is due, if Poll is called
// only when it said, and when Wake says that something came closer.
func TestPollIsNeverLate(t *testing.T) {
	c := newQueued("sw0")
	b := newBench(t, Config{
		Ageing:   10 * time.Second,
		Learning: Learning{Delay: 300 * time.Millisecond},
		Hardware: Hardware{Timeout: 2 * time.Second, Retry: time.Second, Devices: []Device{{Driver: c}}},
	})
	start := b.now
	next := b.Poll(b.now)
	woken := func() bool {
		select {
		case <-b.Wake():
			return true
		default:
			return false
		}
	}
	woken()
	// sleep goes to the time that Poll named, unless Wake says otherwise.
	sleep := func(until func() bool) time.Duration {
		for range 1000 {
			if woken() {
				next = b.Poll(b.now)
			}
			if until() {
				return b.now.Sub(start)
			}
			if next.IsZero() {
				t.Fatal("nothing will ever happen")
			}
			b.now = next
			next = b.Poll(b.now)
		}
		t.Fatal("it never happens")
		return 0
	}
	expect := func(what string, want time.Duration, until func() bool) {
		t.Helper()
		if got := sleep(until); got != want {
			t.Errorf("%s after %v, want %v", what, got, want)
		}
	}
	b.Learn(key(1), 1)
	if !woken() {
		t.Fatal("Learn of a new station does not wake")
	}
	next = b.Poll(b.now)
	expect("applied", 300*time.Millisecond, func() bool { return b.Len() == 1 })
	if len(c.queue) != 1 {
		t.Fatalf("%d batches out", len(c.queue))
	}
	c.answer = func(switchdev.FDBOp) error { return switchdev.ErrNoSpace }
	c.complete()
	if !woken() {
		t.Error("a completion does not wake")
	}
	next = b.Poll(b.now)
	expect("offered again", 1300*time.Millisecond, func() bool { return len(c.queue) == 1 })
	k := b.SubmitAdd(Entry{Key: key(2), Port: 1, Flags: Static})
	if !woken() {
		t.Error("Submit does not wake")
	}
	next = b.Poll(b.now)
	ended := func() bool { return k.Err() != nil }
	expect("deadline", 3300*time.Millisecond, ended)
	flush := b.SubmitFlush(OnPort(1))
	if !woken() {
		t.Error("a flush does not wake")
	}
	next = b.Poll(b.now)
	expect("flush's deadline", 5300*time.Millisecond, func() bool { return flush.Err() != nil })
	c.answer = nil
	c.complete()
	if !woken() {
		t.Error("a completion does not wake")
	}
	next = b.Poll(b.now)
	for c.complete() {
		next = b.Poll(b.now)
	}
	woken()
	b.Learn(key(3), 1)
	expect("aged", 5300*time.Millisecond+10*time.Second+tickLength, func() bool { return b.Stats().Aged == 1 })
	for c.complete() {
		b.Poll(b.now)
	}
	woken()
	// Reading does not wake.
	b.Lookup(key(1))
	b.Stats()
	b.Snapshot()
	if woken() {
		t.Error("reading wakes")
	}
}

// TestPollOfAnOrdinaryTable does nothing.
func TestPollOfAnOrdinaryTable(t *testing.T) {
	table, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	if next := table.Poll(time.Now().Add(time.Hour)); !next.IsZero() {
		t.Errorf("Poll = %v", next)
	}
	if err := table.Close(); err != nil {
		t.Error(err)
	}
}

// TestSnapshotStays: a snapshot is the table at one instant, whatever follows.
func TestSnapshotStays(t *testing.T) {
	b := newBench(t, Config{Learning: Learning{Pending: -1}})
	want := make(map[Key]switchdev.PortID)
	for i := range 3000 {
		b.Learn(stationKey(i), switchdev.PortID(1+i%5))
		want[stationKey(i)] = switchdev.PortID(1 + i%5)
	}
	b.Poll(b.now)
	snap := b.Snapshot()
	for i := range 3000 {
		b.Learn(stationKey(i), 9)
	}
	b.Poll(b.now)
	b.must(b.SubmitFlush(OnPort(9)))
	got := make(map[Key]switchdev.PortID)
	for e := range snap.All() {
		got[e.Key] = e.Port
	}
	if !maps.Equal(got, want) || snap.Len() != 3000 || b.Len() != 0 {
		t.Errorf("%d entries of %d, Len %d; the table has %d", len(got), len(want), snap.Len(), b.Len())
	}
	if e, ok := snap.Lookup(stationKey(7)); !ok || e.Port != 3 {
		t.Errorf("Lookup = %+v %v", e, ok)
	}
	if _, ok := snap.Lookup(stationKey(5000)); ok {
		t.Error("found what was never there")
	}
	if snap.Seq() >= b.Snapshot().Seq() {
		t.Error("numbers do not grow")
	}
}
