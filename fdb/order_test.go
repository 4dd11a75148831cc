package fdb

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// slowTable is a table with one device that takes a second for a call.
func slowTable(t *testing.T) (*Table, *chip) {
	c := newChip("sw0")
	c.before = func(context.Context, []switchdev.FDBOp) error { time.Sleep(time.Second); return nil }
	return newTable(t, withChips(Config{}, c)), c
}

// TestOperationsOnOneKeyKeepTheirOrder (rules 4 and 5): each is decided against
// what the one before it left (cases 25, 38, 105).
func TestOperationsOnOneKeyKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, c := slowTable(t)
		k, other := key(1), key(2)
		type step struct {
			ticket *Ticket
			want   error
		}
		static := func(p switchdev.PortID) Entry { return Entry{Key: k, Port: p, Flags: Static} }
		steps := []step{
			{table.SubmitAdd(static(1)), nil},
			{table.SubmitAdd(static(2)), switchdev.ErrExist},
			{table.SubmitDelete(k, 2), switchdev.ErrNotExist},
			{table.SubmitReplace(static(2)), nil},
			{table.SubmitDelete(k, 1), switchdev.ErrNotExist},
			{table.SubmitDelete(k, 2), nil},
			{table.SubmitDelete(k, 2), switchdev.ErrNotExist},
			{table.SubmitAdd(static(3)), nil},
			{table.SubmitAdd(static(3)), switchdev.ErrExist},
		}
		elsewhere := table.SubmitAdd(Entry{Key: other, Port: 1, Flags: Static})
		for i, s := range steps {
			if err := s.ticket.Wait(t.Context()); !errors.Is(err, s.want) || s.want == nil && err != nil {
				t.Errorf("step %d: %v, want %v", i, err, s.want)
			}
			if i == 5 { // three calls later
				select {
				case <-elsewhere.Done():
				default:
					t.Error("another key waited for this one")
				}
			}
		}
		if r, ok := c.row(k); !ok || r.Port != 3 {
			t.Errorf("device has %v, %v", r, ok)
		}
		if hit, ok := table.Lookup(k); !ok || hit.Port != 3 {
			t.Errorf("Lookup = %v, %v", hit, ok)
		}
	})
}

// TestCtxWithdrawsOnlyWhatIsNotStaged: a ctx that ends while the operation
// queues changes nothing; afterwards the outcome is the true one.
func TestCtxWithdrawsOnlyWhatIsNotStaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, c := slowTable(t)
		k := key(1)
		start := time.Now()
		soon, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		first := table.SubmitAdd(Entry{Key: k, Port: 1, Flags: Static})
		synctest.Wait()
		queued := table.SubmitReplace(Entry{Key: k, Port: 2, Flags: Static})
		taken := table.SubmitReplace(Entry{Key: k, Port: 3, Flags: Static})
		if err := queued.Wait(soon); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("queued: %v", err)
		}
		if d := time.Since(start); d != 100*time.Millisecond {
			t.Errorf("withdrawn after %v", d)
		}
		if queued.Withdraw() {
			t.Error("withdrawn twice")
		}
		if !taken.Withdraw() || !errors.Is(taken.Err(), context.Canceled) {
			t.Errorf("Withdraw: %v", taken.Err())
		}
		if first.Withdraw() {
			t.Error("withdrawn after staging")
		}
		if err := first.Wait(soon); err != nil { // its ctx is over, its outcome is true
			t.Errorf("staged: %v", err)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("staged operation ended after %v", d)
		}
		time.Sleep(10 * time.Second)
		if e, err := table.Get(t.Context(), k); err != nil || e.Port != 1 {
			t.Errorf("Get = %v, %v", e, err)
		}
		sameRows(t, table, c, everyPort)
		if calls, _ := c.counts(); calls != 1 {
			t.Errorf("%d calls", calls)
		}
		// A nil outcome of a ctx that was over from the start would be a lie, too.
		if err := table.Add(soon, Entry{Key: key(2), Port: 1, Flags: Static}); err != nil {
			if _, ok := table.Lookup(key(2)); ok || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Add = %v, and the entry is there: %v", err, ok)
			}
		} else if _, ok := table.Lookup(key(2)); !ok {
			t.Error("Add = nil, and there is no entry")
		}
	})
}

