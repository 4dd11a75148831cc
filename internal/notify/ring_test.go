package notify_test

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/switchcore/switchcore/internal/notify"
)

func TestNewRefusesBadCapacity(t *testing.T) {
	for _, c := range []int{-1, 3, 1000, 1<<24 + 1, 1 << 25} {
		if _, err := notify.New(notify.Config[event]{Capacity: c}); err == nil {
			t.Errorf("capacity %d accepted", c)
		}
	}
	for _, c := range []int{0, 1, 2, 1024, 1 << 24} {
		if _, err := notify.New(notify.Config[event]{Capacity: c}); err != nil {
			t.Errorf("capacity %d: %v", c, err)
		}
	}
}

func TestZeroConfigHoldsDefaultCapacity(t *testing.T) {
	r := newRing(t, 0)
	s := subscribe(t, r, opts{})
	defer s.Close()
	for range notify.DefaultCapacity {
		r.Append(event{})
	}
	if e, ok, err := s.TryNext(); !ok || err != nil || e.seq != 1 {
		t.Fatal(e, ok, err)
	}
	late := subscribe(t, r, opts{})
	defer late.Close()
	for range notify.DefaultCapacity + 1 {
		r.Append(event{})
	}
	if _, _, err := late.TryNext(); !errors.Is(err, notify.ErrOverrun) {
		t.Fatal(err)
	}
}

// The wrapping package puts its own sentinels in.
func TestErrorsAreThoseOfTheConfig(t *testing.T) {
	closed := fs.ErrClosed
	overrun := errors.New("behind")
	r, err := notify.New(notify.Config[event]{Capacity: 2, Overrun: overrun, Closed: closed})
	if err != nil {
		t.Fatal(err)
	}
	s := subscribe(t, r, opts{})
	for range 3 {
		r.Append(event{})
	}
	_, _, err = s.TryNext()
	var lost *notify.OverrunError
	if !errors.Is(err, overrun) || !errors.As(err, &lost) || lost.From != 1 || lost.To != 3 {
		t.Fatalf("%#v", err)
	}
	if !strings.Contains(err.Error(), "behind: events 1 to 3") {
		t.Fatal(err)
	}
	if _, ok, err := s.TryNext(); ok || err != nil {
		t.Fatalf("after the one overrun: %v, %v", ok, err)
	}
	r.Close()
	r.Close()
	if _, err := s.Next(context.Background()); !errors.Is(err, closed) {
		t.Fatal(err)
	}
	s.Close()
	s.Close()
	if r.Holds() {
		t.Fatal("a ring without subscriptions holds records")
	}
}

func TestRingHoldsNothingWithoutSubscriptions(t *testing.T) {
	r := newRing(t, 8)
	r.Append(event{})
	if r.Holds() {
		t.Fatal("holds records nobody can read")
	}
	a, b := subscribe(t, r, opts{}), subscribe(t, r, opts{})
	if !r.Holds() || r.Append(event{}) != 2 {
		t.Fatal("does not hold records")
	}
	a.Close()
	if e, ok, _ := b.TryNext(); !ok || e.seq != 2 {
		t.Fatal(e, ok)
	}
	b.Close()
	if r.Holds() || r.Append(event{}) != 3 {
		t.Fatal("still holds records")
	}
	c := subscribe(t, r, opts{})
	defer c.Close()
	if _, ok, err := c.TryNext(); ok || err != nil {
		t.Fatal("reads what came before it")
	}
	r.Append(event{})
	if e, ok, _ := c.TryNext(); !ok || e.seq != 4 {
		t.Fatal(e, ok)
	}
}

// A record for a million events costs one slot, is walked only as far as it is read,
// and each subscriber has its own place in it.
func TestBulkIsWalkedLazilyByEach(t *testing.T) {
	const million = 1_000_000
	r := newRing(t, 2)
	a, b := subscribe(t, r, opts{}), subscribe(t, r, opts{Filter: even})
	defer a.Close()
	defer b.Close()
	walked := 0
	r.Append(event{key: -1})
	first := r.AppendBulk(million, func() walk {
		i := 0
		return func() (event, bool) {
			i++
			walked++
			return event{kind: del, key: i}, i <= million
		}
	})
	if first != 2 || walked != 0 || r.Last() != million+1 || r.Stats().Records != 2 {
		t.Fatalf("first %d, walked %d, %+v", first, walked, r.Stats())
	}
	for i := range 10 {
		if e, ok, err := a.TryNext(); !ok || err != nil || e.seq != uint64(i+1) {
			t.Fatal(e, ok, err)
		}
	}
	if walked != 9 {
		t.Fatalf("walked %d events to read 9", walked)
	}
	if e, _, _ := b.TryNext(); e.key != 2 || e.seq != 3 {
		t.Fatalf("the other starts at %+v", e)
	}
	// What a reader is walking cannot be overrun.
	for range 2 {
		r.Append(event{})
	}
	for want := uint64(11); want <= million+3; want++ {
		if e, ok, err := a.TryNext(); !ok || err != nil || e.seq != want {
			t.Fatal(e, ok, err)
		}
	}
}

