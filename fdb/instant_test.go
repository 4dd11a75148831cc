package fdb

import (
	"testing"
	"time"
)

// TestInstantIsATime: an instant is the time that it was made of, to the nanosecond,
// and never is nothing else, 1970 included.
func TestInstantIsATime(t *testing.T) {
	for _, want := range []time.Time{
		time.Unix(0, 0), time.Unix(0, 1), time.Unix(0, -1), time.Unix(1_800_000_000, 999_999_999),
		time.Date(1678, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2262, 1, 1, 0, 0, 0, 0, time.FixedZone("x", 3600)),
	} {
		i := InstantOf(want)
		if i.IsZero() || !i.Time().Equal(want) || !i.Equal(want) || i.Before(want) || i.After(want) {
			t.Errorf("%v became %v", want, i)
		}
		if later := want.Add(-time.Nanosecond); i.Sub(later) != 1 || !i.After(later) {
			t.Errorf("%v is %v after %v", i, i.Sub(later), later)
		}
		if i != InstantOf(want.UTC()) || i.String() != want.UTC().Format(time.RFC3339Nano) {
			t.Errorf("%v is written %v", want, i)
		}
	}
	var never Instant
	if InstantOf(time.Time{}) != never || !never.Time().IsZero() || !never.IsZero() || never.String() != "never" || !never.Before(time.Unix(0, 0)) {
		t.Errorf("never is %v, %v", never, never.Time())
	}
}

// TestInstantOfTicks: the clock's own arithmetic gives the same, also for a table that
// begins in 1970.
func TestInstantOfTicks(t *testing.T) {
	for _, start := range []time.Time{time.Unix(0, 0), time.Unix(1_700_000_000, 5)} {
		var c clock
		c.begin(start)
		for _, tick := range []uint64{0, 1, 2, 1000, 1 << 33} {
			if got, want := c.instant(tick), InstantOf(c.time(tick)); got != want {
				t.Errorf("tick %d after %v is %v, want %v", tick, start, got, want)
			}
		}
	}
}