// flight is a Manual table with one operation in flight on key(1): submitted,
// staged, handed to a device that answers when told to.
func flight(t *testing.T, before func(*bench), submit func(*bench) *Ticket) (*bench, *Ticket, func()) {
	c := newQueued("sw0")
	b := newBench(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c}}}})
	before(b)
	b.Poll(b.now)
	for c.complete() {
		b.Poll(b.now)
	}
	b.events()
	k := submit(b)
	b.Poll(b.now)
	select {
	case <-k.Done():
		t.Fatalf("not in flight: %v", k.Err())
	default:
	}
	return b, k, func() {
		for c.complete() {
			b.Poll(b.now)
		}
		if err := k.Err(); err != nil {
			t.Errorf("outcome: %v", err)
		}
		select {
		case <-k.Done():
		default:
			t.Error("the operation has not ended")
		}
	}
}

func (b *bench) at(k Key) switchdev.PortID {
	hit, ok := b.Lookup(k)
	if !ok {
		return 0
	}
	return hit.Port
}

func (b *bench) wantAt(when string, k Key, p switchdev.PortID) {
	b.t.Helper()
	if got := b.at(k); got != p {
		b.t.Errorf("%s: Lookup says port %d, want %d", when, got, p)
	}
}

func nothing(*bench) {}

