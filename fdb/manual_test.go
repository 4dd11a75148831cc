package fdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchcore/switchcore/switchdev"
)

// bench is a Manual table with a clock of its own and a follower that has read
// every event.
type bench struct {
	*Table
	t   testing.TB
	now time.Time
	sub *Subscription
}

func newBench(t testing.TB, cfg Config) *bench {
	t.Helper()
	b := &bench{t: t, now: time.Unix(1_000_000, 0)}
	cfg.Manual, cfg.Start = true, b.now
	var err error
	if b.Table, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	if b.sub, err = b.Subscribe(SubscribeOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.stations.Check(); err != nil {
			t.Error(err)
		}
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return b
}

// pass lets time go by and does what is due at its end.
func (b *bench) pass(d time.Duration) time.Time {
	b.now = b.now.Add(d)
	return b.Poll(b.now)
}

// through lets time go by and does what is due when it is due.
func (b *bench) through(d time.Duration) {
	end := b.now.Add(d)
	for next := b.Poll(b.now); !next.IsZero() && next.Before(end); next = b.Poll(b.now) {
		if !next.After(b.now) {
			b.t.Fatalf("Poll(%v) is due again at %v", b.now, next)
		}
		b.now = next
	}
	b.now = end
	b.Poll(b.now)
}

// do polls until an operation has ended.
func (b *bench) do(k *Ticket) error {
	b.Poll(b.now)
	select {
	case <-k.Done():
	default:
		b.t.Fatal("the operation has not ended")
	}
	return k.Err()
}

func (b *bench) must(k *Ticket) {
	b.t.Helper()
	if err := b.do(k); err != nil {
		b.t.Fatal(err)
	}
}

// events returns what has been told since the last call.
func (b *bench) events() (events []Event) {
	b.t.Helper()
	for {
		e, ok, err := b.sub.TryNext()
		if err != nil {
			b.t.Fatal(err)
		}
		if !ok {
			return events
		}
		events = append(events, e)
	}
}

func kinds(events []Event) string {
	var s []string
	for _, e := range events {
		s = append(s, e.Kind.String())
	}
	return strings.Join(s, " ")
}

// state is all that a user can see of a table, times and counters included.
func (b *bench) state() string {
	var lines []string
	for e := range b.All() {
		lines = append(lines, fmt.Sprintf("%v %s %v %d %v %v %v", e.Key, describe(e), e.Offload, e.Seq, e.Updated, e.Used, e.Stale))
	}
	slices.Sort(lines)
	s := b.Stats()
	s.Refused = 0 // that something was refused may be counted
	return fmt.Sprintf("%s\n%+v", strings.Join(lines, "\n"), s)
}

// describe is an entry in short: port, flags, owner.
func describe(e Entry) string { return fmt.Sprintf("%d %v %v", e.Port, e.Flags, e.Owner) }

// get describes the entry of k, "none" if there is none.
func (b *bench) get(k Key) string {
	e, err := b.Get(context.Background(), k)
	if errors.Is(err, switchdev.ErrNotExist) {
		return "none"
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return describe(e)
}
