package notify_test

import (
	"errors"
	"testing"

	"github.com/switchcore/switchcore/internal/notify"
)

func TestCoalescingNeedsItsFunctions(t *testing.T) {
	r := newRing(t, 2)
	if _, err := notify.SubscribeKeyed(r, opts{}, byKey); err == nil {
		t.Fatal("accepted without a replay")
	}
	if _, err := notify.SubscribeKeyed(r, opts{Replay: func() walk { return nil }}, notify.Keyed[event, int]{}); err == nil {
		t.Fatal("accepted without functions")
	}
	r.Close()
	if _, err := notify.SubscribeKeyed(r, opts{Replay: func() walk { return nil }}, byKey); !errors.Is(err, notify.ErrClosed) {
		t.Fatal(err)
	}
}

func TestCoalescingGivesTheLastOfEachKeyInOrder(t *testing.T) {
	tb := newTable(t, 64)
	s, err := notify.SubscribeKeyed(tb.ring, opts{Replay: tb.replay, Synced: isSynced}, byKey)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want(t, s, "{0 3 0 0}", "none")
	tb.set(1, 1) // 1
	tb.set(2, 1) // 2
	tb.set(1, 2) // 3
	tb.set(3, 1) // 4
	tb.del(2)    // 5
	tb.set(1, 3) // 6
	want(t, s, "{4 0 3 1}", "{5 1 2 0}")
	tb.set(1, 4) // 7: the round is made, it is told of next time
	want(t, s, "{6 0 1 3}", "{7 0 1 4}", "none")
	tb.flush(0, true) // 8, 9
	tb.set(3, 9)      // 10
	want(t, s, "{8 1 1 0}", "{10 0 3 9}", "none")
}

func TestCoalescingIsToldWhatVanishedWhileItWasBehind(t *testing.T) {
	tb := newTable(t, 4)
	for k := range 4 {
		tb.set(k, 0)
	}
	s, err := notify.SubscribeKeyed(tb.ring, opts{Replay: tb.replay, Synced: isSynced}, byKey)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want(t, s, "{4 2 0 0}", "{4 2 1 0}", "{4 2 2 0}", "{4 2 3 0}", "{4 3 0 0}")
	tb.set(1, 1) // 5, given after 2 and 3
	want(t, s, "{5 0 1 1}", "none")
	tb.flush(0, false) // 6 to 9
	for i := range 8 {
		tb.set(0, i) // 10 to 17
	}
	want(t, s, "{17 2 0 7}", "{17 1 2 0}", "{17 1 3 0}", "{17 1 1 0}", "{17 3 0 0}", "none")
}

// A coalescing reader that is overrun while it makes a round drops the round: the
// replay is newer than all of it.
func TestCoalescingOverrunInTheMiddleOfARound(t *testing.T) {
	tb := newTable(t, 32)
	storm := false
	keyed := byKey
	keyed.Key = func(e *event) int {
		if storm {
			storm = false
			tb.flush(0, true)
			for i := range 40 {
				tb.set(1, i)
			}
		}
		return e.key
	}
	s, err := notify.SubscribeKeyed(tb.ring, opts{Replay: tb.replay, Synced: isSynced}, keyed)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tb.set(7, 0) // 1
	want(t, s, "{0 3 0 0}", "{1 0 7 0}", "none")
	for i := range 20 {
		tb.set(i, 0) // 2 to 21
	}
	storm = true // 22 to 41 flushed, 42 to 81 set
	want(t, s, "{81 2 1 39}", "{81 1 7 0}", "{81 3 0 0}", "none")
}

// A large round does not stay behind in the subscription.
func TestLargeRoundIsReleased(t *testing.T) {
	const many = 5000
	r := newRing(t, 2)
	s, err := notify.SubscribeKeyed(r, opts{Replay: func() walk { return nil }}, byKey)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	events := make([]event, many)
	for i := range events {
		events[i] = event{kind: set, key: i}
	}
	for round := range uint64(2) {
		r.AppendBulk(many, notify.Slice(events))
		for i := range uint64(many) {
			if e, ok, err := s.TryNext(); !ok || err != nil || e.seq != round*many+i+1 || e.key != int(i) {
				t.Fatal(e, ok, err)
			}
		}
		want(t, s, "none")
		if n := s.RoundCap(); n != 0 {
			t.Fatalf("keeps room for %d events", n)
		}
	}
}