// TestCornersOfTheOrder are the shortest interleavings that break a naive
// pipeline; ports are 1, 2, 3, and 0 means absent.
func TestCornersOfTheOrder(t *testing.T) {
	k := key(1)
	replace := func(p switchdev.PortID) func(*bench) *Ticket {
		return func(b *bench) *Ticket { return b.SubmitReplace(Entry{Key: k, Port: p, Flags: Static}) }
	}
	learned := func(b *bench) { b.Learn(k, 1); b.Poll(b.now) }

	t.Run("rule 1: the number is drawn at staging, not at submission", func(t *testing.T) {
		b, _, land := flight(t, nothing, replace(1))
		second := replace(2)(b)
		flush := b.SubmitFlush(Filter{})
		land()
		b.wantAt("after the second", k, 2)
		if second.Err() != nil || flush.Err() != nil || flush.Count() != 1 {
			t.Errorf("second %v, flush %v %d", second.Err(), flush.Err(), flush.Count())
		}
	})
	t.Run("rule 2: in flight is invisible", func(t *testing.T) {
		b, _, land := flight(t, learned, replace(2))
		b.wantAt("in flight", k, 1)
		land()
		b.wantAt("afterwards", k, 2)
	})
	t.Run("rule 5: a pending station exists", func(t *testing.T) {
		b := newBench(t, Config{})
		b.Learn(k, 1)
		if err := b.do(b.SubmitAdd(Entry{Key: k, Port: 2, Flags: Static})); !errors.Is(err, switchdev.ErrExist) {
			t.Errorf("Add = %v", err)
		}
	})
	t.Run("rule 5: a pending move counts for delete", func(t *testing.T) {
		b := newBench(t, Config{})
		learned(b)
		b.Learn(k, 2)
		del := b.SubmitDelete(k, 2)
		b.must(del)
		b.wantAt("deleted", k, 0) // nor resurrected by the older learn (107)
		b.pass(time.Second)
		b.wantAt("later", k, 0)
	})
	t.Run("rule 5: a pending flush counts", func(t *testing.T) {
		b := newBench(t, Config{})
		learned(b)
		b.SubmitFlush(Filter{})
		if err := b.do(b.SubmitDelete(k, 1)); !errors.Is(err, switchdev.ErrNotExist) {
			t.Errorf("Delete = %v", err)
		}
	})
	t.Run("rule 6: a flush is not undone by an older operation", func(t *testing.T) {
		b, _, land := flight(t, learned, replace(2))
		flush := b.SubmitFlush(Filter{})
		b.wantAt("flushed", k, 0)
		b.Poll(b.now)
		b.wantAt("applied", k, 0)
		land()
		b.wantAt("after the operation", k, 0)
		if flush.Err() != nil || flush.Count() == 0 {
			t.Errorf("flush: %d, %v", flush.Count(), flush.Err())
		}
	})
	t.Run("rule 6: finish drops no learn", func(t *testing.T) {
		b, _, land := flight(t, learned, replace(1))
		if got := b.Learn(k, 3); got != Moved {
			t.Errorf("Learn = %v", got)
		}
		b.wantAt("learned in flight", k, 3)
		b.Poll(b.now)
		b.wantAt("applied in flight", k, 3)
		land()
		b.wantAt("afterwards", k, 3)
	})
	t.Run("rule 7: no shortcut on a marked key", func(t *testing.T) {
		b, _, land := flight(t, learned, func(b *bench) *Ticket { return b.SubmitDelete(k, 1) })
		if got := b.Learn(k, 1); !got.Accepted() {
			t.Errorf("Learn = %v", got)
		}
		land()
		b.wantAt("accepted after the delete was staged", k, 1)
	})
	t.Run("rule 9: a flush and a later learn", func(t *testing.T) {
		b := newBench(t, Config{})
		learned(b)
		b.SubmitFlush(OnPort(1))
		b.Learn(k, 2)
		b.wantAt("pending", k, 2)
		b.Poll(b.now)
		b.wantAt("applied", k, 2)
	})
	t.Run("rule 9: a flush of the port of a pending move", func(t *testing.T) {
		b := newBench(t, Config{})
		learned(b)
		b.Learn(k, 2)
		b.SubmitFlush(OnPort(2))
		b.wantAt("pending", k, 0) // rule 10: the older port must not come to light
		b.Poll(b.now)
		b.wantAt("applied", k, 0)
	})
	t.Run("rule 9: a flush of the port that a pending move left", func(t *testing.T) {
		b := newBench(t, Config{})
		learned(b)
		b.Learn(k, 2)
		b.SubmitFlush(OnPort(1))
		b.wantAt("pending", k, 2)
		b.Poll(b.now)
		b.wantAt("applied", k, 2)
	})
	t.Run("rule 10: a pending learn does not hide a static entry from the fold", func(t *testing.T) {
		b := newBench(t, Config{})
		b.must(replace(1)(b))
		b.Learn(k, 2)            // moves, and stays static
		b.SubmitFlush(OnPort(2)) // spares static entries
		b.wantAt("pending", k, 2)
		b.Poll(b.now)
		b.wantAt("applied", k, 2)
	})
	t.Run("rule 10: in flight, a learn and a flush", func(t *testing.T) {
		b, _, land := flight(t, nothing, replace(1))
		b.Learn(k, 2)
		b.SubmitFlush(OnPort(2))
		b.wantAt("in flight", k, 0)
		b.Poll(b.now)
		b.wantAt("applied", k, 0)
		land()
		b.wantAt("afterwards the learn moved a static entry, which the flush spares", k, 2)
	})
	t.Run("rule 11: a covered add is told and taken back", func(t *testing.T) {
		b, _, land := flight(t, nothing, replace(1))
		b.SubmitFlush(Filter{})
		b.Learn(k, 3)
		land()
		b.wantAt("learned after the flush", k, 3)
		var got []EventKind
		for _, e := range b.events() {
			if e.Kind != OffloadChanged {
				got = append(got, e.Kind)
			}
		}
		if len(got) != 3 || got[0] != Added || got[1] != Flushed || got[2] != Added {
			t.Errorf("events %v, want added flushed added", got)
		}
	})
	t.Run("rule 13: a learned entry's offload does not make its key busy", func(t *testing.T) {
		c := newQueued("sw0")
		b := newBench(t, Config{Hardware: Hardware{Devices: []Device{{Driver: c}}}})
		learned(b) // its offload is out
		if len(c.queue) != 1 {
			t.Fatalf("%d calls out", len(c.queue))
		}
		b.Learn(k, 2)
		b.Poll(b.now)
		if e, ok := b.Snapshot().Lookup(k); !ok || e.Port != 2 {
			t.Errorf("the move was not published: %v %v", e, ok)
		}
		del := b.SubmitDelete(k, 2)
		b.Poll(b.now)
		if !c.complete() {
			t.Fatal("nothing out")
		}
		b.Poll(b.now)
		for c.complete() {
			b.Poll(b.now)
		}
		if err := del.Err(); err != nil {
			t.Errorf("Delete = %v", err)
		}
		if _, ok := c.row(k); ok {
			t.Error("the row is left")
		}
	})
	t.Run("rule 20: the number of an event's operation", func(t *testing.T) {
		b, _, land := flight(t, nothing, replace(1))
		b.Learn(key(2), 1)
		b.Poll(b.now)
		land()
		var ops, seqs []uint64
		for _, e := range b.events() {
			if e.Kind == Added {
				ops, seqs = append(ops, e.Op), append(seqs, e.Seq)
			}
		}
		if len(ops) != 2 || ops[0] <= ops[1] || seqs[0] >= seqs[1] {
			t.Errorf("operations %v in events %v: the later number finished first, and its event is the first", ops, seqs)
		}
	})
}

