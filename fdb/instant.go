package fdb

import "time"

// Instant is a point in time as entries and events carry it: to the nanosecond,
// from the year 1678 to 2262, in a third of the room of a [time.Time] and without a
// pointer, so that a million entries can be read in the time that it takes to
// load them. The zero Instant is never. Instants can be compared with ==. Its methods
// may be called by any number of goroutines. Ours: Linux tells the age in ticks of
// its clock (struct nda_cacheinfo).
type Instant struct {
	since uint64 // nanoseconds since 1<<63 of them before 1970
}

// InstantOf returns t, or never if t is the zero time. Times out of range have no
// meaningful Instant.
func InstantOf(t time.Time) Instant {
	if t.IsZero() {
		return Instant{}
	}
	return Instant{uint64(t.UnixNano()) - 1<<63}
}

// Time returns the instant as a time, in UTC; the zero time for never.
func (i Instant) Time() time.Time {
	if i.since == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(i.since+1<<63)).UTC()
}

// IsZero reports whether i is never.
func (i Instant) IsZero() bool { return i.since == 0 }

// Equal reports whether i is t.
func (i Instant) Equal(t time.Time) bool { return i.Time().Equal(t) }

// Before reports whether i is earlier than t; never is earlier than any time.
func (i Instant) Before(t time.Time) bool { return i.Time().Before(t) }

// After reports whether i is later than t.
func (i Instant) After(t time.Time) bool { return i.Time().After(t) }

// Sub returns how long after t the instant is, as [time.Time.Sub] does; negative if it
// is earlier. What a station's age is: t.Sub(i.Time()), or -i.Sub(t).
func (i Instant) Sub(t time.Time) time.Duration { return i.Time().Sub(t) }

// String returns the time in the format of [time.RFC3339Nano], "never" for never.
func (i Instant) String() string {
	if i.since == 0 {
		return "never"
	}
	return i.Time().Format(time.RFC3339Nano)
}

// instant returns when a tick began; never for tick 0.
func (c *clock) instant(tick uint64) Instant {
	if tick == 0 {
		return Instant{}
	}
	return Instant{c.base + (tick-1)*uint64(tickLength)}
}