func TestBulkOfNothingAppendsNothing(t *testing.T) {
	r := newRing(t, 2)
	if r.AppendBulk(0, nil) != 0 || r.Stats().Records != 0 {
		t.Fatal("appended")
	}
}

func TestBulkThatYieldsTooMuchPanicsInItsReader(t *testing.T) {
	r := newRing(t, 2)
	s := subscribe(t, r, opts{})
	defer s.Close()
	r.AppendBulk(1, notify.Slice(make([]event, 2)))
	if _, ok, _ := s.TryNext(); !ok {
		t.Fatal("nothing")
	}
	if !panics(func() { s.TryNext() }) {
		t.Fatal("number given twice")
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

// A panic in what the callers supply leaves no lock and no turn behind.
func TestPanicsLeaveNothingHeld(t *testing.T) {
	r := newRing(t, 8)
	boom := true
	bang := func() {
		if boom {
			panic("boom")
		}
	}
	s := subscribe(t, r, opts{Filter: func(*event) bool { bang(); return true }})
	defer s.Close()
	ready := s.Ready()
	if !panics(func() { r.Update(func(tx txn) { tx.Append(event{}); tx.Append(event{}); panic("boom") }) }) {
		t.Fatal("swallowed")
	}
	if len(ready) != 1 {
		t.Fatal("what was appended before the panic wakes nobody")
	}
	if !panics(func() { s.TryNext() }) {
		t.Fatal("swallowed")
	}
	if !panics(func() { r.Subscribe(opts{Replay: func() walk { bang(); return nil }}) }) {
		t.Fatal("swallowed")
	}
	boom = false
	if e, ok, err := s.TryNext(); !ok || err != nil || e.seq != 2 {
		t.Fatal(e, ok, err)
	}
	if r.Append(event{}) != 3 || r.Stats().Subscriptions != 1 {
		t.Fatal(r.Stats())
	}
}

// Replay, overrun, fresh replay: what a reader believes always is the table.
func TestOverrunIsFollowedByAFreshReplay(t *testing.T) {
	tb := newTable(t, 4)
	tb.set(1, 1)
	s := subscribe(t, tb.ring, opts{Replay: tb.replay, Synced: isSynced})
	defer s.Close()
	tb.set(2, 2)
	want(t, s, "{1 2 1 1}", "{1 3 0 0}", "{2 0 2 2}", "none")
	for i := range 5 {
		tb.set(3, i)
	}
	want(t, s, "overrun 3-7")
	tb.del(1)
	want(t, s, "{8 2 2 2}", "{8 2 3 4}", "{8 3 0 0}", "none")
}

// A snapshot that is out of date before its first event is read is not given.
func TestReplayOvertakenBeforeItBeginsIsMadeAgain(t *testing.T) {
	tb := newTable(t, 2)
	tb.set(1, 1)
	s := subscribe(t, tb.ring, opts{Replay: tb.replay, Synced: isSynced})
	defer s.Close()
	tb.flush(0, false)
	tb.set(2, 2)
	tb.set(2, 3)
	want(t, s, "overrun 2-4", "{4 2 2 3}", "{4 3 0 0}", "none")
}

// Subscribers that fell behind before the end still are told the truth.
func TestCloseOfRingIsAfterAllElse(t *testing.T) {
	tb := newTable(t, 2)
	s := subscribe(t, tb.ring, opts{Replay: tb.replay})
	defer s.Close()
	want(t, s, "none")
	for i := range 3 {
		tb.set(1, i)
	}
	tb.ring.Close()
	want(t, s, "overrun 1-3", "{3 2 1 2}", "closed", "closed")
}

func want(t *testing.T, s *sub, answers ...string) {
	t.Helper()
	for _, a := range answers {
		if got := answer(s.TryNext()); got != a {
			t.Fatalf("read %s, want %s", got, a)
		}
	}
}

func TestFilterMayCloseItsSubscription(t *testing.T) {
	r := newRing(t, 4)
	var s *sub
	s = subscribe(t, r, opts{Filter: func(e *event) bool {
		if e.seq == 2 {
			s.Close()
		}
		return true
	}})
	for range 3 {
		r.Append(event{})
	}
	want(t, s, "{1 0 0 0}", "{2 0 0 0}", "closed")
	if !s.Empty() {
		t.Fatal("holds on to its queue")
	}
}

// Filters and walks run without the lock: they may use the ring.
func TestFilterAndWalkRunWithoutTheLock(t *testing.T) {
	r := newRing(t, 8)
	s := subscribe(t, r, opts{
		Replay: func() walk {
			return func() (event, bool) { r.Append(event{key: 2}); return event{}, false }
		},
		Filter: func(e *event) bool {
			if e.key == 2 {
				r.Append(event{key: 3})
			}
			return true
		},
		Synced: func() event { r.Stats(); return event{} },
	})
	defer s.Close()
	want(t, s, "{0 0 0 0}", "{1 0 2 0}", "{2 0 3 0}", "none")
}

func TestAllGoesOnAfterAnOverrun(t *testing.T) {
	tb := newTable(t, 2)
	s := subscribe(t, tb.ring, opts{Replay: tb.replay})
	defer s.Close()
	for i := range 3 {
		tb.set(1, i)
	}
	tb.ring.Close()
	var got []string
	for e, err := range s.All(t.Context()) {
		got = append(got, answer(e, err == nil, err))
	}
	if strings.Join(got, " ") != "overrun 1-3 {3 2 1 2} closed" {
		t.Fatal(got)
	}
	s = subscribe(t, newRing(t, 2), opts{})
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range s.All(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	for range s.All(ctx) {
		break
	}
}

// Nothing can be appended between a snapshot and the place where live events begin:
// an append made from within Replay, by another goroutine, has to wait.
func TestReplayIsCapturedUnderTheLock(t *testing.T) {
	tb := newTable(t, 2)
	var appends sync.WaitGroup
	captures := 0
	replay := func() walk {
		captures++
		var done atomic.Bool
		appends.Go(func() { tb.set(9, captures); done.Store(true) })
		for range 1000 {
			if runtime.Gosched(); done.Load() {
				t.Error("appended while a replay was captured")
				break
			}
		}
		return tb.replay()
	}
	s := subscribe(t, tb.ring, opts{Replay: replay, Synced: isSynced})
	defer s.Close()
	appends.Wait()
	want(t, s, "{0 3 0 0}", "{1 0 9 1}", "none")
	for i := range 3 {
		tb.set(i, 0)
	}
	want(t, s, "overrun 2-4", "{4 2 0 0}", "{4 2 1 0}", "{4 2 2 0}", "{4 2 9 1}", "{4 3 0 0}")
	appends.Wait()
	want(t, s, "{5 0 9 2}", "none")
}

// The numbers that a bulk record left unused are not lost.
func TestUnusedNumbersAreNotLost(t *testing.T) {
	r := newRing(t, 2)
	s := subscribe(t, r, opts{})
	defer s.Close()
	r.AppendBulk(10, notify.Slice(make([]event, 2)))
	want(t, s, "{1 0 0 0}", "{2 0 0 0}", "none")
	r.Append(event{})
	r.AppendBulk(5, notify.Slice(make([]event, 2)))
	r.Append(event{})
	want(t, s, "overrun 11-17", "none")
}

// TestQuietTellsWhetherAnybodyListens: what is appended to a quiet ring is numbered
// all the same, also without a source, and nobody who comes later asks for it.
func TestQuietTellsWhetherAnybodyListens(t *testing.T) {
	r, err := notify.New(notify.Config[event]{})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Quiet() {
		t.Error("a new ring is not quiet")
	}
	if first := r.AppendBulk(5, nil); first != 1 || r.Last() != 5 {
		t.Errorf("a bulk of 5 is numbered from %d to %d, want 1 to 5", first, r.Last())
	}
	one, err := r.Subscribe(notify.Options[event]{})
	if err != nil {
		t.Fatal(err)
	}
	two, err := r.Subscribe(notify.Options[event]{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Quiet() {
		t.Error("quiet with two subscriptions")
	}
	r.Append(event{})
	if _, ok, err := one.TryNext(); !ok || err != nil {
		t.Errorf("TryNext = %v, %v", ok, err)
	}
	one.Close()
	if r.Quiet() {
		t.Error("quiet with one subscription left")
	}
	two.Close()
	if !r.Quiet() {
		t.Error("not quiet without subscriptions")
	}
}