// TestFlushIsNotForgottenWhileItIsSubmitted: the worker may carry a flush out as
// soon as it was accepted, which is before its job is in the inbox.
func TestFlushIsNotForgottenWhileItIsSubmitted(t *testing.T) {
	// An operation in flight holds up somebody else's flush, so the worker has
	// a job to run; both end while the new flush is being submitted.
	b, _, land := flight(t, func(b *bench) { b.Learn(key(2), 1) }, func(b *bench) *Ticket {
		return b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
	})
	b.SubmitFlush(OnPort(9))
	b.Poll(b.now)
	j := &job{ticket: b.newTicket(), name: "fdb.flush", run: b.flushChunk}
	polled := make(chan struct{})
	b.inbox.putJob(j, func() {
		j.ticket.stage()
		j.seq = b.stations.AcceptFlush(Filter{}.overlay())
		b.devs[0].Driver.(*queued).complete()
		go func() {
			defer close(polled)
			b.Poll(b.now)
		}()
		for range 10_000 { // until Poll is through, or waits for the inbox
			runtime.Gosched()
		}
	})
	<-polled
	b.Poll(b.now)
	land()
	b.Poll(b.now)
	select {
	case <-j.ticket.Done():
	default:
		t.Fatal("the flush never ends")
	}
	if n := j.ticket.Count(); n != 2 {
		t.Errorf("Count = %d, want 2", n)
	}
}

// TestOperationsOnSeveralKeysKeepTheirOrder: what no device keeps up is done, and told,
// in the order in which it was submitted, as a kernel does that replaces an entry.
func TestOperationsOnSeveralKeysKeepTheirOrder(t *testing.T) {
	b := newBench(t, Config{})
	b.SubmitAdd(Entry{Key: key(1), Port: 1, Flags: Static})
	b.SubmitAdd(Entry{Key: key(2), Port: 1, Flags: Static})
	b.pass(0)
	for _, k := range []Key{key(1), key(2)} {
		b.SubmitDelete(k, 1)
		b.SubmitReplace(Entry{Key: k, Port: 2, Flags: Permanent})
	}
	b.pass(0)
	var got []string
	for {
		e, ok, err := b.sub.TryNext()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		if e.Kind != Synced {
			got = append(got, e.Kind.String()+" "+e.Entry.MAC.String())
		}
	}
	one, two := key(1).MAC.String(), key(2).MAC.String()
	want := []string{"added " + one, "added " + two, "deleted " + one, "added " + one, "deleted " + two, "added " + two}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
